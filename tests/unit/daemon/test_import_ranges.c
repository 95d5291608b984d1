/* SPDX-License-Identifier: MIT */
/* Where the memory of a zone lies, with less and less to go by. */
#include "support/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct expect {
	unsigned nr;
	struct pfn_range r[3];
};

static void check(struct capture *c, const struct cap_zone *z, const struct expect *e)
{
	struct pfn_ranges got = { 0 };
	assert_int_equal(cap_zone_ranges(c, z, &got), 0);
	assert_int_equal(pfn_ranges_pages(&got), z->present);
	assert_int_equal(got.nr, e->nr);
	for (unsigned i = 0; i < e->nr; i++) {
		assert_int_equal(got.r[i].start, e->r[i].start);
		assert_int_equal(got.r[i].end, e->r[i].end);
	}
	pfn_ranges_fini(&got);
}

static void test_iomem_says_it_exactly(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-686-pae-T7b");
	struct capture *c = state_read(&d);
	check(c, cap_zone_find(c, 0, ZONE_DMA), &(struct expect){ 2, { { 1, 0x9f }, { 0x100, 0x1000 } } });
	check(c, cap_zone_find(c, 0, ZONE_NORMAL), &(struct expect){ 1, { { 4096, 4096 + 221182 } } });
	check(c, cap_zone_find(c, 0, ZONE_HIGHMEM),
	      &(struct expect){ 2, { { 225278, 0xbffda }, { 0x100000, 0x140000 } } });
	assert_int_equal(c->nr_notes, 1); /* no node directories */
	import_free(c);
	state_dir_remove(&d);
}

/* Without it holes go where a PC has them, and that is right for every capture. */
static void test_guesses_of_a_pc(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-686-pae-T7b");
	state_dir_drop(&d, "proc/iomem");
	struct capture *c = state_read(&d);
	check(c, cap_zone_find(c, 0, ZONE_DMA), &(struct expect){ 2, { { 1, 0x9f }, { 0x100, 0x1000 } } });
	assert_true(state_noted(c, NOTE_GUESSED, "memory holes"));
	check(c, cap_zone_find(c, 0, ZONE_HIGHMEM),
	      &(struct expect){ 2, { { 225278, 0xbffda }, { 0x100000, 0x140000 } } });
	import_free(c);
	state_dir_remove(&d);

	state_dir_make(&d, "6.1.0-50-amd64-T3");
	state_dir_drop(&d, "proc/iomem");
	c = state_read(&d);
	check(c, cap_zone_find(c, 0, ZONE_DMA32), &(struct expect){ 1, { { 4096, 0xbffda } } });
	import_free(c);
	state_dir_remove(&d);
}

static struct capture *made_up(const struct cap_zone *zones, unsigned nr)
{
	struct state_dir d;
	state_dir_make(&d, NULL);
	struct capture *c = state_capture(&d);
	state_dir_remove(&d);
	for (unsigned i = 0; i < nr; i++) {
		assert_int_equal(
			cap_grow((void **)&c->zone, &c->cap_zones, c->nr_zones, sizeof(*c->zone)), 0);
		c->zone[c->nr_zones++] = zones[i];
	}
	return c;
}

/* Node 1 lies inside the span of node 0's zone. */
static const struct cap_zone interleaved[] = {
	{ .node = 0, .kind = ZONE_NORMAL, .start_pfn = 0x100000, .spanned = 0x90000, .present = 0x50000 },
	{ .node = 1, .kind = ZONE_NORMAL, .start_pfn = 0x140000, .spanned = 0x40000, .present = 0x40000 },
};
static const struct expect around = { 2, { { 0x100000, 0x140000 }, { 0x180000, 0x190000 } } };

static void test_interleaved_nodes(void **state)
{
	(void)state;
	struct capture *c = made_up(interleaved, 2);
	check(c, &c->zone[0], &around); /* from the zones alone */
	assert_int_equal(c->nr_notes, 0);
	assert_int_equal(pfn_ranges_add(&c->ram, 0x100000, 0x190000), 0);
	check(c, &c->zone[0], &around); /* with RAM known, too */
	assert_int_equal(pfn_ranges_add(&c->node[0].blocks, 0x100000, 0x140000), 0);
	assert_int_equal(pfn_ranges_add(&c->node[0].blocks, 0x180000, 0x190000), 0);
	check(c, &c->zone[0], &around); /* and by the node's memory blocks */
	import_free(c);
}

/* RAM that does not add up is not believed. */
static void test_iomem_of_another_machine(void **state)
{
	(void)state;
	const struct cap_zone z = {
		.kind = ZONE_NORMAL, .start_pfn = 0x100000, .spanned = 0x1000, .present = 0xf00
	};
	struct capture *c = made_up(&z, 1);
	assert_int_equal(pfn_ranges_add(&c->ram, 0x100000, 0x100800), 0);
	check(c, &c->zone[0], &(struct expect){ 1, { { 0x100000, 0x100f00 } } });
	assert_true(state_noted(c, NOTE_GUESSED, "memory holes"));
	import_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iomem_says_it_exactly),
		cmocka_unit_test(test_guesses_of_a_pc),
		cmocka_unit_test(test_interleaved_nodes),
		cmocka_unit_test(test_iomem_of_another_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
