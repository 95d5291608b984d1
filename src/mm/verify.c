/* SPDX-License-Identifier: MIT */
/*
 * mm_verify: every list walked and compared with every counter, as a table of
 * named checks. The machine stands still meanwhile. Page entries that were
 * never touched are skipped by asking the host which pages of the array are
 * there, so a large machine is checked in proportion to what was used of it.
 */

#include "mm/verify.h"

#include "base/mem.h"
#include "base/text.h"
#include "mm/buddy.h"

#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#define FINDINGS_SHOWN 64

struct verify {
	struct machine *m;
	struct text *out;
	unsigned findings;
	uint64_t *zone_pages; /* by zone id: pages of the PAGE_USED, PAGE_PCP and PAGE_BUDDY blocks in the array */
};

PRINTF_LIKE(2, 3) static void finding(struct verify *v, const char *fmt, ...)
{
	if (v->findings++ >= FINDINGS_SHOWN || !v->out)
		return;
	char line[256];
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	text_str(v->out, line);
	text_char(v->out, '\n');
}

static void check_block(struct verify *v, const struct zone *z, pfn_t pfn, unsigned order, unsigned mt)
{
	const struct page *page = pfn_page(v->m, pfn);
	if (page->state != PAGE_BUDDY || page->order != order || page->migratetype != mt ||
	    page->zone != z->id)
		finding(v, "node %u %s: block %u of order %u, type %u has state %u, order %u, type %u, zone %u",
			z->node->id, z->name, pfn, order, mt, page->state, page->order,
			page->migratetype, page->zone);
	if (pfn & ((1u << order) - 1))
		finding(v, "node %u %s: block %u of order %u is not aligned", z->node->id, z->name, pfn, order);
	if (pfn < z->start_pfn || pfn + (1ull << order) > z->start_pfn + z->spanned)
		finding(v, "node %u %s: block %u of order %u is outside the zone", z->node->id, z->name, pfn,
			order);
	if (order >= v->m->pageblock_order) /* one that left a reserve is not merged at once, in 6.1 neither */
		return;
	pfn_t other = pfn ^ (1u << order);
	const struct page *buddy = pfn_page(v->m, other);
	if (buddy->state == PAGE_BUDDY && buddy->order == order && buddy->zone == z->id)
		finding(v, "node %u %s: %u and %u of order %u are free buddies", z->node->id, z->name, pfn,
			other, order);
}

static void check_area(struct verify *v, const struct zone *z, unsigned order, unsigned mt)
{
	const struct free_area *area = &z->area[order];
	uint64_t blocks = order == MM_ORDER_MAX && mt == MIGRATE_MOVABLE ? z->virgin.nr_blocks : 0;
	pfn_t previous = PFN_NIL;
	for (pfn_t pfn = area->list[mt].head; pfn && blocks <= area->nr_free[mt];) {
		const struct page *page = pfn_page(v->m, pfn);
		check_block(v, z, pfn, order, mt);
		if (page->prev != previous)
			finding(v, "node %u %s: broken link before %u", z->node->id, z->name, pfn);
		blocks++;
		previous = pfn;
		pfn = page->next;
	}
	if (area->list[mt].tail != previous)
		finding(v, "node %u %s: order %u type %u: tail is %u, last is %u", z->node->id, z->name,
			order, mt, area->list[mt].tail, previous);
	if (blocks != area->nr_free[mt])
		finding(v, "node %u %s: order %u type %u: %lu blocks listed, %lu counted", z->node->id,
			z->name, order, mt, (unsigned long)blocks, (unsigned long)area->nr_free[mt]);
	if (!!(z->area_mask[mt] & (1u << order)) != (area->nr_free[mt] != 0))
		finding(v, "node %u %s: order %u type %u: mask bit is wrong", z->node->id, z->name, order, mt);
}

static void check_free_lists(struct verify *v)
{
	FOR_EACH_POPULATED_ZONE(z, v->m) {
		lock_take(&z->lock);
		for (unsigned order = 0; order < MM_ORDERS; order++)
			for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
				check_area(v, z, order, mt);
		lock_drop(&z->lock);
	}
}

static void check_virgin(struct verify *v)
{
	FOR_EACH_POPULATED_ZONE(z, v->m) {
		uint64_t blocks = 0;
		for (unsigned i = z->virgin.first; i < z->virgin.nr_ranges; i++)
			blocks += (z->virgin.range[i].end - z->virgin.range[i].start) >> MM_ORDER_MAX;
		if (blocks != z->virgin.nr_blocks)
			finding(v, "node %u %s: %lu never-used blocks in ranges, %lu counted", z->node->id,
				z->name, (unsigned long)blocks, (unsigned long)z->virgin.nr_blocks);
	}
}

static void check_pcp(struct verify *v, const struct cpu *c, const struct zone *z)
{
	const struct pcp *pcp = &c->zone[z->id].pcp;
	int64_t pages = 0;
	for (unsigned i = 0; i < PCP_LISTS; i++)
		for (pfn_t pfn = pcp->list[i].head; pfn && pages <= pcp->count;) {
			const struct page *page = pfn_page(v->m, pfn);
			if (page->state != PAGE_PCP || page->zone != z->id)
				finding(v, "CPU %u, node %u %s: page %u has state %u, zone %u", c->id,
					z->node->id, z->name, pfn, page->state, page->zone);
			pages += 1ll << page->order;
			pfn = page->next;
		}
	if (pages != pcp->count)
		finding(v, "CPU %u, node %u %s: %ld pages listed, %d counted", c->id, z->node->id, z->name,
			(long)pages, pcp->count);
}

static void check_pcp_lists(struct verify *v)
{
	MASK_FOR_EACH(id, &v->m->cpus_online)
		FOR_EACH_POPULATED_ZONE(z, v->m)
			check_pcp(v, &v->m->cpu[id], z);
}

static void check_free_counters(struct verify *v)
{
	FOR_EACH_POPULATED_ZONE(z, v->m) {
		int64_t counted = zone_stat_sum(z, NR_FREE_PAGES), listed = (int64_t)zone_buddy_pages(z);
		if (counted != listed)
			finding(v, "node %u %s: nr_free_pages is %ld, the free lists hold %ld", z->node->id,
				z->name, (long)counted, (long)listed);
	}
}

static void check_lru(struct verify *v)
{
	for (unsigned i = 0; i < v->m->nr_nodes; i++) {
		struct node *n = &v->m->node[i];
		for (unsigned which = 0; n->online && which < LRU_LISTS; which++) {
			uint64_t pages = 0, size = n->lru.size[which];
			for (pfn_t pfn = n->lru.list[which].head; pfn && pages <= size;) {
				const struct page *page = pfn_page(v->m, pfn);
				if (page->state != PAGE_USED || page->lru != which)
					finding(v, "node %u: page %u on LRU list %u has state %u, list %u", i,
						pfn, which, page->state, page->lru);
				pages += 1ull << page->order;
				pfn = page->next;
			}
			int64_t stat = node_stat_sum(n, (enum node_stat)(NR_INACTIVE_ANON + which));
			if (pages != size || stat != (int64_t)size)
				finding(v, "node %u: LRU list %u: %lu pages listed, %lu counted, %ld in %s", i,
					which, (unsigned long)pages, (unsigned long)size, (long)stat,
					node_stat_name[NR_INACTIVE_ANON + which]);
		}
	}
}

static void count_entries(struct verify *v, uint64_t first, uint64_t end)
{
	for (uint64_t pfn = first; pfn < end; pfn++) {
		const struct page *page = pfn_page(v->m, (pfn_t)pfn);
		if (page->state != PAGE_NONE)
			v->zone_pages[page->zone] += 1ull << page->order;
	}
}

/* Every block that an entry describes, plus never-used and pinned memory, is what the zone manages. */
static void check_sums(struct verify *v)
{
	const size_t host_page = (size_t)sysconf(_SC_PAGESIZE), per_page = host_page / sizeof(struct page);
	unsigned char resident[1024];
	uint64_t end = ALIGN_UP(v->m->end_pfn, per_page);

	for (uint64_t at = 0; at < end; at += per_page * sizeof(resident)) {
		uint64_t pages = MIN((end - at) / per_page, (uint64_t)sizeof(resident));
		if (mincore(v->m->map + at, pages * host_page, resident))
			return;
		for (uint64_t i = 0; i < pages; i++)
			if (resident[i] & 1)
				count_entries(v, at + i * per_page, at + (i + 1) * per_page);
	}
	FOR_EACH_POPULATED_ZONE(z, v->m) {
		uint64_t sum = v->zone_pages[z->id] + (z->virgin.nr_blocks << MM_ORDER_MAX) + z->nr_pinned;
		if (sum != z->managed)
			finding(v, "node %u %s: blocks, never-used and pinned pages are %lu, managed %lu",
				z->node->id, z->name, (unsigned long)sum, (unsigned long)z->managed);
	}
}

static const struct {
	const char *name;
	void (*run)(struct verify *v);
} checks[] = {
	{"free lists", check_free_lists},  {"never-used ranges", check_virgin},
	{"per-CPU lists", check_pcp_lists}, {"free counters", check_free_counters},
	{"LRU lists", check_lru},	    {"sums", check_sums},
};

unsigned mm_verify(struct machine *m, struct text *out)
{
	struct verify v = {.m = m, .out = out};
	v.zone_pages = mem_zalloc(m->nr_zones * sizeof(*v.zone_pages));
	if (!v.zone_pages)
		return 1;
	machine_stop(m);
	for (unsigned i = 0; i < ARRAY_LEN(checks); i++) {
		unsigned before = v.findings;
		checks[i].run(&v);
		if (v.findings != before && out)
			text_printf(out, "%s: %u findings\n", checks[i].name, v.findings - before);
	}
	machine_resume(m);
	mem_free(v.zone_pages);
	return v.findings;
}
