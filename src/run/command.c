/* SPDX-License-Identifier: MIT */
#include "run/command.h"

#include "run/binds.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * ummfs-run waits as the parent. A terminal sends ^C to the command as well, so
 * what the kernel sent is not passed on; what a process sent is, for it was
 * meant for the command.
 */

static const int held[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD };

static void held_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_LEN(held); i++)
		sigaddset(set, held[i]);
}

void signals_hold(sigset_t *before)
{
	sigset_t set;

	held_set(&set);
	sigprocmask(SIG_BLOCK, &set, before);
}

static _Noreturn void command_exec(const char *mountpoint, bool all_proc, char **command,
				   const sigset_t *before)
{
	struct why why = { "" };

	if (namespace_enter(&why) || binds_make(mountpoint, "", all_proc, &why)) {
		fprintf(stderr, "ummfs-run: %s\n", why.text);
		_exit(STATUS_FAILED);
	}
	setenv("UMMFS_MOUNTPOINT", mountpoint, 1);
	sigprocmask(SIG_SETMASK, before, NULL);
	execvp(command[0], command);
	int err = errno;
	fprintf(stderr, "ummfs-run: %s: %s\n", command[0], strerror(err));
	_exit(err == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

static bool command_ended(pid_t pid, int *status)
{
	int how;

	if (waitpid(pid, &how, WNOHANG) != pid)
		return false;
	*status = WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how);
	return true;
}

static int command_wait(pid_t pid)
{
	siginfo_t info;
	sigset_t set;
	int status;

	held_set(&set);
	while (!command_ended(pid, &status)) {
		int sig = sigwaitinfo(&set, &info);
		if (sig > 0 && sig != SIGCHLD && info.si_code != SI_KERNEL)
			kill(pid, sig);
	}
	return status;
}

int command_run(const char *mountpoint, bool all_proc, char **command, const sigset_t *before)
{
	pid_t pid = fork();

	if (pid < 0) {
		fprintf(stderr, "ummfs-run: cannot start a process: %s\n", strerror(errno));
		return STATUS_FAILED;
	}
	if (!pid)
		command_exec(mountpoint, all_proc, command, before);
	return command_wait(pid);
}
