/* SPDX-License-Identifier: MIT */
/* Each thing that can be wrong with what describes a cache is found. */
#include "support/slab_fixture.h"

#include "mm/slab_self.h"
#include "mm/verify.h"

static struct slab_fixture *f;
static struct kmem_cache *of_caches, *of_nodes, *s;

static int setup(void **state)
{
	(void)state;
	f = slab_fixture_two();
	of_caches = fixture_cache(f, "kmem_cache", 224, SLAB_HWCACHE_ALIGN);
	of_nodes = fixture_cache(f, "kmem_cache_node", 64, SLAB_HWCACHE_ALIGN);
	slabs_self_start(&f->sl, false);
	s = fixture_cache(f, "watched", 100, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	slab_fixture_end(f);
	return 0;
}

static void assert_found(const char *words)
{
	struct text t;
	text_init(&t, 0);
	unsigned findings = mm_verify(&f->m, &t);
	if (!findings || !strstr(text_cstr(&t), words) ||
	    !strstr(text_cstr(&t), "descriptors of caches: 1 findings"))
		fail_msg("%u findings, wanted \"%s\":\n%s", findings, words, text_cstr(&t));
	text_fini(&t);
}

static void check_wrong(void **place, void *value, const char *words)
{
	void *right = *place;
	*place = value;
	assert_found(words);
	*place = right;
	assert_verified(&f->m);
}

static void test_descriptors(void **state)
{
	(void)state;
	check_wrong(&s->self, (char *)s->self + 8, "is no object of kmem_cache");
	check_wrong(&s->self, s->node[0].self, "is in no slab of kmem_cache");
	check_wrong(&s->self, of_nodes->self, "somebody else's too");
	check_wrong(&s->node[1].self, s->node[0].self, "somebody else's too");
	check_wrong(&s->node[0].self, s->self, "is in no slab of kmem_cache_node");
}

static void test_free_ones(void **state)
{
	(void)state;
	struct page *slab = object_slab(of_caches, s->self);
	unsigned i = slab_index(of_caches, slab, s->self);
	uint64_t *word = &slab_free_bits(of_caches, slab)[i / 64];
	*word |= 1ull << i % 64;
	slab->index++;
	of_caches->node[0].free_objects++;
	assert_found("describes it and is free");
	*word &= ~(1ull << i % 64);
	slab->index--;
	of_caches->node[0].free_objects--;

	void *object = fixture_alloc(of_caches, 0, GFP_KERNEL), *right = s->self;
	fixture_free(of_caches, 0, object); /* it is in a magazine now */
	s->self = object;
	assert_found("somebody else's too");
	s->self = right;
}

static void test_none(void **state)
{
	(void)state;
	void *right = s->self;
	s->self = NULL; /* a machine that was too small for it */
	assert_verified(&f->m);
	s->self = right;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = { T(test_descriptors), T(test_free_ones), T(test_none) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
