/* SPDX-License-Identifier: MIT */
/* Caches, slabs and the objects of tasks come back from the frame record; what contradicts itself is refused. */
#include "mm/slab_debug.h"
#include "support/record_fixture.h"
#include "support/vm_slab_fixture.h"

#include <stdlib.h>

/* Two tasks with objects of both kinds, a cache of the user's, one that was tuned, one of slabs of two orders. */
static void work(struct fixture *f)
{
	struct task *a = make_task(f, "a"), *b = make_task(f, "b");
	struct kmem_cache *own = make_cache(f, "mine", 700, SLAB_RECLAIM_ACCOUNT);
	kmem_cache_put(own);
	assert_write(a, "slab", "TCP 384\nmine 100\nkmalloc-8 700\n");
	assert_write(a, "slab", "TCP -96\nkmalloc-8 -55\n");
	assert_write(a, "kmalloc", "200 10\n20000 7\n");
	assert_write(b, "cpu", "3");
	assert_write(b, "slab", "TCP 50\ndentry 300\n");
	assert_write(b, "kmalloc", "100 GFP_ATOMIC 44\n4000000 1\n");
	assert_int_equal(kmem_cache_tune(cache_of(f, "dentry"), 30, 10, 4), 0);
	assert_write(b, "slab", "dentry -120\n");
	task_put(a);
	task_put(b);
}

static void caches_compare(const struct slabs *one, const struct slabs *two)
{
	const struct kmem_cache *a = one->oldest, *b = two->oldest;
	for (; a && b; a = a->newer, b = b->newer) {
		struct cache_usage u, v;
		assert_string_equal(a->name, b->name);
		assert_memory_equal(&a->layout, &b->layout, sizeof(a->layout));
		assert_int_equal(a->flags, b->flags);
		assert_int_equal(a->page_gfp, b->page_gfp);
		assert_int_equal(a->aliases, b->aliases);
		assert_int_equal(a->limit, b->limit);
		assert_int_equal(a->batch, b->batch);
		assert_int_equal(a->sharedfactor, b->sharedfactor);
		assert_int_equal(a->tuned, b->tuned);
		assert_int_equal(a->min_partial, b->min_partial);
		kmem_cache_usage(a, -1, &u);
		kmem_cache_usage(b, -1, &v);
		assert_int_equal(u.slabs, v.slabs);
		assert_int_equal(u.objects, v.objects);
		assert_int_equal(u.active, v.active);
	}
	assert_ptr_equal(a, b); /* both NULL */
}

static void test_comes_back(void **state)
{
	struct fixture *f = *state;
	work(f);
	struct reborn *r = reborn_alike(&f->vm);
	caches_compare(&f->vm.slabs, &r->vm.slabs);

	struct task *a = task_find(&r->vm, "a"), *b = task_find(&r->vm, "b");
	assert_attr(a, "slab", "TCP 288\nmine 100\nkmalloc-8 645\n");
	assert_attr(a, "kmalloc", "200 10\n20000 7\n");
	assert_attr(b, "slab", "TCP 50\ndentry 180\n");
	assert_attr(b, "kmalloc", "100 GFP_ATOMIC 44\n4000000 1\n");
	assert_int_equal(vm_slab_start(&r->vm), 0); /* as a boot goes on */
	assert_write(a, "slab", "TCP +5\nmine 0\n");
	assert_write(a, "kmalloc", "200 +3\n20000 0\n");
	assert_attr(a, "kmalloc", "200 13\n");
	assert_verified(&r->vm);
	struct kmem_cache *mine = kmem_cache_find(&r->vm.slabs, "mine");
	uint64_t live;
	assert_int_equal(kmem_cache_destroy(mine, &live), 0);
	task_put(a);
	task_put(b);
	assert_int_equal(task_remove(&r->vm, "a"), 0);
	assert_int_equal(task_remove(&r->vm, "b"), 0);
	assert_verified(&r->vm);
	reborn_end(r);
}

/* The same choice of objects to free, here and there. */
static void test_goes_on_alike(void **state)
{
	struct fixture *f = *state;
	work(f);
	slabs_drain(&f->vm.slabs);
	char *record = record_of(&f->vm);
	struct reborn *r = reborn_of(record, NULL);
	struct task *one = task_find(&f->vm, "a"), *two = task_find(&r->vm, "a");
	assert_write(one, "slab", "TCP -100\nkmalloc-8 -300\n");
	assert_write(two, "slab", "TCP -100\nkmalloc-8 -300\n");
	for (unsigned i = 0; i < 2; i++) {
		const char *name = i ? "TCP" : "kmalloc-8";
		struct kmem_cache *s = cache_of(f, name), *t = kmem_cache_find(&r->vm.slabs, name);
		for (unsigned n = 0; n < 2; n++) {
			assert_int_equal(s->node[n].nr_partial, t->node[n].nr_partial);
			assert_int_equal(s->node[n].partial.head, t->node[n].partial.head);
			assert_int_equal(s->node[n].free_objects, t->node[n].free_objects);
		}
		kmem_cache_put(t);
	}
	task_put(one);
	task_put(two);
	reborn_end(r);
	free(record);
}

/* Red zones and poison are there again, so nothing is found that was not wrong. */
static void test_watched_cache(void **state)
{
	struct fixture *f = *state;
	struct region region;
	struct task *a = make_task(f, "a");
	kmem_cache_put(make_cache(f, "watched", 100, SLAB_DEBUG_DEFAULT));
	assert_write(a, "slab", "watched 100\n");
	assert_write(a, "slab", "watched -50\n");
	char *record = record_of(&f->vm);
	reborn_region(&region);
	struct reborn *r = reborn_of(record, &region);
	struct kmem_cache *s = kmem_cache_find(&r->vm.slabs, "watched");
	assert_int_equal(slab_validate(s), 0);
	struct task *t = task_find(&r->vm, "a");
	assert_write(t, "slab", "watched 10\nwatched 200\nwatched 0\n");
	assert_int_equal(slab_validate(s), 0);
	kmem_cache_put(s);
	task_put(t);
	task_put(a);
	reborn_end(r);
	region_close(&region);
	free(record);
}

/* Failures that were asked for go on being asked for. */
static void test_failures(void **state)
{
	struct fixture *f = *state;
	f->vm.failslab.attr.probability = 100;
	f->vm.failslab.attr.times = 3;
	f->vm.failslab.ignore_wait = false;
	char *record = record_of(&f->vm);
	struct reborn *r = reborn_of(record, NULL);
	assert_int_equal(r->vm.failslab.attr.probability, 100);
	assert_int_equal(r->vm.failslab.attr.times, 3);
	assert_false(r->vm.failslab.ignore_wait);
	assert_true(r->vm.slabs.direct);
	reborn_end(r);
	free(record);
}

/* ---- Records that are wrong ---- */

static const struct record_edit wrong[] = {
	{ "\ncache 1 ", "cache 1", "cache 2", "cache 1 is missing before it" },
	{ "\ncache 2 ", "cache 2", "cache 3", "cache 2 is missing before it" },
	{ "\ncache 1 ", "cache 1 ", "cache 99999 ", "there are only" },
	{ "\ncache 2 ", "2 kmem_cache_node", "2 kmem_cache", "there can be no cache kmem_cache" },
	{ "\ncache 2 ", "2 kmem", "2 a%2fb", "there can be no cache" },
	{ "\ncache 2 ", "2 kmem", "2 %", "is not the name of a cache" },
	{ "\ncache 2 ", "layout.objects=", "layout.objects=9", "" },
	{ "\ncache 2 ", "layout.order=0", "layout.order=11", "not possible there" },
	{ "\ncache 2 ", "layout.min_order=0", "layout.min_order=1", "sizes do not fit" },
	{ "\ncache 2 ", "layout.offset=", "layout.offset=99", "sizes do not fit" },
	{ "\ncache 2 ", "layout.align=64", "layout.align=63", "sizes do not fit" },
	{ "\ncache 2 ", "batch=", "batch=9", "" },
	{ "\ncache 2 ", "pinned_active=0", "pinned_active=1", "sizes do not fit" },
	{ "\ncache 2 ", "pinned_slabs=0", "pinned_slabs=1", "sizes do not fit" },
	{ "\ncache 2 ", "pinned_slabs=0 pinned_objects=0", "pinned_slabs=1 pinned_objects=1",
	  "contradicts itself" },
	{ "\ncache 2 ", " tuned=0", "", "tuned is missing" },
	{ "\nslabs ", "slabs ", "slabs 9", "there are only" },
	{ "\nslabs ", " pfn=", " pfn=0,", "cannot begin a block" },
	{ "\nslabs ", " free=", " fred=", "is missing" },
	{ "\nslabs ", " order=", " order=9,", "is like that" },
	{ "\nslabs ", " migratetype=", " migratetype=9,", "is like that" },
	{ " TCP ", " free=", " free=-1,", "free objects that the slab does not have" },
	{ "\nused ", " owner=2415919104", " owner=2147483649", "no such owner" },
	{ "\ntask_objects 1", "task_objects 1", "task_objects 7", "there are only" },
	{ "\ntask_objects 1", "task_objects 1 ", "task_objects 1 9999", "there are only" },
	{ "\ntask_objects 1", " 0 ", " 99999 ", "no request is like that" },
	{ "\ntask_objects 2 0 4000000", "4000000", "40000000", "no request is like that" },
	{ "\ntask_objects 2 0 4000000", "4000000", "400", "is no object that somebody can have here" },
	{ "\ntask_objects 1", " 0 3264 ", " 0 3264 1,", "1 is no object that somebody can have here" },
	{ "\nnode 0", " stat=", " stat=9", "contradicts itself" },
};

static void test_refused(void **state)
{
	struct fixture *f = *state;
	work(f);
	assert_edits_refused(&f->vm, wrong, ARRAY_LEN(wrong));
}

static char *line_find(char *record, const char *start)
{
	char *line = strstr(record, start);
	assert_non_null(line);
	return line + 1;
}

/* An object of two tasks, a slab of two caches, a line that is there twice. */
static void test_twice(void **state)
{
	struct fixture *f = *state;
	static const char *const lines[] = { "\ntask_objects 1", "\nslabs ", "\ncache 5 " };
	work(f);
	char *record = record_of(&f->vm);
	for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
		char *line = line_find(record, lines[i]), *end = strchr(line, '\n') + 1;
		char *text = malloc(2 * strlen(record) + 1);
		sprintf(text, "%.*s%s", (int)(end - record), record, line);
		assert_int_equal(refused_text(text, ""), 0);
		free(text);
	}
	free(record);
}

static void test_no_memory(void **state)
{
	struct fixture *f = *state;
	work(f);
	sweep_reborn(&f->vm, 7, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_comes_back), TEST(test_goes_on_alike), TEST(test_watched_cache),
		TEST(test_failures),   TEST(test_refused),       TEST(test_twice),
		TEST(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
