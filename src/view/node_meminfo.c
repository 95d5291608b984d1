/* SPDX-License-Identifier: MIT */
/* sys/devices/system/node/nodeN/meminfo (drivers/base/node.c: node_read_meminfo, 6.1). */
#include "view/chunk.h"
#include "view/views.h"

static void head(struct chunk *c, unsigned nid)
{
	chunk_lit(c, "Node ");
	chunk_u64(c, nid);
	chunk_char(c, ' ');
}

/* "Node 0 Active:          123 kB": the label takes 15 columns at least. */
static void kb_line(struct chunk *c, unsigned nid, const char *label, uint64_t kb)
{
	head(c, nid);
	chunk_str_left(c, label, 15);
	chunk_char(c, ' ');
	chunk_u64_right(c, kb, 8);
	chunk_lit(c, " kB\n");
}

static uint64_t node_pages(const struct snapshot *s, unsigned nid, enum node_stat item)
{
	return snap_pages(s->node[nid].stat[item]);
}

static void item_line(struct chunk *c, const struct snapshot *s, unsigned nid, const char *label,
		      enum node_stat item)
{
	kb_line(c, nid, label, PAGES_TO_KB(node_pages(s, nid, item)));
}

static void lru_lines(struct chunk *c, const struct snapshot *s, unsigned nid)
{
	uint64_t active = node_pages(s, nid, NR_ACTIVE_ANON) + node_pages(s, nid, NR_ACTIVE_FILE);
	uint64_t inactive = node_pages(s, nid, NR_INACTIVE_ANON) + node_pages(s, nid, NR_INACTIVE_FILE);
	kb_line(c, nid, "Active:", PAGES_TO_KB(active));
	kb_line(c, nid, "Inactive:", PAGES_TO_KB(inactive));
	item_line(c, s, nid, "Active(anon):", NR_ACTIVE_ANON);
	item_line(c, s, nid, "Inactive(anon):", NR_INACTIVE_ANON);
	item_line(c, s, nid, "Active(file):", NR_ACTIVE_FILE);
	item_line(c, s, nid, "Inactive(file):", NR_INACTIVE_FILE);
	item_line(c, s, nid, "Unevictable:", NR_UNEVICTABLE);
	kb_line(c, nid, "Mlocked:", PAGES_TO_KB(snap_node_zone_sum(s, nid, NR_MLOCK)));
}

static void high_lines(struct chunk *c, const struct snapshot *s, unsigned nid)
{
	uint64_t high = 0, high_free = 0;
	uint64_t total = snap_node_managed(s, nid), free = snap_node_zone_sum(s, nid, NR_FREE_PAGES);
	for (unsigned type = 0; type < s->machine->nr_zone_types; type++) {
		const struct zone *z = s->machine->node[nid].zone[type];
		if (!zone_is_high(z))
			continue;
		high += s->zone[z->id].managed;
		high_free += snap_pages(s->zone[z->id].stat[NR_FREE_PAGES]);
	}
	kb_line(c, nid, "HighTotal:", PAGES_TO_KB(high));
	kb_line(c, nid, "HighFree:", PAGES_TO_KB(high_free));
	kb_line(c, nid, "LowTotal:", PAGES_TO_KB(total - high));
	kb_line(c, nid, "LowFree:", PAGES_TO_KB(free - high_free));
}

static uint64_t node_total(const struct snapshot *s, unsigned nid)
{
	const struct machine *m = s->machine;
	uint64_t present = 0;
	if (!m->version->node_total_present)
		return snap_node_managed(s, nid);
	for (unsigned type = 0; type < m->nr_zone_types; type++)
		present += m->node[nid].zone[type]->present;
	return present;
}

static void total_lines(struct chunk *c, const struct snapshot *s, unsigned nid)
{
	uint64_t total = node_total(s, nid), free = snap_node_zone_sum(s, nid, NR_FREE_PAGES);
	kb_line(c, nid, "MemTotal:", PAGES_TO_KB(total));
	kb_line(c, nid, "MemFree:", PAGES_TO_KB(free));
	kb_line(c, nid, "MemUsed:", PAGES_TO_KB(total > free ? total - free : 0));
	if (node_stat_shown(s->machine, NR_SWAPCACHE))
		item_line(c, s, nid, "SwapCached:", NR_SWAPCACHE);
	lru_lines(c, s, nid);
	if (s->machine->bits == 32)
		high_lines(c, s, nid);
}

static void use_lines(struct chunk *c, const struct snapshot *s, unsigned nid)
{
	uint64_t reclaimable = node_pages(s, nid, NR_SLAB_RECLAIMABLE);
	uint64_t unreclaimable = node_pages(s, nid, NR_SLAB_UNRECLAIMABLE);
	uint64_t misc = node_pages(s, nid, NR_KERNEL_MISC_RECLAIMABLE);
	item_line(c, s, nid, "Dirty:", NR_FILE_DIRTY);
	item_line(c, s, nid, "Writeback:", NR_WRITEBACK);
	item_line(c, s, nid, "FilePages:", NR_FILE_PAGES);
	item_line(c, s, nid, "Mapped:", NR_FILE_MAPPED);
	item_line(c, s, nid, "AnonPages:", NR_ANON_MAPPED);
	item_line(c, s, nid, "Shmem:", NR_SHMEM);
	kb_line(c, nid, "KernelStack:", node_pages(s, nid, NR_KERNEL_STACK_KB));
	item_line(c, s, nid, "PageTables:", NR_PAGETABLE);
	if (node_stat_shown(s->machine, NR_SECONDARY_PAGETABLE))
		item_line(c, s, nid, "SecPageTables:", NR_SECONDARY_PAGETABLE);
	kb_line(c, nid, "NFS_Unstable:", 0);
	kb_line(c, nid, "Bounce:", PAGES_TO_KB(snap_node_zone_sum(s, nid, NR_BOUNCE)));
	item_line(c, s, nid, "WritebackTmp:", NR_WRITEBACK_TEMP);
	kb_line(c, nid, "KReclaimable:", PAGES_TO_KB(reclaimable + misc));
	kb_line(c, nid, "Slab:", PAGES_TO_KB(reclaimable + unreclaimable));
	kb_line(c, nid, "SReclaimable:", PAGES_TO_KB(reclaimable));
	kb_line(c, nid, "SUnreclaim:", PAGES_TO_KB(unreclaimable));
}

static void thp_lines(struct chunk *c, const struct snapshot *s, unsigned nid)
{
	item_line(c, s, nid, "AnonHugePages:", NR_ANON_THPS);
	item_line(c, s, nid, "ShmemHugePages:", NR_SHMEM_THPS);
	item_line(c, s, nid, "ShmemPmdMapped:", NR_SHMEM_PMDMAPPED);
	/* 6.1 pads the labels of these two by hand, one column short. */
	unsigned width = s->machine->version->node_file_thp_wide ? 16 : 15;
	for (unsigned i = 0; i < 2; i++) {
		head(c, nid);
		chunk_str_left(c, i ? "FilePmdMapped:" : "FileHugePages:", width);
		chunk_u64_right(c, PAGES_TO_KB(node_pages(s, nid, i ? NR_FILE_PMDMAPPED : NR_FILE_THPS)), 8);
		chunk_lit(c, " kB\n");
	}
	if (zone_stat_shown(s->machine, NR_UNACCEPTED))
		kb_line(c, nid, "Unaccepted:", PAGES_TO_KB(snap_node_zone_sum(s, nid, NR_UNACCEPTED)));
}

static void count_line(struct chunk *c, unsigned nid, const char *label, uint64_t pages)
{
	head(c, nid);
	chunk_str_left(c, label, 17);
	chunk_u64_right(c, pages, 5);
	chunk_char(c, '\n');
}

void view_node_meminfo(struct text *t, const struct snapshot *s, unsigned arg)
{
	struct chunk c;
	chunk_init(&c, t);
	total_lines(&c, s, arg);
	use_lines(&c, s, arg);
	thp_lines(&c, s, arg);
	count_line(&c, arg, "HugePages_Total:", s->node[arg].hugetlb_nr);
	count_line(&c, arg, "HugePages_Free:", s->node[arg].hugetlb_free);
	count_line(&c, arg, "HugePages_Surp:", s->node[arg].hugetlb_surplus);
	chunk_flush(&c);
}
