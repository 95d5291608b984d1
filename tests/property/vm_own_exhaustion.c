/* SPDX-License-Identifier: MIT */
/*
 * Tasks come until memory is gone, are looked up, take and give what they can,
 * go again at random, and memory comes back: over and over, on a small machine.
 * The model knows which tasks there are and which of their names were looked
 * up. At each turn the caches have as many objects in use as that makes, what
 * exists can be looked up, emptied and removed even when nothing is left, and
 * mm_verify agrees. At the end every page is back.
 *
 * vm_own_exhaustion [SEED [ROUNDS]]
 */
#include "base/rng.h"
#include "support/vm_slab_fixture.h"
#include "vm/dcache.h"

#include <time.h>

#define TASKS 2000u
#define NAMES 6u
#define ROUNDS 6
#define LEFT_PAGES 2500l /* what tasks have to live on */

struct world {
	struct fixture *f;
	struct rng rng;
	struct task *task[TASKS];
	bool anon[TASKS]; /* it has some */
	unsigned known[TASKS]; /* bits of names with an object */
	unsigned nr_tasks, nr_refused, nr_nameless;
	bool ballast;
};

static void name_of(unsigned i, char name[16])
{
	snprintf(name, 16, "t%u", i);
}

/* ---- What must be true ---- */

static uint64_t in_hands(const struct world *w, enum own_kind kind)
{
	return own_count(&w->f->vm, kind) - own_reserve(&w->f->vm, kind);
}

static void check(struct world *w)
{
	uint64_t tasks = 0, areas = 0, names = 0;
	for (unsigned i = 0; i < TASKS; i++) {
		tasks += w->task[i] != NULL;
		areas += w->task[i] && w->anon[i];
		names += w->task[i] ? dcache_count(w->task[i]) : 0;
	}
	assert_int_equal(tasks, w->nr_tasks);
	assert_int_equal(in_hands(w, OWN_TASK), tasks + w->ballast);
	assert_int_equal(in_hands(w, OWN_AREA), areas);
	assert_int_equal(in_hands(w, OWN_NAME), names);
	assert_int_equal(in_hands(w, OWN_INODE), names);
	for (unsigned kind = 0; kind < OWN_KINDS; kind++)
		assert_int_equal(usage_of(w->f, own_cache_name[kind]).active,
				 own_count(&w->f->vm, (enum own_kind)kind));
	assert_verified(&w->f->vm);
}

/* ---- What happens ---- */

static bool add(struct world *w, unsigned i)
{
	char name[16];
	name_of(i, name);
	int error = task_create(&w->f->vm, name, 0, 0, &w->task[i]);
	if (error) {
		assert_int_equal(error, -ENOMEM);
		w->task[i] = NULL;
		w->nr_refused++;
		return false;
	}
	w->task[i]->oom_score_adj = OOM_SCORE_ADJ_MIN; /* whoever grows is refused, nobody dies for it */
	w->anon[i] = false;
	w->known[i] = 0;
	w->nr_tasks++;
	return true;
}

static void take_away(struct world *w, unsigned i)
{
	end_task(w->f, w->task[i]);
	w->task[i] = NULL;
	w->nr_tasks--;
}

/* A look at a name never fails; whether it is kept depends on what is left. */
static void look_up(struct world *w, unsigned i)
{
	char name[16];
	unsigned which = (unsigned)rng_below(&w->rng, NAMES), had = dcache_count(w->task[i]);
	name_of(i, name);
	struct task *t = task_find(&w->f->vm, name);
	assert_ptr_equal(t, w->task[i]);
	dcache_add(t, i, name, 1000ul * i + which);
	task_put(t);
	unsigned has = dcache_count(w->task[i]);
	if (w->known[i] & 1u << which)
		assert_int_equal(has, had);
	else if (has == had)
		w->nr_nameless++;
	else
		w->known[i] |= 1u << which;
}

static void change_anon(struct world *w, unsigned i)
{
	const char *what = rng_below(&w->rng, 2) ? "+8k" : "0";
	ssize_t ret = write_attr(w->task[i], "anon", what);
	if (*what == '0')
		assert_int_equal(ret, 1); /* giving needs nothing */
	else if (ret < 0)
		assert_int_equal(ret, -ENOMEM);
	if (ret > 0)
		w->anon[i] = *what != '0';
	(void)read_attr(w->task[i], "anon");
}

static void touch(struct world *w)
{
	unsigned i = (unsigned)rng_below(&w->rng, TASKS);
	if (!w->task[i])
		return;
	if (rng_below(&w->rng, 3))
		look_up(w, i);
	else
		change_anon(w, i);
}

/* Until mkdir says that there is nothing, ten times over. */
static void fill(struct world *w)
{
	unsigned refused = w->nr_refused;
	while (w->nr_refused < refused + 10 && w->nr_tasks < TASKS) {
		unsigned i = (unsigned)rng_below(&w->rng, TASKS);
		if (!w->task[i])
			add(w, i);
		touch(w);
	}
	for (unsigned n = 0; n < 500; n++)
		touch(w);
}

static void empty(struct world *w, unsigned left)
{
	while (w->nr_tasks > left) {
		unsigned i = (unsigned)rng_below(&w->rng, TASKS);
		if (w->task[i])
			take_away(w, i);
	}
}

/* Free pages, and those of slabs that own objects may be in: the reserve comes back in others than it was taken from. */
static int64_t pages_of(struct world *w)
{
	int64_t pages = free_pages_all(&w->f->vm);
	for (unsigned kind = 0; kind < OWN_KINDS; kind++) {
		const struct kmem_cache *s = cache_of(w->f, own_cache_name[kind]);
		for (unsigned n = 0; n < w->f->vm.machine.nr_nodes; n++)
			for (unsigned list = 0; list < 3; list++) {
				pfn_t pfn = (list ? list > 1 ? s->node[n].free : s->node[n].partial
						  : s->node[n].full)
						    .head;
				for (; pfn; pfn = pfn_page(&w->f->vm.machine, pfn)->next)
					pages += 1 << pfn_page(&w->f->vm.machine, pfn)->order;
			}
	}
	return pages;
}

static struct task *ballast_take(struct world *w, int64_t pages)
{
	char line[64];
	struct task *t = make_task(w->f, "ballast");
	snprintf(line, sizeof(line), "0 GFP_KERNEL|__GFP_MEMALLOC %ld", (long)pages);
	assert_write(t, "pages", line);
	w->ballast = true;
	return t;
}

static uint64_t seed;
static unsigned rounds = ROUNDS;

static void test_exhaustion(void **state)
{
	static struct world w;
	(void)state;
	w = (struct world){ .f = fixture_boot_whole() };
	w.f->vm.deterministic = false; /* names are forgotten */
	rng_init(&w.rng, seed);
	shrink_all(w.f);
	int64_t before = pages_of(&w);
	struct task *ballast = ballast_take(&w, free_pages_all(&w.f->vm) - LEFT_PAGES);
	for (unsigned r = 0; r < rounds; r++) {
		fill(&w);
		check(&w);
		empty(&w, (unsigned)rng_below(&w.rng, 30));
		check(&w);
	}
	empty(&w, 0);
	end_task(w.f, ballast);
	w.ballast = false;
	shrink_all(w.f);
	check(&w);
	assert_int_equal(pages_of(&w), before);
	print_message("%u tasks refused, %u names without an object\n", w.nr_refused, w.nr_nameless);
	assert_true(w.nr_refused > 0);
	fixture_end(w.f);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_exhaustion) };
	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
	if (argc > 2)
		rounds = (unsigned)strtoul(argv[2], NULL, 0);
	printf("seed %lu\n", (unsigned long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
