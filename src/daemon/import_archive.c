/* SPDX-License-Identifier: MIT */
/*
 * A state is where proc/zoneinfo is. Of several in one archive the one closest
 * to the top is meant (a support tool may have packed those of containers
 * below); two at the same depth are two machines, and which of them is wanted
 * is not for us to guess. An archive inside an archive is not unpacked: it is
 * named, for the user to unpack.
 */
#include "daemon/import_archive.h"

#include <errno.h>
#include <string.h>

#define ZONEINFO "proc/zoneinfo"
#define SMALL_BYTES ((uint64_t)4 << 20)
#define FILE_BYTES ((uint64_t)64 << 20)
#define OWN_FILE_BYTES ((uint64_t)1 << 30)

/* Does the path, or a part of it behind a slash, begin so? */
static bool has_folder(const char *path, const char *folder)
{
	for (const char *p = path; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
		if (!strncmp(p, folder, strlen(folder)))
			return true;
	return false;
}

/* Small files may be anything; large ones only what a state has. */
bool archive_wanted(const char *path, uint64_t bytes)
{
	static const char *const folders[] = {
		"proc/", "sys/", "ummfs/", "tasks/", "sos_commands/kernel/", "sos_commands/processor/", "sos_commands/numa/"
	};
	if (bytes <= SMALL_BYTES)
		return true;
	for (unsigned i = 0; i < ARRAY_LEN(folders); i++)
		if (has_folder(path, folders[i]))
			return true;
	return false;
}

uint64_t archive_file_bytes_max(const char *path)
{
	return has_folder(path, "ummfs/") || has_folder(path, "tasks/") ? OWN_FILE_BYTES : FILE_BYTES;
}

bool archive_is_nested(const char *path)
{
	static const char *const endings[] = { ".tar",    ".tgz",     ".tbz2",    ".txz",
					       ".tar.gz", ".tar.bz2", ".tar.zst", ".tar.xz",
					       ".tar.Z",  ".zip" };
	size_t len = strlen(path);
	for (unsigned i = 0; i < ARRAY_LEN(endings); i++) {
		size_t n = strlen(endings[i]);
		if (len > n && !strcmp(path + len - n, endings[i]))
			return true;
	}
	return false;
}

int archive_prefix_len(const char *path)
{
	size_t len = strlen(path), n = strlen(ZONEINFO);
	if (len < n || strcmp(path + len - n, ZONEINFO))
		return -1;
	return len == n || path[len - n - 1] == '/' ? (int)(len - n) : -1;
}

void archive_place_try(struct archive_place *p, const char *path)
{
	int len = archive_prefix_len(path);
	unsigned depth = 0;
	if (len < 0 || (size_t)len >= sizeof(p->prefix))
		return;
	for (int i = 0; i < len; i++)
		depth += path[i] == '/';
	if (depth > ARCHIVE_DEPTH_MAX || (p->found && depth > p->depth))
		return;
	p->ambiguous = p->found && depth == p->depth;
	if (p->ambiguous) {
		snprintf(p->rival, sizeof(p->rival), "%.*s", len, path);
		return;
	}
	p->found = true;
	p->depth = depth;
	snprintf(p->prefix, sizeof(p->prefix), "%.*s", len, path);
}

int archive_place_check(const struct archive_place *p, const char *name, struct why *why)
{
	if (!p->ambiguous)
		return 0;
	return why_set(why, -EINVAL, "%s: two machines, in %s and %s; unpack it and name one of them",
		       name, p->prefix, p->rival);
}
