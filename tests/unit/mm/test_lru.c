/* SPDX-License-Identifier: MIT */
#include "mm/lru.h"

#include "mm/pcp.h"
#include "support/small_machine.h"

static struct page *take(struct machine *m, unsigned node, unsigned order)
{
	struct page *page = zone_take(&m->cpu[0], machine_zone(m, node, 2), order, MIGRATE_MOVABLE, 0);
	assert_non_null(page);
	return page;
}

static void boot(struct machine *m)
{
	static const struct zone_shape shape[] = { { 0, 2, 4096, 8192, 0 }, { 1, 2, 8192, 12288, 0 } };
	small_machine(m, 2, 1, shape, 2);
	cpu_enter(&m->cpu[0]);
}

static void end(struct machine *m)
{
	cpu_leave(&m->cpu[0]);
	end_machine(m);
}

static void add(struct machine *m, struct page *page, enum lru_list which)
{
	struct lru *lru = &page_zone(m, page)->node->lru;
	lock_take(&lru->lock);
	lru_add(&m->cpu[0], page, which);
	lock_drop(&lru->lock);
}

static void del(struct machine *m, struct page *page)
{
	struct lru *lru = &page_zone(m, page)->node->lru;
	lock_take(&lru->lock);
	lru_del(&m->cpu[0], page);
	lock_drop(&lru->lock);
}

static void test_tail_is_the_oldest(void **state)
{
	(void)state;
	struct machine m;
	struct page *page[4];
	boot(&m);
	assert_null(lru_tail(&m.node[0], LRU_INACTIVE_FILE));
	for (unsigned i = 0; i < 4; i++) {
		page[i] = take(&m, 0, 0);
		add(&m, page[i], LRU_INACTIVE_FILE);
	}
	assert_null(lru_tail(&m.node[0], LRU_ACTIVE_FILE));
	assert_null(lru_tail(&m.node[1], LRU_INACTIVE_FILE));
	del(&m, page[1]);
	for (unsigned i = 0; i < 4; i++) {
		if (i == 1)
			continue;
		assert_ptr_equal(lru_tail(&m.node[0], LRU_INACTIVE_FILE), page[i]);
		del(&m, page[i]);
	}
	assert_null(lru_tail(&m.node[0], LRU_INACTIVE_FILE));
	for (unsigned i = 0; i < 4; i++)
		page_give(&m.cpu[0], page[i], 0);
	end(&m);
}

/* Pages, not blocks, and both the node's and the zone's item of that list. */
static void test_counts(void **state)
{
	(void)state;
	struct machine m;
	boot(&m);
	for (unsigned which = 0; which < LRU_LISTS; which++) {
		struct page *page = take(&m, 1, 2);
		struct node *n = &m.node[1];
		struct zone *z = machine_zone(&m, 1, 2);
		add(&m, page, (enum lru_list)which);
		assert_int_equal(page->lru, which);
		assert_int_equal(n->lru.size[which], 4);
		assert_int_equal(node_stat_sum(n, (enum node_stat)(NR_INACTIVE_ANON + which)), 4);
		assert_int_equal(zone_stat_sum(z, (enum zone_stat)(NR_ZONE_INACTIVE_ANON + which)), 4);
		del(&m, page);
		assert_int_equal(page->lru, LRU_NONE);
		assert_int_equal(n->lru.size[which], 0);
		assert_int_equal(node_stat_sum(n, (enum node_stat)(NR_INACTIVE_ANON + which)), 0);
		assert_int_equal(zone_stat_sum(z, (enum zone_stat)(NR_ZONE_INACTIVE_ANON + which)), 0);
		page_give(&m.cpu[0], page, 2);
	}
	end(&m);
}

/* Several at once lie as if they had come one after the other, and count as often. */
static void test_several(void **state)
{
	(void)state;
	struct machine m;
	struct page *page[5];
	boot(&m);
	struct node *n = &m.node[0];
	for (unsigned i = 0; i < 5; i++)
		page[i] = take(&m, 0, 0);
	add(&m, page[0], LRU_ACTIVE_ANON);
	lock_take(&n->lru.lock);
	lru_add_pages(&m.cpu[0], page + 1, 4, LRU_ACTIVE_ANON);
	lock_drop(&n->lru.lock);
	assert_int_equal(n->lru.size[LRU_ACTIVE_ANON], 5);
	assert_int_equal(node_stat_sum(n, NR_ACTIVE_ANON), 5);
	assert_int_equal(zone_stat_sum(machine_zone(&m, 0, 2), NR_ZONE_ACTIVE_ANON), 5);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(page[i]->lru, LRU_ACTIVE_ANON);
		assert_ptr_equal(lru_tail(n, LRU_ACTIVE_ANON), page[i]);
		del(&m, page[i]);
		page_give(&m.cpu[0], page[i], 0);
	}
	end(&m);
}

/* To the warm end, to the cold end, and to another list, with its counters. */
static void test_moving(void **state)
{
	(void)state;
	struct machine m;
	struct page *page[3];
	boot(&m);
	struct node *n = &m.node[0];
	for (unsigned i = 0; i < 3; i++)
		add(&m, page[i] = take(&m, 0, 0), LRU_INACTIVE_FILE);
	lock_take(&n->lru.lock);
	lru_move(&m.cpu[0], page[0], LRU_INACTIVE_FILE);
	assert_ptr_equal(lru_tail(n, LRU_INACTIVE_FILE), page[1]);
	lru_move_cold(&m.cpu[0], page[0], LRU_INACTIVE_FILE);
	assert_ptr_equal(lru_tail(n, LRU_INACTIVE_FILE), page[0]);
	assert_false(lru_inactive_is_low(&n->lru, LRU_INACTIVE_FILE));
	lru_move(&m.cpu[0], page[0], LRU_ACTIVE_FILE);
	lru_move(&m.cpu[0], page[1], LRU_ACTIVE_FILE);
	assert_int_equal(page[0]->lru, LRU_ACTIVE_FILE);
	assert_true(lru_inactive_is_low(&n->lru, LRU_INACTIVE_FILE));
	lock_drop(&n->lru.lock);
	assert_int_equal(node_stat_sum(n, NR_ACTIVE_FILE), 2);
	assert_int_equal(node_stat_sum(n, NR_INACTIVE_FILE), 1);
	assert_int_equal(lru_pages(n, LRU_ACTIVE_FILE, ~0u), 2);
	assert_int_equal(lru_pages(n, LRU_ACTIVE_FILE, 1 << 2), 2);
	assert_int_equal(lru_pages(n, LRU_ACTIVE_FILE, 1 << 1), 0);
	for (unsigned i = 0; i < 3; i++) {
		del(&m, page[i]);
		page_give(&m.cpu[0], page[i], 0);
	}
	end(&m);
}

/* Head, middle and tail of a list are replaced in their places; a frame of another node goes to the warm end there. */
static void test_replacing(void **state)
{
	(void)state;
	struct machine m;
	struct page *page[3];
	boot(&m);
	struct node *n = &m.node[0], *other = &m.node[1];
	for (unsigned i = 0; i < 3; i++)
		add(&m, page[i] = take(&m, 0, 0), LRU_ACTIVE_FILE);
	for (unsigned i = 0; i < 3; i++) {
		struct page *to = take(&m, 0, 0), *was = page[i];
		lock_take(&n->lru.lock);
		lru_replace(&m.cpu[0], was, to);
		lock_drop(&n->lru.lock);
		page[i] = to;
		assert_int_equal(was->lru, LRU_NONE);
		assert_int_equal(to->lru, LRU_ACTIVE_FILE);
		page_give(&m.cpu[0], was, 0);
		pfn_t pfn = n->lru.list[LRU_ACTIVE_FILE].tail;
		for (unsigned k = 0; k < 3; k++, pfn = m.map[pfn].prev)
			assert_ptr_equal(pfn_page(&m, pfn), page[k]);
		assert_int_equal(n->lru.size[LRU_ACTIVE_FILE], 3);
	}
	struct page *away = take(&m, 1, 0);
	lock_take(&n->lru.lock);
	lock_take(&other->lru.lock);
	lru_replace(&m.cpu[0], page[1], away);
	assert_ptr_equal(lru_tail(other, LRU_ACTIVE_FILE), away);
	lock_drop(&other->lru.lock);
	lock_drop(&n->lru.lock);
	page_give(&m.cpu[0], page[1], 0);
	page[1] = away;
	assert_int_equal(node_stat_sum(n, NR_ACTIVE_FILE), 2);
	assert_int_equal(node_stat_sum(other, NR_ACTIVE_FILE), 1);
	for (unsigned i = 0; i < 3; i++) {
		del(&m, page[i]);
		page_give(&m.cpu[0], page[i], 0);
	}
	end(&m);
}

static void test_lock_moves(void **state)
{
	(void)state;
	struct machine m;
	boot(&m);
	struct node *a = &m.node[0], *b = &m.node[1];
	assert_null(lru_lock_move(NULL, NULL));
	assert_ptr_equal(lru_lock_move(NULL, b), b);
	assert_ptr_equal(lru_lock_move(b, b), b);
	assert_ptr_equal(lru_lock_move(b, a), a); /* downwards: the first is let go before */
	assert_null(lru_lock_move(a, NULL));
	lock_take(&a->lru.lock);
	lock_take(&b->lru.lock);
	lock_drop(&b->lru.lock);
	lock_drop(&a->lru.lock);
	end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tail_is_the_oldest),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_moving),
		cmocka_unit_test(test_replacing),
		cmocka_unit_test(test_lock_moves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
