/* SPDX-License-Identifier: MIT */
#include "mm/machine.h"

#include "support/captured.h"
#include "support/small_machine.h"

static void assert_marks(const struct machine *m, const struct captured_zone_marks *want)
{
	const struct zone *z = machine_zone(m, want->node, want->type);
	assert_int_equal(z->watermark[WMARK_MIN], want->min);
	assert_int_equal(z->watermark[WMARK_LOW], want->low);
	assert_int_equal(z->watermark[WMARK_HIGH], want->high);
	assert_int_equal(z->watermark_boost, 0);
	for (unsigned t = 0; t < m->nr_zone_types; t++)
		assert_int_equal(z->lowmem_reserve[t], want->protection[t]);
	if (!zone_populated(z))
		return;
	assert_int_equal(z->stat_threshold, want->stat_threshold);
	MASK_FOR_EACH(cpu, &m->cpus_online) {
		const struct pcp *pcp = &m->cpu[cpu].zone[z->id].pcp;
		assert_int_equal(pcp->high, want->pageset_high);
		assert_int_equal(pcp->batch, want->batch);
	}
}

/* The captured boot, with the managed pages of the boot in which the knob was written. */
static void boot_for(struct machine *m, const struct captured_marks *c)
{
	struct machine_spec s;
	captured_spec(captured_machine(c->machine), &s);
	for (unsigned i = 0; i < CAPTURED_ZONES && c->zone[i].high; i++)
		s.node[c->zone[i].node].zone[c->zone[i].type].managed = c->zone[i].managed;
	small_boot(m, &s);
}

static void tune_as(struct machine *m, const struct captured_marks *c)
{
	m->tune.min_free_kbytes = c->min_free_kbytes;
	m->tune.watermark_scale_factor = c->watermark_scale_factor;
	m->tune.percpu_pagelist_high_fraction = c->percpu_pagelist_high_fraction;
	for (unsigned t = 0; t < MM_ZONE_TYPES_MAX; t++)
		m->tune.lowmem_reserve_ratio[t] = c->lowmem_reserve_ratio[t];
	machine_update_watermarks(m);
	machine_update_lowmem_reserve(m);
}

static void test_captured_marks(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nr_captured_marks; i++) {
		const struct captured_marks *c = &captured_marks[i];
		struct machine m;
		print_message("%s %s\n", c->machine, c->step);
		boot_for(&m, c);
		tune_as(&m, c);
		unsigned zones = 0;
		for (; zones < CAPTURED_ZONES && c->zone[zones].high; zones++)
			assert_marks(&m, &c->zone[zones]);
		assert_true(zones >= 3);
		machine_shutdown(&m);
	}
}

/*
 * What 6.1 had at boot was computed while managed was still smaller. Where
 * the value follows from counts of zones alone it is exact, else it may be
 * off by the half percent that init memory is.
 */
static void test_default_min_free_kbytes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nr_captured_machines; i++) {
		const struct captured_machine *c = &captured_machines[i];
		struct machine_spec s;
		struct machine m;
		captured_spec(c, &s);
		small_boot(&m, &s);
		int off = m.tune.min_free_kbytes - c->min_free_kbytes;
		print_message("%s: %d, captured %d\n", c->name, m.tune.min_free_kbytes, c->min_free_kbytes);
		if (c->min_free_kbytes % 22528 == 0) /* 11 blocks of 2 MiB for each zone */
			assert_int_equal(off, 0);
		assert_in_range(abs(off), 0, c->min_free_kbytes / 200);
		machine_shutdown(&m);
	}
}

/* A table of knob writes has T2's value without huge pages: lowmem was 1491381 pages and a little. */
static void test_default_without_thp(void **state)
{
	(void)state;
	struct machine_spec s;
	struct machine m;
	captured_spec(captured_machine("T2"), &s);
	s.thp = false;
	s.node[0].zone[2].managed = 1491382 - 3840 - 765914;
	small_boot(&m, &s);
	assert_int_equal(m.tune.min_free_kbytes, 9769);
	machine_shutdown(&m);
}

static void test_thp_needs_half_a_gigabyte(void **state)
{
	(void)state;
	struct zone_shape shape = { 0, 1, 4096, 4096 + (511 << 8), 0 };
	for (unsigned i = 0; i < 2; i++, shape.end += 1 << 8) {
		struct machine_spec s;
		struct machine m;
		small_spec(&s, 1, 1);
		small_spec_zones(&s, &shape, 1);
		s.thp = true;
		small_boot(&m, &s);
		assert_int_equal(m.tune.min_free_kbytes, i ? 22528 : 2893);
		machine_shutdown(&m);
	}
}

static void test_thresholds_follow_kswapd(void **state)
{
	(void)state;
	struct machine_spec s;
	struct machine m;
	captured_spec(captured_machine("T1"), &s);
	small_boot(&m, &s);
	struct zone *dma = machine_zone(&m, 0, 0), *dma32 = machine_zone(&m, 0, 1);
	m.tune.min_free_kbytes = 3928; /* marks of T1, scenario i: min 14 and 968 */
	machine_update_watermarks(&m);
	assert_int_equal(dma->stat_threshold, 4);
	assert_int_equal(m.node[0].stat_threshold, 16);
	node_update_thresholds(&m.node[0], true);
	assert_int_equal(dma->stat_threshold, 1);
	assert_int_equal(dma32->stat_threshold, 121);
	node_update_thresholds(&m.node[0], false);
	assert_int_equal(dma->stat_threshold, 4);
	assert_int_equal(dma32->stat_threshold, 16);
	end_machine(&m);
}

/* A node without CPUs shares its lists between all of them; T5's node 1. */
static void test_pagesets_of_a_node_without_cpus(void **state)
{
	(void)state;
	struct machine_spec s;
	struct machine m;
	captured_spec(captured_machine("T5"), &s);
	small_boot(&m, &s);
	unsigned seen = 0;
	FOR_EACH_POPULATED_ZONE(z, &m) {
		unsigned cpus = mask_count(&z->node->cpus);
		uint64_t low = z->watermark[WMARK_LOW] / (cpus ? cpus : m.nr_cpus_online);
		seen += !cpus;
		assert_int_equal(z->pageset_high, MAX(low, 4ul * (unsigned)z->pageset_batch));
	}
	assert_true(seen);
	end_machine(&m);
}

static void test_marks_clear_the_boost(void **state)
{
	(void)state;
	struct machine m;
	one_zone_machine(&m, 4096, 4096 + 65536);
	struct zone *z = machine_zone(&m, 0, 2);
	z->watermark_boost = 512;
	machine_update_pagesets(&m);
	assert_int_equal(z->pageset_high, z->watermark[WMARK_LOW] + 512); /* 6.1 counts the boost in */
	machine_update_watermarks(&m);
	assert_int_equal(z->watermark_boost, 0);
	assert_int_equal(z->pageset_high, z->watermark[WMARK_LOW]);
	end_machine(&m);
}

/* T6b's kind: Movable has a share of min_free_kbytes in 6.1 and none in 6.12, where even an empty one has marks. */
static void test_movable(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 2, 32768, 32768 + 65536, 0 },
						   { 0, 3, 32768 + 65536, 32768 + 2 * 65536, 0 } };
	for (unsigned k = KERNEL_6_1; k <= KERNEL_6_12; k++)
		for (unsigned nr = 1; nr <= 2; nr++) {
			struct machine_spec s;
			struct machine m;
			bool high = k == KERNEL_6_12;
			small_spec(&s, 1, 1);
			small_spec_zones(&s, shape, nr);
			s.kernel = (enum kernel)k;
			small_boot(&m, &s);
			m.tune.min_free_kbytes = 8000;
			machine_update_watermarks(&m);
			const struct zone *normal = machine_zone(&m, 0, 2),
					  *movable = machine_zone(&m, 0, 3);
			assert_int_equal(normal->watermark[WMARK_MIN], !high && nr == 2 ? 1000 : 2000);
			assert_int_equal(movable->watermark[WMARK_MIN], high ? (nr == 2 ? 64 : 32)
									: nr == 2 ? 1000
										  : 0);
			assert_int_equal(movable->watermark[WMARK_PROMO] - movable->watermark[WMARK_HIGH],
					 nr == 1 ? 0
					 : high  ? 500
						 : 250);
			end_machine(&m);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captured_marks),
		cmocka_unit_test(test_movable),
		cmocka_unit_test(test_default_min_free_kbytes),
		cmocka_unit_test(test_default_without_thp),
		cmocka_unit_test(test_thp_needs_half_a_gigabyte),
		cmocka_unit_test(test_thresholds_follow_kswapd),
		cmocka_unit_test(test_pagesets_of_a_node_without_cpus),
		cmocka_unit_test(test_marks_clear_the_boost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
