/* SPDX-License-Identifier: MIT */
#include "mm/kmalloc.h"

#include "base/fault.h"
#include "base/mem.h"
#include "base/ring.h"
#include "mm/owner.h"
#include "mm/pcp.h"
#include "support/small_machine.h"

#include <errno.h>

#define END_PFN 65536ul
#define NODE_1_PFN 32768ul

struct world {
	struct machine m;
	struct slabs sl;
	struct kmalloc k;
	struct ring log;
	char *bytes;
	struct cpu *c;
};

/* Zone DMA when asked for, else the node's Normal zone, else, unless it must be that node, the other's. */
static struct page *take(void *ctx, struct cpu *c, int nid, gfp_t gfp, unsigned order)
{
	struct world *w = ctx;
	unsigned near = nid < 0 ? c->node->id : (unsigned)nid;
	enum migratetype mt = gfp & __GFP_RECLAIMABLE ? MIGRATE_RECLAIMABLE : MIGRATE_UNMOVABLE;
	assert_false(gfp & (__GFP_HIGHMEM | __GFP_DMA32));
	if (gfp & __GFP_DMA)
		return zone_take(c, machine_zone(&w->m, 0, 0), order, mt, 0);
	struct page *page = zone_take(c, machine_zone(&w->m, near, 2), order, mt, 0);
	if (!page && !(gfp & __GFP_THISNODE))
		page = zone_take(c, machine_zone(&w->m, !near, 2), order, mt, 0);
	return page;
}

static void give(void *ctx, struct cpu *c, struct page *page, unsigned order)
{
	(void)ctx;
	page_give(c, page, order);
}

static struct world *world_boot(enum kernel kernel)
{
	static const struct zone_shape shape[] = { { 0, 0, 1, 4096, 0 },
						   { 0, 2, 4096, NODE_1_PFN, 0 },
						   { 1, 2, NODE_1_PFN, END_PFN, 0 } };
	struct world *w = calloc(1, sizeof(*w));
	struct machine_spec spec;
	assert_non_null(w);
	small_spec(&spec, 2, 1);
	small_spec_zones(&spec, shape, ARRAY_LEN(shape));
	spec.kernel = kernel;
	small_boot(&w->m, &spec);
	w->bytes = mem_map(END_PFN * PAGE_SIZE);
	assert_non_null(w->bytes);
	assert_int_equal(ring_init(&w->log, &w->m.clock, 1 << 16), 0);
	const struct slab_source source = {
		.take = take, .give = give, .ctx = w, .base = w->bytes, .log = &w->log
	};
	assert_int_equal(slabs_init(&w->sl, &w->m, &source), 0);
	w->c = &w->m.cpu[0];
	return w;
}

static void world_end(struct world *w)
{
	assert_verified(&w->m);
	kmalloc_fini(&w->k);
	slabs_fini(&w->sl);
	ring_fini(&w->log);
	mem_unmap(w->bytes, END_PFN * PAGE_SIZE);
	machine_shutdown(&w->m);
	free(w);
}

static struct world *world(enum kernel kernel)
{
	struct world *w = world_boot(kernel);
	assert_int_equal(kmalloc_init(&w->k, &w->sl), 0);
	return w;
}

static int64_t counted(const struct world *w, enum node_stat item)
{
	return node_stat_sum(&w->m.node[0], item) + node_stat_sum(&w->m.node[1], item);
}

static int64_t free_pages(struct world *w)
{
	int64_t pages = 0;
	machine_drain(&w->m);
	FOR_EACH_POPULATED_ZONE(z, &w->m)
		pages += zone_stat_sum(z, NR_FREE_PAGES);
	return pages;
}

static void *get(struct world *w, size_t size, gfp_t gfp)
{
	cpu_enter(w->c);
	void *p = kmalloc(&w->k, w->c, size, gfp);
	cpu_leave(w->c);
	return p;
}

static void put(struct world *w, void *p)
{
	cpu_enter(w->c);
	kfree(&w->k, w->c, p);
	cpu_leave(w->c);
}

static void shrink_all(struct world *w)
{
	for (struct kmem_cache *s = w->sl.newest; s; s = s->older)
		kmem_cache_shrink(s);
}

static unsigned log_has(struct world *w, const char *text)
{
	struct ring_record r;
	unsigned nr = 0;
	for (uint64_t seq = ring_first(&w->log); ring_read(&w->log, seq, &r); seq = r.seq + 1)
		nr += memmem(r.text, r.len, text, strlen(text)) != NULL;
	return nr;
}

/* ---- Caches ---- */

/* As slabinfo of the captures prints them, last line first. */
static void assert_caches(enum kernel kernel, const char *names)
{
	struct world *w = world(kernel);
	char seen[2048] = "";
	for (struct kmem_cache *s = w->sl.newest; s; s = s->older) {
		strcat(seen, s->name);
		strcat(seen, " ");
		assert_int_equal(s->refs, 1);
	}
	assert_string_equal(seen, names);
	world_end(w);
}

#define STEPS(f)                                                                                   \
	f "-8k " f "-4k " f "-2k " f "-1k " f "-512 " f "-256 " f "-192 " f "-128 " f "-96 " f     \
	  "-64 " f "-32 " f "-16 " f "-8 "
#define STEPS_ODD_FIRST(f)                                                                         \
	f "-8k " f "-4k " f "-2k " f "-1k " f "-512 " f "-256 " f "-128 " f "-64 " f "-32 " f      \
	  "-16 " f "-8 " f "-192 " f "-96 "

static void test_caches_of_each_kernel(void **state)
{
	(void)state;
	assert_caches(KERNEL_6_1, STEPS("dma-kmalloc") STEPS("kmalloc-rcl") STEPS("kmalloc-cg")
					  STEPS("kmalloc"));
	assert_caches(KERNEL_5_10, STEPS_ODD_FIRST("dma-kmalloc") STEPS("kmalloc-rcl") STEPS("kmalloc"));
	assert_caches(KERNEL_6_12, STEPS_ODD_FIRST("kmalloc-cg") STEPS_ODD_FIRST("dma-kmalloc")
					   STEPS_ODD_FIRST("kmalloc-rcl") STEPS_ODD_FIRST("kmalloc"));
}

static void assert_served(const struct world *w, size_t size, gfp_t gfp, const char *name)
{
	const struct kmem_cache *s = kmalloc_cache(&w->k, size, gfp);
	assert_non_null(s);
	assert_string_equal(s->name, name);
}

static void test_which_cache(void **state)
{
	(void)state;
	struct world *w = world(KERNEL_6_1);
	for (size_t size = 1; size <= KMALLOC_CACHE_MAX; size++) {
		int step = kmalloc_index_size(w->m.version, 64, size);
		assert_int_equal(kmalloc_cache(&w->k, size, GFP_KERNEL)->layout.object_size, step);
		assert_int_equal(kmalloc_cache(&w->k, size, GFP_KERNEL_ACCOUNT)->layout.object_size, step);
	}
	assert_served(w, 1, GFP_ATOMIC, "kmalloc-8");
	assert_served(w, 97, GFP_KERNEL, "kmalloc-128");
	assert_served(w, 200, GFP_KERNEL, "kmalloc-256");
	assert_served(w, 8192, GFP_KERNEL | __GFP_ZERO, "kmalloc-8k");
	assert_served(w, 192, GFP_KERNEL_ACCOUNT, "kmalloc-cg-192");
	assert_served(w, 1025, GFP_KERNEL | __GFP_RECLAIMABLE, "kmalloc-rcl-2k");
	assert_served(w, 96, GFP_KERNEL | __GFP_DMA, "dma-kmalloc-96");
	/* zone before mobility before accounting */
	assert_served(w, 64, GFP_KERNEL_ACCOUNT | __GFP_RECLAIMABLE, "kmalloc-rcl-64");
	assert_served(w, 64, GFP_KERNEL_ACCOUNT | __GFP_DMA, "dma-kmalloc-64");
	assert_served(w, 64, GFP_KERNEL_ACCOUNT | __GFP_RECLAIMABLE | __GFP_DMA, "dma-kmalloc-64");
	world_end(w);
	w = world(KERNEL_5_10); /* has no family that is accounted */
	assert_served(w, 64, GFP_KERNEL_ACCOUNT, "kmalloc-64");
	assert_served(w, 64, GFP_KERNEL_ACCOUNT | __GFP_RECLAIMABLE, "kmalloc-rcl-64");
	world_end(w);
}

static void cache_made_before(struct world *w, const char *name, uint32_t size)
{
	struct kmem_cache *s;
	const struct cache_spec spec = { .name = name, .object_size = size, .flags = slab_known_flags(name) };
	assert_int_equal(kmem_cache_create(&w->sl, &spec, &s), 0);
	kmem_cache_put(s);
}

static void test_caches_that_an_import_made(void **state)
{
	(void)state;
	struct world *w = world_boot(KERNEL_6_1);
	cache_made_before(w, "dentry", 192);
	cache_made_before(w, "kmalloc-64", 64);
	cache_made_before(w, "kmalloc-1k", 1024);
	cache_made_before(w, "kmalloc-cg-64", 64);
	assert_int_equal(kmalloc_init(&w->k, &w->sl), 0);
	assert_int_equal(w->sl.nr_caches, 4);
	assert_served(w, 8, GFP_KERNEL, "kmalloc-64");
	assert_served(w, 65, GFP_KERNEL, "kmalloc-1k");
	assert_served(w, 64, GFP_KERNEL_ACCOUNT, "kmalloc-cg-64");
	assert_served(w, 65, GFP_KERNEL_ACCOUNT, "kmalloc-1k");
	assert_served(w, 8, GFP_KERNEL | __GFP_DMA, "kmalloc-64");
	assert_null(kmalloc_cache(&w->k, 1025, GFP_KERNEL));
	void *p = get(w, 1025, GFP_KERNEL);
	assert_int_equal(ksize(&w->k, p), PAGE_SIZE);
	put(w, p);
	p = get(w, 65, GFP_KERNEL);
	assert_int_equal(ksize(&w->k, p), 1024);
	put(w, p);
	world_end(w);
}

static void test_init_without_memory(void **state)
{
	(void)state;
	unsigned n = 1;
	for (int error = -ENOMEM; error; n++) {
		struct world *w = world_boot(KERNEL_6_1);
		fault_arm(FAULT_HOST_MALLOC, n);
		error = kmalloc_init(&w->k, &w->sl);
		bool fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		assert_int_equal(error, fired ? -ENOMEM : 0);
		for (struct kmem_cache *s = w->sl.newest; error && s; s = s->older)
			assert_int_equal(s->refs, 0);
		world_end(w);
	}
	assert_in_range(n, 100, 200); /* each of the caches needs something */
}

/* ---- Memory ---- */

static void test_every_size(void **state)
{
	(void)state;
	struct world *w = world(KERNEL_6_1);
	int64_t before = free_pages(w);
	char *p[KMALLOC_CACHE_MAX / 7 + 1];
	unsigned nr = 0;
	for (size_t size = 1; size <= KMALLOC_CACHE_MAX; size += 7, nr++) {
		p[nr] = get(w, size, GFP_KERNEL);
		assert_non_null(p[nr]);
		assert_int_equal(ksize(&w->k, p[nr]), kmalloc_index_size(w->m.version, 64, size));
		assert_int_equal((uintptr_t)p[nr] % 8, 0);
		memset(p[nr], (int)(nr % 251), ksize(&w->k, p[nr]));
	}
	assert_true(free_pages(w) < before);
	assert_int_equal(counted(w, NR_SLAB_UNRECLAIMABLE), before - free_pages(w));
	for (unsigned i = 0; i < nr; i++) {
		for (size_t at = 0; at < ksize(&w->k, p[i]); at++)
			assert_int_equal((unsigned char)p[i][at], i % 251);
		put(w, p[i]);
	}
	shrink_all(w);
	assert_int_equal(counted(w, NR_SLAB_UNRECLAIMABLE), 0);
	assert_int_equal(free_pages(w), before);
	world_end(w);
}

static void test_families_and_their_pages(void **state)
{
	(void)state;
	struct world *w = world(KERNEL_6_1);
	void *p = get(w, 100, GFP_KERNEL | __GFP_RECLAIMABLE);
	assert_int_equal(counted(w, NR_SLAB_RECLAIMABLE), 1);
	assert_int_equal(counted(w, NR_SLAB_UNRECLAIMABLE), 0);
	void *q = get(w, 100, GFP_KERNEL | __GFP_DMA);
	assert_true(object_pfn(&w->sl, q) < 4096);
	assert_int_equal(counted(w, NR_SLAB_UNRECLAIMABLE), 1);
	put(w, p);
	put(w, q);
	world_end(w);
}

static void test_large(void **state)
{
	(void)state;
	static const struct {
		size_t size;
		unsigned order;
	} large[] = { { 8193, 2 },    { 16384, 2 },         { 16385, 3 },
		      { 1 << 20, 8 }, { (1 << 20) + 1, 9 }, { 4 << 20, 10 } };
	struct world *w = world(KERNEL_6_1);
	int64_t before = free_pages(w);
	for (unsigned i = 0; i < ARRAY_LEN(large); i++) {
		void *p = get(w, large[i].size, GFP_KERNEL | __GFP_HIGHMEM | __GFP_DMA32);
		assert_non_null(p);
		const struct page *head = pfn_page(&w->m, object_pfn(&w->sl, p));
		assert_int_equal(head->owner, owner_handle(OWNER_KMALLOC, 0));
		assert_int_equal(head->order, large[i].order);
		assert_int_equal(ksize(&w->k, p), PAGE_SIZE << large[i].order);
		assert_int_equal(counted(w, NR_SLAB_UNRECLAIMABLE), 1 << large[i].order);
		assert_verified(&w->m);
		put(w, p);
		assert_int_equal(counted(w, NR_SLAB_UNRECLAIMABLE), 0);
	}
	assert_int_equal(free_pages(w), before);
	assert_null(get(w, (4 << 20) + 1, GFP_KERNEL));
	assert_null(get(w, SIZE_MAX, GFP_KERNEL));
	assert_null(get(w, 0, GFP_KERNEL));
	assert_int_equal(free_pages(w), before);
	world_end(w);
}

static void test_zero(void **state)
{
	(void)state;
	static const size_t size[] = { 24, 1984, 8192, 40000 };
	struct world *w = world(KERNEL_6_1);
	for (unsigned i = 0; i < ARRAY_LEN(size); i++) {
		char *p = get(w, size[i], GFP_KERNEL);
		memset(p, 0xa5, size[i]);
		put(w, p);
		char *q = get(w, size[i], GFP_KERNEL | __GFP_ZERO);
		assert_ptr_equal(q, p); /* last in, first out */
		for (size_t at = 0; at < size[i]; at++)
			assert_int_equal(q[at], 0);
		put(w, q);
	}
	world_end(w);
}

static void test_nodes(void **state)
{
	(void)state;
	static const size_t size[] = { 64, 20000 };
	struct world *w = world(KERNEL_6_1);
	for (unsigned i = 0; i < ARRAY_LEN(size); i++)
		for (int nid = 0; nid < 2; nid++) {
			cpu_enter(w->c);
			void *p = kmalloc_node(&w->k, w->c, size[i], GFP_KERNEL | __GFP_THISNODE, nid);
			assert_non_null(p);
			assert_int_equal(object_pfn(&w->sl, p) >= NODE_1_PFN, nid);
			kfree(&w->k, w->c, p);
			cpu_leave(w->c);
		}
	shrink_all(w);
	assert_int_equal(counted(w, NR_SLAB_UNRECLAIMABLE), 0);
	world_end(w);
}

static void test_strangers(void **state)
{
	(void)state;
	struct world *w = world(KERNEL_6_1);
	cache_made_before(w, "dentry", 192);
	struct kmem_cache *dentry = kmem_cache_find(&w->sl, "dentry");
	char on_host[8], *large = get(w, 9000, GFP_KERNEL);
	cpu_enter(w->c);
	void *object = kmem_cache_alloc(dentry, w->c, GFP_KERNEL);
	cpu_leave(w->c);
	int64_t before = free_pages(w);

	put(w, NULL);
	assert_int_equal(log_has(w, "object pointer: 0x"), 0);
	put(w, on_host);
	put(w, w->bytes + 5 * PAGE_SIZE); /* free memory */
	put(w, object); /* of a cache that is not kmalloc's */
	put(w, large + 64);
	put(w, large + PAGE_SIZE);
	assert_int_equal(log_has(w, "object pointer: 0x"), 5);
	assert_int_equal(ksize(&w->k, on_host), 0);
	assert_int_equal(ksize(&w->k, object), 0);
	assert_int_equal(ksize(&w->k, large + 64), 0);
	assert_int_equal(free_pages(w), before);
	assert_int_equal(ksize(&w->k, large), 4 * PAGE_SIZE);
	put(w, large);
	put(w, large); /* again */
	assert_int_equal(log_has(w, "object pointer: 0x"), 6);
	assert_int_equal(free_pages(w), before + 4);
	assert_int_equal(ksize(&w->k, NULL), 0);
	world_end(w);
}

static void test_bulk_is_all_or_none(void **state)
{
	(void)state;
	struct world *w = world(KERNEL_6_1);
	int64_t before = free_pages(w);
	void *p[200];
	cpu_enter(w->c);
	assert_int_equal(kmalloc_bulk(&w->k, w->c, 100, GFP_KERNEL, 200, p), 0);
	for (unsigned i = 0; i < 200; i++)
		kfree(&w->k, w->c, p[i]);
	assert_int_equal(kmalloc_bulk(&w->k, w->c, 1 << 20, GFP_KERNEL, 30, p), 0);
	for (unsigned i = 0; i < 30; i++)
		kfree(&w->k, w->c, p[i]);
	assert_int_equal(kmalloc_bulk(&w->k, w->c, 4 << 20, GFP_KERNEL, 200, p), -ENOMEM);
	cpu_leave(w->c);
	shrink_all(w);
	assert_int_equal(free_pages(w), before);
	assert_int_equal(counted(w, NR_SLAB_UNRECLAIMABLE), 0);
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_caches_of_each_kernel),
		cmocka_unit_test(test_which_cache),
		cmocka_unit_test(test_caches_that_an_import_made),
		cmocka_unit_test(test_init_without_memory),
		cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_families_and_their_pages),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_zero),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_bulk_is_all_or_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
