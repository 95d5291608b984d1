/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of the source in use, and what the host says about them.
 *
 * An inode's number may come back for another file after ours was removed
 * behind our back. The type is compared as well; a file that took the place of
 * one of its type cannot be told apart here, but by its times (file_inode_refresh).
 */
#include "vm/source.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct source_node *source_node_of(struct file_inode *i)
{
	struct source *s = source_of(i);
	struct source_node *n = READ_ACQUIRE((struct source_node **)&i->store);
	if (n)
		return n;
	struct source_node *fresh = mem_zalloc(sizeof(*fresh));
	if (!fresh)
		return NULL;
	fresh->fd = -1;
	fresh->directory = S_ISDIR(i->attr.mode);
	lock_take(&s->lock);
	n = i->store;
	if (!n)
		WRITE_RELEASE((struct source_node **)&i->store, fresh);
	lock_drop(&s->lock);
	if (n)
		mem_free(fresh);
	return n ? n : fresh;
}

bool source_use_node(struct file_inode *i, struct source_use *u)
{
	struct source *s = source_of(i);
	lock_take(&s->lock);
	struct source_node *n = i->store;
	bool there = n && n->fd >= 0;
	if (there) {
		n->users++;
		*u = (struct source_use){ .fd = n->fd, .node = n };
	}
	lock_drop(&s->lock);
	return there;
}

/* What is to be closed, or -1. Too many: of directories. */
static int node_leave(struct source *s, struct source_node *n, bool *too_many)
{
	int fd = -1;
	lock_take(&s->lock);
	*too_many = n->directory && s->nr_dirs > s->max_dirs;
	if (--n->users == 0 && n->closing) {
		fd = n->fd;
		n->fd = -1;
		n->closing = false;
		s->nr_data--;
	}
	lock_drop(&s->lock);
	return fd;
}

void source_use_end(struct source *s, struct source_use *u)
{
	int fd = u->close ? u->fd : -1;
	bool too_many = false;
	if (u->node)
		fd = node_leave(s, u->node, &too_many);
	if (fd >= 0)
		close(fd);
	if (too_many)
		source_dirs_shrink(s, s->max_dirs);
	u->fd = -1;
}

int source_openat(struct source *s, int dir, const char *name, int flags, mode_t mode)
{
	flags |= O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dir, name, flags, mode);
	if (fd < 0 && errno == EMFILE) {
		source_dirs_shrink(s, 0);
		fd = openat(dir, name, flags, mode);
	}
	return fd < 0 ? -errno : fd;
}

const char *source_use_path(const struct source_use *u, char path[SOURCE_PATH_MAX])
{
	snprintf(path, SOURCE_PATH_MAX, "/proc/self/fd/%d", u->fd);
	return path;
}

bool source_is(const struct file_inode *i, const struct stat *st)
{
	return st->st_ino == i->attr.ino && st->st_dev == i->attr.dev &&
	       (st->st_mode & S_IFMT) == (i->attr.mode & S_IFMT);
}

void source_attr_set(struct file_attr *attr, const struct stat *st, uint64_t turn)
{
	*attr = (struct file_attr){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.mode = st->st_mode,
		.nlink = (uint32_t)st->st_nlink,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.rdev = st->st_rdev,
		.size = (uint64_t)st->st_size,
		.blocks = (uint64_t)st->st_blocks,
		.atime = st->st_atim,
		.mtime = st->st_mtim,
		.ctime = st->st_ctim,
		.turn = turn,
	};
}

int source_attr_at(int dir, const char *name, struct file_attr *attr)
{
	struct stat st;
	uint64_t turn = file_turn_now();
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
		return -errno;
	source_attr_set(attr, &st, turn);
	return 0;
}

int source_attr_fd(int fd, struct file_attr *attr)
{
	struct stat st;
	uint64_t turn = file_turn_now();
	if (fstat(fd, &st))
		return -errno;
	source_attr_set(attr, &st, turn);
	return 0;
}

struct path_try {
	struct file_inode *inode;
	struct source_use *use;
};

static int path_open(int dir, const char *name, void *arg)
{
	struct path_try *t = arg;
	struct stat st;
	int fd = source_openat(source_of(t->inode), dir, name, O_PATH, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) || !source_is(t->inode, &st)) {
		close(fd);
		return -ESTALE;
	}
	*t->use = (struct source_use){ .fd = fd, .close = true };
	return 0;
}

int source_use_any(struct file_inode *i, struct source_use *u)
{
	if (S_ISDIR(i->attr.mode))
		return source_dir_get(i, u);
	if (source_use_node(i, u))
		return 0;
	return source_by_name(i, path_open, &(struct path_try){ .inode = i, .use = u });
}
