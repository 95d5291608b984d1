/* SPDX-License-Identifier: MIT */
#include "policy/migrate.h"

#include "mm/mark.h"
#include "support/policy_fixture.h"

#define NORMAL 2
#define LIST LRU_INACTIVE_FILE

/* An owner whose pages are told apart by their index, and what it knows of them. */
static struct {
	struct page *at[64];
	enum page_fate answer;
	unsigned moves;
} own;

static enum page_fate own_move(void *ctx, struct cpu *c, struct page *page, struct page *to)
{
	const struct machine *m = c->machine;
	(void)ctx;
	assert_true(lock_held(&page_node(m, page)->lru.lock) && lock_held(&page_node(m, to)->lru.lock));
	assert_ptr_equal(own.at[page->index], page);
	if (own.answer != PAGE_GOES)
		return own.answer;
	own.moves++;
	to->owner = page->owner;
	to->index = page->index;
	to->private = page->private;
	to->flags = page->flags;
	own.at[page->index] = to;
	return PAGE_GOES;
}

static const struct owner_ops own_ops = { .release = owner_release, .move = own_move };

static struct world *world_owned(bool two_nodes)
{
	struct world *w = two_nodes ? world_two_nodes(true) : world_one_node(true);
	memset(&own, 0, sizeof(own));
	own.answer = PAGE_GOES;
	w->p.owner[OWNER_TASK_FILE] = w->p.owner[OWNER_TASK_ANON] = &own_ops;
	return w;
}

static struct page *own_page(struct world *w, struct zone *z, enum owner_kind kind, unsigned index,
			     enum lru_list list)
{
	struct page *page = zone_take(w->c, z, 0, MIGRATE_MOVABLE, 0);
	assert_non_null(page);
	page->owner = owner_handle(kind, 7);
	page->index = index;
	page->private = 1000 + index;
	world_page_join(w, page, list);
	return own.at[index] = page;
}

static void own_give(struct world *w, unsigned index)
{
	world_page_leave(w, own.at[index]);
}

static struct page *target(struct world *w, struct zone *z)
{
	struct page *page = zone_take(w->c, z, 0, MIGRATE_MOVABLE, 0);
	assert_non_null(page);
	return page;
}

/* The order of a list is what it was, whichever of its pages moves; nothing is counted anew. */
static void test_takes_the_place(void **state)
{
	(void)state;
	struct world *w = world_owned(false);
	struct zone *z = world_zone(w, 0, NORMAL);
	struct page_list *list = &z->node->lru.list[LIST];
	for (unsigned i = 0; i < 3; i++)
		own_page(w, z, OWNER_TASK_FILE, i, LIST);
	for (unsigned i = 0; i < 3; i++) {
		struct page *page = own.at[i], *to = target(w, z);
		assert_true(page_may_move(&w->p, page));
		assert_int_equal(page_migrate(&w->p, w->c, page, to), PAGE_GOES);
		assert_ptr_equal(own.at[i], to);
		assert_int_equal(to->private, 1000 + i);
		assert_int_equal(page->owner, 0);
		assert_int_equal(page->lru, LRU_NONE);
		assert_false(page_may_move(&w->p, page));
		page_give(w->c, page, 0);
		assert_int_equal(list->tail, page_pfn(&w->m, own.at[0]));
		assert_int_equal(own.at[0]->prev, page_pfn(&w->m, own.at[1]));
		assert_int_equal(list->head, page_pfn(&w->m, own.at[2]));
		assert_int_equal(z->node->lru.size[LIST], 3);
		cpu_leave(w->c);
		assert_verified(&w->m);
		cpu_enter(w->c);
	}
	assert_int_equal(node_stat_sum(z->node, NR_FILE_PAGES), 3);
	assert_int_equal(world_event(w, PGMIGRATE_SUCCESS), 0); /* whoever wants pages moved counts them */
	for (unsigned i = 0; i < 3; i++)
		own_give(w, i);
	world_end(w);
}

/* To another node: warm end of the list there, and all that the nodes count goes along. */
static void test_to_another_node(void **state)
{
	(void)state;
	struct world *w = world_owned(true);
	for (unsigned from = 0; from < 2; from++) { /* locks are taken in one order, whichever way it goes */
		struct zone *z = world_zone(w, from, NORMAL), *there = world_zone(w, !from, NORMAL);
		struct page *page = own_page(w, z, OWNER_TASK_FILE, 1, LRU_ACTIVE_FILE);
		struct page *anon = own_page(w, z, OWNER_TASK_ANON, 2, LRU_INACTIVE_ANON);
		own_page(w, there, OWNER_TASK_FILE, 3, LRU_ACTIVE_FILE);
		page_mark(w->c, page, MARK_DIRTY | MARK_MAPPED | MARK_SHMEM);
		assert_int_equal(page_migrate(&w->p, w->c, page, target(w, there)), PAGE_GOES);
		assert_int_equal(page_migrate(&w->p, w->c, anon, target(w, there)), PAGE_GOES);
		assert_int_equal(there->node->lru.list[LRU_ACTIVE_FILE].head, page_pfn(&w->m, own.at[1]));
		assert_int_equal(own.at[1]->marks, MARK_DIRTY | MARK_MAPPED | MARK_SHMEM);
		assert_int_equal(page->marks, 0);
		static const enum node_stat item[] = { NR_FILE_DIRTY, NR_FILE_MAPPED, NR_SHMEM,
						       NR_ANON_MAPPED, NR_INACTIVE_ANON };
		for (unsigned i = 0; i < ARRAY_LEN(item); i++) {
			assert_int_equal(node_stat_sum(z->node, item[i]), 0);
			assert_int_equal(node_stat_sum(there->node, item[i]), 1);
		}
		assert_int_equal(node_stat_sum(z->node, NR_FILE_PAGES), 0);
		assert_int_equal(node_stat_sum(there->node, NR_FILE_PAGES), 2);
		assert_int_equal(zone_stat_sum(there, NR_ZONE_WRITE_PENDING), 1);
		page_give(w->c, page, 0);
		page_give(w->c, anon, 0);
		cpu_leave(w->c);
		assert_verified(&w->m);
		cpu_enter(w->c);
		for (unsigned i = 1; i < 4; i++)
			own_give(w, i);
	}
	world_end(w);
}

/* Between zones of one node the list stays the same, the zones' items move. */
static void test_to_another_zone(void **state)
{
	(void)state;
	struct world *w = world_owned(false);
	struct zone *z = world_zone(w, 0, NORMAL), *there = world_zone(w, 0, 1);
	struct page *page = own_page(w, z, OWNER_TASK_FILE, 0, LIST);
	page_mark(w->c, page, MARK_MLOCKED);
	assert_int_equal(page_migrate(&w->p, w->c, page, target(w, there)), PAGE_GOES);
	assert_int_equal(zone_stat_sum(z, NR_ZONE_INACTIVE_FILE), 0);
	assert_int_equal(zone_stat_sum(there, NR_ZONE_INACTIVE_FILE), 1);
	assert_int_equal(zone_stat_sum(z, NR_MLOCK), 0);
	assert_int_equal(zone_stat_sum(there, NR_MLOCK), 1);
	page_give(w->c, page, 0);
	own_give(w, 0);
	world_end(w);
}

/* The owner says no: nothing has changed, and the frame is still the caller's. */
static void test_owner_may_refuse(void **state)
{
	(void)state;
	struct world *w = world_owned(true);
	struct zone *z = world_zone(w, 0, NORMAL);
	struct page *page = own_page(w, z, OWNER_TASK_FILE, 5, LIST),
		    *to = target(w, world_zone(w, 1, NORMAL));
	static const enum page_fate no[] = { PAGE_BUSY, PAGE_IS_WRITTEN, PAGE_STAYS };
	for (unsigned i = 0; i < ARRAY_LEN(no); i++) {
		own.answer = no[i];
		assert_int_equal(page_migrate(&w->p, w->c, page, to), no[i]);
		assert_int_equal(page->lru, LIST);
		assert_int_equal(to->lru, LRU_NONE);
		assert_int_equal(to->owner, 0);
	}
	page_give(w->c, to, 0);
	own_give(w, 5);
	world_end(w);
}

static void test_what_may_move(void **state)
{
	(void)state;
	struct world *w = world_owned(false);
	struct zone *z = world_zone(w, 0, NORMAL);
	struct page *page = own_page(w, z, OWNER_TASK_FILE, 0, LIST), *to = target(w, z);
	assert_true(page_may_move(&w->p, page));
	assert_false(page_may_move(&w->p, to)); /* nobody's */
	assert_false(page_may_move(&w->p, page + 1024)); /* free */
	w->p.owner[OWNER_TASK_FILE] = &file_owner; /* never moves any */
	assert_false(page_may_move(&w->p, page));
	assert_int_equal(page_migrate(&w->p, w->c, page, to), PAGE_STAYS);
	w->p.owner[OWNER_TASK_FILE] = NULL;
	assert_false(page_may_move(&w->p, page));
	w->p.owner[OWNER_TASK_FILE] = &own_ops;
	page_give(w->c, to, 0);
	own_give(w, 0);
	world_end(w);
}

/* A huge page is one as long as its first page lies where one can begin. */
static void test_huge_mark(void **state)
{
	(void)state;
	struct world *w = world_owned(false);
	struct zone *z = world_zone(w, 0, NORMAL);
	struct page *page = own_page(w, z, OWNER_TASK_FILE, 0, LIST);
	struct page *head = zone_take(w->c, z, w->m.pageblock_order, MIGRATE_MOVABLE, 0);
	struct page *odd = target(w, z);
	assert_non_null(head);
	assert_int_equal(page_pfn(&w->m, odd) & 511 ? 1 : 0, 1);
	page_mark(w->c, page, MARK_HUGE_FILE | MARK_DIRTY);
	WRITE_RELAXED(&head->order, 0); /* the test's: its first frame is given to the page, the others stay aside */
	assert_int_equal(page_migrate(&w->p, w->c, page, head), PAGE_GOES);
	assert_int_equal(head->marks, MARK_HUGE_FILE | MARK_DIRTY);
	assert_int_equal(node_stat_sum(z->node, NR_FILE_THPS), 512);
	assert_int_equal(page_migrate(&w->p, w->c, head, odd), PAGE_GOES);
	assert_int_equal(odd->marks, MARK_DIRTY);
	assert_int_equal(node_stat_sum(z->node, NR_FILE_THPS), 0);
	assert_int_equal(node_stat_sum(z->node, NR_FILE_DIRTY), 1);
	WRITE_RELAXED(&head->order, w->m.pageblock_order);
	page_give(w->c, head, w->m.pageblock_order);
	page_give(w->c, page, 0);
	own_give(w, 0);
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_the_place), cmocka_unit_test(test_to_another_node),
		cmocka_unit_test(test_to_another_zone), cmocka_unit_test(test_owner_may_refuse),
		cmocka_unit_test(test_what_may_move),   cmocka_unit_test(test_huge_mark),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
