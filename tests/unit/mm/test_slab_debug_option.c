/* SPDX-License-Identifier: MIT */
#include "mm/slab_debug.h"
#include "support/slab_test.h"

#include <errno.h>

#define F SLAB_CONSISTENCY_CHECKS
#define Z SLAB_RED_ZONE
#define P SLAB_POISON
#define U SLAB_STORE_USER
#define T SLAB_TRACE

static uint32_t flags_of(const char *name, uint32_t size)
{
	const struct cache_spec spec = { .name = name, .object_size = size };
	return slab_debug_flags(&f->sl, &spec);
}

static void set(const char *text)
{
	assert_int_equal(slabs_debug_parse(&f->sl, text), 0);
}

static void test_all(void **state)
{
	(void)state;
	assert_int_equal(flags_of("any", 64), 0);
	set(NULL);
	assert_int_equal(flags_of("any", 64), F | Z | P | U);
	set("");
	assert_int_equal(flags_of("any", 64), F | Z | P | U);
	set("-");
	assert_int_equal(flags_of("any", 64), 0);
	set("T");
	assert_int_equal(flags_of("any", 64), T);
	set("fZpa"); /* either case */
	assert_int_equal(flags_of("any", 64), F | Z | P | SLAB_DEBUG_FAILSLAB);
	set("FZ-U");
	assert_int_equal(flags_of("any", 64), U);
}

static void test_by_name(void **state)
{
	(void)state;
	set("FZ,kmalloc-*,TCP;P,dentry");
	assert_int_equal(flags_of("kmalloc-64", 64), F | Z);
	assert_int_equal(flags_of("kmalloc-cg-64", 64), F | Z);
	assert_int_equal(flags_of("TCP", 64), F | Z);
	assert_int_equal(flags_of("TCPv6", 64), 0);
	assert_int_equal(flags_of("TC", 64), 0);
	assert_int_equal(flags_of("dentry", 64), P);
	assert_int_equal(flags_of("other", 64), 0); /* lists alone leave the others as they are */
	set(",dentry"); /* no letters: everything */
	assert_int_equal(flags_of("dentry", 64), F | Z | P | U);
	assert_int_equal(flags_of("other", 64), 0);
	set("U;Z,dentry,,x;;F,dent*;P");
	assert_int_equal(flags_of("other", 64), P); /* the last of those for all */
	assert_int_equal(flags_of("dentry", 64), Z); /* the first that names it, instead of that */
	assert_int_equal(flags_of("dentist", 64), F);
	set("-,TCP;F");
	assert_int_equal(flags_of("TCP", 64), 0);
	set("F,a*tail"); /* what stands behind the star does not count */
	assert_int_equal(flags_of("abc", 64), F);
	set("Z,*");
	assert_int_equal(flags_of("any", 64), Z);
}

static void test_own_flags_stay(void **state)
{
	const struct cache_spec spec = { .name = "dentry", .object_size = 192, .flags = SLAB_RECLAIM_ACCOUNT };
	(void)state;
	set("F");
	assert_int_equal(slab_debug_flags(&f->sl, &spec), F | SLAB_RECLAIM_ACCOUNT);
}

static void test_same_order(void **state)
{
	(void)state;
	set("OFZP");
	assert_int_equal(flags_of("small", 64), F | Z | P);
	assert_int_equal(flags_of("page", PAGE_SIZE), F); /* a red zone would need a second page */
	set("FZP");
	assert_int_equal(flags_of("page", PAGE_SIZE), F | Z | P);
}

static void test_errors(void **state)
{
	(void)state;
	set("F");
	static const char *const bad[] = { "X", "FX", "F Z", "F;Q,name", "F=", "1" };
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		assert_false(slab_debug_valid(bad[i]));
		assert_int_equal(slabs_debug_parse(&f->sl, bad[i]), -EINVAL);
	}
	assert_int_equal(flags_of("any", 64), F);
	assert_true(slab_debug_valid(";;F;;"));
	assert_true(slab_debug_valid("-"));
}

static void test_caches_get_them(void **state)
{
	(void)state;
	set("A,picked;P,poisoned");
	struct kmem_cache *picked = fixture_cache(f, "picked", 64, 0),
			  *poisoned = fixture_cache(f, "poisoned", 64, 0),
			  *plain = fixture_cache(f, "plain", 64, 0);
	assert_true(picked->failslab);
	assert_int_equal(picked->flags, 0);
	assert_false(picked->direct);
	assert_false(poisoned->failslab);
	assert_int_equal(poisoned->flags, P);
	assert_true(poisoned->direct);
	assert_int_equal(poisoned->layout.size, 72); /* the free pointer stands behind */
	assert_int_equal(plain->flags, 0);
	const struct slab_layout found = plain->layout;
	const struct cache_spec spec = { .name = "poisoned too", .object_size = 64, .layout = &found };
	set("P");
	struct kmem_cache *s;
	assert_int_equal(kmem_cache_create(&f->sl, &spec, &s), -EINVAL); /* the name */
	const struct cache_spec as_found = { .name = "found", .object_size = 64, .layout = &found };
	assert_int_equal(kmem_cache_create(&f->sl, &as_found, &s), 0);
	assert_int_equal(s->flags, 0); /* as it was found */
	fixture_destroy(s);
	fixture_destroy(picked);
	fixture_destroy(poisoned);
	fixture_destroy(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(one, test_all),        ON(one, test_by_name), ON(one, test_own_flags_stay),
		ON(one, test_same_order), ON(one, test_errors),  ON(one, test_caches_get_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
