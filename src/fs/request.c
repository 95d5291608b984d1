/* SPDX-License-Identifier: MIT */
#include "fs/request.h"

#include "base/parse.h"
#include "fs/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * Has a signal come for a client (or is the mount going)? Its process waits for us with the signal
 * pending, so that the host's /proc tells; that also works while no thread is
 * free to take in the host kernel's own word of it, and it tells which signal.
 * Those that are of no consequence unless somebody asks for them (a child that
 * ended, a window that changed its size) do not count: a real file's write
 * would not end for them either. Where the process cannot be seen (another PID
 * namespace), the word of the host kernel is all there is.
 */

#define LOOK_NS 10000000u
#define SIGNAL_BIT(n) (1ull << ((n)-1))

static const uint64_t harmless =
	SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH) | SIGNAL_BIT(SIGCONT);

static uint64_t host_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool status_mask(const char *status, const char *key, uint64_t *mask)
{
	char word[20];
	const char *line = strstr(status, key);

	if (!line)
		return false;
	line += strlen(key);
	size_t len = strspn(line, "0123456789abcdef");
	if (len >= sizeof(word))
		return false;
	memcpy(word, line, len);
	word[len] = '\0';
	return !parse_hex(word, mask);
}

int signals_waiting(const char *status)
{
	uint64_t thread, process, blocked;

	if (!status_mask(status, "\nSigPnd:\t", &thread) || !status_mask(status, "\nShdPnd:\t", &process) ||
	    !status_mask(status, "\nSigBlk:\t", &blocked))
		return -1;
	return ((thread | process) & ~blocked & ~harmless) != 0;
}

/* 1, 0, or -1: not to be seen. */
static int process_signals(pid_t pid)
{
	char path[32], status[4096];

	if (pid <= 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, status, sizeof(status) - 1);
	close(fd);
	status[MAX(n, 0)] = '\0';
	return signals_waiting(status);
}

/* Asked as often as anybody likes. */
static bool look_again(struct request *r)
{
	uint64_t now_ns = host_now_ns();

	if (now_ns < r->next_ns)
		return false;
	r->next_ns = now_ns + LOOK_NS;
	return true;
}

static bool request_interrupted(struct client *c)
{
	fuse_req_t req = client_req(c);
	if (!look_again((struct request *)c))
		return false;
	if (loop_ending())
		return true;
	int signals = process_signals(fuse_req_ctx(req)->pid);

	return signals < 0 ? fuse_req_interrupted(req) : signals;
}

void request_begin(struct request *r, fuse_req_t req, void (*answer)(struct client *c, ssize_t result))
{
	*r = (struct request){
		.client = { .interrupted = request_interrupted, .answer = answer, .refused = -EINTR },
		.req = req,
		.next_ns = host_now_ns() + LOOK_NS,
	};
	r->before = client_set(&r->client);
}

bool request_end(struct request *r)
{
	client_set(r->before);
	return !r->client.answered;
}
