/* SPDX-License-Identifier: MIT */
#ifndef MM_SLAB_H
#define MM_SLAB_H

/*
 * Caches of objects of one size over pages (mm/slub.c for the layout of a
 * slab, mm/slab.c for lists and arrays, 6.1).
 *
 *   magazine   per CPU: addresses of free objects, last freed on top. Inside
 *              the CPU, no lock, no object and no page is looked at.
 *   shared     per node: what magazines exchange among each other, in batches.
 *   slabs      per node: full, partial and free ones. A slab knows its free
 *              objects as bits, beside the page array and not in the objects,
 *              so memory of objects that nobody wrote to stays untouched.
 *
 * Objects that are free in a magazine or in a shared array are in use as far
 * as their slab knows. An object is an address: base + its emulated physical
 * address. mm offers attempts: an allocation succeeds or returns NULL; who
 * reclaims or waits is behind the page source, handed over at start.
 *
 * Different from 6.1: three lists and magazines as SLAB has them; caches of
 * one size are not merged (as with slab_nomerge); objects in magazines count
 * as free.
 */

#include "mm/machine.h"
#include "mm/slab_layout.h"

#define CACHE_NAME_MAX 63u
#define CACHES_MAX 65536u
#define SLAB_OBJECTS_MAX 512u /* smallest object in one page; more objects than that have no slab */

struct ring;
struct kmem_cache;

/* Where slabs get their pages, and the bytes behind them. */
struct slab_source {
	/* 2^order pages; nid -1: near the CPU. Inside c, which may be left and entered again meanwhile. NULL: none. */
	struct page *(*take)(void *ctx, struct cpu *c, int nid, gfp_t gfp, unsigned order);
	void (*give)(void *ctx, struct cpu *c, struct page *page, unsigned order); /* inside c */
	/* The block's bytes will be written: is there host memory for them? A lock of RANK_SLAB is held. 0 or -ENOMEM. NULL: always. */
	int (*charge)(void *ctx, struct page *page, unsigned order);
	void (*discard)(void *ctx, struct page *page, unsigned order); /* they are not wanted any more */
	/* Shall this allocation fail for the sake of a test? NULL: no. Asked only while slabs_set_direct. */
	bool (*fails)(void *ctx, const struct kmem_cache *s, gfp_t gfp);
	void *ctx;
	char *base; /* where frame 0 lies; objects are addresses from there. NULL: nobody may look into them */
	struct ring *log; /* where findings are reported; NULL: nowhere */
};

/* Addresses of free objects (struct array_cache of SLAB). Inside its CPU, or under its node's lock when shared. */
struct magazine {
	uint32_t count; /* relaxed for readers */
	uint32_t limit, batch;
	uintptr_t home; /* objects in [home, home + home_bytes) are the CPU's own node's */
	uintptr_t home_bytes;
	struct magazine *alien; /* objects of other nodes on their way home; NULL until there is one */
	void *object[];
};
extern struct magazine magazine_none; /* empty and full: sends everybody the slow way */

struct cache_node {
	struct lock lock; /* RANK_SLAB */
	struct page_list partial, full, free; /* lock */
	uint64_t nr_slabs, nr_partial, nr_free; /* of slabs; lock, relaxed for readers */
	uint64_t objects, free_objects; /* on slabs; lock, relaxed for readers */
	struct magazine *shared; /* lock; NULL until used */
	bool shared_used; /* since the last tick; lock, relaxed */
	void *self; /* its object of the cache kmem_cache_node; NULL: none */
} CACHE_ALIGNED;

struct kmem_cache {
	/* what counting looks at: one cache line, for there may be thousands of caches */
	struct slabs *slabs; /* fixed */
	struct cache_node *node; /* by node number; fixed */
	/*
	 * Bit (number % 64) of each node that has had slabs and each CPU that has had a magazine: the others need not be
	 * looked at. Atomic; bits are only ever added.
	 */
	uint64_t nodes_seen, cpus_seen;
	uint64_t changes; /* counts what happens to slabs and shared arrays, and drained magazines, after it happened; atomic */
	bool tuned; /* somebody wrote limit, batch and sharedfactor, so slabinfo shows them; slabs->lock */
	bool has_pinned; /* pinned_slabs is not 0 */

	/* fixed at creation */
	uint32_t id; /* its number in slabs->cache, and as an owner of pages; never 0 */
	uint32_t generation; /* of that number: tells it from earlier caches that had it */
	uint32_t flags; /* enum slab_flag */
	struct slab_layout layout;
	uint64_t reciprocal; /* of layout.size, see slab_index */
	gfp_t page_gfp; /* added to a request for pages */
	void (*ctor)(void *object); /* called once for each object of a new slab */
	uint32_t aliases; /* caches of the emulated kernel that share its slabs and have no line of their own */
	char name[CACHE_NAME_MAX + 1];
	bool direct; /* every object goes straight to and from its slab (debugging) */
	bool failslab; /* source.fails may pick it where it goes by cache; relaxed */
	bool mixed; /* memory was short once: slabs of lower orders may be there; relaxed */

	/* slabs->lock; relaxed for readers */
	unsigned refs; /* who knows it by pointer; it cannot be destroyed meanwhile */
	uint32_t limit, batch, sharedfactor; /* of magazines made from now on */
	uint64_t min_partial; /* free slabs that a node keeps */
	uint32_t cpu_partial; /* shown and stored; magazines do its work */
	struct kmem_cache *newer, *older; /* all caches by age */
	void *self; /* its object of the cache kmem_cache; NULL: none */

	/* imported objects that nobody owns yet; slabs->lock */
	uint64_t nr_imported;
	pfn_t *imported; /* slabs that may still have some */
	uint64_t *imported_bits; /* which ones: a bit for each object, in words of their own for each slab */
	uint64_t nr_imported_slabs;

	/* imported slabs whose frames have no entries, and their objects: nothing touches them. Fixed before the machine runs */
	uint64_t pinned_slabs, pinned_objects, pinned_active;

	struct magazine *magazine[]; /* by CPU; inside that CPU, and slabs->lock to free one */
};

/* What slab_debug= asks of caches made from now on: see mm/slab_debug.h. */
struct slab_debug {
	char *blocks; /* the option's text; NULL: none, or all of FZPU for all */
	uint32_t flags; /* of caches that it does not name */
	bool same_order; /* none that would make slabs larger */
	struct lock report_lock; /* RANK_LOG: one report at a time, so that lines of two do not mix */
};

struct slabs {
	struct machine *machine;
	struct slab_source source;
	struct slab_layout_of layout_of; /* what layouts follow from */
	struct slab_debug debug;
	bool several_nodes; /* more than one has memory */
	bool direct; /* no magazines: every allocation is asked about (failslab) */

	struct lock lock; /* RANK_SLABS */
	struct kmem_cache **cache; /* by id, CACHES_MAX of them; NULL: free slot */
	unsigned nr_slots, nr_caches;
	struct kmem_cache *newest, *oldest;
	uint64_t change; /* counts creations and destructions; relaxed */
	struct kmem_cache *of_caches,
		*of_nodes; /* kmem_cache and kmem_cache_node, with references; see mm/slab_self.h */

	/* SLAB_OBJECTS_MAX bits per frame, used at head frames of slabs with more than 64 objects; the node's lock */
	uint64_t *free_bits;
};

MUST_CHECK int slabs_init(struct slabs *sl, struct machine *m, const struct slab_source *source); /* 0 or -ENOMEM */
/* Forget every cache without giving pages back: the machine goes too. */
void slabs_fini(struct slabs *sl);

struct cache_spec {
	const char *name;
	uint32_t object_size, align, flags; /* enum slab_flag */
	void (*ctor)(void *object);
	const struct slab_layout *layout; /* not computed but as found (import); NULL: computed */
};
/*
 * A new cache, the newest. 0, -EINVAL (name, size, alignment), -EEXIST, -ENOMEM.
 * The reference in *out is the caller's. Takes slabs->lock.
 */
MUST_CHECK int kmem_cache_create(struct slabs *sl, const struct cache_spec *spec, struct kmem_cache **out);
/*
 * The caller's reference is the last one and every object is back: the cache
 * goes with all its pages. Else -EBUSY, *live (may be NULL) tells how many
 * objects are in use, and the reference stays. Inside no CPU.
 */
MUST_CHECK int kmem_cache_destroy(struct kmem_cache *s, uint64_t *live);
struct kmem_cache *kmem_cache_find(struct slabs *sl, const char *name); /* with a reference; NULL */
void kmem_cache_get(struct kmem_cache *s);
void kmem_cache_put(struct kmem_cache *s);
/*
 * Magazines and shared arrays emptied, free slabs given back, partial ones sorted, fullest first. Inside no CPU.
 * Returns pages given back.
 */
uint64_t kmem_cache_shrink(struct kmem_cache *s);
/* Everything free that no slab knows of yet, in magazines and shared arrays, goes to its slab. Inside no CPU. */
void kmem_cache_drain(struct kmem_cache *s);
/* New magazines of these sizes; 6.1 SLAB: do_tune_cpucache. 0, -EINVAL, -ENOMEM. Inside no CPU. */
MUST_CHECK int kmem_cache_tune(struct kmem_cache *s, unsigned limit, unsigned batch, unsigned sharedfactor);
/* With direct every object of every cache goes straight to and from its slab and source.fails is asked. Inside no CPU. */
void slabs_set_direct(struct slabs *sl, bool direct);
/* A tick has passed: shared arrays that nobody used since the last one go back to their slabs (SLAB: cache_reap). Inside no CPU. */
void slabs_tick(struct slabs *sl);
void slabs_drain(struct slabs *sl); /* all magazines and shared arrays into the slabs. Inside no CPU */

/* What a cache has; counters of one moment each. slabs->lock held. */
struct cache_usage {
	uint64_t slabs, partial_slabs, free_slabs;
	uint64_t objects; /* on all slabs */
	uint64_t active; /* in somebody's hands */
	uint64_t idle; /* free on slabs or in shared arrays */
	uint64_t shared; /* in shared arrays; of all nodes only */
};
void kmem_cache_usage(const struct kmem_cache *s,
		      int nid /* -1: all nodes; magazines then count as free */, struct cache_usage *u);
unsigned kmem_cache_loose(const struct kmem_cache *s, unsigned cpu); /* objects in the magazines of a CPU. slabs->lock held */

/* ---- Objects. Inside c; no lock of RANK_SLAB or above held. ---- */

void *cache_alloc_slow(struct kmem_cache *s, struct cpu *c, int nid, gfp_t gfp);
void cache_free_slow(struct kmem_cache *s, struct cpu *c, void *object);

/* NULL: none. The CPU may have been left and entered again when pages were needed. */
static inline void *kmem_cache_alloc(struct kmem_cache *s, struct cpu *c, gfp_t gfp)
{
	struct magazine *mag = s->magazine[c->id];
	uint32_t count = mag->count;
	if (UNLIKELY(!count || (gfp & __GFP_ZERO)))
		return cache_alloc_slow(s, c, -1, gfp);
	WRITE_RELAXED(&mag->count, count - 1);
	return mag->object[count - 1];
}
/* From slabs of this node only when __GFP_THISNODE is given; else near it. */
void *kmem_cache_alloc_node(struct kmem_cache *s, struct cpu *c, int nid, gfp_t gfp);

/* What is wrong with an object is found when it reaches its slab, reported in the log, and the object is not freed. */
static inline void kmem_cache_free(struct kmem_cache *s, struct cpu *c, void *object)
{
	struct magazine *mag = s->magazine[c->id];
	uint32_t count = mag->count;
	if (UNLIKELY(count >= mag->limit || (uintptr_t)object - mag->home >= mag->home_bytes)) {
		cache_free_slow(s, c, object);
		return;
	}
	mag->object[count] = object;
	WRITE_RELAXED(&mag->count, count + 1);
}

/* All nr objects, or none and -ENOMEM. */
MUST_CHECK int kmem_cache_alloc_bulk(struct kmem_cache *s, struct cpu *c, gfp_t gfp, size_t nr,
				     void **object);
void kmem_cache_free_bulk(struct kmem_cache *s, struct cpu *c, size_t nr, void *const *object);

/* The caller's object becomes all zeros, and its slab's bytes are charged: it may be written to. 0, -ENOMEM, -EFAULT. */
MUST_CHECK int kmem_cache_zero(struct kmem_cache *s, void *object);

/* An imported object that nobody owns becomes the caller's; NULL: there is none left. Inside no CPU. */
void *kmem_cache_take_imported(struct kmem_cache *s);
/* The caller's object is nobody's (again), and stays in use. False: no host memory to note it. Inside no CPU. */
bool kmem_cache_give_imported(struct kmem_cache *s, const void *object);
/* Up to nr of them, for who may be inside a CPU: none when somebody holds slabs->lock. Returns how many. */
unsigned kmem_cache_try_imported(struct kmem_cache *s, void **object, unsigned nr);
/*
 * A block in use with an entry (zone_import_used), of the cache's order or its
 * least, becomes a slab with nr_live objects in use, which ones is random; the
 * counters of slab pages are the caller's. Before the machine runs. 0 or -ENOMEM.
 */
struct rng;
MUST_CHECK int kmem_cache_import(struct kmem_cache *s, struct page *slab, unsigned nr_live,
				 struct rng *rng);
/* The same with the free objects as bits, and as bits those of the others that nobody owns (NULL: all are owned). */
MUST_CHECK int kmem_cache_restore(struct kmem_cache *s, struct page *slab,
				  const uint64_t *free_bits, const uint64_t *imported);
/* Objects in use become nobody's, but for those in owned: SLAB_OBJECTS_MAX bits per frame, at head frames. Once. 0 or -ENOMEM. */
MUST_CHECK int kmem_cache_disown(struct kmem_cache *s, const uint64_t *owned);
/* Where an object can be free without its slab knowing. */
enum loose_place { LOOSE_MAGAZINE, LOOSE_ALIEN, LOOSE_SHARED };
/*
 * An object of a restored slab is free there, on top: of a CPU, or of a node
 * (LOOSE_SHARED). 0, -ENOMEM, -EINVAL: there is no room. Likewise.
 */
MUST_CHECK int kmem_cache_restore_loose(struct kmem_cache *s, enum loose_place place, unsigned id,
					void *object);
/* Slabs without entries: counted, and never touched. Likewise before the machine runs. */
void kmem_cache_pin(struct kmem_cache *s, uint64_t slabs, uint64_t objects, uint64_t active);

/* ---- From objects to slabs ---- */

static inline pfn_t object_pfn(const struct slabs *sl, const void *object)
{
	return (pfn_t)(((uintptr_t)object - (uintptr_t)sl->source.base) >> PAGE_SHIFT);
}

static inline void *slab_address(const struct slabs *sl, const struct page *slab)
{
	return (void *)((uintptr_t)sl->source.base + ((uintptr_t)page_pfn(sl->machine, slab) << PAGE_SHIFT));
}

/* How many objects fit into a slab: one of a lower order has fewer. */
static inline unsigned slab_objects(const struct kmem_cache *s, const struct page *slab)
{
	if (LIKELY(slab->order == s->layout.order))
		return s->layout.objects;
	return (unsigned)((PAGE_SIZE << slab->order) / s->layout.size);
}

/* The head page of the slab that an object of s lies in; NULL: it is in no slab of s. */
struct page *object_slab(const struct kmem_cache *s, const void *object);

/* Where object i of a slab begins, red zone before it not counted. */
static inline void *slab_object(const struct kmem_cache *s, const struct page *slab, unsigned i)
{
	return (char *)slab_address(s->slabs, slab) + (size_t)i * s->layout.size + s->layout.red_left_pad;
}

/* Its number in the slab: offset / size by multiplication, exact below 2^32 / size. */
static inline unsigned slab_index(const struct kmem_cache *s, const struct page *slab, const void *object)
{
	uint64_t offset = (uintptr_t)object - (uintptr_t)slab_address(s->slabs, slab);
	return (unsigned)(offset * s->reciprocal >> 32);
}

/* The free objects of a slab as bits; the node's lock. */
static inline uint64_t *slab_free_bits(const struct kmem_cache *s, struct page *slab)
{
	if (LIKELY(s->layout.objects <= 64))
		return &slab->private;
	return s->slabs->free_bits + (size_t)page_pfn(s->slabs->machine, slab) * (SLAB_OBJECTS_MAX / 64);
}

/* How many objects of a slab are free; the node's lock. */
static inline unsigned slab_nr_free(const struct page *slab)
{
	return slab->index;
}

#endif
