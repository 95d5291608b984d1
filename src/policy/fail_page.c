/* SPDX-License-Identifier: MIT */
/* Requests that are told to fail: see fail_page.h. */

#include "policy/fail_page.h"

#include "policy/policy.h"

void fail_page_init(struct fail_page *f, uint64_t seed, struct ring *log)
{
	*f = (struct fail_page){ .ignore_wait = true, .ignore_highmem = true, .min_order = 1 };
	fault_attr_init(&f->attr, "fail_page_alloc", seed, log);
}

void fail_page_fini(struct fail_page *f)
{
	fault_attr_fini(&f->attr);
}

void fail_page_update(struct policy *p)
{
	const struct fail_page *f = &p->fail_page;
	machine_set_watched(p->machine, fail_page_armed(f) && !READ_RELAXED(&f->min_order));
}

bool fail_page_fails(struct fail_page *f, gfp_t gfp, unsigned order)
{
	if (order < READ_RELAXED(&f->min_order) || (gfp & __GFP_NOFAIL))
		return false;
	if (READ_RELAXED(&f->ignore_highmem) && (gfp & __GFP_HIGHMEM))
		return false;
	if (READ_RELAXED(&f->ignore_wait) && (gfp & __GFP_DIRECT_RECLAIM))
		return false;
	return fault_attr_fails(&f->attr, 1 << order, gfp & __GFP_NOWARN);
}
