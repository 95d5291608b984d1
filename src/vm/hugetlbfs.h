/* SPDX-License-Identifier: MIT */
#ifndef VM_HUGETLBFS_H
#define VM_HUGETLBFS_H

/*
 * dev/hugepages: directories, links and files that are made of the huge pages
 * of a pool (fs/hugetlbfs/inode.c, 6.1); one mount for each size of page. All
 * of it is in memory: what has no name and nobody has open is gone, and its
 * pages are the pool's again.
 *
 * A file holds, by page of it: a huge page, or the promise of one
 * (hugetlb_reserve), or nothing. Growing by truncate promises what it grows
 * by, fallocate and writing take the page at once, zeroed, out of the promise
 * where there is one. Cutting and punching give back both. Pages stay in their
 * frames until they are given back, so a client may map them through dev/mem.
 *
 * Inodes and names are objects of the emulated machine (vm/own.h).
 *
 * Different from 6.1: write(2) works (there it is EINVAL); growing by truncate
 * promises (there mmap does); a file has at most 2^32 pages.
 *
 * Locks, from the outside in:
 *   gate         shared by every operation from begin to end, held alone by vm_hold; outside files->gate
 *   inode->io    what pages the file has, and its size: shared by reads, held alone by who changes them. pthread rwlock;
 *                CPUs are entered and the pool is used below it
 *   lock         tables, names, attributes, references (RANK_FILES, order 2): short, nothing is allocated below it
 */

#include "base/lock.h"
#include "mm/hugetlb.h"
#include "vm/file.h"
#include "vm/own.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>

struct hugetlbfs;
struct huge_inode;
struct vm;

struct huge_slot { /* a page of a file */
	uint32_t index; /* which one */
	pfn_t pfn; /* of its huge page, or HUGE_PROMISED */
};
#define HUGE_PROMISED UINT32_MAX
#define HUGE_FILE_PAGES ((uint64_t)1 << 32) /* of a file, at most */

#define HUGE_NAME_INLINE 72u
struct huge_name {
	struct own_head own; /* OWN_NAME */
	struct huge_inode *dir, *inode;
	/* lock */
	struct huge_name *hash_next; /* by directory and name */
	struct huge_name *next, *prev; /* in the directory, by rising order */
	struct huge_name *alias; /* next name of the inode */
	uint64_t order; /* positions of readdir */
	uint32_t hash;
	char *name; /* short_name or a block of its own */
	char short_name[HUGE_NAME_INLINE];
};

struct huge_attr {
	uint32_t mode, nlink, uid, gid;
	uint64_t rdev;
	int64_t atime_s, mtime_s, ctime_s;
	uint32_t atime_ns, mtime_ns, ctime_ns;
};

struct huge_inode {
	struct own_head own; /* OWN_HUGETLBFS_INODE */
	struct hugetlbfs *fs;
	uint32_t mount; /* index of its pool */
	uint32_t id, generation; /* never 0, and what tells inodes of the same id apart */
	/* lock */
	uint64_t nlookup; /* answers that the host has not forgotten */
	uint32_t refs, opens;
	struct huge_attr attr;
	uint64_t next_order;
	struct huge_name *names; /* that lead to it */
	struct huge_name *first, *last; /* in it */
	char *target; /* of a symbolic link; does not change */
	/* io */
	pthread_rwlock_t io;
	uint64_t size; /* bytes; relaxed for readers */
	struct huge_slot *slot; /* by rising index */
	uint64_t nr_slots, cap_slots;
	uint64_t nr_pages, nr_promised; /* of them; relaxed for readers */
};

struct huge_id { /* what a number stands for */
	struct huge_inode *inode; /* NULL: free */
	uint32_t generation; /* of the last one */
	uint32_t next_free;
};

struct hugetlbfs {
	struct vm *vm; /* NULL: not there yet, or any more */
	pthread_rwlock_t gate;
	struct lock lock;
	/* lock */
	struct huge_inode *root[HUGETLB_SIZES]; /* made when first looked at */
	struct huge_id *id; /* [0] is nobody's */
	uint32_t nr_ids, cap_ids, free_id;
	struct huge_name **hash; /* grows */
	uint64_t hash_size, nr_names;
};

MUST_CHECK int hugetlbfs_init(struct hugetlbfs *h, struct vm *vm); /* 0 or -ENOMEM */
void hugetlbfs_fini(struct hugetlbfs *h); /* after tasks: the machine goes too, and no page is given back */

/* The machine goes on from a state: what was open there, and has no name, goes. */
void hugetlbfs_start(struct hugetlbfs *h);

/* Every operation stands between these two; files_enter is part of it. Not nested. */
void hugetlbfs_enter(struct hugetlbfs *h);
MUST_CHECK bool hugetlbfs_try_enter(struct hugetlbfs *h); /* false: the machine is held, and nobody has entered */
void hugetlbfs_leave(struct hugetlbfs *h);

/* Name of the mount of a pool below dev/: "hugepages" for the default size, else with the size behind it. */
void hugetlbfs_mount_name(const struct vm *vm, unsigned mount, char *name, size_t size);

/* ---- hugetlbfs.c: inodes ---- */
uint64_t huge_ino(const struct huge_inode *i); /* for the host: 4 in the top four bits, generation, id */
static inline bool ino_is_huge(uint64_t ino)
{
	return ino >> 60 == 4;
}
/* With a reference. NULL: gone. */
struct huge_inode *huge_get(struct hugetlbfs *h, uint64_t ino);
void huge_put(struct huge_inode *i); /* the last one of an inode without a name frees it. Inside no CPU, no lock but gate */
MUST_CHECK int huge_root(struct hugetlbfs *h, unsigned mount, struct huge_inode **out); /* with a reference; 0 or -ENOMEM */
void huge_known(struct huge_inode *i);
void huge_forget(struct hugetlbfs *h, uint64_t ino, uint64_t nlookup);
void huge_open(struct huge_inode *i); /* and closed by */
void huge_release(struct huge_inode *i);
void huge_getattr(struct huge_inode *i, struct stat *st);
/* which: enum file_set. A new size is huge_truncate's. */
void huge_setattr(struct huge_inode *i, const struct stat *st, unsigned which);
void huge_statfs(struct huge_inode *i, struct statvfs *st);

/* ---- hugetlbfs_name.c: 0 or -errno; *out with a reference ---- */
MUST_CHECK int huge_lookup(struct huge_inode *dir, const char *name, struct huge_inode **out);
struct huge_making { /* what a new name is to lead to */
	mode_t mode; /* with its type */
	dev_t rdev;
	const char *target; /* of a symbolic link */
	struct file_who who;
};
MUST_CHECK int huge_make(struct huge_inode *dir, const char *name, const struct huge_making *m,
			 struct huge_inode **out);
MUST_CHECK int huge_link(struct huge_inode *i, struct huge_inode *dir, const char *name);
MUST_CHECK int huge_unlink(struct huge_inode *dir, const char *name, bool directory);
MUST_CHECK int huge_rename(struct huge_inode *dir, const char *name, struct huge_inode *to,
			   const char *to_name, unsigned flags); /* RENAME_NOREPLACE, RENAME_EXCHANGE */

struct huge_dirent {
	uint64_t ino, next; /* next: the position behind it */
	uint32_t type;
	char name[256];
};
/* Up to nr entries from a position on, 0 is the first. Returns how many. A position stays right whatever comes and goes. */
unsigned huge_readdir(struct huge_inode *dir, uint64_t position, struct huge_dirent *out, unsigned nr);

/* ---- hugetlbfs_page.c: content of regular files ---- */
/* -EINVAL: not whole pages; -EFBIG; -ENOSPC: what it grows by cannot be promised. */
MUST_CHECK int huge_truncate(struct huge_inode *i, uint64_t size);
/* -EOPNOTSUPP: another mode than KEEP_SIZE and PUNCH_HOLE. -ENOSPC, -EINTR: what was taken until then stays, as in 6.1. */
MUST_CHECK int huge_fallocate(struct huge_inode *i, int mode, uint64_t offset, uint64_t len);
#define HUGE_IO_MAX ((size_t)1 << 20)
/* All of it, at most HUGE_IO_MAX; or -ENOSPC, -EFBIG, -ENOMEM and nothing. */
MUST_CHECK ssize_t huge_write(struct huge_inode *i, const char *buf, size_t len, uint64_t offset);

#define HUGE_IOV_MAX 34u
struct huge_read {
	struct huge_inode *inode;
	struct iovec iov[HUGE_IOV_MAX]; /* where the bytes are; they stay until huge_read_end */
	unsigned nr;
	size_t len;
};
/* Up to len bytes, at most HUGE_IO_MAX; less at the end of the file. */
void huge_read_begin(struct huge_inode *i, size_t len, uint64_t offset, struct huge_read *r);
void huge_read_end(struct huge_read *r);
/* The frame numbers of its pages in order, '-' for one that is not there, blank-separated. -ENODATA: no regular file. */
MUST_CHECK int huge_pfns(struct huge_inode *i, struct text *out);

/* Frames of 4 KiB from `from` on that are not all zero, one after the other: [*start, *end). false: none. gate held alone. */
bool huge_content_next(const struct huge_inode *i, uint64_t from, uint64_t *start, uint64_t *end);
const char *huge_content_page(const struct huge_inode *i, uint64_t frame); /* PAGE_SIZE bytes; NULL: not there */

/* Findings of its own checks, a line for each; gate held alone, the machine stopped. */
unsigned hugetlbfs_verify(struct hugetlbfs *h, struct text *out);

#endif
