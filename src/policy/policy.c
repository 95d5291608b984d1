/* SPDX-License-Identifier: MIT */
/* Start and end of the policy over one machine. See policy.h. */

#include "policy/policy.h"

#include "base/mem.h"
#include "policy/gfp.h"
#include "policy/kswapd.h"

#include <errno.h>
#include <string.h>

int policy_init(struct policy *p, struct machine *m, bool inline_reclaim)
{
	memset(p, 0, sizeof(*p));
	p->machine = m;
	p->inline_reclaim = inline_reclaim;
	for (gfp_t bits = 0; bits <= GFP_PLACE_BITS; bits++) {
		p->zone_type[bits] = (uint8_t)MIN(gfp_zone_type(m, bits), MM_ZONE_TYPES_MAX);
		p->migratetype[bits] = (uint8_t)gfp_migratetype(bits);
	}
	unsigned nodes = 0;
	for (unsigned n = 0; n < m->nr_nodes; n++)
		nodes += m->node[n].online;
	p->several_nodes = nodes > 1;
	numa_nodes_init(&p->numa, m);
	p->kswapd = mem_zalloc(m->nr_nodes * sizeof(*p->kswapd));
	p->kcompactd = mem_zalloc(m->nr_nodes * sizeof(*p->kcompactd));
	if (!p->kswapd || !p->kcompactd) {
		mem_free(p->kswapd);
		mem_free(p->kcompactd);
		p->kswapd = NULL;
		p->kcompactd = NULL;
		return -ENOMEM;
	}
	for (unsigned n = 0; n < m->nr_nodes; n++) {
		kswapd_init(&p->kswapd[n], p, &m->node[n]);
		kcompactd_init(&p->kcompactd[n], p, &m->node[n]);
	}
	report_init(&p->report);
	oom_init(&p->oom);
	p->reclaim = (struct reclaim_knobs){
		.swappiness = 60, .vfs_cache_pressure = 100, .min_unmapped_ratio = 1, .min_slab_ratio = 5
	};
	p->compact = (struct compact_knobs){ .extfrag_threshold = 500,
					     .proactiveness = 20,
					     .unevictable_allowed = 1 };
	return 0;
}

int policy_start(struct policy *p)
{
	for (unsigned n = 0; !p->inline_reclaim && n < p->machine->nr_nodes; n++) {
		if (!p->machine->node[n].has_memory)
			continue;
		int error = kswapd_start(&p->kswapd[n]);
		if (!error)
			error = kcompactd_start(&p->kcompactd[n]);
		if (error)
			return error;
	}
	return 0;
}

void policy_fini(struct policy *p)
{
	for (unsigned n = 0; p->kswapd && n < p->machine->nr_nodes; n++) {
		kswapd_fini(&p->kswapd[n]); /* it wakes the other */
		kcompactd_fini(&p->kcompactd[n]);
	}
	if (p->kswapd)
		report_fini(&p->report);
	shrinkers_fini(p);
	mem_free(p->kswapd);
	mem_free(p->kcompactd);
	p->kswapd = NULL;
	p->kcompactd = NULL;
}
