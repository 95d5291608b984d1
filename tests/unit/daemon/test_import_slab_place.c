/* SPDX-License-Identifier: MIT */
/* Slabs among the memory in use: zones, types of pageblocks, alignment, and what the zone's lists keep. */
#include "daemon/import_slab.h"
#include "mm/buddy.h"
#include "mm/owner.h"
#include "mm/slab.h"
#include "support/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SLABINFO "proc/slabinfo"
#define LINE "ext4_fc_dentry_update"

struct found {
	uint64_t zone[ZONE_KINDS]; /* pages of slabs */
	uint64_t type[SLAB_CLASSES][MIGRATE_TYPES]; /* by type of the pageblock */
};

static void slabs_find(struct state_vm *s, struct found *f, const struct kmem_cache *only)
{
	const struct machine *m = &s->vm.machine;
	*f = (struct found){ { 0 }, { { 0 } } };
	for (uint64_t pfn = 0; pfn < m->end_pfn; pfn++) {
		const struct page *p = pfn_page(m, (pfn_t)pfn);
		if (p->state != PAGE_USED || owner_kind(p->owner) != OWNER_SLAB)
			continue;
		const struct kmem_cache *k = s->vm.slabs.cache[owner_id(p->owner)];
		if (only && k != only)
			continue;
		assert_int_equal(pfn & ((1u << p->order) - 1), 0);
		enum slab_class class =
			k->flags & SLAB_RECLAIM_ACCOUNT ? SLABS_RECLAIMABLE : SLABS_UNRECLAIMABLE;
		f->zone[page_zone(m, p)->kind] += 1ull << p->order;
		f->type[class][pageblock_type(m, (pfn_t)pfn)] += 1ull << p->order;
	}
}

static const struct kmem_cache *cache_of(struct state_vm *s, const char *name)
{
	struct kmem_cache *k = kmem_cache_find(&s->vm.slabs, name);
	assert_non_null(k);
	kmem_cache_put(k);
	return k;
}

/* Normal first, and pageblocks of their own type. */
static void test_zones_and_types(void **state)
{
	(void)state;
	struct state_dir d;
	struct found f;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	struct state_vm *s = state_boot(&d);
	slabs_find(s, &f, NULL);
	assert_true(f.zone[ZONE_NORMAL] > f.zone[ZONE_DMA32]);
	assert_int_equal(f.zone[ZONE_DMA], 0);
	assert_int_equal(f.zone[ZONE_MOVABLE], 0);
	const uint64_t *u = f.type[SLABS_UNRECLAIMABLE], *r = f.type[SLABS_RECLAIMABLE];
	assert_true(u[MIGRATE_UNMOVABLE] > u[MIGRATE_MOVABLE] + u[MIGRATE_RECLAIMABLE]);
	assert_true(r[MIGRATE_RECLAIMABLE] > r[MIGRATE_MOVABLE]);
	state_end(s);
	state_dir_remove(&d);
}

/* Caches for DMA are in zone DMA or nowhere; no slab is in HighMem. */
static void test_special_zones(void **state)
{
	(void)state;
	struct state_dir d;
	struct found f;
	state_dir_make(&d, "6.1.0-50-amd64-T2");
	state_dir_edit(&d, SLABINFO, LINE,
		       "dma-kmalloc-512 8 32 512 8 1 : tunables 0 0 0 : slabdata 4 4 0\n" LINE);
	/* the capture has one of that name without slabs */
	char *text = state_dir_read(&d, SLABINFO),
	     *own = strstr(strstr(text, "dma-kmalloc-512 ") + 1, "\ndma-kmalloc-512 ");
	assert_non_null(own);
	memcpy(own + 1, "dma-kmalloc-51x", 15);
	state_dir_write(&d, SLABINFO, text);
	free(text);
	/* some of zone DMA is in use */
	state_dir_edit(&d, "proc/buddyinfo", "    1      3 \nNode 0, zone    DMA32",
		       "    1      2 \nNode 0, zone    DMA32");
	state_dir_edit(&d, "proc/zoneinfo", "pages free     3584", "pages free     2560");
	state_dir_edit(&d, "proc/zoneinfo", "nr_free_pages 3584", "nr_free_pages 2560");
	state_dir_drop(&d, "proc/pagetypeinfo");
	struct state_vm *s = state_boot(&d);
	slabs_find(s, &f, cache_of(s, "dma-kmalloc-512"));
	assert_int_equal(f.zone[ZONE_DMA], 4);
	assert_int_equal(f.zone[ZONE_DMA32] + f.zone[ZONE_NORMAL], 0);
	state_end(s);
	state_dir_remove(&d);

	state_dir_make(&d, "6.1.0-50-686-pae-T7b");
	s = state_boot(&d);
	slabs_find(s, &f, NULL);
	assert_int_equal(f.zone[ZONE_HIGHMEM], 0);
	assert_true(f.zone[ZONE_NORMAL] > 1000);
	state_end(s);
	state_dir_remove(&d);
}

/* The zone's own lists come before slabs: they are as printed whatever slabinfo says. */
static void test_lists_keep_their_frames(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T1");
	state_dir_edit(&d, SLABINFO, LINE,
		       "greedy 90000 90000 4096 1 1 : tunables 0 0 0 : slabdata 90000 90000 0\n" LINE);
	struct state_vm *s = state_boot(&d);
	for (unsigned i = 0; i < s->capture->nr_zones; i++) {
		const struct cap_zone *from = &s->capture->zone[i];
		const struct zone *z = import_zone(&s->vm, from);
		if (!cap_zone_populated(from))
			continue;
		for (unsigned l = 0; l < LRU_LISTS; l++)
			assert_int_equal(zone_stat_read(z, (enum zone_stat)(NR_ZONE_INACTIVE_ANON + l)),
					 from->stat[NR_ZONE_INACTIVE_ANON + l]);
		for (unsigned p = 0; p < from->nr_pagesets; p++)
			assert_int_equal(s->vm.machine.cpu[p].zone[z->id].pcp.count,
					 from->pageset[p].count);
	}
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "slabs"));
	state_end(s);
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zones_and_types),
		cmocka_unit_test(test_special_zones),
		cmocka_unit_test(test_lists_keep_their_frames),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
