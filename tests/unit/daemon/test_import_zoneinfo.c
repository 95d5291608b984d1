/* SPDX-License-Identifier: MIT */
/* zoneinfo: numbers of a real one, lines of other kernels, and each way to be refused. */
#include "support/state_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "Node 0, zone      DMA\n"
#define BODY                                                                                       \
	"  pages free     100\n        min      5\n        low      6\n        high     7\n"       \
	"        spanned  4095\n        present  3998\n        managed  3840\n"

static const struct state_file zoneinfo = { NULL, "proc/zoneinfo", cap_read_zoneinfo };

static void test_real_one(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	state_dir_make(&d, "6.1.0-50-amd64-T12");
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_read_zoneinfo(c, &why), 0);
	assert_int_equal(c->nr_nodes, 3);
	assert_int_equal(c->nr_zones, 15);
	assert_true(c->numa_lines);

	const struct cap_zone *z = cap_zone_find(c, 0, ZONE_DMA32);
	assert_int_equal(z->free, 245415);
	assert_int_equal(z->low, 5888);
	assert_int_equal(z->managed, 253843);
	assert_int_equal(z->start_pfn, 4096);
	assert_int_equal(z->nr_protection, 5);
	assert_int_equal(z->nr_pagesets, 3);
	assert_int_equal(z->pageset[1].count, 456);
	assert_int_equal(z->pageset[2].high, 5888);
	assert_int_equal(z->pageset[2].batch, 63);
	assert_int_equal(z->pageset[2].threshold, 16);
	assert_int_equal(z->stat[NR_ZONE_UNEVICTABLE], 1536);
	assert_int_equal(z->numa[NUMA_LOCAL], 3998);
	assert_int_equal(cap_zone_find(c, 0, ZONE_DMA)->protection[1], 991);
	assert_int_equal(c->node[0].stat[NR_SLAB_RECLAIMABLE], 305);
	assert_int_equal(c->node[0].stat[NR_KERNEL_STACK_KB], 452);
	assert_int_equal(c->node[2].stat[NR_PAGETABLE], 3);
	assert_false(cap_zone_populated(cap_zone_find(c, 2, ZONE_DMA)));
	assert_null(cap_zone_find(c, 0, ZONE_HIGHMEM));
	state_file_done(&d, c);
}

/* A number without a name, lines nobody knows, lines that a newer kernel has. */
static void test_strange_lines_are_passed_over(void **state)
{
	(void)state;
	struct state_dir d;
	struct capture *c = state_file_read(
		&d, &zoneinfo,
		HEAD "  per-node stats\n      nr_new_thing 5\n                   537792\n" BODY
		     "        promo    9\n      nr_odd -5\n      nr_free_pages_blocks 3\n"
		     "  pagesets\n    cpu: 0\n              count:    4\n              high:     0\n"
		     "              batch:    1\n              high_min: 38\n  vm stats threshold: 4\n"
		     "  all_unreclaimable: 0\n  vm is odd\n\n  start_pfn:         1\n",
		0, "");
	const struct cap_zone *z = cap_zone_find(c, 0, ZONE_DMA);
	assert_int_equal(z->high, 7);
	assert_int_equal(z->pageset[0].count, 4);
	assert_int_equal(z->pageset[0].threshold, 4);
	assert_int_equal(z->start_pfn, 1);
	assert_true(z->has_start && z->has_marks);
	assert_false(c->numa_lines);
	state_file_done(&d, c);
}

/* Before 3.9 nothing was reserved in sight; before 4.8 the node's items stood in its zones. */
static void test_old_kernels(void **state)
{
	(void)state;
	struct state_dir d;
	struct capture *c = state_file_read(
		&d, &zoneinfo,
		HEAD "  pages free     100\n        high     7\n        scanned  0\n        spanned  4095\n"
		     "        present  3998\n    nr_slab_unreclaimable 3\n"
		     "Node 0, zone   Normal\n  pages free     0\n        spanned  10\n        present  10\n"
		     "        managed  10\n    nr_slab_unreclaimable 4\n",
		0, "");
	assert_int_equal(cap_zone_find(c, 0, ZONE_DMA)->managed, 3998);
	assert_true(state_noted(c, NOTE_GUESSED, "managed pages"));
	assert_int_equal(c->node[0].stat[NR_SLAB_UNRECLAIMABLE], 7);
	state_file_done(&d, c);
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "\n", "no zone with present pages" },
		{ "spanned 5\n", "zoneinfo:1: \"spanned\" stands before the first" },
		{ "Node 0\n", "zoneinfo:1: expected \"Node N, zone NAME\"" },
		{ "Node x, zone DMA\n", ":1: \"x\" is not a node number" },
		{ "Node 256, zone DMA\n", ":1: node 256: the highest node number is 255" },
		{ "Node 0, zone Fast\n", ":1: there is no zone \"Fast\"" },
		{ HEAD BODY HEAD, ":9: node 0 has two zones DMA" },
		{ HEAD "  pages free     many\n", ":2: \"many\" behind \"pages free\" is not a number" },
		{ HEAD "        managed\n", ":2: a number is missing behind \"managed\"" },
		{ HEAD "        spanned  99999999999999999999\n", ":2: \"99999999999999999999\"" },
		{ HEAD "        protection: (0, 1, 2, 3, 4, 5)\n", ":2: more than 5 numbers" },
		{ HEAD "        protection: (0, x)\n", ":2: \"x\" behind" },
		{ HEAD "  pagesets\n    cpu: 8192\n", ":3: the highest CPU number is 8191" },
		{ HEAD "  pagesets\n    cpu: 0\n              count: 5000000000\n", ":4: \"count:\" is larger" },
		{ HEAD "        spanned  10\n        present  11\n",
		  ":1: zone DMA: present 11 is more than spanned 10" },
		{ HEAD "        spanned  10\n        present  10\n        managed  11\n",
		  "managed 11 is more than present 10" },
		{ HEAD "  pages free 9\n  spanned  10\n  present  10\n  managed  8\n",
		  "free 9 is more than managed 8" },
		{ HEAD BODY "  start_pfn:  4294967290\n", "ends past frame 4294967294" },
		{ HEAD "        boost    6\n" BODY, "boost 6 is more than min 5" },
	};
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		state_file_refused(&zoneinfo, bad[i].text, bad[i].words);
}

static void test_missing(void **state)
{
	(void)state;
	struct state_dir d;
	struct capture *c =
		state_file_read(&d, &zoneinfo, NULL, -ENOENT, "a state needs at least this file");
	state_file_done(&d, c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_one),
		cmocka_unit_test(test_strange_lines_are_passed_over),
		cmocka_unit_test(test_old_kernels),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
