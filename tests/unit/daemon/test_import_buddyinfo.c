/* SPDX-License-Identifier: MIT */
/* buddyinfo against the zones of a real zoneinfo. */
#include "support/state_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CAPTURE "6.1.0-50-amd64-T1" /* one node, DMA and DMA32 */
#define DMA                                                                                        \
	"Node 0, zone      DMA      0      0      0      0      0      0      0      0      0      1      3 \n"

static const struct state_file buddyinfo = { CAPTURE, "proc/buddyinfo", cap_read_buddyinfo };

static void test_real_one(void **state)
{
	(void)state;
	struct state_dir d;
	struct capture *c = state_file_read(&d, &buddyinfo, NULL, 0, "");
	const struct cap_zone *z = cap_zone_find(c, 0, ZONE_DMA);
	assert_true(z->has_buddy);
	assert_int_equal(cap_zone_buddy_pages(z), z->free);
	assert_int_equal(c->nr_notes, 0);
	state_file_done(&d, c);
}

/* A kernel whose top order is larger: the same memory in blocks of ours. */
static void test_larger_orders(void **state)
{
	(void)state;
	struct state_dir d;
	struct capture *c = state_file_read(
		&d, &buddyinfo, DMA "Node 0, zone DMA32 1 0 0 0 0 0 0 0 0 0 5 3 2\n", 0, "");
	assert_int_equal(cap_zone_find(c, 0, ZONE_DMA32)->buddy[10], 5 + 2 * 3 + 4 * 2);
	state_file_done(&d, c);
}

static void test_a_zone_is_missing(void **state)
{
	(void)state;
	struct state_dir d;
	struct capture *c = state_file_read(&d, &buddyinfo, DMA, 0, "");
	assert_true(state_noted(c, NOTE_MISSING, "lines of buddyinfo"));
	assert_false(cap_zone_find(c, 0, ZONE_DMA32)->has_buddy);
	state_file_done(&d, c);

	c = state_file_read(&d, &buddyinfo, "\n", 0, "");
	assert_true(state_noted(c, NOTE_MISSING, "lines of buddyinfo"));
	state_file_done(&d, c);
}

static void test_the_file_is_missing(void **state)
{
	(void)state;
	state_file_missing(&buddyinfo);
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "hello\n", "buddyinfo:1: expected" },
		{ DMA "Node 1, zone DMA 1\n", ":2: node 1 has no zone DMA in zoneinfo" },
		{ DMA "Node 0, zone HighMem 1\n", ":2: node 0 has no zone HighMem" },
		{ DMA DMA, ":2: node 0, zone DMA stands here twice" },
		{ "Node 0, zone DMA\n", ":1: no counts behind the zone" },
		{ "Node 0, zone DMA 1 x\n", ":1: \"x\" behind" },
		{ "Node 0, zone DMA -1\n", ":1: \"-1\" behind" },
		{ "Node 0, zone DMA 3841\n",
		  ":1: 3841 free pages are more than the 3840 that zone DMA of node 0 manages" },
		{ "Node 0, zone DMA 99999999999\n", ":1: more blocks than a machine has frames" },
	};
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		state_file_refused(&buddyinfo, bad[i].text, bad[i].words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_one),
		cmocka_unit_test(test_larger_orders),
		cmocka_unit_test(test_a_zone_is_missing),
		cmocka_unit_test(test_the_file_is_missing),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
