/* SPDX-License-Identifier: MIT */
/* The list of dirty files: order, turns, syncs, and that it follows what is dirty. */
#include "support/writeback_fixture.h"

static void test_order(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	struct writeback *w = x->files->writeback;
	struct file_inode *i[3], *got;
	files_enter(x->files);
	assert_null(dirty_oldest_take(w, UINT64_MAX));
	for (unsigned n = 0; n < 3; n++) {
		i[n] = file_of(x, n + 1);
		clock_advance(&x->vm->machine.clock, 100);
		fill(i[n], 0, 1, 'l');
		fill(i[n], 0, 1, 'm'); /* listed once */
	}
	assert_int_equal(w->nr_listed, 3);
	assert_null(dirty_oldest_take(w, i[0]->dirtied_ns - 1));
	got = dirty_oldest_take(w, i[0]->dirtied_ns);
	assert_ptr_equal(got, i[0]);
	file_put(got);
	dirty_list_turn(w, i[0]);
	got = dirty_oldest_take(w, UINT64_MAX);
	assert_ptr_equal(got, i[1]);
	file_put(got);
	/* removed from the middle when its pages are written */
	assert_int_equal(writeback_inode(i[2]), 0);
	assert_int_equal(w->nr_listed, 2);
	assert_ptr_equal(x->files->dirty_head, i[1]);
	assert_ptr_equal(x->files->dirty_tail, i[0]);
	dirty_list_turn(w, i[2]); /* clean: nothing to move */
	assert_int_equal(w->nr_listed, 2);
	for (unsigned n = 0; n < 3; n++)
		file_put(i[n]);
	files_leave(x->files);
	files_end(x);
}

/* A sync meets each file once, and none that became dirty after it began. */
static void test_unsynced(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	struct writeback *w = x->files->writeback;
	struct file_inode *i[2];
	files_enter(x->files);
	i[0] = file_of(x, 1);
	i[1] = file_of(x, 2);
	fill(i[0], 0, 1, 'u');
	uint64_t turn = ++w->sync_turn;
	fill(i[1], 0, 1, 'v');
	struct file_inode *got = dirty_unsynced_take(w, turn);
	assert_ptr_equal(got, i[0]);
	file_put(got);
	assert_null(dirty_unsynced_take(w, turn));
	file_put(i[0]);
	file_put(i[1]);
	files_leave(x->files);
	files_end(x);
}

/* Nobody begins to write what is about to be dropped. */
static void test_dying_is_passed_over(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	struct writeback *w = x->files->writeback;
	struct file_inode *i[2], *got;
	files_enter(x->files);
	for (unsigned n = 0; n < 2; n++) {
		i[n] = file_of(x, n + 1);
		fill(i[n], 0, 1, 'd');
	}
	i[0]->flags |= FILE_DYING;
	got = dirty_oldest_take(w, UINT64_MAX);
	assert_ptr_equal(got, i[1]);
	file_put(got);
	got = dirty_unsynced_take(w, ++w->sync_turn);
	assert_ptr_equal(got, i[1]);
	file_put(got);
	assert_null(dirty_unsynced_take(w, w->sync_turn));
	i[0]->flags &= (uint16_t)~FILE_DYING;
	for (unsigned n = 0; n < 2; n++)
		file_put(i[n]);
	files_leave(x->files);
	files_end(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_order), cmocka_unit_test(test_unsynced),
					    cmocka_unit_test(test_dying_is_passed_over) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
