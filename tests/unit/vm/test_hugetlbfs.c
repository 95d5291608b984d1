/* SPDX-License-Identifier: MIT */
#include "support/huge_fixture.h"

#include "vm/hold.h"

static void test_statfs(void **state)
{
	struct fixture *f = *state;
	struct huge_inode *i = make(root(f), "a", S_IFREG | 0644);
	struct statvfs s;
	struct stat st;
	assert_int_equal(huge_truncate(i, 2 * HUGE), 0);
	assert_int_equal(huge_write(i, "x", 1, 0), 1);
	huge_statfs(i, &s);
	assert_int_equal(s.f_bsize, HUGE);
	assert_int_equal(s.f_blocks, POOL);
	assert_int_equal(s.f_bfree, POOL - 2);
	huge_getattr(i, &st);
	assert_int_equal(st.st_size, 2 * HUGE);
	assert_int_equal(st.st_blocks, 4096);
	assert_int_equal(st.st_blksize, HUGE);
	assert_int_equal(st.st_uid, 10);
	huge_put(i);
}

/* What the host knows stays until it has forgotten it, what is open until it is closed. */
static void test_life(void **state)
{
	struct fixture *f = *state;
	struct huge_inode *i = make(root(f), "a", S_IFREG | 0600);
	uint64_t ino = huge_ino(i);
	assert_int_equal(huge_fallocate(i, 0, 0, HUGE), 0);
	huge_known(i);
	huge_known(i);
	huge_open(i);
	huge_put(i);
	assert_int_equal(huge_unlink(root(f), "a", false), 0);
	assert_pool(f, POOL - 1, 0);
	huge_forget(hfs(f), ino, 2);
	assert_pool(f, POOL - 1, 0);
	assert_int_equal(huge_write(i, "x", 1, 0), 1);
	huge_release(i);
	assert_pool(f, POOL, 0);
	assert_null(huge_get(hfs(f), ino));
	huge_forget(hfs(f), ino, 1); /* too late, and harmless */
}

/* Names and inodes are objects of the caches that 6.1 has for them. */
static void test_objects(void **state)
{
	(void)state;
	struct fixture *f = fixture_boot_whole();
	struct kmem_cache *s = f->vm.own.of[OWN_HUGETLBFS_INODE].cache;
	assert_non_null(s);
	hugetlbfs_enter(hfs(f));
	uint64_t names = own_count(&f->vm, OWN_NAME);
	assert_int_equal(own_count(&f->vm, OWN_HUGETLBFS_INODE), 0);
	struct huge_inode *i = make(root(f), "a", S_IFREG | 0600);
	assert_int_equal(own_count(&f->vm, OWN_HUGETLBFS_INODE), 2); /* the root too */
	assert_int_equal(own_count(&f->vm, OWN_NAME), names + 1);
	assert_ptr_equal(i->own.object, i); /* it lies there */
	assert_ptr_equal(i->names->own.object, i->names);
	huge_put(i);
	assert_int_equal(huge_unlink(root(f), "a", false), 0);
	assert_int_equal(own_count(&f->vm, OWN_HUGETLBFS_INODE), 1);
	assert_int_equal(own_count(&f->vm, OWN_NAME), names);
	hugetlbfs_leave(hfs(f));
	fixture_end(f);
}

/* Whoever may not wait does not come in while the machine is held. */
static void test_held(void **state)
{
	(void)state;
	struct fixture *f = fixture_boot();
	vm_hold(&f->vm);
	vm_release_machine(&f->vm); /* bytes are still being copied */
	assert_false(hugetlbfs_try_enter(hfs(f)));
	vm_release_tasks(&f->vm);
	assert_true(hugetlbfs_try_enter(hfs(f)));
	hugetlbfs_leave(hfs(f));
	fixture_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_statfs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
