/* SPDX-License-Identifier: MIT */
/*
 * Reading files (mm/filemap.c: filemap_read, filemap_get_pages, 6.1).
 *
 * What is there is pinned and pointed at. What is missing is read, with what
 * readahead adds, into frames that nobody knows; they get into the index unless
 * the file was written to meanwhile. If it was, the reader waits its turn
 * behind the writer and reads again. A page that starts the next window when
 * it is read has that window read at once.
 *
 * Times of access move as with relatime, and stay here: the store keeps its
 * own. A hole of a file in memory has no page and is read as zeros.
 */
#include "vm/filemap_private.h"

#include "policy/workingset.h"
#include "vm/content_trim.h"
#include "vm/readahead.h"

#include <errno.h>
#include <string.h>

#define RELATIME_SECONDS (24l * 60 * 60)

static const char zeros[PAGE_SIZE];

struct timespec file_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return now;
}

/* ---- From the store ---- */

struct bring { /* neighbouring pages, read where they are missing */
	struct file_batch batch;
	struct batch_add how;
	uint64_t store_size;
	bool locked; /* inode->write held: nobody writes meanwhile */
};

/* Pages past nr are not wanted after all. */
static void batch_shorten(struct file_batch *b, unsigned nr)
{
	struct file_batch rest = { .inode = b->inode, .nr = b->nr - nr };
	if (nr >= b->nr)
		return;
	for (unsigned k = nr; k < b->nr; k++) {
		rest.page[k - nr] = b->page[k];
		rest.fresh[k - nr] = b->fresh[k];
	}
	rest.cpu = b->cpu;
	b->nr = nr;
	batch_unpin(&rest);
	batch_free(&rest);
}

/* Frames for what is missing in [from, to). Returns the first page without one, or to. */
static unsigned frames_fill(struct file_batch *b, unsigned from, unsigned to, gfp_t gfp)
{
	struct page *frame[FILE_IO_PAGES + 1];
	unsigned missing = 0, used = 0;
	for (unsigned k = from; k < to; k++)
		missing += !b->page[k];
	unsigned got = missing ? frames_alloc(b->inode, b->cpu, gfp, frame, missing) : 0;
	for (unsigned k = from; k < to; k++) {
		if (b->page[k])
			continue;
		if (used == got)
			return k;
		b->page[k] = frame[used++];
		b->fresh[k] = true;
	}
	return to;
}

/* The batch becomes as long as there are frames. 0, or -ENOMEM: not even one that is needed. */
static int bring_frames(struct bring *g)
{
	struct file_batch *b = &g->batch;
	unsigned needed = MIN(g->how.pin, b->nr);
	unsigned nr = frames_fill(b, 0, needed, FILE_GFP);
	if (nr == needed)
		nr = frames_fill(b, needed, b->nr, FILE_GFP_AHEAD);
	batch_shorten(b, nr);
	return nr || !needed ? 0 : -ENOMEM;
}

/* Fresh pages in a row from k on: their frames; neighbouring frames are one. Returns the page after them. */
static unsigned run_vectors(const struct file_batch *b, unsigned k, unsigned end, struct iovec *iov,
			    int *nr_iov)
{
	const struct vm *vm = b->inode->files->vm;
	int nr = 0;
	for (; k < end && b->fresh[k]; k++) {
		char *bytes = frame_bytes(vm, b->page[k]);
		if (nr && (char *)iov[nr - 1].iov_base + iov[nr - 1].iov_len == bytes)
			iov[nr - 1].iov_len += PAGE_SIZE;
		else
			iov[nr++] = (struct iovec){ bytes, PAGE_SIZE };
	}
	*nr_iov = nr;
	return k;
}

/* What the store did not fill. */
static void vectors_zero(const struct iovec *iov, int nr, size_t filled)
{
	for (int v = 0; v < nr; v++) {
		size_t skip = MIN(filled, iov[v].iov_len);
		filled -= skip;
		memset((char *)iov[v].iov_base + skip, 0, iov[v].iov_len - skip);
	}
}

/* One run from the store. Bytes read, or -errno. */
static ssize_t run_read(struct file_inode *i, const struct iovec *iov, int nr, uint64_t offset)
{
	ssize_t n = i->files->store->read(i, iov, nr, offset);
	if (n >= 0)
		vectors_zero(iov, nr, (size_t)n);
	return n;
}

/* Past what the store has there is nothing but zeros, for which a frame without content will do. */
static void tail_zero(struct bring *g, unsigned from)
{
	const struct vm *vm = g->batch.inode->files->vm;
	for (unsigned k = from; k < g->batch.nr; k++)
		if (g->batch.fresh[k])
			frame_zero(vm, g->batch.page[k], 0, PAGE_SIZE);
}

static int bring_bytes(struct bring *g)
{
	struct file_batch *b = &g->batch;
	struct iovec iov[FILE_IO_PAGES + 1];
	struct vm *vm = b->inode->files->vm;
	uint64_t pages = DIV_ROUND_UP(g->store_size, PAGE_SIZE);
	unsigned stored = (unsigned)MIN(pages - MIN(pages, b->first), (uint64_t)b->nr), next;
	g->how.read_kb = 0;
	for (unsigned k = 0; k < stored; k = next) {
		int nr_iov;
		if (!b->fresh[k]) {
			next = k + 1;
			continue;
		}
		next = run_vectors(b, k, stored, iov, &nr_iov);
		int error = content_claim(vm, b->cpu, &b->page[k], next - k);
		ssize_t n = error ? error : run_read(b->inode, iov, nr_iov, (b->first + k) << PAGE_SHIFT);
		if (n < 0)
			return (int)n;
		g->how.read_kb += DIV_ROUND_UP((uint64_t)n, PAGE_SIZE) * PAGES_TO_KB(1);
	}
	tail_zero(g, stored);
	return 0;
}

/* Into the index, as far as there are nodes. */
static int bring_add(struct bring *g)
{
	struct file_batch *b = &g->batch;
	int error = 0;
	for (unsigned k = 0; k < b->nr && !error; g->how.read_kb = 0) {
		error = batch_nodes(b);
		if (error)
			break;
		k = batch_add(b, &g->how, k, &error);
		if (error == -ENOMEM) /* nodes went meanwhile: take some more */
			error = 0;
	}
	return error;
}

/* Pages beyond the wanted ones were pinned only for as long as it took. */
static void bring_unpin_rest(struct bring *g, const bool *was_there)
{
	struct file_batch *b = &g->batch;
	lock_take(&b->inode->tree);
	for (unsigned k = g->how.pin; k < b->nr; k++)
		if (was_there[k])
			b->page[k]->cache.pins--;
	lock_drop(&b->inode->tree);
}

/* Nothing of it is pinned any more, what is fresh is free. */
static void bring_undo(struct bring *g, const bool *was_there)
{
	struct file_batch *b = &g->batch;
	lock_take(&b->inode->tree);
	for (unsigned k = 0; k < b->nr; k++)
		if (b->page[k] && !b->fresh[k] && (k < g->how.pin || was_there[k]))
			b->page[k]->cache.pins--;
	lock_drop(&b->inode->tree);
	batch_free(b);
}

static int bring_once(struct bring *g, unsigned nr)
{
	struct file_batch *b = &g->batch;
	bool was_there[FILE_IO_PAGES + 1];
	b->nr = nr;
	lock_take(&b->inode->tree);
	bool late = b->inode->writing;
	g->how.changes = b->inode->changes;
	g->store_size = b->inode->store_size;
	unsigned missing = late ? 0 : batch_pin(b);
	lock_drop(&b->inode->tree);
	if (late)
		return -EAGAIN;
	for (unsigned k = 0; k < nr; k++)
		was_there[k] = b->page[k];
	int error = missing ? bring_frames(g) : 0;
	if (!error && missing)
		error = bring_bytes(g);
	if (!error && missing)
		error = bring_add(g);
	if (error) {
		bring_undo(g, was_there);
		return error;
	}
	bring_unpin_rest(g, was_there);
	batch_free(b);
	return 0;
}

/*
 * Pages from b->first on, at most nr, read where they are missing; the first
 * `pin` of them stay pinned. 0 and b->nr says how many it became, or -errno.
 */
static int pages_bring(struct bring *g, unsigned nr)
{
	struct file_inode *i = g->batch.inode;
	int error = bring_once(g, nr);
	if (error != -EAGAIN || g->locked)
		return error;
	lock_take(&i->write);
	error = bring_once(g, nr);
	lock_drop(&i->write);
	return error;
}

int filemap_read_page(struct file_inode *i, struct cpu *c, uint64_t index, struct page **out)
{
	struct bring g = { .batch = { .inode = i, .cpu = c, .first = index },
			   .how = { .pin = 1, .mark = UINT64_MAX },
			   .locked = true };
	int error = pages_bring(&g, 1);
	*out = error ? NULL : g.batch.page[0];
	return error;
}

/* ---- What a read needs ---- */

struct reading {
	struct file_inode *inode;
	struct cpu *cpu;
	struct page **page; /* pinned so far: the first `done` of nr */
	uint64_t first, end; /* end: pages of the file */
	unsigned nr, done;
	struct readahead_plan plan;
	bool missing; /* page[done] is not there */
};

static uint64_t cached_before(void *ctx, uint64_t index, uint64_t most)
{
	const struct filemap *m = ctx;
	uint64_t n = 0;
	while (n < most && n < index && entry_is_page(tree_entry(m, index - 1 - n)))
		n++;
	return n;
}

static uint64_t cached_after(void *ctx, uint64_t index, uint64_t most)
{
	const struct filemap *m = ctx;
	uint64_t n = 0;
	while (n < most && entry_is_page(tree_entry(m, index + 1 + n)))
		n++;
	return n;
}

/* The window for page[done]; tree held. */
static void reading_plan(struct reading *rd, unsigned at, bool marked)
{
	struct file_inode *i = rd->inode;
	const struct readahead_cached cached = { cached_before, cached_after, &i->map };
	rd->plan = readahead_next(&i->readahead, rd->first + at, rd->nr - at, marked, rd->end, &cached);
}

/* Pin what is there, up to a page that is missing or marked. tree held. */
static void reading_pin(struct reading *rd)
{
	const struct machine *m = rd->cpu->machine;
	const struct tree_node *leaf = NULL;
	rd->missing = false;
	for (bool fresh = true; rd->done < rd->nr; fresh = false) {
		uint64_t index = rd->first + rd->done;
		if (fresh || !tree_slot_of(index))
			leaf = tree_leaf(&rd->inode->map, index);
		uint64_t e = leaf ? leaf->slot[tree_slot_of(index)] : 0;
		if (!entry_is_page(e) && store_in_memory(rd->inode)) {
			rd->page[rd->done++] = NULL;
			continue;
		}
		if (!entry_is_page(e)) {
			rd->missing = true;
			return;
		}
		struct page *page = pfn_page(m, entry_pfn(e));
		page->cache.pins++;
		rd->page[rd->done++] = page;
		if (UNLIKELY(page->cache.ahead)) {
			page->cache.ahead = 0;
			reading_plan(rd, rd->done - 1, true);
			return;
		}
	}
}

/* A window, part after part; what it has of the request is pinned if it begins there. Only what is missing of that can fail. */
static int window_bring(struct reading *rd, const struct readahead_plan *plan)
{
	uint64_t index = plan->start, end = plan->start + plan->size;
	int error = 0;
	while (index < end && !error) {
		struct bring g = { .batch = { .inode = rd->inode, .cpu = rd->cpu, .first = index },
				   .how = { .mark = plan->mark } };
		bool wanted = rd->done < rd->nr && index == rd->first + rd->done;
		if (wanted)
			g.how.pin = (unsigned)MIN(end - index, (uint64_t)(rd->nr - rd->done));
		error = pages_bring(&g, (unsigned)MIN(end - index, (uint64_t)FILE_IO_PAGES));
		if (error)
			return wanted ? error : 0;
		for (unsigned k = 0; k < MIN(g.how.pin, g.batch.nr); k++)
			rd->page[rd->done++] = g.batch.page[k];
		if (!g.batch.nr)
			break;
		index += g.batch.nr;
	}
	return 0;
}

/* What is missing at `done` in spite of reading ahead: it alone. */
static int missing_bring(struct reading *rd)
{
	const struct readahead_plan one = { rd->first + rd->done, 1, UINT64_MAX };
	return window_bring(rd, &one);
}

/* Something of it, or -errno when there is not even the first page. */
static int reading_get(struct reading *rd)
{
	struct file_inode *i = rd->inode;
	int error = 0;
	while (rd->done < rd->nr && !error) {
		lock_take(&i->tree);
		rd->plan.size = 0;
		reading_pin(rd);
		if (rd->missing)
			reading_plan(rd, rd->done, false);
		lock_drop(&i->tree);
		unsigned pinned = rd->done;
		if (rd->plan.size)
			error = window_bring(rd, &rd->plan);
		if (!error && rd->missing && rd->done == pinned)
			error = missing_bring(rd);
	}
	return rd->done ? 0 : error;
}

/* ---- Requests ---- */

/* Has it been changed since it was last looked at, or a day ago? tree held. 6.1: relatime_need_update. */
static void time_accessed(struct file_inode *i)
{
	struct file_attr *a = &i->attr;
	const struct timespec now = file_now();
	bool older = a->atime.tv_sec < a->mtime.tv_sec || a->atime.tv_sec < a->ctime.tv_sec ||
		     (a->atime.tv_sec == a->mtime.tv_sec && a->atime.tv_nsec <= a->mtime.tv_nsec) ||
		     (a->atime.tv_sec == a->ctime.tv_sec && a->atime.tv_nsec <= a->ctime.tv_nsec);
	if (older || now.tv_sec - a->atime.tv_sec >= RELATIME_SECONDS)
		a->atime = now;
}

/* Another part of the page that was read last is no further use of it. */
static void pages_use(const struct reading *rd, uint64_t prev, uint64_t offset)
{
	unsigned from = prev && (prev - 1) >> PAGE_SHIFT == offset >> PAGE_SHIFT;
	if (from >= rd->done)
		return;
	cpu_enter(rd->cpu);
	for (unsigned k = from; k < rd->done;) {
		unsigned start = k;
		while (k < rd->done && rd->page[k])
			k++;
		pages_accessed(rd->cpu, rd->page + start, k - start);
		while (k < rd->done && !rd->page[k])
			k++;
	}
	cpu_leave(rd->cpu);
}

static const char *page_bytes(const struct vm *vm, const struct page *page)
{
	return page && READ_ACQUIRE(&page->flags) & PG_CONTENT ? frame_bytes(vm, page) : zeros;
}

static void read_vectors(struct file_read *r, uint64_t offset, size_t len)
{
	const struct vm *vm = r->inode->files->vm;
	size_t start = offset & (PAGE_SIZE - 1);
	struct iovec *last = NULL;
	for (unsigned k = 0; k < r->nr && len; k++, start = 0) {
		size_t n = MIN(len, PAGE_SIZE - start);
		char *bytes = (char *)page_bytes(vm, r->page[k]) + start;
		if (last && (char *)last->iov_base + last->iov_len == bytes) {
			last->iov_len += n;
		} else {
			last = &r->iov[r->nr_iov++];
			*last = (struct iovec){ bytes, n };
		}
		len -= n;
	}
}

/* Up to the end of the file, and of what one request may be. */
static size_t read_clip(uint64_t size, uint64_t offset, size_t len)
{
	if (offset >= size)
		return 0;
	len = MIN(len, (size_t)FILE_IO_PAGES << PAGE_SHIFT);
	return (size_t)MIN(size - offset, (uint64_t)len);
}

int file_read_begin(struct file_inode *i, uint64_t offset, size_t len, struct file_read *r)
{
	r->inode = i;
	r->nr = r->nr_iov = 0;
	pthread_rwlock_rdlock(&i->io);
	lock_take(&i->tree);
	uint64_t size = i->attr.size, prev = i->readahead.prev;
	len = read_clip(size, offset, len);
	if (len)
		time_accessed(i);
	lock_drop(&i->tree);
	if (!len)
		return 0;
	struct reading rd = { .inode = i,
			      .cpu = files_cpu(i->files),
			      .page = r->page,
			      .first = offset >> PAGE_SHIFT,
			      .end = DIV_ROUND_UP(size, PAGE_SIZE),
			      .nr = (unsigned)(((offset + len - 1) >> PAGE_SHIFT) -
					       (offset >> PAGE_SHIFT) + 1) };
	int error = offset + len > FILE_BYTES_MAX ? -EFBIG : reading_get(&rd);
	r->nr = rd.done;
	if (error) {
		file_read_end(r);
		return error;
	}
	len = MIN(len, ((size_t)r->nr << PAGE_SHIFT) - (offset & (PAGE_SIZE - 1)));
	pages_use(&rd, prev, offset);
	read_vectors(r, offset, len);
	lock_take(&i->tree);
	i->readahead.prev = offset + len;
	lock_drop(&i->tree);
	return 0;
}

void file_read_end(struct file_read *r)
{
	struct file_inode *i = r->inode;
	lock_take(&i->tree);
	for (unsigned k = 0; k < r->nr; k++)
		if (r->page[k])
			r->page[k]->cache.pins--;
	r->nr = 0;
	pthread_rwlock_unlock(&i->io); /* the inode may go when tree is dropped */
	lock_drop(&i->tree);
}
