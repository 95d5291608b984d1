/* SPDX-License-Identifier: MIT */
#include "fs/loop.h"

#include "base/mem.h"
#include "fs/inode.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/*
 * A thread is receiving (spinning or asleep in poll), answering, or parked on
 * the condition. `mutex` guards the counts; the common request, which is short,
 * does not touch it.
 *
 *   nr_receiving   threads that will take the next request, those answering a
 *                  short one included: they are back before it matters
 *   nr_calls       parked threads asked to come back
 */

#define SPIN_US 20u
#define SPIN_TRIES 4 /* fruitless spins in a row after which a thread stops spinning */
#define BACKLOG 16 /* requests found waiting in a row that call for another thread */

struct worker {
	struct loop *loop;
	pthread_t thread;
	struct fuse_buf buf;
	int spins_left;
	unsigned backlog;
};

struct loop {
	struct fuse_session *session;
	int fd;
	int wake_fd; /* readable: stop */
	int end_fd;
	uint64_t spin_ns;
	unsigned base, max;
	bool stop; /* relaxed */
	pthread_mutex_t mutex;
	pthread_cond_t called;
	unsigned nr_threads, nr_receiving, nr_parked, nr_calls;
	struct worker worker[LOOP_THREADS_MAX];
};

static void *worker_main(void *arg);

static bool loop_stopping(const struct loop *l)
{
	return READ_RELAXED(&l->stop);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* mutex held */
static int thread_add(struct loop *l)
{
	struct worker *w = &l->worker[l->nr_threads];

	*w = (struct worker){ .loop = l, .spins_left = SPIN_TRIES };
	int err = pthread_create(&w->thread, NULL, worker_main, w);
	if (!err) {
		l->nr_threads++;
		l->nr_receiving++;
	}
	return -err;
}

/* One more thread receives: a parked one, or a new one. None to be had: what there are do it. mutex held */
static void thread_call(struct loop *l)
{
	if (l->nr_parked > l->nr_calls) {
		l->nr_calls++;
		l->nr_receiving++;
		pthread_cond_signal(&l->called);
	} else if (l->nr_threads < l->max && !l->stop) {
		(void)!thread_add(l);
	}
}

static void backlog_relieve(struct loop *l)
{
	pthread_mutex_lock(&l->mutex);
	if (l->nr_receiving < l->base)
		thread_call(l);
	pthread_mutex_unlock(&l->mutex);
}

static void blocking_begin(struct loop *l)
{
	pthread_mutex_lock(&l->mutex);
	if (!--l->nr_receiving)
		thread_call(l);
	pthread_mutex_unlock(&l->mutex);
}

static void blocking_end(struct loop *l)
{
	pthread_mutex_lock(&l->mutex);
	l->nr_receiving++;
	pthread_mutex_unlock(&l->mutex);
}

/* Sleep until called, when others receive. False: this thread is the last one and must not. */
static bool worker_park(struct loop *l)
{
	pthread_mutex_lock(&l->mutex);
	bool park = l->nr_receiving > 1 && !l->stop;
	if (park) {
		l->nr_receiving--;
		l->nr_parked++;
		while (!l->nr_calls && !l->stop)
			pthread_cond_wait(&l->called, &l->mutex);
		l->nr_parked--;
		if (l->nr_calls)
			l->nr_calls--;
	}
	pthread_mutex_unlock(&l->mutex);
	return park;
}

/* Look for a request again and again for a short while. */
static int worker_spin(struct loop *l, struct worker *w)
{
	if (w->spins_left <= 0)
		return -EAGAIN;
	uint64_t end_ns = now_ns() + l->spin_ns;
	do {
		int n = fuse_session_receive_buf(l->session, &w->buf);
		if (n != -EAGAIN) {
			w->spins_left = SPIN_TRIES;
			return n;
		}
	} while (now_ns() < end_ns && !loop_stopping(l));
	w->spins_left--;
	return -EAGAIN;
}

/* Requests that come soon after the last one make spinning worth while again. */
static void worker_sleep(struct loop *l, struct worker *w)
{
	struct pollfd p[2] = { { .fd = l->fd, .events = POLLIN }, { .fd = l->wake_fd, .events = POLLIN } };

	if (worker_park(l))
		return;
	uint64_t from_ns = now_ns();
	poll(p, 2, -1);
	if (l->spin_ns && now_ns() - from_ns < 5 * l->spin_ns)
		w->spins_left = MAX(w->spins_left, 1);
}

static int worker_receive(struct loop *l, struct worker *w)
{
	int n = fuse_session_receive_buf(l->session, &w->buf);

	if (n != -EAGAIN) {
		w->backlog++;
		return n;
	}
	w->backlog = 0;
	return worker_spin(l, w);
}

/* What allocates, frees, or waits for somebody who does: changes, and all that belongs to a task. */
static bool request_may_block(const struct fuse_buf *buf)
{
	const struct fuse_in_header *in = buf->mem;

	return in->opcode == FUSE_WRITE || in->opcode == FUSE_MKDIR || in->opcode == FUSE_RMDIR ||
	       ino_is_task(in->nodeid);
}

static void worker_answer(struct loop *l, struct worker *w)
{
	bool blocking = request_may_block(&w->buf);

	if (w->backlog >= BACKLOG) {
		w->backlog = 0;
		backlog_relieve(l);
	}
	if (blocking)
		blocking_begin(l);
	fuse_session_process_buf(l->session, &w->buf);
	if (blocking)
		blocking_end(l);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct loop *l = w->loop;

	while (!loop_stopping(l)) {
		int n = worker_receive(l, w);
		if (n > 0)
			worker_answer(l, w);
		else if (n == -EAGAIN)
			worker_sleep(l, w);
		else if (n != -EINTR)
			break;
	}
	eventfd_write(l->end_fd, 1);
	return NULL;
}

struct loop_options loop_defaults(void)
{
	cpu_set_t cpus;
	bool alone = !sched_getaffinity(0, sizeof(cpus), &cpus) && CPU_COUNT(&cpus) == 1;

	return (struct loop_options){ .workers = 2, .spin_us = alone ? 0 : SPIN_US };
}

static void loop_free(struct loop *l)
{
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	if (l->end_fd >= 0)
		close(l->end_fd);
	pthread_cond_destroy(&l->called);
	pthread_mutex_destroy(&l->mutex);
	mem_free(l);
}

static int loop_open_fds(struct loop *l)
{
	int flags = fcntl(l->fd, F_GETFL);

	l->wake_fd = eventfd(0, EFD_CLOEXEC);
	l->end_fd = eventfd(0, EFD_CLOEXEC);
	if (l->wake_fd < 0 || l->end_fd < 0 || flags < 0 || fcntl(l->fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	return 0;
}

int loop_start(struct loop **out, struct fuse_session *session, const struct loop_options *o)
{
	struct loop *l = mem_zalloc(sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->session = session;
	l->fd = fuse_session_fd(session);
	l->wake_fd = l->end_fd = -1;
	l->spin_ns = o->spin_us * 1000ull;
	l->base = CLAMP(o->workers, 1u, LOOP_THREADS_MAX);
	l->max = l->base == 1 ? 1 : LOOP_THREADS_MAX;
	pthread_mutex_init(&l->mutex, NULL);
	pthread_cond_init(&l->called, NULL);
	int err = loop_open_fds(l);
	if (!err) {
		pthread_mutex_lock(&l->mutex);
		err = thread_add(l);
		pthread_mutex_unlock(&l->mutex);
	}
	if (err)
		loop_free(l);
	else
		*out = l;
	return err;
}

int loop_end_fd(const struct loop *l)
{
	return l->end_fd;
}

void loop_stop(struct loop *l)
{
	pthread_mutex_lock(&l->mutex);
	WRITE_RELAXED(&l->stop, true);
	pthread_cond_broadcast(&l->called);
	pthread_mutex_unlock(&l->mutex);
	eventfd_write(l->wake_fd, 1);
	for (unsigned i = 0; i < l->nr_threads; i++) { /* no thread is added after stop */
		pthread_join(l->worker[i].thread, NULL);
		free(l->worker[i].buf.mem); /* libfuse's own malloc */
	}
	loop_free(l);
}
