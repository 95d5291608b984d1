/* SPDX-License-Identifier: MIT */
/*
 * Step two of an import: the shape of the machine. Nodes are those that
 * zoneinfo or the node directories speak of; online CPUs those that every
 * populated zone lists; the rest is read or, where the file is missing,
 * derived with a note.
 */
#include "daemon/import.h"

#include "base/mem.h"
#include "daemon/import_capture.h"

#include <errno.h>
#include <string.h>

#define DISTANCE_LOCAL 10
#define DISTANCE_REMOTE 20

static unsigned mask_highest(const struct mask *m)
{
	for (unsigned i = MASK_WORDS; i-- > 0;)
		if (m->w[i])
			return i * 64 + 63u - (unsigned)__builtin_clzll(m->w[i]);
	return 0;
}

static int why_line(struct capture *c, struct why *why, unsigned line, const char *what)
{
	return why_set(why, -EINVAL, "%s/proc/zoneinfo:%u: %s", c->state, line, what);
}

/* ---- CPUs ---- */

/* CPUs that zones list. 6.1 prints every online CPU under every populated zone. */
static void cpus_online_find(struct capture *c, struct machine_spec *s)
{
	struct mask listed;
	mask_clear(&listed);
	for (unsigned i = 0; i < c->nr_zones; i++)
		for (unsigned j = 0; j < c->zone[i].nr_pagesets; j++)
			mask_set(&listed, c->zone[i].pageset[j].cpu);
	if (mask_empty(&listed) && c->cpus_online.known)
		listed = c->cpus_online.set;
	if (mask_empty(&listed)) {
		cap_note(c, NOTE_GUESSED, "CPUs", "no file lists a CPU; taken as one");
		mask_set(&listed, 0);
	}
	if (c->cpus_online.known && memcmp(&c->cpus_online.set, &listed, sizeof(listed)))
		cap_note(c, NOTE_CORRECTED, "online CPUs",
			 "sys/devices/system/cpu/online differs from the CPUs that zoneinfo lists, which are taken");
	s->cpus_online = listed;
}

/* cpumap is as wide as the kernel can number CPUs, in digits of four. */
static unsigned nr_cpu_ids_find(const struct capture *c, const struct machine_spec *s)
{
	unsigned digits = 0;
	unsigned nr = mask_highest(&s->cpus_online) + 1;
	for (unsigned n = 0; n < c->nr_nodes; n++)
		digits = MAX(digits, c->node[n].cpumap_digits);
	if (c->cpus_possible.known)
		nr = MAX(nr, mask_highest(&c->cpus_possible.set) + 1);
	if (digits && DIV_ROUND_UP(nr, 4) != digits)
		nr = MAX(mask_highest(&s->cpus_online) + 1, digits * 4);
	return MIN(nr, MM_CPUS_MAX);
}

static void cpus_possible_find(const struct capture *c, struct machine_spec *s)
{
	s->nr_cpu_ids = nr_cpu_ids_find(c, s);
	s->cpus_possible = s->cpus_online;
	for (unsigned cpu = 0; cpu < s->nr_cpu_ids; cpu++)
		if (!c->cpus_possible.known || mask_has(&c->cpus_possible.set, cpu))
			mask_set(&s->cpus_possible, cpu);
}

/* CPUs that no node claims: all on the only node, or spread over the nodes with memory. */
static void cpus_spread(struct capture *c, struct machine_spec *s, const struct mask *orphans)
{
	unsigned home[MM_NODES_MAX], nr = 0;
	for (unsigned n = 0; n < s->nr_nodes; n++) {
		bool memory = false;
		for (unsigned t = 0; t < MM_ZONE_TYPES_MAX; t++)
			memory |= s->node[n].zone[t].present != 0;
		if (memory)
			home[nr++] = n;
	}
	ASSERT(nr); /* a state without populated zones was refused */
	unsigned count = mask_count(orphans), i = 0;
	MASK_FOR_EACH(cpu, orphans)
		mask_set(&s->node[home[(uint64_t)i++ * nr / count]].cpus, cpu);
	if (nr > 1)
		cap_note(c, NOTE_GUESSED, "CPUs of nodes",
			 "no cpulist names the node of %u CPUs; they are spread evenly over %u nodes",
			 count, nr);
}

static void cpus_place(struct capture *c, struct machine_spec *s)
{
	struct mask orphans = s->cpus_online;
	unsigned not_online = 0;
	for (unsigned n = 0; n < s->nr_nodes; n++)
		MASK_FOR_EACH(cpu, &c->node[n].cpus) {
			if (!mask_has(&orphans, cpu)) {
				not_online++;
				continue;
			}
			mask_set(&s->node[n].cpus, cpu);
			orphans.w[cpu / 64] &= ~(1ull << cpu % 64);
		}
	if (not_online)
		cap_note(c, NOTE_CORRECTED, "cpulist",
			 "%u CPUs of the nodes' cpulists are not online or stand on two nodes; left out",
			 not_online);
	if (!mask_empty(&orphans))
		cpus_spread(c, s, &orphans);
}

/* ---- Nodes ---- */

static unsigned nodes_online(const struct machine_spec *s)
{
	unsigned nr = 0;
	for (unsigned n = 0; n < s->nr_nodes; n++)
		nr += s->node[n].online;
	return nr;
}

static void distances_guess(struct machine_spec *s, unsigned n)
{
	for (unsigned to = 0; to < s->nr_nodes; to++)
		s->node[n].distance[to] = to == n ? DISTANCE_LOCAL : DISTANCE_REMOTE;
}

/* A distance file has one number for each online node. */
static void distances_set(struct capture *c, struct machine_spec *s)
{
	unsigned nr = nodes_online(s), guessed = 0;
	for (unsigned n = 0; n < s->nr_nodes; n++) {
		const struct cap_node *from = &c->node[n];
		distances_guess(s, n);
		if (!s->node[n].online)
			continue;
		if (from->nr_distance != nr) {
			guessed += nr > 1;
			continue;
		}
		unsigned i = 0;
		for (unsigned to = 0; to < s->nr_nodes; to++)
			if (s->node[to].online)
				s->node[n].distance[to] = from->distance[i++];
	}
	if (guessed)
		cap_note(c, NOTE_GUESSED, "distances",
			 "%u nodes have no usable distance file; taken as %d to themselves, %d to others",
			 guessed, DISTANCE_LOCAL, DISTANCE_REMOTE);
}

static int nodes_set(struct capture *c, struct machine_spec *s, struct why *why)
{
	unsigned nr = c->nr_nodes;
	if (c->nodes_online.known && !mask_empty(&c->nodes_online.set))
		nr = MAX(nr, mask_highest(&c->nodes_online.set) + 1);
	if (c->nodes_possible.known && !mask_empty(&c->nodes_possible.set))
		nr = MAX(nr, mask_highest(&c->nodes_possible.set) + 1);
	if (nr > MM_NODES_MAX)
		return why_set(why, -EINVAL, "%s/sys/devices/system/node: the highest node number is %u",
			       c->state, MM_NODES_MAX - 1);
	int error = machine_spec_set_nodes(s, nr);
	if (error)
		return error;
	for (unsigned n = 0; n < nr; n++) {
		s->node[n].online = c->node[n].seen ||
				    (c->nodes_online.known && mask_has(&c->nodes_online.set, n));
		s->node[n].host_node = c->here && s->node[n].online ? (int)n : -1;
	}
	return 0;
}

/* ---- Zones ---- */

/* Old kernels print no start_pfn for some zones: behind the zone before it, not below where its kind begins. */
static void zone_start_guess(struct capture *c, struct cap_zone *z)
{
	uint64_t start = z->kind == ZONE_DMA     ? 1
			 : z->kind == ZONE_DMA32 ? 4096
			 : c->bits == 32         ? 4096
						 : 0x100000;
	for (const struct cap_zone *o = c->zone; o < z; o++)
		if (cap_zone_populated(o))
			start = MAX(start, o->start_pfn + o->spanned);
	z->start_pfn = start;
	cap_note(c, NOTE_GUESSED, "start_pfn", "node %u, zone %s: no start_pfn, taken as %lu",
		 z->node, zone_kind_name[z->kind], start);
}

static uint64_t zone_blocks_printed(struct capture *c, const struct cap_zone *z)
{
	uint64_t sum = 0, bound = (z->spanned >> cap_pageblock_order(c)) + 2;
	for (unsigned mt = 0; z->has_blocks && mt < MIGRATE_TYPES; mt++)
		sum += z->blocks[mt];
	if (sum <= bound)
		return sum;
	cap_note(c, NOTE_CORRECTED, "number of blocks",
		 "node %u, zone %s: %lu pageblocks do not fit its %lu pages; counted anew", z->node,
		 zone_kind_name[z->kind], sum, z->spanned);
	return 0;
}

static int zone_set(struct capture *c, struct machine_spec *s, struct cap_zone *z, struct why *why)
{
	enum zone_kind kinds[MM_ZONE_TYPES_MAX];
	unsigned type = 0, nr = zone_kinds(s->bits, kinds);
	while (type < nr && kinds[type] != z->kind)
		type++;
	if (type == nr)
		return why_line(c, why, z->line, "a zone that a machine of this word size does not have");
	if (!cap_zone_populated(z))
		return 0;
	if (!z->has_start)
		zone_start_guess(c, z);
	if (!z->start_pfn)
		return why_line(c, why, z->line, "the zone starts at frame 0, which no kernel hands out");
	if (z->spanned > MM_HIGHEST_PFN - z->start_pfn)
		return why_line(c, why, z->line,
				"the zone ends past the highest frame that ummfs can number");

	struct zone_spec *zs = &s->node[z->node].zone[type];
	struct pfn_ranges r = { 0 };
	int error = cap_zone_ranges(c, z, &r);
	for (unsigned i = 0; i < r.nr && !error; i++)
		error = zone_spec_add_range(zs, r.r[i].start, r.r[i].end);
	pfn_ranges_fini(&r);
	zs->start_pfn = z->start_pfn;
	zs->spanned = z->spanned;
	zs->managed = z->managed;
	zs->nr_blocks = zone_blocks_printed(c, z);
	return error;
}

struct owned_range {
	struct pfn_range r;
	unsigned line;
};

static int owned_compare(const void *a, const void *b)
{
	uint64_t x = ((const struct owned_range *)a)->r.start,
		 y = ((const struct owned_range *)b)->r.start;
	return (x > y) - (x < y);
}

/* No frame may belong to two zones. */
static int overlap_check(struct capture *c, const struct machine_spec *s, struct why *why)
{
	struct owned_range *all = NULL;
	unsigned nr = 0, cap = 0;
	int error = 0;
	enum zone_kind kinds[MM_ZONE_TYPES_MAX];
	zone_kinds(s->bits, kinds);
	for (unsigned n = 0; n < s->nr_nodes; n++)
		for (unsigned t = 0; t < MM_ZONE_TYPES_MAX; t++)
			for (unsigned i = 0; i < s->node[n].zone[t].nr_ranges && !error; i++) {
				error = cap_grow((void **)&all, &cap, nr, sizeof(*all));
				if (!error)
					all[nr++] =
						(struct owned_range){ s->node[n].zone[t].range[i],
								      cap_zone_find(c, n, kinds[t])->line };
			}
	if (!error && nr)
		qsort(all, nr, sizeof(*all), owned_compare);
	for (unsigned i = 1; i < nr && !error; i++)
		if (all[i].r.start < all[i - 1].r.end)
			error = why_line(c, why, MAX(all[i].line, all[i - 1].line),
					 "the zone's memory lies inside another zone's");
	mem_free(all);
	return error;
}

/* ---- The whole ---- */

unsigned cap_pageblock_order(const struct capture *c)
{
	if (c->pageblock_order)
		return c->pageblock_order;
	return c->meminfo.hugepage_kb == PAGES_TO_KB(MM_TOP_PAGES) ? MM_ORDER_MAX : 9;
}

static void thp_set(struct capture *c, struct machine_spec *s)
{
	uint64_t managed = 0;
	for (unsigned i = 0; i < c->nr_zones; i++)
		managed += c->zone[i].managed;
	s->thp = c->thp < 0 ? managed >= (512ul << 20 >> PAGE_SHIFT) : c->thp;
	if (c->thp < 0)
		cap_note(c, NOTE_GUESSED, "transparent huge pages",
			 "taken as %s, as 6.1 does with this much memory", s->thp ? "on" : "off");
}

/* Memory in huge pages that are not of the default size. */
static uint64_t huge_other_kb(const struct cap_meminfo *info)
{
	uint64_t kb = info->huge_total * info->hugepage_kb;
	return info->hugetlb_kb > kb ? info->hugetlb_kb - kb : 0;
}

/* Has the processor pages of 1 GiB? Its directory says so, else what can only be if it has. */
static void gigantic_set(const struct capture *c, struct machine_spec *s)
{
	const struct cap_meminfo *info = &c->meminfo;
	bool gigantic_default = info->hugepage_kb == PAGES_TO_KB(1ul << GIGANTIC_ORDER);
	if (c->bits != 64)
		return;
	s->gigantic = c->has_huge_sizes
			      ? c->has_gigantic
			      : info->facts.has_direct_1g || huge_other_kb(info) || gigantic_default;
	s->gigantic_default = s->gigantic && gigantic_default;
}

int import_spec(struct capture *c, struct machine_spec *s, struct why *why)
{
	if (c->frames)
		return import_frames_spec(c, s, why);
	machine_spec_init(s);
	s->kernel = c->version->kernel;
	s->bits = c->bits;
	s->pageblock_order = cap_pageblock_order(c);
	s->numa = c->numa_lines;
	s->imported = true;
	thp_set(c, s);
	gigantic_set(c, s);
	int error = nodes_set(c, s, why);
	for (unsigned i = 0; i < c->nr_zones && !error; i++)
		error = zone_set(c, s, &c->zone[i], why);
	if (!error)
		error = overlap_check(c, s, why);
	if (!error) {
		cpus_online_find(c, s);
		cpus_possible_find(c, s);
		cpus_place(c, s);
		distances_set(c, s);
		return 0;
	}
	if (error == -ENOMEM)
		why_set(why, error, "%s: not enough memory to import it", c->state);
	machine_spec_fini(s);
	return error;
}
