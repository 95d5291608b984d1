/* SPDX-License-Identifier: MIT */
/*
 * The loads, for one allocator. Included (not a header: may come several times)
 * with
 *
 *   LOAD(name)                            a name of its own for each inclusion
 *   LOAD_CONTEXT, LOAD_CONTEXT_OF(worker) what a caller has at hand, found once for a loop
 *   LOAD_TAKE(context, order, kind)       a block or NULL
 *   LOAD_GIVE(context, block, order)
 *
 * defined; it leaves LOAD(run)(struct worker *).
 */

static void LOAD(pair)(struct worker *w)
{
	unsigned order = w->spec->order, kind = w->spec->pages;
	LOAD_CONTEXT *context = LOAD_CONTEXT_OF(w);
	uint64_t nr = w->spec->nr_ops;

	pthread_barrier_wait(w->barrier);
	uint64_t from = load_clock_ns(w);
	for (uint64_t i = 0; i < nr; i++) {
		void *block = LOAD_TAKE(context, order, kind);
		__asm__ volatile("" : "+r"(block) : : "memory");
		if (UNLIKELY(!block))
			load_failed(w);
		LOAD_GIVE(context, block, order);
	}
	w->ns[STEP_PAIR] = (double)(load_clock_ns(w) - from) / (double)nr;
}

static void LOAD(take_all)(struct worker *w)
{
	unsigned order = w->spec->order, kind = w->spec->pages;
	LOAD_CONTEXT *context = LOAD_CONTEXT_OF(w);

	for (uint64_t i = 0; i < w->spec->nr_ops; i++) {
		void *block = LOAD_TAKE(context, order, kind);
		if (UNLIKELY(!block))
			load_failed(w);
		w->block[i].at = block;
	}
}

static void LOAD(bulk)(struct worker *w)
{
	uint64_t nr = w->spec->nr_ops, at[2 * STEPS];
	LOAD_CONTEXT *context = LOAD_CONTEXT_OF(w);
	unsigned order = w->spec->order;

	pthread_barrier_wait(w->barrier);
	at[0] = load_clock_ns(w);
	LOAD(take_all)(w);
	at[1] = load_clock_ns(w);
	pthread_barrier_wait(w->barrier);
	at[2] = load_clock_ns(w);
	for (uint64_t i = 0; i < nr; i++)
		LOAD_GIVE(context, w->block[i].at, order);
	at[3] = load_clock_ns(w);
	pthread_barrier_wait(w->barrier);
	LOAD(take_all)(w);
	pthread_barrier_wait(w->barrier);
	at[4] = load_clock_ns(w);
	for (uint64_t i = 0; i < nr; i++)
		LOAD_GIVE(context, w->block[w->shuffled[i]].at, order);
	at[5] = load_clock_ns(w);
	for (unsigned step = 0; step < STEPS; step++)
		w->ns[step] = (double)(at[2ul * step + 1] - at[2ul * step]) / (double)nr;
}

static void LOAD(batch)(struct worker *w)
{
	unsigned order = w->spec->order, kind = w->spec->pages;
	LOAD_CONTEXT *context = LOAD_CONTEXT_OF(w);

	for (uint64_t left = w->spec->nr_ops; left; left -= MIN(left, 1000u)) {
		uint64_t nr = MIN(left, 1000u);
		for (uint64_t i = 0; i < nr; i++)
			w->block[i].at = LOAD_TAKE(context, order, kind);
		for (uint64_t i = 0; i < nr; i++)
			LOAD_GIVE(context, w->block[i].at, order);
	}
}

/* One block of a random order, or, when there is none, one of order 0. Returns the pages taken. */
static uint64_t LOAD(mixed_take)(struct worker *w, struct block *b, uint64_t *random)
{
	b->order = load_random_order(random, w->spec->order);
	b->at = LOAD_TAKE(LOAD_CONTEXT_OF(w), b->order, w->spec->pages);
	w->nr_ops++;
	if (LIKELY(b->at))
		return 1ull << b->order;
	w->nr_failed++;
	b->order = 0;
	b->at = LOAD_TAKE(LOAD_CONTEXT_OF(w), 0, w->spec->pages);
	if (UNLIKELY(!b->at))
		load_failed(w);
	return 1;
}

static void LOAD(mixed)(struct worker *w)
{
	uint64_t random = 0x9e3779b97f4a7c15ull + w->id, target = w->nr_frames / 10 * 8;
	LOAD_CONTEXT *context = LOAD_CONTEXT_OF(w);
	uint64_t used = 0, live = 0;

	while (used < target)
		used += LOAD(mixed_take)(w, &w->block[live++], &random);
	w->nr_ops = w->nr_failed = 0;

	pthread_barrier_wait(w->barrier);
	uint64_t from = load_clock_ns(w);
	while (w->nr_ops < w->spec->nr_ops) {
		if (used < target) {
			used += LOAD(mixed_take)(w, &w->block[live++], &random);
			continue;
		}
		uint64_t victim = load_random(&random) % live;
		struct block b = w->block[victim];
		w->block[victim] = w->block[--live];
		used -= 1ull << b.order;
		w->nr_ops++;
		LOAD_GIVE(context, b.at, b.order);
	}
	w->ns[STEP_PAIR] = (double)(load_clock_ns(w) - from) / (double)w->nr_ops;
	while (live--)
		LOAD_GIVE(context, w->block[live].at, w->block[live].order);
}

static void LOAD(run)(struct worker *w)
{
	static void (*const run[])(struct worker *) = {
		[LOAD_PAIR] = LOAD(pair), [LOAD_BULK] = LOAD(bulk), [LOAD_BATCH] = LOAD(batch), [LOAD_MIXED] = LOAD(mixed)
	};
	run[w->spec->load](w);
}
