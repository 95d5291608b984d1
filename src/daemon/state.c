/* SPDX-License-Identifier: MIT */
#include "daemon/state.h"

#include "base/log.h"

#include <string.h>

/* Sums of what meminfo prints, one line for the machine and one for each node, from counters that need no lock. */

static uint64_t node_free_pages(const struct node *n)
{
	uint64_t pages = 0;

	for (unsigned z = 0; z < n->machine->nr_zone_types; z++)
		if (zone_populated(n->zone[z]))
			pages += zone_stat_read(n->zone[z], NR_FREE_PAGES);
	return pages;
}

static uint64_t node_managed_pages(const struct node *n)
{
	uint64_t pages = 0;

	for (unsigned z = 0; z < n->machine->nr_zone_types; z++)
		pages += READ_RELAXED(&n->zone[z]->managed);
	return pages;
}

static void node_print(struct text *t, const struct node *n)
{
	text_printf(t, "node %u: MemTotal %llu kB, MemFree %llu kB, file %llu kB, anon %llu kB\n",
		    n->id, (unsigned long long)PAGES_TO_KB(node_managed_pages(n)),
		    (unsigned long long)PAGES_TO_KB(node_free_pages(n)),
		    (unsigned long long)PAGES_TO_KB(node_stat_read(n, NR_FILE_PAGES)),
		    (unsigned long long)PAGES_TO_KB(node_stat_read(n, NR_ANON_MAPPED)));
}

static void region_print(struct text *t, const struct region *r)
{
	text_printf(t, "memory: %s", backing_name[r->backing]);
	if (r->limit_pages != UINT64_MAX)
		text_printf(t, ", %llu of at most %llu kB in use",
			    (unsigned long long)PAGES_TO_KB(READ_RELAXED(&r->used_pages)),
			    (unsigned long long)PAGES_TO_KB(r->limit_pages));
	text_char(t, '\n');
}

void state_print(struct text *t, const struct vm *vm)
{
	const struct machine *m = &vm->machine;
	const struct hugetlb *h = vm->hugetlb;
	uint64_t free_pages = 0;

	for (unsigned n = 0; n < m->nr_nodes; n++)
		free_pages += node_free_pages(&m->node[n]);
	text_printf(
		t, "machine: MemTotal %llu kB, MemFree %llu kB, HugePages_Total %llu, HugePages_Free %llu, Committed_AS %llu kB\n",
		(unsigned long long)PAGES_TO_KB(READ_RELAXED(&vm->total_pages)),
		(unsigned long long)PAGES_TO_KB(free_pages), (unsigned long long)READ_RELAXED(&h->nr),
		(unsigned long long)READ_RELAXED(&h->nr_free),
		(unsigned long long)PAGES_TO_KB(MAX(READ_RELAXED(&vm->overcommit.committed_pages), 0)));
	for (unsigned n = 0; n < m->nr_nodes; n++)
		if (m->node[n].online)
			node_print(t, &m->node[n]);
	if (vm->region)
		region_print(t, vm->region);
}

void state_log(const struct vm *vm)
{
	struct text text;
	char *rest = NULL;

	text_init(&text, 0);
	state_print(&text, vm);
	char *copy = strdup(text_cstr(&text));
	for (char *line = copy ? strtok_r(copy, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest))
		log_info("state: %s", line);
	free(copy);
	text_fini(&text);
}
