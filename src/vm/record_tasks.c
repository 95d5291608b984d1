/* SPDX-License-Identifier: MIT */
/* Reading the frame record: tasks, what they hold, and the bytes of their memory. */
#include "vm/record_private.h"

#include "base/mem.h"
#include "base/parse.h"
#include "vm/task_private.h"

#include <errno.h>
#include <string.h>

bool owner_is_indexed(enum owner_kind kind)
{
	for (unsigned i = 0; i < nr_task_index_rows; i++)
		if (task_index_rows[i].kind == kind)
			return true;
	return kind == OWNER_TASK_PAGES || kind == OWNER_HUGETLBFS;
}

static int tasks_read(struct record *r, char *rest)
{
	return record_fields(r, &fields_tasks, &r->vm->tasks, rest);
}

bool record_name_read(const char *word, char *out, size_t most)
{
	size_t n = 0;
	for (; *word; word++) {
		uint64_t c = (unsigned char)*word;
		if (c == '%') {
			char hex[3] = { word[1], word[1] ? word[2] : 0 };
			if (parse_hex(hex, &c) || !hex[1])
				return false;
			word += 2;
		}
		if (!c || n == most)
			return false;
		out[n++] = (char)c;
	}
	out[n] = 0;
	return n;
}

static bool task_maps_no_other_size(const struct vm *vm, const struct task *shape)
{
	for (unsigned pool = vm->nr_hugetlb; pool < HUGETLB_SIZES; pool++)
		if (shape->huge_mapped[pool])
			return false;
	return true;
}

static int task_read(struct record *r, char *rest)
{
	char name[TASK_NAME_MAX + 1];
	struct task *t, *shape = mem_zalloc(sizeof(*shape));
	uint64_t id;
	if (!shape)
		return -ENOMEM;
	int error = record_number(r, &rest, TASKS_MAX + 1, &id);
	const char *word = error ? NULL : record_word(&rest);
	if (!error && (!word || !record_name_read(word, name, TASK_NAME_MAX)))
		error = record_bad(r, "\"%.40s\" is not a task's name", word ? word : "");
	if (!error)
		error = record_fields(r, &fields_task, shape, rest);
	if (!error && !mask_has(&r->vm->machine.cpus_online, shape->cpu))
		error = record_bad(r, "CPU %u is not online", shape->cpu);
	if (!error && !mempolicy_valid(&shape->mempolicy, &r->vm->policy.numa))
		error = record_bad(r, "the memory policy names nodes without memory");
	if (!error && !task_maps_no_other_size(r->vm, shape))
		error = record_bad(r, "the machine has no such huge pages");
	if (!error) {
		error = task_restore(r->vm, (uint32_t)id, shape->pid, name, &t);
		if (error && error != -ENOMEM)
			error = record_bad(r, "a task of this number or name is there already");
	}
	for (unsigned i = 0; !error && i < fields_task.nr; i++) {
		const struct field *f = &fields_task.field[i];
		memcpy((char *)t + f->offset, (const char *)shape + f->offset, (size_t)f->nr * f->size);
	}
	mem_free(shape);
	return error;
}

int record_task_find(struct record *r, char **rest, struct task **out)
{
	uint64_t id;
	int error = record_number(r, rest, r->vm->tasks.nr_slots, &id);
	if (error)
		return error;
	*out = r->vm->tasks.slot[id];
	return *out ? 0 : record_bad(r, "there is no task %llu", (unsigned long long)id);
}

struct filling {
	struct page_index *index;
	uint32_t owner;
	unsigned order;
};

#define PG_LISTED 0x80u /* while the record is read: the page is in an index */

static int index_place(struct record *r, uint64_t v, void *ctx)
{
	const struct filling *f = ctx;
	struct machine *m = &r->vm->machine;
	struct page *p = v < m->end_pfn ? pfn_page(m, (pfn_t)v) : NULL;
	if (!p || p->state != PAGE_USED || p->owner != f->owner || p->order != f->order || p->flags & PG_LISTED)
		return record_bad(r, "frame %llu is not such a page of the task", (unsigned long long)v);
	if (f->index->nr == f->index->cap && page_index_reserve(f->index, MAX(f->index->cap * 2, 64ul)))
		return -ENOMEM;
	p->flags |= PG_LISTED;
	page_index_add(m, f->index, p);
	r->nr_indexed++;
	return 0;
}

static int index_fill(struct record *r, struct filling *f, char *rest)
{
	const char *series = record_word(&rest);
	if (f->index->nr)
		return record_bad(r, "the task has this twice");
	return record_series(r, series ? series : "", index_place, f);
}

static unsigned task_index_order(const struct vm *vm, const struct task *t, const struct task_index_row *row)
{
	if (row->kind != OWNER_TASK_HUGETLB)
		return 0;
	const struct page_index *ix = (const void *)((const char *)t + row->offset);
	return machine_huge_order(&vm->machine, (unsigned)(ix - t->hugetlb));
}

static int task_index_read(struct record *r, char *rest)
{
	struct task *t;
	int error = record_task_find(r, &rest, &t);
	const char *name = error ? NULL : record_word(&rest);
	if (error)
		return error;
	for (unsigned i = 0; name && i < nr_task_index_rows; i++) {
		const struct task_index_row *row = &task_index_rows[i];
		if (strcmp(row->name, name))
			continue;
		struct filling f = { (struct page_index *)((char *)t + row->offset),
				     owner_handle(row->kind, t->id), task_index_order(r->vm, t, row) };
		return index_fill(r, &f, rest);
	}
	return record_bad(r, "\"%.40s\" is nothing that a task holds", name ? name : "");
}

static int task_pages_read(struct record *r, char *rest)
{
	struct task *t;
	uint64_t order = 0, gfp = 0;
	int error = record_task_find(r, &rest, &t);
	if (!error)
		error = record_number(r, &rest, MM_ORDERS, &order);
	if (!error)
		error = record_number(r, &rest, (uint64_t)UINT32_MAX + 1, &gfp);
	if (error)
		return error;
	if (r->vm->policy.zone_type[gfp & GFP_PLACE_BITS] >= r->vm->machine.nr_zone_types)
		return record_bad(r, "%llu: no request has these flags", (unsigned long long)gfp);
	struct filling f = { .owner = owner_handle(OWNER_TASK_PAGES, t->id), .order = (unsigned)order };
	error = task_pages_line(t, f.order, (gfp_t)gfp, &f.index);
	if (error)
		return error == -ENOMEM ? error : record_bad(r, "the task has too many keys");
	return index_fill(r, &f, rest);
}

const struct record_row record_task_rows[] = {
	{ "tasks", tasks_read },
	{ "task", task_read },
	{ "task_index", task_index_read },
	{ "task_pages", task_pages_read },
};
const unsigned nr_record_task_rows = ARRAY_LEN(record_task_rows);

/* ---- At the end ---- */

static void unlist(struct machine *m, const struct page_index *ix)
{
	for (uint64_t i = 0; i < ix->nr; i++)
		pfn_page(m, ix->pfn[i])->flags &= (uint8_t)~PG_LISTED;
}

int record_tasks_check(struct record *r)
{
	struct vm *vm = r->vm;
	for (unsigned id = 1; id < vm->tasks.nr_slots; id++) {
		struct task *t = vm->tasks.slot[id];
		for (unsigned i = 0; t && i < nr_task_index_rows; i++)
			unlist(&vm->machine, (const void *)((const char *)t + task_index_rows[i].offset));
		for (unsigned i = 0; t && i < t->nr_pages; i++)
			unlist(&vm->machine, &t->pages[i].blocks);
	}
	if (r->nr_owned != r->nr_indexed)
		return why_set(r->why, -EINVAL, "%s: tasks and files own %llu blocks and name %llu",
			       r->name, (unsigned long long)r->nr_owned,
			       (unsigned long long)r->nr_indexed);
	return 0;
}

int record_content(struct vm *vm, const char *name, uint64_t offset, const char *bytes, size_t len)
{
	struct task *t = task_find(vm, name);
	if (!t)
		return -EINVAL;
	uint64_t mem = task_mem_bytes(t);
	ssize_t done = offset > mem || len > mem - offset ? -EINVAL
							  : task_mem_write(t, bytes, len, offset);
	task_put(t);
	return done < 0 ? (int)done : (size_t)done < len ? -ENOMEM : 0;
}
