/* SPDX-License-Identifier: MIT */
#ifndef KNOB_CACHE_ATTR_H
#define KNOB_CACHE_ATTR_H

/*
 * What stands in sys/kernel/slab/NAME: one row for each file. A cache is named
 * by its number and generation, so that a file of one that has gone is not
 * taken for one of its successor's.
 */

#include "knob/knob.h"

struct cache_id {
	uint32_t id, generation;
};

struct cache_attr {
	const char *name;
	uint16_t mode;
	bool action; /* there to be written: it always reads as empty */
	void (*show)(const struct kmem_cache *s, struct text *out); /* slabs->lock held */
	ssize_t (*store)(struct kmem_cache *s, const char *buf, size_t len); /* with a reference; NULL: -EACCES */
};

extern const struct cache_attr cache_attr_table[];
extern const unsigned nr_cache_attrs;

static inline struct cache_id cache_id_of(const struct kmem_cache *s)
{
	return (struct cache_id){ s->id, s->generation };
}

/* Is that cache still there? Takes slabs->lock. */
bool cache_exists(struct vm *vm, struct cache_id id);
/* By name. 0 or -ENOENT. */
MUST_CHECK int cache_id_find(struct vm *vm, const char *name, struct cache_id *out);
/* 0, -ENODEV (the cache is gone), or the text's error. */
MUST_CHECK int cache_attr_read(struct vm *vm, struct cache_id id, const struct cache_attr *a,
			       struct text *out);
/* One write. Bytes taken, -ENODEV, -EACCES, or what the file says of it. Takes knob_lock. */
MUST_CHECK ssize_t cache_attr_write(struct vm *vm, struct cache_id id, const struct cache_attr *a,
				    const char *buf, size_t len);

#endif
