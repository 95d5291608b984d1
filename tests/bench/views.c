/* SPDX-License-Identifier: MIT */
/*
 * Reading views through the mount, beside the null file system and the host's
 * own files:
 *
 *   views OURS NULL      two mount points; tasks bench-0... are made below OURS
 *
 * In each round every side has four short slices, in turns, in an order that
 * rotates; a ratio is made of figures of the same round. A figure is the mean time of one read (or
 * open, read to the end, close) as a client sees it. Between reads the state
 * changes: a block of order 4 is taken or given by one of the clients, which is
 * not timed. The other sides have as many changes: the null file system a write
 * that it swallows, the host a page that comes and goes. So with one client
 * every read sees a new state, with 8 clients every one in the mean.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLIENTS_MOST 8u
#define BUFFER_BYTES (64u << 10) /* what cat and most exporters read into, or more */
#define TIMES_LEAST 2u /* in a slice: the host needs 12 ms for pagetypeinfo */
#define TURNS 4u /* slices of each side in a round */

enum side { OURS, NULLFS, HOST, SIDES };
enum mode { PREAD, WHOLE, MODES };

static const char *const mode_name[MODES] = { "pread", "open+read+close" };

struct view {
	const char *path;
	double limit[MODES]; /* ratio to the null file system, 0: no target */
	bool quick;
};

static const struct view views[] = {
	{ "proc/zoneinfo", { 1.25, 1.2 }, true },
	{ "proc/buddyinfo", { 1.25, 1.2 }, true },
	{ "proc/pagetypeinfo", { 1.5, 1.5 }, true },
	{ "proc/meminfo", { 0, 0 }, false },
	{ "proc/vmstat", { 0, 0 }, false },
	{ "sys/devices/system/node/node0/meminfo", { 0, 0 }, false },
};

static const char *root[SIDES] = { [HOST] = "" };
static bool readable[SIDES];

/* What the clients of a slice share. */
struct slice {
	pthread_barrier_t barrier;
	uint64_t ns[CLIENTS_MOST], times[CLIENTS_MOST];
};

static struct slice *shared;
static uint64_t slice_ns;

/* ---- Changes ---- */

static void task_path(char *path, size_t size, unsigned client, const char *file)
{
	snprintf(path, size, "%s/tasks/bench-%u%s%s", root[OURS], client, file ? "/" : "",
		 file ? file : "");
}

static void task_write(unsigned client, const char *file, const char *value)
{
	char path[512];

	task_path(path, sizeof(path), client, file);
	int fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		bench_fail("%s: %s", path, strerror(errno));
	close(fd);
}

static void tasks_make(void)
{
	char path[512];

	for (unsigned i = 0; i < CLIENTS_MOST; i++) {
		task_path(path, sizeof(path), i, NULL);
		if (mkdir(path, 0755) && errno != EEXIST)
			bench_fail("mkdir %s: %s", path, strerror(errno));
		task_write(i, "cpu", i % 2 ? "1" : "0");
	}
}

static void tasks_remove(void)
{
	char path[512];

	for (unsigned i = 0; i < CLIENTS_MOST; i++) {
		task_path(path, sizeof(path), i, NULL);
		if (rmdir(path))
			bench_fail("rmdir %s: %s", path, strerror(errno));
	}
}

struct change {
	enum side side;
	int fd; /* HOST: -1 */
	char *page;
	unsigned nr;
};

static struct change change_open(enum side side, unsigned client)
{
	struct change c = { .side = side, .fd = -1 };
	char path[512];

	if (side == HOST) {
		c.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		return c;
	}
	if (side == OURS)
		task_path(path, sizeof(path), client, "pages");
	else
		snprintf(path, sizeof(path), "%s/tasks/change", root[NULLFS]);
	c.fd = open(path, O_WRONLY);
	if (c.fd < 0)
		bench_fail("%s: %s", path, strerror(errno));
	return c;
}

static void change_make(struct change *c)
{
	const char *value = c->nr++ % 2 ? "4 GFP_KERNEL 0\n" : "4 GFP_KERNEL 1\n";

	if (c->side != HOST) {
		if (pwrite(c->fd, value, strlen(value), 0) != (ssize_t)strlen(value))
			bench_fail("a change of state: %s", strerror(errno));
	} else if (c->nr % 2) {
		*(volatile char *)c->page = 1;
	} else {
		madvise(c->page, 4096, MADV_DONTNEED);
	}
}

static void change_close(struct change *c)
{
	if (c->nr % 2)
		change_make(c);
	if (c->fd >= 0)
		close(c->fd);
	if (c->page)
		munmap(c->page, 4096);
}

/* ---- One client ---- */

struct cell {
	const struct view *view;
	enum mode mode;
	unsigned nr_clients;
};

static char buffer[BUFFER_BYTES];

static void read_once(const char *path, int fd, enum mode mode)
{
	ssize_t n;

	if (mode == PREAD) {
		n = pread(fd, buffer, sizeof(buffer), 0);
	} else {
		fd = open(path, O_RDONLY);
		do
			n = fd < 0 ? -1 : read(fd, buffer, sizeof(buffer));
		while (n > 0);
		close(fd);
	}
	if (n < 0)
		bench_fail("%s: %s", path, strerror(errno));
}

static void client_run(const struct cell *cell, enum side side, unsigned client)
{
	struct change change = change_open(side, client);
	uint64_t sum = 0, times = 0, from, to, end;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", root[side], cell->view->path);
	int fd = open(path, O_RDONLY);
	read_once(path, fd, cell->mode);
	pthread_barrier_wait(&shared->barrier);
	end = wall_ns() + slice_ns;
	do {
		if ((times + client) % cell->nr_clients == 0)
			change_make(&change);
		from = wall_ns();
		read_once(path, fd, cell->mode);
		to = wall_ns();
		sum += to - from;
		times++;
	} while (to < end || times < TIMES_LEAST);
	shared->ns[client] = sum;
	shared->times[client] = times;
	close(fd);
	change_close(&change);
}

struct sum {
	uint64_t ns, times;
};

static void slice_run(const struct cell *cell, enum side side, struct sum *sum)
{
	bool failed = false;
	pid_t pid[CLIENTS_MOST];
	int status;

	pthread_barrierattr_t attr;
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->barrier, &attr, cell->nr_clients);
	fflush(stdout);
	for (unsigned i = 0; i < cell->nr_clients; i++) {
		pid[i] = fork();
		if (pid[i] < 0)
			bench_fail("no process");
		if (!pid[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL); /* a benchmark that is stopped leaves nobody on the mount */
			client_run(cell, side, i);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < cell->nr_clients; i++) {
		failed |= waitpid(pid[i], &status, 0) != pid[i] || status;
		sum->ns += shared->ns[i];
		sum->times += shared->times[i];
	}
	if (failed)
		bench_fail("a client of %s/%s failed", root[side], cell->view->path);
}

/* ---- The table ---- */

static void ratio_print(struct spread ratio)
{
	printf("  %5.2f [%.2f-%.2f]", ratio.median, ratio.min, ratio.max);
}

static void cell_print(const struct cell *cell, const struct samples us[SIDES])
{
	const struct view *view = cell->view;
	const char *mode = mode_name[cell->mode];
	struct spread null = samples_ratio(&us[OURS], &us[NULLFS]);
	char what[128];

	printf("  %-38s %-16s %u", view->path, mode, cell->nr_clients);
	for (unsigned side = 0; side < SIDES && us[side].nr; side++)
		printf(" %8.1f", samples_spread(&us[side]).median);
	ratio_print(null);
	if (us[HOST].nr)
		ratio_print(samples_ratio(&us[OURS], &us[HOST]));
	putchar('\n');
	snprintf(what, sizeof(what), "%s of %s, %u client%s, to the null fs", mode, view->path,
		 cell->nr_clients, cell->nr_clients > 1 ? "s" : "");
	if (view->limit[cell->mode] > 0)
		summary_target(what, "x", view->limit[cell->mode], null);
}

static void round_run(const struct cell *cell, struct samples us[SIDES])
{
	struct sum sum[SIDES] = { { 0, 0 } };

	for (unsigned i = 0; i < TURNS * SIDES; i++) {
		enum side side = (i + us[OURS].nr) % SIDES;
		if (readable[side])
			slice_run(cell, side, &sum[side]);
	}
	for (unsigned side = 0; side < SIDES; side++)
		if (readable[side])
			samples_add(&us[side], (double)sum[side].ns / (double)sum[side].times / 1000);
}

static void cell_run(const struct cell *cell, unsigned rounds)
{
	struct samples us[SIDES] = { { .nr = 0 } };

	for (unsigned round = 0; round < rounds; round++)
		round_run(cell, us);
	cell_print(cell, us);
}

static void view_run(const struct view *v, unsigned rounds, bool quick)
{
	static const unsigned nr_clients[] = { 1, CLIENTS_MOST };
	char path[512];

	for (unsigned side = 0; side < SIDES; side++) {
		snprintf(path, sizeof(path), "%s/%s", root[side], v->path);
		readable[side] = !access(path, R_OK);
		if (readable[side])
			continue;
		if (side != HOST)
			bench_fail("%s: %s", path, strerror(errno));
		summary_skip(path, "the host does not let us read it");
	}
	for (unsigned i = 0; i < ARRAY_LEN(nr_clients); i++)
		for (unsigned mode = 0; mode < MODES; mode++)
			if (!quick || v->quick)
				cell_run(&(struct cell){ v, mode, nr_clients[i] }, rounds);
}

/* What is measured is worth nothing when the state stands still. */
static void change_check(void)
{
	static char before[BUFFER_BYTES];
	struct change change = change_open(OURS, 0);
	char path[512];

	snprintf(path, sizeof(path), "%s/proc/buddyinfo", root[OURS]);
	int fd = open(path, O_RDONLY);
	read_once(path, fd, PREAD);
	memcpy(before, buffer, sizeof(before));
	change_make(&change);
	read_once(path, fd, PREAD);
	close(fd);
	if (!memcmp(before, buffer, sizeof(before)))
		bench_fail("%s stays the same while blocks are taken", path);
	change_close(&change);
}

int main(int argc, char **argv)
{
	unsigned rounds = CLAMP(env_number("ROUNDS", 9), 1u, ROUNDS_MAX);
	bool quick = env_set("QUICK");

	if (argc != 3) {
		fputs("usage: views OURS NULL\n", stderr);
		return 2;
	}
	root[OURS] = argv[1];
	root[NULLFS] = argv[2];
	slice_ns = env_number("BENCH_SLICE_MS", quick ? 32 : 60) * 1000000ull / TURNS;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		bench_fail("no shared memory");
	tasks_make();
	change_check();
	printf("Views through FUSE: us for one read, median of %u rounds, state changing in between\n"
	       "  %-38s %-15s thr   ummfs  null fs     host  to null fs         to the host\n",
	       rounds, "", "");
	for (unsigned i = 0; i < ARRAY_LEN(views); i++)
		view_run(&views[i], rounds, quick);
	tasks_remove();
	return 0;
}
