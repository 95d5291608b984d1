/* SPDX-License-Identifier: MIT */
/*
 * sys/devices/system/cpu (drivers/base/{cpu,topology}.c, 6.1), as much of it
 * as tools that list CPUs and draw topologies look at.
 *
 * The machine says which CPUs a node has and nothing about cores, so this is
 * ours: the CPUs of a socket (mm/socket.c) are one package. Threads are what Linux's numbering on
 * x86 shows: it counts the first thread of every core, then the second ones.
 * When every node's CPUs are two runs of the same length (at least 2) that lie
 * half the machine apart, as 0-7,16-23 and 8-15,24-31, each pair is one core;
 * otherwise every CPU is a core of its own. CPUs cannot be unplugged, so
 * cpuN/online is read-only, and every possible CPU is present.
 */
#include "view/views.h"

#define NR_CPUS_64 8192u /* what Debian's kernels are built for: kernel_max is one less */
#define NR_CPUS_32 32u

static void mask_line(struct text *t, const struct mask *mask)
{
	mask_print_list(t, mask);
	text_char(t, '\n');
}

static void map_line(struct text *t, const struct snapshot *s, const struct mask *mask)
{
	mask_print_hex(t, mask, s->machine->nr_cpu_ids);
	text_char(t, '\n');
}

void view_cpus_online(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	mask_line(t, &s->machine->cpus_online);
}

void view_cpus_possible(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	mask_line(t, &s->machine->cpus_possible);
}

void view_cpus_offline(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	struct mask off = s->machine->cpus_possible;
	for (unsigned i = 0; i < MASK_WORDS; i++)
		off.w[i] &= ~s->machine->cpus_online.w[i];
	mask_line(t, &off);
}

void view_cpus_isolated(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)s;
	(void)arg;
	text_char(t, '\n');
}

void view_cpus_kernel_max(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	unsigned nr = s->machine->bits == 64 ? NR_CPUS_64 : NR_CPUS_32;
	text_u64(t, MAX(nr, s->machine->nr_cpu_ids) - 1);
	text_char(t, '\n');
}

bool cpu_topology_shown(const struct machine *m, unsigned cpu)
{
	return m->cpu[cpu].online;
}

/* The first CPU of an x86 machine cannot be taken offline and has no such file. */
bool cpu_online_shown(const struct machine *m, unsigned cpu)
{
	(void)m;
	return cpu > 0;
}

void view_cpu_online(struct text *t, const struct snapshot *s, unsigned arg)
{
	text_str(t, s->machine->cpu[arg].online ? "1\n" : "0\n");
}

/* End of the run of members that starts at from. */
static unsigned run_end(const struct mask *mask, unsigned from)
{
	while (mask_has(mask, from))
		from++;
	return from;
}

/* Are these CPUs two runs, the second one `half` above the first? */
static bool mask_is_paired(const struct mask *cpus, unsigned half)
{
	unsigned first = mask_next(cpus, 0);
	unsigned first_end = run_end(cpus, first);
	unsigned second = mask_next(cpus, first_end);
	if (second != first + half || first_end - first < 2)
		return false;
	unsigned second_end = run_end(cpus, second);
	return second_end - second == first_end - first && mask_next(cpus, second_end) == MASK_BITS;
}

/* A core can only be told from masks of CPUs that are all there. */
static bool node_is_paired(const struct machine *m, const struct node *n)
{
	MASK_FOR_EACH(cpu, &n->cpus)
		if (!m->cpu[cpu].online)
			return false;
	return mask_empty(&n->cpus) || mask_is_paired(&n->cpus, m->nr_cpus_online / 2);
}

/* How far the second thread of a core is from the first; 0: cores have one thread. */
static unsigned thread_distance(const struct machine *m)
{
	FOR_EACH_ONLINE_NODE(n, m)
		if (!node_is_paired(m, n))
			return 0;
	return m->nr_cpus_online / 2;
}

unsigned cpu_threads_per_core(const struct machine *m)
{
	return thread_distance(m) ? 2 : 1;
}

/* The online CPUs of the CPU's socket. */
static struct mask package_of(const struct machine *m, unsigned cpu)
{
	struct mask package;
	mask_clear(&package);
	FOR_EACH_ONLINE_NODE(n, m)
		for (unsigned i = 0; i < MASK_WORDS; i++)
			if (n->socket == m->cpu[cpu].node->socket)
				package.w[i] |= n->cpus.w[i] & m->cpus_online.w[i];
	return package;
}

/* The first thread of the CPU's core. */
static unsigned core_first(const struct machine *m, unsigned cpu)
{
	unsigned distance = thread_distance(m);
	return distance && cpu >= distance ? cpu - distance : cpu;
}

static struct mask core_of(const struct machine *m, unsigned cpu)
{
	struct mask core;
	unsigned distance = thread_distance(m), first = core_first(m, cpu);
	mask_clear(&core);
	mask_set(&core, first);
	if (distance)
		mask_set(&core, first + distance);
	return core;
}

void view_cpu_package_id(struct text *t, const struct snapshot *s, unsigned arg)
{
	text_i64(t, s->machine->cpu[arg].node->socket);
	text_char(t, '\n');
}

/* Cores are counted inside their package. */
void view_cpu_core_id(struct text *t, const struct snapshot *s, unsigned arg)
{
	const struct mask package = package_of(s->machine, arg);
	unsigned first = core_first(s->machine, arg), id = 0;
	for (unsigned cpu = mask_next(&package, 0); cpu < first; cpu = mask_next(&package, cpu + 1))
		id++;
	text_u64(t, id);
	text_char(t, '\n');
}

void view_cpu_core_map(struct text *t, const struct snapshot *s, unsigned arg)
{
	struct mask core = core_of(s->machine, arg);
	map_line(t, s, &core);
}

void view_cpu_core_list(struct text *t, const struct snapshot *s, unsigned arg)
{
	struct mask core = core_of(s->machine, arg);
	mask_line(t, &core);
}

void view_cpu_package_map(struct text *t, const struct snapshot *s, unsigned arg)
{
	const struct mask package = package_of(s->machine, arg);
	map_line(t, s, &package);
}

void view_cpu_package_list(struct text *t, const struct snapshot *s, unsigned arg)
{
	const struct mask package = package_of(s->machine, arg);
	mask_line(t, &package);
}
