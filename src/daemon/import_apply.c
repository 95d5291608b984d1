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

static bool huge_default(const struct import_run *run)
{
	return run->c->meminfo.has_huge &&
	       run->c->meminfo.hugepage_kb == PAGES_TO_KB(1ul << run->vm->hugetlb->order);
}

/* No node says how many it has: each node with memory its even share. */
static void huge_share(struct import_run *run)
{
	struct machine *m = &run->vm->machine;
	const struct cap_meminfo *info = &run->c->meminfo;
	unsigned nr = 0, i = 0;
	for (unsigned n = 0; n < m->nr_nodes; n++)
		nr += m->node[n].has_memory;
	for (unsigned n = 0; n < m->nr_nodes; n++) {
		if (!m->node[n].has_memory)
			continue;
		run->huge_left[n] = info->huge_total * (i + 1) / nr - info->huge_total * i / nr;
		run->huge_free[n] = info->huge_free * (i + 1) / nr - info->huge_free * i / nr;
		run->huge_surplus[n] = info->huge_surp * (i + 1) / nr - info->huge_surp * i / nr;
		i++;
	}
	if (nr > 1 && info->huge_total)
		cap_note(run->c, NOTE_GUESSED, "huge pages of nodes",
			 "%lu huge pages are shared evenly among %u nodes", info->huge_total, nr);
}

static void huge_prepare(struct import_run *run)
{
	bool by_node = false;
	for (unsigned n = 0; n < run->c->nr_nodes; n++) {
		const struct cap_node *from = &run->c->node[n];
		by_node |= from->has_huge;
		run->huge_left[n] = from->huge_nr;
		run->huge_free[n] = from->huge_free;
		run->huge_surplus[n] = from->huge_surplus;
	}
	if (!by_node && huge_default(run))
		huge_share(run);
}

static void huge_finish(struct import_run *run)
{
	struct hugetlb *h = run->vm->hugetlb;
	uint64_t left = 0;
	for (unsigned n = 0; n < run->vm->machine.nr_nodes; n++)
		left += run->huge_left[n];
	if (left)
		cap_note(run->c, NOTE_CORRECTED, "huge pages",
			 "%lu pages of the pool found no whole block among the memory in use; left out",
			 left);
	h->max = h->nr - h->nr_surplus;
	if (huge_default(run))
		h->nr_reserved = MIN(run->c->meminfo.huge_rsvd, h->nr_free);
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
