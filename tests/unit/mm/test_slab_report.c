/* SPDX-License-Identifier: MIT */
#include "mm/slab_report.h"

#include "base/caller.h"
#include "mm/slab_debug.h"
#include "support/slab_test.h"

#include <errno.h>

#define RULE(c) c c c c c c c c c c c
#define DOUBLE_RULE RULE("=======")
#define SINGLE_RULE RULE("-------")

static uint64_t next; /* record to be looked at */

static const char *record(unsigned priority)
{
	static struct ring_record r;
	assert_true(ring_read(&f->log, next, &r));
	assert_int_equal(r.seq, next);
	assert_int_equal(r.priority, priority);
	assert_true(r.len < RING_TEXT_MAX);
	r.text[r.len] = '\0';
	next++;
	return r.text;
}

static void PRINTF_LIKE(1, 2) assert_next(const char *fmt, ...)
{
	char expected[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(expected, sizeof(expected), fmt, args);
	va_end(args);
	assert_string_equal(record(3), expected);
}

static unsigned long long virtual_of(const void *p)
{
	return 0xffff888000000000ull + (unsigned long long)((const char *)p - f->memory);
}

static unsigned long long struct_of(const struct page *slab)
{
	return 0xffffea0000000000ull + 64ull * page_pfn(&f->m, slab);
}

static void assert_slab_lines(const struct page *slab, unsigned objects, unsigned used, unsigned long long fp)
{
	const struct zone *z = page_zone(&f->m, slab);
	unsigned long long flags = 0x7ffffc0000200ull | (slab->order ? 0x10000 : 0) |
				   (unsigned long long)z->type << 51 |
				   (unsigned long long)z->node->id << 54;
	assert_next("Slab 0x%016llx objects=%u used=%u fp=0x%016llx flags=%#llx(slab|%snode=%u|zone=%u|lastcpupid=0x1fffff)",
		    struct_of(slab), objects, used, fp, flags, slab->order ? "head|" : "",
		    z->node->id, z->type);
	assert_next("page:%016llx refcount:1 mapcount:0 mapping:0000000000000000 index:0x0 pfn:%#x",
		    struct_of(slab), page_pfn(&f->m, slab));
}

static void assert_head(const char *what)
{
	assert_next(DOUBLE_RULE);
	assert_next("BUG c (Not tainted): %s", what);
	assert_next(SINGLE_RULE "\n");
}

#define SIX_B "6b 6b 6b 6b 6b 6b 6b 6b"
#define EIGHT_B "bb bb bb bb bb bb bb bb"
#define BLANKS "                          " /* from 8 bytes to the characters */

/* As a page from a log of 6.1: an object of 32 bytes, all of FZPU. */
static void test_poison_overwritten(void **state)
{
	(void)state;
	caller_set((struct caller){ .pid = 77, .name = "t" });
	struct kmem_cache *s = fixture_cache(f, "c", 32, SLAB_DEBUG_DEFAULT);
	uint8_t *o = fixture_alloc(s, 1, GFP_KERNEL);
	struct page *slab = object_slab(s, o);
	unsigned objects = s->layout.objects;
	fixture_free(s, 1, o);
	o[3] = 'A';
	o[5] = 0x80;
	next = 0;
	assert_int_equal(slab_validate(s), 1);
	assert_head("Poison overwritten");
	assert_next("0x%016llx-0x%016llx @offset=11. First byte 0x41 instead of 0x6b",
		    virtual_of(o + 3), virtual_of(o + 5));
	const char *line = record(3);
	assert_memory_equal(line, "Allocated in kmem_cache_alloc age=", 34);
	assert_non_null(strstr(line, " cpu=1 pid=77"));
	line = record(3);
	assert_memory_equal(line, "Freed in kmem_cache_free age=", 29);
	assert_slab_lines(slab, objects, 0, virtual_of(o));
	assert_next("Object 0x%016llx @offset=8 fp=0x%016llx\n", virtual_of(o),
		    virtual_of(o + s->layout.size));
	assert_next("Redzone  %016llx: " EIGHT_B BLANKS "........", virtual_of(o - 8));
	assert_next("Object   %016llx: 6b 6b 6b 41 6b 80 6b 6b " SIX_B "  kkkAk.kkkkkkkkkk",
		    virtual_of(o));
	assert_next("Object   %016llx: " SIX_B " 6b 6b 6b 6b 6b 6b 6b a5  kkkkkkkkkkkkkkk.",
		    virtual_of(o + 16));
	assert_next("Redzone  %016llx: " EIGHT_B BLANKS "........", virtual_of(o + 32));
	uint32_t info = slab_debug_info_end(s);
	assert_int_equal(s->layout.size - 8 - info, 8); /* of padding */
	assert_next("Padding  %016llx: 5a 5a 5a 5a 5a 5a 5a 5a" BLANKS "ZZZZZZZZ", virtual_of(o + info));
	assert_next("FIX c: Restoring Poison 0x%016llx-0x%016llx=0x6b", virtual_of(o + 3),
		    virtual_of(o + 5));
	assert_int_equal(fixture_nr_logged(f), next);
	fixture_destroy(s);
}

/* Without red zones the bytes before the object are shown, if there are any. */
static void test_bytes_before(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 16, SLAB_POISON);
	uint8_t *o[2] = { fixture_alloc(s, 0, GFP_KERNEL), fixture_alloc(s, 0, GFP_KERNEL) };
	uint8_t *second = MAX(o[0], o[1]);
	fixture_free(s, 0, o[0]);
	fixture_free(s, 0, o[1]);
	second[15] = 0;
	assert_int_equal(slab_validate(s), 1);
	assert_true(fixture_logged(f, "BUG c (Not tainted): End Poison overwritten"));
	assert_true(fixture_logged(f, "Bytes b4 "));
	assert_false(fixture_logged(f, "Redzone"));
	assert_false(fixture_logged(f, "Allocated in"));
	fixture_destroy(s);
}

/* Caches without flags say what is known of the slab, and show no bytes that nobody wrote. */
static void test_plain_double_free(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 64, 0);
	void *o = fixture_alloc(s, 0, GFP_KERNEL);
	struct page *slab = object_slab(s, o);
	fixture_free(s, 0, o);
	fixture_free(s, 0, o);
	next = 0;
	assert_int_equal(fixture_nr_logged(f), 0); /* both are in a magazine */
	kmem_cache_shrink(s);
	assert_head("Object already free");
	assert_slab_lines(slab, s->layout.objects, 0, virtual_of(slab_address(&f->sl, slab)));
	assert_memory_equal(record(3), "Object 0xffff8880", 17);
	while (next + 1 < fixture_nr_logged(f))
		record(3);
	assert_next("FIX c: Object at 0x%016llx not freed", virtual_of(o));
	assert_int_equal(fixture_usage(s, -1).active, 0);
	fixture_destroy(s);
}

static void test_strangers(void **state)
{
	(void)state;
	struct kmem_cache *other = fixture_cache(f, "other", 64, 0),
			  *s = fixture_cache(f, "c", 64, SLAB_CONSISTENCY_CHECKS);
	void *o = fixture_alloc(other, 0, GFP_KERNEL);
	struct page *slab = object_slab(other, o);
	fixture_free(s, 0, o);
	next = 0;
	assert_head("Wrong slab cache. c but object is from other");
	assert_next("page:%016llx refcount:1 mapcount:0 mapping:0000000000000000 index:0x0 pfn:%#x",
		    struct_of(slab), page_pfn(&f->m, slab));
	assert_next("FIX c: Object at 0x%016llx not freed", virtual_of(o));
	fixture_free(other, 0, o);
	fixture_destroy(other);
	fixture_destroy(s);
}

static void test_addresses(void **state)
{
	(void)state;
	assert_true(slab_report_address(&f->sl, f->memory) == 0xffff888000000000ull);
	assert_true(slab_report_address(&f->sl, f->memory + 0x123456) == 0xffff888000123456ull);
	f->m.bits = 32;
	assert_true(slab_report_address(&f->sl, f->memory + 0x123456) == 0xc0123456ull);
	f->m.bits = 64;
}

/* Nobody to tell: nothing happens but what has to. */
static void test_without_a_log(void **state)
{
	(void)state;
	f->sl.source.log = NULL;
	struct kmem_cache *s = fixture_cache(f, "c", 32, SLAB_DEBUG_DEFAULT | SLAB_TRACE);
	uint8_t *o = fixture_alloc(s, 0, GFP_KERNEL);
	o[32] = 0;
	assert_int_equal(slab_validate(s), 1);
	fixture_free(s, 0, o + 1);
	fixture_free(s, 0, f->memory);
	fixture_free(s, 0, o);
	fixture_free(s, 0, o);
	assert_int_equal(fixture_usage(s, -1).active, 0);
	fixture_destroy(s);
	assert_int_equal(fixture_nr_logged(f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(one, test_poison_overwritten), ON(one, test_bytes_before),
		ON(one, test_plain_double_free),  ON(one, test_strangers),
		ON(one, test_addresses),          ON(one, test_without_a_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
