/* SPDX-License-Identifier: MIT */
/*
 * tasks/NAME/mempolicy: where a task's memory lies (mm/mempolicy.c: do_mbind,
 * do_set_mempolicy, 6.1). It is the policy of all its mappings, as mbind sets
 * it: for anonymous memory and huge pages; and of what the task asks the
 * allocator for itself, page cache and blocks. Page tables and slab objects are
 * the kernel's and lie near the task's CPU, as those of a process do that uses
 * mbind.
 *
 * A write is for what comes after it. With the word `move` behind the policy,
 * pages that lie elsewhere are moved (MPOL_MF_MOVE): anonymous memory, page
 * cache, shared memory. What does not move stays where it is, and when there is
 * no room for more of them the rest stays, which is no error; blocks and huge
 * pages never move.
 *
 * Different from Linux: a page that lies on the CPU's own node already is not
 * moved to another frame of it by `default move` and `local move`.
 *
 * Locks: task->lock to change the policy and to use it; index_lock besides to
 * store it, which is what readers take. `mode` and `nodes` are relaxed, for the OOM
 * killer looks without any.
 */
#include "policy/migrate.h"
#include "vm/task_private.h"

#include <string.h>

#define GFP_MOVE                                                                                   \
	(GFP_HIGHUSER_MOVABLE | __GFP_RETRY_MAYFAIL) /* nobody is killed for the sake of a better place */

/* ---- Moving. task->lock ---- */

struct mover {
	struct task *t;
	struct page_index *ix;
	uint64_t slot; /* the next one that is looked at */
	bool full; /* there is no room for another page */
};

/* The page of a slot, when it is there and lies elsewhere. */
static struct page *misplaced(const struct mover *m, const struct cpu *c, uint64_t slot)
{
	struct task *t = m->t;
	struct page *page = NULL;
	lock_take(&t->index_lock);
	if (slot < m->ix->nr)
		page = pfn_page(&t->vm->machine, m->ix->pfn[slot]);
	if (page && mempolicy_is_met(&t->mempolicy, c, page_node(&t->vm->machine, page)->id))
		page = NULL;
	lock_drop(&t->index_lock);
	return page;
}

/* Taking a frame may leave the CPU for a while, so the slot is looked at again before its page moves. */
static void slot_move(struct mover *m, struct cpu *c, uint64_t slot)
{
	struct policy *p = &m->t->vm->policy;
	if (!misplaced(m, c, slot))
		return;
	struct page *to = alloc_page_at(p, c, &m->t->mempolicy, GFP_MOVE, slot);
	m->full = !to;
	if (m->full) {
		event_add(c, PGMIGRATE_FAIL, 1);
		return;
	}
	struct page *page = misplaced(m, c, slot);
	bool moved = page && page_migrate(p, c, page, to) == PAGE_GOES;
	if (page)
		event_add(c, moved ? PGMIGRATE_SUCCESS : PGMIGRATE_FAIL, 1);
	free_pages(c, moved ? page : to, 0);
}

/* A handful; others get in between. */
static void slots_move(struct mover *m, uint64_t nr)
{
	struct cpu *c = task_cpu(m->t);
	cpu_enter(c);
	for (uint64_t end = m->slot + nr; m->slot < end && !m->full; m->slot++)
		slot_move(m, c, m->slot);
	cpu_leave(c);
}

static int index_move(struct task *t, struct page_index *ix)
{
	struct mover m = { .t = t, .ix = ix };
	struct progress progress;
	progress_start(&progress, t->name, "moving pages", 0, page_index_nr(ix));
	for (uint64_t nr; (nr = page_index_nr(ix)) > m.slot && !m.full;) {
		slots_move(&m, MIN(nr - m.slot, TASK_BATCH));
		int error = task_ending(t);
		if (!error && progress_step(&progress, m.slot))
			error = task_pause(t);
		if (error)
			return error;
	}
	return 0;
}

static int task_move(struct task *t)
{
	struct page_index *const index[] = { &t->anon, &t->file, &t->shmem };
	int error = 0;
	for (unsigned i = 0; i < ARRAY_LEN(index) && !error; i++)
		error = index_move(t, index[i]);
	return error;
}

/* ---- The attribute ---- */

void task_mempolicy_read(struct task *t, struct mempolicy *out)
{
	*out = (struct mempolicy){ .mode = MPOL_DEFAULT };
	lock_take(&t->index_lock);
	out->mode = t->mempolicy.mode;
	out->nodes = t->mempolicy.nodes;
	out->il_prev = READ_RELAXED(&t->mempolicy.il_prev);
	lock_drop(&t->index_lock);
}

int task_mempolicy_show(struct task *t, struct text *out)
{
	struct mempolicy pol;
	struct text word;
	task_mempolicy_read(t, &pol);
	text_init(&word, 0);
	mempolicy_print(&word, &pol);
	const char *kernels = text_cstr(&word);
	if (pol.mode == MPOL_PREFERRED) { /* the word of the system call, which is the one to write */
		text_str(out, "preferred");
		kernels = strchr(kernels, ':');
	}
	text_str(out, kernels);
	text_char(out, '\n');
	text_fini(&word);
	return 0;
}

int task_mempolicy_store(struct task *t, char *line)
{
	static const char blanks[] = " \t";
	char *rest = NULL;
	const char *word = strtok_r(line, blanks, &rest), *move = strtok_r(NULL, blanks, &rest);
	if (!word || (move && (strcmp(move, "move") || strtok_r(NULL, blanks, &rest))))
		return -EINVAL;
	lock_take(&t->index_lock);
	int error = mempolicy_parse(&t->mempolicy, &t->vm->policy.numa, word);
	lock_drop(&t->index_lock);
	return error || !move ? error : task_move(t);
}
