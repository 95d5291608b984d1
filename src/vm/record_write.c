/* SPDX-License-Identifier: MIT */
/*
 * Writing the frame record of a machine that is held. Free memory that was
 * never used is one range, lists are series of frames in their order; pages in
 * use are record_used.c's.
 */
#include "vm/record_private.h"

#include "base/mem.h"
#include "mm/buddy.h"

#include <errno.h>
#include <string.h>

/* ---- Shape ---- */

static void line_begin(struct text *t, const char *kind)
{
	text_str(t, kind);
}

static void line_number(struct text *t, uint64_t n)
{
	text_char(t, ' ');
	text_u64(t, n);
}

static void cpus_write(struct text *t, const char *kind, const struct mask *mask)
{
	line_begin(t, kind);
	text_char(t, ' ');
	mask_print_list(t, mask);
	text_char(t, '\n');
}

static void ranges_write(struct text *t, const struct pfn_range *r, unsigned nr)
{
	struct series_out s;
	text_char(t, ' ');
	series_begin(&s, t);
	for (unsigned i = 0; i < nr; i++) {
		series_put(&s, r[i].start);
		series_put(&s, r[i].end);
	}
	series_end(&s);
	text_char(t, '\n');
}

static void zone_shape_write(struct text *t, const struct zone *z)
{
	struct zone_spec spec = { .start_pfn = z->start_pfn, .spanned = z->spanned, .managed = z->managed };
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		spec.nr_blocks += z->nr_pageblocks[mt];
	line_begin(t, "zone_shape");
	line_number(t, z->node->id);
	line_number(t, z->type);
	fields_write(t, &fields_zone_spec, &spec);
	text_str(t, "\nzone_ranges");
	line_number(t, z->node->id);
	line_number(t, z->type);
	ranges_write(t, z->range, z->nr_ranges);
}

static void node_shape_write(struct text *t, const struct node *n)
{
	struct node_spec *spec = mem_zalloc(sizeof(*spec));
	if (!spec) {
		t->error = t->error ? t->error : -ENOMEM;
		return;
	}
	spec->online = n->online;
	spec->socket = n->socket;
	spec->dimms = n->dimms;
	memcpy(spec->distance, n->distance, sizeof(spec->distance));
	line_begin(t, "node_shape");
	line_number(t, n->id);
	fields_write(t, &fields_node_spec, spec);
	text_str(t, "\nnode_cpus");
	line_number(t, n->id);
	cpus_write(t, "", &n->cpus);
	mem_free(spec);
}

static void shape_write(struct text *t, const struct machine *m)
{
	const struct machine_spec spec = { .kernel = m->version->kernel,
					   .bits = m->bits,
					   .pageblock_order = m->pageblock_order,
					   .nr_nodes = m->nr_nodes,
					   .nr_cpu_ids = m->nr_cpu_ids,
					   .numa = m->numa,
					   .gigantic = m->gigantic,
					   .gigantic_default = m->gigantic_default,
					   .thp = m->thp };
	line_begin(t, "machine");
	fields_write(t, &fields_spec, &spec);
	text_char(t, '\n');
	cpus_write(t, "cpus_online", &m->cpus_online);
	cpus_write(t, "cpus_possible", &m->cpus_possible);
	for (unsigned n = 0; n < m->nr_nodes; n++)
		node_shape_write(t, &m->node[n]);
	FOR_EACH_POPULATED_ZONE(z, m)
		zone_shape_write(t, z);
}

/* ---- Lists ---- */

static void list_write(struct text *t, const struct machine *m, const struct page_list *l)
{
	struct series_out s;
	text_char(t, ' ');
	series_begin(&s, t);
	for (pfn_t pfn = l->head; pfn; pfn = pfn_page(m, pfn)->next)
		series_put(&s, pfn);
	series_end(&s);
	text_char(t, '\n');
}

static void list_types_write(struct text *t, const struct machine *m, const struct page_list *l)
{
	struct series_out s;
	text_char(t, ' ');
	series_begin(&s, t);
	for (pfn_t pfn = l->head; pfn; pfn = pfn_page(m, pfn)->next)
		series_put(&s, pfn_page(m, pfn)->migratetype);
	series_end(&s);
}

static void zone_free_write(struct text *t, const struct zone *z)
{
	for (unsigned order = 0; order < MM_ORDERS; order++)
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
			if (!z->area[order].list[mt].head)
				continue;
			line_begin(t, "free");
			line_number(t, z->id);
			line_number(t, order);
			line_number(t, mt);
			list_write(t, z->machine, &z->area[order].list[mt]);
		}
}

/* Blocks that are not Movable. */
static void zone_types_write(struct text *t, const struct zone *z)
{
	const struct machine *m = z->machine;
	uint64_t first = z->start_pfn >> m->pageblock_order;
	uint64_t last = (z->start_pfn + z->spanned - 1) >> m->pageblock_order;
	struct series_out s[MIGRATE_TYPES];
	struct text text[MIGRATE_TYPES];
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
		text_init(&text[mt], SIZE_MAX / 2);
		series_begin(&s[mt], &text[mt]);
	}
	for (uint64_t b = first; b <= last; b++) {
		enum migratetype mt = pageblock_type(m, (pfn_t)(b << m->pageblock_order));
		if (mt != MIGRATE_MOVABLE)
			series_put(&s[mt], b);
	}
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
		series_end(&s[mt]);
		if (text[mt].len) {
			line_begin(t, "pageblocks");
			line_number(t, z->id);
			line_number(t, mt);
			text_char(t, ' ');
			text_bytes(t, text[mt].buf, text[mt].len);
			text_char(t, '\n');
		}
		text_fini(&text[mt]);
	}
}

/* Blocks that compaction does not look at any more for now. */
static void zone_skips_write(struct text *t, const struct zone *z)
{
	const struct machine *m = z->machine;
	uint64_t first = z->start_pfn >> m->pageblock_order;
	uint64_t last = (z->start_pfn + z->spanned - 1) >> m->pageblock_order;
	struct series_out s;
	struct text blocks;
	text_init(&blocks, SIZE_MAX / 2);
	series_begin(&s, &blocks);
	for (uint64_t b = first; b <= last; b++)
		if (pageblock_skip(m, (pfn_t)(b << m->pageblock_order)))
			series_put(&s, b);
	series_end(&s);
	if (blocks.len) {
		line_begin(t, "pageblock_skips");
		line_number(t, z->id);
		text_char(t, ' ');
		text_bytes(t, blocks.buf, blocks.len);
		text_char(t, '\n');
	}
	text_fini(&blocks);
}

static void zone_write(struct text *t, const struct zone *z)
{
	line_begin(t, "zone");
	line_number(t, z->id);
	fields_write(t, &fields_zone, z);
	text_char(t, '\n');
	const struct virgin *v = &z->virgin;
	if (v->first < v->nr_ranges) {
		line_begin(t, "virgin");
		line_number(t, z->id);
		ranges_write(t, v->range + v->first, v->nr_ranges - v->first);
	}
	zone_types_write(t, z);
	zone_skips_write(t, z);
	zone_free_write(t, z);
}

/* When it last came to rest, where it runs inline. */
static void kswapd_write(struct text *t, const struct kswapd *k)
{
	if (!k->ran)
		return;
	line_begin(t, "kswapd");
	line_number(t, k->node->id);
	fields_write(t, &fields_kswapd, k);
	text_char(t, '\n');
}

/* Its thread does not stand still while the machine is held, only its CPUs do. */
static void kcompactd_write(struct text *t, const struct kcompactd *k)
{
	const struct kcompactd now = { .order = READ_RELAXED(&k->order),
				       .highest_type = READ_RELAXED(&k->highest_type),
				       .proactive_defer = READ_RELAXED(&k->proactive_defer) };
	if (!now.order && !now.proactive_defer && now.highest_type == k->node->machine->nr_zone_types - 1)
		return;
	line_begin(t, "kcompactd");
	line_number(t, k->node->id);
	fields_write(t, &fields_kcompactd, &now);
	text_char(t, '\n');
}

static void node_write(struct text *t, const struct node *n)
{
	line_begin(t, "node");
	line_number(t, n->id);
	fields_write(t, &fields_node, n);
	text_char(t, '\n');
	for (unsigned l = 0; l < LRU_LISTS; l++) {
		if (!n->lru.list[l].head)
			continue;
		line_begin(t, "lru");
		line_number(t, n->id);
		line_number(t, l);
		list_write(t, n->machine, &n->lru.list[l]);
	}
}

/* ---- CPUs: what was never used says nothing ---- */

static bool all_zero(const void *p, size_t len)
{
	const char *c = p;
	return !len || (!c[0] && !memcmp(c, c + 1, len - 1));
}

static bool cpu_zone_is_plain(const struct cpu_zone *cz, const struct zone *z)
{
	return cz->pcp.high == z->pageset_high && cz->pcp.batch == MAX(z->pageset_batch, 1) &&
	       !cz->pcp.free_factor && all_zero(cz->diff, sizeof(cz->diff)) &&
	       all_zero(cz->numa, sizeof(cz->numa));
}

static void cpu_zone_write(struct text *t, const struct cpu *c, const struct zone *z)
{
	const struct cpu_zone *cz = &c->zone[z->id];
	if (!cpu_zone_is_plain(cz, z)) {
		line_begin(t, "cpu_zone");
		line_number(t, c->id);
		line_number(t, z->id);
		fields_write(t, &fields_cpu_zone, cz);
		text_char(t, '\n');
	}
	for (unsigned l = 0; l < PCP_LISTS; l++) {
		if (!cz->pcp.list[l].head)
			continue;
		line_begin(t, "pcp");
		line_number(t, c->id);
		line_number(t, z->id);
		line_number(t, l);
		list_types_write(t, c->machine, &cz->pcp.list[l]);
		list_write(t, c->machine, &cz->pcp.list[l]);
	}
}

static void cpu_write(struct text *t, const struct cpu *c)
{
	const struct machine *m = c->machine;
	if (c->used || !all_zero(c->event, sizeof(c->event))) {
		line_begin(t, "cpu");
		line_number(t, c->id);
		fields_write(t, &fields_cpu, c);
		text_char(t, '\n');
	}
	FOR_EACH_POPULATED_ZONE(z, m)
		cpu_zone_write(t, c, z);
	for (unsigned n = 0; n < m->nr_nodes; n++) {
		if (all_zero(c->per_node[n].diff, sizeof(c->per_node[n].diff)))
			continue;
		line_begin(t, "cpu_node");
		line_number(t, c->id);
		line_number(t, n);
		fields_write(t, &fields_cpu_node, &c->per_node[n]);
		text_char(t, '\n');
	}
}

/* ---- Pool, tasks, all of it ---- */

static void hugetlb_write(struct text *t, const struct hugetlb *h, unsigned pool)
{
	line_begin(t, "hugetlb");
	line_number(t, pool);
	fields_write(t, &fields_hugetlb, h);
	text_char(t, '\n');
	for (unsigned n = 0; n < h->machine->nr_nodes; n++) {
		if (!h->node[n].nr)
			continue;
		line_begin(t, "hugetlb_node");
		line_number(t, pool);
		line_number(t, n);
		fields_write(t, &fields_hugetlb_node, &h->node[n]);
		text_char(t, '\n');
		line_begin(t, "hugetlb_free");
		line_number(t, pool);
		line_number(t, n);
		list_write(t, h->machine, &h->node[n].free);
	}
}

static void index_write(struct text *t, const struct page_index *ix)
{
	struct series_out s;
	text_char(t, ' ');
	series_begin(&s, t);
	for (uint64_t i = 0; i < ix->nr; i++)
		series_put(&s, ix->pfn[i]);
	series_end(&s);
	text_char(t, '\n');
}

void record_name_write(struct text *t, const char *name)
{
	for (const unsigned char *p = (const unsigned char *)name; *p; p++)
		if (*p > ' ' && *p < 127 && *p != '%')
			text_char(t, (char)*p);
		else
			text_printf(t, "%%%02x", *p);
}

static void task_write(struct text *t, const struct task *task)
{
	line_begin(t, "task");
	line_number(t, task->id);
	text_char(t, ' ');
	record_name_write(t, task->name);
	fields_write(t, &fields_task, task);
	text_char(t, '\n');
	for (unsigned i = 0; i < nr_task_index_rows; i++) {
		const struct page_index *ix =
			(const void *)((const char *)task + task_index_rows[i].offset);
		if (!ix->nr)
			continue;
		line_begin(t, "task_index");
		line_number(t, task->id);
		text_char(t, ' ');
		text_str(t, task_index_rows[i].name);
		index_write(t, ix);
	}
	for (unsigned i = 0; i < task->nr_pages; i++) {
		line_begin(t, "task_pages");
		line_number(t, task->id);
		line_number(t, task->pages[i].order);
		line_number(t, task->pages[i].gfp);
		index_write(t, &task->pages[i].blocks);
	}
	record_objects_write(t, task);
}

void record_write(struct text *t, struct vm *vm)
{
	struct machine *m = &vm->machine;
	text_printf(t, "ummfs-frames %d\n", RECORD_VERSION);
	shape_write(t, m);
	text_printf(t, "clock %llu\ntune", (unsigned long long)clock_now_ns(&m->clock));
	fields_write(t, &fields_tune, m);
	text_str(t, "\nvm");
	fields_write(t, &fields_vm, vm);
	text_char(t, '\n');
	FOR_EACH_POPULATED_ZONE(z, m)
		zone_write(t, z);
	MASK_FOR_EACH(cpu, &m->cpus_online)
		cpu_write(t, &m->cpu[cpu]);
	record_used_write(t, vm);
	record_slabs_write(t, vm);
	for (unsigned i = 0; i < vm->nr_hugetlb; i++)
		hugetlb_write(t, &vm->hugetlb[i], i);
	line_begin(t, "tasks");
	fields_write(t, &fields_tasks, &vm->tasks);
	text_char(t, '\n');
	for (unsigned id = 1; id < vm->tasks.nr_slots; id++)
		if (vm->tasks.slot[id] && !vm->tasks.slot[id]->dead)
			task_write(t, vm->tasks.slot[id]);
	record_own_write(t, vm);
	for (unsigned n = 0; n < m->nr_nodes; n++)
		if (m->node[n].online) {
			node_write(t, &m->node[n]);
			kswapd_write(t, &vm->policy.kswapd[n]);
			kcompactd_write(t, &vm->policy.kcompactd[n]);
		}
	text_str(t, "end\n");
}
