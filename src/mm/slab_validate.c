/* SPDX-License-Identifier: MIT */
/*
 * Looking at every slab of a cache (mm/slub.c: validate_slab_cache, 6.1): is it
 * on the list that its free objects say, do bits and counts agree, are the
 * bytes in it as they have to be, and are the node's counters the sums.
 *
 * Different from 6.1: caches without debug flags have their books checked, too,
 * full slabs are looked at in any case, and one damaged object does not end
 * the look at its slab.
 */

#include "mm/slab_debug.h"
#include "mm/slab_private.h"
#include "mm/slab_report.h"

static unsigned count_free(const struct kmem_cache *s, struct page *slab)
{
	unsigned nr = 0;
	const uint64_t *bits = slab_free_bits(s, slab);
	for (unsigned i = 0; i < slab_objects(s, slab); i++)
		nr += bits[i / 64] >> i % 64 & 1;
	return nr;
}

static unsigned slab_validate_one(const struct kmem_cache *s, const struct cache_node *n, struct page *slab)
{
	unsigned nr_free = count_free(s, slab), findings = 0;

	if (slab->state != PAGE_USED || slab->owner != owner_handle(OWNER_SLAB, s->id) ||
	    slab_node(s, slab) != n) {
		slab_report_slab(s, slab, "Not a valid slab page");
		return 1;
	}
	if (nr_free != slab_nr_free(slab)) {
		slab_report_slab(s, slab, "Wrong object count. Counter is %u but counted were %u",
				 slab_objects(s, slab) - slab_nr_free(slab),
				 slab_objects(s, slab) - nr_free);
		findings++;
	}
	return findings + slab_check_contents(s, slab);
}

struct list_sums {
	uint64_t slabs, objects, free_objects, misplaced;
};

/* One list; as many slabs of it as the node has at all, lest a broken list never end. */
static unsigned list_validate(const struct kmem_cache *s, const struct cache_node *n,
			      const struct page_list *list, struct list_sums *sum)
{
	const struct machine *m = s->slabs->machine;
	unsigned findings = 0;

	*sum = (struct list_sums){ 0 };
	for (pfn_t pfn = list->head; pfn && sum->slabs <= n->nr_slabs; pfn = pfn_page(m, pfn)->next) {
		struct page *slab = pfn_page(m, pfn);
		unsigned objects = slab_objects(s, slab), nr_free = slab_nr_free(slab);
		const struct page_list *belongs = !nr_free            ? &n->full
						  : nr_free < objects ? &n->partial
								      : &n->free;
		findings += slab_validate_one(s, n, slab);
		sum->slabs++;
		sum->objects += objects;
		sum->free_objects += nr_free;
		sum->misplaced += belongs != list;
	}
	return findings;
}

static unsigned count_compare(const struct kmem_cache *s, const char *what, uint64_t counted, uint64_t counter)
{
	if (counted == counter)
		return 0;
	slab_report_books(s, "%llu %s counted but counter=%llu", (unsigned long long)counted, what,
			  (unsigned long long)counter);
	return 1;
}

static unsigned node_validate(const struct kmem_cache *s, const struct cache_node *n)
{
	struct list_sums full, partial, idle;
	unsigned findings = list_validate(s, n, &n->full, &full) +
			    list_validate(s, n, &n->partial, &partial) +
			    list_validate(s, n, &n->free, &idle);

	findings += count_compare(s, "partial slabs", partial.slabs, n->nr_partial);
	findings += count_compare(s, "free slabs", idle.slabs, n->nr_free);
	findings += count_compare(s, "slabs", full.slabs + partial.slabs + idle.slabs, n->nr_slabs);
	findings += count_compare(s, "objects", full.objects + partial.objects + idle.objects, n->objects);
	findings += count_compare(s, "free objects",
				  full.free_objects + partial.free_objects + idle.free_objects,
				  n->free_objects);
	findings += count_compare(s, "slabs on the wrong list",
				  full.misplaced + partial.misplaced + idle.misplaced, 0);
	return findings;
}

unsigned slab_validate(struct kmem_cache *s)
{
	struct machine *m = s->slabs->machine;
	unsigned findings = 0;

	machine_stop(m);
	for (unsigned i = 0; i < m->nr_nodes; i++) {
		lock_take(&s->node[i].lock);
		findings += node_validate(s, &s->node[i]);
		lock_drop(&s->node[i].lock);
	}
	machine_resume(m);
	return findings;
}
