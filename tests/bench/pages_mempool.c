/* SPDX-License-Identifier: MIT */
/*
 * The peer: DPDK's mempool, with its largest per-core cache, in this process.
 * It hands out objects of one size and never looks into them, so the objects are
 * small; their number is what counts, for the ring of free ones is walked.
 */
#include "pages.h"

#ifdef BENCH_DPDK

#include "bench.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#include <stdio.h>

#define OBJECTS (PAGES_FRAMES / 4 + (256u << 10)) /* a bulk, and what caches keep */
#define OBJECTS_COUNTED                                                                            \
	(32u << 10) /* for counting instructions, where filling the pool takes long */
#define OBJECT_BYTES 64u

static struct rte_mempool *pool;

const char *pages_mempool_init(void)
{
	static char reason[128];
	bool no_huge = env_set("BENCH_NO_HUGE"); /* for valgrind, where huge pages are not to be had */
	char *args[] = { (char *)"bench",
			 (char *)"--no-pci",
			 (char *)"--iova-mode=va",
			 (char *)"--no-telemetry",
			 (char *)"--log-level=1",
			 (char *)"--lcores=0",
			 (char *)"-m",
			 (char *)"256",
			 (char *)(no_huge ? "--no-shconf" : "--in-memory"),
			 (char *)"--no-huge",
			 NULL };
	int nr = ARRAY_LEN(args) - (no_huge ? 1 : 2);

	if (rte_eal_init(nr, args) < 0)
		snprintf(reason, sizeof(reason), "EAL does not start: %s", rte_strerror(rte_errno));
	else if (!(pool = rte_mempool_create("pages", no_huge ? OBJECTS_COUNTED : OBJECTS,
					     OBJECT_BYTES, RTE_MEMPOOL_CACHE_MAX_SIZE, 0, NULL,
					     NULL, NULL, NULL, SOCKET_ID_ANY, 0)))
		snprintf(reason, sizeof(reason), "no pool: %s", rte_strerror(rte_errno));
	return pool ? NULL : reason;
}

static inline void *mempool_take(struct rte_mempool *from, unsigned order, unsigned kind)
{
	void *object;

	(void)order;
	(void)kind;
	return rte_mempool_get(from, &object) ? NULL : object;
}

static inline void mempool_give(struct rte_mempool *to, void *object, unsigned order)
{
	(void)order;
	rte_mempool_put(to, object);
}

#define LOAD_CONTEXT struct rte_mempool
#define LOAD_CONTEXT_OF(w) pool
#define LOAD(name) mempool_##name
#define LOAD_TAKE mempool_take
#define LOAD_GIVE mempool_give
#include "pages_load.h"

/* A thread that is not registered would have no cache. */
static void core_begin(struct worker *w)
{
	(void)w;
	if (rte_thread_register())
		bench_fail("DPDK knows no more threads: %s", rte_strerror(rte_errno));
}

static void core_end(struct worker *w)
{
	(void)w;
	rte_thread_unregister();
}

const struct allocator mempool = { .name = "mempool",
				   .order_max = 0,
				   .nr_frames = PAGES_FRAMES / 4,
				   .thread_begin = core_begin,
				   .run = mempool_run,
				   .thread_end = core_end };

#else

const char *pages_mempool_init(void)
{
	return "this program was built without it";
}

const struct allocator mempool;

#endif
