/* SPDX-License-Identifier: MIT */
/*
 * zoneinfo, the one file that a state must have. A line is known by its first
 * words; lines that this kernel does not have are passed over, so that older
 * and newer kernels boot, but a known line with a bad number, or numbers that
 * no machine can have, are refused.
 */
#include "daemon/import_capture.h"

#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

struct reading {
	struct capture *c;
	struct cap_file f;
	struct cap_zone *zone; /* of the last header */
	struct cap_pageset *pageset; /* of the last "cpu:" */
	bool node_stats; /* inside "per-node stats" */
	unsigned strange, strange_line; /* lines that have lost their name or number; the first of them */
	struct why *why;
};

int zone_kind_parse(const char *name)
{
	for (int k = 0; k < ZONE_KINDS; k++)
		if (!strcmp(name, zone_kind_name[k]))
			return k;
	return -1;
}

struct cap_zone *cap_zone_find(struct capture *c, unsigned node, enum zone_kind kind)
{
	for (unsigned i = 0; i < c->nr_zones; i++)
		if (c->zone[i].node == node && c->zone[i].kind == kind)
			return &c->zone[i];
	return NULL;
}

/* Words may carry a comma: "Node 0, zone DMA, type Movable". */
static void drop_comma(char *word)
{
	size_t len = strlen(word);
	if (len && word[len - 1] == ',')
		word[len - 1] = 0;
}

int cap_zone_words(const struct cap_file *f, char **rest, unsigned *node, enum zone_kind *kind,
		   struct why *why)
{
	char *head = cap_word(rest), *number = cap_word(rest), *zone = cap_word(rest),
	     *name = cap_word(rest);
	if (!name || strcmp(head, "Node") || strcmp(zone, "zone"))
		return cap_bad(f, why, "expected \"Node N, zone NAME\"");
	drop_comma(number);
	drop_comma(name);

	uint64_t id;
	if (parse_u64(number, &id))
		return cap_bad(f, why, "\"%.40s\" is not a node number", number);
	if (id >= MM_NODES_MAX)
		return cap_bad(f, why, "node %.20s: the highest node number is %u", number,
			       MM_NODES_MAX - 1);
	int k = zone_kind_parse(name);
	if (k < 0)
		return cap_bad(f, why, "there is no zone \"%.40s\"", name);
	*node = (unsigned)id;
	*kind = (enum zone_kind)k;
	return 0;
}

static int header_read(struct reading *r, char *line)
{
	unsigned node = 0;
	enum zone_kind kind = ZONE_DMA;
	int error = cap_zone_words(&r->f, &line, &node, &kind, r->why);
	if (error)
		return error;
	struct capture *c = r->c;
	if (cap_zone_find(c, node, kind))
		return cap_bad(&r->f, r->why, "node %u has two zones %s", node, zone_kind_name[kind]);
	if (cap_grow((void **)&c->zone, &c->cap_zones, c->nr_zones, sizeof(*c->zone)))
		return -ENOMEM;

	r->zone = &c->zone[c->nr_zones++];
	memset(r->zone, 0, sizeof(*r->zone));
	r->zone->node = node;
	r->zone->kind = kind;
	r->zone->line = r->f.line;
	r->pageset = NULL;
	r->node_stats = false;
	c->node[node].seen = true;
	c->nr_nodes = MAX(c->nr_nodes, node + 1);
	return 0;
}

static const struct {
	const char *name;
	size_t offset;
} zone_lines[] = {
	{ "boost", offsetof(struct cap_zone, boost) },
	{ "min", offsetof(struct cap_zone, min) },
	{ "low", offsetof(struct cap_zone, low) },
	{ "high", offsetof(struct cap_zone, high) },
	{ "promo", offsetof(struct cap_zone, promo) },
	{ "spanned", offsetof(struct cap_zone, spanned) },
	{ "present", offsetof(struct cap_zone, present) },
	{ "managed", offsetof(struct cap_zone, managed) },
};

static uint64_t *zone_line_find(struct cap_zone *z, const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(zone_lines); i++)
		if (!strcmp(name, zone_lines[i].name))
			return (uint64_t *)((char *)z + zone_lines[i].offset);
	return NULL;
}

/* Kernels before 4.8 keep these per zone: they add up to the node's. */
static void node_item(struct reading *r, const char *name, uint64_t value)
{
	struct cap_node *n = &r->c->node[r->zone->node];
	for (unsigned i = 0; i < NR_NODE_STATS; i++)
		if (!strcmp(name, node_stat_name[i])) {
			n->stat[i] += value;
			n->has_stat |= 1ull << i;
			return;
		}
}

static void zone_item(struct reading *r, const char *name, uint64_t value)
{
	for (unsigned i = 0; i < NR_ZONE_STATS; i++)
		if (!strcmp(name, zone_stat_name[i])) {
			r->zone->stat[i] = value;
			r->zone->has_stat |= 1u << i;
			if (i == NR_ZONE_PAGETABLE)
				node_item(r, name, value);
			return;
		}
	for (unsigned i = 0; i < NR_NUMA_STATS; i++)
		if (!strcmp(name, numa_stat_name[i])) {
			r->zone->numa[i] = value;
			r->c->numa_lines = true;
			return;
		}
	node_item(r, name, value);
}

/* A number without a name, or a number that is none. */
static void line_strange(struct reading *r)
{
	if (!r->strange++)
		r->strange_line = r->f.line;
}

/* Lines of a name and a number: marks and sizes must be numbers, of counters only the known ones count. */
static int plain_read(struct reading *r, const char *name, char *rest)
{
	char *word = cap_word(&rest);
	uint64_t value;
	uint64_t *field = r->node_stats ? NULL : zone_line_find(r->zone, name);
	if (field) {
		r->zone->has_marks |= field == &r->zone->high;
		r->zone->has_promo |= field == &r->zone->promo;
		r->c->promo_lines |= field == &r->zone->promo;
		r->c->boost_lines |= field == &r->zone->boost;
		return cap_number(&r->f, word, name, field, r->why);
	}
	if (!word ? !parse_u64(name, &value) : isdigit((unsigned char)*word) && parse_u64(word, &value))
		line_strange(r);
	if (!word || parse_u64(word, &value))
		return 0;
	if (r->node_stats)
		node_item(r, name, value);
	else
		zone_item(r, name, value);
	return 0;
}

static int free_read(struct reading *r, char *rest)
{
	char *word = cap_word(&rest);
	if (!word || strcmp(word, "free"))
		return 0;
	r->node_stats = false;
	return cap_number(&r->f, cap_word(&rest), "pages free", &r->zone->free, r->why);
}

/* "(0, 2991, 3948, 3948)" */
static int protection_read(struct reading *r, char *rest)
{
	struct cap_zone *z = r->zone;
	for (char *p = strtok_r(rest, "(), ", &rest); p; p = strtok_r(NULL, "(), ", &rest)) {
		if (z->nr_protection == MM_ZONE_TYPES_MAX)
			return cap_bad(&r->f, r->why, "more than %u numbers of protection",
				       MM_ZONE_TYPES_MAX);
		int error = cap_number(&r->f, p, "protection:", &z->protection[z->nr_protection++], r->why);
		if (error)
			return error;
	}
	return 0;
}

static int cpu_read(struct reading *r, char *rest)
{
	uint64_t cpu;
	int error = cap_number(&r->f, cap_word(&rest), "cpu:", &cpu, r->why);
	if (error)
		return error;
	if (cpu >= MM_CPUS_MAX)
		return cap_bad(&r->f, r->why, "the highest CPU number is %u", MM_CPUS_MAX - 1);
	struct cap_zone *z = r->zone;
	if (cap_grow((void **)&z->pageset, &z->cap_pagesets, z->nr_pagesets, sizeof(*z->pageset)))
		return -ENOMEM;
	r->pageset = &z->pageset[z->nr_pagesets++];
	*r->pageset = (struct cap_pageset){ .cpu = (unsigned)cpu };
	return 0;
}

static int pageset_read(struct reading *r, const char *name, char *rest, int32_t *out)
{
	uint64_t value;
	int error = cap_number(&r->f, cap_word(&rest), name, &value, r->why);
	if (error)
		return error;
	if (value > INT32_MAX)
		return cap_bad(&r->f, r->why, "\"%s\" is larger than %d", name, INT32_MAX);
	*out = (int32_t)value;
	return 0;
}

static int threshold_read(struct reading *r, char *rest)
{
	char *stats = cap_word(&rest), *name = cap_word(&rest);
	if (!r->pageset || !stats || !name || strcmp(stats, "stats") || strcmp(name, "threshold:"))
		return 0;
	return pageset_read(r, "vm stats threshold:", rest, &r->pageset->threshold);
}

static int start_read(struct reading *r, char *rest)
{
	r->zone->has_start = true;
	return cap_number(&r->f, cap_word(&rest), "start_pfn:", &r->zone->start_pfn, r->why);
}

static void unreclaimable_read(struct reading *r, char *rest)
{
	const char *word = cap_word(&rest);
	if (word && !strcmp(word, "1"))
		r->c->node[r->zone->node].unreclaimable = true;
}

static int line_read(struct reading *r, char *line)
{
	if (!strncmp(line, "Node ", 5))
		return header_read(r, line);
	char *word = cap_word(&line);
	if (!word)
		return 0;
	if (!r->zone)
		return cap_bad(&r->f, r->why,
			       "\"%.40s\" stands before the first \"Node N, zone NAME\"", word);
	if (!strcmp(word, "per-node")) {
		r->node_stats = r->c->node_blocks = true;
		return 0;
	}
	if (!strcmp(word, "pages"))
		return free_read(r, line);
	if (!strcmp(word, "protection:"))
		return protection_read(r, line);
	if (!strcmp(word, "cpu:"))
		return cpu_read(r, line);
	if (r->pageset && !strcmp(word, "count:"))
		return pageset_read(r, word, line, &r->pageset->count);
	if (r->pageset && !strcmp(word, "high:"))
		return pageset_read(r, word, line, &r->pageset->high);
	if (r->pageset && !strcmp(word, "batch:"))
		return pageset_read(r, word, line, &r->pageset->batch);
	if (!strcmp(word, "vm"))
		return threshold_read(r, line);
	if (!strcmp(word, "start_pfn:"))
		return start_read(r, line);
	if (!strcmp(word, "node_unreclaimable:")) {
		unreclaimable_read(r, line);
		return 0;
	}
	return plain_read(r, word, line);
}

/* What no machine can have. The line is that of the zone's header. Kernels before 3.9 print no "managed". */
int cap_zone_check(struct capture *c, struct cap_file *f, struct cap_zone *z, struct why *why)
{
	const char *name = zone_kind_name[z->kind];
	f->line = z->line;
	if (!z->managed && z->free) {
		z->managed = z->present;
		cap_note(c, NOTE_GUESSED, "managed pages",
			 "node %u, zone %s: no managed pages printed, taken as present", z->node, name);
	}
	if (z->present > z->spanned)
		return cap_bad(f, why, "zone %s: present %lu is more than spanned %lu", name,
			       z->present, z->spanned);
	if (z->managed > z->present)
		return cap_bad(f, why, "zone %s: managed %lu is more than present %lu", name,
			       z->managed, z->present);
	if (z->free > z->managed)
		return cap_bad(f, why, "zone %s: free %lu is more than managed %lu", name, z->free,
			       z->managed);
	if (z->has_start && (z->start_pfn > MM_HIGHEST_PFN || z->spanned > MM_HIGHEST_PFN - z->start_pfn))
		return cap_bad(f, why, "zone %s ends past frame %u, the highest that ummfs can number",
			       name, MM_HIGHEST_PFN);
	if (z->boost > z->min)
		return cap_bad(f, why, "zone %s: boost %lu is more than min %lu, which contains it",
			       name, z->boost, z->min);
	return 0;
}

int cap_read_zoneinfo(struct capture *c, struct why *why)
{
	struct reading r = { .c = c, .why = why };
	int error = cap_open(&r.f, c, "proc/zoneinfo", why);
	if (error == -ENOENT)
		return why_set(why, error,
			       "%s/proc/zoneinfo: cannot be read; a state needs at least this file",
			       c->state);
	if (error)
		return error;

	for (char *line; !error && (line = cap_line(&r.f));)
		error = line_read(&r, line);
	if (r.strange)
		cap_note(c, NOTE_CORRECTED, "lines of zoneinfo",
			 "proc/zoneinfo:%u: a number without a name, or no number behind it; left out (%u line%s)",
			 r.strange_line, r.strange, r.strange == 1 ? "" : "s");
	bool populated = false;
	for (unsigned i = 0; i < c->nr_zones && !error; i++) {
		error = cap_zone_check(c, &r.f, &c->zone[i], why);
		populated |= cap_zone_populated(&c->zone[i]);
	}
	if (!error && !populated)
		error = why_set(why, -EINVAL, "%s: no zone with present pages", r.f.path);
	if (error == -ENOMEM)
		why_set(why, error, "%s: not enough memory to read it", r.f.path);
	cap_close(&r.f);
	return error;
}
