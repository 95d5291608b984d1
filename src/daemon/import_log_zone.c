/* SPDX-License-Identifier: MIT */
/*
 * Numbers of a Mem-Info block. They stand as NAME:NUMBERkB, old kernels have
 * more of them by zone and fewer by node; names that nobody knows are passed
 * over. Free blocks have letters for the types that were on the list, but one
 * count for all of them: it is split evenly.
 */
#include "daemon/import_log.h"

#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* ---- NAME:NUMBERkB ---- */

struct pair {
	char *name;
	uint64_t value;
	bool kb;
};

/* 1: *p is the next pair; 0: no more on this line; -EINVAL with why set. "shmem_thp: 0kB" is a pair, too. */
static int pair_next(struct log_reading *r, char **rest, struct pair *p)
{
	for (char *word; (word = cap_word(rest));) {
		char *colon = strrchr(word, ':');
		if (!colon)
			continue; /* all_unreclaimable? yes */
		*colon = 0;
		p->name = word;
		char *number = colon[1] ? colon + 1 : cap_word(rest);
		size_t digits = number ? strspn(number, "0123456789") : 0;
		if (!digits)
			return cap_bad(&r->f, r->why, "a number is missing behind \"%.40s:\"", word);
		p->kb = tolower((unsigned char)number[digits]) == 'k';
		number[digits] = 0;
		int error = cap_number(&r->f, number, word, &p->value, r->why);
		if (error)
			return error;
		if (p->value > PAGES_TO_KB((uint64_t)MM_HIGHEST_PFN))
			return cap_bad(&r->f, r->why, "%s: more than any machine has", word);
		return 1;
	}
	return 0;
}

static uint64_t pair_pages(const struct pair *p)
{
	return p->kb ? p->value >> (PAGE_SHIFT - 10) : p->value;
}

/* ---- Items ---- */

struct name_item {
	const char *name;
	uint8_t item;
};

static const struct name_item node_names[] = {
	{ "active_anon", NR_ACTIVE_ANON },
	{ "inactive_anon", NR_INACTIVE_ANON },
	{ "active_file", NR_ACTIVE_FILE },
	{ "inactive_file", NR_INACTIVE_FILE },
	{ "unevictable", NR_UNEVICTABLE },
	{ "isolated(anon)", NR_ISOLATED_ANON },
	{ "isolated(file)", NR_ISOLATED_FILE },
	{ "mapped", NR_FILE_MAPPED },
	{ "dirty", NR_FILE_DIRTY },
	{ "writeback", NR_WRITEBACK },
	{ "shmem", NR_SHMEM },
	{ "shmem_thp", NR_SHMEM_THPS },
	{ "shmem_pmdmapped", NR_SHMEM_PMDMAPPED },
	{ "anon_thp", NR_ANON_THPS },
	{ "writeback_tmp", NR_WRITEBACK_TEMP },
	{ "kernel_stack", NR_KERNEL_STACK_KB },
	{ "pagetables", NR_PAGETABLE },
	{ "sec_pagetables", NR_SECONDARY_PAGETABLE },
	{ "slab_reclaimable", NR_SLAB_RECLAIMABLE },
	{ "slab_unreclaimable", NR_SLAB_UNRECLAIMABLE },
};

static const struct name_item zone_names[] = {
	{ "active_anon", NR_ZONE_ACTIVE_ANON },
	{ "inactive_anon", NR_ZONE_INACTIVE_ANON },
	{ "active_file", NR_ZONE_ACTIVE_FILE },
	{ "inactive_file", NR_ZONE_INACTIVE_FILE },
	{ "unevictable", NR_ZONE_UNEVICTABLE },
	{ "writepending", NR_ZONE_WRITE_PENDING },
	{ "mlocked", NR_MLOCK },
	{ "pagetables", NR_ZONE_PAGETABLE },
	{ "bounce", NR_BOUNCE },
	{ "free_cma", NR_FREE_CMA_PAGES },
};

static int name_find(const struct name_item *items, size_t nr, const char *name)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(items[i].name, name))
			return items[i].item;
	return -1;
}

/* zoneinfo prints kB of stacks and huge pages of …_thp; both are kept as printed there. */
static void node_item_add(struct log_reading *r, unsigned node, const struct pair *p)
{
	struct cap_node *n = &r->c->node[node];
	int item = name_find(node_names, ARRAY_LEN(node_names), p->name);
	if (item < 0)
		return;
	uint64_t value = item == NR_KERNEL_STACK_KB ? p->value : pair_pages(p);
	if (item == NR_SHMEM_THPS || item == NR_SHMEM_PMDMAPPED || item == NR_ANON_THPS)
		value >>= cap_pageblock_order(r->c);
	n->stat[item] += value;
	n->has_stat |= 1ull << item;
}

int log_node_items(struct log_reading *r, unsigned node, char *rest)
{
	struct pair p = { 0 };
	int more;
	r->c->node_blocks = true;
	r->c->node[node].unreclaimable |= strstr(rest, "all_unreclaimable? yes") != NULL;
	while ((more = pair_next(r, &rest, &p)) > 0)
		node_item_add(r, node, &p);
	r->node_told[node] |= r->c->node[node].has_stat;
	return more;
}

/* ---- A zone ---- */

static const struct {
	const char *name;
	size_t offset;
} size_names[] = {
	{ "free", offsetof(struct cap_zone, free) },
	{ "boost", offsetof(struct cap_zone, boost) },
	{ "min", offsetof(struct cap_zone, min) },
	{ "low", offsetof(struct cap_zone, low) },
	{ "high", offsetof(struct cap_zone, high) },
	{ "promo", offsetof(struct cap_zone, promo) },
	{ "present", offsetof(struct cap_zone, present) },
	{ "managed", offsetof(struct cap_zone, managed) },
};

static bool size_set(struct log_reading *r, struct cap_zone *z, const struct pair *p)
{
	for (unsigned i = 0; i < ARRAY_LEN(size_names); i++) {
		if (strcmp(p->name, size_names[i].name))
			continue;
		uint64_t *field = (uint64_t *)((char *)z + size_names[i].offset);
		*field = pair_pages(p);
		z->has_marks |= field == &z->high;
		z->has_promo |= field == &z->promo;
		r->c->promo_lines |= field == &z->promo;
		r->c->boost_lines |= field == &z->boost;
		return true;
	}
	return false;
}

/* Kernels without lines for nodes have everything here, others before 5.11 some of it. */
static void zone_pair(struct log_reading *r, struct cap_zone *z, const struct pair *p)
{
	if (size_set(r, z, p))
		return;
	if (!strcmp(p->name, "free_pcp"))
		r->pcp[r->zone].cached = pair_pages(p);
	else if (!strcmp(p->name, "local_pcp"))
		r->pcp[r->zone].local = pair_pages(p);
	int item = name_find(zone_names, ARRAY_LEN(zone_names), p->name);
	if (item >= 0) {
		z->stat[item] = pair_pages(p);
		z->has_stat |= 1u << item;
	}
	int of_node = name_find(node_names, ARRAY_LEN(node_names), p->name);
	if (of_node >= 0 && !(r->node_told[z->node] >> of_node & 1))
		node_item_add(r, z->node, p);
}

static int zone_add(struct log_reading *r, unsigned node, enum zone_kind kind)
{
	struct capture *c = r->c;
	if (cap_zone_find(c, node, kind))
		return cap_bad(&r->f, r->why, "node %u has two zones %s", node, zone_kind_name[kind]);
	if (cap_grow((void **)&c->zone, &c->cap_zones, c->nr_zones, sizeof(*c->zone)))
		return -ENOMEM;
	r->zone = (int)c->nr_zones;
	c->zone[c->nr_zones++] = (struct cap_zone){ .node = node, .kind = kind, .line = r->f.line };
	c->node[node].seen = true;
	c->nr_nodes = MAX(c->nr_nodes, node + 1);
	return 0;
}

int log_zone_reserve(struct log_reading *r, char *rest)
{
	if (r->zone < 0)
		return 0;
	struct cap_zone *z = &r->c->zone[r->zone];
	for (char *word; (word = cap_word(&rest));) {
		if (z->nr_protection == MM_ZONE_TYPES_MAX)
			return cap_bad(&r->f, r->why, "more than %u numbers of lowmem_reserve",
				       MM_ZONE_TYPES_MAX);
		int error = cap_number(&r->f, word,
				       "lowmem_reserve[]:", &z->protection[z->nr_protection++], r->why);
		if (error)
			return error;
	}
	return 0;
}

int log_zone_sizes(struct log_reading *r, unsigned node, enum zone_kind kind, char *rest)
{
	static const char reserve[] = "lowmem_reserve[]:";
	char *tail = strstr(rest, reserve); /* some kernels end the line only behind it */
	struct pair p = { 0 };
	int error = zone_add(r, node, kind), more = 0;
	if (tail)
		*tail = 0;
	while (!error && (more = pair_next(r, &rest, &p)) > 0)
		zone_pair(r, &r->c->zone[r->zone], &p);
	if (!error)
		error = more;
	if (error)
		return error;
	struct cap_zone *z = &r->c->zone[r->zone];
	z->spanned = z->present;
	error = cap_zone_check(r->c, &r->f, z, r->why);
	return error || !tail ? error : log_zone_reserve(r, tail + strlen(reserve));
}

/* ---- Free lists ---- */

/* Types that the letters name; what this kernel does not have counts as Movable. */
static unsigned types_parse(struct log_reading *r, const char *letters)
{
	static const char ours[MIGRATE_TYPES] = { 'U', 'M', 'E', 'H', 'I' };
	unsigned types = 0;
	while (*++letters && *letters != ')') {
		const char *found = memchr(ours, *letters, sizeof(ours));
		types |= 1u << (found ? found - ours : MIGRATE_MOVABLE);
		if (!found && !r->foreign)
			cap_note(r->c, NOTE_CORRECTED, "migrate types",
				 "%s:%u: type %c of free blocks does not exist here and counts as Movable",
				 r->f.path, r->f.line, *letters);
		r->foreign |= !found;
	}
	return types;
}

static void count_split(struct cap_zone *z, unsigned order, unsigned types, uint64_t count)
{
	unsigned nr = (unsigned)__builtin_popcount(types), i = 0;
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		if (types & 1u << mt) {
			z->types[order][mt] += count / nr + (i < count % nr);
			i++;
		}
}

/* "27*8kB" */
static int count_read(struct log_reading *r, const char *word, uint64_t *count, unsigned *order)
{
	unsigned long long n, kb;
	char end;
	if (sscanf(word, "%llu*%llukB%c", &n, &kb, &end) != 2 || !kb || n > MM_HIGHEST_PFN || kb > UINT32_MAX)
		return cap_bad(&r->f, r->why, "\"%.40s\" is not a count of free blocks", word);
	uint64_t pages = kb >> (PAGE_SHIFT - 10);
	if (!pages || pages & (pages - 1) || PAGES_TO_KB(pages) != kb)
		return cap_bad(&r->f, r->why, "\"%.40s\": no block of pages has this size", word);
	*order = (unsigned)__builtin_ctzll(pages);
	if (*order > MM_ORDER_MAX + 8)
		return cap_bad(&r->f, r->why, "\"%.40s\": more than a block of any kernel", word);
	*count = n;
	return 0;
}

static int total_check(struct log_reading *r, struct cap_zone *z, char *rest)
{
	const char *word = cap_word(&rest);
	unsigned long long kb;
	uint64_t sum = PAGES_TO_KB(cap_zone_buddy_pages(z));
	if (word && sscanf(word, "%llukB", &kb) == 1 && kb != sum)
		cap_note(r->c, NOTE_CORRECTED, "sum of free blocks",
			 "%s:%u: the free blocks add up to %lu kB, not %llu kB", r->f.path,
			 r->f.line, sum, kb);
	if (cap_zone_buddy_pages(z) > z->managed)
		return cap_bad(&r->f, r->why,
			       "%lu kB of free blocks are more than the %lu kB that zone %s of node %u manages",
			       sum, PAGES_TO_KB(z->managed), zone_kind_name[z->kind], z->node);
	return 0;
}

int log_zone_lists(struct log_reading *r, struct cap_zone *z, char *rest)
{
	uint64_t count = 0;
	unsigned order = 0, first = MM_ORDERS;
	if (z->has_buddy)
		return cap_bad(&r->f, r->why, "node %u, zone %s has its free blocks twice", z->node,
			       zone_kind_name[z->kind]);
	z->has_buddy = z->has_types = true;
	z->buddy_line = r->f.line;
	for (char *word; (word = cap_word(&rest));) {
		if (!strcmp(word, "="))
			break;
		if (*word == '(') {
			unsigned ours = MIN(order, (unsigned)MM_ORDER_MAX), types = types_parse(r, word);
			if (types)
				count_split(z, ours, types, count << (order - ours));
			continue;
		}
		int error = count_read(r, word, &count, &order);
		if (error)
			return error;
		first = MIN(first, order);
		unsigned ours = MIN(order, (unsigned)MM_ORDER_MAX);
		z->buddy[ours] += count << (order - ours);
	}
	if (first)
		return cap_bad(&r->f, r->why,
			       "free blocks from %lu KiB on; ummfs emulates machines with pages of 4 KiB",
			       first < MM_ORDERS ? PAGES_TO_KB(1ul << first) : 0);
	return total_check(r, z, rest);
}
