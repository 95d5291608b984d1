/* SPDX-License-Identifier: MIT */
#include "daemon/background.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* The word is one byte through a pipe; its end without a byte says that the process failed and has said why. */

static _Noreturn void parent_wait(int fd, pid_t child)
{
	char byte;
	int status;
	ssize_t n;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(0);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1);
}

int background_enter(struct background *b)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	pid_t child = fork();
	if (child < 0) {
		int err = -errno;
		close(fd[0]);
		close(fd[1]);
		return err;
	}
	if (child) {
		close(fd[1]);
		parent_wait(fd[0], child);
	}
	close(fd[0]);
	setsid();
	b->ready_fd = fd[1];
	return 0;
}

void background_ready(struct background *b)
{
	if (b->ready_fd < 0)
		return;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd >= 0) {
		for (int fd = 0; fd <= 2; fd++)
			dup2(null_fd, fd);
		if (null_fd > 2)
			close(null_fd);
	}
	if (chdir("/"))
		ASSERT(!"the root directory is always there");
	ssize_t n = write(b->ready_fd, "", 1);
	(void)n; /* nobody waits any more: no loss */
	close(b->ready_fd);
	b->ready_fd = -1;
}

void service_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;

	if (len < 2 || len >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = '\0'; /* the abstract name space */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	ssize_t n = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, size);
	(void)n; /* a manager that went away needs no word */
	close(fd);
}
