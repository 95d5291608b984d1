/* SPDX-License-Identifier: MIT */
/* The captured machines and their specs: see captured.h. */

#include "support/captured.h"

#include "base/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BIOS_HOLE_START 0x9f /* a PC's 640 kB line */
#define BIOS_HOLE_END 0x100
#define PCI_HOLE_START 0xbffda
#define PCI_HOLE_END 0x100000

const struct captured_machine captured_machines[] = {
#include "support/captured_machines.inc"
};
const unsigned nr_captured_machines = ARRAY_LEN(captured_machines);

const struct captured_marks captured_marks[] = {
#include "support/captured_marks.inc"
};
const unsigned nr_captured_marks = ARRAY_LEN(captured_marks);

const struct captured_machine *captured_machine(const char *name)
{
	for (unsigned i = 0; i < nr_captured_machines; i++)
		if (!strcmp(captured_machines[i].name, name))
			return &captured_machines[i];
	fail_msg("no captured machine %s", name);
	return NULL;
}

/* Where memory is inside the span: a PC has holes from 640 kB to 1 MiB, and from 0xbffda to 4 GiB. */
static void captured_zone_spec(const struct captured_zone *c, struct zone_spec *z)
{
	z->start_pfn = c->start_pfn;
	z->spanned = c->spanned;
	uint64_t start = c->start_pfn;
	if (start < BIOS_HOLE_START && c->present != c->spanned) {
		assert_int_equal(zone_spec_add_range(z, start, BIOS_HOLE_START), 0);
		start = BIOS_HOLE_END;
	}
	uint64_t rest = c->present - z->present;
	if (start < PCI_HOLE_START && start + rest > PCI_HOLE_START && c->present != c->spanned) {
		assert_int_equal(zone_spec_add_range(z, start, PCI_HOLE_START), 0);
		start = PCI_HOLE_END;
		rest = c->present - z->present;
	}
	assert_int_equal(zone_spec_add_range(z, start, start + rest), 0);
	z->managed = c->managed;
}

void captured_spec(const struct captured_machine *c, struct machine_spec *s)
{
	machine_spec_init(s);
	s->bits = c->bits;
	s->pageblock_order = c->pageblock_order;
	s->numa = c->bits == 64;
	s->thp = c->thp;
	assert_int_equal(machine_spec_set_nodes(s, c->nr_nodes), 0);
	for (unsigned n = 0; n < c->nr_nodes; n++) {
		s->node[n].online = true;
		assert_int_equal(parse_list(c->cpus[n], &s->node[n].cpus), 0);
		memcpy(s->node[n].distance, c->distance[n], c->nr_nodes);
		MASK_FOR_EACH(cpu, &s->node[n].cpus) {
			mask_set(&s->cpus_online, cpu);
			mask_set(&s->cpus_possible, cpu);
			s->nr_cpu_ids = MAX(s->nr_cpu_ids, cpu + 1);
		}
	}
	for (unsigned i = 0; i < CAPTURED_ZONES && c->zone[i].present; i++)
		captured_zone_spec(&c->zone[i], &s->node[c->zone[i].node].zone[c->zone[i].type]);
}
