/* SPDX-License-Identifier: MIT */
/*
 * The report of a failed allocation, as 6.1 writes it into its log.
 *
 * Each call of line_log is one record; where 6.1 prints several lines with one
 * message, or continues a line, this does the same, so that readers of
 * /dev/kmsg see the same records. Lines are made on the stack: memory may be
 * what the host lacks, too.
 *
 * Numbers are the global values of the counters, without the differences that
 * CPUs keep, as everywhere. Left out: the call trace and the hardware, for
 * neither exists.
 */

#include "policy/report.h"

#include "base/caller.h"
#include "base/text.h"
#include "policy/gfp.h"
#include "policy/policy.h"

#define INTERVAL_NS (10 * 1000000000ull)
#define BURST 1
#define KSWAPD_FAILURES_MAX 16 /* MAX_RECLAIM_RETRIES */

/* The letters of enum migratetype. */
static const char type_letter[MIGRATE_TYPES] = { 'U', 'M', 'E', 'H', 'I' };

struct printer {
	const struct policy *policy;
	const struct machine *m;
	const struct cpu *cpu;
	unsigned highest_type;
	struct text line;
	char buf[RING_TEXT_MAX + 1];
};

void report_init(struct report *r)
{
	*r = (struct report){ .log = NULL };
	lock_init(&r->lock, RANK_LOG, LOG_ORDER_REPORT);
	ratelimit_init(&r->limit, INTERVAL_NS, BURST);
}

void report_fini(struct report *r)
{
	lock_fini(&r->lock);
}

static void printer_init(struct printer *p, const struct policy *policy, const struct cpu *c,
			 unsigned highest_type)
{
	p->policy = policy;
	p->m = policy->machine;
	p->cpu = c;
	p->highest_type = highest_type;
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

static unsigned long long global(const struct printer *p, enum node_stat item)
{
	unsigned long long sum = 0;
	for (unsigned n = 0; n < p->m->nr_nodes; n++)
		if (p->m->node[n].online)
			sum += node_stat_read(&p->m->node[n], item);
	return sum;
}

static unsigned long long global_zone(const struct printer *p, enum zone_stat item)
{
	unsigned long long sum = 0;
	FOR_EACH_POPULATED_ZONE(z, p->m)
		sum += zone_stat_read(z, item);
	return sum;
}

static unsigned long long zone_pcp_pages(const struct zone *z)
{
	unsigned long long pages = 0;
	MASK_FOR_EACH(cpu, &z->machine->cpus_online)
		pages += (unsigned)READ_RELAXED(&z->machine->cpu[cpu].zone[z->id].pcp.count);
	return pages;
}

static unsigned long long all_pcp_pages(const struct printer *p)
{
	unsigned long long pages = 0;
	FOR_EACH_POPULATED_ZONE(z, p->m)
		if (z->type <= p->highest_type)
			pages += zone_pcp_pages(z);
	return pages;
}

/* One record of eight lines. */
static void totals_print(struct printer *p)
{
	struct text *t = &p->line;
	text_printf(t, "active_anon:%llu inactive_anon:%llu isolated_anon:%llu\n",
		    global(p, NR_ACTIVE_ANON), global(p, NR_INACTIVE_ANON), global(p, NR_ISOLATED_ANON));
	text_printf(t, " active_file:%llu inactive_file:%llu isolated_file:%llu\n",
		    global(p, NR_ACTIVE_FILE), global(p, NR_INACTIVE_FILE), global(p, NR_ISOLATED_FILE));
	text_printf(t, " unevictable:%llu dirty:%llu writeback:%llu\n", global(p, NR_UNEVICTABLE),
		    global(p, NR_FILE_DIRTY), global(p, NR_WRITEBACK));
	text_printf(t, " slab_reclaimable:%llu slab_unreclaimable:%llu\n",
		    global(p, NR_SLAB_RECLAIMABLE), global(p, NR_SLAB_UNRECLAIMABLE));
	text_printf(t, " mapped:%llu shmem:%llu pagetables:%llu\n", global(p, NR_FILE_MAPPED),
		    global(p, NR_SHMEM), global(p, NR_PAGETABLE));
	text_printf(t, " sec_pagetables:%llu bounce:%llu\n", global(p, NR_SECONDARY_PAGETABLE),
		    global_zone(p, NR_BOUNCE));
	text_printf(t, " kernel_misc_reclaimable:%llu\n", global(p, NR_KERNEL_MISC_RECLAIMABLE));
	text_printf(t, " free:%llu free_pcp:%llu free_cma:%llu", global_zone(p, NR_FREE_PAGES),
		    all_pcp_pages(p), global_zone(p, NR_FREE_CMA_PAGES));
	line_log(p);
}

struct item {
	const char *label; /* in front of the number; "kB" follows it */
	uint8_t stat;
};

static const struct item node_items[] = {
	{ " active_anon:", NR_ACTIVE_ANON },
	{ " inactive_anon:", NR_INACTIVE_ANON },
	{ " active_file:", NR_ACTIVE_FILE },
	{ " inactive_file:", NR_INACTIVE_FILE },
	{ " unevictable:", NR_UNEVICTABLE },
	{ " isolated(anon):", NR_ISOLATED_ANON },
	{ " isolated(file):", NR_ISOLATED_FILE },
	{ " mapped:", NR_FILE_MAPPED },
	{ " dirty:", NR_FILE_DIRTY },
	{ " writeback:", NR_WRITEBACK },
	{ " shmem:", NR_SHMEM },
	{ " shmem_thp: ", NR_SHMEM_THPS },
	{ " shmem_pmdmapped: ", NR_SHMEM_PMDMAPPED },
	{ " anon_thp: ", NR_ANON_THPS },
	{ " writeback_tmp:", NR_WRITEBACK_TEMP },
	{ " kernel_stack:", NR_KERNEL_STACK_KB },
	{ " pagetables:", NR_PAGETABLE },
	{ " sec_pagetables:", NR_SECONDARY_PAGETABLE },
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
		enum node_stat stat = (enum node_stat)node_items[i].stat;
		uint64_t value = node_stat_read(n, stat);
		kb_print(t, node_items[i].label, stat == NR_KERNEL_STACK_KB ? value : PAGES_TO_KB(value));
	}
	bool hopeless = READ_RELAXED(&n->kswapd_failures) >= KSWAPD_FAILURES_MAX;
	text_printf(t, " all_unreclaimable? %s", hopeless ? "yes" : "no");
	line_log(p);
}

/* Kernels without NUMA do not say the node. */
static void zone_name_print(struct printer *p, const struct zone *z)
{
	if (p->m->numa)
		text_printf(&p->line, "Node %u ", z->node->id);
	text_str(&p->line, z->name);
}

static const struct item zone_items[] = {
	{ " active_anon:", NR_ZONE_ACTIVE_ANON }, { " inactive_anon:", NR_ZONE_INACTIVE_ANON },
	{ " active_file:", NR_ZONE_ACTIVE_FILE }, { " inactive_file:", NR_ZONE_INACTIVE_FILE },
	{ " unevictable:", NR_ZONE_UNEVICTABLE }, { " writepending:", NR_ZONE_WRITE_PENDING },
};

static void zone_marks_print(struct text *t, const struct zone *z)
{
	kb_print(t, " free:", PAGES_TO_KB(zone_stat_read(z, NR_FREE_PAGES)));
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
	for (unsigned i = 0; i < ARRAY_LEN(zone_items); i++)
		kb_print(t, zone_items[i].label,
			 PAGES_TO_KB(zone_stat_read(z, (enum zone_stat)zone_items[i].stat)));
	kb_print(t, " present:", PAGES_TO_KB(z->present));
	kb_print(t, " managed:", PAGES_TO_KB(READ_RELAXED(&z->managed)));
	kb_print(t, " mlocked:", PAGES_TO_KB(zone_stat_read(z, NR_MLOCK)));
	kb_print(t, " bounce:", PAGES_TO_KB(zone_stat_read(z, NR_BOUNCE)));
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

static void pool_print(struct printer *p)
{
	const struct hugetlb *h = p->policy->report.hugetlb;
	for (unsigned nid = 0; h && nid < p->m->nr_nodes; nid++) {
		const struct hugetlb_node *n = &h->node[nid];
		if (!p->m->node[nid].online)
			continue;
		LINE(p, "Node %u hugepages_total=%llu hugepages_free=%llu hugepages_surp=%llu hugepages_size=%llukB",
		     nid, (unsigned long long)READ_RELAXED(&n->nr),
		     (unsigned long long)READ_RELAXED(&n->nr_free),
		     (unsigned long long)READ_RELAXED(&n->nr_surplus),
		     (unsigned long long)PAGES_TO_KB(1ull << h->order));
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

static void mem_info_print(struct printer *p)
{
	LINE(p, "Mem-Info:");
	totals_print(p);
	for (unsigned nid = 0; nid < p->m->nr_nodes; nid++)
		if (p->m->node[nid].online && node_has_zones(p, &p->m->node[nid]))
			node_print(p, &p->m->node[nid]);
	FOR_EACH_POPULATED_ZONE(z, p->m)
		if (z->type <= p->highest_type)
			zone_print(p, z);
	FOR_EACH_POPULATED_ZONE(z, p->m)
		if (z->type <= p->highest_type)
			free_lists_print(p, z);
	pool_print(p);
	LINE(p, "%llu total pagecache pages", global(p, NR_FILE_PAGES));
	LINE(p, "%llu pages in swap cache", global(p, NR_SWAPCACHE));
	LINE(p, "Free swap  = 0kB"); /* there is no swap yet */
	LINE(p, "Total swap = 0kB");
	ram_print(p);
}

void report_mem_info(const struct policy *p, const struct cpu *c, unsigned highest_type)
{
	struct printer printer;
	printer_init(&printer, p, c, highest_type);
	mem_info_print(&printer);
}

static void failure_print(struct printer *p, gfp_t gfp, unsigned order)
{
	char comm[CALLER_COMM];
	struct mask memory = { { 0 } };

	caller_comm(comm);
	for (unsigned nid = 0; nid < p->m->nr_nodes; nid++)
		if (p->m->node[nid].has_memory)
			mask_set(&memory, nid);
	text_printf(&p->line, "%s: page allocation failure: order:%u, mode:%#x(", comm, order, gfp);
	gfp_print(&p->line, gfp);
	text_str(&p->line, "), nodemask=(null),cpuset=/,mems_allowed=");
	mask_print_list(&p->line, &memory);
	line_log(p);
	LINE(p, "CPU: %u PID: %d Comm: %s Not tainted %s.0-ummfs #1", p->cpu->id, (int)caller_pid(),
	     comm, p->m->version->name);
	mem_info_print(p);
}

/* On a machine without DMA memory nobody expects a request for it to succeed. */
static bool failure_expected(const struct machine *m, gfp_t gfp)
{
	if (gfp & __GFP_NOWARN)
		return true;
	FOR_EACH_POPULATED_ZONE(z, m)
		if (z->kind == ZONE_DMA && READ_RELAXED(&z->managed))
			return false;
	return gfp & __GFP_DMA;
}

void report_alloc_failure(struct policy *p, const struct cpu *c, gfp_t gfp, unsigned order)
{
	struct report *r = &p->report;
	struct printer printer;
	unsigned missed;

	if (!r->log || failure_expected(p->machine, gfp))
		return;
	lock_take(&r->lock);
	bool passes = ratelimit_pass(&r->limit, clock_now_ns(&p->machine->clock), &missed);
	if (missed)
		ring_printf(r->log, RING_LEVEL_DEFAULT, "warn_alloc: %u callbacks suppressed", missed);
	if (passes) {
		printer_init(&printer, p, c, p->zone_type[gfp & GFP_PLACE_BITS]);
		failure_print(&printer, gfp, order);
	}
	lock_drop(&r->lock);
}
