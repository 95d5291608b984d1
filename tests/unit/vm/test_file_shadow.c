/* SPDX-License-Identifier: MIT */
#include "support/file_fixture.h"

#include "vm/filemap_private.h"

/* A file with nothing but shadows: one in every leaf of its index. */
static struct file_inode *shadowed(struct file_fixture *x, const char *name, unsigned leaves)
{
	struct file_inode *i = create(x->root, name);
	struct cpu *c = &x->vm->machine.cpu[0];
	for (unsigned n = 0; n < leaves; n++) {
		struct tree_spares spares = { 0 };
		uint64_t index = (uint64_t)n * TREE_SLOTS + n % TREE_SLOTS;
		unsigned missing = tree_nodes_missing(&i->map, index, index);
		while (spares.nr < missing) {
			struct tree_node *node = own_alloc(x->vm, OWN_TREE_NODE, c, sizeof(*node));
			assert_non_null(node);
			spares_push(&spares, node);
		}
		cpu_enter(c);
		lock_take(&i->tree);
		struct tree_node *leaf = tree_leaf_make(&i->map, i, index, &spares);
		tree_set(&i->map, leaf, tree_slot_of(index), entry_of_shadow(n));
		shadows_update(c, leaf);
		lock_drop(&i->tree);
		nodes_free_inside(x->vm, c, &spares);
		cpu_leave(c);
	}
	return i;
}

/* An eighth of memory's worth of them stays: 65536 pages are 8192 leaves. */
static void test_only_so_many_stay(void **state)
{
	struct file_fixture *x = *state;
	struct shrinker *s = &x->files->shadow_shrinker;
	struct cpu *c = &x->vm->machine.cpu[0];
	uint64_t most = 0;
	for (unsigned t = 0; t < MM_ZONE_TYPES_MAX; t++)
		most += x->vm->machine.node[0].zone[t] ? x->vm->machine.node[0].zone[t]->present : 0;
	most >>= 3;
	struct file_inode *a = shadowed(x, "a", 100);
	assert_int_equal(s->count(s->ctx, 0), 0);
	struct file_inode *b = shadowed(x, "b", (unsigned)most);
	assert_int_equal(node_sum(x->vm, WORKINGSET_NODES), most + 100);
	assert_int_equal(s->count(s->ctx, 0) + s->count(s->ctx, 1),
			 x->files->shadows[0].nr == most + 100 ? 100 : 0);
	uint64_t nodes = a->map.nr_nodes;
	cpu_enter(c);
	assert_int_equal(s->scan(s->ctx, c, 0, 30), 30); /* the oldest first */
	cpu_leave(c);
	assert_int_equal(a->map.nr_shadows, 70);
	assert_int_equal(a->map.nr_nodes, nodes - 30);
	assert_int_equal(b->map.nr_shadows, most);
	assert_int_equal(node_sum(x->vm, WORKINGSET_NODES), most + 70);
	assert_int_equal(node_sum(x->vm, WORKINGSET_NODERECLAIM), 30);
	assert_int_equal(file_truncate(b, 0), 0);
	assert_int_equal(node_sum(x->vm, WORKINGSET_NODES), 70);
	cpu_enter(c);
	assert_int_equal(s->scan(s->ctx, c, 0, 1000), 70);
	assert_int_equal(s->scan(s->ctx, c, 0, 1000), 0);
	cpu_leave(c);
	assert_int_equal(a->map.nr_nodes, 0);
	assert_int_equal(node_sum(x->vm, WORKINGSET_NODES), 0);
	assert_verified(x->vm);
	close_file(a);
	close_file(b);
}

static void test_a_page_takes_its_leaf_off_the_list(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *a = shadowed(x, "a", 3);
	assert_int_equal(file_write(a, "x", 1, 5), 1);
	assert_int_equal(node_sum(x->vm, WORKINGSET_NODES), 2);
	assert_int_equal(x->files->shadows[0].nr + x->files->shadows[1].nr, 2);
	close_file(a);
}

/* Also into a slot that has no shadow: else shrinking would take the page out of the index with its leaf. */
static void test_a_page_beside_shadows_stays(void **state)
{
	struct file_fixture *x = *state;
	struct shrinker *s = &x->files->shadow_shrinker;
	struct cpu *c = &x->vm->machine.cpu[0];
	struct file_inode *a = shadowed(x, "a", 3);
	uint64_t index = TREE_SLOTS + 30;
	assert_int_equal(file_write(a, "x", 1, index << PAGE_SHIFT), 1);
	assert_int_equal(node_sum(x->vm, WORKINGSET_NODES), 2);
	cpu_enter(c);
	assert_int_equal(s->scan(s->ctx, c, 0, 100) + s->scan(s->ctx, c, 1, 100), 2);
	cpu_leave(c);
	assert_int_equal(a->map.nr_pages, 1);
	assert_int_equal(a->map.nr_shadows, 1);
	assert_true(entry_is_page(tree_entry(&a->map, index)));
	assert_verified(x->vm);
	close_file(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_only_so_many_stay),
		FILE_TEST(test_a_page_takes_its_leaf_off_the_list),
		FILE_TEST(test_a_page_beside_shadows_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
