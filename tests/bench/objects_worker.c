/* SPDX-License-Identifier: MIT */
/*
 * The process of one allocator, and the allocators that are this process's
 * malloc. Both threads live as long as the process, so that nobody gains by
 * being alone and no thread's cache is lost between rounds.
 */
#include "objects.h"

#include "bench.h"

#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

const char *const load_name[LOADS] = {
	[LOAD_PAIR] = "pair", [LOAD_PAIR_TWO] = "pair2", [LOAD_BATCH] = "batch",
	[LOAD_LIVE] = "live", [LOAD_PASS] = "pass",      [LOAD_FILL] = "fill",
};

struct pass pass;

/* ---- malloc ---- */

/* Is the malloc of this process the one that was asked for? ld.so goes on without what it does not find. */
static const char *malloc_init(const struct allocator *a, size_t size)
{
	static char reason[128];
	Dl_info info;

	(void)size;
	if (dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info) && strstr(info.dli_fname, a->library))
		return NULL;
	snprintf(reason, sizeof(reason), "no %s here: make deps-bench", a->library);
	return reason;
}

#define LOAD_CONTEXT size_t
#define LOAD_CONTEXT_OF(w) ((w)->size)
#define LOAD(name) malloc_##name
#define LOAD_TAKE malloc
#define LOAD_GIVE(context, object) ((void)(context), free(object))
#include "objects_load.h"

static const struct allocator glibc = { "glibc", "libc.so.6", malloc_init, malloc_run, NULL };
static const struct allocator jemalloc = { "jemalloc", "libjemalloc.so.2", malloc_init, malloc_run, NULL };
static const struct allocator mimalloc = { "mimalloc", "libmimalloc.so.2", malloc_init, malloc_run, NULL };
static const struct allocator tcmalloc = { "tcmalloc", "libtcmalloc_minimal.so.4", malloc_init,
					   malloc_run, NULL };

const struct allocator *const allocators[ALLOCATORS] = {
	[INSIDE] = &objects_inside, [ENTRY] = &objects_entry, [MEMPOOL] = &objects_mempool,
	[GLIBC] = &glibc,           [JEMALLOC] = &jemalloc,   [MIMALLOC] = &mimalloc,
	[TCMALLOC] = &tcmalloc,
};

/* ---- Two threads, and what they are told to do ---- */

static void *objects[OBJECTS_LIVE];
static uint32_t shuffled[OBJECTS_BATCH];
static const struct allocator *allocator;
static struct worker worker[OBJECTS_THREADS];
static pthread_barrier_t alone, together; /* of the threads of a load */
static pthread_barrier_t turn; /* all threads: before and after a load */

static bool load_is_shared(enum load load)
{
	return load == LOAD_PAIR_TWO || load == LOAD_PASS;
}

static void *thread_main(void *arg)
{
	struct worker *w = arg;

	cpu_pin(w->id);
	for (;;) {
		pthread_barrier_wait(&turn);
		if (!w->id || load_is_shared(w->load))
			allocator->run(w);
		pthread_barrier_wait(&turn);
	}
	return NULL;
}

static void threads_start(size_t size)
{
	pthread_t thread;

	pthread_barrier_init(&alone, NULL, 1);
	pthread_barrier_init(&together, NULL, OBJECTS_THREADS);
	pthread_barrier_init(&turn, NULL, OBJECTS_THREADS + 1);
	for (unsigned t = 0; t < OBJECTS_THREADS; t++) {
		worker[t] = (struct worker){ .id = t, .size = size, .object = objects, .shuffled = shuffled };
		if (pthread_create(&thread, NULL, thread_main, &worker[t]))
			bench_fail("no thread");
	}
}

/* Figures of the slowest thread. */
static void load_run(enum load load, uint64_t nr, double figure[STEPS])
{
	for (unsigned t = 0; t < OBJECTS_THREADS; t++) {
		struct worker *w = &worker[t];
		w->load = load;
		w->nr = nr;
		memset(w->ns, 0, sizeof(w->ns));
		w->both = load_is_shared(load) ? &together : &alone;
	}
	pthread_barrier_wait(&turn);
	pthread_barrier_wait(&turn);
	for (unsigned step = 0; step < STEPS; step++)
		figure[step] = MAX(worker[0].ns[step], worker[1].ns[step]);
}

static void fill_run(double figure[STEPS])
{
	double before = resident_kib();

	load_run(LOAD_FILL, 0, figure);
	figure[0] = (resident_kib() - before) * 1024 / OBJECTS_LIVE;
	figure[1] = allocator->slab_bytes ? (double)allocator->slab_bytes() / OBJECTS_LIVE : 0;
}

static void command_run(const char *name, uint64_t nr)
{
	double figure[STEPS];
	enum load load = 0;

	while (strcmp(load_name[load], name))
		if (++load == LOADS)
			bench_fail("%s: no such load", name);
	if (load == LOAD_FILL)
		fill_run(figure);
	else
		load_run(load, nr, figure);
	printf("%.4f %.4f\n", figure[0], figure[1]);
}

static void arrays_init(void)
{
	uint64_t random = 88172645463325252ull;

	memset(objects, 1, sizeof(objects));
	memset(&pass, 0, sizeof(pass));
	for (uint32_t i = 0; i < OBJECTS_BATCH; i++) {
		uint32_t j = (uint32_t)(load_random(&random) % (i + 1));
		shuffled[i] = shuffled[j];
		shuffled[j] = i;
	}
}

int objects_worker_main(const struct allocator *a, size_t size)
{
	char line[64], name[16];
	unsigned long long nr;

	setlinebuf(stdout);
	arrays_init();
	allocator = a;
	const char *why = a->init(a, size);
	puts(why ? why : "ready");
	if (why)
		return 1;
	threads_start(size);
	while (fgets(line, sizeof(line), stdin))
		if (sscanf(line, "%15s %llu", name, &nr) == 2)
			command_run(name, nr);
	fflush(stdout);
	_exit(0); /* threads wait, and whatever they hold goes with the process */
}
