/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_SLAB_FIXTURE_H
#define SUPPORT_SLAB_FIXTURE_H

/*
 * A slab allocator over a small machine, whose pages come from its zones in the
 * order of its zonelists, with address space behind every frame. What the
 * source is asked is counted; it can be told to refuse, and to leave the CPU
 * before it answers.
 */

#include "base/ring.h"
#include "base/text.h"
#include "mm/slab.h"
#include "support/small_machine.h"

struct slab_fixture {
	struct machine m;
	struct slabs sl;
	struct ring log;
	char *memory;
	uint64_t memory_bytes;

	/* what the source does; relaxed */
	bool refuse; /* no pages */
	unsigned order_most; /* no blocks above it */
	bool leaves; /* the CPU is left and entered again before a page is taken */
	void (*left)(struct slab_fixture *f, struct cpu *c); /* what others do meanwhile; NULL: nothing. Outside every CPU */
	int64_t charges_left; /* below 0: as many as asked */
	bool slow_charge; /* somebody else may run between the decision to pay and the mark */

	/* what it was asked; atomic */
	uint64_t nr_takes, nr_gives, nr_charges, nr_discards;
	int64_t pages_charged;
	gfp_t first_gfp, last_gfp; /* of the requests since nr_takes was 0 */
	int last_nid;
};

/* One node, two CPUs, 64 MiB. */
struct slab_fixture *slab_fixture_one(void);
/* Two nodes with two CPUs and 32 MiB each: CPUs 0 and 1, 2 and 3. */
struct slab_fixture *slab_fixture_two(void);
/* The same and a third node with CPUs 4 and 5, without memory. */
struct slab_fixture *slab_fixture_memoryless(void);
/* Two nodes, two CPUs each; memory of node 1 lies between that of node 0. */
struct slab_fixture *slab_fixture_interleaved(void);
/* Any machine; it is moved into the fixture by `boot`. */
struct slab_fixture *slab_fixture_of(void (*boot)(struct machine *m, void *arg), void *arg);
void slab_fixture_end(struct slab_fixture *f); /* verified, every page of it is back but those of live caches */

struct kmem_cache *fixture_cache(struct slab_fixture *f, const char *name, uint32_t size, uint32_t flags);
/* One object inside CPU id. */
void *fixture_alloc(struct kmem_cache *s, unsigned cpu, gfp_t gfp);
void *fixture_alloc_node(struct kmem_cache *s, unsigned cpu, int nid, gfp_t gfp);
void fixture_free(struct kmem_cache *s, unsigned cpu, void *object);
void fixture_take(struct kmem_cache *s, unsigned cpu, void **object, unsigned nr); /* nr of them, all there */
void fixture_give(struct kmem_cache *s, unsigned cpu, void **object, unsigned nr);
/* Destroyed, for it has no object left; 0 slabs pages of it remain. */
void fixture_destroy(struct kmem_cache *s);

struct cache_usage fixture_usage(struct kmem_cache *s, int nid);
unsigned object_node(const struct kmem_cache *s, const void *object); /* where it lies */
int64_t fixture_slab_pages(const struct slab_fixture *f, enum node_stat item); /* of all nodes */
uint64_t fixture_free_pages(struct slab_fixture *f); /* drained, of all zones */
unsigned fixture_nr_saying(struct slab_fixture *f, const char *words); /* records of the log with them */
bool fixture_logged(struct slab_fixture *f, const char *words); /* in any record */
uint64_t fixture_nr_logged(struct slab_fixture *f);

#endif
