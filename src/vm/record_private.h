/* SPDX-License-Identifier: MIT */
#ifndef VM_RECORD_PRIVATE_H
#define VM_RECORD_PRIVATE_H

/* The frame record: what its parts need of each other. */

#include "base/series.h"
#include "vm/record.h"

/* Lines for all blocks in use. */
void record_used_write(struct text *t, struct vm *vm);

/* The record while it is read, line by line. */
struct record {
	const char *name; /* for messages */
	char *next;
	unsigned line; /* of the line that record_line returned last */
	struct why *why;
	struct vm *vm; /* NULL while the shape is read */
	struct machine_spec *spec; /* while the shape is read */
	uint64_t *taken; /* bit per frame: in a block that was read */
	size_t taken_bytes;
	struct zone *zone; /* where the last block was */
	uint64_t nr_owned, nr_indexed; /* blocks that tasks own, and slots of their indices */
	bool seen_end;
};

/* "NAME:LINE: ..." Returns -EINVAL. */
int record_bad(struct record *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The next word, cut at blanks; NULL at the end of the line. */
char *record_word(char **rest);
/* A number below limit. */
MUST_CHECK int record_number(struct record *r, char **rest, uint64_t limit, uint64_t *out);
MUST_CHECK int record_fields(struct record *r, const struct fields *f, void *object, char *rest);

/* Call each frame of a series. 0, or what `each` returned, or -EINVAL with why set. */
MUST_CHECK int record_series(struct record *r, const char *series,
			     int (*each)(struct record *r, uint64_t v, void *ctx), void *ctx);

/* A block of frames that nothing described yet, inside one zone. 0 and *z set, or -EINVAL with why set. */
MUST_CHECK int record_block(struct record *r, uint64_t pfn, unsigned order, struct zone **z);

struct record_row {
	const char *name;
	int (*read)(struct record *r, char *rest);
};
extern const struct record_row record_shape_rows[], record_frame_rows[], record_task_rows[];
extern const unsigned nr_record_shape_rows, nr_record_frame_rows, nr_record_task_rows;

/* Shape: what a table of fields cannot say. 0 or -EINVAL with why set. */
MUST_CHECK int record_shape_check(struct record *r);
/* Every page of a task is in one of its indices, once. 0 or -EINVAL with why set. */
MUST_CHECK int record_tasks_check(struct record *r);
bool owner_is_indexed(enum owner_kind kind); /* its pages are in an index of a task */

#endif
