/* SPDX-License-Identifier: MIT */
#ifndef KNOB_KNOB_OPS_H
#define KNOB_KNOB_OPS_H

/* What rows of knob_table.c are made of: generic show and store (knob.c), and effects (knob_effect.c). */

#include "knob/knob.h"

/* A number at k->offset, in decimal and with a newline: int32_t, uint64_t, uint64_t of the node's huge page pool. */
int knob_show_int(const struct knob *k, struct vm *vm, unsigned arg, struct text *out);
int knob_show_ulong(const struct knob *k, struct vm *vm, unsigned arg, struct text *out);
int knob_show_hugetlb_node(const struct knob *k, struct vm *vm, unsigned arg, struct text *out);
void knob_after_read_lowmem_reserve_ratio(struct vm *vm);
int knob_show_lowmem_reserve_ratio(const struct knob *k, struct vm *vm, unsigned arg, struct text *out);
int knob_show_stat_refresh(const struct knob *k, struct vm *vm, unsigned arg, struct text *out);
int knob_show_clock(const struct knob *k, struct vm *vm, unsigned arg, struct text *out);

/* One number in sysctl's grammar (k->min..k->max, k->check; or any unsigned long), or in sysfs's. */
ssize_t knob_store_int(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len);
ssize_t knob_store_ulong(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len);
ssize_t knob_store_sysfs_ulong(const struct knob *k, struct vm *vm, unsigned arg, const char *buf,
			       size_t len);
ssize_t knob_store_lowmem_reserve_ratio(const struct knob *k, struct vm *vm, unsigned arg,
					const char *buf, size_t len);
ssize_t knob_store_drop_caches(const struct knob *k, struct vm *vm, unsigned arg, const char *buf,
			       size_t len);
ssize_t knob_store_numa_stat(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len);
ssize_t knob_store_dirty_ratio(const struct knob *k, struct vm *vm, unsigned arg, const char *buf,
			       size_t len);
ssize_t knob_store_dirty_writeback(const struct knob *k, struct vm *vm, unsigned arg,
				   const char *buf, size_t len);
ssize_t knob_store_stat_refresh(const struct knob *k, struct vm *vm, unsigned arg, const char *buf,
				size_t len);
ssize_t knob_store_clock(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len);

/* knob_compact.c: any text, or (6.12) 1, which a write past the start is asked for as well; of one node. */
ssize_t knob_store_compact_memory(const struct knob *k, struct vm *vm, unsigned arg,
				  const char *buf, size_t len);
ssize_t knob_store_compact_memory_one(const struct knob *k, struct vm *vm, unsigned arg,
				      const char *buf, size_t len);
ssize_t knob_pass_compact_memory_one(const struct knob *k, struct vm *vm, size_t len);
ssize_t knob_store_compact_node(const struct knob *k, struct vm *vm, unsigned arg, const char *buf,
				size_t len);
void knob_apply_compaction_proactiveness(struct vm *vm);

int knob_check_high_fraction(int32_t value);
int knob_set_dirty_bytes(struct vm *vm, unsigned arg, uint64_t value);
int knob_set_dirty_background_bytes(struct vm *vm, unsigned arg, uint64_t value);

/* ---- knob_hugetlb.c; they take the locks that they need ---- */
extern uint64_t knob_unasked_frames; /* a pool may change by so many and the host is not asked; fewer in tests */
int knob_set_nr_hugepages(const struct knob *k, struct vm *vm, unsigned arg, uint64_t value);
int knob_set_nr_hugepages_mempolicy(const struct knob *k, struct vm *vm, unsigned arg, uint64_t value);
int knob_set_node_nr_hugepages(const struct knob *k, struct vm *vm, unsigned arg, uint64_t value);
int knob_set_nr_overcommit_hugepages(const struct knob *k, struct vm *vm, unsigned arg, uint64_t value);
ssize_t knob_store_nr_overcommit_hugepages(const struct knob *k, struct vm *vm, unsigned arg,
					   const char *buf, size_t len);
int knob_set_demote(const struct knob *k, struct vm *vm, unsigned arg, uint64_t value);
int knob_show_demote_size(const struct knob *k, struct vm *vm, unsigned arg, struct text *out);
ssize_t knob_store_demote_size(const struct knob *k, struct vm *vm, unsigned arg, const char *buf,
			       size_t len);
bool knob_shown_gigantic(const struct machine *m, unsigned arg);
bool knob_shown_gigantic_numa(const struct machine *m, unsigned arg);
bool knob_shown_gigantic_node(const struct machine *m, unsigned arg);

/* With knob_lock held. */
void knob_apply_min_free_kbytes(struct vm *vm);
void knob_apply_watermark_scale_factor(struct vm *vm);
void knob_apply_high_fraction(struct vm *vm);
void knob_apply_numa_stat(struct vm *vm);
void knob_apply_overcommit_ratio(struct vm *vm);
void knob_apply_overcommit_kbytes(struct vm *vm);
void knob_apply_dirty_background_ratio(struct vm *vm);
void knob_apply_thp(struct vm *vm);

bool knob_shown_numa(const struct machine *m, unsigned arg);
bool knob_shown_node(const struct machine *m, unsigned arg);
bool knob_shown_clock(const struct machine *m, unsigned arg);

#endif
