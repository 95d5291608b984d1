/* SPDX-License-Identifier: MIT */
/*
 * The bytes of anonymous memory. They lie in the frames that the accounting
 * names. PG_CONTENT marks a frame with bytes of somebody; without the mark a
 * page reads as zero and its frame is not touched, so that memory nobody wrote
 * to costs the host nothing.
 *
 * A frame is charged at its first write and handed back to the host before its
 * page is freed. Where the host keeps it (hugetlb), in frames of files, and in
 * those that a page has moved away from (task_move.c), the mark stays on the
 * page and whoever gets it next makes it zero first: nobody reads what another
 * wrote.
 *
 * Which frame a page has, and whether it has bytes, is under index_lock; a page
 * that has left the index keeps both.
 */
#include "vm/content_trim.h"
#include "vm/record.h"
#include "vm/task_private.h"

#include <errno.h>
#include <string.h>

static char *page_bytes(const struct vm *vm, const struct page *page)
{
	return region_frame(vm->region, page_pfn(&vm->machine, page));
}

/* Bytes of a file that were left: back to the host, and uncharged, as those of a task are. */
static void frames_discard(struct vm *vm, struct page *from, const struct page *end)
{
	struct region *r = vm->region;
	if (!region_discard(r, page_pfn(&vm->machine, from), (uint64_t)(end - from)))
		memset(page_bytes(vm, from), 0, (size_t)(end - from) << PAGE_SHIFT);
	for (; from < end; from++)
		from->flags &= (uint8_t)~PG_CONTENT;
}

void content_scrub(struct vm *vm, struct page *page, unsigned order)
{
	if (!READ_RELAXED(&vm->content_stays))
		return;
	struct page *end = page + (1ul << order);
	for (struct page *p = page, *from; p < end; p++) {
		for (from = p; p < end && p->flags & PG_CONTENT; p++)
			;
		if (from < p)
			frames_discard(vm, from, p);
	}
}

/* ---- Handing back: neighbouring frames in one call ---- */

struct run {
	uint64_t start, end;
};

static void run_discard(struct vm *vm, const struct run *run)
{
	if (run->start == run->end)
		return;
	if (!region_discard(vm->region, run->start, run->end - run->start)) {
		WRITE_RELAXED(&vm->content_stays, true);
		return;
	}
	for (uint64_t pfn = run->start; pfn < run->end; pfn++)
		pfn_page(&vm->machine, (pfn_t)pfn)->flags &= (uint8_t)~PG_CONTENT;
}

/* Freed from the end, taken from the start: frames come in rising or in falling order. */
static bool run_extend(struct run *run, uint64_t pfn)
{
	if (pfn == run->end)
		run->end++;
	else if (pfn + 1 == run->start)
		run->start--;
	else
		return false;
	return true;
}

static void run_scrub(struct vm *vm, const struct run *run)
{
	struct machine *m = &vm->machine;
	if (run->start < run->end)
		frames_discard(vm, pfn_page(m, (pfn_t)run->start), pfn_page(m, (pfn_t)run->end - 1) + 1);
}

void content_scrub_pages(struct vm *vm, struct page *const *page, unsigned nr)
{
	struct run run = { 0 };
	if (!READ_RELAXED(&vm->content_stays))
		return;
	for (unsigned i = 0; i < nr; i++) {
		pfn_t pfn = page_pfn(&vm->machine, page[i]);
		if (!(page[i]->flags & PG_CONTENT) || run_extend(&run, pfn))
			continue;
		run_scrub(vm, &run);
		run = (struct run){ pfn, (uint64_t)pfn + 1 };
	}
	run_scrub(vm, &run);
}

void task_content_drop(struct task *t, uint64_t from, uint64_t to)
{
	struct run run = { 0 };
	for (uint64_t i = from; i < to && t->content_pages; i++) {
		pfn_t pfn = t->anon.pfn[i];
		if (!(pfn_page(&t->vm->machine, pfn)->flags & PG_CONTENT))
			continue;
		t->content_pages--;
		if (run_extend(&run, pfn))
			continue;
		run_discard(t->vm, &run);
		run = (struct run){ pfn, (uint64_t)pfn + 1 };
	}
	run_discard(t->vm, &run);
}

/* ---- Reading and writing. task->lock; a slice of pages at a time under index_lock, since pages move ---- */

#define SLICE_PAGES 16u

struct piece { /* of a request, inside one page */
	struct page *page;
	size_t start, len;
};

static size_t slice_len(uint64_t offset, size_t len)
{
	return MIN(len, SLICE_PAGES * PAGE_SIZE - (offset & (PAGE_SIZE - 1)));
}

static struct piece piece_at(const struct task *t, uint64_t offset, size_t len)
{
	size_t start = offset & (PAGE_SIZE - 1);
	return (struct piece){
		.page = pfn_page(&t->vm->machine, t->anon.pfn[offset >> PAGE_SHIFT]),
		.start = start,
		.len = MIN(len, PAGE_SIZE - start),
	};
}

/* The first write to a page: what it does not cover becomes zero. */
static int piece_claim(struct task *t, const struct piece *piece)
{
	if (piece->page->flags & PG_CONTENT)
		return 0;
	int error = region_charge(t->vm->region, 1);
	if (error)
		return error;
	char *bytes = page_bytes(t->vm, piece->page);
	size_t end = piece->start + piece->len;
	memset(bytes, 0, piece->start);
	memset(bytes + end, 0, PAGE_SIZE - end);
	piece->page->flags |= PG_CONTENT;
	t->content_pages++;
	return 0;
}

/* index_lock held. Bytes written, or why there is none. */
static ssize_t slice_write(struct task *t, const char *buf, size_t len, uint64_t offset)
{
	size_t done = 0;
	while (done < len) {
		struct piece piece = piece_at(t, offset + done, len - done);
		int error = piece_claim(t, &piece);
		if (error)
			return done ? (ssize_t)done : error;
		memcpy(page_bytes(t->vm, piece.page) + piece.start, buf + done, piece.len);
		done += piece.len;
	}
	return (ssize_t)done;
}

/* Bytes that pages have left behind where they were may be in the way of new ones. */
static ssize_t content_write(struct task *t, const char *buf, size_t len, uint64_t offset)
{
	size_t done = 0;
	while (done < len) {
		size_t want = slice_len(offset + done, len - done);
		lock_take(&t->index_lock);
		ssize_t n = slice_write(t, buf + done, want, offset + done);
		lock_drop(&t->index_lock);
		if (n > 0)
			done += (size_t)n;
		if (n < (ssize_t)want && !content_trim(t->vm, task_cpu(t), SLICE_PAGES))
			return done ? (ssize_t)done : n;
	}
	return (ssize_t)done;
}

static void slice_read(const struct task *t, char *buf, size_t len, uint64_t offset)
{
	for (size_t done = 0; done < len;) {
		struct piece piece = piece_at(t, offset + done, len - done);
		if (piece.page->flags & PG_CONTENT)
			memcpy(buf + done, page_bytes(t->vm, piece.page) + piece.start, piece.len);
		else
			memset(buf + done, 0, piece.len);
		done += piece.len;
	}
}

static ssize_t content_read(struct task *t, char *buf, size_t len, uint64_t offset)
{
	for (size_t done = 0; done < len;) {
		size_t want = slice_len(offset + done, len - done);
		lock_take(&t->index_lock);
		slice_read(t, buf + done, want, offset + done);
		lock_drop(&t->index_lock);
		done += want;
	}
	return (ssize_t)len;
}

uint64_t task_mem_bytes(struct task *t)
{
	return page_index_nr(&t->anon) << PAGE_SHIFT;
}

/* What of the request lies inside the memory. */
static size_t len_inside(struct task *t, size_t len, uint64_t offset)
{
	uint64_t bytes = task_mem_bytes(t);
	return offset < bytes ? (size_t)MIN(bytes - offset, len) : 0;
}

ssize_t task_mem_read(struct task *t, char *buf, size_t len, uint64_t offset)
{
	if (!t->vm->region)
		return -ENXIO;
	ssize_t ret = task_lock(t);
	if (ret)
		return ret;
	ret = -ENODEV;
	if (!task_dead(t))
		ret = content_read(t, buf, len_inside(t, len, offset), offset);
	task_unlock(t);
	return ret;
}

ssize_t task_mem_write(struct task *t, const char *buf, size_t len, uint64_t offset)
{
	if (!t->vm->region)
		return -ENXIO;
	if (!len)
		return 0;
	ssize_t ret = task_lock(t);
	if (ret)
		return ret;
	ret = -ENODEV;
	size_t inside = len_inside(t, len, offset);
	if (!task_dead(t))
		ret = inside ? content_write(t, buf, inside, offset) : -ENOSPC;
	task_unlock(t);
	return ret;
}

/* ---- For a state. The task is held, so its slots stay and their frames may change ---- */

#define LOOK_PAGES 4096u

static bool slot_has_content(const struct task *t, uint64_t slot)
{
	return pfn_page(&t->vm->machine, t->anon.pfn[slot])->flags & PG_CONTENT;
}

/* The first slot from here on that has content, or has none. */
static uint64_t slot_find(struct task *t, uint64_t from, bool content)
{
	bool found = false;
	while (!found && from < t->anon.nr) {
		uint64_t end = MIN(t->anon.nr, from + LOOK_PAGES);
		lock_take(&t->index_lock);
		while (from < end && !found) {
			found = slot_has_content(t, from) == content;
			from += !found;
		}
		lock_drop(&t->index_lock);
	}
	return from;
}

bool task_content_next(struct task *t, uint64_t from, uint64_t *start, uint64_t *end)
{
	if (!t->content_pages)
		return false;
	*start = slot_find(t, from, true);
	*end = slot_find(t, *start, false);
	return *start < *end;
}

void task_content_copy(struct task *t, uint64_t slot, char *to)
{
	lock_take(&t->index_lock);
	slice_read(t, to, PAGE_SIZE, slot << PAGE_SHIFT);
	lock_drop(&t->index_lock);
}
