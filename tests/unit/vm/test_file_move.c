/* SPDX-License-Identifier: MIT */
#include "support/file_fixture.h"
#include "support/move_fixture.h"

#include "mm/lru.h"
#include "mm/mark.h"
#include "vm/file_orphan.h"
#include "vm/file_tree.h"
#include "vm/files_verify.h"

#define PAGES 130u /* three leaves */

static struct page *page_at(struct file_fixture *x, struct file_inode *i, uint64_t index)
{
	uint64_t e = tree_entry(&i->map, index);
	assert_true(entry_is_page(e));
	return pfn_page(&x->vm->machine, entry_pfn(e));
}

static struct file_inode *numbered(struct file_fixture *x, const char *name)
{
	struct file_inode *i = create(x->root, name);
	static uint64_t bytes[PAGES * PAGE_SIZE / 8];
	for (size_t n = 0; n < ARRAY_LEN(bytes); n++)
		bytes[n] = n * 7 + (uint64_t)*name;
	assert_int_equal(file_write(i, (char *)bytes, sizeof(bytes), 0), sizeof(bytes));
	return i;
}

static void assert_numbered(struct file_inode *i, const char *name)
{
	struct file_read r;
	uint64_t n = 0;
	assert_int_equal(file_read_begin(i, 0, PAGES * PAGE_SIZE, &r), 0);
	for (unsigned v = 0; v < r.nr_iov; v++)
		for (size_t at = 0; at < r.iov[v].iov_len; at += 8, n++)
			assert_int_equal(*(uint64_t *)((char *)r.iov[v].iov_base + at),
					 n * 7 + (uint64_t)*name);
	assert_int_equal(n, PAGES * PAGE_SIZE / 8);
	file_read_end(&r);
}

static void assert_files(struct file_fixture *x)
{
	struct text findings;
	text_init(&findings, 0);
	if (files_verify(x->files, &findings))
		fail_msg("files_verify:\n%s", text_cstr(&findings));
	text_fini(&findings);
	assert_verified(x->vm);
}

static void move_all(struct file_fixture *x, struct file_inode *i)
{
	for (unsigned k = 0; k < PAGES; k++) {
		struct page *page = page_at(x, i, k);
		unsigned marks = page->marks, list = page->lru;
		uint64_t private = page->private;
		struct page *to = move_page(x->vm, page, (int)(k & 1));
		assert_ptr_equal(page_at(x, i, k), to);
		assert_int_equal(to->index, k);
		assert_int_equal(to->marks, marks);
		assert_int_equal(to->lru, list);
		assert_int_equal(to->private, private);
		assert_int_equal(page->private, 0);
	}
}

static void test_dirty_pages_move_and_are_written(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = numbered(x, "a");
	uint64_t nodes = i->map.nr_nodes;
	move_all(x, i);
	assert_int_equal(i->map.nr_dirty, PAGES);
	assert_int_equal(i->map.nr_pages, PAGES);
	assert_int_equal(i->map.nr_nodes, nodes);
	assert_int_equal(node_sum(x->vm, NR_FILE_DIRTY), PAGES);
	assert_files(x);
	assert_numbered(i, "a");
	assert_int_equal(writeback_inode(i), 0);
	assert_int_equal(node_sum(x->vm, NR_FILE_DIRTY), 0);
	move_all(x, i); /* clean ones */
	assert_numbered(i, "a");
	assert_int_equal(reclaim_drop_pagecache(&x->vm->policy), PAGES);
	assert_numbered(i, "a"); /* as it was written */
	assert_files(x);
	close_file(i);
}

static void test_in_memory(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = numbered(x, "m");
	move_all(x, i);
	assert_int_equal(node_sum(x->vm, NR_SHMEM), PAGES);
	assert_numbered(i, "m");
	assert_int_equal(file_truncate(i, 0), 0);
	assert_int_equal(node_sum(x->vm, NR_SHMEM), 0);
	assert_files(x);
	close_file(i);
}

static void test_a_pinned_page_stays(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = numbered(x, "p");
	struct file_read r;
	struct page *to;
	assert_int_equal(file_read_begin(i, 5 * PAGE_SIZE, 1, &r), 0);
	struct page *page = page_at(x, i, 5);
	assert_int_equal(page_move_to_node(x->vm, page, 0, &to), PAGE_BUSY);
	assert_ptr_equal(page_at(x, i, 5), page);
	assert_int_not_equal(page->owner, 0);
	file_read_end(&r);
	move_page(x->vm, page, 0);
	close_file(i);
}

static void test_a_page_being_written_stays(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = numbered(x, "w");
	struct page *page[FILE_IO_PAGES], *to;
	uint64_t from = 0;
	pthread_rwlock_rdlock(&i->io);
	unsigned nr = filemap_writeback_begin(i, &from, page, 4);
	assert_true(nr);
	assert_int_equal(page_move_to_node(x->vm, page[0], 0, &to), PAGE_IS_WRITTEN);
	filemap_writeback_end(i, page, nr, 0);
	pthread_rwlock_unlock(&i->io);
	move_page(x->vm, page[0], 0);
	assert_numbered(i, "w");
	close_file(i);
}

/* A page that nothing was stored for has no bytes; its new frame may have somebody's. */
static void test_a_hole_stays_a_hole(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "h"), *other = numbered(x, "o");
	struct file_read r;
	assert_int_equal(file_truncate(i, 3 * PAGE_SIZE), 0);
	assert_int_equal(file_write(i, "x", 1, 2 * PAGE_SIZE), 1);
	struct page *page = page_at(x, i, 2);
	page->flags &= (uint8_t)~PG_CONTENT; /* as of a file that ends in a hole */
	x->f->region.used_pages--;
	struct page *old = page_at(x, other, 0);
	move_page(x->vm, old, 0);
	assert_true(old->flags & PG_CONTENT);
	assert_ptr_equal(move_page(x->vm, page, 0), old);
	assert_int_equal(file_read_begin(i, 2 * PAGE_SIZE, PAGE_SIZE, &r), 0);
	const char *bytes = r.iov[0].iov_base;
	assert_true(!bytes[0] && !memcmp(bytes, bytes + 1, PAGE_SIZE - 1));
	file_read_end(&r);
	close_file(other);
	close_file(i);
}

static void test_an_orphan(void **state)
{
	struct file_fixture *x = *state;
	struct cpu *c = &x->vm->machine.cpu[0];
	cpu_enter(c);
	struct page *page = alloc_page(&x->vm->policy, c, GFP_HIGHUSER_MOVABLE);
	page->owner = file_orphan_owner();
	page->index = 77;
	page_mark(c, page, MARK_DIRTY);
	lock_take(&page_node(c->machine, page)->lru.lock);
	lru_add(c, page, LRU_ACTIVE_FILE);
	node_stat_add(c, page_node(c->machine, page), NR_FILE_PAGES, 1);
	lock_drop(&page_node(c->machine, page)->lru.lock);
	cpu_leave(c);
	struct page *to = move_page(x->vm, page, 1);
	assert_int_equal(to->owner, file_orphan_owner());
	assert_int_equal(to->index, 77);
	assert_int_equal(to->marks, MARK_DIRTY);
	assert_int_equal(to->lru, LRU_ACTIVE_FILE);
	assert_int_equal(node_stat_sum(&x->vm->machine.node[1], NR_FILE_DIRTY), 1);
	assert_verified(x->vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_dirty_pages_move_and_are_written),
		FILE_TEST_MEMORY(test_in_memory),
		FILE_TEST(test_a_pinned_page_stays),
		FILE_TEST(test_a_page_being_written_stays),
		FILE_TEST(test_a_hole_stays_a_hole),
		FILE_TEST(test_an_orphan),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
