/* SPDX-License-Identifier: MIT */
/* Page cache of files through a recorded state: it counts as it did, and reclaim takes what is clean. */
#include "support/record_fixture.h"
#include "support/writeback_fixture.h"

#include "vm/file_orphan.h"

static struct files_fixture *with_pages(void)
{
	struct files_fixture *x = files_begin();
	files_enter(x->files);
	struct file_inode *clean = file_of(x, 1), *dirty = file_of(x, 2);
	fill(clean, 0, 100 * PAGE_SIZE, 'c');
	assert_int_equal(writeback_inode(clean), 0);
	fill(dirty, 0, 7 * PAGE_SIZE, 'd');
	file_put(clean);
	file_put(dirty);
	files_leave(x->files);
	return x;
}

static void test_comes_back(void **state)
{
	(void)state;
	struct files_fixture *x = with_pages();
	assert_ptr_equal(x->vm->policy.owner[OWNER_FILE], &file_page_ops); /* with files/ as without */
	struct reborn *r = reborn_alike(x->vm);
	assert_int_equal(node_sum(&r->vm, NR_FILE_PAGES), 107);
	assert_int_equal(node_sum(&r->vm, NR_FILE_DIRTY), 7);
	/* the clean ones can be dropped, the others have nowhere to go */
	reclaim_drop_pagecache(&r->vm.policy);
	assert_int_equal(node_sum(&r->vm, NR_FILE_PAGES), 7);
	assert_int_equal(node_sum(&r->vm, NR_FILE_DIRTY), 7);
	assert_verified(&r->vm);
	reborn_end(r);
	/* here nothing has changed */
	files_enter(x->files);
	struct file_inode *dirty = file_of(x, 2);
	assert_int_equal(writeback_inode(dirty), 0);
	assert_stored(x, 2, 0, 7 * PAGE_SIZE, 'd');
	file_put(dirty);
	files_leave(x->files);
	files_end(x);
}

static void test_refused(void **state)
{
	static const struct record_edit wrong[] = {
		{ "\nused owner=2684354560", "2684354560", "2684354561", "no such owner" },
	};
	(void)state;
	struct files_fixture *x = with_pages();
	assert_int_equal(file_orphan_owner(), 2684354560u);
	assert_edits_refused(x->vm, wrong, ARRAY_LEN(wrong));
	files_end(x);
}

/* An operation on a file is waited for. */
static void *holder_main(void *arg)
{
	struct vm *vm = arg;
	vm_hold(vm);
	vm_release_machine(vm);
	vm_release_tasks(vm);
	return NULL;
}

static void test_hold_waits(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	pthread_t holder;
	assert_true(files_try_enter(x->files));
	assert_true(files_entered(x->files));
	assert_int_equal(pthread_create(&holder, NULL, holder_main, x->vm), 0);
	struct file_inode *i = file_of(x, 1);
	fill(i, 0, 5, 'h');
	file_put(i);
	files_leave(x->files);
	assert_false(files_entered(x->files));
	pthread_join(holder, NULL);
	files_end(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comes_back),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_hold_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
