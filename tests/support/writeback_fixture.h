/* SPDX-License-Identifier: MIT */
#ifndef WRITEBACK_FIXTURE_H
#define WRITEBACK_FIXTURE_H

/*
 * A machine with files over a store that is an array for each of a few files,
 * and does what a test tells it: fails, takes too little, counts. No thread
 * unless a test starts one.
 */
#include "support/vm_fixture.h"
#include "vm/file_private.h"
#include "vm/file_store.h"
#include "vm/filemap.h"
#include "vm/writeback_private.h"

#include <sys/statvfs.h>

#define STORE_FILES 8u
#define STORE_BYTES (8ul << 20)

struct stored {
	char *bytes;
	uint64_t size;
	struct timespec mtime, ctime;
};

struct fake_store {
	struct stored file[STORE_FILES + 1]; /* by inode number; 0 is none */
	int write_error, setattr_error; /* what it answers; 0: it works */
	bool shorter; /* takes half */
	uint64_t writes, setattrs, syncs, largest; /* atomic */
	time_t now;
	void (*on_write)(struct file_inode *i); /* meanwhile; NULL: nothing */
};

struct files_fixture {
	struct fixture *f;
	struct vm *vm;
	struct files *files;
	struct fake_store store;
};

static inline struct stored *stored_of(struct file_inode *i)
{
	struct fake_store *s = i->files->store_ctx;
	return &s->file[i->attr.ino];
}

static inline void stored_attr(struct file_inode *i, uint64_t ino, struct file_attr *a)
{
	struct fake_store *s = i->files->store_ctx;
	const struct stored *f = &s->file[ino];
	*a = (struct file_attr){ .dev = 1, .ino = ino, .mode = S_IFREG | 0644, .nlink = 1 };
	a->size = READ_RELAXED(&f->size);
	a->mtime = f->mtime;
	a->ctime = f->ctime;
}

static int fake_getattr(struct file_inode *i, struct file_attr *attr)
{
	stored_attr(i, i->attr.ino, attr);
	return 0;
}

static int fake_setattr(struct file_inode *i, const struct stat *st, unsigned which, struct file_attr *attr)
{
	struct fake_store *s = i->files->store_ctx;
	s->setattrs++;
	if (s->setattr_error)
		return s->setattr_error;
	assert_int_equal(which, FILE_SET_MTIME);
	stored_of(i)->mtime = st->st_mtim;
	stored_of(i)->ctime.tv_sec = ++s->now;
	return fake_getattr(i, attr);
}

static ssize_t fake_write(struct file_inode *i, const struct iovec *iov, int nr, uint64_t offset)
{
	struct fake_store *s = i->files->store_ctx;
	struct stored *f = stored_of(i);
	uint64_t len = 0;
	__atomic_fetch_add(&s->writes, 1, __ATOMIC_RELAXED);
	if (s->on_write)
		s->on_write(i);
	int error = READ_RELAXED(&s->write_error);
	if (error)
		return error;
	for (int k = 0; k < nr; k++) {
		assert_true(offset + len + iov[k].iov_len <= STORE_BYTES);
		memcpy(f->bytes + offset + len, iov[k].iov_base, iov[k].iov_len);
		len += iov[k].iov_len;
	}
	WRITE_RELAXED(&f->size, MAX(READ_RELAXED(&f->size), offset + len));
	WRITE_RELAXED(&s->largest, MAX(READ_RELAXED(&s->largest), len));
	f->mtime.tv_sec = f->ctime.tv_sec = __atomic_add_fetch(&s->now, 1, __ATOMIC_RELAXED);
	return (ssize_t)(s->shorter ? len / 2 : len);
}

static ssize_t fake_read(struct file_inode *i, const struct iovec *iov, int nr, uint64_t offset)
{
	const struct stored *f = stored_of(i);
	uint64_t done = 0, size = READ_RELAXED(&f->size);
	for (int k = 0; k < nr && offset + done < size; k++) {
		size_t part = MIN(iov[k].iov_len, (size_t)(size - offset - done));
		memcpy(iov[k].iov_base, f->bytes + offset + done, part);
		done += part;
	}
	return (ssize_t)done;
}

static int fake_truncate(struct file_inode *i, uint64_t size)
{
	WRITE_RELAXED(&stored_of(i)->size, size);
	return 0;
}

static int fake_fsync(struct file_inode *i, bool data_only)
{
	(void)i;
	(void)data_only;
	return 0;
}

static int fake_sync(struct files *f)
{
	struct fake_store *s = f->store_ctx;
	s->syncs++;
	return 0;
}

static int fake_open(struct file_inode *i, bool write)
{
	(void)i;
	(void)write;
	return 0;
}

static void fake_release(struct file_inode *i)
{
	(void)i;
}

static void fake_fini(struct files *f)
{
	struct fake_store *s = f->store_ctx;
	for (unsigned n = 0; n <= STORE_FILES; n++)
		free(s->file[n].bytes);
}

static const struct file_store_ops fake_store_ops = {
	.fini = fake_fini,
	.getattr = fake_getattr,
	.setattr = fake_setattr,
	.open = fake_open,
	.release = fake_release,
	.forget = fake_release,
	.read = fake_read,
	.write = fake_write,
	.truncate = fake_truncate,
	.fsync = fake_fsync,
	.sync = fake_sync,
};

static inline struct files_fixture *files_begin_as(bool deterministic)
{
	struct files_fixture *x = calloc(1, sizeof(*x));
	x->f = fixture_boot_with(
		&(struct region_config){ .backing = BACKING_SPARSE, .limit_bytes = 600ul << 20 },
		deterministic);
	x->vm = &x->f->vm;
	x->files = &x->vm->files;
	x->files->store->fini(x->files); /* nothing was looked at yet */
	for (unsigned n = 0; n <= STORE_FILES; n++)
		x->store.file[n].bytes = calloc(1, STORE_BYTES);
	x->files->store = &fake_store_ops;
	x->files->store_ctx = &x->store;
	return x;
}

static inline struct files_fixture *files_begin(void)
{
	return files_begin_as(true);
}

static inline void files_end(struct files_fixture *x)
{
	fixture_end(x->f);
	free(x);
}

/* With a reference. */
static inline struct file_inode *file_of(struct files_fixture *x, uint64_t ino)
{
	struct file_attr a = { .dev = 1, .ino = ino, .mode = S_IFREG | 0644, .nlink = 1 };
	a.size = x->store.file[ino].size;
	a.mtime = x->store.file[ino].mtime;
	a.ctime = x->store.file[ino].ctime;
	struct file_inode *i = file_inode_obtain(x->files, &a);
	assert_non_null(i);
	return i;
}

static inline void fill(struct file_inode *i, uint64_t offset, size_t len, int byte)
{
	char *buf = malloc(len);
	memset(buf, byte, len);
	assert_int_equal(file_write(i, buf, len, offset), len);
	free(buf);
}

static inline void assert_stored(struct files_fixture *x, uint64_t ino, uint64_t offset, size_t len, int byte)
{
	const struct stored *f = &x->store.file[ino];
	assert_true(offset + len <= f->size);
	for (size_t k = 0; k < len; k++)
		if (f->bytes[offset + k] != (char)byte)
			fail_msg("file %lu: byte %lu is %d, not %d", (unsigned long)ino,
				 (unsigned long)(offset + k), f->bytes[offset + k], byte);
}

static inline uint64_t dirty_pages_now(struct files_fixture *x)
{
	return (uint64_t)node_sum(x->vm, NR_FILE_DIRTY);
}

#endif
