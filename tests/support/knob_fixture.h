/* SPDX-License-Identifier: MIT */
#ifndef TESTS_KNOB_FIXTURE_H
#define TESTS_KNOB_FIXTURE_H

/* A small machine with nothing behind its frames, for tests that turn knobs. */

#include "knob/knob_loaded.h"
#include "mm/verify.h"
#include "vm/vm_slab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct zone_shape {
	unsigned type;
	uint64_t start, end, reserved;
};

static inline void spec_zone(struct machine_spec *s, unsigned node, const struct zone_shape *shape)
{
	struct zone_spec *z = &s->node[node].zone[shape->type];
	assert_int_equal(zone_spec_add_range(z, shape->start, shape->end), 0);
	z->start_pfn = shape->start;
	z->spanned = shape->end - shape->start;
	z->managed = z->present - shape->reserved;
}

static inline void spec_cpu(struct machine_spec *s, unsigned node, unsigned cpu)
{
	mask_set(&s->node[node].cpus, cpu);
	mask_set(&s->cpus_online, cpu);
	mask_set(&s->cpus_possible, cpu);
	s->nr_cpu_ids = MAX(s->nr_cpu_ids, cpu + 1);
}

static inline void spec_nodes(struct machine_spec *s, unsigned nr, unsigned bits)
{
	machine_spec_init(s);
	s->bits = bits;
	s->numa = bits == 64;
	s->pageblock_order = bits == 64 ? 9 : 10;
	assert_int_equal(machine_spec_set_nodes(s, nr), 0);
	for (unsigned n = 0; n < nr; n++) {
		s->node[n].online = true;
		for (unsigned to = 0; to < nr; to++)
			s->node[n].distance[to] = n == to ? 10 : 20;
	}
}

static inline struct vm *vm_of(struct machine_spec *s, bool deterministic)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	struct vm_config c = { .deterministic = deterministic, .seed = 1, .no_caches = true };
	struct why why = { "" };
	assert_non_null(vm);
	if (vm_boot(vm, s, &c, &why))
		fail_msg("vm_boot: %s", why.text);
	assert_int_equal(vm_slab_caches(vm), 0); /* and nothing is in use */
	machine_spec_fini(s);
	return vm;
}

/* 6 GiB on one node, 4 CPUs: DMA, DMA32, Normal. */
static inline struct vm *vm_6g_of(enum kernel kernel)
{
	static const struct zone_shape shape[] = { { 0, 1, 4096, 255 },
						   { 1, 4096, 786393, 16384 },
						   { 2, 1048576, 1835008, 39465 } };
	struct machine_spec s;
	spec_nodes(&s, 1, 64);
	s.kernel = kernel;
	for (unsigned i = 0; i < ARRAY_LEN(shape); i++)
		spec_zone(&s, 0, &shape[i]);
	for (unsigned cpu = 0; cpu < 4; cpu++)
		spec_cpu(&s, 0, cpu);
	return vm_of(&s, true);
}

static inline struct vm *vm_6g(void)
{
	return vm_6g_of(KERNEL_6_1);
}

/* Two nodes of 256 MiB with a CPU each. */
static inline struct vm *vm_two_nodes_mode(bool deterministic)
{
	static const struct zone_shape dma32 = { 1, 4096, 69632, 0 }, normal = { 2, 1048576, 1114112, 0 };
	struct machine_spec s;
	spec_nodes(&s, 2, 64);
	spec_zone(&s, 0, &dma32);
	spec_zone(&s, 1, &normal);
	spec_cpu(&s, 0, 0);
	spec_cpu(&s, 1, 1);
	return vm_of(&s, deterministic);
}

static inline struct vm *vm_two_nodes(void)
{
	return vm_two_nodes_mode(true);
}

/* 1 GiB, 32 bits without PAE: DMA, Normal, HighMem; huge pages of 4 MiB. */
static inline struct vm *vm_32bit(void)
{
	static const struct zone_shape shape[] = { { 0, 1, 4096, 0 },
						   { 1, 4096, 229376, 0 },
						   { 2, 229376, 262144, 0 } };
	struct machine_spec s;
	spec_nodes(&s, 1, 32);
	for (unsigned i = 0; i < ARRAY_LEN(shape); i++)
		spec_zone(&s, 0, &shape[i]);
	spec_cpu(&s, 0, 0);
	return vm_of(&s, true);
}

static inline void vm_release(struct vm *vm)
{
	vm_shutdown(vm);
	free(vm);
}

/* As an imported machine that was loaded with this text for the file. False: it is no file of such a kind, or no value of it. */
static inline bool knob_load_at(struct vm *vm, const char *path, const char *text)
{
	char place[512];
	for (unsigned i = 0; i < nr_knobs; i++) {
		const struct knob *k = &knob_table[i];
		assert_true(knob_path(k, &vm->machine, 0, place, sizeof(place)) > 0);
		if (k->loaded && !strcmp(place, path) && knob_fits(k, &vm->machine, 0))
			return !knob_load(k, vm, k->show ? text : NULL);
	}
	return false;
}

/* The row of a path as the tree shows it; NULL when there is none on this machine. *arg: the node. */
static inline const struct knob *knob_at(struct vm *vm, const char *path, unsigned *arg)
{
	char place[512];
	*arg = 0;
	for (unsigned i = 0; i < nr_knobs; i++) {
		const struct knob *k = &knob_table[i];
		unsigned last = k->scope == KNOB_NODE ? vm->machine.nr_nodes : 1;
		for (*arg = 0; *arg < last; ++*arg) {
			assert_true(knob_path(k, &vm->machine, *arg, place, sizeof(place)) > 0);
			if (!strcmp(place, path) && knob_shown(k, &vm->machine, *arg))
				return k;
		}
	}
	return NULL;
}

/* write(2) of text; returns what it would. */
static inline ssize_t knob_echo(struct vm *vm, const char *path, const char *text)
{
	unsigned arg;
	const struct knob *k = knob_at(vm, path, &arg);
	assert_non_null(k);
	return knob_write(k, vm, arg, text, strlen(text));
}

/* cat; the result stays until the next call. */
static inline const char *knob_cat(struct vm *vm, const char *path)
{
	static char buf[4096];
	struct text t;
	unsigned arg;
	const struct knob *k = knob_at(vm, path, &arg);
	assert_non_null(k);
	text_init(&t, 0);
	assert_int_equal(knob_read(k, vm, arg, &t), 0);
	snprintf(buf, sizeof(buf), "%s", text_cstr(&t));
	text_fini(&t);
	return buf;
}

static inline ssize_t task_echo(struct task *t, const char *attr, const char *line)
{
	for (unsigned i = 0; i < nr_task_attrs; i++)
		if (!strcmp(task_attr_table[i].name, attr))
			return task_attr_write(t, &task_attr_table[i], line, strlen(line));
	return -1;
}

#endif
