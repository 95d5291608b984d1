/* SPDX-License-Identifier: MIT */
#include "fs/tree.h"

#include "base/fault.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	assert_int_equal(tree_init(t, 7, 8), 0);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	tree_fini(*state);
	free(*state);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void test_root(void **state)
{
	struct tree *t = *state;
	struct entry *root = tree_root(t);

	assert_int_equal(root->ino, 1);
	assert_ptr_equal(root->parent, root);
	assert_int_equal(root->kind, ENTRY_DIR);
	assert_int_equal(root->mode, 0755);
	assert_int_equal(root->uid, 7);
	assert_int_equal(root->gid, 8);
	assert_ptr_equal(tree_find(t, ""), root);
	assert_null(tree_find(t, "proc"));
	assert_ptr_equal(tree_entry(t, 1), root);
	assert_null(tree_entry(t, 0));
	assert_null(tree_entry(t, 2));
	assert_null(tree_entry(t, UINT64_MAX));
}

static void test_path_makes_directories(void **state)
{
	struct tree *t = *state;
	struct entry *link = tree_add_link(t, "a/b/c", "../x");

	assert_non_null(link);
	assert_int_equal(link->kind, ENTRY_LINK);
	assert_string_equal(link->target, "../x");
	assert_ptr_equal(tree_find(t, "a/b/c"), link);
	assert_ptr_equal(tree_find(t, "a/b"), link->parent);
	assert_ptr_equal(tree_entry(t, link->ino), link);
	assert_int_equal(tree_root(t)->nr_subdirs, 1);
	assert_int_equal(tree_find(t, "a/b")->nr_subdirs, 0);
	assert_null(tree_find(t, "a/b/c/d"));
	assert_null(tree_find(t, "a/bb"));
	assert_ptr_equal(tree_add_dir(t, "a/b"), link->parent); /* is there already */
	assert_int_equal(t->nr_entries, 4);
}

static void test_taken_names(void **state)
{
	struct tree *t = *state;

	assert_non_null(tree_add_link(t, "a/b", "x"));
	assert_null(tree_add_link(t, "a/b", "y"));
	assert_null(tree_add_link(t, "a/b/c", "y")); /* through a link */
	assert_null(tree_add_dir(t, "a/b"));
	assert_null(tree_add_link(t, "a/", "y"));
	assert_string_equal(tree_find(t, "a/b")->target, "x");
}

static void test_realms(void **state)
{
	static const struct {
		const char *path;
		enum entry_realm realm;
		unsigned mode;
	} want[] = {
		{ "proc", REALM_PROC, 0555 },
		{ "proc/pressure", REALM_PROC, 0555 },
		{ "proc/sys", REALM_SYSCTL, 0555 },
		{ "proc/sys/vm", REALM_SYSCTL, 0555 },
		{ "sys", REALM_SYS, 0755 },
		{ "sys/devices/system/node", REALM_SYS, 0755 },
		{ "tasks", REALM_TASKS, 01777 },
		{ "dev", REALM_TOP, 0755 },
		{ "sys/devices/sys", REALM_SYS, 0755 },
	};
	struct tree *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		struct entry *e = tree_add_dir(t, want[i].path);
		assert_non_null(e);
		assert_int_equal(e->realm, want[i].realm);
		assert_int_equal(e->mode, want[i].mode);
	}
	assert_int_equal(tree_find(t, "sys/devices")->realm, REALM_SYS);
}

static void test_order_is_that_of_adding(void **state)
{
	static const char *const name[] = { "z", "a", "m" };
	struct tree *t = *state;
	unsigned i = 0;

	for (size_t n = 0; n < ARRAY_LEN(name); n++)
		assert_non_null(tree_add_dir(t, name[n]));
	for (struct entry *e = tree_root(t)->first_child; e; e = e->next)
		assert_string_equal(e->name, name[i++]);
	assert_int_equal(i, ARRAY_LEN(name));
}

/* Past the first sizes of the table and its hash; every name is found again, none twice. */
static void test_many(void **state)
{
	struct tree *t = *state;
	char path[64];

	for (unsigned i = 0; i < 5000; i++) {
		snprintf(path, sizeof(path), "d%u/f%u", i % 70, i);
		struct entry *e = tree_add_link(t, path, path);
		assert_non_null(e);
		assert_int_equal(e->ino, t->nr_entries);
	}
	assert_int_equal(t->nr_entries, 1 + 70 + 5000);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(path, sizeof(path), "d%u/f%u", i % 70, i);
		assert_string_equal(tree_find(t, path)->target, path);
		snprintf(path, sizeof(path), "d%u/f%u", (i + 1) % 70, i);
		assert_null(tree_find(t, path));
	}
}

/* However early memory ends, the answer is NULL and the tree can still be taken down. */
static void test_no_memory(void **state)
{
	struct tree *t = *state;
	bool failed = true;
	unsigned n;

	for (n = 1; failed; n++) {
		char path[64];
		snprintf(path, sizeof(path), "n%u/link", n);
		fault_arm(FAULT_HOST_MALLOC, n);
		struct entry *e = tree_add_link(t, path, "x");
		failed = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		assert_true(failed ? !e : !!e);
		assert_true(n < 100);
	}
	assert_true(n > 4);
}

static void test_no_memory_for_the_root(void **state)
{
	struct tree t;
	int err = -ENOMEM;

	(void)state;
	for (unsigned n = 1; err; n++) {
		fault_arm(FAULT_HOST_MALLOC, n);
		err = tree_init(&t, 0, 0);
		fault_arm(FAULT_HOST_MALLOC, 0);
		assert_true(!err || err == -ENOMEM);
		assert_true(n < 10);
	}
	tree_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_root),        TEST(test_path_makes_directories),
		TEST(test_taken_names), TEST(test_realms),
		TEST(test_many),        TEST(test_order_is_that_of_adding),
		TEST(test_no_memory),   cmocka_unit_test(test_no_memory_for_the_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
