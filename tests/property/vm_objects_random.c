/* SPDX-License-Identifier: MIT */
/*
 * Tasks take and give objects of caches and of kmalloc, at random, on a machine
 * that is too small for them, against a model that only knows how many each line
 * holds. Every hundred operations mm_verify agrees, each cache has as many
 * objects in use as the model says, no address is held twice, and marks that
 * were written into objects are still there. At the end every page is back.
 *
 * vm_objects_random [SEED [OPERATIONS]]
 */
#include "base/rng.h"
#include "mm/owner.h"
#include "support/vm_fixture.h"
#include "support/vm_slab_fixture.h"

#include <time.h>

#define TASKS 5
#define OPERATIONS 6000
#define CHECK_EVERY 100
#define MARKS_MOST 8192
#define BALLAST "0 GFP_KERNEL 95000" /* leaves the others an eighth of a GiB */

static const struct {
	const char *name; /* of a cache; NULL: kmalloc */
	uint32_t size;
	gfp_t gfp;
	const char *key;
	unsigned most; /* about how many a task wants */
} kinds[] = {
	{ "TCP", 0, 0, "TCP", 6000 },
	{ "dentry", 0, 0, "dentry", 100000 },
	{ "own", 0, 0, "own", 4000 },
	{ "kmalloc-8", 0, 0, "kmalloc-8", 200000 },
	{ "kmalloc-8k", 0, 0, "kmalloc-8k", 3000 },
	{ NULL, 200, GFP_KERNEL, "200", 60000 },
	{ NULL, 6000, GFP_KERNEL, "6000", 3000 },
	{ NULL, 64, GFP_KERNEL_ACCOUNT, "64 GFP_KERNEL_ACCOUNT", 100000 },
	{ NULL, 1000, GFP_KERNEL | __GFP_RECLAIMABLE, "1000 GFP_KERNEL|__GFP_RECLAIMABLE", 8000 },
	{ NULL, 2000, GFP_KERNEL | __GFP_DMA, "2000 GFP_KERNEL|__GFP_DMA", 3000 },
	{ NULL, 3000, GFP_KERNEL | __GFP_ZERO, "3000 GFP_KERNEL|__GFP_ZERO", 3000 },
	{ NULL, 20000, GFP_KERNEL, "20000", 1500 },
	{ NULL, 1 << 20, GFP_KERNEL, "1M", 60 },
};
#define KINDS ARRAY_LEN(kinds)

struct world {
	struct fixture *f;
	struct rng rng;
	struct task *task[TASKS];
	uint64_t held[TASKS][KINDS]; /* the model */
	unsigned nr_refused;
};

static struct kmem_cache *kind_cache(const struct world *w, unsigned k)
{
	if (kinds[k].name)
		return cache_of(w->f, kinds[k].name);
	return kinds[k].size <= KMALLOC_CACHE_MAX
		       ? kmalloc_cache(&w->f->vm.kmalloc, kinds[k].size, kinds[k].gfp)
		       : NULL;
}

static const struct task_objects *kind_line(const struct world *w, unsigned i, unsigned k)
{
	return task_objects_find(w->task[i], kind_cache(w, k), kinds[k].size,
				 kinds[k].name ? GFP_KERNEL : kinds[k].gfp);
}

/* ---- Operations ---- */

static void change(struct world *w, unsigned i)
{
	unsigned k = (unsigned)rng_below(&w->rng, KINDS);
	uint64_t *held = &w->held[i][k],
		 n = rng_below(&w->rng, kinds[k].most) >> rng_below(&w->rng, 8), want = n;
	static const char sign[] = { 0, '+', '-' };
	unsigned op = (unsigned)rng_below(&w->rng, 3);
	char line[96];
	if (op)
		want = op == 1 ? *held + n : *held - n;
	snprintf(line, sizeof(line), "%s %.1s%lu", kinds[k].key, &sign[op], (unsigned long)n);
	ssize_t ret = write_attr(w->task[i], kinds[k].name ? "slab" : "kmalloc", line);
	if (op == 2 && n > *held) {
		assert_int_equal(ret, -EINVAL);
	} else if (ret < 0) {
		assert_int_equal(ret, -ENOMEM);
		assert_true(want > *held);
		w->nr_refused++;
	} else {
		assert_int_equal(ret, strlen(line));
		*held = want;
	}
}

static void rebirth(struct world *w, unsigned i)
{
	char name[] = { 't', (char)('0' + i), 0 };
	if (w->task[i])
		end_task(w->f, w->task[i]);
	w->task[i] = make_task(w->f, name);
	memset(w->held[i], 0, sizeof(w->held[i]));
}

static void on_another_cpu(struct world *w, unsigned i)
{
	char cpu[] = { (char)('0' + rng_below(&w->rng, w->f->vm.machine.nr_cpu_ids)), 0 };
	assert_write(w->task[i], "cpu", cpu);
}

static void tune_or_shrink(struct world *w)
{
	struct kmem_cache *s = kind_cache(w, (unsigned)rng_below(&w->rng, KINDS));
	unsigned limit = 1 + (unsigned)rng_below(&w->rng, 200);
	if (!s || rng_below(&w->rng, 2)) {
		shrink_all(w->f);
		return;
	}
	assert_int_equal(kmem_cache_tune(s, limit, 1 + (unsigned)rng_below(&w->rng, limit),
					 (unsigned)rng_below(&w->rng, 9)),
			 0);
}

static void step(struct world *w)
{
	unsigned i = (unsigned)rng_below(&w->rng, TASKS), what = (unsigned)rng_below(&w->rng, 100);
	if (what < 90)
		change(w, i);
	else if (what < 95)
		on_another_cpu(w, i);
	else if (what < 97)
		rebirth(w, i);
	else
		tune_or_shrink(w);
}

/* ---- Checks ---- */

/* Every kind that comes from this cache, over all tasks. */
static uint64_t model_active(const struct world *w, const struct kmem_cache *s)
{
	uint64_t nr = 0;
	for (unsigned k = 0; k < KINDS; k++)
		for (unsigned i = 0; kind_cache(w, k) == s && i < TASKS; i++)
			nr += w->held[i][k];
	return nr;
}

static void check_counts(const struct world *w)
{
	for (unsigned i = 0; i < TASKS; i++)
		for (unsigned k = 0; k < KINDS; k++) {
			const struct task_objects *line = kind_line(w, i, k);
			assert_int_equal(line ? line->nr : 0, w->held[i][k]);
		}
	for (const struct kmem_cache *s = w->f->vm.slabs.newest; s; s = s->older) {
		struct cache_usage u = usage_of(w->f, s->name);
		assert_int_equal(u.active, model_active(w, s));
		assert_true(u.objects >= u.active);
	}
}

/* Slab pages are those of slabs and of kmalloc's blocks, nothing else. */
static void check_pages(const struct world *w)
{
	int64_t pages = 0;
	for (const struct kmem_cache *s = w->f->vm.slabs.newest; s; s = s->older)
		for (unsigned n = 0; n < w->f->vm.machine.nr_nodes; n++)
			pages += (int64_t)(s->node[n].objects ? s->node[n].nr_slabs << s->layout.order : 0);
	for (unsigned k = 0; k < KINDS; k++)
		for (unsigned i = 0; !kind_cache(w, k) && i < TASKS; i++)
			pages += (int64_t)w->held[i][k] << fls64((kinds[k].size - 1) >> PAGE_SHIFT);
	int64_t counted =
		node_sum(&w->f->vm, NR_SLAB_RECLAIMABLE) + node_sum(&w->f->vm, NR_SLAB_UNRECLAIMABLE);
	assert_true(counted <= pages); /* a slab of a lower order has fewer pages */
}

/* Some objects of each line get a mark each; an object that two hold would lose one of them. */
static void check_marks(const struct world *w)
{
	uint64_t *mark[MARKS_MOST];
	uint64_t nr = 0, room;
	for (unsigned i = 0; i < TASKS; i++)
		for (unsigned k = 0; k < KINDS; k++) {
			const struct task_objects *line = kind_line(w, i, k);
			room = MIN((MARKS_MOST - nr) / 2, line ? line->nr : 0);
			for (uint64_t o = 0; o < room; o++)
				mark[nr++] = line->object[o * (line->nr / room)];
		}
	for (uint64_t m = 0; m < nr; m++)
		*mark[m] = (uintptr_t)mark[m] ^ m;
	for (uint64_t m = 0; m < nr; m++)
		assert_int_equal(*mark[m], (uintptr_t)mark[m] ^ m);
}

static void check(const struct world *w)
{
	assert_verified(&w->f->vm);
	check_counts(w);
	check_pages(w);
	check_marks(w);
}

/* ---- All of it ---- */

static uint64_t seed;
static unsigned operations = OPERATIONS;

static void test_random(void **state)
{
	struct world w = { .f = *state };
	struct kmem_cache *own = make_cache(w.f, "own", 5000, 0);
	struct free_state before = free_state(&w.f->vm);
	rng_init(&w.rng, seed);
	for (unsigned i = 0; i < TASKS; i++)
		rebirth(&w, i);
	struct task *ballast = make_task(w.f, "ballast");
	assert_write(ballast, "pages", BALLAST);
	for (unsigned n = 1; n <= operations; n++) {
		step(&w);
		if (n % CHECK_EVERY == 0)
			check(&w);
	}
	print_message("%u requests met no memory\n", w.nr_refused);
	assert_true(operations < OPERATIONS || w.nr_refused > 100);
	end_task(w.f, ballast);
	for (unsigned i = 0; i < TASKS; i++)
		end_task(w.f, w.task[i]);
	assert_int_equal(kmem_cache_destroy(own, NULL), 0);
	shrink_all(w.f);
	assert_free_state(&w.f->vm, &before);
	assert_int_equal(node_sum(&w.f->vm, NR_SLAB_RECLAIMABLE), 0);
	assert_int_equal(node_sum(&w.f->vm, NR_SLAB_UNRECLAIMABLE), 0);
	assert_verified(&w.f->vm);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { TEST(test_random) };
	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
	if (argc > 2)
		operations = (unsigned)strtoul(argv[2], NULL, 0);
	printf("seed %lu\n", (unsigned long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
