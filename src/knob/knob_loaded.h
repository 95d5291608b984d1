/* SPDX-License-Identifier: MIT */
#ifndef KNOB_KNOB_LOADED_H
#define KNOB_KNOB_LOADED_H

/*
 * Knobs that are in the tree only where the machine was loaded with a value
 * for them (--from): most of them hold that value, take another one as their
 * kernel would, and act on nothing here. Each has a slot of mm/loaded.h.
 */

#include "knob/knob.h"

/* Numbers are part of the frame record: new ones at the end, none is used again. */
enum loaded_slot {
	LOADED_NONE, /* a row without a slot: in every tree */
	LOADED_BLOCK_DUMP,
	LOADED_COMPACT_MEMORY, /* this one and others are of rows that are in every tree now: not used any more */
	LOADED_COMPACT_NODE,
	LOADED_COMPACT_UNEVICTABLE_ALLOWED,
	LOADED_COMPACTION_PROACTIVENESS,
	LOADED_DIRTY_BACKGROUND_BYTES,
	LOADED_DIRTY_BACKGROUND_RATIO,
	LOADED_DIRTY_BYTES,
	LOADED_DIRTY_EXPIRE_CENTISECS,
	LOADED_DIRTY_RATIO,
	LOADED_DIRTY_WRITEBACK_CENTISECS,
	LOADED_DIRTYTIME_EXPIRE_SECONDS,
	LOADED_ENABLE_SOFT_OFFLINE,
	LOADED_EXTFRAG_THRESHOLD,
	LOADED_HIGHMEM_IS_DIRTYABLE,
	LOADED_HUGETLB_OPTIMIZE_VMEMMAP,
	LOADED_HUGETLB_SHM_GROUP,
	LOADED_LAPTOP_MODE,
	LOADED_LEGACY_VA_LAYOUT,
	LOADED_MAX_MAP_COUNT,
	LOADED_MEMFD_NOEXEC,
	LOADED_MEMORY_FAILURE_EARLY_KILL,
	LOADED_MEMORY_FAILURE_RECOVERY,
	LOADED_MIN_SLAB_RATIO,
	LOADED_MIN_UNMAPPED_RATIO,
	LOADED_MMAP_MIN_ADDR,
	LOADED_MMAP_RND_BITS,
	LOADED_MMAP_RND_COMPAT_BITS,
	LOADED_NUMA_ZONELIST_ORDER,
	LOADED_OOM_DUMP_TASKS,
	LOADED_OOM_KILL_ALLOCATING_TASK,
	LOADED_PAGE_CLUSTER,
	LOADED_PAGE_LOCK_UNFAIRNESS,
	LOADED_PANIC_ON_OOM,
	LOADED_SWAPPINESS,
	LOADED_THP_DEFRAG,
	LOADED_THP_ENABLED,
	LOADED_UNPRIVILEGED_USERFAULTFD,
	LOADED_VDSO_ENABLED,
	LOADED_VFS_CACHE_PRESSURE,
	LOADED_ZONE_RECLAIM_MODE,
	LOADED_SLOTS
};

#define KNOB_THP_NEVER 2 /* transparent_hugepage/enabled: always, madvise, never */

/*
 * The machine that is being imported was loaded with this text for a row that
 * has a slot (NULL: for one that cannot be read). What writing it would do is
 * not done. A row whose value has a place of its own only becomes present.
 * 0, or -EINVAL and the row stays out: the text is no value of it.
 */
MUST_CHECK int knob_load(const struct knob *k, struct vm *vm, const char *text);
/* Is the row one of this machine's kernel, loaded or not? */
bool knob_fits(const struct knob *k, const struct machine *m, unsigned arg);

/* Of the row's slot: an int in the row's range, an unsigned long, one of the row's words. */
int knob_show_slot(const struct knob *k, struct vm *vm, unsigned arg, struct text *out);
int knob_show_slot_ulong(const struct knob *k, struct vm *vm, unsigned arg, struct text *out);
int knob_show_choice(const struct knob *k, struct vm *vm, unsigned arg, struct text *out);
ssize_t knob_store_slot(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len);
ssize_t knob_store_slot_ulong(const struct knob *k, struct vm *vm, unsigned arg, const char *buf,
			      size_t len);
ssize_t knob_store_choice(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len);
/* 0 or 1: of any number of either sign (6.1), of any int (6.12). */
ssize_t knob_store_slot_bool(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len);
ssize_t knob_store_slot_int_bool(const struct knob *k, struct vm *vm, unsigned arg, const char *buf,
				 size_t len);
int knob_show_zonelist_order(const struct knob *k, struct vm *vm, unsigned arg, struct text *out);
ssize_t knob_store_zonelist_order(const struct knob *k, struct vm *vm, unsigned arg,
				  const char *buf, size_t len);

bool knob_shown_64bit(const struct machine *m, unsigned arg);
bool knob_shown_32bit(const struct machine *m, unsigned arg);

#endif
