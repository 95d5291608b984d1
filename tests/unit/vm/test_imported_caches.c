/* SPDX-License-Identifier: MIT */
/* Whole machines that were loaded from captures are the business of unit/daemon/test_import_drop. */
#include "vm/imported_caches.h"

#include "base/rng.h"
#include "mm/pcp.h"
#include "support/vm_slab_fixture.h"

#include <pthread.h>

#define SLABS 8u

/* Full slabs that were there before the machine ran. Returns objects. */
static uint64_t import(struct fixture *f, const char *name)
{
	struct kmem_cache *s = cache_of(f, name);
	struct cpu *c = &f->vm.machine.cpu[0];
	bool reclaimable = s->flags & SLAB_RECLAIM_ACCOUNT;
	struct rng rng;
	rng_init(&rng, 11);
	for (unsigned i = 0; i < SLABS; i++) {
		cpu_enter(c);
		struct page *page = zone_take(c, f->vm.machine.node[0].zone[1], s->layout.order,
					      reclaimable ? MIGRATE_RECLAIMABLE : MIGRATE_UNMOVABLE, 0);
		assert_non_null(page);
		node_stat_add(c, &f->vm.machine.node[0],
			      reclaimable ? NR_SLAB_RECLAIMABLE : NR_SLAB_UNRECLAIMABLE,
			      1 << s->layout.order);
		cpu_leave(c);
		assert_int_equal(kmem_cache_import(s, page, s->layout.objects, &rng), 0);
	}
	return SLABS * s->layout.objects;
}

static void start(struct fixture *f)
{
	f->vm.imported = true;
	assert_int_equal(imported_caches_start(&f->vm), 0);
	assert_int_equal(imported_caches_start(&f->vm), 0); /* once */
}

/* The shrinker that was registered. */
static struct shrinker *shrinker(struct fixture *f)
{
	struct shrinker *s = f->vm.policy.shrinkers;
	while (s && s != &f->vm.imported_caches.shrinker)
		s = s->next;
	assert_non_null(s);
	return s;
}

static uint64_t scan(struct fixture *f, uint64_t nr)
{
	const struct shrinker *s = shrinker(f);
	struct cpu *c = &f->vm.machine.cpu[0];
	cpu_enter(c);
	uint64_t freed = s->scan(s->ctx, c, 0, nr);
	cpu_leave(c);
	return freed;
}

static uint64_t active(struct fixture *f, const char *name)
{
	return usage_of(f, name).active;
}

/* Each inode of a disk takes a name and a label with it; others keep theirs. */
static void test_inodes_go_with_their_names(void **state)
{
	struct fixture *f = *state;
	uint64_t inodes = import(f, "ext4_inode_cache");
	uint64_t names = import(f, "dentry"), labels = import(f, "lsm_inode_cache");
	uint64_t shared = import(f, "shmem_inode_cache"), plain = import(f, "inode_cache");
	start(f);
	assert_int_equal(imported_caches_inodes(&f->vm), inodes);
	assert_int_equal(scan(f, 100), 100);
	assert_int_equal(imported_caches_inodes(&f->vm), inodes - 100);
	assert_int_equal(names - active(f, "dentry"), 100);
	assert_int_equal(labels - active(f, "lsm_inode_cache"), 100);
	assert_int_equal(active(f, "shmem_inode_cache"), shared);
	assert_int_equal(active(f, "inode_cache"), plain);
	assert_verified(&f->vm);
}

/* Each node with memory is asked for an equal share, by what vm.vfs_cache_pressure leaves of it. */
static void test_count(void **state)
{
	struct fixture *f = *state;
	uint64_t inodes = import(f, "ext4_inode_cache");
	start(f);
	const struct shrinker *s = shrinker(f);
	assert_int_equal(s->count(s->ctx, 0), DIV_ROUND_UP(inodes, 2));
	assert_int_equal(s->count(s->ctx, 1), DIV_ROUND_UP(inodes, 2));
	WRITE_RELAXED(&f->vm.policy.reclaim.vfs_cache_pressure, 50);
	assert_in_range(s->count(s->ctx, 0), inodes / 4 - 1, inodes / 4 + 1);
	WRITE_RELAXED(&f->vm.policy.reclaim.vfs_cache_pressure, 0);
	assert_int_equal(s->count(s->ctx, 0), 0);
	f->vm.machine.node[1].has_memory = false;
	WRITE_RELAXED(&f->vm.policy.reclaim.vfs_cache_pressure, 100);
	assert_int_equal(s->count(s->ctx, 0), inodes);
	assert_int_equal(s->count(s->ctx, 1), 0);
	f->vm.machine.node[1].has_memory = true;
}

static void test_all_of_them(void **state)
{
	struct fixture *f = *state;
	uint64_t inodes = import(f, "ext4_inode_cache"), names = import(f, "dentry");
	start(f);
	assert_int_equal(scan(f, UINT64_MAX), inodes);
	assert_int_equal(imported_caches_inodes(&f->vm), 0);
	assert_int_equal(active(f, "dentry"), names - MIN(names, inodes));
	assert_true(scan(f, 1) == SHRINK_STOP);
	assert_verified(&f->vm);
}

/* Inside a CPU the list of objects cannot be waited for. */
static void *scan_elsewhere(void *arg)
{
	return scan(arg, 1) == SHRINK_STOP ? arg : NULL;
}

static void test_list_in_use(void **state)
{
	struct fixture *f = *state;
	pthread_t other;
	void *stopped;
	uint64_t inodes = import(f, "ext4_inode_cache");
	start(f);
	lock_take(&f->vm.slabs.lock);
	assert_int_equal(pthread_create(&other, NULL, scan_elsewhere, f), 0);
	assert_int_equal(pthread_join(other, &stopped), 0);
	lock_drop(&f->vm.slabs.lock);
	assert_ptr_equal(stopped, f);
	assert_int_equal(imported_caches_inodes(&f->vm), inodes);
}

/* Half of the pages of files gone, half of what they were found through goes; none goes while they are there. */
static void test_index_follows_pages(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "reader");
	uint64_t nodes = import(f, "radix_tree_node");
	assert_write(t, "file", "8M");
	start(f);
	assert_int_equal(imported_caches_settle(&f->vm), 0);
	assert_write(t, "file", "4M");
	uint64_t freed = imported_caches_settle(&f->vm);
	assert_in_range(freed, nodes / 2 - nodes / 50, nodes / 2 + nodes / 50);
	assert_int_equal(active(f, "radix_tree_node"), nodes - freed);
	assert_write(t, "file", "16M"); /* more pages than ever: what is gone does not come back */
	assert_int_equal(imported_caches_settle(&f->vm), 0);
	assert_write(t, "file", "0");
	assert_int_equal(imported_caches_settle(&f->vm), nodes - freed);
	assert_verified(&f->vm);
	end_task(f, t);
}

/* A machine that began empty has nothing of the kind. */
static void test_not_imported(void **state)
{
	struct fixture *f = *state;
	f->vm.imported = false;
	assert_int_equal(imported_caches_start(&f->vm), 0);
	for (const struct shrinker *s = f->vm.policy.shrinkers; s; s = s->next)
		assert_ptr_not_equal(s, &f->vm.imported_caches.shrinker);
	assert_int_equal(imported_caches_settle(&f->vm), 0);
	assert_int_equal(imported_caches_inodes(&f->vm), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_inodes_go_with_their_names),
		TEST(test_count),
		TEST(test_all_of_them),
		TEST(test_list_in_use),
		TEST(test_index_follows_pages),
		TEST(test_not_imported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
