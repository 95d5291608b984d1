/* SPDX-License-Identifier: MIT */
/*
 * Each named check is shown one thing that is wrong and must find it: a check
 * that cannot fail is none. Afterwards the wrong is made right and nothing is
 * found any more.
 */
#include "mm/verify.h"

#include "base/fault.h"
#include "base/text.h"
#include "mm/buddy.h"
#include "mm/lru.h"
#include "mm/pcp.h"
#include "support/small_machine.h"

#define U MIGRATE_UNMOVABLE
#define M MIGRATE_MOVABLE

struct victim {
	struct machine m;
	struct zone *z;
	struct cpu *c;
	struct page *used, *listed; /* in somebody's hands; on an LRU list */
};

/* Something of everything: used, listed, per-CPU, free in many orders, never used. */
static struct victim *victim_begin(void)
{
	static const struct zone_shape shape[] = { { 0, 1, 4096, 16384, 0 },
						   { 0, 2, 1048576, 1056768, 0 } };
	struct victim *v = calloc(1, sizeof(*v));
	assert_non_null(v);
	small_machine(&v->m, 1, 2, shape, 2);
	v->z = machine_zone(&v->m, 0, 2);
	v->c = &v->m.cpu[0];
	cpu_enter(v->c);
	v->c->zone[v->z->id].pcp.batch = 7;
	v->used = zone_take(v->c, v->z, 0, M, 0);
	v->listed = zone_take(v->c, v->z, 0, M, 0);
	lock_take(&v->m.node[0].lru.lock);
	lru_add(v->c, v->listed, LRU_INACTIVE_FILE);
	lock_drop(&v->m.node[0].lru.lock);
	cpu_leave(v->c);
	assert_verified(&v->m);
	return v;
}

static void victim_end(struct victim *v)
{
	assert_verified(&v->m);
	machine_shutdown(&v->m);
	free(v);
}

/* Findings, of which the check of this name has at least one, and a line says so in these words. */
static void assert_found(struct victim *v, const char *check, const char *words)
{
	struct text t;
	char summary[64];
	text_init(&t, 0);
	snprintf(summary, sizeof(summary), "\n%s: ", check);
	unsigned findings = mm_verify(&v->m, &t);
	const char *said = text_cstr(&t);
	if (!findings || !strstr(said, words) || !strstr(said, summary))
		fail_msg("%u findings, wanted \"%s\" by \"%s\":\n%s", findings, words, check, said);
	text_fini(&t);
	assert_int_equal(mm_verify(&v->m, NULL), findings); /* the text is not needed */
}

/* A free block that is on a list, of the lowest order that has one. */
static struct page *some_block(const struct victim *v, unsigned *order)
{
	for (*order = 0; *order < MM_ORDER_MAX; (*order)++)
		if (v->z->area[*order].list[M].head)
			return pfn_page(&v->m, v->z->area[*order].list[M].head);
	fail_msg("no free block");
	return NULL;
}

static void test_wrong_state(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	unsigned order;
	struct page *block = some_block(v, &order);
	block->state = PAGE_USED;
	assert_found(v, "free lists", "has state 3");
	block->state = PAGE_BUDDY;
	victim_end(v);
}

static void test_wrong_order_type_zone(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	unsigned order;
	struct page *block = some_block(v, &order), right = *block;
	block->order++;
	assert_found(v, "free lists", "of order");
	*block = right;
	block->migratetype = U;
	assert_found(v, "free lists", "type 0");
	*block = right;
	block->zone = machine_zone(&v->m, 0, 1)->id;
	assert_found(v, "free lists", "zone 1");
	*block = right;
	victim_end(v);
}

static void test_wrong_count(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	v->z->area[9].nr_free[M]++;
	assert_found(v, "free lists", "counted");
	v->z->area[9].nr_free[M] -= 2;
	assert_found(v, "free lists", "counted");
	v->z->area[9].nr_free[M]++;
	victim_end(v);
}

static void test_wrong_mask(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	v->z->area_mask[U] |= 1 << 4;
	assert_found(v, "free lists", "mask bit");
	v->z->area_mask[U] = 0;
	v->z->area_mask[M] &= (uint16_t) ~(1u << MM_ORDER_MAX);
	assert_found(v, "free lists", "mask bit");
	v->z->area_mask[M] |= 1 << MM_ORDER_MAX;
	victim_end(v);
}

static void test_wrong_links(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	unsigned order;
	struct page *block = some_block(v, &order);
	block->prev = 12345;
	assert_found(v, "free lists", "broken link");
	block->prev = PFN_NIL;
	pfn_t tail = v->z->area[order].list[M].tail;
	v->z->area[order].list[M].tail = 4096;
	assert_found(v, "free lists", "tail is 4096");
	v->z->area[order].list[M].tail = tail;
	victim_end(v);
}

/* A list that runs in a circle must not be followed for ever. */
static void test_circle(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	unsigned order;
	struct page *block = some_block(v, &order);
	block->next = page_pfn(&v->m, block);
	assert_found(v, "free lists", "counted");
	block->next = PFN_NIL;
	victim_end(v);
}

static void insert(struct victim *v, pfn_t pfn, unsigned order)
{
	lock_take(&v->z->lock);
	buddy_insert(v->z, pfn, order, M);
	lock_drop(&v->z->lock);
	v->z->stat[NR_FREE_PAGES] += 1 << order;
}

static void take_out(struct victim *v, pfn_t pfn, unsigned order)
{
	lock_take(&v->z->lock);
	buddy_remove(v->z, pfn);
	lock_drop(&v->z->lock);
	v->z->stat[NR_FREE_PAGES] -= 1 << order;
}

static void test_unaligned_block(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	insert(v, 1048576 + 1024 + 3, 2);
	assert_found(v, "free lists", "not aligned");
	take_out(v, 1048576 + 1024 + 3, 2);
	victim_end(v);
}

static void test_block_outside_the_zone(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	insert(v, 1056768, 3);
	assert_found(v, "free lists", "outside the zone");
	take_out(v, 1056768, 3);
	insert(v, 1048576 - 8, 3);
	assert_found(v, "free lists", "outside the zone");
	take_out(v, 1048576 - 8, 3);
	victim_end(v);
}

static void test_unmerged_buddies(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	insert(v, 1048576 + 2048, 4);
	insert(v, 1048576 + 2048 + 16, 4);
	assert_found(v, "free lists", "are free buddies");
	take_out(v, 1048576 + 2048, 4);
	take_out(v, 1048576 + 2048 + 16, 4);
	victim_end(v);
}

static void test_never_used_ranges(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	v->z->virgin.range[0].end -= MM_TOP_PAGES;
	assert_found(v, "never-used ranges", "never-used blocks in ranges");
	v->z->virgin.range[0].end += MM_TOP_PAGES;
	victim_end(v);
}

static void test_per_cpu_lists(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	struct pcp *pcp = &v->c->zone[v->z->id].pcp;
	assert_int_equal(pcp->count, 5);
	pcp->count++;
	assert_found(v, "per-CPU lists", "counted");
	pcp->count--;
	struct page *page = pfn_page(&v->m, pcp->list[M].head);
	page->state = PAGE_USED;
	assert_found(v, "per-CPU lists", "has state 3");
	page->state = PAGE_PCP;
	page->zone--;
	assert_found(v, "per-CPU lists", "zone 1");
	page->zone++;
	page->prev = 77;
	assert_found(v, "per-CPU lists", "broken link before");
	page->prev = PFN_NIL;
	pfn_t tail = pcp->list[M].tail;
	pcp->list[M].tail = 77;
	assert_found(v, "per-CPU lists", "tail is 77");
	pcp->list[M].tail = tail;
	victim_end(v);
}

static void test_free_counter(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	v->m.cpu[1].zone[v->z->id].diff[NR_FREE_PAGES]++;
	assert_found(v, "free counters", "nr_free_pages is");
	v->m.cpu[1].zone[v->z->id].diff[NR_FREE_PAGES]--;
	victim_end(v);
}

static void test_lru_lists(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	v->listed->lru = LRU_ACTIVE_FILE;
	assert_found(v, "LRU lists", "on LRU list 2");
	v->listed->lru = LRU_INACTIVE_FILE;
	v->m.node[0].lru.size[LRU_INACTIVE_FILE]++;
	assert_found(v, "LRU lists", "counted");
	v->m.node[0].lru.size[LRU_INACTIVE_FILE]--;
	v->m.node[0].stat[NR_ACTIVE_ANON]++;
	assert_found(v, "LRU lists", "nr_active_anon");
	v->m.node[0].stat[NR_ACTIVE_ANON]--;
	v->z->stat[NR_ZONE_INACTIVE_FILE]++;
	assert_found(v, "LRU lists", "nr_zone_inactive_file");
	v->z->stat[NR_ZONE_INACTIVE_FILE]--;
	v->listed->prev = 77;
	assert_found(v, "LRU lists", "broken link before");
	v->listed->prev = PFN_NIL;
	victim_end(v);
}

static void test_watermarks(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	v->z->watermark[WMARK_LOW]++; /* changed, and nobody told */
	assert_found(v, "watermarks", "plenty for type");
	v->z->watermark[WMARK_LOW]--;
	victim_end(v);
}

/* More pages of known use than there are without an entry. */
static void test_pinned(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	v->z->pinned[PINNED_STACK] = 1;
	assert_found(v, "pinned", "of known kinds");
	v->z->pinned[PINNED_STACK] = 0;
	victim_end(v);
}

/* A page that is nowhere, and one that is there twice. */
static void test_sums(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	v->used->state = PAGE_NONE;
	assert_found(v, "sums", "pinned pages are");
	v->used->state = PAGE_USED;
	v->used->order = 1;
	assert_found(v, "sums", "pinned pages are");
	v->used->order = 0;
	v->z->nr_pinned = 1;
	assert_found(v, "sums", "pinned pages are");
	v->z->nr_pinned = 0;
	unsigned order;
	struct page *block = some_block(v, &order);
	block->marks = 1;
	assert_found(v, "sums", "not in use");
	block->marks = 0;
	victim_end(v);
}

/* Not more than 64 lines, whatever is found. */
static void test_many_findings(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	struct text t;
	for (unsigned i = 0; i < 200; i++)
		insert(v, 1048576 + 2048 + i, 0);
	text_init(&t, 0);
	assert_true(mm_verify(&v->m, &t) >= 200);
	unsigned lines = 0;
	for (const char *s = text_cstr(&t); (s = strchr(s, '\n')); s++)
		lines++;
	assert_in_range(lines, 64, 64 + 8);
	text_fini(&t);
	for (unsigned i = 0; i < 200; i++)
		take_out(v, 1048576 + 2048 + i, 0);
	victim_end(v);
}

static void test_no_host_memory(void **state)
{
	(void)state;
	struct victim *v = victim_begin();
	fault_arm(FAULT_HOST_MALLOC, 1);
	assert_int_equal(mm_verify(&v->m, NULL), 1); /* rather than to say that all is well */
	fault_arm(FAULT_HOST_MALLOC, 0);
	victim_end(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_state),
		cmocka_unit_test(test_wrong_order_type_zone),
		cmocka_unit_test(test_wrong_count),
		cmocka_unit_test(test_wrong_mask),
		cmocka_unit_test(test_wrong_links),
		cmocka_unit_test(test_circle),
		cmocka_unit_test(test_unaligned_block),
		cmocka_unit_test(test_block_outside_the_zone),
		cmocka_unit_test(test_unmerged_buddies),
		cmocka_unit_test(test_never_used_ranges),
		cmocka_unit_test(test_per_cpu_lists),
		cmocka_unit_test(test_free_counter),
		cmocka_unit_test(test_lru_lists),
		cmocka_unit_test(test_watermarks),
		cmocka_unit_test(test_pinned),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_many_findings),
		cmocka_unit_test(test_no_host_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
