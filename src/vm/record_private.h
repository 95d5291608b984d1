/* SPDX-License-Identifier: MIT */
#ifndef VM_RECORD_PRIVATE_H
#define VM_RECORD_PRIVATE_H

/* The frame record: what its parts need of each other. */

#include "base/series.h"
#include "vm/record.h"

/* Lines for all blocks in use but slabs. */
void record_used_write(struct text *t, struct vm *vm);
/* Lines for caches and their slabs. */
void record_slabs_write(struct text *t, struct vm *vm);
/* Lines for objects that are free in magazines, and that the daemon itself has. Last. */
void record_own_write(struct text *t, struct vm *vm);
/* Lines of dev/hugepages. */
void record_hugetlbfs_write(struct text *t, struct vm *vm);
/* The number that an object has in the record; 0: none. NULL, NULL: none. */
uint64_t record_object_of(const struct kmem_cache *s, const void *object);
/* Lines of tasks/NAME/slab and kmalloc. */
void record_objects_write(struct text *t, const struct task *task);
/* A name without blanks, newlines and what else would be mistaken. */
void record_name_write(struct text *t, const char *name);

/* An object as a number: of its slab's first frame and of the object in it. */
static inline uint64_t record_object_number(pfn_t slab, unsigned index)
{
	return (uint64_t)slab * SLAB_OBJECTS_MAX + index;
}

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
	struct kmem_cache **cache; /* by number; NULL: none was read */
	unsigned nr_caches;
	uint64_t *owned; /* bit per object of slabs, and per block of kmalloc: somebody has it; NULL: none is */
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
extern const struct record_row record_shape_rows[], record_frame_rows[], record_slab_rows[],
	record_task_rows[], record_own_rows[], record_huge_rows[];
extern const unsigned nr_record_shape_rows, nr_record_frame_rows, nr_record_slab_rows,
	nr_record_task_rows, nr_record_own_rows, nr_record_huge_rows;

/* Cuts " NAME=..." out of a line. NULL: not there. */
char *record_word_cut(char *line, const char *name);
/* "%20" and the like; most: bytes without the NUL. false: not a name. */
bool record_name_read(const char *word, char *out, size_t most);
/* The task that a line begins with. */
MUST_CHECK int record_task_find(struct record *r, char **rest, struct task **out);

/* The cache that a line names by number. */
MUST_CHECK int record_cache_find(struct record *r, char **rest, struct kmem_cache **out);
/* An object in use of a cache that nobody has taken yet, by its number. 0, -ENOMEM, or -EINVAL with why set. */
MUST_CHECK int record_object_take(struct record *r, const struct kmem_cache *s, uint64_t number,
				  void **out);

/* Such an object for *slot, of the daemon's own; number 0: none. Likewise */
MUST_CHECK int record_own_put(struct record *r, enum own_kind kind, uint64_t number, void **slot);
/* Pages of a pool that tasks map and have not touched; UINT64_MAX: one has touched more than it maps. */
uint64_t record_tasks_promised(const struct vm *vm, unsigned pool);
/* Directories of dev/hugepages are a tree, links and promises (those of tasks are right) add up. 0 or -EINVAL with why set. */
MUST_CHECK int record_hugetlbfs_check(struct record *r);

/* All slabs and tasks are there: objects that no task owns are nobody's. 0 or -ENOMEM. */
MUST_CHECK int record_slabs_finish(struct record *r);
void record_slabs_fini(struct record *r); /* what only reading needed */

/* Shape: what a table of fields cannot say. 0 or -EINVAL with why set. */
MUST_CHECK int record_shape_check(struct record *r);
/* Every page of a task is in one of its indices, once. 0 or -EINVAL with why set. */
MUST_CHECK int record_tasks_check(struct record *r);
bool owner_is_indexed(enum owner_kind kind); /* its pages are in an index of a task */

#endif
