/* SPDX-License-Identifier: MIT */
#include "support/vm_fixture.h"

#include "vm/snapshot.h"

static void snap_open(struct snapshot *s, struct fixture *f, unsigned parts)
{
	assert_int_equal(snapshot_init(s, &f->vm.machine), 0);
	snapshot_fill(s, &f->vm, parts);
}

static void test_zones(void **state)
{
	struct fixture *f = *state;
	struct snapshot s;
	snap_open(&s, f, SNAP_ZONES);
	unsigned zones = 0;
	FOR_EACH_POPULATED_ZONE(z, &f->vm.machine) {
		const struct zone_snap *snap = &s.zone[z->id];
		assert_int_equal(snap->managed, z->managed);
		assert_int_equal(snap->watermark[WMARK_MIN], z->watermark[WMARK_MIN]);
		assert_int_equal(snap->watermark[WMARK_HIGH], z->watermark[WMARK_HIGH]);
		assert_memory_equal(snap->lowmem_reserve, z->lowmem_reserve, sizeof(z->lowmem_reserve));
		assert_int_equal(snap->threshold, z->stat_threshold);
		assert_int_equal(snap->stat[NR_FREE_PAGES], zone_stat_read(z, NR_FREE_PAGES));
		assert_true(snap->watermark[WMARK_LOW] > 0 && snap->stat[NR_FREE_PAGES] > 0);
		zones++;
	}
	assert_int_equal(zones, FIXTURE_ZONES);
	snapshot_fini(&s);
}

/* A boost stands beside the marks, not in them. */
static void test_boost(void **state)
{
	struct fixture *f = *state;
	struct snapshot s;
	struct zone *z = machine_zone_next(&f->vm.machine, NULL);
	uint64_t low = z->watermark[WMARK_LOW];
	z->watermark_boost = 77;
	snap_open(&s, f, SNAP_ZONES);
	assert_int_equal(s.zone[z->id].boost, 77);
	assert_int_equal(s.zone[z->id].watermark[WMARK_LOW], low);
	z->watermark_boost = 0;
	snapshot_fini(&s);
}

/* Fill the same snapshot before and after a task takes memory. */
static void test_follows_a_task(void **state)
{
	struct fixture *f = *state;
	struct snapshot s;
	snap_open(&s, f, SNAP_ALL);
	int64_t anon = s.node[0].stat[NR_ANON_MAPPED];
	uint64_t faults = s.event[PGFAULT], committed = s.committed_pages;

	struct task *t = make_task(f, "a");
	assert_write(t, "anon", "8M");
	machine_stat_fold(&f->vm.machine);
	snapshot_fill(&s, &f->vm, SNAP_ALL);
	assert_int_equal(s.node[0].stat[NR_ANON_MAPPED], anon + 2048);
	assert_int_equal(s.event[PGFAULT], faults + 2048);
	assert_int_equal(s.committed_pages, committed + 2048);
	assert_int_equal(s.commit_limit_pages, vm_commit_limit_pages(&f->vm));

	uint64_t hits = 0;
	FOR_EACH_POPULATED_ZONE(z, &f->vm.machine)
		hits += s.zone[z->id].numa[NUMA_HIT];
	assert_true(hits >= 2048);

	end_task(f, t);
	machine_stat_fold(&f->vm.machine);
	snapshot_fill(&s, &f->vm, SNAP_ALL);
	assert_int_equal(s.node[0].stat[NR_ANON_MAPPED], anon);
	snapshot_fini(&s);
}

/* Free blocks add up to what the zone says is free, pageblocks to what it has. */
static void test_free_lists(void **state)
{
	struct fixture *f = *state;
	struct snapshot s;
	struct task *t = make_task(f, "a");
	assert_write(t, "pages", "3 GFP_KERNEL 100");
	machine_stat_fold(&f->vm.machine);
	snap_open(&s, f, SNAP_FREE | SNAP_ZONES);
	FOR_EACH_POPULATED_ZONE(z, &f->vm.machine) {
		uint64_t pages = 0, blocks = 0;
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
			blocks += s.zone[z->id].pageblocks[mt];
			for (unsigned order = 0; order < MM_ORDERS; order++)
				pages += s.zone[z->id].free_blocks[order][mt] << order;
		}
		assert_int_equal(pages, s.zone[z->id].stat[NR_FREE_PAGES]);
		assert_true(blocks > 0 && blocks << f->vm.machine.pageblock_order >= z->present);
	}
	end_task(f, t);
	snapshot_fini(&s);
}

static void test_pagesets(void **state)
{
	struct fixture *f = *state;
	struct snapshot s;
	struct task *t = make_task(f, "a");
	assert_write(t, "cpu", "3");
	assert_write(t, "anon", "1M");
	snap_open(&s, f, SNAP_PAGESETS);
	unsigned cached = 0;
	FOR_EACH_POPULATED_ZONE(z, &f->vm.machine)
		for (unsigned cpu = 0; cpu < 4; cpu++) {
			const struct pageset_snap *p = &s.pageset[z->id * 4u + cpu];
			const struct pcp *pcp = &f->vm.machine.cpu[cpu].zone[z->id].pcp;
			assert_int_equal(p->count, pcp->count);
			assert_int_equal(p->high, pcp->high);
			assert_int_equal(p->batch, pcp->batch);
			assert_true(p->batch >= 1);
			cached += cpu == 3 ? (unsigned)p->count : 0;
		}
	assert_true(cached > 0);
	end_task(f, t);
	snapshot_fini(&s);
}

static void test_hugetlb(void **state)
{
	struct fixture *f = *state;
	struct snapshot s;
	assert_int_equal(hugetlb_resize(&f->vm.policy, f->vm.hugetlb, 6, -1), 6);
	struct task *t = make_task(f, "a");
	assert_write(t, "hugetlb", "2M 2");
	snap_open(&s, f, SNAP_HUGETLB);
	assert_int_equal(s.hugetlb_order, 9);
	assert_int_equal(s.hugetlb_max, 6);
	assert_int_equal(s.hugetlb_nr, 6);
	assert_int_equal(s.hugetlb_free, 4);
	assert_int_equal(s.hugetlb_surplus, 0);
	assert_int_equal(s.node[0].hugetlb_nr, 3);
	assert_int_equal(s.node[1].hugetlb_nr, 3);
	assert_int_equal(s.node[0].hugetlb_free, 1);
	assert_int_equal(s.node[1].hugetlb_free, 3);
	end_task(f, t);
	snapshot_fini(&s);
}

/* What is not asked for keeps its old value: reads of one file do not pay for another. */
static void test_only_the_parts(void **state)
{
	struct fixture *f = *state;
	struct snapshot s;
	snap_open(&s, f, SNAP_EVENTS);
	FOR_EACH_POPULATED_ZONE(z, &f->vm.machine) {
		assert_int_equal(s.zone[z->id].managed, 0);
		assert_int_equal(s.zone[z->id].free_blocks[MM_ORDER_MAX][MIGRATE_MOVABLE], 0);
	}
	snapshot_fill(&s, &f->vm, SNAP_FREE);
	FOR_EACH_POPULATED_ZONE(z, &f->vm.machine) {
		assert_int_equal(s.zone[z->id].managed, 0);
		assert_true(s.zone[z->id].free_blocks[MM_ORDER_MAX][MIGRATE_MOVABLE] > 0);
	}
	snapshot_fini(&s);
}

static void test_unreclaimable(void **state)
{
	struct fixture *f = *state;
	struct snapshot s;
	f->vm.machine.node[1].kswapd_failures = 16;
	f->vm.machine.node[0].kswapd_failures = 15;
	snap_open(&s, f, SNAP_NODES);
	assert_false(s.node[0].unreclaimable);
	assert_true(s.node[1].unreclaimable);
	f->vm.machine.node[0].kswapd_failures = f->vm.machine.node[1].kswapd_failures = 0;
	snapshot_fini(&s);
}

struct changer {
	struct fixture *fixture;
	struct task *task;
	unsigned rounds; /* relaxed */
	bool stop; /* relaxed */
};

static void *change_things(void *arg)
{
	struct changer *c = arg;
	struct vm *vm = &c->fixture->vm;
	for (unsigned i = 0; !READ_RELAXED(&c->stop); i++) {
		assert_write(c->task, "anon", i % 2 ? "4M" : "0");
		assert_write(c->task, "file", i % 3 ? "2M" : "0");
		assert_write(c->task, "pages", i % 2 ? "2 GFP_KERNEL 50" : "2 GFP_KERNEL 7");
		hugetlb_resize(&vm->policy, vm->hugetlb, i % 5, -1);
		machine_update_watermarks(&vm->machine);
		machine_stat_fold(&vm->machine);
		ADD_OWNED(&c->rounds, 1);
	}
	return NULL;
}

/* Filling takes no lock while others change what it copies: every number is whole and in its bounds. */
static void test_while_things_change(void **state)
{
	struct fixture *f = *state;
	struct changer c = { .fixture = f, .task = make_task(f, "a") };
	struct snapshot s;
	pthread_t thread;
	assert_int_equal(snapshot_init(&s, &f->vm.machine), 0);
	assert_int_equal(pthread_create(&thread, NULL, change_things, &c), 0);
	while (READ_RELAXED(&c.rounds) < 100) {
		snapshot_fill(&s, &f->vm, SNAP_ALL);
		assert_in_range(s.hugetlb_nr, 0, 5);
		assert_in_range(s.committed_pages, 0, 1024);
		FOR_EACH_POPULATED_ZONE(z, &f->vm.machine) {
			assert_int_equal(s.zone[z->id].managed, z->managed);
			assert_in_range(s.zone[z->id].free_blocks[MM_ORDER_MAX][MIGRATE_MOVABLE], 0,
					z->managed >> MM_ORDER_MAX);
		}
	}
	WRITE_RELAXED(&c.stop, true);
	pthread_join(thread, NULL);
	hugetlb_resize(&f->vm.policy, f->vm.hugetlb, 0, -1);
	end_task(f, c.task);
	snapshot_fini(&s);
	assert_verified(&f->vm);
}

static void test_no_memory(void **state)
{
	struct fixture *f = *state;
	struct snapshot s;
	for (unsigned nth = 1; nth <= 3; nth++) {
		fault_arm(FAULT_HOST_MALLOC, nth);
		assert_int_equal(snapshot_init(&s, &f->vm.machine), -ENOMEM);
		assert_true(fault_fired(FAULT_HOST_MALLOC));
	}
	fault_arm(FAULT_HOST_MALLOC, 4);
	assert_int_equal(snapshot_init(&s, &f->vm.machine), 0);
	fault_arm(FAULT_HOST_MALLOC, 0);
	snapshot_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_zones),          TEST(test_boost),         TEST(test_follows_a_task),
		TEST(test_free_lists),     TEST(test_pagesets),      TEST(test_hugetlb),
		TEST(test_only_the_parts), TEST(test_unreclaimable), TEST(test_while_things_change),
		TEST(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
