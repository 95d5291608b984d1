/* SPDX-License-Identifier: MIT */
/* Names that were looked up. */
#include "support/vm_slab_fixture.h"

#include "vm/dcache.h"

static int whole_setup(void **state)
{
	struct fixture *f = fixture_boot_whole();
	f->vm.deterministic = false; /* what the host forgets counts */
	*state = f;
	return 0;
}

#define WHOLE(name) cmocka_unit_test_setup_teardown(name, whole_setup, fixture_teardown)

static void assert_objects(struct fixture *f, uint64_t names)
{
	assert_int_equal(own_count(&f->vm, OWN_NAME) - own_reserve(&f->vm, OWN_NAME), names);
	assert_int_equal(own_count(&f->vm, OWN_INODE) - own_reserve(&f->vm, OWN_INODE), names);
	assert_int_equal(usage_of(f, "dentry").active, own_count(&f->vm, OWN_NAME));
	assert_int_equal(usage_of(f, "proc_inode_cache").active, own_count(&f->vm, OWN_INODE));
}

static void test_known_until_forgotten(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	dcache_add(t, 7, "anon", 1001);
	dcache_add(t, 7, "anon", 1001);
	dcache_add(t, 7, "slab", 1002);
	assert_int_equal(dcache_count(t), 2);
	assert_objects(f, 2);
	dcache_forget(t, 1001, 1);
	dcache_forget(t, 999, 1);
	assert_objects(f, 2);
	dcache_forget(t, 1001, 1);
	assert_objects(f, 1);
	dcache_forget(t, 1002, 100); /* more than it was told */
	assert_objects(f, 0);
	assert_int_equal(dcache_count(t), 0);
	end_task(f, t);
	assert_verified(&f->vm);
}

static void test_what_is_kept(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	char name[300];
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	dcache_add(t, 7, name, 1001);
	const struct dname *d = t->names;
	assert_non_null(object_slab(cache_of(f, "dentry"), d));
	assert_non_null(object_slab(cache_of(f, "proc_inode_cache"), d->inode));
	assert_int_equal(d->parent, 7);
	assert_int_equal(d->inode->ino, 1001);
	assert_int_equal(d->inode->nlookup, 1);
	assert_int_equal(strlen(d->name), DNAME_INLINE - 1);
	assert_memory_equal(d->name, name, DNAME_INLINE - 1);
	end_task(f, t);
}

static void test_a_task_takes_them_along(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	dcache_add(t, 7, "a", 1000);
	dcache_add(t, 1000, "anon", 1001);
	assert_int_equal(task_remove(&f->vm, "a"), 0);
	assert_objects(f, 0); /* though somebody still has the task */
	dcache_add(t, 7, "a", 1000); /* too late: nothing is kept */
	assert_objects(f, 0);
	task_put(t);
	assert_verified(&f->vm);
}

static void test_deterministic_machines_keep_them(void **state)
{
	struct fixture *f = *state;
	f->vm.deterministic = true;
	struct task *t = make_task(f, "a");
	dcache_add(t, 7, "a", 1000);
	dcache_forget(t, 1000, 1);
	assert_objects(f, 1);
	end_task(f, t);
	assert_objects(f, 0);
}

static bool no_objects(void *ctx, const struct kmem_cache *s, gfp_t gfp)
{
	(void)ctx;
	(void)s;
	(void)gfp;
	return true;
}

static void test_without_memory(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	unsigned reserve = own_reserve(&f->vm, OWN_NAME);
	f->vm.slabs.source.fails = no_objects;
	slabs_set_direct(&f->vm.slabs, true);
	for (unsigned i = 0; i < reserve + 5; i++)
		dcache_add(t, 7, "n", 1000 + i);
	assert_int_equal(dcache_count(t), reserve); /* the others go without */
	assert_objects(f, reserve);
	for (unsigned i = 0; i < reserve + 5; i++)
		dcache_forget(t, 1000 + i, 1);
	assert_objects(f, 0);
	assert_int_equal(own_reserve(&f->vm, OWN_NAME), reserve);
	slabs_set_direct(&f->vm.slabs, false);
	end_task(f, t);
	assert_verified(&f->vm);
}

static void *lookup_main(void *arg)
{
	struct task *t = arg;
	for (unsigned i = 0; i < 3000; i++) {
		dcache_add(t, 7, "n", 1000 + i % 5);
		if (i % 2)
			dcache_forget(t, 1000 + i % 5, 2);
	}
	return NULL;
}

static void test_many_at_once(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	pthread_t thread[4];
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, lookup_main, t), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	assert_in_range(dcache_count(t), 0, 5);
	assert_objects(f, dcache_count(t));
	end_task(f, t);
	assert_objects(f, 0);
	assert_verified(&f->vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WHOLE(test_known_until_forgotten),   WHOLE(test_what_is_kept),
		WHOLE(test_a_task_takes_them_along), WHOLE(test_deterministic_machines_keep_them),
		WHOLE(test_without_memory),          WHOLE(test_many_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
