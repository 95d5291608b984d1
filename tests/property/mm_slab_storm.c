/* SPDX-License-Identifier: MIT */
/*
 * Several threads allocate and free on the same and on different CPUs and hand
 * objects to each other, while caches are shrunk, tuned, drained, used without
 * magazines, made and destroyed, and mm_verify stops the machine again and
 * again and finds nothing. Each object holds what its owner wrote. At the end
 * every page is back. For TSan above all.
 */

#include "base/rng.h"
#include "mm/slab_private.h"
#include "support/random_machine.h"
#include "support/slab_fixture.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

#define THREADS 4
#define CACHES 3
#define HELD_MOST 600
#define QUEUE 256
#define STEPS 6000

struct item {
	uint64_t *object;
	unsigned cache;
};

struct storm {
	struct slab_fixture *f;
	struct kmem_cache *s[CACHES];
	pthread_mutex_t lock;
	struct item queue[QUEUE]; /* lock */
	unsigned nr_queued; /* lock */
	unsigned nr_running; /* atomic */
};

struct worker {
	struct storm *storm;
	pthread_t thread;
	unsigned id;
	struct rng rng;
	struct item held[HELD_MOST];
	unsigned nr_held;
	uint64_t made;
};

static struct cpu *cpu_of(struct worker *w)
{
	struct machine *m = &w->storm->f->m;
	return &m->cpu[rng_below(&w->rng, 4) ? w->id % m->nr_cpu_ids : rng_below(&w->rng, m->nr_cpu_ids)];
}

static uint64_t stamp(const struct kmem_cache *s, const uint64_t *object)
{
	return (uint64_t)(uintptr_t)object * 31 + s->id;
}

static bool storm_alloc(struct worker *w, struct kmem_cache *s, uint64_t **object)
{
	struct cpu *c = cpu_of(w);
	bool zero = !rng_below(&w->rng, 10);
	int nid = rng_below(&w->rng, 10) ? -1 : (int)rng_below(&w->rng, w->storm->f->m.nr_nodes);
	gfp_t gfp = GFP_KERNEL | (zero ? __GFP_ZERO : 0);
	cpu_enter(c);
	*object = nid < 0 ? kmem_cache_alloc(s, c, gfp) : kmem_cache_alloc_node(s, c, nid, gfp);
	cpu_leave(c);
	if (!*object)
		return false;
	ASSERT(!zero || !**object);
	ASSERT(object_slab(s, *object));
	**object = stamp(s, *object);
	return true;
}

static void storm_free(struct worker *w, struct kmem_cache *s, uint64_t *object)
{
	struct cpu *c = cpu_of(w);
	ASSERT(*object == stamp(s, object));
	*object = ~0ull;
	cpu_enter(c);
	kmem_cache_free(s, c, object);
	cpu_leave(c);
}

static bool queue_push(struct storm *st, struct item item)
{
	pthread_mutex_lock(&st->lock);
	bool room = st->nr_queued < QUEUE;
	if (room)
		st->queue[st->nr_queued++] = item;
	pthread_mutex_unlock(&st->lock);
	return room;
}

static bool queue_pop(struct storm *st, struct item *item)
{
	pthread_mutex_lock(&st->lock);
	bool some = st->nr_queued;
	if (some)
		*item = st->queue[--st->nr_queued];
	pthread_mutex_unlock(&st->lock);
	return some;
}

static void held_alloc(struct worker *w)
{
	struct item *i = &w->held[w->nr_held];
	if (w->nr_held == HELD_MOST)
		return;
	i->cache = (unsigned)rng_below(&w->rng, CACHES);
	w->nr_held += storm_alloc(w, w->storm->s[i->cache], &i->object);
}

static struct item held_remove(struct worker *w)
{
	unsigned i = (unsigned)rng_below(&w->rng, w->nr_held);
	struct item item = w->held[i];
	w->held[i] = w->held[--w->nr_held];
	return item;
}

static void item_free(struct worker *w, struct item item)
{
	storm_free(w, w->storm->s[item.cache], item.object);
}

static void hand_over(struct worker *w)
{
	struct item item;
	if (w->nr_held && rng_below(&w->rng, 2)) {
		item = held_remove(w);
		if (!queue_push(w->storm, item))
			item_free(w, item);
	} else if (queue_pop(w->storm, &item)) {
		item_free(w, item);
	}
}

/* A cache of the thread's own comes and goes. */
static void own_cache(struct worker *w)
{
	struct kmem_cache *s;
	uint64_t *object[20], live;
	unsigned nr = 0;
	char name[32];
	snprintf(name, sizeof(name), "own-%u-%lu", w->id, (unsigned long)w->made++);
	const struct cache_spec spec = { .name = name,
					 .object_size = 8 + (uint32_t)rng_below(&w->rng, 3000) };
	int error = kmem_cache_create(&w->storm->f->sl, &spec, &s);
	ASSERT(!error);
	while (nr < ARRAY_LEN(object) && storm_alloc(w, s, &object[nr]))
		nr++;
	if (nr) {
		error = kmem_cache_destroy(s, &live);
		ASSERT(error && live == nr);
	}
	while (nr)
		storm_free(w, s, object[--nr]);
	error = kmem_cache_destroy(s, &live);
	ASSERT(!error);
}

static void *worker_run(void *arg)
{
	struct worker *w = arg;
	for (unsigned i = 0; i < STEPS; i++) {
		bool filling = i / 500 % 2 == 0;
		if (!rng_below(&w->rng, 400))
			own_cache(w);
		else if (!rng_below(&w->rng, 5))
			hand_over(w);
		else if (rng_below(&w->rng, 3) ? filling : !filling)
			held_alloc(w);
		else if (w->nr_held)
			item_free(w, held_remove(w));
	}
	while (w->nr_held)
		item_free(w, held_remove(w));
	__atomic_fetch_sub(&w->storm->nr_running, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void disturb(struct storm *st, struct rng *r)
{
	static const unsigned limit[] = { 1, 2, 7, 54, 120, 512 };
	struct kmem_cache *s = st->s[rng_below(r, CACHES)];
	unsigned most = limit[rng_below(r, ARRAY_LEN(limit))];
	switch (rng_below(r, 6)) {
	case 0:
		kmem_cache_shrink(s);
		break;
	case 1:
		assert_int_equal(kmem_cache_tune(s, most, 1 + (unsigned)rng_below(r, most),
						 (unsigned)rng_below(r, 9)),
				 0);
		break;
	case 2:
		slabs_set_direct(&st->f->sl, !st->f->sl.direct);
		break;
	case 3:
		slabs_drain(&st->f->sl);
		break;
	case 4:
		for (unsigned i = 0; i < 20; i++) {
			struct cache_usage u =
				fixture_usage(s, (int)rng_below(r, st->f->m.nr_nodes + 1) - 1);
			assert_true(u.active <= 2ull * THREADS * HELD_MOST + QUEUE + 20000);
		}
		break;
	default:
		assert_ptr_equal(kmem_cache_find(&st->f->sl, s->name), s);
		assert_int_equal(kmem_cache_destroy(s, NULL), -EBUSY);
		kmem_cache_put(s);
	}
}

static void storm_begin(struct storm *st, struct slab_fixture *f)
{
	memset(st, 0, sizeof(*st));
	pthread_mutex_init(&st->lock, NULL);
	st->f = f;
	f->leaves = true;
	st->s[0] = fixture_cache(f, "small", 32, 0);
	st->s[1] = fixture_cache(f, "middle", 1984, SLAB_RECLAIM_ACCOUNT);
	st->s[2] = fixture_cache(f, "checked", 200, SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE);
}

static void storm_end(struct storm *st, uint64_t free_pages)
{
	struct item item;
	while (queue_pop(st, &item))
		fixture_free(st->s[item.cache], 0, item.object);
	assert_int_equal(fixture_nr_logged(st->f), 0);
	for (unsigned i = 0; i < CACHES; i++)
		fixture_destroy(st->s[i]);
	assert_int_equal(st->f->sl.nr_caches, 0);
	assert_int_equal(st->f->pages_charged, 0);
	assert_int_equal(fixture_free_pages(st->f), free_pages);
	pthread_mutex_destroy(&st->lock);
	slab_fixture_end(st->f);
}

static void storm_run(struct storm *st, uint64_t seed)
{
	static struct worker w[THREADS];
	struct rng r;
	memset(w, 0, sizeof(w));
	rng_init(&r, seed);
	st->nr_running = THREADS;
	for (unsigned i = 0; i < THREADS; i++) {
		w[i].storm = st;
		w[i].id = i;
		rng_init(&w[i].rng, seed + 1000 + i);
		assert_int_equal(pthread_create(&w[i].thread, NULL, worker_run, &w[i]), 0);
	}
	for (unsigned i = 0; __atomic_load_n(&st->nr_running, __ATOMIC_SEQ_CST); i++) {
		const struct timespec pause = { .tv_nsec = 300000 };
		disturb(st, &r);
		if (i % 8 == 0)
			assert_verified(&st->f->m);
		nanosleep(&pause, NULL);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(w[i].thread, NULL);
}

static void storm(struct slab_fixture *(*boot)(void))
{
	struct storm st;
	uint64_t seed = property_seed();
	for (unsigned round = property_rounds(3); round; round--, seed++) {
		struct slab_fixture *f = boot();
		uint64_t free_pages = fixture_free_pages(f);
		storm_begin(&st, f);
		storm_run(&st, seed);
		storm_end(&st, free_pages);
	}
}

static void test_one_node(void **state)
{
	(void)state;
	storm(slab_fixture_one); /* four threads on two CPUs */
}

static void test_two_nodes(void **state)
{
	(void)state;
	storm(slab_fixture_two);
}

static void test_interleaved_nodes(void **state)
{
	(void)state;
	storm(slab_fixture_interleaved);
}

static void test_node_without_memory(void **state)
{
	(void)state;
	storm(slab_fixture_memoryless);
}

/* ---- Producer and consumer ---- */

#define HANDED 40000

struct belt {
	struct slab_fixture *f;
	struct kmem_cache *s;
	unsigned from, to; /* CPUs */
	uint64_t *slot[64]; /* atomic; NULL: free */
};

static void *produce(void *arg)
{
	struct belt *b = arg;
	for (unsigned i = 0; i < HANDED; i++) {
		uint64_t *object = fixture_alloc(b->s, b->from, GFP_KERNEL), **slot = &b->slot[i % 64];
		ASSERT(object);
		*object = i;
		while (__atomic_load_n(slot, __ATOMIC_ACQUIRE))
			sched_yield();
		__atomic_store_n(slot, object, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void *consume(void *arg)
{
	struct belt *b = arg;
	for (unsigned i = 0; i < HANDED; i++) {
		uint64_t *object, **slot = &b->slot[i % 64];
		while (!(object = __atomic_load_n(slot, __ATOMIC_ACQUIRE)))
			sched_yield();
		__atomic_store_n(slot, NULL, __ATOMIC_RELEASE);
		ASSERT(*object == i);
		*object = ~0ull;
		fixture_free(b->s, b->to, object);
	}
	return NULL;
}

static void belt_run(unsigned from, unsigned to)
{
	struct belt b = { .f = slab_fixture_two(), .from = from, .to = to };
	pthread_t a, z;
	b.s = fixture_cache(b.f, "belt", 64, 0);
	assert_int_equal(pthread_create(&a, NULL, produce, &b), 0);
	assert_int_equal(pthread_create(&z, NULL, consume, &b), 0);
	pthread_join(a, NULL);
	pthread_join(z, NULL);
	struct cache_usage u = fixture_usage(b.s, -1);
	assert_int_equal(u.active, 0);
	assert_true(u.objects < HANDED / 10); /* they went round and round */
	assert_verified(&b.f->m);
	fixture_destroy(b.s);
	slab_fixture_end(b.f);
}

static void test_producer_and_consumer(void **state)
{
	(void)state;
	belt_run(0, 1); /* of one node */
	belt_run(0, 2); /* of two */
	belt_run(1, 1); /* on one CPU */
}

/* ---- Two at once ---- */

struct pair {
	struct slab_fixture *f;
	struct kmem_cache *s;
	struct page *slab;
	pthread_barrier_t start;
	bool done; /* atomic */
};

static void *charge(void *arg)
{
	struct pair *p = arg;
	pthread_barrier_wait(&p->start);
	int error = slab_charge(p->s, p->slab);
	ASSERT(!error);
	return NULL;
}

/* Two objects of a slab are written to first at the same time: it is paid for once. */
static void test_charged_once(void **state)
{
	struct pair p = { .f = slab_fixture_two() };
	(void)state;
	p.s = fixture_cache(p.f, "charged", 1000, 0);
	p.f->slow_charge = true;
	pthread_barrier_init(&p.start, NULL, 2);
	for (unsigned i = 1; i <= 20; i++) {
		pthread_t thread;
		cpu_enter(&p.f->m.cpu[0]);
		p.slab = slab_create(p.s, &p.f->m.cpu[0], -1, GFP_KERNEL);
		cpu_leave(&p.f->m.cpu[0]);
		assert_non_null(p.slab);
		assert_int_equal(pthread_create(&thread, NULL, charge, &p), 0);
		charge(&p);
		pthread_join(thread, NULL);
		assert_int_equal(p.f->nr_charges, i);
	}
	pthread_barrier_destroy(&p.start);
	fixture_destroy(p.s);
	assert_int_equal(p.f->pages_charged, 0);
	slab_fixture_end(p.f);
}

static void *tune(void *arg)
{
	struct pair *p = arg;
	int error = kmem_cache_tune(p->s, 6, 3, 1);
	ASSERT(!error);
	__atomic_store_n(&p->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

/* A CPU without a magazine may be making one of the old size: it is waited for. */
static void test_tuning_waits_for_cpus(void **state)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	struct pair p = { .f = slab_fixture_two() };
	pthread_t thread;
	(void)state;
	p.s = fixture_cache(p.f, "tuned", 1000, 0);
	cpu_enter(&p.f->m.cpu[1]);
	assert_int_equal(pthread_create(&thread, NULL, tune, &p), 0);
	nanosleep(&pause, NULL);
	assert_false(__atomic_load_n(&p.done, __ATOMIC_SEQ_CST));
	void *object = kmem_cache_alloc(p.s, &p.f->m.cpu[1], GFP_KERNEL);
	assert_non_null(object);
	cpu_leave(&p.f->m.cpu[1]);
	pthread_join(thread, NULL);
	fixture_free(p.s, 1, object);
	assert_int_equal(p.s->magazine[1]->limit, 6);
	fixture_destroy(p.s);
	slab_fixture_end(p.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_node),
		cmocka_unit_test(test_two_nodes),
		cmocka_unit_test(test_interleaved_nodes),
		cmocka_unit_test(test_node_without_memory),
		cmocka_unit_test(test_producer_and_consumer),
		cmocka_unit_test(test_charged_once),
		cmocka_unit_test(test_tuning_waits_for_cpus),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
