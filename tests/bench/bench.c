/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t wall_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t thread_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* From smaps_rollup: statm may be some pages behind on a recent kernel. */
double resident_kib(void)
{
	char line[128];
	unsigned long kib = 0;
	FILE *f = fopen("/proc/self/smaps_rollup", "r");

	if (!f)
		bench_fail("/proc/self/smaps_rollup cannot be read");
	while (fgets(line, sizeof(line), f) && sscanf(line, "Rss: %lu", &kib) != 1)
		;
	fclose(f);
	return (double)kib;
}

void cpu_pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)!sched_setaffinity(0, sizeof(set), &set);
}

void cpu_first(bool first)
{
	struct sched_param p = { .sched_priority = first };

	(void)!pthread_setschedparam(pthread_self(), first ? SCHED_FIFO : SCHED_OTHER, &p);
}

unsigned env_number(const char *name, unsigned otherwise)
{
	const char *s = getenv(name);
	char *end;

	if (!s || !*s)
		return otherwise;
	unsigned long v = strtoul(s, &end, 10);
	if (*end || v > UINT32_MAX) {
		fprintf(stderr, "%s=%s: not a number\n", name, s);
		exit(2);
	}
	return (unsigned)v;
}

bool env_set(const char *name)
{
	const char *s = getenv(name);

	return s && *s && strcmp(s, "0");
}

void bench_fail(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fputs("FAILED: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void samples_add(struct samples *s, double v)
{
	if (s->nr < ROUNDS_MAX)
		s->v[s->nr++] = v;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct spread samples_spread(const struct samples *s)
{
	struct samples sorted = *s;
	unsigned nr = s->nr;

	if (!nr)
		return (struct spread){ 0 };
	qsort(sorted.v, nr, sizeof(sorted.v[0]), compare_doubles);
	return (struct spread){ .median = (sorted.v[nr / 2] + sorted.v[(nr - 1) / 2]) / 2,
				.min = sorted.v[0],
				.max = sorted.v[nr - 1] };
}

struct spread samples_ratio(const struct samples *ours, const struct samples *peers)
{
	struct samples ratio = { .nr = 0 };

	for (unsigned i = 0; i < MIN(ours->nr, peers->nr); i++)
		if (peers->v[i] > 0)
			samples_add(&ratio, ours->v[i] / peers->v[i]);
	return samples_spread(&ratio);
}

static FILE *summary_open(void)
{
	const char *path = getenv("BENCH_RESULTS");
	FILE *f = path ? fopen(path, "a") : NULL;

	if (path && !f)
		bench_fail("%s: cannot be written", path);
	return f;
}

void summary_target(const char *what, const char *unit, double limit, struct spread m)
{
	FILE *f = summary_open();

	if (!f)
		return;
	fprintf(f, "target\t%s\t%s\t%g\t%.4g\t%.4g\t%.4g\n", what, unit, limit, m.median, m.min, m.max);
	fclose(f);
}

void summary_skip(const char *what, const char *why)
{
	FILE *f = summary_open();

	printf("SKIPPED: %s: %s\n", what, why);
	if (!f)
		return;
	fprintf(f, "skip\t%s\t%s\n", what, why);
	fclose(f);
}
