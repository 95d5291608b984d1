/* SPDX-License-Identifier: MIT */
/*
 * Known bytes in and around objects (mm/slub.c: init_object, check_object,
 * alloc_debug_processing, free_debug_processing, 6.1):
 *
 *   red zones    0xbb while the object is free, 0xcc while it is in use
 *   free object  0x6b, its last byte 0xa5; not if a constructor or RCU needs it
 *   padding      0x5a, behind each object and behind the last one of a slab
 *   free pointer a word of zeros where it lies outside the object; which
 *                objects are free stands elsewhere, so it points nowhere
 *   users        two records, see track_write
 *
 * Damage is reported and restored. What is checked belongs to one caller and
 * its slab does not go meanwhile; the node's lock is held so that the slab's
 * counts in a report are of one moment.
 *
 * Different from 6.1: whether a pointer is an object that is in use is always
 * checked, for the bytes around a wrong one must not be written. A slab that is
 * given up is made to look all in use.
 */

#include "mm/slab_debug.h"

#include "base/caller.h"
#include "mm/slab_private.h"
#include "mm/slab_report.h"

#include <string.h>

#define POISON_INUSE 0x5a
#define POISON_FREE 0x6b
#define POISON_END 0xa5
#define RED_INACTIVE 0xbb
#define RED_ACTIVE 0xcc
#define TICK_NS 4000000u

static uint32_t word_bytes(const struct kmem_cache *s)
{
	return s->slabs->machine->bits / 8;
}

static bool object_poisoned(const struct kmem_cache *s)
{
	return (s->flags & SLAB_POISON) && !(s->flags & (SLAB_CTOR | SLAB_TYPESAFE_BY_RCU)) && !s->ctor;
}

static bool pointer_outside(const struct kmem_cache *s)
{
	return s->layout.offset >= s->layout.inuse;
}

static bool keeps_request(const struct kmem_cache *s)
{
	return s->slabs->layout_of.version->slab.keeps_request && (s->flags & SLAB_KMALLOC);
}

bool slab_debug_readable(const struct kmem_cache *s, const struct page *slab)
{
	const struct slab_source *from = &s->slabs->source;
	return from->base && (!from->charge || (READ_RELAXED(&slab->flags) & PG_CONTENT));
}

/* ---- Who had it ---- */

static size_t track_bytes(const struct kmem_cache *s)
{
	const struct slab_layout_of *of = &s->slabs->layout_of;
	return slab_track_bytes(of->version, of->bits);
}

uint32_t slab_debug_info_end(const struct kmem_cache *s)
{
	uint32_t end = slab_layout_track(&s->layout, &s->slabs->layout_of);
	if (s->flags & SLAB_STORE_USER)
		end += (uint32_t)(2 * track_bytes(s) + (keeps_request(s) ? sizeof(uint32_t) : 0));
	return end;
}

uint64_t slab_ticks(const struct slabs *sl)
{
	uint64_t ticks = clock_now_ns(&sl->machine->clock) / TICK_NS;
	return sl->machine->bits == 64 ? ticks : (uint32_t)ticks;
}

static uint8_t *track_at(const struct kmem_cache *s, const void *object, enum slab_track_kind kind)
{
	return (uint8_t *)(uintptr_t)object + slab_layout_track(&s->layout, &s->slabs->layout_of) +
	       kind * track_bytes(s);
}

/* First word: not 0, for the code that did it has no address. At the end CPU, process and time; zeros between. */
static void track_write(const struct kmem_cache *s, void *object, enum slab_track_kind kind,
			const struct cpu *c)
{
	uint8_t *at = track_at(s, object, kind), *end = at + track_bytes(s);
	uint64_t ticks = slab_ticks(s->slabs);
	uint32_t word = word_bytes(s), cpu = c->id;
	int32_t pid = (int32_t)caller_pid();

	memset(at, 0, track_bytes(s));
	at[0] = 1;
	memcpy(end - word, &ticks, word); /* its lowest bytes come first */
	memcpy(end - word - 4, &pid, sizeof(pid));
	memcpy(end - word - 8, &cpu, sizeof(cpu));
}

bool slab_track_read(const struct kmem_cache *s, const void *object, enum slab_track_kind kind,
		     struct slab_track *out)
{
	if (!(s->flags & SLAB_STORE_USER) || !s->slabs->source.base)
		return false;
	const uint8_t *at = track_at(s, object, kind), *end = at + track_bytes(s);
	uint32_t word = word_bytes(s);

	*out = (struct slab_track){ 0 };
	memcpy(&out->ticks, end - word, word);
	memcpy(&out->pid, end - word - 4, sizeof(out->pid));
	memcpy(&out->cpu, end - word - 8, sizeof(out->cpu));
	return at[0] != 0;
}

/* ---- Writing ---- */

/* As it is while free (zone RED_INACTIVE), or when it is handed out. */
static void object_fill(const struct kmem_cache *s, void *object, uint8_t zone)
{
	const struct slab_layout *l = &s->layout;
	uint8_t *at = object;

	if (object_poisoned(s)) {
		memset(at, POISON_FREE, l->object_size - 1);
		at[l->object_size - 1] = POISON_END;
	}
	if (!(s->flags & SLAB_RED_ZONE))
		return;
	memset(at - l->red_left_pad, zone, l->red_left_pad);
	memset(at + l->object_size, zone, l->inuse - l->object_size);
}

static void object_setup(const struct kmem_cache *s, void *object)
{
	object_fill(s, object, RED_INACTIVE);
	if (pointer_outside(s))
		memset((uint8_t *)object + s->layout.offset, 0, word_bytes(s));
	if (s->flags & SLAB_STORE_USER)
		memset(track_at(s, object, SLAB_TRACK_ALLOC), 0, 2 * track_bytes(s));
}

void slab_debug_setup(const struct kmem_cache *s, const struct page *slab)
{
	if (s->flags & SLAB_POISON)
		memset(slab_address(s->slabs, slab), POISON_INUSE, PAGE_SIZE << slab->order);
	for (unsigned i = 0; i < slab_objects(s, slab); i++)
		object_setup(s, slab_object(s, slab, i));
}

void slab_debug_restore(const struct kmem_cache *s, struct page *slab)
{
	const uint64_t *free_bits = slab_free_bits(s, slab);
	slab_debug_setup(s, slab);
	for (unsigned i = 0; i < slab_objects(s, slab); i++)
		if (!(free_bits[i / 64] >> i % 64 & 1))
			object_fill(s, slab_object(s, slab, i), RED_ACTIVE);
}

/* ---- Checking ---- */

struct checker {
	const struct kmem_cache *s;
	struct page *slab;
	unsigned findings;
};

static uint8_t *first_other(uint8_t *from, const uint8_t *end, uint8_t value)
{
	while (from < end && *from == value)
		from++;
	return from;
}

/* All n bytes are `value`. Else they are reported and restored. object NULL: padding of the slab. */
static bool bytes_check(struct checker *k, const void *object, const char *what, uint8_t *from,
			size_t n, uint8_t value)
{
	uint8_t *end = from + n, *fault = first_other(from, end, value);
	if (LIKELY(fault == end))
		return true;
	while (end[-1] == value)
		end--;
	k->findings++;
	slab_report_bytes(k->s, k->slab, object, what, fault, end, value);
	slab_report_restored(k->s, what, fault, end, value);
	memset(fault, value, (size_t)(end - fault));
	return false;
}

static bool zones_check(struct checker *k, uint8_t *object, uint8_t zone)
{
	const struct slab_layout *l = &k->s->layout;
	uint8_t *end = object + l->object_size;
	size_t behind = l->inuse - l->object_size;

	if (k->s->flags & SLAB_RED_ZONE)
		return bytes_check(k, object, "Left Redzone", object - l->red_left_pad,
				   l->red_left_pad, zone) &&
		       bytes_check(k, object, "Right Redzone", end, behind, zone);
	if (k->s->flags & SLAB_POISON)
		bytes_check(k, object, "Alignment padding", end, behind, POISON_INUSE);
	return true;
}

static bool poison_check(struct checker *k, uint8_t *object, uint8_t zone)
{
	const struct slab_layout *l = &k->s->layout;
	uint8_t *last = object + l->object_size - 1;
	uint32_t info = slab_debug_info_end(k->s), room = l->size - l->red_left_pad;

	if (zone == RED_INACTIVE && object_poisoned(k->s) &&
	    !(bytes_check(k, object, "Poison", object, l->object_size - 1, POISON_FREE) &&
	      bytes_check(k, object, "End Poison", last, 1, POISON_END)))
		return false;
	if (info < room)
		bytes_check(k, object, "Object padding", object + info, room - info, POISON_INUSE);
	return true;
}

static bool pointer_check(struct checker *k, uint8_t *object)
{
	uint8_t *from = object + k->s->layout.offset;
	uint32_t word = word_bytes(k->s);

	if (!pointer_outside(k->s) || first_other(from, from + word, 0) == from + word)
		return true;
	k->findings++;
	slab_report_object(k->s, k->slab, object, "Freepointer corrupt");
	memset(from, 0, word);
	return false;
}

/* zone: what the object is taken for. 6.1: check_object. */
static bool object_check(struct checker *k, void *object, uint8_t zone)
{
	if (!slab_debug_keeps_bytes(k->s) || !slab_debug_readable(k->s, k->slab))
		return true;
	if (!zones_check(k, object, zone))
		return false;
	if ((k->s->flags & SLAB_POISON) && !poison_check(k, object, zone))
		return false;
	return pointer_check(k, object);
}

/* What is left behind the last object. */
static void padding_check(struct checker *k)
{
	const struct kmem_cache *s = k->s;
	uint32_t bytes = PAGE_SIZE << k->slab->order, used = slab_objects(s, k->slab) * s->layout.size;
	uint8_t *start = slab_address(s->slabs, k->slab);

	if ((s->flags & SLAB_POISON) && used < bytes && slab_debug_readable(s, k->slab))
		bytes_check(k, NULL, "slab padding", start + used, bytes - used, POISON_INUSE);
}

static bool object_is_free(const struct kmem_cache *s, struct page *slab, unsigned i)
{
	return slab_free_bits(s, slab)[i / 64] >> i % 64 & 1;
}

/* ---- Out and back ---- */

static void handed_out(struct kmem_cache *s, const struct cpu *c, struct page *slab, void *object)
{
	if (s->flags & SLAB_TRACE)
		slab_report_trace(s, slab, object, true);
	if (!slab_debug_keeps_bytes(s))
		return;
	if (s->flags & SLAB_STORE_USER) {
		track_write(s, object, SLAB_TRACK_ALLOC, c);
		if (keeps_request(s))
			memcpy((uint8_t *)object + slab_debug_info_end(s) - sizeof(uint32_t),
			       &s->layout.object_size, sizeof(uint32_t));
	}
	object_fill(s, object, RED_ACTIVE);
}

/* Nothing of this slab is handed out any more: for all that its cache knows, every object is in use. */
static void slab_give_up(struct kmem_cache *s, struct cache_node *n, struct page *slab, void *object)
{
	uint64_t *bits = slab_free_bits(s, slab);
	unsigned objects = slab_objects(s, slab);

	slab_report_fix(s, "Marking all objects used");
	object_fill(s, object, RED_ACTIVE);
	node_list_del(s, n, slab);
	WRITE_RELAXED(&n->free_objects, n->free_objects - slab_nr_free(slab));
	for (unsigned i = 0; i < objects; i++)
		if (object_is_free(s, slab, i))
			object_fill(s, slab_object(s, slab, i), RED_ACTIVE);
	memset(bits, 0, DIV_ROUND_UP(objects, 64u) * sizeof(*bits));
	slab->index = 0;
	node_list_add(s, n, slab);
}

bool slab_check_alloc(struct kmem_cache *s, struct cpu *c, void *object)
{
	struct page *slab = object_slab(s, object);
	struct cache_node *n = slab_node(s, slab);
	struct checker k = { .s = s, .slab = slab };
	bool sound = true;

	lock_take(&n->lock);
	if (s->flags & SLAB_CONSISTENCY_CHECKS) {
		padding_check(&k);
		sound = object_check(&k, object, RED_INACTIVE);
	}
	if (sound)
		handed_out(s, c, slab, object);
	else
		slab_give_up(s, n, slab, object);
	node_drop(s, n);
	return sound;
}

/* Is it an object, and in use? */
static bool pointer_sound(const struct kmem_cache *s, struct page *slab, const void *object)
{
	unsigned i = slab_index(s, slab, object);
	bool valid = i < slab_objects(s, slab) && slab_object(s, slab, i) == object;
	if (valid && !object_is_free(s, slab, i))
		return true;
	slab_report_free(s, slab, object, valid ? SLAB_DOUBLE_FREE : SLAB_BAD_POINTER);
	return false;
}

static bool bytes_sound(struct kmem_cache *s, struct page *slab, void *object)
{
	struct checker k = { .s = s, .slab = slab };
	if (!(s->flags & SLAB_CONSISTENCY_CHECKS))
		return true;
	padding_check(&k);
	if (object_check(&k, object, RED_ACTIVE))
		return true;
	slab_report_not_freed(s, object);
	return false;
}

static void handed_back(struct kmem_cache *s, const struct cpu *c, struct page *slab, void *object)
{
	if ((s->flags & SLAB_STORE_USER) && slab_debug_keeps_bytes(s))
		track_write(s, object, SLAB_TRACK_FREE, c);
	if (s->flags & SLAB_TRACE)
		slab_report_trace(s, slab, object, false);
	if (slab_debug_keeps_bytes(s))
		object_fill(s, object, RED_INACTIVE);
}

bool slab_check_free(struct kmem_cache *s, struct cpu *c, void *object)
{
	struct page *slab = object_slab(s, object);
	if (UNLIKELY(!slab)) {
		slab_report_free(s, NULL, object, SLAB_WRONG_CACHE);
		return false;
	}
	struct cache_node *n = slab_node(s, slab);
	lock_take(&n->lock);
	bool sound = pointer_sound(s, slab, object) && bytes_sound(s, slab, object);
	if (sound)
		handed_back(s, c, slab, object);
	lock_drop(&n->lock);
	return sound;
}

unsigned slab_check_contents(const struct kmem_cache *s, struct page *slab)
{
	struct checker k = { .s = s, .slab = slab };
	padding_check(&k);
	for (unsigned i = 0; i < slab_objects(s, slab); i++)
		object_check(&k, slab_object(s, slab, i),
			     object_is_free(s, slab, i) ? RED_INACTIVE : RED_ACTIVE);
	return k.findings;
}
