/* SPDX-License-Identifier: MIT */
/*
 * Our own side: alloc_pages and free_pages on a machine of 16 GiB with one node,
 * thread n on emulated CPU n. Its frames are address space that nobody writes.
 *
 * Mixed orders ask as transparent huge pages do (no reclaim): a request that
 * cannot be met at 80 % is answered at once and counted, not tried again and again.
 */
#include "bench.h"
#include "bench_machine.h"
#include "pages.h"
#include "policy/policy.h"

static struct machine machine;
static struct policy policy;

static const gfp_t gfp_of_kind[PAGES_KINDS] = {
	[PAGES_MOVABLE] = GFP_HIGHUSER_MOVABLE, [PAGES_UNMOVABLE] = GFP_KERNEL, [PAGES_MOVABLE_LIGHT] = GFP_TRANSHUGE_LIGHT
};

void pages_ummfs_init(void)
{
	struct config c;
	struct why why = { "" };

	bench_config(&c, "[node 0]\nmemory=16G\ncpus=0-3\n");
	if (machine_boot(&machine, &c.spec, &why))
		bench_fail("%s", why.text);
	if (policy_init(&policy, &machine, false) || policy_start(&policy))
		bench_fail("the policy does not start");
	config_fini(&c);
}

static inline void *inside_take(struct cpu *c, unsigned order, unsigned kind)
{
	return alloc_pages(&policy, c, -1, gfp_of_kind[kind], order);
}

static inline void inside_give(struct cpu *c, void *block, unsigned order)
{
	free_pages(c, block, order);
}

static inline void *entry_take(struct cpu *c, unsigned order, unsigned kind)
{
	cpu_enter(c);
	void *block = alloc_pages(&policy, c, -1, gfp_of_kind[kind], order);
	cpu_leave(c);
	return block;
}

static inline void entry_give(struct cpu *c, void *block, unsigned order)
{
	cpu_enter(c);
	free_pages(c, block, order);
	cpu_leave(c);
}

#define LOAD_CONTEXT struct cpu
#define LOAD_CONTEXT_OF(w) (&machine.cpu[(w)->id])
#define LOAD_FILE "pages_load.h"
#include "ummfs_loads.h"

static void cpu_begin(struct worker *w)
{
	cpu_enter(&machine.cpu[w->id]);
}

static void cpu_end(struct worker *w)
{
	cpu_leave(&machine.cpu[w->id]);
}

static void nothing(struct worker *w)
{
	(void)w;
}

const struct allocator ummfs_inside = { .name = "inside",
					.order_max = PAGES_ORDER_MAX,
					.nr_frames = PAGES_FRAMES,
					.thread_begin = cpu_begin,
					.run = inside_run,
					.thread_end = cpu_end };

const struct allocator ummfs_entry = { .name = "entry",
				       .order_max = PAGES_ORDER_MAX,
				       .nr_frames = PAGES_FRAMES,
				       .thread_begin = nothing,
				       .run = entry_run,
				       .thread_end = nothing };
