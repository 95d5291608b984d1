/* SPDX-License-Identifier: MIT */
/* What is free in magazines and arrays is free when it comes back, and nothing is drained for that. */
#include "support/record_fixture.h"
#include "support/vm_slab_fixture.h"

#include <stdlib.h>

static void test_loose_objects_are_free(void **state)
{
	struct fixture *f = *state;
	struct kmem_cache *s = make_cache(f, "loose", 200, 0);
	struct task *t = make_task(f, "t");
	struct why why = { "" };
	void *object[500];
	struct cpu *c = &f->vm.machine.cpu[0], *other = &f->vm.machine.cpu[3];
	cpu_enter(c);
	assert_int_equal(kmem_cache_alloc_bulk(s, c, GFP_KERNEL, 500, object), 0);
	cpu_leave(c);
	for (unsigned i = 0; i < 300; i++) { /* at home, and on the other node */
		struct cpu *by = i % 3 ? c : other;
		cpu_enter(by);
		kmem_cache_free(s, by, object[i]);
		cpu_leave(by);
	}
	struct cache_usage before = usage_of(f, "loose");
	assert_int_equal(before.active, 200);
	uint64_t on_slabs = free_on_slabs(f, "loose");
	assert_true(on_slabs < before.objects - 200);

	char *record = record_of(&f->vm);
	assert_int_equal(free_on_slabs(f, "loose"), on_slabs);
	struct reborn *r = calloc(1, sizeof(*r));
	if (reborn_boot(r, record, NULL, &why))
		fail_msg("%s", why.text);
	struct kmem_cache *again = kmem_cache_find(&r->vm.slabs, "loose");
	struct cache_usage u;
	kmem_cache_usage(again, -1, &u);
	assert_int_equal(u.active, 200);
	assert_int_equal(u.objects, before.objects);
	assert_int_equal(u.slabs, before.slabs);
	assert_int_equal(again->node[0].free_objects + again->node[1].free_objects, on_slabs);
	assert_int_equal(again->nr_imported, 200); /* they were a test's, which is nobody */
	assert_verified(&r->vm);
	char *twice = record_of(&r->vm);
	assert_string_equal(record, twice);
	kmem_cache_put(again);
	reborn_end(r);
	free(record);
	free(twice);
	task_put(t);
}

/* Names are one word of the line. */
static void test_names(void **state)
{
	struct fixture *f = *state;
	struct why why = { "" };
	make_cache(f, "50%off", 64, SLAB_RECLAIM_ACCOUNT);
	struct reborn *r = calloc(1, sizeof(*r));
	char *record = record_of(&f->vm);
	if (reborn_boot(r, record, NULL, &why))
		fail_msg("%s", why.text);
	struct kmem_cache *s = kmem_cache_find(&r->vm.slabs, "50%off");
	assert_non_null(s);
	assert_int_equal(s->flags, SLAB_RECLAIM_ACCOUNT);
	assert_ptr_equal(r->vm.slabs.newest, s);
	reborn_end(r);
	free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_loose_objects_are_free),
		TEST(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
