/* SPDX-License-Identifier: MIT */
#include "bench_machine.h"

#include "bench.h"

#include <sys/mman.h>
#include <unistd.h>

void bench_config(struct config *c, const char *text)
{
	struct why why = { "" };
	char path[32];
	int fd = memfd_create("bench.conf", 0);

	if (fd < 0 || dprintf(fd, "%s", text) < 0)
		bench_fail("no room for a configuration");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (config_read(c, path, &why))
		bench_fail("%s", why.text);
	close(fd);
}
