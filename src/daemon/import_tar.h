/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_IMPORT_TAR_H
#define DAEMON_IMPORT_TAR_H

/* The tar half of import_input: members in memory, sorted by name. */

#include "base/log.h"

struct tar_member {
	char *path; /* relative, no "." or ".." in it, no slash at its end */
	char *bytes; /* NUL behind the last; NULL: a directory */
	size_t len;
	unsigned serial; /* position in the file: of two with one name the later one counts */
};

struct tar {
	int fd;
	const char *name; /* for messages */
	struct tar_member *member;
	unsigned nr, cap;
	uint64_t bytes; /* of all members that are kept */
	uint64_t skipped; /* of those that are not */
	unsigned seen; /* members met */
	char prefix[512]; /* directory that the state stands in, cut off all paths: "sosreport-a/", "" */
	char damage[128]; /* why not all of the file could be read; "": it could */
};

/*
 * Read everything but tasks/NAME/mem. fd stays the caller's. 0, or -errno with
 * why set. A file that is cut off or damaged behind proc/zoneinfo is read as
 * far as it goes; t->damage then says so.
 */
MUST_CHECK int tar_load(struct tar *t, int fd, const char *name, struct why *why);
void tar_fini(struct tar *t);
const struct tar_member *tar_find(const struct tar *t, const char *path); /* NULL: none */
int tar_list(const struct tar *t, const char *dir,
	     int (*each)(void *ctx, const char *name, bool is_dir), void *ctx);
/* Does the file begin like a tar, or like a compressed one? For SOURCE, which may be a configuration as well. */
bool file_is_tar(const char *path);
bool fd_is_tar(int fd);
/* See input_contents. */
MUST_CHECK int tar_contents(struct tar *t,
			    int (*each)(void *ctx, const char *task, uint64_t offset,
					const char *bytes, size_t len),
			    void *ctx, struct why *why);

#endif
