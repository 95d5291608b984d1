/* SPDX-License-Identifier: MIT */
/*
 * Whole-machine files of which only a few lines are wanted: meminfo, vmstat,
 * iomem (where memory is; all zeros unless root took the state) and whether
 * transparent huge pages are on.
 */
#include "daemon/import_capture.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *name;
	size_t offset;
} meminfo_lines[] = {
	{ "MemTotal:", offsetof(struct cap_meminfo, total_kb) },
	{ "Committed_AS:", offsetof(struct cap_meminfo, committed_kb) },
	{ "HugePages_Total:", offsetof(struct cap_meminfo, huge_total) },
	{ "HugePages_Free:", offsetof(struct cap_meminfo, huge_free) },
	{ "HugePages_Rsvd:", offsetof(struct cap_meminfo, huge_rsvd) },
	{ "HugePages_Surp:", offsetof(struct cap_meminfo, huge_surp) },
	{ "Hugepagesize:", offsetof(struct cap_meminfo, hugepage_kb) },
	{ "Hugetlb:", offsetof(struct cap_meminfo, hugetlb_kb) },
	{ "Buffers:", offsetof(struct cap_meminfo, buffers_kb) },
	{ "VmallocUsed:", offsetof(struct cap_meminfo, facts.vmalloc_used_kb) },
	{ "Percpu:", offsetof(struct cap_meminfo, facts.percpu_kb) },
	{ "HardwareCorrupted:", offsetof(struct cap_meminfo, facts.corrupted_kb) },
	{ "SwapTotal:", offsetof(struct cap_meminfo, facts.swap_total_kb) },
	{ "SwapFree:", offsetof(struct cap_meminfo, facts.swap_free_kb) },
	{ "Zswap:", offsetof(struct cap_meminfo, facts.zswap_kb) },
	{ "Zswapped:", offsetof(struct cap_meminfo, facts.zswapped_kb) },
	{ "DirectMap4k:", offsetof(struct cap_meminfo, facts.direct_map_kb[DIRECT_4K]) },
	{ "DirectMap2M:", offsetof(struct cap_meminfo, facts.direct_map_kb[DIRECT_LARGE]) },
	{ "DirectMap4M:", offsetof(struct cap_meminfo, facts.direct_map_kb[DIRECT_LARGE]) },
	{ "DirectMap1G:", offsetof(struct cap_meminfo, facts.direct_map_kb[DIRECT_1G]) },
};

static int meminfo_line(struct cap_meminfo *m, const struct cap_file *f, char *line, struct why *why)
{
	char *name = cap_word(&line);
	for (unsigned i = 0; name && i < ARRAY_LEN(meminfo_lines); i++) {
		if (strcmp(name, meminfo_lines[i].name))
			continue;
		size_t offset = meminfo_lines[i].offset;
		m->has_committed |= offset == offsetof(struct cap_meminfo, committed_kb);
		m->has_huge |= offset == offsetof(struct cap_meminfo, huge_total);
		m->has_direct_map |=
			offset == offsetof(struct cap_meminfo, facts.direct_map_kb[DIRECT_4K]);
		m->facts.has_direct_1g |=
			offset == offsetof(struct cap_meminfo, facts.direct_map_kb[DIRECT_1G]);
		return cap_number(f, cap_word(&line), name, (uint64_t *)((char *)m + offset), why);
	}
	return 0;
}

int cap_read_meminfo(struct capture *c, struct why *why)
{
	struct cap_file f;
	int error = cap_open(&f, c, "proc/meminfo", why);
	if (error == -ENOENT) {
		cap_note(c, NOTE_MISSING, "proc/meminfo",
			 "proc/meminfo: not there; nothing is committed, no huge pages");
		return 0;
	}
	c->meminfo.known = !error;
	for (char *line; !error && (line = cap_line(&f));)
		error = meminfo_line(&c->meminfo, &f, line, why);
	if (!error && (c->meminfo.huge_free > c->meminfo.huge_total ||
		       c->meminfo.huge_surp > c->meminfo.huge_total))
		error = cap_bad(&f, why, "more free or surplus huge pages than there are (%lu)",
				c->meminfo.huge_total);
	cap_close(&f);
	return error;
}

/* Where the number of this line goes; NULL: nobody asks for it. What is an event of one kernel is an item of another. */
static uint64_t *vmstat_field(struct capture *c, const char *name)
{
	char buf[64];
	for (unsigned i = 0; i < NR_VM_EVENTS; i++)
		if (kernels_have(vm_event_info[i].kernels, c->version) &&
		    !strcmp(name, vm_event_name((enum vm_event)i, buf)))
			return &c->event[i];
	for (unsigned i = 0; i < NR_NUMA_STATS; i++)
		if (!strcmp(name, numa_stat_name[i])) {
			c->has_vmstat_numa |= 1u << i;
			return &c->vmstat_numa[i];
		}
	for (unsigned i = 0; i < NR_NODE_STATS; i++)
		if (!strcmp(name, node_stat_name[i])) {
			c->has_vmstat |= 1ull << i;
			return &c->vmstat[i];
		}
	return NULL;
}

int cap_read_vmstat(struct capture *c, struct why *why)
{
	struct cap_file f;
	int error = cap_open(&f, c, "proc/vmstat", why);
	if (error == -ENOENT) {
		cap_note(c, NOTE_MISSING, "proc/vmstat", "proc/vmstat: not there; events count from 0");
		return 0;
	}
	for (char *line; !error && (line = cap_line(&f));) {
		char *name = cap_word(&line);
		uint64_t *out = name ? vmstat_field(c, name) : NULL;
		if (out)
			error = cap_number(&f, cap_word(&line), name, out, why);
	}
	cap_close(&f);
	return error;
}

/* "00100000-bffd9fff : System RAM" at the margin: whole frames of it. 0 or -ENOMEM. */
static int iomem_line(struct capture *c, char *line)
{
	static const char ram[] = " : System RAM";
	char *tail = strstr(line, ram);
	char *dash = strchr(line, '-');
	uint64_t first, last;
	if (*line == ' ' || !tail || !dash || strcmp(tail, ram) || dash > tail)
		return 0;
	*tail = *dash = 0;
	if (parse_hex(line, &first) || parse_hex(dash + 1, &last) || !last || first > last || last == UINT64_MAX)
		return 0;
	return pfn_ranges_add(&c->ram, (first + PAGE_SIZE - 1) >> PAGE_SHIFT, (last + 1) >> PAGE_SHIFT);
}

int cap_read_iomem(struct capture *c, struct why *why)
{
	struct cap_file f;
	int error = cap_open(&f, c, "proc/iomem", why);
	if (error == -ENOENT)
		return 0; /* a note only if a zone has holes: import_ranges.c */
	for (char *line; !error && (line = cap_line(&f));)
		error = iomem_line(c, line);
	cap_close(&f);
	return error;
}

int cap_read_thp(struct capture *c, struct why *why)
{
	char line[128];
	c->thp = -1;
	int error = cap_first_line(c, "sys/kernel/mm/transparent_hugepage/enabled", line,
				   sizeof(line), why);
	if (error == -ENOENT) {
		cap_note(c, NOTE_MISSING, "transparent_hugepage/enabled",
			 "sys/kernel/mm/transparent_hugepage/enabled: not there");
		return 0;
	}
	if (!error)
		c->thp = !strstr(line, "[never]");
	return error;
}
