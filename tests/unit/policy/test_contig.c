/* SPDX-License-Identifier: MIT */
#include "policy/contig.h"

#include "base/client.h"
#include "base/fault.h"
#include "mm/mark.h"
#include "support/policy_fixture.h"

#define NORMAL 2
#define GIB (1u << GIGANTIC_ORDER)
#define ORDER 12 /* ranges that small machines have many of */
#define PAGES (1u << ORDER)
#define OWN_MOST 40000

/* An owner whose pages are told apart by their index. */
static struct {
	struct page *at[OWN_MOST];
	enum page_fate answer;
	unsigned moves;
} own;

static enum page_fate own_move(void *ctx, struct cpu *c, struct page *page, struct page *to)
{
	(void)ctx;
	(void)c;
	assert_ptr_equal(own.at[page->index], page);
	if (own.answer != PAGE_GOES)
		return own.answer;
	own.moves++;
	to->owner = page->owner;
	to->index = page->index;
	own.at[page->index] = to;
	return PAGE_GOES;
}

static const struct owner_ops own_ops = { .release = owner_release, .move = own_move };

static struct world *world_of(uint64_t start, uint64_t end, uint64_t reserved)
{
	const struct zone_shape shape = { 0, NORMAL, start, end, reserved };
	struct machine_spec s;
	small_spec(&s, 1, 2);
	small_spec_zones(&s, &shape, 1);
	struct world *w = world_begin(&s, true);
	memset(&own, 0, sizeof(own));
	own.answer = PAGE_GOES;
	w->refuse = true;
	w->p.owner[OWNER_TASK_FILE] = &own_ops;
	return w;
}

static bool own_take(struct world *w, unsigned index)
{
	struct page *page = alloc(w, GFP_HIGHUSER_MOVABLE | __GFP_NORETRY | __GFP_NOWARN, 0);
	if (!page)
		return false;
	page->owner = owner_handle(OWNER_TASK_FILE, 7);
	page->index = index;
	world_page_join(w, page, LRU_INACTIVE_FILE);
	own.at[index] = page;
	return true;
}

static void own_give(struct world *w, unsigned index)
{
	world_page_leave(w, own.at[index]);
	own.at[index] = NULL;
}

static void own_give_all(struct world *w)
{
	for (unsigned i = 0; i < OWN_MOST; i++)
		if (own.at[i])
			own_give(w, i);
}

static void verify(struct world *w)
{
	cpu_leave(w->c);
	assert_verified(&w->m);
	cpu_enter(w->c);
}

static struct page *take(struct world *w, unsigned order)
{
	cpu_leave(w->c);
	struct page *page = contig_take(&w->p, 0, order);
	assert_verified(&w->m);
	cpu_enter(w->c);
	return page;
}

/* ---- Never used ---- */

/* The first GiB has reserved pages; the next ones are had at once, and nothing is written for their frames. */
static void test_fresh_machine(void **state)
{
	(void)state;
	struct world *w = world_of(GIB, 5ull * GIB, 10000);
	struct zone *z = world_zone(w, 0, NORMAL);
	uint64_t before = zone_free(z);
	struct page *page[3];
	for (unsigned i = 0; i < 3; i++) {
		page[i] = take(w, GIGANTIC_ORDER);
		assert_non_null(page[i]);
		assert_int_equal(page_pfn(&w->m, page[i]), (i + 2) * GIB);
		assert_int_equal(page[i]->state, PAGE_USED);
		assert_int_equal(page[i]->order, GIGANTIC_ORDER);
		assert_int_equal(page[i]->owner, 0);
		assert_int_equal(zone_free(z), before - (uint64_t)(i + 1) * GIB);
		for (pfn_t at = MM_TOP_PAGES; at < GIB; at += MM_TOP_PAGES)
			assert_int_equal(page[i][at].zone, 0); /* an entry that was written has the zone's number */
	}
	assert_null(take(w, GIGANTIC_ORDER));
	assert_int_equal(z->nr_pageblocks[MIGRATE_ISOLATE], 0);
	uint64_t freed = world_event(w, PGFREE);
	contig_give(w->c, page[1], GIGANTIC_ORDER);
	verify(w);
	assert_int_equal(world_event(w, PGFREE), freed + GIB);
	assert_int_equal(zone_free(z), before - 2ull * GIB);
	assert_ptr_equal(take(w, GIGANTIC_ORDER), page[1]);
	for (unsigned i = 0; i < 3; i++)
		contig_give(w->c, page[i], GIGANTIC_ORDER);
	assert_int_equal(zone_free(z), before);
	world_end(w);
}

static void test_leaves_movable_alone(void **state)
{
	(void)state;
	const struct zone_shape shape[] = { { 0, NORMAL, 1024, 1024 + PAGES, 0 },
					    { 0, 3, 2 * PAGES, 6 * PAGES, 0 } };
	struct machine_spec s;
	small_spec(&s, 1, 1);
	small_spec_zones(&s, shape, 2);
	struct world *w = world_begin(&s, true);
	assert_null(take(w, ORDER));
	struct page *page;
	cpu_leave(w->c);
	page = contig_take_range(&w->p, world_zone(w, 0, 3), 3 * PAGES, ORDER);
	cpu_enter(w->c);
	assert_non_null(page);
	contig_give(w->c, page, ORDER);
	world_end(w);
}

/* ---- In use ---- */

/* From now on the lists keep nothing; what they have stays. */
static void world_sharpen_lists(struct world *w, const struct zone *z)
{
	w->m.cpu[0].zone[z->id].pcp.high = 0;
	w->m.cpu[0].zone[z->id].pcp.batch = 1;
}

/* Pages at the start of the zone, where the first range is, move behind it; those on CPUs' lists are drained. */
static void test_moves_what_is_there(void **state)
{
	(void)state;
	struct world *w = world_of(PAGES, 4 * PAGES, 0);
	struct zone *z = world_zone(w, 0, NORMAL);
	for (unsigned i = 0; i < 3000; i++)
		assert_true(own_take(w, i));
	for (unsigned i = 0; i < 3000; i += 3)
		own_give(w, i);
	own_take(w, 0);
	w->m.cpu[0].zone[z->id].pcp.high = 500;
	w->m.cpu[0].zone[z->id].pcp.batch = 63;
	own_give(w, 0);
	own_take(w, 0);
	own_give(w, 0);
	assert_true(w->m.cpu[0].zone[z->id].pcp.count > 0);
	pfn_t first = page_pfn(&w->m, own.at[1]);
	uint64_t before = zone_free(z) + (uint64_t)w->m.cpu[0].zone[z->id].pcp.count;
	world_sharpen_lists(w, z);

	struct page *page = take(w, ORDER);
	assert_non_null(page);
	assert_true(first >= page_pfn(&w->m, page) && first < page_pfn(&w->m, page) + PAGES);
	assert_int_equal(own.moves, 2000);
	assert_int_equal(world_event(w, PGMIGRATE_SUCCESS), 2000);
	assert_int_equal(world_event(w, PGMIGRATE_FAIL), 0);
	assert_int_equal(world_event(w, COMPACTISOLATED), 2000 + PAGES);
	assert_int_equal(zone_free(z), before - PAGES);
	for (unsigned i = 1; i < 3000; i += 3)
		assert_true(own.at[i] < page || own.at[i] >= page + PAGES);
	contig_give(w->c, page, ORDER);
	own_give_all(w);
	world_end(w);
}

struct lists {
	uint64_t nr_free[MM_ORDERS][MIGRATE_TYPES], nr_pageblocks[MIGRATE_TYPES], free_pages;
};

static struct lists lists_of(const struct zone *z)
{
	struct lists l;
	memset(&l, 0, sizeof(l));
	for (unsigned order = 0; order < MM_ORDERS; order++)
		memcpy(l.nr_free[order], z->area[order].nr_free, sizeof(l.nr_free[order]));
	memcpy(l.nr_pageblocks, z->nr_pageblocks, sizeof(l.nr_pageblocks));
	l.free_pages = zone_free(z);
	return l;
}

static void assert_lists(const struct zone *z, const struct lists *l)
{
	struct lists now = lists_of(z);
	assert_memory_equal(&now, l, sizeof(now));
}

/* One page that nobody moves: the range is left as it is, the next one is taken. */
static void test_unmovable_page(void **state)
{
	(void)state;
	struct world *w = world_of(PAGES, 4 * PAGES, 0);
	struct zone *z = world_zone(w, 0, NORMAL);
	struct page *pinned = alloc(w, GFP_KERNEL, 0);
	assert_true(page_pfn(&w->m, pinned) < 2 * PAGES);
	cpu_drain(w->c);
	struct lists before = lists_of(z);
	cpu_leave(w->c);
	assert_null(contig_take_range(&w->p, z, PAGES, ORDER));
	cpu_enter(w->c);
	assert_lists(z, &before);
	struct page *page = take(w, ORDER);
	assert_int_equal(page_pfn(&w->m, page), 2 * PAGES);
	contig_give(w->c, page, ORDER);
	page_give(w->c, pinned, 0);
	world_end(w);
}

/* The owner lets no page go: lists, types and what was never used are as before. */
static void test_undone(void **state)
{
	(void)state;
	struct world *w = world_of(PAGES, 4 * PAGES, 0);
	struct zone *z = world_zone(w, 0, NORMAL);
	for (unsigned i = 0; i < 1500; i++)
		assert_true(own_take(w, i));
	struct page *slab = alloc(w, GFP_KERNEL, 0); /* an Unmovable block among them */
	assert_non_null(slab);
	page_give(w->c, slab, 0);
	cpu_drain(w->c);
	own.answer = PAGE_BUSY;
	struct lists before = lists_of(z);
	assert_true(before.nr_pageblocks[MIGRATE_UNMOVABLE] > 0);
	cpu_leave(w->c);
	assert_null(contig_take_range(&w->p, z, PAGES, ORDER));
	cpu_enter(w->c);
	verify(w);
	assert_lists(z, &before);
	assert_int_equal(z->virgin.nr_isolated, 0);
	assert_int_equal(world_event(w, PGMIGRATE_FAIL), 5 * 1500);
	own.answer = PAGE_GOES;
	struct page *page = take(w, ORDER);
	assert_int_equal(page_pfn(&w->m, page), PAGES);
	contig_give(w->c, page, ORDER);
	own_give_all(w);
	world_end(w);
}

/* Pages have to go somewhere. */
static void test_no_memory_to_move_to(void **state)
{
	(void)state;
	struct world *w = world_of(PAGES, 3 * PAGES, 0);
	unsigned nr = 0;
	while (own_take(w, nr))
		nr++;
	assert_true(nr > PAGES);
	own.answer = PAGE_GOES;
	assert_null(take(w, ORDER));
	own_give_all(w);
	struct page *page = take(w, ORDER);
	assert_non_null(page);
	contig_give(w->c, page, ORDER);
	world_end(w);
}

/* ---- Nobody waits for it any more ---- */

static bool is_killed(struct client *c)
{
	(void)c;
	return true;
}

/* It ends at the first moment in which others get in, and tries no other range. What has moved stays moved. */
static void test_client_has_gone(void **state)
{
	(void)state;
	struct world *w = world_of(PAGES, 8 * PAGES, 0);
	struct zone *z = world_zone(w, 0, NORMAL);
	for (unsigned i = 0; i < 3000; i++)
		assert_true(own_take(w, i));
	uint64_t before = zone_free(z);
	struct client client = { .interrupted = is_killed };
	struct client *none = client_set(&client);
	assert_null(take(w, ORDER));
	client_set(none);
	assert_int_equal(own.moves, 32);
	assert_int_equal(zone_free(z), before);
	assert_int_equal(z->virgin.nr_isolated, 0);
	struct page *page = take(w, ORDER);
	assert_non_null(page);
	assert_int_equal(page_pfn(&w->m, page), PAGES);
	contig_give(w->c, page, ORDER);
	own_give_all(w);
	world_end(w);
}

/* The nth allocation of the daemon's own memory fails: nothing was taken, or all. */
static void test_faults(void **state)
{
	(void)state;
	struct world *w = world_of(PAGES, 8 * PAGES, 0);
	struct zone *z = world_zone(w, 0, NORMAL);
	struct page *page = NULL;
	struct lists before = lists_of(z);
	for (unsigned n = 1; !page; n++) {
		assert_true(n < 20);
		cpu_leave(w->c);
		fault_arm(FAULT_HOST_MALLOC, n);
		page = contig_take_range(&w->p, z, 2 * PAGES, ORDER);
		fault_arm(FAULT_HOST_MALLOC, 0);
		cpu_enter(w->c);
		verify(w);
		if (!page)
			assert_lists(z, &before);
	}
	contig_give(w->c, page, ORDER);
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh_machine),
		cmocka_unit_test(test_leaves_movable_alone),
		cmocka_unit_test(test_moves_what_is_there),
		cmocka_unit_test(test_unmovable_page),
		cmocka_unit_test(test_undone),
		cmocka_unit_test(test_no_memory_to_move_to),
		cmocka_unit_test(test_client_has_gone),
		cmocka_unit_test(test_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
