/* SPDX-License-Identifier: MIT */
#include "run/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The daemon goes to the background by itself once the mount answers. Between it
 * and us there is a socket pair, of which each has one end. Its end is waited
 * for that way: then its huge pages are back for the next machine. And when we
 * are killed, the daemon sees ours, and takes the mount away itself
 * (-o lifeline). Processes that the command left behind keep their view of the
 * machine, and with it the daemon, until they end too; for them nobody waits,
 * and a word through the socket lets the daemon go on without us.
 */

#define DAEMON_END_MS 3000

/* A directory that only this user reaches. */
static int dir_make(struct machine_mount *m, struct why *why)
{
	const char *base = getenv("XDG_RUNTIME_DIR");

	if (!base || *base != '/' || access(base, W_OK))
		base = "/tmp";
	if (snprintf(m->dir, sizeof(m->dir), "%s/ummfs-run.XXXXXX", base) >= (int)sizeof(m->dir))
		return why_set(why, -ENAMETOOLONG, "XDG_RUNTIME_DIR is too long");
	if (!mkdtemp(m->dir))
		return why_set(why, -errno, "cannot make a directory in %s: %s", base, strerror(errno));
	m->made = true;
	return 0;
}

/* The ummfs beside this program, or else the one in PATH. */
static const char *ummfs_path(char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 16);

	if (n > 0) {
		path[n] = '\0';
		char *slash = strrchr(path, '/');
		if (slash) {
			memcpy(slash + 1, "ummfs", sizeof("ummfs"));
			if (!access(path, X_OK))
				return path;
		}
	}
	return "ummfs";
}

/* The words of the command line; at most RUN_OPTIONS_MAX * 2 + 10 of them. */
static void ummfs_argv(const struct machine_mount *m, const struct run_args *a,
		       const char *lifeline, const char **argv)
{
	*argv++ = "ummfs";
	*argv++ = m->dir;
	if (a->config) {
		*argv++ = "-c";
		*argv++ = a->config;
	}
	if (a->from) {
		*argv++ = "--from";
		*argv++ = a->from;
	}
	for (unsigned i = 0; i < a->nr_options; i++) {
		*argv++ = "-o";
		*argv++ = a->option[i];
	}
	*argv++ = "-o";
	*argv++ = lifeline;
	*argv = NULL;
}

/* In a process group of its own, so that ^C does not end it half way. */
static int ummfs_spawn(const char **argv, pid_t *pid)
{
	char path[PATH_MAX];
	posix_spawnattr_t attr;
	sigset_t none;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	int err = posix_spawnp(pid, ummfs_path(path), NULL, &attr, (char **)argv, environ);
	posix_spawnattr_destroy(&attr);
	return -err;
}

static int child_status(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int ummfs_run(struct machine_mount *m, const struct run_args *a, struct why *why)
{
	const char *argv[RUN_OPTIONS_MAX * 2 + 10];
	char lifeline[32];
	pid_t pid;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd))
		return why_set(why, -errno, "socketpair: %s", strerror(errno));
	fcntl(fd[1], F_SETFD, 0); /* the daemon's */
	snprintf(lifeline, sizeof(lifeline), "lifeline=%d", fd[1]);
	ummfs_argv(m, a, lifeline, argv);
	int err = ummfs_spawn(argv, &pid);
	close(fd[1]);
	m->life_fd = fd[0];
	if (err)
		return why_set(why, err, "cannot start ummfs: %s", strerror(-err));
	m->mounted = !child_status(pid);
	return m->mounted ? 0 : -EIO;
}

int machine_mount(struct machine_mount *m, const struct run_args *a, struct why *why)
{
	memset(m, 0, sizeof(*m));
	m->life_fd = -1;
	int err = dir_make(m, why);
	return err ? err : ummfs_run(m, a, why);
}

static void fusermount_umount(const char *dir)
{
	const char *argv[] = { "fusermount3", "-u", "-z", "-q", "--", dir, NULL };
	pid_t pid;

	if (!posix_spawnp(&pid, argv[0], NULL, NULL, (char **)argv, environ))
		child_status(pid);
}

/* It ends, or somebody still uses the mount: then it may stay for them. */
static void daemon_wait(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (!poll(&p, 1, DAEMON_END_MS))
		send(fd, "", 1, MSG_NOSIGNAL);
}

void machine_unmount(struct machine_mount *m)
{
	if (m->mounted) {
		if (umount2(m->dir, MNT_DETACH | UMOUNT_NOFOLLOW) && errno == EPERM)
			fusermount_umount(m->dir);
		daemon_wait(m->life_fd);
	}
	if (m->life_fd >= 0)
		close(m->life_fd);
	if (m->made && rmdir(m->dir))
		log_warning("%s stays behind: %s", m->dir, strerror(errno));
}
