/* SPDX-License-Identifier: MIT */
#include "support/fs_fixture.h"

static struct entry *find(struct fs_fixture *f, const char *path)
{
	struct entry *e = tree_find(&f->fs.tree, path);

	if (!e)
		fail_msg("%s is missing", path);
	return e;
}

static void test_rows_become_files(void **state)
{
	static const char *const file[] = {
		"README",
		"proc/zoneinfo",
		"proc/meminfo",
		"proc/sys/vm/min_free_kbytes",
		"proc/sys/vm/drop_caches",
		"sys/devices/system/node/online",
		"sys/devices/system/cpu/possible",
		"sys/kernel/debug/extfrag/extfrag_index",
	};
	struct fs_fixture *f = *state;
	unsigned views = 0, knobs = 0;

	for (unsigned i = 0; i < f->fs.tree.nr_entries; i++) {
		const struct entry *e = f->fs.tree.entry[i];
		views += e->kind == ENTRY_VIEW;
		knobs += e->kind == ENTRY_KNOB;
		if (e->kind == ENTRY_VIEW)
			assert_int_equal(e->mode, e->view->mode);
		if (e->kind == ENTRY_KNOB)
			assert_int_equal(e->mode, e->knob->mode);
	}
	for (size_t i = 0; i < ARRAY_LEN(file); i++)
		assert_int_not_equal(find(f, file[i])->kind, ENTRY_DIR);
	for (unsigned i = 0; i < nr_views; i++)
		if (view_table[i].scope == VIEW_ONCE && !view_table[i].shown)
			assert_ptr_equal(find(f, view_table[i].path)->view, &view_table[i]);
	assert_true(views > 10);
	assert_true(knobs > 10);
}

static void test_one_for_each_node(void **state)
{
	struct fs_fixture *f = *state;

	assert_int_equal(find(f, "sys/devices/system/node/node0/meminfo")->arg, 0);
	assert_int_equal(find(f, "sys/devices/system/node/node1/meminfo")->arg, 1);
	assert_null(tree_find(&f->fs.tree, "sys/devices/system/node/node2"));
	assert_int_equal(
		find(f, "sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages")->arg, 1);
	assert_int_equal(find(f, "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")->arg, 0);
}

static void test_nodes_and_cpus_link_to_each_other(void **state)
{
	struct fs_fixture *f = *state;

	assert_string_equal(find(f, "sys/devices/system/node/node1/cpu2")->target, "../../cpu/cpu2");
	assert_string_equal(find(f, "sys/devices/system/cpu/cpu2/node1")->target, "../../node/node1");
	assert_null(tree_find(&f->fs.tree, "sys/devices/system/node/node0/cpu2"));
	assert_null(tree_find(&f->fs.tree, "sys/devices/system/cpu/cpu4"));
}

static void test_dynamic_places(void **state)
{
	struct fs_fixture *f = *state;

	assert_int_equal(find(f, "tasks")->dynamic, DYNAMIC_TASKS);
	assert_int_equal(find(f, "tasks")->mode, 01777);
	assert_int_equal(find(f, "proc")->dynamic, DYNAMIC_PIDS);
	assert_ptr_equal(f->fs.tree.proc, find(f, "proc"));
	assert_int_equal(find(f, "sys/kernel/debug")->mode, 0700);
}

static void test_owner(void **state)
{
	struct fs_fixture *f = *state;

	for (unsigned i = 0; i < f->fs.tree.nr_entries; i++) {
		assert_int_equal(f->fs.tree.entry[i]->uid, 1000);
		assert_int_equal(f->fs.tree.entry[i]->gid, 1001);
	}
}

static void test_dev_mem_needs_memory(void **state)
{
	struct fs_fixture *f = *state;
	const struct fs_options o = { .dev_mem = NULL };
	struct fs without;

	assert_string_equal(find(f, "dev/mem")->target, "/proc/1/fd/3");
	assert_int_equal(fs_init(&without, &f->machine->vm, &o), 0);
	assert_null(tree_find(&without.tree, "dev/mem"));
	fs_fini(&without);
}

static void test_no_memory(void **state)
{
	struct fs_fixture *f = *state;
	const struct fs_options o = { .uid = 0 };
	struct fs fs;

	for (unsigned n = 1; n < 400; n += 7) {
		fault_arm(FAULT_HOST_MALLOC, n);
		int err = fs_init(&fs, &f->machine->vm, &o);
		bool fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		assert_int_equal(err, fired ? -ENOMEM : 0);
		if (!err)
			fs_fini(&fs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FS_TEST(test_rows_become_files),
		FS_TEST(test_one_for_each_node),
		FS_TEST(test_nodes_and_cpus_link_to_each_other),
		FS_TEST(test_dynamic_places),
		FS_TEST(test_owner),
		FS_TEST(test_dev_mem_needs_memory),
		FS_TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
