/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_IMPORT_CAPTURE_H
#define DAEMON_IMPORT_CAPTURE_H

/*
 * What the files of another machine say, before anybody believes it: numbers
 * as printed, with a flag beside what a file may lack. The readers fill it and
 * refuse structural nonsense by file and line; import_spec, import_types and
 * import_apply turn it into a machine and add notes on what they had to derive.
 */

#include "base/log.h"
#include "base/mask.h"
#include "base/rng.h"
#include "base/text.h"
#include "daemon/import_input.h"
#include "mm/facts.h"
#include "mm/hugetlb.h"
#include "mm/spec.h"
#include "mm/stat.h"

struct pfn_ranges {
	struct pfn_range *r;
	unsigned nr, cap;
};

struct cap_pageset {
	unsigned cpu;
	int32_t count, high, batch, threshold; /* batch, threshold 0: not printed */
};

struct cap_zone {
	unsigned node;
	enum zone_kind kind;
	unsigned line; /* of its header in zoneinfo */
	bool has_start, has_marks, has_promo;
	uint64_t free, boost, min, low, high, promo, spanned, present, managed, start_pfn;
	uint64_t protection[MM_ZONE_TYPES_MAX];
	unsigned nr_protection;
	uint64_t stat[NR_ZONE_STATS];
	uint32_t has_stat; /* bit per item that was printed */
	uint64_t numa[NR_NUMA_STATS];
	struct cap_pageset *pageset;
	unsigned nr_pagesets, cap_pagesets;

	bool has_buddy; /* buddyinfo */
	unsigned buddy_line;
	uint64_t buddy[MM_ORDERS];

	bool has_types, has_blocks; /* pagetypeinfo */
	uint64_t types[MM_ORDERS][MIGRATE_TYPES];
	uint16_t capped[MIGRATE_TYPES]; /* bit per order printed as ">N" */
	uint64_t blocks[MIGRATE_TYPES];
};

struct cap_huge { /* one pool's pages of a node */
	bool seen;
	uint64_t nr, free, surplus;
};

struct cap_node {
	bool seen; /* any file speaks of it */
	bool has_dir;
	bool has_cpulist;
	struct mask cpus;
	unsigned cpumap_digits; /* hex digits of its cpumap, 0: none */
	unsigned nr_distance; /* 0: none */
	uint8_t distance[MM_NODES_MAX];
	struct pfn_ranges blocks; /* its memoryN links, when there are any */
	struct cap_huge huge, gigantic; /* pages as large as a pageblock, and of 1 GiB */
	uint64_t stat[NR_NODE_STATS]; /* per-node items of zoneinfo, as printed */
	uint64_t has_stat; /* bit per item that was printed */
	bool unreclaimable;
	uint64_t numa[NR_NUMA_STATS]; /* of its numastat */
	uint32_t has_numa; /* bit per item that was printed */
};

struct cap_mask {
	bool known;
	struct mask set;
};

struct cap_meminfo {
	bool known;
	uint64_t total_kb, committed_kb, hugepage_kb;
	uint64_t huge_total, huge_free, huge_rsvd, huge_surp;
	bool has_committed, has_huge, has_direct_map;
	uint64_t buffers_kb, hugetlb_kb;
	struct machine_facts facts;
};

struct cap_knob { /* one file of proc/sys/vm */
	char *name, *value; /* value without the newline at its end */
};

struct cap_cache { /* a line of slabinfo */
	char name[64]; /* of one that is too long: as much as there is room for */
	bool left_out; /* the machine has no such cache; a note says why */
	bool reclaimable; /* guessed from the counters of zoneinfo; the name tells more */
	unsigned line;
	uint64_t active, objects, slabs, active_slabs;
	uint32_t object_bytes, slab_objects, limit, batch, sharedfactor;
	uint8_t order; /* of its slabs */
};

enum cap_note_kind { NOTE_MISSING, NOTE_GUESSED, NOTE_CORRECTED, NOTE_KINDS };

struct cap_note {
	enum cap_note_kind kind;
	char what[48]; /* its name in the summary line */
	char text[208];
};

#define CAP_NOTES_MAX 256u

struct capture {
	struct input *input;
	const char *state; /* its name, without a slash at its end ("" for /) */
	char *frames; /* text of ummfs/frames; NULL: not there, and the rest counts */
	bool here; /* the state is the running host */
	unsigned bits;
	struct cap_zone *zone;
	unsigned nr_zones, cap_zones;
	struct cap_node *node; /* MM_NODES_MAX of them, by number */
	unsigned nr_nodes; /* highest node number seen + 1 */
	struct cap_mask nodes_online, nodes_possible, cpus_online, cpus_possible, cpus_present;
	unsigned pageblock_order; /* 0: not printed */
	bool numa_lines; /* zoneinfo has numa_* lines */
	bool boost_lines, promo_lines, node_blocks; /* it has lines of those names, and "per-node stats" */
	const struct kernel_version *version;
	int thp; /* 1, 0, -1 unknown */
	bool has_huge_sizes, has_gigantic; /* the sizes of huge pages are known; 1 GiB is one of them */
	struct cap_meminfo meminfo;
	uint64_t vmstat[NR_NODE_STATS]; /* node items of vmstat, as printed, over all nodes */
	uint64_t has_vmstat; /* bit per item */
	uint64_t vmstat_numa[NR_NUMA_STATS]; /* NUMA hits of vmstat */
	uint32_t has_vmstat_numa; /* bit per item */
	uint64_t event[NR_VM_EVENTS];
	struct pfn_ranges ram; /* of iomem; none when addresses were hidden */
	uint64_t block_bytes; /* of a memoryN directory; 0: unknown */
	struct cap_knob *knob;
	unsigned nr_knobs, cap_knobs;
	struct cap_cache *cache; /* newest first, as printed */
	unsigned nr_caches, cap_caches;
	struct cap_note *note;
	unsigned nr_notes, notes_lost;
	struct cap_empty *empty;
};

/* ---- import_file.c: files of the state, lines, notes, growing arrays ---- */

/* Files without a byte, which whoever made the state could not read: they count as not there. */
#define CAP_EMPTY_MAX 32u
struct cap_empty {
	unsigned nr; /* also those past the end of the array */
	char path[CAP_EMPTY_MAX][128];
};
void cap_note_empty(struct capture *c); /* once all files are read */

struct cap_file {
	char path[512]; /* as messages name it */
	char *text, *next;
	unsigned line; /* of the line that cap_line returned last; 1 is the first */
};

/* 0, -ENOENT when there is no such file, or -errno with why set. */
MUST_CHECK int cap_open(struct cap_file *f, const struct capture *c, const char *path, struct why *why);
void cap_close(struct cap_file *f);
char *cap_line(struct cap_file *f); /* next line, cut and NUL-terminated; NULL at the end */
char *cap_word(char **rest); /* next word of a line, cut at blanks; NULL at its end */
/* Sets "FILE:LINE: ..." and returns -EINVAL. */
int cap_bad(const struct cap_file *f, struct why *why, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A number that must be there. */
MUST_CHECK int cap_number(const struct cap_file *f, const char *word, const char *name,
			  uint64_t *out, struct why *why);
/* First line of a small file, for cpulist and the like. 0, -ENOENT, or -errno with why set. */
MUST_CHECK int cap_first_line(const struct capture *c, const char *path, char *buf, size_t size,
			      struct why *why);
/* Room for one more element; 0 or -ENOMEM. */
MUST_CHECK int cap_grow(void **array, unsigned *cap, unsigned nr, size_t element);
MUST_CHECK int pfn_ranges_add(struct pfn_ranges *r, uint64_t start, uint64_t end); /* appends; adjacent ranges become one */
void pfn_ranges_fini(struct pfn_ranges *r);
uint64_t pfn_ranges_pages(const struct pfn_ranges *r);
void cap_note(struct capture *c, enum cap_note_kind kind, const char *what, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* ---- readers: one file each; 0, or -errno with why set. A file that is not there is a note. ---- */

MUST_CHECK int cap_read_zoneinfo(struct capture *c, struct why *why); /* import_zoneinfo.c */
MUST_CHECK int cap_read_version(struct capture *c, struct why *why); /* import_version.c; after zoneinfo */
void cap_version_set(struct capture *c, bool known, unsigned major, unsigned minor); /* known: the release was named */
MUST_CHECK int cap_read_buddyinfo(struct capture *c, struct why *why); /* import_buddyinfo.c */
MUST_CHECK int cap_read_pagetypeinfo(struct capture *c, struct why *why); /* import_pagetypeinfo.c */
MUST_CHECK int cap_read_meminfo(struct capture *c, struct why *why); /* import_meminfo.c */
MUST_CHECK int cap_read_vmstat(struct capture *c, struct why *why);
MUST_CHECK int cap_read_iomem(struct capture *c, struct why *why);
MUST_CHECK int cap_read_thp(struct capture *c, struct why *why);
MUST_CHECK int cap_read_knobs(struct capture *c, struct why *why); /* import_knobs.c */
MUST_CHECK int cap_read_nodes(struct capture *c, struct why *why); /* import_nodes.c */
MUST_CHECK int cap_read_numastat(struct capture *c, unsigned node, struct why *why); /* import_numa.c; part of nodes */
MUST_CHECK int cap_read_cpus(struct capture *c, struct why *why);

MUST_CHECK int cap_read_slabinfo(struct capture *c, struct why *why); /* import_slabinfo.c; after version */
MUST_CHECK int cap_read_sos(struct capture *c, struct why *why); /* import_sos.c; after nodes */
MUST_CHECK int cap_compare(struct capture *c, struct why *why); /* import_compare.c; last */
MUST_CHECK int cap_read_log(struct capture *c, struct why *why); /* import_log.c; instead of all others */

/* What no machine can have. The line is that of the zone's header. Fills `managed` where no such line was printed. */
MUST_CHECK int cap_zone_check(struct capture *c, struct cap_file *f, struct cap_zone *z, struct why *why);
/* Name of a zone type to its number, or -1. */
int zone_kind_parse(const char *name);
struct cap_zone *cap_zone_find(struct capture *c, unsigned node, enum zone_kind kind); /* NULL */
/* "Node N, zone NAME": the words of such a line. 0 and *rest behind the name, or -EINVAL with why set. */
MUST_CHECK int cap_zone_words(const struct cap_file *f, char **rest, unsigned *node,
			      enum zone_kind *kind, struct why *why);
const char *cap_knob_value(const struct capture *c, const char *name); /* NULL: not there */
static inline bool cap_zone_populated(const struct cap_zone *z)
{
	return z->present != 0;
}
/* Sum of buddyinfo's blocks in pages. */
uint64_t cap_zone_buddy_pages(const struct cap_zone *z);
unsigned cap_pageblock_order(const struct capture *c); /* printed, else from the huge page size, else 9 */

/* ---- import_apply.c, import_place.c ---- */

struct vm;
struct task;
struct zone;
struct import_huge { /* pages of one pool that are to be placed, by node */
	uint64_t left[MM_NODES_MAX], free[MM_NODES_MAX], surplus[MM_NODES_MAX];
};

struct import_run { /* one import_apply */
	struct capture *c;
	struct vm *vm;
	struct task *task; /* "imported" */
	struct why *why;
	uint64_t small_blocks, managed; /* of the whole capture */
	struct rng rng; /* draws where things lie */
	struct node_use *use; /* by node: import_use.h */
	uint64_t file_budget, other_budget; /* pages that still get an entry and an owner: page cache, all else */
	uint64_t buffers; /* pages of block devices' caches to be marked */
	uint64_t tables; /* page tables of the task's memory */
	struct import_slabs *slabs; /* import_slab.h; NULL: none to be placed */
	struct import_huge huge[HUGETLB_SIZES]; /* by pool */
};
/* Free lists, per-CPU lists, page cache and pool pages of one zone. 0 or -errno. */
MUST_CHECK int import_place_zone(struct import_run *run, struct zone *z, struct cap_zone *from);
/* Free pages as printed, exact in the sum; the threshold as printed. */
void import_zone_counters(struct capture *c, struct zone *z, const struct cap_zone *from);
/* All other counters of zones and nodes, and what is known of the memory without entries. */
void import_counters(struct import_run *run); /* import_stat.c */
void import_past_set(struct import_run *run); /* import_past.c: after the zones */
struct zone *import_zone(struct vm *vm, const struct cap_zone *from);
/* Marks, protection and per-CPU sizes as printed. */
void import_zone_marks(struct capture *c, struct zone *z, const struct cap_zone *from);
void import_knobs_set(struct capture *c, struct vm *vm); /* import_tune.c */
void import_loaded_set(struct capture *c, struct vm *vm); /* import_loaded.c: knobs that are there because the capture has them */
/* What nodes and the machine count of NUMA hits beyond their zones; after the zones' marks. import_numa.c */
struct machine;
void import_numa_set(const struct capture *c, struct machine *m);

/* ---- import_frames.c: a state of our own. 0, or -errno with why set ---- */

MUST_CHECK int import_frames_read(struct capture *c, struct why *why); /* c->frames stays NULL if there is no record */
MUST_CHECK int import_frames_spec(struct capture *c, struct machine_spec *spec, struct why *why);
MUST_CHECK int import_frames_apply(struct capture *c, struct vm *vm, struct why *why);

/* ---- import_ranges.c ---- */

/* Present memory of a zone: exact where iomem agrees with `present`, else holes are guessed. 0 or -ENOMEM. */
MUST_CHECK int cap_zone_ranges(struct capture *c, const struct cap_zone *z, struct pfn_ranges *out);

/* ---- import_types.c ---- */

/* Free blocks by order and type, exact in the sum with buddyinfo; derived where the capture has less. */
void cap_zone_split(struct capture *c, const struct cap_zone *z, uint64_t out[MM_ORDERS][MIGRATE_TYPES]);
/* Pageblocks by type, Movable left out (0): the rest is Movable. */
void cap_zone_blocks(struct capture *c, const struct cap_zone *z, uint64_t out[MIGRATE_TYPES]);

#endif
