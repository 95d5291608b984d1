/* SPDX-License-Identifier: MIT */
/*
 * The peer: DPDK's mempool (mempool.h). It never looks into its objects, so they
 * are small; their number is what counts, for the ring of free ones is walked.
 */
#include "pages.h"

#ifdef BENCH_DPDK

#include "mempool.h"

#define OBJECTS (PAGES_FRAMES / 4 + (256u << 10)) /* a bulk, and what caches keep */
#define OBJECTS_COUNTED                                                                            \
	(32u << 10) /* for counting instructions, where filling the pool takes long */
#define OBJECT_BYTES 64u

static struct rte_mempool *pool;

const char *pages_mempool_init(void)
{
	struct mempool_spec spec = { .name = "pages",
				     .nr = OBJECTS,
				     .size = OBJECT_BYTES,
				     .eal = { "-m", "256", "--in-memory" } };

	if (env_set("BENCH_NO_HUGE")) { /* for valgrind, where huge pages are not to be had */
		spec.nr = OBJECTS_COUNTED;
		spec.eal[2] = "--no-shconf";
		spec.eal[3] = "--no-huge";
	}
	return mempool_start(&spec, &pool);
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

static void core_begin(struct worker *w)
{
	(void)w;
	mempool_thread();
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
