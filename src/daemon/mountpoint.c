/* SPDX-License-Identifier: MIT */
#include "daemon/mountpoint.h"

#include "base/mem.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A daemon that was killed leaves a mount behind on which everything fails
 * with ENOTCONN ("Transport endpoint is not connected"). Such a one, if its
 * type is ours, is replaced; any other stays, for it is not ours to judge.
 */

#define OUR_TYPE "fuse.ummfs"
#define DEAD_MOUNTS_MAX 16 /* stacked on one directory */

/* "\040" and the like, in place. */
static void octal_unescape(char *s)
{
	char *to = s;

	while (*s) {
		bool octal = s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
			     s[2] <= '7' && s[3] >= '0' && s[3] <= '7';
		if (octal) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* "36 35 98:0 / /mnt/x rw,noatime master:1 - ext3 /dev/root rw" */
int mount_line_parse(const char *line, struct mount_line *out)
{
	const char *dash = strstr(line, " - ");

	if (!dash || sscanf(line, "%*s %*s %*s %*s %4095s", out->path) != 1)
		return -EINVAL;
	if (sscanf(dash, " - %63s", out->type) != 1)
		return -EINVAL;
	octal_unescape(out->path);
	return 0;
}

int mount_find(const char *mountinfo, const char *path, struct mount_line *out)
{
	struct mount_line here;
	int found = -ENOENT;

	while (*mountinfo) { /* later lines lie over earlier ones */
		const char *end = strchrnul(mountinfo, '\n');
		char *line = strndup(mountinfo, (size_t)(end - mountinfo));
		if (line && !mount_line_parse(line, &here) && !strcmp(here.path, path)) {
			*out = here;
			found = 0;
		}
		free(line);
		mountinfo = *end ? end + 1 : end;
	}
	return found;
}

static int mount_type_at(const char *path, struct mount_line *out)
{
	struct text text;
	char buf[8192];
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	text_init(&text, 0);
	for (ssize_t n; (n = read(fd, buf, sizeof(buf))) > 0;)
		text_bytes(&text, buf, (size_t)n);
	close(fd);
	int err = mount_find(text_cstr(&text), path, out);
	text_fini(&text);
	return err;
}

static int fusermount_detach(const char *path)
{
	const char *argv[] = { "fusermount3", "-u", "-z", "-q", "--", path, NULL };
	pid_t pid;
	int status;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, (char **)argv, environ))
		return -ENOENT;
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		return -EPERM;
	return 0;
}

int mountpoint_detach(const char *path)
{
	if (!umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW))
		return 0;
	return errno == EPERM ? fusermount_detach(path) : -errno;
}

/* The last name need not answer: its directory is resolved, and it is put behind. */
static char *path_absolute(const char *path)
{
	char *whole = realpath(path, NULL);
	if (whole || errno != ENOTCONN)
		return whole;

	char *copy = strdup(path);
	size_t n = copy ? strlen(copy) : 0;
	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	char *slash = copy ? strrchr(copy, '/') : NULL;
	const char *name = slash ? slash + 1 : copy;
	const char *above = !slash ? "." : slash == copy ? "/" : copy;
	if (slash && slash != copy)
		*slash = '\0';
	char *dir = copy ? realpath(above, NULL) : NULL;
	if (dir && asprintf(&whole, "%s/%s", strcmp(dir, "/") ? dir : "", name) < 0)
		whole = NULL;
	free(copy);
	free(dir);
	return whole;
}

/* What the kernel has cached of a dead mount, stat still tells; an open has to ask. */
static bool is_dead(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == ENOTCONN;
}

static int dead_mount_replace(const char *path, struct why *why)
{
	struct mount_line here;

	for (int i = 0; i < DEAD_MOUNTS_MAX && is_dead(path); i++) {
		if (mount_type_at(path, &here))
			break;
		if (strcmp(here.type, OUR_TYPE))
			return why_set(why, -ENOTCONN,
				       "%s is a dead mount of type %s: take it away with fusermount3 -uz %s",
				       path, here.type, path);
		if (mountpoint_detach(path))
			return why_set(why, -EPERM,
				       "%s is a dead mount that another user made: as root, umount -l %s",
				       path, path);
		log_notice("%s was the dead mount of a daemon that was killed; replaced", path);
	}
	return 0;
}

static bool dir_is_empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *d;

	if (!dir)
		return false;
	do
		d = readdir(dir);
	while (d && (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..")));
	closedir(dir);
	return !d;
}

static int dir_check(const char *path, struct why *why)
{
	struct mount_line here;
	struct stat st;

	if (stat(path, &st))
		return why_set(why, -errno, "mount point %s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return why_set(why, -ENOTDIR, "mount point %s is not a directory", path);
	if (!mount_type_at(path, &here) && !strcmp(here.type, OUR_TYPE))
		return why_set(why, -EBUSY,
			       "a machine is mounted on %s already: umount %s, or choose another directory",
			       path, path);
	if (access(path, R_OK | W_OK | X_OK))
		return why_set(why, -EACCES,
			       "mount point %s: you must own it and be allowed to write to it", path);
	if (!dir_is_empty(path))
		return why_set(why, -ENOTEMPTY,
			       "mount point %s is not empty: its files would be hidden; choose an empty directory",
			       path);
	return 0;
}

char *mountpoint_prepare(const char *path, struct why *why)
{
	char *absolute = path_absolute(path);

	if (!absolute) {
		if (errno == ENOENT)
			why_set(why, -ENOENT,
				"mount point %s does not exist: make it with mkdir -p %s", path, path);
		else
			why_set(why, -errno, "mount point %s: %s", path, strerror(errno));
		return NULL;
	}
	if (dead_mount_replace(absolute, why) || dir_check(absolute, why)) {
		free(absolute);
		return NULL;
	}
	return absolute;
}
