/* SPDX-License-Identifier: MIT */
/* Caches of slabinfo: their order, their layouts where names are known and where they are not, and their parts. */
#include "daemon/import_slab.h"
#include "mm/slab.h"
#include "support/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CAPTURE "6.1.0-50-amd64-T3"
#define SLABINFO "proc/slabinfo"
#define LINE "ext4_fc_dentry_update" /* the first one */

static struct kmem_cache *cache_of(struct state_vm *s, const char *name)
{
	struct kmem_cache *k = kmem_cache_find(&s->vm.slabs, name);
	if (!k)
		fail_msg("no cache %s", name);
	kmem_cache_put(k);
	return k;
}

static struct cache_usage usage_of(struct state_vm *s, const char *name)
{
	struct cache_usage u;
	kmem_cache_usage(cache_of(s, name), -1, &u);
	return u;
}

/* A capture with one more line of slabinfo. */
static struct state_vm *boot_with(struct state_dir *d, const char *line)
{
	char text[512];
	state_dir_make(d, CAPTURE);
	snprintf(text, sizeof(text), "%s\n" LINE, line);
	state_dir_edit(d, SLABINFO, LINE, text);
	return state_boot(d);
}

/* The last line is the oldest cache, and each is laid out as its creator asked for. */
static void test_known_layouts(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	struct state_vm *s = state_boot(&d);
	const struct kmem_cache *k = s->vm.slabs.oldest;
	assert_string_equal(k->name, "kmem_cache");
	assert_int_equal(s->vm.slabs.nr_caches, s->capture->nr_caches);
	for (unsigned i = s->capture->nr_caches; i-- > 0; k = k->newer)
		assert_string_equal(k->name, s->capture->cache[i].name);
	assert_null(k);

	k = cache_of(s, "TCP");
	assert_true(k->layout.object_size < k->layout.size); /* the word behind it that RCU needs */
	assert_true(k->flags & SLAB_TYPESAFE_BY_RCU);
	assert_true(cache_of(s, "dentry")->flags & SLAB_RECLAIM_ACCOUNT);
	assert_int_equal(cache_of(s, "kmalloc-96")->layout.object_size, 96);
	assert_ptr_equal(kmalloc_cache(&s->vm.kmalloc, 96, GFP_KERNEL), cache_of(s, "kmalloc-96"));
	unsigned aliases = 0;
	for (k = s->vm.slabs.oldest; k; k = k->newer)
		aliases += k->aliases;
	assert_true(aliases > 20); /* this kernel merges caches */
	state_end(s);
	state_dir_remove(&d);
}

static void test_unknown_layouts(void **state)
{
	(void)state;
	struct state_dir d;
	struct state_vm *s =
		boot_with(&d, "drbd_thing  7 33 121 11 4 : tunables 0 0 0 : slabdata 3 3 0\n"
			      "odd_inode_cache 4 62 1040 31 8 : tunables 0 0 0 : slabdata 2 2 0");
	const struct kmem_cache *k = cache_of(s, "drbd_thing");
	assert_int_equal(k->layout.size, 121);
	assert_int_equal(k->layout.objects, 11);
	assert_int_equal(k->layout.order, 2);
	assert_int_equal(k->layout.min_order, 0);
	assert_int_equal(usage_of(s, "drbd_thing").objects, 33);
	assert_int_equal(usage_of(s, "drbd_thing").active, 7);
	k = cache_of(s, "odd_inode_cache"); /* as inode caches are: constructed, so a word behind the object */
	assert_true(k->flags & SLAB_RECLAIM_ACCOUNT);
	assert_int_equal(k->layout.object_size + 8, k->layout.size);
	assert_int_equal(k->node[0].nr_slabs + k->node[1].nr_slabs, 2);
	state_end(s);
	state_dir_remove(&d);
}

/* Fewer objects than the slabs could have: some were taken when memory was short. */
static void test_slabs_of_the_least_order(void **state)
{
	(void)state;
	struct state_dir d;
	/* 8 slabs of 15 objects, and 2 of 1 */
	struct state_vm *s =
		boot_with(&d, "short_of 100 122 2112 15 8 : tunables 0 0 0 : slabdata 10 10 0");
	struct cache_usage u = usage_of(s, "short_of");
	assert_int_equal(u.slabs, 10);
	assert_int_equal(u.objects, 122);
	assert_int_equal(u.active, 100);
	assert_true(cache_of(s, "short_of")->mixed);
	state_end(s);
	state_dir_remove(&d);

	s = boot_with(&d, "never 100 121 2112 15 8 : tunables 0 0 0 : slabdata 10 10 0");
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "objects of caches"));
	assert_int_equal(usage_of(s, "never").slabs, 10);
	state_end(s);
	state_dir_remove(&d);
}

/* SLAB: tuned caches stay tuned, and as many slabs as it says have no object in use. */
static void test_tunables(void **state)
{
	(void)state;
	struct state_dir d;
	struct state_vm *s = boot_with(&d, "tuned 40 210 192 21 1 : tunables 120 60 8 : slabdata 6 10 3\n"
					   "mad 40 210 192 21 1 : tunables 5 60 8 : slabdata 10 10 3");
	const struct kmem_cache *k = cache_of(s, "tuned");
	assert_true(k->tuned);
	assert_int_equal(k->limit, 120);
	assert_int_equal(k->batch, 60);
	assert_int_equal(k->sharedfactor, 8);
	struct cache_usage u = usage_of(s, "tuned");
	assert_int_equal(u.active, 40);
	assert_int_equal(u.slabs, 10);
	assert_int_equal(u.free_slabs, 4);
	assert_false(cache_of(s, "mad")->tuned);
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "tunables"));
	state_end(s);
	state_dir_remove(&d);
}

/* A cache of a module: its slabs are of the class of which zoneinfo has more than the known ones. */
static void test_classes(void **state)
{
	(void)state;
	struct state_dir d;
	char to[64];
	state_dir_make(&d, CAPTURE);
	struct state_vm *s = state_boot(&d);
	uint64_t reclaimable = s->capture->node[0].stat[NR_SLAB_RECLAIMABLE];
	state_end(s);
	char from[64];
	snprintf(from, sizeof(from), "nr_slab_reclaimable %lu", reclaimable);
	snprintf(to, sizeof(to), "nr_slab_reclaimable %lu", reclaimable + 3000);
	state_dir_edit(&d, "proc/zoneinfo", from, to);
	state_dir_edit(&d, SLABINFO, LINE,
		       "zfs_thing 9000 9000 4096 1 1 : tunables 0 0 0 : slabdata 3000 3000 0\n" LINE);
	state_dir_edit(&d, SLABINFO, "zfs_thing 9000 9000", "zfs_thing 3000 3000");
	s = state_boot(&d);
	assert_true(state_noted(s->capture, NOTE_GUESSED, "classes of slabs"));
	assert_true(cache_of(s, "zfs_thing")->flags & SLAB_RECLAIM_ACCOUNT);
	assert_int_equal(node_stat_read(&s->vm.machine.node[0], NR_SLAB_RECLAIMABLE), reclaimable + 3000);
	state_end(s);
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_layouts),
		cmocka_unit_test(test_unknown_layouts),
		cmocka_unit_test(test_slabs_of_the_least_order),
		cmocka_unit_test(test_tunables),
		cmocka_unit_test(test_classes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
