/* SPDX-License-Identifier: MIT */
/*
 * How inodes are found: by number and by identity.
 *
 * The table of numbers has two levels that never move, so reclaim finds the
 * inode of a page without a lock: a page that is in its file's index keeps the
 * inode. Free numbers are chained through their slots, with the lowest bit set.
 * Inodes are hashed by what the store says they are (device and number).
 */
#include "vm/file_private.h"

#include "base/mem.h"

#include <errno.h>

#define SLOT_BITS 14u
#define SLOTS (1u << SLOT_BITS) /* of each level */
#define HASH_FIRST 1024u

struct file_slots {
	uint32_t nr; /* ids below it were used. files->lock */
	uint32_t free; /* an id, 0: none. files->lock */
	uintptr_t *chunk[SLOTS]; /* released */
};

/* ---- Numbers ---- */

static uintptr_t *slot_of(const struct files *f, uint32_t id)
{
	uintptr_t *chunk = READ_ACQUIRE(&f->slots->chunk[id >> SLOT_BITS]);
	return chunk ? &chunk[id & (SLOTS - 1)] : NULL;
}

struct file_inode *file_slot_at(const struct files *f, uint32_t id)
{
	uintptr_t *slot = id < 1u << FILE_ID_BITS ? slot_of(f, id) : NULL;
	uintptr_t value = slot ? READ_ACQUIRE(slot) : 1;
	return value & 1 ? NULL : (struct file_inode *)value;
}

struct file_inode *file_by_owner(const struct files *f, uint32_t id)
{
	return file_slot_at(f, id);
}

uint32_t file_ids_end(const struct files *f)
{
	return READ_RELAXED(&f->slots->nr);
}

uint64_t file_ino(const struct file_inode *i)
{
	return 3ull << 60 | (uint64_t)i->generation << FILE_ID_BITS | i->id;
}

/* Room for one more number, made before the lock is taken. False: no memory. */
bool file_slots_reserve(struct files *f)
{
	uint32_t next = READ_RELAXED(&f->slots->nr), at = next >> SLOT_BITS;
	for (; at <= (next + SLOTS / 2) >> SLOT_BITS && at < SLOTS; at++) {
		uintptr_t *none = NULL, *chunk = READ_ACQUIRE(&f->slots->chunk[at]);
		if (chunk)
			continue;
		chunk = mem_zalloc(SLOTS * sizeof(*chunk));
		if (!chunk)
			return at > next >> SLOT_BITS;
		if (!__atomic_compare_exchange_n(&f->slots->chunk[at], &none, chunk, false,
						 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			mem_free(chunk);
	}
	return true;
}

/* False: there is no number. files->lock */
bool file_id_take(struct files *f, struct file_inode *i)
{
	struct file_slots *s = f->slots;
	uint32_t id = s->free ? s->free : s->nr;
	uintptr_t *slot = id < 1u << FILE_ID_BITS ? slot_of(f, id) : NULL;
	if (!slot)
		return false;
	if (s->free)
		s->free = (uint32_t)(*slot >> 1);
	else
		WRITE_RELAXED(&s->nr, id + 1);
	i->id = id;
	i->generation = ++f->generation;
	WRITE_RELEASE(slot, (uintptr_t)i);
	WRITE_RELAXED(&f->nr_inodes, f->nr_inodes + 1);
	return true;
}

void file_id_give(struct files *f, struct file_inode *i)
{
	WRITE_RELEASE(slot_of(f, i->id), (uintptr_t)f->slots->free << 1 | 1);
	f->slots->free = i->id;
	WRITE_RELAXED(&f->nr_inodes, f->nr_inodes - 1);
}

/* ---- Identity. files->lock ---- */

static struct file_inode **hash_chain(struct files *f, uint64_t dev, uint64_t ino)
{
	uint64_t h = (ino ^ (dev << 32 | dev >> 32)) * 0x9e3779b97f4a7c15ull;
	return &f->inode_hash[(h >> 32) & (f->inode_hash_size - 1)];
}

struct file_inode *file_hash_find(struct files *f, uint64_t dev, uint64_t ino)
{
	struct file_inode *i = *hash_chain(f, dev, ino);
	while (i && (i->attr.ino != ino || i->attr.dev != dev))
		i = i->hash_next;
	return i;
}

void file_hash_add(struct files *f, struct file_inode *i)
{
	struct file_inode **chain = hash_chain(f, i->attr.dev, i->attr.ino);
	i->hash_next = *chain;
	*chain = i;
	i->flags |= FILE_HASHED;
}

void file_unhash(struct file_inode *i)
{
	if (!(i->flags & FILE_HASHED))
		return;
	struct file_inode **link = hash_chain(i->files, i->attr.dev, i->attr.ino);
	while (*link != i)
		link = &(*link)->hash_next;
	*link = i->hash_next;
	i->flags &= (uint16_t)~FILE_HASHED;
}

static struct file_inode **hash_replace(struct files *f, struct file_inode **table, uint64_t size)
{
	struct file_inode **old = f->inode_hash;
	uint64_t old_size = f->inode_hash_size;
	f->inode_hash = table;
	WRITE_RELAXED(&f->inode_hash_size, size);
	for (uint64_t n = 0; n < old_size; n++) {
		for (struct file_inode *i = old[n], *next; i; i = next) {
			next = i->hash_next;
			file_hash_add(f, i);
		}
	}
	return old;
}

/* Chains may grow longer when there is no memory for a larger table. */
void file_hash_reserve(struct files *f)
{
	uint64_t size = READ_RELAXED(&f->inode_hash_size);
	if (READ_RELAXED(&f->nr_inodes) < size)
		return;
	struct file_inode **table = mem_zalloc(size * 2 * sizeof(struct file_inode *));
	if (!table)
		return;
	lock_take(&f->lock);
	if (f->inode_hash_size == size)
		table = hash_replace(f, table, size * 2);
	lock_drop(&f->lock);
	mem_free(table);
}

/* ---- The tables ---- */

int file_slots_init(struct files *f)
{
	f->slots = mem_zalloc(sizeof(*f->slots));
	f->inode_hash = mem_zalloc(HASH_FIRST * sizeof(struct file_inode *));
	if (!f->slots || !f->inode_hash) {
		mem_free(f->slots);
		mem_free(f->inode_hash);
		return -ENOMEM;
	}
	f->inode_hash_size = HASH_FIRST;
	f->slots->nr = 1;
	return 0;
}

uint32_t file_slots_used(const struct files *f)
{
	return f->slots->nr;
}

void file_slots_fini(struct files *f)
{
	for (uint32_t n = 0; n < SLOTS; n++)
		mem_free(f->slots->chunk[n]);
	mem_free(f->slots);
	mem_free(f->inode_hash);
	f->slots = NULL;
	f->inode_hash = NULL;
}
