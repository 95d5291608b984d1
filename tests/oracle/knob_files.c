/* SPDX-License-Identifier: MIT */
/*
 * The captured tables of knobs and texts through a real mount: every row is
 * done with the system calls that made it, on a file that first got the value
 * it had on the captured machine, and each result and read-back must be the
 * same, except for the rows that ummfs(8) lists.
 *
 * $UMMFS (build/ummfs) loads a captured machine of that kernel over sparse
 * memory and is unmounted at the end. Skipped, loudly, where that cannot be.
 */

#include "support/knob_listed.h"
#include "support/knob_rows.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SKIP 77
#define READS_MAX 6

static char dir[32];
static char mount_point[64];
static int lifeline = -1; /* while this is open the machine runs: it ends with us, whatever ends us */

/* ---- The mount ---- */

static int run(const char *const *argv)
{
	int status;
	pid_t pid = fork();
	if (!pid) {
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	return pid < 0 || waitpid(pid, &status, 0) < 0 ? -1 : status;
}

static void folder_remove(void)
{
	rmdir(mount_point);
	rmdir(dir);
}

static void machine_mount(const char *capture)
{
	const char *ummfs = getenv("UMMFS"), *root = getenv("SRCDIR");
	char state[512], options[64];
	int line[2];
	const char *const argv[] = {
		ummfs ? ummfs : "build/ummfs", mount_point, "--from", state, "-o", options, NULL
	};
	snprintf(dir, sizeof(dir), "/tmp/ummfs-knobs.XXXXXX");
	snprintf(state, sizeof(state), "%s/tests/oracle/captures/%s", root ? root : ".", capture);
	if (access("/dev/fuse", R_OK | W_OK)) {
		printf("SKIPPED: no /dev/fuse on this host: knobs were not tried through a mount\n");
		exit(SKIP);
	}
	if (!mkdtemp(dir)) {
		perror(dir);
		exit(1);
	}
	snprintf(mount_point, sizeof(mount_point), "%s/m", dir);
	if (pipe(line) || fcntl(line[1], F_SETFD, FD_CLOEXEC)) {
		perror("pipe");
		exit(1);
	}
	lifeline = line[1];
	snprintf(options, sizeof(options), "backing=sparse,lifeline=%d", line[0]);
	if (mkdir(mount_point, 0755) || run(argv)) {
		printf("cannot mount %s on %s\n", state, mount_point);
		folder_remove();
		exit(1);
	}
	close(line[0]);
}

static void machine_unmount(void)
{
	const char *const argv[] = { "fusermount3", "-u", mount_point, NULL };
	if (geteuid() ? run(argv) : umount2(mount_point, 0))
		perror(mount_point);
	close(lifeline);
	folder_remove();
}

/* ---- One row: what was called, and "2,EINVAL" for what came of it ---- */

struct outcome {
	char result[128], value[512];
};

/* Straight after the call, for errno. */
static void outcome_add(struct outcome *o, ssize_t n)
{
	int error = errno;
	size_t len = strlen(o->result);
	const char *comma = len ? "," : "";
	if (n < 0)
		snprintf(o->result + len, sizeof(o->result) - len, "%s%s", comma, errno_name(error));
	else
		snprintf(o->result + len, sizeof(o->result) - len, "%s%zd", comma, n);
}

static void file_show(const char *path, char *value, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, value, size - 1);
	if (n < 0)
		snprintf(value, size, "!%s", errno_name(errno));
	else
		value[n] = '\0';
	if (fd >= 0)
		close(fd);
}

/* "write", "write+write", "write+lseek+write", "read+write", "write+read": steps on one descriptor. */
static void row_steps(struct outcome *o, const struct knob_row *r, int fd)
{
	char steps[32], scratch[64], *save;
	const char *text = r->input;
	const char *bar =
		strchr(r->how, '+') && strstr(r->how, "write+") ? memchr(r->input, '|', r->len) : NULL;
	size_t len = bar ? (size_t)(bar - text) : r->len;

	snprintf(steps, sizeof(steps), "%s", r->how);
	for (char *s = strtok_r(steps, "+", &save); s; s = strtok_r(NULL, "+", &save)) {
		if (!strcmp(s, "lseek")) {
			assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		} else if (!strcmp(s, "read")) {
			outcome_add(o, read(fd, scratch, sizeof(scratch)));
		} else {
			outcome_add(o, write(fd, text, len));
			if (bar) {
				text = bar + 1;
				len = r->len - (size_t)(text - r->input);
			}
		}
	}
}

static void row_write(struct outcome *o, const struct knob_row *r, const char *path)
{
	int flags = strstr(r->how, "read") ? O_RDWR : O_WRONLY;
	int fd = open(path, flags);
	if (fd >= 0) {
		row_steps(o, r, fd);
		close(fd);
		return;
	}
	outcome_add(o, -1);
	if (flags == O_RDWR)
		outcome_add(o, -1);
}

static void row_pwrite(struct outcome *o, const struct knob_row *r, const char *path)
{
	int fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	outcome_add(o, pwrite(fd, r->input, r->len, atol(strchr(r->how, '@') + 1)));
	close(fd);
}

static void row_open_write(struct outcome *o, const struct knob_row *r, const char *path)
{
	int fd = open(path, O_WRONLY | (strstr(r->test, "TRUNC") ? O_TRUNC : O_APPEND));
	outcome_add(o, fd < 0 ? -1 : write(fd, r->input, r->len));
	if (fd >= 0)
		close(fd);
}

static void row_create(struct outcome *o, const struct knob_row *r, const char *path)
{
	(void)r;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	outcome_add(o, fd < 0 ? -1 : 0);
	if (fd >= 0)
		close(fd);
}

static void row_truncate(struct outcome *o, const struct knob_row *r, const char *path)
{
	outcome_add(o, truncate(path, atol(strchr(r->test, '(') + 1)));
}

static void row_chmod(struct outcome *o, const struct knob_row *r, const char *path)
{
	struct stat st;
	(void)r;
	assert_int_equal(stat(path, &st), 0);
	int n = chmod(path, 0600);
	outcome_add(o, n);
	file_show(path, o->value, sizeof(o->value)); /* as it is while the mode is another */
	if (!n)
		assert_int_equal(chmod(path, st.st_mode & 07777), 0);
}

static void row_unlink(struct outcome *o, const struct knob_row *r, const char *path)
{
	(void)r;
	outcome_add(o, unlink(path));
}

static void row_rename(struct outcome *o, const struct knob_row *r, const char *path)
{
	char to[520];
	(void)r;
	snprintf(to, sizeof(to), "%s.x", path);
	outcome_add(o, rename(path, to));
}

/* "read bs=3": read after read with that buffer until one gives nothing. The value is what was read. */
static void row_read(struct outcome *o, const struct knob_row *r, const char *path)
{
	char buf[4096];
	size_t size = strtoul(strchr(r->test, '=') + 1, NULL, 10), len = 0;
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : 1;

	if (fd < 0)
		outcome_add(o, -1);
	for (unsigned i = 0; n > 0 && i < READS_MAX; i++) {
		n = read(fd, buf, size);
		outcome_add(o, n);
		if (n > 0 && len + (size_t)n < sizeof(o->value)) {
			memcpy(o->value + len, buf, (size_t)n);
			len += (size_t)n;
		}
	}
	if (fd >= 0)
		close(fd);
}

static void row_pread(struct outcome *o, const struct knob_row *r, const char *path)
{
	(void)r;
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	ssize_t n = pread(fd, o->value, sizeof(o->value) - 1, 1);
	outcome_add(o, n);
	close(fd);
}

static const struct call {
	const char *how; /* prefix of the column */
	void (*run)(struct outcome *o, const struct knob_row *r, const char *path);
	bool reads; /* itself what it compares: there is no read-back afterwards */
} calls[] = {
	{ "read until 0", row_read, true },    { "pread@", row_pread, true },
	{ "pwrite@", row_pwrite, false },      { "O_TRUNC", row_open_write, false },
	{ "O_APPEND", row_open_write, false }, { "truncate", row_truncate, false },
	{ "chmod", row_chmod, true },          { "unlink", row_unlink, false },
	{ "rename", row_rename, false },       { "write", row_write, false },
	{ "read+write", row_write, false },
};

/* What could not be opened says only that; which call it was, the test's name tells. */
static struct call row_call(const struct knob_row *r)
{
	if (!strcmp(r->how, "open"))
		return (struct call){ r->how, row_create, false };
	if (!strcmp(r->how, "open-failed"))
		return (struct call){ r->how, strncmp(r->test, "read ", 5) ? row_write : row_read,
				      !strncmp(r->test, "read ", 5) };
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (!strncmp(r->how, calls[i].how, strlen(calls[i].how)))
			return calls[i];
	fail_msg("%s, %s: how is \"%s\" done?", r->path, r->test, r->how);
	return calls[0];
}

/* ---- Tables ---- */

/* What has to be written for a file to say so: of words, the one in brackets. */
static const char *value_word(const char *value, char *word, size_t size)
{
	const char *open = strchr(value, '[');
	if (!open)
		return value;
	snprintf(word, size, "%.*s", (int)strcspn(open + 1, "]"), open + 1);
	return word;
}

static void file_restore(const char *path, const char *text)
{
	char word[64];
	const char *value = value_word(text, word, sizeof(word));
	int fd = open(path, O_WRONLY);
	if (fd < 0)
		return;
	ssize_t n = write(fd, value, strlen(value));
	(void)n; /* what has no value takes none */
	close(fd);
}

/* The tables have no content of texts; that is compared elsewhere. */
static bool value_is_told(const struct knob_row *r)
{
	return strcmp(r->value, "-") && strcmp(r->value, "!EACCES") && strcmp(r->value, "(content)");
}

/* Past the end of a text that is not told, only how many reads it took is. */
static bool result_agrees(const struct knob_row *r, const struct outcome *o, bool reads)
{
	if (!reads || strcmp(r->value, "(content)") || !isdigit((unsigned char)*o->result))
		return !strcmp(o->result, r->result);
	return !strchr(o->result, ',') == !strchr(r->result, ',');
}

static bool row_check(const char *kernel, const struct knob_row *r, const char *path)
{
	struct outcome o = { "", "" };
	struct call call = row_call(r);

	call.run(&o, r, path);
	if (!call.reads)
		file_show(path, o.value, sizeof(o.value));
	bool same = result_agrees(r, &o, call.reads) && (!value_is_told(r) || !strcmp(o.value, r->value));
	if (same || knob_listed(kernel, r))
		return true;
	print_error("%s, %s: kernel %s %s, here %s %s\n", r->path, r->test, r->result, r->value,
		    o.result, o.value);
	return false;
}

/* "(initial)" is the value on the captured machine, and "mode=0644" of the file. */
static bool initial_check(const struct knob_row *r, const char *path)
{
	struct stat st;
	unsigned mode = (unsigned)strtoul(strchr(r->how, '=') + 1, NULL, 8);
	assert_int_equal(stat(path, &st), 0);
	file_restore(path, r->value);
	if ((st.st_mode & 07777) == mode)
		return true;
	print_error("%s: kernel mode %o, here %o\n", r->path, mode, st.st_mode & 07777);
	return false;
}

/* Root made the tables. Others meet the permissions of folder and file first, as on any file system. */
static bool is_roots_row(const struct knob_row *r, const char *path)
{
	return geteuid() &&
	       (!strcmp(r->how, "rename") || (!strcmp(r->how, "truncate") && access(path, W_OK)));
}

/* No 0 can be written to dirty_bytes: it comes from writing dirty_ratio, which such a table leaves at 0 in turn. */
static bool twin_of(const char *path, char *twin, size_t size)
{
	size_t stem = strlen(path) - strlen("bytes");
	if (!strstr(path, "/dirty_") || strcmp(path + stem, "bytes"))
		return false;
	snprintf(twin, size, "%.*sratio", (int)stem, path);
	return true;
}

struct twin {
	char path[256], value[512];
};

static unsigned table_check(const char *kernel, const char *name, unsigned *rows)
{
	FILE *f = knob_rows_open(name);
	char path[256], initial[512] = "", own[512] = "";
	struct twin twin = { "", "" };
	unsigned wrong = 0;
	struct knob_row r;

	assert_non_null(f);
	while (knob_rows_next(f, &r)) {
		snprintf(path, sizeof(path), "%s/%s", mount_point, r.path);
		if (is_roots_row(&r, path))
			continue;
		++*rows;
		if (!*own) {
			file_show(path, own, sizeof(own));
			if (twin_of(path, twin.path, sizeof(twin.path)))
				file_show(twin.path, twin.value, sizeof(twin.value));
		}
		if (!strcmp(r.test, "(initial)")) {
			wrong += !initial_check(&r, path);
			snprintf(initial, sizeof(initial), "%s", r.value);
			continue;
		}
		wrong += !row_check(kernel, &r, path);
		if (*initial && *initial != '!')
			file_restore(path, initial);
	}
	file_restore(path, own);
	if (*twin.path)
		file_restore(twin.path, twin.value);
	fclose(f);
	return wrong;
}

static void tables_check(const char *kernel, const char *capture, unsigned least_rows)
{
	char **name = knob_rows_tables(kernel);
	unsigned rows = 0, wrong = 0, tables = 0;

	if (!name)
		fail_msg("no tables: run from the source folder or set SRCDIR");
	machine_mount(capture);
	for (; name[tables]; tables++) {
		wrong += table_check(kernel, name[tables], &rows);
		free(name[tables]);
	}
	machine_unmount();
	free(name);
	print_message("%s: %u rows of %u tables, %u differ\n", kernel, rows, tables, wrong);
	assert_true(rows > least_rows);
	assert_int_equal(wrong, 0);
}

static void test_6_1(void **state)
{
	(void)state;
	tables_check("6.1", "6.1.0-50-amd64-T2", 5000);
}

static void test_5_10(void **state)
{
	(void)state;
	tables_check("5.10", "5.10.0-32-amd64-T3", 2500);
}

static void test_6_12(void **state)
{
	(void)state;
	tables_check("6.12", "6.12.107+deb13-amd64-T3", 3500);
}

/* After all tables: what the manual says differs, did. Root's rows are among it. */
static void test_list(void **state)
{
	(void)state;
	assert_true(knob_listed_lines() > 0);
	if (!geteuid())
		assert_int_equal(knob_listed_unseen(), 0);
}

static int list_read(void **state)
{
	(void)state;
	knob_listed_read();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_6_1),
		cmocka_unit_test(test_5_10),
		cmocka_unit_test(test_6_12),
		cmocka_unit_test(test_list),
	};
	return cmocka_run_group_tests(tests, list_read, NULL);
}
