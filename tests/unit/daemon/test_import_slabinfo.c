/* SPDX-License-Identifier: MIT */
/* slabinfo of SLUB and SLAB kernels, and what is none. */
#include "support/state_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HEAD                                                                                       \
	"slabinfo - version: 2.1\n"                                                                \
	"# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>\n"
#define TAIL " : tunables 0 0 0 : slabdata "

static const struct state_file slabinfo = { NULL, "proc/slabinfo", cap_read_slabinfo };

static void test_real_one(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T2");
	struct capture *c = state_read(&d);
	assert_int_equal(c->nr_caches, 156);
	assert_string_equal(c->cache[0].name, "ext4_fc_dentry_update");
	assert_string_equal(c->cache[155].name, "kmem_cache");
	const struct cap_cache *bio = NULL;
	for (unsigned i = 0; i < c->nr_caches; i++)
		if (!strcmp(c->cache[i].name, "bio-128"))
			bio = &c->cache[i];
	assert_non_null(bio);
	assert_int_equal(bio->active, 21);
	assert_int_equal(bio->objects, 21);
	assert_int_equal(bio->object_bytes, 192);
	assert_int_equal(bio->slab_objects, 21);
	assert_int_equal(bio->order, 0);
	assert_int_equal(bio->slabs, 1);
	assert_int_equal(c->nr_notes, 0);
	state_file_done(&d, c);
}

/* SLAB prints what it was tuned to, which slabs have an object in use, and statistics behind that. */
static void test_slab_allocator(void **state)
{
	(void)state;
	struct state_dir d;
	struct capture *c = state_file_read(
		&d, &slabinfo,
		"slabinfo - version: 2.1 (statistics)\n"
		"dentry 100 210 192 21 1 : tunables 120 60 8 : slabdata 8 10 12 : globalstat 1 2 3 4 : cpustat 5 6\n",
		0, "");
	assert_int_equal(c->nr_caches, 1);
	assert_int_equal(c->cache[0].limit, 120);
	assert_int_equal(c->cache[0].batch, 60);
	assert_int_equal(c->cache[0].sharedfactor, 8);
	assert_int_equal(c->cache[0].active_slabs, 8);
	assert_int_equal(c->cache[0].slabs, 10);
	state_file_done(&d, c);
}

/* Not there, not readable or empty: the usual caches, which is a guess. */
static void test_not_there(void **state)
{
	(void)state;
	static const char *const texts[] = { NULL, "" };
	for (unsigned i = 0; i < ARRAY_LEN(texts); i++) {
		struct state_dir d;
		struct capture *c = state_file_read(&d, &slabinfo, texts[i], 0, "");
		assert_int_equal(c->nr_caches, 0);
		assert_true(state_noted(c, NOTE_GUESSED, "slab caches"));
		state_file_done(&d, c);
	}
}

/* Caches that there can be none of here; the others stay. */
static void test_left_out(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"good 1 2 3 4 1" TAIL "1 1 0\n",
		".good 1 2 3 4 1" TAIL "1 1 0\n",
		"a/b 1 2 3 4 1" TAIL "1 1 0\n",
		"tiny 1 2 8 1024 2" TAIL "1 1 0\n",
		"a234567890123456789012345678901234567890123456789012345678901234 1 2 3 4 1" TAIL "1 1 0\n",
	};
	for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
		char text[1024];
		struct state_dir d;
		snprintf(text, sizeof(text), HEAD "good 3 4 512 8 1" TAIL "1 1 0\n%s", lines[i]);
		struct capture *c = state_file_read(&d, &slabinfo, text, 0, "");
		assert_int_equal(c->nr_caches, 2);
		assert_false(c->cache[0].left_out);
		assert_true(c->cache[1].left_out);
		assert_int_equal(c->nr_notes, 1);
		assert_int_equal(c->note[0].kind, NOTE_CORRECTED);
		state_file_done(&d, c);
	}
}

static const struct {
	const char *text, *said;
} refused[] = {
	{ "cat: proc/slabinfo: Permission denied\n", "/proc/slabinfo:1: not \"slabinfo - version: 2." },
	{ "slabinfo - version: 1.1\n", "/proc/slabinfo:1: not" },
	{ HEAD "a\n", "/proc/slabinfo:3: a number is missing behind \"active_objs\"" },
	{ HEAD "a 1 2 x 4 1" TAIL "1 1 0\n", ":3: \"x\" behind \"objsize\" is not a number" },
	{ HEAD "a 1 2 3 4 1 : slabdata 1 1 0\n", ":3: \": tunables\" is missing" },
	{ HEAD "a 1 2 3 4 1 : tunables 0 0 0\n", ":3: \": slabdata\" is missing" },
	{ HEAD "a 1 2 3 4 1" TAIL "1 1\n", "a number is missing behind \"sharedavail\"" },
	{ HEAD "a\001b 1 2 3 4 1" TAIL "1 1 0\n", "is not the name of a cache" },
	{ HEAD "a 1 2 3 4 3" TAIL "1 1 0\n", ":3: 3 pages are no slab" },
	{ HEAD "a 1 2 3 4 0" TAIL "1 1 0\n", ":3: 0 pages are no slab" },
	{ HEAD "a 1 2 3 4 2048" TAIL "1 1 0\n", "2048 pages are no slab" },
	{ HEAD "a 1 2 0 4 1" TAIL "1 1 0\n", "do not fill a slab" },
	{ HEAD "a 1 2 3 0 1" TAIL "1 1 0\n", "do not fill a slab" },
	{ HEAD "a 1 2 1025 4 1" TAIL "1 1 0\n", "4 objects of 1025 bytes do not fill a slab of 4096 bytes" },
	{ HEAD "a 1 2 9999999 4 1" TAIL "1 1 0\n", "objsize: 9999999 is more than any cache has" },
	{ HEAD "a 3 2 3 4 1" TAIL "1 1 0\n", ":3: 3 active objects of 2" },
	{ HEAD "a 1 5 3 4 1" TAIL "1 1 0\n", "5 objects are not in 1 slabs of 4" },
	{ HEAD "a 1 1 3 4 1" TAIL "1 2 0\n", "1 objects are not in 2 slabs of 4" },
	{ HEAD "a 1 4 3 4 1" TAIL "2 1 0\n", "2 active slabs of 1" },
	{ HEAD "a 1 4 3 4 1" TAIL "1 99999999999 0\n", "num_slabs: 99999999999 is more than any cache has" },
};

static void test_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(refused); i++)
		state_file_refused(&slabinfo, refused[i].text, refused[i].said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_one),  cmocka_unit_test(test_slab_allocator),
		cmocka_unit_test(test_not_there), cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
