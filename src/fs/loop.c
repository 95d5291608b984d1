/* SPDX-License-Identifier: MIT */
#include "fs/loop.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

/*
 * A thread is receiving (asleep in read, or about to be), answering, or parked
 * on the condition. `mutex` guards the counts; the common request, which is
 * short, does not touch it.
 *
 *   nr_receiving   threads that will take the next request, those answering a
 *                  short one included: they are back before it matters
 *   nr_calls       parked threads asked to come back
 *
 * When the last receiving thread begins a request that may take long, a timer
 * is set, and only if it runs out before the request is done does the watcher
 * call another thread: most such requests are short after all, and a thread
 * woken for nothing would be in the way of the client.
 *
 * Spinning pays when a processor is idle beside the client's, and costs the
 * client its processor when none is. Which it is shows in the outcome: each
 * fruitless spin doubles the number of requests answered without one.
 */

#define SPIN_US 20u
#define SPIN_SKIP_MAX 4095u
#define BACKLOG_EVERY                                                                              \
	17 /* requests between two looks at the queue: no divisor of what one client does in turn */
#define BACKLOG_MANY 4 /* looks in a row that find requests waiting call for another thread */
#define BLOCKED_NS 100000 /* how long nobody may receive */
#define WAKE_SIGNAL SIGUSR2 /* takes a thread out of read */

struct worker {
	struct loop *loop;
	pthread_t thread;
	struct fuse_buf buf;
	unsigned spin_skip, spin_backoff;
	unsigned answered, backlog;
	bool blocking; /* in a request that may take long */
	bool ended; /* relaxed */
};

struct loop {
	struct fuse_session *session;
	int fd;
	int end_fd;
	int timer_fd; /* -1: one thread only, and no watcher */
	pthread_t watcher;
	bool watching;
	uint64_t spin_ns;
	bool (*refuses)(void *ctx, unsigned opcode, uint64_t ino, const char *name);
	void *refuses_ctx;
	unsigned base, max;
	bool stop; /* relaxed */
	pthread_mutex_t mutex;
	pthread_cond_t called;
	unsigned nr_threads, nr_parked, nr_calls;
	unsigned nr_receiving; /* relaxed outside the mutex */
	struct worker worker[LOOP_THREADS_MAX];
};

static void *worker_main(void *arg);

static _Thread_local struct worker *worker_here;

static bool loop_stopping(const struct loop *l)
{
	return READ_RELAXED(&l->stop);
}

static bool request_waiting(const struct loop *l)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* ---- How many receive ---- */

static void receiving_add(struct loop *l, int delta) /* mutex held */
{
	WRITE_RELAXED(&l->nr_receiving, l->nr_receiving + (unsigned)delta);
}

static bool others_receive(const struct loop *l)
{
	return READ_RELAXED(&l->nr_receiving) > 1;
}

/* mutex held */
static int thread_add(struct loop *l)
{
	struct worker *w = &l->worker[l->nr_threads];

	*w = (struct worker){ .loop = l };
	int err = pthread_create(&w->thread, NULL, worker_main, w);
	if (!err) {
		l->nr_threads++;
		receiving_add(l, 1);
	}
	return -err;
}

/* One more thread receives: a parked one, or a new one. None to be had: what there are do it. mutex held */
static void thread_call(struct loop *l)
{
	if (l->nr_parked > l->nr_calls) {
		l->nr_calls++;
		receiving_add(l, 1);
		pthread_cond_signal(&l->called);
	} else if (l->nr_threads < l->max && !l->stop) {
		(void)!thread_add(l);
	}
}

/* Requests have been waiting whenever one was taken: let another thread take some. */
static void backlog_watch(struct loop *l, struct worker *w)
{
	if (++w->answered % BACKLOG_EVERY)
		return;
	w->backlog = request_waiting(l) ? w->backlog + 1 : 0;
	if (w->backlog < BACKLOG_MANY)
		return;
	w->backlog = 0;
	pthread_mutex_lock(&l->mutex);
	if (l->nr_receiving < l->base)
		thread_call(l);
	pthread_mutex_unlock(&l->mutex);
}

/* 0: never mind; but once the loop stops, the watcher is to see it. mutex held */
static void timer_set(const struct loop *l, long ns)
{
	const struct itimerspec when = { .it_value.tv_nsec = l->stop ? 1 : ns };

	if (l->timer_fd >= 0)
		timerfd_settime(l->timer_fd, 0, &when, NULL);
}

static void blocking_begin(struct loop *l)
{
	pthread_mutex_lock(&l->mutex);
	receiving_add(l, -1);
	if (!l->nr_receiving)
		timer_set(l, BLOCKED_NS);
	pthread_mutex_unlock(&l->mutex);
}

static void blocking_end(struct loop *l)
{
	pthread_mutex_lock(&l->mutex);
	if (!l->nr_receiving)
		timer_set(l, 0);
	receiving_add(l, 1);
	pthread_mutex_unlock(&l->mutex);
}

static void *watcher_main(void *arg)
{
	struct loop *l = arg;
	uint64_t times;

	while (!loop_stopping(l)) {
		if (read(l->timer_fd, &times, sizeof(times)) < 0)
			continue;
		pthread_mutex_lock(&l->mutex);
		if (!l->nr_receiving)
			thread_call(l);
		pthread_mutex_unlock(&l->mutex);
	}
	return NULL;
}

/* Others receive and nothing waits: sleep until called. */
static void worker_park(struct loop *l)
{
	pthread_mutex_lock(&l->mutex);
	if (l->nr_receiving > 1 && !l->stop) {
		receiving_add(l, -1);
		l->nr_parked++;
		while (!l->nr_calls && !l->stop)
			pthread_cond_wait(&l->called, &l->mutex);
		l->nr_parked--;
		if (l->nr_calls)
			l->nr_calls--;
	}
	pthread_mutex_unlock(&l->mutex);
}

/* ---- One request ---- */

static bool request_spin(const struct loop *l)
{
	uint64_t end_ns = clock_host_ns() + l->spin_ns;

	do
		if (request_waiting(l))
			return true;
	while (clock_host_ns() < end_ns && !loop_stopping(l));
	return false;
}

static void worker_spin(const struct loop *l, struct worker *w)
{
	if (!l->spin_ns || others_receive(l))
		return;
	if (w->spin_skip) {
		w->spin_skip--;
		return;
	}
	if (request_spin(l))
		w->spin_backoff /= 2;
	else
		w->spin_backoff = MIN(w->spin_backoff * 2 + 1, SPIN_SKIP_MAX);
	w->spin_skip = w->spin_backoff;
}

/* What may allocate or free for long. Who reads does not wait for those who write, or says so (loop_may_wait). */
static bool request_may_block(const struct fuse_buf *buf)
{
	const struct fuse_in_header *in = buf->mem;

	return in->opcode == FUSE_WRITE || in->opcode == FUSE_MKDIR || in->opcode == FUSE_RMDIR;
}

void loop_may_wait(void)
{
	struct worker *w = worker_here;

	if (!w || w->blocking)
		return;
	w->blocking = true;
	blocking_begin(w->loop);
}

bool loop_ending(void)
{
	return worker_here && loop_stopping(worker_here->loop);
}

/* Without libfuse, which has not seen the request: EIO. */
static bool request_refuse(const struct loop *l, const struct fuse_buf *buf)
{
	const struct fuse_in_header *in = buf->mem;
	const char *name = in->opcode == FUSE_LOOKUP ? (const char *)(in + 1) : NULL;

	if (!l->refuses || !l->refuses(l->refuses_ctx, in->opcode, in->nodeid, name))
		return false;
	const struct fuse_out_header out = { .len = sizeof(out), .error = -EIO, .unique = in->unique };
	(void)!write(l->fd, &out, sizeof(out)); /* an interrupted client does not want to know */
	return true;
}

static void worker_answer(struct loop *l, struct worker *w)
{
	backlog_watch(l, w);
	if (request_refuse(l, &w->buf))
		return;
	if (request_may_block(&w->buf))
		loop_may_wait();
	fuse_session_process_buf(l->session, &w->buf);
	if (w->blocking)
		blocking_end(l);
	w->blocking = false;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct loop *l = w->loop;

	worker_here = w;
	while (!loop_stopping(l)) {
		if (others_receive(l) && !request_waiting(l)) {
			worker_park(l);
			continue;
		}
		int n = fuse_session_receive_buf(l->session, &w->buf);
		if (n == -EINTR || n == -EAGAIN)
			continue;
		if (n <= 0)
			break;
		worker_answer(l, w);
		worker_spin(l, w);
	}
	WRITE_RELAXED(&w->ended, true);
	eventfd_write(l->end_fd, 1);
	return NULL;
}

struct loop_options loop_defaults(void)
{
	cpu_set_t cpus;
	bool alone = !sched_getaffinity(0, sizeof(cpus), &cpus) && CPU_COUNT(&cpus) == 1;

	return (struct loop_options){ .workers = 2, .spin_us = alone ? 0 : SPIN_US };
}

static void wake_handle(int sig)
{
	(void)sig; /* that it came is all */
}

static int wake_prepare(void)
{
	struct sigaction sa = { .sa_handler = wake_handle };

	return sigaction(WAKE_SIGNAL, &sa, NULL) ? -errno : 0;
}

static void loop_free(struct loop *l)
{
	if (l->end_fd >= 0)
		close(l->end_fd);
	if (l->timer_fd >= 0)
		close(l->timer_fd);
	pthread_cond_destroy(&l->called);
	pthread_mutex_destroy(&l->mutex);
	mem_free(l);
}

static int watcher_start(struct loop *l)
{
	if (l->max == 1)
		return 0;
	l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (l->timer_fd < 0)
		return -errno;
	int err = pthread_create(&l->watcher, NULL, watcher_main, l);
	l->watching = !err;
	return -err;
}

static int loop_begin(struct loop *l)
{
	l->end_fd = eventfd(0, EFD_CLOEXEC);
	if (l->end_fd < 0)
		return -errno;
	int err = wake_prepare();
	if (!err)
		err = watcher_start(l);
	if (err)
		return err;
	pthread_mutex_lock(&l->mutex);
	err = thread_add(l);
	pthread_mutex_unlock(&l->mutex);
	return err;
}

int loop_start(struct loop **out, struct fuse_session *session, const struct loop_options *o)
{
	struct loop *l = mem_zalloc(sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->session = session;
	l->fd = fuse_session_fd(session);
	l->end_fd = l->timer_fd = -1;
	l->spin_ns = o->spin_us * 1000ull;
	l->refuses = o->refuses;
	l->refuses_ctx = o->refuses_ctx;
	l->base = CLAMP(o->workers, 1u, LOOP_WORKERS_MAX);
	l->max = l->base == 1 ? 1 : LOOP_THREADS_MAX;
	pthread_mutex_init(&l->mutex, NULL);
	pthread_cond_init(&l->called, NULL);
	int err = loop_begin(l);
	if (err)
		loop_stop(l);
	else
		*out = l;
	return err;
}

int loop_end_fd(const struct loop *l)
{
	return l->end_fd;
}

/* A signal that comes just before the read is lost, so it is sent until the thread has seen `stop`. */
static void worker_end(struct worker *w)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	while (!READ_RELAXED(&w->ended)) {
		pthread_kill(w->thread, WAKE_SIGNAL);
		nanosleep(&pause, NULL);
	}
	pthread_join(w->thread, NULL);
	free(w->buf.mem); /* libfuse's own malloc */
}

void loop_stop(struct loop *l)
{
	pthread_mutex_lock(&l->mutex);
	WRITE_RELAXED(&l->stop, true);
	pthread_cond_broadcast(&l->called);
	timer_set(l, 0);
	pthread_mutex_unlock(&l->mutex);
	if (l->watching)
		pthread_join(l->watcher, NULL);
	for (unsigned i = 0; i < l->nr_threads; i++) /* none is added after stop */
		worker_end(&l->worker[i]);
	loop_free(l);
}
