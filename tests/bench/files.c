/* SPDX-License-Identifier: MIT */
/*
 * Files through the mount, beside a file system that keeps its bytes in one
 * buffer (bufferfs.c), a passthrough (passfs.c) and tmpfs:
 *
 *   files OURS BUFFER PASSTHROUGH TMPFS
 *
 * OURS is the mount itself; its files/ and the passthrough lie over directories
 * of the same tmpfs. In each round the sides take turns, in an order that
 * rotates; a ratio is made of figures of the same round.
 *
 *   write, read   the whole file in requests of 1 MiB; what is read is in the
 *                 caches (ours: page cache; passthrough: that of the tmpfs)
 *   random        4 KiB reads of it
 *   cold          4 KiB random reads of ours after drop_caches, and of the passthrough
 *   create, stat, unlink   of 10 000 files
 *   drop          `echo 1 > drop_caches` with the file clean in the cache, beside
 *                 truncating a file of that size on tmpfs
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUEST_BYTES ((size_t)1 << 20)
#define SMALL_BYTES 4096u
#define RANDOM_READS 20000u
#define FILES 10000u
#define STATS (10 * FILES) /* answered by the host alone: one pass is too short a time to measure */

enum side { OURS, BUFFER, PASS, TMPFS, SIDES };
enum figure { WRITE, READ, RANDOM, COLD, CREATE, STAT, UNLINK, DROP, FIGURES };

static const char *const side_name[SIDES] = { "ours", "buffer", "passthrough", "tmpfs" };
static const struct {
	const char *name, *unit;
	double per_second; /* how a time becomes the figure: bytes a second, else time of one */
} figure_info[FIGURES] = {
	[WRITE] = { "write, 1 MiB requests", "GB/s", 1 },
	[READ] = { "read, 1 MiB requests", "GB/s", 1 },
	[RANDOM] = { "random read, 4 KiB, hot", "us", 0 },
	[COLD] = { "random read, 4 KiB, cold", "us", 0 },
	[CREATE] = { "create", "us", 0 },
	[STAT] = { "stat", "us", 0 },
	[UNLINK] = { "unlink", "us", 0 },
	[DROP] = { "drop or truncate", "ms", 0 },
};

static size_t bytes;
static const char *mount_of_ours;
static char directory[SIDES][256];
static int directory_fd[SIDES]; /* names are looked up from there: ours has one more directory above */
static struct samples samples[FIGURES][SIDES];
static char *buffer;

static int data_open(enum side side, int flags)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/data", directory[side]);
	int fd = open(path, flags | O_CLOEXEC, 0644);
	if (fd < 0)
		bench_fail("%s: %s", path, strerror(errno));
	return fd;
}

static void note(enum figure figure, enum side side, uint64_t ns, double times)
{
	samples_add(&samples[figure][side],
		    figure_info[figure].per_second ? (double)ns / times : (double)ns / times / 1e3);
}

/* ---- One side, one figure ---- */

static void measure_write(enum side side)
{
	int fd = data_open(side, O_WRONLY | O_CREAT | O_TRUNC);
	uint64_t from = wall_ns();

	for (size_t at = 0; at < bytes; at += REQUEST_BYTES)
		if (pwrite(fd, buffer, REQUEST_BYTES, (off_t)at) != (ssize_t)REQUEST_BYTES)
			bench_fail("writing to %s: %s", side_name[side], strerror(errno));
	note(WRITE, side, wall_ns() - from, (double)bytes);
	close(fd);
}

static void measure_read(enum side side)
{
	int fd = data_open(side, O_RDONLY);
	uint64_t from = wall_ns();

	for (size_t at = 0; at < bytes; at += REQUEST_BYTES)
		if (pread(fd, buffer, REQUEST_BYTES, (off_t)at) != (ssize_t)REQUEST_BYTES)
			bench_fail("reading from %s: %s", side_name[side], strerror(errno));
	note(READ, side, wall_ns() - from, (double)bytes);
	close(fd);
}

static void measure_random(enum side side, enum figure figure)
{
	int fd = data_open(side, O_RDONLY);
	uint64_t random = 88172645463325252ull, from = wall_ns();

	for (unsigned i = 0; i < RANDOM_READS; i++) {
		off_t at = (off_t)(load_random(&random) % (bytes / SMALL_BYTES) * SMALL_BYTES);
		if (pread(fd, buffer, SMALL_BYTES, at) != SMALL_BYTES)
			bench_fail("reading from %s: %s", side_name[side], strerror(errno));
	}
	note(figure, side, wall_ns() - from, RANDOM_READS);
	close(fd);
}

static void data_sync(enum side side)
{
	int fd = data_open(side, O_WRONLY);

	if (fsync(fd))
		bench_fail("fsync on %s: %s", side_name[side], strerror(errno));
	close(fd);
}

static void drop_caches(void)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/proc/sys/vm/drop_caches", mount_of_ours);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1\n", 2) != 2)
		bench_fail("%s: %s", path, strerror(errno));
	close(fd);
}

static void measure_drop(void)
{
	int fd = data_open(TMPFS, O_RDWR);

	data_sync(OURS);
	uint64_t from = wall_ns();
	drop_caches();
	note(DROP, OURS, wall_ns() - from, 1000);
	from = wall_ns();
	if (ftruncate(fd, 0))
		bench_fail("truncating on tmpfs: %s", strerror(errno));
	note(DROP, TMPFS, wall_ns() - from, 1000);
	close(fd);
}

static void measure_create(enum side side)
{
	char name[16];
	uint64_t from = wall_ns();

	for (unsigned i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		int fd = openat(directory_fd[side], name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd < 0)
			bench_fail("%s: %s: %s", directory[side], name, strerror(errno));
		close(fd);
	}
	note(CREATE, side, wall_ns() - from, FILES);
}

static void measure_stat(enum side side)
{
	char name[16];
	struct stat st;
	uint64_t from = wall_ns();

	for (unsigned i = 0; i < STATS; i++) {
		snprintf(name, sizeof(name), "f%u", i % FILES);
		if (fstatat(directory_fd[side], name, &st, 0))
			bench_fail("%s: %s: %s", directory[side], name, strerror(errno));
	}
	note(STAT, side, wall_ns() - from, STATS);
}

static void measure_unlink(enum side side)
{
	char name[16];
	uint64_t from = wall_ns();

	for (unsigned i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		if (unlinkat(directory_fd[side], name, 0))
			bench_fail("%s: %s: %s", directory[side], name, strerror(errno));
	}
	note(UNLINK, side, wall_ns() - from, FILES);
}

/* ---- A round ---- */

static void side_measure_data(enum side side)
{
	measure_write(side);
	if (side != BUFFER)
		data_sync(side); /* writing back is not part of reading */
	measure_read(side);
	measure_random(side, RANDOM);
}

static void round_run(unsigned round)
{
	for (unsigned i = 0; i < SIDES; i++)
		side_measure_data((enum side)((round + i) % SIDES));
	measure_drop();
	measure_random(OURS, COLD);
	measure_random(PASS, COLD);
	for (unsigned i = 0; i < SIDES; i++) {
		enum side side = (enum side)((round + i) % SIDES);
		if (side == BUFFER)
			continue;
		measure_create(side);
		measure_stat(side);
		measure_unlink(side);
	}
}

static void report(void)
{
	for (unsigned f = 0; f < FIGURES; f++)
		for (unsigned side = 0; side < SIDES; side++) {
			struct spread s = samples_spread(&samples[f][side]);
			if (!samples[f][side].nr)
				continue;
			if (figure_info[f].per_second)
				s = (struct spread){ 1 / s.median, 1 / s.max, 1 / s.min };
			printf("  %-26s %-12s %9.2f %-5s [%.2f-%.2f]\n", figure_info[f].name,
			       side_name[side], s.median, figure_info[f].unit, s.min, s.max);
		}
}

static void target(enum figure f, enum side peer, double limit)
{
	char what[96];

	snprintf(what, sizeof(what), "%s, time, to %s", figure_info[f].name, side_name[peer]);
	summary_target(what, "times", limit, samples_ratio(&samples[f][OURS], &samples[f][peer]));
}

int main(int argc, char **argv)
{
	unsigned rounds = env_number("ROUNDS", 9);

	if (argc != SIDES + 1)
		bench_fail("usage: files OURS BUFFER PASSTHROUGH TMPFS");
	bytes = (size_t)env_number("BENCH_FILE_MIB", 1024) << 20;
	mount_of_ours = argv[1];
	for (unsigned side = 0; side < SIDES; side++) {
		snprintf(directory[side], sizeof(directory[side]), "%s%s", argv[side + 1],
			 side == OURS ? "/files" : "");
		directory_fd[side] = open(directory[side], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (directory_fd[side] < 0)
			bench_fail("%s: %s", directory[side], strerror(errno));
	}
	buffer = aligned_alloc(SMALL_BYTES, REQUEST_BYTES);
	if (!buffer)
		bench_fail("out of memory");
	memset(buffer, 7, REQUEST_BYTES);
	for (unsigned i = 0; i < rounds; i++)
		round_run(i);
	report();
	target(READ, BUFFER, 1 / 0.85);
	target(READ, PASS, 1 / 1.3);
	target(WRITE, BUFFER, 1 / 0.75);
	target(WRITE, PASS, 1 / 1.3);
	target(RANDOM, BUFFER, 1.15);
	target(CREATE, PASS, 1);
	target(STAT, PASS, 1); /* the host answers by itself on either side: what differs is noise, both ways */
	target(UNLINK, PASS, 1);
	target(DROP, TMPFS, 0.4);
	for (unsigned side = 0; side < SIDES; side++)
		close(directory_fd[side]);
	free(buffer);
	return 0;
}
