/* SPDX-License-Identifier: MIT */
#ifndef VM_TASK_PRIVATE_H
#define VM_TASK_PRIVATE_H

/* What the parts of a task need of each other; nothing for other layers. */

#include "vm/amount.h"
#include "vm/page_index.h"
#include "vm/progress.h"
#include "vm/vm.h"

#include <errno.h>

/* Pages that change hands inside one entry of the CPU; others get in between. */
#define TASK_BATCH 64u

/* ---- task.c ---- */
MUST_CHECK int tasks_init(struct vm *vm);
/* Forget every task without giving its pages back: the machine goes too. No thread runs any more. */
void tasks_fini(struct vm *vm);
/* Import: a task of this slot and number. 0, -EEXIST, -EINVAL, -ENAMETOOLONG, -ENOMEM. The table's reference is the only one. */
MUST_CHECK int task_restore(struct vm *vm, uint32_t id, pid_t pid, const char *name, struct task **out);
/* Take the task out of the table and free all it holds. False: somebody else has done it. The caller has a reference. */
bool task_end(struct task *t);

static inline bool task_dead(const struct task *t)
{
	return READ_RELAXED(&t->dead);
}

/* Why a change that takes has to end: -ENODEV when the task is being removed, -ENOMEM when it is to die; 0: it goes on. */
static inline int task_ending(const struct task *t)
{
	if (task_dead(t))
		return -ENODEV;
	return READ_RELAXED(&t->oom_victim) ? -ENOMEM : 0;
}

/* ---- task_pause.c: changes of a task, one at a time, past the gate, in slices. Not nested ---- */
/* 0, or -EINTR: the client does not want to wait for the change that is under way. */
MUST_CHECK int task_lock(struct task *t);
void task_lock_anyway(struct task *t); /* to take it away: an interrupted client is told that this is done */
void task_unlock(struct task *t);
/*
 * Between two slices: whoever wants to hold the machine gets in. A change that
 * takes goes on with 0, and ends with -EINTR when its client is interrupted
 * (who has been told so; what has been taken is to be given back), and as
 * task_ending says. One that gives goes on in any case; the client is
 * told that it is done.
 */
MUST_CHECK int task_pause(struct task *t);
void task_pause_giving(struct task *t);

static inline struct cpu *task_cpu(const struct task *t)
{
	return &t->vm->machine.cpu[READ_RELAXED(&t->cpu)];
}

/* ---- task_batch.c: a handful of order-0 pages. Inside c ---- */
struct page_use { /* what becomes of pages that a task takes */
	struct page_index *index;
	uint32_t owner;
	enum lru_list lru;
	enum node_stat stat;
};
/* Pages just taken: into the index (there is room), onto the LRU, counted. */
void pages_attach(struct task *t, struct cpu *c, const struct page_use *use,
		  struct page *const *page, unsigned nr);
/* Pages out of the index already: off the LRU and given back. */
void pages_detach(struct task *t, struct cpu *c, enum node_stat stat, struct page *const *page, unsigned nr);
/* Nobody's page again. */
void page_disown(struct page *page);

/* ---- what each attribute holds. task->lock held; 0, or -ENOMEM and nothing changed ---- */
MUST_CHECK int task_anon_set(struct task *t, uint64_t pages);
MUST_CHECK int task_file_set(struct task *t, uint64_t pages);
/* Map so many pages of a pool, and have that many of them touched. Also -EINVAL: touched ones would go and their mapping stay. */
MUST_CHECK int task_hugetlb_set(struct task *t, unsigned pool, uint64_t nr, uint64_t touched);
void task_hugetlb_free_all(struct task *t);
int task_hugetlb_show(struct task *t, struct text *out); /* row of task_attr_table */
int task_hugetlb_store(struct task *t, char *line);
/* In 4 KiB pages, of all sizes. No lock needed. */
uint64_t task_huge_pages(const struct task *t);
uint64_t task_huge_mapped_pages(const struct task *t);
/* Also -ENOSPC: too many keys. */
MUST_CHECK int task_pages_set(struct task *t, unsigned order, gfp_t gfp, uint64_t blocks);
uint64_t task_pages_count(struct task *t, unsigned order, gfp_t gfp);
void task_pages_free_all(struct task *t);
/* Import: a new line of `pages`, without blocks. 0, -EEXIST, -ENOSPC, -ENOMEM. */
MUST_CHECK int task_pages_line(struct task *t, unsigned order, gfp_t gfp, struct page_index **out);
void task_pages_fini(struct task *t); /* tables only */
uint64_t task_pages_total(struct task *t); /* in 4 KiB pages */
void task_pages_show(struct task *t, struct text *out);

/* ---- task_objects.c: objects of slab caches. task->lock held ---- */
/* The line of a cache (size 0), or of kmalloc for so many bytes; NULL: none. */
struct task_objects *task_objects_find(struct task *t, const struct kmem_cache *cache,
				       uint32_t size, gfp_t gfp);
/* Hold nr objects of that kind. The cache is the caller's. 0, -ENOMEM, -ENOSPC (too many keys), -EINTR, -ENODEV; then nothing changed. */
MUST_CHECK int task_objects_set(struct task *t, struct kmem_cache *cache, uint32_t size, gfp_t gfp,
				uint64_t nr);
/* Import: a new line without objects, and one more for it. 0, -EEXIST, -ENOSPC, -ENOMEM. */
MUST_CHECK int task_objects_line(struct task *t, struct kmem_cache *cache, uint32_t size, gfp_t gfp,
				 struct task_objects **out);
MUST_CHECK int task_objects_restore(struct task_objects *line, void *object);
void task_objects_free_all(struct task *t);
void task_objects_fini(struct task *t); /* tables only */

/* ---- task_slab.c, task_kmalloc.c: rows of task_attr_table ---- */
int task_slab_show(struct task *t, struct text *out);
int task_slab_store(struct task *t, char *line);
int task_kmalloc_show(struct task *t, struct text *out);
int task_kmalloc_store(struct task *t, char *text);

/* ---- task_mempolicy.c: row of task_attr_table ---- */
int task_mempolicy_show(struct task *t, struct text *out);
int task_mempolicy_store(struct task *t, char *line);
/* For requests. task->lock held */
static inline struct mempolicy *task_mempolicy(struct task *t)
{
	return &t->mempolicy;
}

/* ---- task_area.c. task->lock held, or nobody else knows the task ---- */
/* The mapping reaches so far; with 0 pages there is none. 0 or -ENOMEM, and then there is none and was none. */
MUST_CHECK int task_area_reach(struct task *t, enum area_kind kind, uint64_t pages);
MUST_CHECK int task_areas_adopt(struct task *t); /* import: it maps what it has. 0 or -ENOMEM */
void task_areas_free(struct task *t);

extern const struct owner_ops task_file_ops; /* ctx: struct vm */

/* ---- task_move.c ---- */
enum page_fate task_page_move(void *ctx, struct cpu *c, struct page *page, struct page *to); /* of owner_ops */
extern const struct owner_ops task_anon_ops; /* of anonymous and of shared memory; ctx: struct vm */

/* ---- task_adopt.c ---- */
void task_shmem_free(struct task *t); /* all of it. task->lock held */

/* ---- task_pagetable.c. task->lock held ---- */
uint64_t anon_tables_for(const struct vm *vm, uint64_t pages); /* how many tables map that much */
uint64_t hugetlb_tables_for(const struct hugetlb *h, uint64_t nr);
/* Have at least nr tables; there is room in the index. 0, or -ENOMEM and some may have been taken. */
MUST_CHECK int task_tables_grow(struct task *t, struct page_index *tables, uint64_t nr);
void task_tables_shrink(struct task *t, struct page_index *tables, uint64_t nr); /* have at most nr tables */

/* ---- task_mem.c: bytes behind the pages. task->lock held ---- */
/* A page with somebody's old bytes becomes all zero. */
void content_scrub(struct vm *vm, struct page *page, unsigned order);
/* Several of order 0 that are nobody's yet, neighbours in one call. */
void content_scrub_pages(struct vm *vm, struct page *const *page, unsigned nr);
/* Anonymous pages that page_index_cut has taken out of the slots [from, to): give their bytes back to the host. */
void task_content_drop(struct task *t, uint64_t from, uint64_t to);

/* ---- task_procs.c ---- */
MUST_CHECK int procs_init(struct vm *vm);
MUST_CHECK int procs_start(struct vm *vm);
void procs_stop(struct vm *vm); /* joins the reaper */
void procs_fini(struct vm *vm);
void procs_reap(struct vm *vm); /* without a reaper: end the tasks whose last process has ended */
MUST_CHECK int task_procs_add(struct task *t, pid_t pid); /* task->lock held */
MUST_CHECK int task_procs_del(struct task *t, pid_t pid);
void task_procs_show(struct task *t, struct text *out);
void task_procs_kill(struct task *t); /* SIGKILL to each that the task's owner may send one */
void task_procs_clear(struct task *t);

#endif
