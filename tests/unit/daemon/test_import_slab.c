/* SPDX-License-Identifier: MIT */
/* Slabs dealt to nodes, the objects they have, and what is left when nothing has room for them. */
#include "daemon/import_slab.h"
#include "mm/owner.h"
#include "mm/slab.h"
#include "support/state_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SLABINFO "proc/slabinfo"
#define LINE "ext4_fc_dentry_update"

/* Every split adds up, and uses few partial slabs. */
static void test_objects_of_slabs(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 5);
	for (unsigned i = 0; i < 20000; i++) {
		struct slab_part p = { .objects = 1 + (unsigned)rng_below(&rng, 64),
				       .slabs = 1 + rng_below(&rng, 40) };
		p.empty = rng_below(&rng, 3) ? 0 : rng_below(&rng, p.slabs + 1);
		p.no_more_empty = rng_below(&rng, 2);
		uint64_t others = p.slabs - p.empty, most = p.objects - p.no_more_empty;
		p.free = rng_below(&rng, others * most + 1);
		uint64_t free = p.free + p.empty * p.objects, sum = 0, all_free = 0, empty = p.empty;
		bool exact = p.no_more_empty;
		while (p.slabs) {
			unsigned nr = slab_part_free(&p, &rng);
			assert_true(nr <= p.objects);
			sum += nr;
			all_free += nr == p.objects;
		}
		assert_int_equal(sum, free);
		assert_int_equal(p.empty, 0);
		assert_true(exact ? all_free == empty : all_free >= empty);
	}
}

static void test_few_are_partial(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 6);
	struct slab_part p = { .objects = 20, .slabs = 1000, .free = 210 };
	unsigned partial = 0;
	while (p.slabs)
		partial += slab_part_free(&p, &rng) > 0;
	assert_true(partial >= 11 && partial < 60);
}

/* Each node has the slab pages that its counter says, of a mixture of caches. */
static void test_nodes(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T9");
	struct state_vm *s = state_boot(&d);
	struct machine *m = &s->vm.machine;
	unsigned spread = 0;
	for (const struct kmem_cache *k = s->vm.slabs.newest; k; k = k->older) {
		unsigned nodes = 0;
		for (unsigned n = 0; n < m->nr_nodes; n++)
			nodes += k->node[n].nr_slabs > 0;
		spread += nodes > 1;
	}
	assert_true(spread > 20);
	for (unsigned n = 0; n < m->nr_nodes; n++) {
		const struct cap_node *from = &s->capture->node[n];
		assert_int_equal(node_stat_read(&m->node[n], NR_SLAB_RECLAIMABLE),
				 from->stat[NR_SLAB_RECLAIMABLE]);
		assert_int_equal(node_stat_read(&m->node[n], NR_SLAB_UNRECLAIMABLE),
				 from->stat[NR_SLAB_UNRECLAIMABLE]);
	}
	assert_false(state_noted(s->capture, NOTE_CORRECTED, "slabs"));
	state_end(s);
	state_dir_remove(&d);
}

/* What zoneinfo has beyond slabinfo is kmalloc's. */
static void test_kmalloc_blocks(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	struct state_vm *s = state_boot(&d);
	const struct machine *m = &s->vm.machine;
	uint64_t blocks[MM_ORDERS] = { 0 };
	for (uint64_t pfn = 0; pfn < m->end_pfn; pfn++) {
		const struct page *p = pfn_page(m, (pfn_t)pfn);
		if (p->state == PAGE_USED && owner_kind(p->owner) == OWNER_KMALLOC)
			blocks[p->order]++;
	}
	uint64_t pages = blocks[0] + 2 * blocks[1] + 4 * blocks[2] + 8 * blocks[3];
	assert_true(pages > 350 && pages < 450); /* every capture has so many */
	assert_true(blocks[3] > 10 && blocks[2] > 10 && blocks[1] <= 2 && blocks[0] <= 2);
	state_end(s);
	state_dir_remove(&d);
}

/* Another seed is another choice with the same sums. */
static void test_seeds(void **state)
{
	(void)state;
	struct state_dir d;
	uint64_t word[2];
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	for (unsigned i = 0; i < 2; i++) {
		struct state_vm *s = state_boot(&d);
		struct kmem_cache *k = kmem_cache_find(&s->vm.slabs, "dentry");
		pfn_t pfn = k->node[0].partial.head ? k->node[0].partial.head : k->node[1].partial.head;
		word[i] = pfn_page(&s->vm.machine, pfn)->private;
		kmem_cache_put(k);
		state_end(s);
	}
	assert_int_equal(word[0], word[1]); /* one seed: the same */
	state_dir_remove(&d);
}

static struct cache_usage usage_of(struct state_vm *s, const char *name)
{
	struct cache_usage u;
	struct kmem_cache *k = kmem_cache_find(&s->vm.slabs, name);
	assert_non_null(k);
	kmem_cache_usage(k, -1, &u);
	kmem_cache_put(k);
	return u;
}

/* 448 free blocks of order 8 among the memory in use, of which 120 slabs of order 10 would take nearly all. */
static void state_fragment(const struct state_dir *d)
{
	char from[64], to[64];
	struct capture *c = state_read(d);
	uint64_t free = cap_zone_find(c, 0, ZONE_DMA32)->free;
	import_free(c);
	state_dir_edit(d, "proc/buddyinfo", "     2      1      0    223", "   450      1      0     23");
	state_dir_drop(d, "proc/pagetypeinfo");
	snprintf(from, sizeof(from), "pages free     %lu", free);
	snprintf(to, sizeof(to), "pages free     %lu", free - 200 * 1024 + 448 * 256);
	state_dir_edit(d, "proc/zoneinfo", from, to);
}

/* Slabs for which the memory in use has no whole blocks stay pinned, and slabinfo is as it was. */
static void test_no_blocks(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T1");
	state_fragment(&d);
	state_dir_edit(&d, SLABINFO, LINE,
		       "vast 20 120 4194304 1 1024 : tunables 0 0 0 : slabdata 120 120 0\n" LINE);
	struct state_vm *s = state_boot(&d);
	struct cache_usage u = usage_of(s, "vast");
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "slabs"));
	assert_int_equal(u.slabs, 120);
	assert_int_equal(u.objects, 120);
	assert_int_equal(u.active, 20);
	struct kmem_cache *k = kmem_cache_find(&s->vm.slabs, "vast");
	assert_true(k->pinned_slabs > 0 && k->pinned_slabs <= 120);
	uint64_t live;
	assert_int_equal(kmem_cache_destroy(k, &live), -EBUSY);
	state_end(s);
	state_dir_remove(&d);
}

/* More slabs than memory in use: what has no room is left out. */
static void test_no_memory(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T1");
	state_dir_edit(&d, SLABINFO, LINE,
		       "vast 20 60 4194304 1 1024 : tunables 0 0 0 : slabdata 60 60 0\n" LINE);
	struct state_vm *s = state_boot(&d);
	struct cache_usage u = usage_of(s, "vast");
	assert_true(u.slabs > 0 && u.slabs < 60 && u.objects == u.slabs && u.active <= 20);
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "slabs"));
	state_end(s);
	state_dir_remove(&d);
}

/* Without slabinfo: the usual caches, and slabs that are nobody's. */
static void test_no_slabinfo(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	state_dir_drop(&d, SLABINFO);
	struct state_vm *s = state_boot(&d);
	assert_true(state_noted(s->capture, NOTE_GUESSED, "slab caches"));
	assert_true(s->vm.slabs.nr_caches > 100);
	assert_int_equal(usage_of(s, "dentry").slabs, 0);
	const struct node *n = &s->vm.machine.node[0];
	uint64_t pinned = 0;
	for (unsigned t = 0; t < s->vm.machine.nr_zone_types; t++)
		pinned += n->zone[t]->pinned[PINNED_SLAB_UNRECLAIMABLE];
	assert_int_equal(pinned, s->capture->node[0].stat[NR_SLAB_UNRECLAIMABLE]);
	assert_int_equal(node_stat_read(n, NR_SLAB_UNRECLAIMABLE), pinned);
	state_end(s);
	state_dir_remove(&d);
}

/* More slabs than zoneinfo counts, as on a machine that was busy between the two: they are there. */
static void test_drift(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	state_dir_edit(&d, SLABINFO, LINE,
		       "module_thing 3600 3600 4096 1 1 : tunables 0 0 0 : slabdata 3600 3600 0\n" LINE);
	struct state_vm *s = state_boot(&d);
	assert_int_equal(usage_of(s, "module_thing").objects, 3600);
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "nr_slab_unreclaimable"));
	state_end(s);
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects_of_slabs),
		cmocka_unit_test(test_few_are_partial),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_kmalloc_blocks),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_no_blocks),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_no_slabinfo),
		cmocka_unit_test(test_drift),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
