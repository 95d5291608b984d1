/* SPDX-License-Identifier: MIT */
#ifndef VM_FILE_PRIVATE_H
#define VM_FILE_PRIVATE_H

/*
 * What the parts of the file tree share: inodes (file_inode.c), names
 * (file_name.c), their LRU lists (file_lru.c) and the operations over them
 * (file_ops.c, file_ops_dir.c).
 *
 * Objects are taken before files->lock and given back after it: what falls off
 * under the lock is collected in a struct file_dead.
 */

#include "vm/file.h"
#include "vm/file_store.h"
#include "vm/vm.h"

#define FILE_ID_BITS 28u /* an owner number: mm/owner.h */

/* Taken out of every table: names to be freed, inodes to be taken apart. */
struct file_dead {
	struct file_name *names; /* by alias */
	struct file_inode *inodes; /* by hash_next */
};

/* ---- file_slot.c; files->lock held but where it says otherwise ---- */

MUST_CHECK int file_slots_init(struct files *f); /* 0 or -ENOMEM */
void file_slots_fini(struct files *f);
uint32_t file_slots_used(const struct files *f); /* numbers below it were given out */
struct file_inode *file_slot_at(const struct files *f, uint32_t id); /* NULL. No lock needed by who knows that it stays */
bool file_slots_reserve(struct files *f); /* room for one more number; false: no memory. Lock not held */
bool file_id_take(struct files *f, struct file_inode *i); /* false: there is no number */
void file_id_give(struct files *f, struct file_inode *i);
void file_hash_reserve(struct files *f); /* lock not held */
struct file_inode *file_hash_find(struct files *f, uint64_t dev, uint64_t ino);
void file_hash_add(struct files *f, struct file_inode *i);
void file_unhash(struct file_inode *i);

/* ---- file_attr.c ---- */

void file_attr_first(struct file_inode *i, const struct file_attr *a); /* of an inode that nobody knows yet */
void file_store_noted(struct file_inode *i); /* store_size or a time of the store has just been set. tree held */

/* ---- file_inode.c ---- */

void file_tables_fini(struct files *f); /* every inode and name goes; nobody is left */
/* An inode that no table knows; NULL: no memory. Inside no CPU. */
struct file_inode *file_inode_alloc(struct files *f);
void file_inode_free(struct file_inode *i); /* likewise; NULL: nothing */
/* file_inode_obtain with an inode from file_inode_alloc in *spare, which is NULL afterwards if it was used. */
struct file_inode *file_inode_obtain_with(struct files *f, const struct file_attr *attr,
					  struct file_inode **spare);
struct file_inode *file_inode_find(struct files *f, uint64_t dev, uint64_t ino); /* with a reference; NULL */

/* files->lock held */
void file_settle(struct file_inode *i, struct file_dead *dead); /* somebody let go of it: is it needed still? */
void file_inode_removed(struct file_inode *i); /* no name is left in the store: nothing finds it any more */
void file_inode_retire(struct file_inode *i, struct file_dead *dead); /* it is idle: take it apart */
uint32_t file_ids_end(const struct files *f); /* numbers below it have been used */

/* c: inside it, or NULL: inside none. No lock of RANK_CPU or above. */
void file_dead_free(struct files *f, struct file_dead *dead, struct cpu *c);

/* ---- file_name.c ---- */

MUST_CHECK int file_name_tables_init(struct files *f); /* 0 or -ENOMEM */
void file_name_tables_fini(struct files *f);
/* A name that is nowhere yet. NULL: no memory. Inside no CPU. */
struct file_name *file_name_alloc(struct files *f, const char *name);
void file_name_free(struct files *f, struct file_name *n, struct cpu *c); /* c as above; NULL: nothing */
/* file_name_add with such a name, which is the tree's then. */
void file_name_put(struct file_name *n, struct file_inode *dir, struct file_inode *i);
/* rename with the new spelling, made before by file_name_alloc (NULL: none was to be had). */
void file_name_put_moved(struct file_inode *dir, const char *name, struct file_name *moved,
			 struct file_inode *to);
/* Both names lead to what the other one did. */
void file_name_swap(struct file_inode *dir, const char *name, struct file_inode *to, const char *to_name);
void file_name_cut(struct file_name *n, struct file_dead *dead); /* out of every table. files->lock held */

/* ---- file_lru.c; files->lock held ---- */

void file_lru_del_name(struct file_name *n);
void file_lru_del_inode(struct file_inode *i);
bool file_is_shrinkable(const struct file_inode *i); /* when it is idle */
void file_asked_clear(struct file_name *n); /* the host has answered, or uses it again */
uint8_t file_object_nid(struct files *f, enum own_kind kind, const struct own_head *h,
			const struct cpu *c);

static inline enum own_kind file_inode_kind(const struct files *f)
{
	return f->store->in_memory ? OWN_SHMEM_INODE : OWN_FILE_INODE;
}

static inline bool file_is_dir(const struct file_inode *i)
{
	return S_ISDIR(READ_RELAXED(&i->attr.mode));
}

/* Not needed by anybody but for its pages. files->lock held */
static inline bool file_is_idle(const struct file_inode *i)
{
	return !i->refs && !i->opens && !i->nlookup && !i->names && !i->children;
}

static inline bool time_same(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

#endif
