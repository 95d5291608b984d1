/* SPDX-License-Identifier: MIT */
/*
 * What happens when a knob turns (mm/page_alloc.c, mm/vmstat.c,
 * fs/drop_caches.c, 6.1). Each effect is the last step of a write: its number
 * has been checked and, unless the knob has its own set function, stored.
 *
 * On purpose unlike 6.1: kswapd looks at raised marks at once, where 6.1 waits
 * for the next allocation; nothing else would allocate on a quiet machine, and
 * the answer to "what does min_free_kbytes=1G do" should not depend on it.
 */

#include "knob/knob_ops.h"

#include "base/caller.h"
#include "base/log.h"
#include "base/parse.h"
#include "knob/knob_loaded.h"
#include "knob/sysctl_parse.h"
#include "vm/filemap.h"

#include <errno.h>
#include <string.h>

#define HIGH_FRACTION_LEAST 8
#define DROP_PAGECACHE_BIT 1
#define DROP_SLAB_BIT 2
#define DROP_QUIET_BIT 4
#define DROP_MOST 4
#define NS_PER_SEC 1000000000ull
#define CLOCK_MOST_NS (UINT64_MAX / 2) /* 292 years, so that adding an interval to it cannot wrap */

void knob_apply_min_free_kbytes(struct vm *vm)
{
	struct tune *t = &vm->machine.tune;
	WRITE_RELAXED(&t->user_min_free_kbytes, READ_RELAXED(&t->min_free_kbytes));
	machine_update_watermarks(&vm->machine);
	kswapd_wake_all(&vm->policy);
}

/*
 * Huge pages without being asked for want more free memory. Off, the machine
 * goes back to the default without them, unless the user has set more; on, what
 * is set is raised whoever set it (mm/khugepaged.c).
 */
void knob_apply_thp(struct vm *vm)
{
	struct machine *m = &vm->machine;
	struct tune *t = &m->tune;
	bool on = READ_RELAXED(&m->loaded.value[LOADED_THP_ENABLED]) != KNOB_THP_NEVER;

	WRITE_RELAXED(&m->thp, on);
	int32_t wanted = machine_default_min_free_kbytes(m), now = t->min_free_kbytes;
	bool changes = wanted > (on ? now : t->user_min_free_kbytes);
	if (changes && on && t->user_min_free_kbytes >= 0)
		ring_printf(&vm->log, LOG_LEVEL_INFO,
			    "khugepaged: raising min_free_kbytes from %d to %d to help transparent hugepage allocations",
			    now, wanted);
	if (!changes && !on)
		ring_printf(&vm->log, LOG_LEVEL_WARNING,
			    "min_free_kbytes is not updated to %d because user defined value %d is preferred",
			    wanted, t->user_min_free_kbytes);
	if (changes)
		WRITE_RELAXED(&t->min_free_kbytes, wanted);
	machine_update_watermarks(m);
	kswapd_wake_all(&vm->policy);
}

void knob_apply_watermark_scale_factor(struct vm *vm)
{
	machine_update_watermarks(&vm->machine);
	kswapd_wake_all(&vm->policy);
}

int knob_check_high_fraction(int32_t value)
{
	return value && value < HIGH_FRACTION_LEAST ? -EINVAL : 0;
}

void knob_apply_high_fraction(struct vm *vm)
{
	machine_update_pagesets(&vm->machine);
}

void knob_apply_numa_stat(struct vm *vm)
{
	if (!READ_RELAXED(&vm->machine.tune.numa_stat))
		machine_numa_clear(&vm->machine);
}

/* As knob_store_int, and a change is logged. */
ssize_t knob_store_numa_stat(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	int32_t before = READ_RELAXED(&vm->machine.tune.numa_stat);
	ssize_t taken = knob_store_int(k, vm, arg, buf, len);
	int32_t now = READ_RELAXED(&vm->machine.tune.numa_stat);
	if (now != before)
		ring_printf(&vm->log, LOG_LEVEL_INFO, "%s",
			    now ? "enable numa statistics"
				: "disable numa statistics, and clear numa counters");
	return taken;
}

/* The two ways to say how much may be committed exclude each other: the one written last counts. */
void knob_apply_overcommit_ratio(struct vm *vm)
{
	WRITE_RELAXED(&vm->overcommit.kbytes, 0);
}

void knob_apply_overcommit_kbytes(struct vm *vm)
{
	WRITE_RELAXED(&vm->overcommit.ratio, 0);
}

/* Percent and bytes exclude each other, too: the one that was changed last counts, and the other reads 0. */
ssize_t knob_store_dirty_ratio(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	int32_t before = READ_RELAXED(&vm->dirty.ratio);
	ssize_t taken = knob_store_int(k, vm, arg, buf, len);
	if (taken >= 0 && READ_RELAXED(&vm->dirty.ratio) != before)
		WRITE_RELAXED(&vm->dirty.bytes, 0);
	return taken;
}

void knob_apply_dirty_background_ratio(struct vm *vm)
{
	WRITE_RELAXED(&vm->dirty.background_bytes, 0);
}

/* A new interval begins with a turn of writing, so that one of hours does not have to end first. */
ssize_t knob_store_dirty_writeback(const struct knob *k, struct vm *vm, unsigned arg,
				   const char *buf, size_t len)
{
	const struct page_writer *w = &vm->policy.writer;
	int32_t before = READ_RELAXED(&vm->dirty.writeback_centisecs);
	ssize_t taken = knob_store_int(k, vm, arg, buf, len);
	int32_t now = READ_RELAXED(&vm->dirty.writeback_centisecs);
	if (now != before && now && w->wake)
		w->wake(w->ctx);
	return taken;
}

/* The kernel counts limits in pages, in 32 bits; the sum that rounds up may wrap around, as it does there. */
static int dirty_bytes_check(const struct vm *vm, uint64_t bytes)
{
	return vm->machine.bits == 64 && (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT > UINT32_MAX ? -ERANGE : 0;
}

int knob_set_dirty_bytes(struct vm *vm, unsigned arg, uint64_t value)
{
	int error = dirty_bytes_check(vm, value);
	(void)arg;
	if (error || value == READ_RELAXED(&vm->dirty.bytes))
		return error;
	WRITE_RELAXED(&vm->dirty.bytes, value);
	WRITE_RELAXED(&vm->dirty.ratio, 0);
	return 0;
}

int knob_set_dirty_background_bytes(struct vm *vm, unsigned arg, uint64_t value)
{
	int error = dirty_bytes_check(vm, value);
	(void)arg;
	if (error)
		return error;
	WRITE_RELAXED(&vm->dirty.background_bytes, value);
	WRITE_RELAXED(&vm->dirty.background_ratio, 0);
	return 0;
}

/* As in 6.1: after boot, and after import, the printed reserve may lag. */
void knob_after_read_lowmem_reserve_ratio(struct vm *vm)
{
	machine_update_lowmem_reserve(&vm->machine);
}

int knob_show_lowmem_reserve_ratio(const struct knob *k, struct vm *vm, unsigned arg, struct text *out)
{
	const struct machine *m = &vm->machine;
	(void)k;
	(void)arg;
	for (unsigned i = 0; i < m->nr_zone_types; i++) {
		if (i)
			text_char(out, '\t');
		text_i64(out, READ_RELAXED(&m->tune.lowmem_reserve_ratio[i]));
	}
	text_char(out, '\n');
	return 0;
}

/* Never fails: the numbers before the first bad one count, and a bad first one takes the whole text with it. */
ssize_t knob_store_lowmem_reserve_ratio(const struct knob *k, struct vm *vm, unsigned arg,
					const char *buf, size_t len)
{
	struct machine *m = &vm->machine;
	int32_t ratio[MM_ZONE_TYPES_MAX];
	(void)arg;
	struct sysctl_result r = sysctl_parse_ints(buf, len, k->min, k->max, ratio, m->nr_zone_types);
	for (unsigned i = 0; i < r.nr; i++)
		WRITE_RELAXED(&m->tune.lowmem_reserve_ratio[i], MAX(ratio[i], 0));
	machine_update_lowmem_reserve(m);
	return (ssize_t)r.taken;
}

int knob_show_stat_refresh(const struct knob *k, struct vm *vm, unsigned arg, struct text *out)
{
	(void)k;
	(void)arg;
	(void)out; /* reading it refreshes too, and finds nothing */
	machine_stat_fold(&vm->machine);
	return 0;
}

ssize_t knob_store_stat_refresh(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	(void)k;
	(void)arg;
	(void)buf;
	machine_stat_fold(&vm->machine);
	return (ssize_t)len;
}

static void event_count(struct machine *m, enum vm_event e)
{
	struct cpu *c = &m->cpu[mask_next(&m->cpus_online, 0)];
	cpu_enter(c);
	event_add(c, e, 1);
	cpu_leave(c);
}

/* Once 4 was written the line is not logged again; that write itself still is. */
static void drop_caches_log(struct vm *vm, int32_t what)
{
	lock_take(&vm->knob_lock);
	bool quiet = vm->drop_caches_quiet;
	vm->drop_caches_quiet |= (what & DROP_QUIET_BIT) != 0;
	lock_drop(&vm->knob_lock);
	if (quiet)
		return;
	char comm[CALLER_COMM];
	caller_comm(comm);
	ring_printf(&vm->log, LOG_LEVEL_INFO, "%s (%d): drop_caches: %d", comm, (int)caller_pid(), what);
}

/* What the host was asked to forget with the names counts, too. */
static void files_drop(struct vm *vm, int32_t what)
{
	struct files *f = &vm->files;
	if (!f->vm)
		return;
	files_enter(f);
	if (what & DROP_PAGECACHE_BIT)
		files_drop_pagecache(f);
	if (what & DROP_SLAB_BIT)
		files_forgotten_wait(f);
	files_leave(f);
}

ssize_t knob_store_drop_caches(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	int32_t what;
	struct sysctl_result r = sysctl_parse_ints(buf, len, 1, DROP_MOST, &what, 1);
	(void)k;
	(void)arg;
	if (r.error)
		return r.error;
	if (what & DROP_PAGECACHE_BIT) {
		files_drop(vm, DROP_PAGECACHE_BIT);
		reclaim_drop_pagecache(&vm->policy);
		imported_caches_settle(vm);
		event_count(&vm->machine, DROP_PAGECACHE);
	}
	if (what & DROP_SLAB_BIT) {
		reclaim_drop_slab(&vm->policy);
		files_drop(vm, DROP_SLAB_BIT);
		event_count(&vm->machine, DROP_SLAB);
	}
	drop_caches_log(vm, what);
	return (ssize_t)r.taken;
}

int knob_show_clock(const struct knob *k, struct vm *vm, unsigned arg, struct text *out)
{
	(void)k;
	(void)arg;
	text_u64(out, clock_now_ns(&vm->machine.clock));
	text_char(out, '\n');
	return 0;
}

/* "250ms" in nanoseconds; a number without a unit is in nanoseconds. */
static int duration_parse(char *s, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} unit[] = { { "", 1 }, { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", NS_PER_SEC } };
	size_t digits = strspn(s, "0123456789");
	uint64_t factor = 0, v;

	for (size_t i = 0; i < ARRAY_LEN(unit); i++)
		if (!strcmp(s + digits, unit[i].name))
			factor = unit[i].ns;
	s[digits] = '\0';
	if (!factor || parse_u64(s, &v))
		return -EINVAL;
	return __builtin_mul_overflow(v, factor, ns) ? -ERANGE : 0;
}

/*
 * The file is ours: "+DURATION" moves the clock that far, "DURATION" moves it
 * to that long after boot, which must not be past. Ticks that fall due run
 * inside the write. -ERANGE: later than the clock can show.
 */
ssize_t knob_store_clock(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	char line[64];
	uint64_t ns, now = clock_now_ns(&vm->machine.clock);
	size_t n = len - (buf[len - 1] == '\n');
	(void)k;
	(void)arg;
	if (n >= sizeof(line) || memchr(buf, '\0', n))
		return -EINVAL;
	memcpy(line, buf, n);
	line[n] = '\0';
	bool relative = line[0] == '+';
	int error = duration_parse(line + relative, &ns);
	if (error)
		return error;
	if (!relative && ns < now)
		return -EINVAL;
	uint64_t step = relative ? ns : ns - now;
	if (step > CLOCK_MOST_NS - now)
		return -ERANGE;
	vm_advance(vm, step);
	return (ssize_t)len;
}

bool knob_shown_numa(const struct machine *m, unsigned arg)
{
	(void)arg;
	return m->numa;
}

bool knob_shown_node(const struct machine *m, unsigned arg)
{
	return m->numa && arg < m->nr_nodes && m->node[arg].online;
}

bool knob_shown_clock(const struct machine *m, unsigned arg)
{
	(void)arg;
	return m->clock.manual;
}
