/* SPDX-License-Identifier: MIT */
/*
 * The Mem-Info block of the log (mm/page_alloc.c: show_free_areas, 5.10 and
 * 6.1; mm/show_mem.c, 6.12). Which numbers a line has differs from kernel to
 * kernel: that is said beside each.
 *
 * Each call of line_log is one record; where kernels print several lines with
 * one message, or continue a line, this does the same, so that readers of
 * /dev/kmsg see the same records. Lines are made on the stack: memory may be
 * what the host lacks, too.
 *
 * Numbers are the global values of the counters, without the differences that
 * CPUs keep, as everywhere.
 */

#include "base/text.h"
#include "policy/policy.h"
#include "policy/report.h"

#define KSWAPD_FAILURES_MAX 16 /* MAX_RECLAIM_RETRIES */

/* The letters of enum migratetype. */
static const char type_letter[MIGRATE_TYPES] = { 'U', 'M', 'E', 'H', 'I' };

struct printer {
	const struct policy *policy;
	const struct machine *m;
	const struct cpu *cpu;
	unsigned highest_type;
	const struct nodemask *nodes; /* NULL: all */
	struct text line;
	char buf[RING_TEXT_MAX + 1];
};

static void printer_init(struct printer *p, const struct policy *policy, const struct cpu *c,
			 unsigned highest_type, const struct nodemask *nodes)
{
	p->policy = policy;
	p->nodes = nodes;
	p->m = policy->machine;
	p->cpu = c;
	p->highest_type = p->m->version->mem_info_narrow ? highest_type : p->m->nr_zone_types - 1;
	text_init_over(&p->line, p->buf, sizeof(p->buf));
}

static void line_log(struct printer *p)
{
	ring_add(p->policy->report.log, RING_LEVEL_DEFAULT, p->line.buf, p->line.len);
	text_reset(&p->line);
}

#define LINE(p, ...)                                                                               \
	do {                                                                                       \
		text_printf(&(p)->line, __VA_ARGS__);                                              \
		line_log(p);                                                                       \
	} while (0)

/* ---- Numbers, and the kernels whose lines have them ---- */

enum source { OF_NODES, OF_ZONES, OF_PCP };

struct item {
	const char *label; /* in front of the number */
	uint8_t stat;
	uint8_t source; /* of totals: enum source */
	uint32_t kernels; /* 0: all */
};

static uint64_t nodes_sum(const struct printer *p, enum node_stat item)
{
	uint64_t sum = 0;
	for (unsigned n = 0; n < p->m->nr_nodes; n++)
		if (p->m->node[n].online)
			sum += node_stat_read(&p->m->node[n], item);
	return sum;
}

static uint64_t zones_sum(const struct printer *p, enum zone_stat item)
{
	uint64_t sum = 0;
	FOR_EACH_POPULATED_ZONE(z, p->m)
		sum += zone_stat_read(z, item);
	return sum;
}

/* 6.1: show_mem_node_skip. */
static bool node_skipped(const struct printer *p, unsigned nid)
{
	return p->nodes && !nodemask_has(p->nodes, nid);
}

static bool zone_is_shown(const struct printer *p, const struct zone *z)
{
	return z->type <= p->highest_type && !node_skipped(p, z->node->id);
}

static uint64_t zone_pcp_pages(const struct zone *z)
{
	uint64_t pages = 0;
	MASK_FOR_EACH(cpu, &z->machine->cpus_online)
		pages += (unsigned)READ_RELAXED(&z->machine->cpu[cpu].zone[z->id].pcp.count);
	return pages;
}

static uint64_t pcp_sum(const struct printer *p)
{
	uint64_t pages = 0;
	FOR_EACH_POPULATED_ZONE(z, p->m)
		if (z->type <= p->highest_type)
			pages += zone_pcp_pages(z);
	return pages;
}

/* One record of several lines. */
static const struct item total_items[] = {
	{ "active_anon:", NR_ACTIVE_ANON, OF_NODES, 0 },
	{ " inactive_anon:", NR_INACTIVE_ANON, OF_NODES, 0 },
	{ " isolated_anon:", NR_ISOLATED_ANON, OF_NODES, 0 },
	{ "\n active_file:", NR_ACTIVE_FILE, OF_NODES, 0 },
	{ " inactive_file:", NR_INACTIVE_FILE, OF_NODES, 0 },
	{ " isolated_file:", NR_ISOLATED_FILE, OF_NODES, 0 },
	{ "\n unevictable:", NR_UNEVICTABLE, OF_NODES, 0 },
	{ " dirty:", NR_FILE_DIRTY, OF_NODES, 0 },
	{ " writeback:", NR_WRITEBACK, OF_NODES, 0 },
	{ "\n slab_reclaimable:", NR_SLAB_RECLAIMABLE, OF_NODES, 0 },
	{ " slab_unreclaimable:", NR_SLAB_UNRECLAIMABLE, OF_NODES, 0 },
	{ "\n mapped:", NR_FILE_MAPPED, OF_NODES, 0 },
	{ " shmem:", NR_SHMEM, OF_NODES, 0 },
	{ " pagetables:", NR_PAGETABLE, OF_NODES, 0 },
	{ "\n sec_pagetables:", NR_SECONDARY_PAGETABLE, OF_NODES, SINCE_6_1 },
	{ " bounce:", NR_BOUNCE, OF_ZONES, 0 },
	{ "\n kernel_misc_reclaimable:", NR_KERNEL_MISC_RECLAIMABLE, OF_NODES, SINCE_6_1 },
	{ "\n free:", NR_FREE_PAGES, OF_ZONES, 0 },
	{ " free_pcp:", 0, OF_PCP, 0 },
	{ " free_cma:", NR_FREE_CMA_PAGES, OF_ZONES, 0 },
};

static uint64_t total_of(const struct printer *p, const struct item *item)
{
	switch ((enum source)item->source) {
	case OF_NODES:
		return nodes_sum(p, (enum node_stat)item->stat);
	case OF_ZONES:
		return zones_sum(p, (enum zone_stat)item->stat);
	default:
		return pcp_sum(p);
	}
}

static void totals_print(struct printer *p)
{
	for (unsigned i = 0; i < ARRAY_LEN(total_items); i++) {
		if (!kernels_have(total_items[i].kernels, p->m->version))
			continue;
		text_str(&p->line, total_items[i].label);
		text_u64(&p->line, total_of(p, &total_items[i]));
	}
	line_log(p);
}

/* ---- Nodes ---- */

/* 6.7 took the blank out of three labels. */
static const struct item node_items[] = {
	{ " active_anon:", NR_ACTIVE_ANON, 0, 0 },
	{ " inactive_anon:", NR_INACTIVE_ANON, 0, 0 },
	{ " active_file:", NR_ACTIVE_FILE, 0, 0 },
	{ " inactive_file:", NR_INACTIVE_FILE, 0, 0 },
	{ " unevictable:", NR_UNEVICTABLE, 0, 0 },
	{ " isolated(anon):", NR_ISOLATED_ANON, 0, 0 },
	{ " isolated(file):", NR_ISOLATED_FILE, 0, 0 },
	{ " mapped:", NR_FILE_MAPPED, 0, 0 },
	{ " dirty:", NR_FILE_DIRTY, 0, 0 },
	{ " writeback:", NR_WRITEBACK, 0, 0 },
	{ " shmem:", NR_SHMEM, 0, 0 },
	{ " shmem_thp: ", NR_SHMEM_THPS, 0, UNTIL_6_1 },
	{ " shmem_pmdmapped: ", NR_SHMEM_PMDMAPPED, 0, UNTIL_6_1 },
	{ " anon_thp: ", NR_ANON_THPS, 0, UNTIL_6_1 },
	{ " shmem_thp:", NR_SHMEM_THPS, 0, SINCE_6_12 },
	{ " shmem_pmdmapped:", NR_SHMEM_PMDMAPPED, 0, SINCE_6_12 },
	{ " anon_thp:", NR_ANON_THPS, 0, SINCE_6_12 },
	{ " writeback_tmp:", NR_WRITEBACK_TEMP, 0, 0 },
	{ " kernel_stack:", NR_KERNEL_STACK_KB, 0, 0 },
	{ " pagetables:", NR_PAGETABLE, 0, SINCE_6_1 },
	{ " sec_pagetables:", NR_SECONDARY_PAGETABLE, 0, SINCE_6_1 },
};

static void kb_print(struct text *t, const char *label, uint64_t kb)
{
	text_str(t, label);
	text_u64(t, kb);
	text_str(t, "kB");
}

static bool node_has_zones(const struct printer *p, const struct node *n)
{
	for (unsigned type = 0; type <= p->highest_type; type++)
		if (READ_RELAXED(&n->zone[type]->managed))
			return true;
	return false;
}

static void node_print(struct printer *p, const struct node *n)
{
	struct text *t = &p->line;
	text_printf(t, "Node %u", n->id);
	for (unsigned i = 0; i < ARRAY_LEN(node_items); i++) {
		if (!kernels_have(node_items[i].kernels, p->m->version))
			continue;
		enum node_stat stat = (enum node_stat)node_items[i].stat;
		uint64_t value = node_stat_read(n, stat);
		kb_print(t, node_items[i].label, stat == NR_KERNEL_STACK_KB ? value : PAGES_TO_KB(value));
	}
	bool hopeless = READ_RELAXED(&n->kswapd_failures) >= KSWAPD_FAILURES_MAX;
	text_printf(t, " all_unreclaimable? %s", hopeless ? "yes" : "no");
	line_log(p);
}

/* ---- Zones ---- */

/* Kernels without NUMA do not say the node. */
static void zone_name_print(struct printer *p, const struct zone *z)
{
	if (p->m->numa)
		text_printf(&p->line, "Node %u ", z->node->id);
	text_str(&p->line, z->name);
}

static const struct item zone_list_items[] = {
	{ " active_anon:", NR_ZONE_ACTIVE_ANON, 0, 0 },
	{ " inactive_anon:", NR_ZONE_INACTIVE_ANON, 0, 0 },
	{ " active_file:", NR_ZONE_ACTIVE_FILE, 0, 0 },
	{ " inactive_file:", NR_ZONE_INACTIVE_FILE, 0, 0 },
	{ " unevictable:", NR_ZONE_UNEVICTABLE, 0, 0 },
	{ " writepending:", NR_ZONE_WRITE_PENDING, 0, 0 },
};

static const struct item zone_use_items[] = {
	{ " mlocked:", NR_MLOCK, 0, 0 },
	{ " pagetables:", NR_ZONE_PAGETABLE, 0, UNTIL_5_10 },
	{ " bounce:", NR_BOUNCE, 0, 0 },
};

static void zone_items_print(struct printer *p, const struct zone *z, const struct item *item, unsigned nr)
{
	for (; nr--; item++)
		if (kernels_have(item->kernels, p->m->version))
			kb_print(&p->line, item->label,
				 PAGES_TO_KB(zone_stat_read(z, (enum zone_stat)item->stat)));
}

static void zone_marks_print(struct text *t, const struct zone *z)
{
	kb_print(t, " free:", PAGES_TO_KB(zone_stat_read(z, NR_FREE_PAGES)));
	if (z->machine->version->boost_line)
		kb_print(t, " boost:", PAGES_TO_KB(READ_RELAXED(&z->watermark_boost)));
	kb_print(t, " min:", PAGES_TO_KB(zone_mark_pages(z, WMARK_MIN)));
	kb_print(t, " low:", PAGES_TO_KB(zone_mark_pages(z, WMARK_LOW)));
	kb_print(t, " high:", PAGES_TO_KB(zone_mark_pages(z, WMARK_HIGH)));
	text_printf(t, " reserved_highatomic:%lluKB",
		    (unsigned long long)PAGES_TO_KB(READ_RELAXED(&z->nr_reserved_highatomic)));
}

static void reserve_print(struct printer *p, const struct zone *z)
{
	text_str(&p->line, "lowmem_reserve[]:");
	for (unsigned type = 0; type < p->m->nr_zone_types; type++) {
		text_char(&p->line, ' ');
		text_u64(&p->line, READ_RELAXED(&z->lowmem_reserve[type]));
	}
	line_log(p);
}

static void zone_print(struct printer *p, const struct zone *z)
{
	struct text *t = &p->line;
	zone_name_print(p, z);
	zone_marks_print(t, z);
	zone_items_print(p, z, zone_list_items, ARRAY_LEN(zone_list_items));
	kb_print(t, " present:", PAGES_TO_KB(z->present));
	kb_print(t, " managed:", PAGES_TO_KB(READ_RELAXED(&z->managed)));
	zone_items_print(p, z, zone_use_items, ARRAY_LEN(zone_use_items));
	kb_print(t, " free_pcp:", PAGES_TO_KB(zone_pcp_pages(z)));
	kb_print(t, " local_pcp:", PAGES_TO_KB((unsigned)READ_RELAXED(&p->cpu->zone[z->id].pcp.count)));
	kb_print(t, " free_cma:", PAGES_TO_KB(zone_stat_read(z, NR_FREE_CMA_PAGES)));
	line_log(p);
	reserve_print(p, z);
}

/* "3*8kB (UM) "; returns the kB. */
static uint64_t order_print(struct text *t, const struct zone *z, unsigned order)
{
	uint64_t nr[MIGRATE_TYPES], blocks = 0, block_kb = PAGES_TO_KB(1ull << order);
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		blocks += nr[mt] = READ_RELAXED(&z->area[order].nr_free[mt]);
	text_printf(t, "%llu*%llukB ", (unsigned long long)blocks, (unsigned long long)block_kb);
	if (!blocks)
		return 0;
	text_char(t, '(');
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		if (nr[mt])
			text_char(t, type_letter[mt]);
	text_str(t, ") ");
	return blocks * block_kb;
}

static void free_lists_print(struct printer *p, const struct zone *z)
{
	uint64_t kb = 0;
	zone_name_print(p, z);
	text_str(&p->line, ": ");
	for (unsigned order = 0; order < MM_ORDERS; order++)
		kb += order_print(&p->line, z, order);
	kb_print(&p->line, "= ", kb);
	line_log(p);
}

/* ---- The machine ---- */

/* Where the request does not count, the pool is shown for nodes with memory, else for every node. */
static void node_pool_print(struct printer *p, const struct hugetlb *h, unsigned nid)
{
	const struct hugetlb_node *n = &h->node[nid];
	LINE(p, "Node %u hugepages_total=%llu hugepages_free=%llu hugepages_surp=%llu hugepages_size=%llukB",
	     nid, (unsigned long long)READ_RELAXED(&n->nr), (unsigned long long)READ_RELAXED(&n->nr_free),
	     (unsigned long long)READ_RELAXED(&n->nr_surplus),
	     (unsigned long long)PAGES_TO_KB(1ull << h->order));
}

/* The kernel has set up 1 GiB first, whatever its default size is. */
static void pools_print(struct printer *p)
{
	const struct report *r = &p->policy->report;
	for (unsigned nid = 0; nid < p->m->nr_nodes; nid++) {
		const struct node *node = &p->m->node[nid];
		bool narrow = p->m->version->mem_info_narrow;
		if (narrow ? !node->online || node_skipped(p, nid) : !node->has_memory)
			continue;
		for (unsigned gigantic = 2; gigantic-- > 0;)
			for (unsigned i = 0; i < r->nr_hugetlb; i++)
				if (hugetlb_gigantic(&r->hugetlb[i]) == gigantic)
					node_pool_print(p, &r->hugetlb[i], nid);
	}
}

static void ram_print(struct printer *p)
{
	unsigned long long ram = 0, high = 0, reserved = 0;
	FOR_EACH_POPULATED_ZONE(z, p->m) {
		bool is_high = z->kind == ZONE_HIGHMEM || (z->kind == ZONE_MOVABLE && p->m->bits == 32);
		ram += z->present;
		high += is_high ? z->present : 0;
		reserved += z->present - READ_RELAXED(&z->managed);
	}
	LINE(p, "%llu pages RAM", ram);
	LINE(p, "%llu pages HighMem/MovableOnly", high);
	LINE(p, "%llu pages reserved", reserved);
	LINE(p, "0 pages hwpoisoned"); /* no frame ever breaks */
}

static void swap_print(struct printer *p)
{
	const struct machine_facts *f = &p->m->facts;
	LINE(p, "%llu pages in swap cache", (unsigned long long)nodes_sum(p, NR_SWAPCACHE));
	if (p->m->version->swap_cache_stats)
		LINE(p, "Swap cache stats: add 0, delete 0, find 0/0"); /* nothing swaps here */
	LINE(p, "Free swap  = %llukB", (unsigned long long)f->swap_free_kb);
	LINE(p, "Total swap = %llukB", (unsigned long long)f->swap_total_kb);
}

static bool node_is_shown(const struct printer *p, const struct node *n)
{
	return n->online && !node_skipped(p, n->id) &&
	       (!p->m->version->mem_info_narrow || node_has_zones(p, n));
}

static void mem_info_print(struct printer *p)
{
	LINE(p, "Mem-Info:");
	totals_print(p);
	for (unsigned nid = 0; nid < p->m->nr_nodes; nid++)
		if (node_is_shown(p, &p->m->node[nid]))
			node_print(p, &p->m->node[nid]);
	FOR_EACH_POPULATED_ZONE(z, p->m)
		if (zone_is_shown(p, z))
			zone_print(p, z);
	FOR_EACH_POPULATED_ZONE(z, p->m)
		if (zone_is_shown(p, z))
			free_lists_print(p, z);
	pools_print(p);
	LINE(p, "%llu total pagecache pages", (unsigned long long)nodes_sum(p, NR_FILE_PAGES));
	swap_print(p);
	ram_print(p);
}

void report_mem_info(const struct policy *p, const struct cpu *c, unsigned highest_type,
		     const struct nodemask *nodes)
{
	struct printer printer;
	printer_init(&printer, p, c, highest_type, nodes);
	mem_info_print(&printer);
}
