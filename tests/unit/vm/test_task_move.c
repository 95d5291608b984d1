/* SPDX-License-Identifier: MIT */
#include "support/move_fixture.h"

#include "mm/lru.h"

static struct page *page_at(struct fixture *f, const struct page_index *ix, uint64_t slot)
{
	return pfn_page(&f->vm.machine, ix->pfn[slot]);
}

static void assert_mem(struct task *t, uint64_t offset, const char *expected, size_t len)
{
	char got[64];
	assert_int_equal(task_mem_read(t, got, len, offset), len);
	assert_memory_equal(got, expected, len);
}

static void test_bytes_move_with_the_page(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "anon", "64k");
	assert_int_equal(task_mem_write(t, "first", 5, 3 * PAGE_SIZE + 10), 5);
	struct page *page = page_at(f, &t->anon, 3), *to = move_page(&f->vm, page, 0);
	assert_ptr_equal(page_at(f, &t->anon, 3), to);
	assert_int_equal(to->index, 3);
	assert_int_equal(to->owner, owner_handle(OWNER_TASK_ANON, t->id));
	assert_int_equal(page->owner, 0);
	assert_mem(t, 3 * PAGE_SIZE + 10, "first", 5);
	assert_mem(t, 3 * PAGE_SIZE, "\0\0", 2);
	assert_int_equal(t->content_pages, 1);
	assert_int_equal(f->region.used_pages, 2); /* the old frame keeps its bytes */
	assert_int_equal(task_mem_write(t, "again", 5, 3 * PAGE_SIZE + 10), 5);
	assert_mem(t, 3 * PAGE_SIZE + 10, "again", 5);
	assert_verified(&f->vm);
	end_task(f, t);
	assert_int_equal(f->region.used_pages, 1);
}

/* What a page has left behind is nobody's to read. */
static void test_old_bytes_are_not_read(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	static char buf[256 * PAGE_SIZE];
	assert_write(t, "anon", "1M");
	memset(buf, 'x', sizeof(buf));
	assert_int_equal(task_mem_write(t, buf, sizeof(buf), 0), sizeof(buf));
	for (unsigned i = 0; i < 256; i++)
		move_page(&f->vm, page_at(f, &t->anon, i), 0);
	struct task *other = make_task(f, "b");
	assert_write(other, "anon", "8M");
	for (unsigned k = 0; k < 8; k++) {
		assert_int_equal(task_mem_read(other, buf, sizeof(buf), k * sizeof(buf)), sizeof(buf));
		assert_true(!buf[0] && !memcmp(buf, buf + 1, sizeof(buf) - 1));
	}
	end_task(f, other);
	assert_int_equal(task_mem_read(t, buf, sizeof(buf), 0), sizeof(buf));
	assert_true(buf[0] == 'x' && !memcmp(buf, buf + 1, sizeof(buf) - 1));
	end_task(f, t);
	assert_verified(&f->vm);
}

/* Pages without bytes move onto frames with somebody's. */
static void test_an_empty_page_stays_empty(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a"), *empty = make_task(f, "b");
	char got[PAGE_SIZE];
	assert_write(t, "anon", "4k");
	assert_write(empty, "anon", "4k");
	assert_int_equal(task_mem_write(t, "secret", 6, 0), 6);
	struct page *old = page_at(f, &t->anon, 0);
	move_page(&f->vm, old, 0);
	assert_true(old->flags & PG_CONTENT);
	struct page *to = move_page(&f->vm, page_at(f, &empty->anon, 0), 0);
	assert_ptr_equal(to, old); /* the CPU gives the page freed last */
	assert_int_equal(task_mem_read(empty, got, sizeof(got), 0), sizeof(got));
	assert_true(!got[0] && !memcmp(got, got + 1, sizeof(got) - 1));
	assert_int_equal(empty->content_pages, 0);
	assert_int_equal(f->region.used_pages, 1);
	end_task(f, empty);
	end_task(f, t);
}

static void test_to_another_node(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "anon", "1M");
	assert_write(t, "file", "1M");
	assert_int_equal(task_mem_write(t, "hello", 5, 7 * PAGE_SIZE), 5);
	for (unsigned i = 0; i < 256; i++) {
		struct page *file = page_at(f, &t->file, i);
		uint64_t batch = file->private;
		file = move_page(&f->vm, file, 1);
		assert_int_equal(file->private, batch);
		assert_int_equal(file->owner, owner_handle(OWNER_TASK_FILE, t->id));
		move_page(&f->vm, page_at(f, &t->anon, i), 1);
	}
	const struct node *n = &f->vm.machine.node[1];
	assert_int_equal(node_stat_sum(n, NR_ANON_MAPPED), 256);
	assert_int_equal(node_stat_sum(n, NR_FILE_PAGES), 256);
	assert_int_equal(n->lru.size[LRU_INACTIVE_ANON], 256);
	assert_int_equal(n->lru.size[LRU_INACTIVE_FILE], 256);
	assert_mem(t, 7 * PAGE_SIZE, "hello", 5);
	assert_write(t, "file", "512k");
	assert_int_equal(t->file.nr, 128);
	assert_int_equal(reclaim_drop_pagecache(&f->vm.policy), 128);
	end_task(f, t);
	assert_int_equal(node_sum(&f->vm, NR_ANON_MAPPED) + node_sum(&f->vm, NR_FILE_PAGES), 0);
	assert_verified(&f->vm);
}

/* An increase of file that fails takes back its own pages, moved or not. */
static void test_a_batch_is_still_one(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "file", "1M");
	for (unsigned i = 0; i < 256; i += 3)
		move_page(&f->vm, page_at(f, &t->file, i), (int)(i & 1));
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(page_at(f, &t->file, i)->private, t->file_batch);
	end_task(f, t);
}

static void test_shared_memory(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct cpu *c = task_cpu(t);
	struct page *page[8];
	cpu_enter(c);
	for (unsigned i = 0; i < 8; i++)
		page[i] = alloc_page(&f->vm.policy, c, GFP_HIGHUSER_MOVABLE);
	cpu_leave(c);
	assert_int_equal(
		task_adopt(t, OWNER_TASK_SHMEM, page, 8, LRU_INACTIVE_ANON, MARK_SHMEM | MARK_MAPPED), 0);
	struct page *to = move_page(&f->vm, page[5], 1);
	assert_int_equal(to->marks, MARK_SHMEM | MARK_MAPPED);
	assert_ptr_equal(page_at(f, &t->shmem, 5), to);
	assert_int_equal(node_stat_sum(&f->vm.machine.node[1], NR_SHMEM), 1);
	assert_int_equal(node_sum(&f->vm, NR_SHMEM), 8);
	end_task(f, t);
	assert_int_equal(node_sum(&f->vm, NR_SHMEM), 0);
	assert_verified(&f->vm);
}

/* A page that has left the index is about to be freed. */
static void test_a_page_that_leaves_stays(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct page *to;
	assert_write(t, "anon", "16k");
	struct page *page = page_at(f, &t->anon, 3);
	page_index_cut(&t->anon, 3);
	assert_int_equal(page_move_to_node(&f->vm, page, 0, &to), PAGE_BUSY);
	assert_int_equal(page->owner, owner_handle(OWNER_TASK_ANON, t->id));
	t->anon.nr = 4; /* as it was */
	move_page(&f->vm, page, 0);
	end_task(f, t);
}

static void test_what_never_moves(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct page *to;
	assert_write(t, "anon", "4k");
	assert_write(t, "pages", "0 GFP_KERNEL 1");
	struct page *block = page_at(f, &t->pages[0].blocks, 0), *table = page_at(f, &t->anon_tables, 0);
	assert_int_equal(page_move_to_node(&f->vm, block, -1, &to), PAGE_STAYS);
	assert_int_equal(page_move_to_node(&f->vm, table, -1, &to), PAGE_STAYS);
	end_task(f, t);
	assert_verified(&f->vm);
}

/* Writing goes on where frames without an owner have used the region up. */
static void test_frames_left_behind_make_room(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	static char buf[64 * PAGE_SIZE], got[64 * PAGE_SIZE];
	f->region.limit_pages = 128;
	assert_write(t, "anon", "1M");
	memset(buf, 'x', sizeof(buf));
	assert_int_equal(task_mem_write(t, buf, sizeof(buf), 0), sizeof(buf));
	for (unsigned i = 0; i < 64; i++)
		move_page(&f->vm, page_at(f, &t->anon, i), 1);
	assert_true(f->region.used_pages > 120);
	cpu_enter(&f->vm.machine.cpu[0]); /* what a CPU keeps is not looked through */
	cpu_drain(&f->vm.machine.cpu[0]);
	cpu_leave(&f->vm.machine.cpu[0]);
	assert_int_equal(task_mem_write(t, buf, sizeof(buf), sizeof(buf)), sizeof(buf));
	assert_int_equal(task_mem_read(t, got, sizeof(got), 0), sizeof(got));
	assert_memory_equal(got, buf, sizeof(buf));
	end_task(f, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bytes_move_with_the_page),     TEST(test_old_bytes_are_not_read),
		TEST(test_an_empty_page_stays_empty),    TEST(test_to_another_node),
		TEST(test_a_batch_is_still_one),         TEST(test_shared_memory),
		TEST(test_a_page_that_leaves_stays),     TEST(test_what_never_moves),
		TEST(test_frames_left_behind_make_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
