/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_IMPORT_SLAB_H
#define DAEMON_IMPORT_SLAB_H

/*
 * The slabs of an imported machine. Which frames they had is not in a capture,
 * nor on which node a cache had how many: slabs are dealt to nodes so that
 * each node has as many pages of slabs as zoneinfo says, and what zoneinfo has
 * beyond them are blocks of kmalloc. Slabs that find no place in the memory
 * in use, or are past what gets entries, stay pinned, and count for their
 * cache all the same.
 */

#include "daemon/import_capture.h"
#include "daemon/import_layout.h"
#include "mm/machine.h"

enum slab_class { SLABS_UNRECLAIMABLE, SLABS_RECLAIMABLE, SLAB_CLASSES };

/* Slabs of one cache and one order, or kmalloc's blocks of one order. */
struct slab_part {
	struct kmem_cache *cache; /* NULL: kmalloc */
	enum slab_class class;
	unsigned order, objects; /* of a slab */
	uint64_t slabs; /* that have no place yet */
	uint64_t empty; /* of those: without an object in use */
	uint64_t free; /* free objects on the others */
	bool no_more_empty; /* the others have an object in use each */
	uint64_t *node; /* slabs by node */
};

struct import_slabs {
	struct slab_part *part;
	unsigned nr_parts, cap_parts;
	uint64_t *by_node; /* of all parts */
	uint64_t budget; /* pages of slabs that still get entries */
	uint64_t (*placed)[SLAB_CLASSES]; /* by node: pages of slabs that have entries */
	uint64_t (*pinned)[SLAB_CLASSES]; /* by node: of slabs that count for a cache and have none */
};

/* ---- import_caches.c: the caches, oldest first, and the parts of their slabs. 0 or -ENOMEM ---- */
MUST_CHECK int import_caches_make(struct import_run *run);

/* ---- import_slab.c ---- */
/* Caches, and how many slabs each node has of them. Before the zones. 0 or -ENOMEM */
MUST_CHECK int import_slab_prepare(struct import_run *run);
/* After the zones: what found no place stays pinned, as far as there is memory in use. */
void import_slab_finish(struct import_run *run);
void import_slab_fini(struct import_run *run);
/* Pages of slabs of a node that have entries. */
uint64_t import_slab_placed(const struct import_run *run, unsigned node, enum slab_class class);
/* Pages of slabs that are to be pinned: of caches, and what the counter has beyond that. */
uint64_t import_slab_pinned(const struct import_run *run, unsigned node, enum slab_class class);
/* How many objects of the part's next slab are free. There is one. */
unsigned slab_part_free(struct slab_part *p, struct rng *rng);

/* ---- import_slab_place.c: of one zone, before its other pages in use. 0 or -errno ---- */
MUST_CHECK int import_slab_place(struct import_run *run, struct zone *z,
				 const struct cap_zone *from, struct layout *layout);

#endif
