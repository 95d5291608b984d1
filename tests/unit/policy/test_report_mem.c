/* SPDX-License-Identifier: MIT */
/*
 * The Mem-Info block: 6.1's is compared with a captured one. Of 5.10 and 6.12
 * there is no capture; their lines are written after reports of such kernels
 * that were published, with the numbers of the 6.1 capture put in.
 */
#include "support/report_fixture.h"

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

	report_mem_info(&f->p, &f->m.cpu[0], f->m.nr_zone_types - 1, NULL);
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

	report_mem_info(&f->p, &f->m.cpu[1], 0, NULL);
	const char *text = said(f, 0);
	assert_non_null(strstr(text, "\nNode 0 DMA free:3832kB"));
	assert_null(strstr(text, "DMA32"));
	assert_non_null(strstr(text, " free:1849 free_pcp:0 "));
	assert_non_null(strstr(text, "\n262008 pages RAM\n"));
	fixture_end(f);
}

/* The same machine as another kernel would show it. */
static const char *mem_info_of(struct fixture *f, enum kernel kernel)
{
	machine_set_version(&f->m, &kernel_versions[kernel]);
	report_mem_info(&f->p, &f->m.cpu[0], f->m.nr_zone_types - 1, NULL);
	return said(f, 0);
}

static const char as_5_10[] =
	"Mem-Info:\n"
	"active_anon:1348 inactive_anon:231532 isolated_anon:0\n"
	" active_file:12 inactive_file:0 isolated_file:0\n"
	" unevictable:0 dirty:0 writeback:0\n"
	" slab_reclaimable:5159 slab_unreclaimable:2113\n"
	" mapped:593 shmem:1440 pagetables:662 bounce:0\n"
	" free:1849 free_pcp:301 free_cma:0\n"
	"Node 0 active_anon:5392kB inactive_anon:926128kB active_file:48kB inactive_file:0kB unevictable:0kB "
	"isolated(anon):0kB isolated(file):0kB mapped:2372kB dirty:0kB writeback:0kB shmem:5760kB shmem_thp: 0kB "
	"shmem_pmdmapped: 0kB anon_thp: 0kB writeback_tmp:0kB kernel_stack:1348kB all_unreclaimable? yes\n"
	"Node 0 DMA free:3832kB min:56kB low:68kB high:80kB reserved_highatomic:0KB active_anon:0kB "
	"inactive_anon:11380kB active_file:0kB inactive_file:0kB unevictable:0kB writepending:0kB present:15992kB "
	"managed:15360kB mlocked:0kB pagetables:8kB bounce:0kB free_pcp:0kB local_pcp:0kB free_cma:0kB\n"
	"lowmem_reserve[]: 0 945 945 945 945\n"
	"Node 0 DMA32 free:3564kB min:3768kB low:4736kB high:5704kB reserved_highatomic:0KB "
	"active_anon:5392kB inactive_anon:914524kB active_file:268kB inactive_file:316kB unevictable:0kB "
	"writepending:0kB present:1032040kB managed:968124kB mlocked:0kB pagetables:2640kB bounce:0kB "
	"free_pcp:1204kB local_pcp:328kB free_cma:0kB\n"
	"lowmem_reserve[]: 0 0 0 0 0\n"
	"Node 0 DMA: 2*4kB (UM) 2*8kB (UM) 0*16kB 1*32kB (U) 1*64kB (U) 1*128kB (M) 2*256kB (UM) 2*512kB (UM) "
	"0*1024kB 1*2048kB (M) 0*4096kB = 3832kB\n"
	"Node 0 DMA32: 25*4kB (ME) 27*8kB (UME) 23*16kB (UME) 32*32kB (UME) 6*64kB (UE) 4*128kB (UE) 1*256kB (M) "
	"0*512kB 1*1024kB (M) 0*2048kB 0*4096kB = 3884kB\n"
	"Node 0 hugepages_total=0 hugepages_free=0 hugepages_surp=0 hugepages_size=2048kB\n"
	"1479 total pagecache pages\n"
	"0 pages in swap cache\n"
	"Swap cache stats: add 0, delete 0, find 0/0\n"
	"Free swap  = 0kB\n"
	"Total swap = 0kB\n"
	"262008 pages RAM\n"
	"0 pages HighMem/MovableOnly\n"
	"16137 pages reserved\n"
	"0 pages hwpoisoned\n";

static void test_mem_info_5_10(void **state)
{
	(void)state;
	struct fixture *f = captured_fixture();
	machine_zone(&f->m, 0, 0)->stat[NR_ZONE_PAGETABLE] = 2;
	machine_zone(&f->m, 0, 1)->stat[NR_ZONE_PAGETABLE] = 660;
	assert_string_equal(mem_info_of(f, KERNEL_5_10), as_5_10);
	fixture_end(f);
}

/* 6.12 differs from 6.1 in three blanks; what was put into the zones' line later is not there. */
static void test_mem_info_6_12(void **state)
{
	(void)state;
	struct fixture *f = captured_fixture();
	static const char *const labels[] = { "shmem_thp: ", "shmem_pmdmapped: ", "anon_thp: " };
	char *want = strdup(captured);
	for (unsigned i = 0; i < ARRAY_LEN(labels); i++) {
		char *blank = strstr(want, labels[i]) + strlen(labels[i]) - 1;
		memmove(blank, blank + 1, strlen(blank));
	}
	assert_string_equal(mem_info_of(f, KERNEL_6_12), want);
	assert_null(strstr(want, "free_highatomic"));
	free(want);
	fixture_end(f);
}

/* Until 6.0 every zone and node is shown, whatever the request, and the pool of nodes that have memory. */
static void test_not_narrow(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 0, 1, 0x9f, 0 }, { 0, 1, 0x1000, 0x1400, 0 } };
	struct fixture *f = fixture_of(2, 1, shape, ARRAY_LEN(shape));
	machine_set_version(&f->m, &kernel_versions[KERNEL_5_10]);
	report_mem_info(&f->p, &f->m.cpu[0], 0, NULL);
	const char *text = said(f, 0);
	assert_non_null(strstr(text, "\nNode 0 DMA32 free:"));
	assert_non_null(strstr(text, "\nNode 1 active_anon:0kB "));
	assert_non_null(strstr(text, "\nNode 0 hugepages_total="));
	assert_null(strstr(text, "\nNode 1 hugepages_total="));

	uint64_t from = ring_next(&f->log);
	machine_set_version(&f->m, &kernel_versions[KERNEL_6_1]);
	report_mem_info(&f->p, &f->m.cpu[0], 0, NULL);
	text = said(f, from);
	assert_null(strstr(text, "DMA32"));
	assert_null(strstr(text, "\nNode 1 active_anon:"));
	assert_non_null(strstr(text, "\nNode 1 hugepages_total="));
	fixture_end(f);
}

static void test_swap(void **state)
{
	(void)state;
	struct fixture *f = captured_fixture();
	f->m.facts.swap_total_kb = 2048;
	f->m.facts.swap_free_kb = 1024;
	assert_non_null(strstr(mem_info_of(f, KERNEL_6_1), "\nFree swap  = 1024kB\nTotal swap = 2048kB\n"));
	fixture_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mem_info_as_captured),
		cmocka_unit_test(test_zones_of_the_request_only),
		cmocka_unit_test(test_mem_info_5_10),
		cmocka_unit_test(test_mem_info_6_12),
		cmocka_unit_test(test_not_narrow),
		cmocka_unit_test(test_swap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
