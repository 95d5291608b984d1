/* SPDX-License-Identifier: MIT */
/* Small machines for tests: see small_machine.h. */

#include "support/small_machine.h"

#include "base/log.h"
#include "base/text.h"
#include "mm/verify.h"

void small_spec(struct machine_spec *s, unsigned nr_nodes, unsigned nr_cpus)
{
	machine_spec_init(s);
	assert_int_equal(machine_spec_set_nodes(s, nr_nodes), 0);
	s->nr_cpu_ids = nr_nodes * nr_cpus;
	for (unsigned n = 0; n < nr_nodes; n++) {
		s->node[n].online = true;
		for (unsigned to = 0; to < nr_nodes; to++)
			s->node[n].distance[to] = n == to ? 10 : 20;
		for (unsigned cpu = n * nr_cpus; cpu < (n + 1) * nr_cpus; cpu++) {
			mask_set(&s->node[n].cpus, cpu);
			mask_set(&s->cpus_online, cpu);
			mask_set(&s->cpus_possible, cpu);
		}
	}
}

void small_spec_zones(struct machine_spec *s, const struct zone_shape *shape, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		struct zone_spec *z = &s->node[shape[i].node].zone[shape[i].type];
		if (!z->present)
			z->start_pfn = shape[i].start;
		assert_int_equal(zone_spec_add_range(z, shape[i].start, shape[i].end), 0);
		z->spanned = shape[i].end - z->start_pfn;
		z->managed += shape[i].end - shape[i].start - shape[i].reserved;
	}
}

void small_boot(struct machine *m, struct machine_spec *s)
{
	struct why why = { "" };
	if (machine_boot(m, s, &why))
		fail_msg("machine_boot: %s", why.text);
	machine_spec_fini(s);
}

void small_machine(struct machine *m, unsigned nr_nodes, unsigned nr_cpus,
		   const struct zone_shape *shape, unsigned nr)
{
	struct machine_spec s;
	small_spec(&s, nr_nodes, nr_cpus);
	small_spec_zones(&s, shape, nr);
	small_boot(m, &s);
}

void one_zone_machine(struct machine *m, uint64_t start, uint64_t end)
{
	const struct zone_shape shape = { 0, 2, start, end, 0 };
	small_machine(m, 1, 1, &shape, 1);
}

struct zone *machine_zone(const struct machine *m, unsigned node, unsigned type)
{
	return m->node[node].zone[type];
}

void assert_verified(struct machine *m)
{
	struct text t;
	text_init(&t, 0);
	if (mm_verify(m, &t))
		fail_msg("mm_verify:\n%s", text_cstr(&t));
	text_fini(&t);
}

void end_machine(struct machine *m)
{
	assert_verified(m);
	machine_shutdown(m);
}
