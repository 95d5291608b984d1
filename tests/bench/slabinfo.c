/* SPDX-License-Identifier: MIT */
/*
 * Reading slabinfo of a machine with 2000 caches and 8 nodes, beside a text of
 * the same length in the null file system and the host's own slabinfo by line:
 *
 *   slabinfo prepare OURS        makes the caches, and objects of each on CPU 0
 *   slabinfo spread OURS         objects of each on a CPU of every node as well
 *   slabinfo measure OURS NULL   in turns, round after round
 *
 * A figure is the time from the first read to the end of the file, as cat or an
 * exporter reads it. Before each read one cache has changed.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHES 2000u
#define OBJECTS 5u /* of each cache and CPU */
#define TASK_CACHES 250u /* of which one task has objects */
#define NODES 8u
#define NODE_CPUS 8u /* of conf/eight-nodes.conf */
#define BUFFER_BYTES (128u << 10) /* what cat reads into */

static char buffer[BUFFER_BYTES];

static void write_text(const char *root, const char *path, const char *text)
{
	char file[512];

	snprintf(file, sizeof(file), "%s/%s", root, path);
	int fd = open(file, O_WRONLY);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		bench_fail("%s: %s", file, strerror(errno));
	close(fd);
}

struct reading {
	uint64_t ns;
	size_t bytes, lines;
};

/* Lines are counted afterwards and not timed. */
static struct reading read_whole(const char *root, bool count)
{
	struct reading r = { 0 };
	char file[512];
	ssize_t n;

	snprintf(file, sizeof(file), "%s/proc/slabinfo", root);
	int fd = open(file, O_RDONLY);
	if (fd < 0)
		bench_fail("%s: %s", file, strerror(errno));
	uint64_t from = wall_ns();
	while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
		r.bytes += (size_t)n;
		for (ssize_t i = 0; count && i < n; i++)
			r.lines += buffer[i] == '\n';
	}
	r.ns = wall_ns() - from;
	close(fd);
	return r;
}

/* A task on that CPU takes objects of TASK_CACHES caches. */
static void task_take(const char *root, unsigned cpu, unsigned first)
{
	char dir[512], path[64], line[64];

	snprintf(dir, sizeof(dir), "%s/tasks/bench-slab-%u-%u", root, cpu, first);
	if (mkdir(dir, 0755) && errno != EEXIST)
		bench_fail("mkdir %s: %s", dir, strerror(errno));
	snprintf(path, sizeof(path), "tasks/bench-slab-%u-%u/cpu", cpu, first);
	snprintf(line, sizeof(line), "%u\n", cpu);
	write_text(root, path, line);
	snprintf(path, sizeof(path), "tasks/bench-slab-%u-%u/slab", cpu, first);
	for (unsigned i = first; i < first + TASK_CACHES; i++) {
		snprintf(line, sizeof(line), "bench-cache-%u %u\n", i, OBJECTS);
		write_text(root, path, line);
	}
}

static void objects_take(const char *root, unsigned cpu)
{
	for (unsigned first = 0; first < CACHES; first += TASK_CACHES)
		task_take(root, cpu, first);
}

static void prepare(const char *root)
{
	char line[64];

	for (unsigned i = 0; i < CACHES; i++) {
		snprintf(line, sizeof(line), "bench-cache-%u %u\n", i, 64 + 8 * (i % 40));
		write_text(root, "sys/kernel/slab/new_cache", line);
	}
	objects_take(root, 0);
}

static void change(const char *root, unsigned nr)
{
	char line[64];

	snprintf(line, sizeof(line), "bench-cache-%u %u\n", nr / 2 % TASK_CACHES,
		 nr % 2 ? OBJECTS : OBJECTS + 1);
	write_text(root, "tasks/bench-slab-0-0/slab", line);
}

static void measure(const char *ours, const char *null, unsigned rounds)
{
	struct samples us = { .nr = 0 }, null_us = { .nr = 0 }, line_ns = { .nr = 0 },
		       host_ns = { .nr = 0 };
	size_t lines = read_whole(ours, true).lines, bytes = read_whole(ours, false).bytes;
	bool host = !access("/proc/slabinfo", R_OK);
	size_t host_lines = host ? read_whole("", true).lines : 0;
	unsigned times = env_set("QUICK") ? 20 : 100;

	if (read_whole(null, false).bytes != bytes)
		bench_fail("the null file system's text is not as long as slabinfo");
	for (unsigned round = 0, nr = 0; round < rounds; round++) {
		uint64_t sum = 0, null_sum = 0, host_sum = 0;
		for (unsigned i = 0; i < times; i++) {
			change(ours, nr++);
			sum += read_whole(ours, false).ns;
			null_sum += read_whole(null, false).ns;
			host_sum += host ? read_whole("", false).ns : 0;
		}
		samples_add(&us, (double)sum / times / 1000);
		samples_add(&null_us, (double)null_sum / times / 1000);
		samples_add(&line_ns, (double)sum / times / (double)lines);
		if (host)
			samples_add(&host_ns, (double)host_sum / times / (double)host_lines);
	}
	struct spread to_null = samples_ratio(&us, &null_us);
	printf("  %zu lines, %zu bytes: ummfs %.1f us (%.0f ns a line), null fs %.1f us, ratio %.2f [%.2f-%.2f]\n",
	       lines, bytes, samples_spread(&us).median, samples_spread(&line_ns).median,
	       samples_spread(&null_us).median, to_null.median, to_null.min, to_null.max);
	summary_target(getenv("BENCH_WHAT") ? getenv("BENCH_WHAT") : "slabinfo of 2000 caches, to the null fs",
		       "x", 2, to_null);
	if (!host) {
		summary_skip("/proc/slabinfo", "the host does not let us read it");
		return;
	}
	struct spread to_host = samples_ratio(&line_ns, &host_ns);
	printf("  the host's own: %.0f ns a line, ratio %.2f\n", samples_spread(&host_ns).median,
	       to_host.median);
	summary_target("a line of slabinfo, to the host's", "x", 1, to_host);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "prepare")) {
		prepare(argv[2]);
	} else if (argc == 3 && !strcmp(argv[1], "spread")) {
		for (unsigned node = 1; node < NODES; node++)
			objects_take(argv[2], node * NODE_CPUS);
	} else if (argc == 4 && !strcmp(argv[1], "measure")) {
		measure(argv[2], argv[3], CLAMP(env_number("ROUNDS", 9), 1u, ROUNDS_MAX));
	} else {
		fputs("usage: slabinfo prepare OURS | spread OURS | measure OURS NULL\n", stderr);
		return 2;
	}
	return 0;
}
