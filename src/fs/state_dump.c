/* SPDX-License-Identifier: MIT */
#include "fs/state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/*
 * A collected state as plain files. What is in the directory already is kept,
 * save for files of the same names, so that one dump can be taken over another.
 * Permissions follow once everything is written: a directory may deny writing.
 */

static int failed(struct why *why, const char *dir, const char *path)
{
	return why_set(why, -errno, "%s/%s: %s", dir, path, strerror(errno));
}

static int file_dump(const struct state *s, const struct state_member *m, int at)
{
	unlinkat(at, m->path, 0);
	int fd = openat(at, m->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	const char *p = state_text(s, m);
	size_t left = m->len;
	while (left) {
		ssize_t n = write(fd, p, left);
		if (n < 0)
			break;
		p += n;
		left -= (size_t)n;
	}
	int err = left ? -1 : fchmod(fd, m->mode & 07777);
	int kept = errno;
	close(fd);
	errno = kept;
	return err;
}

static int link_dump(const struct state_member *m, int at)
{
	unlinkat(at, m->path, 0);
	return symlinkat(m->target, at, m->path);
}

static int member_dump(const struct state *s, const struct state_member *m, int at)
{
	if (S_ISDIR(m->mode))
		return mkdirat(at, m->path, 0700) && errno != EEXIST ? -1
								     : fchmodat(at, m->path, 0700, 0);
	return S_ISLNK(m->mode) ? link_dump(m, at) : file_dump(s, m, at);
}

int state_dump(const struct state *s, const char *dir, struct why *why)
{
	if (mkdir(dir, 0755) && errno != EEXIST)
		return why_set(why, -errno, "%s: %s", dir, strerror(errno));
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	if (at < 0)
		return why_set(why, -errno, "%s: %s", dir, strerror(errno));
	for (unsigned i = 0; i < s->nr && !err; i++)
		if (member_dump(s, &s->member[i], at))
			err = failed(why, dir, s->member[i].path);
	for (unsigned i = s->nr; i-- > 0 && !err;)
		if (S_ISDIR(s->member[i].mode) &&
		    fchmodat(at, s->member[i].path, s->member[i].mode & 07777, 0))
			err = failed(why, dir, s->member[i].path);
	close(at);
	return err;
}
