/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_IMPORT_ARCHIVE_H
#define DAEMON_IMPORT_ARCHIVE_H

/*
 * Layouts of archives: a state's files may stand below one directory of any
 * name (support archives are packed so), among thousands that nobody here
 * reads. Functions of names only; which archive they are from is the caller's.
 */

#include "base/log.h"

/* How far below the top a state is looked for. */
#define ARCHIVE_DEPTH_MAX 4u

/* Must a member be kept before it is known where in the archive the state stands? */
bool archive_wanted(const char *path, uint64_t bytes);
/* Bytes that a file of a state may have; more is no state. */
uint64_t archive_file_bytes_max(const char *path);
/* Is the name that of an archive? */
bool archive_is_nested(const char *path);
/* "a/b/proc/zoneinfo": the length of "a/b/"; negative: another file. */
int archive_prefix_len(const char *path);

/* The place of a state among many names: the one closest to the top. */
struct archive_place {
	char prefix[512]; /* with the slash at its end; "": the top */
	char rival[512]; /* another one just as close */
	bool found, ambiguous;
	unsigned depth;
};
void archive_place_try(struct archive_place *p, const char *path);
/* 0, or -EINVAL with why set when two states are equally close. */
MUST_CHECK int archive_place_check(const struct archive_place *p, const char *name, struct why *why);

#endif
