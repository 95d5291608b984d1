/* SPDX-License-Identifier: MIT */
/*
 * dev/hugepages in the frame record. Lines, in this order; the pages of files
 * are among the lines of pages in use, owned by the inode's number:
 *
 *   huge_inode ID FIELDS
 *   huge_object ID OBJECT         the slab object that it lies in
 *   huge_target ID TEXT           of a symbolic link
 *   huge_slots ID SERIES SERIES   indices and frames; HUGE_PROMISED: a promise
 *   huge_name DIR ID OBJECT ORDER NAME
 *
 * The root of a mount is the directory that has links and no name. Files
 * without a name are those that were open; they go when the machine starts.
 */
#include "vm/record_private.h"

#include "base/mem.h"
#include "vm/hugetlbfs_private.h"
#include "vm/task_private.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define IDS_MAX (1ull << 28)

/* ---- Writing ---- */

static void slots_write(struct text *t, const struct huge_inode *i)
{
	struct series_out s;
	text_printf(t, "huge_slots %u ", i->id);
	series_begin(&s, t);
	for (uint64_t k = 0; k < i->nr_slots; k++)
		series_put(&s, i->slot[k].index);
	series_end(&s);
	text_char(t, ' ');
	series_begin(&s, t);
	for (uint64_t k = 0; k < i->nr_slots; k++)
		series_put(&s, i->slot[k].pfn);
	series_end(&s);
	text_char(t, '\n');
}

static void inode_write(struct text *t, const struct vm *vm, const struct huge_inode *i)
{
	uint64_t object = record_object_of(vm->own.of[OWN_HUGETLBFS_INODE].cache, i->own.object);
	text_printf(t, "huge_inode %u", i->id);
	fields_write(t, &fields_huge_inode, i);
	text_char(t, '\n');
	if (object)
		text_printf(t, "huge_object %u %lu\n", i->id, object);
	if (i->target) {
		text_printf(t, "huge_target %u ", i->id);
		record_name_write(t, i->target);
		text_char(t, '\n');
	}
	if (i->nr_slots)
		slots_write(t, i);
}

static void names_write(struct text *t, const struct vm *vm, const struct huge_inode *dir)
{
	for (const struct huge_name *n = dir->first; n; n = n->next) {
		text_printf(t, "huge_name %u %u %lu %lu ", dir->id, n->inode->id,
			    record_object_of(vm->own.of[OWN_NAME].cache, n->own.object), n->order);
		record_name_write(t, n->name);
		text_char(t, '\n');
	}
}

void record_hugetlbfs_write(struct text *t, struct vm *vm)
{
	const struct hugetlbfs *h = &vm->hugetlbfs;
	for (uint32_t id = 1; h->vm && id < h->nr_ids; id++)
		if (h->id[id].inode)
			inode_write(t, vm, h->id[id].inode);
	for (uint32_t id = 1; h->vm && id < h->nr_ids; id++)
		if (h->id[id].inode)
			names_write(t, vm, h->id[id].inode);
}

/* ---- Reading ---- */

static int inode_find(struct record *r, char **rest, struct huge_inode **out)
{
	const struct hugetlbfs *h = &r->vm->hugetlbfs;
	uint64_t id;
	int error = record_number(r, rest, h->vm ? h->nr_ids : 0, &id);
	if (error)
		return error;
	*out = h->id ? h->id[id].inode : NULL;
	if (*out)
		return 0;
	record_bad(r, "there is no inode %llu in dev/hugepages", (unsigned long long)id);
	return -EINVAL;
}

static bool type_is_known(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFIFO:
	case S_IFSOCK:
	case S_IFCHR:
	case S_IFBLK:
		return true;
	default:
		return false;
	}
}

static int shape_check(struct record *r, const struct huge_inode *shape)
{
	if (!r->vm->hugetlbfs.vm || shape->mount >= r->vm->nr_hugetlb)
		return record_bad(r, "the machine has no such huge pages");
	unsigned shift = r->vm->hugetlb[shape->mount].order + PAGE_SHIFT;
	if (!type_is_known(shape->attr.mode) || shape->size > HUGE_FILE_PAGES << shift ||
	    (shape->size && !S_ISREG(shape->attr.mode)))
		return record_bad(r, "no file is like that");
	return 0;
}

static int inode_read(struct record *r, char *rest)
{
	struct huge_inode *i, *shape = mem_zalloc(sizeof(*shape));
	uint64_t id;
	if (!shape)
		return -ENOMEM;
	int error = record_number(r, &rest, IDS_MAX, &id);
	if (!error)
		error = record_fields(r, &fields_huge_inode, shape, rest);
	if (!error)
		error = shape_check(r, shape);
	if (!error) {
		error = huge_inode_restore(&r->vm->hugetlbfs, shape->mount, (uint32_t)id,
					   shape->generation, &i);
		if (error == -EEXIST)
			error = record_bad(r, "an inode of this number is there already");
	}
	for (unsigned k = 0; !error && k < fields_huge_inode.nr; k++) {
		const struct field *f = &fields_huge_inode.field[k];
		memcpy((char *)i + f->offset, (const char *)shape + f->offset, (size_t)f->nr * f->size);
	}
	mem_free(shape);
	return error;
}

static int object_read(struct record *r, char *rest)
{
	struct huge_inode *i;
	uint64_t object;
	int error = inode_find(r, &rest, &i);
	if (!error)
		error = record_number(r, &rest, UINT64_MAX, &object);
	return error ? error : record_own_put(r, OWN_HUGETLBFS_INODE, object, &i->own.object);
}

static int target_read(struct record *r, char *rest)
{
	char target[PATH_MAX];
	struct huge_inode *i;
	int error = inode_find(r, &rest, &i);
	const char *word = error ? NULL : record_word(&rest);
	if (error)
		return error;
	if (!S_ISLNK(i->attr.mode) || i->target || !word ||
	    !record_name_read(word, target, sizeof(target) - 1))
		return record_bad(r, "\"%.40s\" is no link's target", word ? word : "");
	i->target = mem_strdup(target);
	return i->target ? 0 : -ENOMEM;
}

struct slots_reading {
	struct huge_inode *inode;
	struct series_in frames;
};

/* The frame is this file's, and nobody has named it yet. */
static bool page_place(struct record *r, const struct huge_inode *i, uint64_t pfn, uint32_t index)
{
	struct machine *m = &r->vm->machine;
	struct page *p = pfn && pfn < m->end_pfn ? pfn_page(m, (pfn_t)pfn) : NULL;
	if (!p || p->state != PAGE_USED || p->owner != owner_handle(OWNER_HUGETLBFS, i->id) ||
	    p->order != r->vm->hugetlb[i->mount].order || p->private)
		return false;
	p->index = index;
	p->private = 1; /* until all is read */
	r->nr_indexed++;
	return true;
}

static int slot_place(struct record *r, uint64_t index, void *ctx)
{
	struct slots_reading *s = ctx;
	struct huge_inode *i = s->inode;
	uint64_t pfn;
	if (index > UINT32_MAX || series_get(&s->frames, &pfn) <= 0 || pfn > HUGE_PROMISED)
		return record_bad(r, "page %llu has no frame", (unsigned long long)index);
	if (i->nr_slots && i->slot[i->nr_slots - 1].index >= index)
		return record_bad(r, "page %llu is out of order", (unsigned long long)index);
	if (pfn != HUGE_PROMISED && !page_place(r, i, pfn, (uint32_t)index))
		return record_bad(r, "frame %llu is not such a page of the file", (unsigned long long)pfn);
	if (huge_slots_reserve(i, 1) ||
	    (pfn != HUGE_PROMISED && !huge_page_restored(i, pfn_page(&r->vm->machine, (pfn_t)pfn))))
		return -ENOMEM;
	huge_slot_append(i, (uint32_t)index, (pfn_t)pfn);
	return 0;
}

static int slots_read(struct record *r, char *rest)
{
	struct slots_reading s;
	int error = inode_find(r, &rest, &s.inode);
	const char *indices = error ? NULL : record_word(&rest),
		   *frames = indices ? record_word(&rest) : NULL;
	if (error)
		return error;
	if (!frames || !S_ISREG(s.inode->attr.mode) || s.inode->nr_slots)
		return record_bad(r, "the file cannot have these pages");
	series_open(&s.frames, frames);
	return record_series(r, indices, slot_place, &s);
}

static bool name_is_good(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

static int name_hang(struct record *r, struct huge_inode *dir, struct huge_inode *i,
		     const uint64_t v[2], const char *name)
{
	struct hugetlbfs *h = dir->fs;
	if (!huge_is_dir(dir) || i == dir || i->mount != dir->mount || !name_is_good(name) ||
	    huge_name_find(dir, name) || (dir->last && dir->last->order >= v[1]) ||
	    (huge_is_dir(i) && i->names))
		return record_bad(r, "the name cannot be there");
	huge_hash_reserve(h);
	struct huge_name *n = huge_name_alloc(h, name);
	if (!n)
		return -ENOMEM;
	uint64_t next = dir->next_order;
	dir->next_order = v[1];
	huge_name_add(n, dir, i);
	dir->next_order = MAX(next, v[1] + 1);
	return record_own_put(r, OWN_NAME, v[0], &n->own.object);
}

static int name_read(struct record *r, char *rest)
{
	char name[NAME_MAX + 1];
	struct huge_inode *dir, *i;
	uint64_t v[2];
	int error = inode_find(r, &rest, &dir);
	if (!error)
		error = inode_find(r, &rest, &i);
	for (unsigned k = 0; k < ARRAY_LEN(v) && !error; k++)
		error = record_number(r, &rest, UINT64_MAX / 2, &v[k]);
	const char *word = error ? NULL : record_word(&rest);
	if (error)
		return error;
	if (!word || !record_name_read(word, name, NAME_MAX))
		return record_bad(r, "\"%.40s\" is not a name", word ? word : "");
	return name_hang(r, dir, i, v, name);
}

const struct record_row record_huge_rows[] = {
	{ "huge_inode", inode_read },   { "huge_object", object_read },
	{ "huge_target", target_read }, { "huge_slots", slots_read },
	{ "huge_name", name_read },
};
const unsigned nr_record_huge_rows = ARRAY_LEN(record_huge_rows);

/* ---- At the end ---- */

static uint32_t links_of(const struct huge_inode *i)
{
	uint32_t nr = 0;
	if (!huge_is_dir(i)) {
		for (const struct huge_name *n = i->names; n; n = n->alias)
			nr++;
		return nr;
	}
	for (const struct huge_name *n = i->first; n; n = n->next)
		nr += huge_is_dir(n->inode);
	return nr + 2;
}

/* Does the way up end? It is no longer than there are inodes. */
static bool is_below_a_root(const struct huge_inode *i)
{
	for (uint32_t steps = 0; steps <= i->fs->nr_ids; steps++) {
		if (!i->names)
			return i == i->fs->root[i->mount];
		i = i->names->dir;
	}
	return false;
}

static bool inode_fits(struct huge_inode *i)
{
	struct hugetlbfs *h = i->fs;
	if (huge_is_dir(i) && !i->names && i->attr.nlink) {
		if (h->root[i->mount])
			return false;
		h->root[i->mount] = i;
	}
	if (S_ISLNK(i->attr.mode) && !i->target)
		return false;
	if (!i->attr.nlink && huge_is_dir(i))
		return !i->names && !i->first;
	return i->attr.nlink == links_of(i);
}

int record_hugetlbfs_check(struct record *r)
{
	struct vm *vm = r->vm;
	struct hugetlbfs *h = &vm->hugetlbfs;
	uint64_t promised[HUGETLB_SIZES];
	bool good = true;
	for (unsigned k = 0; k < HUGETLB_SIZES; k++)
		promised[k] = record_tasks_promised(vm, k);
	for (uint32_t id = 1; h->vm && id < h->nr_ids; id++) {
		struct huge_inode *i = h->id[id].inode;
		if (!i)
			continue;
		good &= inode_fits(i);
		promised[i->mount] += i->nr_promised;
		for (uint64_t k = 0; k < i->nr_slots; k++)
			if (i->slot[k].pfn != HUGE_PROMISED)
				pfn_page(&vm->machine, i->slot[k].pfn)->private = 0;
	}
	for (uint32_t id = 1; h->vm && id < h->nr_ids && good; id++)
		if (h->id[id].inode && h->id[id].inode->names)
			good = is_below_a_root(h->id[id].inode);
	for (unsigned k = 0; k < HUGETLB_SIZES; k++) /* a pool that is not there has promised nothing */
		good &= promised[k] <= vm->hugetlb[k].nr_reserved;
	return good ? 0
		    : why_set(r->why, -EINVAL,
			      "%s: huge pages of tasks and dev/hugepages do not add up", r->name);
}

int record_huge_content(struct vm *vm, uint64_t id, uint64_t offset, const char *bytes, size_t len)
{
	const struct hugetlbfs *h = &vm->hugetlbfs;
	struct huge_inode *i = h->vm && id && id < h->nr_ids ? h->id[id].inode : NULL;
	if (!i || !S_ISREG(i->attr.mode))
		return -EINVAL;
	return huge_content_put(i, offset, bytes, len);
}
