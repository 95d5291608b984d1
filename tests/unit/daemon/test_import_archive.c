/* SPDX-License-Identifier: MIT */
/* Names in archives: what is kept, where the state stands, what is another archive. */
#include "daemon/import_archive.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_wanted(void **state)
{
	(void)state;
	assert_true(archive_wanted("host/var/log/messages", 1000));
	assert_false(archive_wanted("host/var/log/messages", 1ul << 30));
	assert_true(archive_wanted("host/proc/slabinfo", 1ul << 30));
	assert_true(archive_wanted("ummfs/frames", 1ul << 30));
	assert_false(archive_wanted("host/sos_commands/logs/journal", 1ul << 30));
	assert_false(archive_wanted("host/xproc/a", 1ul << 30));
	assert_true(archive_file_bytes_max("a/ummfs/frames") > archive_file_bytes_max("a/proc/zoneinfo"));
}

static void test_prefix(void **state)
{
	(void)state;
	assert_int_equal(archive_prefix_len("proc/zoneinfo"), 0);
	assert_int_equal(archive_prefix_len("a/b/proc/zoneinfo"), 4);
	assert_int_equal(archive_prefix_len("aproc/zoneinfo"), -1);
	assert_int_equal(archive_prefix_len("a/proc/zoneinfo/b"), -1);
	assert_int_equal(archive_prefix_len("zoneinfo"), -1);
}

static void test_place(void **state)
{
	(void)state;
	struct archive_place p = { .found = false };
	struct why why = { "" };
	archive_place_try(&p, "1/2/3/4/5/6/proc/zoneinfo");
	assert_false(p.found);
	archive_place_try(&p, "host/containers/x/proc/zoneinfo");
	archive_place_try(&p, "host/containers/y/proc/zoneinfo");
	assert_true(p.ambiguous);
	archive_place_try(&p, "host/proc/zoneinfo");
	archive_place_try(&p, "host/proc/meminfo");
	assert_string_equal(p.prefix, "host/");
	assert_int_equal(archive_place_check(&p, "x.tar", &why), 0);
	archive_place_try(&p, "other/proc/zoneinfo");
	assert_int_equal(archive_place_check(&p, "x.tar", &why), -EINVAL);
	assert_string_equal(why.text,
			    "x.tar: two machines, in host/ and other/; unpack it and name one of them");
}

static void test_nested(void **state)
{
	(void)state;
	assert_true(archive_is_nested("a/b.tar"));
	assert_true(archive_is_nested("b.tar.xz"));
	assert_true(archive_is_nested("b.tgz"));
	assert_false(archive_is_nested(".tar"));
	assert_false(archive_is_nested("b.tar.log"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_nested),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
