/* SPDX-License-Identifier: MIT */
/*
 * Support archives often lack sys/devices/system but have what commands
 * printed of it: lscpu and numactl --hardware tell the CPUs and distances of
 * nodes. They are asked only for what the node directories did not say. (What
 * sysctl -a printed is in import_knobs.c.)
 */
#include "daemon/import_capture.h"

#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static const char *const lscpu_files[] = { "sos_commands/processor/lscpu",
					   "sos_commands/hardware/lscpu", "lscpu" };
static const char *const numactl_files[] = { "sos_commands/numa/numactl_--hardware",
					     "sos_commands/numa/numactl_-H",
					     "sos_commands/memory/numactl_--hardware",
					     "sos_commands/processor/numactl_--hardware" };

/* "node3": 3; -1: something else, or a node that zoneinfo does not have. */
static int node_number(const struct capture *c, const char *digits)
{
	uint64_t id;
	if (!digits || parse_u64(digits, &id) || id >= c->nr_nodes || !c->node[id].seen)
		return -1;
	return (int)id;
}

/* "NUMA node0 CPU(s):     0-7,16-23". Returns 1 if the line gave a node its CPUs. */
static int lscpu_line(struct capture *c, char *line)
{
	char *first = cap_word(&line), *second = cap_word(&line), *third = cap_word(&line),
	     *list = cap_word(&line);
	if (!list || strcmp(first, "NUMA") || strncmp(second, "node", 4) || strcmp(third, "CPU(s):"))
		return 0;
	int id = node_number(c, second + 4);
	struct mask cpus;
	if (id < 0 || c->node[id].has_cpulist || parse_list(list, &cpus))
		return 0;
	c->node[id].cpus = cpus;
	c->node[id].has_cpulist = true;
	return 1;
}

/* "node 1 cpus: 8 9 10" */
static int cpus_line(struct capture *c, int id, char *rest)
{
	if (id < 0 || c->node[id].has_cpulist)
		return 0;
	for (char *word; (word = cap_word(&rest));) {
		uint64_t cpu;
		if (!parse_u64(word, &cpu) && cpu < MM_CPUS_MAX)
			mask_set(&c->node[id].cpus, (unsigned)cpu);
	}
	c->node[id].has_cpulist = true;
	return 1;
}

/* "  1:  21  10" */
static int distances_line(struct capture *c, int id, char *rest)
{
	struct cap_node *n = id < 0 ? NULL : &c->node[id];
	if (!n || n->nr_distance)
		return 0;
	for (char *word; (word = cap_word(&rest)) && n->nr_distance < MM_NODES_MAX;) {
		uint64_t d;
		if (parse_u64(word, &d) || d > UINT8_MAX) {
			n->nr_distance = 0;
			return 0;
		}
		n->distance[n->nr_distance++] = (uint8_t)d;
	}
	return 1;
}

static int numactl_line(struct capture *c, char *line)
{
	char *first = cap_word(&line);
	if (!first)
		return 0;
	if (isdigit((unsigned char)*first)) {
		size_t len = strlen(first);
		if (first[len - 1] != ':')
			return 0;
		first[len - 1] = 0;
		return distances_line(c, node_number(c, first), line);
	}
	char *number = cap_word(&line), *what = cap_word(&line);
	if (strcmp(first, "node") || !what || strcmp(what, "cpus:"))
		return 0;
	return cpus_line(c, node_number(c, number), line);
}

static int commands_read(struct capture *c, const char *const *path, unsigned nr,
			 int (*line_read)(struct capture *c, char *line), struct why *why)
{
	for (unsigned i = 0; i < nr; i++) {
		struct cap_file f;
		int used = 0, error = cap_open(&f, c, path[i], why);
		if (error == -ENOENT)
			continue;
		if (error)
			return error;
		for (char *line; (line = cap_line(&f));)
			used += line_read(c, line);
		cap_close(&f);
		if (used)
			cap_note(c, NOTE_MISSING, "files of nodes",
				 "sys/devices/system/node: incomplete; CPUs or distances are from %s",
				 path[i]);
		return 0;
	}
	return 0;
}

int cap_read_sos(struct capture *c, struct why *why)
{
	int error = commands_read(c, numactl_files, ARRAY_LEN(numactl_files), numactl_line, why);
	return error ? error : commands_read(c, lscpu_files, ARRAY_LEN(lscpu_files), lscpu_line, why);
}
