/* SPDX-License-Identifier: MIT */
#include "mm/buddy.h"
#include "mm/lru.h"
#include "mm/pcp.h"
#include "support/captured.h"
#include "support/small_machine.h"

static void captured_boot(struct machine *m, const char *name)
{
	struct machine_spec s;
	captured_spec(captured_machine(name), &s);
	small_boot(m, &s);
}

static uint64_t blocks_of_all_types(const struct zone *z)
{
	uint64_t blocks = 0;
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		blocks += z->nr_pageblocks[mt];
	return blocks;
}

static void set_type(struct zone *z, pfn_t pfn, enum migratetype mt)
{
	lock_take(&z->lock);
	pageblock_set_type(z, pfn, mt);
	lock_drop(&z->lock);
}

/*
 * As pagetypeinfo counts them: T3's DMA32 skips its hole (1528, not 2040), T7b
 * with one flat array does not, and a zone with odd edges counts its own steps.
 */
static void test_captured_counts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nr_captured_machines; i++) {
		const struct captured_machine *c = &captured_machines[i];
		struct machine m;
		captured_boot(&m, c->name);
		for (unsigned k = 0; k < CAPTURED_ZONES && c->zone[k].present; k++) {
			const struct zone *z = machine_zone(&m, c->zone[k].node, c->zone[k].type);
			assert_int_equal(zone_count_pageblocks(z), c->zone[k].pageblocks);
			assert_int_equal(blocks_of_all_types(z), c->zone[k].pageblocks);
		}
		machine_shutdown(&m);
	}
}

/* The first block of a PC begins in frame 0, which is no memory; T7b's hole is 512 blocks that 6.1 calls Unmovable. */
static void test_blocks_without_memory_are_unmovable(void **state)
{
	(void)state;
	struct machine m;
	captured_boot(&m, "T2");
	assert_int_equal(machine_zone(&m, 0, 0)->nr_pageblocks[MIGRATE_UNMOVABLE], 1);
	assert_int_equal(machine_zone(&m, 0, 0)->nr_pageblocks[MIGRATE_MOVABLE], 7);
	assert_int_equal(machine_zone(&m, 0, 1)->nr_pageblocks[MIGRATE_UNMOVABLE], 0);
	assert_int_equal(pageblock_type(&m, 1), MIGRATE_UNMOVABLE);
	assert_int_equal(pageblock_type(&m, 512), MIGRATE_MOVABLE);
	end_machine(&m);

	captured_boot(&m, "T7b");
	assert_int_equal(machine_zone(&m, 0, 1)->nr_pageblocks[MIGRATE_UNMOVABLE], 0);
	assert_int_equal(machine_zone(&m, 0, 2)->nr_pageblocks[MIGRATE_UNMOVABLE], 512);
	assert_int_equal(pageblock_type(&m, 786432), MIGRATE_UNMOVABLE);
	assert_int_equal(pageblock_type(&m, 1048576), MIGRATE_MOVABLE);
	end_machine(&m);
}

/* Holes of a 64-bit machine that share a section of 128 MiB with memory. */
static void test_holes_in_known_sections(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 2, 32768, 32768 + 700, 0 }, /* 1 and a half blocks */
						   { 0, 2, 32768 + 5 * 512 + 100, 32768 + 8 * 512, 0 },
						   { 0, 2, 10 * 32768 + 512, 10 * 32768 + 1024, 0 } };
	struct machine m;
	small_machine(&m, 1, 1, shape, 3);
	const struct zone *z = machine_zone(&m, 0, 2);
	assert_int_equal(blocks_of_all_types(z), 64 + 2);
	assert_int_equal(z->nr_pageblocks[MIGRATE_MOVABLE], 2 + 2 + 1);
	static const unsigned movable[] = { 0, 1, 6, 7 };
	for (unsigned block = 0, i = 0; block < 64; block++) {
		bool is = i < ARRAY_LEN(movable) && movable[i] == block;
		i += is;
		assert_int_equal(pageblock_type(&m, 32768 + 512 * block),
				 is ? MIGRATE_MOVABLE : MIGRATE_UNMOVABLE);
	}
	/* the free part of a block that begins in no memory is Unmovable, too */
	assert_int_equal(z->area[2].nr_free[MIGRATE_UNMOVABLE], 1);
	end_machine(&m);
}

static void test_given_count(void **state)
{
	(void)state;
	struct machine_spec s;
	struct machine m;
	captured_spec(captured_machine("T1"), &s);
	s.node[0].zone[1].nr_blocks = 500;
	small_boot(&m, &s);
	assert_int_equal(machine_zone(&m, 0, 1)->nr_pageblocks[MIGRATE_MOVABLE], 500);
	machine_shutdown(&m);
}

static void test_imported_blocks_start_movable(void **state)
{
	(void)state;
	struct machine_spec s;
	struct machine m;
	captured_spec(captured_machine("T7b"), &s);
	s.imported = true;
	small_boot(&m, &s);
	FOR_EACH_POPULATED_ZONE(z, &m)
		assert_int_equal(z->nr_pageblocks[MIGRATE_MOVABLE], blocks_of_all_types(z));
	end_machine(&m);
}

static void test_set_type_counts(void **state)
{
	(void)state;
	struct machine m;
	one_zone_machine(&m, 4096, 4096 + 4096);
	struct zone *z = machine_zone(&m, 0, 2);
	set_type(z, 5000, MIGRATE_RECLAIMABLE);
	assert_int_equal(pageblock_type(&m, 4608), MIGRATE_RECLAIMABLE);
	assert_int_equal(pageblock_type(&m, 5119), MIGRATE_RECLAIMABLE);
	assert_int_equal(pageblock_type(&m, 5120), MIGRATE_MOVABLE);
	assert_int_equal(z->nr_pageblocks[MIGRATE_RECLAIMABLE], 1);
	assert_int_equal(z->nr_pageblocks[MIGRATE_MOVABLE], 7);
	set_type(z, 4608, MIGRATE_RECLAIMABLE); /* the same again */
	assert_int_equal(z->nr_pageblocks[MIGRATE_RECLAIMABLE], 1);
	set_type(z, 4608, MIGRATE_MOVABLE);
	assert_int_equal(z->nr_pageblocks[MIGRATE_MOVABLE], 8);
	end_machine(&m);
}

/*
 * T7a: Normal is 4096..224254, HighMem begins in the middle of a block of 1024
 * and looks from there in steps, so block 218 counts for both, and the last
 * block of HighMem, which no step reaches, for nobody.
 */
static void test_block_of_two_zones(void **state)
{
	(void)state;
	struct machine m;
	captured_boot(&m, "T7a");
	struct zone *normal = machine_zone(&m, 0, 1), *high = machine_zone(&m, 0, 2);
	set_type(high, 224254, MIGRATE_UNMOVABLE);
	assert_int_equal(normal->nr_pageblocks[MIGRATE_UNMOVABLE], 1);
	assert_int_equal(high->nr_pageblocks[MIGRATE_UNMOVABLE], 1);
	assert_int_equal(normal->nr_pageblocks[MIGRATE_MOVABLE], 214);
	assert_int_equal(high->nr_pageblocks[MIGRATE_MOVABLE], 292);
	set_type(normal, 224253, MIGRATE_MOVABLE);
	assert_int_equal(normal->nr_pageblocks[MIGRATE_MOVABLE], 215);
	assert_int_equal(high->nr_pageblocks[MIGRATE_MOVABLE], 293);
	set_type(high, 224256, MIGRATE_RECLAIMABLE);
	assert_int_equal(normal->nr_pageblocks[MIGRATE_RECLAIMABLE], 0);
	assert_int_equal(high->nr_pageblocks[MIGRATE_RECLAIMABLE], 1);
	set_type(high, 524249, MIGRATE_RECLAIMABLE);
	assert_int_equal(high->nr_pageblocks[MIGRATE_RECLAIMABLE], 1);
	end_machine(&m);
}

static struct page *take(struct machine *m, unsigned order)
{
	struct zone *z = machine_zone(m, 0, 2);
	cpu_enter(&m->cpu[0]);
	struct page *page = zone_take(&m->cpu[0], z, order, MIGRATE_MOVABLE, 0);
	cpu_leave(&m->cpu[0]);
	assert_non_null(page);
	return page;
}

static void give(struct machine *m, struct page *page, unsigned order)
{
	cpu_enter(&m->cpu[0]);
	page_give(&m->cpu[0], page, order);
	cpu_drain(&m->cpu[0]);
	cpu_leave(&m->cpu[0]);
}

static void test_move_free(void **state)
{
	(void)state;
	struct machine m;
	one_zone_machine(&m, 4096, 4096 + 1024);
	struct zone *z = machine_zone(&m, 0, 2);
	struct page *page = take(&m, 4);
	lock_take(&z->lock);
	assert_int_equal(pageblock_move_free(z, 4100, MIGRATE_UNMOVABLE), 512 - 16);
	lock_drop(&z->lock);
	for (unsigned order = 4; order < 9; order++)
		assert_int_equal(z->area[order].nr_free[MIGRATE_UNMOVABLE], 1);
	assert_int_equal(z->area[9].nr_free[MIGRATE_MOVABLE], 1);
	give(&m, page, 4);
	end_machine(&m);
}

/* A block that ends outside of the zone stays as it is; of one that begins outside, what lies from the frame on moves. */
static void test_move_free_at_the_edges(void **state)
{
	(void)state;
	struct machine m;
	one_zone_machine(&m, 4096 + 256, 4096 + 1024 + 256);
	struct zone *z = machine_zone(&m, 0, 2);
	lock_take(&z->lock);
	assert_int_equal(pageblock_move_free(z, 5120, MIGRATE_RECLAIMABLE), 0);
	assert_int_equal(pageblock_move_free(z, 4400, MIGRATE_RECLAIMABLE), 0); /* inside a block that begins before it */
	assert_int_equal(pageblock_move_free(z, 4352, MIGRATE_RECLAIMABLE), 256);
	assert_int_equal(pageblock_movable_pages(z, 5120), 0);
	lock_drop(&z->lock);
	end_machine(&m);
}

static void test_movable_pages_are_those_on_lru_lists(void **state)
{
	(void)state;
	struct machine m;
	one_zone_machine(&m, 4096, 4096 + 1024);
	struct zone *z = machine_zone(&m, 0, 2);
	struct cpu *c = &m.cpu[0];
	struct page *page[3];
	for (unsigned i = 0; i < 3; i++)
		page[i] = take(&m, i);
	cpu_enter(c);
	lock_take(&m.node[0].lru.lock);
	lru_add(c, page[0], LRU_INACTIVE_FILE);
	lru_add(c, page[2], LRU_ACTIVE_FILE);
	assert_int_equal(pageblock_movable_pages(z, 4096), 5);
	assert_int_equal(pageblock_movable_pages(z, 4096 + 512), 0);
	lru_del(c, page[0]);
	lru_del(c, page[2]);
	lock_drop(&m.node[0].lru.lock);
	cpu_leave(c);
	for (unsigned i = 0; i < 3; i++)
		give(&m, page[i], i);
	end_machine(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captured_counts),
		cmocka_unit_test(test_blocks_without_memory_are_unmovable),
		cmocka_unit_test(test_holes_in_known_sections),
		cmocka_unit_test(test_given_count),
		cmocka_unit_test(test_imported_blocks_start_movable),
		cmocka_unit_test(test_set_type_counts),
		cmocka_unit_test(test_block_of_two_zones),
		cmocka_unit_test(test_move_free),
		cmocka_unit_test(test_move_free_at_the_edges),
		cmocka_unit_test(test_movable_pages_are_those_on_lru_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
