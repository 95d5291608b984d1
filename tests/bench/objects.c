/* SPDX-License-Identifier: MIT */
/*
 * objects run                      all loads, beside four mallocs and DPDK's mempool
 * objects worker ALLOCATOR SIZE    one of them, told by stdin what to do (objects.h), for a closer look:
 *                                  echo pair 50000000 | perf record objects worker inside 64
 *
 * One process for each allocator, as a malloc is a whole process's. They take
 * turns: in each round each of them carries the load once, in an order that
 * rotates, while the others wait. Ratios are made of figures of the same round,
 * to the malloc that was best in that round.
 */
#include "objects.h"

#include "bench.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct row {
	const char *name[STEPS]; /* of each step; NULL: there is none */
	enum load load;
	uint64_t nr, nr_quick;
	double limit; /* inside, to the best malloc */
};

static const struct row rows[] = {
	{ { "pair" }, LOAD_PAIR, 2000000, 500000, 0.8 },
	{ { "pair, 2 threads" }, LOAD_PAIR_TWO, 2000000, 500000, 0.8 },
	{ { "batch in order", "batch at random" }, LOAD_BATCH, 500000, 100000, 1.0 },
	{ { "200 000 live" }, LOAD_LIVE, 500000, 200000, 1.0 },
	/* Not fewer: what the threads' caches take would count for much. */
	{ { "producer, consumer" }, LOAD_PASS, 1000000, 1000000, 0.5 },
};

#define ENTRY_LIMIT 2.0
#define SLAB_LIMIT_PERCENT 3.5 /* of pages over what objects take */
#define SLAB_LIMIT_SIZE 1984u

static const unsigned sizes[] = { 64, 256, SLAB_LIMIT_SIZE };

/* ---- Processes ---- */

struct process {
	pid_t pid; /* 0: none */
	FILE *to, *from;
};

static _Noreturn void process_become(const struct allocator *a, unsigned size, const int to[2],
				     const int from[2])
{
	char digits[16];

	snprintf(digits, sizeof(digits), "%u", size);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(to[0], STDIN_FILENO);
	dup2(from[1], STDOUT_FILENO);
	if (a->library)
		setenv("LD_PRELOAD", a->library, 1);
	execl("/proc/self/exe", "objects", "worker", a->name, digits, NULL);
	bench_fail("/proc/self/exe cannot be run");
}

static void process_end(struct process *p)
{
	if (!p->pid)
		return;
	fclose(p->to);
	fclose(p->from);
	waitpid(p->pid, NULL, 0);
	p->pid = 0;
}

/* Returns NULL, or why this allocator is not to be had; then there is no process. */
static const char *process_start(struct process *p, const struct allocator *a, unsigned size)
{
	static char answer[256];
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		bench_fail("no pipe");
	fflush(stdout);
	p->pid = fork();
	if (!p->pid)
		process_become(a, size, to, from);
	close(to[0]);
	close(from[1]);
	p->to = fdopen(to[1], "w");
	p->from = fdopen(from[0], "r");
	if (p->pid < 0 || !p->to || !p->from || !fgets(answer, sizeof(answer), p->from))
		bench_fail("%s does not start", a->name);
	answer[strcspn(answer, "\n")] = '\0';
	if (!strcmp(answer, "ready"))
		return NULL;
	process_end(p);
	return answer;
}

static void process_ask(struct process *p, enum load load, uint64_t nr, double figure[STEPS])
{
	fprintf(p->to, "%s %llu\n", load_name[load], (unsigned long long)nr);
	fflush(p->to);
	if (fscanf(p->from, "%lf %lf", &figure[0], &figure[1]) != STEPS)
		bench_fail("a process ended while it carried the load %s", load_name[load]);
}

/* ---- Figures ---- */

struct figures {
	struct samples ns[ALLOCATORS][STEPS];
};

static bool present[ALLOCATORS];

static void row_measure(const struct row *row, unsigned rounds, uint64_t nr,
			struct process *process, struct figures *f)
{
	for (unsigned round = 0; round <= rounds; round++)
		for (unsigned i = 0; i < ALLOCATORS; i++) {
			unsigned which = (i + round) % ALLOCATORS;
			double ns[STEPS];
			if (!present[which])
				continue;
			process_ask(&process[which], row->load, nr, ns);
			for (unsigned step = 0; round && step < STEPS; step++) /* the first one warms up */
				samples_add(&f->ns[which][step], ns[step]);
		}
}

/* Of each round the malloc that did best. */
static struct samples best_malloc(const struct figures *f, unsigned step)
{
	struct samples best = f->ns[GLIBC][step];

	for (unsigned i = JEMALLOC; i < ALLOCATORS; i++)
		for (unsigned round = 0; round < f->ns[i][step].nr; round++)
			best.v[round] = MIN(best.v[round], f->ns[i][step].v[round]);
	return best;
}

static void step_print(const char *name, unsigned size, const struct figures *f, unsigned step,
		       struct spread inside, struct spread entry)
{
	printf("  %4u  %-20s", size, name);
	for (unsigned i = 0; i < ALLOCATORS; i++) {
		if (present[i])
			printf(" %8.1f", samples_spread(&f->ns[i][step]).median);
		else
			printf(" %8s", "-");
	}
	printf("  %5.2f [%.2f-%.2f]  %5.2f [%.2f-%.2f]\n", inside.median, inside.min, inside.max,
	       entry.median, entry.min, entry.max);
	fflush(stdout);
}

static void step_tell(const struct row *row, unsigned step, unsigned size, const struct figures *f,
		      struct spread *worst)
{
	struct samples best = best_malloc(f, step);
	struct spread inside = samples_ratio(&f->ns[INSIDE][step], &best);
	struct spread entry = samples_ratio(&f->ns[ENTRY][step], &best);
	char what[96];

	step_print(row->name[step], size, f, step, inside, entry);
	snprintf(what, sizeof(what), "objects of %u, inside, %s, to best malloc", size, row->name[step]);
	summary_target(what, "x", row->limit, inside);
	if (entry.median > worst->median)
		*worst = entry;
}

/* ---- One size ---- */

static void processes_start(struct process process[ALLOCATORS], unsigned size)
{
	for (unsigned i = 0; i < ALLOCATORS; i++) {
		const char *why = present[i] ? process_start(&process[i], allocators[i], size) : NULL;
		const char *reason = i == MEMPOOL ? getenv("BENCH_NO_PEER")
						  : NULL; /* run.sh knows better why there is none */
		if (!why)
			continue;
		if (i == INSIDE || i == ENTRY || i == GLIBC)
			bench_fail("%s: %s", allocators[i]->name, why);
		summary_skip(allocators[i]->name, reason ? reason : why);
		present[i] = false;
	}
}

static void times_run(unsigned size, unsigned rounds, bool quick)
{
	struct process process[ALLOCATORS] = { 0 };
	struct spread worst = { 0 };
	char what[96];

	processes_start(process, size);
	for (unsigned r = 0; r < ARRAY_LEN(rows); r++) {
		const struct row *row = &rows[r];
		struct figures f = { 0 };
		row_measure(row, rounds, quick ? row->nr_quick : row->nr, process, &f);
		for (unsigned step = 0; step < STEPS && row->name[step]; step++)
			step_tell(row, step, size, &f, &worst);
	}
	snprintf(what, sizeof(what), "objects of %u, entry for each operation, worst load", size);
	summary_target(what, "x", ENTRY_LIMIT, worst);
	for (unsigned i = 0; i < ALLOCATORS; i++)
		process_end(&process[i]);
}

/* ---- Memory: in processes that did nothing else ---- */

static double percent_over(double bytes, unsigned size)
{
	return 100 * (bytes / size - 1);
}

static void memory_run(unsigned size)
{
	double slabs = 0;

	printf("  %4u  %-20s", size, "memory");
	for (unsigned i = 0; i < ALLOCATORS; i++) {
		struct process p = { 0 };
		double bytes[STEPS];
		if (i == MEMPOOL || !present[i]) {
			printf(" %8s", "-");
			continue;
		}
		if (process_start(&p, allocators[i], size))
			bench_fail("%s does not start again", allocators[i]->name);
		process_ask(&p, LOAD_FILL, 1, bytes);
		process_end(&p);
		printf(" %7.1f%%", percent_over(bytes[0], size));
		slabs = i == INSIDE ? percent_over(bytes[1], size) : slabs;
	}
	printf("  slab pages: %.2f %%\n", slabs);
	if (size == SLAB_LIMIT_SIZE)
		summary_target("slab pages over 200 000 live objects of 1984", "%",
			       SLAB_LIMIT_PERCENT, (struct spread){ slabs, slabs, slabs });
}

static void table_run(void)
{
	unsigned rounds = CLAMP(env_number("ROUNDS", 9), 1u, ROUNDS_MAX);
	bool quick = env_set("QUICK");

	printf("Objects: ns for one operation (a pair counts as one), median of %u rounds\n"
	       "  4 GiB, one node, real memory; a process for each side, in turns; the ratio is to the best\n"
	       "  malloc of each round, [least-most]; memory: what is resident over 200 000 live objects\n"
	       "  %4s  %-20s",
	       rounds, "size", "");
	for (unsigned i = 0; i < ALLOCATORS; i++) {
		printf(" %8s", allocators[i]->name);
		present[i] = true;
	}
	puts("  inside/best         entry/best");
	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
		times_run(sizes[i], rounds, quick);
		memory_run(sizes[i]);
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "run")) {
		table_run();
		return 0;
	}
	if (argc == 4 && !strcmp(argv[1], "worker"))
		for (unsigned i = 0; i < ALLOCATORS; i++)
			if (!strcmp(allocators[i]->name, argv[2]))
				return objects_worker_main(allocators[i], strtoul(argv[3], NULL, 10));
	fputs("usage: objects run | objects worker inside|entry|mempool|glibc|jemalloc|mimalloc|tcmalloc SIZE\n",
	      stderr);
	return 2;
}
