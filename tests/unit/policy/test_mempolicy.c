/* SPDX-License-Identifier: MIT */
#include "policy/mempolicy.h"

#include "base/text.h"
#include "support/policy_fixture.h"

#include <errno.h>

#define NORMAL 2
#define MOVABLE 3

/* Three nodes of one zone Normal each, and a fourth without memory; a CPU each. Node 2 is nearest to 3. */
static struct world *world_four(void)
{
	static const struct zone_shape shape[] = { { 0, NORMAL, 16384, 32768, 0 },
						   { 1, NORMAL, 32768, 49152, 0 },
						   { 2, NORMAL, 49152, 65536, 0 } };
	struct machine_spec s;
	small_spec(&s, 4, 1);
	small_spec_zones(&s, shape, ARRAY_LEN(shape));
	s.node[3].distance[2] = s.node[2].distance[3] = 15;
	return world_begin(&s, true);
}

static struct mempolicy policy_of(struct world *w, const char *word)
{
	struct mempolicy pol = { .mode = MPOL_DEFAULT };
	assert_int_equal(mempolicy_parse(&pol, &w->p.numa, word), 0);
	return pol;
}

static void assert_printed(const struct mempolicy *pol, const char *want)
{
	struct text t;
	text_init(&t, 0);
	mempolicy_print(&t, pol);
	assert_string_equal(text_cstr(&t), want);
	text_fini(&t);
}

static void test_words(void **state)
{
	(void)state;
	static const char *const words[][2] = {
		{ "default", "default" },        { "local", "local" },
		{ "prefer:1", "prefer:1" },      { "preferred:2", "prefer:2" },
		{ "preferred:1-2", "prefer:1" }, /* the lowest */
		{ "bind:0,2", "bind:0,2" },      { "bind:0-2", "bind:0-2" },
		{ "bind:0,3", "bind:0" }, /* node 3 has no memory */
		{ "bind:1,200,1023", "bind:1" }, { "interleave:0-3", "interleave:0-2" },
	};
	static const char *const bad[] = {
		"",          "bind",       "bind:",   "bind:3",        "bind:3,200",
		"bind:1024", "bind:x",     "bind:1-", "interleave",    "interleave:",
		"prefer",    "preferred:", "local:0", "local:",        "default:",
		"default:0", "Bind:0",     "bind:-1", "bind=static:0", "weighted interleave:0",
		"pref:0",
	};
	struct world *w = world_four();
	for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
		struct mempolicy pol = policy_of(w, words[i][0]);
		assert_printed(&pol, words[i][1]);
		assert_true(mempolicy_valid(&pol, &w->p.numa));
	}
	struct mempolicy pol = policy_of(w, "bind:1"), was = pol;
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		if (mempolicy_parse(&pol, &w->p.numa, bad[i]) != -EINVAL)
			fail_msg("\"%s\" is taken", bad[i]);
		assert_memory_equal(&pol, &was, sizeof(pol));
	}
	world_end(w);
}

static void test_validity(void **state)
{
	(void)state;
	struct world *w = world_four();
	struct mempolicy pol = policy_of(w, "bind:1");
	nodemask_set(&pol.nodes, 3);
	assert_false(mempolicy_valid(&pol, &w->p.numa));
	pol = policy_of(w, "preferred:1");
	nodemask_set(&pol.nodes, 2);
	assert_false(mempolicy_valid(&pol, &w->p.numa));
	pol = policy_of(w, "local");
	nodemask_set(&pol.nodes, 0);
	assert_false(mempolicy_valid(&pol, &w->p.numa));
	world_end(w);
}

/* ---- Where pages come from; they go back at once ---- */

static int node_of(struct world *w, struct page *page, unsigned order)
{
	if (!page)
		return -1;
	int nid = (int)page_node(&w->m, page)->id;
	free_pages(w->c, page, order);
	return nid;
}

static int served(struct world *w, struct mempolicy *pol, gfp_t gfp, unsigned order)
{
	return node_of(w, alloc_pages_policy(&w->p, w->c, pol, gfp, order), order);
}

static uint64_t counted(const struct world *w, unsigned nid, enum numa_stat item)
{
	uint64_t sum = 0;
	const struct zone *z = w->m.node[nid].zone[NORMAL];
	MASK_FOR_EACH(cpu, &w->m.cpus_online)
		sum += w->m.cpu[cpu].zone[z->id].numa[item];
	return sum;
}

static void go_to_cpu(struct world *w, unsigned cpu)
{
	cpu_leave(w->c);
	w->c = &w->m.cpu[cpu];
	cpu_enter(w->c);
	world_sharpen(w);
}

static void test_local(void **state)
{
	(void)state;
	struct world *w = world_four();
	struct mempolicy local = policy_of(w, "local"), none = policy_of(w, "default");
	assert_int_equal(served(w, NULL, GFP_KERNEL, 0), 0);
	assert_int_equal(served(w, &none, GFP_KERNEL, 3), 0);
	assert_int_equal(served(w, &local, GFP_HIGHUSER_MOVABLE, 0), 0);
	go_to_cpu(w, 3); /* its node has no memory */
	assert_int_equal(served(w, &local, GFP_KERNEL, 0), 2);
	assert_int_equal(counted(w, 2, NUMA_HIT), 1);
	assert_int_equal(counted(w, 2, NUMA_OTHER), 1);
	world_end(w);
}

static void test_preferred(void **state)
{
	(void)state;
	struct world *w = world_four();
	struct mempolicy pol = policy_of(w, "preferred:1");
	assert_int_equal(served(w, &pol, GFP_HIGHUSER_MOVABLE, 0), 1);
	assert_int_equal(served(w, &pol, GFP_KERNEL, 4), 1);
	assert_int_equal(counted(w, 1, NUMA_HIT), 2);
	assert_int_equal(counted(w, 1, NUMA_OTHER), 2);
	assert_int_equal(counted(w, 1, NUMA_FOREIGN), 0);
	zone_leave_free(w, world_zone(w, 1, NORMAL), 0);
	assert_int_equal(served(w, &pol, GFP_KERNEL, 0), 2); /* of those that are equally far the next one */
	assert_int_equal(counted(w, 2, NUMA_MISS), 1);
	assert_int_equal(counted(w, 1, NUMA_FOREIGN), 1);
	assert_int_equal(counted(w, 2, NUMA_OTHER), 1);
	world_end(w);
}

static void test_bind(void **state)
{
	(void)state;
	struct world *w = world_four();
	struct mempolicy pol = policy_of(w, "bind:1,2");
	go_to_cpu(w, 3);
	assert_int_equal(served(w, &pol, GFP_HIGHUSER_MOVABLE, 0), 2); /* the nearest */
	assert_int_equal(counted(w, 2, NUMA_HIT), 1);
	zone_leave_free(w, world_zone(w, 2, NORMAL), 0);
	assert_int_equal(served(w, &pol, GFP_HIGHUSER_MOVABLE, 0), 1);
	assert_int_equal(counted(w, 1, NUMA_MISS), 1);
	assert_int_equal(counted(w, 2, NUMA_FOREIGN), 1);
	zone_leave_free(w, world_zone(w, 1, NORMAL), 0);
	uint64_t free_pages = zone_free(world_zone(w, 0, NORMAL));
	assert_int_equal(served(w, &pol, GFP_HIGHUSER_MOVABLE, 0), -1);
	assert_int_equal(served(w, &pol, GFP_KERNEL, 2), -1);
	assert_int_equal(zone_free(world_zone(w, 0, NORMAL)), free_pages);
	go_to_cpu(w, 0);
	assert_int_equal(served(w, &pol, GFP_KERNEL, 0), -1);
	assert_int_equal(served(w, &pol, GFP_ATOMIC, 0), 0); /* who cannot wait is not bound */
	assert_int_equal(served(w, &pol, GFP_ATOMIC | __GFP_NOMEMALLOC, 0), 0);
	world_end(w);
}

/* Bound from a CPU of another node: a hit, for nothing else was wanted. */
static void test_bind_counts(void **state)
{
	(void)state;
	struct world *w = world_four();
	struct mempolicy pol = policy_of(w, "bind:1");
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(served(w, &pol, GFP_HIGHUSER_MOVABLE, 0), 1);
	assert_int_equal(counted(w, 1, NUMA_HIT), 10);
	assert_int_equal(counted(w, 1, NUMA_OTHER), 10);
	assert_int_equal(
		counted(w, 1, NUMA_LOCAL) + counted(w, 1, NUMA_MISS) + counted(w, 0, NUMA_FOREIGN), 0);
	world_end(w);
}

/* Reclaim for a bound request works on its nodes. */
static void test_bind_reclaims(void **state)
{
	(void)state;
	struct world *w = world_four();
	struct mempolicy pol = policy_of(w, "bind:1");
	for (unsigned nid = 0; nid < 2; nid++)
		zone_fill_with_file(w, world_zone(w, nid, NORMAL), 2000, LRU_INACTIVE_FILE);
	zone_leave_free(w, world_zone(w, 1, NORMAL), 0);
	assert_int_equal(served(w, &pol, GFP_HIGHUSER_MOVABLE, 0), 1);
	assert_true(w->released > 0);
	assert_int_equal(node_stat_sum(&w->m.node[0], NR_FILE_PAGES), 2000);
	assert_int_equal(node_stat_sum(&w->m.node[1], NR_FILE_PAGES), 2000 - w->released);
	w->refuse = true;
	for (unsigned nid = 0; nid < 2; nid++) { /* for the end of the machine */
		struct node *n = &w->m.node[nid];
		for (struct page *page; (page = lru_tail(n, LRU_INACTIVE_FILE));) {
			lock_take(&n->lru.lock);
			lru_del(w->c, page);
			lock_drop(&n->lru.lock);
			node_stat_add(w->c, n, NR_FILE_PAGES, -1);
			page->owner = 0;
			free_pages(w->c, page, 0);
		}
	}
	world_end(w);
}

static void test_interleave(void **state)
{
	(void)state;
	struct world *w = world_four();
	struct mempolicy pol = policy_of(w, "interleave:0,2");
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(served(w, &pol, GFP_HIGHUSER_MOVABLE, 0), i % 2 ? 2 : 0);
	assert_int_equal(counted(w, 0, NUMA_INTERLEAVE_HIT), 3);
	assert_int_equal(counted(w, 2, NUMA_INTERLEAVE_HIT), 3);
	assert_int_equal(counted(w, 2, NUMA_OTHER), 3);
	zone_leave_free(w, world_zone(w, 2, NORMAL), 0);
	assert_int_equal(served(w, &pol, GFP_KERNEL, 0), 0);
	assert_int_equal(served(w, &pol, GFP_KERNEL, 0), 0); /* node 2's turn */
	assert_int_equal(counted(w, 0, NUMA_INTERLEAVE_HIT), 4);
	assert_int_equal(counted(w, 2, NUMA_INTERLEAVE_HIT), 3);
	assert_int_equal(counted(w, 0, NUMA_MISS), 1);
	assert_int_equal(counted(w, 2, NUMA_FOREIGN), 1);
	w->m.tune.numa_stat = 0;
	assert_int_equal(served(w, &pol, GFP_KERNEL, 0), 0);
	assert_int_equal(counted(w, 0, NUMA_INTERLEAVE_HIT), 4);
	w->m.tune.numa_stat = 1;
	world_end(w);
}

/* By the place in a mapping, whatever was asked for before. */
static void test_places(void **state)
{
	(void)state;
	struct world *w = world_four();
	struct mempolicy pol = policy_of(w, "interleave:0-2"), none = policy_of(w, "default"),
			 bind = policy_of(w, "bind:2"), one = policy_of(w, "preferred:1");
	static const uint64_t offset[] = { 0, 1, 2, 3, 1, 1, 3000000000001 };
	for (unsigned i = 0; i < ARRAY_LEN(offset); i++)
		assert_int_equal(
			node_of(w, alloc_page_at(&w->p, w->c, &pol, GFP_HIGHUSER_MOVABLE, offset[i]), 0),
			offset[i] % 3);
	assert_int_equal(counted(w, 1, NUMA_INTERLEAVE_HIT), 4);
	assert_int_equal(node_of(w, alloc_page_at(&w->p, w->c, &none, GFP_HIGHUSER_MOVABLE, 1), 0), 0);
	assert_int_equal(node_of(w, alloc_page_at(&w->p, w->c, &bind, GFP_HIGHUSER_MOVABLE, 1), 0), 2);
	assert_int_equal(node_of(w, alloc_page_at(&w->p, w->c, &one, GFP_HIGHUSER_MOVABLE, 2), 0), 1);
	world_end(w);
}

static void test_huge_node(void **state)
{
	(void)state;
	struct world *w = world_four();
	const struct nodemask *nodes;
	struct mempolicy il = policy_of(w, "interleave:1-2"), bind = policy_of(w, "bind:2"),
			 one = policy_of(w, "preferred:1");
	assert_int_equal(mempolicy_huge_node(&w->p, w->c, NULL, &nodes), 0);
	assert_null(nodes);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(mempolicy_huge_node(&w->p, w->c, &il, &nodes), 1 + i % 2);
	assert_null(nodes);
	assert_int_equal(mempolicy_huge_node(&w->p, w->c, &one, &nodes), 1);
	assert_null(nodes);
	assert_int_equal(mempolicy_huge_node(&w->p, w->c, &bind, &nodes), 0);
	assert_ptr_equal(nodes, &bind.nodes);
	world_end(w);
}

/* Low memory is taken where it is. */
static void test_low_zones(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 1, 4096, 32768, 0 },
						   { 0, NORMAL, 1048576, 1064960, 0 },
						   { 1, NORMAL, 1064960, 1081344, 0 } };
	struct machine_spec s;
	small_spec(&s, 2, 1);
	small_spec_zones(&s, shape, ARRAY_LEN(shape));
	struct world *w = world_begin(&s, true);
	struct mempolicy pol = policy_of(w, "bind:1");
	assert_int_equal(w->p.numa.bound_type, NORMAL);
	assert_int_equal(served(w, &pol, GFP_KERNEL, 0), 1);
	assert_int_equal(served(w, &pol, GFP_KERNEL | __GFP_DMA32, 0), 0);
	zone_leave_free(w, world_zone(w, 1, NORMAL), 0);
	assert_int_equal(served(w, &pol, GFP_KERNEL, 0), -1);
	world_end(w);
}

/* A node whose memory is all Movable binds movable memory only. */
static void test_movable_node(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, NORMAL, 16384, 32768, 0 },
						   { 1, MOVABLE, 32768, 49152, 0 } };
	struct machine_spec s;
	small_spec(&s, 2, 1);
	small_spec_zones(&s, shape, ARRAY_LEN(shape));
	struct world *w = world_begin(&s, true);
	struct mempolicy pol = policy_of(w, "bind:1");
	assert_int_equal(served(w, &pol, GFP_HIGHUSER_MOVABLE, 0), 1);
	assert_int_equal(served(w, &pol, GFP_KERNEL, 0), 0);
	world_end(w);
}

/* As T5 has it: node 1 has memory and no CPU. */
static void test_memory_only_node(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, NORMAL, 16384, 32768, 0 },
						   { 1, NORMAL, 32768, 49152, 0 } };
	struct machine_spec s;
	small_spec(&s, 2, 1);
	small_spec_zones(&s, shape, ARRAY_LEN(shape));
	mask_clear(&s.node[1].cpus);
	mask_clear(&s.cpus_online);
	mask_set(&s.cpus_online, 0);
	struct world *w = world_begin(&s, true);
	struct mempolicy bind = policy_of(w, "bind:1"), il = policy_of(w, "interleave:0-1");
	assert_int_equal(served(w, &bind, GFP_HIGHUSER_MOVABLE, 0), 1);
	assert_int_equal(served(w, &il, GFP_HIGHUSER_MOVABLE, 0), 0);
	assert_int_equal(served(w, &il, GFP_HIGHUSER_MOVABLE, 0), 1);
	assert_int_equal(counted(w, 1, NUMA_HIT), 2);
	assert_int_equal(counted(w, 1, NUMA_OTHER), 2);
	assert_int_equal(counted(w, 1, NUMA_INTERLEAVE_HIT), 1);
	zone_leave_free(w, world_zone(w, 0, NORMAL), 0);
	assert_int_equal(served(w, NULL, GFP_HIGHUSER_MOVABLE, 0), 1);
	world_end(w);
}

/* ---- Judging ---- */

static void test_is_met(void **state)
{
	(void)state;
	struct world *w = world_four();
	struct mempolicy local = policy_of(w, "local"), bind = policy_of(w, "bind:0,2"),
			 one = policy_of(w, "preferred:1");
	for (unsigned nid = 0; nid < 3; nid++) {
		assert_int_equal(mempolicy_is_met(&local, w->c, nid), nid == 0);
		assert_int_equal(mempolicy_is_met(&bind, w->c, nid), nid != 1);
		assert_int_equal(mempolicy_is_met(&one, w->c, nid), nid == 1);
	}
	struct nodemask nodes = { { 2 } };
	assert_true(mempolicy_in_domain(&local, &nodes));
	assert_true(mempolicy_in_domain(&one, &nodes));
	assert_true(mempolicy_in_domain(&bind, NULL));
	assert_false(mempolicy_in_domain(&bind, &nodes));
	nodemask_set(&nodes, 2);
	assert_true(mempolicy_in_domain(&bind, &nodes));
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_validity),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_preferred),
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_bind_counts),
		cmocka_unit_test(test_bind_reclaims),
		cmocka_unit_test(test_interleave),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_huge_node),
		cmocka_unit_test(test_low_zones),
		cmocka_unit_test(test_movable_node),
		cmocka_unit_test(test_memory_only_node),
		cmocka_unit_test(test_is_met),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
