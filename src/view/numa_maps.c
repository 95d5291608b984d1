/* SPDX-License-Identifier: MIT */
/*
 * proc/PID/numa_maps (fs/proc/task_mmu.c: show_numa_map; mm/mempolicy.c:
 * mpol_to_str, 6.1): a line for each mapping, by address, with the policy, how
 * many of its pages are there, and on which nodes. All pages of a task's
 * mappings are anonymous and were written to when they were touched, so
 * anon= and dirty= are all of them and mapped= is never there. Huge pages lie in
 * a nameless file of hugetlbfs, as those of mmap with MAP_HUGETLB do.
 */
#include "view/views.h"

#include "vm/vm.h"

static void policy_print(struct text *t, struct task *task)
{
	struct mempolicy pol;
	task_mempolicy_read(task, &pol);
	mempolicy_print(t, &pol);
}

static void pages_print(struct text *t, const struct machine *m, const struct task_numa *map, bool huge)
{
	text_printf(t, " anon=%llu dirty=%llu", (unsigned long long)map->pages,
		    (unsigned long long)map->pages);
	if (!huge && map->active < map->pages)
		text_printf(t, " active=%llu", (unsigned long long)map->active);
	for (unsigned nid = 0; nid < m->nr_nodes; nid++)
		if (map->node[nid])
			text_printf(t, " N%u=%llu", nid, (unsigned long long)map->node[nid]);
	text_printf(t, " kernelpagesize_kB=%llu", (unsigned long long)map->page_kb);
}

void view_task_numa_maps(struct text *t, struct task *task)
{
	struct task_numa map;
	for (unsigned kind = 0; kind < AREA_KINDS; kind++) {
		bool huge = kind != AREA_ANON;
		if (!task_numa_read(task, (enum area_kind)kind, &map))
			continue;
		text_printf(t, "%08llx ", (unsigned long long)map.start);
		policy_print(t, task);
		if (huge)
			text_str(t, " file=/anon_hugepage\\040(deleted) huge");
		if (map.pages)
			pages_print(t, &task->vm->machine, &map, huge);
		text_char(t, '\n');
	}
}
