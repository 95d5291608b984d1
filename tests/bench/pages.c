/* SPDX-License-Identifier: MIT */
/*
 * pages run                                  all loads, beside DPDK's mempool
 * pages count ALLOCATOR LOAD ORDER KIND N    one load once, for callgrind
 *
 * All allocators live in this process and take turns: in each round each of
 * them carries the load once, in an order that rotates, and ratios are made of
 * figures of the same round. One thread is measured by its CPU time, for what
 * else runs on the machine must not count; with two, waiting for each other
 * counts, so there it is the wall clock.
 *
 * The peer knows one size. Beside other orders it stands as the floor.
 */
#include "pages.h"

#include "bench.h"

#include <string.h>

#define BLOCKS_MOST (PAGES_FRAMES / 4) /* of a bulk */
#define BULK_LEAST 100000u /* blocks; shorter ones are repeated */

struct row {
	const char *name;
	struct load_spec spec;
	bool quick; /* part of a quick run */
};

static const struct row rows[] = {
	{ "pair, order 0", { LOAD_PAIR, 0, 1, PAGES_MOVABLE, 1000000 }, true },
	{ "pair, order 0, GFP_KERNEL", { LOAD_PAIR, 0, 1, PAGES_UNMOVABLE, 1000000 }, false },
	{ "pair, order 3", { LOAD_PAIR, 3, 1, PAGES_MOVABLE, 1000000 }, false },
	{ "pair, order 9", { LOAD_PAIR, 9, 1, PAGES_MOVABLE, 1000000 }, false },
	{ "pair, order 10", { LOAD_PAIR, 10, 1, PAGES_MOVABLE, 500000 }, false },
	{ "bulk, order 0", { LOAD_BULK, 0, 1, PAGES_MOVABLE, BLOCKS_MOST }, true },
	{ "bulk, order 3", { LOAD_BULK, 3, 1, PAGES_MOVABLE, BLOCKS_MOST / 4 }, false },
	{ "bulk, order 9", { LOAD_BULK, 9, 1, PAGES_MOVABLE, PAGES_FRAMES / 2 >> 9 }, false },
	{ "mixed orders, 80 % full", { LOAD_MIXED, 10, 1, PAGES_MOVABLE_LIGHT, 1000000 }, true },
	{ "pair, order 0", { LOAD_PAIR, 0, 2, PAGES_MOVABLE, 1000000 }, true },
	{ "bulk, order 0", { LOAD_BULK, 0, 2, PAGES_MOVABLE, BLOCKS_MOST / 2 }, true },
	{ "bulk, order 3", { LOAD_BULK, 3, 2, PAGES_MOVABLE, BLOCKS_MOST / 8 }, false },
	{ "bulk, order 9", { LOAD_BULK, 9, 2, PAGES_MOVABLE, PAGES_FRAMES / 4 >> 9 }, false },
	{ "mixed orders, 80 % full", { LOAD_MIXED, 10, 2, PAGES_MOVABLE_LIGHT, 500000 }, false },
};

static const struct allocator *const allocators[] = { &ummfs_inside, &ummfs_entry, &mempool };
enum { INSIDE, ENTRY, PEER, ALLOCATORS };

static struct block *blocks[PAGES_THREADS_MAX];
static uint32_t *shuffled[PAGES_THREADS_MAX];

uint64_t load_clock_ns(const struct worker *w)
{
	return w->spec->nr_threads == 1 ? thread_ns() : wall_ns();
}

void load_failed(const struct worker *w)
{
	bench_fail("thread %u: no block of order %u (load %d)", w->id, w->spec->order, (int)w->spec->load);
}

static void arrays_alloc(void)
{
	for (unsigned t = 0; t < PAGES_THREADS_MAX; t++) {
		blocks[t] = malloc(PAGES_FRAMES / (t + 1) * sizeof(struct block));
		shuffled[t] = malloc(BLOCKS_MOST * sizeof(uint32_t));
		if (!blocks[t] || !shuffled[t])
			bench_fail("no memory for lists of blocks");
		memset(blocks[t], 0, PAGES_FRAMES / (t + 1) * sizeof(struct block));
	}
}

static void shuffle(uint32_t *a, uint64_t nr)
{
	uint64_t random = 88172645463325252ull;

	for (uint64_t i = 0; i < nr; i++)
		a[i] = (uint32_t)i;
	for (uint64_t i = nr; i-- > 1;) {
		uint64_t j = load_random(&random) % (i + 1);
		uint32_t other = a[j];
		a[j] = a[i];
		a[i] = other;
	}
}

/* ---- One allocator carries a load once ---- */

struct job {
	struct worker worker;
	const struct allocator *allocator;
	unsigned repeat;
	pthread_t thread;
};

static void *job_main(void *arg)
{
	struct job *job = arg;
	struct worker *w = &job->worker;
	double ns[STEPS] = { 0 };

	cpu_pin(w->id);
	job->allocator->thread_begin(w);
	for (unsigned i = 0; i < job->repeat; i++) {
		job->allocator->run(w);
		for (unsigned step = 0; step < STEPS; step++)
			ns[step] += w->ns[step] / job->repeat;
	}
	job->allocator->thread_end(w);
	memcpy(w->ns, ns, sizeof(ns));
	return NULL;
}

static unsigned repeats(const struct load_spec *spec)
{
	if (spec->load != LOAD_BULK || spec->nr_ops >= BULK_LEAST)
		return 1;
	return BULK_LEAST / (unsigned)spec->nr_ops;
}

/* Figures of the slowest thread. Returns the share of requests that failed. */
static double run_once(const struct allocator *a, const struct load_spec *spec, double ns[STEPS])
{
	struct job job[PAGES_THREADS_MAX];
	pthread_barrier_t barrier;
	uint64_t ops = 0, failed = 0;

	pthread_barrier_init(&barrier, NULL, spec->nr_threads);
	for (unsigned t = 0; t < spec->nr_threads; t++) {
		job[t] = (struct job){ .allocator = a, .repeat = repeats(spec) };
		job[t].worker = (struct worker){ .id = t,
						 .spec = spec,
						 .barrier = &barrier,
						 .nr_frames = a->nr_frames / spec->nr_threads,
						 .block = blocks[t],
						 .shuffled = shuffled[t] };
		if (pthread_create(&job[t].thread, NULL, job_main, &job[t]))
			bench_fail("no thread");
	}
	memset(ns, 0, STEPS * sizeof(*ns));
	for (unsigned t = 0; t < spec->nr_threads; t++) {
		pthread_join(job[t].thread, NULL);
		for (unsigned step = 0; step < STEPS; step++)
			ns[step] = MAX(ns[step], job[t].worker.ns[step]);
		ops += job[t].worker.nr_ops;
		failed += job[t].worker.nr_failed;
	}
	pthread_barrier_destroy(&barrier);
	return ops ? (double)failed / (double)ops : 0;
}

/* ---- The table ---- */

struct figures {
	struct samples ns[ALLOCATORS][STEPS];
	double failed;
};

static void row_measure(const struct row *row, unsigned rounds, bool peer, struct figures *f)
{
	struct load_spec peers = row->spec;
	peers.order = 0;

	for (unsigned t = 0; t < row->spec.nr_threads; t++)
		shuffle(shuffled[t], MIN(row->spec.nr_ops, BLOCKS_MOST));
	for (unsigned round = 0; round <= rounds; round++)
		for (unsigned i = 0; i < ALLOCATORS; i++) {
			unsigned which = (i + round) % ALLOCATORS;
			double ns[STEPS], failed;
			if (which == PEER && !peer)
				continue;
			failed = run_once(allocators[which], which == PEER ? &peers : &row->spec, ns);
			for (unsigned step = 0; round && step < STEPS; step++) /* the first one warms up */
				samples_add(&f->ns[which][step], ns[step]);
			f->failed = which == INSIDE ? failed : f->failed;
		}
}

static void ratio_print(const struct samples *ours, const struct samples *peers)
{
	struct spread r = samples_ratio(ours, peers);

	if (peers->nr)
		printf("  %6.2f [%.2f-%.2f]", r.median, r.min, r.max);
}

static void step_print(const struct row *row, const struct figures *f, unsigned step)
{
	static const char *const bulk_step[STEPS] = { "take", "give in order", "give at random" };
	char name[80];

	snprintf(name, sizeof(name), "%s%s%s", row->name, row->spec.load == LOAD_BULK ? ", " : "",
		 row->spec.load == LOAD_BULK ? bulk_step[step] : "");
	printf("  %-32s %u", name, row->spec.nr_threads);
	for (unsigned i = 0; i < ALLOCATORS && f->ns[i][step].nr; i++)
		printf(" %8.1f", samples_spread(&f->ns[i][step]).median);
	ratio_print(&f->ns[INSIDE][step], &f->ns[PEER][step]);
	ratio_print(&f->ns[ENTRY][step], &f->ns[PEER][step]);
	putchar('\n');
}

static void row_run(const struct row *row, unsigned rounds, bool peer)
{
	struct figures f = { .failed = 0 };

	row_measure(row, rounds, peer, &f);
	for (unsigned step = 0; step < (row->spec.load == LOAD_BULK ? STEPS : 1); step++)
		step_print(row, &f, step);
	if (row->spec.load == LOAD_MIXED)
		printf("      (%.1f %% of the requests found no block of their order and took a page)\n",
		       100 * f.failed);
	fflush(stdout);
	if (peer && row == rows)
		summary_target("order-0 pair inside a CPU, to mempool's", "x", 2,
			       samples_ratio(&f.ns[INSIDE][0], &f.ns[PEER][0]));
}

static void table_run(void)
{
	unsigned rounds = CLAMP(env_number("ROUNDS", 9), 1u, ROUNDS_MAX);
	bool quick = env_set("QUICK");
	const char *reason = getenv("BENCH_NO_PEER"); /* run.sh knows better why there is none */
	const char *why = pages_mempool_init();

	if (why && reason)
		why = reason;
	if (why)
		summary_skip("DPDK's mempool", why);
	printf("Page frames: ns for one operation (a pair counts as one), median of %u rounds\n"
	       "  16 GiB, one node; both sides in one process, in turns; the ratio is [least-most] of a round's\n"
	       "  %-30s thr   inside    entry  mempool  inside/mempool     entry/mempool\n",
	       rounds, "");
	pages_ummfs_init();
	arrays_alloc();
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].quick || !quick)
			row_run(&rows[i], rounds, !why);
}

/* ---- For callgrind ---- */

static const struct allocator *allocator_named(const char *name)
{
	const char *why = NULL;

	if (!strcmp(name, "mempool")) {
		why = pages_mempool_init();
		if (why)
			bench_fail("%s", why);
		return &mempool;
	}
	pages_ummfs_init();
	return strcmp(name, "entry") ? &ummfs_inside : &ummfs_entry;
}

static void count_run(char **arg)
{
	static const char *const load_name[] = { "pair", "bulk", "batch", "mixed" };
	const struct allocator *a = allocator_named(arg[0]);
	struct load_spec spec = { .order = (unsigned)atoi(arg[2]),
				  .nr_threads = 1,
				  .pages = (unsigned)atoi(arg[3]) % PAGES_KINDS,
				  .nr_ops = strtoull(arg[4], NULL, 10) };
	double ns[STEPS];

	while (strcmp(load_name[spec.load], arg[1]))
		if (++spec.load == ARRAY_LEN(load_name))
			bench_fail("%s: no such load", arg[1]);
	arrays_alloc();
	if (spec.load == LOAD_BULK)
		shuffle(shuffled[0], MIN(spec.nr_ops, BLOCKS_MOST));
	run_once(a, &spec, ns);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "run")) {
		table_run();
	} else if (argc == 7 && !strcmp(argv[1], "count")) {
		count_run(argv + 2);
	} else {
		fputs("usage: pages run | pages count inside|entry|mempool LOAD ORDER KIND N\n", stderr);
		return 2;
	}
	return 0;
}
