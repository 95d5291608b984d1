/* SPDX-License-Identifier: MIT */
#ifndef VM_HUGETLBFS_PRIVATE_H
#define VM_HUGETLBFS_PRIVATE_H

/* What the parts of dev/hugepages share. */

#include "vm/hugetlbfs.h"
#include "vm/vm.h"

static inline struct hugetlb *huge_pool(const struct huge_inode *i)
{
	return &i->fs->vm->hugetlb[i->mount];
}

/* Whose CPU the work is done on. When all goes there is none, and nothing is given back. */
static inline struct cpu *huge_cpu(const struct hugetlbfs *h)
{
	return h->vm->files.vm ? files_cpu(&h->vm->files) : NULL;
}

static inline unsigned huge_shift(const struct huge_inode *i)
{
	return huge_pool(i)->order + PAGE_SHIFT;
}

static inline bool huge_is_dir(const struct huge_inode *i)
{
	return S_ISDIR(READ_RELAXED(&i->attr.mode));
}

/* ---- hugetlbfs.c ---- */
enum huge_stamp { HUGE_ATIME = 1, HUGE_MTIME = 2, HUGE_CTIME = 4 };
void huge_touch(struct huge_inode *i, unsigned stamps); /* now. lock held */
/* One that no name leads to, with a reference. mode and the rest of attr are set but for nlink 0. NULL: no memory. */
struct huge_inode *huge_inode_make(struct hugetlbfs *h, unsigned mount, const struct huge_making *m);
/* Import: the same with a number and generation of its own. 0, -EEXIST, -ENOMEM. */
MUST_CHECK int huge_inode_restore(struct hugetlbfs *h, unsigned mount, uint32_t id,
				  uint32_t generation, struct huge_inode **out);
void huge_hold(struct huge_inode *i); /* lock held */

/* ---- hugetlbfs_name.c ---- */
struct huge_name *huge_name_alloc(struct hugetlbfs *h, const char *name); /* NULL: no memory */
void huge_name_free(struct hugetlbfs *h, struct huge_name *n);
void huge_name_add(struct huge_name *n, struct huge_inode *dir, struct huge_inode *i); /* lock held */
struct huge_name *huge_name_find(const struct huge_inode *dir, const char *name); /* lock held */
void huge_hash_reserve(struct hugetlbfs *h); /* lock not held */

/* ---- hugetlbfs_place.c ---- */
struct huge_place { /* of one operation; all else is zero at first */
	struct vm *vm;
	bool known;
	uint32_t task; /* whose policy it is; 0: nobody's */
	struct mempolicy policy;
};
struct mempolicy *huge_place_policy(struct huge_place *w); /* of the caller's task; NULL: the default one */
void huge_place_end(struct huge_place *w);

/* ---- hugetlbfs_page.c ---- */
void huge_drop_all(struct huge_inode *i); /* every page and promise is given back: nobody can reach it any more */
MUST_CHECK int huge_slots_reserve(struct huge_inode *i, uint64_t more); /* 0 or -ENOMEM. io held alone */
void huge_slot_append(struct huge_inode *i, uint32_t index, pfn_t pfn); /* there is room. io held alone */

/* Import: a page that was placed has content, which is zero yet. false: the host may not be asked for more. */
MUST_CHECK bool huge_page_restored(struct huge_inode *i, struct page *page);
/* Import: bytes of pages that are there. 0; -EINVAL: they are not. Nobody else is at work. */
MUST_CHECK int huge_content_put(struct huge_inode *i, uint64_t offset, const char *bytes, size_t len);

#endif
