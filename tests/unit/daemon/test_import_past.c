/* SPDX-License-Identifier: MIT */
/* What compaction left behind is drawn within what vmstat counts, and there is none of it where it counts nothing. */
#include "mm/buddy.h"
#include "support/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SEEDS 24u
#define PAGEBLOCK 512u

struct past {
	uint64_t scanned, free_scanned, failures, woken; /* as vmstat has them */
};

struct seen {
	uint64_t skips, most_skips, positions, deferred;
	unsigned most_shift;
};

static void event_edit(const struct state_dir *d, const char *name, uint64_t count)
{
	char from[64], to[64];
	snprintf(from, sizeof(from), "%s 0\n", name);
	snprintf(to, sizeof(to), "%s %lu\n", name, (unsigned long)count);
	state_dir_edit(d, "proc/vmstat", from, to);
}

static uint64_t zone_skips(struct zone *z)
{
	uint64_t skips = 0, end = z->start_pfn + z->spanned;
	for (uint64_t pfn = ALIGN_DOWN(z->start_pfn, PAGEBLOCK); pfn < end; pfn += PAGEBLOCK) {
		if (!pageblock_skip(z->machine, (pfn_t)pfn))
			continue;
		assert_int_equal(pageblock_type(z->machine, (pfn_t)pfn), MIGRATE_MOVABLE);
		skips++;
	}
	return skips;
}

static void zone_look(struct zone *z, struct seen *v)
{
	const struct zone_compact *k = &z->compact;
	assert_int_equal(k->migrate_pfn[0], k->migrate_pfn[1]);
	if (k->migrate_pfn[0]) {
		assert_in_range(k->migrate_pfn[0], z->start_pfn, k->free_pfn);
		assert_in_range(k->free_pfn, z->start_pfn, z->start_pfn + z->spanned - 1);
		assert_int_equal(k->free_pfn % PAGEBLOCK, 0);
		v->positions++;
	}
	if (k->defer_shift) {
		assert_int_equal(k->order_failed, 9);
		assert_true(k->considered < 1u << k->defer_shift);
		v->most_shift = MAX(v->most_shift, k->defer_shift);
		v->deferred++;
	}
}

/* Two zones of one node under many seeds. */
static struct seen look(const struct past *past)
{
	struct seen v = { 0 };
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T1");
	event_edit(&d, "compact_migrate_scanned", past->scanned);
	event_edit(&d, "compact_free_scanned", past->free_scanned);
	event_edit(&d, "compact_fail", past->failures);
	event_edit(&d, "compact_daemon_wake", past->woken);
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct state_vm *s = state_boot_seed(&d, seed);
		uint64_t skips = 0;
		FOR_EACH_POPULATED_ZONE(z, &s->vm.machine) {
			zone_look(z, &v);
			skips += zone_skips(z);
		}
		v.skips += skips;
		v.most_skips = MAX(v.most_skips, skips);
		state_end(s);
	}
	state_dir_remove(&d);
	return v;
}

static void test_never_compacted(void **state)
{
	(void)state;
	struct seen v = look(&(struct past){ 0 });
	assert_int_equal(v.skips + v.positions + v.deferred, 0);
}

static void test_within_the_counters(void **state)
{
	(void)state;
	struct seen v = look(&(struct past){
		.scanned = 10 * PAGEBLOCK, .free_scanned = 30 * PAGEBLOCK, .failures = 2 });
	assert_int_equal(v.positions, 2 * SEEDS);
	assert_true(v.most_skips > 20 && v.most_skips <= 40);
	assert_true(v.deferred > SEEDS / 2 && v.deferred < 2 * SEEDS);
	assert_int_equal(v.most_shift, 2);
}

/* It scanned, and all requests were met: none is put off. */
static void test_no_failure(void **state)
{
	(void)state;
	struct seen v = look(&(struct past){ .scanned = 100, .free_scanned = 100 });
	assert_int_equal(v.positions, 2 * SEEDS);
	assert_int_equal(v.skips + v.deferred, 0);
}

/* More than the machine has, by requests and by kcompactd: as much as can be. */
static void test_bounds(void **state)
{
	(void)state;
	struct seen v = look(&(struct past){ 1ull << 50, 1ull << 50, 0, 1000 });
	assert_true(v.skips > 0);
	assert_in_range(v.most_shift, 4, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never_compacted),
		cmocka_unit_test(test_within_the_counters),
		cmocka_unit_test(test_no_failure),
		cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
