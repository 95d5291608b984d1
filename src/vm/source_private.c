/* SPDX-License-Identifier: MIT */
/*
 * A folder of the daemon's own, for files/ without a source: below $TMPDIR,
 * else /var/tmp, made when it is first needed and removed at the end. As long as
 * its daemon lives it has a lock (flock) on it, which ends with the process,
 * however that ends. So one whose lock can be had was left behind, and the next
 * daemon of the same user removes it.
 *
 * Between making a folder and locking it another daemon may take ours for such a
 * one: who has locked his looks whether it is still there, and else makes another.
 */
#include "vm/source.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FOLDER_NAME "ummfs-files-"
#define FOLDER_RANDOM "XXXXXX"
#define FOLDER_TRIES 16u

const char *source_private_parent(void)
{
	const char *dir = getenv("TMPDIR");
	return dir && *dir == '/' ? dir : "/var/tmp";
}

static bool folder_name_ok(const char *name)
{
	return !strncmp(name, FOLDER_NAME, strlen(FOLDER_NAME)) &&
	       strlen(name) == strlen(FOLDER_NAME FOLDER_RANDOM);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Does this name still lead to what fd is of? */
static bool name_leads_to(int parent, const char *name, int fd)
{
	struct stat by_name, by_fd;
	return !fstatat(parent, name, &by_name, AT_SYMLINK_NOFOLLOW) && !fstat(fd, &by_fd) &&
	       same_file(&by_name, &by_fd);
}

/* ---- What others left behind ---- */

static bool left_behind(int parent, const char *name, int fd)
{
	struct stat st;
	return !fstat(fd, &st) && st.st_uid == geteuid() && (st.st_mode & 07077) == 0 &&
	       !flock(fd, LOCK_EX | LOCK_NB) && name_leads_to(parent, name, fd);
}

static void leftover_remove(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (left_behind(parent, name, fd)) {
		int error = source_tree_remove(fd);
		if (!error && unlinkat(parent, name, AT_REMOVEDIR))
			error = -errno;
		if (error)
			log_warning("%s/%s: left by a daemon that has ended, cannot be removed: %s",
				    source_private_parent(), name, strerror(-error));
		else
			log_info("%s/%s: removed, its daemon has ended", source_private_parent(), name);
	}
	close(fd);
}

static void leftovers_remove(void)
{
	DIR *dir = opendir(source_private_parent());
	if (!dir)
		return;
	for (const struct dirent *e = readdir(dir); e; e = readdir(dir))
		if (folder_name_ok(e->d_name))
			leftover_remove(dirfd(dir), e->d_name);
	closedir(dir);
}

/* ---- Our own ---- */

/* 0: it is ours. 1: it went before it was locked. */
static int folder_take(struct source *s)
{
	s->folder_lock = open(s->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->folder_lock < 0)
		return errno == ENOENT ? 1 : -errno;
	if (!flock(s->folder_lock, LOCK_EX | LOCK_NB) &&
	    name_leads_to(AT_FDCWD, s->folder, s->folder_lock)) {
		s->root = openat(s->folder_lock, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		return s->root < 0 ? -errno : 0;
	}
	return 1;
}

static void folder_drop(struct source *s)
{
	if (s->folder_lock >= 0)
		close(s->folder_lock);
	s->folder_lock = -1;
	mem_free(s->folder);
	s->folder = NULL;
}

static int folder_try(struct source *s)
{
	struct text path;
	text_init(&path, PATH_MAX);
	text_printf(&path, "%s/" FOLDER_NAME FOLDER_RANDOM, source_private_parent());
	s->folder = text_error(&path) ? NULL : mem_strdup(text_cstr(&path));
	text_fini(&path);
	if (!s->folder)
		return -ENOMEM;
	if (!mkdtemp(s->folder)) {
		int error = -errno;
		folder_drop(s);
		return error;
	}
	int error = folder_take(s);
	if (error < 0)
		rmdir(s->folder);
	if (error)
		folder_drop(s);
	return error;
}

int source_private_make(struct source *s)
{
	int error = 1;
	leftovers_remove();
	for (unsigned tries = 0; error == 1 && tries < FOLDER_TRIES; tries++)
		error = folder_try(s);
	if (error == 1)
		error = -EAGAIN;
	if (error)
		log_err("%s: no folder for files/ can be made there: %s; set TMPDIR, or source=",
			source_private_parent(), strerror(-error));
	return error;
}

void source_private_remove(struct source *s)
{
	if (!s->folder)
		return;
	int error = source_tree_remove(s->folder_lock);
	if (!error && name_leads_to(AT_FDCWD, s->folder, s->folder_lock) && rmdir(s->folder))
		error = -errno;
	if (error)
		log_warning("%s: cannot be removed: %s", s->folder, strerror(-error));
	folder_drop(s);
}
