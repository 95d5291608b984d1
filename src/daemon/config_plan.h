/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_CONFIG_PLAN_H
#define DAEMON_CONFIG_PLAN_H

/*
 * What a configuration file says, before it is a machine: the values of its
 * keys and the lines they stand on. Inside of config; its steps fill and use
 * it: config_keys.c takes values, config_nodes.c lays out nodes and checks how
 * they fit together (config_dimms.c: sockets and DIMMs), config_zones.c cuts them into zones.
 */

#include "daemon/config.h"

#define PLAN_UNIT MM_TOP_PAGES /* memory and zone limits come in blocks of the top order: 4 MiB */

enum machine_key {
	KEY_BACKING,
	KEY_LIMIT,
	KEY_HUGE_PAGE,
	KEY_KERNEL,
	KEY_BITS,
	KEY_DMA_LIMIT,
	KEY_DMA32_LIMIT,
	KEY_NORMAL_LIMIT,
	KEY_MOVABLE,
	KEY_RESERVED,
	KEY_PAGEBLOCK_ORDER,
	KEY_THP,
	KEY_HUGEPAGES_1G,
	KEY_DEFAULT_HUGEPAGESZ,
	KEY_POSSIBLE_CPUS,
	KEY_DEV_MEM_MODE,
	KEY_OOM_SIGKILL,
	NR_MACHINE_KEYS
};

enum files_key { KEY_SOURCE, NR_FILES_KEYS };

enum node_key {
	KEY_MEMORY,
	KEY_CPUS,
	KEY_DISTANCE,
	KEY_HOST_NODE,
	KEY_SOCKET,
	KEY_DIMMS,
	NR_NODE_KEYS
};

struct node_plan {
	int line; /* of its section; 0: there is no such node */
	int key_line[NR_NODE_KEYS]; /* 0: not given */
	uint64_t size; /* memory=SIZE in pages; 0 when ranges are given */
	struct pfn_range *range; /* after config_lay_out: sorted, disjoint, frames of the PC hole left out */
	unsigned nr_ranges;
	uint64_t pages; /* of all ranges */
	struct mask cpus;
	uint8_t distance[MM_NODES_MAX]; /* as given: to the nodes that exist, in rising order */
	unsigned nr_distances;
	int host_node;
	int socket; /* -1: not given */
	struct dimm_spec dimms; /* nr 0: not given */
	uint64_t movable_start; /* first frame of zone Movable; 0: none */
};

struct machine_plan {
	const char *path;
	struct why *why;
	int fail_line; /* of the error that why holds */
	int key_line[NR_MACHINE_KEYS]; /* 0: not given */
	int files_key_line[NR_FILES_KEYS];
	const struct kernel_version *kernel;
	unsigned bits;
	unsigned pageblock_order;
	uint64_t dma_limit, dma32_limit, normal_limit; /* pages */
	uint64_t movable; /* pages */
	bool reserved_auto;
	uint64_t reserved; /* pages; when not auto */
	bool thp;
	bool no_gigantic, gigantic_default; /* huge pages of 1 GiB: none; they are the default size */
	struct mask possible_cpus;
	unsigned nr_nodes; /* highest node number + 1 */
	struct node_plan node[MM_NODES_MAX];
	struct config_cache *cache; /* config_caches.c */
	unsigned nr_caches;
};

/* One "name = value" of the file. */
struct config_entry {
	unsigned section; /* enum config_section */
	unsigned node; /* of a [node N] section; of a [cache NAME] section its place in plan->cache */
	char *name, *value;
	int line;
};

enum config_section {
	SECTION_NONE,
	SECTION_MACHINE,
	SECTION_NODE,
	SECTION_VM,
	SECTION_CACHE,
	SECTION_FILES
};

/* why := "PATH:LINE: ...", unless an earlier failure is kept there. Returns the error. */
int plan_fail(struct machine_plan *p, int line, int error, const char *fmt, ...) PRINTF_LIKE(4, 5);

struct machine_plan *plan_create(const char *path, struct why *why); /* NULL: no memory (why is set) */
void plan_destroy(struct machine_plan *p);

/* What "[TEXT]" on that line opens. 0 or -EINVAL. */
MUST_CHECK int config_section_open(struct machine_plan *p, const char *text, int line,
				   enum config_section *section, unsigned *node);
/* Take one entry of [machine], [files], [cache NAME] or [node N]. 0 or -errno. */
MUST_CHECK int config_take(struct machine_plan *p, struct config *c, const struct config_entry *e);

/* Ranges, CPUs and distances of all nodes, checked against each other, and into spec. 0 or -errno. */
MUST_CHECK int config_lay_out(struct machine_plan *p, struct machine_spec *spec);
/* "8x16G DDR5-4800"; the second word may be missing. Cuts the text. 0 or -EINVAL. */
MUST_CHECK int config_parse_dimms(char *text, struct dimm_spec *out);
/* Sockets and DIMMs of all nodes, checked against their memory, and into spec. 0 or -errno. */
MUST_CHECK int config_lay_out_dimms(struct machine_plan *p, struct machine_spec *spec);
/* Zones of all nodes. After config_lay_out. 0 or -errno. */
MUST_CHECK int config_cut_zones(struct machine_plan *p, struct machine_spec *spec);

#endif
