/* SPDX-License-Identifier: MIT */
/*
 * The store that is nowhere but here: what a tmpfs is to Linux (mm/shmem.c,
 * 6.1), with its default limits: half of memory for content, and one inode for
 * each of those pages. Names, attributes and pages are the file tree's own; the
 * store says what is allowed and keeps what they have no room for.
 *
 * There is nothing behind the pages: reading finds nothing, so what has no page
 * is zero, and there is nothing to write back to. Who adds pages to a file
 * charges them.
 *
 * Different from Linux: fallocate takes space when it is written; the root
 * belongs to the daemon's user, with the mode of a new tmpfs.
 */
#include "vm/memory_store.h"

#include "base/log.h"
#include "base/mem.h"
#include "vm/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DEV_MINOR 1u /* of major 0, as file systems without a device have */
#define ROOT_INO 1u
#define ROOT_SIZE 40u

int memory_store_init(struct files *f, struct why *why)
{
	struct memory *m = mem_zalloc(sizeof(*m));
	if (!m || memory_extra_init(m)) {
		mem_free(m);
		return why_set(why, -ENOMEM, "source none: no memory");
	}
	m->files = f;
	m->last_ino = ROOT_INO;
	lock_init(&m->lock, RANK_FILES, 1);
	f->store = &memory_store;
	f->store_ctx = m;
	return 0;
}

static void memory_fini(struct files *f)
{
	struct memory *m = f->store_ctx;
	memory_extra_fini(m);
	lock_fini(&m->lock);
	mem_free(m);
	f->store_ctx = NULL;
}

static int memory_start(struct files *f)
{
	struct memory *m = f->store_ctx;
	struct timespec now = memory_now();
	m->max_pages = m->max_inodes = f->vm->machine.managed_pages / 2;
	m->root = (struct file_attr){ .dev = makedev(0, DEV_MINOR),
				      .ino = ROOT_INO,
				      .mode = S_IFDIR | 01777,
				      .nlink = 2,
				      .uid = geteuid(),
				      .gid = getegid(),
				      .size = ROOT_SIZE,
				      .atime = now,
				      .mtime = now,
				      .ctime = now };
	return 0;
}

static int memory_getattr(struct file_inode *i, struct file_attr *attr)
{
	lock_take(&i->tree);
	*attr = i->attr;
	if (S_ISREG(attr->mode))
		attr->blocks = i->map.nr_pages * 8;
	lock_drop(&i->tree);
	return 0;
}

static int memory_root(struct files *f, struct file_attr *attr)
{
	const struct memory *m = f->store_ctx;
	if (f->root)
		return memory_getattr(f->root, attr);
	*attr = m->root;
	return 0;
}

/* ---- Space ---- */

static int memory_charge(struct files *f, uint64_t pages)
{
	struct memory *m = f->store_ctx;
	uint64_t had = READ_RELAXED(&m->pages);
	do {
		if (had + pages > m->max_pages)
			return -ENOSPC;
	} while (!__atomic_compare_exchange_n(&m->pages, &had, had + pages, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return 0;
}

static void memory_uncharge(struct files *f, uint64_t pages)
{
	struct memory *m = f->store_ctx;
	uint64_t had = __atomic_fetch_sub(&m->pages, pages, __ATOMIC_RELAXED);
	ASSERT(had >= pages);
}

static uint64_t left_of(uint64_t max, uint64_t used)
{
	return max - MIN(max, used);
}

static int memory_statfs(struct files *f, struct statvfs *st)
{
	const struct memory *m = f->store_ctx;
	uint64_t max = f->vm->machine.managed_pages / 2;
	*st = (struct statvfs){
		.f_bsize = 4096, .f_frsize = 4096, .f_blocks = max, .f_files = max, .f_namemax = NAME_MAX
	};
	st->f_bfree = st->f_bavail = left_of(max, READ_RELAXED(&m->pages));
	st->f_ffree = st->f_favail = left_of(max, READ_RELAXED(&f->nr_inodes));
	return 0;
}

/* ---- Attributes ---- */

static void time_set(struct timespec *t, const struct timespec *given, bool to_given, bool to_now,
		     const struct timespec *now)
{
	if (to_given || to_now)
		*t = to_now ? *now : *given;
}

/* A new owner takes the rights of the old one away, unless the mode is set as well. tree held */
static void owner_set(struct file_attr *a, const struct stat *st, unsigned which)
{
	if (which & FILE_SET_UID)
		a->uid = st->st_uid;
	if (which & FILE_SET_GID)
		a->gid = st->st_gid;
	if (which & (FILE_SET_UID | FILE_SET_GID) && !S_ISDIR(a->mode))
		a->mode &= ~(uint32_t)(S_ISUID | ((a->mode & S_IXGRP) ? S_ISGID : 0));
}

static int memory_setattr(struct file_inode *i, const struct stat *st, unsigned which, struct file_attr *attr)
{
	struct timespec now = memory_now();
	lock_take(&i->tree);
	struct file_attr *a = &i->attr;
	owner_set(a, st, which);
	if (which & FILE_SET_MODE)
		a->mode = (a->mode & S_IFMT) | (st->st_mode & ~(mode_t)S_IFMT);
	time_set(&a->atime, &st->st_atim, which & FILE_SET_ATIME, which & FILE_SET_ATIME_NOW, &now);
	time_set(&a->mtime, &st->st_mtim, which & FILE_SET_MTIME, which & FILE_SET_MTIME_NOW, &now);
	a->ctime = now;
	lock_drop(&i->tree);
	return memory_getattr(i, attr);
}

/* ---- Content: what the pages do not have is zero ---- */

static int memory_open(struct file_inode *i, bool write)
{
	(void)i;
	(void)write;
	return 0;
}

static void memory_release(struct file_inode *i)
{
	(void)i;
}

static ssize_t memory_read(struct file_inode *i, const struct iovec *iov, int nr, uint64_t offset)
{
	(void)i;
	(void)iov;
	(void)nr;
	(void)offset;
	return 0;
}

/* Only dirty pages are written, and these are never dirty: they would have nowhere to go. */
static ssize_t memory_write(struct file_inode *i, const struct iovec *iov, int nr, uint64_t offset)
{
	(void)i;
	(void)iov;
	(void)nr;
	(void)offset;
	return -EIO;
}

static int memory_truncate(struct file_inode *i, uint64_t size)
{
	(void)i;
	(void)size;
	return 0;
}

/* tmpfs has no other modes. Pages that are punched out are removed by the caller. */
static int memory_fallocate(struct file_inode *i, int mode, uint64_t offset, uint64_t len)
{
	const struct memory *m = memory_of(i);
	(void)offset;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (mode & FALLOC_FL_PUNCH_HOLE)
		return 0;
	return len / 4096 > left_of(m->max_pages, READ_RELAXED(&m->pages)) ? -ENOSPC : 0;
}

/* Without looking at pages: all of a file is data, and the hole is its end. */
static off_t memory_seek(struct file_inode *i, off_t offset, int whence)
{
	lock_take(&i->tree);
	off_t size = (off_t)i->attr.size;
	lock_drop(&i->tree);
	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	if (offset < 0 || offset >= size)
		return -ENXIO;
	return whence == SEEK_DATA ? offset : size;
}

static int memory_fsync(struct file_inode *i, bool data_only)
{
	(void)i;
	(void)data_only;
	return 0;
}

static int memory_sync(struct files *f)
{
	(void)f;
	return 0;
}

const struct file_store_ops memory_store = {
	.in_memory = true,
	.start = memory_start,
	.fini = memory_fini,
	.root = memory_root,
	.lookup = memory_lookup,
	.create = memory_create,
	.mknod = memory_mknod,
	.symlink = memory_symlink,
	.link = memory_link,
	.unlink = memory_unlink,
	.rename = memory_rename,
	.readlink = memory_readlink,
	.getattr = memory_getattr,
	.setattr = memory_setattr,
	.open = memory_open,
	.release = memory_release,
	.read = memory_read,
	.write = memory_write,
	.truncate = memory_truncate,
	.fallocate = memory_fallocate,
	.seek = memory_seek,
	.fsync = memory_fsync,
	.sync = memory_sync,
	.charge = memory_charge,
	.uncharge = memory_uncharge,
	.getxattr = memory_getxattr,
	.listxattr = memory_listxattr,
	.setxattr = memory_setxattr,
	.removexattr = memory_removexattr,
	.statfs = memory_statfs,
	.opendir = memory_opendir,
	.closedir = memory_closedir,
	.readdir = memory_readdir,
	.forget = memory_forget,
};
