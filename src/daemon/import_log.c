/* SPDX-License-Identifier: MIT */
/*
 * The report that a kernel logs when an allocation fails or somebody is killed
 * for memory: its Mem-Info block has sizes, marks, lists and counters of every
 * zone that the request could use. Of several reports in one text the last
 * one with zones counts. What such a report does not say (where zones begin,
 * how many CPUs there are, knobs) is guessed, with a note for each.
 *
 * Totals without a node (slab, page cache) are kept as vmstat's are, and shared
 * out to the nodes by the memory in use.
 */
#include "daemon/import_log.h"

#include "base/mem.h"
#include "base/parse.h"
#include "daemon/import_log_text.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* ---- First pass: which report, which kernel, how many CPUs ---- */

/* "Not tainted 6.1.0-50-amd64 #1", "Tainted: G W 6.1.0 #1", "Linux version 6.1.0": the first word with a release. */
static void release_find(struct log_reading *r, const char *text)
{
	const char *p = strstr(text, "ainted");
	p = p ? p : strstr(text, "Linux version ");
	unsigned major, minor;
	for (p = p ? strchr(p, ' ') : NULL; p; p = strchr(p, ' ')) {
		p++;
		if (isdigit((unsigned char)*p) && sscanf(p, "%u.%u", &major, &minor) == 2) {
			r->major = major;
			r->minor = minor;
			return;
		}
	}
}

static void cpus_find(struct log_reading *r, const char *text)
{
	unsigned n;
	const char *ids = strstr(text, "nr_cpu_ids:");
	if (ids && sscanf(ids, "nr_cpu_ids:%u", &n) == 1 && n && n <= MM_CPUS_MAX)
		r->nr_cpus = MAX(r->nr_cpus, n);
	if (sscanf(text, "CPU: %u ", &n) == 1 && n < MM_CPUS_MAX && strstr(text, "PID:")) {
		r->nr_cpus = MAX(r->nr_cpus, n + 1);
		r->cpu = n;
	}
}

static void scan(struct log_reading *r)
{
	unsigned begin = 0, cpu = 0;
	for (char *line; (line = cap_line(&r->f));) {
		char *rest = log_line_text(line);
		for (char *text; (text = log_piece(&rest));) {
			release_find(r, text);
			cpus_find(r, text);
			if (!strncmp(text, "Mem-Info:", 9))
				begin = r->f.line;
			if (strstr(text, " free:") && strstr(text, "present:") &&
			    (r->start != begin || !r->reports)) {
				r->start = begin;
				r->reports++;
				cpu = r->cpu;
			}
		}
	}
	r->cpu = cpu;
}

/* ---- Second pass ---- */

/* "Node 0 DMA free:..." and, of kernels without NUMA, "DMA free:...". */
static int node_take(struct log_reading *r, char **rest, unsigned *node)
{
	uint64_t id;
	*node = 0;
	if (strncmp(*rest, "Node ", 5))
		return 0;
	*rest += 5;
	const char *word = cap_word(rest);
	if (!word || parse_u64(word, &id))
		return cap_bad(&r->f, r->why, "\"%.40s\" is not a node number", word ? word : "");
	if (id >= MM_NODES_MAX)
		return cap_bad(&r->f, r->why, "node %.20s: the highest node number is %u", word,
			       MM_NODES_MAX - 1);
	*node = (unsigned)id;
	return 1;
}

static int lists_read(struct log_reading *r, unsigned node, enum zone_kind kind, char *rest)
{
	struct cap_zone *z = cap_zone_find(r->c, node, kind);
	if (!z)
		return cap_bad(&r->f, r->why, "node %u has no zone %s in this report", node,
			       zone_kind_name[kind]);
	return log_zone_lists(r, z, rest);
}

/* "hugepages_total=0 hugepages_free=0 hugepages_surp=0 hugepages_size=2048kB" */
static void pool_read(struct log_reading *r, unsigned node, const char *text)
{
	struct cap_node *n = &r->c->node[node];
	unsigned long long total, free, surplus, kb;
	if (sscanf(text, "hugepages_total=%llu hugepages_free=%llu hugepages_surp=%llu hugepages_size=%llukB",
		   &total, &free, &surplus, &kb) != 4 ||
	    total > MM_HIGHEST_PFN)
		return;
	bool gigantic = kb == PAGES_TO_KB(1ul << GIGANTIC_ORDER);
	if (!gigantic && kb > PAGES_TO_KB(MM_TOP_PAGES))
		return;
	*(gigantic ? &n->gigantic : &n->huge) =
		(struct cap_huge){ true, total, MIN(free, total), MIN(surplus, total) };
	r->c->has_huge_sizes = true;
	r->c->has_gigantic |= gigantic;
	if (!gigantic)
		r->c->meminfo.hugepage_kb = kb;
}

/* Behind "Node N ": a zone's line, one of the node, or the node's pool. */
static int node_line(struct log_reading *r, bool has_node, unsigned node, char *rest)
{
	size_t len = strcspn(rest, " :");
	char name[16];
	if (has_node && !strncmp(rest, "hugepages_total=", 16)) {
		pool_read(r, node, rest);
		return 0;
	}
	snprintf(name, sizeof(name), "%.*s", (int)MIN(len, sizeof(name) - 1), rest);
	int kind = zone_kind_parse(name);
	if (kind < 0)
		return has_node && strstr(rest, "active_anon:") == rest ? log_node_items(r, node, rest)
									: 0;
	r->c->numa_lines |= has_node;
	char *behind = rest + len;
	if (!strncmp(behind, " free:", 6))
		return log_zone_sizes(r, node, (enum zone_kind)kind, behind);
	if (!strncmp(behind, ": ", 2) && strstr(behind, "*"))
		return lists_read(r, node, (enum zone_kind)kind, behind + 1);
	return 0;
}

/* "active_anon:1348 inactive_anon:231532 isolated_anon:0": totals, in pages. */
static void totals_read(struct log_reading *r, char *text)
{
	static const struct {
		const char *name;
		uint8_t item;
	} names[] = { { "slab_reclaimable", NR_SLAB_RECLAIMABLE },
		      { "slab_unreclaimable", NR_SLAB_UNRECLAIMABLE },
		      { "kernel_misc_reclaimable", NR_KERNEL_MISC_RECLAIMABLE },
		      { "mapped", NR_FILE_MAPPED },
		      { "shmem", NR_SHMEM },
		      { "pagetables", NR_PAGETABLE } };
	for (char *word; (word = cap_word(&text));) {
		char *colon = strchr(word, ':');
		uint64_t value;
		if (!colon || parse_u64(colon + 1, &value))
			return;
		*colon = 0;
		for (unsigned i = 0; i < ARRAY_LEN(names); i++)
			if (!strcmp(word, names[i].name)) {
				r->c->vmstat[names[i].item] = value;
				r->c->has_vmstat |= 1ull << names[i].item;
			}
	}
}

/* Lines that begin with their number, and those of swap. */
static void tail_read(struct log_reading *r, const char *text)
{
	unsigned long long n;
	char what[40];
	if (sscanf(text, "%llu %39[a-zA-Z ]", &n, what) == 2) {
		if (!strcmp(what, "total pagecache pages") || !strcmp(what, "pages in swap cache")) {
			enum node_stat item = *what == 't' ? NR_FILE_PAGES : NR_SWAPCACHE;
			r->c->vmstat[item] = n;
			r->c->has_vmstat |= 1ull << item;
		}
		if (!strcmp(what, "pages RAM"))
			r->ram_pages = n;
	}
	if (sscanf(text, "Free swap = %llukB", &n) == 1)
		r->c->meminfo.facts.swap_free_kb = n;
	if (sscanf(text, "Total swap = %llukB", &n) == 1)
		r->c->meminfo.facts.swap_total_kb = n;
}

static int text_read(struct log_reading *r, char *text)
{
	unsigned node;
	static const char reserve[] = "lowmem_reserve[]:";
	if (!strncmp(text, reserve, sizeof(reserve) - 1))
		return log_zone_reserve(r, text + sizeof(reserve) - 1);
	char *rest = text;
	bool has_node = !strncmp(text, "Node ", 5) &&
			isdigit((unsigned char)text[5 + strspn(text + 5, " ")]);
	if (has_node) {
		int error = node_take(r, &rest, &node);
		return error < 0 ? error : node_line(r, true, node, rest);
	}
	if (isupper((unsigned char)*text))
		for (int k = 0; k < ZONE_KINDS; k++) {
			size_t len = strlen(zone_kind_name[k]);
			if (!strncmp(text, zone_kind_name[k], len) && (text[len] == ' ' || text[len] == ':'))
				return node_line(r, false, 0, text);
		}
	tail_read(r, text);
	if (islower((unsigned char)*text))
		totals_read(r, text);
	return 0;
}

static int report_read(struct log_reading *r)
{
	int error = 0;
	r->zone = -1;
	for (char *line; !error && (line = cap_line(&r->f));) {
		if (r->f.line < r->start)
			continue;
		char *rest = log_line_text(line);
		for (char *text; !error && (text = log_piece(&rest));) {
			if (r->f.line > r->start && !strncmp(text, "Mem-Info:", 9))
				return 0;
			error = text_read(r, text);
		}
	}
	return error;
}

/* ---- What a report does not say ---- */

/* The reporting CPU's own pages are told; the others' are spread. */
static int pagesets_guess(struct log_reading *r)
{
	unsigned nr = MAX(r->nr_cpus, 1u);
	bool more = false;
	for (unsigned i = 0; i < r->c->nr_zones; i++)
		more |= r->pcp[i].cached > r->pcp[i].local;
	if (nr == 1 && more)
		nr = 2;
	for (unsigned i = 0; i < r->c->nr_zones; i++) {
		struct cap_zone *z = &r->c->zone[i];
		uint64_t local = MIN(r->pcp[i].local, r->pcp[i].cached), rest = r->pcp[i].cached - local;
		const unsigned others = MAX(nr, 2u) - 1;
		for (unsigned cpu = 0, other = 0; cpu < nr; cpu++) {
			if (cap_grow((void **)&z->pageset, &z->cap_pagesets, z->nr_pagesets,
				     sizeof(*z->pageset)))
				return -ENOMEM;
			struct cap_pageset *p = &z->pageset[z->nr_pagesets++];
			*p = (struct cap_pageset){ .cpu = cpu,
						   .count = (int32_t)MIN(local, (uint64_t)INT32_MAX) };
			if (cpu == r->cpu)
				continue;
			p->count = (int32_t)MIN(rest / others + (other < rest % others), (uint64_t)INT32_MAX);
			other++;
		}
	}
	cap_note(r->c, NOTE_GUESSED, "CPUs",
		 "a report does not say how many CPUs there are: at least %u, which is taken", nr);
	return 0;
}

static void notes_add(struct log_reading *r)
{
	struct capture *c = r->c;
	uint64_t present = 0;
	bool split = false;
	for (unsigned i = 0; i < c->nr_zones; i++) {
		present += c->zone[i].present;
		split |= c->zone[i].has_types;
		if (!c->zone[i].has_buddy)
			cap_note(c, NOTE_MISSING, "free blocks",
				 "no line with the free blocks of node %u, zone %s; they follow from its free pages",
				 c->zone[i].node, zone_kind_name[c->zone[i].kind]);
	}
	cap_note(c, NOTE_MISSING, "all but one report",
		 "a log: no knobs, node directories, events or types of pageblocks");
	if (r->reports > 1)
		cap_note(c, NOTE_GUESSED, "report",
			 "%u reports; the last one, at line %u, is taken", r->reports, r->start);
	cap_note(c, NOTE_GUESSED, "spans",
		 "a report does not say where zones lie: without holes, each behind the one before");
	if (split)
		cap_note(c, NOTE_GUESSED, "free blocks by type",
			 "types are letters without counts: blocks are split evenly among them");
	if (r->ram_pages > present)
		cap_note(c, NOTE_MISSING, "zones",
			 "the report is of zones with %lu of %lu pages of RAM: others were no choice for the request",
			 present, r->ram_pages);
	else if (r->ram_pages && r->ram_pages < present)
		cap_note(c, NOTE_CORRECTED, "pages RAM",
			 "%lu pages RAM, but the zones have %lu, which are taken", r->ram_pages, present);
}

static int log_file_open(struct log_reading *r)
{
	int error = cap_open(&r->f, r->c, INPUT_LOG, r->why);
	snprintf(r->f.path, sizeof(r->f.path), "%s", r->c->state);
	return error;
}

static int log_all_read(struct log_reading *r)
{
	int error = log_file_open(r);
	if (error)
		return error;
	scan(r);
	cap_close(&r->f);
	if (!r->reports)
		return why_set(r->why, -EINVAL,
			       "%s: a log without a Mem-Info block that has zones in it", r->c->state);
	r->c->thp = -1;
	error = log_file_open(r);
	if (!error)
		error = report_read(r);
	cap_close(&r->f);
	if (!error && !r->c->nr_zones)
		error = why_set(r->why, -EINVAL,
				"%s: a log without a Mem-Info block that has zones in it", r->c->state);
	if (error)
		return error;
	cap_version_set(r->c, r->major != 0, r->major, r->minor);
	notes_add(r);
	return pagesets_guess(r);
}

int cap_read_log(struct capture *c, struct why *why)
{
	struct log_reading *r = mem_zalloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->c = c;
	r->why = why;
	int error = log_all_read(r);
	mem_free(r);
	return error;
}
