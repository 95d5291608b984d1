/* SPDX-License-Identifier: MIT */
/*
 * Reading the frame record. It may come from anywhere, so nothing of it is
 * believed: numbers have bounds, blocks lie inside one zone and do not overlap,
 * indices name pages of their own task, and what is left (sums, counters) is
 * for mm_verify, which the caller asks when all is laid. The first thing that
 * is wrong refuses the record by its line.
 */
#include "vm/record_private.h"

#include "base/mem.h"
#include "base/parse.h"
#include "mm/verify.h"
#include "vm/task_private.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

int record_bad(struct record *r, const char *fmt, ...)
{
	char what[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return why_set(r->why, -EINVAL, "%s:%u: %s", r->name, r->line, what);
}

static char *record_line(struct record *r)
{
	char *line = r->next;
	if (!line || !*line)
		return NULL;
	r->line++;
	char *end = strchr(line, '\n');
	r->next = end ? end + 1 : line + strlen(line);
	if (end)
		*end = 0;
	return line;
}

char *record_word(char **rest)
{
	char *word = *rest + strspn(*rest, " ");
	if (!*word)
		return NULL;
	char *end = word + strcspn(word, " ");
	*rest = *end ? end + 1 : end;
	*end = 0;
	return word;
}

int record_number(struct record *r, char **rest, uint64_t limit, uint64_t *out)
{
	const char *word = record_word(rest);
	if (!word || parse_u64(word, out))
		return record_bad(r, "\"%.40s\" is not a number", word ? word : "");
	if (*out >= limit)
		return record_bad(r, "%.40s: there are only %llu of them", word, (unsigned long long)limit);
	return 0;
}

int record_fields(struct record *r, const struct fields *f, void *object, char *rest)
{
	struct why why = { "" };
	return fields_read(f, object, rest, &why) ? record_bad(r, "%s", why.text) : 0;
}

int record_series(struct record *r, const char *series,
		  int (*each)(struct record *r, uint64_t v, void *ctx), void *ctx)
{
	struct series_in s;
	uint64_t v;
	int more, error = 0;
	series_open(&s, series);
	while (!error && (more = series_get(&s, &v)) > 0)
		error = each(r, v, ctx);
	if (!error && more < 0)
		error = record_bad(r, "\"%.40s\" is not a series of numbers", series);
	return error;
}

/* ---- Blocks ---- */

static bool zone_has_block(const struct zone *z, uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < z->nr_ranges; i++)
		if (start >= z->range[i].start && end <= z->range[i].end)
			return true;
	return false;
}

static struct zone *zone_of_block(struct record *r, uint64_t start, uint64_t end)
{
	if (r->zone && zone_has_block(r->zone, start, end))
		return r->zone;
	FOR_EACH_POPULATED_ZONE(z, &r->vm->machine)
		if (zone_has_block(z, start, end))
			return r->zone = z;
	return NULL;
}

static bool frames_take(struct record *r, uint64_t start, uint64_t end)
{
	for (uint64_t pfn = start; pfn < end;) {
		uint64_t *word = &r->taken[pfn / 64];
		uint64_t nr = MIN(end - pfn, 64 - pfn % 64);
		uint64_t bits = (nr == 64 ? ~0ull : (1ull << nr) - 1) << pfn % 64;
		if (*word & bits)
			return false;
		*word |= bits;
		pfn += nr;
	}
	return true;
}

int record_block(struct record *r, uint64_t pfn, unsigned order, struct zone **out)
{
	uint64_t size = 1ull << order;
	if (!pfn || pfn > MM_HIGHEST_PFN || pfn % size || pfn + size > r->vm->machine.end_pfn)
		return record_bad(r, "frame %llu cannot begin a block of order %u",
				  (unsigned long long)pfn, order);
	struct zone *z = zone_of_block(r, pfn, pfn + size);
	if (!z)
		return record_bad(r, "frame %llu: no zone has the block", (unsigned long long)pfn);
	if (z->nr_pinned < size || !frames_take(r, pfn, pfn + size))
		return record_bad(r, "frame %llu is in two blocks", (unsigned long long)pfn);
	*out = z;
	return 0;
}

/* ---- Lines ---- */

static int line_read(struct record *r, char *line, bool shape)
{
	char *rest = line, *kind = record_word(&rest);
	if (!kind)
		return record_bad(r, "an empty line");
	if (!strcmp(kind, "end")) {
		r->seen_end = true;
		return 0;
	}
	if (r->seen_end)
		return record_bad(r, "something behind the end");
	for (unsigned i = 0; i < nr_record_shape_rows; i++)
		if (!strcmp(record_shape_rows[i].name, kind))
			return shape ? record_shape_rows[i].read(r, rest) : 0;
	for (unsigned i = 0; i < nr_record_frame_rows; i++)
		if (!strcmp(record_frame_rows[i].name, kind))
			return shape ? 0 : record_frame_rows[i].read(r, rest);
	for (unsigned i = 0; i < nr_record_slab_rows; i++)
		if (!strcmp(record_slab_rows[i].name, kind))
			return shape ? 0 : record_slab_rows[i].read(r, rest);
	for (unsigned i = 0; i < nr_record_task_rows; i++)
		if (!strcmp(record_task_rows[i].name, kind))
			return shape ? 0 : record_task_rows[i].read(r, rest);
	for (unsigned i = 0; i < nr_record_own_rows; i++)
		if (!strcmp(record_own_rows[i].name, kind))
			return shape ? 0 : record_own_rows[i].read(r, rest);
	for (unsigned i = 0; i < nr_record_huge_rows; i++)
		if (!strcmp(record_huge_rows[i].name, kind))
			return shape ? 0 : record_huge_rows[i].read(r, rest);
	return record_bad(r, "\"%.40s\" is not known", kind);
}

/* The first line. Records of other versions hold other things, so there is no point in reading on. */
static int version_read(struct record *r)
{
	static const char magic[] = "ummfs-frames ";
	uint64_t version;
	const char *line = record_line(r);
	r->line = 1;
	if (!line || strncmp(line, magic, sizeof(magic) - 1) || parse_u64(line + sizeof(magic) - 1, &version))
		return record_bad(r, "not a frame record (\"%s%d\")", magic, RECORD_VERSION);
	if (version != RECORD_VERSION)
		return record_bad(r, "a state of another version of ummfs: its record is version %lu, this ummfs reads %d",
				  (unsigned long)version, RECORD_VERSION);
	return 0;
}

static int lines_read(struct record *r, bool shape)
{
	char *line;
	int error = version_read(r);
	if (error)
		return error;
	while (!error && (line = record_line(r)))
		error = line_read(r, line, shape);
	if (!error && !r->seen_end)
		error = record_bad(r, "the record ends too early");
	return error;
}

int record_spec(struct machine_spec *spec, char *text, const char *name, struct why *why)
{
	struct record r = { .name = name, .next = text, .why = why, .spec = spec };
	int error = lines_read(&r, true);
	return error ? error : record_shape_check(&r);
}

/* ---- The end of it: what follows from the rest, and whether it fits together ---- */

static void machine_finish(struct vm *vm)
{
	FOR_EACH_POPULATED_ZONE(z, &vm->machine) {
		lock_take(&z->lock);
		zone_update_plenty(z);
		lock_drop(&z->lock);
	}
}

static int machine_check(struct record *r)
{
	struct text found;
	text_init(&found, 0);
	unsigned nr = mm_verify(&r->vm->machine, &found);
	const char *first = text_cstr(&found);
	if (nr && !*first) { /* it found no memory to look */
		text_fini(&found);
		return why_set(r->why, -ENOMEM, "%s: not enough memory to check it", r->name);
	}
	int error = nr ? why_set(r->why, -EINVAL, "%s: it contradicts itself: %.*s", r->name,
				 (int)strcspn(first, "\n"), first)
		       : 0;
	text_fini(&found);
	return error;
}

uint64_t record_tasks_promised(const struct vm *vm, unsigned pool)
{
	uint64_t sum = 0;
	for (unsigned id = 1; id < vm->tasks.nr_slots; id++) {
		const struct task *t = vm->tasks.slot[id];
		if (t && t->huge_mapped[pool] < t->hugetlb[pool].nr)
			return UINT64_MAX;
		if (t)
			sum += t->huge_mapped[pool] - t->hugetlb[pool].nr;
	}
	return sum;
}

static int pool_check(struct record *r, unsigned pool)
{
	const struct hugetlb *h = &r->vm->hugetlb[pool];
	uint64_t nr = 0, nr_free = 0, surplus = 0;
	for (unsigned n = 0; n < h->machine->nr_nodes; n++) {
		const struct hugetlb_node *node = &h->node[n];
		uint64_t listed = 0;
		for (pfn_t pfn = node->free.head; pfn; pfn = pfn_page(h->machine, pfn)->next)
			listed++;
		if (listed != node->nr_free || node->nr_free > node->nr || node->nr_surplus > node->nr)
			return why_set(r->why, -EINVAL, "%s: huge pages of node %u do not add up",
				       r->name, n);
		nr += node->nr;
		nr_free += node->nr_free;
		surplus += node->nr_surplus;
	}
	if (nr != h->nr || nr_free != h->nr_free || surplus != h->nr_surplus ||
	    h->nr_reserved > h->nr_free || record_tasks_promised(r->vm, pool) > h->nr_reserved ||
	    h->next_to_alloc >= h->machine->nr_nodes || h->next_to_free >= h->machine->nr_nodes)
		return why_set(r->why, -EINVAL, "%s: huge pages do not add up", r->name);
	return 0;
}

static int hugetlb_check(struct record *r)
{
	int error = 0;
	for (unsigned pool = 0; pool < r->vm->nr_hugetlb && !error; pool++)
		error = pool_check(r, pool);
	return error;
}

/* `used` is left as it was: verifying enters every CPU. */
static int used_keep(struct record *r, int (*check)(struct record *r))
{
	struct machine *m = &r->vm->machine;
	bool *used = mem_zalloc(m->nr_cpu_ids * sizeof(*used));
	if (!used)
		return why_set(r->why, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < m->nr_cpu_ids; i++)
		used[i] = m->cpu[i].used;
	int error = check(r);
	for (unsigned i = 0; i < m->nr_cpu_ids; i++)
		m->cpu[i].used = used[i];
	mem_free(used);
	return error;
}

int record_apply(struct vm *vm, char *text, const char *name, struct why *why)
{
	struct record r = { .name = name, .next = text, .why = why, .vm = vm };
	r.taken_bytes = (vm->machine.end_pfn / 64 + 1) * sizeof(*r.taken);
	r.taken = mem_map(r.taken_bytes);
	if (!r.taken)
		return why_set(why, -ENOMEM, "%s: not enough memory to import it", name);
	int error = lines_read(&r, false);
	mem_unmap(r.taken, r.taken_bytes);
	if (!error)
		error = record_tasks_check(&r);
	if (!error)
		error = hugetlb_check(&r);
	if (!error)
		error = record_hugetlbfs_check(&r);
	if (!error)
		error = record_slabs_finish(&r);
	record_slabs_fini(&r);
	if (error)
		return error == -ENOMEM ? why_set(why, error, "%s: not enough memory to import it", name)
					: error;
	machine_finish(vm);
	return used_keep(&r, machine_check);
}
