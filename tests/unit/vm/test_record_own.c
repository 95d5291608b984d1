/* SPDX-License-Identifier: MIT */
/* Objects in magazines and the daemon's own ones come back from the frame record to where they were. */
#include "support/record_fixture.h"
#include "support/vm_slab_fixture.h"
#include "vm/dcache.h"

#include <stdlib.h>

static int whole_setup(void **state)
{
	*state = fixture_boot_whole();
	return 0;
}

#define WHOLE(name) cmocka_unit_test_setup_teardown(name, whole_setup, fixture_teardown)

/* Tasks with mappings and names, and magazines, arrays of other nodes' objects and shared arrays with something in them. */
static void work(struct fixture *f)
{
	struct task *a = make_task(f, "a"), *b = make_task(f, "b"), *c = make_task(f, "c");
	assert_int_equal(hugetlb_resize(&f->vm.policy, f->vm.hugetlb, 2, -1), 2);
	assert_write(a, "anon", "1M");
	assert_write(a, "hugetlb", "2M 1");
	assert_write(b, "cpu", "3");
	assert_write(b, "anon", "64k");
	dcache_add(a, 5, "a", 1001);
	dcache_add(a, 1001, "a name with blanks", 1002);
	dcache_add(b, 5, "b", 2001);
	struct kmem_cache *s = make_cache(f, "loose", 100, 0);
	void *object[400];
	struct cpu *cpu[] = { &f->vm.machine.cpu[0], &f->vm.machine.cpu[3] };
	cpu_enter(cpu[0]);
	assert_int_equal(kmem_cache_alloc_bulk(s, cpu[0], GFP_KERNEL, 400, object), 0);
	kmem_cache_free_bulk(s, cpu[0], 395, object);
	cpu_leave(cpu[0]);
	cpu_enter(cpu[1]);
	kmem_cache_free_bulk(s, cpu[1], 5, object + 395);
	cpu_leave(cpu[1]);
	kmem_cache_put(s);
	end_task(f, c);
	task_put(a);
	task_put(b);
}

/* The lines that this is about. */
static const char *const kinds[] = { "\nmagazine ", "\nalien ",     "\nshared ",   "\nself ",
				     "\nreserve ",  "\ntask_self ", "\ntask_name " };

static void test_comes_back(void **state)
{
	struct fixture *f = *state;
	work(f);
	char *record = record_of(&f->vm);
	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strstr(record, kinds[i]))
			fail_msg("no line%s", kinds[i]);
	struct reborn *r = reborn_of(record, NULL);
	assert_int_equal(vm_slab_start(&r->vm), 0);
	assert_verified(&r->vm);
	char *again = record_of(&r->vm);
	assert_string_equal(record, again);
	for (unsigned kind = 0; kind < OWN_KINDS; kind++) {
		assert_int_equal(own_count(&r->vm, kind), own_count(&f->vm, kind));
		assert_int_equal(own_reserve(&r->vm, kind), own_reserve(&f->vm, kind));
	}
	struct task *a = task_find(&r->vm, "a");
	assert_int_equal(a->area[AREA_ANON]->pages, 256);
	assert_int_equal(a->area[AREA_HUGETLB]->pages, 512);
	assert_int_equal(dcache_count(a), 2);
	assert_string_equal(a->names->next->name, "a name with blanks");
	task_put(a);
	assert_int_equal(task_remove(&r->vm, "a"), 0);
	assert_int_equal(task_remove(&r->vm, "b"), 0);
	for (unsigned kind = 0; kind < OWN_KINDS; kind++)
		assert_int_equal(own_count(&r->vm, kind), own_reserve(&r->vm, kind));
	assert_verified(&r->vm);
	reborn_end(r);
	free(record);
	free(again);
}

static void go_on(struct vm *vm)
{
	struct task *t;
	char name[16];
	for (unsigned i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		assert_int_equal(task_create(vm, name, 0, 0, &t), 0);
		assert_write(t, "anon", "16k");
		dcache_add(t, 5, name, 5000 + i);
		assert_write(t, "slab", "loose 17");
		task_put(t);
	}
	for (unsigned i = 0; i < 30; i += 2) {
		snprintf(name, sizeof(name), "t%u", i);
		assert_int_equal(task_remove(vm, name), 0);
	}
	assert_int_equal(task_remove(vm, "a"), 0);
	struct kmem_cache *s;
	const struct cache_spec spec = { .name = "late", .object_size = 60 };
	assert_int_equal(kmem_cache_create(&vm->slabs, &spec, &s), 0);
	kmem_cache_put(s);
}

/* To the last page and object. */
static void test_goes_on_alike(void **state)
{
	struct fixture *f = *state;
	work(f);
	char *record = record_of(&f->vm);
	struct reborn *r = reborn_of(record, NULL);
	assert_int_equal(vm_slab_start(&r->vm), 0);
	go_on(&f->vm);
	go_on(&r->vm);
	char *one = record_of(&f->vm), *two = record_of(&r->vm);
	assert_string_equal(one, two);
	assert_verified(&r->vm);
	reborn_end(r);
	free(record);
	free(one);
	free(two);
}

static const struct record_edit wrong[] = {
	{ "\nmagazine ", "magazine ", "magazine 0 ", "there is no cache 0" },
	{ "\nmagazine ", "magazine ", "magazine 9999", "there are only" },
	{ "\nmagazine ", " 0 ", " 9 ", "there are only" },
	{ "\nshared ", " 0 ", " 7 ", "there are only" },
	{ "\nself 1 ", "self 1 ", "self 1 7,", "is no object that somebody can have here" },
	{ "\nself 1 ", "self 1 ", "self 1 0,0,0,0,0,", "there are fewer nodes" },
	{ "\nself 2 ", "self 2 ", "self 1 ", "this has an object already" },
	{ "\nreserve 0 ", "reserve 0 ", "reserve 9 ", "there are only" },
	{ "\nreserve 0 ", "reserve 0 ", "reserve 0 0,", "the reserve has no such object" },
	{ "\nreserve 0 ", "reserve 0 ", "reserve 1 ", "is no object that somebody can have here" },
	{ "\ntask_self 1 ", "task_self 1 ", "task_self 77 ", "there are only" },
	{ "\ntask_self 2 ", "task_self 2 ", "task_self 2 0,0,0,0,0 ", "a task has no more mappings" },
	{ "\ntask_name 1 ", "task_name 1 ", "task_name 1 1 x ", "four numbers" },
	{ "\ntask_name 1 ", "task_name 1 ", "task_name 1 0,0,1,1 % ", "is not a name" },
};

static void test_refused(void **state)
{
	struct fixture *f = *state;
	work(f);
	assert_edits_refused(&f->vm, wrong, ARRAY_LEN(wrong));
}

/* Without these lines everything is nobody's, and is taken over. */
static void test_older_records(void **state)
{
	struct fixture *f = *state;
	work(f);
	char *record = record_of(&f->vm);
	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++)
		for (char *line; (line = strstr(record, kinds[i]));) {
			char *end = strchr(line + 1, '\n');
			memmove(line, end, strlen(end) + 1);
		}
	struct reborn *r = reborn_of(record, NULL);
	struct cache_usage before, after;
	struct kmem_cache *s = kmem_cache_find(&r->vm.slabs, "task_struct");
	kmem_cache_usage(s, -1, &before);
	assert_int_equal(vm_slab_start(&r->vm), 0);
	kmem_cache_usage(s, -1, &after);
	assert_int_equal(after.active, before.active);
	assert_int_equal(own_count(&r->vm, OWN_TASK), own_count(&f->vm, OWN_TASK));
	assert_int_equal(own_count(&r->vm, OWN_AREA), own_count(&f->vm, OWN_AREA));
	kmem_cache_put(s);
	assert_verified(&r->vm);
	reborn_end(r);
	free(record);
}

static void test_no_memory(void **state)
{
	struct fixture *f = *state;
	work(f);
	sweep_reborn(&f->vm, 5, vm_slab_start);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WHOLE(test_comes_back),    WHOLE(test_goes_on_alike), WHOLE(test_refused),
		WHOLE(test_older_records), WHOLE(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
