/* SPDX-License-Identifier: MIT */
#include "support/file_fixture.h"

#include "policy/reclaim.h"
#include "vm/file_tree.h"
#include "vm/filemap_private.h"

static struct file_inode *written(struct file_fixture *x, const char *name, unsigned pages)
{
	struct file_inode *i = create(x->root, name);
	char *bytes = malloc((size_t)pages * PAGE_SIZE);
	memset(bytes, *name, (size_t)pages * PAGE_SIZE);
	assert_int_equal(file_write(i, bytes, (size_t)pages * PAGE_SIZE, 0), pages * PAGE_SIZE);
	free(bytes);
	return i;
}

static void touch(struct file_inode *i, uint64_t page)
{
	struct file_read r;
	assert_int_equal(file_read_begin(i, page * PAGE_SIZE, PAGE_SIZE, &r), 0);
	assert_int_equal(r.nr_iov, 1);
	file_read_end(&r);
}

/* Everything on the lists is looked at, until nothing goes. */
static uint64_t reclaim_all(struct vm *vm)
{
	struct reclaim r = { .policy = &vm->policy,
			     .cpu = &vm->machine.cpu[0],
			     .type_mask = ~0u,
			     .wanted = 1u << 30,
			     .kswapd = true,
			     .may_unmap = true,
			     .force_deactivate = true };
	uint64_t before;
	cpu_enter(r.cpu);
	do {
		before = r.freed;
		for (unsigned n = 0; n < vm->machine.nr_nodes; n++)
			reclaim_shrink_node(&r, &vm->machine.node[n]);
	} while (r.freed != before);
	cpu_leave(r.cpu);
	return r.freed;
}

static void test_reclaim_takes_clean_pages(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *a = written(x, "a", 300), *b = written(x, "b", 50);
	assert_int_equal(writeback_inode(a), 0);
	assert_int_equal(reclaim_all(x->vm), 300);
	assert_int_equal(a->map.nr_pages, 0);
	assert_int_equal(a->map.nr_shadows, 300);
	assert_int_equal(b->map.nr_pages, 50); /* dirty */
	assert_int_equal(node_sum(x->vm, NR_FILE_PAGES), 50);
	assert_int_equal(node_sum(x->vm, WORKINGSET_NODES), 5);
	assert_verified(x->vm);
	close_file(a);
	close_file(b);
}

/* A page that comes back soon is active at once; writing over it all is no coming back. */
static void test_refaults(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *a = written(x, "a", 64);
	assert_int_equal(writeback_inode(a), 0);
	assert_int_equal(reclaim_all(x->vm), 64);
	char page[PAGE_SIZE] = "new";
	assert_int_equal(file_write(a, page, PAGE_SIZE, 0), PAGE_SIZE);
	assert_int_equal(node_sum(x->vm, WORKINGSET_REFAULT_FILE), 0);
	assert_int_equal(node_sum(x->vm, WORKINGSET_NODES), 0); /* it has a page */
	touch(a, 40);
	assert_int_equal(node_sum(x->vm, WORKINGSET_REFAULT_FILE), 64 - 1 - a->map.nr_shadows);
	assert_true(node_sum(x->vm, WORKINGSET_REFAULT_FILE) > 0);
	assert_int_equal(a->map.nr_pages + a->map.nr_shadows, 64);
	assert_int_equal(file_truncate(a, 0), 0); /* shadows go, too */
	assert_int_equal(a->map.nr_shadows + a->map.nr_nodes, 0);
	close_file(a);
}

static void test_writeback_in_runs(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *a = written(x, "a", 5);
	struct page *page[16];
	uint64_t from = 0;
	assert_int_equal(file_write(a, "x", 1, 9 * PAGE_SIZE), 1);
	pthread_rwlock_rdlock(&a->io);
	assert_int_equal(filemap_writeback_begin(a, &from, page, 3), 3);
	assert_int_equal(from, 0);
	assert_int_equal(node_sum(x->vm, NR_WRITEBACK), 3);
	assert_int_equal(node_sum(x->vm, NR_FILE_DIRTY), 3);
	assert_int_equal(a->map.nr_writeback, 3);
	assert_int_equal(reclaim_all(x->vm), 0); /* neither dirty ones nor those that are being written */

	struct page *more[16];
	uint64_t next = 0;
	assert_int_equal(filemap_writeback_begin(a, &next, more, 16), 2);
	assert_int_equal(next, 3);
	filemap_writeback_end(a, more, 2, 0);
	next = 5;
	assert_int_equal(filemap_writeback_begin(a, &next, more, 16), 1);
	assert_int_equal(next, 9);
	filemap_writeback_end(a, more, 1, -EIO);
	assert_int_equal(a->map.nr_dirty, 1);

	/* Written to meanwhile: dirty again, and passed over until the first writing is done. */
	assert_int_equal(file_write(a, "y", 1, PAGE_SIZE), 1);
	assert_int_equal(a->map.nr_dirty, 2);
	next = 0;
	assert_int_equal(filemap_writeback_begin(a, &next, more, 16), 1);
	assert_int_equal(next, 9);
	filemap_writeback_end(a, more, 1, 0);
	filemap_writeback_end(a, page, 3, 0);
	assert_int_equal(node_sum(x->vm, NR_WRITTEN), 6);
	next = 0;
	assert_int_equal(filemap_writeback_begin(a, &next, more, 16), 1);
	assert_int_equal(next, 1);
	filemap_writeback_end(a, more, 1, 0);
	assert_int_equal(a->map.nr_dirty + a->map.nr_writeback, 0);
	assert_int_equal(node_sum(x->vm, NR_FILE_DIRTY) + node_sum(x->vm, NR_WRITEBACK), 0);
	pthread_rwlock_unlock(&a->io);
	assert_verified(x->vm);
	close_file(a);
}

/* Pages of two nodes in one file. */
static void test_pages_of_several_nodes(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *a = create(x->root, "a");
	struct file_batch b = { .inode = a, .first = 0, .nr = 8 };
	const struct batch_add how = { .writer = true, .mark = UINT64_MAX, .end = 8 * PAGE_SIZE };
	int error;
	for (unsigned k = 0; k < 8; k++) {
		b.cpu = &x->vm->machine.cpu[k / 2 % 2 * 2];
		assert_int_equal(frames_alloc(a, b.cpu, FILE_GFP, &b.page[k], 1), 1);
		b.fresh[k] = true;
	}
	assert_int_equal(batch_nodes(&b), 0);
	a->writing = true;
	assert_int_equal(batch_add(&b, &how, 0, &error), 8);
	a->writing = false;
	batch_free(&b);
	assert_int_equal(a->attr.size, 8 * PAGE_SIZE);
	assert_int_equal(node_stat_sum(&x->vm->machine.node[0], NR_FILE_DIRTY), 4);
	assert_int_equal(node_stat_sum(&x->vm->machine.node[1], NR_FILE_PAGES), 4);
	struct page *page[8];
	uint64_t from = 0;
	pthread_rwlock_rdlock(&a->io);
	assert_int_equal(filemap_writeback_begin(a, &from, page, 8), 2); /* a run is of one node */
	filemap_writeback_end(a, page, 2, 0);
	pthread_rwlock_unlock(&a->io);
	assert_int_equal(node_stat_sum(&x->vm->machine.node[0], NR_FILE_DIRTY), 2);
	assert_int_equal(filemap_invalidate(a), 2);
	assert_int_equal(file_truncate(a, 0), 0);
	assert_int_equal(node_sum(x->vm, NR_FILE_PAGES) + node_sum(x->vm, NR_FILE_DIRTY), 0);
	assert_verified(x->vm);
	close_file(a);
}

/* A reader's pages are not hung when somebody wrote after it had read. */
static void test_late_readers_are_refused(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *a = create(x->root, "a");
	struct file_batch b = { .inode = a, .cpu = &x->vm->machine.cpu[0], .nr = 1 };
	struct batch_add how = { .changes = a->changes, .mark = UINT64_MAX };
	int error;
	assert_int_equal(frames_alloc(a, b.cpu, FILE_GFP, b.page, 1), 1);
	b.fresh[0] = true;
	assert_int_equal(batch_nodes(&b), 0);
	a->writing = true;
	assert_int_equal(batch_add(&b, &how, 0, &error), 0);
	assert_int_equal(error, -EAGAIN);
	a->writing = false;
	file_changed(a);
	assert_int_equal(batch_add(&b, &how, 0, &error), 0);
	assert_int_equal(error, -EAGAIN);
	how.changes = a->changes;
	assert_int_equal(batch_add(&b, &how, 0, &error), 1);
	batch_free(&b);
	assert_int_equal(a->map.nr_pages, 1);
	close_file(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_reclaim_takes_clean_pages), FILE_TEST(test_refaults),
		FILE_TEST(test_writeback_in_runs),         FILE_TEST(test_pages_of_several_nodes),
		FILE_TEST(test_late_readers_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
