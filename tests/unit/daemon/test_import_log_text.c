/* SPDX-License-Identifier: MIT */
/* The kernel's words behind what dmesg, journald, syslog and /dev/kmsg put in front. */
#include "daemon/import_log_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void is(const char *line, const char *want)
{
	char copy[512];
	snprintf(copy, sizeof(copy), "%s", line);
	assert_string_equal(log_line_text(copy), want);
}

static void test_prefixes(void **state)
{
	(void)state;
	is("Mem-Info:", "Mem-Info:");
	is("[   15.313684] Mem-Info:", "Mem-Info:");
	is("[   15.313684]  active_file:12\r", "active_file:12");
	is("[   15.313684][  T123] Mem-Info:", "Mem-Info:");
	is("[Sat Nov 22 00:25:00 2026] Mem-Info:", "Mem-Info:");
	is("<4>[   15.3] Mem-Info:", "Mem-Info:");
	is("4,1234,15313684,-;Mem-Info:", "Mem-Info:");
	is("4,1234,15313684,-,caller=T1;Mem-Info:", "Mem-Info:");
	is("Nov 22 00:25:00 host kernel: Mem-Info:", "Mem-Info:");
	is("2026-11-22T00:25:00.1+00:00 host kernel: [   15.3] Mem-Info:", "Mem-Info:");
	is("kern  :warn  : [   15.313684] Mem-Info:", "Mem-Info:");
	is("Node 0 DMA: 2*4kB (UM) = 8kB", "Node 0 DMA: 2*4kB (UM) = 8kB");
}

static void test_what_is_no_prefix(void **state)
{
	(void)state;
	is("[  pid  ]   uid", "[  pid  ]   uid");
	is("[12", "[12");
	is("<x>text", "<x>text");
	is("4,5;text", "4,5;text");
	is("", "");
	is("[   15.3]", "");
}

static void test_pieces(void **state)
{
	(void)state;
	char text[] = "a:1\\x0a b:2\\x0a\\x0ac:3", *rest = text;
	assert_string_equal(log_piece(&rest), "a:1");
	assert_string_equal(log_piece(&rest), "b:2");
	assert_string_equal(log_piece(&rest), "");
	assert_string_equal(log_piece(&rest), "c:3");
	assert_null(log_piece(&rest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_what_is_no_prefix),
		cmocka_unit_test(test_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
