/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_REPORT_FIXTURE_H
#define SUPPORT_REPORT_FIXTURE_H

/* A small machine with a log that its reports go to. */

#include "base/text.h"
#include "policy/policy.h"
#include "support/small_machine.h"

struct fixture {
	struct machine m;
	struct policy p;
	struct hugetlb pool;
	struct ring log;
	struct text said;
};

static inline struct fixture *fixture_of(unsigned nr_nodes, unsigned nr_cpus,
					 const struct zone_shape *shape, unsigned nr)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	small_machine(&f->m, nr_nodes, nr_cpus, shape, nr);
	clock_init(&f->m.clock, true);
	assert_int_equal(policy_init(&f->p, &f->m, true), 0);
	assert_int_equal(hugetlb_init(&f->pool, &f->m, f->m.pageblock_order), 0);
	assert_int_equal(ring_init(&f->log, &f->m.clock, RING_BYTES), 0);
	f->p.report.log = &f->log;
	f->p.report.hugetlb = &f->pool;
	f->p.report.nr_hugetlb = 1;
	text_init(&f->said, 0);
	return f;
}

static inline void fixture_end(struct fixture *f)
{
	text_fini(&f->said);
	hugetlb_fini(&f->pool);
	policy_fini(&f->p);
	ring_fini(&f->log);
	machine_shutdown(&f->m);
	free(f);
}

/* All records as text, one after the other; the log is read up. */
static inline const char *said(struct fixture *f, uint64_t from)
{
	struct ring_record record;

	text_reset(&f->said);
	for (uint64_t seq = from; ring_read(&f->log, seq, &record); seq = record.seq + 1) {
		assert_int_equal(record.priority, 4);
		text_bytes(&f->said, record.text, record.len);
		text_char(&f->said, '\n');
	}
	return text_cstr(&f->said);
}

static inline const char *first_said(struct fixture *f, uint64_t seq)
{
	static char line[RING_TEXT_MAX + 1];
	struct ring_record record;

	assert_true(ring_read(&f->log, seq, &record));
	memcpy(line, record.text, record.len);
	line[record.len] = '\0';
	return line;
}

#endif
