/* SPDX-License-Identifier: MIT */
#include "policy/workingset.h"

#include "support/policy_fixture.h"

#define NORMAL 2

/* A page of a file on this list of the node. */
static struct page *file_page(struct world *w, unsigned nid, enum lru_list list)
{
	struct zone *z = world_zone(w, nid, NORMAL);
	struct page *page = zone_take(w->c, z, 0, MIGRATE_MOVABLE, 0);
	assert_non_null(page);
	page->owner = owner_handle(OWNER_FILE, 1);
	page->private = 0;
	lock_take(&z->node->lru.lock);
	if (list != LRU_NONE)
		lru_add(w->c, page, list);
	lock_drop(&z->node->lru.lock);
	world_hold(w, page);
	page->index = 0;
	return page;
}

static void end(struct world *w)
{
	for (unsigned i = 0; i < w->nr_held; i++) {
		struct lru *lru = &page_zone(&w->m, w->held[i])->node->lru;
		lock_take(&lru->lock);
		if (w->held[i]->lru != LRU_NONE)
			lru_del(w->c, w->held[i]);
		lock_drop(&lru->lock);
		w->held[i]->owner = 0;
	}
	world_end(w);
}

static uint64_t evict(struct world *w, struct page *page)
{
	struct node *n = page_zone(&w->m, page)->node;
	lock_take(&n->lru.lock);
	uint64_t shadow = workingset_eviction(&w->p, page);
	lock_drop(&n->lru.lock);
	return shadow;
}

static void test_second_use_activates(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct node *n = &w->m.node[0];
	struct page *page = file_page(w, 0, LRU_INACTIVE_FILE);
	pages_accessed(w->c, &page, 1);
	assert_int_equal(page->lru, LRU_INACTIVE_FILE);
	assert_int_equal(page->cache.referenced, 1);
	pages_accessed(w->c, &page, 1);
	assert_int_equal(page->lru, LRU_ACTIVE_FILE);
	assert_int_equal(page->cache.referenced, 0);
	assert_int_equal(n->lru.nonresident_age, 1);
	pages_accessed(w->c, &page, 1);
	pages_accessed(w->c, &page, 1);
	assert_int_equal(page->cache.referenced, 1);
	assert_int_equal(world_event(w, PGACTIVATE), 1);
	assert_int_equal(n->lru.size[LRU_ACTIVE_FILE], 1);
	assert_int_equal(n->lru.size[LRU_INACTIVE_FILE], 0);
	assert_int_equal(node_stat_sum(n, NR_ACTIVE_FILE), 1);
	end(w);
}

static void test_many_at_once(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct page *page[6];
	for (unsigned i = 0; i < 6; i++)
		page[i] = file_page(w, i % 2, i < 4 ? LRU_INACTIVE_FILE : LRU_NONE);
	pages_accessed(w->c, page, 6);
	assert_int_equal(world_event(w, PGACTIVATE), 0);
	pages_accessed(w->c, page, 6);
	assert_int_equal(world_event(w, PGACTIVATE), 4); /* two are on no list yet */
	assert_int_equal(w->m.node[0].lru.size[LRU_ACTIVE_FILE], 2);
	assert_int_equal(w->m.node[1].lru.size[LRU_ACTIVE_FILE], 2);
	end(w);
}

/* A page comes back when k more have gone: distance k + 1, against ten active pages. */
static bool comes_back_active(unsigned k, bool was_active, struct world **out)
{
	struct world *w = *out = world_two_nodes(true);
	for (unsigned i = 0; i < 10; i++)
		file_page(w, 1, LRU_ACTIVE_FILE);
	struct page *page = file_page(w, 1, LRU_NONE), *other = file_page(w, 1, LRU_NONE);
	page->cache.workingset = was_active;
	uint64_t shadow = evict(w, page);
	assert_true(shadow < 1ull << SHADOW_BITS);
	while (k--)
		evict(w, other);
	struct page *again = file_page(w, 0, LRU_NONE); /* on the other node */
	bool active = workingset_refault(&w->p, w->c, again, shadow);
	assert_int_equal(again->cache.workingset, active && was_active);
	return active;
}

static void test_distance(void **state)
{
	(void)state;
	struct world *w;
	assert_true(comes_back_active(9, false, &w));
	assert_int_equal(node_stat_sum(&w->m.node[0], WORKINGSET_REFAULT_FILE), 1);
	assert_int_equal(node_stat_sum(&w->m.node[0], WORKINGSET_ACTIVATE_FILE), 1);
	assert_int_equal(node_stat_sum(&w->m.node[0], WORKINGSET_RESTORE_FILE), 0);
	assert_int_equal(w->m.node[1].lru.nonresident_age, 10);
	assert_int_equal(w->m.node[0].lru.nonresident_age, 1);
	end(w);
	assert_false(comes_back_active(10, true, &w));
	assert_int_equal(node_stat_sum(&w->m.node[0], WORKINGSET_REFAULT_FILE), 1);
	assert_int_equal(node_stat_sum(&w->m.node[0], WORKINGSET_ACTIVATE_FILE), 0);
	end(w);
	assert_true(comes_back_active(0, true, &w));
	assert_int_equal(node_stat_sum(&w->m.node[0], WORKINGSET_RESTORE_FILE), 1);
	end(w);
}

/* The age wraps, and distances do not mind. */
static void test_wraps(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct page *page = file_page(w, 0, LRU_NONE);
	for (unsigned i = 0; i < 5; i++)
		file_page(w, 0, LRU_ACTIVE_FILE);
	w->m.node[0].lru.nonresident_age = (1ull << SHADOW_AGE_BITS) - 2;
	uint64_t shadow = evict(w, page);
	for (unsigned i = 0; i < 3; i++)
		evict(w, page);
	assert_true(workingset_refault(&w->p, w->c, page, shadow));
	end(w);
}

static void test_written_pages_go_next(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct page *wanted = file_page(w, 0, LRU_ACTIVE_FILE), *other = file_page(w, 0, LRU_ACTIVE_FILE);
	file_page(w, 0, LRU_INACTIVE_FILE);
	wanted->cache.reclaim = 1;
	pages_written(w->c, (struct page *[]){ other, wanted }, 2);
	assert_int_equal(world_event(w, PGROTATED), 1);
	assert_int_equal(other->lru, LRU_ACTIVE_FILE);
	assert_ptr_equal(lru_tail(&w->m.node[0], LRU_INACTIVE_FILE), wanted);
	assert_int_equal(wanted->cache.reclaim, 0);
	end(w);
}

/* Halved when they pass a quarter of the lists. */
static void test_cost(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct node *n = &w->m.node[0];
	for (unsigned i = 0; i < 40; i++)
		file_page(w, 0, LRU_ACTIVE_FILE);
	lru_note_cost(n, true, 6);
	lru_note_cost(n, false, 4);
	assert_int_equal(n->lru.cost[1], 6);
	lru_note_cost(n, false, 4);
	assert_int_equal(n->lru.cost[0], 4);
	assert_int_equal(n->lru.cost[1], 3);
	end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_second_use_activates),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_wraps),
		cmocka_unit_test(test_written_pages_go_next),
		cmocka_unit_test(test_cost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
