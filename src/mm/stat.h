/* SPDX-License-Identifier: MIT */
#ifndef MM_STAT_H
#define MM_STAT_H

/*
 * Counters as 6.1 keeps them (mm/vmstat.c, 6.1). Zone and node items have a
 * global value and, per CPU, a small difference that is folded into it when
 * it passes the zone's threshold; what is printed is the global value alone.
 * Events and NUMA hits are plain per-CPU sums (where the version's row says
 * numa_lags, folded as well, for vmstat prints them without what CPUs keep).
 * Zones, nodes and the machine each have a base of NUMA hits from import: the
 * files of a capture were read one after the other, and the readers' own pages
 * were counted in between. A counter is one line of one
 * list; the order is the order in which zoneinfo and vmstat print them. V marks
 * a line that not every kernel has, with the set of those that do; every
 * machine counts all of them and prints what its kernel has.
 * Differences and events are written only inside their CPU and read anywhere.
 */

#include "mm/version.h"

#define ZONE_STATS(X, V)                                                                           \
	X(NR_FREE_PAGES, "nr_free_pages")                                                          \
	X(NR_ZONE_INACTIVE_ANON, "nr_zone_inactive_anon")                                          \
	X(NR_ZONE_ACTIVE_ANON, "nr_zone_active_anon")                                              \
	X(NR_ZONE_INACTIVE_FILE, "nr_zone_inactive_file")                                          \
	X(NR_ZONE_ACTIVE_FILE, "nr_zone_active_file")                                              \
	X(NR_ZONE_UNEVICTABLE, "nr_zone_unevictable")                                              \
	X(NR_ZONE_WRITE_PENDING, "nr_zone_write_pending")                                          \
	X(NR_MLOCK, "nr_mlock")                                                                    \
	V(NR_ZONE_PAGETABLE, "nr_page_table_pages", UNTIL_5_10)                                    \
	X(NR_BOUNCE, "nr_bounce")                                                                  \
	X(NR_ZSPAGES, "nr_zspages")                                                                \
	X(NR_FREE_CMA_PAGES, "nr_free_cma")                                                        \
	V(NR_UNACCEPTED, "nr_unaccepted", SINCE_6_12)

#define NUMA_STATS(X)                                                                              \
	X(NUMA_HIT, "numa_hit", "numa_hit")                                                        \
	X(NUMA_MISS, "numa_miss", "numa_miss")                                                     \
	X(NUMA_FOREIGN, "numa_foreign", "numa_foreign")                                            \
	X(NUMA_INTERLEAVE_HIT, "numa_interleave", "interleave_hit")                                \
	X(NUMA_LOCAL, "numa_local", "local_node")                                                  \
	X(NUMA_OTHER, "numa_other", "other_node")

/*
 * NR_KERNEL_STACK_KB is in kB; the items of huge pages (…_THPS, …_PMDMAPPED)
 * count pages and are printed in huge pages. Page tables are counted by zone
 * and by node (NR_ZONE_PAGETABLE, NR_PAGETABLE), both always: kernels differ
 * in which of them they print. N: only with NUMA.
 */
#define NODE_STATS(X, V, N)                                                                        \
	X(NR_INACTIVE_ANON, "nr_inactive_anon")                                                    \
	X(NR_ACTIVE_ANON, "nr_active_anon")                                                        \
	X(NR_INACTIVE_FILE, "nr_inactive_file")                                                    \
	X(NR_ACTIVE_FILE, "nr_active_file")                                                        \
	X(NR_UNEVICTABLE, "nr_unevictable")                                                        \
	X(NR_SLAB_RECLAIMABLE, "nr_slab_reclaimable")                                              \
	X(NR_SLAB_UNRECLAIMABLE, "nr_slab_unreclaimable")                                          \
	X(NR_ISOLATED_ANON, "nr_isolated_anon")                                                    \
	X(NR_ISOLATED_FILE, "nr_isolated_file")                                                    \
	X(WORKINGSET_NODES, "workingset_nodes")                                                    \
	X(WORKINGSET_REFAULT_ANON, "workingset_refault_anon")                                      \
	X(WORKINGSET_REFAULT_FILE, "workingset_refault_file")                                      \
	X(WORKINGSET_ACTIVATE_ANON, "workingset_activate_anon")                                    \
	X(WORKINGSET_ACTIVATE_FILE, "workingset_activate_file")                                    \
	X(WORKINGSET_RESTORE_ANON, "workingset_restore_anon")                                      \
	X(WORKINGSET_RESTORE_FILE, "workingset_restore_file")                                      \
	X(WORKINGSET_NODERECLAIM, "workingset_nodereclaim")                                        \
	X(NR_ANON_MAPPED, "nr_anon_pages")                                                         \
	X(NR_FILE_MAPPED, "nr_mapped")                                                             \
	X(NR_FILE_PAGES, "nr_file_pages")                                                          \
	X(NR_FILE_DIRTY, "nr_dirty")                                                               \
	X(NR_WRITEBACK, "nr_writeback")                                                            \
	X(NR_WRITEBACK_TEMP, "nr_writeback_temp")                                                  \
	X(NR_SHMEM, "nr_shmem")                                                                    \
	X(NR_SHMEM_THPS, "nr_shmem_hugepages")                                                     \
	X(NR_SHMEM_PMDMAPPED, "nr_shmem_pmdmapped")                                                \
	X(NR_FILE_THPS, "nr_file_hugepages")                                                       \
	X(NR_FILE_PMDMAPPED, "nr_file_pmdmapped")                                                  \
	X(NR_ANON_THPS, "nr_anon_transparent_hugepages")                                           \
	X(NR_VMSCAN_WRITE, "nr_vmscan_write")                                                      \
	X(NR_VMSCAN_IMMEDIATE, "nr_vmscan_immediate_reclaim")                                      \
	X(NR_DIRTIED, "nr_dirtied")                                                                \
	X(NR_WRITTEN, "nr_written")                                                                \
	V(NR_THROTTLED_WRITTEN, "nr_throttled_written", SINCE_6_1)                                 \
	X(NR_KERNEL_MISC_RECLAIMABLE, "nr_kernel_misc_reclaimable")                                \
	X(NR_FOLL_PIN_ACQUIRED, "nr_foll_pin_acquired")                                            \
	X(NR_FOLL_PIN_RELEASED, "nr_foll_pin_released")                                            \
	X(NR_KERNEL_STACK_KB, "nr_kernel_stack")                                                   \
	V(NR_PAGETABLE, "nr_page_table_pages", SINCE_6_1)                                          \
	V(NR_SECONDARY_PAGETABLE, "nr_sec_page_table_pages", SINCE_6_1)                            \
	V(NR_IOMMU_PAGES, "nr_iommu_pages", SINCE_6_12)                                            \
	V(NR_SWAPCACHE, "nr_swapcached", SINCE_6_1)                                                \
	N(PGPROMOTE_SUCCESS, "pgpromote_success", SINCE_6_1)                                       \
	N(PGPROMOTE_CANDIDATE, "pgpromote_candidate", SINCE_6_1)                                   \
	V(NODE_DEMOTE_KSWAPD, "pgdemote_kswapd", SINCE_6_12)                                       \
	V(NODE_DEMOTE_DIRECT, "pgdemote_direct", SINCE_6_12)                                       \
	V(NODE_DEMOTE_KHUGEPAGED, "pgdemote_khugepaged", SINCE_6_12)

/*
 * Events in print order. Y(NAME, prefix) stands for one line for each zone
 * kind that the machine has (prefix_dma, prefix_dma32, ...; HighMem prints
 * "high"): the first of ZONE_KINDS consecutive events. N: only with NUMA.
 * B: only on 64-bit machines. V: with its scope, only in some kernels.
 */
/* clang-format off */
#define VM_EVENTS(X, Y, N, B, V)                                                                   \
	X(PGPGIN, "pgpgin") X(PGPGOUT, "pgpgout") X(PSWPIN, "pswpin") X(PSWPOUT, "pswpout")        \
	Y(PGALLOC, "pgalloc") Y(ALLOCSTALL, "allocstall") Y(PGSKIP, "pgskip")                      \
	X(PGFREE, "pgfree") X(PGACTIVATE, "pgactivate") X(PGDEACTIVATE, "pgdeactivate")            \
	X(PGLAZYFREE, "pglazyfree") X(PGFAULT, "pgfault") X(PGMAJFAULT, "pgmajfault")              \
	X(PGLAZYFREED, "pglazyfreed") X(PGREFILL, "pgrefill") X(PGREUSE, "pgreuse")                \
	X(PGSTEAL_KSWAPD, "pgsteal_kswapd") X(PGSTEAL_DIRECT, "pgsteal_direct")                    \
	V(PGDEMOTE_KSWAPD, "pgdemote_kswapd", EVENT_ALWAYS, ONLY_6_1)                              \
	V(PGDEMOTE_DIRECT, "pgdemote_direct", EVENT_ALWAYS, ONLY_6_1)                              \
	V(PGSTEAL_KHUGEPAGED, "pgsteal_khugepaged", EVENT_ALWAYS, SINCE_6_12)                      \
	X(PGSCAN_KSWAPD, "pgscan_kswapd") X(PGSCAN_DIRECT, "pgscan_direct")                        \
	V(PGSCAN_KHUGEPAGED, "pgscan_khugepaged", EVENT_ALWAYS, SINCE_6_12)                        \
	X(PGSCAN_DIRECT_THROTTLE, "pgscan_direct_throttle") X(PGSCAN_ANON, "pgscan_anon")          \
	X(PGSCAN_FILE, "pgscan_file") X(PGSTEAL_ANON, "pgsteal_anon")                              \
	X(PGSTEAL_FILE, "pgsteal_file")                                                            \
	V(PGSCAN_ZONE_RECLAIM_SUCCESS, "zone_reclaim_success", EVENT_NUMA, SINCE_6_12)             \
	N(PGSCAN_ZONE_RECLAIM_FAILED, "zone_reclaim_failed") X(PGINODESTEAL, "pginodesteal")       \
	X(SLABS_SCANNED, "slabs_scanned") X(KSWAPD_INODESTEAL, "kswapd_inodesteal")                \
	X(KSWAPD_LOW_WMARK_HIT_QUICKLY, "kswapd_low_wmark_hit_quickly")                            \
	X(KSWAPD_HIGH_WMARK_HIT_QUICKLY, "kswapd_high_wmark_hit_quickly")                          \
	X(PAGEOUTRUN, "pageoutrun") X(PGROTATED, "pgrotated")                                      \
	X(DROP_PAGECACHE, "drop_pagecache") X(DROP_SLAB, "drop_slab") X(OOM_KILL, "oom_kill")      \
	N(NUMA_PTE_UPDATES, "numa_pte_updates")                                                    \
	N(NUMA_HUGE_PTE_UPDATES, "numa_huge_pte_updates")                                          \
	N(NUMA_HINT_FAULTS, "numa_hint_faults")                                                    \
	N(NUMA_HINT_FAULTS_LOCAL, "numa_hint_faults_local")                                        \
	N(NUMA_PAGE_MIGRATE, "numa_pages_migrated") X(PGMIGRATE_SUCCESS, "pgmigrate_success")      \
	X(PGMIGRATE_FAIL, "pgmigrate_fail") X(THP_MIGRATION_SUCCESS, "thp_migration_success")      \
	X(THP_MIGRATION_FAIL, "thp_migration_fail")                                                \
	X(THP_MIGRATION_SPLIT, "thp_migration_split")                                              \
	X(COMPACTMIGRATE_SCANNED, "compact_migrate_scanned")                                       \
	X(COMPACTFREE_SCANNED, "compact_free_scanned") X(COMPACTISOLATED, "compact_isolated")      \
	X(COMPACTSTALL, "compact_stall") X(COMPACTFAIL, "compact_fail")                            \
	X(COMPACTSUCCESS, "compact_success") X(KCOMPACTD_WAKE, "compact_daemon_wake")              \
	X(KCOMPACTD_MIGRATE_SCANNED, "compact_daemon_migrate_scanned")                             \
	X(KCOMPACTD_FREE_SCANNED, "compact_daemon_free_scanned")                                   \
	X(HTLB_BUDDY_PGALLOC, "htlb_buddy_alloc_success")                                          \
	X(HTLB_BUDDY_PGALLOC_FAIL, "htlb_buddy_alloc_fail")                                        \
	X(UNEVICTABLE_PGCULLED, "unevictable_pgs_culled")                                          \
	X(UNEVICTABLE_PGSCANNED, "unevictable_pgs_scanned")                                        \
	X(UNEVICTABLE_PGRESCUED, "unevictable_pgs_rescued")                                        \
	X(UNEVICTABLE_PGMLOCKED, "unevictable_pgs_mlocked")                                        \
	X(UNEVICTABLE_PGMUNLOCKED, "unevictable_pgs_munlocked")                                    \
	X(UNEVICTABLE_PGCLEARED, "unevictable_pgs_cleared")                                        \
	X(UNEVICTABLE_PGSTRANDED, "unevictable_pgs_stranded")                                      \
	X(THP_FAULT_ALLOC, "thp_fault_alloc") X(THP_FAULT_FALLBACK, "thp_fault_fallback")          \
	X(THP_FAULT_FALLBACK_CHARGE, "thp_fault_fallback_charge")                                  \
	X(THP_COLLAPSE_ALLOC, "thp_collapse_alloc")                                                \
	X(THP_COLLAPSE_ALLOC_FAILED, "thp_collapse_alloc_failed")                                  \
	X(THP_FILE_ALLOC, "thp_file_alloc") X(THP_FILE_FALLBACK, "thp_file_fallback")              \
	X(THP_FILE_FALLBACK_CHARGE, "thp_file_fallback_charge")                                    \
	X(THP_FILE_MAPPED, "thp_file_mapped") X(THP_SPLIT_PAGE, "thp_split_page")                  \
	X(THP_SPLIT_PAGE_FAILED, "thp_split_page_failed")                                          \
	X(THP_DEFERRED_SPLIT_PAGE, "thp_deferred_split_page")                                      \
	V(THP_UNDERUSED_SPLIT_PAGE, "thp_underused_split_page", EVENT_ALWAYS, SINCE_6_12)          \
	X(THP_SPLIT_PMD, "thp_split_pmd")                                                          \
	V(THP_SCAN_EXCEED_NONE_PTE, "thp_scan_exceed_none_pte", EVENT_ALWAYS, SINCE_6_1)           \
	V(THP_SCAN_EXCEED_SWAP_PTE, "thp_scan_exceed_swap_pte", EVENT_ALWAYS, SINCE_6_1)           \
	V(THP_SCAN_EXCEED_SHARED_PTE, "thp_scan_exceed_share_pte", EVENT_ALWAYS, SINCE_6_1)        \
	B(THP_SPLIT_PUD, "thp_split_pud") X(THP_ZERO_PAGE_ALLOC, "thp_zero_page_alloc")            \
	X(THP_ZERO_PAGE_ALLOC_FAILED, "thp_zero_page_alloc_failed") X(THP_SWPOUT, "thp_swpout")    \
	X(THP_SWPOUT_FALLBACK, "thp_swpout_fallback") X(BALLOON_INFLATE, "balloon_inflate")        \
	X(BALLOON_DEFLATE, "balloon_deflate") X(BALLOON_MIGRATE, "balloon_migrate")                \
	X(SWAP_RA, "swap_ra") X(SWAP_RA_HIT, "swap_ra_hit")                                        \
	V(SWPIN_ZERO, "swpin_zero", EVENT_ALWAYS, SINCE_6_12)                                      \
	V(SWPOUT_ZERO, "swpout_zero", EVENT_ALWAYS, SINCE_6_12)                                    \
	V(KSM_SWPIN_COPY, "ksm_swpin_copy", EVENT_ALWAYS, SINCE_6_1)                               \
	V(COW_KSM, "cow_ksm", EVENT_ALWAYS, SINCE_6_1)                                             \
	V(ZSWPIN, "zswpin", EVENT_ALWAYS, SINCE_6_1)                                               \
	V(ZSWPOUT, "zswpout", EVENT_ALWAYS, SINCE_6_1)                                             \
	V(ZSWPWB, "zswpwb", EVENT_ALWAYS, SINCE_6_12)                                              \
	V(DIRECT_MAP_LEVEL2_SPLIT, "direct_map_level2_splits", EVENT_ALWAYS, SINCE_6_1)            \
	V(DIRECT_MAP_LEVEL3_SPLIT, "direct_map_level3_splits", EVENT_ALWAYS, SINCE_6_1)
/* clang-format on */

#define STAT_ID(id, ...) id,
#define STAT_ID_KINDS(id, ...) id##_FIRST, id##_LAST = id##_FIRST + ZONE_KINDS - 1,
enum zone_stat { ZONE_STATS(STAT_ID, STAT_ID) NR_ZONE_STATS };
enum numa_stat { NUMA_STATS(STAT_ID) NR_NUMA_STATS };
enum node_stat { NODE_STATS(STAT_ID, STAT_ID, STAT_ID) NR_NODE_STATS };
enum vm_event { VM_EVENTS(STAT_ID, STAT_ID_KINDS, STAT_ID, STAT_ID, STAT_ID) NR_VM_EVENTS };

/* Events that exist once per zone kind: PGALLOC_FIRST + enum zone_kind. */

extern const char *const zone_stat_name[NR_ZONE_STATS];
extern const char *const numa_stat_name[NR_NUMA_STATS]; /* zoneinfo, vmstat */
extern const char *const numastat_name[NR_NUMA_STATS]; /* nodeN/numastat */
extern const char *const node_stat_name[NR_NODE_STATS];
extern const uint32_t zone_stat_kernels[NR_ZONE_STATS]; /* 0: all */
extern const uint32_t node_stat_kernels[NR_NODE_STATS];

enum vm_event_scope { EVENT_ALWAYS, EVENT_ZONE_KIND, EVENT_NUMA, EVENT_64BIT };
struct vm_event_info {
	const char *name; /* prefix for EVENT_ZONE_KIND */
	uint8_t scope; /* enum vm_event_scope */
	uint8_t kind; /* enum zone_kind for EVENT_ZONE_KIND */
	uint32_t kernels; /* 0: all */
};
extern const struct vm_event_info vm_event_info[NR_VM_EVENTS];
/* "pgalloc_dma32"; the name as vmstat prints it. buf holds at least 64 bytes. Returns buf or a constant. */
const char *vm_event_name(enum vm_event e, char *buf);
/* Has this machine a line for the item or event? */
struct machine;
bool zone_stat_shown(const struct machine *m, enum zone_stat s);
bool node_stat_shown(const struct machine *m, enum node_stat s);
bool vm_event_shown(const struct machine *m, enum vm_event e);

/* What a machine prints, in order: for views, which are read more often than anybody asks why. */
struct shown_stats {
	uint8_t nr_zone, nr_numa, nr_node;
	uint16_t nr_event;
	uint8_t zone[NR_ZONE_STATS], node[NR_NODE_STATS]; /* numa: all or none, as they are listed */
	uint16_t event[NR_VM_EVENTS];
};
void shown_stats_list(struct shown_stats *shown, const struct machine *m);

struct cpu;
struct zone;
struct node;

/* Inside the CPU. A difference past the threshold is folded into the global value whole. */
void zone_stat_add(struct cpu *c, struct zone *z, enum zone_stat s, int delta);
void node_stat_add(struct cpu *c, struct node *n, enum node_stat s, int delta);
/* As nr times one more, which folds at other times than nr at once. */
void zone_stat_count(struct cpu *c, struct zone *z, enum zone_stat s, unsigned nr);
void node_stat_count(struct cpu *c, struct node *n, enum node_stat s, unsigned nr);
void event_add(struct cpu *c, enum vm_event e, uint64_t delta);
struct page;
/* Page tables, which have an item of the zone and one of the node. */
void pagetable_stat_add(struct cpu *c, const struct page *table, int delta);

/* Global values, as printed (never below 0); readable without locks. */
uint64_t zone_stat_read(const struct zone *z, enum zone_stat s);
uint64_t node_stat_read(const struct node *n, enum node_stat s);
/* With all per-CPU differences added: exact when the machine is quiet. */
int64_t zone_stat_sum(const struct zone *z, enum zone_stat s);
int64_t node_stat_sum(const struct node *n, enum node_stat s);

/*
 * Fold the differences of one CPU, from outside it: at the end of a request,
 * as an idle CPU does (6.1: quiet_vmstat, refresh_cpu_vm_stats).
 */
void cpu_stat_fold(struct cpu *c);
void machine_stat_fold(struct machine *m); /* all CPUs: vm.stat_refresh */
/* Every stat_interval: CPUs that were used since. An imported machine keeps its captured drift until then. */
void machine_stat_tick(struct machine *m);

/* clear all numa_* counters (writing 0 to vm.numa_stat) */
void machine_numa_clear(struct machine *m);

#endif
