/* SPDX-License-Identifier: MIT */
#ifndef VM_TASK_H
#define VM_TASK_H

/*
 * A task holds memory for somebody with a shell: anonymous bytes, clean page
 * cache, blocks from the buddy system, huge pages. Each attribute file is one
 * row of task_attr_table: what the task holds is read there, and writing it
 * makes the daemon allocate or free the difference.
 *
 * Locks: tasks.lock (RANK_TASKS) guards the table, names and references;
 * task->lock (RANK_TASK) serialises changes of one task; task->index_lock
 * (RANK_OWNER) guards what readers look at and reclaim shrinks under us: the
 * page indices, the lines of `pages`, `slab` and `kmalloc`, the list of
 * processes. A change takes
 * task->lock, passes the gate and, in short pieces, takes index_lock; a reader
 * takes index_lock only and so never waits for a long change.
 */

#include "base/lock.h"
#include "base/rng.h"
#include "base/text.h"
#include "mm/machine.h"
#include "policy/policy.h"
#include "vm/own.h"
#include "vm/page_index.h"

#include <sys/types.h>

#define TASK_NAME_MAX 255
#define TASKS_MAX 65536u
#define TASK_KEYS_MAX 1024u /* lines of tasks/NAME/pages; of slab and kmalloc together */
#define TASK_HASH_SIZE 4096u

struct dname;
struct kmem_cache;
struct vm;

struct task_pages { /* one line of tasks/NAME/pages */
	unsigned order;
	gfp_t gfp;
	struct page_index blocks;
};

struct task_objects { /* one line of tasks/NAME/slab or kmalloc */
	struct kmem_cache *cache; /* with a reference; NULL: kmalloc's whole pages */
	uint32_t size; /* kmalloc: bytes asked for; 0: a line of slab */
	gfp_t gfp;
	void **object; /* in no order; task->lock */
	uint64_t nr, cap; /* nr: relaxed for readers */
};

enum area_kind {
	AREA_ANON,
	AREA_HUGETLB,
	AREA_KINDS = AREA_HUGETLB + HUGETLB_SIZES
}; /* one of each size of huge pages */

struct area { /* one mapping, from its first page on */
	struct own_head own; /* OWN_AREA */
	uint64_t pages; /* how far it reaches; touched or not */
	uint32_t task;
	uint8_t kind; /* enum area_kind */
};

struct task_proc {
	pid_t pid;
	int fd; /* its pidfd */
};

struct task {
	struct own_head own; /* OWN_TASK */
	uint32_t id; /* slot in the table, and its owner number; never 0 */
	pid_t pid; /* its number in proc */
	uint32_t generation; /* differs between tasks that had the same id */
	uid_t uid;
	gid_t gid;
	mode_t mode; /* permission bits of its directory; files have those of them that make sense */
	char name[TASK_NAME_MAX + 1];
	struct vm *vm;

	/* tasks.lock */
	unsigned refs;
	bool dead; /* removed from the table; freed with the last reference. Relaxed outside the lock */
	struct task *name_next, *pid_next;

	/* lock */
	struct lock lock;
	unsigned cpu; /* relaxed outside the lock */
	struct area *area[AREA_KINDS]; /* NULL: nothing is mapped */
	uint64_t content_pages; /* anonymous pages with PG_CONTENT */
	uint64_t huge_mapped[HUGETLB_SIZES]; /* by pool: those in the index, and others that it was promised; relaxed outside the lock */
	uint64_t file_batch; /* number of the last increase of `file` */
	struct rng rng;
	struct mempolicy mempolicy; /* where its memory lies; mode and nodes relaxed, stored under index_lock, too. vm/task_mempolicy.c */
	uid_t writer; /* whose write this change is */
	int16_t oom_score_adj, oom_score_adj_min; /* the first relaxed outside the lock */
	bool oom_asks; /* the change is one whose requests may kill */
	bool oom_stripped; /* the OOM killer takes everything just now; it does not pause */
	bool oom_victim; /* chosen by the OOM killer, with something left; relaxed. vm/task_oom.h */

	/* index_lock */
	struct lock index_lock;
	struct page_index anon; /* slot = page of mem */
	struct page_index file;
	struct page_index shmem; /* imported */
	struct page_index hugetlb[HUGETLB_SIZES]; /* by pool */
	struct page_index anon_tables, hugetlb_tables; /* page tables of the two mappings */
	struct task_pages *pages;
	unsigned nr_pages;
	struct task_objects *objects; /* lines of slab and of kmalloc, in the order of adding */
	unsigned nr_objects;
	struct dname *names; /* of its files that the host knows; vm/dcache.h */
	struct task_proc *procs; /* real processes */
	unsigned nr_procs, cap_procs;

	uint64_t events_alloc_fail, events_oom_kill; /* atomic */
};

struct tasks {
	pthread_rwlock_t gate; /* taken shared by every change, behind its task->lock; see vm/hold.h */
	struct lock lock;
	struct task **slot; /* by id, TASKS_MAX + 1 of them; reclaim reads entries without the lock */
	unsigned nr_slots; /* highest id ever used + 1 */
	unsigned nr; /* live tasks; relaxed outside the lock */
	unsigned free_hint; /* no free id below */
	struct task **by_name, **by_pid; /* hash chains, TASK_HASH_SIZE each */
	pid_t next_pid;
	uint32_t generation;
	uint64_t change; /* counts mkdir and rmdir: relaxed */
	uint64_t procs_change; /* counts processes of tasks that come and go, and tasks that move to another CPU: atomic */
	pthread_t reaper; /* watches procs */
	int reaper_epoll, reaper_wake;
	bool reaper_running;
	bool procs_full; /* relaxed: no descriptor was to be had for the last process */
	/* called without locks after a task went on its own (its last process ended), so that fs can invalidate */
	void (*gone)(void *ctx, const struct task *t);
	void *gone_ctx;
	/* called after a count in a task's `events` has risen; locks may be held, but no CPU and none of RANK_LOG */
	void (*event)(void *ctx, const struct task *t);
	void *event_ctx;
};

#define TASK_MODE 0755

/* mkdir. 0, -EEXIST, -ENAMETOOLONG, -EINVAL, -ENOSPC, -ENOMEM. The reference in *out is the caller's. */
MUST_CHECK int task_create_mode(struct vm *vm, const char *name, uid_t uid, gid_t gid, mode_t mode,
				struct task **out);
MUST_CHECK static inline int task_create(struct vm *vm, const char *name, uid_t uid, gid_t gid,
					 struct task **out)
{
	return task_create_mode(vm, name, uid, gid, TASK_MODE, out);
}
MUST_CHECK int task_remove(struct vm *vm, const char *name); /* rmdir: frees all it holds. -ENOENT */
struct task *task_find(struct vm *vm, const char *name); /* with a reference; NULL */
struct task *task_find_pid(struct vm *vm, pid_t pid);
struct task *task_get(struct vm *vm, uint32_t id); /* by id; NULL when gone */
struct task *task_next(struct vm *vm, uint32_t after_id); /* first live task with id > after_id, with a reference */
void task_put(struct task *t);
struct task *task_find_proc(struct vm *vm, pid_t pid); /* of which this process is one, with a reference; NULL */

struct task_attr {
	const char *name;
	mode_t mode; /* 0644, 0444, 0600; see task_attr_mode */
	int (*show)(struct task *t, struct text *out); /* 0 or -errno */
	int (*store)(struct task *t, char *line); /* one line, NUL-terminated, may be modified; task->lock held. 0 or -errno */
	bool may_kill; /* its requests may go as far as the OOM killer; others just fail */
	bool can_poll; /* it changes with task_events, and whoever polls it is told */
	bool is_mem; /* content file: size is task_mem_bytes, task_mem_read / task_mem_write */
};
extern const struct task_attr task_attr_table[];
extern const unsigned nr_task_attrs;

const struct task_attr *task_attr_find(const char *name); /* NULL: no such row */

/* Of its file: nobody may do more there than in the directory. */
static inline mode_t task_attr_mode(const struct task *t, const struct task_attr *a)
{
	return a->mode & t->mode;
}

/* The text of an attribute. 0, or -ENODEV when the task has gone, or the text's error. */
MUST_CHECK int task_attr_read(struct task *t, const struct task_attr *a, struct text *out);

/*
 * A write to an attribute: each line stored in turn, stops at the first that
 * fails. Returns len, or -errno when the first line fails, or the bytes of the
 * lines that were stored. An empty write changes nothing. -ENODEV when the
 * task has gone, -EINTR when the client (base/client.h) was interrupted; it may
 * have been answered before the call returns.
 */
ssize_t task_attr_write(struct task *t, const struct task_attr *a, const char *buf, size_t len);

/* How often something has happened to the task that its `events` count. */
static inline uint64_t task_events(const struct task *t)
{
	return READ_RELAXED(&t->events_alloc_fail) + READ_RELAXED(&t->events_oom_kill);
}
void task_event_count(struct task *t, uint64_t *count); /* one of the two counts rises by one */

/* Content of anonymous memory: bytes moved, 0 at the end, -ENOMEM at the host limit, -ENXIO without a region. */
ssize_t task_mem_read(struct task *t, char *buf, size_t len, uint64_t offset);
ssize_t task_mem_write(struct task *t, const char *buf, size_t len, uint64_t offset); /* -ENOSPC past the end */
uint64_t task_mem_bytes(struct task *t);

/* What a task holds now, in 4 KiB pages; for proc/PID. */
struct task_usage {
	uint64_t anon_pages, file_pages, block_pages, hugetlb_pages, table_pages;
	uint64_t hugetlb_mapped_pages; /* hugetlb_pages, and those that it was promised and has not touched */
};
void task_usage(struct task *t, struct task_usage *u);

/* Where a task's memory is to lie. Waits for no change that is under way. */
void task_mempolicy_read(struct task *t, struct mempolicy *out);

/* One of a task's mappings, and where its pages lie; for proc/PID/numa_maps. */
struct task_numa {
	uint64_t start; /* address */
	uint64_t page_kb; /* of its pages; the counts below are of such pages */
	uint64_t pages, active;
	uint64_t node[MM_NODES_MAX];
};
/* False: the task has no such mapping. */
bool task_numa_read(struct task *t, enum area_kind kind, struct task_numa *out);

/*
 * Import: pages that are PAGE_USED, of order 0, become the task's: anonymous
 * memory, page cache or shared memory (OWNER_TASK_ANON, _FILE, _SHMEM), on this
 * LRU list and with these marks. nr <= 64. 0, or -ENOMEM and nothing changed.
 */
MUST_CHECK int task_adopt(struct task *t, enum owner_kind kind, struct page *const *page,
			  unsigned nr, enum lru_list lru, unsigned marks);
MUST_CHECK int task_adopt_table(struct task *t, struct page *page); /* a page table of its anonymous memory */

#endif
