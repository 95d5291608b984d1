/* SPDX-License-Identifier: MIT */
/*
 * Removing all that is in a folder, however deep it is, with two descriptors:
 * what is in a subdirectory is removed, and directories in it that are not
 * empty are moved up into the folder, where their turn comes. No link is
 * followed and nothing outside the folder is named.
 */
#include "vm/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct removal {
	int top;
	uint64_t moved; /* numbers the names that directories get */
	bool progress; /* something was removed or moved since the pass began */
	int error; /* of what is left; this pass */
};

static void removal_note(struct removal *r, int failed)
{
	if (!failed)
		r->progress = true;
	else if (!r->error)
		r->error = -errno;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* A file or an empty directory; false: a directory with something in it. */
static bool entry_remove(struct removal *r, int dir, const char *name)
{
	int failed = unlinkat(dir, name, 0);
	if (failed && (errno == EISDIR || errno == EPERM))
		failed = unlinkat(dir, name, AT_REMOVEDIR);
	if (failed && (errno == ENOTEMPTY || errno == EEXIST))
		return false;
	removal_note(r, failed);
	return true;
}

/* Up into the folder, by a name that nothing has. */
static void entry_move_up(struct removal *r, int dir, const char *name)
{
	char to[32];
	int failed;
	do {
		snprintf(to, sizeof(to), "removed-%llu", (unsigned long long)r->moved++);
		failed = renameat2(dir, name, r->top, to, RENAME_NOREPLACE);
	} while (failed && errno == EEXIST);
	removal_note(r, failed);
}

/* Its owner may have taken away his own right to change it. */
static DIR *dir_open(int parent, const char *name)
{
	(void)!fchmodat(parent, name, 0700, 0); /* no link: it was seen to be a directory, and the folder is ours alone */
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* A directory of the folder: what is in it. */
static void subdir_clear(struct removal *r, const char *name)
{
	DIR *dir = dir_open(r->top, name);
	if (!dir) {
		removal_note(r, -1);
		return;
	}
	for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
		if (is_dots(e->d_name) || entry_remove(r, dirfd(dir), e->d_name))
			continue;
		(void)!fchmodat(dirfd(dir), e->d_name, 0700, 0);
		entry_move_up(r, dirfd(dir), e->d_name);
	}
	closedir(dir);
}

static void top_pass(struct removal *r, DIR *top)
{
	rewinddir(top);
	for (const struct dirent *e = readdir(top); e; e = readdir(top)) {
		if (is_dots(e->d_name) || entry_remove(r, r->top, e->d_name))
			continue;
		subdir_clear(r, e->d_name);
		if (!entry_remove(r, r->top, e->d_name))
			r->progress |= !r->error;
	}
}

int source_tree_remove(int dir)
{
	struct removal r = { .top = dir };
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *top = fd < 0 ? NULL : fdopendir(fd);
	if (!top) {
		r.error = -errno;
		if (fd >= 0)
			close(fd);
		return r.error;
	}
	do {
		r.progress = false;
		r.error = 0;
		top_pass(&r, top);
	} while (r.progress);
	closedir(top);
	return r.error;
}
