/* SPDX-License-Identifier: MIT */
/*
 * Writing files (mm/filemap.c: generic_perform_write, mm/shmem.c, 6.1).
 *
 * A request is worked off in batches. What it does not cover of its first and
 * last page is read first; whole pages need no reading. Then nobody else adds
 * pages to the file (inode->writing) until the bytes are in: into frames that
 * nobody knows, which are hung into the index afterwards, and into pages that
 * are there, which are pinned meanwhile. The file grows page by page as they
 * become dirty, so writeback never sees a dirty page past its end.
 *
 * Different from Linux: a write that runs out of memory half way has changed
 * pages behind those it says, if they were there already.
 */
#include "vm/filemap_private.h"

#include "base/racy.h"
#include "vm/content_trim.h"
#include "vm/writeback.h"

#include <errno.h>
#include <string.h>

struct writing {
	struct file_batch batch;
	const char *buf;
	uint64_t offset;
	size_t len;
};

/* What of page k the request covers: [*from, *to). */
static void page_part(const struct writing *w, unsigned k, size_t *from, size_t *to)
{
	uint64_t start = (w->batch.first + k) << PAGE_SHIFT, end = w->offset + w->len;
	*from = w->offset > start ? (size_t)(w->offset - start) : 0;
	*to = (size_t)MIN(end - start, (uint64_t)PAGE_SIZE);
}

/*
 * Page k, pinned if it is there and the request leaves something of it: reclaim
 * must not take it before the request has pinned its pages. True: it is not
 * there, and the store has some of what the request leaves. inode->write held
 */
static bool edge_wants_reading(const struct writing *w, unsigned k, struct page **there)
{
	struct file_inode *i = w->batch.inode;
	uint64_t start = (w->batch.first + k) << PAGE_SHIFT;
	size_t from, to;
	page_part(w, k, &from, &to);
	lock_take(&i->tree);
	bool stored = start < MIN(i->store_size, i->attr.size);
	bool covered = !from && (to == PAGE_SIZE || start + to >= i->attr.size);
	uint64_t e = covered ? 0 : tree_entry(&i->map, w->batch.first + k);
	if (entry_is_page(e)) {
		*there = pfn_page(w->batch.cpu->machine, entry_pfn(e));
		(*there)->cache.pins++;
	}
	lock_drop(&i->tree);
	return stored && !covered && !*there;
}

/* The first and the last page, where they are needed. Pinned; NULL: not needed. 0 or -errno: unpin them all the same */
static int edges_read(struct writing *w, struct page *edge[2])
{
	struct file_batch *b = &w->batch;
	unsigned last = b->nr - 1;
	int error = 0;
	edge[0] = edge[1] = NULL;
	if (store_in_memory(b->inode))
		return 0;
	if (edge_wants_reading(w, 0, &edge[0]))
		error = filemap_read_page(b->inode, b->cpu, b->first, &edge[0]);
	if (!error && last && edge_wants_reading(w, last, &edge[1]))
		error = filemap_read_page(b->inode, b->cpu, b->first + last, &edge[1]);
	return error;
}

static void edges_unpin(struct file_inode *i, struct page *edge[2])
{
	if (!edge[0] && !edge[1])
		return;
	lock_take(&i->tree);
	for (unsigned e = 0; e < 2; e++)
		if (edge[e])
			edge[e]->cache.pins--;
	lock_drop(&i->tree);
}

static void writing_begin(struct writing *w)
{
	struct file_inode *i = w->batch.inode;
	lock_take(&i->tree);
	i->writing = true;
	file_changed(i);
	batch_pin(&w->batch);
	lock_drop(&i->tree);
}

/* What was read before or meanwhile is old now. */
static void writing_end(struct writing *w, bool wrote)
{
	struct file_inode *i = w->batch.inode;
	lock_take(&i->tree);
	i->writing = false;
	file_changed(i);
	if (wrote) {
		i->attr.mtime = i->attr.ctime = file_now();
		i->times_changed = !store_in_memory(i);
	}
	lock_drop(&i->tree);
}

/* So many pages of room in the store, or what is left of it. 6.1: shmem_inode_acct_block. */
static unsigned room_take(struct files *f, unsigned pages)
{
	unsigned got = 0;
	if (!f->store->charge || !f->store->charge(f, pages))
		return pages;
	while (got < pages && !f->store->charge(f, 1))
		got++;
	return got;
}

/* Frames for missing pages; the batch ends where there are no more. 0, -ENOMEM or -ENOSPC: some are missing. */
static int frames_take(struct file_batch *b)
{
	struct files *f = b->inode->files;
	struct page *frame[FILE_IO_PAGES + 1];
	unsigned missing = 0, used = 0;
	for (unsigned k = 0; k < b->nr; k++)
		missing += !b->page[k];
	unsigned room = missing ? room_take(f, missing) : 0;
	unsigned got = room ? frames_alloc(b->inode, b->cpu, FILE_GFP, frame, room) : 0;
	if (got < room && f->store->uncharge)
		f->store->uncharge(f, room - got);
	for (unsigned k = 0; k < b->nr && used < got; k++) {
		if (b->page[k])
			continue;
		b->page[k] = frame[used++];
		b->fresh[k] = true;
	}
	if (room < missing)
		return -ENOSPC;
	return got < room ? -ENOMEM : 0;
}

/* Pages in front of the first one that has no frame. */
static unsigned batch_filled(const struct file_batch *b)
{
	unsigned k = 0;
	while (k < b->nr && b->page[k])
		k++;
	return k;
}

/* What a new page has beside the request. Only the first and the last one can have any. */
static void edge_clear(const struct writing *w, unsigned k)
{
	size_t from, to;
	if (!w->batch.fresh[k])
		return;
	char *bytes = frame_bytes(w->batch.inode->files->vm, w->batch.page[k]);
	page_part(w, k, &from, &to);
	memset(bytes, 0, from);
	memset(bytes + to, 0, PAGE_SIZE - to);
}

/* Frames mostly are neighbours, and long copies are faster than single pages. */
static void pages_copy(const struct writing *w, unsigned nr)
{
	const struct vm *vm = w->batch.inode->files->vm;
	const char *from = w->buf;
	size_t start, end;
	edge_clear(w, 0);
	edge_clear(w, nr - 1);
	for (unsigned k = 0; k < nr;) {
		page_part(w, k, &start, &end);
		char *bytes = frame_bytes(vm, w->batch.page[k]) + start;
		size_t len = end - start;
		while (++k < nr && frame_bytes(vm, w->batch.page[k]) == bytes + len) {
			page_part(w, k, &start, &end);
			len += end;
		}
		racy_copy(bytes, from, len);
		from += len;
	}
}

/* Into the index. Returns pages that are written; of those behind, only what was there already is. */
static unsigned pages_enter(struct writing *w, unsigned nr)
{
	struct file_batch *b = &w->batch;
	const struct batch_add how = { .writer = true, .mark = UINT64_MAX, .end = w->offset + w->len };
	unsigned k = 0, done = nr;
	int error = 0;
	b->nr = nr;
	while (k < nr) {
		k = batch_add(b, &how, k, &error);
		if (!error || !batch_nodes(b))
			continue;
		done = MIN(done, k);
		batch_free(b); /* whose pages are holes of the batch from now on */
	}
	return done;
}

/* Pages that were pinned and are not written after all are none of the batch. */
static void rest_unpin(struct file_batch *b, unsigned from, unsigned nr)
{
	lock_take(&b->inode->tree);
	for (unsigned k = from; k < nr; k++) {
		if (!b->page[k] || b->fresh[k])
			continue;
		b->page[k]->cache.pins--;
		b->page[k] = NULL;
	}
	lock_drop(&b->inode->tree);
}

/* Between writing_begin and writing_end. Returns pages written; 0: *error says why */
static unsigned pages_write(struct writing *w, int *error)
{
	struct file_batch *b = &w->batch;
	unsigned nr = b->nr, filled = 0, done = 0;
	*error = frames_take(b);
	filled = batch_filled(b);
	if (filled)
		*error = batch_nodes(b);
	if (filled && !*error)
		*error = content_claim(b->inode->files->vm, b->cpu, b->page, filled);
	if (*error)
		filled = 0;
	if (filled < nr)
		rest_unpin(b, filled, nr);
	if (filled) {
		pages_copy(w, filled);
		done = pages_enter(w, filled);
	}
	b->nr = nr;
	batch_free(b);
	if (!done && !*error)
		*error = -ENOMEM;
	return done;
}

/* Up to FILE_IO_PAGES pages' worth. Bytes written or -errno. inode->write held */
static ssize_t batch_write(struct file_inode *i, struct cpu *c, const char *buf, size_t len, uint64_t offset)
{
	struct writing w = { .batch = { .inode = i, .cpu = c, .first = offset >> PAGE_SHIFT },
			     .buf = buf,
			     .offset = offset,
			     .len = len };
	struct page *edge[2];
	w.batch.nr = (unsigned)(((offset + len - 1) >> PAGE_SHIFT) - w.batch.first + 1);
	int error = edges_read(&w, edge);
	unsigned done = 0;
	if (!error) {
		writing_begin(&w);
		done = pages_write(&w, &error);
		writing_end(&w, done);
	}
	edges_unpin(i, edge);
	if (!done)
		return error;
	uint64_t end = (w.batch.first + done) << PAGE_SHIFT;
	return (ssize_t)(MIN(end, offset + len) - offset);
}

static ssize_t batches_write(struct file_inode *i, const char *buf, size_t len, uint64_t offset)
{
	struct cpu *c = files_cpu(i->files);
	size_t done = 0;
	while (done < len) {
		size_t want = MIN(len - done, (size_t)FILE_IO_PAGES << PAGE_SHIFT);
		ssize_t n = batch_write(i, c, buf + done, want, offset + done);
		if (n < 0)
			return done ? (ssize_t)done : n;
		done += (size_t)n;
		if ((size_t)n < want)
			break;
	}
	return (ssize_t)done;
}

ssize_t file_write(struct file_inode *i, const char *buf, size_t len, uint64_t offset)
{
	if (!len)
		return 0;
	if (offset >= FILE_BYTES_MAX)
		return -EFBIG;
	len = (size_t)MIN((uint64_t)len, FILE_BYTES_MAX - offset);
	int through = writeback_through(i, buf, len, offset);
	if (through < 0)
		return through;
	pthread_rwlock_rdlock(&i->io);
	lock_take(&i->write);
	ssize_t done = batches_write(i, buf, len, offset);
	lock_drop(&i->write);
	pthread_rwlock_unlock(&i->io);
	if (through && done != (ssize_t)len) /* the store has what these pages do not */
		filemap_invalidate(i);
	int error = 0;
	if (done > 0 && !store_in_memory(i))
		error = writeback_throttle(i->files, (unsigned)DIV_ROUND_UP((size_t)done, PAGE_SIZE));
	(void)error; /* a client that does not want to wait has its bytes written all the same */
	return done;
}
