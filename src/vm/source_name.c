/* SPDX-License-Identifier: MIT */
/*
 * Names in the source: finding, making and removing them. All are the host's
 * calls over a directory's descriptor and one component, so they are as atomic
 * as the host makes them.
 */
#include "vm/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One component that stays in its directory. */
static int name_check(const char *name)
{
	if (!*name || !strcmp(name, ".") || !strcmp(name, "..") || strchr(name, '/'))
		return -EINVAL;
	return 0;
}

/* The directory, for work with a name in it. */
static int place_get(struct file_inode *dir, const char *name, struct source_use *u)
{
	int error = name_check(name);
	return error ? error : source_dir_get(dir, u);
}

int source_lookup(struct file_inode *dir, const char *name, struct file_attr *attr)
{
	struct source_use u;
	int error = place_get(dir, name, &u);
	if (error)
		return error;
	error = source_attr_at(u.fd, name, attr);
	source_use_end(source_of(dir), &u);
	return error;
}

/* ---- Making ---- */

/* What is to be made, of whatever kind. */
struct making {
	const char *name;
	const char *target; /* of a symbolic link */
	mode_t mode;
	dev_t rdev;
	int flags; /* of a file that is opened, too */
	int fd; /* then */
};

static int make_here(int dir, struct making *m)
{
	if (m->target)
		return symlinkat(m->target, dir, m->name) ? -errno : 0;
	if (S_ISDIR(m->mode))
		return mkdirat(dir, m->name, m->mode & ~(mode_t)S_IFMT) ? -errno : 0;
	return mknodat(dir, m->name, m->mode, m->rdev) ? -errno : 0;
}

/* A name that has become a link or a directory meanwhile is to be looked up again. */
static int open_here(struct source *s, int dir, struct making *m)
{
	m->fd = source_openat(s, dir, m->name, m->flags, m->mode & ~(mode_t)S_IFMT);
	if (m->fd == -ELOOP || m->fd == -ENXIO || m->fd == -ENODEV)
		return -ESTALE;
	return MIN(m->fd, 0);
}

/* As the client; m->flags decides whether it is opened. */
static int make_as(struct source *s, int dir, struct making *m, const struct file_who *who)
{
	struct source_who was;
	int error = source_who_begin(s, who, &was);
	if (error)
		return error;
	error = m->flags ? open_here(s, dir, m) : make_here(dir, m);
	source_who_end(&was);
	return error;
}

static int make(struct file_inode *dir, struct making *m, const struct file_who *who, struct file_attr *attr)
{
	struct source *s = source_of(dir);
	struct source_use u;
	int error = place_get(dir, m->name, &u);
	if (error)
		return error;
	error = make_as(s, u.fd, m, who);
	if (!error)
		error = source_attr_at(u.fd, m->name, attr);
	source_use_end(s, &u);
	return error;
}

int source_mknod(struct file_inode *dir, const char *name, mode_t mode, dev_t rdev,
		 const struct file_who *who, struct file_attr *attr)
{
	return make(dir, &(struct making){ .name = name, .mode = mode, .rdev = rdev }, who, attr);
}

int source_symlink(struct file_inode *dir, const char *name, const char *target,
		   const struct file_who *who, struct file_attr *attr)
{
	return make(dir, &(struct making){ .name = name, .target = target }, who, attr);
}

/* A node of its own for the inode that the file is going to have. Not listed, no user. */
static int created_open(struct source *s, const struct making *m, struct file_attr *attr, void **open)
{
	int error = source_attr_fd(m->fd, attr);
	if (!error && !S_ISREG(attr->mode))
		error = -ESTALE;
	*open = error ? NULL : source_node_open(s, m->fd);
	return !error && !*open ? -ENOMEM : error;
}

int source_create(struct file_inode *dir, const char *name, mode_t mode, int flags,
		  const struct file_who *who, struct file_attr *attr, void **open)
{
	struct source *s = source_of(dir);
	struct making m = { .name = name,
			    .mode = mode,
			    .flags = O_CREAT | O_RDWR | SOURCE_DATA_FLAGS | (flags & (O_EXCL | O_TRUNC)) };
	struct source_use u;
	*open = NULL;
	if (source_data_full(s))
		return -EMFILE;
	int error = place_get(dir, name, &u);
	if (error)
		return error;
	error = make_as(s, u.fd, &m, who);
	source_use_end(s, &u);
	if (error)
		return error;
	error = created_open(s, &m, attr, open);
	if (error)
		close(m.fd);
	return error;
}

/* ---- More names, fewer names, other names ---- */

/* By the file itself and not its old name: that may lead elsewhere by now. */
static int link_there(const struct source_use *file, int dir, const char *name, struct file_attr *attr)
{
	char path[SOURCE_PATH_MAX];
	if (linkat(AT_FDCWD, source_use_path(file, path), dir, name, AT_SYMLINK_FOLLOW))
		return -errno;
	return source_attr_at(dir, name, attr);
}

int source_link(struct file_inode *i, struct file_inode *dir, const char *name, struct file_attr *attr)
{
	struct source *s = source_of(i);
	struct source_use file, place;
	int error = place_get(dir, name, &place);
	if (error)
		return error;
	error = source_use_any(i, &file);
	if (!error) {
		error = link_there(&file, place.fd, name, attr);
		source_use_end(s, &file);
	}
	source_use_end(s, &place);
	return error;
}

int source_unlink(struct file_inode *dir, const char *name, bool directory)
{
	struct source_use u;
	int error = place_get(dir, name, &u);
	if (error)
		return error;
	error = unlinkat(u.fd, name, directory ? AT_REMOVEDIR : 0) ? -errno : 0;
	source_use_end(source_of(dir), &u);
	return error;
}

int source_rename(struct file_inode *dir, const char *name, struct file_inode *to,
		  const char *to_name, unsigned flags)
{
	struct source *s = source_of(dir);
	struct source_use from, there;
	int error = place_get(dir, name, &from);
	if (error)
		return error;
	error = place_get(to, to_name, &there);
	if (!error) {
		error = renameat2(from.fd, name, there.fd, to_name, flags) ? -errno : 0;
		source_use_end(s, &there);
	}
	source_use_end(s, &from);
	return error;
}
