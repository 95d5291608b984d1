/* SPDX-License-Identifier: MIT */
#include "support/golden.h"

#include "base/mem.h"
#include "base/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const char *const golden_captures[] = {
	"captures/5.10.0-32-amd64-T2",       "captures/5.10.0-32-amd64-T3",
	"captures/6.1.0-50-686-T7a",         "captures/6.1.0-50-686-pae-T7b",
	"captures/6.1.0-50-amd64-T1",        "captures/6.1.0-50-amd64-T10",
	"captures/6.1.0-50-amd64-T12",       "captures/6.1.0-50-amd64-T13",
	"captures/6.1.0-50-amd64-T2",        "captures/6.1.0-50-amd64-T2-nomerge",
	"captures/6.1.0-50-amd64-T2-nothp",  "captures/6.1.0-50-amd64-T3",
	"captures/6.1.0-50-amd64-T5",        "captures/6.1.0-50-amd64-T6b",
	"captures/6.1.0-50-amd64-T8b",       "captures/6.1.0-50-amd64-T9",
	"captures/6.12.107+deb13-amd64-T2",  "captures/6.12.107+deb13-amd64-T3",
	"captures/6.12.107+deb13-amd64-T13",
};
const unsigned golden_nr_captures = ARRAY_LEN(golden_captures);

/* ---- Files ---- */

char *golden_read(const struct golden *g, const char *path)
{
	char name[1024];
	snprintf(name, sizeof(name), "%s/%s", g->dir, path);
	FILE *f = fopen(name, "r");
	if (!f)
		return NULL;
	char *text = calloc(1, 1 << 20);
	assert_non_null(text);
	size_t n = fread(text, 1, (1 << 20) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static char *must_read(const struct golden *g, const char *path)
{
	char *text = golden_read(g, path);
	if (!text)
		fail_msg("no %s/%s", g->dir, path);
	return text;
}

/* The next line, NUL-terminated in place; NULL at the end. */
static char *line_next(char **at)
{
	char *line = *at;
	if (!*line)
		return NULL;
	char *end = strchr(line, '\n');
	assert_non_null(end);
	*end = '\0';
	*at = end + 1;
	return line;
}

static unsigned long after(const char *line, const char *key)
{
	const char *at = strstr(line, key);
	if (!at)
		fail_msg("no \"%s\" in \"%s\"", key, line);
	return strtoul(at + strlen(key), NULL, 10);
}

static bool starts(const char *line, const char *key)
{
	return !strncmp(line, key, strlen(key));
}

/* The number of a "KEY: 123" or "KEY 123" line of a whole text; 0 when there is none. */
static unsigned long value_of(const char *text, const char *key)
{
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (starts(line, key))
			return strtoul(line + strlen(key), NULL, 10);
	}
	return 0;
}

/* ---- Counters by name ---- */

static bool node_item_set(struct golden *g, struct node_snap *n, const char *name, long value)
{
	for (unsigned i = 0; i < NR_NODE_STATS; i++) {
		if (strcmp(node_stat_name[i], name) || !node_stat_shown(&g->machine, i))
			continue;
		bool thp = i == NR_ANON_THPS || i == NR_FILE_THPS || i == NR_SHMEM_THPS ||
			   i == NR_SHMEM_PMDMAPPED || i == NR_FILE_PMDMAPPED;
		n->stat[i] = thp ? value << g->machine.pageblock_order : value;
		return true;
	}
	return false;
}

static bool zone_item_set(struct golden *g, struct zone_snap *z, const char *name, long value)
{
	for (unsigned i = 0; i < NR_ZONE_STATS; i++)
		if (!strcmp(zone_stat_name[i], name) && zone_stat_shown(&g->machine, i)) {
			z->stat[i] = value;
			if (i == NR_ZONE_PAGETABLE) /* counted on both */
				g->snap.node[(z - g->snap.zone) / MM_ZONE_TYPES_MAX].stat[NR_PAGETABLE] +=
					value;
			return true;
		}
	for (unsigned i = 0; i < NR_NUMA_STATS; i++)
		if (!strcmp(numa_stat_name[i], name)) {
			z->numa[i] = (uint64_t)value;
			return true;
		}
	return false;
}

static bool event_set(struct golden *g, const char *name, long value)
{
	char buf[64];
	for (unsigned e = 0; e < NR_VM_EVENTS; e++)
		if (!strcmp(vm_event_name(e, buf), name) && vm_event_shown(&g->machine, e)) {
			g->snap.event[e] = (uint64_t)value;
			return true;
		}
	return false;
}

/* ---- zoneinfo: the shape, then the numbers ---- */

/* Folders are named by release: ".../6.12.107+deb13-amd64-T3". */
static const struct kernel_version *golden_version(const struct golden *g)
{
	unsigned major, minor;
	assert_int_equal(sscanf(strrchr(g->dir, '/') + 1, "%u.%u.", &major, &minor), 2);
	return kernel_version_of(major, minor);
}

static void shape_count(struct golden *g, const char *text)
{
	struct machine *m = &g->machine;
	unsigned zones = 0;
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (starts(line, "Node ")) {
			m->nr_nodes = MAX(m->nr_nodes, (unsigned)after(line, "Node ") + 1);
			zones++;
		} else if (starts(line, "    cpu: ")) {
			m->nr_cpu_ids = MAX(m->nr_cpu_ids, (unsigned)after(line, "cpu: ") + 1);
		} else if (starts(line, "      numa_hit")) {
			m->numa = true;
		}
	}
	m->nr_zone_types = zones / m->nr_nodes;
	m->bits = m->nr_zone_types == MM_ZONE_TYPES_MAX ? 64 : 32;
	assert_int_equal(zone_kinds(m->bits, m->kind), m->nr_zone_types);
	machine_set_version(m, golden_version(g));
}

static void shape_alloc(struct golden *g)
{
	struct machine *m = &g->machine;
	m->nr_zones = m->nr_nodes * MM_ZONE_TYPES_MAX;
	m->node = mem_zalloc_aligned(m->nr_nodes * sizeof(*m->node), 64);
	m->zone = mem_zalloc_aligned(m->nr_zones * sizeof(*m->zone), 64);
	m->cpu = mem_zalloc_aligned(m->nr_cpu_ids * sizeof(*m->cpu), 64);
	assert_true(m->node && m->zone && m->cpu);
	for (unsigned nid = 0; nid < m->nr_nodes; nid++) {
		struct node *n = &m->node[nid];
		n->machine = m;
		n->id = nid;
		n->online = true;
		for (unsigned type = 0; type < m->nr_zone_types; type++) {
			struct zone *z = &m->zone[nid * MM_ZONE_TYPES_MAX + type];
			*z = (struct zone){ .machine = m,
					    .node = n,
					    .name = zone_kind_name[m->kind[type]],
					    .id = (uint16_t)(nid * MM_ZONE_TYPES_MAX + type),
					    .type = (uint8_t)type,
					    .kind = (uint8_t)m->kind[type] };
			n->zone[type] = z;
		}
	}
	for (unsigned cpu = 0; cpu < m->nr_cpu_ids; cpu++) {
		m->cpu[cpu] = (struct cpu){ .machine = m, .id = cpu, .online = true };
		mask_set(&m->cpus_online, cpu);
		mask_set(&m->cpus_possible, cpu);
	}
	m->nr_cpus_online = m->nr_cpu_ids;
	assert_int_equal(snapshot_init(&g->snap, m), 0);
}

static void protection_parse(struct zone_snap *snap, const char *line)
{
	const char *at = strchr(line, '(') + 1;
	for (unsigned i = 0; *at && *at != ')' && i < MM_ZONE_TYPES_MAX; i++) {
		char *end;
		snap->lowmem_reserve[i] = strtoul(at, &end, 10);
		at = end + strspn(end, ", ");
	}
}

static void pageset_line(struct zone_snap *snap, struct pageset_snap *p, const char *line)
{
	if (starts(line, "              count: "))
		p->count = (int)after(line, "count: ");
	else if (starts(line, "              high: "))
		p->high = (int)after(line, "high: ");
	else if (starts(line, "              batch: "))
		p->batch = (int)after(line, "batch: ");
	else if (starts(line, "  vm stats threshold: "))
		snap->threshold = (int)after(line, "threshold: ");
}

static void zone_line(struct golden *g, struct zone *z, const char *line)
{
	struct zone_snap *snap = &g->snap.zone[z->id];
	char name[64];
	long value;
	if (starts(line, "        boost "))
		snap->boost = after(line, "boost ");
	else if (starts(line, "        min "))
		snap->watermark[WMARK_MIN] = after(line, "min ") - snap->boost;
	else if (starts(line, "        low "))
		snap->watermark[WMARK_LOW] = after(line, "low ") - snap->boost;
	else if (starts(line, "        high "))
		snap->watermark[WMARK_HIGH] = after(line, "high ") - snap->boost;
	else if (starts(line, "        promo "))
		snap->watermark[WMARK_PROMO] = after(line, "promo ") - snap->boost;
	else if (starts(line, "        spanned "))
		z->spanned = after(line, "spanned ");
	else if (starts(line, "        present "))
		z->present = after(line, "present ");
	else if (starts(line, "        managed "))
		snap->managed = after(line, "managed ");
	else if (starts(line, "        protection: "))
		protection_parse(snap, line);
	else if (starts(line, "  node_unreclaimable: "))
		g->snap.node[z->node->id].unreclaimable = after(line, "unreclaimable: ");
	else if (starts(line, "  start_pfn: "))
		z->start_pfn = after(line, "start_pfn: ");
	else if (starts(line, "      ") && sscanf(line, "%63s %ld", name, &value) == 2 &&
		 !strchr(name, ':') && strcmp(name, "cma") && !zone_item_set(g, snap, name, value) &&
		 !node_item_set(g, &g->snap.node[z->node->id], name, value))
		fail_msg("zoneinfo has \"%s\"", name);
}

static void zoneinfo_fill(struct golden *g, char *text)
{
	struct machine *m = &g->machine;
	struct zone *z = NULL;
	unsigned last_node = ~0u, type = 0, cpu = 0;
	for (char *line; (line = line_next(&text));) {
		if (starts(line, "Node ")) {
			unsigned nid = (unsigned)after(line, "Node ");
			type = nid == last_node ? type + 1 : 0;
			last_node = nid;
			z = m->node[nid].zone[type];
			assert_non_null(strstr(line, z->name));
		} else if (starts(line, "    cpu: ")) {
			cpu = (unsigned)after(line, "cpu: ");
		} else {
			zone_line(g, z, line);
			pageset_line(&g->snap.zone[z->id],
				     &g->snap.pageset[(size_t)z->id * m->nr_cpu_ids + cpu], line);
		}
		if (z->present)
			z->node->has_memory = true;
	}
}

/* ---- Nodes: CPUs and distances ---- */

static void node_shape(struct golden *g, struct node *n)
{
	char path[128];
	snprintf(path, sizeof(path), "sys/devices/system/node/node%u/cpulist", n->id);
	char *list = golden_read(g, path);
	if (list) {
		list[strcspn(list, "\n")] = '\0';
		assert_int_equal(parse_list(list, &n->cpus), 0);
	} else if (g->machine.nr_nodes == 1) {
		n->cpus = g->machine.cpus_online;
	}
	free(list);
	MASK_FOR_EACH(cpu, &n->cpus)
		g->machine.cpu[cpu].node = n;

	snprintf(path, sizeof(path), "sys/devices/system/node/node%u/distance", n->id);
	char *text = golden_read(g, path), *at = text;
	for (unsigned to = 0; text && to < g->machine.nr_nodes; to++)
		n->distance[to] = (uint8_t)strtoul(at, &at, 10);
	free(text);
}

void golden_open(struct golden *g, const char *name)
{
	const char *root = getenv("SRCDIR");
	*g = (struct golden){ 0 };
	snprintf(g->dir, sizeof(g->dir), "%s/tests/oracle/%s", root ? root : ".", name);

	char *meminfo = must_read(g, "proc/meminfo");
	g->machine.pageblock_order = fls64(value_of(meminfo, "Hugepagesize:") / 4) - 1;
	free(meminfo);

	char *zoneinfo = must_read(g, "proc/zoneinfo");
	shape_count(g, zoneinfo);
	shape_alloc(g);
	zoneinfo_fill(g, zoneinfo);
	free(zoneinfo);
	for (unsigned nid = 0; nid < g->machine.nr_nodes; nid++)
		node_shape(g, &g->machine.node[nid]);
}

void golden_close(struct golden *g)
{
	snapshot_fini(&g->snap);
	mem_free(g->machine.node);
	mem_free(g->machine.zone);
	mem_free(g->machine.cpu);
}

/* ---- Free blocks ---- */

/* The zone that "Node 0, zone    DMA32" begins a line with. */
static struct zone *line_zone(struct golden *g, const char *line)
{
	unsigned nid;
	char name[16];
	assert_int_equal(sscanf(line, "Node %u, zone %15[^, ]", &nid, name), 2);
	FOR_EACH_POPULATED_ZONE(z, &g->machine)
		if (z->node->id == nid && !strcmp(z->name, name))
			return z;
	fail_msg("no zone for \"%s\"", line);
	return NULL;
}

bool golden_fill_buddyinfo(struct golden *g)
{
	char *text = golden_read(g, "proc/buddyinfo"), *at = text;
	if (!text)
		return false;
	for (char *line; (line = line_next(&at));) {
		struct zone_snap *snap = &g->snap.zone[line_zone(g, line)->id];
		char *count = strstr(line, "zone ") + 5;
		count += strspn(count, " ");
		count += strcspn(count, " ");
		memset(snap->free_blocks, 0, sizeof(snap->free_blocks));
		for (unsigned order = 0; order < MM_ORDERS; order++)
			snap->free_blocks[order][MIGRATE_MOVABLE] = strtoul(count, &count, 10);
	}
	free(text);
	return true;
}

static void type_line(struct zone_snap *snap, char *line)
{
	char name[16];
	unsigned mt = 0;
	char *at = strstr(line, "type ") + 5;
	assert_int_equal(sscanf(at, "%15s", name), 1);
	while (mt < MIGRATE_TYPES && strcmp(migratetype_name[mt], name))
		mt++;
	assert_true(mt < MIGRATE_TYPES);
	at = strstr(at, name) + strlen(name);
	for (unsigned order = 0; order < MM_ORDERS; order++) {
		at += strspn(at, " ");
		bool more = *at == '>';
		snap->free_blocks[order][mt] = strtoul(at + more, &at, 10) + more * 4711;
	}
}

static void blocks_line(struct zone_snap *snap, char *line, const char *zone)
{
	char *at = strstr(line, zone) + strlen(zone);
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		snap->pageblocks[mt] = strtoul(at, &at, 10);
}

bool golden_fill_pagetypeinfo(struct golden *g)
{
	char *text = golden_read(g, "proc/pagetypeinfo"), *at = text;
	if (!text)
		return false;
	for (char *line; (line = line_next(&at));) {
		if (!starts(line, "Node "))
			continue;
		struct zone *z = line_zone(g, line);
		if (strstr(line, ", type "))
			type_line(&g->snap.zone[z->id], line);
		else
			blocks_line(&g->snap.zone[z->id], line, z->name);
	}
	free(text);
	return true;
}

/* ---- Counters ---- */

static void counters_clear(struct zone_snap *z)
{
	memset(z->stat, 0, sizeof(z->stat));
	memset(z->numa, 0, sizeof(z->numa));
	memset(z->numa_folded, 0, sizeof(z->numa_folded));
}

static void counters_fill(struct golden *g, struct zone_snap *z, struct node_snap *n, char *text)
{
	char name[64];
	long value;
	for (char *line; (line = line_next(&text));) {
		assert_int_equal(sscanf(line, "%63s %ld", name, &value), 2);
		if (zone_item_set(g, z, name, value) || node_item_set(g, n, name, value) ||
		    event_set(g, name, value))
			continue;
		if (!strcmp(name, "nr_memmap_boot_pages"))
			g->machine.memmap_pages = (uint64_t)value;
		else if (strcmp(name, "nr_dirty_threshold") && strcmp(name, "nr_memmap_pages") &&
			 strcmp(name, "nr_dirty_background_threshold") && strcmp(name, "nr_unstable"))
			fail_msg("no counter %s", name);
	}
}

bool golden_fill_vmstat(struct golden *g)
{
	char *text = golden_read(g, "proc/vmstat");
	if (!text)
		return false;
	FOR_EACH_POPULATED_ZONE(z, &g->machine)
		counters_clear(&g->snap.zone[z->id]);
	for (unsigned nid = 0; nid < g->machine.nr_nodes; nid++)
		memset(g->snap.node[nid].stat, 0, sizeof(g->snap.node[nid].stat));
	struct zone_snap *z = &g->snap.zone[machine_zone_next(&g->machine, NULL)->id];
	counters_fill(g, z, &g->snap.node[0], text);
	memcpy(z->numa_folded, z->numa, sizeof(z->numa_folded));
	free(text);
	return true;
}

static unsigned long node_huge(const struct golden *g, unsigned nid, const char *file)
{
	char path[160];
	snprintf(path, sizeof(path), "sys/devices/system/node/node%u/hugepages/hugepages-%lukB/%s",
		 nid, (unsigned long)PAGES_TO_KB(1ul << g->machine.pageblock_order), file);
	char *text = must_read(g, path);
	unsigned long n = strtoul(text, NULL, 10);
	free(text);
	return n;
}

bool golden_fill_node(struct golden *g, unsigned nid)
{
	char path[128];
	struct node_snap *n = &g->snap.node[nid];
	snprintf(path, sizeof(path), "sys/devices/system/node/node%u/vmstat", nid);
	char *text = golden_read(g, path);
	if (!text)
		return false;
	for (unsigned type = 0; type < g->machine.nr_zone_types; type++)
		counters_clear(&g->snap.zone[g->machine.node[nid].zone[type]->id]);
	memset(n->stat, 0, sizeof(n->stat));
	counters_fill(g, &g->snap.zone[g->machine.node[nid].zone[0]->id], n, text);
	free(text);
	return true;
}

bool golden_fill_node_hugetlb(struct golden *g, unsigned nid)
{
	struct node_snap *n = &g->snap.node[nid];
	n->hugetlb_nr = node_huge(g, nid, "nr_hugepages");
	n->hugetlb_free = node_huge(g, nid, "free_hugepages");
	n->hugetlb_surplus = node_huge(g, nid, "surplus_hugepages");
	return true;
}

bool golden_fill_numastat(struct golden *g, unsigned nid)
{
	char path[128];
	snprintf(path, sizeof(path), "sys/devices/system/node/node%u/numastat", nid);
	char *text = golden_read(g, path);
	if (!text)
		return false;
	for (unsigned type = 0; type < g->machine.nr_zone_types; type++) {
		struct zone_snap *z = &g->snap.zone[g->machine.node[nid].zone[type]->id];
		for (unsigned i = 0; i < NR_NUMA_STATS; i++)
			z->numa[i] = type ? 0 : value_of(text, numastat_name[i]);
	}
	free(text);
	return true;
}

bool golden_fill_hugetlb(struct golden *g)
{
	struct snapshot *s = &g->snap;
	char *text = golden_read(g, "proc/meminfo");
	if (!text)
		return false;
	s->hugetlb_order = g->machine.pageblock_order;
	s->hugetlb_nr = value_of(text, "HugePages_Total:");
	s->hugetlb_all_pages = value_of(text, "Hugetlb:") / 4;
	s->hugetlb_free = value_of(text, "HugePages_Free:");
	s->hugetlb_reserved = value_of(text, "HugePages_Rsvd:");
	s->hugetlb_surplus = value_of(text, "HugePages_Surp:");
	s->commit_limit_pages = value_of(text, "CommitLimit:") / 4;
	s->committed_pages = value_of(text, "Committed_AS:") / 4;
	free(text);
	return true;
}

bool golden_fill_facts(struct golden *g)
{
	struct machine_facts *f = &g->machine.facts;
	char *text = golden_read(g, "proc/meminfo");
	if (!text)
		return false;
	bool large = g->machine.pageblock_order == 10;
	f->has_direct_1g = strstr(text, "DirectMap1G:");
	f->direct_map_kb[DIRECT_4K] = value_of(text, "DirectMap4k:");
	f->direct_map_kb[DIRECT_LARGE] = value_of(text, large ? "DirectMap4M:" : "DirectMap2M:");
	f->direct_map_kb[DIRECT_1G] = f->has_direct_1g ? value_of(text, "DirectMap1G:") : 0;
	f->vmalloc_used_kb = value_of(text, "VmallocUsed:");
	f->percpu_kb = value_of(text, "Percpu:");
	f->corrupted_kb = value_of(text, "HardwareCorrupted:");
	free(text);
	return true;
}

/* ---- Comparing ---- */

static void lines_differ(const char *dir, const char *path, const char *want, const char *got)
{
	unsigned line = 1;
	const char *want_line = want, *got_line = got;
	for (; *want == *got; want++, got++)
		if (*want == '\n') {
			line++;
			want_line = want + 1;
			got_line = got + 1;
		}
	fail_msg("%s/%s:%u\n  kernel \"%.*s\"\n  view   \"%.*s\"", dir, path, line,
		 (int)strcspn(want_line, "\n"), want_line, (int)strcspn(got_line, "\n"), got_line);
}

void golden_compare_text(const struct golden *g, const char *path, const char *expected,
			 golden_render *render, unsigned arg)
{
	struct text t;
	text_init(&t, 0);
	render(&t, &g->snap, arg);
	assert_int_equal(text_error(&t), 0);
	if (strcmp(expected, text_cstr(&t)))
		lines_differ(g->dir, path, expected, text_cstr(&t));
	text_fini(&t);
}

void golden_compare(const struct golden *g, const char *path, golden_render *render, unsigned arg)
{
	char *expected = must_read(g, path);
	golden_compare_text(g, path, expected, render, arg);
	free(expected);
}
