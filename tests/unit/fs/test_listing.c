/* SPDX-License-Identifier: MIT */
#include "fs/listing.h"

#include "support/fs_fixture.h"

static uint64_t ino_of(struct fs_fixture *f, const char *path)
{
	struct inode i;

	assert_int_equal(fs_walk(f, path, &i), 0);
	inode_put(&i);
	return i.ino;
}

/* Position of a name, or -1. */
static int position(const struct listing *l, const char *name)
{
	for (unsigned i = 0; i < l->nr; i++)
		if (!strcmp(listing_name(l, i), name))
			return (int)i;
	return -1;
}

static void test_dots_come_first(void **state)
{
	struct fs_fixture *f = *state;
	struct listing l;

	fs_task(f, "a");
	static const char *const dir[] = { "", "proc/sys/vm", "tasks", "tasks/a",
					   "sys/devices/system/node/node0" };
	for (size_t i = 0; i < ARRAY_LEN(dir); i++) {
		listing_init(&l);
		assert_int_equal(listing_fill(&l, &f->fs, ino_of(f, dir[i])), 0);
		assert_string_equal(listing_name(&l, 0), ".");
		assert_string_equal(listing_name(&l, 1), "..");
		assert_int_equal(l.item[0].ino, ino_of(f, dir[i]));
		assert_int_equal(l.item[0].type, S_IFDIR);
		listing_fini(&l);
	}
}

/* What is listed is found, under the same number and type. */
static void agrees_with_lookup(struct fs_fixture *f, uint64_t dir, unsigned *seen)
{
	struct listing l;

	listing_init(&l);
	assert_int_equal(listing_fill(&l, &f->fs, dir), 0);
	for (unsigned n = 2; n < l.nr; n++) {
		struct inode i;
		struct stat st;
		assert_int_equal(inode_lookup(&f->fs, dir, listing_name(&l, n), &i), 0);
		inode_stat(&f->fs, &i, &st);
		inode_put(&i);
		assert_int_equal(i.ino, l.item[n].ino);
		assert_int_equal(st.st_mode & S_IFMT, l.item[n].type);
		++*seen;
		if (S_ISDIR(st.st_mode))
			agrees_with_lookup(f, i.ino, seen);
	}
	listing_fini(&l);
}

static void test_agrees_with_lookup(void **state)
{
	struct fs_fixture *f = *state;
	unsigned seen = 0;

	fs_task(f, "a");
	fs_task(f, "b");
	agrees_with_lookup(f, 1, &seen);
	assert_true(seen > f->fs.tree.nr_entries - 1 + 2 * nr_task_attrs);
}

static void test_tasks_come_and_go(void **state)
{
	struct fs_fixture *f = *state;
	struct listing l;
	char pid[16];

	listing_init(&l);
	snprintf(pid, sizeof(pid), "%d", (int)fs_task(f, "a")->pid);
	fs_task(f, "b");
	assert_int_equal(listing_fill(&l, &f->fs, ino_of(f, "tasks")), 0);
	assert_int_equal(l.nr, 4);
	assert_true(position(&l, "a") > 0 && position(&l, "b") > 0);
	assert_int_equal(listing_fill(&l, &f->fs, ino_of(f, "proc")), 0);
	assert_true(position(&l, pid) > 0 && position(&l, "zoneinfo") > 0);
	assert_int_equal(task_remove(&f->machine->vm, "a"), 0);
	assert_int_equal(listing_fill(&l, &f->fs, ino_of(f, "tasks")), 0);
	assert_int_equal(l.nr, 3);
	assert_int_equal(position(&l, "a"), -1);
	assert_int_equal(listing_fill(&l, &f->fs, ino_of(f, "proc")), 0);
	assert_int_equal(position(&l, pid), -1);
	listing_fini(&l);
}

static void test_what_cannot_be_listed(void **state)
{
	struct fs_fixture *f = *state;
	uint64_t task = task_dir_ino(fs_task(f, "a"));
	struct listing l;

	listing_init(&l);
	assert_int_equal(listing_fill(&l, &f->fs, ino_of(f, "proc/zoneinfo")), -ENOTDIR);
	assert_int_equal(listing_fill(&l, &f->fs, ino_of(f, "tasks/a/anon")), -ENOTDIR);
	assert_int_equal(task_remove(&f->machine->vm, "a"), 0);
	assert_int_equal(listing_fill(&l, &f->fs, task), -ENOENT);
	listing_fini(&l);
}

static void test_no_memory(void **state)
{
	struct fs_fixture *f = *state;
	bool fired = true;
	struct listing l;

	for (unsigned n = 1; fired; n++) {
		listing_init(&l);
		fault_arm(FAULT_HOST_MALLOC, n);
		int err = listing_fill(&l, &f->fs, 1);
		fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		assert_int_equal(err, fired ? -ENOMEM : 0);
		listing_fini(&l);
		assert_true(n < 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FS_TEST(test_dots_come_first),   FS_TEST(test_agrees_with_lookup),
		FS_TEST(test_tasks_come_and_go), FS_TEST(test_what_cannot_be_listed),
		FS_TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
