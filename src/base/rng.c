/* SPDX-License-Identifier: MIT */
#include "base/rng.h"

static uint64_t rotate_left(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

/* splitmix64: spreads any seed, 0 too, over a state that is never all zero. */
static uint64_t splitmix64(uint64_t *x)
{
	uint64_t z = *x += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void rng_init(struct rng *r, uint64_t seed)
{
	for (unsigned i = 0; i < ARRAY_LEN(r->s); i++)
		r->s[i] = splitmix64(&seed);
}

uint64_t rng_next(struct rng *r)
{
	uint64_t *s = r->s;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate_left(s[3], 45);
	return result;
}

/*
 * The high word of draw * n falls in [0, n). 2^64 mod n of the low words would
 * make some results likelier, so those are drawn again (Lemire 2019).
 */
uint64_t rng_below(struct rng *r, uint64_t n)
{
	ASSERT(n);
	unsigned __int128 product = (unsigned __int128)rng_next(r) * n;
	if ((uint64_t)product < n) {
		uint64_t surplus = (0 - n) % n;
		while ((uint64_t)product < surplus)
			product = (unsigned __int128)rng_next(r) * n;
	}
	return (uint64_t)(product >> 64);
}
