/* SPDX-License-Identifier: MIT */
#ifndef BENCH_MEMPOOL_H
#define BENCH_MEMPOOL_H

/*
 * DPDK's mempool as a peer, with its largest per-core cache, in this process.
 * It hands out objects of one size, and their number is fixed when it starts.
 * A thread that is not registered with DPDK would have no cache.
 */

#include "bench.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <string.h>

#define EAL_MORE_MAX 8u

struct mempool_spec {
	const char *name;
	unsigned nr, size; /* of objects */
	const char *eal[EAL_MORE_MAX]; /* what DPDK's start is told besides: where memory comes from. NULL behind the last */
};

/* Once. NULL, or why there is none. */
static inline const char *mempool_start(const struct mempool_spec *spec, struct rte_mempool **pool)
{
	static char reason[128];
	static const char *const always[] = { "bench",          "--no-pci",      "--iova-mode=va",
					      "--no-telemetry", "--log-level=1", "--lcores=0" };
	char *args[ARRAY_LEN(always) + EAL_MORE_MAX + 1] = { NULL };
	unsigned nr = 0;

	for (; nr < ARRAY_LEN(always); nr++)
		args[nr] = strdup(always[nr]);
	for (unsigned i = 0; i < EAL_MORE_MAX && spec->eal[i]; i++)
		args[nr++] = strdup(spec->eal[i]);
	if (rte_eal_init((int)nr, args) < 0)
		snprintf(reason, sizeof(reason), "EAL does not start: %s", rte_strerror(rte_errno));
	else if (!(*pool = rte_mempool_create(spec->name, spec->nr, spec->size, RTE_MEMPOOL_CACHE_MAX_SIZE,
					      0, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, 0)))
		snprintf(reason, sizeof(reason), "no pool: %s", rte_strerror(rte_errno));
	return *pool ? NULL : reason;
}

static inline void mempool_thread(void)
{
	if (rte_thread_register())
		bench_fail("DPDK knows no more threads: %s", rte_strerror(rte_errno));
}

#endif
