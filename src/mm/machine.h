/* SPDX-License-Identifier: MIT */
#ifndef MM_MACHINE_H
#define MM_MACHINE_H

/*
 * The frames of one emulated machine: nodes, zones, CPUs and the page array.
 *
 * Inside a CPU. A request enters its emulated CPU once (cpu_enter: one lock)
 * and then works with plain loads and stores on what belongs to that CPU: its
 * per-CPU page lists, counter differences and events. Zone locks are taken
 * below it, in batches. Everything that a reader may look at without a lock
 * is stored with relaxed atomics.
 *
 * mm offers attempts: taking a page succeeds or returns NULL at once. Who
 * waits, reclaims or fails is decided in policy/.
 */

#include "base/bias.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/mask.h"
#include "base/rng.h"
#include "mm/facts.h"
#include "mm/loaded.h"
#include "mm/page.h"
#include "mm/spec.h"
#include "mm/stat.h"
#include "mm/types.h"
#include "mm/version.h"

#define PCP_ORDERS                                                                                 \
	(MM_COSTLY_ORDER + 1) /* orders 0..3 for each type, and one list of huge blocks */
#define PCP_LISTS (MIGRATE_PCPTYPES * PCP_ORDERS + 1)

/* Per-CPU page lists of one zone (struct per_cpu_pages, 6.1). Inside the CPU; counts readable anywhere. */
struct pcp {
	int32_t count; /* pages on all lists */
	int32_t high; /* written by pagesets_update */
	int32_t batch;
	uint8_t free_factor; /* frees in a row without an allocation, log2 */
	bool reclaim_active; /* kswapd works on the zone: the lists stay short; relaxed */
	struct page_list list[PCP_LISTS];
};

struct cpu_zone {
	struct pcp pcp;
	int8_t diff[NR_ZONE_STATS];
	uint64_t numa[NR_NUMA_STATS];
} CACHE_ALIGNED;

struct cpu_node {
	int8_t diff[NR_NODE_STATS];
} CACHE_ALIGNED;

struct cpu {
	struct bias_lock lock; /* RANK_CPU: held while a request is inside */
	struct machine *machine;
	unsigned id;
	struct node *node; /* home node */
	bool online;
	bool used; /* entered since its counters were last folded; under lock */
	uint64_t turns; /* entries and exits: the same even number as before says that nothing moved. Released */
	bool tuned; /* its lists were moved in batches since the last tick, where they tune themselves; under lock */
	struct cpu_zone *zone; /* by zone id, machine->nr_zones of them */
	struct cpu_node *per_node; /* by node id */
	uint64_t event[NR_VM_EVENTS];
} CACHE_ALIGNED;

struct free_area {
	struct page_list list[MIGRATE_TYPES];
	uint64_t nr_free[MIGRATE_TYPES]; /* blocks; order MM_ORDER_MAX counts the never-used ones too */
};

/* Top-order blocks that were never used: ranges, lowest first, no page entry written. All MIGRATE_MOVABLE. */
struct virgin {
	struct pfn_range *range;
	unsigned nr_ranges;
	unsigned first; /* ranges below it are used up */
	unsigned room; /* how many ranges there is room for, where that is more than there are; see virgin_make_room */
	uint64_t nr_blocks;
	uint64_t nr_isolated; /* blocks that an isolation under way has cut out (mm/isolate.h): they count as MIGRATE_ISOLATE */
};

/*
 * What memory in use since import, which no entry describes, is known to be:
 * LRU pages past the number that get entries (0 to LRU_LISTS - 1), and the
 * kernel's own. Such pages stand behind the counters of their node.
 */
enum pinned_kind {
	PINNED_SLAB_RECLAIMABLE = LRU_LISTS,
	PINNED_SLAB_UNRECLAIMABLE,
	PINNED_STACK,
	PINNED_PAGETABLE,
	PINNED_KINDS
};

/* Where compaction left off, and when it last failed (struct zone, CONFIG_COMPACTION, 6.1). Zone lock; relaxed outside. */
struct zone_compact {
	uint64_t free_pfn; /* the free scanner goes on below it; 0: nothing scanned yet */
	uint64_t migrate_pfn[2]; /* the migrate scanner goes on from it; [1]: of passes that wait. 0: nothing scanned yet */
	uint64_t init_migrate_pfn, init_free_pfn; /* where passes that look at everything begin */
	unsigned considered, defer_shift; /* requests since the last failure; 1 << defer_shift of them are put off */
	int order_failed; /* the least order that could not be had */
	bool flush_skip; /* both scanners met: forget which blocks are to be skipped before the next pass */
};

struct zone {
	/* fixed at boot */
	struct machine *machine;
	struct node *node;
	const char *name; /* "DMA32" */
	uint16_t id; /* node id * MM_ZONE_TYPES_MAX + type: index into machine->zone */
	uint8_t type; /* index in the machine's zone order */
	uint8_t kind; /* enum zone_kind */
	uint64_t start_pfn, spanned, present;
	struct pfn_range *range; /* present memory */
	unsigned nr_ranges;

	/* marks: written with machine->tune_lock held, read anywhere (relaxed) */
	uint64_t managed;
	uint64_t watermark[WMARK_NR]; /* without boost */
	uint64_t watermark_boost;
	uint64_t lowmem_reserve[MM_ZONE_TYPES_MAX];
	int32_t stat_threshold; /* how far a CPU's difference may go; lower while kswapd is awake */
	int32_t pageset_high, pageset_batch; /* what every CPU's lists have */
	int32_t pageset_high_max; /* more than pageset_high where lists tune themselves */
	uint64_t numa_base[NR_NUMA_STATS]; /* imported, folded or left by the last clear */

	/*
	 * With more free pages than this, by highest zone type, a plain request for a
	 * page passes the low mark and nothing else needs a look. Follows from marks,
	 * boost, reserves, `boosted` and machine->watched: whoever changes one calls zone_update_plenty.
	 */
	int64_t plenty[MM_ZONE_TYPES_MAX] CACHE_ALIGNED; /* lock to write, relaxed */

	/* counters: atomic */
	int64_t stat[NR_ZONE_STATS]; /* global values */
	uint64_t nr_reserved_highatomic;
	bool boosted; /* kswapd is to be woken for the boost; lock to write */

	/* free lists: lock (RANK_ZONE); counts readable anywhere */
	struct lock lock CACHE_ALIGNED;
	struct free_area area[MM_ORDERS];
	uint16_t area_mask[MIGRATE_TYPES]; /* bit per order with a non-empty list */
	struct virgin virgin;
	uint64_t nr_pageblocks[MIGRATE_TYPES]; /* as pagetypeinfo counts them */
	struct zone_compact compact;
	uint64_t nr_pinned; /* pages in use since import that no entry describes yet */
	uint64_t pinned[PINNED_KINDS]; /* those of them whose use is known; the rest is the kernel and its drivers */
} CACHE_ALIGNED;

struct lru {
	struct lock lock; /* RANK_LRU */
	struct page_list list[LRU_LISTS];
	uint64_t size[LRU_LISTS]; /* pages; under lock, readable anywhere */
	/* relaxed atomics; [0]: anonymous memory, [1]: files */
	uint64_t nonresident_age; /* pages that were evicted or activated: what distances of refaults are measured by */
	uint64_t cost[2]; /* what reclaiming has cost of late, in pages written and refaulted */
	uint64_t refaults[2]; /* of the active ones, when reclaim last ended */
};

struct zoneref {
	struct zone *zone;
	uint8_t type;
};

struct node {
	struct machine *machine;
	unsigned id;
	bool online;
	bool has_memory;
	int socket; /* where firmware says it is; see mm/socket.h */
	struct dimm_spec dimms;
	struct mask cpus;
	uint8_t distance[MM_NODES_MAX];
	struct zone *zone[MM_ZONE_TYPES_MAX]; /* every type, populated or not */
	struct cpu *first_cpu; /* its lowest CPU, else CPU of the nearest node that has one */
	/* fixed at boot: populated zones, best first; nearest node first, highest zone first inside a node */
	struct zoneref *zonelist;
	unsigned nr_zonelist;
	unsigned nr_zonelist_thisnode; /* leading entries that are this node's own (0 for a node without memory) */
	struct zone *own[MM_ZONE_TYPES_MAX + 1]; /* the first of these for each highest type, NULL: none; the last is always NULL */
	int64_t stat[NR_NODE_STATS] CACHE_ALIGNED; /* global values, atomic */
	uint64_t numa_base[NR_NUMA_STATS]; /* imported: counted for the node beyond what its zones say; may be below 0 */
	int32_t stat_threshold; /* the largest of its zones'; relaxed */
	struct lru lru;
	uint32_t kswapd_failures; /* relaxed; MAX_RECLAIM_RETRIES (16) or more: node_unreclaimable */
} CACHE_ALIGNED;

/* What the vm knobs that shape zones are set to. Changed through machine_tune_*. */
struct tune {
	int32_t min_free_kbytes;
	int32_t user_min_free_kbytes; /* -1: never written by the user */
	int32_t watermark_scale_factor;
	int32_t watermark_boost_factor;
	int32_t percpu_pagelist_high_fraction;
	int32_t lowmem_reserve_ratio[MM_ZONE_TYPES_MAX];
	int32_t numa_stat; /* 1: count numa_* */
};

struct slabs;

struct machine {
	const struct kernel_version *version; /* what it is an instance of */
	struct shown_stats shown;
	unsigned bits;
	unsigned nr_zone_types;
	enum zone_kind kind[MM_ZONE_TYPES_MAX];
	unsigned pageblock_order;
	uint32_t pcp_orders; /* bit per order that goes through the per-CPU lists */
	bool numa, thp;
	bool gigantic, gigantic_default; /* there are huge pages of 1 GiB; they are the default size */
	unsigned nr_nodes; /* highest node number + 1 */
	struct node *node; /* by number; some may be offline */
	unsigned nr_zones; /* nr_nodes * MM_ZONE_TYPES_MAX */
	struct zone *zone; /* by id */
	unsigned nr_cpu_ids;
	struct mask cpus_online, cpus_possible;
	unsigned nr_cpus_online;
	struct cpu *cpu; /* nr_cpu_ids, by number; offline ones have online == false */
	uint64_t end_pfn; /* first frame past the machine */
	struct page *map; /* end_pfn entries, lazily touched */
	uint8_t *pageblock; /* type ^ MIGRATE_MOVABLE and PAGEBLOCK_SKIP, _BARE per pageblock, lazily touched; zone lock, relaxed */
	struct tune tune;
	struct lock tune_lock; /* RANK_TUNE: one change of marks at a time */
	unsigned isolations; /* ranges that are being emptied just now (mm/isolate.h); changed inside a CPU, atomic */
	bool watched; /* no zone has plenty of pages, so every request is looked at; tune_lock, relaxed */
	struct clock clock;
	uint64_t managed_pages; /* totalram */
	int64_t nr_buffer_pages; /* pages with MARK_BUFFER, atomic */
	uint64_t event_base[NR_VM_EVENTS]; /* counted before import */
	uint64_t numa_base[NR_NUMA_STATS]; /* imported: counted for the machine beyond what its zones say; may be below 0 */
	struct machine_facts facts;
	struct loaded loaded;
	struct slabs *slabs; /* its slab allocator, between slabs_init and slabs_fini; NULL: none */
	uint64_t memmap_pages; /* that the kernel's own page array takes */
	/*
	 * Imported reserves are older than the machine's own knob files: the next
	 * change of marks brings them up to date. tune_lock.
	 */
	bool reserve_lags;
};

/*
 * Boot `spec` (copied). Not imported: every managed page is free, reserved
 * pages are the lowest of each zone. Imported: everything is in use until
 * machine_import_* frees it. Returns 0, -ENOMEM, or -EINVAL with why set.
 */
struct why;
MUST_CHECK int machine_boot(struct machine *m, const struct machine_spec *spec, struct why *why);
void machine_shutdown(struct machine *m);
/* Part of booting: what follows from the kernel, the zone kinds, NUMA and the pageblock order, which are set. */
void machine_set_version(struct machine *m, const struct kernel_version *v);

static inline pfn_t page_pfn(const struct machine *m, const struct page *p)
{
	return (pfn_t)(p - m->map);
}

static inline struct page *pfn_page(const struct machine *m, pfn_t pfn)
{
	return m->map + pfn;
}

static inline struct zone *page_zone(const struct machine *m, const struct page *p)
{
	return m->zone + p->zone;
}

static inline struct node *page_node(const struct machine *m, const struct page *p)
{
	return page_zone(m, p)->node;
}

static inline bool zone_populated(const struct zone *z)
{
	return z->present != 0;
}

/* Every zone that has memory, in node and type order. */
struct zone *machine_zone_next(const struct machine *m, const struct zone *after); /* NULL: first / no more */
#define FOR_EACH_POPULATED_ZONE(z, m)                                                              \
	for (struct zone *z = machine_zone_next(m, NULL); z; z = machine_zone_next(m, z))

/* The lock is held: now something may change. */
static inline void cpu_turn(struct cpu *c)
{
	c->used = true;
	WRITE_RELAXED(&c->turns, c->turns + 1);
}

static inline void cpu_enter(struct cpu *c)
{
	bias_take(&c->lock);
	cpu_turn(c);
}

static inline void cpu_leave(struct cpu *c)
{
	WRITE_RELEASE(&c->turns, c->turns + 1);
	bias_drop(&c->lock);
}

/* DirectMap lines: what the kernel of such a machine maps with large pages, and what is left over. */
void machine_facts_derive(struct machine *m);

/* Enter every online CPU: nothing moves. For whole-machine snapshots and checks. */
void machine_stop(struct machine *m);
void machine_resume(struct machine *m);

/* The spec of a default min_free_kbytes etc. 6.1: calculate_min_free_kbytes, set_recommended_min_free_kbytes. */
int machine_default_min_free_kbytes(const struct machine *m);

/*
 * Recompute what follows from machine->tune; each takes tune_lock itself.
 * 6.1: setup_per_zone_wmarks, setup_per_zone_lowmem_reserve, zone_set_pageset_high_and_batch.
 */
void machine_update_watermarks(struct machine *m); /* also per-CPU high, which follows the low mark */
void machine_update_lowmem_reserve(struct machine *m);
int64_t zone_plenty(const struct zone *z, unsigned highest_type); /* computed anew */
void zone_update_plenty(struct zone *z); /* zone lock held */
void machine_set_watched(struct machine *m, bool watched); /* takes tune_lock; inside no CPU */
void machine_update_pagesets(struct machine *m);
/* Counter thresholds: normal for all; or of one node while its kswapd is awake (6.1: set_pgdat_percpu_threshold). */
void machine_update_thresholds(struct machine *m);
void node_update_thresholds(struct node *n, bool pressure);

#endif
