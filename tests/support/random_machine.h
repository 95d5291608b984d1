/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_RANDOM_MACHINE_H
#define SUPPORT_RANDOM_MACHINE_H

/*
 * For property tests: a seed from the environment (SEED=N replays one), and
 * machines of a few thousand frames with odd edges, holes and reserved pages.
 */

#include "base/rng.h"
#include "mm/machine.h"

/* SEED from the environment, or one from the clock; printed either way. */
uint64_t property_seed(void);
/* How often to repeat a property: PROPERTY_ROUNDS from the environment, else the default. */
unsigned property_rounds(unsigned by_default);
/* One or two nodes, one to three CPUs each, up to three zones each. */
void random_machine(struct machine *m, struct rng *r);
/* The blocks of one order that make up the zone when all of it is free and merged. */
uint64_t zone_whole_blocks(const struct zone *z, unsigned order);

#endif
