/* SPDX-License-Identifier: MIT */
/* The tree as a list of members, as a tar, and as plain files. */
#include "fs/state.h"

#include "support/fs_fixture.h"

#include <archive.h>
#include <archive_entry.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct state_member *member(const struct state *s, const char *path)
{
	for (unsigned i = 0; i < s->nr; i++)
		if (!strcmp(s->member[i].path, path))
			return &s->member[i];
	return NULL;
}

/* What the mount's own file says. */
static void same_as_file(struct fs_fixture *f, const struct state *s, const char *path)
{
	const struct state_member *m = member(s, path);
	struct handle *h;
	if (!m)
		fail_msg("no member %s", path);
	assert_int_equal(fs_open(f, path, O_RDONLY, &h), 0);
	const char *said = fs_read(f, h, 60000, 0);
	assert_int_equal(strlen(said), m->len);
	assert_memory_equal(said, state_text(s, m), m->len);
	handle_close(&f->fs, h);
}

static void test_members(void **state)
{
	struct fs_fixture *f = *state;
	struct task *t = fs_task(f, "x y");
	struct state s;
	assert_write(t, "anon", "3M");
	assert_write(t, "pages", "1 GFP_KERNEL 9");
	assert_int_equal(state_collect(&s, &f->fs, 0), 0);
	assert_int_equal(s.frames.len, 0);
	static const char *const files[] = {
		"README",
		"proc/zoneinfo",
		"proc/meminfo",
		"proc/vmstat",
		"proc/sys/vm/min_free_kbytes",
		"proc/sys/vm/lowmem_reserve_ratio",
		"proc/2/status",
		"sys/devices/system/node/node1/meminfo",
		"tasks/x y/anon",
		"tasks/x y/pages",
		"tasks/x y/pid",
	};
	for (unsigned i = 0; i < ARRAY_LEN(files); i++)
		same_as_file(f, &s, files[i]);
	static const char *const not_there[] = { "state.tar",
						 "dev",
						 "dev/mem",
						 "dev/kmsg",
						 "proc/sys/vm/drop_caches",
						 "proc/sys/vm/stat_refresh",
						 "tasks/x y/mem",
						 "tasks/x y/procs" };
	for (unsigned i = 0; i < ARRAY_LEN(not_there); i++)
		if (member(&s, not_there[i]))
			fail_msg("%s is a member", not_there[i]);
	const struct state_member *m = member(&s, "tasks/x y");
	assert_true(S_ISDIR(m->mode));
	assert_int_equal(m->uid, 65534);
	m = member(&s, "sys/devices/system/node/node0/cpu1");
	assert_true(S_ISLNK(m->mode));
	assert_string_equal(m->target, "../../cpu/cpu1");
	m = member(&s, "proc/pagetypeinfo");
	assert_int_equal(m->mode, S_IFREG | 0400);
	assert_int_equal(m->uid, 1000);
	state_fini(&s);
}

/* Reading lowmem_reserve_ratio has an effect; a state has none. */
static void test_no_effect(void **state)
{
	struct fs_fixture *f = *state;
	struct vm *vm = &f->machine->vm;
	struct state s;
	struct zone *z = &vm->machine.zone[0];
	z->lowmem_reserve[1] = 4711;
	assert_int_equal(state_collect(&s, &f->fs, STATE_FRAMES), 0);
	assert_int_equal(z->lowmem_reserve[1], 4711);
	assert_non_null(strstr(text_cstr(&s.frames), "4711"));
	state_fini(&s);
}

static void test_tar(void **state)
{
	struct fs_fixture *f = *state;
	struct task *t = fs_task(f, "a");
	struct archive_entry *e;
	unsigned nr = 0;
	bool frames = false, mem = false;
	assert_write(t, "anon", "64M");
	assert_int_equal(task_mem_write(t, "bytes", 5, 40ul << 20), 5);
	int fd = state_tar_open(&f->fs), again = state_tar_open(&f->fs);
	assert_true(fd >= 0 && again >= 0);
	struct stat st, st2;
	fstat(fd, &st);
	fstat(again, &st2);
	assert_in_range(st.st_size, 50000, 8 << 20); /* 64 MiB of mem is a hole; slab caches have thousands of files */
	assert_int_equal(st.st_size, st2.st_size);
	char *x = malloc((size_t)st.st_size), *y = malloc((size_t)st.st_size);
	assert_int_equal(pread(fd, x, (size_t)st.st_size, 0), st.st_size);
	assert_int_equal(pread(again, y, (size_t)st.st_size, 0), st.st_size);
	assert_memory_equal(x, y, (size_t)st.st_size);

	struct archive *a = archive_read_new();
	archive_read_support_format_tar(a);
	assert_int_equal(archive_read_open_memory(a, x, (size_t)st.st_size), ARCHIVE_OK);
	while (archive_read_next_header(a, &e) == ARCHIVE_OK) {
		nr++;
		assert_int_equal(archive_entry_mtime(e), 0); /* the machine's time */
		frames |= !strcmp(archive_entry_pathname(e), STATE_FRAMES_PATH);
		if (!strcmp(archive_entry_pathname(e), "tasks/a/mem")) {
			const void *bytes;
			size_t len;
			int64_t offset;
			mem = true;
			assert_int_equal(archive_entry_size(e), 64 << 20);
			assert_int_equal(archive_read_data_block(a, &bytes, &len, &offset), ARCHIVE_OK);
			assert_int_equal(offset, 40 << 20);
			assert_memory_equal(bytes, "bytes", 6);
		}
	}
	assert_true(frames && mem && nr > 100);
	archive_read_free(a);
	free(x);
	free(y);
	close(fd);
	close(again);
}

static void test_file(void **state)
{
	struct fs_fixture *f = *state;
	struct handle *h;
	assert_int_equal(fs_open(f, "state.tar", O_RDWR, &h), -EACCES);
	assert_int_equal(fs_open(f, "state.tar", O_RDONLY, &h), 0);
	const char *head = fs_read(f, h, 512, 0);
	assert_string_equal(head, "ummfs/frames");
	fs_task(f, "later");
	assert_string_equal(fs_read(f, h, 512, 0), "ummfs/frames"); /* the instant of opening */
	assert_string_equal(fs_read(f, h, 512, 1 << 30), "");
	handle_close(&f->fs, h);
}

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *ftw)
{
	(void)st, (void)what, (void)ftw;
	return remove(path);
}

static void test_dump(void **state)
{
	struct fs_fixture *f = *state;
	char dir[] = "/tmp/ummfs-dump-XXXXXX", path[256], target[64] = "";
	struct why why = { "" };
	struct state s;
	struct stat st;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(state_collect(&s, &f->fs, 0), 0);
	for (unsigned round = 0; round < 2; round++) { /* over the first one, too */
		if (state_dump(&s, dir, &why))
			fail_msg("%s", why.text);
		snprintf(path, sizeof(path), "%s/proc/zoneinfo", dir);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, member(&s, "proc/zoneinfo")->len);
		assert_int_equal(st.st_mode, S_IFREG | 0444);
		snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/cpu1/node0", dir);
		assert_true(readlink(path, target, sizeof(target) - 1) > 0);
		assert_string_equal(target, "../../node/node0");
	}
	assert_int_equal(state_dump(&s, "/proc/none/such", &why), -ENOENT);
	assert_non_null(strstr(why.text, "/proc/none/such"));
	state_fini(&s);
	assert_int_equal(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FS_TEST(test_members), FS_TEST(test_no_effect), FS_TEST(test_tar),
		FS_TEST(test_file),    FS_TEST(test_dump),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
