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
#include "policy/scan_balance.h"
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
	{ "watermark_scale_factor", KNOB_INT,
	  offsetof(struct vm, machine.tune.watermark_scale_factor), 1, 3000 },
	{ "watermark_boost_factor", KNOB_INT,
	  offsetof(struct vm, machine.tune.watermark_boost_factor), 0, INT32_MAX },
	{ "percpu_pagelist_high_fraction", KNOB_INT,
	  offsetof(struct vm, machine.tune.percpu_pagelist_high_fraction), 0, INT32_MAX },
	{ "percpu_pagelist_fraction", KNOB_INT,
	  offsetof(struct vm, machine.tune.percpu_pagelist_high_fraction), 0, INT32_MAX },
	{ "numa_stat", KNOB_INT, offsetof(struct vm, machine.tune.numa_stat), 0, 1 },
	{ "stat_interval", KNOB_INT, offsetof(struct vm, stat_interval), INT32_MIN / 250, INT32_MAX / 250 },
	{ "dirty_ratio", KNOB_INT, offsetof(struct vm, dirty.ratio), 0, 100 },
	{ "dirty_background_ratio", KNOB_INT, offsetof(struct vm, dirty.background_ratio), 0, 100 },
	{ "dirty_bytes", KNOB_LONG, offsetof(struct vm, dirty.bytes), 0, INT64_MAX },
	{ "dirty_background_bytes", KNOB_LONG, offsetof(struct vm, dirty.background_bytes), 0, INT64_MAX },
	{ "dirty_expire_centisecs", KNOB_INT, offsetof(struct vm, dirty.expire_centisecs), 0, INT32_MAX },
	{ "dirty_writeback_centisecs", KNOB_INT, offsetof(struct vm, dirty.writeback_centisecs),
	  INT32_MIN, INT32_MAX },
	{ "highmem_is_dirtyable", KNOB_INT, offsetof(struct vm, dirty.highmem), 0, 1 },
	{ "swappiness", KNOB_INT, offsetof(struct vm, policy.reclaim.swappiness), 0, SWAPPINESS_MOST },
	{ "vfs_cache_pressure", KNOB_INT, offsetof(struct vm, policy.reclaim.vfs_cache_pressure), 0, INT32_MAX },
	{ "extfrag_threshold", KNOB_INT, offsetof(struct vm, policy.compact.extfrag_threshold), 0, 1000 },
	{ "compaction_proactiveness", KNOB_INT, offsetof(struct vm, policy.compact.proactiveness), 0, 100 },
	{ "compact_unevictable_allowed", KNOB_INT,
	  offsetof(struct vm, policy.compact.unevictable_allowed), 0, 1 },
	{ "zone_reclaim_mode", KNOB_INT, offsetof(struct vm, policy.reclaim.zone_reclaim_mode), 0, INT32_MAX },
	{ "min_unmapped_ratio", KNOB_INT, offsetof(struct vm, policy.reclaim.min_unmapped_ratio), 0, 100 },
	{ "min_slab_ratio", KNOB_INT, offsetof(struct vm, policy.reclaim.min_slab_ratio), 0, 100 },
	{ "overcommit_memory", KNOB_INT, offsetof(struct vm, overcommit.memory), 0, 2 },
	{ "overcommit_ratio", KNOB_INT, offsetof(struct vm, overcommit.ratio), INT32_MIN, INT32_MAX },
	{ "overcommit_kbytes", KNOB_LONG, offsetof(struct vm, overcommit.kbytes), 0, INT64_MAX },
	{ "admin_reserve_kbytes", KNOB_LONG, offsetof(struct vm, overcommit.admin_reserve_kbytes),
	  0, INT64_MAX },
	{ "user_reserve_kbytes", KNOB_LONG, offsetof(struct vm, overcommit.user_reserve_kbytes), 0, INT64_MAX },
	{ "hugetlb_shm_group", KNOB_INT, offsetof(struct vm, hugetlb_shm_group), INT32_MIN, INT32_MAX },
	{ "nr_overcommit_hugepages", KNOB_LONG, offsetof(struct vm, hugetlb[0].nr_overcommit), 0, INT64_MAX },
};

static void knob_set(struct capture *c, struct vm *vm, unsigned i)
{
	const char *text = cap_knob_value(c, knobs[i].name);
	void *field = (char *)vm + knobs[i].offset;
	int64_t value;
	if (!text)
		return;
	if (parse_i64(text, &value) || value < knobs[i].min || value > knobs[i].max) {
		cap_note(c, NOTE_CORRECTED, knobs[i].name,
			 "proc/sys/vm/%s: \"%.40s\" is not a value of %s; the default stays",
			 knobs[i].name, text, c->version->name);
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
			cap_note(c, NOTE_CORRECTED, "lowmem_reserve_ratio",
				 "proc/sys/vm/lowmem_reserve_ratio: \"%.40s\" is not a ratio", word);
			return;
		}
		vm->machine.tune.lowmem_reserve_ratio[i] = (int32_t)value;
	}
}

/* Low memory: zones with a share of min_free_kbytes. */
static bool zone_has_share(const struct capture *c, const struct cap_zone *z)
{
	bool movable = c->bits == 64 && !c->version->movable_is_high;
	return z->kind != ZONE_HIGHMEM && (z->kind != ZONE_MOVABLE || movable);
}

static bool about(int64_t value, int64_t other)
{
	return value - other <= other / 50 && other - value <= other / 50;
}

/* Marks without the knobs that made them: what the zones' shares add up to. */
static void min_free_derive(struct capture *c, struct tune *t)
{
	uint64_t pages = 0;
	bool printed = false;
	for (unsigned i = 0; i < c->nr_zones; i++) {
		const struct cap_zone *z = &c->zone[i];
		if (!z->has_marks || !cap_zone_populated(z) || !zone_has_share(c, z))
			continue;
		printed = true;
		pages += z->min - z->boost;
	}
	int64_t kbytes = (int64_t)MIN(PAGES_TO_KB(pages), (uint64_t)INT32_MAX);
	if (!printed || about(kbytes, t->min_free_kbytes))
		return;
	t->min_free_kbytes = (int32_t)kbytes;
	cap_note(c, NOTE_GUESSED, "min_free_kbytes",
		 "min_free_kbytes: %ld, from the min marks of the zones", kbytes);
}

static void scale_factor_derive(struct capture *c, struct tune *t)
{
	const struct cap_zone *z = NULL;
	for (unsigned i = 0; i < c->nr_zones; i++)
		if (c->zone[i].has_marks && zone_has_share(c, &c->zone[i]) &&
		    (!z || c->zone[i].managed > z->managed))
			z = &c->zone[i];
	if (!z || !z->managed || z->low < z->min)
		return;
	uint64_t gap = z->low - z->min, share = (z->min - z->boost) / 4;
	uint64_t standard = MAX(share, z->managed * (uint64_t)t->watermark_scale_factor / 10000);
	if (gap <= share + 1 || about((int64_t)gap, (int64_t)standard))
		return;
	t->watermark_scale_factor = (int32_t)CLAMP(DIV_ROUND_UP(gap * 10000, z->managed), 1ul, 3000ul);
	cap_note(c, NOTE_GUESSED, "watermark_scale_factor",
		 "watermark_scale_factor: %d, from the distance of the marks of the largest zone",
		 t->watermark_scale_factor);
}

/*
 * Did somebody write min_free_kbytes? Then Linux keeps the value when it would
 * recompute its own. The default was computed from slightly less memory than
 * is managed now, so what is close to it counts as the default.
 */
static void user_min_free_guess(struct vm *vm)
{
	struct tune *t = &vm->machine.tune;
	if (!about(t->min_free_kbytes, machine_default_min_free_kbytes(&vm->machine)))
		t->user_min_free_kbytes = t->min_free_kbytes;
}

void import_knobs_set(struct capture *c, struct vm *vm)
{
	import_loaded_set(c, vm);
	for (unsigned i = 0; i < ARRAY_LEN(knobs); i++)
		knob_set(c, vm, i);
	ratios_set(c, vm);
	if (!cap_knob_value(c, "min_free_kbytes"))
		min_free_derive(c, &vm->machine.tune);
	if (!cap_knob_value(c, "watermark_scale_factor"))
		scale_factor_derive(c, &vm->machine.tune);
	user_min_free_guess(vm);
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
		if (!p->batch)
			continue;
		c->zone[z->id].pcp.high = p->high;
		c->zone[z->id].pcp.batch = MAX(p->batch, 1);
	}
	if (from->nr_pagesets && from->pageset[0].batch && !m->version->pageset_tunes) {
		z->pageset_high = z->pageset_high_max = from->pageset[0].high;
		z->pageset_batch = MAX(from->pageset[0].batch, 1);
	}
}

void import_zone_marks(struct capture *c, struct zone *z, const struct cap_zone *from)
{
	if (from->has_marks) {
		z->watermark[WMARK_MIN] = from->min - from->boost;
		z->watermark[WMARK_LOW] = MAX(from->low, from->boost) - from->boost;
		z->watermark[WMARK_HIGH] = MAX(from->high, from->boost) - from->boost;
		uint64_t promo =
			from->has_promo ? from->promo : 2 * MAX(from->high, from->low) - from->low;
		z->watermark[WMARK_PROMO] = MAX(promo, from->boost) - from->boost;
		z->watermark_boost = from->boost;
	}
	if (from->nr_protection) {
		protection_set(c, z, from);
		z->machine->reserve_lags = true;
	}
	if (zone_populated(z))
		pagesets_set(z, from);
	zone_update_plenty(z);
	memcpy(z->numa_base, from->numa, sizeof(from->numa));
}
