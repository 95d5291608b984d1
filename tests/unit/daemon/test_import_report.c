/* SPDX-License-Identifier: MIT */
/* The summary names each thing once; a line each follows. */
#include "support/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void report_is(const struct capture *c, const char *expected)
{
	struct text t;
	text_init(&t, 0);
	import_report(c, &t);
	assert_string_equal(text_cstr(&t), expected);
	text_fini(&t);
}

static void test_nothing_to_say(void **state)
{
	(void)state;
	struct state_dir d;
	char expected[256];
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	struct capture *c = state_read(&d);
	snprintf(expected, sizeof(expected),
		 "%s: 2 nodes, 4 zones, 8 CPUs, 7951 MiB; missing: nothing; guessed: nothing; corrected: nothing\n",
		 d.path);
	report_is(c, expected);
	import_free(c);
	state_dir_remove(&d);
}

static void test_notes(void **state)
{
	(void)state;
	struct state_dir d;
	char expected[512];
	state_dir_make(&d, NULL);
	state_dir_write(&d, "x", "");
	struct capture *c = state_capture(&d);
	cap_note(c, NOTE_CORRECTED, "blocks", "zone %d", 1);
	cap_note(c, NOTE_MISSING, "proc/meminfo", "not there");
	cap_note(c, NOTE_CORRECTED, "blocks", "zone %d", 2);
	cap_note(c, NOTE_MISSING, "sys", "not there either");
	c->notes_lost = 3;
	snprintf(expected, sizeof(expected),
		 "%s: 0 nodes, 0 zones, 0 CPUs, 0 MiB; missing: proc/meminfo, sys; guessed: nothing; corrected: blocks\n"
		 "missing: not there\nmissing: not there either\ncorrected: zone 1\ncorrected: zone 2\n3 more notes\n",
		 d.path);
	report_is(c, expected);

	c->state = "";
	c->nr_notes = c->notes_lost = 0;
	report_is(c, "/: 0 nodes, 0 zones, 0 CPUs, 0 MiB; missing: nothing; guessed: nothing; corrected: nothing\n");
	import_free(c);
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_say),
		cmocka_unit_test(test_notes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
