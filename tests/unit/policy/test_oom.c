/* SPDX-License-Identifier: MIT */
#include "policy/oom.h"

#include "support/report_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TOTAL 245871u /* managed pages of the machine whose reports were captured */

static struct oom_task task_of(pid_t pid, uint64_t rss, uint64_t tables, int adj)
{
	return (struct oom_task){
		.pid = pid, .anon_pages = rss, .table_pages = tables, .adj = adj, .has_memory = true
	};
}

static int64_t badness(uint64_t rss, uint64_t tables, int adj)
{
	struct oom_task t = task_of(1, rss, tables, adj);
	return oom_badness(&t, TOTAL);
}

static void test_badness(void **state)
{
	(void)state;
	assert_int_equal(badness(8332, 27, 0), 8359);
	assert_int_equal(badness(8332, 27, 1), 8359 + 245);
	assert_int_equal(badness(8332, 27, -999), 8359 - 999 * 245);
	assert_true(badness(8332, 27, -1000) == OOM_UNKILLABLE);
	struct oom_task none = task_of(1, 0, 0, 1000);
	none.has_memory = false;
	assert_true(oom_badness(&none, TOTAL) == OOM_UNKILLABLE);
	struct oom_task all = { .anon_pages = 1,
				.file_pages = 2,
				.shmem_pages = 4,
				.table_pages = 8,
				.swap_pages = 16,
				.total_vm = 1000,
				.has_memory = true };
	assert_int_equal(oom_badness(&all, TOTAL), 31);
}

static void test_score(void **state)
{
	(void)state;
	assert_int_equal(oom_score(0, TOTAL), 666);
	assert_int_equal(oom_score(OOM_UNKILLABLE, TOTAL), 0);
	assert_int_equal(oom_score(TOTAL, TOTAL), 1333);
	assert_int_equal(oom_score(badness(0, 0, -999), TOTAL), 3); /* 999 * 245 * 1000 / 245871 is 995 */
	assert_int_equal(oom_score(badness(0, 0, 1000), TOTAL), 1330);
	assert_int_equal(oom_score(TOTAL / 2, TOTAL), 999);
}

static pid_t choose(const struct oom_task *t, unsigned nr, bool *waits)
{
	struct oom_choice c = { .points = OOM_UNKILLABLE };
	for (unsigned i = 0; i < nr && oom_consider(&c, &t[i], TOTAL); i++)
		;
	*waits = c.waits;
	return c.found || c.waits ? c.task.pid : 0;
}

/* The table of a captured report, in its order: pid 270 was killed, for its page tables. */
static void test_captured_choices(void **state)
{
	(void)state;
	static const pid_t pid[] = { 144, 151, 158, 165, 172, 179, 186, 193, 202, 211,
				     218, 227, 236, 243, 252, 261, 270, 279, 288, 297,
				     304, 311, 323, 331, 337, 343, 349, 355 };
	static const unsigned bytes[] = { 102400, 106496, 106496, 102400, 106496, 106496, 106496,
					  106496, 106496, 106496, 106496, 102400, 102400, 102400,
					  102400, 106496, 110592, 102400, 106496, 106496, 106496,
					  102400, 106496, 106496, 102400, 106496, 106496, 106496 };
	struct oom_task t[ARRAY_LEN(pid)];
	bool waits;
	for (unsigned i = 0; i < ARRAY_LEN(pid); i++)
		t[i] = task_of(pid[i], 8332, bytes[i] / PAGE_SIZE, 0);
	assert_int_equal(choose(t, ARRAY_LEN(pid), &waits), 270);
	t[16].has_memory = false; /* the next report: of equals the last */
	assert_int_equal(choose(t, ARRAY_LEN(pid), &waits), 355);
	assert_false(waits);
}

static void test_no_second_victim(void **state)
{
	(void)state;
	bool waits;
	struct oom_task t[] = { task_of(1, 900, 0, 0), task_of(2, 5, 0, 0), task_of(3, 1000, 0, 0) };
	assert_int_equal(choose(t, 3, &waits), 3);
	t[1].is_victim = true;
	assert_int_equal(choose(t, 3, &waits), 2);
	assert_true(waits);
}

static void test_nobody(void **state)
{
	(void)state;
	bool waits;
	struct oom_task t[] = { task_of(1, 900, 0, -1000) };
	assert_int_equal(choose(t, 1, &waits), 0);
	assert_int_equal(choose(t, 0, &waits), 0);
	assert_false(waits);
}

static void test_allowed(void **state)
{
	(void)state;
	static const struct oom_ops ops = { .begin = NULL };
	struct oom o;
	oom_init(&o);
	assert_int_equal(o.dump_tasks, 1);
	assert_int_equal(o.panic, 0);
	assert_int_equal(o.kill_allocating, 0);
	assert_false(oom_allowed(&o, GFP_KERNEL, 0));
	o.ops = &ops;
	assert_true(oom_allowed(&o, GFP_KERNEL, 0));
	assert_true(oom_allowed(&o, GFP_HIGHUSER_MOVABLE, 3));
	assert_false(oom_allowed(&o, GFP_KERNEL, 4));
	assert_false(oom_allowed(&o, GFP_NOFS, 0));
	assert_false(oom_allowed(&o, GFP_ATOMIC, 0));
	assert_false(oom_allowed(&o, GFP_KERNEL | __GFP_NORETRY, 0));
	assert_false(oom_allowed(&o, GFP_KERNEL | __GFP_RETRY_MAYFAIL, 0));
	assert_false(oom_allowed(&o, GFP_KERNEL | __GFP_THISNODE, 0));
}

static const struct zone_shape two_nodes[] = { { 0, 2, 0x1000, 0x2000, 0 }, { 1, 2, 0x2000, 0x2800, 8 } };

/* What is bound to all there is is bound to nothing. */
static void test_constraint(void **state)
{
	(void)state;
	struct fixture *f = fixture_of(3, 1, two_nodes, 2);
	struct nodemask nodes = { { 0 } };
	struct oom_request r = { .policy = &f->p };
	assert_int_equal(oom_constrain(&r, 6000, 100), 6100);
	r.nodes = &nodes;
	nodemask_set(&nodes, 1);
	assert_int_equal(oom_constrain(&r, 6000, 100), 0x800 + 100); /* present, not managed */
	assert_ptr_equal(r.nodes, &nodes);
	nodemask_set(&nodes, 0);
	assert_int_equal(oom_constrain(&r, 6000, 100), 6100);
	assert_null(r.nodes);
	fixture_end(f);
}

static void test_eligible(void **state)
{
	(void)state;
	struct fixture *f = fixture_of(3, 1, two_nodes, 2);
	struct mempolicy bind, il;
	struct nodemask nodes = { { 2 } };
	assert_int_equal(mempolicy_parse(&bind, &f->p.numa, "bind:0"), 0);
	assert_int_equal(mempolicy_parse(&il, &f->p.numa, "interleave:0"), 0);
	struct oom_task t = { .has_memory = true };
	assert_true(oom_eligible(&t, &nodes));
	t.mempolicy = &il;
	assert_true(oom_eligible(&t, &nodes)); /* only binding keeps memory away */
	t.mempolicy = &bind;
	assert_false(oom_eligible(&t, &nodes));
	assert_true(oom_eligible(&t, NULL));
	fixture_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constraint),       cmocka_unit_test(test_eligible),
		cmocka_unit_test(test_badness),          cmocka_unit_test(test_score),
		cmocka_unit_test(test_captured_choices), cmocka_unit_test(test_no_second_victim),
		cmocka_unit_test(test_nobody),           cmocka_unit_test(test_allowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
