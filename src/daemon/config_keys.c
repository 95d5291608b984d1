/* SPDX-License-Identifier: MIT */
/*
 * Sections and keys of the configuration: one row for each key, one function
 * for each kind of value. What a value means together with others is checked
 * later; here it has to make sense alone.
 */
#include "base/mem.h"
#include "base/parse.h"
#include "daemon/config_caches.h"
#include "daemon/config_plan.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define BLANKS " \t"

int plan_fail(struct machine_plan *p, int line, int error, const char *fmt, ...)
{
	struct why text;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text.text, sizeof(text.text), fmt, args);
	va_end(args);
	if (line)
		return why_set(p->why, error, "%s:%d: %.400s", p->path, line, text.text);
	return why_set(p->why, error, "%s: %.400s", p->path, text.text);
}

struct machine_plan *plan_create(const char *path, struct why *why)
{
	struct machine_plan *p = mem_zalloc(sizeof(*p));
	if (!p) {
		why_set(why, -ENOMEM, "%s: no memory to read it", path);
		return NULL;
	}
	p->path = path;
	p->why = why;
	p->kernel = &kernel_versions[KERNEL_6_1];
	p->bits = 64;
	p->pageblock_order = 9;
	p->dma_limit = (16ul << 20) / PAGE_SIZE;
	p->dma32_limit = (4ul << 30) / PAGE_SIZE;
	p->normal_limit = (896ul << 20) / PAGE_SIZE;
	p->reserved_auto = true;
	for (unsigned n = 0; n < MM_NODES_MAX; n++)
		p->node[n].host_node = p->node[n].socket = -1;
	return p;
}

void plan_destroy(struct machine_plan *p)
{
	for (unsigned n = 0; n < MM_NODES_MAX; n++)
		mem_free(p->node[n].range);
	config_caches_free(p->cache, p->nr_caches);
	mem_free(p);
}

/* A row's function: takes e->value into the plan or the configuration. n is NULL for [machine]. */
struct taker {
	struct machine_plan *plan;
	struct node_plan *node;
	struct config *config;
	const struct config_entry *entry;
};

static int take_fail(const struct taker *t, const char *expected)
{
	return plan_fail(t->plan, t->entry->line, -EINVAL, "%s = %s: must be %s", t->entry->name,
			 t->entry->value, expected);
}

static int take_number(const struct taker *t, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v;
	int error = parse_u64(t->entry->value, &v);
	if (error || v < min || v > max)
		return plan_fail(t->plan, t->entry->line, -EINVAL,
				 "%s = %s: must be a number from %lu to %lu", t->entry->name,
				 t->entry->value, (unsigned long)min, (unsigned long)max);
	*out = v;
	return 0;
}

/* A size in pages, a multiple of `unit` pages. */
static int take_size(const struct taker *t, uint64_t unit, uint64_t *pages)
{
	uint64_t bytes;
	if (parse_size(t->entry->value, &bytes))
		return take_fail(t, "a size such as 512M, 4G or 1T");
	if (bytes % (unit * PAGE_SIZE))
		return take_fail(t, unit == 1 ? "a multiple of 4K" : "a multiple of 4M");
	*pages = bytes / PAGE_SIZE;
	return 0;
}

static int take_backing(const struct taker *t)
{
	for (int b = BACKING_AUTO; b <= BACKING_SPARSE; b++)
		if (!strcmp(t->entry->value, backing_name[b])) {
			t->config->region.backing = (enum backing)b;
			return 0;
		}
	return take_fail(t, "auto, hugetlb, thp or sparse");
}

static int take_limit(const struct taker *t)
{
	uint64_t pages = 0;
	int error = take_size(t, 1, &pages);
	if (!error && !pages)
		error = take_fail(t, "more than nothing");
	if (!error)
		t->config->region.limit_bytes = pages * PAGE_SIZE;
	return error;
}

static int take_huge_page(const struct taker *t)
{
	uint64_t bytes;
	if (parse_size(t->entry->value, &bytes) || (bytes != 2ul << 20 && bytes != 1ul << 30))
		return take_fail(t, "2M or 1G");
	t->config->region.huge_page_bytes = bytes;
	return 0;
}

static int take_kernel(const struct taker *t)
{
	const struct kernel_version *v = kernel_version_find(t->entry->value);
	if (!v)
		return take_fail(t, "5.10, 6.1 or 6.12");
	t->plan->kernel = v;
	return 0;
}

static int take_bits(const struct taker *t)
{
	uint64_t bits;
	if (parse_u64(t->entry->value, &bits) || (bits != 64 && bits != 32))
		return take_fail(t, "64 or 32");
	t->plan->bits = (unsigned)bits;
	return 0;
}

static int take_dma_limit(const struct taker *t)
{
	return take_size(t, PLAN_UNIT, &t->plan->dma_limit);
}

static int take_dma32_limit(const struct taker *t)
{
	return take_size(t, PLAN_UNIT, &t->plan->dma32_limit);
}

static int take_normal_limit(const struct taker *t)
{
	return take_size(t, PLAN_UNIT, &t->plan->normal_limit);
}

static int take_movable(const struct taker *t)
{
	return take_size(t, PLAN_UNIT, &t->plan->movable);
}

static int take_reserved(const struct taker *t)
{
	t->plan->reserved_auto = !strcmp(t->entry->value, "auto");
	return t->plan->reserved_auto ? 0 : take_size(t, 1, &t->plan->reserved);
}

static int take_pageblock_order(const struct taker *t)
{
	uint64_t order = 0;
	int error = take_number(t, 9, 10, &order);
	if (!error)
		t->plan->pageblock_order = (unsigned)order;
	return error;
}

static int take_thp(const struct taker *t)
{
	t->plan->thp = !strcmp(t->entry->value, "always");
	return t->plan->thp || !strcmp(t->entry->value, "never") ? 0 : take_fail(t, "always or never");
}

static int take_hugepages_1g(const struct taker *t)
{
	t->plan->no_gigantic = !strcmp(t->entry->value, "no");
	return t->plan->no_gigantic || !strcmp(t->entry->value, "yes") ? 0 : take_fail(t, "yes or no");
}

static int take_default_hugepagesz(const struct taker *t)
{
	t->plan->gigantic_default = !strcmp(t->entry->value, "1G");
	return t->plan->gigantic_default || !strcmp(t->entry->value, "2M") ? 0 : take_fail(t, "2M or 1G");
}

/* Blanks next to a comma mean nothing; others stay and make the number behind them wrong. */
static void drop_blanks_at_commas(char *text)
{
	char *out = text;
	for (const char *s = text; *s; s++) {
		size_t blanks = strspn(s, BLANKS);
		if (blanks && (s[blanks] == ',' || (out > text && out[-1] == ',')))
			s += blanks - 1;
		else
			*out++ = *s;
	}
	*out = '\0';
}

static int take_cpu_list(const struct taker *t, struct mask *out)
{
	drop_blanks_at_commas(t->entry->value);
	int error = parse_list(t->entry->value, out);
	if (error == -ERANGE)
		return plan_fail(t->plan, t->entry->line, -EINVAL, "%s = %s: CPU numbers end at %u",
				 t->entry->name, t->entry->value, MM_CPUS_MAX - 1);
	return error ? take_fail(t, "a list of CPUs such as 0-3,8-11") : 0;
}

static int take_possible_cpus(const struct taker *t)
{
	return take_cpu_list(t, &t->plan->possible_cpus);
}

static int take_dev_mem_mode(const struct taker *t)
{
	const char *s = t->entry->value;
	if (!*s || strspn(s, "01234567") != strlen(s) || strlen(s) > 4 || strtoul(s, NULL, 8) > 0777)
		return take_fail(t, "permission bits in octal, such as 0600");
	t->config->dev_mem_mode = (uint16_t)strtoul(s, NULL, 8);
	return 0;
}

static int take_oom_sigkill(const struct taker *t)
{
	t->config->oom_sigkill = !strcmp(t->entry->value, "yes");
	return t->config->oom_sigkill || !strcmp(t->entry->value, "no") ? 0 : take_fail(t, "yes or no");
}

/* A daemon has no directory that a relative path could mean. Whether it is there shows at start. */
static int take_source(const struct taker *t)
{
	const char *s = t->entry->value;

	if (*s != '/' && strcmp(s, "none"))
		return take_fail(t, "an absolute path of a directory, or none");
	t->config->source = mem_strdup(s);
	return t->config->source ? 0 : plan_fail(t->plan, t->entry->line, -ENOMEM, "no memory");
}

/* "START-END" in bytes, END not included. Cuts the text at the hyphen. */
static int parse_memory_range(char *text, struct pfn_range *out)
{
	uint64_t start = 0, end = 0;
	char *hyphen = strchr(text, '-');

	if (!hyphen)
		return -EINVAL;
	*hyphen = '\0';
	int error = parse_size(text, &start);
	if (!error)
		error = parse_size(hyphen + 1, &end);
	*hyphen = '-';
	if (error || start >= end || start % (PLAN_UNIT * PAGE_SIZE) || end % (PLAN_UNIT * PAGE_SIZE))
		return -EINVAL;
	*out = (struct pfn_range){ start / PAGE_SIZE, end / PAGE_SIZE };
	return 0;
}

static int take_memory_ranges(const struct taker *t)
{
	struct node_plan *n = t->node;
	char *text = t->entry->value, *comma;

	for (; text; text = comma ? comma + 1 : NULL) {
		struct pfn_range *grown = mem_realloc(n->range, (n->nr_ranges + 1) * sizeof(*grown));
		if (!grown)
			return plan_fail(t->plan, t->entry->line, -ENOMEM, "no memory");
		n->range = grown;
		comma = strchr(text, ',');
		if (comma)
			*comma = '\0';
		int error = parse_memory_range(text, &grown[n->nr_ranges]);
		if (error)
			return plan_fail(t->plan, t->entry->line, error,
					 "memory: %s: must be START-END in multiples of 4M, END not included",
					 text);
		n->nr_ranges++;
	}
	return 0;
}

static int take_memory(const struct taker *t)
{
	drop_blanks_at_commas(t->entry->value);
	if (strpbrk(t->entry->value, "-,"))
		return take_memory_ranges(t);
	return take_size(t, PLAN_UNIT, &t->node->size);
}

static int take_cpus(const struct taker *t)
{
	return take_cpu_list(t, &t->node->cpus);
}

static int take_distance(const struct taker *t)
{
	struct node_plan *n = t->node;
	char *state = NULL;

	for (char *s = strtok_r(t->entry->value, BLANKS, &state); s; s = strtok_r(NULL, BLANKS, &state)) {
		uint64_t v;
		if (n->nr_distances == MM_NODES_MAX)
			return plan_fail(t->plan, t->entry->line, -EINVAL,
					 "distance: more than %u numbers", MM_NODES_MAX);
		if (parse_u64(s, &v) || v < 10 || v > 255)
			return plan_fail(t->plan, t->entry->line, -EINVAL,
					 "distance: %s: must be 10 for the node itself and 11 to 255 for others",
					 s);
		n->distance[n->nr_distances++] = (uint8_t)v;
	}
	return n->nr_distances ? 0 : take_fail(t, "numbers, such as 10 21");
}

static int take_host_node(const struct taker *t)
{
	uint64_t node = 0;
	int error = take_number(t, 0, MASK_BITS - 1, &node);
	if (!error)
		t->node->host_node = (int)node;
	return error;
}

static int take_socket(const struct taker *t)
{
	uint64_t socket = 0;
	int error = take_number(t, 0, MM_NODES_MAX - 1, &socket);
	if (!error)
		t->node->socket = (int)socket;
	return error;
}

static int take_dimms(const struct taker *t)
{
	if (!config_parse_dimms(t->entry->value, &t->node->dimms))
		return 0;
	return plan_fail(t->plan, t->entry->line, -EINVAL,
			 "dimms: must be like 8x16G or 8x16G DDR5-4800 (1 to 32 of them, DDR4 or DDR5)");
}

struct config_key {
	const char *name;
	int (*take)(const struct taker *t);
};

static const struct config_key machine_keys[NR_MACHINE_KEYS] = {
	[KEY_BACKING] = { "backing", take_backing },
	[KEY_LIMIT] = { "limit", take_limit },
	[KEY_HUGE_PAGE] = { "huge_page", take_huge_page },
	[KEY_KERNEL] = { "kernel", take_kernel },
	[KEY_BITS] = { "bits", take_bits },
	[KEY_DMA_LIMIT] = { "dma_limit", take_dma_limit },
	[KEY_DMA32_LIMIT] = { "dma32_limit", take_dma32_limit },
	[KEY_NORMAL_LIMIT] = { "normal_limit", take_normal_limit },
	[KEY_MOVABLE] = { "movable", take_movable },
	[KEY_RESERVED] = { "reserved", take_reserved },
	[KEY_PAGEBLOCK_ORDER] = { "pageblock_order", take_pageblock_order },
	[KEY_THP] = { "thp", take_thp },
	[KEY_HUGEPAGES_1G] = { "hugepages_1g", take_hugepages_1g },
	[KEY_DEFAULT_HUGEPAGESZ] = { "default_hugepagesz", take_default_hugepagesz },
	[KEY_POSSIBLE_CPUS] = { "possible_cpus", take_possible_cpus },
	[KEY_DEV_MEM_MODE] = { "dev_mem_mode", take_dev_mem_mode },
	[KEY_OOM_SIGKILL] = { "oom_sigkill", take_oom_sigkill },
};

static const struct config_key files_keys[NR_FILES_KEYS] = {
	[KEY_SOURCE] = { "source", take_source },
};

static const struct config_key node_keys[NR_NODE_KEYS] = {
	[KEY_MEMORY] = { "memory", take_memory },
	[KEY_CPUS] = { "cpus", take_cpus },
	[KEY_DISTANCE] = { "distance", take_distance },
	[KEY_HOST_NODE] = { "host_node", take_host_node },
	[KEY_SOCKET] = { "socket", take_socket },
	[KEY_DIMMS] = { "dimms", take_dimms },
};

static const char *section_name(unsigned section)
{
	if (section == SECTION_NODE)
		return "node N";
	return section == SECTION_FILES ? "files" : "machine";
}

static int take_by_row(struct taker *t, const struct config_key *key, unsigned nr_keys, int *key_line)
{
	const struct config_entry *e = t->entry;

	for (unsigned i = 0; i < nr_keys; i++) {
		if (strcmp(key[i].name, e->name))
			continue;
		if (key_line[i])
			return plan_fail(t->plan, e->line, -EINVAL, "%s: stands in line %d already",
					 e->name, key_line[i]);
		key_line[i] = e->line;
		return key[i].take(t);
	}
	return plan_fail(t->plan, e->line, -EINVAL, "%s: no such key in [%s]: see ummfs.conf(5)",
			 e->name, section_name(e->section));
}

int config_take(struct machine_plan *p, struct config *c, const struct config_entry *e)
{
	struct taker t = { p, NULL, c, e };

	if (e->section == SECTION_MACHINE)
		return take_by_row(&t, machine_keys, NR_MACHINE_KEYS, p->key_line);
	if (e->section == SECTION_FILES)
		return take_by_row(&t, files_keys, NR_FILES_KEYS, p->files_key_line);
	if (e->section == SECTION_CACHE)
		return config_take_cache(p, e);
	ASSERT(e->section == SECTION_NODE);
	t.node = &p->node[e->node];
	return take_by_row(&t, node_keys, NR_NODE_KEYS, t.node->key_line);
}

static int section_node(struct machine_plan *p, const char *number, int line, unsigned *node)
{
	uint64_t n;

	if (parse_u64(number, &n) || n >= MM_NODES_MAX)
		return plan_fail(p, line, -EINVAL, "[node %s]: must be a number from 0 to %u",
				 number, MM_NODES_MAX - 1);
	*node = (unsigned)n;
	if (!p->node[n].line)
		p->node[n].line = line;
	p->nr_nodes = MAX(p->nr_nodes, *node + 1);
	return 0;
}

int config_section_open(struct machine_plan *p, const char *text, int line,
			enum config_section *section, unsigned *node)
{
	*section = SECTION_NONE;
	if (!strcmp(text, "machine"))
		*section = SECTION_MACHINE;
	else if (!strcmp(text, "vm"))
		*section = SECTION_VM;
	else if (!strcmp(text, "files"))
		*section = SECTION_FILES;
	else if (!strncmp(text, "node ", 5))
		*section = SECTION_NODE;
	else if (!strncmp(text, "cache ", 6))
		*section = SECTION_CACHE;
	else
		return plan_fail(p, line, -EINVAL,
				 "[%s]: no such section: [machine], [node N], [cache NAME], [files] and [vm] are",
				 text);
	if (*section == SECTION_CACHE)
		return config_cache_open(p, text + 6, line, node);
	return *section == SECTION_NODE ? section_node(p, text + 5, line, node) : 0;
}
