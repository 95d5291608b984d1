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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tail_is_the_oldest),
		cmocka_unit_test(test_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
