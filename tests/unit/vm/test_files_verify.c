/* SPDX-License-Identifier: MIT */
/* The walker finds nothing where all is well, and each kind of damage. */
#include "support/writeback_fixture.h"

#include "vm/files_verify.h"

static void test_finds(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	struct machine *m = &x->vm->machine;
	assert_int_equal(files_verify(x->files, NULL), 0);
	files_enter(x->files);
	struct file_inode *i = file_of(x, 1), *other = file_of(x, 2);
	fill(i, 0, 70 * PAGE_SIZE, 'v');
	fill(other, 0, PAGE_SIZE, 'w');
	assert_int_equal(files_verify(x->files, NULL), 0);
	assert_int_equal(writeback_inode(i), 0);
	assert_int_equal(files_verify(x->files, NULL), 0);

	struct page *page = NULL;
	for (unsigned n = 0; n < m->nr_nodes && !page; n++)
		if (m->node[n].lru.list[LRU_INACTIVE_FILE].head)
			page = pfn_page(m, m->node[n].lru.list[LRU_INACTIVE_FILE].head);
	assert_non_null(page);
	struct page was = *page;
	page->index += 1000;
	assert_int_equal(files_verify(x->files, NULL), 1);
	*page = was;
	page->cache.pins = 1;
	assert_int_equal(files_verify(x->files, NULL), 1);
	*page = was;
	page->owner = owner_handle(OWNER_FILE, 4711);
	assert_true(files_verify(x->files, NULL) >= 2); /* nobody's, and one too few */
	*page = was;
	other->map.nr_dirty--;
	assert_int_equal(files_verify(x->files, NULL), 2);
	other->map.nr_dirty++;
	x->files->writeback->nr_listed++;
	assert_int_equal(files_verify(x->files, NULL), 1);
	x->files->writeback->nr_listed--;
	struct text t;
	text_init(&t, 0);
	page->marks |= MARK_WRITEBACK;
	assert_int_equal(files_verify(x->files, &t), 1);
	assert_non_null(strstr(text_cstr(&t), "under writeback"));
	text_fini(&t);
	*page = was;
	file_put(i);
	file_put(other);
	files_leave(x->files);
	files_end(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_finds) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
