/* SPDX-License-Identifier: MIT */
/*
 * Random work over a store that now takes what it is given, now has no space,
 * now takes half, now fails. Whenever fsync or sync answers 0 the store has
 * what the model has; what it refuses is not lost, and is there at the end,
 * unless the writer himself was refused.
 */
#include "support/writeback_fixture.h"

#include "vm/files_verify.h"

#define SEEDS 12u
#define STEPS 1500u
#define MODEL_BYTES (512ul << 10)

struct model {
	char *bytes[STORE_FILES + 1];
	uint64_t size[STORE_FILES + 1];
	struct file_inode *inode[STORE_FILES + 1];
};

static void assert_same(struct files_fixture *x, const struct model *m, uint64_t n, uint64_t seed)
{
	const struct stored *s = &x->store.file[n];
	if (s->size != m->size[n] || memcmp(s->bytes, m->bytes[n], m->size[n]))
		fail_msg("seed %lu: file %lu differs", (unsigned long)seed, (unsigned long)n);
}

#define LEN_MOST 40000u

/* While too much is dirty that the store refuses, it refuses the writer, and nothing has changed. */
static void write_some(struct files_fixture *x, struct model *m, struct rng *rng, uint64_t n)
{
	static char bytes[LEN_MOST];
	uint64_t offset = rng_below(rng, MODEL_BYTES - 1), len = 1 + rng_below(rng, LEN_MOST);
	len = MIN(len, MODEL_BYTES - offset);
	memset(bytes, (int)rng_below(rng, 255) + 1, len);
	ssize_t done = file_write(m->inode[n], bytes, len, offset);
	if (done < 0) {
		assert_int_equal(done, x->store.write_error);
		return;
	}
	assert_int_equal(done, len);
	memcpy(m->bytes[n] + offset, bytes, len);
	m->size[n] = MAX(m->size[n], offset + len);
}

static void store_moods(struct files_fixture *x, struct rng *rng)
{
	static const int error[] = { 0, 0, 0, -ENOSPC, -EIO, -EDQUOT };
	x->store.write_error = error[rng_below(rng, ARRAY_LEN(error))];
	x->store.shorter = !rng_below(rng, 5);
	x->store.setattr_error = rng_below(rng, 4) ? 0 : -EPERM;
}

static void step(struct files_fixture *x, struct model *m, struct rng *rng, uint64_t seed)
{
	uint64_t n = 1 + rng_below(rng, STORE_FILES);
	switch (rng_below(rng, 24)) {
	case 0:
		store_moods(x, rng);
		break;
	case 1:
		if (!writeback_inode(m->inode[n]))
			assert_same(x, m, n, seed);
		break;
	case 2:
		if (!files_sync(x->files, true))
			for (n = 1; n <= STORE_FILES; n++)
				assert_same(x, m, n, seed);
		break;
	case 3:
		files_leave(x->files);
		clock_advance(&x->vm->machine.clock, rng_below(rng, 20000000000));
		writeback_tick(x->files);
		files_enter(x->files);
		break;
	case 4:
		reclaim_drop_pagecache(&x->vm->policy);
		break;
	case 5:
		writeback_wait(x->files, 1);
		break;
	default:
		write_some(x, m, rng, n);
	}
}

static void seed_run(uint64_t seed)
{
	struct files_fixture *x = files_begin();
	struct model m = { .size = { 0 } };
	struct rng rng;
	rng_init(&rng, seed);
	x->vm->dirty.bytes = 200 * PAGE_SIZE;
	x->vm->dirty.background_bytes = 80 * PAGE_SIZE;
	files_enter(x->files);
	for (uint64_t n = 1; n <= STORE_FILES; n++) {
		m.bytes[n] = calloc(1, MODEL_BYTES);
		m.inode[n] = file_of(x, n);
	}
	for (unsigned s = 0; s < STEPS; s++) {
		step(x, &m, &rng, seed);
		if (s % 100 == 0)
			assert_int_equal(files_verify(x->files, NULL), 0);
	}
	x->store.write_error = x->store.setattr_error = 0;
	x->store.shorter = false;
	assert_int_equal(files_sync(x->files, true), 0);
	assert_int_equal(dirty_pages_now(x), 0);
	assert_int_equal(files_verify(x->files, NULL), 0);
	for (uint64_t n = 1; n <= STORE_FILES; n++) {
		assert_same(x, &m, n, seed);
		file_put(m.inode[n]);
		free(m.bytes[n]);
	}
	files_leave(x->files);
	assert_verified(x->vm);
	files_end(x);
}

static void test_errors(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		seed_run(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_errors) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
