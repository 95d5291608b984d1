/* SPDX-License-Identifier: MIT */
#include "mm/mark.h"

#include "mm/pcp.h"
#include "mm/verify.h"
#include "support/small_machine.h"

static struct zone *boot(struct machine *m)
{
	one_zone_machine(m, 4096, 8192);
	cpu_enter(&m->cpu[0]);
	return machine_zone(m, 0, 2);
}

static void end(struct machine *m)
{
	cpu_leave(&m->cpu[0]);
	end_machine(m);
}

static struct page *take(struct machine *m, struct zone *z)
{
	struct page *page = zone_take(&m->cpu[0], z, 0, MIGRATE_MOVABLE, 0);
	assert_non_null(page);
	return page;
}

/* Every mark, alone: what it adds is taken away again. */
static void test_each_mark(void **state)
{
	(void)state;
	static const struct {
		unsigned mark;
		int node, zone;
		int64_t pages;
	} rows[] = {
		{ MARK_DIRTY, NR_FILE_DIRTY, NR_ZONE_WRITE_PENDING, 1 },
		{ MARK_WRITEBACK, NR_WRITEBACK, NR_ZONE_WRITE_PENDING, 1 },
		{ MARK_MAPPED, NR_FILE_MAPPED, -1, 1 },
		{ MARK_MLOCKED, -1, NR_MLOCK, 1 },
		{ MARK_SHMEM, NR_SHMEM, -1, 1 },
		{ MARK_HUGE_ANON, NR_ANON_THPS, -1, 512 },
		{ MARK_HUGE_FILE, NR_FILE_THPS, -1, 512 },
		{ MARK_HUGE_FILE | MARK_SHMEM, NR_SHMEM_THPS, -1, 512 },
		{ MARK_HUGE_FILE | MARK_MAPPED, NR_FILE_PMDMAPPED, -1, 512 },
		{ MARK_HUGE_FILE | MARK_MAPPED | MARK_SHMEM, NR_SHMEM_PMDMAPPED, -1, 512 },
	};
	struct machine m;
	struct zone *z = boot(&m);
	struct page *page = take(&m, z);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		for (unsigned has = 2; has-- > 0;) {
			if (has)
				page_mark(&m.cpu[0], page, rows[i].mark);
			else
				page_unmark(&m.cpu[0], page);
			int64_t pages = has ? rows[i].pages : 0;
			if (rows[i].node >= 0)
				assert_int_equal(node_stat_sum(z->node, (enum node_stat)rows[i].node), pages);
			if (rows[i].zone >= 0)
				assert_int_equal(zone_stat_sum(z, (enum zone_stat)rows[i].zone), pages);
		}
		assert_int_equal(page->marks, 0);
	}
	page_give(&m.cpu[0], page, 0);
	end(&m);
}

static void test_buffers(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct page *a = take(&m, z), *b = take(&m, z);
	page_mark(&m.cpu[0], a, MARK_BUFFER | MARK_DIRTY);
	page_mark(&m.cpu[0], b, MARK_BUFFER);
	assert_int_equal(m.nr_buffer_pages, 2);
	page_unmark(&m.cpu[0], a);
	assert_int_equal(m.nr_buffer_pages, 1);
	page_unmark(&m.cpu[0], b);
	assert_int_equal(m.nr_buffer_pages, 0);
	page_give(&m.cpu[0], a, 0);
	page_give(&m.cpu[0], b, 0);
	end(&m);
}

/* Two zones of 8 MiB, one on each of two nodes. */
static void boot_two(struct machine *m)
{
	static const struct zone_shape shape[] = { { 0, 2, 4096, 6144, 0 }, { 1, 2, 8192, 10240, 0 } };
	small_machine(m, 2, 1, shape, 2);
	cpu_enter(&m->cpu[0]);
}

static struct page *take_order(struct machine *m, unsigned node, unsigned order)
{
	struct page *page = zone_take(&m->cpu[0], machine_zone(m, node, 2), order, MIGRATE_MOVABLE, 0);
	assert_non_null(page);
	return page;
}

/* What a mark counts goes where its page goes. */
static void test_move(void **state)
{
	(void)state;
	struct machine m;
	boot_two(&m);
	struct cpu *c = &m.cpu[0];
	struct node *n0 = &m.node[0], *n1 = &m.node[1];
	struct zone *z0 = machine_zone(&m, 0, 2), *z1 = machine_zone(&m, 1, 2);
	struct page *a = take_order(&m, 0, 0), *b = take_order(&m, 0, 0), *far = take_order(&m, 1, 0);
	const unsigned marks = MARK_DIRTY | MARK_MAPPED | MARK_MLOCKED | MARK_BUFFER;

	page_marks_move(c, a, b); /* none */
	assert_int_equal(b->marks, 0);
	page_mark(c, a, marks);
	page_marks_move(c, a, b);
	assert_int_equal(a->marks, 0);
	assert_int_equal(b->marks, marks);
	assert_int_equal(node_stat_sum(n0, NR_FILE_DIRTY), 1);

	page_marks_move(c, b, far);
	assert_int_equal(b->marks, 0);
	assert_int_equal(far->marks, marks);
	assert_int_equal(node_stat_sum(n0, NR_FILE_DIRTY) + node_stat_sum(n0, NR_FILE_MAPPED), 0);
	assert_int_equal(zone_stat_sum(z0, NR_MLOCK) + zone_stat_sum(z0, NR_ZONE_WRITE_PENDING), 0);
	assert_int_equal(node_stat_sum(n1, NR_FILE_DIRTY), 1);
	assert_int_equal(node_stat_sum(n1, NR_FILE_MAPPED), 1);
	assert_int_equal(zone_stat_sum(z1, NR_MLOCK), 1);
	assert_int_equal(zone_stat_sum(z1, NR_ZONE_WRITE_PENDING), 1);
	assert_int_equal(m.nr_buffer_pages, 1);

	page_unmark(c, far);
	page_give(c, a, 0);
	page_give(c, b, 0);
	page_give(c, far, 0);
	end(&m);
}

/* A huge page is one at the start of a pageblock, on whatever node, and nowhere else; other marks stay. */
static void test_move_huge(void **state)
{
	(void)state;
	struct machine m;
	boot_two(&m);
	struct cpu *c = &m.cpu[0];
	struct node *n0 = &m.node[0], *n1 = &m.node[1];
	struct page *a = take_order(&m, 0, 9), *far = take_order(&m, 1, 9),
		    *single = take_order(&m, 1, 0);
	struct page *first = single; /* of a pageblock; the next is inside it */
	single = take_order(&m, 1, 0);
	assert_int_not_equal(page_pfn(&m, single) & 511, 0);
	page_mark(c, a, MARK_HUGE_FILE | MARK_MAPPED);
	assert_int_equal(node_stat_sum(n0, NR_FILE_PMDMAPPED), 512);
	page_marks_move(c, a, far);
	assert_int_equal(far->marks, MARK_HUGE_FILE | MARK_MAPPED);
	assert_int_equal(node_stat_sum(n0, NR_FILE_THPS) + node_stat_sum(n0, NR_FILE_PMDMAPPED), 0);
	assert_int_equal(node_stat_sum(n1, NR_FILE_PMDMAPPED), 512);
	page_marks_move(c, far, single);
	assert_int_equal(single->marks, MARK_MAPPED);
	assert_int_equal(node_stat_sum(n1, NR_FILE_THPS) + node_stat_sum(n1, NR_FILE_PMDMAPPED), 0);
	assert_int_equal(node_stat_sum(n1, NR_FILE_MAPPED), 1);

	page_unmark(c, single);
	page_give(c, a, 9);
	page_give(c, far, 9);
	page_give(c, first, 0);
	page_give(c, single, 0);
	end(&m);
}

/* A page that goes without losing its marks first is found. */
static void test_verify_finds_lost_marks(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct page *page = take(&m, z);
	page_give(&m.cpu[0], page, 0);
	page->marks = MARK_MAPPED;
	cpu_leave(&m.cpu[0]);
	assert_true(mm_verify(&m, NULL) > 0);
	page->marks = 0;
	cpu_enter(&m.cpu[0]);
	end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_mark),
		cmocka_unit_test(test_buffers),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_move_huge),
		cmocka_unit_test(test_verify_finds_lost_marks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
