/* SPDX-License-Identifier: MIT */
/*
 * The floor: DPDK's mempool, with its largest per-core cache. Its objects are
 * of one size and their number is fixed when it starts.
 */
#include "objects.h"

#ifdef BENCH_DPDK

#include "bench.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <string.h>

#define POOL_OBJECTS (OBJECTS_LIVE + 4 * RTE_MEMPOOL_CACHE_MAX_SIZE)
#define ELEMENT_SPARE 128u /* header, and the spreading over memory channels */

static struct rte_mempool *pool;

static const char *mempool_init(const struct allocator *a, size_t size)
{
	static char reason[128];
	char mib[16];
	char *args[] = { (char *)"bench",
			 (char *)"--no-pci",
			 (char *)"--iova-mode=va",
			 (char *)"--no-telemetry",
			 (char *)"--log-level=1",
			 (char *)"--lcores=0",
			 (char *)"--in-memory",
			 (char *)"-m",
			 mib };

	(void)a;
	snprintf(mib, sizeof(mib), "%zu", POOL_OBJECTS * (size + ELEMENT_SPARE) / (1 << 20) + 16);
	if (rte_eal_init(ARRAY_LEN(args), args) < 0)
		snprintf(reason, sizeof(reason), "EAL does not start: %s", rte_strerror(rte_errno));
	else if (!(pool = rte_mempool_create("objects", POOL_OBJECTS, (unsigned)size, RTE_MEMPOOL_CACHE_MAX_SIZE,
					     0, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, 0)))
		snprintf(reason, sizeof(reason), "no pool: %s", rte_strerror(rte_errno));
	return pool ? NULL : reason;
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

/* A thread that is not registered would have no cache. */
static void mempool_once(struct worker *w)
{
	static _Thread_local bool registered;

	if (!registered && rte_thread_register())
		bench_fail("DPDK knows no more threads: %s", rte_strerror(rte_errno));
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
