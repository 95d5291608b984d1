/* SPDX-License-Identifier: MIT */
#include "base/rng.h"
#include "vm/file_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void spares_fill(struct tree_spares *s, unsigned nr)
{
	while (s->nr < nr)
		spares_push(s, calloc(1, sizeof(struct tree_node)));
}

static void spares_drop(struct tree_spares *s)
{
	while (s->head)
		free(spares_pop(s));
}

/* One entry, with as many nodes as tree_nodes_missing says. */
static struct tree_node *put(struct filemap *m, uint64_t index, uint64_t entry)
{
	struct tree_spares s = { 0 };
	spares_fill(&s, tree_nodes_missing(m, index, index));
	struct tree_node *leaf = tree_leaf_make(m, NULL, index, &s);
	assert_non_null(leaf);
	tree_set(m, leaf, tree_slot_of(index), entry);
	spares_drop(&s);
	return leaf;
}

static void take(struct filemap *m, uint64_t index)
{
	struct tree_spares dead = { 0 };
	struct tree_node *leaf = tree_leaf(m, index);
	assert_non_null(leaf);
	tree_set(m, leaf, tree_slot_of(index), 0);
	tree_shed(m, leaf, &dead);
	spares_drop(&dead);
}

static void test_a_node_fits_its_object(void **state)
{
	(void)state;
	assert_true(sizeof(struct tree_node) <= 576); /* radix_tree_node of a 64-bit kernel */
}

static void test_grows_and_shrinks_by_levels(void **state)
{
	struct filemap m = { 0 };
	(void)state;
	put(&m, 5, entry_of_page(50));
	assert_int_equal(m.height, 1);
	assert_int_equal(m.nr_nodes, 1);
	put(&m, 64, entry_of_page(51));
	assert_int_equal(m.height, 2);
	assert_int_equal(m.nr_nodes, 3);
	put(&m, 0xffffffffull, entry_of_page(52));
	assert_int_equal(m.height, 6);
	assert_int_equal(m.nr_nodes, 3 + 4 + 5);
	assert_int_equal(tree_entry(&m, 5), entry_of_page(50));
	assert_int_equal(tree_entry(&m, 64), entry_of_page(51));
	assert_int_equal(entry_pfn(tree_entry(&m, 0xffffffffull)), 52);
	assert_int_equal(tree_entry(&m, 6), 0);
	assert_int_equal(tree_entry(&m, 1ull << 40), 0);
	assert_int_equal(m.nr_pages, 3);
	take(&m, 0xffffffffull);
	assert_int_equal(m.height, 2);
	assert_int_equal(m.nr_nodes, 3);
	take(&m, 64);
	assert_int_equal(m.height, 1);
	take(&m, 5);
	assert_null(m.root);
	assert_int_equal(m.height, 0);
	assert_int_equal(m.nr_nodes + m.nr_pages, 0);
}

static void test_too_few_nodes_change_nothing(void **state)
{
	struct filemap m = { 0 };
	struct tree_spares s = { 0 };
	(void)state;
	put(&m, 1, entry_of_page(7));
	unsigned wanted = tree_nodes_missing(&m, 100000, 100000);
	spares_fill(&s, 2); /* a new root and two levels below it are three at least */
	assert_true(wanted > 2);
	assert_null(tree_leaf_make(&m, NULL, 100000, &s));
	assert_int_equal(s.nr, 2);
	assert_int_equal(m.nr_nodes, 1);
	assert_int_equal(m.height, 1);
	spares_drop(&s);
	take(&m, 1);
}

static void test_shadows_and_pages_are_counted(void **state)
{
	struct filemap m = { 0 };
	(void)state;
	struct tree_node *leaf = put(&m, 3, entry_of_shadow((1ull << 62) - 1));
	assert_int_equal(entry_shadow(tree_entry(&m, 3)), (1ull << 62) - 1);
	assert_true(entry_is_shadow(tree_entry(&m, 3)));
	assert_int_equal(m.nr_shadows, 1);
	assert_int_equal(leaf->nr_shadows, 1);
	put(&m, 3, entry_of_page(9));
	assert_int_equal(m.nr_shadows, 0);
	assert_int_equal(m.nr_pages, 1);
	assert_int_equal(leaf->count, 1);
	take(&m, 3);
}

static void test_dirty_pages_are_found(void **state)
{
	static const uint64_t at[] = { 0, 63, 64, 4095, 4096, 300000, 0xfffffffe };
	struct filemap m = { 0 };
	uint64_t index;
	(void)state;
	for (unsigned n = 0; n < ARRAY_LEN(at); n++) {
		put(&m, at[n], entry_of_page(n + 1));
		put(&m, at[n] ^ 1, entry_of_page(n + 100));
		tree_set_dirty(tree_leaf(&m, at[n]), tree_slot_of(at[n]));
	}
	index = 0;
	for (unsigned n = 0; n < ARRAY_LEN(at); n++, index++) {
		assert_non_null(tree_dirty_next(&m, &index));
		assert_int_equal(index, at[n]);
	}
	assert_null(tree_dirty_next(&m, &index));
	for (unsigned n = 0; n < ARRAY_LEN(at); n += 2)
		tree_clear_dirty(tree_leaf(&m, at[n]), tree_slot_of(at[n]));
	index = 0;
	for (unsigned n = 1; n < ARRAY_LEN(at); n += 2, index++) {
		assert_non_null(tree_dirty_next(&m, &index));
		assert_int_equal(index, at[n]);
	}
	assert_null(tree_dirty_next(&m, &index));
	for (unsigned n = 0; n < ARRAY_LEN(at); n++) { /* what goes is dirty no more */
		take(&m, at[n]);
		take(&m, at[n] ^ 1);
	}
	assert_null(m.root);
}

/* To another frame: nothing else about the tree changes. */
static void test_a_page_moves(void **state)
{
	struct filemap m = { 0 };
	(void)state;
	struct tree_node *leaf = put(&m, 4097, entry_of_page(1));
	tree_set_dirty(leaf, tree_slot_of(4097));
	tree_move(leaf, tree_slot_of(4097), 77);
	assert_int_equal(tree_entry(&m, 4097), entry_of_page(77));
	assert_int_equal(m.nr_pages, 1);
	assert_int_equal(leaf->count, 1);
	uint64_t index = 0;
	assert_ptr_equal(tree_dirty_next(&m, &index), leaf);
	assert_int_equal(index, 4097);
	take(&m, 4097);
	assert_null(m.root);
}

static void test_walk_finds_leaves(void **state)
{
	struct filemap m = { 0 };
	uint64_t index = 0;
	(void)state;
	assert_null(tree_leaf_next(&m, &index));
	put(&m, 70, entry_of_page(1));
	put(&m, 1000000, entry_of_page(2));
	index = 3;
	assert_non_null(tree_leaf_next(&m, &index));
	assert_int_equal(index, 64);
	index = 127; /* still in it, at the slot that was asked for */
	assert_ptr_equal(tree_leaf_next(&m, &index), tree_leaf(&m, 70));
	assert_int_equal(index, 127);
	index = 128;
	assert_ptr_equal(tree_leaf_next(&m, &index), tree_leaf(&m, 1000000));
	assert_int_equal(index, 1000000 / 64 * 64);
	index = 1000064;
	assert_null(tree_leaf_next(&m, &index));
	take(&m, 70);
	take(&m, 1000000);
}

#define RANDOM_INDICES 3000u

/* Against a plain table. */
static void test_random(void **state)
{
	static const uint64_t spread[] = { 100, 5000, 300000, 1ull << 32 };
	struct filemap m = { 0 };
	uint64_t index[RANDOM_INDICES], entry[RANDOM_INDICES] = { 0 };
	struct rng rng;
	(void)state;
	rng_init(&rng, 11);
	for (unsigned n = 0; n < RANDOM_INDICES; n++)
		index[n] = rng_below(&rng, spread[n % ARRAY_LEN(spread)]) / RANDOM_INDICES * RANDOM_INDICES + n;
	for (unsigned step = 0; step < 60000; step++) {
		unsigned n = (unsigned)rng_below(&rng, RANDOM_INDICES);
		if (index[n] >> 32)
			continue;
		assert_int_equal(tree_entry(&m, index[n]), entry[n]);
		if (entry[n] && rng_below(&rng, 3)) {
			take(&m, index[n]);
			entry[n] = 0;
		} else {
			entry[n] = rng_below(&rng, 2) ? entry_of_page(n + 1) : entry_of_shadow(n);
			put(&m, index[n], entry[n]);
		}
	}
	uint64_t pages = 0, shadows = 0;
	for (unsigned n = 0; n < RANDOM_INDICES; n++) {
		pages += entry_is_page(entry[n]);
		shadows += entry_is_shadow(entry[n]);
	}
	assert_int_equal(m.nr_pages, pages);
	assert_int_equal(m.nr_shadows, shadows);
	for (unsigned n = 0; n < RANDOM_INDICES; n++)
		if (entry[n])
			take(&m, index[n]);
	assert_null(m.root);
	assert_int_equal(m.nr_nodes, 0);
}

/* What tree_nodes_missing says is enough for every page of a range, in any order of what is there. */
static void test_missing_is_enough(void **state)
{
	struct rng rng;
	(void)state;
	rng_init(&rng, 12);
	for (unsigned round = 0; round < 300; round++) {
		struct filemap m = { 0 };
		struct tree_spares s = { 0 }, dead = { 0 };
		uint64_t some = rng_below(&rng, 1ull << (6 + rng_below(&rng, 26)));
		uint64_t first = rng_below(&rng, 1ull << (6 + rng_below(&rng, 26)));
		if (round % 4)
			put(&m, some, entry_of_page(1));
		unsigned nr = 1 + (unsigned)rng_below(&rng, 257);
		spares_fill(&s, tree_nodes_missing(&m, first, first + nr - 1));
		for (unsigned k = 0; k < nr; k++) {
			struct tree_node *leaf = tree_leaf_make(&m, NULL, first + k, &s);
			assert_non_null(leaf);
			tree_set(&m, leaf, tree_slot_of(first + k), entry_of_page(k + 1));
		}
		for (uint64_t index = 0; m.root; index = 0) {
			struct tree_node *leaf = tree_leaf_next(&m, &index);
			for (unsigned slot = 0; slot < TREE_SLOTS; slot++)
				tree_set(&m, leaf, slot, 0);
			assert_true(tree_shed(&m, leaf, &dead));
		}
		assert_int_equal(m.nr_nodes, 0);
		spares_drop(&s);
		spares_drop(&dead);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_node_fits_its_object),
		cmocka_unit_test(test_grows_and_shrinks_by_levels),
		cmocka_unit_test(test_too_few_nodes_change_nothing),
		cmocka_unit_test(test_shadows_and_pages_are_counted),
		cmocka_unit_test(test_dirty_pages_are_found),
		cmocka_unit_test(test_a_page_moves),
		cmocka_unit_test(test_walk_finds_leaves),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_missing_is_enough),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
