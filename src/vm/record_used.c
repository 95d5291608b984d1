/* SPDX-License-Identifier: MIT */
/*
 * Pages in use, for the frame record. They are met by walking the page array:
 * whoever owns them, nothing about them has to be known here. The walk skips
 * what has never been touched: the host knows that of its own pages
 * (pagemap(5)), so a machine of 16 TiB costs what it uses. Virgin memory is
 * skipped by its ranges. Slabs are record_slabs_write.c's.
 */
#include "vm/record_private.h"

#include "base/mem.h"
#include "vm/file_orphan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ---- Which host pages of the page array were ever written ---- */

#define HOST_PAGE 4096u
#define PAGEMAP_BATCH 8192u
#define PAGEMAP_THERE (3ull << 62) /* present or swapped */

struct touched {
	int fd; /* -1: the host does not say; everything counts as touched */
	uint64_t first, nr; /* host page numbers that entry describes */
	uint64_t entry[PAGEMAP_BATCH];
};

static void touched_load(struct touched *t, uint64_t host_page)
{
	ssize_t got = pread(t->fd, t->entry, sizeof(t->entry), (off_t)(host_page * sizeof(t->entry[0])));
	t->first = host_page;
	t->nr = got > 0 ? (uint64_t)got / sizeof(t->entry[0]) : 0;
	if (!t->nr) {
		close(t->fd);
		t->fd = -1;
	}
}

/* The first frame from pfn on, below end, whose entry may have been written. */
static uint64_t touched_next(struct touched *t, const struct machine *m, uint64_t pfn, uint64_t end)
{
	while (t->fd >= 0 && pfn < end) {
		uint64_t host_page = (uintptr_t)(m->map + pfn) / HOST_PAGE;
		if (host_page - t->first >= t->nr)
			touched_load(t, host_page);
		if (t->fd < 0 || t->entry[host_page - t->first] & PAGEMAP_THERE)
			return pfn;
		const struct page *next = (const struct page *)((host_page + 1) * HOST_PAGE);
		pfn = MAX((uint64_t)(next - m->map), pfn + 1);
	}
	return pfn;
}

/* ---- Pages in use, by group ---- */

#define GROUPS_MAX 65536u /* slots of the hash: owners times orders, and there are few */

struct group {
	struct page_group key;
	bool used, slots, privates; /* what is recorded of each page beside its frame */
	struct text pfn, index, private;
	struct series_out pfn_out, index_out, private_out;
};

struct walk {
	struct vm *vm;
	struct touched touched;
	struct group *group; /* hash */
	unsigned order[GROUPS_MAX], nr; /* slots in the order they were met */
	bool full;
};

static void group_open(struct group *g, const struct page_group *key)
{
	g->used = true;
	g->key = *key;
	enum owner_kind kind = owner_kind(key->owner);
	bool plain = kind == OWNER_NONE || kind == OWNER_HUGETLB_POOL ||
		     kind == OWNER_KMALLOC; /* what is in their entries is from former times */
	g->slots = !plain && !owner_is_indexed(kind) && kind != OWNER_FILE;
	g->privates = !plain && (g->slots || kind == OWNER_TASK_FILE || kind == OWNER_TASK_PAGES ||
				 kind == OWNER_FILE);
	text_init(&g->pfn, SIZE_MAX / 2);
	text_init(&g->index, SIZE_MAX / 2);
	text_init(&g->private, SIZE_MAX / 2);
	series_begin(&g->pfn_out, &g->pfn);
	series_begin(&g->index_out, &g->index);
	series_begin(&g->private_out, &g->private);
}

static void group_fini(struct group *g)
{
	text_fini(&g->pfn);
	text_fini(&g->index);
	text_fini(&g->private);
}

/* NULL: too many owners for the hash. */
static struct group *group_find(struct walk *w, const struct page_group *key)
{
	uint32_t small = key->order | (uint32_t)key->migratetype << 8 | (uint32_t)key->marks << 16 |
			 key->flags << 24;
	uint64_t hash = key->owner * 0x9e3779b97f4a7c15ull ^ small * 0xff51afd7ed558ccdull;
	for (unsigned i = (unsigned)(hash >> 40), tries = 0; tries < GROUPS_MAX; i++, tries++) {
		struct group *g = &w->group[i % GROUPS_MAX];
		if (!g->used) {
			group_open(g, key);
			w->order[w->nr++] = i % GROUPS_MAX;
			return g;
		}
		if (!memcmp(&g->key, key, sizeof(*key)))
			return g;
	}
	w->full = true;
	return NULL;
}

/* Files are not part of the record: their pages are page cache without a file (vm/file_orphan.h). */
static uint32_t owner_recorded(const struct page *p)
{
	return owner_kind(p->owner) == OWNER_FILE ? file_orphan_owner() : p->owner;
}

static void used_add(struct walk *w, const struct page *p, uint64_t pfn)
{
	const struct page_group key = { .owner = owner_recorded(p),
					.order = p->order,
					.migratetype = p->migratetype,
					.marks = p->marks,
					.flags = (uint8_t)(p->flags & ~PG_CONTENT) };
	struct group *g = group_find(w, &key);
	if (!g)
		return;
	series_put(&g->pfn_out, pfn);
	if (g->slots)
		series_put(&g->index_out, p->index);
	if (g->privates)
		series_put(&g->private_out, p->private);
}

/* [from, to) of a zone, without virgin memory in it. */
static void stretch_walk(struct walk *w, const struct zone *z, uint64_t from, uint64_t to)
{
	const struct machine *m = z->machine;
	while ((from = touched_next(&w->touched, m, from, to)) < to) {
		const struct page *p = pfn_page(m, (pfn_t)from);
		bool head = p->state != PAGE_NONE && p->zone == z->id;
		if (head && p->state == PAGE_USED && owner_kind(p->owner) != OWNER_SLAB)
			used_add(w, p, from);
		from += head ? 1ull << p->order : 1;
	}
}

/* Virgin ranges are kept in rising order, as present ranges are. */
static void range_walk(struct walk *w, const struct zone *z, uint64_t from, uint64_t to)
{
	const struct virgin *v = &z->virgin;
	for (unsigned i = v->first; i < v->nr_ranges; i++) {
		if (v->range[i].end <= from || v->range[i].start >= to)
			continue;
		stretch_walk(w, z, from, v->range[i].start);
		from = v->range[i].end;
	}
	stretch_walk(w, z, from, to);
}

static void group_write(struct text *t, struct group *g)
{
	series_end(&g->pfn_out);
	series_end(&g->index_out);
	series_end(&g->private_out);
	text_str(t, "used");
	fields_write(t, &fields_page_group, &g->key);
	text_str(t, " pfn=");
	text_bytes(t, g->pfn.buf, g->pfn.len);
	if (g->slots) {
		text_str(t, " index=");
		text_bytes(t, g->index.buf, g->index.len);
	}
	if (g->privates) {
		text_str(t, " private=");
		text_bytes(t, g->private.buf, g->private.len);
	}
	text_char(t, '\n');
	if (text_error(&g->pfn) || text_error(&g->index) || text_error(&g->private))
		t->error = t->error ? t->error : -ENOMEM;
}

void record_used_write(struct text *t, struct vm *vm)
{
	struct walk *w = mem_zalloc(sizeof(*w));
	if (w)
		w->group = mem_map(GROUPS_MAX * sizeof(*w->group));
	if (!w || !w->group) {
		mem_free(w);
		t->error = t->error ? t->error : -ENOMEM;
		return;
	}
	w->vm = vm;
	w->touched.fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	FOR_EACH_POPULATED_ZONE(z, &vm->machine)
		for (unsigned i = 0; i < z->nr_ranges; i++)
			range_walk(w, z, z->range[i].start, z->range[i].end);
	for (unsigned i = 0; i < w->nr; i++) {
		group_write(t, &w->group[w->order[i]]);
		group_fini(&w->group[w->order[i]]);
	}
	if (w->full)
		t->error = t->error ? t->error : -EFBIG;
	if (w->touched.fd >= 0)
		close(w->touched.fd);
	mem_unmap(w->group, GROUPS_MAX * sizeof(*w->group));
	mem_free(w);
}
