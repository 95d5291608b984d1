/* SPDX-License-Identifier: MIT */
#ifndef VM_FILE_H
#define VM_FILE_H

/*
 * The file tree below files/: inodes, the names that lead to them, and the
 * pages of their content. A model of Linux's inode, dentry and page caches over
 * one file system, the store (vm/file_store.h), which knows what there is. What
 * is here is what has been looked at: it can be forgotten and looked up again,
 * but for bytes that are newer than the store's (dirty pages), and but for a
 * store in memory, whose names and bytes are nowhere else.
 *
 * Inodes and names are objects of the emulated machine (vm/own), so are the
 * nodes of the index of a file's pages; the pages are in the page cache, on LRU
 * lists, where reclaim finds them (OWNER_FILE, file_owner_ops).
 *
 * Life of an inode. It stays while somebody works on it (refs), has it open
 * (opens), the host knows it (nlookup), a name leads to it or it has pages.
 * When none of them is left it is freed. A name stays until it is removed,
 * found to be wrong, or shrinking takes it. What nobody uses is on the LRU
 * lists of unused names and inodes of its node, and is shrunk from the cold
 * end: one that the host knows is asked back from the host (files->ask), and
 * goes when the host has forgotten it.
 *
 * Locks, from the outside in:
 *   files->gate     shared by every operation from begin to end, held alone by vm_hold
 *   files->rename   shared by who walks up the names (paths), held alone by rename
 *   inode->io       content: shared by reads, writes and writeback; held alone by who changes what pages there may
 *                   be (truncate, punch). pthread rwlock
 *   inode->write    one writer of content at a time (RANK_TASK)
 *   inode->tree     the index of pages, pins, size and times (RANK_OWNER): leaf but for files->lock
 *   files->lock     tables, names, LRU lists, counts (RANK_FILES): short; nothing is allocated and no system call made
 * CPUs are entered below gate, rename, io and write; above tree and lock. The LRU lock of a node is above tree.
 * The host serialises changes of one directory and writes to one file; nothing here relies on that.
 */

#include "base/lock.h"
#include "mm/machine.h"
#include "policy/policy.h"
#include "vm/own.h"

#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

struct files;
struct file_dir;
struct vm;

/* What the host is told of a file; with st_dev and st_ino of the store, which make its identity. */
struct file_attr {
	uint64_t dev, ino;
	uint32_t mode, nlink, uid, gid;
	uint64_t rdev, size, blocks; /* blocks: of 512 bytes */
	struct timespec atime, mtime, ctime;
	uint64_t turn; /* file_turn_now before the store was asked; 0: not known */
};

/* One name. A dentry object; names longer than fit are beside it in host memory. */
#define FILE_NAME_INLINE 72u
struct file_name {
	struct own_head own; /* OWN_NAME */
	struct file_inode *dir, *inode;
	/* files->lock */
	struct file_name *hash_next; /* by directory and name */
	struct file_name *alias; /* next name of the inode */
	struct file_name *child, **child_link; /* next one in the directory */
	struct file_name *lru_next, *lru_prev;
	uint32_t hash; /* of directory and name */
	uint32_t order; /* in the directory, rising: positions of readdir in a store in memory */
	uint8_t flags; /* enum file_flag */
	uint8_t nid;
	char *name; /* NUL-terminated: short_name or a block of its own */
	char short_name[FILE_NAME_INLINE];
};

enum file_flag {
	FILE_ON_LRU = 1 << 0,
	FILE_REFERENCED = 1 << 1, /* used since it was last looked at: a second chance */
	FILE_ASKED = 1 << 2, /* the host was told to forget it */
	FILE_PINNED = 1 << 3, /* a name that is nowhere else (store in memory) */
	FILE_REMOVED = 1 << 4, /* inode: no name is left in the store */
	FILE_DIRTY_LISTED = 1 << 5, /* inode: on the list of dirty ones */
	FILE_HASHED = 1 << 6, /* inode: found by its identity */
	FILE_DYING = 1 << 7, /* inode: nobody needs it, it is being taken apart */
};

/* The index of a file's pages: a tree of 64-way nodes; entries are pages, or shadows of evicted ones (vm/filemap.h). */
struct filemap {
	void *root; /* struct tree_node, or NULL */
	uint8_t height; /* levels below root; 0: empty */
	uint64_t nr_pages; /* relaxed for readers without tree */
	uint64_t nr_dirty, nr_writeback;
	uint64_t nr_nodes, nr_shadows;
};

/* Readahead of one sequential stream (mm/readahead.c: struct file_ra_state, 6.1), by inode. tree */
struct file_readahead {
	uint64_t start, size, async_size; /* pages */
	uint64_t prev; /* byte after the last read */
};

struct file_inode {
	struct own_head own; /* OWN_FILE_INODE or OWN_SHMEM_INODE */
	struct files *files;
	uint32_t id; /* slot in files->slot, and owner number of its pages; never 0 */
	uint32_t generation; /* differs between inodes that had the same id */

	/* files->lock */
	uint64_t nlookup; /* answers that the host has not forgotten */
	uint32_t refs; /* operations at work on it */
	uint32_t opens; /* open files and directories; relaxed outside the lock */
	struct file_inode *hash_next; /* by identity */
	struct file_name *names; /* that lead to it */
	struct file_name *children; /* names in it; of a store in memory all of them, in rising order */
	struct file_name **children_end;
	uint32_t nr_children, next_order;
	struct file_inode *lru_next, *lru_prev;
	struct file_inode *dirty_next, *dirty_prev; /* in the order they became dirty */
	uint64_t dirtied_ns; /* machine time when the first page became dirty */
	uint64_t sync_turn; /* the last files_sync that needs nothing of it any more */
	uint16_t flags; /* enum file_flag; files->lock: what tree guards is below */
	uint8_t nid;

	/* tree */
	struct lock tree; /* RANK_OWNER */
	struct file_attr attr; /* as told to the host: size and times of writing are ours until written back */
	/* As the store last had them through us: others changed it if they differ. */
	struct timespec store_mtime, store_ctime;
	uint64_t store_size; /* bytes that the store has */
	uint64_t store_turn; /* when these three were noted: what was asked for before may be older */
	bool times_changed; /* times of writing that the store does not have yet */
	int write_error; /* of writeback, until an fsync has told it; 0: none */
	uint64_t writeback_index; /* page where writeback goes on; relaxed */
	bool stale; /* something other than content was changed through us: attributes are to be asked for again */
	uint64_t changes; /* counts writes and truncations: what was read from the store before one is stale */
	bool writing; /* a writer has bytes that are not in the index yet: nobody else adds pages */
	struct filemap map;
	struct file_readahead readahead;

	pthread_rwlock_t io;
	struct lock write; /* RANK_TASK */
	void *store; /* the store's own: the source's descriptor, a link's target in memory; see file_store.h */
};

struct file_lru { /* of one node; files->lock */
	struct file_name *name_head, *name_tail; /* new at the head */
	struct file_inode *inode_head, *inode_tail;
	uint64_t nr_names, nr_inodes; /* relaxed for readers */
};

#define FILE_OPEN_LOCKS 32u
struct file_slots; /* two levels, never moved: reclaim looks an inode up by a page's owner without a lock */

struct files {
	struct vm *vm;
	uint64_t birth; /* tells it from earlier ones at its place */
	const struct file_store_ops *store;
	void *store_ctx;
	pthread_rwlock_t gate, rename;
	struct lock lock; /* RANK_FILES */
	struct file_inode *root; /* NULL until files/ is first looked at; start to set. Acquire */
	struct lock start; /* RANK_TASK */
	struct lock open_lock[FILE_OPEN_LOCKS]; /* RANK_TASK, by id: opening and closing in the store, one at a time */
	struct file_slots *slots;
	uint32_t nr_inodes; /* relaxed for readers */
	uint64_t nr_names; /* relaxed for readers */
	uint32_t generation;
	struct file_inode **inode_hash; /* by identity; both grow */
	struct file_name **name_hash;
	uint64_t inode_hash_size, name_hash_size;
	struct file_lru *lru; /* by node */
	struct file_inode *dirty_head, *dirty_tail; /* oldest first */
	struct shrinker shrinker;
	struct writeback *writeback; /* vm/writeback.h; NULL until started */
	/*
	 * Ask the host to forget a name: never waits; called with no lock of ours
	 * but gate. And wait until what was asked for is done, at most so long: false when
	 * nothing came back for a while. NULL: there is no host.
	 */
	void (*ask)(void *ctx, uint64_t dir_ino, const char *name);
	bool (*ask_wait)(void *ctx, unsigned wait_ms);
	void *ask_ctx;
	uint64_t nr_asked; /* names with FILE_ASKED; relaxed for readers */
	struct cpu_dead *dead; /* by CPU, inside it: tree nodes that reclaim has emptied and settle frees */
	struct shadow_list *shadows; /* by node: tree nodes with shadows only; filemap_init */
	struct shrinker shadow_shrinker;
};

struct files_config {
	const char *source; /* a directory; "none": memory only; NULL: a private temporary one, made when first needed */
};

/* Looks at nothing yet. 0, -ENOMEM; -ENOENT, -ENOTDIR, -EACCES with why set when the source is no directory that can be read. */
struct why;
MUST_CHECK int files_init(struct files *f, struct vm *vm, const struct files_config *c, struct why *why);
/* The same over a store whose init has been done: store and store_ctx are set. 0 or -ENOMEM. */
MUST_CHECK int files_init_over(struct files *f, struct vm *vm);
/* Everything written back, flusher joined, private folder removed. Errors are logged. */
void files_fini(struct files *f);

/* Every operation stands between these two. Not nested. */
void files_enter(struct files *f);
void files_leave(struct files *f);
MUST_CHECK bool files_try_enter(struct files *f); /* false: somebody holds the machine, or wants to */
bool files_entered(const struct files *f); /* is this thread between the two? */

/* Which CPU works for the current caller (base/caller.h): that of the task that has the process in `procs`, else one by its number. */
struct cpu *files_cpu(const struct files *f);

/* ---- file_inode.c: numbers, references, the host's knowledge ---- */
uint64_t file_ino(const struct file_inode *i); /* for the host: 3 in the top four bits, generation, id */
static inline bool ino_is_file(uint64_t ino)
{
	return ino >> 60 == 3;
}
struct file_inode *file_get(struct files *f, uint64_t ino); /* with a reference; NULL: gone */
struct file_inode *file_hold(struct file_inode *i); /* one more reference */
void file_put(struct file_inode *i); /* the last one frees what nobody needs. Inside no CPU, no lock but gate, rename */
struct file_inode *file_by_owner(const struct files *f, uint32_t id); /* of a page that is in its index now; no reference */
MUST_CHECK int file_root(struct files *f, struct file_inode **out); /* with a reference; 0 or -errno */
void file_known(struct file_inode *i); /* the host was told of it once more */
void file_forget(struct files *f, uint64_t ino, uint64_t nlookup);
/*
 * The inode of this identity, found or made (attr: as the store has it now);
 * what changed behind our back since is forgotten: clean pages go, attributes follow.
 * With a reference. NULL: no memory.
 */
struct file_inode *file_inode_obtain(struct files *f, const struct file_attr *attr);
void file_inode_refresh(struct file_inode *i, const struct file_attr *attr); /* the second half of it alone */
/*
 * The store's times and size moved through us (writeback, truncate, fallocate): note them, so that they
 * do not look like somebody else's change. No lock but gate, rename, io, write.
 */
bool file_inode_stored(struct file_inode *i); /* false: the store did not say */
/* Its last page has left, or its last dirty one was written: it may be nobody's now. Inside a CPU or not; tree may be held. */
void file_inode_emptied(struct file_inode *i);
/* Nothing is dirty any more: let the store close it when nobody has it open. Inside no CPU, no lock but gate, rename, io, write. */
void file_inode_cleaned(struct file_inode *i);

/* ---- file_name.c: names that are known. files->lock is taken inside ---- */
/* name in dir leads to i. Found or made; 0 or -ENOMEM (answered all the same: see vm/dcache.h; -ENOMEM matters to a store in memory). */
MUST_CHECK int file_name_add(struct file_inode *dir, const char *name, struct file_inode *i);
void file_name_del(struct file_inode *dir, const char *name); /* known or not */
struct file_inode *file_name_find(struct file_inode *dir, const char *name); /* with a reference; NULL: not known */
/*
 * The directory and name by which an inode can be reached; *dir with a
 * reference, the name copied (NAME_MAX + 1 bytes). -ESTALE: none is known. files->rename held.
 */
MUST_CHECK int file_name_any(struct file_inode *i, struct file_inode **dir, char *name);

/* ---- file_lru.c: shrinking names and inodes ---- */
void file_lru_touch_name(struct file_name *n); /* files->lock held: used now; on the list if it may go */
void file_lru_touch_inode(struct file_inode *i); /* likewise */
uint64_t files_shrink_count(void *ctx, unsigned nid); /* of struct shrinker: names and inodes, by vfs_cache_pressure */
uint64_t files_shrink_scan(void *ctx, struct cpu *c, unsigned nid, uint64_t nr);
/* After vm.drop_caches 2 or 3: wait for the host to forget what was asked for. Inside no CPU. */
void files_forgotten_wait(struct files *f);

/* ---- file_ops.c: what a client asks for. Between files_enter and files_leave. 0 or -errno; *out with a reference ---- */
struct file_who {
	uid_t uid;
	gid_t gid;
};
MUST_CHECK int file_lookup(struct file_inode *dir, const char *name, struct file_inode **out);
/* A regular file, open as with file_open (flags: of open(2)). */
MUST_CHECK int file_create(struct file_inode *dir, const char *name, mode_t mode, int flags,
			   const struct file_who *who, struct file_inode **out);
MUST_CHECK int file_mknod(struct file_inode *dir, const char *name, mode_t mode, dev_t rdev,
			  const struct file_who *who, struct file_inode **out);
MUST_CHECK int file_mkdir(struct file_inode *dir, const char *name, mode_t mode,
			  const struct file_who *who, struct file_inode **out);
MUST_CHECK int file_symlink(struct file_inode *dir, const char *name, const char *target,
			    const struct file_who *who, struct file_inode **out);
MUST_CHECK int file_link(struct file_inode *i, struct file_inode *dir, const char *name);
MUST_CHECK int file_unlink(struct file_inode *dir, const char *name);
MUST_CHECK int file_rmdir(struct file_inode *dir, const char *name);
MUST_CHECK int file_rename(struct file_inode *dir, const char *name, struct file_inode *to,
			   const char *to_name, unsigned flags); /* RENAME_NOREPLACE, RENAME_EXCHANGE */
ssize_t file_readlink(struct file_inode *i, char *buf, size_t size); /* bytes, or -errno; not terminated */
void file_getattr(struct file_inode *i, struct stat *st);
/* which: FUSE_SET_ATTR_-like bits, of our own. A new size is file_truncate's. */
enum file_set {
	FILE_SET_MODE = 1,
	FILE_SET_UID = 2,
	FILE_SET_GID = 4,
	FILE_SET_SIZE = 8,
	FILE_SET_ATIME = 16,
	FILE_SET_MTIME = 32,
	FILE_SET_ATIME_NOW = 64,
	FILE_SET_MTIME_NOW = 128
};
MUST_CHECK int file_setattr(struct file_inode *i, const struct stat *st, unsigned which);
/* Notices what changed in the source: -ESTALE when the name leads elsewhere now. O_TRUNC counts. */
MUST_CHECK int file_open(struct file_inode *i, int flags);
void file_release(struct file_inode *i, int flags);
MUST_CHECK int file_fsync(struct file_inode *i, bool data_only); /* also of a directory; of the root: everything, as sync(2) */
MUST_CHECK int file_fallocate(struct file_inode *i, int mode, uint64_t offset, uint64_t len);
off_t file_seek(struct file_inode *i, off_t offset, int whence); /* SEEK_DATA, SEEK_HOLE; or -errno */
ssize_t file_getxattr(struct file_inode *i, const char *name, void *value, size_t size); /* size 0: how long it is */
ssize_t file_listxattr(struct file_inode *i, char *list, size_t size);
MUST_CHECK int file_setxattr(struct file_inode *i, const char *name, const void *value, size_t size,
			     int flags);
MUST_CHECK int file_removexattr(struct file_inode *i, const char *name);
struct statvfs;
MUST_CHECK int files_statfs(struct files *f, struct statvfs *st);

/* An open directory: names with positions that stay right however others change it. */
MUST_CHECK int file_opendir(struct file_inode *i, struct file_dir **out);
void file_closedir(struct file_dir *d);
struct file_dirent {
	const char *name; /* until the next call */
	uint64_t ino; /* of the store, as stat shows it */
	uint32_t type; /* S_IFMT bits */
	uint64_t next; /* position after it */
};
/* The entry at this position (0: the first; else a `next`). 1, 0 at the end, or -errno. One caller at a time. */
MUST_CHECK int file_readdir(struct file_dir *d, uint64_t position, struct file_dirent *out);

#endif
