/* SPDX-License-Identifier: MIT */
/* Random machines for property tests: see random_machine.h. */

#include "support/random_machine.h"

#include "support/small_machine.h"

#include <inttypes.h>
#include <time.h>

uint64_t property_seed(void)
{
	const char *given = getenv("SEED");
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t seed = given ? strtoull(given, NULL, 0)
			      : (uint64_t)now.tv_sec * 1000003 ^ (uint64_t)now.tv_nsec;
	print_message("SEED=%" PRIu64 "\n", seed);
	return seed;
}

unsigned property_rounds(unsigned by_default)
{
	const char *given = getenv("PROPERTY_ROUNDS");
	return given ? (unsigned)strtoul(given, NULL, 0) : by_default;
}

/* Half of the lengths are odd, half a multiple of a larger power of two. */
static uint64_t random_length(struct rng *r)
{
	return rng_below(r, 2) ? 1 + rng_below(r, 3000)
			       : (1 + rng_below(r, 5)) << (rng_below(r, 2) ? 9 : 10);
}

/* The ranges of one zone; returns where the last one ends. */
static uint64_t random_zone(struct rng *r, unsigned node, unsigned type, uint64_t at,
			    struct zone_shape *shape, unsigned *nr)
{
	for (unsigned ranges = 1 + (unsigned)rng_below(r, 3); ranges; ranges--) {
		uint64_t end = at + random_length(r),
			 reserved = rng_below(r, 3) ? 0 : rng_below(r, end - at);
		shape[(*nr)++] = (struct zone_shape){ node, type, at, end, reserved };
		at = end;
		if (ranges > 1)
			at += 1 + (rng_below(r, 2) ? rng_below(r, 40) : rng_below(r, 3000));
	}
	return at;
}

void random_machine(struct machine *m, struct rng *r)
{
	struct zone_shape shape[2 * 3 * 3];
	struct machine_spec s;
	unsigned nr = 0, nr_nodes = 1 + (unsigned)rng_below(r, 2);
	uint64_t at = 1 + rng_below(r, 3000);
	small_spec(&s, nr_nodes, 1 + (unsigned)rng_below(r, 3));
	if (!rng_below(r, 3))
		s.pageblock_order = 10;
	for (unsigned node = 0; node < nr_nodes; node++)
		for (unsigned type = 0, zones = 0; type < 4 && zones < 3; type++) {
			if (rng_below(r, 2) && (type < 3 || zones))
				continue;
			at = random_zone(r, node, type, at, shape, &nr);
			zones++;
			if (rng_below(r, 2))
				at += rng_below(r, 2000);
		}
	small_spec_zones(&s, shape, nr);
	small_boot(m, &s);
}

static uint64_t range_whole_blocks(uint64_t start, uint64_t end, unsigned order)
{
	uint64_t blocks = 0;
	while (start < end) {
		unsigned fits = start ? MIN((unsigned)__builtin_ctzll(start), MM_ORDER_MAX) : MM_ORDER_MAX;
		while (start + (1ull << fits) > end)
			fits--;
		blocks += fits == order;
		start += 1ull << fits;
	}
	return blocks;
}

uint64_t zone_whole_blocks(const struct zone *z, unsigned order)
{
	uint64_t reserved = z->present - z->managed, blocks = 0;
	for (unsigned i = 0; i < z->nr_ranges; i++) {
		uint64_t skip = MIN(reserved, z->range[i].end - z->range[i].start);
		reserved -= skip;
		blocks += range_whole_blocks(z->range[i].start + skip, z->range[i].end, order);
	}
	return blocks;
}
