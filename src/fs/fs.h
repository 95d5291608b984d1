/* SPDX-License-Identifier: MIT */
#ifndef FS_FS_H
#define FS_FS_H

/*
 * What one mount serves: a machine, its tree, and a few things kept for reuse
 * because a read should cost little more than its own text: snapshots, which
 * are large, and closed handles with their buffers.
 */

#include "base/lock.h"
#include "fs/kmsg.h"
#include "fs/tree.h"
#include "vm/snapshot.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#define FS_IO_BYTES_MAX (1u << 20) /* in one request */
#define FS_SPARE_SNAPSHOTS 16
#define FS_SPARE_HANDLES 64

struct files_dir;
struct handle;
struct notifier;

struct fs {
	struct vm *vm;
	struct tree tree;
	struct kmsg kmsg; /* dev/kmsg */
	struct timespec born; /* every time stamp of the tree */
	unsigned max_read;
	struct notifier *notifier; /* tells the host what changed; NULL: there is no host. Fixed before requests come */

	struct lock spare_lock; /* RANK_LOG: a leaf */
	struct snapshot *snapshot[FS_SPARE_SNAPSHOTS];
	unsigned nr_snapshots;
	struct handle *handle; /* spare */
	unsigned nr_handles;
	struct handle *open; /* all that are open */
	struct files_dir *open_dir; /* likewise, of directories below files/ */
};

struct fs_options {
	uid_t uid; /* owner of the tree */
	gid_t gid;
	const char *dev_mem; /* target of dev/mem, NULL: no such file */
	unsigned max_read; /* the mount's option of that name; 0: none */
};

/* 0 or -ENOMEM. vm outlives fs. */
MUST_CHECK int fs_init(struct fs *fs, struct vm *vm, const struct fs_options *o);
void fs_fini(struct fs *fs); /* closes what is still open; nobody else uses fs */
void fs_spares_free(struct fs *fs); /* what is kept for reuse; nobody else uses fs */

/* A snapshot with the parts asked for, and back. NULL: no memory. */
MUST_CHECK struct snapshot *fs_snapshot_take(struct fs *fs, unsigned parts);
void fs_snapshot_give(struct fs *fs, struct snapshot *s);

/*
 * After a panic nothing is to be had any more but dev/kmsg, the console: every
 * other request is answered with EIO. ctx: struct fs; for struct loop_options.
 */
bool fs_refuses(void *ctx, unsigned opcode, uint64_t ino, const char *name);

void fs_statvfs(const struct fs *fs, struct statvfs *st);

#endif
