/* SPDX-License-Identifier: MIT */
/* Kinds of LRU pages from the numbers of a capture that has been changed here and there. */
#include "daemon/import_use.h"

#include "base/mem.h"
#include "support/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct plan {
	struct capture c;
	struct cap_zone zone;
	struct cap_node *node;
	struct vm vm;
	struct import_run run;
};

/* One node with one zone and nothing known of it but what a test sets. */
static struct plan *plan_new(void)
{
	struct plan *p = calloc(1, sizeof(*p));
	assert_non_null(p);
	p->node = calloc(MM_NODES_MAX, sizeof(*p->node));
	assert_non_null(p->node);
	p->zone = (struct cap_zone){ .kind = ZONE_NORMAL, .managed = 100000, .free = 20000 };
	p->c.zone = &p->zone;
	p->c.nr_zones = p->c.nr_nodes = 1;
	p->c.node = p->node;
	p->vm.machine.pageblock_order = 9;
	p->vm.machine.nr_cpus_online = 2;
	p->run = (struct import_run){ .c = &p->c, .vm = &p->vm };
	return p;
}

static void plan_free(struct plan *p)
{
	mem_free(p->run.use);
	free(p->node);
	free(p);
}

static void list_set(struct plan *p, enum lru_list list, uint64_t pages)
{
	p->zone.stat[NR_ZONE_INACTIVE_ANON + list] = pages;
	p->zone.has_stat |= 1u << (NR_ZONE_INACTIVE_ANON + list);
}

static void item_set(struct plan *p, enum node_stat s, uint64_t value)
{
	p->node[0].stat[s] = value;
	p->node[0].has_stat |= 1ull << s;
}

static const struct node_use *plan_make(struct plan *p)
{
	mem_free(p->run.use);
	assert_int_equal(import_use_prepare(&p->run), 0);
	return &p->run.use[0];
}

/* Shared memory takes the active list first; mapped pages are shared memory first. */
static void test_kinds(void **state)
{
	(void)state;
	struct plan *p = plan_new();
	static const uint64_t sizes[LRU_LISTS] = { 1000, 200, 500, 300, 60 };
	for (unsigned l = 0; l < LRU_LISTS; l++)
		list_set(p, (enum lru_list)l, sizes[l]);
	item_set(p, NR_SHMEM, 250);
	item_set(p, NR_FILE_PAGES, 250 + 800 + 20);
	item_set(p, NR_ANON_MAPPED, 950 + 40);
	item_set(p, NR_FILE_MAPPED, 400);
	item_set(p, NR_ANON_THPS, 3);
	const struct node_use *u = plan_make(p);
	assert_int_equal(u->left[USE_SHMEM][LRU_ACTIVE_ANON], 200);
	assert_int_equal(u->left[USE_SHMEM][LRU_INACTIVE_ANON], 50);
	assert_int_equal(u->left[USE_ANON][LRU_INACTIVE_ANON], 950);
	assert_int_equal(u->left[USE_FILE][LRU_INACTIVE_FILE], 500);
	assert_int_equal(u->left[USE_FILE][LRU_ACTIVE_FILE], 300);
	assert_int_equal(u->left[USE_FILE][LRU_UNEVICTABLE], 20);
	assert_int_equal(u->left[USE_ANON][LRU_UNEVICTABLE], 40);
	assert_int_equal(u->mapped[USE_SHMEM][LRU_ACTIVE_ANON], 200);
	assert_int_equal(u->mapped[USE_SHMEM][LRU_INACTIVE_ANON], 50);
	assert_int_equal(u->mapped[USE_FILE][LRU_ACTIVE_FILE], 150);
	assert_int_equal(u->huge[USE_ANON], 3);
	assert_int_equal(u->late[USE_ANON] + u->late[USE_SHMEM] + u->late[USE_FILE], 0);
	assert_int_equal(p->run.tables, 2); /* of 990 pages */
	plan_free(p);
}

/* Anonymous pages that their lists have no room for are on the file lists, where these have more than page cache. */
static void test_lazily_freed(void **state)
{
	(void)state;
	struct plan *p = plan_new();
	list_set(p, LRU_INACTIVE_ANON, 100);
	list_set(p, LRU_INACTIVE_FILE, 400);
	list_set(p, LRU_ACTIVE_FILE, 100);
	item_set(p, NR_FILE_PAGES, 350);
	item_set(p, NR_ANON_MAPPED, 220);
	const struct node_use *u = plan_make(p);
	assert_int_equal(u->left[USE_ANON][LRU_INACTIVE_ANON], 100);
	assert_int_equal(u->left[USE_ANON][LRU_INACTIVE_FILE], 120);
	assert_int_equal(u->left[USE_FILE][LRU_INACTIVE_FILE], 280);
	assert_int_equal(u->left[USE_FILE][LRU_ACTIVE_FILE], 100);
	plan_free(p);
}

/* Pages in the CPUs' batches are few; a large number is something else. */
static void test_late(void **state)
{
	(void)state;
	struct plan *p = plan_new();
	list_set(p, LRU_INACTIVE_ANON, 100);
	item_set(p, NR_FILE_PAGES, 30);
	item_set(p, NR_ANON_MAPPED, 110);
	assert_int_equal(plan_make(p)->late[USE_ANON], 10);
	assert_int_equal(plan_make(p)->late[USE_FILE], 30);
	item_set(p, NR_FILE_PAGES, 30000);
	assert_int_equal(plan_make(p)->late[USE_FILE], 0);
	plan_free(p);
}

/* What no list says follows from the machine's vmstat, by the memory in use. */
static void test_shares(void **state)
{
	(void)state;
	struct plan *p = plan_new();
	p->c.vmstat[NR_INACTIVE_FILE] = 700;
	p->c.has_vmstat = 1ull << NR_INACTIVE_FILE;
	p->zone.stat[NR_ZONE_WRITE_PENDING] = 5;
	assert_int_equal(plan_make(p)->left[USE_FILE][LRU_INACTIVE_FILE], 700);
	assert_int_equal(plan_make(p)->dirty, 5);
	assert_true(import_node_item_known(&p->run, 0, NR_INACTIVE_FILE));
	assert_false(import_node_item_known(&p->run, 0, NR_SHMEM));
	item_set(p, NR_FILE_DIRTY, 2);
	assert_int_equal(plan_make(p)->dirty, 2);
	plan_free(p);
}

/* The shares of nodes add up to the machine's number, whatever is lost in rounding. */
static void test_shares_add_up(void **state)
{
	(void)state;
	struct cap_zone zone[3] = { { .node = 0, .managed = 100, .free = 33 },
				    { .node = 1, .managed = 100, .free = 50 },
				    { .node = 2, .managed = 100, .free = 41 } };
	struct capture *c = calloc(1, sizeof(*c));
	assert_non_null(c);
	*c = (struct capture){ .zone = zone, .nr_zones = 3, .nr_nodes = 3 };
	c->node = calloc(3, sizeof(*c->node));
	assert_non_null(c->node);
	c->has_vmstat = 1ull << NR_SLAB_RECLAIMABLE;
	struct vm *vm = calloc(1, sizeof(*vm));
	assert_non_null(vm);
	const struct import_run run = { .c = c, .vm = vm };
	for (uint64_t whole = 0; whole < 50; whole++) {
		uint64_t sum = 0;
		c->vmstat[NR_SLAB_RECLAIMABLE] = whole;
		for (unsigned n = 0; n < 3; n++)
			sum += import_node_item(&run, n, NR_SLAB_RECLAIMABLE);
		assert_int_equal(sum, whole);
	}
	free(vm);
	free(c->node);
	free(c);
}

/* Page cache has the first claim to entries, for reclaim can take it. */
static void test_budgets(void **state)
{
	(void)state;
	struct plan *p = plan_new();
	list_set(p, LRU_INACTIVE_FILE, 10000);
	plan_make(p);
	assert_int_equal(p->run.file_budget, 10ul << 20);
	assert_int_equal(p->run.other_budget, (10ul << 20) - 10000);
	list_set(p, LRU_INACTIVE_FILE, 1ul << 30);
	plan_make(p);
	assert_int_equal(p->run.other_budget, 0);
	plan_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),         cmocka_unit_test(test_lazily_freed),
		cmocka_unit_test(test_late),          cmocka_unit_test(test_shares),
		cmocka_unit_test(test_shares_add_up), cmocka_unit_test(test_budgets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
