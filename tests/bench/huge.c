/* SPDX-License-Identifier: MIT */
/*
 * Huge pages through the mount:
 *
 *   huge random HUGE SMALL [MIB]   random reads of the same size over dev/mem of two mounted machines, the first
 *                                  with memory of 2 MiB pages, the second sparse, which the client maps with 4 KiB
 *                                  pages. Each has a file dev/hugepages/bench of MIB (1024) that says in
 *                                  user.ummfs.pfn where its huge pages lie: only memory that is ours is written.
 *   huge pool OURS [PAGES]         vm.nr_hugepages 0 -> PAGES (512) -> 0 of a mounted machine beside the host's
 *
 * Reads depend on each other: a line of 64 bytes says which one is next, in one
 * circle through all of them, the same circle on both sides. Sides take turns, in
 * an order that rotates; a ratio is of figures of one round.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PFN_XATTR "user.ummfs.pfn"
#define HUGE_BYTES ((size_t)2 << 20)
#define LINE_BYTES 64u
#define CYCLES 9u /* of a pool, in a round */
#define SLICES 16u /* of a round: what disturbs memory for a moment disturbs both sides */
#define READS 200000u /* in a slice */

static unsigned rounds(void)
{
	return CLAMP(env_number("ROUNDS", 9), 1u, ROUNDS_MAX);
}

/* ---- Random reads ---- */

struct view {
	const char *name;
	char *base;
	size_t bytes;
	uint32_t at; /* the line that the last read ended on */
	struct samples ns;
};

static char *frames_of(const char *mount, char *buf, size_t size)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/dev/hugepages/bench", mount);
	ssize_t n = getxattr(path, PFN_XATTR, buf, size - 1);
	if (n < 0)
		bench_fail("%s: %s: %s", path, PFN_XATTR, strerror(errno));
	buf[n] = '\0';
	return buf;
}

/* Address space that starts and ends where a huge page does. */
static char *space_reserve(size_t bytes)
{
	char *p = mmap(NULL, bytes + HUGE_BYTES, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		bench_fail("no address space");
	return p + (-(uintptr_t)p & (HUGE_BYTES - 1));
}

/* The huge pages of the file, one behind the other, whatever their frames. */
static void view_map(struct view *v, const char *mount, size_t bytes, bool small)
{
	static char list[1 << 20];
	char path[512], *end, *s = frames_of(mount, list, sizeof(list));

	snprintf(path, sizeof(path), "%s/dev/mem", mount);
	int fd = open(path, O_RDWR);
	if (fd < 0)
		bench_fail("%s: %s", path, strerror(errno));
	v->base = space_reserve(bytes);
	v->bytes = bytes;
	for (size_t at = 0; at < bytes; at += HUGE_BYTES, s = end) {
		uint64_t pfn = strtoull(s, &end, 10);
		if (end == s)
			bench_fail("%s: the file has fewer pages than %zu MiB", mount, bytes >> 20);
		if (mmap(v->base + at, HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 fd, (off_t)(pfn << 12)) == MAP_FAILED)
			bench_fail("%s: frame %llu: %s", path, (unsigned long long)pfn, strerror(errno));
	}
	close(fd);
	if (small && madvise(v->base, bytes, MADV_NOHUGEPAGE) && errno != EINVAL) /* a host without huge pages */
		bench_fail("madvise: %s", strerror(errno));
}

/* One circle through n lines (Sattolo 1986). */
static uint32_t *circle_make(uint32_t n)
{
	uint32_t *next = malloc(n * sizeof(*next));
	uint64_t seed = 0x5eed;

	if (!next)
		bench_fail("no memory");
	for (uint32_t i = 0; i < n; i++)
		next[i] = i;
	for (uint32_t i = n - 1; i; i--) {
		uint32_t j = (uint32_t)(load_random(&seed) % i), was = next[i];
		next[i] = next[j];
		next[j] = was;
	}
	return next;
}

static void view_fill(struct view *v, const uint32_t *next)
{
	for (size_t i = 0; i < v->bytes / LINE_BYTES; i++)
		memcpy(v->base + i * LINE_BYTES, &next[i], sizeof(*next));
}

static uint64_t view_slice(struct view *v)
{
	uint32_t at = v->at;
	uint64_t from = wall_ns();

	for (unsigned i = 0; i < READS; i++)
		at = *(const volatile uint32_t *)(v->base + (size_t)at * LINE_BYTES);
	v->at = at;
	return wall_ns() - from;
}

static void round_measure(struct view view[2])
{
	uint64_t ns[2] = { 0 };

	for (unsigned i = 0; i < SLICES * 2; i++)
		ns[(i + i / 2) % 2] += view_slice(&view[(i + i / 2) % 2]);
	for (unsigned i = 0; i < 2; i++)
		samples_add(&view[i].ns, (double)ns[i] / (READS * SLICES));
}

static uint64_t rollup_kib(const char *key)
{
	char line[128];
	unsigned long long kib, sum = 0;
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	size_t n = strlen(key);

	if (!f)
		bench_fail("/proc/self/smaps_rollup cannot be read");
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, n) && sscanf(line + n, ": %llu", &kib) == 1)
			sum = kib;
	fclose(f);
	return sum;
}

/* The one is in huge pages, the other in none, or there is nothing to compare. */
static void pages_check(size_t bytes)
{
	uint64_t huge = rollup_kib("Shared_Hugetlb") + rollup_kib("Private_Hugetlb");

	if (huge < bytes >> 10)
		bench_fail("only %llu kB of the first mapping are in huge pages", (unsigned long long)huge);
	if (rollup_kib("ShmemPmdMapped"))
		bench_fail("the host gave huge pages to the second mapping");
}

static int random_run(char **arg, int nr)
{
	struct view view[2] = { { .name = "2 MiB pages" }, { .name = "4 KiB pages" } };
	size_t bytes = (size_t)(nr > 2 ? strtoul(arg[2], NULL, 10) : 1024) << 20;
	uint32_t *next = circle_make((uint32_t)(bytes / LINE_BYTES));

	for (unsigned i = 0; i < 2; i++) {
		view_map(&view[i], arg[i], bytes, i);
		view_fill(&view[i], next);
	}
	free(next);
	pages_check(bytes);
	cpu_pin(1);
	for (unsigned r = 0; r < rounds(); r++)
		round_measure(view);
	printf("Dependent random reads over dev/mem, %zu MiB\n", bytes >> 20);
	for (unsigned i = 0; i < 2; i++) {
		struct spread s = samples_spread(&view[i].ns);
		printf("  %-24s %8.1f ns  [%.1f-%.1f]\n", view[i].name, s.median, s.min, s.max);
	}
	summary_target("random reads of dev/mem, 2 MiB mapping to 4 KiB", "ratio", 0.7,
		       samples_ratio(&view[0].ns, &view[1].ns));
	return 0;
}

/* ---- The pool ---- */

enum pool_side { POOL_OURS, POOL_HOST, POOL_SIDES };

struct pool {
	const char *name;
	int fd;
	struct samples grow_us, shrink_us, both_us;
};

static void pool_open(struct pool *p, const char *name, const char *root)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/proc/sys/vm/nr_hugepages", root);
	p->name = name;
	p->fd = open(path, O_RDWR);
	if (p->fd < 0)
		bench_fail("%s: %s", path, strerror(errno));
}

static unsigned pool_pages(const struct pool *p)
{
	char buf[32] = "";

	if (pread(p->fd, buf, sizeof(buf) - 1, 0) <= 0)
		bench_fail("%s: nr_hugepages cannot be read", p->name);
	return (unsigned)strtoul(buf, NULL, 10);
}

/* Microseconds. */
static double pool_set(const struct pool *p, unsigned pages)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%u\n", pages);
	uint64_t from = wall_ns();
	ssize_t done = pwrite(p->fd, text, (size_t)n, 0);
	uint64_t to = wall_ns();

	if (done != n || pool_pages(p) != pages) {
		unsigned got = pool_pages(p);
		if (pwrite(p->fd, "0\n", 2, 0) != 2)
			fprintf(stderr, "%s: the pool keeps its pages\n", p->name);
		bench_fail("%s: a pool of %u pages became one of %u", p->name, pages, got);
	}
	return (double)(to - from) / 1e3;
}

/* The sides in turns; of each the median. */
static void pool_round(struct pool pool[POOL_SIDES], unsigned pages)
{
	struct samples grow[POOL_SIDES] = { 0 }, shrink[POOL_SIDES] = { 0 }, both[POOL_SIDES] = { 0 };

	for (unsigned i = 0; i < CYCLES * POOL_SIDES; i++) {
		unsigned side = (i + i / POOL_SIDES) % POOL_SIDES;
		double g = pool_set(&pool[side], pages), s = pool_set(&pool[side], 0);
		samples_add(&grow[side], g);
		samples_add(&shrink[side], s);
		samples_add(&both[side], g + s);
	}
	for (unsigned side = 0; side < POOL_SIDES; side++) {
		samples_add(&pool[side].grow_us, samples_spread(&grow[side]).median);
		samples_add(&pool[side].shrink_us, samples_spread(&shrink[side]).median);
		samples_add(&pool[side].both_us, samples_spread(&both[side]).median);
	}
}

static int pool_run(char **arg, int nr)
{
	unsigned pages = nr > 1 ? (unsigned)strtoul(arg[1], NULL, 10) : 512;
	struct pool pool[POOL_SIDES] = { 0 };

	pool_open(&pool[POOL_OURS], "ours", arg[0]);
	pool_open(&pool[POOL_HOST], "host", "");
	for (unsigned i = 0; i < POOL_SIDES; i++)
		if (pool_pages(&pool[i]))
			bench_fail("%s: the pool is not empty", pool[i].name);
	for (unsigned r = 0; r < rounds(); r++)
		pool_round(pool, pages);
	printf("Pool 0 -> %u -> 0 by writing nr_hugepages\n", pages);
	for (unsigned i = 0; i < POOL_SIDES; i++) {
		struct spread s = samples_spread(&pool[i].both_us);
		printf("  %-6s %8.0f us  [%.0f-%.0f]  (grow %.0f, shrink %.0f)\n", pool[i].name,
		       s.median, s.min, s.max, samples_spread(&pool[i].grow_us).median,
		       samples_spread(&pool[i].shrink_us).median);
		close(pool[i].fd);
	}
	summary_target("pool 0 -> 512 -> 0, to the host kernel", "ratio", 0.1,
		       samples_ratio(&pool[POOL_OURS].both_us, &pool[POOL_HOST].both_us));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 3 && !strcmp(argv[1], "random"))
		return random_run(argv + 2, argc - 2);
	if (argc > 2 && !strcmp(argv[1], "pool"))
		return pool_run(argv + 2, argc - 2);
	fprintf(stderr, "usage: huge random HUGE SMALL [MIB] | huge pool OURS [PAGES]\n");
	return 2;
}
