/* SPDX-License-Identifier: MIT */
/*
 * Small files of /proc and /sys, read whole. What cannot be read is reported
 * as "not there", never guessed.
 */
#include "region/host.h"

#include "base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <numa.h>
#include <string.h>
#include <unistd.h>

#define HOST_PATH_BYTES 512
#define HOST_TEXT_BYTES 16384

const char *host_root = "";

static int host_open(const char *path, int flags)
{
	char full[HOST_PATH_BYTES];
	int n = snprintf(full, sizeof(full), "%s%s", host_root, path);
	if (n < 0 || (size_t)n >= sizeof(full))
		return -ENAMETOOLONG;
	int fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The file as a string without its last newline; what does not fit is cut off. Returns 0 or -errno. */
static int host_read(const char *path, char *buf, size_t size)
{
	int fd = host_open(path, O_RDONLY);
	if (fd < 0)
		return fd;
	size_t len = 0;
	ssize_t n;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) != 0) {
		if (n < 0) {
			int error = errno;
			if (error == EINTR)
				continue;
			close(fd);
			return -error;
		}
		len += (size_t)n;
	}
	close(fd);
	if (len && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	return 0;
}

static int host_read_number(const char *path, uint64_t *out)
{
	char text[64];
	int error = host_read(path, text, sizeof(text));
	if (error)
		return error;
	return parse_u64(text, out) ? -EIO : 0;
}

/* The number behind `name` at the start of a line ("MemAvailable:", "inactive_file"); 0 when it is not there. */
static uint64_t field_value(const char *text, const char *name)
{
	size_t len = strlen(name);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len) && (line[len] == ' ' || line[len] == ':'))
			return strtoull(line + len + 1, NULL, 10);
	}
	return 0;
}

/* What one memory cgroup still allows; its page cache can be dropped, so it does not count as taken. */
static uint64_t cgroup_available(const char *group)
{
	char path[HOST_PATH_BYTES], text[HOST_TEXT_BYTES];
	uint64_t max, current, cache;

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", group);
	if (host_read_number(path, &max))
		return UINT64_MAX; /* "max", or no such controller */
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.current", group);
	if (host_read_number(path, &current))
		return UINT64_MAX;
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.stat", group);
	cache = 0;
	if (!host_read(path, text, sizeof(text)))
		cache = field_value(text, "inactive_file") + field_value(text, "active_file");
	current -= MIN(cache, current);
	return max - MIN(current, max);
}

/* The tightest of our cgroup and those above it (cgroup v2). */
static uint64_t cgroups_available(void)
{
	char text[HOST_PATH_BYTES];
	uint64_t least = UINT64_MAX;

	if (host_read("/proc/self/cgroup", text, sizeof(text)))
		return least;
	char *group = strstr(text, "0::/");
	if (!group)
		return least;
	group += 3;
	group[strcspn(group, "\n")] = '\0';
	if (!group[1])
		*group = '\0'; /* the root is "" in front of a file name */
	for (; *group; *strrchr(group, '/') = '\0')
		least = MIN(least, cgroup_available(group));
	return MIN(least, cgroup_available(group));
}

uint64_t host_available_bytes(void)
{
	char text[HOST_TEXT_BYTES];
	if (host_read("/proc/meminfo", text, sizeof(text)))
		return 0;
	return MIN(field_value(text, "MemAvailable") << 10, cgroups_available());
}

void host_nodes(struct mask *nodes)
{
	char text[HOST_PATH_BYTES];

	if (numa_available() < 0 || host_read("/sys/devices/system/node/has_memory", text, sizeof(text)) ||
	    parse_list(text, nodes) || mask_count(nodes) < 2)
		mask_clear(nodes);
}

static void pool_file(const struct host_pool *pool, const char *name, char path[128])
{
	unsigned long kilobytes = pool->huge_page_bytes >> 10;
	if (pool->node == HOST_NODE_ANY)
		snprintf(path, 128, "/sys/kernel/mm/hugepages/hugepages-%lukB/%s", kilobytes, name);
	else
		snprintf(path, 128, "/sys/devices/system/node/node%d/hugepages/hugepages-%lukB/%s",
			 pool->node, kilobytes, name);
}

void host_pool_path(const struct host_pool *pool, char path[128])
{
	pool_file(pool, "nr_hugepages", path);
}

int host_pool_read(const struct host_pool *pool, struct host_pool_pages *out)
{
	char path[128];
	uint64_t total, nr_free, promised = 0;

	pool_file(pool, "nr_hugepages", path);
	int error = host_read_number(path, &total);
	if (error)
		return error;
	pool_file(pool, "free_hugepages", path);
	error = host_read_number(path, &nr_free);
	if (error)
		return error;
	pool_file(pool, "resv_hugepages", path); /* the kernel keeps no such count per node */
	if (pool->node == HOST_NODE_ANY)
		error = host_read_number(path, &promised);
	*out = (struct host_pool_pages){ total, nr_free - MIN(promised, nr_free) };
	return error;
}

int host_pool_resize(const struct host_pool *pool, uint64_t total)
{
	char path[128], text[32];

	host_pool_path(pool, path);
	int fd = host_open(path, O_WRONLY | O_TRUNC);
	if (fd < 0)
		return fd;
	int len = snprintf(text, sizeof(text), "%lu\n", (unsigned long)total);
	ssize_t n = write(fd, text, (size_t)len);
	int error = n < 0 ? -errno : 0;
	close(fd);
	return error;
}

uint64_t host_process_start(uint64_t pid)
{
	char path[64], text[1024];

	snprintf(path, sizeof(path), "/proc/%lu/stat", (unsigned long)pid);
	if (host_read(path, text, sizeof(text)))
		return 0;
	/* The command's name may hold anything, so fields count from its closing bracket: field 3 follows. */
	char *field = strrchr(text, ')');
	if (!field || strchr("ZX", field[1] ? field[2] : '\0'))
		return 0; /* dead, only nobody has asked for its status yet */
	for (unsigned i = 2; field && i < 22; i++)
		field = strchr(field + 1, ' ');
	return field ? strtoull(field, NULL, 10) : 0;
}
