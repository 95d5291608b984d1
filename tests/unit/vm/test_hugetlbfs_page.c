/* SPDX-License-Identifier: MIT */
#include "support/huge_fixture.h"

static void test_truncate_promises(void **state)
{
	struct fixture *f = *state;
	struct huge_inode *i = make(root(f), "a", S_IFREG | 0644);
	assert_int_equal(huge_truncate(i, 1), -EINVAL);
	assert_int_equal(huge_truncate(i, HUGE + 4096), -EINVAL);
	assert_int_equal(huge_truncate(i, 3 * HUGE), 0);
	assert_pool(f, POOL, 3);
	assert_pfns(i, "---");
	assert_int_equal(huge_truncate(i, (POOL + 1) * HUGE), -ENOSPC);
	assert_pool(f, POOL, 3);
	assert_int_equal(i->size, 3 * HUGE);
	assert_int_equal(huge_truncate(i, 1ull << 54), -EFBIG);
	assert_int_equal(huge_truncate(i, 1ull << 50), -ENOSPC);
	assert_int_equal(huge_write(i, "x", 1, HUGE), 1);
	assert_pool(f, POOL - 1, 2);
	assert_pfns(i, "-x-");
	assert_int_equal(huge_truncate(i, HUGE), 0);
	assert_pool(f, POOL, 1);
	assert_int_equal(huge_unlink(root(f), "a", false), 0);
	assert_pool(f, POOL, 1); /* somebody works on it */
	huge_put(i);
	assert_pool(f, POOL, 0);
}

static void test_write_and_read(void **state)
{
	static char zero[3 * 4096];
	struct fixture *f = *state;
	struct huge_inode *i = make(root(f), "a", S_IFREG | 0644);
	char far[2] = "yz";
	assert_int_equal(huge_write(i, "hello", 5, HUGE - 2), 5); /* over the border of two pages */
	assert_int_equal(i->size, 2 * HUGE);
	assert_bytes(i, HUGE - 2, "hello", 5);
	assert_bytes(i, HUGE - 2 - sizeof(zero), zero, sizeof(zero));
	assert_bytes(i, HUGE + 3, zero, sizeof(zero));
	assert_pool(f, POOL - 2, 0);

	assert_int_equal(huge_write(i, far, 2, 5 * HUGE), 2); /* what lies between stays a hole */
	assert_int_equal(i->size, 6 * HUGE);
	assert_pfns(i, "xx---x");
	assert_bytes(i, 3 * HUGE - 4096, zero, sizeof(zero));
	assert_pool(f, POOL - 3, 0);
	struct huge_read r;
	huge_read_begin(i, 100, 6 * HUGE - 40, &r);
	assert_int_equal(r.len, 40);
	huge_read_end(&r);
	huge_read_begin(i, 100, 9 * HUGE, &r);
	assert_int_equal(r.len, 0);
	huge_read_end(&r);
	assert_int_equal(huge_unlink(root(f), "a", false), 0);
	huge_put(i);
	assert_pool(f, POOL, 0);
}

/* What another wrote is gone from a page that is taken again. */
static void test_pages_are_zeroed(void **state)
{
	static char zero[4096];
	struct fixture *f = *state;
	for (int round = 0; round < 3; round++) {
		struct huge_inode *i = make(root(f), "a", S_IFREG | 0644);
		for (unsigned k = 0; k < POOL; k++) {
			assert_int_equal(huge_fallocate(i, 0, k * HUGE, HUGE), 0);
			assert_bytes(i, k * HUGE + 8192, zero, sizeof(zero));
			assert_int_equal(huge_write(i, "secret", 6, k * HUGE + 8192), 6);
		}
		assert_pool(f, 0, 0);
		assert_int_equal(huge_unlink(root(f), "a", false), 0);
		huge_put(i);
		assert_pool(f, POOL, 0);
	}
}

static void test_write_without_room(void **state)
{
	struct fixture *f = *state;
	struct huge_inode *i = make(root(f), "a", S_IFREG | 0644), *b = make(root(f), "b", S_IFREG | 0644);
	assert_int_equal(huge_fallocate(i, 0, 0, (POOL - 1) * HUGE), 0);
	assert_int_equal(huge_write(b, "hello", 5, HUGE - 2), -ENOSPC); /* two are wanted, one is there */
	assert_int_equal(b->size, 0);
	assert_int_equal(b->nr_slots, 0);
	assert_pool(f, 1, 0);
	assert_int_equal(huge_write(b, "hello", 5, HUGE - 5), 5);
	assert_pool(f, 0, 0);
	assert_int_equal(huge_write(b, "h", 1, HUGE), -ENOSPC);
	f->vm.hugetlb->nr_overcommit = 1;
	assert_int_equal(huge_write(b, "h", 1, HUGE), 1);
	assert_int_equal(f->vm.hugetlb->nr_surplus, 1);
	verified(f);
	assert_int_equal(huge_truncate(b, 0), 0);
	assert_int_equal(f->vm.hugetlb->nr, POOL); /* the surplus page has gone */
	huge_put(i);
	huge_put(b);
}

static void test_fallocate(void **state)
{
	static char zero[4096];
	struct fixture *f = *state;
	struct huge_inode *i = make(root(f), "a", S_IFREG | 0644);
	assert_int_equal(huge_fallocate(i, FALLOC_FL_ZERO_RANGE, 0, HUGE), -EOPNOTSUPP);
	assert_int_equal(huge_fallocate(i, FALLOC_FL_COLLAPSE_RANGE, 0, HUGE), -EOPNOTSUPP);
	assert_int_equal(huge_fallocate(i, FALLOC_FL_KEEP_SIZE, 0, 2 * HUGE), 0);
	assert_int_equal(i->size, 0);
	assert_pool(f, POOL - 2, 0);
	assert_int_equal(huge_fallocate(i, 0, HUGE, HUGE + 5), 0); /* the size is what was asked for, as in 6.1 */
	assert_int_equal(i->size, 2 * HUGE + 5);
	assert_pool(f, POOL - 3, 0);
	assert_int_equal(huge_fallocate(i, 0, 0, 20 * HUGE), -ENOSPC); /* what could be had stays */
	assert_pool(f, 0, 0);
	assert_int_equal(i->size, 2 * HUGE + 5);
	assert_int_equal(
		huge_fallocate(i, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2 * HUGE, 60 * HUGE), 0);
	assert_pool(f, POOL - 2, 0);

	/* of a page that goes in part only that part becomes zero */
	assert_int_equal(huge_write(i, "abc", 3, 100), 3);
	assert_int_equal(huge_write(i, "def", 3, HUGE + 100), 3);
	assert_int_equal(huge_fallocate(i, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 101, HUGE), 0);
	assert_bytes(i, 100, "a\0", 2);
	assert_bytes(i, HUGE + 100, "\0ef", 3);
	assert_int_equal(huge_fallocate(i, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, HUGE + 101, 1), 0);
	assert_bytes(i, HUGE + 100, "\0\0f", 3);
	assert_pool(f, POOL - 2, 0);
	assert_int_equal(huge_fallocate(i, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, HUGE), 0);
	assert_bytes(i, 0, zero, sizeof(zero));
	assert_pool(f, POOL - 1, 0);
	assert_pfns(i, "-x-");
	huge_put(i);
}

/* Writing changes both times, fallocate the second, punching none, as in 6.1. */
static void test_times(void **state)
{
	struct fixture *f = *state;
	struct huge_inode *i = make(root(f), "a", S_IFREG | 0644);
	i->attr.mtime_s = i->attr.ctime_s = 1;
	assert_int_equal(huge_fallocate(i, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, HUGE), 0);
	assert_int_equal(i->attr.ctime_s, 1);
	assert_int_equal(huge_fallocate(i, 0, 0, HUGE), 0);
	assert_int_equal(i->attr.mtime_s, 1);
	assert_true(i->attr.ctime_s > 1);
	assert_int_equal(huge_write(i, "x", 1, 0), 1);
	assert_true(i->attr.mtime_s > 1);
	huge_put(i);
}

static void test_hole_takes_its_promise_along(void **state)
{
	struct fixture *f = *state;
	struct huge_inode *i = make(root(f), "a", S_IFREG | 0644);
	assert_int_equal(huge_truncate(i, 4 * HUGE), 0);
	assert_int_equal(huge_fallocate(i, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, HUGE, 2 * HUGE), 0);
	assert_pool(f, POOL, 2);
	assert_int_equal(i->size, 4 * HUGE);
	assert_int_equal(huge_fallocate(i, 0, 0, 2 * HUGE), 0);
	assert_pool(f, POOL - 2, 1);
	assert_int_equal(huge_truncate(i, 5 * HUGE), 0);
	assert_pool(f, POOL - 2, 2);
	huge_put(i);
}

static void test_pool_shrinks_under_files(void **state)
{
	struct fixture *f = *state;
	struct hugetlb *h = f->vm.hugetlb;
	struct huge_inode *i = make(root(f), "a", S_IFREG | 0644);
	assert_int_equal(huge_fallocate(i, 0, 0, 5 * HUGE), 0);
	hugetlb_resize(&f->vm.policy, h, 2, -1);
	assert_int_equal(h->nr, 5);
	assert_int_equal(h->nr_surplus, 3);
	verified(f);
	assert_int_equal(huge_truncate(i, 0), 0);
	assert_int_equal(h->nr, 2);
	assert_int_equal(h->nr_free, 2);
	assert_int_equal(h->nr_surplus, 0);
	verified(f);
	huge_put(i);
}

/* Seeded: every byte and every count as in a model that is an array. */
static void test_like_a_model(void **state)
{
	enum { PAGES = 6, PIECE = 512 };
	struct fixture *f = *state;
	struct huge_inode *i = make(root(f), "a", S_IFREG | 0644);
	static char model[PAGES * HUGE], buf[PIECE];
	struct rng rng;
	uint64_t size = 0;
	memset(model, 0, sizeof(model));
	rng_init(&rng, 99);
	for (unsigned n = 0; n < 300; n++) {
		uint64_t page = rng_below(&rng, PAGES), at = page * HUGE + rng_below(&rng, HUGE - PIECE);
		switch (rng_below(&rng, 4)) {
		case 0:
			memset(buf, (int)(n % 255) + 1, sizeof(buf));
			assert_int_equal(huge_write(i, buf, PIECE, at), PIECE);
			memcpy(model + at, buf, PIECE);
			if (at + PIECE > size)
				size = (page + 1) * HUGE;
			break;
		case 1:
			assert_int_equal(huge_truncate(i, page * HUGE), 0);
			memset(model + page * HUGE, 0, sizeof(model) - page * HUGE);
			size = page * HUGE;
			break;
		case 2:
			assert_int_equal(huge_fallocate(i, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
							at, sizeof(model) - at),
					 0);
			memset(model + at, 0, sizeof(model) - at);
			break;
		default:
			assert_int_equal(huge_fallocate(i, FALLOC_FL_KEEP_SIZE, page * HUGE, HUGE), 0);
		}
		assert_int_equal(i->size, size);
		if (at + PIECE <= size)
			assert_bytes(i, at, model + at, PIECE);
		assert_int_equal(f->vm.hugetlb->nr_reserved, i->nr_promised);
		assert_int_equal(f->vm.hugetlb->nr - f->vm.hugetlb->nr_free, i->nr_pages);
	}
	for (uint64_t at = 0; at < size; at += HUGE_IO_MAX)
		assert_bytes(i, at, model + at, HUGE_IO_MAX);
	verified(f);
	huge_put(i);
}

/* At the limit of what the host may be asked for a page cannot be had, and nothing is lost. */
static void test_host_limit(void **state)
{
	(void)state;
	const struct region_config rc = { .backing = BACKING_SPARSE, .limit_bytes = 5 << 20 };
	struct fixture *f = fixture_boot_with(&rc, true);
	assert_int_equal(hugetlb_resize(&f->vm.policy, f->vm.hugetlb, POOL, -1), POOL);
	hugetlbfs_enter(hfs(f));
	struct huge_inode *i = make(root(f), "a", S_IFREG | 0600);
	assert_int_equal(huge_truncate(i, 4 * HUGE), 0);
	assert_int_equal(huge_fallocate(i, 0, 0, 4 * HUGE), -ENOSPC);
	assert_pool(f, POOL - 2, 2);
	assert_int_equal(huge_write(i, "x", 1, 7 * HUGE), -ENOSPC);
	assert_pool(f, POOL - 2, 2);
	assert_pfns(i, "xx--");
	assert_int_equal(huge_truncate(i, 0), 0);
	assert_pool(f, POOL, 0);
	assert_int_equal(f->region.used_pages, 0);
	huge_put(i);
	hugetlbfs_leave(hfs(f));
	fixture_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_truncate_promises, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_and_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pages_are_zeroed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_without_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fallocate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_times, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hole_takes_its_promise_along, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pool_shrinks_under_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_like_a_model, setup, teardown),
		cmocka_unit_test(test_host_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
