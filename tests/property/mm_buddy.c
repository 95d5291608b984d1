/* SPDX-License-Identifier: MIT */
/*
 * The buddy system against its definition. The model knows for each frame
 * whether a free block of some order begins there, nothing else: taking splits
 * the smallest block that fits and keeps its low end, giving merges with the
 * buddy as long as that is free, of the same order and zone, and allowed to
 * mix. After each step the zone's counts must be the model's; mm_verify looks
 * at the rest every now and then.
 */

#include "mm/buddy.h"
#include "support/random_machine.h"
#include "support/small_machine.h"

#define STEPS 4000
#define VERIFY_EVERY 256
#define NOT_FREE 0xff

struct held {
	pfn_t pfn;
	unsigned order;
};

struct model {
	struct machine m;
	struct rng rng;
	uint8_t *order; /* by frame: of the free block that begins there */
	uint8_t *held_map; /* by frame: in somebody's hands */
	uint16_t *zone; /* by frame: id + 1, 0: no memory */
	uint64_t blocks[MM_ZONES_MAX][MM_ORDERS];
	struct held *held;
	unsigned nr_held;
};

static void model_add(struct model *mo, const struct zone *z, uint64_t pfn, unsigned order)
{
	assert_int_equal(mo->order[pfn], NOT_FREE);
	mo->order[pfn] = (uint8_t)order;
	mo->blocks[z->id][order]++;
}

static void model_del(struct model *mo, const struct zone *z, uint64_t pfn)
{
	mo->blocks[z->id][mo->order[pfn]]--;
	mo->order[pfn] = NOT_FREE;
}

/* By definition: every managed frame free on its own, then merged with what is beside it. */
static void model_give(struct model *mo, const struct zone *z, uint64_t pfn, unsigned order)
{
	const struct machine *m = &mo->m;
	for (; order < MM_ORDER_MAX; order++) {
		uint64_t buddy = pfn ^ (1ull << order);
		if (mo->order[buddy] != order || mo->zone[buddy] != z->id + 1)
			break;
		enum migratetype a = pageblock_type(m, (pfn_t)pfn), b = pageblock_type(m, (pfn_t)buddy);
		bool reserve = a >= MIGRATE_PCPTYPES || b >= MIGRATE_PCPTYPES;
		if (order >= m->pageblock_order && a != b && reserve)
			break;
		model_del(mo, z, buddy);
		pfn = MIN(pfn, buddy);
	}
	model_add(mo, z, pfn, order);
}

static void model_take(struct model *mo, const struct zone *z, pfn_t pfn, unsigned order)
{
	unsigned found = order;
	while (found <= MM_ORDER_MAX && mo->order[ALIGN_DOWN(pfn, 1u << found)] != found)
		found++;
	assert_true(found <= MM_ORDER_MAX);
	assert_int_equal(ALIGN_DOWN(pfn, 1u << found), pfn); /* the low end of it */
	model_del(mo, z, pfn);
	while (found-- > order)
		model_add(mo, z, pfn + (1u << found), found);
}

static void model_boot(struct model *mo, uint64_t seed)
{
	memset(mo, 0, sizeof(*mo));
	rng_init(&mo->rng, seed);
	random_machine(&mo->m, &mo->rng);
	uint64_t frames = ALIGN_UP(mo->m.end_pfn, MM_TOP_PAGES) + MM_TOP_PAGES;
	mo->order = malloc(frames);
	mo->held_map = calloc(frames, 1);
	mo->zone = calloc(frames, sizeof(*mo->zone));
	mo->held = calloc(frames, sizeof(*mo->held));
	assert_true(mo->order && mo->held_map && mo->zone && mo->held);
	memset(mo->order, NOT_FREE, frames);
	FOR_EACH_POPULATED_ZONE(z, &mo->m) {
		uint64_t reserved = z->present - z->managed;
		for (unsigned i = 0; i < z->nr_ranges; i++)
			for (uint64_t pfn = z->range[i].start; pfn < z->range[i].end; pfn++) {
				mo->zone[pfn] = z->id + 1;
				if (!reserved)
					model_give(mo, z, pfn, 0);
				reserved -= reserved != 0;
			}
	}
}

static void assert_like_model(struct model *mo, const struct zone *z)
{
	uint64_t pages = 0;
	for (unsigned order = 0; order < MM_ORDERS; order++) {
		assert_int_equal(zone_free_blocks(z, order), mo->blocks[z->id][order]);
		pages += mo->blocks[z->id][order] << order;
	}
	assert_int_equal(zone_stat_sum(z, NR_FREE_PAGES), pages);
}

static struct zone *random_zone(struct model *mo)
{
	unsigned nr = 0;
	struct zone *zone[8];
	FOR_EACH_POPULATED_ZONE(z, &mo->m)
		zone[nr++] = z;
	return zone[rng_below(&mo->rng, nr)];
}

static unsigned random_order(struct rng *r)
{
	return rng_below(r, 3) ? (unsigned)rng_below(r, 3) : (unsigned)rng_below(r, MM_ORDERS);
}

/* The order of the block that must be split for a request of this type; MM_ORDERS: none. */
static unsigned order_that_fits(const struct zone *z, unsigned order, enum migratetype mt)
{
	while (order < MM_ORDERS && !z->area[order].nr_free[mt])
		order++;
	return order;
}

static void step_take(struct model *mo)
{
	struct zone *z = random_zone(mo);
	unsigned order = random_order(&mo->rng);
	enum migratetype mt = (enum migratetype)rng_below(&mo->rng, MIGRATE_PCPTYPES);
	bool steal = rng_below(&mo->rng, 2), nofragment = rng_below(&mo->rng, 2);
	unsigned fits = order_that_fits(z, order, mt);
	lock_take(&z->lock);
	uint64_t before = fits < MM_ORDERS ? z->area[fits].nr_free[mt] : 0;
	struct page *page = steal ? buddy_take_any(z, order, mt, nofragment) : buddy_take(z, order, mt);
	lock_drop(&z->lock);
	if (!page) {
		bool may_have = steal && !nofragment;
		for (unsigned o = order; may_have && o < MM_ORDERS; o++)
			for (unsigned t = 0; t < MIGRATE_PCPTYPES; t++)
				assert_int_equal(z->area[o].nr_free[t], 0);
		assert_int_equal(fits, MM_ORDERS);
		return;
	}
	pfn_t pfn = page_pfn(&mo->m, page);
	assert_int_equal(pfn % (1u << order), 0);
	assert_int_equal(page->order, order);
	assert_int_equal(page->state, PAGE_USED);
	if (fits < MM_ORDERS)
		assert_int_equal(z->area[fits].nr_free[mt], before - 1);
	for (uint64_t at = pfn; at < pfn + (1ull << order); at++) {
		assert_int_equal(mo->zone[at], z->id + 1);
		assert_false(mo->held_map[at]);
		mo->held_map[at] = 1;
	}
	model_take(mo, z, pfn, order);
	z->stat[NR_FREE_PAGES] -= 1 << order;
	mo->held[mo->nr_held++] = (struct held){ pfn, order };
	assert_like_model(mo, z);
}

static void give_one(struct model *mo, unsigned i)
{
	struct held h = mo->held[i];
	struct zone *z = &mo->m.zone[mo->zone[h.pfn] - 1];
	mo->held[i] = mo->held[--mo->nr_held];
	memset(mo->held_map + h.pfn, 0, 1u << h.order);
	lock_take(&z->lock);
	buddy_give(z, h.pfn, h.order, pageblock_type(&mo->m, h.pfn));
	lock_drop(&z->lock);
	z->stat[NR_FREE_PAGES] += 1 << h.order;
	model_give(mo, z, h.pfn, h.order);
	assert_like_model(mo, z);
}

static void step_give(struct model *mo)
{
	if (mo->nr_held)
		give_one(mo, (unsigned)rng_below(&mo->rng, mo->nr_held));
}

/* Give one block back in parts: whoever took it may split it. */
static void step_split(struct model *mo)
{
	if (!mo->nr_held)
		return;
	struct held *h = &mo->held[rng_below(&mo->rng, mo->nr_held)];
	if (!h->order)
		return;
	struct page *low = pfn_page(&mo->m, h->pfn), *high = low + (1u << --h->order);
	low->order = high->order = (uint8_t)h->order;
	high->zone = low->zone;
	high->lru = LRU_NONE;
	high->state = PAGE_USED;
	mo->held[mo->nr_held++] = (struct held){ h->pfn + (1u << h->order), h->order };
}

/* Types change behind the allocator's back. */
static void step_retype(struct model *mo)
{
	struct zone *z = random_zone(mo);
	enum migratetype mt = (enum migratetype)rng_below(&mo->rng, MIGRATE_PCPTYPES);
	pfn_t pfn = (pfn_t)(z->start_pfn + rng_below(&mo->rng, z->spanned));
	if (mo->zone[pfn] != z->id + 1 || pageblock_type(&mo->m, pfn) >= MIGRATE_PCPTYPES)
		return;
	lock_take(&z->lock);
	pageblock_set_type(z, pfn, mt);
	if (rng_below(&mo->rng, 2))
		pageblock_move_free(z, pfn, mt);
	lock_drop(&z->lock);
	assert_like_model(mo, z);
}

static void step_highatomic(struct model *mo)
{
	struct zone *z = random_zone(mo);
	if (rng_below(&mo->rng, 2) && mo->nr_held) {
		pfn_t pfn = mo->held[rng_below(&mo->rng, mo->nr_held)].pfn;
		z = &mo->m.zone[mo->zone[pfn] - 1];
		zone_reserve_highatomic(z, pfn_page(&mo->m, pfn));
	} else {
		enum migratetype mt = (enum migratetype)rng_below(&mo->rng, MIGRATE_PCPTYPES);
		zone_unreserve_highatomic(z, mt, rng_below(&mo->rng, 2));
	}
	assert_like_model(mo, z);
}

static void step(struct model *mo, bool filling)
{
	switch (rng_below(&mo->rng, 16)) {
	case 0:
		step_retype(mo);
		break;
	case 1:
		step_highatomic(mo);
		break;
	case 2:
		step_split(mo);
		break;
	default:
		if (rng_below(&mo->rng, 3) ? filling : !filling)
			step_take(mo);
		else
			step_give(mo);
	}
}

/* Everything back: up to a pageblock, all of a zone is whole again. */
static void model_end(struct model *mo)
{
	while (mo->nr_held)
		give_one(mo, (unsigned)rng_below(&mo->rng, mo->nr_held));
	FOR_EACH_POPULATED_ZONE(z, &mo->m) {
		assert_int_equal(zone_buddy_pages(z), z->managed);
		for (unsigned order = 0; order < mo->m.pageblock_order; order++)
			assert_int_equal(zone_free_blocks(z, order), zone_whole_blocks(z, order));
	}
	end_machine(&mo->m);
	free(mo->order);
	free(mo->held_map);
	free(mo->zone);
	free(mo->held);
}

static void test_buddy_is_its_model(void **state)
{
	(void)state;
	static struct model mo;
	uint64_t seed = property_seed();
	for (unsigned round = property_rounds(60); round; round--, seed++) {
		print_message("round %u, SEED=%lu\n", round, (unsigned long)seed);
		model_boot(&mo, seed);
		FOR_EACH_POPULATED_ZONE(z, &mo.m)
			assert_like_model(&mo, z);
		for (unsigned i = 0; i < STEPS; i++) {
			step(&mo, i / 700 % 2 == 0);
			if (i % VERIFY_EVERY == 0)
				assert_verified(&mo.m);
		}
		model_end(&mo);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buddy_is_its_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
