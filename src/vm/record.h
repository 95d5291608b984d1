/* SPDX-License-Identifier: MIT */
#ifndef VM_RECORD_H
#define VM_RECORD_H

/*
 * The frame record: all that a machine is, exactly, as text, so that a state
 * boots to the same machine and not to one that merely prints the same. One
 * line for each thing: its kind, the numbers that say which one, and
 * NAME=SERIES for what it holds (base/series.h). ummfs(8), State, describes it.
 *
 * Writing and reading are driven by the same tables of fields.
 */

#include "base/log.h"
#include "base/text.h"
#include "vm/vm.h"

#define RECORD_VERSION 2 /* 1: huge pages of one size, no compaction, no memory policies */

/* One member of a structure: a number or an array of numbers. */
struct field {
	const char *name;
	uint16_t offset;
	uint16_t nr;
	uint8_t size; /* of one number: 1, 2, 4, 8 bytes */
	bool is_signed;
	int64_t min, max; /* what a reader accepts; both 0: whatever fits */
};

struct fields {
	const struct field *field;
	unsigned nr;
	size_t size; /* of the structure */
};

extern const struct fields fields_spec, fields_node_spec, fields_zone_spec, fields_zone,
	fields_node, fields_kswapd, fields_kcompactd, fields_cpu, fields_cpu_zone, fields_cpu_node,
	fields_hugetlb, fields_hugetlb_node, fields_huge_inode, fields_tune, fields_vm,
	fields_tasks, fields_task, fields_page_group, fields_cache;

/* " name=series" for each field. */
void fields_write(struct text *t, const struct fields *f, const void *object);
/* All fields, in any order; numbers past min and max are refused. 0, or -EINVAL with why set (without file and line). */
MUST_CHECK int fields_read(const struct fields *f, void *object, char *words, struct why *why);

/* Pages in use that have the same of everything but frame, slot and private word. */
struct page_group {
	uint32_t owner;
	uint8_t order, migratetype, marks, flags; /* flags without PG_CONTENT: bytes travel on their own */
};

/* A page index of a task by name. */
struct task_index_row {
	const char *name;
	size_t offset; /* in struct task */
	enum owner_kind kind;
};
extern const struct task_index_row task_index_rows[];
extern const unsigned nr_task_index_rows;

/* The whole record of a machine that is held (vm/hold.h). text_error() tells. */
void record_write(struct text *t, struct vm *vm);

/*
 * Reading. record_spec: the shape of the machine, for vm_boot; spec is empty.
 * record_apply: everything else, on a machine booted from that spec, before
 * vm_start; single-threaded. 0, or -errno with "NAME:LINE: ..." in why. text
 * is taken apart; give each its own copy.
 */
MUST_CHECK int record_spec(struct machine_spec *spec, char *text, const char *name, struct why *why);
MUST_CHECK int record_apply(struct vm *vm, char *text, const char *name, struct why *why);

/* Bytes of a task's memory, at boot. 0, -EINVAL (past its end, or no such task), -ENOMEM. */
MUST_CHECK int record_content(struct vm *vm, const char *task, uint64_t offset, const char *bytes,
			      size_t len);

/* The same of a file in dev/hugepages, by its inode's number: its pages are there. 0 or -EINVAL: not so. */
MUST_CHECK int record_huge_content(struct vm *vm, uint64_t id, uint64_t offset, const char *bytes,
				   size_t len);

/* Pages of mem from `from` on that hold bytes, one after the other: [*start, *end). false: none. The tasks are held. */
bool task_content_next(struct task *t, uint64_t from, uint64_t *start, uint64_t *end);
void task_content_copy(struct task *t, uint64_t slot, char *to); /* PAGE_SIZE bytes */

#endif
