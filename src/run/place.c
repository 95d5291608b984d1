/* SPDX-License-Identifier: MIT */
#include "run/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Nobody can make directories in sysfs. So the nearest directory that is there
 * is covered with a tmpfs, in which the missing ones are made, and what it had
 * in it is bound back from below. A descriptor opened before still leads below.
 *
 * Only directories at least two names deep are covered (sys/firmware, never
 * sys): the top ones are told by the type of their file system. What cannot be
 * bound back stays as an empty directory or file.
 */

#define COVER_DEPTH 2u

/* Bytes of the longest part of path that is a directory below root, cut at a slash. */
static size_t existing_part(const char *root, const char *path)
{
	char full[PATH_MAX];
	struct stat st;
	size_t part = strlen(path);

	while (part) {
		int n = snprintf(full, sizeof(full), "%s/%.*s", root, (int)part, path);
		if (n < (int)sizeof(full) && !stat(full, &st) && S_ISDIR(st.st_mode))
			return part;
		while (part && path[--part] != '/')
			;
	}
	return 0;
}

static unsigned depth_of(const char *path, size_t part)
{
	unsigned depth = part != 0;

	for (size_t i = 0; i < part; i++)
		depth += path[i] == '/';
	return depth;
}

static void link_back(int below, const char *name, const char *to)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(below, name, target, sizeof(target) - 1);

	if (n < 0)
		return;
	target[n] = '\0';
	if (symlink(target, to))
		return;
}

static void bind_back(int below, const char *name, const char *to, bool is_dir)
{
	char from[64];
	int made = is_dir ? mkdir(to, 0755) : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	int fd = openat(below, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (!is_dir && made >= 0)
		close(made);
	if (fd < 0)
		return;
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	if (made >= 0)
		mount(from, to, NULL, MS_BIND | MS_REC, NULL);
	close(fd);
}

static void entry_back(int below, const char *name, const char *cover)
{
	char to[PATH_MAX];
	struct stat st;

	if (!strcmp(name, ".") || !strcmp(name, "..") || fstatat(below, name, &st, AT_SYMLINK_NOFOLLOW) ||
	    snprintf(to, sizeof(to), "%s/%s", cover, name) >= (int)sizeof(to))
		return;
	if (S_ISLNK(st.st_mode))
		link_back(below, name, to);
	else
		bind_back(below, name, to, S_ISDIR(st.st_mode));
}

/* Cover a directory with a tmpfs that has the same in it. */
static int dir_cover(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *below = fd < 0 ? NULL : fdopendir(fd);
	if (!below) {
		int err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	int err = mount("none", dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755,size=1m")
			  ? -errno
			  : 0;
	for (struct dirent *e; !err && (e = readdir(below));)
		entry_back(dirfd(below), e->d_name, dir);
	closedir(below);
	return err;
}

/* Every directory of full behind the first `part` bytes. Cuts full and mends it. */
static int dirs_make(char *full, size_t part)
{
	for (char *slash = strchr(full + part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		int err = mkdir(full, 0755) && errno != EEXIST ? -errno : 0;
		*slash = '/';
		if (err)
			return err;
	}
	return mkdir(full, 0755) && errno != EEXIST ? -errno : 0;
}

int place_make(const char *root, const char *path)
{
	char full[PATH_MAX], dir[PATH_MAX];
	size_t part = existing_part(root, path);

	if (part == strlen(path))
		return 0;
	if (depth_of(path, part) < COVER_DEPTH)
		return -ENOENT;
	if (snprintf(full, sizeof(full), "%s/%s", root, path) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	size_t cover = strlen(root) + 1 + part;
	memcpy(dir, full, cover);
	dir[cover] = '\0';
	int err = dir_cover(dir);
	return err ? err : dirs_make(full, cover);
}
