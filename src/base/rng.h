/* SPDX-License-Identifier: MIT */
#ifndef BASE_RNG_H
#define BASE_RNG_H

/* Seeded random numbers (xoshiro256**, Blackman and Vigna 2018, seeded by splitmix64). One owner each; no lock. */

#include "base/defs.h"

struct rng {
	uint64_t s[4];
};

void rng_init(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n); /* uniform in [0, n); n >= 1 */

#endif
