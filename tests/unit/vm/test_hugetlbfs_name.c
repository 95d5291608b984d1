/* SPDX-License-Identifier: MIT */
#include "support/huge_fixture.h"

static void test_names(void **state)
{
	struct fixture *f = *state;
	struct huge_inode *r = root(f), *d = make(r, "d", S_IFDIR | 0755),
			  *a = make(d, "a", S_IFREG | 0600), *x;
	char longest[300];
	assert_int_equal(r->attr.nlink, 3);
	assert_int_equal(huge_lookup(d, "a", &x), 0);
	assert_ptr_equal(x, a);
	huge_put(x);
	assert_int_equal(huge_lookup(d, "b", &x), -ENOENT);
	assert_int_equal(huge_lookup(a, "b", &x), -ENOTDIR);
	const struct huge_making m = { .mode = S_IFREG | 0600 };
	assert_int_equal(huge_make(d, "a", &m, &x), -EEXIST);
	memset(longest, 'n', sizeof(longest));
	longest[256] = 0;
	assert_int_equal(huge_make(d, longest, &m, &x), -ENAMETOOLONG);
	assert_int_equal(huge_lookup(d, longest, &x), -ENAMETOOLONG);
	longest[255] = 0;
	assert_int_equal(huge_link(a, d, longest), 0);
	assert_int_equal(a->attr.nlink, 2);
	assert_int_equal(huge_link(d, r, "e"), -EPERM);
	assert_int_equal(huge_link(a, d, "a"), -EEXIST);
	assert_int_equal(huge_unlink(r, "d", true), -ENOTEMPTY);
	assert_int_equal(huge_unlink(r, "d", false), -EISDIR);
	assert_int_equal(huge_unlink(d, "a", true), -ENOTDIR);
	assert_int_equal(huge_unlink(d, "nobody", false), -ENOENT);
	assert_int_equal(huge_unlink(d, "a", false), 0);
	assert_int_equal(huge_unlink(d, longest, false), 0);
	assert_int_equal(a->attr.nlink, 0);
	assert_int_equal(huge_link(a, d, "again"), -ENOENT);
	assert_int_equal(huge_unlink(r, "d", true), 0);
	assert_int_equal(huge_make(d, "a", &m, &x), -ENOENT);
	assert_int_equal(r->attr.nlink, 2);
	uint64_t ino = huge_ino(a);
	huge_put(a);
	huge_put(d);
	assert_null(huge_get(hfs(f), ino));
	a = make(r, "other", S_IFREG | 0600); /* the number comes back with another generation */
	assert_true(huge_ino(a) != ino);
	assert_null(huge_get(hfs(f), ino));
	huge_put(a);
	verified(f);
}

static void test_symlink(void **state)
{
	struct fixture *f = *state;
	const struct huge_making m = { .mode = S_IFLNK | 0777, .target = "a/b" };
	struct huge_inode *l;
	struct stat st;
	assert_int_equal(huge_make(root(f), "l", &m, &l), 0);
	huge_getattr(l, &st);
	assert_int_equal(st.st_size, 3);
	assert_string_equal(l->target, "a/b");
	assert_int_equal(huge_truncate(l, 0), -EINVAL);
	huge_put(l);
}

static void test_rename(void **state)
{
	struct fixture *f = *state;
	struct huge_inode *r = root(f), *d = make(r, "d", S_IFDIR | 0755),
			  *e = make(d, "e", S_IFDIR | 0755);
	struct huge_inode *a = make(r, "a", S_IFREG | 0600), *b = make(r, "b", S_IFREG | 0600);
	assert_int_equal(huge_rename(r, "d", e, "x", 0), -EINVAL); /* below itself */
	assert_int_equal(huge_rename(r, "nobody", d, "x", 0), -ENOENT);
	assert_int_equal(huge_rename(r, "a", r, "b", RENAME_NOREPLACE), -EEXIST);
	assert_int_equal(huge_rename(r, "a", r, "d", 0), -EISDIR);
	assert_int_equal(huge_rename(r, "d", r, "a", 0), -ENOTDIR);
	assert_int_equal(huge_rename(d, "e", r, "d", 0), -ENOTEMPTY);
	assert_int_equal(huge_rename(r, "a", r, "b", RENAME_WHITEOUT), -EINVAL);
	assert_int_equal(huge_rename(r, "a", r, "b", RENAME_NOREPLACE | RENAME_EXCHANGE), -EINVAL);
	assert_int_equal(huge_rename(r, "a", r, "x", RENAME_EXCHANGE), -ENOENT);

	assert_int_equal(huge_rename(r, "a", d, "e", RENAME_EXCHANGE), 0); /* a file for a directory */
	assert_int_equal(d->attr.nlink, 2);
	assert_int_equal(r->attr.nlink, 4);
	assert_int_equal(huge_fallocate(b, 0, 0, HUGE), 0);
	huge_put(b);
	assert_int_equal(huge_rename(d, "e", r, "b", 0), 0); /* replaces it */
	assert_pool(f, POOL, 0);
	struct huge_inode *x;
	assert_int_equal(huge_lookup(r, "b", &x), 0);
	assert_ptr_equal(x, a);
	huge_put(x);
	assert_int_equal(huge_link(a, r, "c"), 0);
	assert_int_equal(huge_rename(r, "b", r, "c", 0), 0); /* the same file: both stay */
	assert_int_equal(a->attr.nlink, 2);
	assert_int_equal(huge_rename(r, "a", d, "in", 0), 0);
	assert_int_equal(r->attr.nlink, 3);
	assert_int_equal(d->attr.nlink, 3);
	huge_put(a);
	huge_put(d);
	huge_put(e);
	verified(f);
}

static void test_readdir(void **state)
{
	struct fixture *f = *state;
	struct huge_inode *r = root(f);
	struct huge_dirent e[8];
	char name[16];
	for (unsigned k = 0; k < 200; k++) {
		snprintf(name, sizeof(name), "f%u", k);
		huge_put(make(r, name, S_IFREG | 0600));
	}
	assert_int_equal(huge_readdir(r, 0, e, 8), 8);
	assert_string_equal(e[0].name, ".");
	assert_string_equal(e[1].name, "..");
	assert_string_equal(e[7].name, "f5");
	/* those before and at the position go: what follows is what would have followed */
	assert_int_equal(huge_unlink(r, "f0", false), 0);
	assert_int_equal(huge_unlink(r, "f6", false), 0);
	assert_int_equal(huge_readdir(r, e[7].next, e, 8), 8);
	assert_string_equal(e[0].name, "f7");
	unsigned nr = 0;
	uint64_t at = 0;
	for (unsigned got; (got = huge_readdir(r, at, e, 8)); at = e[got - 1].next)
		nr += got;
	assert_int_equal(nr, 200);
	struct huge_inode *x; /* the hash has grown */
	assert_int_equal(huge_lookup(r, "f199", &x), 0);
	huge_put(x);
	verified(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_symlink, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rename, setup, teardown),
		cmocka_unit_test_setup_teardown(test_readdir, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
