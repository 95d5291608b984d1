/* SPDX-License-Identifier: MIT */
#include "knob/debugfs.h"

#include "support/knob_fixture.h"

#include <errno.h>

static void assert_number(const char *text, uint64_t expected)
{
	uint64_t v = 99;
	assert_int_equal(debugfs_parse(text, strlen(text), false, &v), 0);
	assert_int_equal(v, expected);
}

static void assert_signed(const char *text, int64_t expected)
{
	uint64_t v = 99;
	assert_int_equal(debugfs_parse(text, strlen(text), true, &v), 0);
	assert_int_equal((int64_t)v, expected);
}

static int error_of(const char *text, bool sign_allowed)
{
	uint64_t v = 99;
	int error = debugfs_parse(text, strlen(text), sign_allowed, &v);
	assert_int_equal(v, 99);
	return error;
}

static void test_numbers(void **state)
{
	(void)state;
	assert_number("0", 0);
	assert_number("10\n", 10);
	assert_number("0x10", 16);
	assert_number("0XfF\n", 255);
	assert_number("010", 8);
	assert_number("+7", 7);
	assert_number("18446744073709551615", UINT64_MAX);
	assert_number("00000000000000000000011111111", 9); /* 23 characters are looked at: octal 11 */
	assert_signed("-1\n", -1);
	assert_signed("-0x10", -16);
	assert_signed("+3", 3);
	assert_signed("9223372036854775807", INT64_MAX);
	assert_signed("-9223372036854775808", INT64_MIN);
}

static void test_no_numbers(void **state)
{
	(void)state;
	static const char *const bad[] = { "",   "\n", " 1", "1 ",  "1\n\n", "x",   "1x",
					   "0x", "08", "+",  "--1", "+-1",   "1,2", "1\r" };
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(error_of(bad[i], false), -EINVAL);
		assert_int_equal(error_of(bad[i], true), -EINVAL);
	}
	assert_int_equal(error_of("-1", false), -EINVAL);
	assert_int_equal(error_of("18446744073709551616", false), -ERANGE);
	assert_int_equal(error_of("9223372036854775808", true), -ERANGE);
	assert_int_equal(error_of("-9223372036854775809", true), -ERANGE);
}

static void test_bools(void **state)
{
	static const char *const yes[] = { "y", "Y\n", "1", "on", "ON", "yes", "1234" };
	static const char *const no[] = { "n", "N", "0", "off", "OFF\n", "no", "0x1" };
	static const char *const bad[] = { "", "o", "ox", "2", " y", "\n", "true" };
	bool v;
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(yes); i++) {
		v = false;
		assert_int_equal(debugfs_parse_bool(yes[i], strlen(yes[i]), &v), 0);
		assert_true(v);
	}
	for (unsigned i = 0; i < ARRAY_LEN(no); i++) {
		v = true;
		assert_int_equal(debugfs_parse_bool(no[i], strlen(no[i]), &v), 0);
		assert_false(v);
	}
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(debugfs_parse_bool(bad[i], strlen(bad[i]), &v), -EINVAL);
}

/* ---- Through the rows of fault injection ---- */

static struct vm *vm;

static int setup(void **state)
{
	(void)state;
	vm = vm_two_nodes();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vm_release(vm);
	return 0;
}

static const struct knob *row(const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "sys/kernel/debug/%s", name);
	for (unsigned i = 0; i < nr_knobs; i++)
		if (!strcmp(knob_table[i].path, path))
			return &knob_table[i];
	fail_msg("no %s", path);
	return NULL;
}

static ssize_t written(const char *name, const char *text)
{
	return knob_write(row(name), vm, 0, text, strlen(text));
}

static void assert_reads(const char *name, const char *expected)
{
	struct text t;
	text_init(&t, 0);
	assert_int_equal(row(name)->mode, 0600);
	assert_int_equal(knob_read(row(name), vm, 0, &t), 0);
	assert_string_equal(text_cstr(&t), expected);
	text_fini(&t);
}

static void test_defaults(void **state)
{
	static const char *const dir[] = { "failslab", "fail_page_alloc" };
	static const struct {
		const char *name, *text;
	} files[] = { { "probability", "0\n" },
		      { "interval", "1\n" },
		      { "times", "1\n" },
		      { "space", "0\n" },
		      { "verbose", "2\n" },
		      { "verbose_ratelimit_interval_ms", "0\n" },
		      { "verbose_ratelimit_burst", "10\n" },
		      { "ignore-gfp-wait", "Y\n" } };
	char name[128];
	(void)state;
	for (unsigned d = 0; d < 2; d++)
		for (unsigned i = 0; i < ARRAY_LEN(files); i++) {
			snprintf(name, sizeof(name), "%s/%s", dir[d], files[i].name);
			assert_reads(name, files[i].text);
		}
	assert_reads("failslab/cache-filter", "N\n");
	assert_reads("fail_page_alloc/ignore-gfp-highmem", "Y\n");
	assert_reads("fail_page_alloc/min-order", "1\n");
}

static void test_writes(void **state)
{
	(void)state;
	assert_int_equal(written("failslab/times", "-1\n"), 3);
	assert_reads("failslab/times", "-1\n");
	assert_int_equal(written("failslab/times", "4294967298"), 10); /* cut to an int */
	assert_reads("failslab/times", "2\n");
	assert_int_equal(written("failslab/times", "x"), -EINVAL);
	assert_reads("failslab/times", "2\n");
	assert_int_equal(written("failslab/interval", "-1"), -EINVAL);
	assert_int_equal(written("failslab/interval", "0x1f"), 4);
	assert_reads("failslab/interval", "31\n");
	assert_int_equal(written("fail_page_alloc/min-order", "4294967299"), 10);
	assert_reads("fail_page_alloc/min-order", "3\n");
	assert_int_equal(written("failslab/cache-filter", "yes\n"), 4);
	assert_reads("failslab/cache-filter", "Y\n");
	assert_int_equal(written("failslab/cache-filter", "maybe\n"), 6); /* taken, and nothing comes of it */
	assert_reads("failslab/cache-filter", "Y\n");
	assert_int_equal(written("failslab/cache-filter", "off"), 3);
	assert_reads("failslab/cache-filter", "N\n");
}

static void test_arming(void **state)
{
	(void)state;
	assert_false(vm->slabs.direct);
	assert_int_equal(written("failslab/probability", "10"), 2);
	assert_true(vm->slabs.direct);
	assert_false(vm->machine.watched);
	assert_int_equal(written("failslab/probability", "0"), 1);
	assert_false(vm->slabs.direct);
	assert_int_equal(written("fail_page_alloc/probability", "10"), 2);
	assert_false(vm->machine.watched); /* single pages do not fail */
	assert_int_equal(written("fail_page_alloc/min-order", "0"), 1);
	assert_true(vm->machine.watched);
	assert_int_equal(mm_verify(&vm->machine, NULL), 0);
	assert_int_equal(written("fail_page_alloc/probability", "0"), 1);
	assert_false(vm->machine.watched);
	assert_int_equal(mm_verify(&vm->machine, NULL), 0);
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_no_numbers),
		cmocka_unit_test(test_bools),
		ONE(test_defaults),
		ONE(test_writes),
		ONE(test_arming),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
