/* SPDX-License-Identifier: MIT */
#include "bench_machine.h"

#include "bench.h"

#include <sys/mman.h>
#include <unistd.h>

int bench_config_file(const char *text, char path[32])
{
	int fd = memfd_create("bench.conf", 0);

	if (fd < 0 || dprintf(fd, "%s", text) < 0)
		bench_fail("no room for a configuration");
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

void bench_config(struct config *c, const char *text)
{
	struct why why = { "" };
	char path[32];
	int fd = bench_config_file(text, path);

	if (config_read(c, path, &why))
		bench_fail("%s", why.text);
	close(fd);
}
