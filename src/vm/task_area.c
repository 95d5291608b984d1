/* SPDX-License-Identifier: MIT */
/*
 * The mappings of a task (mm/mmap.c, 6.1): one of anonymous memory, one of huge
 * pages, each an object of vm_area_struct while there is anything in it. A
 * mapping is made before the first page is touched, as mmap does it, and says
 * how far it reaches; what is touched is in the task's indices.
 */
#include "vm/task_private.h"

#include <errno.h>

int task_area_reach(struct task *t, enum area_kind kind, uint64_t pages)
{
	struct area *a = t->area[kind];
	if (!a && pages) {
		a = own_alloc(t->vm, OWN_AREA, task_cpu(t), sizeof(*a));
		if (!a)
			return -ENOMEM;
		a->task = t->id;
		a->kind = (uint8_t)kind;
		t->area[kind] = a;
	}
	if (!a)
		return 0;
	a->pages = pages;
	if (!pages) {
		t->area[kind] = NULL;
		own_free(t->vm, OWN_AREA, task_cpu(t), a);
	}
	return 0;
}

void task_areas_free(struct task *t)
{
	for (unsigned kind = 0; kind < AREA_KINDS; kind++) {
		own_free(t->vm, OWN_AREA, task_cpu(t), t->area[kind]);
		t->area[kind] = NULL;
	}
}

int task_areas_adopt(struct task *t)
{
	int error = task_area_reach(t, AREA_ANON, t->anon.nr);
	for (unsigned i = 0; i < t->vm->nr_hugetlb && !error; i++)
		error = task_area_reach(t, AREA_HUGETLB + i, t->huge_mapped[i] << t->vm->hugetlb[i].order);
	return error;
}
