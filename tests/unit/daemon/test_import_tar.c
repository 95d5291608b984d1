/* SPDX-License-Identifier: MIT */
/* Tar files made on the spot: packed below a directory, cut off at every place, and those that promise too much. */
#include "daemon/import_tar.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct made { /* a tar in memory */
	char bytes[32768];
	size_t len;
};

static void header_add(struct made *t, const char *name, char type, uint64_t size)
{
	char *h = t->bytes + t->len;
	unsigned sum = 0;
	memset(h, 0, 512);
	snprintf(h, 100, "%s", name);
	memcpy(h + 100, "0000644\0000000000\0000000000", 24);
	snprintf(h + 124, 13, "%012lo", (unsigned long)size);
	snprintf(h + 136, 12, "%011o", 0);
	memset(h + 148, ' ', 8);
	h[156] = type;
	memcpy(h + 257, "ustar\00000", 8);
	for (unsigned i = 0; i < 512; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	t->len += 512;
}

static void file_add(struct made *t, const char *name, const char *text)
{
	size_t len = strlen(text);
	header_add(t, name, '0', len);
	memset(t->bytes + t->len, 0, (len + 511) / 512 * 512);
	memcpy(t->bytes + t->len, text, len);
	t->len += (len + 511) / 512 * 512;
}

static int made_fd(const struct made *t, size_t len)
{
	int fd = memfd_create("test", 0);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, t->bytes, len), (ssize_t)len);
	return fd;
}

static int load(struct tar *tar, const struct made *t, size_t len, struct why *why)
{
	int fd = made_fd(t, len);
	why->text[0] = 0;
	int error = tar_load(tar, fd, "x.tar", why);
	close(fd);
	return error;
}

static void support_archive(struct made *t)
{
	t->len = 0;
	header_add(t, "host/", '5', 0);
	file_add(t, "host/proc/zoneinfo", "zones\n");
	file_add(t, "host/var/log/x", "noise\n");
	file_add(t, "elsewhere/proc", "not ours\n");
	file_add(t, "host/../../etc/passwd", "climbs out\n");
	file_add(t, "host/proc/sys/vm/swappiness", "60\n");
	memset(t->bytes + t->len, 0, 1024);
	t->len += 1024;
}

static int name_count(void *ctx, const char *name, bool is_dir)
{
	unsigned *nr = ctx;
	(void)is_dir;
	*nr += !strcmp(name, "swappiness");
	return 0;
}

static void test_prefix_is_cut(void **state)
{
	(void)state;
	static struct made t;
	struct tar tar;
	struct why why;
	unsigned nr = 0;
	support_archive(&t);
	assert_int_equal(load(&tar, &t, t.len, &why), 0);
	assert_string_equal(tar.prefix, "host/");
	assert_string_equal(tar.damage, "");
	assert_string_equal(tar_find(&tar, "proc/zoneinfo")->bytes, "zones\n");
	assert_null(tar_find(&tar, "host/proc/zoneinfo"));
	assert_null(tar_find(&tar, "elsewhere/proc"));
	assert_null(tar_find(&tar, "etc/passwd"));
	tar_list(&tar, "proc/sys/vm", name_count, &nr);
	assert_int_equal(nr, 1);
	tar_fini(&tar);
}

/* Cut after every 64 bytes: read as far as it goes, or refused with a reason. */
static void test_truncated(void **state)
{
	(void)state;
	static struct made t;
	support_archive(&t);
	unsigned damaged = 0;
	for (size_t len = 64; len < t.len; len += 64) {
		struct tar tar;
		struct why why;
		int error = load(&tar, &t, len, &why);
		if (len < 1024 + 6)
			assert_true(error || !tar_find(&tar, "proc/zoneinfo"));
		if (error) {
			assert_non_null(strstr(why.text, "x.tar: "));
			continue;
		}
		if (len > 2048) {
			assert_string_equal(tar_find(&tar, "proc/zoneinfo")->bytes, "zones\n");
			damaged += *tar.damage != 0;
		}
		tar_fini(&tar);
	}
	assert_true(damaged > 10);
}

static void refused(const struct made *t, int error, const char *words)
{
	struct tar tar;
	struct why why;
	assert_int_equal(load(&tar, t, t->len, &why), error);
	if (!strstr(why.text, words))
		fail_msg("%s", why.text);
}

static void test_refused(void **state)
{
	(void)state;
	static struct made t;
	t.len = 0;
	file_add(&t, "inner.tar.gz", "x");
	refused(&t, -EINVAL, "another archive, inner.tar.gz; unpack that one");
	t.len = 0;
	file_add(&t, "a/proc/zoneinfo", "x");
	file_add(&t, "b/proc/zoneinfo", "x");
	refused(&t, -EINVAL, "two machines, in a/ and b/");
	t.len = 0;
	header_add(&t, "proc/zoneinfo", '0', (uint64_t)7 << 30);
	refused(&t, -EFBIG, "larger than any file of a machine's state");
	t.len = 0;
	for (unsigned i = 0; i < 16; i++)
		header_add(&t, "var/log", '0', 0);
	memset(t.bytes + t.len, 0, 1024);
	t.len += 1024;
	struct tar tar;
	struct why why;
	assert_int_equal(load(&tar, &t, t.len, &why), 0); /* no state in it: import_read says so */
	tar_fini(&tar);
}

static int contents_add(void *ctx, const char *task, uint64_t offset, const char *bytes, size_t len)
{
	char *out = ctx;
	assert_string_equal(task, "one");
	memcpy(out + offset, bytes, len);
	return 0;
}

/* A task's memory is not read at first, wherever the state stands. */
static void test_contents_below_a_directory(void **state)
{
	(void)state;
	static struct made t;
	struct tar tar;
	struct why why = { "" };
	char out[64] = "";
	t.len = 0;
	file_add(&t, "host/proc/zoneinfo", "zones\n");
	file_add(&t, "host/tasks/one/mem", "remembered");
	file_add(&t, "tasks/two/mem", "of another state");
	memset(t.bytes + t.len, 0, 1024);
	t.len += 1024;
	int fd = made_fd(&t, t.len);
	assert_int_equal(tar_load(&tar, fd, "x.tar", &why), 0);
	assert_null(tar_find(&tar, "tasks/one/mem"));
	assert_int_equal(tar_contents(&tar, contents_add, out, &why), 0);
	assert_string_equal(out, "remembered");
	tar_fini(&tar);
	close(fd);
}

static void test_magic(void **state)
{
	(void)state;
	static struct made t;
	support_archive(&t);
	int fd = made_fd(&t, t.len);
	assert_true(fd_is_tar(fd));
	close(fd);
	memcpy(t.bytes, "[machine]\n", 10);
	fd = made_fd(&t, 200);
	assert_false(fd_is_tar(fd));
	close(fd);
	assert_false(file_is_tar("/nonexistent"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefix_is_cut),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_contents_below_a_directory),
		cmocka_unit_test(test_magic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
