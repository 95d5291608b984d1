/* SPDX-License-Identifier: MIT */
#include "policy/report.h"

#include "base/caller.h"
#include "base/text.h"
#include "policy/policy.h"
#include "support/small_machine.h"

struct fixture {
	struct machine m;
	struct policy p;
	struct hugetlb pool;
	struct ring log;
	struct text said;
};

static struct fixture *fixture_of(unsigned nr_nodes, unsigned nr_cpus,
				  const struct zone_shape *shape, unsigned nr)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	small_machine(&f->m, nr_nodes, nr_cpus, shape, nr);
	clock_init(&f->m.clock, true);
	assert_int_equal(policy_init(&f->p, &f->m, true), 0);
	assert_int_equal(hugetlb_init(&f->pool, &f->m), 0);
	assert_int_equal(ring_init(&f->log, &f->m.clock, RING_BYTES), 0);
	f->p.report.log = &f->log;
	f->p.report.hugetlb = &f->pool;
	text_init(&f->said, 0);
	return f;
}

static void fixture_end(struct fixture *f)
{
	text_fini(&f->said);
	hugetlb_fini(&f->pool);
	policy_fini(&f->p);
	ring_fini(&f->log);
	machine_shutdown(&f->m);
	free(f);
}

/* All records as text, one after the other; the log is read up. */
static const char *said(struct fixture *f, uint64_t from)
{
	struct ring_record record;

	text_reset(&f->said);
	for (uint64_t seq = from; ring_read(&f->log, seq, &record); seq = record.seq + 1) {
		assert_int_equal(record.priority, 4);
		text_bytes(&f->said, record.text, record.len);
		text_char(&f->said, '\n');
	}
	return text_cstr(&f->said);
}

static const char *first_said(struct fixture *f, uint64_t seq)
{
	static char line[RING_TEXT_MAX + 1];
	struct ring_record record;

	assert_true(ring_read(&f->log, seq, &record));
	memcpy(line, record.text, record.len);
	line[record.len] = '\0';
	return line;
}

/* ---- The machine of a captured out-of-memory report, in the state that the report shows ---- */

static const char captured[] =
	"Mem-Info:\n"
	"active_anon:1348 inactive_anon:231532 isolated_anon:0\n"
	" active_file:12 inactive_file:0 isolated_file:0\n"
	" unevictable:0 dirty:0 writeback:0\n"
	" slab_reclaimable:5159 slab_unreclaimable:2113\n"
	" mapped:593 shmem:1440 pagetables:662\n"
	" sec_pagetables:0 bounce:0\n"
	" kernel_misc_reclaimable:0\n"
	" free:1849 free_pcp:301 free_cma:0\n"
	"Node 0 active_anon:5392kB inactive_anon:926128kB active_file:48kB inactive_file:0kB unevictable:0kB "
	"isolated(anon):0kB isolated(file):0kB mapped:2372kB dirty:0kB writeback:0kB shmem:5760kB shmem_thp: 0kB "
	"shmem_pmdmapped: 0kB anon_thp: 0kB writeback_tmp:0kB kernel_stack:1348kB pagetables:2648kB "
	"sec_pagetables:0kB all_unreclaimable? yes\n"
	"Node 0 DMA free:3832kB boost:0kB min:56kB low:68kB high:80kB reserved_highatomic:0KB active_anon:0kB "
	"inactive_anon:11380kB active_file:0kB inactive_file:0kB unevictable:0kB writepending:0kB present:15992kB "
	"managed:15360kB mlocked:0kB bounce:0kB free_pcp:0kB local_pcp:0kB free_cma:0kB\n"
	"lowmem_reserve[]: 0 945 945 945 945\n"
	"Node 0 DMA32 free:3564kB boost:0kB min:3768kB low:4736kB high:5704kB reserved_highatomic:0KB "
	"active_anon:5392kB inactive_anon:914524kB active_file:268kB inactive_file:316kB unevictable:0kB "
	"writepending:0kB present:1032040kB managed:968124kB mlocked:0kB bounce:0kB free_pcp:1204kB local_pcp:328kB "
	"free_cma:0kB\n"
	"lowmem_reserve[]: 0 0 0 0 0\n"
	"Node 0 DMA: 2*4kB (UM) 2*8kB (UM) 0*16kB 1*32kB (U) 1*64kB (U) 1*128kB (M) 2*256kB (UM) 2*512kB (UM) "
	"0*1024kB 1*2048kB (M) 0*4096kB = 3832kB\n"
	"Node 0 DMA32: 25*4kB (ME) 27*8kB (UME) 23*16kB (UME) 32*32kB (UME) 6*64kB (UE) 4*128kB (UE) 1*256kB (M) "
	"0*512kB 1*1024kB (M) 0*2048kB 0*4096kB = 3884kB\n"
	"Node 0 hugepages_total=0 hugepages_free=0 hugepages_surp=0 hugepages_size=2048kB\n"
	"1479 total pagecache pages\n"
	"0 pages in swap cache\n"
	"Free swap  = 0kB\n"
	"Total swap = 0kB\n"
	"262008 pages RAM\n"
	"0 pages HighMem/MovableOnly\n"
	"16137 pages reserved\n"
	"0 pages hwpoisoned\n";

struct area_state {
	unsigned blocks;
	const char *types; /* of "UME" */
};

static void areas_set(struct zone *z, const struct area_state *state)
{
	static const char letters[] = "UMEH";

	for (unsigned order = 0; order < MM_ORDERS; order++) {
		struct free_area *area = &z->area[order];
		unsigned left = state[order].blocks;
		memset(area->nr_free, 0, sizeof(area->nr_free));
		for (const char *c = state[order].types; c && *c; c++) {
			unsigned nr = c[1] ? 1 : left;
			area->nr_free[strchr(letters, *c) - letters] = nr;
			left -= nr;
		}
	}
}

static void captured_node(struct node *n)
{
	memset(n->stat, 0, sizeof(n->stat));
	n->stat[NR_ACTIVE_ANON] = 1348;
	n->stat[NR_INACTIVE_ANON] = 231532;
	n->stat[NR_ACTIVE_FILE] = 12;
	n->stat[NR_SLAB_RECLAIMABLE] = 5159;
	n->stat[NR_SLAB_UNRECLAIMABLE] = 2113;
	n->stat[NR_FILE_MAPPED] = 593;
	n->stat[NR_SHMEM] = 1440;
	n->stat[NR_PAGETABLE] = 662;
	n->stat[NR_KERNEL_STACK_KB] = 1348;
	n->stat[NR_FILE_PAGES] = 1479;
	n->kswapd_failures = 16;
}

static void captured_dma(struct zone *z)
{
	static const struct area_state area[MM_ORDERS] = { { 2, "UM" }, { 2, "UM" }, { 0, "" },
							   { 1, "U" },  { 1, "U" },  { 1, "M" },
							   { 2, "UM" }, { 2, "UM" }, { 0, "" },
							   { 1, "M" } };
	areas_set(z, area);
	memset(z->stat, 0, sizeof(z->stat));
	z->stat[NR_FREE_PAGES] = 958;
	z->stat[NR_ZONE_INACTIVE_ANON] = 2845;
	z->watermark[WMARK_MIN] = 14;
	z->watermark[WMARK_LOW] = 17;
	z->watermark[WMARK_HIGH] = 20;
	z->watermark_boost = 0;
}

static void captured_dma32(struct zone *z)
{
	static const struct area_state area[MM_ORDERS] = {
		{ 25, "ME" }, { 27, "UME" }, { 23, "UME" }, { 32, "UME" }, { 6, "UE" },
		{ 4, "UE" },  { 1, "M" },    { 0, "" },     { 1, "M" }
	};
	areas_set(z, area);
	memset(z->stat, 0, sizeof(z->stat));
	z->stat[NR_FREE_PAGES] = 891;
	z->stat[NR_ZONE_ACTIVE_ANON] = 1348;
	z->stat[NR_ZONE_INACTIVE_ANON] = 228631;
	z->stat[NR_ZONE_ACTIVE_FILE] = 67;
	z->stat[NR_ZONE_INACTIVE_FILE] = 79;
	z->watermark[WMARK_MIN] = 942;
	z->watermark[WMARK_LOW] = 1184;
	z->watermark[WMARK_HIGH] = 1426;
	z->watermark_boost = 0;
}

static struct fixture *captured_fixture(void)
{
	static const struct zone_shape shape[] = { { 0, 0, 1, 0x9f, 0 },
						   { 0, 0, 0x100, 0x1000, 158 },
						   { 0, 1, 0x1000, 0x3ffda, 15979 } };
	struct fixture *f = fixture_of(1, 2, shape, ARRAY_LEN(shape));

	captured_node(&f->m.node[0]);
	captured_dma(machine_zone(&f->m, 0, 0));
	captured_dma32(machine_zone(&f->m, 0, 1));
	f->m.cpu[0].zone[1].pcp.count = 82;
	f->m.cpu[1].zone[1].pcp.count = 219;
	return f;
}

static void test_mem_info_as_captured(void **state)
{
	(void)state;
	struct fixture *f = captured_fixture();
	struct ring_record record;

	report_mem_info(&f->p, &f->m.cpu[0], f->m.nr_zone_types - 1);
	assert_string_equal(said(f, 0), captured);
	assert_true(ring_read(&f->log, 1, &record)); /* eight lines are one record, as there */
	assert_memory_equal(record.text + record.len - 10, "free_cma:0", 10);
	fixture_end(f);
}

/* What a request could not have used anyway is not part of its report (6.1). */
static void test_zones_of_the_request_only(void **state)
{
	(void)state;
	struct fixture *f = captured_fixture();

	report_mem_info(&f->p, &f->m.cpu[1], 0);
	const char *text = said(f, 0);
	assert_non_null(strstr(text, "\nNode 0 DMA free:3832kB"));
	assert_null(strstr(text, "DMA32"));
	assert_non_null(strstr(text, " free:1849 free_pcp:0 "));
	assert_non_null(strstr(text, "\n262008 pages RAM\n"));
	fixture_end(f);
}

/* ---- Failed allocations ---- */

static const struct zone_shape two_nodes[] = { { 0, 1, 0x1000, 0x1400, 0 }, { 1, 1, 0x2000, 0x2400, 0 } };

static void fail_to_take(struct fixture *f, gfp_t gfp, unsigned order)
{
	struct cpu *c = &f->m.cpu[1];

	cpu_enter(c);
	while (alloc_pages(&f->p, c, -1, gfp, order))
		;
	cpu_leave(c);
}

static void test_failure(void **state)
{
	(void)state;
	struct fixture *f = fixture_of(2, 1, two_nodes, 2);
	struct caller before = caller_set((struct caller){ .pid = 42, .name = "worker" });

	fail_to_take(f, GFP_KERNEL | __GFP_COMP, 4);
	caller_set(before);
	assert_string_equal(first_said(f, 0), "worker: page allocation failure: order:4, mode:0x40cc0(GFP_KERNEL|__GFP_COMP), "
					      "nodemask=(null),cpuset=/,mems_allowed=0-1");
	assert_string_equal(first_said(f, 1), "CPU: 1 PID: 42 Comm: worker Not tainted 6.1.0-ummfs #1");
	assert_string_equal(first_said(f, 2), "Mem-Info:");
	assert_non_null(strstr(said(f, 0), "\nNode 1 DMA32: "));
	assert_non_null(strstr(said(f, 0), "\nNode 1 hugepages_total=0 "));
	assert_non_null(strstr(said(f, 0), "\n2048 pages RAM\n"));
	fixture_end(f);
}

static void test_rate(void **state)
{
	(void)state;
	struct fixture *f = fixture_of(2, 1, two_nodes, 2);

	fail_to_take(f, GFP_KERNEL, 4);
	uint64_t one = ring_next(&f->log);
	for (unsigned i = 0; i < 12; i++)
		fail_to_take(f, GFP_KERNEL, 4);
	assert_int_equal(ring_next(&f->log), one);
	clock_advance(&f->m.clock, 10000000001);
	fail_to_take(f, GFP_KERNEL, 4);
	assert_string_equal(first_said(f, one), "warn_alloc: 12 callbacks suppressed");
	assert_non_null(strstr(first_said(f, one + 1),
			       ": page allocation failure: order:4, mode:0xcc0(GFP_KERNEL), "));
	assert_int_equal(ring_next(&f->log), 2 * one + 1);
	fixture_end(f);
}

static void test_silent(void **state)
{
	(void)state;
	struct fixture *f = fixture_of(2, 1, two_nodes, 2);

	fail_to_take(f, GFP_KERNEL | __GFP_NOWARN, 4);
	fail_to_take(f, GFP_KERNEL | __GFP_DMA, 0); /* the machine has no such zone: nobody wonders */
	assert_int_equal(ring_next(&f->log), 0);
	f->p.report.log = NULL;
	fail_to_take(f, GFP_KERNEL, 4);
	f->p.report.log = &f->log;
	fail_to_take(f, GFP_KERNEL, 4); /* none of them counted */
	assert_non_null(strstr(first_said(f, 0), "page allocation failure"));
	fixture_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mem_info_as_captured),
		cmocka_unit_test(test_zones_of_the_request_only),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
