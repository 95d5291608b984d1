/* SPDX-License-Identifier: MIT */
#include "fs/state.h"

#include "base/mem.h"
#include "fs/inode.h"
#include "vm/hold.h"
#include "vm/record.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/*
 * Two passes. While the machine stands still: the snapshot is filled, and what
 * is not a function of it is read (knobs, tasks, the frame record). Then it
 * goes on, and the views are rendered from the snapshot.
 */

#define PATH_MAX_STATE 1024
#define SLAB_DIR "sys/kernel/slab"

static struct state_member *member_add(struct state *s, const char *path)
{
	if (s->nr == s->cap) {
		unsigned cap = s->cap ? s->cap * 2 : 256;
		struct state_member *larger = mem_realloc(s->member, cap * sizeof(*larger));
		if (!larger)
			return NULL;
		s->member = larger;
		s->cap = cap;
	}
	struct state_member *m = &s->member[s->nr];
	*m = (struct state_member){ .path = mem_strdup(path), .start = s->text.len };
	if (!m->path)
		return NULL;
	s->nr++;
	return m;
}

static void member_end(struct state *s, struct state_member *m)
{
	m->len = s->text.len - m->start;
}

/* ---- Tasks: tasks.lock is held, so everything is reached through the table ---- */

static int task_file_add(struct state *s, struct task *t, const char *path, mode_t mode,
			 const struct task_attr *a, const struct view *v)
{
	struct state_member *m = member_add(s, path);
	if (!m)
		return -ENOMEM;
	m->mode = S_IFREG | mode;
	m->uid = t->uid;
	m->gid = t->gid;
	if (v)
		v->render_task(&s->text, t);
	else if (a->show(t, &s->text))
		return -EIO;
	member_end(s, m);
	return 0;
}

static int task_dir_add(struct state *s, const struct task *t, const char *path, mode_t mode)
{
	struct state_member *m = member_add(s, path);
	if (!m)
		return -ENOMEM;
	m->mode = S_IFDIR | mode;
	m->uid = t->uid;
	m->gid = t->gid;
	return 0;
}

static bool attr_is_kept(const struct task_attr *a)
{
	return a->show && !a->is_mem && strcmp(a->name, "procs");
}

static int task_add(struct state *s, struct task *t)
{
	char path[PATH_MAX_STATE];
	snprintf(path, sizeof(path), "tasks/%s", t->name);
	int err = task_dir_add(s, t, path, t->mode);
	for (unsigned i = 0; i < nr_task_attrs && !err; i++) {
		const struct task_attr *a = &task_attr_table[i];
		snprintf(path, sizeof(path), "tasks/%s/%s", t->name, a->name);
		if (attr_is_kept(a))
			err = task_file_add(s, t, path, task_attr_mode(t, a), a, NULL);
	}
	return err;
}

static int pid_add(struct state *s, struct task *t)
{
	char path[PATH_MAX_STATE];
	snprintf(path, sizeof(path), "proc/%d", (int)t->pid);
	int err = task_dir_add(s, t, path, 0555);
	for (unsigned i = 0; i < nr_views && !err; i++) {
		const struct view *v = &view_table[i];
		const char *name = v->scope == VIEW_TASK ? pid_view_name(v) : NULL;
		if (!name)
			continue;
		snprintf(path, sizeof(path), "proc/%d/%s", (int)t->pid, name);
		err = task_file_add(s, t, path, v->mode, NULL, v);
	}
	return err;
}

static int tasks_add(struct state *s, int (*add)(struct state *s, struct task *t))
{
	struct tasks *ts = &s->fs->vm->tasks;
	int err = 0;
	for (unsigned id = 1; id < ts->nr_slots && !err; id++)
		if (ts->slot[id] && !READ_RELAXED(&ts->slot[id]->dead))
			err = add(s, ts->slot[id]);
	return err;
}

static int contents_note(struct state *s)
{
	struct tasks *ts = &s->fs->vm->tasks;
	s->task = mem_zalloc((ts->nr + 1) * sizeof(*s->task));
	if (!s->task)
		return -ENOMEM;
	for (unsigned id = 1; id < ts->nr_slots; id++) {
		struct task *t = ts->slot[id];
		if (t && !READ_RELAXED(&t->dead) && t->content_pages)
			s->task[s->nr_tasks++] = t;
	}
	return 0;
}

/* ---- Slab caches: slabs->lock is held ---- */

static int cache_attr_add(struct state *s, const struct kmem_cache *c, const struct cache_attr *a)
{
	char path[PATH_MAX_STATE];
	snprintf(path, sizeof(path), SLAB_DIR "/%s/%s", c->name, a->name);
	struct state_member *m = member_add(s, path);
	if (!m)
		return -ENOMEM;
	m->mode = S_IFREG | a->mode;
	m->uid = s->fs->tree.uid;
	m->gid = s->fs->tree.gid;
	a->show(c, &s->text);
	member_end(s, m);
	return 0;
}

static int cache_add(struct state *s, const struct kmem_cache *c)
{
	char path[PATH_MAX_STATE];
	snprintf(path, sizeof(path), SLAB_DIR "/%s", c->name);
	struct state_member *m = member_add(s, path);
	if (!m)
		return -ENOMEM;
	m->mode = S_IFDIR | 0755;
	m->uid = s->fs->tree.uid;
	m->gid = s->fs->tree.gid;
	int err = 0;
	for (unsigned i = 0; i < nr_cache_attrs && !err; i++)
		if (!cache_attr_table[i].action)
			err = cache_attr_add(s, c, &cache_attr_table[i]);
	return err;
}

static int caches_add(struct state *s)
{
	int err = 0;
	for (const struct kmem_cache *c = s->fs->vm->slabs.oldest; c && !err; c = c->newer)
		err = cache_add(s, c);
	return err;
}

/* ---- The tree ---- */

static int entry_add(struct state *s, const struct entry *e, const char *path);

static int children_add(struct state *s, const struct entry *dir, const char *path)
{
	char child[PATH_MAX_STATE];
	int err = 0;
	for (const struct entry *e = dir->first_child; e && !err; e = e->next) {
		if ((size_t)snprintf(child, sizeof(child), "%s%s%s", path, *path ? "/" : "", e->name) >=
		    sizeof(child))
			return -ENAMETOOLONG;
		err = entry_add(s, e, child);
	}
	if (!err && dir->dynamic == DYNAMIC_TASKS)
		err = tasks_add(s, task_add);
	if (!err && dir->dynamic == DYNAMIC_PIDS)
		err = tasks_add(s, pid_add);
	if (!err && dir->dynamic == DYNAMIC_CACHES)
		err = caches_add(s);
	return err;
}

static bool entry_is_kept(const struct entry *e, const char *path)
{
	switch (e->kind) {
	case ENTRY_DIR:
		return strcmp(path, "dev") && e->dynamic != DYNAMIC_FILES;
	case ENTRY_LINK:
	case ENTRY_VIEW:
		return true;
	case ENTRY_KNOB:
		return e->knob->show && !e->knob->action;
	default:
		return false;
	}
}

static mode_t entry_type(const struct entry *e)
{
	return e->kind == ENTRY_DIR ? S_IFDIR : e->kind == ENTRY_LINK ? S_IFLNK : S_IFREG;
}

static int entry_add(struct state *s, const struct entry *e, const char *path)
{
	if (!entry_is_kept(e, path))
		return 0;
	struct state_member *m = member_add(s, path);
	if (!m)
		return -ENOMEM;
	m->mode = entry_type(e) | READ_RELAXED(&e->mode);
	m->uid = READ_RELAXED(&e->uid);
	m->gid = READ_RELAXED(&e->gid);
	m->target = e->target;
	m->view = e->kind == ENTRY_VIEW ? e->view : NULL;
	m->arg = e->arg;
	int err = 0;
	if (e->kind == ENTRY_KNOB)
		err = knob_text(e->knob, s->fs->vm, e->arg, &s->text);
	member_end(s, m);
	return !err && e->kind == ENTRY_DIR ? children_add(s, e, path) : err;
}

static void views_render(struct state *s, const struct snapshot *snapshot)
{
	for (unsigned i = 0; i < s->nr; i++) {
		struct state_member *m = &s->member[i];
		if (!m->view)
			continue;
		m->start = s->text.len;
		m->view->render(&s->text, snapshot, m->arg);
		member_end(s, m);
	}
}

/* In deterministic mode the machine's own time, else that of the wall. */
static uint64_t stamp(const struct vm *vm)
{
	return vm->deterministic ? clock_now_ns(&vm->machine.clock) / 1000000000u : (uint64_t)time(NULL);
}

static int collect_held(struct state *s, struct snapshot *snapshot, unsigned parts)
{
	struct vm *vm = s->fs->vm;
	snapshot_fill(snapshot, vm, SNAP_ALL | SNAP_HELD);
	s->now_s = stamp(vm);
	if (parts & STATE_FRAMES)
		record_write(&s->frames, vm);
	int err = text_error(&s->frames);
	if (!err && parts & STATE_CONTENT)
		err = contents_note(s);
	return err ? err : children_add(s, tree_root(&s->fs->tree), "");
}

int state_collect(struct state *s, struct fs *fs, unsigned parts)
{
	*s = (struct state){ .fs = fs };
	text_init(&s->text, SIZE_MAX / 2);
	text_init(&s->frames, SIZE_MAX / 2);
	struct snapshot *snapshot = fs_snapshot_take(fs, 0);
	if (!snapshot)
		return -ENOMEM;
	vm_hold(fs->vm);
	int err = collect_held(s, snapshot, parts);
	vm_release_machine(fs->vm);
	s->held = true;
	if (err || !(parts & STATE_CONTENT))
		state_release(s);
	if (!err)
		views_render(s, snapshot);
	fs_snapshot_give(fs, snapshot);
	return err ? err : text_error(&s->text);
}

void state_release(struct state *s)
{
	if (s->held)
		vm_release_tasks(s->fs->vm);
	s->held = false;
}

void state_fini(struct state *s)
{
	state_release(s);
	for (unsigned i = 0; i < s->nr; i++)
		mem_free(s->member[i].path);
	mem_free(s->member);
	mem_free(s->task);
	text_fini(&s->text);
	text_fini(&s->frames);
}
