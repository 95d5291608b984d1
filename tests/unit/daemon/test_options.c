/* SPDX-License-Identifier: MIT */
#include "daemon/options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct options o;
static struct why why;

/* Parse "ummfs" and the words given. */
#define PARSE(...) parse((const char *const[]){ "ummfs", ##__VA_ARGS__, NULL })
#define PARSE_AS(name, ...) parse((const char *const[]){ name, ##__VA_ARGS__, NULL })

static int parse(const char *const *argv)
{
	static char copy[16][256];
	char *arg[17] = { NULL };
	int argc = 0;

	for (; argv[argc]; argc++) { /* the parser may take the words apart */
		snprintf(copy[argc], sizeof(copy[argc]), "%s", argv[argc]);
		arg[argc] = copy[argc];
	}
	why.text[0] = '\0';
	return options_parse(&o, argc, arg, &why);
}

static void good(int err)
{
	assert_string_equal(why.text, "");
	assert_int_equal(err, 0);
}

static void bad(int err, int want, const char *words)
{
	assert_int_equal(err, want);
	if (!strstr(why.text, words))
		fail_msg("'%s' does not say '%s'", why.text, words);
	options_fini(&o);
}

static void test_plain(void **state)
{
	(void)state;
	good(PARSE("/mnt/x"));
	assert_int_equal(o.action, ACTION_MOUNT);
	assert_string_equal(o.mountpoint, "/mnt/x");
	assert_string_equal(o.source, "ummfs");
	assert_null(o.boot.config);
	assert_null(o.boot.from);
	assert_false(o.foreground || o.debug || o.allow_other || o.private);
	assert_int_equal(o.uid, getuid());
	assert_int_equal(o.gid, getgid());
	assert_int_equal(o.loop.workers, 2);
	options_fini(&o);
}

static void test_letters(void **state)
{
	(void)state;
	good(PARSE("-f", "/mnt/x", "-s"));
	assert_true(o.foreground);
	assert_false(o.debug);
	assert_int_equal(o.loop.workers, 1);
	options_fini(&o);
	good(PARSE("-d", "/mnt/x"));
	assert_true(o.foreground && o.debug);
	options_fini(&o);
	good(PARSE("-V"));
	assert_int_equal(o.action, ACTION_VERSION);
	options_fini(&o);
	good(PARSE("--help"));
	assert_int_equal(o.action, ACTION_HELP);
	options_fini(&o);
	good(PARSE("--check", "--from", "/"));
	assert_int_equal(o.action, ACTION_CHECK);
	assert_string_equal(o.boot.from, "/");
	options_fini(&o);
	good(PARSE("--check"));
	options_fini(&o);
}

static void test_usage(void **state)
{
	(void)state;
	bad(PARSE(), -EINVAL, "mount point is missing");
	bad(PARSE("a", "b", "c"), -EINVAL, "too many arguments: c");
	bad(PARSE("-x", "/mnt"), -EINVAL, "unknown option -x");
	bad(PARSE("--frob", "/mnt"), -EINVAL, "unknown option --frob");
	bad(PARSE("/mnt", "-c"), -EINVAL, "argument is missing after -c");
	bad(PARSE("/mnt", "--from"), -EINVAL, "argument is missing after --from");
	bad(PARSE("-c", "/dev/null", "-c", "/dev/null", "/mnt"), -EINVAL, "twice");
	bad(PARSE("-c", "/dev/null", "--from", "/", "/mnt"), -EINVAL, "exclude");
	bad(PARSE("--check", "/mnt"), -EINVAL, "--check mounts nothing");
	bad(PARSE("-o", "frob", "/mnt"), -EINVAL, "unknown mount option frob");
}

static void test_missing_files(void **state)
{
	(void)state;
	bad(PARSE("-c", "/nonexistent", "/mnt"), -ENOENT, "/nonexistent: No such file");
	bad(PARSE("--from", "/nonexistent", "/mnt"), -ENOENT, "/nonexistent");
	bad(PARSE("/nonexistent", "/mnt"), -ENOENT, "SOURCE is");
}

/* A file is a configuration, a directory a state; what is given by letter wins. */
static void test_source(void **state)
{
	(void)state;
	good(PARSE("/dev/null", "/mnt/x", "-o", "rw"));
	assert_string_equal(o.boot.config, "/dev/null");
	assert_null(o.boot.from);
	assert_string_equal(o.source, "/dev/null");
	assert_string_equal(o.mountpoint, "/mnt/x");
	options_fini(&o);
	good(PARSE("/usr", "/mnt/x"));
	assert_string_equal(o.boot.from, "/usr");
	assert_null(o.boot.config);
	options_fini(&o);
	good(PARSE("/usr", "/mnt/x", "-c", "/dev/null"));
	assert_string_equal(o.boot.config, "/dev/null");
	assert_null(o.boot.from);
	options_fini(&o);
	good(PARSE("none", "/mnt/x"));
	assert_null(o.boot.config);
	assert_null(o.boot.from);
	assert_string_equal(o.source, "none");
	options_fini(&o);
}

static void test_paths_become_absolute(void **state)
{
	char dir[4096], want[4200];

	(void)state;
	assert_non_null(getcwd(dir, sizeof(dir)));
	assert_int_equal(chdir("/usr"), 0);
	good(PARSE("--from", "bin/..", "mnt"));
	snprintf(want, sizeof(want), "%s", o.boot.from);
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(want[0], '/');
	assert_null(strstr(want, ".."));
	options_fini(&o);
}

static void test_mount_options_are_taken_apart(void **state)
{
	(void)state;
	good(PARSE("/mnt", "-o", "backing=sparse,,seed=7", "-odeterministic"));
	assert_int_equal(o.boot.region.backing, BACKING_SPARSE);
	assert_int_equal(o.boot.seed, 7);
	assert_true(o.boot.deterministic);
	options_fini(&o);
	good(PARSE("/mnt", "-o", "fsname=a\\,b\\\\c,ro"));
	assert_string_equal(text_cstr(&o.fuse), "fsname=a\\,b\\\\c,ro");
	options_fini(&o);
}

/* Called by mount(8), letters mean what they mean there. */
static void test_mount_helper(void **state)
{
	(void)state;
	good(PARSE_AS("/sbin/mount.fuse.ummfs", "none", "/mnt/x", "-sn", "-v", "-o",
		      "rw,backing=thp", "-t", "fuse.ummfs"));
	assert_int_equal(o.action, ACTION_MOUNT);
	assert_string_equal(o.mountpoint, "/mnt/x");
	assert_int_equal(o.loop.workers, 2);
	assert_int_equal(o.boot.region.backing, BACKING_THP);
	assert_false(o.foreground);
	options_fini(&o);
	good(PARSE_AS("mount.fuse.ummfs", "none", "/mnt/x", "-f"));
	assert_int_equal(o.action, ACTION_NOTHING);
	options_fini(&o);
	bad(PARSE_AS("mount.fuse.ummfs", "none", "/mnt/x", "-c", "/dev/null"), -EINVAL, "unknown option");
	bad(PARSE("none", "/mnt/x", "-t", "fuse.ummfs"), -EINVAL, "unknown option -t");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_letters),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_missing_files),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_paths_become_absolute),
		cmocka_unit_test(test_mount_options_are_taken_apart),
		cmocka_unit_test(test_mount_helper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
