/* SPDX-License-Identifier: MIT */
/*
 * Knobs and what was printed instead of computed. Knobs are set without their
 * effects: the marks, reserves and per-CPU sizes of the capture lag a little
 * behind the formulas (FACTS: they were computed before the last boot memory
 * came back), so they are taken as printed, and the formulas have their turn
 * at the next write to a knob. What the capture lacks is computed.
 */
#include "daemon/import_capture.h"

#include "base/parse.h"
#include "vm/vm.h"

#include <errno.h>
#include <string.h>

enum knob_type { KNOB_INT, KNOB_LONG };

static const struct {
	const char *name;
	enum knob_type type;
	size_t offset; /* in struct vm */
	int64_t min, max;
} knobs[] = {
	{ "min_free_kbytes", KNOB_INT, offsetof(struct vm, machine.tune.min_free_kbytes), 0, INT32_MAX },
	{ "watermark_scale_factor", KNOB_INT, offsetof(struct vm, machine.tune.watermark_scale_factor), 1, 3000 },
	{ "watermark_boost_factor", KNOB_INT, offsetof(struct vm, machine.tune.watermark_boost_factor), 0, INT32_MAX },
	{ "percpu_pagelist_high_fraction", KNOB_INT, offsetof(struct vm, machine.tune.percpu_pagelist_high_fraction), 0,
	  INT32_MAX },
	{ "numa_stat", KNOB_INT, offsetof(struct vm, machine.tune.numa_stat), 0, 1 },
	{ "stat_interval", KNOB_INT, offsetof(struct vm, stat_interval), INT32_MIN / 250, INT32_MAX / 250 },
	{ "overcommit_memory", KNOB_INT, offsetof(struct vm, overcommit.memory), 0, 2 },
	{ "overcommit_ratio", KNOB_INT, offsetof(struct vm, overcommit.ratio), INT32_MIN, INT32_MAX },
	{ "overcommit_kbytes", KNOB_LONG, offsetof(struct vm, overcommit.kbytes), 0, INT64_MAX },
	{ "admin_reserve_kbytes", KNOB_LONG, offsetof(struct vm, overcommit.admin_reserve_kbytes), 0, INT64_MAX },
	{ "user_reserve_kbytes", KNOB_LONG, offsetof(struct vm, overcommit.user_reserve_kbytes), 0, INT64_MAX },
	{ "nr_overcommit_hugepages", KNOB_LONG, offsetof(struct vm, hugetlb.nr_overcommit), 0, INT64_MAX },
};

static void knob_set(struct capture *c, struct vm *vm, unsigned i)
{
	const char *text = cap_knob_value(c, knobs[i].name);
	void *field = (char *)vm + knobs[i].offset;
	int64_t value;
	if (!text)
		return;
	if (parse_i64(text, &value) || value < knobs[i].min || value > knobs[i].max) {
		cap_note(c, NOTE_CORRECTED, knobs[i].name, "proc/sys/vm/%s: \"%.40s\" is not a value of 6.1; the default stays",
			 knobs[i].name, text);
		return;
	}
	if (knobs[i].type == KNOB_INT)
		*(int32_t *)field = (int32_t)value;
	else
		*(uint64_t *)field = (uint64_t)value;
}

/* One number for each zone type. */
static void ratios_set(struct capture *c, struct vm *vm)
{
	const char *text = cap_knob_value(c, "lowmem_reserve_ratio");
	char line[256];
	if (!text)
		return;
	snprintf(line, sizeof(line), "%s", text);
	char *rest = line;
	for (unsigned i = 0; i < vm->machine.nr_zone_types; i++) {
		const char *word = cap_word(&rest);
		int64_t value;
		if (!word)
			return;
		if (parse_i64(word, &value) || value < 0 || value > INT32_MAX) {
			cap_note(c, NOTE_CORRECTED, "lowmem_reserve_ratio", "proc/sys/vm/lowmem_reserve_ratio: \"%.40s\" is not a ratio", word);
			return;
		}
		vm->machine.tune.lowmem_reserve_ratio[i] = (int32_t)value;
	}
}

/*
 * Did somebody write min_free_kbytes? Then Linux keeps the value when it would
 * recompute its own. The default was computed from slightly less memory than
 * is managed now, so what is close to it counts as the default.
 */
static void user_min_free_guess(struct capture *c, struct vm *vm)
{
	struct tune *t = &vm->machine.tune;
	int64_t standard = machine_default_min_free_kbytes(&vm->machine);
	int64_t off = t->min_free_kbytes - standard;
	if (cap_knob_value(c, "min_free_kbytes") && (off > standard / 50 || off < -standard / 50))
		t->user_min_free_kbytes = t->min_free_kbytes;
}

void import_knobs_set(struct capture *c, struct vm *vm)
{
	for (unsigned i = 0; i < ARRAY_LEN(knobs); i++)
		knob_set(c, vm, i);
	ratios_set(c, vm);
	user_min_free_guess(c, vm);
	machine_update_watermarks(&vm->machine);
	machine_update_lowmem_reserve(&vm->machine);
}

/* protection has a number for each zone type of that kernel: those that its zoneinfo lists for the node, in order. */
static void protection_set(struct capture *c, struct zone *z, const struct cap_zone *from)
{
	unsigned printed = 0, entry = 0;
	for (unsigned i = 0; i < c->nr_zones; i++)
		printed += c->zone[i].node == from->node;
	for (unsigned type = 0; type < z->machine->nr_zone_types; type++) {
		bool listed = cap_zone_find(c, from->node, z->machine->kind[type]);
		if (printed == from->nr_protection && !listed)
			continue;
		if (entry < from->nr_protection)
			z->lowmem_reserve[type] = from->protection[entry++];
	}
}

static void pagesets_set(struct zone *z, const struct cap_zone *from)
{
	struct machine *m = z->machine;
	for (unsigned i = 0; i < from->nr_pagesets; i++) {
		const struct cap_pageset *p = &from->pageset[i];
		struct cpu *c = &m->cpu[p->cpu];
		c->zone[z->id].pcp.high = p->high;
		c->zone[z->id].pcp.batch = MAX(p->batch, 1);
	}
	if (from->nr_pagesets) {
		z->pageset_high = from->pageset[0].high;
		z->pageset_batch = MAX(from->pageset[0].batch, 1);
	}
}

void import_zone_marks(struct capture *c, struct zone *z, const struct cap_zone *from)
{
	if (from->has_marks) {
		z->watermark[WMARK_MIN] = from->min - from->boost;
		z->watermark[WMARK_LOW] = MAX(from->low, from->boost) - from->boost;
		z->watermark[WMARK_HIGH] = MAX(from->high, from->boost) - from->boost;
		z->watermark_boost = from->boost;
	}
	if (from->nr_protection)
		protection_set(c, z, from);
	if (zone_populated(z))
		pagesets_set(z, from);
	memcpy(z->numa_base, from->numa, sizeof(from->numa));
}
