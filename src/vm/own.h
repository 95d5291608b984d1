/* SPDX-License-Identifier: MIT */
#ifndef VM_OWN_H
#define VM_OWN_H

/*
 * What the daemon itself keeps is objects of the emulated machine's caches:
 * a structure lies in the memory of its object. So tasks and names cost the
 * machine what they cost a kernel, and show in slabinfo.
 *
 * An imported object that nobody owns is taken over before a new one is
 * allocated, and is nobody's again when what lay there is removed, so totals of
 * an imported machine stay what they were. Reclaim frees for good
 * (own_free_inside). Each kind
 * has a few objects in reserve, for when memory is gone; what is freed fills
 * the reserve first.
 *
 * A structure is in host memory when there is no cache for it (yet), or its
 * objects are too small: an imported kernel may be smaller than ours. It has an
 * object all the same if there is one.
 */

#include "base/lock.h"
#include "mm/machine.h"

enum own_kind {
	OWN_TASK, /* task_struct */
	OWN_AREA, /* vm_area_struct: a mapping of a task */
	OWN_NAME, /* dentry: a name below tasks/ or files/ that was looked up */
	OWN_INODE, /* proc_inode_cache: the file behind it */
	OWN_FILE_INODE, /* inode_cache: a file or directory of the source */
	OWN_SHMEM_INODE, /* shmem_inode_cache: one that is in memory only */
	OWN_TREE_NODE, /* radix_tree_node: of the index of a file's pages */
	OWN_HUGETLBFS_INODE, /* hugetlbfs_inode_cache: a file or directory in dev/hugepages */
	OWN_KINDS
};

#define OWN_RESERVE_MAX 16u

struct kmem_cache;
struct vm;

/* The first member of every such structure. */
struct own_head {
	void *object; /* the structure itself when it lies there; NULL: it has none */
};

struct own_cache {
	struct kmem_cache *cache; /* with a reference; NULL: there is none, everything is in host memory */
	uint64_t nr; /* objects in hands and in reserve; atomic */
	struct lock lock; /* RANK_LOG */
	void *reserve[OWN_RESERVE_MAX]; /* lock */
	unsigned nr_reserve; /* lock, relaxed for readers */
};

struct own {
	pthread_rwlock_t names; /* shared by whoever adds or drops names; with it held alone (vm/hold.h) they stay */
	struct own_cache of[OWN_KINDS];
	uint64_t borrowed[OWN_KINDS]; /* imported objects that were taken over and not made nobody's again; atomic */
	bool ending; /* the machine goes with all its objects: they need not be freed */
};

void own_init(struct own *own);
void own_fini(struct own *own);
/* The caches are there: find them, fill the reserves, and give an imported machine's tasks objects. 0 or -ENOMEM. Inside no CPU. */
MUST_CHECK int own_start(struct vm *vm);

/*
 * A structure of so many bytes, zeroed but for its head, near c. NULL: there is no memory, not even in
 * reserve. Inside no CPU; no lock of RANK_SLABS or above held.
 */
MUST_CHECK void *own_alloc(struct vm *vm, enum own_kind kind, struct cpu *c, size_t size);
void own_free(struct vm *vm, enum own_kind kind, struct cpu *c, void *p); /* NULL: nothing. Likewise */
void own_free_inside(struct vm *vm, enum own_kind kind, struct cpu *c, void *p); /* for who is inside c, no other lock held */

uint64_t own_count(const struct vm *vm, enum own_kind kind); /* objects, the reserve included */
unsigned own_reserve(const struct vm *vm, enum own_kind kind); /* how many of them are in reserve */
extern const char *const own_cache_name[OWN_KINDS];

#endif
