/* SPDX-License-Identifier: MIT */
#include "view/label.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A label is its counter's name in the two formats that 6.1 uses. */
static void check(const struct label *l, const char *name)
{
	char want[256];
	struct chunk c;
	struct text t;
	text_init(&t, 0);
	chunk_init(&c, &t);
	label_line_indented(&c, l, 7);
	label_line(&c, l, 1234567);
	chunk_flush(&c);
	snprintf(want, sizeof(want), "      %-12s %lu\n%s %lu\n", name, 7ul, name, 1234567ul);
	assert_string_equal(text_cstr(&t), want);
	text_fini(&t);
}

static void test_items(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NR_ZONE_STATS; i++)
		check(&zone_label[i], zone_stat_name[i]);
	for (unsigned i = 0; i < NR_NODE_STATS; i++)
		check(&node_label[i], node_stat_name[i]);
	for (unsigned i = 0; i < NR_NUMA_STATS; i++) {
		check(&numa_label[i], numa_stat_name[i]);
		check(&numastat_label[i], numastat_name[i]);
	}
}

static void test_events(void **state)
{
	(void)state;
	char buf[64];
	for (unsigned e = 0; e < NR_VM_EVENTS; e++)
		check(&event_label[e], vm_event_name(e, buf));
}

static void test_shown_value(void **state)
{
	(void)state;
	const struct machine m = { .pageblock_order = 10 };
	assert_int_equal(node_stat_shown_value(&m, NR_SHMEM_THPS, 5000), 4);
	assert_int_equal(node_stat_shown_value(&m, NR_SHMEM, 5000), 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_shown_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
