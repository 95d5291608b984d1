/* SPDX-License-Identifier: MIT */
/*
 * NUMA hits, which a capture prints four times: by zone (zoneinfo), for each
 * node (numastat, vmstat) and for the machine (proc/vmstat). The kernel counts
 * the pages that the reader of the files needs, too, so that each file says a
 * few more than the one read before it. All of them are events of the past: what
 * a node or the machine has beyond its zones becomes the base of that node or
 * of the machine, and every file goes on from what it had said.
 *
 * Where CPUs' hits are differences (version->numa_lags), proc/vmstat says less
 * than the zones: the rest had not been folded, and is kept by the lowest CPU
 * of the node of the zone with the most hits.
 */
#include "daemon/import_capture.h"
#include "vm/vm.h"

#include <errno.h>
#include <string.h>

int cap_read_numastat(struct capture *c, unsigned node, struct why *why)
{
	char path[64];
	struct cap_file f;
	snprintf(path, sizeof(path), "sys/devices/system/node/node%u/numastat", node);
	int error = cap_open(&f, c, path, why);
	if (error)
		return error == -ENOENT ? 0 : error;
	for (char *line; !error && (line = cap_line(&f));) {
		const char *name = cap_word(&line);
		for (unsigned i = 0; name && !error && i < NR_NUMA_STATS; i++) {
			if (strcmp(name, numastat_name[i]))
				continue;
			error = cap_number(&f, cap_word(&line), name, &c->node[node].numa[i], why);
			c->node[node].has_numa |= 1u << i;
		}
	}
	cap_close(&f);
	return error;
}

/* Differences may be below 0: the sums wrap and come out right. */
static uint64_t node_base(const struct node *n, const struct cap_node *from, unsigned item)
{
	uint64_t base = from->numa[item];
	if (!(from->has_numa >> item & 1))
		return 0;
	for (unsigned type = 0; type < n->machine->nr_zone_types; type++)
		base -= n->zone[type]->numa_base[item];
	return base;
}

static struct zone *zone_with_most(const struct machine *m, unsigned item)
{
	struct zone *most = NULL;
	FOR_EACH_POPULATED_ZONE(z, m)
		if (!most || z->numa_base[item] > most->numa_base[item])
			most = z;
	return most;
}

/* Hits of the zones (at most all of them) that proc/vmstat does not have yet become differences of CPUs. */
static void lag_set(struct machine *m, unsigned item, uint64_t hits)
{
	while (hits) {
		struct zone *z = zone_with_most(m, item);
		ASSERT(z && z->numa_base[item]);
		uint64_t here = MIN(hits, z->numa_base[item]);
		z->numa_base[item] -= here;
		z->node->first_cpu->zone[z->id].numa[item] += here;
		hits -= here;
	}
}

static void machine_item_set(struct machine *m, unsigned item, uint64_t printed)
{
	uint64_t sum = 0;
	FOR_EACH_POPULATED_ZONE(z, m)
		sum += z->numa_base[item];
	if (m->version->numa_lags && printed < sum)
		lag_set(m, item, sum - printed);
	else
		m->numa_base[item] = printed - sum;
}

void import_numa_set(const struct capture *c, struct machine *m)
{
	if (!m->numa)
		return;
	for (unsigned i = 0; i < NR_NUMA_STATS; i++) {
		for (unsigned n = 0; n < m->nr_nodes && n < c->nr_nodes; n++)
			m->node[n].numa_base[i] = node_base(&m->node[n], &c->node[n], i);
		if (c->has_vmstat_numa >> i & 1)
			machine_item_set(m, i, c->vmstat_numa[i]);
	}
}
