/* SPDX-License-Identifier: MIT */
#ifndef BENCH_PAGES_H
#define BENCH_PAGES_H

/*
 * Loads on an allocator of page frames, and the allocators that carry them.
 * A load is compiled once for each allocator (pages_load.h), so that taking and
 * giving is inlined into its loop where the allocator allows it.
 */

#include "bench.h"

#include <pthread.h>

#define PAGES_THREADS_MAX 2u
#define PAGES_FRAMES (4ul << 20) /* 16 GiB: what the machine has, and what loads are sized by */
#define PAGES_ORDER_MAX 10u

enum load {
	LOAD_PAIR, /* take one, give it back */
	LOAD_BULK, /* take many, give all back in that order; again, and give them back at random */
	LOAD_BATCH, /* take 1000, give them back; for counting instructions */
	LOAD_MIXED, /* 80 % full of mixed orders: give a random one, take one of a random order */
};

enum step { STEP_PAIR = 0, STEP_TAKE = 0, STEP_GIVE = 1, STEP_GIVE_RANDOM = 2, STEPS = 3 };

struct load_spec {
	enum load load;
	unsigned order; /* LOAD_MIXED: the highest */
	unsigned nr_threads;
	unsigned pages; /* enum pages_kind */
	uint64_t nr_ops; /* of each thread; for LOAD_BULK blocks */
};

enum pages_kind {
	PAGES_MOVABLE, /* a task's page */
	PAGES_UNMOVABLE, /* the kernel's own */
	PAGES_MOVABLE_LIGHT, /* a task's, at once or not at all */
	PAGES_KINDS
};

struct block {
	void *at;
	uint32_t order;
};

/* One thread of a load. The arrays are filled before the clock runs, so no page of theirs is new. */
struct worker {
	unsigned id;
	const struct load_spec *spec;
	pthread_barrier_t *barrier;
	uint64_t nr_frames; /* its share of what the allocator has */
	struct block *block; /* room for nr_frames of them */
	uint32_t *shuffled; /* a permutation of spec->nr_ops */
	double ns[STEPS]; /* for one operation */
	uint64_t nr_ops, nr_failed; /* LOAD_MIXED: what was asked for, and what was not to be had */
};

struct allocator {
	const char *name;
	unsigned order_max;
	uint64_t nr_frames;
	void (*thread_begin)(struct worker *w);
	void (*run)(struct worker *w);
	void (*thread_end)(struct worker *w);
};

void pages_ummfs_init(void);
extern const struct allocator ummfs_inside; /* one entry into the CPU for the whole load */
extern const struct allocator ummfs_entry; /* one for each operation */

/* NULL, or why there is no such peer. Takes huge pages from the host's pool; they go with the process. */
const char *pages_mempool_init(void);
extern const struct allocator mempool;

/* For pages_load.h. */
uint64_t load_clock_ns(const struct worker *w);
_Noreturn void load_failed(const struct worker *w);

/* Half of all requests are of order 0, a quarter of order 1, ...: each order takes the same share of memory. */
static inline uint32_t load_random_order(uint64_t *state, unsigned order_max)
{
	unsigned order = (unsigned)__builtin_ctzll(load_random(state) | 1ull << 40);
	return order <= order_max ? order : order % (order_max + 1);
}

#endif
