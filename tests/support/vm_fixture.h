/* SPDX-License-Identifier: MIT */
#ifndef VM_FIXTURE_H
#define VM_FIXTURE_H

/*
 * A booted machine for tests of this layer: two nodes of 256 MiB (DMA and
 * DMA32 on the first, DMA32 on the second), CPUs 0-1 and 2-3, over sparse
 * memory, without background threads. Nothing of it is in use: what the daemon
 * itself keeps is in host memory, except in fixture_boot_whole.
 */
#include "base/fault.h"
#include "base/text.h"
#include "mm/verify.h"
#include "vm/task_private.h"
#include "vm/vm_slab.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MIB_PAGES 256ul
#define NODE_PAGES (256 * MIB_PAGES)
#define FIXTURE_ZONES 3

struct fixture {
	struct vm vm;
	struct region region;
};

static inline void fixture_zone(struct machine_spec *s, unsigned node, unsigned type,
				uint64_t start, uint64_t end)
{
	struct zone_spec *z = &s->node[node].zone[type];
	z->start_pfn = start;
	z->spanned = end - start;
	assert_int_equal(zone_spec_add_range(z, start, end), 0);
	z->managed = z->present - 16;
}

static inline void fixture_spec(struct machine_spec *s)
{
	machine_spec_init(s);
	assert_int_equal(machine_spec_set_nodes(s, 2), 0);
	s->nr_cpu_ids = 4;
	for (unsigned n = 0; n < 2; n++) {
		s->node[n].online = true;
		s->node[n].distance[n] = 10;
		s->node[n].distance[1 - n] = 20;
		for (unsigned c = 2 * n; c < 2 * n + 2; c++) {
			mask_set(&s->node[n].cpus, c);
			mask_set(&s->cpus_online, c);
			mask_set(&s->cpus_possible, c);
		}
	}
	fixture_zone(s, 0, 0, 1, 4096);
	fixture_zone(s, 0, 1, 4096, NODE_PAGES);
	fixture_zone(s, 1, 1, NODE_PAGES, 2 * NODE_PAGES);
}

static inline struct fixture *fixture_boot_as(const struct region_config *rc, bool deterministic, bool whole)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct region_range range = { 1, 2 * NODE_PAGES, -1 };
	struct machine_spec spec;
	struct why why = { "" };

	assert_non_null(f);
	if (region_open(&f->region, rc, &range, 1, &why))
		fail_msg("%s", why.text);
	fixture_spec(&spec);
	const struct vm_config c = {
		.deterministic = deterministic, .seed = 7, .region = &f->region, .no_caches = !whole
	};
	if (vm_boot(&f->vm, &spec, &c, &why))
		fail_msg("%s", why.text);
	assert_int_equal(vm_slab_caches(&f->vm), 0);
	machine_spec_fini(&spec);
	return f;
}

static inline struct fixture *fixture_boot_with(const struct region_config *rc, bool deterministic)
{
	return fixture_boot_as(rc, deterministic, false);
}

/* As the daemon boots it. */
static inline struct fixture *fixture_boot_whole(void)
{
	return fixture_boot_as(
		&(struct region_config){ .backing = BACKING_SPARSE, .limit_bytes = 600ul << 20 },
		true, true);
}

static inline struct fixture *fixture_boot(void)
{
	return fixture_boot_with(
		&(struct region_config){ .backing = BACKING_SPARSE, .limit_bytes = 600ul << 20 }, true);
}

static inline void fixture_end(struct fixture *f)
{
	vm_shutdown(&f->vm);
	region_close(&f->region);
	free(f);
}

static inline int fixture_setup(void **state)
{
	*state = fixture_boot();
	return 0;
}

static inline int fixture_teardown(void **state)
{
	fixture_end(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

static inline void assert_verified(struct vm *vm)
{
	struct text findings;
	text_init(&findings, 0);
	if (mm_verify(&vm->machine, &findings))
		fail_msg("mm_verify:\n%s", text_cstr(&findings));
	text_fini(&findings);
}

/* Per zone: pages in the free lists and on per-CPU lists. */
struct free_state {
	int64_t pages[FIXTURE_ZONES];
};

static inline struct free_state free_state(struct vm *vm)
{
	struct free_state s = { { 0 } };
	unsigned i = 0;
	FOR_EACH_POPULATED_ZONE(z, &vm->machine) {
		s.pages[i] = zone_stat_sum(z, NR_FREE_PAGES);
		MASK_FOR_EACH(c, &vm->machine.cpus_online)
			s.pages[i] += vm->machine.cpu[c].zone[z->id].pcp.count;
		i++;
	}
	return s;
}

static inline int64_t free_pages_all(struct vm *vm)
{
	struct free_state s = free_state(vm);
	int64_t sum = 0;
	for (unsigned i = 0; i < FIXTURE_ZONES; i++)
		sum += s.pages[i];
	return sum;
}

static inline int64_t node_sum(struct vm *vm, enum node_stat item)
{
	int64_t sum = 0;
	for (unsigned n = 0; n < vm->machine.nr_nodes; n++)
		sum += node_stat_sum(&vm->machine.node[n], item);
	return sum;
}

#define assert_free_state(vm, before)                                                              \
	do {                                                                                       \
		struct free_state after_ = free_state(vm);                                         \
		assert_memory_equal(&after_, before, sizeof(after_));                              \
	} while (0)

static inline struct task *make_task(struct fixture *f, const char *name)
{
	struct task *t;
	assert_int_equal(task_create(&f->vm, name, 1000, 1000, &t), 0);
	return t;
}

static inline void end_task(struct fixture *f, struct task *t)
{
	assert_int_equal(task_remove(&f->vm, t->name), 0);
	task_put(t);
}

static inline const struct task_attr *attr(const char *name)
{
	for (unsigned i = 0; i < nr_task_attrs; i++)
		if (!strcmp(task_attr_table[i].name, name))
			return &task_attr_table[i];
	fail_msg("no attribute %s", name);
	return NULL;
}

static inline ssize_t write_attr(struct task *t, const char *name, const char *what)
{
	return task_attr_write(t, attr(name), what, strlen(what));
}

#define assert_write(t, name, what) assert_int_equal(write_attr(t, name, what), strlen(what))
#define assert_write_fails(t, name, what, error)                                                   \
	assert_int_equal(write_attr(t, name, what), -(error))

/* In a buffer that the next call overwrites. */
static inline const char *read_attr(struct task *t, const char *name)
{
	static char copy[65536];
	struct text out;
	text_init(&out, sizeof(copy) - 1);
	assert_int_equal(task_attr_read(t, attr(name), &out), 0);
	strcpy(copy, text_cstr(&out));
	text_fini(&out);
	return copy;
}

#define assert_attr(t, name, expected) assert_string_equal(read_attr(t, name), expected)

/* Lines that are refused and change nothing. */
static inline void assert_bad_lines(struct fixture *f, const char *name, const char *const *bad, size_t nr)
{
	struct task *t = make_task(f, "a");
	struct free_state before = free_state(&f->vm);
	for (size_t i = 0; i < nr; i++)
		assert_write_fails(t, name, bad[i], EINVAL);
	assert_attr(t, name, "");
	assert_attr(t, "events", "alloc_fail 0\noom_kill 0\n");
	assert_free_state(&f->vm, &before);
	end_task(f, t);
}

/* What sweep_write does. `settle` (or NULL) is called before pages are counted, and gives back what is kept on purpose. */
static inline unsigned sweep_write_settled(struct fixture *f, struct task *t, enum fault_site site,
					   const char *name, const char *what, const char *undo,
					   void (*settle)(struct fixture *f))
{
	char before[65536];
	strcpy(before, read_attr(t, name));
	if (settle)
		settle(f);
	struct free_state pages = free_state(&f->vm);
	int64_t committed = f->vm.overcommit.committed_pages;

	for (unsigned n = 1;; n++) {
		fault_arm(site, n);
		ssize_t ret = write_attr(t, name, what);
		bool fired = fault_fired(site);
		fault_arm(site, 0);
		assert_verified(&f->vm);
		if (ret >= 0) {
			if (!fired)
				return n;
			assert_write(t, name, undo); /* it passed in spite of the failure */
		} else {
			assert_true(fired);
			assert_int_equal(ret, -ENOMEM);
		}
		assert_attr(t, name, before);
		if (settle)
			settle(f);
		assert_free_state(&f->vm, &pages);
		assert_int_equal(f->vm.overcommit.committed_pages, committed);
	}
}

/*
 * Let the nth visit of a fault site fail for n = 1, 2, … until the write gets
 * through untouched by it. A write that fails says ENOMEM and leaves no trace.
 */
static inline unsigned sweep_write(struct fixture *f, struct task *t, enum fault_site site,
				   const char *name, const char *what, const char *undo)
{
	return sweep_write_settled(f, t, site, name, what, undo, NULL);
}

#endif
