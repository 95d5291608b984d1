/* SPDX-License-Identifier: MIT */
#include "support/file_fixture.h"

#include "mm/slab.h"
#include "vm/content_trim.h"
#include "vm/filemap_private.h"

#define MIB (1ul << 20)

static void write_mib(struct file_inode *i, unsigned mib, char c)
{
	char *bytes = malloc(MIB);
	memset(bytes, c, MIB);
	for (unsigned n = 0; n < mib; n++)
		assert_int_equal(file_write(i, bytes, MIB, n * MIB), MIB);
	free(bytes);
}

static void test_frames_keep_their_bytes(void **state)
{
	struct file_fixture *x = *state;
	struct region *r = x->vm->region;
	struct file_inode *i = create(x->root, "a");
	uint64_t before = r->used_pages;
	write_mib(i, 4, 'a');
	assert_true(r->used_pages >= before + 1024);
	uint64_t used = r->used_pages;
	assert_int_equal(file_truncate(i, 0), 0);
	assert_true(r->used_pages >= used - 64); /* of slabs some may go */
	used = r->used_pages;
	write_mib(i, 4, 'b'); /* into the same frames */
	assert_true(r->used_pages < used + 600);
	assert_int_equal(file_truncate(i, 0), 0);
	machine_drain(&x->vm->machine);
	used = r->used_pages;
	uint64_t gone = content_trim(x->vm, &x->vm->machine.cpu[0], 1);
	assert_true(gone >= 1024);
	assert_int_equal(r->used_pages, used - gone);
	assert_int_equal(content_trim(x->vm, &x->vm->machine.cpu[0], 1), 0);
	assert_verified(x->vm);
	close_file(i);
}

/* What others get of frames that files have used is theirs alone, and charged once. */
static void test_others_do_not_see_it(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	write_mib(i, 100, 'a');
	assert_int_equal(file_truncate(i, 0), 0);
	struct task *t = make_task(x->f, "t");
	assert_write(t, "anon", "300M");
	char buf[PAGE_SIZE];
	for (unsigned page = 0; page < 300 * MIB_PAGES; page += 7) {
		assert_int_equal(task_mem_read(t, buf, 16, (uint64_t)page * PAGE_SIZE), 16);
		assert_memory_equal(buf, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	}
	for (unsigned page = 0; page < 300 * MIB_PAGES; page += 3)
		assert_int_equal(task_mem_write(t, "w", 1, (uint64_t)page * PAGE_SIZE + 9), 1);
	end_task(x->f, t);
	struct kmem_cache *s = kmem_cache_find(&x->vm->slabs, "dentry");
	static void *object[40000];
	struct cpu *c = &x->vm->machine.cpu[0];
	cpu_enter(c);
	for (unsigned n = 0; n < ARRAY_LEN(object); n++) {
		object[n] = kmem_cache_alloc(s, c, GFP_KERNEL);
		assert_non_null(object[n]);
		assert_int_equal(kmem_cache_zero(s, object[n]), 0);
	}
	for (unsigned n = 0; n < ARRAY_LEN(object); n++)
		kmem_cache_free(s, c, object[n]);
	cpu_leave(c);
	kmem_cache_put(s);
	write_mib(i, 50, 'b');
	assert_verified(x->vm);
	close_file(i);
}

/* Files larger than the limit: clean pages and what free frames hold make room. */
static void test_at_the_limit(void **state)
{
	struct file_fixture *x = *state;
	struct region *r = x->vm->region;
	struct file_inode *i = create(x->root, "a");
	char *bytes = malloc(MIB);
	r->limit_pages = 40 * MIB_PAGES + r->used_pages;
	x->vm->dirty.ratio = 1; /* 5 MiB */
	x->vm->dirty.background_ratio = 1;
	for (unsigned n = 0; n < 120; n++) {
		memset(bytes, 'a' + (int)n % 26, MIB);
		assert_int_equal(file_write(i, bytes, MIB, n * MIB), MIB);
	}
	assert_true(r->used_pages <= r->limit_pages);
	for (unsigned n = 0; n < 120; n++) {
		struct file_read read;
		assert_int_equal(file_read_begin(i, n * MIB + 77, 1, &read), 0);
		assert_int_equal(*(char *)read.iov[0].iov_base, 'a' + n % 26);
		file_read_end(&read);
	}
	assert_verified(x->vm);
	free(bytes);
	close_file(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_frames_keep_their_bytes),
		FILE_TEST(test_others_do_not_see_it),
		FILE_TEST(test_at_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
