/* SPDX-License-Identifier: MIT */
#include "daemon/options.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct options o;
static struct why why;

static int setup(void **state)
{
	(void)state;
	memset(&o, 0, sizeof(o));
	text_init(&o.fuse, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	text_fini(&o.fuse);
	mem_free(o.files_source);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static int use(const char *word)
{
	char copy[128];

	snprintf(copy, sizeof(copy), "%s", word);
	why.text[0] = '\0';
	return mount_option_parse(&o, copy, &why);
}

static void good(const char *word)
{
	int err = use(word);

	assert_string_equal(why.text, "");
	assert_int_equal(err, 0);
}

static void bad(const char *word, const char *words)
{
	assert_int_equal(use(word), -EINVAL);
	if (!strstr(why.text, words))
		fail_msg("'%s' does not say '%s'", why.text, words);
}

static void test_source(void **state)
{
	(void)state;
	good("source=none");
	assert_string_equal(o.boot.source, "none");
	good("source=/usr/../usr/bin");
	assert_true(*o.boot.source == '/' && !strstr(o.boot.source, ".."));
	assert_int_equal(chdir("/"), 0);
	good("source=usr");
	assert_string_equal(o.boot.source, "/usr");
	bad("source=/nowhere/at/all", "expected a directory that is there, or none");
	bad("source=/dev/null", "expected a directory that is there, or none");
	bad("source=", "needs a value");
	assert_string_equal(o.boot.source, "/usr");
}

static void test_backing(void **state)
{
	static const struct {
		const char *word;
		enum backing backing;
	} want[] = {
		{ "backing=hugetlb", BACKING_HUGETLB },
		{ "backing=thp", BACKING_THP },
		{ "backing=sparse", BACKING_SPARSE },
		{ "backing=auto", BACKING_AUTO },
	};

	(void)state;
	assert_false(o.boot.has_backing);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		good(want[i].word);
		assert_true(o.boot.has_backing);
		assert_int_equal(o.boot.region.backing, want[i].backing);
	}
	bad("backing=disk", "expected auto, hugetlb, thp or sparse");
	bad("backing=", "needs a value");
	bad("backing", "needs a value");
}

static void test_numbers(void **state)
{
	(void)state;
	good("limit=3G");
	assert_int_equal(o.boot.region.limit_bytes, 3ull << 30);
	assert_true(o.boot.has_limit);
	bad("limit=3X", "expected a size");
	good("seed=12345678901234567890");
	assert_int_equal(o.boot.seed, 12345678901234567890ull);
	bad("seed=-1", "expected a number");
	good("uid=65534");
	good("gid=0");
	assert_int_equal(o.uid, 65534);
	assert_int_equal(o.gid, 0);
	bad("uid=4294967295", "expected a user number"); /* (uid_t)-1 */
	bad("uid=root", "expected a user number");
	bad("gid=99999999999", "expected a group number");
	good("workers=8");
	assert_int_equal(o.loop.workers, 8);
	bad("workers=0", "1 to 8");
	bad("workers=9", "1 to 8");
}

/* The session ends when libfuse is told of one number and the kernel of another, so we have to know it. */
static void test_max_read(void **state)
{
	(void)state;
	good("max_read=4096");
	assert_int_equal(o.max_read, 4096);
	good("max_read=1048576");
	assert_int_equal(o.max_read, 1048576);
	assert_int_equal(o.fuse.len, 0);
	bad("max_read=1", "expected 4096 to 1048576 bytes");
	bad("max_read=4095", "expected 4096");
	bad("max_read=1048577", "expected 4096");
	bad("max_read=x", "expected 4096");
	bad("max_read=", "needs a value");
	bad("max_read", "needs a value");
}

static void test_lifeline(void **state)
{
	int fd[2];
	char word[32];

	(void)state;
	o.lifeline_fd = -1;
	assert_int_equal(pipe(fd), 0);
	snprintf(word, sizeof(word), "lifeline=%d", fd[0]);
	good(word);
	assert_int_equal(o.lifeline_fd, fd[0]);
	assert_int_equal(fcntl(fd[0], F_GETFD), FD_CLOEXEC);
	close(fd[0]);
	close(fd[1]);
	bad(word, "the number of an open file descriptor");
	bad("lifeline=-1", "the number of an open file descriptor");
	bad("lifeline=99999999999", "the number of an open file descriptor");
	bad("lifeline", "needs a value");
}

static void test_slab_debug(void **state)
{
	(void)state;
	assert_null(o.boot.slab_debug);
	good("slab_debug");
	assert_string_equal(o.boot.slab_debug, "");
	good("slab_debug=FZ,kmalloc-*;P,dentry");
	assert_string_equal(o.boot.slab_debug, "FZ,kmalloc-*;P,dentry");
	good("slub_debug=-");
	assert_string_equal(o.boot.slab_debug, "-");
	bad("slab_debug=FX", "FZPUTAO or -");
	assert_string_equal(o.boot.slab_debug, "-");
	mem_free(o.slab_debug);
}

static void test_flags(void **state)
{
	(void)state;
	good("reserve");
	good("deterministic");
	good("strict");
	good("allow_other");
	good("private");
	good("debug");
	assert_true(o.boot.has_reserve && o.boot.region.reserve && o.boot.deterministic && o.boot.strict);
	assert_true(o.allow_other && o.private && o.debug && o.foreground);
	bad("reserve=1", "takes no value");
	assert_int_equal(o.fuse.len, 0);
}

static void test_for_libfuse(void **state)
{
	(void)state;
	good("ro");
	good("noatime");
	good("fsname=with,comma");
	assert_string_equal(text_cstr(&o.fuse), "ro,noatime,fsname=with\\,comma");
	bad("roo", "unknown mount option");
}

/* fstab and mount(8) leave these behind; they say nothing to us. */
static void test_generic_words(void **state)
{
	static const char *const word[] = { "defaults",
					    "_netdev",
					    "nofail",
					    "noauto",
					    "user",
					    "user=joe",
					    "x-systemd.automount",
					    "X-mount.mkdir",
					    "comment=x y",
					    "dev",
					    "suid" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(word); i++)
		good(word[i]);
	assert_int_equal(o.fuse.len, 0);
	bad("x", "unknown mount option x");
	bad("userx", "unknown mount option");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_backing),    TEST(test_numbers),     TEST(test_flags),
		TEST(test_slab_debug), TEST(test_for_libfuse), TEST(test_generic_words),
		TEST(test_max_read),   TEST(test_lifeline),    TEST(test_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
