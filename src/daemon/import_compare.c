/* SPDX-License-Identifier: MIT */
/*
 * Files that say the same thing twice: meminfo and vmstat print sums of what
 * zoneinfo prints by zone and node. They are read some milliseconds apart, so
 * small differences are life; a large one means that the machine was busy or
 * the archive patched together, and is named. zoneinfo is what counts.
 */
#include "daemon/import_capture.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>

#define TOLERANCE_SHIFT 6 /* 1/64 of the machine's memory */

struct twin {
	const char *meminfo, *vmstat; /* names there; NULL: not printed */
	bool zone; /* an item of zones, not of nodes */
	uint8_t item;
};

static const struct twin twins[] = {
	{ "MemFree:", "nr_free_pages", true, NR_FREE_PAGES },
	{ "SReclaimable:", "nr_slab_reclaimable", false, NR_SLAB_RECLAIMABLE },
	{ "SUnreclaim:", "nr_slab_unreclaimable", false, NR_SLAB_UNRECLAIMABLE },
	{ "AnonPages:", "nr_anon_pages", false, NR_ANON_MAPPED },
	{ "Mapped:", "nr_mapped", false, NR_FILE_MAPPED },
	{ "Shmem:", "nr_shmem", false, NR_SHMEM },
	{ NULL, "nr_file_pages", false, NR_FILE_PAGES },
	{ "Dirty:", "nr_dirty", false, NR_FILE_DIRTY },
	{ "Active(file):", "nr_active_file", false, NR_ACTIVE_FILE },
	{ "Inactive(file):", "nr_inactive_file", false, NR_INACTIVE_FILE },
	{ "Active(anon):", "nr_active_anon", false, NR_ACTIVE_ANON },
	{ "Inactive(anon):", "nr_inactive_anon", false, NR_INACTIVE_ANON },
};

/* false: zoneinfo does not have it for all. */
static bool sum_of(const struct capture *c, const struct twin *t, uint64_t *sum)
{
	*sum = 0;
	for (unsigned i = 0; t->zone && i < c->nr_zones; i++)
		*sum += c->zone[i].free; /* the only zone item here; "pages free" has it, too */
	for (unsigned n = 0; !t->zone && n < c->nr_nodes; n++) {
		if (!(c->node[n].has_stat >> t->item & 1)) {
			for (unsigned i = 0; i < c->nr_zones; i++)
				if (c->zone[i].node == n && cap_zone_populated(&c->zone[i]))
					return false;
			continue;
		}
		*sum += c->node[n].stat[t->item];
	}
	return true;
}

static uint64_t tolerance(const struct capture *c)
{
	uint64_t managed = 0;
	for (unsigned i = 0; i < c->nr_zones; i++)
		managed += c->zone[i].managed;
	return MAX(managed >> TOLERANCE_SHIFT, 1024ul);
}

static void line_compare(struct capture *c, const char *file, bool kb, char *line)
{
	char *name = cap_word(&line), *word = cap_word(&line);
	uint64_t value, sum;
	if (!word || parse_u64(word, &value))
		return;
	for (unsigned i = 0; i < ARRAY_LEN(twins); i++) {
		const char *theirs = kb ? twins[i].meminfo : twins[i].vmstat;
		if (!theirs || strcmp(theirs, name) || !sum_of(c, &twins[i], &sum))
			continue;
		uint64_t pages = kb ? value >> (PAGE_SHIFT - 10) : value;
		uint64_t apart = pages > sum ? pages - sum : sum - pages;
		size_t len = strlen(name);
		if (len && name[len - 1] == ':')
			name[len - 1] = 0;
		if (apart > tolerance(c))
			cap_note(c, NOTE_CORRECTED, name,
				 "%s: %s %lu%s, but zoneinfo has %lu, which are taken", file, name,
				 value, kb ? " kB" : " pages", kb ? PAGES_TO_KB(sum) : sum);
		return;
	}
}

static int file_compare(struct capture *c, const char *path, bool kb, struct why *why)
{
	struct cap_file f;
	int error = cap_open(&f, c, path, why);
	if (error)
		return error == -ENOENT ? 0 : error;
	for (char *line; (line = cap_line(&f));)
		line_compare(c, path, kb, line);
	cap_close(&f);
	return 0;
}

int cap_compare(struct capture *c, struct why *why)
{
	int error = file_compare(c, "proc/meminfo", true, why);
	return error ? error : file_compare(c, "proc/vmstat", false, why);
}
