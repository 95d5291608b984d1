/* SPDX-License-Identifier: MIT */
#include "run/args.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct run_args a;
static struct why why;

#define PARSE(...) parse((const char *const[]){ "ummfs-run", ##__VA_ARGS__, NULL })

static int parse(const char *const *argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	why.text[0] = '\0';
	return run_args_parse(&a, argc, (char **)argv, &why);
}

static void bad(int err, const char *words)
{
	assert_int_equal(err, -EINVAL);
	if (!strstr(why.text, words))
		fail_msg("'%s' does not say '%s'", why.text, words);
}

static void test_command_ends_the_options(void **state)
{
	(void)state;
	assert_int_equal(PARSE("numastat", "-m", "-c", "x"), 0);
	assert_int_equal(a.action, RUN_COMMAND);
	assert_null(a.mountpoint);
	assert_null(a.config);
	assert_string_equal(a.command[0], "numastat");
	assert_string_equal(a.command[1], "-m");
	assert_string_equal(a.command[3], "x");
	assert_null(a.command[4]);
	assert_int_equal(PARSE("--", "-c"), 0);
	assert_string_equal(a.command[0], "-c");
}

static void test_options(void **state)
{
	(void)state;
	assert_int_equal(PARSE("-c", "f", "-o", "a,b", "-oc", "ls"), 0);
	assert_string_equal(a.config, "f");
	assert_int_equal(a.nr_options, 2);
	assert_string_equal(a.option[0], "a,b");
	assert_string_equal(a.option[1], "c");
	assert_int_equal(PARSE("--from", "/", "ls"), 0);
	assert_string_equal(a.from, "/");
	assert_false(a.all_proc);
	assert_int_equal(PARSE("--proc", "-c", "f", "ls", "--proc"), 0);
	assert_true(a.all_proc);
	assert_string_equal(a.command[1], "--proc");
	assert_int_equal(PARSE("-m", "/mnt", "ls"), 0);
	assert_false(a.all_proc);
	assert_string_equal(a.mountpoint, "/mnt");
	assert_int_equal(PARSE("-h"), 0);
	assert_int_equal(a.action, RUN_HELP);
	assert_int_equal(PARSE("--version"), 0);
	assert_int_equal(a.action, RUN_VERSION);
}

static void test_usage(void **state)
{
	(void)state;
	bad(PARSE(), "the command is missing");
	bad(PARSE("-c", "f"), "the command is missing");
	bad(PARSE("-x", "ls"), "unknown option -x");
	bad(PARSE("--frob", "ls"), "unknown option --frob");
	bad(PARSE("-c"), "missing after -c");
	bad(PARSE("-c", "f", "-c", "g", "ls"), "twice: g");
	bad(PARSE("-c", "f", "--from", "/", "ls"), "exclude");
	bad(PARSE("-m", "/mnt", "-c", "f", "ls"), "-m uses a machine that is mounted");
	bad(PARSE("-m", "/mnt", "-o", "ro", "ls"), "-m uses a machine that is mounted");
}

static void test_too_many_options(void **state)
{
	const char *argv[2 * RUN_OPTIONS_MAX + 6] = { "ummfs-run" };
	int n = 1;

	(void)state;
	for (unsigned i = 0; i < RUN_OPTIONS_MAX; i++) {
		argv[n++] = "-o";
		argv[n++] = "ro";
	}
	argv[n] = "ls";
	assert_int_equal(parse(argv), 0);
	assert_int_equal(a.nr_options, RUN_OPTIONS_MAX);
	argv[n++] = "-o";
	argv[n++] = "ro";
	argv[n] = "ls";
	bad(parse(argv), "join them with commas");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_ends_the_options),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_too_many_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
