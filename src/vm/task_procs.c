/* SPDX-License-Identifier: MIT */
/*
 * Real processes that a task stands for. A pidfd names each, so a reused pid
 * is never mistaken for it, and all of them are watched by one epoll: when the
 * last process of a task has ended, the task goes as if by rmdir. The reaper
 * needs no more than index_lock to strike a process off; ending a task may
 * wait for a change of that task, which notices and stops. A pidfd is a file
 * descriptor of ours, so their limit is that of processes: EMFILE, ENFILE.
 *
 * An epoll event carries only the task's id. Which process it was is asked of
 * the pidfds themselves, so an event that arrives late finds nothing to do.
 */
#include "vm/task_private.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REAP_EVENTS 64
#define EVENT_STOP 0 /* no task has this id */

static int pidfd_of(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	return fd < 0 ? -errno : fd;
}

static bool proc_ended(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	return poll(&p, 1, 0) == 1;
}

static int epoll_watch(int epoll, int fd, uint64_t data)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = data };
	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* ---- The list of one task. index_lock ---- */

static unsigned proc_slot(const struct task *t, pid_t pid)
{
	unsigned i = 0;
	while (i < t->nr_procs && t->procs[i].pid != pid)
		i++;
	return i;
}

static void proc_strike(struct task *t, unsigned slot)
{
	close(t->procs[slot].fd);
	t->procs[slot] = t->procs[--t->nr_procs];
	__atomic_fetch_add(&t->vm->tasks.procs_change, 1, __ATOMIC_RELAXED);
}

static int procs_reserve(struct task *t)
{
	if (t->nr_procs < t->cap_procs)
		return 0;
	unsigned cap = t->cap_procs ? t->cap_procs * 2 : 4;
	struct task_proc *procs = mem_realloc(t->procs, cap * sizeof(*procs));
	if (!procs)
		return -ENOMEM;
	t->procs = procs;
	t->cap_procs = cap;
	return 0;
}

/* A number that is listed already may be that of a process which has ended and a new one: the new one takes its place. */
static int proc_insert(struct task *t, pid_t pid, int fd)
{
	unsigned slot = proc_slot(t, pid);
	if (slot < t->nr_procs && !proc_ended(t->procs[slot].fd))
		return -EEXIST;
	int error = procs_reserve(t);
	if (!error)
		error = epoll_watch(t->vm->tasks.reaper_epoll, fd, t->id);
	if (error)
		return error;
	if (slot < t->nr_procs)
		close(t->procs[slot].fd);
	else
		t->nr_procs++;
	t->procs[slot] = (struct task_proc){ .pid = pid, .fd = fd };
	__atomic_fetch_add(&t->vm->tasks.procs_change, 1, __ATOMIC_RELAXED);
	return 0;
}

/* One line for each time that descriptors run out, not for each process that comes too late. */
static void full_note(struct task *t, int error)
{
	bool full = error == -EMFILE || error == -ENFILE, was = READ_RELAXED(&t->vm->tasks.procs_full);
	if (full == was)
		return;
	WRITE_RELAXED(&t->vm->tasks.procs_full, full);
	if (full)
		log_warning("task %s: procs: no file descriptor for one more process%s", t->name,
			    error == -EMFILE ? "; ulimit -Hn of the daemon is the limit" : "");
}

int task_procs_add(struct task *t, pid_t pid)
{
	int fd = pidfd_of(pid);
	full_note(t, MIN(fd, 0));
	if (fd < 0)
		return fd;
	if (proc_ended(fd)) {
		close(fd);
		return -ESRCH; /* a zombie: as good as gone */
	}
	lock_take(&t->index_lock);
	int error = proc_insert(t, pid, fd);
	lock_drop(&t->index_lock);
	if (error)
		close(fd);
	return error == -EEXIST ? 0 : error;
}

static bool task_has_proc(struct task *t, pid_t pid)
{
	lock_take(&t->index_lock);
	bool has = proc_slot(t, pid) < t->nr_procs;
	lock_drop(&t->index_lock);
	return has;
}

struct task *task_find_proc(struct vm *vm, pid_t pid)
{
	for (struct task *t = task_next(vm, 0), *next; t; t = next) {
		if (task_has_proc(t, pid))
			return t;
		next = task_next(vm, t->id);
		task_put(t);
	}
	return NULL;
}

int task_procs_del(struct task *t, pid_t pid)
{
	lock_take(&t->index_lock);
	unsigned slot = proc_slot(t, pid);
	bool found = slot < t->nr_procs;
	if (found)
		proc_strike(t, slot);
	lock_drop(&t->index_lock);
	return found ? 0 : -ESRCH;
}

void task_procs_show(struct task *t, struct text *out)
{
	lock_take(&t->index_lock);
	for (unsigned i = 0; i < t->nr_procs; i++) {
		text_i64(out, t->procs[i].pid);
		text_char(out, '\n');
	}
	lock_drop(&t->index_lock);
}

/* Root's task kills anything that is not us; others what their owner could kill. */
static bool proc_killable(const struct task *t, pid_t pid)
{
	char path[32];
	struct stat st;
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return pid > 1 && pid != getpid() && !stat(path, &st) && (!t->uid || t->uid == st.st_uid);
}

/* By its pidfd: a number that means another process by now is not met. */
void task_procs_kill(struct task *t)
{
	lock_take(&t->index_lock);
	for (unsigned i = 0; i < t->nr_procs; i++)
		if (proc_killable(t, t->procs[i].pid) &&
		    syscall(SYS_pidfd_send_signal, t->procs[i].fd, SIGKILL, NULL, 0))
			log_warning("task %s: process %d: no SIGKILL: %s", t->name,
				    (int)t->procs[i].pid, strerror(errno));
	lock_drop(&t->index_lock);
}

void task_procs_clear(struct task *t)
{
	lock_take(&t->index_lock);
	while (t->nr_procs)
		proc_strike(t, t->nr_procs - 1);
	lock_drop(&t->index_lock);
}

/* ---- Reaping ---- */

/* Was one of them the last? */
static bool strike_ended(struct task *t)
{
	lock_take(&t->index_lock);
	unsigned had = t->nr_procs;
	for (unsigned i = t->nr_procs; i-- > 0;)
		if (proc_ended(t->procs[i].fd))
			proc_strike(t, i);
	bool last = had && !t->nr_procs;
	lock_drop(&t->index_lock);
	return last;
}

static void task_reap(struct vm *vm, uint32_t id)
{
	struct tasks *ts = &vm->tasks;
	struct task *t = task_get(vm, id);
	if (!t)
		return;
	if (strike_ended(t) && task_end(t) && ts->gone)
		ts->gone(ts->gone_ctx, t);
	task_put(t);
}

/* Returns false when told to stop. */
static bool reap_events(struct vm *vm, int timeout_ms, int *nr)
{
	struct epoll_event event[REAP_EVENTS];
	*nr = epoll_wait(vm->tasks.reaper_epoll, event, REAP_EVENTS, timeout_ms);
	for (int i = 0; i < *nr; i++) {
		if (event[i].data.u64 == EVENT_STOP)
			return false;
		task_reap(vm, (uint32_t)event[i].data.u64);
	}
	return true;
}

void procs_reap(struct vm *vm)
{
	int nr;
	while (reap_events(vm, 0, &nr) && nr > 0)
		;
}

static void *reaper_main(void *arg)
{
	int nr;
	while (reap_events(arg, -1, &nr))
		;
	return NULL;
}

int procs_init(struct vm *vm)
{
	struct tasks *ts = &vm->tasks;
	ts->reaper_epoll = epoll_create1(EPOLL_CLOEXEC);
	if (ts->reaper_epoll < 0)
		return -errno;
	ts->reaper_wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ts->reaper_wake < 0)
		return -errno;
	return epoll_watch(ts->reaper_epoll, ts->reaper_wake, EVENT_STOP);
}

void procs_fini(struct vm *vm)
{
	struct tasks *ts = &vm->tasks;
	if (ts->reaper_wake >= 0)
		close(ts->reaper_wake);
	if (ts->reaper_epoll >= 0)
		close(ts->reaper_epoll);
	ts->reaper_wake = ts->reaper_epoll = -1;
}

int procs_start(struct vm *vm)
{
	struct tasks *ts = &vm->tasks;
	int error = pthread_create(&ts->reaper, NULL, reaper_main, vm);
	ts->reaper_running = !error;
	return -error;
}

void procs_stop(struct vm *vm)
{
	struct tasks *ts = &vm->tasks;
	if (!ts->reaper_running)
		return;
	int error = eventfd_write(ts->reaper_wake, 1);
	ASSERT(!error);
	pthread_join(ts->reaper, NULL);
	ts->reaper_running = false;
}
