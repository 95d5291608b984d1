/* SPDX-License-Identifier: MIT */
/*
 * One pass of reclaim over a node (mm/vmscan.c: shrink_node, 6.1).
 *
 * A pass looks at the cold end of each list, at size >> priority pages, in
 * clusters of 32. Active pages move to the inactive list while that is short
 * or the working set changes. Of inactive pages the owner is asked to let go:
 * a page that does is freed; one that is dirty or being written becomes
 * active, marked to go next once it is written; one that somebody is at turns
 * to the warm end. Pages of zones that are not wanted are skipped and turn
 * to the warm end as well. After the lists the shrinkers are asked.
 *
 * Locks: lists are worked under the node's LRU lock, a cluster at a time;
 * pages are freed, owners settle and shrinkers run without it.
 *
 * Different from Linux: nothing has entries in page tables, so the only
 * reference is the one that pages_accessed leaves, and as in Linux that alone
 * keeps no page of a file. A page that its owner never lets go counts as dirty
 * and belongs to no writer. Marked pages that were mapped count as unmapped
 * once they are taken. kswapd stops at the page that its zones lacked
 * (r->most), where Linux finishes its pass.
 */

#include "policy/reclaim.h"

#include "mm/lru.h"
#include "mm/mark.h"
#include "mm/pcp.h"
#include "policy/workingset.h"

#define DEACTIVATE_ANON (1u << 0)
#define DEACTIVATE_FILE (1u << 1)
#define TURN_CLUSTERS 8u /* of a CPU that others may want */

struct pass {
	struct reclaim *r;
	struct node *node;
	unsigned may_deactivate;
	uint64_t freed; /* by the lists in this pass */
	unsigned clusters; /* since the CPU was entered */
};

/* What became of one cluster. */
struct cluster {
	struct page *page[RECLAIM_CLUSTER];
	unsigned nr; /* taken off their list */
	uint64_t scanned, activated, dirty, written;
	uint32_t kinds; /* bit per owner kind that let go */
	uint64_t skipped[ZONE_KINDS];
};

/* ---- Pages ---- */

static bool page_wanted(const struct pass *s, const struct page *page, struct cluster *k)
{
	const struct zone *z = page_zone(s->r->policy->machine, page);
	if (s->r->type_mask & 1u << z->type)
		return true;
	k->skipped[z->kind]++;
	return false;
}

static enum page_fate page_ask(const struct pass *s, struct page *page, struct cluster *k)
{
	struct policy *p = s->r->policy;
	unsigned kind = owner_kind(page->owner);
	const struct owner_ops *ops = kind < OWNER_KINDS ? p->owner[kind] : NULL;
	if (!s->r->may_unmap && (page->marks & MARK_MAPPED))
		return PAGE_BUSY;
	k->kinds |= 1u << kind;
	return ops && ops->release ? ops->release(p->owner_ctx, s->r->cpu, page, false) : PAGE_STAYS;
}

/* It has to be written first: it becomes active, and goes next once it is. */
static void page_defer(const struct pass *s, struct page *page, enum lru_list list, struct cluster *k)
{
	if (owner_kind(page->owner) == OWNER_FILE)
		page->cache.reclaim = 1;
	lru_move(s->r->cpu, page, (enum lru_list)(list + 1));
	k->activated++;
}

static void page_judge(const struct pass *s, struct page *page, enum lru_list list, struct cluster *k)
{
	switch (page_ask(s, page, k)) {
	case PAGE_GOES:
		lru_del(s->r->cpu, page);
		k->page[k->nr++] = page;
		return;
	case PAGE_IS_DIRTY:
		k->dirty++;
		node_stat_add(s->r->cpu, s->node, NR_VMSCAN_IMMEDIATE, 1);
		page_defer(s, page, list, k);
		return;
	case PAGE_IS_WRITTEN:
		k->written++;
		page_defer(s, page, list, k);
		return;
	case PAGE_STAYS:
		page_defer(s, page, list, k);
		return;
	case PAGE_BUSY:
		break;
	}
	lru_move(s->r->cpu, page, list);
}

/* ---- Clusters ---- */

/* The next nr wanted pages from the cold end, and the skipped ones between them; each page once. LRU lock held. */
static void cluster_isolate(const struct pass *s, enum lru_list list, unsigned nr, struct cluster *k)
{
	uint64_t left = s->node->lru.size[list];
	for (unsigned seen = 0; seen < nr && left; left--) {
		struct page *page = lru_tail(s->node, list);
		k->scanned++;
		if (!page_wanted(s, page, k)) {
			lru_move(s->r->cpu, page, list);
			continue;
		}
		seen++;
		page_judge(s, page, list, k);
	}
	if (k->nr)
		node_stat_add(s->r->cpu, s->node, NR_ISOLATED_ANON + lru_is_file(list), (int)k->nr);
}

static void cluster_settle(const struct pass *s, const struct cluster *k)
{
	struct policy *p = s->r->policy;
	for (unsigned kind = 0; kind < OWNER_KINDS; kind++)
		if (k->kinds & 1u << kind && p->owner[kind] && p->owner[kind]->settle)
			p->owner[kind]->settle(p->owner_ctx, s->r->cpu);
}

static void cluster_free(const struct pass *s, enum lru_list list, struct cluster *k)
{
	struct cpu *c = s->r->cpu;
	if (!k->nr)
		return;
	for (unsigned i = 0; i < k->nr; i++)
		page_unmark(c, k->page[i]);
	if (lru_is_file(list)) /* whoever lets anonymous pages go counts them */
		node_stat_add(c, s->node, NR_FILE_PAGES, -(int)k->nr);
	node_stat_add(c, s->node, NR_ISOLATED_ANON + lru_is_file(list), -(int)k->nr);
	pages_give_direct(c, k->page, k->nr);
	cluster_settle(s, k);
}

static void cluster_count(struct pass *s, enum lru_list list, const struct cluster *k)
{
	struct reclaim *r = s->r;
	bool file = lru_is_file(list);
	event_add(r->cpu, r->kswapd ? PGSCAN_KSWAPD : PGSCAN_DIRECT, k->scanned);
	event_add(r->cpu, file ? PGSCAN_FILE : PGSCAN_ANON, k->scanned);
	event_add(r->cpu, r->kswapd ? PGSTEAL_KSWAPD : PGSTEAL_DIRECT, k->nr);
	event_add(r->cpu, file ? PGSTEAL_FILE : PGSTEAL_ANON, k->nr);
	event_add(r->cpu, PGACTIVATE, k->activated);
	for (unsigned kind = 0; kind < ZONE_KINDS; kind++)
		if (k->skipped[kind])
			event_add(r->cpu, (enum vm_event)(PGSKIP_FIRST + kind), k->skipped[kind]);
	r->scanned += k->scanned;
	r->freed += k->nr;
	s->freed += k->nr;
	r->dirty += k->dirty;
	r->written += k->written;
}

/* Nothing but pages that nobody has begun to write: whoever writes does not keep up. */
static void writer_wake(const struct pass *s, const struct cluster *k)
{
	const struct page_writer *w = &s->r->policy->writer;
	if (k->dirty && k->dirty == k->scanned && w->wake)
		w->wake(w->ctx);
}

/* 6.1: shrink_inactive_list. */
static void inactive_shrink(struct pass *s, enum lru_list list, unsigned nr)
{
	struct cluster k = { .nr = 0 };
	if (s->r->most)
		nr = (unsigned)MIN((uint64_t)nr, s->r->most - MIN(s->r->most, s->freed));
	lock_take(&s->node->lru.lock);
	cluster_isolate(s, list, nr, &k);
	lock_drop(&s->node->lru.lock);
	cluster_free(s, list, &k);
	cluster_count(s, list, &k);
	writer_wake(s, &k);
}

/* 6.1: shrink_active_list. */
static void active_shrink(struct pass *s, enum lru_list list, unsigned nr)
{
	struct cluster k = { .nr = 0 };
	struct cpu *c = s->r->cpu;
	unsigned moved = 0;
	lock_take(&s->node->lru.lock);
	uint64_t left = s->node->lru.size[list];
	for (; moved < nr && left; left--) {
		struct page *page = lru_tail(s->node, list);
		bool wanted = page_wanted(s, page, &k);
		k.scanned++;
		lru_move(c, page, wanted ? (enum lru_list)(list - 1) : list);
		if (wanted && owner_kind(page->owner) == OWNER_FILE)
			page->cache.workingset = 1;
		moved += wanted;
	}
	lock_drop(&s->node->lru.lock);
	event_add(c, PGREFILL, k.scanned);
	event_add(c, PGDEACTIVATE, moved);
	s->r->deactivated += moved;
	for (unsigned kind = 0; kind < ZONE_KINDS; kind++)
		if (k.skipped[kind])
			event_add(c, (enum vm_event)(PGSKIP_FIRST + kind), k.skipped[kind]);
}

/* ---- Lists ---- */

static void list_shrink(struct pass *s, enum lru_list list, unsigned nr)
{
	if (!lru_is_active(list))
		inactive_shrink(s, list, nr);
	else if (s->may_deactivate & (lru_is_file(list) ? DEACTIVATE_FILE : DEACTIVATE_ANON))
		active_shrink(s, list, nr);
	else
		s->r->skipped_active = true;
}

/* Others may want the CPU. Nothing is held here. */
static void pass_breathe(struct pass *s)
{
	if (!s->r->may_leave || ++s->clusters < TURN_CLUSTERS)
		return;
	s->clusters = 0;
	cpu_leave(s->r->cpu);
	cpu_enter(s->r->cpu);
}

static bool pass_full(const struct pass *s)
{
	return s->r->most && s->freed >= s->r->most;
}

/* 6.1: shrink_lruvec. A first pass of direct reclaim is a part of everyday life and keeps proportions. */
static void lists_shrink(struct pass *s, const uint64_t target[LRU_SCANNED])
{
	const struct reclaim *r = s->r;
	bool proportional = !r->kswapd && r->priority == DEF_PRIORITY, cut = false;
	uint64_t nr[LRU_SCANNED];
	for (unsigned l = 0; l < LRU_SCANNED; l++)
		nr[l] = target[l];
	while ((nr[LRU_INACTIVE_ANON] || nr[LRU_ACTIVE_FILE] || nr[LRU_INACTIVE_FILE]) && !pass_full(s)) {
		for (unsigned l = 0; l < LRU_SCANNED; l++) {
			unsigned now = (unsigned)MIN(nr[l], (uint64_t)RECLAIM_CLUSTER);
			nr[l] -= now;
			if (now)
				list_shrink(s, (enum lru_list)l, now);
		}
		pass_breathe(s);
		if (s->freed < r->wanted || proportional || cut)
			continue;
		if (!scan_cut(nr, target))
			break;
		cut = true;
	}
}

/* ---- The node ---- */

static bool workingset_changes(const struct node *n, bool file)
{
	enum node_stat s = file ? WORKINGSET_ACTIVATE_FILE : WORKINGSET_ACTIVATE_ANON;
	return (uint64_t)node_stat_sum(n, s) != READ_RELAXED(&n->lru.refaults[file]);
}

static unsigned deactivate_mask(const struct reclaim *r, const struct node *n)
{
	unsigned mask = 0;
	if (r->force_deactivate)
		return DEACTIVATE_ANON | DEACTIVATE_FILE;
	if (workingset_changes(n, false) || lru_inactive_is_low(&n->lru, LRU_INACTIVE_ANON))
		mask |= DEACTIVATE_ANON;
	if (workingset_changes(n, true) || lru_inactive_is_low(&n->lru, LRU_INACTIVE_FILE))
		mask |= DEACTIVATE_FILE;
	return mask;
}

/* Free memory and files together do not reach the high marks, and there is anonymous memory to take. */
static bool file_is_tiny(const struct node *n, unsigned may_deactivate, unsigned priority)
{
	const struct lru *lru = &n->lru;
	uint64_t have = READ_RELAXED(&lru->size[LRU_INACTIVE_FILE]) +
			READ_RELAXED(&lru->size[LRU_ACTIVE_FILE]);
	uint64_t high = 0;
	for (unsigned t = 0; t < n->machine->nr_zone_types; t++) {
		have += zone_stat_read(n->zone[t], NR_FREE_PAGES);
		if (READ_RELAXED(&n->zone[t]->managed))
			high += zone_mark_pages(n->zone[t], WMARK_HIGH);
	}
	return have <= high && !(may_deactivate & DEACTIVATE_ANON) &&
	       READ_RELAXED(&lru->size[LRU_INACTIVE_ANON]) >> priority;
}

/* 6.1: prepare_scan_count. */
static void input_fill(const struct reclaim *r, const struct node *n, unsigned may_deactivate,
		       struct scan_input *in)
{
	for (unsigned l = 0; l < LRU_SCANNED; l++)
		in->size[l] = lru_pages(n, (enum lru_list)l, r->type_mask);
	for (unsigned i = 0; i < 2; i++)
		in->cost[i] = READ_RELAXED(&n->lru.cost[i]);
	in->priority = r->priority;
	in->swappiness = (unsigned)READ_RELAXED(&r->policy->reclaim.swappiness);
	in->swap = r->may_swap && READ_RELAXED(&r->policy->swap_free_pages);
	in->cache_trim = READ_RELAXED(&n->lru.size[LRU_INACTIVE_FILE]) >> r->priority &&
			 !(may_deactivate & DEACTIVATE_FILE);
	in->file_is_tiny = file_is_tiny(n, may_deactivate, r->priority);
}

/* Pages that the shrinkers' objects have given back. The CPU is ours, so all that it frees meanwhile is theirs. */
static void slabs_shrink(struct reclaim *r, struct node *n)
{
	if (!r->may_shrink || !r->policy->shrinkers)
		return;
	uint64_t before = r->cpu->event[PGFREE];
	shrink_slab(r->policy, r->cpu, n->id, r->priority);
	r->freed += r->cpu->event[PGFREE] - before;
}

void reclaim_shrink_node(struct reclaim *r, struct node *n)
{
	struct pass s = { .r = r, .node = n, .may_deactivate = deactivate_mask(r, n) };
	struct scan_input in;
	uint64_t target[LRU_SCANNED], before = r->freed;
	input_fill(r, n, s.may_deactivate, &in);
	scan_counts(&in, target);
	lists_shrink(&s, target);
	if (in.swap && lru_inactive_is_low(&n->lru, LRU_INACTIVE_ANON))
		active_shrink(&s, LRU_ACTIVE_ANON, RECLAIM_CLUSTER);
	slabs_shrink(r, n);
	if (r->freed != before)
		WRITE_RELAXED(&n->kswapd_failures, 0);
}
