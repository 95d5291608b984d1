/* SPDX-License-Identifier: MIT */
#include "support/policy_fixture.h"

#include "base/fault.h"
#include "support/captured.h"

#include <errno.h>

static void test_owner_handles(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < OWNER_KINDS; kind++) {
		uint32_t handle = owner_handle((enum owner_kind)kind, 0x0fffffff);
		assert_int_equal(owner_kind(handle), kind);
		assert_int_equal(owner_id(handle), 0x0fffffff);
	}
	assert_int_equal(owner_handle(OWNER_NONE, 0), 0);
}

static void test_marks_count_their_boost(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct zone *z = world_zone(w, 0, 2);
	lock_take(&z->lock);
	z->watermark_boost = 5;
	zone_update_plenty(z);
	lock_drop(&z->lock);
	assert_int_equal(zone_mark_pages(z, WMARK_HIGH), z->watermark[WMARK_HIGH] + 5);
	world_end(w);
}

/* Only nodes with memory have a thread, and none when the work is done inline. */
static void test_threads(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		bool inline_reclaim = i;
		struct machine_spec s;
		captured_spec(captured_machine("T10"), &s);
		struct world *w = world_begin(&s, inline_reclaim);
		assert_int_equal(policy_start(&w->p), 0);
		assert_int_equal(w->p.kswapd[0].running, !inline_reclaim);
		assert_false(w->p.kswapd[1].running);
		world_end(w);
	}
}

static void test_no_host_memory(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct policy p;
	fault_arm(FAULT_HOST_MALLOC, 1);
	assert_int_equal(policy_init(&p, &w->m, false), -ENOMEM);
	fault_arm(FAULT_HOST_MALLOC, 0);
	policy_fini(&p); /* harmless */
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owner_handles),
		cmocka_unit_test(test_marks_count_their_boost),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_no_host_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
