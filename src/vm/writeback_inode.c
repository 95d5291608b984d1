/* SPDX-License-Identifier: MIT */
/*
 * One file's dirty pages on their way to the store (mm/page-writeback.c:
 * write_cache_pages, 6.1). A batch is a run of neighbouring pages, of up to
 * 1 MiB, written with one call of the store. While it is written its pages are
 * clean, under writeback and pinned; who writes into one of them meanwhile makes
 * it dirty again. One batch of a file at a time: so whoever has gone once around
 * knows that everything that was dirty before has reached the store.
 *
 * When the last page has been written the store is given the time of writing
 * that clients were told, for writing has just moved it.
 *
 * Locks: the batch lock of the file, then io shared; tree for a moment. All of
 * it between files_enter and files_leave, so a machine that is held has no page
 * under writeback.
 *
 * While the store refuses data and too much is dirty, a write goes to the store
 * before it goes to the cache: a full disk answers the writer then, as it
 * does where blocks are reserved at the write.
 *
 * Different from Linux: a page that could not be written stays dirty and is
 * tried again; there it counts as clean, and its bytes are lost.
 */
#include "vm/writeback_private.h"

#include "base/lock.h"
#include "vm/file_private.h"
#include "vm/filemap.h"
#include "vm/vm.h"

#include <errno.h>

static struct lock *batch_lock(const struct file_inode *i)
{
	return &i->files->writeback->batch[i->id % WRITE_LOCKS];
}

/* Frames that are neighbours in the region as well are one piece. */
static int pieces(const struct file_inode *i, struct page *const *page, uint64_t len, struct iovec *iov)
{
	const struct vm *vm = i->files->vm;
	int nr = 0;
	for (unsigned p = 0; len; p++) {
		char *bytes = region_frame(vm->region, page_pfn(&vm->machine, page[p]));
		size_t part = (size_t)MIN(len, (uint64_t)PAGE_SIZE);
		if (nr && (char *)iov[nr - 1].iov_base + iov[nr - 1].iov_len == bytes)
			iov[nr - 1].iov_len += part;
		else
			iov[nr++] = (struct iovec){ bytes, part };
		len -= part;
	}
	return nr;
}

static uint64_t size_now(struct file_inode *i)
{
	lock_take(&i->tree);
	uint64_t size = i->attr.size;
	lock_drop(&i->tree);
	return size;
}

/* io is held, so the file may grow meanwhile and not shrink. What is past its end is nobody's. */
static int run_write(struct file_inode *i, struct page *const *page, unsigned nr, uint64_t from)
{
	struct iovec iov[FILE_IO_PAGES];
	uint64_t start = from * PAGE_SIZE, size = size_now(i);
	if (start >= size)
		return 0;
	uint64_t len = MIN((uint64_t)nr * PAGE_SIZE, size - start);
	ssize_t written = i->files->store->write(i, iov, pieces(i, page, len, iov), start);
	if (written < 0)
		return (int)written;
	return (uint64_t)written == len ? 0 : -EIO;
}

/* Whoever tries may hold io of some file himself, above which nothing may be waited for. */
static bool lock_share(pthread_rwlock_t *lock, bool try)
{
	return try ? !pthread_rwlock_tryrdlock(lock) : !pthread_rwlock_rdlock(lock);
}

static void locked_write(struct file_inode *i, struct written_batch *b, bool try)
{
	struct page *page[FILE_IO_PAGES];
	b->busy = !lock_share(&i->io, try);
	if (b->busy)
		return;
	b->nr = filemap_writeback_begin(i, &b->from, page, FILE_IO_PAGES);
	if (b->nr) {
		b->error = run_write(i, page, b->nr, b->from);
		file_inode_stored(i); /* whoever opens it now is not to take our changes for another's */
		filemap_writeback_end(i, page, b->nr, b->error);
		b->from += b->nr;
	}
	pthread_rwlock_unlock(&i->io);
}

void writeback_batch(struct file_inode *i, struct written_batch *b, bool try)
{
	struct lock *lock = batch_lock(i);
	b->nr = 0;
	b->error = 0;
	b->busy = try && !lock_try_now(lock);
	if (b->busy)
		return;
	if (!try)
		lock_take(lock);
	b->busy = !lock_share(&i->files->rename, try);
	if (!b->busy) {
		locked_write(i, b, try);
		pthread_rwlock_unlock(&i->files->rename);
	}
	lock_drop(lock);
	if (b->nr)
		writeback_account(i, b);
}

/* ---- Past the cache ---- */

/* What a refused write has left behind the end goes again. Batch lock, rename and io held */
static int through_locked(struct file_inode *i, const char *buf, size_t len, uint64_t offset)
{
	const struct file_store_ops *store = i->files->store;
	struct iovec iov = { (char *)(uintptr_t)buf, len };
	struct file_attr before;
	int error = store->getattr(i, &before);
	if (error)
		return error;
	ssize_t n = store->write(i, &iov, 1, offset);
	if (n < 0 && offset + len > before.size)
		error = store->truncate(i, before.size);
	(void)error; /* the refusal is what matters */
	file_inode_stored(i);
	return n < 0 ? (int)n : 1;
}

int writeback_through(struct file_inode *i, const char *buf, size_t len, uint64_t offset)
{
	struct writeback *w = i->files->writeback;
	if (!w || i->files->store->in_memory || !writeback_is_stuck(w))
		return 0;
	struct lock *lock = batch_lock(i);
	lock_take(lock);
	pthread_rwlock_rdlock(&i->files->rename);
	pthread_rwlock_rdlock(&i->io);
	int answer = through_locked(i, buf, len, offset);
	pthread_rwlock_unlock(&i->io);
	pthread_rwlock_unlock(&i->files->rename);
	lock_drop(lock);
	return answer;
}

/* ---- After the last page ---- */

static bool time_is(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* What clients were told of the file is what the store has from now on, unless somebody has written since. */
static void times_settle(struct file_inode *i, const struct timespec *told, const struct file_attr *attr)
{
	lock_take(&i->tree);
	if (time_is(&i->attr.mtime, told) && !i->map.nr_dirty) {
		i->times_changed = false;
		i->attr.mtime = attr->mtime;
		i->attr.blocks = attr->blocks;
	}
	i->store_mtime = attr->mtime;
	i->store_ctime = attr->ctime;
	i->store_size = attr->size;
	file_store_noted(i);
	lock_drop(&i->tree);
}

static int times_write(struct file_inode *i)
{
	struct file_attr attr;
	struct stat st = { 0 };
	lock_take(&i->tree);
	bool due = i->times_changed && !i->map.nr_dirty;
	st.st_mtim = i->attr.mtime;
	lock_drop(&i->tree);
	if (!due)
		return 0;
	const struct file_store_ops *store = i->files->store;
	int error = store->setattr(i, &st, FILE_SET_MTIME, &attr);
	if (error) /* not our file, perhaps: then the time of writing is the store's */
		error = store->getattr(i, &attr);
	if (!error)
		times_settle(i, &st.st_mtim, &attr);
	return error;
}

static bool is_clean(struct file_inode *i)
{
	lock_take(&i->tree);
	bool clean = !i->map.nr_dirty && !i->map.nr_writeback;
	lock_drop(&i->tree);
	return clean;
}

static int inode_settle(struct file_inode *i, bool try)
{
	struct lock *lock = batch_lock(i);
	if (try && !lock_try_now(lock))
		return 0;
	if (!try)
		lock_take(lock);
	pthread_rwlock_rdlock(&i->files->rename);
	int error = times_write(i);
	pthread_rwlock_unlock(&i->files->rename);
	bool clean = is_clean(i);
	lock_drop(lock);
	if (clean)
		file_inode_cleaned(i);
	return error;
}

/* ---- All of it ---- */

/* [from, to), as long as there is something and more() wants it. */
static bool range_write(struct file_inode *i, uint64_t from, uint64_t to, bool try,
			bool (*more)(struct writeback *w), uint64_t *pages, int *error)
{
	struct written_batch b = { .from = from };
	while (b.from < to) {
		if (more && !more(i->files->writeback))
			return false;
		writeback_batch(i, &b, try);
		if (b.busy || !b.nr)
			return !b.busy;
		*pages += b.error ? 0 : b.nr;
		*error = *error ? *error : b.error;
		WRITE_RELAXED(&i->writeback_index, b.from);
	}
	return true;
}

int inode_write(struct file_inode *i, uint64_t from, bool try, bool (*more)(struct writeback *w),
		uint64_t *pages)
{
	int error = 0;
	uint64_t end = DIV_ROUND_UP(size_now(i), PAGE_SIZE);
	from = from < end ? from : 0;
	bool all = range_write(i, from, end, try, more, pages, &error);
	if (all && from)
		all = range_write(i, 0, from, try, more, pages, &error);
	if (all && !error)
		error = inode_settle(i, try);
	return error;
}

static int error_take(struct file_inode *i)
{
	lock_take(&i->tree);
	int error = i->write_error;
	i->write_error = 0;
	lock_drop(&i->tree);
	return error;
}

int writeback_inode(struct file_inode *i)
{
	uint64_t pages = 0;
	if (!i->files->writeback || i->files->store->in_memory)
		return 0;
	int error = inode_write(i, 0, false, NULL, &pages), before = error_take(i);
	return error ? error : before;
}
