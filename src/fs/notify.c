/* SPDX-License-Identifier: MIT */
#include "fs/notify.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

/*
 * A queue of names and the thread that empties it. A notice that finds no
 * memory is left out: cached names of what comes and goes live for a second, and the inode
 * behind one that is gone answers ESTALE, on which the kernel looks again.
 */

struct notice {
	struct notice *next;
	fuse_ino_t dir;
	char name[];
};

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

static void *notifier_main(void *arg)
{
	struct notifier *n = arg;

	for (struct notice *notice; (notice = notice_wait(n)); mem_free(notice))
		(void)fuse_lowlevel_notify_inval_entry(n->session, notice->dir, notice->name,
						       strlen(notice->name));
	return NULL;
}

int notifier_start(struct notifier *n, struct fs *fs, struct fuse_session *session)
{
	memset(n, 0, sizeof(*n));
	n->fs = fs;
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

static void notice_add(struct notifier *n, fuse_ino_t dir, const char *name)
{
	size_t len = strlen(name) + 1;
	struct notice *notice = mem_zalloc(sizeof(*notice) + len);

	if (!notice)
		return;
	notice->dir = dir;
	memcpy(notice->name, name, len);
	pthread_mutex_lock(&n->mutex);
	bool stopped = n->stop;
	if (!stopped) {
		*(n->last ? &n->last->next : &n->first) = notice;
		n->last = notice;
		pthread_cond_signal(&n->more);
	}
	pthread_mutex_unlock(&n->mutex);
	if (stopped)
		mem_free(notice);
}

void notifier_task_gone(void *ctx, uint32_t id, pid_t pid, const char *name)
{
	struct notifier *n = ctx;
	char number[16];

	(void)id;
	snprintf(number, sizeof(number), "%d", (int)pid);
	notice_add(n, n->fs->tree.tasks->ino, name);
	notice_add(n, n->fs->tree.proc->ino, number);
}

void notifier_cache_gone(void *ctx, const char *name)
{
	struct notifier *n = ctx;

	notice_add(n, n->fs->tree.slab->ino, name);
}
