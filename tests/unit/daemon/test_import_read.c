/* SPDX-License-Identifier: MIT */
/* A whole state is read, or refused with one line. */
#include "base/fault.h"
#include "support/state_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_real_one(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	struct capture *c = state_read(&d);
	assert_string_equal(c->state, d.path);
	assert_false(c->here);
	assert_int_equal(c->bits, 64);
	assert_int_equal(c->nr_nodes, 2);
	assert_int_equal(c->nr_notes, 0);
	import_free(c);

	char slashes[128];
	snprintf(slashes, sizeof(slashes), "%s///", d.path);
	struct why why = { "" };
	assert_int_equal(import_read(&c, slashes, &why), 0);
	assert_string_equal(c->state, d.path);
	import_free(c);
	state_dir_remove(&d);
}

/* The running host, whatever kernel it has: /proc and /sys are there where tests run. */
static void test_this_host(void **state)
{
	(void)state;
	if (access("/proc/zoneinfo", R_OK)) {
		print_message("SKIPPED: no /proc/zoneinfo to read here\n");
		skip();
	}
	struct capture *c = NULL;
	struct why why = { "" };
	if (import_read(&c, "/", &why))
		fail_msg("%s", why.text);
	assert_true(c->here);
	assert_string_equal(c->state, "");
	import_free(c);
}

static void test_32_bit(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-686-pae-T7b");
	struct capture *c = state_read(&d);
	assert_int_equal(c->bits, 32);
	assert_false(c->numa_lines);
	import_free(c);
	state_dir_remove(&d);
}

static void test_refused(void **state)
{
	(void)state;
	struct state_dir d;
	struct capture *c = NULL;
	struct why why = { "" };
	state_dir_make(&d, "6.1.0-50-amd64-T1");
	assert_int_equal(import_read(&c, "/none/such", &why), -ENOENT);
	assert_non_null(strstr(why.text, "/none/such: "));

	char file[128];
	snprintf(file, sizeof(file), "%s/proc/zoneinfo", d.path);
	why.text[0] = 0;
	assert_int_equal(import_read(&c, file, &why), -EINVAL);
	assert_non_null(strstr(why.text, file));

	state_dir_edit(&d, "proc/meminfo", "MemTotal:         983484 kB", "MemTotal:       15735744 kB");
	state_refused(&d, -EINVAL, "pages of 64 KiB");
	state_dir_edit(&d, "proc/zoneinfo", "zone   Normal", "zone  HighMem");
	state_refused(&d, -EINVAL, "no machine has both DMA32 and HighMem");
	state_dir_drop(&d, "proc/zoneinfo");
	state_refused(&d, -ENOENT, "a state needs at least this file");
	state_dir_remove(&d);
}

static void test_memtotal_is_checked(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T1");
	state_dir_edit(&d, "proc/meminfo", "MemTotal:         983484 kB", "MemTotal:         483484 kB");
	struct capture *c = state_read(&d);
	assert_true(state_noted(c, NOTE_CORRECTED, "MemTotal"));
	import_free(c);
	state_dir_remove(&d);
}

/* Any allocation may fail: the error is ENOMEM, with a reason, and nothing leaks. */
static void test_no_memory(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	uint64_t nth = 1;
	for (;; nth++) {
		struct capture *c = NULL;
		struct why why = { "" };
		fault_arm(FAULT_HOST_MALLOC, nth);
		int error = import_read(&c, d.path, &why);
		bool fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		if (!error)
			import_free(c);
		if (!fired)
			break;
		if (error && (error != -ENOMEM || !*why.text))
			fail_msg("allocation %lu: %d, \"%s\"", nth, error, why.text);
	}
	assert_true(nth > 50);
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_one),
		cmocka_unit_test(test_this_host),
		cmocka_unit_test(test_32_bit),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_memtotal_is_checked),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
