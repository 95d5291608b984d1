/* SPDX-License-Identifier: MIT */
/*
 * The Nth failure, for N = 1, 2, … until nothing fails any more: of host
 * memory while a machine starts, and of blocks while it works. What fails says
 * so, leaves nothing behind (a leak ends an ASan run) and breaks nothing.
 */

#include "base/fault.h"
#include "base/log.h"
#include "mm/buddy.h"
#include "mm/import.h"
#include "policy/policy.h"
#include "support/captured.h"
#include "support/small_machine.h"

#include <errno.h>

#define BLOCKS 70

struct whole {
	struct machine m;
	struct policy p;
	struct hugetlb h;
};

static int whole_start(struct whole *w, const struct machine_spec *s)
{
	struct why why = { "" };
	int error = machine_boot(&w->m, s, &why);
	if (error) {
		assert_true(why.text[0]);
		return error;
	}
	error = policy_init(&w->p, &w->m, false);
	if (!error)
		error = policy_start(&w->p);
	if (!error)
		error = hugetlb_init(&w->h, &w->m, w->m.pageblock_order);
	if (!error)
		return 0;
	policy_fini(&w->p);
	machine_shutdown(&w->m);
	return error;
}

static void whole_stop(struct whole *w)
{
	hugetlb_resize(&w->p, &w->h, 0, -1);
	hugetlb_fini(&w->h);
	policy_fini(&w->p);
	end_machine(&w->m);
}

static unsigned sweep_start(const struct captured_machine *c, bool imported)
{
	static struct whole w;
	for (unsigned nth = 1;; nth++) {
		struct machine_spec s;
		captured_spec(c, &s);
		s.imported = imported;
		fault_arm(FAULT_HOST_MALLOC, nth);
		int error = whole_start(&w, &s);
		bool fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		machine_spec_fini(&s);
		assert_int_equal(error, fired ? -ENOMEM : 0);
		if (error)
			continue;
		whole_stop(&w);
		return nth;
	}
}

static void test_start(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nr_captured_machines; i++) {
		unsigned places = sweep_start(&captured_machines[i], i % 2);
		print_message("%s: %u places\n", captured_machines[i].name, places - 1);
		assert_true(places > 10);
	}
}

static void test_spec(void **state)
{
	(void)state;
	for (unsigned nth = 1;; nth++) {
		struct machine_spec s;
		machine_spec_init(&s);
		fault_arm(FAULT_HOST_MALLOC, nth);
		int error = machine_spec_set_nodes(&s, 2);
		for (uint64_t at = 0; !error && at < 40; at += 4)
			error = zone_spec_add_range(&s.node[1].zone[2], at + 1, at + 3);
		bool fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		if (!error)
			assert_int_equal(s.node[1].zone[2].present, 20);
		machine_spec_fini(&s);
		assert_int_equal(error, fired ? -ENOMEM : 0);
		if (!fired)
			break;
	}
}

/* A machine of 64 MiB on two nodes that is asked for a bit of everything. */
static void work(struct whole *w)
{
	static const struct {
		gfp_t gfp;
		unsigned order;
	} want[] = { { GFP_KERNEL, 0 },
		     { GFP_HIGHUSER_MOVABLE, 0 },
		     { GFP_KERNEL | __GFP_RECLAIMABLE, 2 },
		     { GFP_ATOMIC, 3 },
		     { GFP_KERNEL | __GFP_THISNODE, 5 },
		     { GFP_KERNEL, 9 },
		     { GFP_NOWAIT, 10 } };
	struct cpu *c = &w->m.cpu[1];
	struct page *page[BLOCKS];
	cpu_enter(c);
	for (unsigned i = 0; i < BLOCKS; i++)
		page[i] = alloc_pages(&w->p, c, -1, want[i % ARRAY_LEN(want)].gfp,
				      want[i % ARRAY_LEN(want)].order);
	cpu_leave(c);
	uint64_t pool = hugetlb_resize(&w->p, &w->h, 4, -1);
	assert_true(pool <= 4 && w->h.nr == pool);
	struct page *huge = hugetlb_alloc(&w->p, &w->h, c, NULL, false);
	if (huge)
		hugetlb_free(&w->p, &w->h, huge);
	cpu_enter(c);
	for (unsigned i = 0; i < BLOCKS; i++)
		if (page[i])
			free_pages(c, page[i], want[i % ARRAY_LEN(want)].order);
	cpu_leave(c);
}

static void test_work(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 1, 4096, 12288, 0 },
						   { 1, 2, 1048576, 1056768, 0 } };
	static struct whole w;
	unsigned nth = 0;
	bool fired = true;
	while (fired) {
		struct machine_spec s;
		small_spec(&s, 2, 1);
		small_spec_zones(&s, shape, 2);
		assert_int_equal(whole_start(&w, &s), 0);
		machine_spec_fini(&s);
		fault_arm(FAULT_BUDDY_TAKE, ++nth);
		work(&w);
		fired = fault_fired(FAULT_BUDDY_TAKE);
		fault_arm(FAULT_BUDDY_TAKE, 0);
		assert_verified(&w.m);
		whole_stop(&w);
	}
	print_message("%u places\n", nth - 1);
	assert_true(nth > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_spec),
		cmocka_unit_test(test_work),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
