/* SPDX-License-Identifier: MIT */
/* The table of slab caches: its first lines and the shape of its rows are those of a captured report of 6.1. */
#include "policy/report.h"

#include "support/slab_test.h"

#include <pthread.h>

static struct report report_of(struct slab_fixture *of)
{
	return (struct report){ .log = &of->log, .slabs = &of->sl };
}

static const char *line(uint64_t seq, unsigned level)
{
	static char text[RING_TEXT_MAX + 1];
	struct ring_record record;
	assert_true(ring_read(&f->log, seq, &record));
	assert_int_equal(record.priority, level);
	memcpy(text, record.text, record.len);
	text[record.len] = '\0';
	return text;
}

/* Newest first; no cache that can be reclaimed, none without objects. */
static void test_table(void **state)
{
	(void)state;
	struct kmem_cache *old = fixture_cache(f, "kmalloc-64", 64, 0);
	struct kmem_cache *names = fixture_cache(f, "dentry", 192, SLAB_RECLAIM_ACCOUNT);
	struct kmem_cache *empty = fixture_cache(f, "RAWv6", 1216, 0);
	struct kmem_cache *young = fixture_cache(f, "shared_policy_node", 48, 0);
	struct report r = report_of(f);
	void *a[70], *b, *c;
	fixture_take(old, 0, a, 70);
	b = fixture_alloc(names, 0, GFP_KERNEL);
	c = fixture_alloc(young, 0, GFP_KERNEL);
	kmem_cache_drain(old);
	kmem_cache_drain(young);
	uint64_t seq = ring_next(&f->log);
	report_slabs(&r);
	assert_string_equal(line(seq++, 6), "Unreclaimable slab info:");
	assert_string_equal(line(seq++, 6), "Name                      Used          Total");
	assert_string_equal(line(seq++, 6), "shared_policy_node          0KB          3KB");
	assert_string_equal(line(seq++, 6), "kmalloc-64                 4KB          8KB");
	assert_int_equal(seq, ring_next(&f->log));
	fixture_give(old, 0, a, 70);
	fixture_free(names, 0, b);
	fixture_free(young, 0, c);
	fixture_destroy(old);
	fixture_destroy(names);
	fixture_destroy(empty);
	fixture_destroy(young);
}

static void *lock_keep(void *arg)
{
	pthread_barrier_t *turn = arg;
	lock_take(&f->sl.lock);
	pthread_barrier_wait(turn);
	pthread_barrier_wait(turn);
	lock_drop(&f->sl.lock);
	return NULL;
}

/* Somebody is at the list: nobody waits for it. */
static void test_list_in_use(void **state)
{
	(void)state;
	struct report r = report_of(f);
	pthread_barrier_t turn;
	pthread_t other;
	uint64_t seq = ring_next(&f->log);
	assert_int_equal(pthread_barrier_init(&turn, NULL, 2), 0);
	assert_int_equal(pthread_create(&other, NULL, lock_keep, &turn), 0);
	pthread_barrier_wait(&turn);
	report_slabs(&r);
	pthread_barrier_wait(&turn);
	assert_int_equal(pthread_join(other, NULL), 0);
	pthread_barrier_destroy(&turn);
	assert_string_equal(line(seq++, 4), "excessive unreclaimable slab but cannot dump stats");
	assert_int_equal(seq, ring_next(&f->log));
}

/* More than the pages of users; as many is not more. */
static void test_excessive(void **state)
{
	(void)state;
	struct cpu *c = &f->m.cpu[0];
	struct node *n = &f->m.node[0];
	static const enum node_stat of_users[] = { NR_INACTIVE_ANON, NR_ACTIVE_ANON,
						   NR_INACTIVE_FILE, NR_ACTIVE_FILE,
						   NR_ISOLATED_ANON, NR_ISOLATED_FILE,
						   NR_UNEVICTABLE };
	assert_false(slabs_are_excessive(&f->m));
	for (size_t i = 0; i < ARRAY_LEN(of_users); i++) {
		cpu_enter(c);
		node_stat_add(c, n, NR_SLAB_UNRECLAIMABLE, 1000);
		cpu_leave(c);
		cpu_stat_fold(c);
		assert_true(slabs_are_excessive(&f->m));
		cpu_enter(c);
		node_stat_add(c, n, of_users[i], 1000);
		cpu_leave(c);
		cpu_stat_fold(c);
		assert_false(slabs_are_excessive(&f->m));
	}
	cpu_enter(c);
	node_stat_add(c, n, NR_SLAB_UNRECLAIMABLE, -1000 * (int)ARRAY_LEN(of_users));
	for (size_t i = 0; i < ARRAY_LEN(of_users); i++)
		node_stat_add(c, n, of_users[i], -1000);
	cpu_leave(c);
	cpu_stat_fold(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(one, test_table),
		ON(one, test_list_in_use),
		ON(one, test_excessive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
