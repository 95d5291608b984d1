/* SPDX-License-Identifier: MIT */
/*
 * When dirty pages are written, and which (mm/page-writeback.c:
 * balance_dirty_pages; fs/fs-writeback.c: wb_workfn, 6.1).
 *
 * Files with dirty pages are on one list (writeback_list.c). The
 * flusher takes them from the old end: past the background limit until that is
 * met, at every turn what has expired, everything when reclaim asks. A file that
 * was written and is dirty still, or that the store refused, moves to the new
 * end as if it had become dirty just now.
 *
 * Whoever makes pages dirty past the limit writes some himself, as Linux did
 * before it had rates to pause by; between half way to the limit and the
 * limit nobody is slowed down. Pages that the store refuses stay dirty in memory
 * until it takes them. While it refuses, nothing would come of waiting: past
 * the limit each write is offered to the store first, and is refused when that
 * refuses it (writeback_through), so memory does not fill with what cannot leave.
 *
 * Locks: the list is files->lock's. The flusher enters files/ for a batch at a
 * time, so the machine can be held between any two. Nobody waits for another
 * one's work but for one batch of the same file, and in writeback_wait, which
 * ends by the clock.
 */
#include "vm/writeback_private.h"

#include "base/client.h"
#include "base/log.h"
#include "base/mem.h"
#include "vm/file_store.h"
#include "vm/filemap.h"
#include "vm/vm.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define NS_PER_SEC 1000000000ull
#define NS_PER_CENTISEC 10000000ull
#define RETRY_NS NS_PER_SEC /* after an error, until the background tries again on its own */
#define CHECK_PAGES                                                                                \
	32u /* dirtied between two looks at the limits; 6.1: ratelimit_pages, at least 16 */
#define SAID_INTERVAL_NS (5 * NS_PER_SEC)
#define SAID_BURST 10u
#define PROGRESS_NS (2 * NS_PER_SEC)

/* ---- Limits ---- */

/* Small limits are compared with exact counts: what CPUs have not told yet might exceed them. */
static uint64_t stat_pages(const struct machine *m, enum node_stat s, bool exact)
{
	int64_t sum = 0;
	for (unsigned n = 0; n < m->nr_nodes; n++)
		sum += exact ? node_stat_sum(&m->node[n], s) : (int64_t)node_stat_read(&m->node[n], s);
	return sum > 0 ? (uint64_t)sum : 0;
}

static bool limit_is_small(const struct machine *m, uint64_t limit)
{
	uint64_t drift = 0;
	for (unsigned n = 0; n < m->nr_nodes; n++)
		drift += (uint64_t)READ_RELAXED(&m->node[n].stat_threshold);
	return limit < 2 * drift * m->nr_cpus_online;
}

struct level {
	struct dirty_thresholds limit;
	uint64_t dirty, writing;
};

static struct level level_now(const struct writeback *w)
{
	const struct vm *vm = w->files->vm;
	const struct machine *m = &vm->machine;
	struct level l = { .limit = machine_dirty_thresholds(m, &vm->dirty) };
	bool exact = limit_is_small(m, l.limit.pages);
	l.dirty = stat_pages(m, NR_FILE_DIRTY, exact);
	l.writing = stat_pages(m, NR_WRITEBACK, exact);
	return l;
}

static bool over_background(struct writeback *w)
{
	struct level l = level_now(w);
	return l.dirty > l.limit.background_pages;
}

static bool over_limit(struct writeback *w)
{
	struct level l = level_now(w);
	return l.dirty + l.writing > l.limit.pages;
}

/* ---- What became of a batch ---- */

/* Errors of the last few seconds, and not more of them than can be read. */
static void failure_say(struct file_inode *i, int error)
{
	struct writeback *w = i->files->writeback;
	unsigned missed = 0;
	pthread_mutex_lock(&w->mutex);
	bool pass = ratelimit_pass(&w->said, writeback_now_ns(w), &missed);
	pthread_mutex_unlock(&w->mutex);
	if (missed)
		ring_printf(&w->files->vm->log, LOG_LEVEL_WARNING,
			    "files: %u more batches of dirty pages were not written", missed);
	if (pass)
		ring_printf(&w->files->vm->log, LOG_LEVEL_ERR,
			    "files: inode %lu of the source takes no data: %s; its pages stay dirty",
			    (unsigned long)i->attr.ino, strerror(-error));
}

void writeback_account(struct file_inode *i, const struct written_batch *b)
{
	struct writeback *w = i->files->writeback;
	if (b->error) {
		WRITE_RELAXED(&w->retry_ns, writeback_now_ns(w) + RETRY_NS);
		lock_take(&i->tree);
		i->write_error = b->error;
		lock_drop(&i->tree);
		failure_say(i, b->error);
	}
	WRITE_RELAXED(&w->failing, b->error != 0);
	pthread_mutex_lock(&w->mutex);
	w->batches++;
	pthread_cond_broadcast(&w->progress);
	pthread_mutex_unlock(&w->mutex);
}

/* ---- Turns ---- */

/* A file is entered for a batch at a time where nothing of files/ is held; else the caller is inside. */
struct turn {
	struct writeback *w;
	bool outside; /* the caller is not inside files_enter */
	bool try; /* he may hold a file's locks: do not wait for any */
	bool (*more)(struct writeback *w); /* NULL: all */
	uint64_t pages; /* written so far */
};

static void turn_enter(const struct turn *t)
{
	if (t->outside)
		files_enter(t->w->files);
}

static void turn_leave(const struct turn *t)
{
	if (t->outside)
		files_leave(t->w->files);
}

/* Others get in between two batches. */
static bool turn_more(const struct turn *t)
{
	if (t->more && !t->more(t->w))
		return false;
	turn_leave(t);
	turn_enter(t);
	return !READ_RELAXED(&t->w->stop);
}

static _Thread_local const struct turn *turn_now;

static bool turn_goes_on(struct writeback *w)
{
	(void)w;
	return turn_more(turn_now);
}

static int turn_inode(struct turn *t, struct file_inode *i)
{
	const struct turn *before = turn_now;
	turn_now = t;
	int error = inode_write(i, READ_RELAXED(&i->writeback_index), t->try, turn_goes_on, &t->pages);
	turn_now = before;
	return error;
}

/* Files that became dirty by then, each at most once. Stops at the first refusal. */
static int turn_run(struct turn *t, uint64_t by_ns)
{
	uint64_t left = READ_RELAXED(&t->w->nr_listed);
	int error = 0;
	turn_enter(t);
	while (left-- && !error && (!t->more || t->more(t->w)) && !READ_RELAXED(&t->w->stop)) {
		struct file_inode *i = dirty_oldest_take(t->w, by_ns);
		if (!i)
			break;
		error = turn_inode(t, i);
		if (error || !t->more || t->more(t->w)) /* all of it, not what was wanted of it */
			dirty_list_turn(t->w, i);
		file_put(i);
	}
	turn_leave(t);
	return error;
}

static uint64_t expired_by(const struct writeback *w)
{
	uint64_t age = (uint64_t)READ_RELAXED(&w->files->vm->dirty.expire_centisecs) * NS_PER_CENTISEC;
	uint64_t now = writeback_now_ns(w);
	return age <= now ? now - age : 0;
}

static void work_run(struct writeback *w, unsigned work, bool outside, bool try)
{
	struct turn t = { .w = w, .outside = outside, .try = try };
	int error = 0;
	if (work & WORK_ALL)
		error = turn_run(&t, UINT64_MAX);
	if (!error && work & WORK_EXPIRED && expired_by(w))
		error = turn_run(&t, expired_by(w));
	t.more = over_background;
	if (!error && work & (WORK_BACKGROUND | WORK_EXPIRED))
		error = turn_run(&t, UINT64_MAX);
	(void)error; /* writeback_account has said it, and kept it for fsync */
}

/* ---- The flusher ---- */

static uint64_t interval_ns(const struct writeback *w)
{
	return (uint32_t)READ_RELAXED(&w->files->vm->dirty.writeback_centisecs) * NS_PER_CENTISEC;
}

static void work_add(struct writeback *w, unsigned work)
{
	pthread_mutex_lock(&w->mutex);
	w->wanted |= work;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->mutex);
}

/* What there is to do. 0: stop. */
static unsigned work_wait(struct writeback *w)
{
	uint64_t interval = interval_ns(w);
	struct timespec deadline = clock_host_deadline(interval);
	int error = 0;
	pthread_mutex_lock(&w->mutex);
	while (!w->wanted && !w->stop && error != ETIMEDOUT)
		error = interval ? pthread_cond_timedwait(&w->work, &w->mutex, &deadline)
				 : pthread_cond_wait(&w->work, &w->mutex);
	unsigned work = w->stop ? 0 : w->wanted | (error == ETIMEDOUT ? WORK_EXPIRED : 0);
	w->wanted = 0;
	pthread_mutex_unlock(&w->mutex);
	return work;
}

static void *flusher_main(void *arg)
{
	struct writeback *w = arg;
	for (unsigned work; (work = work_wait(w));)
		work_run(w, work, true, false);
	return NULL;
}

/* Deterministic machines: whoever wakes does the work, unless he is at it. */
static void work_inline(struct writeback *w, unsigned work, bool outside, bool try)
{
	if (w->at_work)
		return;
	w->at_work = true;
	work_run(w, work, outside, try);
	w->at_work = false;
}

static unsigned wanted_take(struct writeback *w)
{
	pthread_mutex_lock(&w->mutex);
	unsigned work = w->running ? 0 : w->wanted;
	w->wanted &= ~work;
	pthread_mutex_unlock(&w->mutex);
	return work;
}

void writeback_tick(struct files *f)
{
	struct writeback *w = f->writeback;
	if (!w || w->running)
		return;
	unsigned work = wanted_take(w);
	uint64_t now = writeback_now_ns(w), interval = interval_ns(w);
	if (interval && now >= w->next_ns) {
		work |= WORK_EXPIRED;
		w->next_ns = now + interval;
	}
	if (work)
		work_inline(w, work, true, false);
}

/* ---- Those who ask ---- */

void writeback_wake(void *ctx)
{
	struct files *f = ctx;
	work_add(f->writeback, WORK_ALL);
}

/* false: nothing is dirty, or nothing can be written. */
static bool work_is_left(const struct writeback *w)
{
	return READ_RELAXED(&w->nr_listed) && !READ_RELAXED(&w->failing);
}

static void batch_wait(struct writeback *w, unsigned wait_ms)
{
	struct timespec deadline = clock_host_deadline(wait_ms * 1000000ull);
	pthread_mutex_lock(&w->mutex);
	uint64_t batches = w->batches;
	int error = 0;
	w->wanted |= WORK_ALL;
	pthread_cond_signal(&w->work);
	while (w->batches == batches && !w->stop && !error)
		error = pthread_cond_timedwait(&w->progress, &w->mutex, &deadline);
	pthread_mutex_unlock(&w->mutex);
}

/* Whoever waits may hold tasks, and a file's locks if it is inside files: nothing is waited for. */
static bool wait_inline(struct writeback *w)
{
	uint64_t batches = w->batches;
	bool inside = files_entered(w->files);
	if (!inside && !files_try_enter(w->files))
		return false;
	work_inline(w, WORK_ALL, false, true);
	if (!inside)
		files_leave(w->files);
	return w->batches != batches && work_is_left(w);
}

bool writeback_wait(void *ctx, unsigned wait_ms)
{
	struct files *f = ctx;
	struct writeback *w = f->writeback;
	if (!READ_RELAXED(&w->nr_listed))
		return false;
	if (READ_RELAXED(&w->running)) {
		if (pthread_equal(pthread_self(), w->thread) || READ_RELAXED(&w->failing))
			return false;
		batch_wait(w, wait_ms);
		return true;
	}
	return wait_inline(w);
}

/* The writer himself, past the limit. -EINTR: nobody waits for him any more. */
static int limit_meet(struct writeback *w)
{
	struct turn t = { .w = w, .more = over_limit };
	uint64_t left = READ_RELAXED(&w->nr_listed);
	while (left-- && over_limit(w)) {
		if (client_interrupted())
			return -EINTR;
		struct file_inode *i = dirty_oldest_take(w, UINT64_MAX);
		if (!i)
			return 0;
		int error = turn_inode(&t, i);
		if (error || over_limit(w))
			dirty_list_turn(w, i);
		file_put(i);
		if (error)
			return 0;
	}
	return 0;
}

static bool retry_is_due(const struct writeback *w)
{
	return !READ_RELAXED(&w->failing) || writeback_now_ns(w) >= READ_RELAXED(&w->retry_ns);
}

int writeback_throttle(struct files *f, unsigned nr_pages)
{
	struct writeback *w = f->writeback;
	if (!w || f->store->in_memory)
		return 0;
	if (__atomic_add_fetch(&w->unchecked, nr_pages, __ATOMIC_RELAXED) < CHECK_PAGES)
		return 0;
	WRITE_RELAXED(&w->unchecked, 0);
	struct level l = level_now(w);
	if (l.dirty <= l.limit.background_pages || !retry_is_due(w))
		return 0;
	if (READ_RELAXED(&w->running))
		work_add(w, WORK_BACKGROUND);
	else
		work_inline(w, WORK_BACKGROUND, false, false);
	return l.dirty + l.writing > l.limit.pages ? limit_meet(w) : 0;
}

bool writeback_is_stuck(struct writeback *w)
{
	return READ_RELAXED(&w->failing) && over_limit(w);
}

int files_sync(struct files *f, bool to_disk)
{
	struct writeback *w = f->writeback;
	int error = 0, one;
	if (!w || f->store->in_memory)
		return 0;
	lock_take(&w->sync);
	lock_take(&f->lock);
	uint64_t turn = ++w->sync_turn;
	lock_drop(&f->lock);
	for (struct file_inode *i; (i = dirty_unsynced_take(w, turn)); file_put(i)) {
		uint64_t pages = 0;
		one = inode_write(i, 0, false, NULL, &pages);
		error = error ? error : one;
		dirty_list_turn(w, i);
	}
	lock_drop(&w->sync);
	one = to_disk ? f->store->sync(f) : 0;
	return error ? error : one;
}

/* ---- Up and down ---- */

int writeback_init(struct files *f)
{
	struct writeback *w = mem_zalloc(sizeof(*w));
	pthread_condattr_t attr;
	if (!w)
		return -ENOMEM;
	w->files = f;
	for (unsigned n = 0; n < WRITE_LOCKS; n++)
		lock_init(&w->batch[n], RANK_TASK, 4);
	lock_init(&w->sync, RANK_TASK, 1);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->work, &attr);
	pthread_cond_init(&w->progress, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&w->mutex, NULL);
	ratelimit_init(&w->said, SAID_INTERVAL_NS, SAID_BURST);
	w->next_ns = writeback_now_ns(w) + interval_ns(w);
	f->writeback = w;
	return 0;
}

int writeback_start(struct files *f)
{
	struct writeback *w = f->writeback;
	if (!w || f->vm->deterministic || f->store->in_memory)
		return 0;
	w->stop = false;
	int error = pthread_create(&w->thread, NULL, flusher_main, w);
	WRITE_RELAXED(&w->running, !error);
	return -error;
}

void writeback_stop(struct files *f)
{
	struct writeback *w = f->writeback;
	if (!w || !w->running)
		return;
	pthread_mutex_lock(&w->mutex);
	WRITE_RELAXED(&w->stop, true);
	pthread_cond_broadcast(&w->work);
	pthread_cond_broadcast(&w->progress);
	pthread_mutex_unlock(&w->mutex);
	pthread_join(w->thread, NULL);
	WRITE_RELAXED(&w->running, false);
	WRITE_RELAXED(&w->stop, false);
}

/* A line when it takes long: somebody waits for the daemon to end. */
static void last_progress(const struct writeback *w, uint64_t *next)
{
	if (clock_host_ns() < *next)
		return;
	*next = clock_host_ns() + PROGRESS_NS;
	log_info("files: writing to the source what is dirty: %lu files, %lu pages left",
		 (unsigned long)w->nr_listed,
		 (unsigned long)stat_pages(&w->files->vm->machine, NR_FILE_DIRTY, true));
}

static void last_write(struct writeback *w)
{
	struct files *f = w->files;
	uint64_t next = clock_host_ns() + PROGRESS_NS, turn = ++w->sync_turn, failed = 0;
	int first = 0;
	files_enter(f);
	for (struct file_inode *i; (i = dirty_unsynced_take(w, turn)); file_put(i)) {
		uint64_t pages = 0;
		int error = inode_write(i, 0, false, NULL, &pages);
		failed += error != 0;
		first = first ? first : error;
		dirty_list_turn(w, i);
		last_progress(w, &next);
	}
	files_leave(f);
	if (failed)
		log_err("files: %lu files could not be written to the source (%s); what was new in them is lost",
			(unsigned long)failed, strerror(-first));
}

void writeback_fini(struct files *f)
{
	struct writeback *w = f->writeback;
	if (!w)
		return;
	last_write(w);
	f->writeback = NULL;
	pthread_cond_destroy(&w->progress);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->mutex);
	lock_fini(&w->sync);
	for (unsigned n = 0; n < WRITE_LOCKS; n++)
		lock_fini(&w->batch[n]);
	mem_free(w);
}
