/* SPDX-License-Identifier: MIT */
/* Reading the frame record: zones, lists, CPUs and pages in use. */
#include "vm/record_private.h"

#include "mm/buddy.h"
#include "mm/import.h"
#include "vm/file_orphan.h"

#include <errno.h>
#include <string.h>

/* ---- Which one ---- */

static int zone_find(struct record *r, char **rest, struct zone **out)
{
	uint64_t id;
	int error = record_number(r, rest, r->vm->machine.nr_zones, &id);
	if (error)
		return error;
	*out = &r->vm->machine.zone[id];
	return zone_populated(*out) ? 0 : record_bad(r, "zone %llu has no memory", (unsigned long long)id);
}

static int cpu_find(struct record *r, char **rest, struct cpu **out)
{
	uint64_t id;
	int error = record_number(r, rest, r->vm->machine.nr_cpu_ids, &id);
	if (error)
		return error;
	*out = &r->vm->machine.cpu[id];
	return (*out)->online ? 0 : record_bad(r, "CPU %llu is not online", (unsigned long long)id);
}

static int node_find(struct record *r, char **rest, unsigned *out)
{
	uint64_t id = 0;
	int error = record_number(r, rest, r->vm->machine.nr_nodes, &id);
	*out = (unsigned)id;
	return error;
}

static const char *series_word(char **rest)
{
	const char *word = record_word(rest);
	return word ? word : "";
}

/* A page of a list, which is on no other. */
static int list_join(struct record *r, struct page_list *l, pfn_t pfn)
{
	const struct page *p = pfn_page(&r->vm->machine, pfn);
	if (p->next || p->prev || l->head == pfn)
		return record_bad(r, "frame %u is on two lists", pfn);
	page_list_add_tail(r->vm->machine.map, l, pfn);
	return 0;
}

/* The page of a block in use that was read before. NULL: why is set. */
static struct page *used_page(struct record *r, uint64_t pfn)
{
	const struct machine *m = &r->vm->machine;
	struct page *p = pfn < m->end_pfn ? pfn_page(m, (pfn_t)pfn) : NULL;
	if (p && p->state == PAGE_USED)
		return p;
	record_bad(r, "frame %llu is not in use", (unsigned long long)pfn);
	return NULL;
}

/* ---- The machine, its knobs ---- */

static int clock_read(struct record *r, char *rest)
{
	struct clock *clock = &r->vm->machine.clock;
	uint64_t ns;
	int error = record_number(r, &rest, INT64_MAX, &ns);
	if (error)
		return error;
	if (clock->manual)
		clock->now_ns = ns;
	else
		clock->start_ns -= ns; /* it goes on from there */
	return 0;
}

static int tune_read(struct record *r, char *rest)
{
	return record_fields(r, &fields_tune, &r->vm->machine, rest);
}

static int vm_read(struct record *r, char *rest)
{
	int error = record_fields(r, &fields_vm, r->vm, rest);
	if (!error)
		vm_faults_update(r->vm);
	return error;
}

/* ---- Zones ---- */

static void cpus_take_pagesets(struct zone *z)
{
	struct machine *m = z->machine;
	MASK_FOR_EACH(cpu, &m->cpus_online) {
		m->cpu[cpu].zone[z->id].pcp.high = z->pageset_high;
		m->cpu[cpu].zone[z->id].pcp.batch = MAX(z->pageset_batch, 1);
	}
}

static int zone_read(struct record *r, char *rest)
{
	struct zone *z;
	int error = zone_find(r, &rest, &z);
	if (!error)
		error = record_fields(r, &fields_zone, z, rest);
	if (!error)
		cpus_take_pagesets(z);
	return error;
}

struct place { /* where the numbers of a series go */
	struct zone *zone;
	struct cpu *cpu;
	struct page_list *list;
	struct hugetlb *hugetlb;
	unsigned order, node;
	enum migratetype mt;
	uint64_t start;
	bool half;
	struct series_in types;
};

static int virgin_place(struct record *r, uint64_t v, void *ctx)
{
	struct place *p = ctx;
	struct zone *z = p->zone;
	const struct virgin *was = &z->virgin;
	p->half = !p->half;
	if (p->half) {
		p->start = v;
		return 0;
	}
	bool inside = false;
	for (unsigned i = 0; i < z->nr_ranges; i++)
		inside |= p->start >= z->range[i].start && v <= z->range[i].end;
	if (!inside || p->start >= v || (p->start | v) % MM_TOP_PAGES ||
	    (was->nr_ranges && was->range[was->nr_ranges - 1].end > p->start) || z->nr_pinned < v - p->start)
		return record_bad(r, "frames %llu to %llu cannot be free there",
				  (unsigned long long)p->start, (unsigned long long)v);
	return zone_import_virgin(z, p->start, v);
}

static int virgin_read(struct record *r, char *rest)
{
	struct place p = { 0 };
	int error = zone_find(r, &rest, &p.zone);
	if (!error && p.zone->nr_pinned != p.zone->managed)
		error = record_bad(r, "the zone's unused ranges stand before its blocks, once");
	if (!error)
		error = record_series(r, series_word(&rest), virgin_place, &p);
	return !error && p.half ? record_bad(r, "a range has no end") : error;
}

static int pageblock_place(struct record *r, uint64_t v, void *ctx)
{
	const struct place *p = ctx;
	struct machine *m = &r->vm->machine;
	if (v > (m->end_pfn - 1) >> m->pageblock_order)
		return record_bad(r, "there is no pageblock %llu", (unsigned long long)v);
	/* The zones say how many there are of each type. */
	m->pageblock[v] = (uint8_t)(p->mt ^ MIGRATE_MOVABLE);
	return 0;
}

static int pageblocks_read(struct record *r, char *rest)
{
	struct place p = { 0 };
	uint64_t mt = 0;
	int error = zone_find(r, &rest, &p.zone);
	if (!error)
		error = record_number(r, &rest, MIGRATE_TYPES, &mt);
	p.mt = (enum migratetype)mt;
	return error ? error : record_series(r, series_word(&rest), pageblock_place, &p);
}

static int skip_place(struct record *r, uint64_t v, void *ctx)
{
	struct machine *m = &r->vm->machine;
	(void)ctx;
	if (v > (m->end_pfn - 1) >> m->pageblock_order)
		return record_bad(r, "there is no pageblock %llu", (unsigned long long)v);
	pageblock_set_skip(m, (pfn_t)(v << m->pageblock_order), true);
	return 0;
}

/* Behind the types of the blocks. */
static int pageblock_skips_read(struct record *r, char *rest)
{
	struct zone *z;
	int error = zone_find(r, &rest, &z);
	return error ? error : record_series(r, series_word(&rest), skip_place, NULL);
}

/* A block of that zone. */
static int block_of(struct record *r, uint64_t pfn, unsigned order, const struct zone *z)
{
	struct zone *found;
	int error = record_block(r, pfn, order, &found);
	if (!error && found != z)
		error = record_bad(r, "frame %llu is not in zone %u", (unsigned long long)pfn, z->id);
	return error;
}

static int free_place(struct record *r, uint64_t v, void *ctx)
{
	const struct place *p = ctx;
	int error = block_of(r, v, p->order, p->zone);
	if (!error)
		zone_import_free(p->zone, (pfn_t)v, p->order, p->mt);
	return error;
}

static int free_read(struct record *r, char *rest)
{
	struct place p = { 0 };
	uint64_t order = 0, mt = 0;
	int error = zone_find(r, &rest, &p.zone);
	if (!error)
		error = record_number(r, &rest, MM_ORDERS, &order);
	if (!error)
		error = record_number(r, &rest, MIGRATE_TYPES, &mt);
	p.order = (unsigned)order;
	p.mt = (enum migratetype)mt;
	return error ? error : record_series(r, series_word(&rest), free_place, &p);
}

/* ---- CPUs ---- */

static int cpu_read(struct record *r, char *rest)
{
	struct cpu *c;
	int error = cpu_find(r, &rest, &c);
	return error ? error : record_fields(r, &fields_cpu, c, rest);
}

static int cpu_zone_read(struct record *r, char *rest)
{
	struct cpu *c;
	struct zone *z;
	int error = cpu_find(r, &rest, &c);
	if (!error)
		error = zone_find(r, &rest, &z);
	return error ? error : record_fields(r, &fields_cpu_zone, &c->zone[z->id], rest);
}

static int cpu_node_read(struct record *r, char *rest)
{
	struct cpu *c;
	unsigned node;
	int error = cpu_find(r, &rest, &c);
	if (!error)
		error = node_find(r, &rest, &node);
	return error ? error : record_fields(r, &fields_cpu_node, &c->per_node[node], rest);
}

static int pcp_place(struct record *r, uint64_t v, void *ctx)
{
	struct place *p = ctx;
	uint64_t mt;
	if (series_get(&p->types, &mt) <= 0 || mt >= MIGRATE_TYPES)
		return record_bad(r, "frame %llu has no type", (unsigned long long)v);
	int error = block_of(r, v, p->order, p->zone);
	if (error)
		return error;
	struct page *page = zone_import_used(p->zone, (pfn_t)v, p->order);
	page->state = PAGE_PCP;
	page->migratetype = (uint8_t)mt;
	page_list_add_tail(r->vm->machine.map, p->list, (pfn_t)v);
	p->cpu->zone[p->zone->id].pcp.count += 1 << p->order;
	return 0;
}

static int pcp_read(struct record *r, char *rest)
{
	struct place p = { 0 };
	uint64_t list = 0;
	int error = cpu_find(r, &rest, &p.cpu);
	if (!error)
		error = zone_find(r, &rest, &p.zone);
	if (!error)
		error = record_number(r, &rest, PCP_LISTS, &list);
	if (error)
		return error;
	p.list = &p.cpu->zone[p.zone->id].pcp.list[list];
	p.order = list == PCP_LISTS - 1 ? r->vm->machine.pageblock_order : (unsigned)list / MIGRATE_PCPTYPES;
	if (p.list->head || !(r->vm->machine.pcp_orders >> p.order & 1))
		return record_bad(r, "list %llu of the CPU cannot have these", (unsigned long long)list);
	series_open(&p.types, series_word(&rest));
	return record_series(r, series_word(&rest), pcp_place, &p);
}

/* ---- Pages in use ---- */

struct used {
	struct page_group group;
	struct series_in index, private;
	bool has_index, has_private;
};

static int used_place(struct record *r, uint64_t v, void *ctx)
{
	struct used *u = ctx;
	struct zone *z;
	uint64_t index = 0, private = 0;
	int error = record_block(r, v, u->group.order, &z);
	if (error)
		return error;
	if ((u->has_index && series_get(&u->index, &index) <= 0) || index > UINT32_MAX ||
	    (u->has_private && series_get(&u->private, &private) <= 0))
		return record_bad(r, "frame %llu: a number is missing", (unsigned long long)v);
	struct page *p = zone_import_used(z, (pfn_t)v, u->group.order);
	p->owner = u->group.owner;
	p->migratetype = u->group.migratetype;
	p->marks = u->group.marks;
	p->flags = u->group.flags;
	p->index = (uint32_t)index;
	p->private = private;
	r->nr_owned += owner_is_indexed(owner_kind(p->owner));
	return 0;
}

char *record_word_cut(char *line, const char *name)
{
	char *at = strstr(line, name);
	if (!at)
		return NULL;
	char *value = at + strlen(name), *end = value + strcspn(value, " ");
	*at = 0;
	*end = 0;
	return value;
}

/* The three series are the last words of the line, in this order. */
static int used_read(struct record *r, char *rest)
{
	struct used u = { 0 };
	char *private = record_word_cut(rest, " private="), *index = record_word_cut(rest, " index=");
	char *pfn = record_word_cut(rest, " pfn=");
	if (!pfn)
		return record_bad(r, "pfn is missing");
	u.has_index = index != NULL;
	u.has_private = private != NULL;
	series_open(&u.index, index ? index : "");
	series_open(&u.private, private ? private : "");
	int error = record_fields(r, &fields_page_group, &u.group, rest);
	enum owner_kind kind = owner_kind(u.group.owner);
	if (!error && (kind >= OWNER_KINDS || kind == OWNER_SLAB || u.group.flags & PG_CONTENT ||
		       (kind == OWNER_FILE && u.group.owner != file_orphan_owner())))
		error = record_bad(r, "no such owner or flag");
	if (!error && u.group.order > MM_ORDER_MAX &&
	    (u.group.order != GIGANTIC_ORDER || !r->vm->machine.gigantic ||
	     (kind != OWNER_HUGETLB_POOL && kind != OWNER_TASK_HUGETLB)))
		error = record_bad(r, "no such block");
	return error ? error : record_series(r, pfn, used_place, &u);
}

/* ---- Lists of pages in use ---- */

static int pool_find(struct record *r, char **rest, struct hugetlb **out)
{
	uint64_t pool = 0;
	int error = record_number(r, rest, r->vm->nr_hugetlb, &pool);
	*out = &r->vm->hugetlb[pool];
	return error;
}

static int hugetlb_read(struct record *r, char *rest)
{
	struct hugetlb *h;
	int error = pool_find(r, &rest, &h);
	return error ? error : record_fields(r, &fields_hugetlb, h, rest);
}

static int hugetlb_node_read(struct record *r, char *rest)
{
	unsigned node;
	struct hugetlb *h;
	int error = pool_find(r, &rest, &h);
	if (!error)
		error = node_find(r, &rest, &node);
	return error ? error : record_fields(r, &fields_hugetlb_node, &h->node[node], rest);
}

static int hugetlb_place(struct record *r, uint64_t v, void *ctx)
{
	const struct place *p = ctx;
	const struct page *page = used_page(r, v);
	if (!page)
		return -EINVAL;
	if (page->order != p->hugetlb->order || owner_kind(page->owner) != OWNER_HUGETLB_POOL ||
	    page_zone(&r->vm->machine, page)->node->id != p->node)
		return record_bad(r, "frame %llu is no free huge page of the node", (unsigned long long)v);
	return list_join(r, p->list, (pfn_t)v);
}

static int hugetlb_free_read(struct record *r, char *rest)
{
	struct place p = { 0 };
	int error = pool_find(r, &rest, &p.hugetlb);
	if (!error)
		error = node_find(r, &rest, &p.node);
	if (error)
		return error;
	p.list = &p.hugetlb->node[p.node].free;
	return record_series(r, series_word(&rest), hugetlb_place, &p);
}

static int kswapd_read(struct record *r, char *rest)
{
	unsigned node;
	int error = node_find(r, &rest, &node);
	return error ? error : record_fields(r, &fields_kswapd, &r->vm->policy.kswapd[node], rest);
}

static int kcompactd_read(struct record *r, char *rest)
{
	unsigned node;
	int error = node_find(r, &rest, &node);
	struct kcompactd *k = error ? NULL : &r->vm->policy.kcompactd[node];
	if (!error)
		error = record_fields(r, &fields_kcompactd, k, rest);
	if (!error && k->highest_type >= r->vm->machine.nr_zone_types)
		error = record_bad(r, "the machine has no zone type %u", k->highest_type);
	return error;
}

static int node_read(struct record *r, char *rest)
{
	unsigned node;
	int error = node_find(r, &rest, &node);
	return error ? error : record_fields(r, &fields_node, &r->vm->machine.node[node], rest);
}

static bool owner_has_lru(enum owner_kind kind)
{
	return kind == OWNER_TASK_ANON || kind == OWNER_TASK_FILE || kind == OWNER_TASK_SHMEM ||
	       kind == OWNER_FILE;
}

static int lru_place(struct record *r, uint64_t v, void *ctx)
{
	const struct place *p = ctx;
	struct page *page = used_page(r, v);
	if (!page)
		return -EINVAL;
	struct node *n = page_zone(&r->vm->machine, page)->node;
	if (n->id != p->node || page->lru != LRU_NONE || page->order ||
	    !owner_has_lru(owner_kind(page->owner)))
		return record_bad(r, "frame %llu cannot be on an LRU list of the node",
				  (unsigned long long)v);
	page->lru = (uint8_t)p->order;
	n->lru.size[p->order]++;
	return list_join(r, p->list, (pfn_t)v);
}

static int lru_read(struct record *r, char *rest)
{
	struct place p = { 0 };
	uint64_t which = 0;
	int error = node_find(r, &rest, &p.node);
	if (!error)
		error = record_number(r, &rest, LRU_LISTS, &which);
	if (error)
		return error;
	p.order = (unsigned)which;
	p.list = &r->vm->machine.node[p.node].lru.list[which];
	return record_series(r, series_word(&rest), lru_place, &p);
}

const struct record_row record_frame_rows[] = {
	{ "clock", clock_read },
	{ "tune", tune_read },
	{ "vm", vm_read },
	{ "zone", zone_read },
	{ "virgin", virgin_read },
	{ "pageblocks", pageblocks_read },
	{ "pageblock_skips", pageblock_skips_read },
	{ "free", free_read },
	{ "cpu", cpu_read },
	{ "cpu_zone", cpu_zone_read },
	{ "cpu_node", cpu_node_read },
	{ "pcp", pcp_read },
	{ "used", used_read },
	{ "hugetlb", hugetlb_read },
	{ "hugetlb_node", hugetlb_node_read },
	{ "hugetlb_free", hugetlb_free_read },
	{ "node", node_read },
	{ "kswapd", kswapd_read },
	{ "kcompactd", kcompactd_read },
	{ "lru", lru_read },
};
const unsigned nr_record_frame_rows = ARRAY_LEN(record_frame_rows);
