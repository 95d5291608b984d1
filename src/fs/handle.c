/* SPDX-License-Identifier: MIT */
#include "fs/handle.h"

#include "base/mem.h"
#include "fs/state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/*
 * Reading and writing as 6.1's proc, sysctl and sysfs files do (FACTS: a
 * sysctl has ended after the first read, and takes a write at offset 0 only;
 * sysfs takes every write, and 4096 bytes of it at most).
 *
 * h->lock (RANK_FS) makes reads and writes of one handle take turns, as
 * seq_file's mutex does; it is held while the reply is copied out.
 *
 * A handle of a task's file holds no reference: once the task is gone, what is
 * asked of the handle is answered with ENODEV.
 */

#define SYSFS_WRITE_MAX 4096u
#define SPARE_TEXT_MAX ((size_t)1 << 20) /* larger buffers are not kept with a spare handle */

struct handle {
	struct lock lock;
	uint64_t ino;
	struct text text;
	bool rendered;
	bool append;
	bool written;
	off_t behind; /* where the last read of a text ended: a write there is one that read(2) and write(2) led to */
	char *mem; /* bytes of the last read of a task's memory */
	size_t mem_cap;
	int state_fd; /* of an open state.tar, else -1 */
	uint64_t seen; /* of a task's events, when they were last read; relaxed */
	struct fuse_pollhandle *poll; /* fs->spare_lock: to be told of the next one */
	struct handle *next, *prev; /* fs->spare_lock: among the open ones; next: among the spare ones */
};

/* An unmount does not wait for the kernel to release what clients still had open: fs_fini closes the rest. */
static void open_add(struct fs *fs, struct handle *h) /* spare_lock held */
{
	h->prev = NULL;
	h->next = fs->open;
	if (h->next)
		h->next->prev = h;
	fs->open = h;
}

static void open_del(struct fs *fs, struct handle *h) /* spare_lock held */
{
	if (h->next)
		h->next->prev = h->prev;
	if (h->prev)
		h->prev->next = h->next;
	else
		fs->open = h->next;
}

static void poll_forget(struct handle *h) /* spare_lock held */
{
	if (h->poll)
		fuse_pollhandle_destroy(h->poll);
	h->poll = NULL;
}

static struct handle *spare_pop(struct fs *fs) /* spare_lock held */
{
	struct handle *h = fs->handle;
	if (h) {
		fs->handle = h->next;
		fs->nr_handles--;
	}
	return h;
}

static struct handle *spare_take(struct fs *fs)
{
	lock_take(&fs->spare_lock);
	struct handle *h = spare_pop(fs);
	if (h)
		open_add(fs, h);
	lock_drop(&fs->spare_lock);
	return h;
}

static bool spare_give(struct fs *fs, struct handle *h)
{
	lock_take(&fs->spare_lock);
	open_del(fs, h);
	poll_forget(h);
	bool kept = h->text.cap <= SPARE_TEXT_MAX && fs->nr_handles < FS_SPARE_HANDLES;
	if (kept) {
		h->next = fs->handle;
		fs->handle = h;
		fs->nr_handles++;
	}
	lock_drop(&fs->spare_lock);
	return kept;
}

static struct handle *handle_create(struct fs *fs)
{
	struct handle *h = mem_zalloc(sizeof(*h));

	if (!h)
		return NULL;
	lock_init(&h->lock, RANK_FS, 0);
	h->state_fd = -1;
	text_init(&h->text, 0);
	lock_take(&fs->spare_lock);
	open_add(fs, h);
	lock_drop(&fs->spare_lock);
	return h;
}

static void handle_destroy(struct handle *h)
{
	text_fini(&h->text);
	mem_free(h->mem);
	lock_fini(&h->lock);
	mem_free(h);
}

void handle_spares_free(struct fs *fs)
{
	lock_take(&fs->spare_lock);
	for (struct handle *h; (h = spare_pop(fs));)
		handle_destroy(h);
	lock_drop(&fs->spare_lock);
}

void handles_close(struct fs *fs)
{
	while (fs->open)
		handle_close(fs, fs->open);
}

static bool is_state(const struct inode *i)
{
	return i->kind == INODE_ENTRY && i->entry->kind == ENTRY_STATE;
}

int handle_open(struct fs *fs, const struct inode *i, int flags, struct handle **out)
{
	int err = inode_may_open(i, flags);
	if (err)
		return err;
	struct handle *h = spare_take(fs);
	if (!h)
		h = handle_create(fs);
	if (!h)
		return -ENOMEM;
	h->ino = i->ino;
	h->append = flags & O_APPEND;
	h->rendered = h->written = false;
	h->behind = 0;
	h->seen = 0;
	if (is_state(i)) {
		h->state_fd = state_tar_open(fs);
		if (h->state_fd < 0) {
			err = h->state_fd;
			handle_close(fs, h);
			return err;
		}
	}
	*out = h;
	return 0;
}

void handle_close(struct fs *fs, struct handle *h)
{
	lock_take(&h->lock); /* whoever sent the last reply may not have let go yet */
	mem_free(h->mem);
	h->mem = NULL;
	h->mem_cap = 0;
	if (h->state_fd >= 0)
		close(h->state_fd);
	h->state_fd = -1;
	lock_drop(&h->lock);
	if (!spare_give(fs, h))
		handle_destroy(h);
}

static int view_render(struct fs *fs, const struct entry *e, struct text *text)
{
	struct snapshot *s = fs_snapshot_take(fs, e->view->parts);

	if (!s)
		return -ENOMEM;
	e->view->render(text, s, e->arg);
	fs_snapshot_give(fs, s);
	return text_error(text);
}

int inode_render(struct fs *fs, const struct inode *i, struct text *text)
{
	int err = 0;

	switch (i->kind) {
	case INODE_ENTRY:
		if (i->entry->kind == ENTRY_VIEW)
			return view_render(fs, i->entry, text);
		if (i->entry->kind != ENTRY_KNOB)
			return -EISDIR;
		err = knob_read(i->entry->knob, fs->vm, i->entry->arg, text);
		break;
	case INODE_TASK_ATTR:
		err = task_attr_read(i->task, i->attr, text);
		break;
	case INODE_PID_VIEW:
		i->view->render_task(text, i->task);
		break;
	case INODE_CACHE_ATTR:
		err = cache_attr_read(fs->vm, i->cache, i->cache_attr, text);
		break;
	default:
		return -EISDIR;
	}
	return err ? err : text_error(text);
}

static int handle_inode(struct fs *fs, const struct handle *h, struct inode *out)
{
	return inode_get(fs, h->ino, out) ? -ENODEV : 0;
}

static bool is_mem(const struct inode *i)
{
	return i->kind == INODE_TASK_ATTR && i->attr->is_mem;
}

static bool ends_after_one_read(const struct inode *i)
{
	return i->kind == INODE_ENTRY && i->entry->kind == ENTRY_KNOB &&
	       i->entry->knob->style == KNOB_SYSCTL && !i->entry->knob->stream;
}

static int mem_reserve(struct handle *h, size_t len)
{
	if (h->mem_cap >= len)
		return 0;
	mem_free(h->mem);
	h->mem_cap = 0;
	h->mem = mem_zalloc(len);
	if (!h->mem)
		return -ENOMEM;
	h->mem_cap = len;
	return 0;
}

static int mem_slice(struct handle *h, struct task *t, size_t len, off_t offset, struct slice *out)
{
	if (mem_reserve(h, len))
		return -ENOMEM;
	ssize_t n = task_mem_read(t, h->mem, len, (uint64_t)offset);
	if (n < 0)
		return (int)n;
	*out = (struct slice){ h->mem, (size_t)n };
	return 0;
}

/* One instant, from open to close. */
static int state_slice(struct handle *h, size_t len, off_t offset, struct slice *out)
{
	if (mem_reserve(h, len))
		return -ENOMEM;
	ssize_t n = pread(h->state_fd, h->mem, len, offset);
	if (n < 0)
		return -errno;
	*out = (struct slice){ h->mem, (size_t)n };
	return 0;
}

/* Never 0 for what can change, so that a handle that was not read yet is behind. */
static uint64_t events_now(const struct inode *i)
{
	return i->kind == INODE_TASK_ATTR && i->attr->can_poll ? task_events(i->task) + 1 : 0;
}

static int text_refresh(struct fs *fs, struct handle *h, const struct inode *i)
{
	text_reset(&h->text);
	WRITE_RELAXED(&h->seen, events_now(i));
	int err = inode_render(fs, i, &h->text);
	h->rendered = !err;
	return err;
}

static int text_slice(struct fs *fs, struct handle *h, const struct inode *i, size_t len,
		      off_t offset, struct slice *out)
{
	*out = (struct slice){ "", 0 };
	if (offset && ends_after_one_read(i))
		return 0;
	if (!offset || !h->rendered) {
		int err = text_refresh(fs, h, i);
		if (err)
			return err;
	}
	if ((uint64_t)offset < h->text.len)
		*out = (struct slice){ h->text.buf + offset, MIN(len, h->text.len - (size_t)offset) };
	h->behind = offset + (off_t)out->len;
	return 0;
}

int handle_read_begin(struct fs *fs, struct handle *h, size_t len, off_t offset, struct slice *out)
{
	struct inode i;
	int err = offset < 0 ? -EINVAL : handle_inode(fs, h, &i);
	if (err)
		return err;
	lock_take(&h->lock);
	if (is_mem(&i))
		err = mem_slice(h, i.task, len, offset, out);
	else if (h->state_fd >= 0)
		err = state_slice(h, len, offset, out);
	else
		err = text_slice(fs, h, &i, len, offset, out);
	inode_put(&i);
	if (err)
		lock_drop(&h->lock);
	return err;
}

void handle_read_end(struct handle *h)
{
	lock_drop(&h->lock);
}

bool handle_poll(struct fs *fs, struct handle *h, struct fuse_pollhandle *ph)
{
	struct inode i;

	if (ph) { /* first, so that nothing that happens from now on is missed */
		lock_take(&fs->spare_lock);
		poll_forget(h);
		h->poll = ph;
		lock_drop(&fs->spare_lock);
	}
	if (handle_inode(fs, h, &i))
		return true;
	bool changed = events_now(&i) != READ_RELAXED(&h->seen);
	inode_put(&i);
	return changed;
}

static bool ino_tells_events(uint64_t ino, const struct task *t)
{
	for (unsigned row = 0; row < nr_task_attrs; row++)
		if (task_attr_table[row].can_poll && task_attr_ino(t, row) == ino)
			return true;
	return false;
}

void handles_task_event(void *ctx, const struct task *t)
{
	struct fs *fs = ctx;

	lock_take(&fs->spare_lock);
	for (struct handle *h = fs->open; h; h = h->next) {
		if (!h->poll || !ino_tells_events(h->ino, t))
			continue;
		fuse_lowlevel_notify_poll(h->poll);
		poll_forget(h);
	}
	lock_drop(&fs->spare_lock);
}

/* A file opened for appending arrives with the kernel's idea of its length: there its first write is the one at the start. */
static bool sysctl_write_counts(struct handle *h, off_t offset)
{
	lock_take(&h->lock);
	bool counts = h->append ? !h->written : !offset;
	h->written = true;
	lock_drop(&h->lock);
	return counts;
}

static ssize_t knob_entry_write(struct fs *fs, struct handle *h, const struct entry *e,
				const char *buf, size_t len, off_t offset)
{
	if (e->knob->style == KNOB_SYSFS)
		len = MIN(len, SYSFS_WRITE_MAX);
	else if (!e->knob->stream && !sysctl_write_counts(h, offset))
		return knob_write_past(e->knob, fs->vm, len);
	return knob_write(e->knob, fs->vm, e->arg, buf, len);
}

/*
 * Root may open a text of proc for writing; there is nothing that could take
 * what is written. pwrite is not even possible: an offset that reading did not lead to is taken for one.
 */
static ssize_t view_write(struct handle *h, off_t offset)
{
	lock_take(&h->lock);
	bool in_turn = !offset || offset == h->behind;
	lock_drop(&h->lock);
	return in_turn ? -EIO : -ESPIPE;
}

ssize_t handle_write(struct fs *fs, struct handle *h, const char *buf, size_t len, off_t offset)
{
	struct inode i;
	ssize_t n = handle_inode(fs, h, &i);
	if (n)
		return n;
	if (i.kind == INODE_ENTRY && i.entry->kind == ENTRY_KNOB)
		n = knob_entry_write(fs, h, i.entry, buf, len, offset);
	else if (i.kind == INODE_ENTRY && i.entry->kind == ENTRY_VIEW && i.entry->view->store)
		n = i.entry->view->store(fs->vm, buf, len);
	else if (i.kind == INODE_CACHE_ATTR)
		n = cache_attr_write(fs->vm, i.cache, i.cache_attr, buf, len);
	else if (i.kind == INODE_PID_VIEW && i.view->task_attr)
		n = task_attr_write(i.task, task_attr_find(i.view->task_attr), buf, len);
	else if (is_mem(&i))
		n = task_mem_write(i.task, buf, len, (uint64_t)offset);
	else if (i.kind == INODE_TASK_ATTR)
		n = task_attr_write(i.task, i.attr, buf, len);
	else
		n = view_write(h, offset);
	inode_put(&i);
	return n;
}
