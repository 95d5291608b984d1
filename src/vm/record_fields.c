/* SPDX-License-Identifier: MIT */
/* What of each structure goes into the frame record, and how a row of numbers is written and read. */
#include "vm/record.h"

#include "base/series.h"
#include "policy/scan_balance.h"

#include <errno.h>
#include <string.h>

#define IS_SIGNED(x)                                                                               \
	__builtin_choose_expr(__builtin_types_compatible_p(__typeof__(x), bool), 0, (__typeof__(x))-1 < 1)
#define ONE(type, member, min_, max_)                                                              \
	{                                                                                          \
#member, offsetof(struct type, member), 1, sizeof(((struct type *)0)->member),     \
			IS_SIGNED(((struct type *)0)->member), min_, max_                          \
	}
#define MANY(type, member, min_, max_)                                                             \
	{                                                                                          \
#member, offsetof(struct type, member), ARRAY_LEN(((struct type *)0)->member),     \
			sizeof(((struct type *)0)->member[0]),                                     \
			IS_SIGNED(((struct type *)0)->member[0]), min_, max_                       \
	}
#define FIELDS(name, type)                                                                         \
	const struct fields name = { name##_rows, ARRAY_LEN(name##_rows), sizeof(struct type) }

#define PAGES_MOST                                                                                 \
	((int64_t)1 << 40) /* more than any machine has; sums of such numbers cannot overflow */

#define ATTR(type, member)                                                                         \
	ONE(type, member.probability, 0, 0), ONE(type, member.interval, 0, 0),                     \
		ONE(type, member.verbose, 0, 0), ONE(type, member.ratelimit_ticks, 0, 0),          \
		ONE(type, member.ratelimit_burst, 0, 0), ONE(type, member.times, 0, 0),            \
		ONE(type, member.space, 0, 0), MANY(type, member.rng.s, 0, 0),                     \
		ONE(type, member.count, 0, 0)

static const struct field fields_spec_rows[] = {
	ONE(machine_spec, kernel, 0, KERNELS - 1),
	ONE(machine_spec, bits, 32, 64),
	ONE(machine_spec, pageblock_order, 9, 10),
	ONE(machine_spec, nr_nodes, 1, MM_NODES_MAX),
	ONE(machine_spec, nr_cpu_ids, 1, MASK_BITS),
	ONE(machine_spec, numa, 0, 1),
	ONE(machine_spec, thp, 0, 1),
	ONE(machine_spec, gigantic, 0, 1),
	ONE(machine_spec, gigantic_default, 0, 1),
};
FIELDS(fields_spec, machine_spec);

static const struct field fields_node_spec_rows[] = {
	ONE(node_spec, online, 0, 1),          ONE(node_spec, socket, -1, MM_NODES_MAX),
	ONE(node_spec, dimms.nr, 0, 0),        ONE(node_spec, dimms.type, 0, DIMM_DDR5),
	ONE(node_spec, dimms.speed_mts, 0, 0), ONE(node_spec, dimms.mib, 0, 0),
	MANY(node_spec, distance, 0, 0),
};
FIELDS(fields_node_spec, node_spec);

static const struct field fields_zone_spec_rows[] = {
	ONE(zone_spec, start_pfn, 1, MM_HIGHEST_PFN),
	ONE(zone_spec, spanned, 1, MM_HIGHEST_PFN),
	ONE(zone_spec, managed, 0, MM_HIGHEST_PFN),
	ONE(zone_spec, nr_blocks, 0, MM_HIGHEST_PFN),
};
FIELDS(fields_zone_spec, zone_spec);

static const struct field fields_zone_rows[] = {
	MANY(zone, watermark, 0, PAGES_MOST),
	ONE(zone, watermark_boost, 0, PAGES_MOST),
	MANY(zone, lowmem_reserve, 0, PAGES_MOST),
	ONE(zone, stat_threshold, 0, 125),
	ONE(zone, pageset_high, 0, INT32_MAX),
	ONE(zone, pageset_high_max, 0, INT32_MAX),
	ONE(zone, pageset_batch, 0, INT32_MAX / 16),
	MANY(zone, numa_base, 0, 0),
	MANY(zone, stat, -PAGES_MOST, PAGES_MOST),
	ONE(zone, nr_reserved_highatomic, 0, PAGES_MOST),
	ONE(zone, boosted, 0, 1),
	ONE(zone, compact.free_pfn, 0, MM_HIGHEST_PFN),
	MANY(zone, compact.migrate_pfn, 0, MM_HIGHEST_PFN),
	ONE(zone, compact.init_migrate_pfn, 0, MM_HIGHEST_PFN),
	ONE(zone, compact.init_free_pfn, 0, MM_HIGHEST_PFN),
	ONE(zone, compact.considered, 0, 64),
	ONE(zone, compact.defer_shift, 0, 6),
	ONE(zone, compact.order_failed, 0, MM_ORDERS),
	ONE(zone, compact.flush_skip, 0, 1),
	MANY(zone, nr_pageblocks, 0, PAGES_MOST),
	MANY(zone, pinned, 0, PAGES_MOST),
};
FIELDS(fields_zone, zone);

static const struct field fields_node_rows[] = {
	MANY(node, stat, -PAGES_MOST, PAGES_MOST),
	MANY(node, numa_base, 0, 0),
	ONE(node, stat_threshold, 0, 125),
	ONE(node, kswapd_failures, 0, INT32_MAX),
	ONE(node, lru.nonresident_age, 0, 0),
	MANY(node, lru.cost, 0, PAGES_MOST),
	MANY(node, lru.refaults, 0, 0),
};
FIELDS(fields_node, node);

static const struct field fields_kswapd_rows[] = {
	ONE(kswapd, ran, 0, 1),
	ONE(kswapd, rested_ns, 0, 0),
};
FIELDS(fields_kswapd, kswapd);

static const struct field fields_kcompactd_rows[] = {
	ONE(kcompactd, order, 0, MM_ORDER_MAX),
	ONE(kcompactd, highest_type, 0, MM_ZONE_TYPES_MAX - 1),
	ONE(kcompactd, proactive_defer, 0, 64),
};
FIELDS(fields_kcompactd, kcompactd);

static const struct field fields_cpu_rows[] = {
	ONE(cpu, used, 0, 1),
	MANY(cpu, event, 0, 0),
};
FIELDS(fields_cpu, cpu);

static const struct field fields_cpu_zone_rows[] = {
	ONE(cpu_zone, pcp.high, 0, INT32_MAX),
	ONE(cpu_zone, pcp.batch, 1, INT32_MAX / 16),
	ONE(cpu_zone, pcp.free_factor, 0, 31),
	MANY(cpu_zone, diff, -125, 125),
	MANY(cpu_zone, numa, 0, 0),
};
FIELDS(fields_cpu_zone, cpu_zone);

static const struct field fields_cpu_node_rows[] = {
	MANY(cpu_node, diff, -125, 125),
};
FIELDS(fields_cpu_node, cpu_node);

static const struct field fields_hugetlb_rows[] = {
	ONE(hugetlb, max, 0, PAGES_MOST),
	ONE(hugetlb, nr, 0, PAGES_MOST),
	ONE(hugetlb, nr_free, 0, PAGES_MOST),
	ONE(hugetlb, nr_reserved, 0, PAGES_MOST),
	ONE(hugetlb, nr_surplus, 0, PAGES_MOST),
	ONE(hugetlb, nr_overcommit, 0, 0),
	ONE(hugetlb, next_to_alloc, 0, MM_NODES_MAX - 1),
	ONE(hugetlb, next_to_free, 0, MM_NODES_MAX - 1),
};
FIELDS(fields_hugetlb, hugetlb);

static const struct field fields_hugetlb_node_rows[] = {
	ONE(hugetlb_node, nr, 0, PAGES_MOST),
	ONE(hugetlb_node, nr_free, 0, PAGES_MOST),
	ONE(hugetlb_node, nr_surplus, 0, PAGES_MOST),
};
FIELDS(fields_hugetlb_node, hugetlb_node);

static const struct field fields_tune_rows[] = {
	ONE(machine, tune.min_free_kbytes, 0, INT32_MAX),
	ONE(machine, tune.user_min_free_kbytes, -1, INT32_MAX),
	ONE(machine, tune.watermark_scale_factor, 1, 3000),
	ONE(machine, tune.watermark_boost_factor, 0, INT32_MAX),
	ONE(machine, tune.percpu_pagelist_high_fraction, 0, INT32_MAX),
	MANY(machine, tune.lowmem_reserve_ratio, 0, INT32_MAX),
	ONE(machine, tune.numa_stat, 0, 1),
	ONE(machine, reserve_lags, 0, 1),
	ONE(machine, nr_buffer_pages, 0, PAGES_MOST),
	MANY(machine, event_base, 0, 0),
	MANY(machine, numa_base, 0, 0),
	MANY(machine, facts.direct_map_kb, 0, PAGES_MOST),
	ONE(machine, facts.has_direct_1g, 0, 1),
	ONE(machine, facts.vmalloc_used_kb, 0, PAGES_MOST),
	ONE(machine, facts.percpu_kb, 0, PAGES_MOST),
	ONE(machine, facts.corrupted_kb, 0, PAGES_MOST),
	ONE(machine, facts.swap_total_kb, 0, PAGES_MOST),
	ONE(machine, facts.swap_free_kb, 0, PAGES_MOST),
	ONE(machine, facts.zswap_kb, 0, PAGES_MOST),
	ONE(machine, facts.zswapped_kb, 0, PAGES_MOST),
	ONE(machine, loaded.present, 0, 0),
	MANY(machine, loaded.value, 0, 0),
};
FIELDS(fields_tune, machine);

static const struct field fields_vm_rows[] = {
	ONE(vm, overcommit.memory, 0, 2),
	ONE(vm, overcommit.ratio, 0, 0),
	ONE(vm, overcommit.kbytes, 0, 0),
	ONE(vm, overcommit.admin_reserve_kbytes, 0, 0),
	ONE(vm, overcommit.user_reserve_kbytes, 0, 0),
	ONE(vm, overcommit.committed_pages, -PAGES_MOST, PAGES_MOST),
	ONE(vm, policy.reclaim.swappiness, 0, SWAPPINESS_MOST),
	ONE(vm, policy.reclaim.vfs_cache_pressure, 0, INT32_MAX),
	ONE(vm, policy.reclaim.zone_reclaim_mode, 0, INT32_MAX),
	ONE(vm, policy.reclaim.min_unmapped_ratio, 0, 100),
	ONE(vm, policy.reclaim.min_slab_ratio, 0, 100),
	MANY(vm, own.borrowed, 0, 0),
	ONE(vm, imported_caches.file_pages, 0, PAGES_MOST),
	ONE(vm, imported_caches.index[INDEX_NODES].nr, 0, 0),
	ONE(vm, imported_caches.index[INDEX_BUFFERS].nr, 0, 0),
	ONE(vm, dirty.ratio, 0, 0),
	ONE(vm, dirty.background_ratio, 0, 0),
	ONE(vm, dirty.bytes, 0, 0),
	ONE(vm, dirty.background_bytes, 0, 0),
	ONE(vm, dirty.highmem, 0, 0),
	ONE(vm, dirty.expire_centisecs, 0, INT32_MAX),
	ONE(vm, dirty.writeback_centisecs, 0, 0),
	ONE(vm, policy.compact.extfrag_threshold, 0, 1000),
	ONE(vm, policy.compact.proactiveness, 0, 100),
	ONE(vm, policy.compact.unevictable_allowed, 0, 1),
	ONE(vm, policy.compact.memory, 0, 0),
	ONE(vm, policy.oom.panic, 0, 2),
	ONE(vm, policy.oom.kill_allocating, 0, 0),
	ONE(vm, policy.oom.dump_tasks, 0, 0),
	ONE(vm, hugetlb_shm_group, 0, 0),
	ONE(vm, stat_interval, INT32_MIN / 250, INT32_MAX / 250),
	ONE(vm, drop_caches_quiet, 0, 1),
	ONE(vm, next_tick_ns, 0, 0),
	ONE(vm, next_compact_ns, 0, 0),
	MANY(vm, rng.s, 0, 0),
	ATTR(vm, failslab.attr),
	ONE(vm, failslab.ignore_wait, 0, 1),
	ONE(vm, failslab.cache_filter, 0, 1),
	ATTR(vm, policy.fail_page.attr),
	ONE(vm, policy.fail_page.ignore_wait, 0, 1),
	ONE(vm, policy.fail_page.ignore_highmem, 0, 1),
	ONE(vm, policy.fail_page.min_order, 0, 0),
};
FIELDS(fields_vm, vm);

#define SLAB_FLAGS_ALL (2 * SLAB_NO_MERGE - 1)

static const struct field fields_cache_rows[] = {
	ONE(kmem_cache, flags, 0, SLAB_FLAGS_ALL),
	ONE(kmem_cache, layout.object_size, 1, SLAB_OBJECT_MAX),
	ONE(kmem_cache, layout.inuse, 1, SLAB_OBJECT_MAX),
	ONE(kmem_cache, layout.size, 1, SLAB_OBJECT_MAX),
	ONE(kmem_cache, layout.align, 1, SLAB_OBJECT_MAX),
	ONE(kmem_cache, layout.red_left_pad, 0, 0),
	ONE(kmem_cache, layout.offset, 0, 0),
	ONE(kmem_cache, layout.objects, 1, SLAB_OBJECTS_MAX),
	ONE(kmem_cache, layout.order, 0, MM_ORDER_MAX),
	ONE(kmem_cache, layout.min_order, 0, MM_ORDER_MAX),
	ONE(kmem_cache, layout.min_partial, 0, 0),
	ONE(kmem_cache, layout.cpu_partial, 0, 0),
	ONE(kmem_cache, layout.cpu_partial_slabs, 0, 0),
	ONE(kmem_cache, aliases, 0, 0),
	ONE(kmem_cache, failslab, 0, 1),
	ONE(kmem_cache, limit, 1, 512),
	ONE(kmem_cache, batch, 1, 512),
	ONE(kmem_cache, sharedfactor, 0, UINT16_MAX),
	ONE(kmem_cache, tuned, 0, 1),
	ONE(kmem_cache, min_partial, 0, 0),
	ONE(kmem_cache, cpu_partial, 0, 0),
	ONE(kmem_cache, pinned_slabs, 0, PAGES_MOST),
	ONE(kmem_cache, pinned_objects, 0, PAGES_MOST),
	ONE(kmem_cache, pinned_active, 0, PAGES_MOST),
};
FIELDS(fields_cache, kmem_cache);

static const struct field fields_tasks_rows[] = {
	ONE(tasks, nr_slots, 1, TASKS_MAX + 1),
	ONE(tasks, free_hint, 1, TASKS_MAX + 1),
	ONE(tasks, next_pid, 2, 4194304),
	ONE(tasks, generation, 0, 0),
};
FIELDS(fields_tasks, tasks);

static const struct field fields_huge_inode_rows[] = {
	ONE(huge_inode, mount, 0, HUGETLB_SIZES - 1),
	ONE(huge_inode, generation, 0, 0),
	ONE(huge_inode, attr.mode, 0, 0),
	ONE(huge_inode, attr.nlink, 0, 0),
	ONE(huge_inode, attr.uid, 0, 0),
	ONE(huge_inode, attr.gid, 0, 0),
	ONE(huge_inode, attr.rdev, 0, 0),
	ONE(huge_inode, attr.atime_s, 0, 0),
	ONE(huge_inode, attr.mtime_s, 0, 0),
	ONE(huge_inode, attr.ctime_s, 0, 0),
	ONE(huge_inode, attr.atime_ns, 0, 999999999),
	ONE(huge_inode, attr.mtime_ns, 0, 999999999),
	ONE(huge_inode, attr.ctime_ns, 0, 999999999),
	ONE(huge_inode, next_order, 0, INT64_MAX / 2),
	ONE(huge_inode, size, 0, 0),
};
FIELDS(fields_huge_inode, huge_inode);

static const struct field fields_task_rows[] = {
	ONE(task, pid, 2, 4194304),
	ONE(task, generation, 0, 0),
	ONE(task, uid, 0, 0),
	ONE(task, gid, 0, 0),
	ONE(task, mode, 0, 01777),
	ONE(task, cpu, 0, MASK_BITS - 1),
	ONE(task, mempolicy.mode, 0, MPOL_LOCAL),
	ONE(task, mempolicy.il_prev, 0, MM_NODES_MAX - 1),
	MANY(task, mempolicy.nodes.w, 0, 0),
	MANY(task, huge_mapped, 0, PAGES_MOST),
	ONE(task, file_batch, 0, 0),
	MANY(task, rng.s, 0, 0),
	ONE(task, events_alloc_fail, 0, 0),
	ONE(task, events_oom_kill, 0, 0),
	ONE(task, oom_score_adj, -1000, 1000),
	ONE(task, oom_score_adj_min, -1000, 1000),
};
FIELDS(fields_task, task);

static const struct field fields_page_group_rows[] = {
	ONE(page_group, owner, 0, 0),
	ONE(page_group, order, 0, GIGANTIC_ORDER),
	ONE(page_group, migratetype, 0, MIGRATE_TYPES - 1),
	ONE(page_group, marks, 0, 0),
	ONE(page_group, flags, 0, 0),
};
FIELDS(fields_page_group, page_group);

const struct task_index_row task_index_rows[] = {
	{ "anon", offsetof(struct task, anon), OWNER_TASK_ANON },
	{ "file", offsetof(struct task, file), OWNER_TASK_FILE },
	{ "shmem", offsetof(struct task, shmem), OWNER_TASK_SHMEM },
	{ "hugetlb", offsetof(struct task, hugetlb[0]), OWNER_TASK_HUGETLB },
	{ "hugetlb_other", offsetof(struct task, hugetlb[1]), OWNER_TASK_HUGETLB },
	{ "anon_tables", offsetof(struct task, anon_tables), OWNER_TASK_PAGETABLE },
	{ "hugetlb_tables", offsetof(struct task, hugetlb_tables), OWNER_TASK_PAGETABLE },
};
const unsigned nr_task_index_rows = ARRAY_LEN(task_index_rows);

/* ---- Writing ---- */

static uint64_t number_load(const struct field *f, const void *object, unsigned i)
{
	const char *p = (const char *)object + f->offset + (size_t)i * f->size;
	uint64_t v = 0;
	memcpy(&v, p, f->size); /* little-endian hosts only, as region files are */
	unsigned spare = 64 - 8u * f->size;
	return f->is_signed ? (uint64_t)((int64_t)(v << spare) >> spare) : v;
}

void fields_write(struct text *t, const struct fields *fs, const void *object)
{
	for (const struct field *f = fs->field; f < fs->field + fs->nr; f++) {
		struct series_out s;
		text_char(t, ' ');
		text_str(t, f->name);
		text_char(t, '=');
		series_begin(&s, t);
		for (unsigned i = 0; i < f->nr; i++)
			series_put(&s, number_load(f, object, i));
		series_end(&s);
	}
}

/* ---- Reading ---- */

static bool number_fits(const struct field *f, uint64_t v)
{
	unsigned spare = 64 - 8u * f->size;
	if (f->is_signed ? (uint64_t)((int64_t)(v << spare) >> spare) != v : (v << spare) >> spare != v)
		return false;
	if (!f->min && !f->max)
		return true;
	if (!f->is_signed && v > INT64_MAX)
		return false;
	return (int64_t)v >= f->min && (int64_t)v <= f->max;
}

static int field_read(const struct field *f, void *object, const char *series, struct why *why)
{
	struct series_in s;
	uint64_t v;
	unsigned i = 0;
	int more;
	series_open(&s, series);
	while ((more = series_get(&s, &v)) > 0) {
		if (i == f->nr)
			return why_set(why, -EINVAL, "%s: more than %u numbers", f->name, f->nr);
		if (!number_fits(f, v))
			return why_set(why, -EINVAL, "%s: a number that is not possible there", f->name);
		memcpy((char *)object + f->offset + (size_t)i++ * f->size, &v, f->size);
	}
	if (more < 0)
		return why_set(why, more, "%s: \"%.40s\" is not a series of numbers", f->name, series);
	return i == f->nr ? 0 : why_set(why, -EINVAL, "%s: %u numbers instead of %u", f->name, i, f->nr);
}

static const struct field *field_find(const struct fields *fs, const char *name)
{
	for (unsigned i = 0; i < fs->nr; i++)
		if (!strcmp(fs->field[i].name, name))
			return &fs->field[i];
	return NULL;
}

int fields_read(const struct fields *fs, void *object, char *words, struct why *why)
{
	uint64_t seen = 0;
	char *rest = NULL;
	for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		char *equals = strchr(word, '=');
		if (equals)
			*equals = 0;
		const struct field *f = equals ? field_find(fs, word) : NULL;
		if (!f)
			return why_set(why, -EINVAL, "\"%.40s\" is not known there", word);
		seen |= 1ull << (f - fs->field);
		int error = field_read(f, object, equals + 1, why);
		if (error)
			return error;
	}
	for (unsigned i = 0; i < fs->nr; i++)
		if (!(seen >> i & 1))
			return why_set(why, -EINVAL, "%s is missing", fs->field[i].name);
	return 0;
}
