/* SPDX-License-Identifier: MIT */
/* Mappings of a task. */
#include "support/vm_slab_fixture.h"

static int whole_setup(void **state)
{
	*state = fixture_boot_whole();
	return 0;
}

#define WHOLE(name) cmocka_unit_test_setup_teardown(name, whole_setup, fixture_teardown)

static uint64_t areas(struct fixture *f)
{
	return own_count(&f->vm, OWN_AREA) - own_reserve(&f->vm, OWN_AREA);
}

static void test_anonymous_memory(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_null(t->area[AREA_ANON]);
	assert_write(t, "anon", "4M");
	const struct area *a = t->area[AREA_ANON];
	assert_non_null(object_slab(cache_of(f, "vm_area_struct"), a));
	assert_int_equal(a->pages, 1024);
	assert_int_equal(a->task, t->id);
	assert_int_equal(a->kind, AREA_ANON);
	assert_write(t, "anon", "+4k");
	assert_ptr_equal(t->area[AREA_ANON], a);
	assert_int_equal(a->pages, 1025);
	assert_write(t, "anon", "4k");
	assert_int_equal(a->pages, 1);
	assert_int_equal(areas(f), 1);
	assert_write(t, "anon", "0");
	assert_null(t->area[AREA_ANON]);
	assert_int_equal(areas(f), 0);
	end_task(f, t);
}

static void test_huge_pages(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_int_equal(hugetlb_resize(&f->vm.policy, f->vm.hugetlb, 4, -1), 4);
	assert_write(t, "hugetlb", "2M 3");
	assert_int_equal(t->area[AREA_HUGETLB]->pages, 3 * 512);
	assert_null(t->area[AREA_ANON]);
	assert_write_fails(t, "hugetlb", "2M 5", ENOMEM);
	assert_int_equal(t->area[AREA_HUGETLB]->pages, 3 * 512);
	assert_write(t, "hugetlb", "2M 0");
	assert_null(t->area[AREA_HUGETLB]);
	assert_write_fails(t, "hugetlb", "2M 5", ENOMEM);
	assert_null(t->area[AREA_HUGETLB]);
	assert_int_equal(areas(f), 0);
	hugetlb_resize(&f->vm.policy, f->vm.hugetlb, 0, -1);
	end_task(f, t);
}

static void test_a_failed_growth_leaves_it(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	t->oom_score_adj = OOM_SCORE_ADJ_MIN; /* else it would lose all it has */
	f->vm.overcommit.memory = 1;
	assert_write_fails(t, "anon", "511M", ENOMEM);
	assert_null(t->area[AREA_ANON]);
	assert_write(t, "anon", "1M");
	assert_write_fails(t, "anon", "511M", ENOMEM);
	assert_int_equal(t->area[AREA_ANON]->pages, 256);
	assert_int_equal(areas(f), 1);
	end_task(f, t);
	assert_int_equal(areas(f), 0);
	assert_verified(&f->vm);
}

static bool no_objects(void *ctx, const struct kmem_cache *s, gfp_t gfp)
{
	(void)ctx;
	(void)s;
	(void)gfp;
	return true;
}

static void test_no_object_for_it(void **state)
{
	struct fixture *f = *state;
	struct task *t[8];
	char name[16];
	unsigned reserve = own_reserve(&f->vm, OWN_AREA);
	assert_in_range(reserve, 1, ARRAY_LEN(t) - 1);
	for (unsigned i = 0; i <= reserve; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		t[i] = make_task(f, name);
	}
	f->vm.slabs.source.fails = no_objects;
	slabs_set_direct(&f->vm.slabs, true);
	for (unsigned i = 0; i < reserve; i++)
		assert_write(t[i], "anon", "4k");
	int64_t committed = f->vm.overcommit.committed_pages;
	assert_write_fails(t[reserve], "anon", "4k", ENOMEM);
	assert_int_equal(f->vm.overcommit.committed_pages, committed);
	assert_attr(t[reserve], "anon", "0\n");
	assert_write(t[0], "anon", "0");
	assert_write(t[reserve], "anon", "4k");
	slabs_set_direct(&f->vm.slabs, false);
	for (unsigned i = 0; i <= reserve; i++)
		end_task(f, t[i]);
	assert_int_equal(areas(f), 0);
	assert_verified(&f->vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WHOLE(test_anonymous_memory),
		WHOLE(test_huge_pages),
		WHOLE(test_a_failed_growth_leaves_it),
		WHOLE(test_no_object_for_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
