/* SPDX-License-Identifier: MIT */
/*
 * Starting machines in process: how long machine_boot takes, and what stays
 * resident. Each start has a process of its own, so that nothing is warm but
 * the program itself. The configuration has been read before the clock runs.
 */
#include "bench.h"
#include "bench_machine.h"
#include "mm/machine.h"

#include <sys/wait.h>
#include <unistd.h>

struct subject {
	const char *name;
	const char *text; /* NULL: the file that BENCH_EIGHT_NODES names */
	double limit_ms; /* 0: no target */
};

static const struct subject subjects[] = {
	{ "16 GiB, 1 node, 4 CPUs", "[node 0]\nmemory=16G\ncpus=0-3\n", 0 },
	{ "1 TiB, 2 nodes, 64 CPUs",
	  "[node 0]\nmemory=512G\ncpus=0-31\n[node 1]\nmemory=512G\ncpus=32-63\n", 3 },
	{ "16 TiB, 8 nodes, 64 CPUs", NULL, 0 },
};

struct outcome {
	double ms, resident_kib;
};

static void config_of(struct config *c, const struct subject *s)
{
	struct why why = { "" };
	const char *path = getenv("BENCH_EIGHT_NODES");

	if (s->text)
		bench_config(c, s->text);
	else if (config_read(c, path ? path : "conf/eight-nodes.conf", &why))
		bench_fail("%s", why.text);
}

static void boot_and_tell(const struct machine_spec *spec, int fd)
{
	static struct machine m;
	struct why why = { "" };
	double before = resident_kib(); /* and the page that m lies in is there */
	uint64_t from = wall_ns();
	int error = machine_boot(&m, spec, &why);
	uint64_t to = wall_ns();

	if (error)
		bench_fail("%s", why.text);
	struct outcome o = { (double)(to - from) / 1e6, resident_kib() - before };
	if (write(fd, &o, sizeof(o)) != sizeof(o))
		bench_fail("the pipe is closed");
}

static struct outcome boot_in_child(const struct machine_spec *spec)
{
	struct outcome o;
	int fd[2], status;

	fflush(stdout);
	if (pipe(fd))
		bench_fail("no pipe");
	pid_t pid = fork();
	if (!pid) {
		boot_and_tell(spec, fd[1]);
		_exit(0);
	}
	close(fd[1]);
	bool told = pid > 0 && read(fd[0], &o, sizeof(o)) == sizeof(o);
	close(fd[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status || !told)
		bench_fail("a machine did not boot");
	return o;
}

static void subject_run(const struct subject *s, unsigned rounds)
{
	struct samples ms = { .nr = 0 }, kib = { .nr = 0 };
	char label[96];
	struct config c;

	config_of(&c, s);
	for (unsigned i = 0; i < rounds; i++) {
		struct outcome o = boot_in_child(&c.spec);
		samples_add(&ms, o.ms);
		samples_add(&kib, o.resident_kib);
	}
	config_fini(&c);
	struct spread t = samples_spread(&ms), r = samples_spread(&kib);
	printf("  %-26s %8.3f ms  [%.3f-%.3f]   resident +%.0f KiB\n", s->name, t.median, t.min,
	       t.max, r.median);
	snprintf(label, sizeof(label), "start in process, %s", s->name);
	if (s->limit_ms > 0)
		summary_target(label, "ms", s->limit_ms, t);
}

int main(void)
{
	unsigned rounds = CLAMP(env_number("ROUNDS", 9), 1u, ROUNDS_MAX);

	printf("Start in process (machine_boot; %u starts, each in a new process)\n", rounds);
	for (unsigned i = 0; i < ARRAY_LEN(subjects); i++)
		subject_run(&subjects[i], rounds);
	return 0;
}
