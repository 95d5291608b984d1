/* SPDX-License-Identifier: MIT */
/*
 * Each check of the slab allocator is shown one thing that is wrong and must
 * find it; afterwards the wrong is made right and nothing is found any more.
 */
#include "mm/verify.h"

#include "base/fault.h"
#include "mm/pcp.h"
#include "mm/slab_private.h"
#include "support/slab_fixture.h"

static struct slab_fixture *f;
static struct kmem_cache *s, *other; /* `other`: more than 64 objects in a slab */
static struct cache_node *n; /* of node 0 */
static void *object[300];

/* Full, partial and free slabs; objects in magazines, in a shared array and on their way home. */
static int setup(void **state)
{
	(void)state;
	f = slab_fixture_two();
	s = fixture_cache(f, "watched", 256, 0);
	other = fixture_cache(f, "small", 16, SLAB_RECLAIM_ACCOUNT);
	n = &s->node[0];
	assert_int_equal(kmem_cache_tune(s, 8, 4, 2), 0);
	fixture_take(s, 0, object, 200);
	fixture_take(other, 0, object + 200, 100);
	slabs_drain(&f->sl);
	fixture_give(s, 0, object, 60);
	fixture_free(s, 2, object[60]);
	fixture_give(other, 0, object + 200, 1);
	assert_true(s->magazine[0]->count && n->shared->count && s->magazine[2]->alien->count);
	assert_true(n->full.head && n->partial.head && n->free.head);
	assert_verified(&f->m);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_verified(&f->m);
	fixture_give(s, 0, object + 61, 139);
	fixture_give(other, 0, object + 201, 99);
	fixture_destroy(s);
	fixture_destroy(other);
	slab_fixture_end(f);
	return 0;
}

/* The check of this name finds something, in these words. */
static void assert_found(const char *check, const char *words)
{
	struct text t;
	char summary[64];
	text_init(&t, 0);
	snprintf(summary, sizeof(summary), "\n%s: ", check);
	unsigned findings = mm_verify(&f->m, &t);
	const char *said = text_cstr(&t);
	if (!findings || !strstr(said, words) || !strstr(said, summary))
		fail_msg("%u findings, wanted \"%s\" by \"%s\":\n%s", findings, words, check, said);
	text_fini(&t);
}

#define WRONG(place, value, check, words)                                                          \
	do {                                                                                       \
		__typeof__(place) right = place;                                                   \
		place = (__typeof__(place))(value);                                                \
		assert_found(check, words);                                                        \
		place = right;                                                                     \
		assert_verified(&f->m);                                                            \
	} while (0)

static struct page *first(const struct page_list *l)
{
	return pfn_page(&f->m, l->head);
}

static void test_cache_list(void **state)
{
	(void)state;
	WRONG(s->newer, NULL, "slab caches", "cache watched: the newer one is none, listed after small");
	WRONG(f->sl.oldest, other, "slab caches", "the oldest is small, the last of the list watched");
	WRONG(f->sl.nr_caches, 3, "slab caches", "2 listed, 2 in slots, 3 counted");
	WRONG(f->sl.cache[s->id], NULL, "slab caches", "cache watched: slot");
	WRONG(other->older, NULL, "slab caches", "1 listed, 2 in slots");
}

static void test_slab_on_its_list(void **state)
{
	(void)state;
	struct page *full = first(&n->full), *partial = first(&n->partial);
	WRONG(full->owner, owner_handle(OWNER_SLAB, other->id), "slabs", "owner");
	WRONG(full->state, PAGE_NONE, "slabs", "has state 0");
	WRONG(full->lru, LRU_ACTIVE_FILE, "slabs", "LRU list 3");
	WRONG(partial->zone, machine_zone(&f->m, 1, 2)->id, "slabs", "is of node 1, listed at node 0");
	WRONG(partial->prev, 77, "slabs", "broken link");
	WRONG(n->partial.tail, 77, "slabs", "tail is 77");
	struct slab_layout right = s->layout;
	s->layout.order++;
	assert_found("slabs", "has order");
	s->layout = right;
}

static void test_wrong_list(void **state)
{
	(void)state;
	struct page_list full = n->full;
	struct page *slab = first(&n->partial), was = *slab;
	struct page_list partial = n->partial;
	page_list_del(f->m.map, &n->partial, partial.head);
	page_list_add_tail(f->m.map, &n->full, partial.head);
	assert_found("slabs", "is on the full list");
	page_list_del(f->m.map, &n->full, partial.head);
	page_list_add_head(f->m.map, &n->partial, partial.head);
	assert_memory_equal(&full, &n->full, sizeof(full));
	assert_memory_equal(&was, slab, sizeof(was));
}

static void test_free_bits(void **state)
{
	(void)state;
	struct page *slab = first(&n->partial);
	WRONG(slab->private, slab->private & (slab->private - 1), "slabs", "free objects, ");
	WRONG(slab->private, slab->private | 1ull << s->layout.objects, "slabs", "1 free objects past its");
	WRONG(slab->index, slab->index + 1, "slabs", "counted");
	uint64_t *bits = slab_free_bits(other, first(&other->node[0].partial));
	WRONG(bits[3], bits[3] ^ 1, "slabs", "cache small: slab ");
}

static void test_node_counters(void **state)
{
	(void)state;
	WRONG(n->nr_slabs, n->nr_slabs + 1, "slabs", "node 0: ");
	WRONG(n->nr_partial, n->nr_partial + 1, "slabs", " partial slabs listed");
	WRONG(n->nr_free, n->nr_free + 1, "slabs", " free slabs listed");
	WRONG(n->objects, n->objects + 1, "slabs", " objects listed");
	WRONG(n->free_objects, n->free_objects - 1, "slabs", " free objects listed");
	WRONG(s->nodes_seen, 2, "slabs", "node 0 has slabs and is not marked");
	WRONG(s->nr_imported, 1, "slabs", "0 imported objects found, 1 counted");
}

static void test_loose_objects(void **state)
{
	(void)state;
	struct magazine *mag = s->magazine[0];
	void *mine = mag->object[0];
	struct page *slab = object_slab(s, mine);
	unsigned i = slab_index(s, slab, mine);
	WRONG(mag->object[0], (char *)mine + 8, "loose objects", "an address that is no object");
	WRONG(mag->object[0], object[299], "loose objects",
	      "a magazine has an object that is in none of its slabs");
	WRONG(mag->object[0], mag->object[1], "loose objects", "is free twice");
	WRONG(mag->object[0], n->shared->object[0], "loose objects", "is free twice");
	WRONG(n->shared->object[0], s->magazine[2]->alien->object[0], "loose objects", "is free twice");
	WRONG(s->magazine[2]->alien->object[0], f->memory, "loose objects",
	      "an array of other nodes' objects has");
	slab->private |= 1ull << i;
	assert_found("loose objects", "is free there and in a magazine");
	slab->private &= ~(1ull << i);
	WRONG(s->cpus_seen, 1, "loose objects", "CPU 2 has a magazine and is not marked");
	WRONG(mag->limit, mag->count - 1, "loose objects", "holds");
	WRONG(mag->batch, mag->limit + 1, "loose objects", "moves 9 objects of at most 8");
	WRONG(n->free_objects, n->free_objects + 500, "loose objects", "free in slabs and");
}

static void test_pages(void **state)
{
	(void)state;
	struct cpu *c = &f->m.cpu[0];
	cpu_enter(c);
	struct page *page = zone_take(c, machine_zone(&f->m, 0, 2), 0, MIGRATE_UNMOVABLE, 0);
	cpu_leave(c);
	page->owner = owner_handle(OWNER_SLAB, s->id);
	assert_found("sums", "on none of its lists");
	page->owner = owner_handle(OWNER_KMALLOC, 0);
	assert_found("slab counters", "nr_slab_unreclaimable");
	cpu_enter(c);
	node_stat_add(c, &f->m.node[0], NR_SLAB_UNRECLAIMABLE, 1);
	cpu_leave(c);
	assert_verified(&f->m);
	cpu_enter(c);
	node_stat_add(c, &f->m.node[0], NR_SLAB_UNRECLAIMABLE, -1);
	page->owner = 0;
	page_give(c, page, 0);
	cpu_leave(c);
	WRONG(f->m.node[0].stat[NR_SLAB_RECLAIMABLE], f->m.node[0].stat[NR_SLAB_RECLAIMABLE] + 3,
	      "slab counters", "nr_slab_reclaimable");
}

static void test_no_host_memory(void **state)
{
	(void)state;
	for (unsigned nth = 1; nth <= 4; nth++) {
		fault_arm(FAULT_HOST_MALLOC, nth);
		assert_int_equal(mm_verify(&f->m, NULL), 1);
		assert_true(fault_fired(FAULT_HOST_MALLOC));
	}
	fault_arm(FAULT_HOST_MALLOC, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_cache_list), T(test_slab_on_its_list), T(test_wrong_list),
		T(test_free_bits),  T(test_node_counters),    T(test_loose_objects),
		T(test_pages),      T(test_no_host_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
