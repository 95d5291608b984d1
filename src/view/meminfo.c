/* SPDX-License-Identifier: MIT */
/*
 * proc/meminfo (fs/proc/meminfo.c, 6.1). Lines of what the machine does not
 * have (swap, zswap, vmalloc, per-CPU areas) print what an imported one had,
 * else 0; DirectMap lines say how its kernel maps memory (mm/facts.h).
 */
#include "view/chunk.h"
#include "view/views.h"

#define KB_LINE(c, label, pages) kb_line(c, label, PAGES_TO_KB(pages))

static void kb_line(struct chunk *c, const char *label, uint64_t kb)
{
	chunk_str_left(c, label, 16);
	chunk_u64_right(c, kb, 8);
	chunk_lit(c, " kB\n");
}

/* One item over all nodes, as its own line. */
static void node_line(struct chunk *c, const struct snapshot *s, const char *label, enum node_stat item)
{
	KB_LINE(c, label, snap_node_sum(s, item));
}

static uint64_t total_pages(const struct snapshot *s, bool high)
{
	uint64_t sum = 0;
	FOR_EACH_POPULATED_ZONE(z, s->machine)
		if (!high || zone_is_high(z))
			sum += s->zone[z->id].managed;
	return sum;
}

/* Low marks of every zone, also of empty ones: on 32-bit machines those have marks. */
static uint64_t low_pages(const struct snapshot *s)
{
	uint64_t sum = 0;
	FOR_EACH_ONLINE_NODE(n, s->machine)
		for (unsigned type = 0; type < s->machine->nr_zone_types; type++) {
			const struct zone_snap *snap = &s->zone[n->zone[type]->id];
			sum += snap->watermark[WMARK_LOW] + snap->boost;
		}
	return sum;
}

/* mm/page_alloc.c: si_mem_available, 6.1 */
static uint64_t available_pages(const struct snapshot *s)
{
	uint64_t low = low_pages(s);
	uint64_t file = snap_node_sum(s, NR_ACTIVE_FILE) + snap_node_sum(s, NR_INACTIVE_FILE);
	uint64_t slab =
		snap_node_sum(s, NR_SLAB_RECLAIMABLE) + snap_node_sum(s, NR_KERNEL_MISC_RECLAIMABLE);
	uint64_t sum = snap_zone_sum(s, NR_FREE_PAGES);
	sum += file - MIN(file / 2, low);
	sum += slab - MIN(slab / 2, low);
	uint64_t reserve = snap_reserve_pages(s);
	return sum > reserve ? sum - reserve : 0;
}

static void lru_lines(struct chunk *c, const struct snapshot *s)
{
	uint64_t active_anon = snap_node_sum(s, NR_ACTIVE_ANON);
	uint64_t inactive_anon = snap_node_sum(s, NR_INACTIVE_ANON);
	uint64_t active_file = snap_node_sum(s, NR_ACTIVE_FILE);
	uint64_t inactive_file = snap_node_sum(s, NR_INACTIVE_FILE);
	KB_LINE(c, "Active:", active_anon + active_file);
	KB_LINE(c, "Inactive:", inactive_anon + inactive_file);
	KB_LINE(c, "Active(anon):", active_anon);
	KB_LINE(c, "Inactive(anon):", inactive_anon);
	KB_LINE(c, "Active(file):", active_file);
	KB_LINE(c, "Inactive(file):", inactive_file);
	node_line(c, s, "Unevictable:", NR_UNEVICTABLE);
	KB_LINE(c, "Mlocked:", snap_zone_sum(s, NR_MLOCK));
}

/* The kernel of a 32-bit machine has high memory compiled in. */
static void high_lines(struct chunk *c, const struct snapshot *s)
{
	uint64_t total = total_pages(s, false), free = snap_zone_sum(s, NR_FREE_PAGES);
	uint64_t high = total_pages(s, true), high_free = 0;
	FOR_EACH_POPULATED_ZONE(z, s->machine)
		if (zone_is_high(z))
			high_free += snap_pages(s->zone[z->id].stat[NR_FREE_PAGES]);
	KB_LINE(c, "HighTotal:", high);
	KB_LINE(c, "HighFree:", high_free);
	KB_LINE(c, "LowTotal:", total - high);
	KB_LINE(c, "LowFree:", free > high_free ? free - high_free : 0);
}

static void head_lines(struct chunk *c, const struct snapshot *s)
{
	uint64_t file = snap_node_sum(s, NR_FILE_PAGES), swapcache = snap_node_sum(s, NR_SWAPCACHE);
	uint64_t other = swapcache + s->buffer_pages;
	KB_LINE(c, "MemTotal:", total_pages(s, false));
	KB_LINE(c, "MemFree:", snap_zone_sum(s, NR_FREE_PAGES));
	KB_LINE(c, "MemAvailable:", available_pages(s));
	KB_LINE(c, "Buffers:", s->buffer_pages);
	KB_LINE(c, "Cached:", file > other ? file - other : 0);
	KB_LINE(c, "SwapCached:", swapcache);
	lru_lines(c, s);
	if (s->machine->bits == 32)
		high_lines(c, s);
	kb_line(c, "SwapTotal:", s->machine->facts.swap_total_kb);
	kb_line(c, "SwapFree:", s->machine->facts.swap_free_kb);
	if (vm_event_shown(s->machine, ZSWPIN)) {
		kb_line(c, "Zswap:", s->machine->facts.zswap_kb);
		kb_line(c, "Zswapped:", s->machine->facts.zswapped_kb);
	}
}

static void use_lines(struct chunk *c, const struct snapshot *s)
{
	uint64_t reclaimable = snap_node_sum(s, NR_SLAB_RECLAIMABLE);
	uint64_t unreclaimable = snap_node_sum(s, NR_SLAB_UNRECLAIMABLE);
	node_line(c, s, "Dirty:", NR_FILE_DIRTY);
	node_line(c, s, "Writeback:", NR_WRITEBACK);
	node_line(c, s, "AnonPages:", NR_ANON_MAPPED);
	node_line(c, s, "Mapped:", NR_FILE_MAPPED);
	node_line(c, s, "Shmem:", NR_SHMEM);
	KB_LINE(c, "KReclaimable:", reclaimable + snap_node_sum(s, NR_KERNEL_MISC_RECLAIMABLE));
	KB_LINE(c, "Slab:", reclaimable + unreclaimable);
	KB_LINE(c, "SReclaimable:", reclaimable);
	KB_LINE(c, "SUnreclaim:", unreclaimable);
	kb_line(c, "KernelStack:", snap_node_sum(s, NR_KERNEL_STACK_KB));
	node_line(c, s, "PageTables:", NR_PAGETABLE);
	if (node_stat_shown(s->machine, NR_SECONDARY_PAGETABLE))
		node_line(c, s, "SecPageTables:", NR_SECONDARY_PAGETABLE);
	kb_line(c, "NFS_Unstable:", 0);
	KB_LINE(c, "Bounce:", snap_zone_sum(s, NR_BOUNCE));
	node_line(c, s, "WritebackTmp:", NR_WRITEBACK_TEMP);
	KB_LINE(c, "CommitLimit:", s->commit_limit_pages);
	KB_LINE(c, "Committed_AS:", s->committed_pages);
}

/*
 * Address space of vmalloc: 32 TiB; on 32-bit machines 120 MiB, and whatever
 * low memory leaves below the frame where it must end for them.
 */
static uint64_t vmalloc_total_kb(const struct machine *m)
{
	if (m->bits == 64)
		return 34359738367u;
	uint64_t limit = m->pageblock_order == 9 ? 0x36ffe : 0x36bfe; /* with and without PAE */
	uint64_t low_end = 0;
	FOR_EACH_POPULATED_ZONE(z, m)
		if (!zone_is_high(z))
			low_end = MAX(low_end, z->start_pfn + z->spanned);
	return 122880 + PAGES_TO_KB(low_end < limit ? limit - low_end : 0);
}

static void kernel_lines(struct chunk *c, const struct snapshot *s)
{
	kb_line(c, "VmallocTotal:", vmalloc_total_kb(s->machine));
	kb_line(c, "VmallocUsed:", s->machine->facts.vmalloc_used_kb);
	kb_line(c, "VmallocChunk:", 0);
	kb_line(c, "Percpu:", s->machine->facts.percpu_kb);
	chunk_lit(c, "HardwareCorrupted: ");
	chunk_u64_right(c, s->machine->facts.corrupted_kb, 5);
	chunk_lit(c, " kB\n");
	node_line(c, s, "AnonHugePages:", NR_ANON_THPS);
	node_line(c, s, "ShmemHugePages:", NR_SHMEM_THPS);
	node_line(c, s, "ShmemPmdMapped:", NR_SHMEM_PMDMAPPED);
	node_line(c, s, "FileHugePages:", NR_FILE_THPS);
	node_line(c, s, "FilePmdMapped:", NR_FILE_PMDMAPPED);
	if (zone_stat_shown(s->machine, NR_UNACCEPTED))
		KB_LINE(c, "Unaccepted:", snap_zone_sum(s, NR_UNACCEPTED));
}

static void count_line(struct chunk *c, const char *label, uint64_t pages)
{
	chunk_str_left(c, label, 19);
	chunk_u64_right(c, pages, 5);
	chunk_char(c, '\n');
}

static void hugetlb_lines(struct chunk *c, const struct snapshot *s)
{
	count_line(c, "HugePages_Total:", s->hugetlb_nr);
	count_line(c, "HugePages_Free:", s->hugetlb_free);
	count_line(c, "HugePages_Rsvd:", s->hugetlb_reserved);
	count_line(c, "HugePages_Surp:", s->hugetlb_surplus);
	KB_LINE(c, "Hugepagesize:", 1ull << s->hugetlb_order);
	kb_line(c, "Hugetlb:", PAGES_TO_KB(s->hugetlb_all_pages));
}

static void direct_map_lines(struct chunk *c, const struct machine *m)
{
	const uint64_t *kb = m->facts.direct_map_kb;
	kb_line(c, "DirectMap4k:", kb[DIRECT_4K]);
	kb_line(c, m->pageblock_order == 10 ? "DirectMap4M:" : "DirectMap2M:", kb[DIRECT_LARGE]);
	if (m->facts.has_direct_1g)
		kb_line(c, "DirectMap1G:", kb[DIRECT_1G]);
}

void view_meminfo(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	struct chunk c;
	chunk_init(&c, t);
	head_lines(&c, s);
	use_lines(&c, s);
	kernel_lines(&c, s);
	hugetlb_lines(&c, s);
	direct_map_lines(&c, s->machine);
	chunk_flush(&c);
}
