/* SPDX-License-Identifier: MIT */
/*
 * Several tasks grow at once, each from a thread of its own, past what the
 * machine has; another thread moves their oom_score_adj, makes and removes a
 * task that grows, and holds the machine. In the end every write has either
 * been met or refused, nobody is left half dead, counters and owners agree,
 * and every page comes back.
 *
 * vm_oom [SEED [ROUNDS]]
 */
#include "base/caller.h"
#include "base/rng.h"
#include "support/vm_fixture.h"
#include "vm/hold.h"
#include "vm/task_oom.h"

#include <pthread.h>
#include <stdlib.h>

#define TASKS 4u
#define WRITES 40u
#define ROUNDS 3u

struct grower {
	struct task *t;
	struct rng rng;
	unsigned met, refused;
};

static void grow_once(struct grower *g)
{
	static const char *const what[] = { "anon", "anon", "anon", "pages", "kmalloc" };
	unsigned which = (unsigned)rng_below(&g->rng, ARRAY_LEN(what));
	unsigned nr = (unsigned)rng_below(&g->rng, 120) + 1;
	char line[64];
	if (which < 3)
		snprintf(line, sizeof(line), "+%uM", nr);
	else
		snprintf(line, sizeof(line), which == 3 ? "1 GFP_KERNEL %u" : "2000 GFP_KERNEL %u",
			 nr * 10);
	ssize_t n = write_attr(g->t, what[which], line);
	assert_true(n == (ssize_t)strlen(line) || n == -ENOMEM);
	g->met += n > 0;
	g->refused += n < 0;
}

static void *grower_main(void *arg)
{
	struct grower *g = arg;
	for (unsigned i = 0; i < WRITES; i++)
		grow_once(g);
	return NULL;
}

static void disturb(struct fixture *f, struct grower *g, struct rng *rng)
{
	char adj[16];
	struct task *t = make_task(f, "extra");
	(void)!write_attr(t, "anon", "60M");
	snprintf(adj, sizeof(adj), "%d", (int)rng_below(rng, 2000) - 999);
	caller_set((struct caller){ .pid = 1, .name = "root" });
	assert_write(g[rng_below(rng, TASKS)].t, "oom_score_adj", adj);
	vm_hold(&f->vm);
	vm_release_machine(&f->vm);
	vm_release_tasks(&f->vm);
	end_task(f, t);
}

static uint64_t kills(struct vm *vm)
{
	uint64_t sum = 0;
	MASK_FOR_EACH(cpu, &vm->machine.cpus_online)
		sum += READ_RELAXED(&vm->machine.cpu[cpu].event[OOM_KILL]);
	return sum;
}

static unsigned round_run(uint64_t seed)
{
	struct fixture *f = fixture_boot();
	struct free_state before = free_state(&f->vm);
	struct grower g[TASKS] = { { .met = 0 } };
	pthread_t thread[TASKS];
	struct rng rng;
	unsigned met = 0, refused = 0;
	rng_init(&rng, seed);
	for (unsigned i = 0; i < TASKS; i++) {
		char name[] = { 't', (char)('0' + i), '\0' }, cpu[] = { (char)('0' + i % 4), '\0' };
		g[i].t = make_task(f, name);
		rng_init(&g[i].rng, rng_next(&rng));
		assert_write(g[i].t, "cpu", cpu);
	}
	for (unsigned i = 0; i < TASKS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, grower_main, &g[i]), 0);
	for (unsigned i = 0; i < WRITES / 2; i++)
		disturb(f, g, &rng);
	for (unsigned i = 0; i < TASKS; i++)
		pthread_join(thread[i], NULL);
	uint64_t dead = kills(&f->vm);
	for (unsigned i = 0; i < TASKS; i++) {
		assert_false(task_killed(g[i].t));
		met += g[i].met;
		refused += g[i].refused;
	}
	assert_true(dead > 0 && met > 0);
	assert_int_equal(f->vm.overcommit.committed_pages, node_sum(&f->vm, NR_ANON_MAPPED));
	assert_verified(&f->vm);
	for (unsigned i = 0; i < TASKS; i++)
		end_task(f, g[i].t);
	kmem_cache_shrink(vm_slab_cache(&f->vm, "kmalloc-2k")); /* free slabs are kept */
	machine_drain(&f->vm.machine);
	assert_int_equal(free_pages_all(&f->vm), before.pages[0] + before.pages[1] + before.pages[2]);
	assert_verified(&f->vm);
	fixture_end(f);
	printf("seed %lu: %u writes met, %u refused, %lu tasks killed\n", (unsigned long)seed, met,
	       refused, (unsigned long)dead);
	return refused;
}

static uint64_t seed = 1;
static unsigned rounds = ROUNDS;

static void test_grow_at_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < rounds; i++)
		round_run(seed + i);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_grow_at_once) };
	if (argc > 1)
		seed = strtoul(argv[1], NULL, 10);
	if (argc > 2)
		rounds = (unsigned)strtoul(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
