/* SPDX-License-Identifier: MIT */
/*
 * The table of tasks: ids, names, proc numbers, references. One reference
 * belongs to the table, the others to whoever found the task. Ending a task
 * has three steps: it leaves the names (nobody finds it any more and long
 * changes stop), all it holds is freed under its lock, its id becomes free.
 * The id stays taken in between because reclaim still meets its pages and
 * asks the table, without a lock, whose they are: an entry is stored before
 * the first page can be found and cleared after the last one is gone. A task
 * is an object of the cache task_struct, and lies in it.
 */
#include "vm/task_private.h"

#include "base/mem.h"
#include "vm/dcache.h"

#include <errno.h>
#include <string.h>

#define TASK_MODE_BITS 01777 /* what mkdir of a directory takes */
#define PID_FIRST 2 /* 1 would be init */
#define PID_LIMIT 4194304 /* 6.1's PID_MAX_LIMIT of 64 bits */
#define SLOT_BYTES ((TASKS_MAX + 1) * sizeof(struct task *))

int tasks_init(struct vm *vm)
{
	struct tasks *ts = &vm->tasks;
	*ts = (struct tasks){
		.nr_slots = 1, .free_hint = 1, .next_pid = PID_FIRST, .reaper_epoll = -1, .reaper_wake = -1
	};
	lock_init(&ts->lock, RANK_TASKS, 0);
	gate_init(&ts->gate);
	ts->slot = mem_map(SLOT_BYTES);
	ts->by_name = mem_zalloc(TASK_HASH_SIZE * sizeof(*ts->by_name));
	ts->by_pid = mem_zalloc(TASK_HASH_SIZE * sizeof(*ts->by_pid));
	int error = ts->slot && ts->by_name && ts->by_pid ? procs_init(vm) : -ENOMEM;
	if (error)
		tasks_fini(vm);
	return error;
}

static unsigned first_cpu(const struct vm *vm)
{
	return mask_next(&vm->machine.cpus_online, 0);
}

/* Where what describes a task is made, and where it goes. */
static struct cpu *own_cpu(struct vm *vm)
{
	return &vm->machine.cpu[first_cpu(vm)];
}

static void task_destroy(struct task *t)
{
	page_index_fini(&t->anon);
	page_index_fini(&t->file);
	page_index_fini(&t->shmem);
	for (unsigned i = 0; i < HUGETLB_SIZES; i++)
		page_index_fini(&t->hugetlb[i]);
	page_index_fini(&t->anon_tables);
	page_index_fini(&t->hugetlb_tables);
	task_pages_fini(t);
	task_objects_fini(t);
	task_areas_free(t);
	dcache_drop(t);
	mem_free(t->procs);
	lock_fini(&t->index_lock);
	lock_fini(&t->lock);
	own_free(t->vm, OWN_TASK, own_cpu(t->vm), t);
}

void tasks_fini(struct vm *vm)
{
	struct tasks *ts = &vm->tasks;
	vm->own.ending = true;
	for (unsigned id = 1; ts->slot && id < ts->nr_slots; id++) {
		struct task *t = ts->slot[id];
		if (!t)
			continue;
		task_procs_clear(t);
		task_destroy(t);
	}
	procs_fini(vm);
	mem_free(ts->by_pid);
	mem_free(ts->by_name);
	mem_unmap(ts->slot, SLOT_BYTES);
	lock_fini(&ts->lock);
	pthread_rwlock_destroy(&ts->gate);
}

/* ---- Hash chains. tasks.lock ---- */

static struct task **name_bucket(struct tasks *ts, const char *name)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return &ts->by_name[hash % TASK_HASH_SIZE];
}

static struct task **pid_bucket(struct tasks *ts, pid_t pid)
{
	return &ts->by_pid[(unsigned)pid % TASK_HASH_SIZE];
}

static struct task *lookup_name(struct tasks *ts, const char *name)
{
	struct task *t = *name_bucket(ts, name);
	while (t && strcmp(t->name, name))
		t = t->name_next;
	return t;
}

static struct task *lookup_pid(struct tasks *ts, pid_t pid)
{
	struct task *t = *pid_bucket(ts, pid);
	while (t && t->pid != pid)
		t = t->pid_next;
	return t;
}

static void names_add(struct tasks *ts, struct task *t)
{
	struct task **by_name = name_bucket(ts, t->name), **by_pid = pid_bucket(ts, t->pid);
	t->name_next = *by_name;
	*by_name = t;
	t->pid_next = *by_pid;
	*by_pid = t;
}

static void names_del(struct tasks *ts, struct task *t)
{
	struct task **link = name_bucket(ts, t->name);
	while (*link != t)
		link = &(*link)->name_next;
	*link = t->name_next;

	link = pid_bucket(ts, t->pid);
	while (*link != t)
		link = &(*link)->pid_next;
	*link = t->pid_next;
}

/* ---- Numbers. tasks.lock ---- */

static uint32_t id_take(struct tasks *ts)
{
	uint32_t id = ts->free_hint;
	while (id <= TASKS_MAX && ts->slot[id])
		id++;
	ts->free_hint = id + 1;
	WRITE_RELAXED(&ts->nr_slots, MAX(ts->nr_slots, id + 1));
	return id;
}

/* Rising and starting over at the end, like pids; there are always fewer tasks than numbers. */
static pid_t pid_take(struct tasks *ts)
{
	pid_t pid;
	do {
		pid = ts->next_pid;
		ts->next_pid = pid + 1 < PID_LIMIT ? pid + 1 : PID_FIRST;
	} while (lookup_pid(ts, pid));
	return pid;
}

/* ---- Coming and going ---- */

static int name_check(const char *name)
{
	if (!*name || !strcmp(name, ".") || !strcmp(name, "..") || strchr(name, '/'))
		return -EINVAL;
	return strlen(name) > TASK_NAME_MAX ? -ENAMETOOLONG : 0;
}

static int table_add(struct vm *vm, struct task *t)
{
	struct tasks *ts = &vm->tasks;
	if (lookup_name(ts, t->name))
		return -EEXIST;
	if (ts->nr == TASKS_MAX)
		return -ENOSPC;
	t->id = id_take(ts);
	if (t->id > TASKS_MAX)
		return -ENOSPC; /* the last ids belong to tasks that are just ending */

	t->pid = pid_take(ts);
	t->generation = ++ts->generation;
	t->refs = 2; /* the table's and the caller's */
	rng_init(&t->rng, rng_next(&vm->rng));
	names_add(ts, t);
	__atomic_store_n(&ts->slot[t->id], t, __ATOMIC_RELEASE);
	ADD_OWNED(&ts->nr, 1);
	ADD_OWNED(&ts->change, 1);
	return 0;
}

static struct task *task_alloc(struct vm *vm, const char *name)
{
	struct task *t = own_alloc(vm, OWN_TASK, own_cpu(vm), sizeof(*t));
	if (!t)
		return NULL;
	t->vm = vm;
	t->cpu = first_cpu(vm);
	memcpy(t->name, name, strlen(name) + 1); /* name_check has seen its length */
	lock_init(&t->lock, RANK_TASK, 0);
	lock_init(&t->index_lock, RANK_OWNER, 0);
	return t;
}

int task_create_mode(struct vm *vm, const char *name, uid_t uid, gid_t gid, mode_t mode, struct task **out)
{
	int error = name_check(name);
	if (error)
		return error;
	struct task *t = task_alloc(vm, name);
	if (!t)
		return -ENOMEM;
	t->uid = uid;
	t->gid = gid;
	t->mode = mode & TASK_MODE_BITS;

	lock_take(&vm->tasks.lock);
	error = table_add(vm, t);
	lock_drop(&vm->tasks.lock);
	if (error) {
		task_destroy(t);
		return error;
	}
	*out = t;
	return 0;
}

int task_restore(struct vm *vm, uint32_t id, pid_t pid, const char *name, struct task **out)
{
	struct tasks *ts = &vm->tasks;
	int error = name_check(name);
	if (error)
		return error;
	if (!id || id > TASKS_MAX || ts->slot[id] || lookup_name(ts, name) || lookup_pid(ts, pid))
		return -EEXIST;
	struct task *t = task_alloc(vm, name);
	if (!t)
		return -ENOMEM;
	t->id = id;
	t->pid = pid;
	t->refs = 1;
	names_add(ts, t);
	ts->slot[id] = t;
	ts->nr_slots = MAX(ts->nr_slots, id + 1);
	ts->nr++;
	*out = t;
	return 0;
}

/* Nobody finds it from now on. False: somebody else is ending it. */
static bool table_hide(struct task *t)
{
	struct tasks *ts = &t->vm->tasks;
	lock_take(&ts->lock);
	bool mine = !t->dead;
	if (mine) {
		WRITE_RELAXED(&t->dead, true);
		names_del(ts, t);
		ADD_OWNED(&ts->nr, -1u);
		ADD_OWNED(&ts->change, 1);
	}
	lock_drop(&ts->lock);
	return mine;
}

static void table_forget(struct task *t)
{
	struct tasks *ts = &t->vm->tasks;
	lock_take(&ts->lock);
	lock_take(&t->vm->oom_lock); /* the OOM killer looks at tasks that it has no reference to */
	__atomic_store_n(&ts->slot[t->id], NULL, __ATOMIC_RELEASE);
	lock_drop(&t->vm->oom_lock);
	ts->free_hint = MIN(ts->free_hint, t->id);
	ASSERT(t->refs > 1); /* the caller has one */
	t->refs--;
	lock_drop(&ts->lock);
}

static void task_empty(struct task *t)
{
	task_procs_clear(t);
	int error = task_anon_set(t, 0);
	ASSERT(!error);
	task_tables_shrink(t, &t->anon_tables, 0); /* an imported task may have them without memory */
	error = task_file_set(t, 0);
	ASSERT(!error);
	task_shmem_free(t);
	task_hugetlb_free_all(t);
	task_pages_free_all(t);
	task_objects_free_all(t);
	dcache_drop(t);
}

bool task_end(struct task *t)
{
	if (!table_hide(t)) /* before its lock: a change that is under way ends at once */
		return false;
	task_lock_anyway(t);
	task_empty(t);
	cpu_stat_fold(&t->vm->machine.cpu[t->cpu]);
	task_unlock(t);
	table_forget(t);
	return true;
}

int task_remove(struct vm *vm, const char *name)
{
	struct task *t = task_find(vm, name);
	if (!t)
		return -ENOENT;
	bool ended = task_end(t);
	task_put(t);
	return ended ? 0 : -ENOENT;
}

/* ---- Finding ---- */

static struct task *task_ref(struct task *t)
{
	if (t)
		t->refs++;
	return t;
}

struct task *task_find(struct vm *vm, const char *name)
{
	lock_take(&vm->tasks.lock);
	struct task *t = task_ref(lookup_name(&vm->tasks, name));
	lock_drop(&vm->tasks.lock);
	return t;
}

struct task *task_find_pid(struct vm *vm, pid_t pid)
{
	lock_take(&vm->tasks.lock);
	struct task *t = task_ref(lookup_pid(&vm->tasks, pid));
	lock_drop(&vm->tasks.lock);
	return t;
}

static struct task *slot_live(const struct tasks *ts, uint32_t id)
{
	struct task *t = id && id < ts->nr_slots ? ts->slot[id] : NULL;
	return t && !t->dead ? t : NULL;
}

struct task *task_get(struct vm *vm, uint32_t id)
{
	lock_take(&vm->tasks.lock);
	struct task *t = task_ref(slot_live(&vm->tasks, id));
	lock_drop(&vm->tasks.lock);
	return t;
}

struct task *task_next(struct vm *vm, uint32_t after_id)
{
	struct tasks *ts = &vm->tasks;
	struct task *t = NULL;
	lock_take(&ts->lock);
	for (uint64_t id = (uint64_t)after_id + 1; !t && id < ts->nr_slots; id++)
		t = slot_live(ts, (uint32_t)id);
	task_ref(t);
	lock_drop(&ts->lock);
	return t;
}

void task_put(struct task *t)
{
	struct tasks *ts = &t->vm->tasks;
	lock_take(&ts->lock);
	bool last = --t->refs == 0;
	lock_drop(&ts->lock);
	if (last)
		task_destroy(t);
}

void task_usage(struct task *t, struct task_usage *u)
{
	*u = (struct task_usage){
		.anon_pages = page_index_nr(&t->anon),
		.file_pages = page_index_nr(&t->file),
		.hugetlb_pages = task_huge_pages(t),
		.hugetlb_mapped_pages = task_huge_mapped_pages(t),
		.block_pages = task_pages_total(t),
		.table_pages = page_index_nr(&t->anon_tables) + page_index_nr(&t->hugetlb_tables),
	};
}
