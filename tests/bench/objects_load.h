/* SPDX-License-Identifier: MIT */
/*
 * The loads, for one allocator. Included (not a header: may come several times)
 * with
 *
 *   LOAD(name)                            a name of its own for each inclusion
 *   LOAD_CONTEXT, LOAD_CONTEXT_OF(worker) what a caller has at hand, by value, found once for a loop
 *   LOAD_TAKE(context)                    an object or NULL
 *   LOAD_GIVE(context, object)
 *
 * defined; it leaves LOAD(run)(struct worker *).
 *
 * A thread is measured by its CPU time, for what else runs on the machine must
 * not count. Producer and consumer wait for each other, and that does count: it
 * is the wall clock there, and nobody else may run meanwhile.
 */

static inline void *LOAD(get)(LOAD_CONTEXT context)
{
	void *object = LOAD_TAKE(context);
	__asm__ volatile("" : "+r"(object) : : "memory");
	if (UNLIKELY(!object))
		bench_fail("no object to be had");
	return object;
}

static void LOAD(pair)(struct worker *w)
{
	LOAD_CONTEXT context = LOAD_CONTEXT_OF(w);

	pthread_barrier_wait(w->both);
	uint64_t from = thread_ns();
	for (uint64_t i = 0; i < w->nr; i++)
		LOAD_GIVE(context, LOAD(get)(context));
	w->ns[STEP_ONE] = (double)(thread_ns() - from) / (double)w->nr;
}

static void LOAD(batch)(struct worker *w)
{
	LOAD_CONTEXT context = LOAD_CONTEXT_OF(w);
	uint64_t nr = w->nr / OBJECTS_BATCH, at[STEPS + 1];

	at[0] = thread_ns();
	for (uint64_t k = 0; k < nr; k++) {
		for (unsigned i = 0; i < OBJECTS_BATCH; i++)
			w->object[i] = LOAD(get)(context);
		for (unsigned i = 0; i < OBJECTS_BATCH; i++)
			LOAD_GIVE(context, w->object[i]);
	}
	at[1] = thread_ns();
	for (uint64_t k = 0; k < nr; k++) {
		for (unsigned i = 0; i < OBJECTS_BATCH; i++)
			w->object[i] = LOAD(get)(context);
		for (unsigned i = 0; i < OBJECTS_BATCH; i++)
			LOAD_GIVE(context, w->object[w->shuffled[i]]);
	}
	at[2] = thread_ns();
	for (unsigned step = 0; step < STEPS; step++)
		w->ns[step] = (double)(at[step + 1] - at[step]) / (double)(nr * OBJECTS_BATCH);
}

static void LOAD(live)(struct worker *w)
{
	LOAD_CONTEXT context = LOAD_CONTEXT_OF(w);
	uint64_t random = 88172645463325252ull;

	for (uint64_t i = 0; i < OBJECTS_LIVE; i++) {
		w->object[i] = LOAD(get)(context);
		*(volatile uint64_t *)w->object[i] = i;
	}
	uint64_t from = thread_ns();
	for (uint64_t i = 0; i < w->nr; i++) {
		void **victim = &w->object[load_random(&random) % OBJECTS_LIVE];
		LOAD_GIVE(context, *victim);
		*victim = LOAD(get)(context);
		*(volatile uint64_t *)*victim = i;
	}
	w->ns[STEP_ONE] = (double)(thread_ns() - from) / (double)w->nr;
	for (uint64_t i = 0; i < OBJECTS_LIVE; i++)
		LOAD_GIVE(context, w->object[i]);
}

static void LOAD(produce)(LOAD_CONTEXT context, uint64_t batches)
{
	while (batches--) {
		void **object = pass_room();
		for (unsigned i = 0; i < PASS_BATCH; i++)
			object[i] = LOAD(get)(context);
		WRITE_RELEASE(&pass.head, pass.head + 1);
	}
}

static void LOAD(consume)(LOAD_CONTEXT context, uint64_t batches)
{
	while (batches--) {
		void **object = pass_next();
		for (unsigned i = 0; i < PASS_BATCH; i++)
			LOAD_GIVE(context, object[i]);
		WRITE_RELEASE(&pass.tail, pass.tail + 1);
	}
}

static void LOAD(pass)(struct worker *w)
{
	uint64_t batches = w->nr / PASS_BATCH;

	cpu_first(true);
	pthread_barrier_wait(w->both);
	uint64_t from = wall_ns();
	if (w->id)
		LOAD(consume)(LOAD_CONTEXT_OF(w), batches);
	else
		LOAD(produce)(LOAD_CONTEXT_OF(w), batches);
	pthread_barrier_wait(w->both);
	w->ns[STEP_ONE] = (double)(wall_ns() - from) / (double)(batches * PASS_BATCH);
	cpu_first(false);
}

static void LOAD(fill)(struct worker *w)
{
	LOAD_CONTEXT context = LOAD_CONTEXT_OF(w);
	uint64_t random = 88172645463325252ull;

	for (uint64_t i = 0; i < OBJECTS_LIVE; i++)
		memset(w->object[i] = LOAD(get)(context), 1, w->size);
	for (uint64_t i = 0; i < OBJECTS_LIVE; i++) {
		void **victim = &w->object[load_random(&random) % OBJECTS_LIVE];
		LOAD_GIVE(context, *victim);
		memset(*victim = LOAD(get)(context), 1, w->size);
	}
}

static void LOAD(run)(struct worker *w)
{
	static void (*const run[LOADS])(struct worker *) = {
		[LOAD_PAIR] = LOAD(pair), [LOAD_PAIR_TWO] = LOAD(pair), [LOAD_BATCH] = LOAD(batch),
		[LOAD_LIVE] = LOAD(live), [LOAD_PASS] = LOAD(pass),     [LOAD_FILL] = LOAD(fill),
	};
	run[w->load](w);
}
