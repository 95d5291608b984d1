/* SPDX-License-Identifier: MIT */
/*
 * sys/devices/system/node and cpu: which nodes there are, their CPUs,
 * distances, huge pages, and on a live machine the memory blocks they own. A
 * directory that is not there is one note; what follows from it is derived by
 * import_spec.
 */
#include "daemon/import_capture.h"

#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define NODES "sys/devices/system/node"
#define CPUS "sys/devices/system/cpu"

/* A list file; not there: known stays false. */
static int mask_read(const struct capture *c, const char *path, struct cap_mask *out, struct why *why)
{
	char line[4096];
	int error = cap_first_line(c, path, line, sizeof(line), why);
	if (error)
		return error == -ENOENT ? 0 : error;
	if (parse_list(line, &out->set))
		return why_set(why, -EINVAL, "%s/%s:1: \"%.60s\" is not a list of numbers",
			       c->state, path, line);
	out->known = true;
	return 0;
}

static int cpulist_read(struct capture *c, unsigned id, struct why *why)
{
	char path[128];
	struct cap_mask m = { 0 };
	snprintf(path, sizeof(path), NODES "/node%u/cpulist", id);
	int error = mask_read(c, path, &m, why);
	c->node[id].has_cpulist = m.known;
	c->node[id].cpus = m.set;
	return error;
}

/* Only its width matters: it says how many CPUs the kernel can number. */
static int cpumap_read(struct capture *c, unsigned id, struct why *why)
{
	char path[128], line[4096];
	snprintf(path, sizeof(path), NODES "/node%u/cpumap", id);
	int error = cap_first_line(c, path, line, sizeof(line), why);
	if (error)
		return error == -ENOENT ? 0 : error;
	for (const char *p = line; *p; p++) {
		if (!isxdigit((unsigned char)*p) && *p != ',')
			return why_set(why, -EINVAL, "%s/%s:1: \"%.60s\" is not a CPU mask",
				       c->state, path, line);
		c->node[id].cpumap_digits += *p != ',';
	}
	return 0;
}

static int distance_read(struct capture *c, unsigned id, struct why *why)
{
	char path[128], line[4096];
	struct cap_node *n = &c->node[id];
	snprintf(path, sizeof(path), NODES "/node%u/distance", id);
	int error = cap_first_line(c, path, line, sizeof(line), why);
	if (error)
		return error == -ENOENT ? 0 : error;
	char *rest = line;
	for (char *word; (word = cap_word(&rest)) && n->nr_distance < MM_NODES_MAX; n->nr_distance++) {
		uint64_t d;
		if (parse_u64(word, &d) || d > UINT8_MAX)
			return why_set(why, -EINVAL, "%s/%s:1: \"%.40s\" is not a distance",
				       c->state, path, word);
		n->distance[n->nr_distance] = (uint8_t)d;
	}
	return 0;
}

static int huge_file(struct capture *c, unsigned id, unsigned order, const char *name,
		     uint64_t *out, struct why *why)
{
	char path[192], line[64];
	snprintf(path, sizeof(path), NODES "/node%u/hugepages/hugepages-%lukB/%s", id,
		 PAGES_TO_KB(1ul << order), name);
	int error = cap_first_line(c, path, line, sizeof(line), why);
	if (!error && !*line) {
		cap_note(c, NOTE_CORRECTED, "huge pages", "%s: no number; taken as not there", path);
		return -ENOENT;
	}
	if (!error && parse_u64(line, out))
		error = why_set(why, -EINVAL, "%s/%s:1: \"%.40s\" is not a number", c->state, path, line);
	return error;
}

static int pool_read(struct capture *c, unsigned id, unsigned order, struct cap_huge *h, struct why *why)
{
	int error = huge_file(c, id, order, "nr_hugepages", &h->nr, why);
	if (!error)
		error = huge_file(c, id, order, "free_hugepages", &h->free, why);
	if (!error)
		error = huge_file(c, id, order, "surplus_hugepages", &h->surplus, why);
	h->seen = !error;
	if (!error && (h->free > h->nr || h->surplus > h->nr)) {
		/* three files of a live machine: the pool may change between them */
		h->free = MIN(h->free, h->nr);
		h->surplus = MIN(h->surplus, h->nr);
		cap_note(c, NOTE_CORRECTED, "huge pages",
			 NODES "/node%u: more free or surplus huge pages than there are (%lu)", id,
			 h->nr);
	}
	return error == -ENOENT ? 0 : error;
}

static int huge_read(struct capture *c, unsigned id, struct why *why)
{
	struct cap_node *n = &c->node[id];
	int error = pool_read(c, id, cap_pageblock_order(c), &n->huge, why);
	return error ? error : pool_read(c, id, GIGANTIC_ORDER, &n->gigantic, why);
}

static int size_name(void *ctx, const char *name, bool is_dir)
{
	struct capture *c = ctx;
	(void)is_dir;
	c->has_huge_sizes |= !strncmp(name, "hugepages-", 10);
	c->has_gigantic |= !strcmp(name, "hugepages-1048576kB");
	return 0;
}

static bool numbered(const char *name, const char *prefix, uint64_t *out)
{
	size_t len = strlen(prefix);
	return !strncmp(name, prefix, len) && !parse_u64(name + len, out);
}

static int range_compare(const void *a, const void *b)
{
	uint64_t x = ((const struct pfn_range *)a)->start, y = ((const struct pfn_range *)b)->start;
	return (x > y) - (x < y);
}

struct listing { /* of a directory that is being read */
	struct capture *c;
	struct why *why;
	struct pfn_ranges blocks; /* of one node */
	bool any;
};

static int block_name(void *ctx, const char *name, bool is_dir)
{
	struct listing *l = ctx;
	uint64_t number, pages = l->c->block_bytes >> PAGE_SHIFT;
	(void)is_dir;
	if (!numbered(name, "memory", &number) || number >= MM_HIGHEST_PFN / pages)
		return 0;
	return pfn_ranges_add(&l->blocks, number * pages, (number + 1) * pages);
}

/* memoryN links of a node, sorted and joined. */
static int blocks_read(struct capture *c, unsigned id)
{
	char path[128];
	struct listing l = { .c = c };
	if (!c->block_bytes)
		return 0;
	snprintf(path, sizeof(path), NODES "/node%u", id);
	int error = input_list(c->input, path, block_name, &l);
	struct pfn_ranges *all = &l.blocks;
	if (all->nr)
		qsort(all->r, all->nr, sizeof(*all->r), range_compare);
	for (unsigned i = 0; i < all->nr && !error; i++)
		error = pfn_ranges_add(&c->node[id].blocks, all->r[i].start, all->r[i].end);
	pfn_ranges_fini(all);
	return error;
}

static int node_read(struct capture *c, unsigned id, struct why *why)
{
	c->node[id].seen = c->node[id].has_dir = true;
	c->nr_nodes = MAX(c->nr_nodes, id + 1);
	int error = cpulist_read(c, id, why);
	if (!error)
		error = cpumap_read(c, id, why);
	if (!error)
		error = distance_read(c, id, why);
	if (!error)
		error = cap_read_numastat(c, id, why);
	if (!error)
		error = huge_read(c, id, why);
	return error ? error : blocks_read(c, id);
}

static int block_size_read(struct capture *c, struct why *why)
{
	char line[64];
	int error = cap_first_line(c, "sys/devices/system/memory/block_size_bytes", line,
				   sizeof(line), why);
	if (!error && (parse_hex(line, &c->block_bytes) || c->block_bytes < PAGE_SIZE))
		c->block_bytes = 0;
	return error == -ENOENT ? 0 : error;
}

static int node_name(void *ctx, const char *name, bool is_dir)
{
	struct listing *l = ctx;
	uint64_t id;
	(void)is_dir;
	if (!numbered(name, "node", &id))
		return 0;
	l->any = true;
	if (id >= MM_NODES_MAX)
		return why_set(l->why, -EINVAL, "%s/" NODES "/%s: the highest node number is %u",
			       l->c->state, name, MM_NODES_MAX - 1);
	return node_read(l->c, (unsigned)id, l->why);
}

static int directories_read(struct capture *c, struct why *why)
{
	struct listing l = { .c = c, .why = why };
	int error = input_list(c->input, NODES, node_name, &l);
	if (!l.any)
		cap_note(c, NOTE_MISSING, NODES, NODES ": no node directories");
	return error;
}

int cap_read_nodes(struct capture *c, struct why *why)
{
	int error = input_list(c->input, "sys/kernel/mm/hugepages", size_name, c);
	if (!error)
		error = mask_read(c, NODES "/online", &c->nodes_online, why);
	if (!error)
		error = mask_read(c, NODES "/possible", &c->nodes_possible, why);
	if (!error)
		error = block_size_read(c, why);
	return error ? error : directories_read(c, why);
}

int cap_read_cpus(struct capture *c, struct why *why)
{
	int error = mask_read(c, CPUS "/online", &c->cpus_online, why);
	if (!error)
		error = mask_read(c, CPUS "/possible", &c->cpus_possible, why);
	return error ? error : mask_read(c, CPUS "/present", &c->cpus_present, why);
}
