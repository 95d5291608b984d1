/* SPDX-License-Identifier: MIT */
#ifndef BENCH_OBJECTS_H
#define BENCH_OBJECTS_H

/*
 * Loads on an allocator of objects of one size, and the allocators that carry
 * them. A load is compiled once for each allocator (objects_load.h). Each
 * allocator has a process of its own, for there is one malloc in a process;
 * objects.c lets them take turns.
 */

#include "bench.h"

#include <pthread.h>

#define OBJECTS_THREADS 2u
#define OBJECTS_LIVE 200000u
#define OBJECTS_BATCH 1000u
#define PASS_BATCH 64u /* pointers that producer and consumer hand over at once */
#define PASS_BATCHES 256u /* under way */

enum load {
	LOAD_PAIR, /* take one, give it back */
	LOAD_PAIR_TWO, /* two threads at once */
	LOAD_BATCH, /* take 1000, give them back in that order; and again, at random */
	LOAD_LIVE, /* 200 000 live: give a random one, take another and write to it */
	LOAD_PASS, /* one thread takes, another gives back */
	LOAD_FILL, /* leaves 200 000 live, each replaced once, written all over: for looking at memory */
	LOADS
};

enum step { STEP_ONE = 0, STEP_IN_ORDER = 0, STEP_AT_RANDOM = 1, STEPS = 2 };

/* One thread of a load. */
struct worker {
	unsigned id;
	enum load load;
	size_t size;
	uint64_t nr; /* operations; of LOAD_PASS objects, of LOAD_FILL any */
	void **object; /* room for OBJECTS_LIVE, there before the clock runs */
	const uint32_t *shuffled; /* a permutation of OBJECTS_BATCH */
	pthread_barrier_t *both; /* the threads of this load */
	double ns[STEPS]; /* for one operation; a pair is one */
};

struct allocator {
	const char *name;
	const char *library; /* that has its malloc, LD_PRELOADed; NULL: none is */
	const char *(*init)(const struct allocator *a, size_t size); /* NULL, or why there is none. One thread so far */
	void (*run)(struct worker *w);
	uint64_t (*slab_bytes)(void); /* that its objects take; NULL: not known */
};

extern const struct allocator *const allocators[];
enum { INSIDE, ENTRY, MEMPOOL, GLIBC, JEMALLOC, MIMALLOC, TCMALLOC, ALLOCATORS };

extern const struct allocator objects_inside; /* one entry into the CPU for the whole load */
extern const struct allocator objects_entry; /* one for each operation */
extern const struct allocator objects_mempool;

extern const char *const load_name[LOADS];
/*
 * Carries out what stdin says, lines of "LOAD NR" such as "pair 1000000": each
 * is answered with a line of numbers, ns by step, for "fill" bytes for an object:
 * real ones, those of slabs, and 0 for what is not known. The first line says
 * "ready", or why not.
 */
int objects_worker_main(const struct allocator *a, size_t size);

/* ---- For objects_load.h ---- */

/* What producer and consumer hand over: a ring for one of each. */
struct pass {
	uint64_t head CACHE_ALIGNED; /* written by the producer */
	uint64_t tail CACHE_ALIGNED; /* written by the consumer */
	void *batch[PASS_BATCHES][PASS_BATCH] CACHE_ALIGNED;
};
extern struct pass pass;

static inline void pass_wait(void)
{
#ifdef __x86_64__
	__builtin_ia32_pause();
#endif
}

static inline void **pass_room(void)
{
	while (pass.head - READ_ACQUIRE(&pass.tail) >= PASS_BATCHES)
		pass_wait();
	return pass.batch[pass.head % PASS_BATCHES];
}

static inline void **pass_next(void)
{
	while (READ_ACQUIRE(&pass.head) == pass.tail)
		pass_wait();
	return pass.batch[pass.tail % PASS_BATCHES];
}

#endif
