/* SPDX-License-Identifier: MIT */
#include "fs/inode.h"

#include "base/parse.h"
#include "fs/inode_cache.h"
#include "vm/dcache.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/*
 * Number of a task's file: bit 60, generation (32 bits), slot (17), which (11).
 * "Which" is 0 for tasks/NAME, 1 for proc/PID, then the rows of
 * task_attr_table, then the rows of view_table from WHICH_VIEWS on.
 */

#define INO_TASK (1ull << 60)
#define WHICH_TASK_DIR 0u
#define WHICH_PID_DIR 1u
#define WHICH_ATTRS 2u
#define WHICH_VIEWS 256u
#define WHICH_BITS 11
#define SLOT_BITS 17

static uint64_t task_ino(const struct task *t, unsigned which)
{
	ASSERT(which < 1u << WHICH_BITS && t->id < 1u << SLOT_BITS);
	return INO_TASK | (uint64_t)t->generation << (SLOT_BITS + WHICH_BITS) |
	       (uint64_t)t->id << WHICH_BITS | which;
}

uint64_t task_dir_ino(const struct task *t)
{
	return task_ino(t, WHICH_TASK_DIR);
}

uint64_t task_attr_ino(const struct task *t, unsigned row)
{
	ASSERT(row < WHICH_VIEWS - WHICH_ATTRS);
	return task_ino(t, WHICH_ATTRS + row);
}

uint64_t pid_dir_ino(const struct task *t)
{
	return task_ino(t, WHICH_PID_DIR);
}

uint64_t pid_view_ino(const struct task *t, unsigned row)
{
	return task_ino(t, WHICH_VIEWS + row);
}

bool ino_is_mem(uint64_t ino)
{
	unsigned which = ino & ((1u << WHICH_BITS) - 1);

	return ino_is_task(ino) && which >= WHICH_ATTRS && which < WHICH_VIEWS &&
	       task_attr_table[which - WHICH_ATTRS].is_mem;
}

const char *pid_view_name(const struct view *v)
{
	static const char prefix[] = "proc/%u/";

	if (v->scope != VIEW_TASK)
		return NULL;
	ASSERT(!strncmp(v->path, prefix, sizeof(prefix) - 1));
	return v->path + sizeof(prefix) - 1;
}

static void task_inode(struct inode *i, struct task *t, unsigned which)
{
	*i = (struct inode){ .ino = task_ino(t, which), .task = t };
	if (which == WHICH_TASK_DIR) {
		i->kind = INODE_TASK_DIR;
	} else if (which == WHICH_PID_DIR) {
		i->kind = INODE_PID_DIR;
	} else if (which < WHICH_VIEWS) {
		i->kind = INODE_TASK_ATTR;
		i->attr = &task_attr_table[which - WHICH_ATTRS];
	} else {
		i->kind = INODE_PID_VIEW;
		i->view = &view_table[which - WHICH_VIEWS];
	}
}

int inode_get(struct fs *fs, uint64_t ino, struct inode *out)
{
	if (ino_is_cache(ino))
		return cache_inode_get(fs, ino, out);
	if (!ino_is_task(ino)) {
		*out = (struct inode){ .ino = ino, .kind = INODE_ENTRY, .entry = tree_entry(&fs->tree, ino) };
		return out->entry ? 0 : -ESTALE;
	}
	struct task *t = task_get(fs->vm, (uint32_t)(ino >> WHICH_BITS) & ((1u << SLOT_BITS) - 1));
	if (!t)
		return -ESTALE;
	if (t->generation != (uint32_t)(ino >> (SLOT_BITS + WHICH_BITS))) {
		task_put(t);
		return -ESTALE;
	}
	task_inode(out, t, ino & ((1u << WHICH_BITS) - 1));
	return 0;
}

void inode_put(struct inode *i)
{
	if (i->task)
		task_put(i->task);
	i->task = NULL;
}

static int entry_lookup(struct fs *fs, const struct entry *dir, const char *name, struct inode *out)
{
	struct entry *e = tree_child(&fs->tree, dir, name);
	struct task *t = NULL;
	uint64_t pid;

	if (dir->kind != ENTRY_DIR)
		return -ENOTDIR;
	if (e) {
		*out = (struct inode){ .ino = e->ino, .kind = INODE_ENTRY, .entry = e };
		return 0;
	}
	if (dir->dynamic == DYNAMIC_CACHES)
		return cache_dir_lookup(fs, name, out);
	if (dir->dynamic == DYNAMIC_TASKS)
		t = task_find(fs->vm, name);
	else if (dir->dynamic == DYNAMIC_PIDS && *name != '0' && !parse_u64(name, &pid) && pid <= INT32_MAX)
		t = task_find_pid(fs->vm, (pid_t)pid);
	if (!t)
		return -ENOENT;
	task_inode(out, t, dir->dynamic == DYNAMIC_TASKS ? WHICH_TASK_DIR : WHICH_PID_DIR);
	return 0;
}

static unsigned attr_which(const char *name)
{
	const struct task_attr *a = task_attr_find(name);

	return a ? WHICH_ATTRS + (unsigned)(a - task_attr_table) : 0;
}

static unsigned pid_view_which(const char *name)
{
	for (unsigned i = 0; i < nr_views; i++) {
		const char *known = pid_view_name(&view_table[i]);
		if (known && !strcmp(known, name))
			return WHICH_VIEWS + i;
	}
	return 0;
}

int inode_lookup(struct fs *fs, uint64_t dir, const char *name, struct inode *out)
{
	struct inode above;
	int err = inode_get(fs, dir, &above);
	if (err)
		return err;
	if (above.kind == INODE_ENTRY)
		return entry_lookup(fs, above.entry, name, out);

	if (above.kind == INODE_CACHE_DIR)
		return cache_attr_lookup(&above, name, out);

	unsigned which = 0;
	if (above.kind == INODE_TASK_DIR)
		which = attr_which(name);
	else if (above.kind == INODE_PID_DIR)
		which = pid_view_which(name);
	else
		err = -ENOTDIR;
	if (!which) {
		inode_put(&above);
		return err ? err : -ENOENT;
	}
	task_inode(out, above.task, which); /* the reference moves on */
	return 0;
}

static bool inode_is_kept(const struct inode *i)
{
	return i->kind == INODE_TASK_DIR || i->kind == INODE_TASK_ATTR;
}

void inode_known(const struct inode *i, uint64_t dir, const char *name)
{
	if (inode_is_kept(i))
		dcache_add(i->task, dir, name, i->ino);
}

/* Of a task that has gone there is nothing left to forget. */
void inode_forget(struct fs *fs, uint64_t ino, uint64_t nlookup)
{
	struct inode i;
	if (!ino_is_task(ino) || inode_get(fs, ino, &i))
		return;
	if (inode_is_kept(&i))
		dcache_forget(i.task, ino, nlookup);
	inode_put(&i);
}

/* What a text says about its own length: nothing under proc, a page under sys, and the truth elsewhere. */
static off_t view_size(struct fs *fs, const struct entry *e)
{
	if (e->view->style == VIEW_PROC)
		return 0;
	if (e->view->style == VIEW_SYSFS)
		return 4096;
	struct text text;
	off_t size = 0;
	struct snapshot *s = fs_snapshot_take(fs, e->view->parts);
	text_init(&text, 0);
	if (s) {
		e->view->render(&text, s, e->arg);
		size = (off_t)text.len;
		fs_snapshot_give(fs, s);
	}
	text_fini(&text);
	return size;
}

static void entry_stat(struct fs *fs, const struct entry *e, struct stat *st)
{
	st->st_mode = READ_RELAXED(&e->mode);
	st->st_uid = READ_RELAXED(&e->uid);
	st->st_gid = READ_RELAXED(&e->gid);
	switch (e->kind) {
	case ENTRY_DIR:
		st->st_mode |= S_IFDIR;
		/* 1: how many there are is not told, as for any directory whose children come and go */
		st->st_nlink = e->dynamic ? 1 : 2 + e->nr_subdirs;
		break;
	case ENTRY_LINK:
		st->st_mode |= S_IFLNK;
		st->st_size = e->realm == REALM_SYS ? 0 : (off_t)strlen(e->target); /* sysfs tells no length */
		break;
	case ENTRY_VIEW:
		st->st_mode |= S_IFREG;
		st->st_size = view_size(fs, e);
		break;
	case ENTRY_STATE: /* made when it is opened, so nobody knows its size */
	case ENTRY_KMSG: /* a device on a real machine; its size must stay 0, see fs/kmsg.c */
		st->st_mode |= S_IFREG;
		break;
	case ENTRY_KNOB:
		st->st_mode |= S_IFREG;
		st->st_size = e->knob->style == KNOB_SYSFS ? 4096 : 0;
		break;
	}
}

static void task_stat(const struct inode *i, struct stat *st)
{
	st->st_uid = i->task->uid;
	st->st_gid = i->task->gid;
	switch (i->kind) {
	case INODE_TASK_DIR:
		st->st_mode = S_IFDIR | i->task->mode;
		st->st_nlink = 2;
		break;
	case INODE_PID_DIR:
		st->st_mode = S_IFDIR | 0555;
		st->st_nlink = 2;
		break;
	case INODE_TASK_ATTR:
		st->st_mode = S_IFREG | task_attr_mode(i->task, i->attr);
		st->st_size = i->attr->is_mem ? (off_t)task_mem_bytes(i->task) : 0;
		break;
	default:
		st->st_mode = S_IFREG | i->view->mode;
		break;
	}
}

void inode_stat(struct fs *fs, const struct inode *i, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = i->ino;
	st->st_nlink = 1;
	st->st_blksize = 4096;
	st->st_atim = st->st_mtim = st->st_ctim = fs->born;
	if (i->kind == INODE_ENTRY)
		entry_stat(fs, i->entry, st);
	else if (inode_is_cache(i))
		cache_stat(fs, i, st);
	else
		task_stat(i, st);
}

enum entry_realm inode_realm(const struct inode *i)
{
	if (i->kind == INODE_ENTRY)
		return i->entry->realm;
	if (inode_is_cache(i))
		return REALM_SYS;
	return i->kind == INODE_TASK_DIR || i->kind == INODE_TASK_ATTR ? REALM_TASKS : REALM_PROC;
}

/*
 * Texts of proc open for writing and refuse each write; sysfs refuses the open
 * when nothing could take one. A knob wants a mode bit of any class.
 */
static int entry_may_open(const struct entry *e, bool reads, bool writes)
{
	unsigned mode = READ_RELAXED(&e->mode);

	if (e->kind == ENTRY_VIEW && e->view->style == VIEW_PROC)
		return 0;
	if (reads && !(mode & 0444))
		return -EACCES;
	if (writes && (!(mode & 0222) || e->kind == ENTRY_VIEW || e->kind == ENTRY_STATE))
		return -EACCES;
	return 0;
}

int inode_may_open(const struct inode *i, int flags)
{
	int how = flags & O_ACCMODE;

	switch (i->kind) {
	case INODE_TASK_DIR:
	case INODE_PID_DIR:
	case INODE_CACHE_DIR:
		return -EISDIR;
	case INODE_CACHE_ATTR: /* all can be read */
		return how != O_RDONLY && !i->cache_attr->store ? -EACCES : 0;
	case INODE_TASK_ATTR:
	case INODE_PID_VIEW:
		return 0;
	default:
		break;
	}
	if (i->entry->kind == ENTRY_DIR)
		return -EISDIR;
	if (i->entry->kind == ENTRY_LINK)
		return -ELOOP;
	return entry_may_open(i->entry, how != O_WRONLY, how != O_RDONLY);
}

static bool attrs_fixed(const struct inode *i)
{
	return i->kind != INODE_ENTRY || i->entry->realm == REALM_SYSCTL || i->entry->realm == REALM_TASKS;
}

int inode_chmod(const struct inode *i, mode_t mode)
{
	if (i->kind == INODE_CACHE_ATTR && (mode & 07777) == i->cache_attr->mode)
		return 0;
	if (attrs_fixed(i))
		return -EPERM;
	WRITE_RELAXED(&i->entry->mode, (uint16_t)(mode & 07777));
	return 0;
}

int inode_chown(const struct inode *i, uid_t uid, gid_t gid)
{
	if (attrs_fixed(i))
		return -EPERM;
	if (uid != (uid_t)-1)
		WRITE_RELAXED(&i->entry->uid, uid);
	if (gid != (gid_t)-1)
		WRITE_RELAXED(&i->entry->gid, gid);
	return 0;
}
