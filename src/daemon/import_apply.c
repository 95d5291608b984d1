/* SPDX-License-Identifier: MIT */
/*
 * Step three of an import, on a machine that has booted with everything in
 * use: give each zone its free memory, then the knobs, and last what was
 * printed, which stands until a knob is written. Memory that the capture
 * shows in use and that somebody could free (page cache, huge pages) belongs
 * to a task named "imported".
 */
#include "daemon/import.h"

#include "base/mem.h"
#include "daemon/import_slab.h"
#include "daemon/import_use.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct zone *import_zone(struct vm *vm, const struct cap_zone *from)
{
	struct machine *m = &vm->machine;
	for (unsigned type = 0; type < m->nr_zone_types; type++)
		if (m->kind[type] == from->kind)
			return m->node[from->node].zone[type];
	return NULL;
}

/* ---- Huge pages ---- */

/* Is what meminfo prints of huge pages about the first pool? */
static bool huge_default(const struct import_run *run)
{
	return run->c->meminfo.has_huge &&
	       run->c->meminfo.hugepage_kb == PAGES_TO_KB(1ul << run->vm->hugetlb->order);
}

/* No node says how many it has: each node with memory its even share. */
static void huge_share(struct import_run *run, struct import_huge *huge, uint64_t total,
		       uint64_t nr_free, uint64_t surplus)
{
	struct machine *m = &run->vm->machine;
	unsigned nr = 0, i = 0;
	for (unsigned n = 0; n < m->nr_nodes; n++)
		nr += m->node[n].has_memory;
	for (unsigned n = 0; n < m->nr_nodes; n++) {
		if (!m->node[n].has_memory)
			continue;
		huge->left[n] = total * (i + 1) / nr - total * i / nr;
		huge->free[n] = nr_free * (i + 1) / nr - nr_free * i / nr;
		huge->surplus[n] = surplus * (i + 1) / nr - surplus * i / nr;
		i++;
	}
	if (nr > 1 && total)
		cap_note(run->c, NOTE_GUESSED, "huge pages of nodes",
			 "%lu huge pages are shared evenly among %u nodes", total, nr);
}

/* All that meminfo says of a pool: of the default size its numbers, of the other one how much memory it has. */
static void huge_from_meminfo(struct import_run *run, unsigned pool)
{
	const struct cap_meminfo *info = &run->c->meminfo;
	uint64_t kb = info->huge_total * info->hugepage_kb;
	if (!huge_default(run))
		return;
	if (!pool)
		huge_share(run, &run->huge[pool], info->huge_total, info->huge_free, info->huge_surp);
	else if (info->hugetlb_kb > kb)
		huge_share(run, &run->huge[pool],
			   (info->hugetlb_kb - kb) / PAGES_TO_KB(1ul << run->vm->hugetlb[pool].order),
			   0, 0);
}

static void pool_prepare(struct import_run *run, unsigned pool)
{
	bool gigantic = hugetlb_gigantic(&run->vm->hugetlb[pool]), by_node = false;
	for (unsigned n = 0; n < run->c->nr_nodes; n++) {
		const struct cap_huge *from =
			gigantic ? &run->c->node[n].gigantic : &run->c->node[n].huge;
		by_node |= from->seen;
		run->huge[pool].left[n] = from->nr;
		run->huge[pool].free[n] = from->free;
		run->huge[pool].surplus[n] = from->surplus;
	}
	if (!by_node)
		huge_from_meminfo(run, pool);
}

static void huge_prepare(struct import_run *run)
{
	for (unsigned pool = 0; pool < run->vm->nr_hugetlb; pool++)
		pool_prepare(run, pool);
}

/* What is promised to somebody is mapped by the task: it can be let go of. */
static void pool_finish(struct import_run *run, unsigned pool)
{
	struct hugetlb *h = &run->vm->hugetlb[pool];
	uint64_t left = 0;
	for (unsigned n = 0; n < run->vm->machine.nr_nodes; n++)
		left += run->huge[pool].left[n];
	if (left)
		cap_note(run->c, NOTE_CORRECTED, "huge pages",
			 "%lu pages of the pool of %lu kB found no whole block among the memory in use; left out",
			 left, PAGES_TO_KB(1ul << h->order));
	h->max = h->nr - h->nr_surplus;
	if (!pool && huge_default(run))
		h->nr_reserved = MIN(run->c->meminfo.huge_rsvd, h->nr_free);
	run->task->huge_mapped[pool] = run->task->hugetlb[pool].nr + h->nr_reserved;
}

static void huge_finish(struct import_run *run)
{
	for (unsigned pool = 0; pool < run->vm->nr_hugetlb; pool++)
		pool_finish(run, pool);
}

/* ---- The whole ---- */

static void totals_count(struct import_run *run)
{
	for (unsigned i = 0; i < run->c->nr_zones; i++) {
		const struct cap_zone *z = &run->c->zone[i];
		run->managed += z->managed;
		for (unsigned order = 0; order < run->vm->machine.pageblock_order; order++)
			run->small_blocks += z->buddy[order];
	}
}

/* Highest zone of a node first: that is where the kernel takes pool pages from. */
static int zones_place(struct import_run *run)
{
	int error = 0;
	for (unsigned i = run->c->nr_zones; i-- > 0 && !error;) {
		struct zone *z = import_zone(run->vm, &run->c->zone[i]);
		if (z && zone_populated(z))
			error = import_place_zone(run, z, &run->c->zone[i]);
	}
	return error;
}

/*
 * What taking over the page cache left in the CPUs' own counts is folded;
 * then the difference between printed and real free pages goes there.
 */
static void counters_set(struct import_run *run)
{
	struct machine *m = &run->vm->machine;
	machine_stat_fold(m);
	for (unsigned i = 0; i < run->c->nr_zones; i++) {
		struct zone *z = import_zone(run->vm, &run->c->zone[i]);
		if (z && zone_populated(z))
			import_zone_counters(run->c, z, &run->c->zone[i]);
	}
	import_counters(run);
}

static void commit_set(struct import_run *run)
{
	run->vm->overcommit.committed_pages = (int64_t)page_index_nr(&run->task->anon);
	if (run->c->meminfo.has_committed)
		run->vm->overcommit.committed_pages =
			(int64_t)(run->c->meminfo.committed_kb >> (PAGE_SHIFT - 10));
}

int import_apply(struct capture *c, struct vm *vm, struct why *why)
{
	if (c->frames)
		return import_frames_apply(c, vm, why);
	struct import_run *run = mem_zalloc(sizeof(*run));
	if (!run)
		return why_set(why, -ENOMEM, "%s: not enough memory to import it", c->state);
	*run = (struct import_run){ .c = c, .vm = vm, .why = why };
	rng_init(&run->rng, rng_next(&vm->rng));
	totals_count(run);
	huge_prepare(run);
	int error = import_use_prepare(run);
	if (!error)
		error = task_create(vm, "imported", getuid(), getgid(), &run->task);
	if (!error)
		run->task->oom_score_adj = run->task->oom_score_adj_min =
			OOM_SCORE_ADJ_MIN; /* it stands for many, not for one */
	if (!error)
		error = import_slab_prepare(run);
	if (!error)
		error = zones_place(run);
	if (!error) {
		import_past_set(run);
		huge_finish(run);
		import_slab_finish(run);
		counters_set(run);
		overcommit_init(vm);
		import_knobs_set(c, vm);
		commit_set(run);
		for (unsigned i = 0; i < c->nr_zones; i++)
			import_zone_marks(c, import_zone(vm, &c->zone[i]), &c->zone[i]);
		import_numa_set(c, &vm->machine);
	}
	if (run->task)
		task_put(run->task);
	import_slab_fini(run);
	mem_free(run->use);
	mem_free(run);
	return error ? why_set(why, error, "%s: not enough memory to import it", c->state) : 0;
}
