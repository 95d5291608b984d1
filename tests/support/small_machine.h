/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_SMALL_MACHINE_H
#define SUPPORT_SMALL_MACHINE_H

/*
 * Machines for tests of frames: built from a few words, booted, checked with
 * mm_verify. What goes wrong fails the test that runs.
 */

#include "mm/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct zone_shape {
	unsigned node, type;
	uint64_t start, end; /* frames; several shapes of one zone are its ranges, ascending */
	uint64_t reserved; /* of them not managed */
};

/* 64-bit nodes at distance 20 with nr_cpus CPUs each, numbered node after node. */
void small_spec(struct machine_spec *s, unsigned nr_nodes, unsigned nr_cpus);
void small_spec_zones(struct machine_spec *s, const struct zone_shape *shape, unsigned nr);
/* Boot and free the spec. */
void small_boot(struct machine *m, struct machine_spec *s);
void small_machine(struct machine *m, unsigned nr_nodes, unsigned nr_cpus,
		   const struct zone_shape *shape, unsigned nr);
/* One CPU, one node, one zone Normal of these frames. */
void one_zone_machine(struct machine *m, uint64_t start, uint64_t end);

struct zone *machine_zone(const struct machine *m, unsigned node, unsigned type);
void assert_verified(struct machine *m); /* mm_verify finds nothing */
void end_machine(struct machine *m); /* verified once more, then shut down */

#endif
