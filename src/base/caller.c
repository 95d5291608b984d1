/* SPDX-License-Identifier: MIT */
/* Who is behind a request: see caller.h. The name is read late, for few requests leave a message. */

#include "base/caller.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static _Thread_local struct caller current;

struct caller caller_set(struct caller c)
{
	struct caller before = current;
	current = c;
	return before;
}

pid_t caller_pid(void)
{
	return current.name ? current.pid : getpid();
}

uid_t caller_uid(void)
{
	return current.name ? current.uid : getuid();
}

/* The process waits for its request to be answered, so the number is still its own. */
static void host_comm(pid_t pid, char comm[CALLER_COMM])
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, comm, CALLER_COMM - 1);
	if (fd >= 0)
		close(fd);
	comm[MAX(n, 0)] = '\0';
	comm[strcspn(comm, "\n")] = '\0';
	if (!*comm)
		snprintf(comm, CALLER_COMM, "%s", CALLER_NAMELESS);
}

void caller_comm(char comm[CALLER_COMM])
{
	if (current.host_pid)
		host_comm(current.host_pid, comm);
	else
		snprintf(comm, CALLER_COMM, "%s", current.name ? current.name : "ummfs");
}
