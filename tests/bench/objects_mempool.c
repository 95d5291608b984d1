/* SPDX-License-Identifier: MIT */
/* The floor: DPDK's mempool (mempool.h). */
#include "objects.h"

#ifdef BENCH_DPDK

#include "mempool.h"

#define POOL_OBJECTS (OBJECTS_LIVE + 4 * RTE_MEMPOOL_CACHE_MAX_SIZE)
#define ELEMENT_SPARE 128u /* header, and the spreading over memory channels */

static struct rte_mempool *pool;

static const char *mempool_init(const struct allocator *a, size_t size)
{
	char mib[16];

	(void)a;
	snprintf(mib, sizeof(mib), "%zu", POOL_OBJECTS * (size + ELEMENT_SPARE) / (1 << 20) + 16);
	const struct mempool_spec spec = { .name = "objects",
					   .nr = POOL_OBJECTS,
					   .size = (unsigned)size,
					   .eal = { "--in-memory", "-m", mib } };
	return mempool_start(&spec, &pool);
}

static inline void *mempool_take(struct rte_mempool *from)
{
	void *object;

	return rte_mempool_get(from, &object) ? NULL : object;
}

#define LOAD_CONTEXT struct rte_mempool *
#define LOAD_CONTEXT_OF(w) pool
#define LOAD(name) mempool_##name
#define LOAD_TAKE mempool_take
#define LOAD_GIVE rte_mempool_put
#include "objects_load.h"

static void mempool_once(struct worker *w)
{
	static _Thread_local bool registered;

	if (!registered)
		mempool_thread();
	registered = true;
	mempool_run(w);
}

const struct allocator objects_mempool = { "mempool", NULL, mempool_init, mempool_once, NULL };

#else

static const char *mempool_init(const struct allocator *a, size_t size)
{
	(void)a;
	(void)size;
	return "this program was built without it";
}

const struct allocator objects_mempool = { "mempool", NULL, mempool_init, NULL, NULL };

#endif
