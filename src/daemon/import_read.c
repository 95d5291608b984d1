/* SPDX-License-Identifier: MIT */
/*
 * Step one of an import: read what is there into a struct capture. zoneinfo
 * comes first because the other files are checked against its zones; meminfo
 * and pagetypeinfo before the node directories because the name of their huge
 * page folders depends on the size of a pageblock.
 */
#include "daemon/import.h"

#include "base/mem.h"
#include "daemon/import_capture.h"

#include <errno.h>
#include <string.h>

static int (*const readers[])(struct capture *c, struct why *why) = {
	cap_read_zoneinfo, cap_read_version, cap_read_buddyinfo, cap_read_pagetypeinfo,
	cap_read_meminfo,  cap_read_vmstat,  cap_read_iomem,     cap_read_thp,
	cap_read_knobs,    cap_read_nodes,   cap_read_cpus,      cap_read_slabinfo,
	cap_read_sos,      cap_compare,
};

static int state_set(struct capture *c, const char *state, struct why *why)
{
	int error = input_open(&c->input, state, why);
	if (error)
		return error;
	c->state = input_name(c->input);
	c->here = !*c->state;
	c->node = mem_zalloc(MM_NODES_MAX * sizeof(*c->node));
	c->empty = mem_zalloc(sizeof(*c->empty));
	return c->node && c->empty ? 0 : why_set(why, -ENOMEM, "%s: not enough memory to read it", state);
}

/* 32-bit kernels are the ones with high memory. */
static int bits_find(struct capture *c, struct why *why)
{
	const struct cap_zone *dma32 = NULL, *high = NULL;
	for (unsigned i = 0; i < c->nr_zones; i++) {
		if (c->zone[i].kind == ZONE_DMA32)
			dma32 = &c->zone[i];
		if (c->zone[i].kind == ZONE_HIGHMEM)
			high = &c->zone[i];
	}
	c->bits = high ? 32 : 64;
	if (high && dma32)
		return why_set(why, -EINVAL, "%s/proc/zoneinfo:%u: no machine has both DMA32 and HighMem",
			       c->state, MAX(high->line, dma32->line));
	return 0;
}

/* Frames are 4 KiB here. MemTotal tells the size of theirs. */
static int page_size_check(struct capture *c, struct why *why)
{
	uint64_t managed = 0;
	for (unsigned i = 0; i < c->nr_zones; i++)
		managed += c->zone[i].managed;
	uint64_t total_kb = c->meminfo.total_kb;
	if (!c->meminfo.known || !total_kb || !managed)
		return 0;
	if (total_kb / managed >= 16)
		return why_set(why, -EINVAL,
			       "%s/proc/meminfo: pages of %lu KiB; ummfs emulates machines with pages of 4 KiB",
			       c->state, total_kb / managed);
	uint64_t expected_kb = PAGES_TO_KB(managed);
	if (total_kb > expected_kb + expected_kb / 20 || total_kb < expected_kb - expected_kb / 20)
		cap_note(c, NOTE_CORRECTED, "MemTotal",
			 "proc/meminfo: MemTotal %lu kB, but the zones manage %lu kB, which is taken",
			 total_kb, expected_kb);
	return 0;
}

static int files_read(struct capture *c, struct why *why)
{
	int error = 0;
	if (input_is_log(c->input)) {
		error = cap_read_log(c, why);
		return error ? error : bits_find(c, why);
	}
	for (unsigned i = 0; i < ARRAY_LEN(readers) && !error; i++)
		error = readers[i](c, why);
	cap_note_empty(c);
	if (!error)
		error = bits_find(c, why);
	return error ? error : page_size_check(c, why);
}

/* A state of our own is exact or nothing; of others the files that could be read count. */
static int damage_note(struct capture *c, struct why *why)
{
	const char *damage = input_damage(c->input);
	if (damage && c->frames)
		return why_set(why, -EINVAL, "%s: ends early or is damaged: %s", c->state, damage);
	if (damage)
		cap_note(c, NOTE_CORRECTED, "archive",
			 "the archive ends early or is damaged (%s): what stands before that is taken",
			 damage);
	return 0;
}

int import_read(struct capture **out, const char *state, struct why *why)
{
	struct capture *c = mem_zalloc(sizeof(*c));
	if (!c)
		return why_set(why, -ENOMEM, "%s: not enough memory to read it", state);
	int error = state_set(c, state, why);
	if (!error)
		error = import_frames_read(c, why);
	if (!error)
		error = damage_note(c, why);
	if (!error && !c->frames)
		error = files_read(c, why);
	if (error == -ENOMEM)
		why_set(why, error, "%s: not enough memory to read it", state);
	if (error)
		import_free(c);
	else
		*out = c;
	return error;
}

void import_free(struct capture *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->nr_zones; i++)
		mem_free(c->zone[i].pageset);
	for (unsigned i = 0; c->node && i < MM_NODES_MAX; i++)
		pfn_ranges_fini(&c->node[i].blocks);
	for (unsigned i = 0; i < c->nr_knobs; i++) {
		mem_free(c->knob[i].name);
		mem_free(c->knob[i].value);
	}
	pfn_ranges_fini(&c->ram);
	mem_free(c->knob);
	mem_free(c->cache);
	mem_free(c->zone);
	mem_free(c->node);
	mem_free(c->note);
	mem_free(c->empty);
	mem_free(c->frames);
	input_close(c->input);
	mem_free(c);
}
