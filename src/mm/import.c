/* SPDX-License-Identifier: MIT */
/* Laying an imported machine's state, page by page, before it runs. Single-threaded. See import.h. */

#include "mm/import.h"

#include "base/mem.h"
#include "mm/buddy.h"

#include <errno.h>

void zone_import_begin(struct zone *z)
{
	struct machine *m = z->machine;
	uint64_t size = 1ull << m->pageblock_order, end = ALIGN_DOWN(z->start_pfn + z->spanned, size);
	for (uint64_t pfn = ALIGN_UP(z->start_pfn, size); pfn < end; pfn += size)
		m->pageblock[pfn >> m->pageblock_order] |= PAGEBLOCK_BARE;
}

static void pinned_take(struct zone *z, uint64_t pfn, uint64_t pages)
{
	struct machine *m = z->machine;
	uint64_t last = (pfn + pages - 1) >> m->pageblock_order;
	ASSERT(pages && z->nr_pinned >= pages);
	z->nr_pinned -= pages;
	for (uint64_t block = pfn >> m->pageblock_order; block <= last; block++)
		m->pageblock[block] &= (uint8_t)~PAGEBLOCK_BARE;
}

static inline void entry_fill(const struct zone *z, struct page *page, unsigned order, enum migratetype mt)
{
	ASSERT(page->state == PAGE_NONE);
	page->zone = z->id;
	page->order = (uint8_t)order;
	page->migratetype = (uint8_t)mt;
	page->lru = LRU_NONE;
}

static struct page *page_describe(struct zone *z, pfn_t pfn, unsigned order, enum migratetype mt)
{
	struct page *page = pfn_page(z->machine, pfn);
	pinned_take(z, pfn, 1ull << order);
	entry_fill(z, page, order, mt);
	return page;
}

void zone_import_free(struct zone *z, pfn_t pfn, unsigned order, enum migratetype mt)
{
	page_describe(z, pfn, order, mt);
	lock_take(&z->lock);
	buddy_insert(z, pfn, order, mt);
	lock_drop(&z->lock);
}

int zone_import_virgin(struct zone *z, uint64_t start, uint64_t end)
{
	struct virgin *v = &z->virgin;
	struct pfn_range *range = mem_realloc(v->range, (v->nr_ranges + 1) * sizeof(*range));
	if (!range)
		return -ENOMEM;
	v->range = range;
	pinned_take(z, start, end - start);
	lock_take(&z->lock);
	virgin_add(z, start, end);
	lock_drop(&z->lock);
	return 0;
}

void zone_import_pcp(struct zone *z, struct cpu *c, pfn_t pfn, enum migratetype mt)
{
	struct pcp *pcp = &c->zone[z->id].pcp;
	struct page *page = page_describe(z, pfn, 0, mt);
	WRITE_RELAXED(&page->state, (uint8_t)PAGE_PCP);
	page_list_add_tail(z->machine->map, &pcp->list[mt], pfn);
	pcp->count++;
}

struct page *zone_import_used(struct zone *z, pfn_t pfn, unsigned order)
{
	struct page *page = page_describe(z, pfn, order, pageblock_type(z->machine, pfn));
	WRITE_RELAXED(&page->state, (uint8_t)PAGE_USED);
	return page;
}

void zone_import_expect(struct zone *z, pfn_t start, uint64_t nr)
{
	mem_populate(pfn_page(z->machine, start), nr * sizeof(struct page));
}

void zone_import_used_pages(struct zone *z, pfn_t start, unsigned nr, struct page **page)
{
	const struct machine *m = z->machine;
	pinned_take(z, start, nr);
	for (unsigned i = 0; i < nr; i++) {
		pfn_t pfn = start + nr - 1 - i;
		page[i] = pfn_page(m, pfn);
		entry_fill(z, page[i], 0, pageblock_type(m, pfn));
		WRITE_RELAXED(&page[i]->state, (uint8_t)PAGE_USED);
	}
}

void zone_import_pageblock(struct zone *z, pfn_t pfn, enum migratetype mt)
{
	lock_take(&z->lock);
	pageblock_set_type(z, pfn, mt);
	lock_drop(&z->lock);
}

uint64_t zone_pinned_unknown(const struct zone *z)
{
	uint64_t known = 0;
	for (unsigned kind = 0; kind < PINNED_KINDS; kind++)
		known += z->pinned[kind];
	return z->nr_pinned - known;
}

void zone_import_pinned(struct zone *z, unsigned kind, uint64_t pages)
{
	ASSERT(pages <= zone_pinned_unknown(z));
	z->pinned[kind] += pages;
}

/* What the next CPU holds of the rest. */
static int8_t diff_take(int64_t *rest, int32_t threshold)
{
	int64_t part = CLAMP(*rest, -(int64_t)threshold, (int64_t)threshold);
	*rest -= part;
	return (int8_t)part;
}

void zone_import_stat(struct zone *z, enum zone_stat s, int64_t printed, int64_t sum)
{
	struct machine *m = z->machine;
	int64_t rest = sum - printed;
	MASK_FOR_EACH(id, &m->cpus_online)
		m->cpu[id].zone[z->id].diff[s] = diff_take(&rest, z->stat_threshold);
	z->stat[s] = printed + rest;
}

void node_import_stat(struct node *n, enum node_stat s, int64_t printed, int64_t sum)
{
	struct machine *m = n->machine;
	int64_t rest = sum - printed;
	MASK_FOR_EACH(id, &m->cpus_online)
		m->cpu[id].per_node[n->id].diff[s] = diff_take(&rest, n->stat_threshold);
	n->stat[s] = printed + rest;
}
