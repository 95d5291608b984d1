/* SPDX-License-Identifier: MIT */
/*
 * Attributes of what is in the source, of any type. A file with a descriptor
 * is asked through it, so one that has no name any more, too; others through
 * one that is open for nothing but this (O_PATH), which the host finds again
 * below /proc/self/fd.
 */
#include "vm/source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

ssize_t source_readlink(struct file_inode *i, char *buf, size_t size)
{
	struct source_use u;
	ssize_t n = source_use_any(i, &u);
	if (n)
		return n;
	n = readlinkat(u.fd, "", buf, size);
	if (n < 0)
		n = errno == ENOENT ? -EINVAL : -errno; /* no link: the host says so in other words */
	source_use_end(source_of(i), &u);
	return n;
}

struct attr_try {
	const struct file_inode *inode;
	struct file_attr *attr;
};

static int attr_by_name(int dir, const char *name, void *arg)
{
	struct attr_try *t = arg;
	struct stat st;
	uint64_t turn = file_turn_now();
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
		return -errno;
	if (!source_is(t->inode, &st))
		return -ESTALE;
	source_attr_set(t->attr, &st, turn);
	return 0;
}

int source_getattr(struct file_inode *i, struct file_attr *attr)
{
	struct source_use u;
	if (!source_is_root(source_of(i), i) && !source_use_node(i, &u))
		return source_by_name(i, attr_by_name, &(struct attr_try){ .inode = i, .attr = attr });
	if (source_is_root(source_of(i), i))
		return source_attr_fd(source_of(i)->root, attr);
	int error = source_attr_fd(u.fd, attr);
	source_use_end(source_of(i), &u);
	return error;
}

/* ---- Changing them ---- */

static struct timespec time_for(unsigned which, unsigned now, unsigned given, const struct timespec *t)
{
	if (which & now)
		return (struct timespec){ .tv_nsec = UTIME_NOW };
	return (which & given) ? *t : (struct timespec){ .tv_nsec = UTIME_OMIT };
}

static int times_set(const char *path, const struct stat *st, unsigned which)
{
	const struct timespec t[2] = {
		time_for(which, FILE_SET_ATIME_NOW, FILE_SET_ATIME, &st->st_atim),
		time_for(which, FILE_SET_MTIME_NOW, FILE_SET_MTIME, &st->st_mtim),
	};
	return utimensat(AT_FDCWD, path, t, 0) ? -errno : 0;
}

/* Owners first: a new one takes setuid bits away, which the mode may bring back. */
static int attr_change(const struct source_use *u, const struct stat *st, unsigned which)
{
	char path[SOURCE_PATH_MAX];
	uid_t uid = (which & FILE_SET_UID) ? st->st_uid : (uid_t)-1;
	gid_t gid = (which & FILE_SET_GID) ? st->st_gid : (gid_t)-1;
	int error = 0;
	source_use_path(u, path);
	if (which & (FILE_SET_UID | FILE_SET_GID))
		error = fchownat(u->fd, "", uid, gid, AT_EMPTY_PATH) ? -errno : 0;
	if (!error && which & FILE_SET_MODE)
		error = chmod(path, st->st_mode & ~(mode_t)S_IFMT) ? -errno : 0;
	if (!error && which & (FILE_SET_ATIME | FILE_SET_MTIME | FILE_SET_ATIME_NOW | FILE_SET_MTIME_NOW))
		error = times_set(path, st, which);
	return error;
}

int source_setattr(struct file_inode *i, const struct stat *st, unsigned which, struct file_attr *attr)
{
	struct source_use u;
	int error = source_use_any(i, &u);
	if (error)
		return error;
	error = attr_change(&u, st, which);
	if (!error)
		error = source_attr_fd(u.fd, attr);
	source_use_end(source_of(i), &u);
	return error;
}

/* ---- Extended ones ---- */

ssize_t source_getxattr(struct file_inode *i, const char *name, void *value, size_t size)
{
	char path[SOURCE_PATH_MAX];
	struct source_use u;
	ssize_t n = source_use_any(i, &u);
	if (n)
		return n;
	n = getxattr(source_use_path(&u, path), name, value, size);
	if (n < 0)
		n = -errno;
	source_use_end(source_of(i), &u);
	return n;
}

ssize_t source_listxattr(struct file_inode *i, char *list, size_t size)
{
	char path[SOURCE_PATH_MAX];
	struct source_use u;
	ssize_t n = source_use_any(i, &u);
	if (n)
		return n;
	n = listxattr(source_use_path(&u, path), list, size);
	if (n < 0)
		n = -errno;
	source_use_end(source_of(i), &u);
	return n;
}

int source_setxattr(struct file_inode *i, const char *name, const void *value, size_t size, int flags)
{
	char path[SOURCE_PATH_MAX];
	struct source_use u;
	int error = source_use_any(i, &u);
	if (error)
		return error;
	error = setxattr(source_use_path(&u, path), name, value, size, flags) ? -errno : 0;
	source_use_end(source_of(i), &u);
	return error;
}

int source_removexattr(struct file_inode *i, const char *name)
{
	char path[SOURCE_PATH_MAX];
	struct source_use u;
	int error = source_use_any(i, &u);
	if (error)
		return error;
	error = removexattr(source_use_path(&u, path), name) ? -errno : 0;
	source_use_end(source_of(i), &u);
	return error;
}
