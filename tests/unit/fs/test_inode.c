/* SPDX-License-Identifier: MIT */
#include "fs/inode.h"

#include "support/fs_fixture.h"
#include "vm/dcache.h"

static struct stat stat_of(struct fs_fixture *f, const char *path)
{
	struct stat st;
	struct inode i;

	assert_int_equal(fs_walk(f, path, &i), 0);
	inode_stat(&f->fs, &i, &st);
	assert_int_equal(st.st_ino, i.ino);
	inode_put(&i);
	return st;
}

static void test_numbers_of_entries(void **state)
{
	struct fs_fixture *f = *state;
	struct inode i;

	assert_int_equal(inode_get(&f->fs, 1, &i), 0);
	assert_int_equal(i.kind, INODE_ENTRY);
	assert_ptr_equal(i.entry, tree_root(&f->fs.tree));
	assert_int_equal(inode_get(&f->fs, 0, &i), -ESTALE);
	assert_int_equal(inode_get(&f->fs, f->fs.tree.nr_entries + 1, &i), -ESTALE);
	assert_false(ino_is_task(f->fs.tree.nr_entries));
}

/* A task's numbers lead back to it, each to its own file, and to nothing once it is gone. */
static void test_numbers_of_tasks(void **state)
{
	struct fs_fixture *f = *state;
	struct task *t = fs_task(f, "a");
	uint64_t dir = task_dir_ino(t), anon = task_attr_ino(t, 0), pid = pid_dir_ino(t);
	struct inode i;

	assert_true(ino_is_task(dir) && ino_is_task(anon) && ino_is_task(pid));
	assert_int_equal(inode_get(&f->fs, anon, &i), 0);
	assert_int_equal(i.kind, INODE_TASK_ATTR);
	assert_ptr_equal(i.task, t);
	assert_ptr_equal(i.attr, &task_attr_table[0]);
	inode_put(&i);
	assert_int_equal(inode_get(&f->fs, dir, &i), 0);
	assert_int_equal(i.kind, INODE_TASK_DIR);
	inode_put(&i);
	assert_int_equal(inode_get(&f->fs, pid, &i), 0);
	assert_int_equal(i.kind, INODE_PID_DIR);
	inode_put(&i);

	assert_int_equal(task_remove(&f->machine->vm, "a"), 0);
	assert_int_equal(inode_get(&f->fs, dir, &i), -ESTALE);
	t = fs_task(f, "a");
	assert_int_not_equal(task_dir_ino(t), dir);
	assert_int_equal(inode_get(&f->fs, dir, &i), -ESTALE);
	assert_int_equal(inode_get(&f->fs, anon, &i), -ESTALE);
}

static void test_numbers_are_unique(void **state)
{
	struct fs_fixture *f = *state;
	struct task *t[2] = { fs_task(f, "a"), fs_task(f, "b") };
	uint64_t seen[256];
	unsigned nr = 0;

	for (unsigned n = 0; n < 2; n++) {
		seen[nr++] = task_dir_ino(t[n]);
		seen[nr++] = pid_dir_ino(t[n]);
		for (unsigned i = 0; i < nr_task_attrs; i++)
			seen[nr++] = task_attr_ino(t[n], i);
		for (unsigned i = 0; i < nr_views; i++)
			if (pid_view_name(&view_table[i]))
				seen[nr++] = pid_view_ino(t[n], i);
	}
	for (unsigned i = 0; i < nr; i++)
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(seen[i], seen[j]);
	assert_true(nr > 20);
}

static void test_lookup(void **state)
{
	struct fs_fixture *f = *state;
	struct task *t = fs_task(f, "a");
	char path[64];
	struct inode i;

	assert_int_equal(fs_walk(f, "proc/zoneinfo", &i), 0);
	assert_int_equal(i.entry->kind, ENTRY_VIEW);
	assert_int_equal(fs_walk(f, "proc/none", &i), -ENOENT);
	assert_int_equal(fs_walk(f, "proc/zoneinfo/x", &i), -ENOTDIR);
	assert_int_equal(fs_walk(f, "tasks/none", &i), -ENOENT);
	assert_int_equal(fs_walk(f, "tasks/a/none", &i), -ENOENT);
	assert_int_equal(fs_walk(f, "tasks/a/anon/x", &i), -ENOTDIR);

	assert_int_equal(fs_walk(f, "tasks/a/mem", &i), 0);
	assert_true(i.attr->is_mem);
	inode_put(&i);
	snprintf(path, sizeof(path), "proc/%d/status", (int)t->pid);
	assert_int_equal(fs_walk(f, path, &i), 0);
	assert_int_equal(i.kind, INODE_PID_VIEW);
	inode_put(&i);
	snprintf(path, sizeof(path), "proc/0%d", (int)t->pid); /* one number, one name */
	assert_int_equal(fs_walk(f, path, &i), -ENOENT);
	assert_int_equal(fs_walk(f, "proc/99999999999999999999", &i), -ENOENT);
	snprintf(path, sizeof(path), "proc/%d/none", (int)t->pid);
	assert_int_equal(fs_walk(f, path, &i), -ENOENT);
	assert_int_equal(task_remove(&f->machine->vm, "a"), 0); /* all references are back: nothing leaks */
}

static void test_sizes(void **state)
{
	struct fs_fixture *f = *state;
	struct stat st;

	assert_int_equal(stat_of(f, "proc/zoneinfo").st_size, 0);
	assert_int_equal(stat_of(f, "proc/sys/vm/min_free_kbytes").st_size, 0);
	assert_int_equal(stat_of(f, "sys/devices/system/node/online").st_size, 4096);
	assert_int_equal(stat_of(f, "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages").st_size, 4096);
	assert_int_equal(stat_of(f, "sys/devices/system/node/node0/cpu0").st_size, 0);
	assert_int_equal(stat_of(f, "dev/mem").st_size, strlen("/proc/1/fd/3"));

	struct handle *h;
	assert_int_equal(fs_open(f, "README", O_RDONLY, &h), 0);
	assert_int_equal(stat_of(f, "README").st_size, strlen(fs_read(f, h, 60000, 0)));
	handle_close(&f->fs, h);

	struct task *t = fs_task(f, "a");
	assert_int_equal(stat_of(f, "tasks/a/mem").st_size, 0);
	assert_int_equal(stat_of(f, "tasks/a/anon").st_size, 0);
	for (unsigned i = 0; i < nr_task_attrs; i++)
		if (!strcmp(task_attr_table[i].name, "anon"))
			assert_int_equal(task_attr_write(t, &task_attr_table[i], "10000\n", 6), 6);
	st = stat_of(f, "tasks/a/mem");
	assert_int_equal(st.st_size, task_mem_bytes(t));
	assert_true(st.st_size >= 10000);
}

static void test_types_modes_owners(void **state)
{
	struct fs_fixture *f = *state;
	struct task *t = fs_task(f, "a");
	char path[64];
	struct stat st;

	assert_int_equal(stat_of(f, "proc").st_mode, S_IFDIR | 0555);
	assert_int_equal(stat_of(f, "tasks").st_mode, S_IFDIR | 01777);
	assert_int_equal(stat_of(f, "proc/pagetypeinfo").st_mode, S_IFREG | 0400);
	assert_int_equal(stat_of(f, "proc/sys/vm/drop_caches").st_mode, S_IFREG | 0200);
	assert_int_equal(stat_of(f, "dev/mem").st_mode, S_IFLNK | 0777);
	assert_int_equal(stat_of(f, "dev/mem").st_uid, 1000);
	assert_int_equal(stat_of(f, "sys/devices/system").st_nlink, 4); /* node, cpu */
	st = stat_of(f, "tasks/a");
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	assert_int_equal(st.st_uid, 65534);
	assert_int_equal(st.st_gid, 65533);
	assert_int_equal(stat_of(f, "tasks/a/anon").st_mode, S_IFREG | 0644);
	assert_int_equal(stat_of(f, "tasks/a/pid").st_mode, S_IFREG | 0444);
	snprintf(path, sizeof(path), "proc/%d", (int)t->pid);
	assert_int_equal(stat_of(f, path).st_mode, S_IFDIR | 0555);
	snprintf(path, sizeof(path), "proc/%d/status", (int)t->pid);
	assert_int_equal(stat_of(f, path).st_mode, S_IFREG | 0444);
	assert_int_equal(stat_of(f, path).st_uid, 65534);
}

static int may_open(struct fs_fixture *f, const char *path, int flags)
{
	struct inode i;

	assert_int_equal(fs_walk(f, path, &i), 0);
	int err = inode_may_open(&i, flags);
	inode_put(&i);
	return err;
}

static void test_what_even_root_may_not_open(void **state)
{
	struct fs_fixture *f = *state;

	fs_task(f, "a");
	assert_int_equal(may_open(f, "proc/sys/vm/drop_caches", O_RDONLY), -EACCES);
	assert_int_equal(may_open(f, "proc/sys/vm/drop_caches", O_RDWR), -EACCES);
	assert_int_equal(may_open(f, "proc/sys/vm/drop_caches", O_WRONLY), 0);
	assert_int_equal(may_open(f, "proc/sys/vm/min_free_kbytes", O_RDWR | O_TRUNC | O_APPEND), 0);
	assert_int_equal(may_open(f, "proc/zoneinfo", O_RDWR), 0);
	assert_int_equal(may_open(f, "sys/devices/system/node/online", O_RDONLY), 0);
	assert_int_equal(may_open(f, "sys/devices/system/node/online", O_WRONLY), -EACCES);
	assert_int_equal(may_open(f, "README", O_RDWR), -EACCES);
	assert_int_equal(may_open(f, "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", O_WRONLY),
			 -EACCES);
	assert_int_equal(may_open(f, "proc", O_RDONLY), -EISDIR);
	assert_int_equal(may_open(f, "tasks/a", O_RDONLY), -EISDIR);
	assert_int_equal(may_open(f, "dev/mem", O_RDONLY), -ELOOP);
	assert_int_equal(may_open(f, "tasks/a/anon", O_RDWR), 0);
}

static void test_chmod_and_chown(void **state)
{
	struct fs_fixture *f = *state;
	struct inode i;

	assert_int_equal(fs_walk(f, "proc/zoneinfo", &i), 0);
	assert_int_equal(inode_chmod(&i, S_IFREG | 0400), 0);
	assert_int_equal(inode_chown(&i, 5, (gid_t)-1), 0);
	struct stat st = stat_of(f, "proc/zoneinfo");
	assert_int_equal(st.st_mode, S_IFREG | 0400);
	assert_int_equal(st.st_uid, 5);
	assert_int_equal(st.st_gid, 1001);
	assert_int_equal(inode_chown(&i, (uid_t)-1, 6), 0);
	assert_int_equal(stat_of(f, "proc/zoneinfo").st_uid, 5);
	assert_int_equal(stat_of(f, "proc/zoneinfo").st_gid, 6);

	assert_int_equal(fs_walk(f, "proc/sys/vm/min_free_kbytes", &i), 0);
	assert_int_equal(inode_chmod(&i, 0600), -EPERM);
	assert_int_equal(inode_chown(&i, 5, 5), -EPERM);
	fs_task(f, "a");
	assert_int_equal(fs_walk(f, "tasks/a/anon", &i), 0);
	assert_int_equal(inode_chmod(&i, 0600), -EPERM);
	inode_put(&i);
	assert_int_equal(fs_walk(f, "tasks", &i), 0);
	assert_int_equal(inode_chmod(&i, 0700), -EPERM);
}

static enum entry_realm realm_of(struct fs_fixture *f, const char *path)
{
	struct inode i;

	assert_int_equal(fs_walk(f, path, &i), 0);
	enum entry_realm realm = inode_realm(&i);
	inode_put(&i);
	return realm;
}

static void test_realms(void **state)
{
	struct fs_fixture *f = *state;
	char path[32];

	snprintf(path, sizeof(path), "proc/%d", (int)fs_task(f, "a")->pid);
	assert_int_equal(realm_of(f, "proc/sys/vm/min_free_kbytes"), REALM_SYSCTL);
	assert_int_equal(realm_of(f, "proc/zoneinfo"), REALM_PROC);
	assert_int_equal(realm_of(f, "sys/devices"), REALM_SYS);
	assert_int_equal(realm_of(f, "README"), REALM_TOP);
	assert_int_equal(realm_of(f, "tasks/a"), REALM_TASKS);
	assert_int_equal(realm_of(f, "tasks/a/anon"), REALM_TASKS);
	assert_int_equal(realm_of(f, path), REALM_PROC);
}

/* What the host knows of tasks/ is kept until it forgets it; of proc and sys nothing is. */
static void test_what_is_kept(void **state)
{
	struct fs_fixture *f = *state;
	struct task *t = fs_task(f, "a");
	char pid[32];
	struct inode i;
	snprintf(pid, sizeof(pid), "proc/%d", (int)t->pid);
	f->machine->vm.deterministic = false;
	const char *const paths[] = { "proc/zoneinfo", "sys/devices", pid,
				      "tasks",         "tasks/a",     "tasks/a/anon" };
	for (unsigned n = 0; n < ARRAY_LEN(paths); n++) {
		assert_int_equal(fs_walk(f, paths[n], &i), 0);
		inode_known(&i, 1, "x");
		inode_known(&i, 1, "x");
		inode_put(&i);
	}
	assert_int_equal(dcache_count(t), 2);
	inode_forget(&f->fs, 1, 5);
	inode_forget(&f->fs, task_dir_ino(t), 1);
	inode_forget(&f->fs, pid_dir_ino(t), 9);
	assert_int_equal(dcache_count(t), 2);
	inode_forget(&f->fs, task_dir_ino(t), 1);
	assert_int_equal(dcache_count(t), 1);
	uint64_t gone = task_dir_ino(t);
	assert_int_equal(task_remove(&f->machine->vm, "a"), 0);
	inode_forget(&f->fs, gone, 1); /* with nothing left of it */
	f->machine->vm.deterministic = true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FS_TEST(test_numbers_of_entries),
		FS_TEST(test_numbers_of_tasks),
		FS_TEST(test_numbers_are_unique),
		FS_TEST(test_lookup),
		FS_TEST(test_sizes),
		FS_TEST(test_types_modes_owners),
		FS_TEST(test_what_even_root_may_not_open),
		FS_TEST(test_chmod_and_chown),
		FS_TEST(test_realms),
		FS_TEST(test_what_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
