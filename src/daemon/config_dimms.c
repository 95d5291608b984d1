/* SPDX-License-Identifier: MIT */
/*
 * Sockets and DIMMs of the nodes. They change nothing about memory: they are
 * what firmware tells about it, so all that is checked is that it can be true.
 * What is not given is derived when the machine boots (mm/socket.c).
 */
#include "base/parse.h"
#include "daemon/config_plan.h"

#include <errno.h>
#include <string.h>

#define BLANKS " \t"
#define SPEED_MAX 65534u /* 65535 means more than a table can tell */
#define SPEED_DEFAULT 3200u

static const char *const dimm_type_name[] = { [DIMM_DDR4] = "DDR4", [DIMM_DDR5] = "DDR5" };

/* "8x16G" */
static int parse_modules(char *text, struct dimm_spec *d)
{
	uint64_t nr, bytes;
	char *x = strchr(text, 'x');

	if (!x)
		return -EINVAL;
	*x = '\0';
	if (parse_u64(text, &nr) || parse_size(x + 1, &bytes))
		return -EINVAL;
	if (!nr || nr > DIMMS_MAX || !bytes || bytes & ((1ul << 20) - 1) || bytes >> 20 > DIMM_MIB_MAX)
		return -EINVAL;
	d->nr = (uint16_t)nr;
	d->mib = (uint32_t)(bytes >> 20);
	return 0;
}

/* "DDR5-4800" */
static int parse_kind(char *text, struct dimm_spec *d)
{
	uint64_t speed;
	char *hyphen = strchr(text, '-');

	if (!hyphen)
		return -EINVAL;
	*hyphen = '\0';
	if (parse_u64(hyphen + 1, &speed) || !speed || speed > SPEED_MAX)
		return -EINVAL;
	d->speed_mts = (uint16_t)speed;
	for (unsigned type = 0; type < ARRAY_LEN(dimm_type_name); type++)
		if (!strcmp(text, dimm_type_name[type])) {
			d->type = (uint16_t)type;
			return 0;
		}
	return -EINVAL;
}

int config_parse_dimms(char *text, struct dimm_spec *out)
{
	struct dimm_spec d = { .type = DIMM_DDR4, .speed_mts = SPEED_DEFAULT };
	char *state = NULL;
	char *modules = strtok_r(text, BLANKS, &state), *kind = strtok_r(NULL, BLANKS, &state);

	if (!modules || strtok_r(NULL, BLANKS, &state))
		return -EINVAL;
	if (parse_modules(modules, &d) || (kind && parse_kind(kind, &d)))
		return -EINVAL;
	*out = d;
	return 0;
}

/* Half a numbering would have to be guessed around. */
static int sockets_check(struct machine_plan *p)
{
	const struct node_plan *with = NULL, *without = NULL;

	for (unsigned i = 0; i < p->nr_nodes; i++) {
		const struct node_plan *n = &p->node[i];
		if (n->line && n->socket >= 0)
			with = n;
		else if (n->line)
			without = n;
	}
	if (!with || !without)
		return 0;
	return plan_fail(p, with->key_line[KEY_SOCKET], -EINVAL,
			 "socket: the node in line %d has none: give every node its socket, or no node",
			 without->line);
}

static int node_check_dimms(struct machine_plan *p, const struct node_plan *n)
{
	uint64_t mib = (uint64_t)n->dimms.nr * n->dimms.mib, pages = mib << (20 - PAGE_SHIFT);
	int line = n->key_line[KEY_DIMMS];

	if (!n->dimms.nr)
		return 0;
	if (!n->pages)
		return plan_fail(p, line, -EINVAL, "dimms: the node has no memory");
	if (n->pages > pages)
		return plan_fail(p, line, -EINVAL, "dimms: they hold %lu MiB, the node has %lu MiB of memory",
				 (unsigned long)mib,
				 (unsigned long)DIV_ROUND_UP(n->pages, 1ul << (20 - PAGE_SHIFT)));
	return 0;
}

int config_lay_out_dimms(struct machine_plan *p, struct machine_spec *s)
{
	int error = sockets_check(p);

	for (unsigned i = 0; i < p->nr_nodes && !error; i++) {
		error = node_check_dimms(p, &p->node[i]);
		s->node[i].socket = p->node[i].socket;
		s->node[i].dimms = p->node[i].dimms;
	}
	return error;
}
