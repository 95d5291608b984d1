/* SPDX-License-Identifier: MIT */
/*
 * mm_verify: every list walked and compared with every counter, as a table of
 * named checks. The machine stands still meanwhile. Page entries that were
 * never touched are skipped by asking the host which pages of the array are
 * there, so a large machine is checked in proportion to what was used of it.
 */

#include "mm/verify_private.h"

#include "base/mem.h"
#include "base/text.h"
#include "mm/buddy.h"
#include "mm/slab.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#define FINDINGS_SHOWN 64

void finding(struct verify *v, const char *fmt, ...)
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
		finding(v, "node %u %s: block %u of order %u is not aligned", z->node->id, z->name,
			pfn, order);
	if (pfn < z->start_pfn || pfn + (1ull << order) > z->start_pfn + z->spanned)
		finding(v, "node %u %s: block %u of order %u is outside the zone", z->node->id,
			z->name, pfn, order);
	if (order >= v->m->pageblock_order) /* one that left a reserve is not merged at once, in 6.1 neither */
		return;
	pfn_t other = pfn ^ (1u << order);
	const struct page *buddy = pfn_page(v->m, other);
	if (buddy->state == PAGE_BUDDY && buddy->order == order && buddy->zone == z->id)
		finding(v, "node %u %s: %u and %u of order %u are free buddies", z->node->id,
			z->name, pfn, other, order);
}

static void check_area(struct verify *v, const struct zone *z, unsigned order, unsigned mt)
{
	const struct free_area *area = &z->area[order];
	uint64_t blocks = 0;
	if (order == MM_ORDER_MAX)
		blocks = mt == MIGRATE_MOVABLE   ? z->virgin.nr_blocks
			 : mt == MIGRATE_ISOLATE ? z->virgin.nr_isolated
						 : 0;
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
		finding(v, "node %u %s: order %u type %u: tail is %u, last is %u", z->node->id,
			z->name, order, mt, area->list[mt].tail, previous);
	if (blocks != area->nr_free[mt])
		finding(v, "node %u %s: order %u type %u: %lu blocks listed, %lu counted", z->node->id,
			z->name, order, mt, (unsigned long)blocks, (unsigned long)area->nr_free[mt]);
	if (!!(z->area_mask[mt] & (1u << order)) != (area->nr_free[mt] != 0))
		finding(v, "node %u %s: order %u type %u: mask bit is wrong", z->node->id, z->name,
			order, mt);
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

void check_links(struct verify *v, const struct node *n, const struct page_list *l, uint64_t most)
{
	pfn_t previous = PFN_NIL;
	for (pfn_t pfn = l->head; pfn && most; pfn = pfn_page(v->m, pfn)->next, most--) {
		if (pfn_page(v->m, pfn)->prev != previous)
			finding(v, "node %u: broken link before %u", n->id, pfn);
		previous = pfn;
	}
	if (most && l->tail != previous)
		finding(v, "node %u: tail is %u, last is %u", n->id, l->tail, previous);
}

static void check_pcp(struct verify *v, const struct cpu *c, const struct zone *z)
{
	const struct pcp *pcp = &c->zone[z->id].pcp;
	int64_t pages = 0;
	for (unsigned i = 0; i < PCP_LISTS; i++) {
		check_links(v, z->node, &pcp->list[i], (uint64_t)pcp->count + 1);
		for (pfn_t pfn = pcp->list[i].head; pfn && pages <= pcp->count;) {
			const struct page *page = pfn_page(v->m, pfn);
			if (page->state != PAGE_PCP || page->zone != z->id)
				finding(v, "CPU %u, node %u %s: page %u has state %u, zone %u",
					c->id, z->node->id, z->name, pfn, page->state, page->zone);
			pages += 1ll << page->order;
			pfn = page->next;
		}
	}
	if (pages != pcp->count)
		finding(v, "CPU %u, node %u %s: %ld pages listed, %d counted", c->id, z->node->id,
			z->name, (long)pages, pcp->count);
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
		for (unsigned order = 0; order < MM_ORDERS; order++) /* what is isolated is nobody's to take */
			listed -= (int64_t)(z->area[order].nr_free[MIGRATE_ISOLATE] << order);
		if (counted != listed)
			finding(v, "node %u %s: nr_free_pages is %ld, the free lists hold %ld",
				z->node->id, z->name, (long)counted, (long)listed);
	}
}

/* Pages of one list, counted for their zones as well; more than `most` means that it goes in a circle. */
static uint64_t lru_walk(struct verify *v, const struct node *n, unsigned which, uint64_t most,
			 uint64_t of_type[MM_ZONE_TYPES_MAX])
{
	uint64_t pages = 0;
	for (pfn_t pfn = n->lru.list[which].head; pfn && pages <= most;) {
		const struct page *page = pfn_page(v->m, pfn);
		if (page->state != PAGE_USED || page->lru != which)
			finding(v, "node %u: page %u on LRU list %u has state %u, list %u", n->id,
				pfn, which, page->state, page->lru);
		pages += 1ull << page->order;
		of_type[page_zone(v->m, page)->type] += 1ull << page->order;
		pfn = page->next;
	}
	return pages;
}

static void check_lru_zones(struct verify *v, const struct node *n, unsigned which, const uint64_t *of_type)
{
	for (unsigned t = 0; t < v->m->nr_zone_types; t++) {
		const struct zone *z = n->zone[t];
		int64_t stat = zone_stat_sum(z, (enum zone_stat)(NR_ZONE_INACTIVE_ANON + which));
		int64_t pages = (int64_t)(of_type[t] + z->pinned[which]);
		if (zone_populated(z) && stat != pages)
			finding(v, "node %u %s: %ld pages on LRU list %u, %ld in %s", n->id,
				z->name, (long)pages, which, (long)stat,
				zone_stat_name[NR_ZONE_INACTIVE_ANON + which]);
	}
}

static void check_lru_list(struct verify *v, const struct node *n, unsigned which)
{
	uint64_t of_type[MM_ZONE_TYPES_MAX] = { 0 }, pinned = 0, size = n->lru.size[which];
	uint64_t pages = lru_walk(v, n, which, size, of_type);
	check_links(v, n, &n->lru.list[which], size + 1);
	for (unsigned t = 0; t < v->m->nr_zone_types; t++)
		pinned += n->zone[t]->pinned[which];
	int64_t stat = node_stat_sum(n, (enum node_stat)(NR_INACTIVE_ANON + which));
	if (pages != size || stat != (int64_t)(size + pinned))
		finding(v, "node %u: LRU list %u: %lu pages listed, %lu counted, %lu pinned, %ld in %s",
			n->id, which, (unsigned long)pages, (unsigned long)size,
			(unsigned long)pinned, (long)stat, node_stat_name[NR_INACTIVE_ANON + which]);
	check_lru_zones(v, n, which, of_type);
}

static void check_lru(struct verify *v)
{
	for (unsigned i = 0; i < v->m->nr_nodes; i++)
		for (unsigned which = 0; v->m->node[i].online && which < LRU_LISTS; which++)
			check_lru_list(v, &v->m->node[i], which);
}

/* Memory whose use is known is part of what has no entry. */
static void check_pinned(struct verify *v)
{
	FOR_EACH_POPULATED_ZONE(z, v->m) {
		uint64_t known = 0;
		for (unsigned kind = 0; kind < PINNED_KINDS; kind++)
			known += z->pinned[kind];
		if (known > z->nr_pinned)
			finding(v, "node %u %s: %lu pinned pages, %lu of known kinds", z->node->id,
				z->name, (unsigned long)z->nr_pinned, (unsigned long)known);
	}
}

/* What the fast path compares with follows from marks and reserves. */
static void check_watermarks(struct verify *v)
{
	FOR_EACH_POPULATED_ZONE(z, v->m) {
		lock_take(&z->lock);
		for (unsigned t = 0; t < v->m->nr_zone_types; t++)
			if (z->plenty[t] != zone_plenty(z, t))
				finding(v, "node %u %s: plenty for type %u is %ld, marks say %ld",
					z->node->id, z->name, t, (long)z->plenty[t],
					(long)zone_plenty(z, t));
		lock_drop(&z->lock);
	}
}

static void count_entries(struct verify *v, uint64_t first, uint64_t end)
{
	for (uint64_t pfn = first; pfn < end; pfn++) {
		const struct page *page = pfn_page(v->m, (pfn_t)pfn);
		if (page->marks && page->state != PAGE_USED)
			finding(v, "page %u: marks %#x of a page that is not in use", (unsigned)pfn,
				page->marks);
		if (page->state != PAGE_NONE)
			v->zone_pages[page->zone] += 1ull << page->order;
		if (page->state == PAGE_USED)
			verify_slab_entry(v, (pfn_t)pfn, page);
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
		uint64_t sum = v->zone_pages[z->id] + z->nr_pinned +
			       ((z->virgin.nr_blocks + z->virgin.nr_isolated) << MM_ORDER_MAX);
		if (sum != z->managed)
			finding(v, "node %u %s: blocks, never-used and pinned pages are %lu, managed %lu",
				z->node->id, z->name, (unsigned long)sum, (unsigned long)z->managed);
	}
}

static const struct {
	const char *name;
	void (*run)(struct verify *v);
} checks[] = {
	{ "free lists", check_free_lists },
	{ "never-used ranges", check_virgin },
	{ "per-CPU lists", check_pcp_lists },
	{ "free counters", check_free_counters },
	{ "LRU lists", check_lru },
	{ "pinned", check_pinned },
	{ "watermarks", check_watermarks },
	{ "slab caches", check_caches },
	{ "slabs", check_slabs },
	{ "loose objects", check_loose_objects },
	{ "descriptors of caches", check_self_objects },
	{ "sums", check_sums },
	{ "slab counters", check_slab_counters },
};

/* What the checks note down. 0 or -ENOMEM. */
static int verify_begin(struct verify *v)
{
	v->zone_pages = mem_zalloc(v->m->nr_zones * sizeof(*v->zone_pages));
	return v->zone_pages ? verify_slabs_begin(v) : -ENOMEM;
}

static void verify_end(struct verify *v)
{
	verify_slabs_end(v);
	mem_free(v->zone_pages);
}

static void verify_run(struct verify *v)
{
	for (unsigned i = 0; i < ARRAY_LEN(checks); i++) {
		unsigned before = v->findings;
		checks[i].run(v);
		if (v->findings != before && v->out)
			text_printf(v->out, "%s: %u findings\n", checks[i].name, v->findings - before);
	}
}

unsigned mm_verify(struct machine *m, struct text *out)
{
	struct verify v = { .m = m, .out = out };
	if (verify_begin(&v)) {
		verify_end(&v);
		return 1;
	}
	lock_take(&m->tune_lock);
	if (m->slabs)
		lock_take(&m->slabs->lock);
	machine_stop(m);
	verify_run(&v);
	machine_resume(m);
	if (m->slabs)
		lock_drop(&m->slabs->lock);
	lock_drop(&m->tune_lock);
	verify_end(&v);
	return v.findings;
}
