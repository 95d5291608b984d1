/* SPDX-License-Identifier: MIT */
/* Reports of the log: a captured one, others' formats, and what is refused. Each file is a state of its own. */
#include "support/state_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ZONE                                                                                       \
	"DMA32 free:400kB boost:0kB min:40kB low:48kB high:56kB active_anon:16kB "                 \
	"present:40960kB managed:36864kB free_pcp:40kB local_pcp:12kB\n"
#define RESERVE "lowmem_reserve[]: 0 0 7 7 7\n"
#define LISTS                                                                                      \
	"DMA32: 5*4kB (UM) 3*8kB (E) 2*16kB (H) 0*32kB 5*64kB (M) 0*128kB 0*256kB 0*512kB 0*1024kB 0*2048kB 0*4096kB = 396kB\n"
#define REPORT                                                                                                             \
	"Mem-Info:\nNode 0 active_anon:16kB kernel_stack:7kB anon_thp: 2048kB all_unreclaimable? no\nNode 0 " ZONE RESERVE \
	"Node 0 " LISTS

static void log_make(struct state_dir *d, const char *text)
{
	struct state_dir parent;
	char name[80];
	state_dir_make(&parent, NULL);
	state_dir_write(&parent, "log", text);
	*d = parent;
	snprintf(name, sizeof(name), "%.56s/log", parent.path);
	snprintf(d->path, sizeof(d->path), "%.63s", name);
}

static void log_remove(struct state_dir *d)
{
	d->path[strlen(d->path) - strlen("/log")] = 0;
	state_dir_remove(d);
}

static char *captured(void)
{
	const char *root = getenv("SRCDIR");
	char name[512];
	char *text = calloc(1, 1 << 16);
	snprintf(name, sizeof(name), "%s/tests/oracle/reports/6.1.0-50-amd64-T1.dmesg", root ? root : ".");
	FILE *f = fopen(name, "r");
	assert_non_null(f);
	text[fread(text, 1, (1 << 16) - 1, f)] = 0;
	fclose(f);
	return text;
}

static void test_captured(void **state)
{
	(void)state;
	struct state_dir d;
	char *text = captured();
	log_make(&d, text);
	struct capture *c = state_read(&d);
	assert_int_equal(c->nr_zones, 2);
	assert_int_equal(c->version->kernel, KERNEL_6_1);
	const struct cap_zone *z = cap_zone_find(c, 0, ZONE_DMA32);
	assert_int_equal(z->free, 3756 / 4);
	assert_int_equal(z->min, 3768 / 4);
	assert_int_equal(z->high, 5704 / 4);
	assert_int_equal(z->present, 1032040 / 4);
	assert_int_equal(z->managed, 968124 / 4);
	assert_int_equal(z->buddy[0], 25);
	assert_int_equal(z->types[0][MIGRATE_MOVABLE], 13);
	assert_int_equal(z->types[0][MIGRATE_RECLAIMABLE], 12);
	assert_int_equal(z->buddy[8], 1);
	assert_int_equal(cap_zone_buddy_pages(z), 3756 / 4);
	assert_int_equal(z->stat[NR_ZONE_INACTIVE_ANON], 914216 / 4);
	assert_int_equal(cap_zone_find(c, 0, ZONE_DMA)->protection[1], 945);
	assert_int_equal(c->node[0].stat[NR_KERNEL_STACK_KB], 1328);
	assert_int_equal(c->vmstat[NR_SLAB_RECLAIMABLE], 5159);
	assert_int_equal(c->vmstat[NR_FILE_PAGES], 1457);
	assert_int_equal(z->pageset[0].count, 712 / 4);
	assert_int_equal(z->pageset[1].count, (1888 - 712) / 4);
	assert_true(c->node[0].huge.seen);
	for (unsigned i = 0; i < c->nr_notes; i++)
		assert_int_not_equal(c->note[i].kind, NOTE_CORRECTED);
	import_free(c);

	struct state_vm *s = state_boot(&d);
	const struct zone *zone = s->vm.machine.node[0].zone[1];
	assert_int_equal(zone->area[0].nr_free[MIGRATE_RECLAIMABLE], 12);
	assert_int_equal(zone_mark_pages(zone, WMARK_LOW), 4736 / 4);
	state_end(s);
	log_remove(&d);
	free(text);
}

static void test_last_report_counts(void **state)
{
	(void)state;
	struct state_dir d;
	char text[4096];
	snprintf(text, sizeof(text), "%s%s%s",
		 "Mem-Info:\nNode 0 Normal free:4kB high:8kB present:40960kB managed:36864kB\n",
		 "CPU: 2 PID: 7 Comm: x Tainted: G        W          5.10.0-1 #1\n" REPORT,
		 "Mem-Info:\ncut off\n");
	log_make(&d, text);
	struct capture *c = state_read(&d);
	assert_int_equal(c->nr_zones, 1);
	assert_int_equal(c->zone[0].kind, ZONE_DMA32);
	assert_int_equal(c->version->kernel, KERNEL_5_10);
	assert_int_equal(c->zone[0].nr_pagesets, 3);
	assert_int_equal(c->zone[0].pageset[2].count, 3);
	assert_int_equal(c->zone[0].pageset[0].count, 4);
	assert_int_equal(c->zone[0].types[0][MIGRATE_UNMOVABLE], 3);
	assert_int_equal(c->zone[0].types[0][MIGRATE_MOVABLE], 2);
	assert_int_equal(c->zone[0].types[2][MIGRATE_HIGHATOMIC], 2);
	assert_int_equal(c->zone[0].protection[2], 7);
	assert_int_equal(c->node[0].stat[NR_ANON_THPS], 1);
	assert_true(state_noted(c, NOTE_GUESSED, "report"));
	assert_true(c->numa_lines);
	import_free(c);
	log_remove(&d);
}

/* Without NUMA no node is named; an old kernel has all by zone, and other types. */
static void test_old_kernel(void **state)
{
	(void)state;
	struct state_dir d;
	log_make(&d, "Pid: 1, comm: x Not tainted 3.10.0-1160 #1\nMem-Info:\nDMA32 per-cpu:\nCPU    0: hi:  186, btch:  31 usd:  30\n"
		     "DMA32 free:396kB min:40kB low:48kB high:56kB active_anon:16kB isolated(anon):4kB present:40960kB "
		     "managed:36864kB slab_reclaimable:80kB kernel_stack:16kB pages_scanned:0 all_unreclaimable? no\n"
		     "lowmem_reserve[]: 0 0\n"
		     "DMA32: 5*4kB (UR) 3*8kB (C) 2*16kB (M) 0*32kB 5*64kB (M) = 396kB\n");
	struct capture *c = state_read(&d);
	assert_int_equal(c->version->kernel, KERNEL_3_10);
	assert_false(c->numa_lines);
	assert_int_equal(c->node[0].stat[NR_ACTIVE_ANON], 4);
	assert_int_equal(c->node[0].stat[NR_SLAB_RECLAIMABLE], 20);
	assert_int_equal(c->node[0].stat[NR_KERNEL_STACK_KB], 16);
	assert_int_equal(c->zone[0].types[1][MIGRATE_MOVABLE], 3);
	assert_true(state_noted(c, NOTE_CORRECTED, "migrate types"));
	import_free(c);
	state_end(state_boot(&d));
	log_remove(&d);
}

static void refused(const char *text, const char *words)
{
	struct state_dir d;
	log_make(&d, text);
	state_refused(&d, -EINVAL, words);
	log_remove(&d);
}

static void test_refused(void **state)
{
	(void)state;
	refused("Mem-Info:\nnothing else\n", "without a Mem-Info block that has zones");
	refused("Mem-Info:\nNode 0 " ZONE "Node 0 " ZONE, "log:3: node 0 has two zones DMA32");
	refused("Mem-Info:\nNode 0 " ZONE "Node 1 " LISTS, "log:3: node 1 has no zone DMA32");
	refused("Mem-Info:\nNode 0 " ZONE "Node 0 " LISTS "Node 0 " LISTS,
		"log:4: node 0, zone DMA32 has its free blocks twice");
	refused("Mem-Info:\nNode 0 " ZONE "Node 0 DMA32: 9*64kB (M) = 576kB\n", "pages of 4 KiB");
	refused("Mem-Info:\nNode 0 " ZONE "Node 0 DMA32: 1*4kB (M) 99*4096kB (M) = 1kB\n",
		"are more than the 36864 kB");
	refused("Mem-Info:\nNode 0 " ZONE "Node 0 DMA32: x*4kB\n", "is not a count of free blocks");
	refused("Mem-Info:\nNode 0 " ZONE "Node 0 DMA32: 1*5kB\n", "no block of pages has this size");
	refused("Mem-Info:\nNode 0 DMA32 free:8kB present:4kB managed:4kB\n",
		"log:2: zone DMA32: free 2 is more than managed 1");
	refused("Mem-Info:\nNode 0 DMA32 free: present:4kB managed:4kB\n",
		"a number is missing behind \"free:\"");
	refused("Mem-Info:\nNode 99999 DMA32 free:4kB present:4kB\n", "the highest node number");
	refused("Mem-Info:\nNode 0 " ZONE "lowmem_reserve[]: 1 x\n",
		"\"x\" behind \"lowmem_reserve[]:\" is not a number");
}

/* Whatever is cut off or flipped: read or refused, never worse. */
static void test_damaged(void **state)
{
	(void)state;
	char *text = captured(), *copy = strdup(text);
	size_t len = strlen(text);
	unsigned seed = 1;
	for (unsigned i = 0; i < 300; i++) {
		struct state_dir d;
		struct capture *c = NULL;
		struct why why = { "" };
		memcpy(copy, text, len + 1);
		for (unsigned n = 0; n < 4; n++) {
			seed = seed * 1103515245 + 12345;
			copy[(seed >> 8) % len] = " 9:kB*(\n=x"[(seed >> 4) % 10];
		}
		if (i % 3 == 0)
			copy[(seed >> 7) % len] = 0;
		log_make(&d, copy);
		int error = import_read(&c, d.path, &why);
		if (error)
			assert_true(why.text[0]);
		else
			import_free(c);
		log_remove(&d);
	}
	free(copy);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captured),   cmocka_unit_test(test_last_report_counts),
		cmocka_unit_test(test_old_kernel), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
