/* SPDX-License-Identifier: MIT */
#include "support/golden.h"
#include "support/knob_fixture.h"
#include "view/views.h"

#include <stdlib.h>

struct shown {
	struct vm *vm;
	struct snapshot snap;
	struct text text;
};

static void shown_open(struct shown *s)
{
	s->vm = vm_two_nodes();
	assert_int_equal(snapshot_init(&s->snap, &s->vm->machine), 0);
	text_init(&s->text, 0);
}

static void shown_close(struct shown *s)
{
	text_fini(&s->text);
	snapshot_fini(&s->snap);
	vm_release(s->vm);
}

static const char *show(struct shown *s)
{
	snapshot_fill(&s->snap, s->vm, SNAP_SLABS);
	text_reset(&s->text);
	view_slabinfo(&s->text, &s->snap, 0);
	return text_cstr(&s->text);
}

/* The line of a cache; until the next call. */
static const char *line_of(struct shown *s, const char *name)
{
	static char line[512];
	size_t len = strlen(name);
	for (const char *at = show(s); *at; at += strcspn(at, "\n") + 1)
		if (!strncmp(at, name, len) && at[len] == ' ') {
			snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
			return line;
		}
	fail_msg("no line of %s", name);
	return NULL;
}

static struct kmem_cache *make(struct vm *vm, const char *name, uint32_t size, uint32_t align)
{
	struct kmem_cache *s;
	const struct cache_spec spec = { .name = name, .object_size = size, .align = align };
	assert_int_equal(kmem_cache_create(&vm->slabs, &spec, &s), 0);
	return s;
}

static void take(struct vm *vm, struct kmem_cache *s, void **object, unsigned nr)
{
	struct cpu *c = &vm->machine.cpu[0];
	cpu_enter(c);
	assert_int_equal(kmem_cache_alloc_bulk(s, c, GFP_KERNEL, nr, object), 0);
	cpu_leave(c);
}

static void give(struct vm *vm, struct kmem_cache *s, void **object, unsigned nr)
{
	struct cpu *c = &vm->machine.cpu[0];
	cpu_enter(c);
	kmem_cache_free_bulk(s, c, nr, object);
	cpu_leave(c);
}

#define EMPTY_TUNABLES " : tunables    0    0    0 : slabdata "

static void test_lines_follow(void **state)
{
	static void *object[384];
	struct shown s;
	(void)state;

	shown_open(&s);
	struct kmem_cache *tcp = make(s.vm, "TCP-1984", 1984, 64);
	struct kmem_cache *longer = make(s.vm, "a_name_of_more_than_17", 100, 0);
	assert_string_equal(line_of(&s, "TCP-1984"),
			    "TCP-1984               0      0   1984   16    8" EMPTY_TUNABLES
			    "     0      0      0");
	take(s.vm, tcp, object, 384);
	assert_string_equal(line_of(&s, "TCP-1984"),
			    "TCP-1984             384    384   1984   16    8" EMPTY_TUNABLES
			    "    24     24      0");
	give(s.vm, tcp, object, 96); /* magazines, where most of them are now, are no users */
	assert_string_equal(line_of(&s, "TCP-1984"),
			    "TCP-1984             288    384   1984   16    8" EMPTY_TUNABLES
			    "    24     24      0");
	assert_string_equal(line_of(&s, "a_name_of_more_than_17"),
			    "a_name_of_more_than_17      0      0    104   39    1" EMPTY_TUNABLES
			    "     0      0      0");
	give(s.vm, tcp, object + 96, 288);
	kmem_cache_put(tcp);
	kmem_cache_put(longer);
	shown_close(&s);
}

/* What is kept of the last text must never show: a snapshot made for each read says the same. */
static void test_kept_lines_equal_new_ones(void **state)
{
	static void *object[4000];
	struct shown s, fresh;
	(void)state;

	shown_open(&s);
	struct kmem_cache *a = make(s.vm, "one", 8, 0);
	for (unsigned step = 0; step < 40; step++) {
		char name[16];
		snprintf(name, sizeof(name), "step-%u", step);
		if (step % 5 == 4)
			kmem_cache_put(make(s.vm, name, 64 * step, 0));
		if (step % 7 == 6)
			assert_int_equal(kmem_cache_tune(a, 100 + step, 10, 8), 0);
		take(s.vm, a, object + 100 * step, 100);
		fresh = (struct shown){ .vm = s.vm };
		assert_int_equal(snapshot_init(&fresh.snap, &s.vm->machine), 0);
		text_init(&fresh.text, 0);
		assert_string_equal(show(&s), show(&fresh));
		text_fini(&fresh.text);
		snapshot_fini(&fresh.snap);
	}
	give(s.vm, a, object, 4000);
	kmem_cache_put(a);
	shown_close(&s);
}

static void test_tuned(void **state)
{
	static void *object[200];
	struct shown s;
	(void)state;

	shown_open(&s);
	struct kmem_cache *a = make(s.vm, "tuned", 64, 0);
	assert_int_equal(kmem_cache_tune(a, 20, 10, 4), 0);
	take(s.vm, a, object, 200);
	give(s.vm, a, object, 200);
	const char *line = line_of(&s, "tuned");
	assert_non_null(strstr(line, " : tunables   20   10    4 : slabdata "));
	assert_string_equal(line + strlen(line) - 7, "     40"); /* the shared array is full: 4 batches of 10 */
	assert_int_equal(strncmp(line, "tuned                  0 ", 25), 0);
	kmem_cache_put(a);
	shown_close(&s);
}

/* Slabs without an object in use are active until somebody tunes the cache, which itself changes no slab here. */
static void test_free_slabs_of_tuned(void **state)
{
	static void *object[384];
	struct cache_usage u;
	char slabs[32];
	struct shown s;
	(void)state;

	shown_open(&s);
	struct kmem_cache *a = make(s.vm, "tuned", 1984, 64);
	take(s.vm, a, object, 384);
	give(s.vm, a, object, 64);
	kmem_cache_drain(a);
	kmem_cache_usage(a, -1, &u);
	assert_int_equal(u.active, 320);
	assert_true(u.free_slabs > 0 && u.free_slabs <= 4);
	snprintf(slabs, sizeof(slabs), " slabdata %6lu %6lu ", u.slabs, u.slabs);
	assert_non_null(strstr(line_of(&s, "tuned"), slabs));
	assert_int_equal(kmem_cache_tune(a, 20, 10, 4), 0);
	snprintf(slabs, sizeof(slabs), " slabdata %6lu %6lu ", u.slabs - u.free_slabs, u.slabs);
	assert_non_null(strstr(line_of(&s, "tuned"), slabs));
	take(s.vm, a, object, 64);
	snprintf(slabs, sizeof(slabs), " slabdata %6lu %6lu ", u.slabs, u.slabs);
	assert_non_null(strstr(line_of(&s, "tuned"), slabs));
	give(s.vm, a, object, 384);
	kmem_cache_put(a);
	shown_close(&s);
}

/* A machine with nothing in its caches prints what a real kernel would have printed then: captures with their counts zeroed. */
static void check_boot(struct vm *vm, const char *capture)
{
	struct golden g;
	struct snapshot snap;
	struct text t;
	unsigned nr = 0;

	golden_open(&g, capture);
	char *want = golden_read(&g, "../../slab/6.1-64-4cpus-1nodes.slabinfo");
	assert_non_null(want);
	assert_int_equal(snapshot_init(&snap, &vm->machine), 0);
	snapshot_fill(&snap, vm, SNAP_SLABS);
	text_init(&t, 0);
	view_slabinfo(&t, &snap, 0);
	const char *line = want, *ours = text_cstr(&t);
	for (; *line && *ours; nr++, line += strcspn(line, "\n") + 1, ours += strcspn(ours, "\n") + 1) {
		char name[64], zeroed[256];
		unsigned size, objects, pages;
		if (line[0] == '#' || !strncmp(line, "slabinfo", 8)) {
			assert_int_equal(strcspn(line, "\n"), strcspn(ours, "\n"));
			assert_memory_equal(line, ours, strcspn(line, "\n"));
			continue;
		}
		assert_int_equal(sscanf(line, "%63s %*u %*u %u %u %u", name, &size, &objects, &pages), 4);
		snprintf(zeroed, sizeof(zeroed),
			 "%-17s %6u %6u %6u %4u %4u : tunables %4u %4u %4u : slabdata %6u %6u %6u",
			 name, 0, 0, size, objects, pages, 0, 0, 0, 0, 0, 0);
		assert_int_equal(strlen(zeroed), strcspn(ours, "\n"));
		assert_memory_equal(zeroed, ours, strlen(zeroed));
	}
	assert_true(nr > 100 && !*line && !*ours);
	free(want);
	text_fini(&t);
	snapshot_fini(&snap);
	golden_close(&g);
}

static void test_boot_is_as_captured(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	check_boot(vm, "captures/6.1.0-50-amd64-T2");
	vm_release(vm);
}

static void test_wide_numbers(void **state)
{
	(void)state;
	struct cache_snap cache = { .active = 12345678, .objects = 1ull << 40, .slabs = UINT64_MAX, .shared = 7 };
	struct cache_shape shape = { "x", 4194304, 1, 1024 };
	struct slab_lines lines = { .change = 0 };
	struct snapshot s = {
		.cache = &cache, .shape = &shape, .lines = &lines, .nr_caches = 1, .caches_change = 1
	};
	struct text t;

	text_init(&lines.text, 0);
	text_init(&t, 0);
	view_slabinfo(&t, &s, 0);
	const char *last = strstr(text_cstr(&t), "\nx ");
	assert_string_equal(last, "\nx                 12345678 1099511627776 4194304    1 1024 : tunables    0    0    0"
				  " : slabdata 18446744073709551615 18446744073709551615      7\n");
	text_fini(&t);
	text_fini(&lines.text);
}

/* A list of caches that there was no memory for is an error, not a short text. */
static void test_no_memory(void **state)
{
	(void)state;
	struct snapshot s = { .caches_failed = true };
	struct text t;
	text_init(&t, 0);
	view_slabinfo(&t, &s, 0);
	assert_int_equal(text_error(&t), -12);
	text_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_follow),
		cmocka_unit_test(test_kept_lines_equal_new_ones),
		cmocka_unit_test(test_tuned),
		cmocka_unit_test(test_free_slabs_of_tuned),
		cmocka_unit_test(test_boot_is_as_captured),
		cmocka_unit_test(test_wide_numbers),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
