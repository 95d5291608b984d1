/* SPDX-License-Identifier: MIT */
#include "daemon/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A fork that sleeps until the kernel tells it that the thread which forked it
 * has gone (PR_SET_PDEATHSIG). A service manager may send it the same signal,
 * so what counts is the state of that thread, not the signal. All it does is
 * system calls: the memory of the daemon, as it was, is not touched.
 */

#define END_WAIT_MS 1000
#define WATCH_SIGNAL SIGTERM
#define PATH_MAX_KEPT 64
#define DEV_MAJOR_SHIFT 20 /* of a device number as the kernel prints it whole */

/* Is the daemon's first thread at work? It is a zombie once it has ended while others have not. */
static bool first_thread_lives(pid_t daemon)
{
	char path[32], text[256];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)daemon);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[MAX(n, 0)] = '\0';
	const char *state = strrchr(text, ')');
	return state && state[1] && state[2] != 'Z' && state[2] != 'X';
}

static bool ends_in_time(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, END_WAIT_MS) > 0;
}

/* Through the control file if it is there; root can also force the unmount, which begins with the same. */
static void connection_break(const char *path, const char *abort_path)
{
	int fd = open(abort_path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, "1", 1) == 1;

	if (fd >= 0)
		close(fd);
	if (!done)
		umount2(path, MNT_FORCE);
}

static void keeper_main(pid_t daemon, int pidfd, const char *path, const char *abort_path)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, WATCH_SIGNAL);
	while (first_thread_lives(daemon))
		sigwaitinfo(&set, NULL);
	if (!ends_in_time(pidfd))
		connection_break(path, abort_path);
}

/* Nothing of the daemon's may stay in use because of us. Returns where pidfd is now. */
static int files_close(int pidfd)
{
	if (pidfd && (dup2(pidfd, 0) < 0 || fcntl(0, F_SETFD, FD_CLOEXEC)))
		return -1;
	return syscall(SYS_close_range, 1u, ~0u, 0u) ? -1 : 0;
}

static void keeper_run(pid_t daemon, int pidfd, const char *path, const char *abort_path)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (prctl(PR_SET_PDEATHSIG, WATCH_SIGNAL))
		_exit(1);
	prctl(PR_SET_NAME, "ummfs-keeper");
	pidfd = files_close(pidfd);
	if (!pidfd && !chdir("/"))
		keeper_main(daemon, pidfd, path, abort_path);
	_exit(0);
}

int keeper_start_with(struct keeper *k, const char *path, const char *abort_path)
{
	pid_t daemon = getpid();
	int pidfd = (int)syscall(SYS_pidfd_open, daemon, 0);

	k->pid = 0;
	if (pidfd < 0)
		return -errno;
	pid_t pid = fork();
	if (!pid)
		keeper_run(daemon, pidfd, path, abort_path);
	int err = pid < 0 ? -errno : 0;
	close(pidfd);
	if (!err)
		k->pid = pid;
	return err;
}

/* The control file has the number of the mount's device; its root is not asked for it, for nobody answers yet. */
int keeper_start(struct keeper *k, const char *path)
{
	char abort_path[PATH_MAX_KEPT];
	struct statx st;

	k->pid = 0;
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &st))
		return -errno;
	snprintf(abort_path, sizeof(abort_path), "/sys/fs/fuse/connections/%u/abort",
		 st.stx_dev_major << DEV_MAJOR_SHIFT | st.stx_dev_minor);
	return keeper_start_with(k, path, abort_path);
}

void keeper_stop(struct keeper *k)
{
	if (k->pid <= 0)
		return;
	kill(k->pid, SIGKILL);
	while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
		;
	k->pid = 0;
}
