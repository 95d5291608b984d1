/* SPDX-License-Identifier: MIT */
#include "fs/notify.h"

#include "base/clock.h"
#include "base/mem.h"
#include "fs/inode.h"
#include "fs/inode_cache.h"
#include "fs/loop.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/*
 * A queue of inode numbers and names, and the thread that empties it. A notice
 * that finds no memory is left out: cached names of what comes and goes live
 * for a second, the inode behind one that is gone answers ESTALE, on which the
 * kernel looks again; and of a name that the host keeps, the memory stays in use.
 */

#define QUIET_MS 50u /* nothing has moved for so long: nothing will */
#define LOOK_NS 500000

struct notice {
	struct notice *next;
	fuse_ino_t ino; /* of a name: of its directory */
	char name[]; /* empty: the inode itself */
};

static size_t notice_bytes(const struct notice *notice)
{
	return sizeof(*notice) + strlen(notice->name) + 1;
}

static struct notice *notice_wait(struct notifier *n)
{
	pthread_mutex_lock(&n->mutex);
	while (!n->first && !n->stop)
		pthread_cond_wait(&n->more, &n->mutex);
	struct notice *notice = n->stop ? NULL : n->first;
	if (notice) {
		n->first = notice->next;
		if (!n->first)
			n->last = NULL;
	}
	pthread_mutex_unlock(&n->mutex);
	return notice;
}

static void notice_tell(struct notifier *n, struct notice *notice)
{
	if (*notice->name)
		(void)fuse_lowlevel_notify_inval_entry(n->session, notice->ino, notice->name,
						       strlen(notice->name));
	else
		(void)fuse_lowlevel_notify_inval_inode(n->session, notice->ino, -1, 0); /* attributes only */
	pthread_mutex_lock(&n->mutex);
	n->bytes -= notice_bytes(notice);
	n->told++;
	pthread_mutex_unlock(&n->mutex);
	mem_free(notice);
}

static void *notifier_main(void *arg)
{
	struct notifier *n = arg;

	for (struct notice *notice; (notice = notice_wait(n));)
		notice_tell(n, notice);
	return NULL;
}

int notifier_start(struct notifier *n, struct fuse_session *session)
{
	memset(n, 0, sizeof(*n));
	n->session = session;
	pthread_mutex_init(&n->mutex, NULL);
	pthread_cond_init(&n->more, NULL);
	int err = pthread_create(&n->thread, NULL, notifier_main, n);
	n->running = !err;
	return -err;
}

void notifier_stop(struct notifier *n)
{
	if (!n->running)
		return;
	pthread_mutex_lock(&n->mutex);
	n->stop = true;
	pthread_cond_signal(&n->more);
	pthread_mutex_unlock(&n->mutex);
	pthread_join(n->thread, NULL);
	n->running = false;
	for (struct notice *notice; (notice = n->first);) { /* nothing is added after stop */
		n->first = notice->next;
		mem_free(notice);
	}
}

static void notice_queue(struct notifier *n, struct notice *notice) /* mutex held */
{
	*(n->last ? &n->last->next : &n->first) = notice;
	n->last = notice;
	n->bytes += notice_bytes(notice);
	pthread_cond_signal(&n->more);
}

static void notice_add(struct notifier *n, fuse_ino_t ino, const char *name)
{
	size_t len = strlen(name) + 1;
	struct notice *notice = mem_zalloc(sizeof(*notice) + len);

	if (!notice)
		return;
	notice->ino = ino;
	memcpy(notice->name, name, len);
	pthread_mutex_lock(&n->mutex);
	bool taken = !n->stop && (!*name || n->bytes < NOTIFY_BYTES_MAX);
	if (taken)
		notice_queue(n, notice);
	pthread_mutex_unlock(&n->mutex);
	if (!taken)
		mem_free(notice);
}

void notifier_task_gone(void *ctx, const struct task *t)
{
	struct notifier *n = ctx;

	notice_add(n, task_dir_ino(t), "");
	notice_add(n, pid_dir_ino(t), "");
}

void notifier_cache_gone(void *ctx, uint32_t id, uint32_t generation)
{
	struct notifier *n = ctx;

	notice_add(n, cache_dir_ino((struct cache_id){ id, generation }), "");
}

void notifier_ask(void *ctx, uint64_t dir_ino, const char *name)
{
	notice_add(ctx, dir_ino, name);
}

struct progress_seen {
	uint64_t told, asked;
	bool idle; /* nothing is left to tell */
};

static struct progress_seen progress_look(struct notifier *n)
{
	struct progress_seen p = { .asked = n->files ? READ_RELAXED(&n->files->nr_asked) : 0 };

	pthread_mutex_lock(&n->mutex);
	p.told = n->told;
	p.idle = !n->bytes;
	pthread_mutex_unlock(&n->mutex);
	return p;
}

static uint64_t now_ms(void)
{
	return clock_host_ns() / 1000000;
}

/* The host forgets on its own time, in requests that another thread takes; with one thread alone nothing will come. */
bool notifier_ask_wait(void *ctx, unsigned wait_ms)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	struct notifier *n = ctx;
	struct progress_seen p = progress_look(n), before = p;
	uint64_t begin_ms = now_ms(), moved_ms = begin_ms, at_ms = begin_ms;
	bool moved = false;

	loop_may_wait();
	while (!(p.idle && !p.asked) && at_ms - begin_ms < wait_ms && at_ms - moved_ms < QUIET_MS) {
		nanosleep(&pause, NULL);
		at_ms = now_ms();
		p = progress_look(n);
		if (p.told != before.told || p.asked != before.asked) {
			moved_ms = at_ms;
			moved = true;
		}
		before = p;
	}
	return moved || (p.idle && !p.asked);
}

void notifier_inode_changed(struct notifier *n, uint64_t ino)
{
	if (n)
		(void)fuse_lowlevel_notify_inval_inode(n->session, ino, -1, 0);
}
