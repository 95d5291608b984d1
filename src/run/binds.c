/* SPDX-License-Identifier: MIT */
#include "run/binds.h"

#include "run/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A private mount namespace lives as long as its processes, so nothing has to
 * be undone. An ordinary user gets the right to mount from a user namespace in
 * which that user is root: the owner of the machine's files is root there, as
 * on a real machine.
 */

#define DMI_PATH "sys/firmware/dmi/tables"

const char *const bind_paths[] = {
	"proc/meminfo",
	"proc/vmstat",
	"proc/zoneinfo",
	"proc/buddyinfo",
	"proc/slabinfo",
	"proc/pagetypeinfo",
	"proc/swaps",
	"proc/pressure",
	"proc/sys/vm",
	"sys/devices/system/node",
	"sys/devices/system/cpu",
	"sys/kernel/mm/hugepages",
	"sys/kernel/slab",
	"dev/kmsg",
	"dev/hugepages",
	DMI_PATH,
	NULL,
};

static int file_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

static int ids_map(uid_t uid, gid_t gid)
{
	char line[64];

	int err = file_put("/proc/self/setgroups", "deny");
	if (err && err != -ENOENT) /* kernels before 3.19 have no such file */
		return err;
	snprintf(line, sizeof(line), "0 %u 1\n", gid);
	err = file_put("/proc/self/gid_map", line);
	if (err)
		return err;
	snprintf(line, sizeof(line), "0 %u 1\n", uid);
	return file_put("/proc/self/uid_map", line);
}

static int user_namespace_enter(struct why *why)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return why_set(why, -errno,
			       "cannot make a user namespace: %s; allow it with sysctl user.max_user_namespaces (and "
			       "kernel.unprivileged_userns_clone where it exists), or run as root",
			       strerror(errno));
	int err = ids_map(uid, gid);
	if (err)
		return why_set(why, err, "cannot map user %u in its namespace: %s", uid, strerror(-err));
	return 0;
}

/* In a chroot "/" is no mount point, so there each mount below it is made private by itself. */
static int mounts_make_private(void)
{
	if (!mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 0;
	if (errno != EINVAL)
		return -errno;
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	if (!mounts)
		return -errno;
	for (struct mntent *m; (m = getmntent(mounts));)
		if (mount("none", m->mnt_dir, NULL, MS_PRIVATE, NULL) && errno != EINVAL && errno != ENOENT) {
			int err = -errno;
			endmntent(mounts);
			return err;
		}
	endmntent(mounts);
	return 0;
}

int namespace_enter(struct why *why)
{
	if (unshare(CLONE_NEWNS)) {
		if (errno != EPERM)
			return why_set(why, -errno, "cannot make a mount namespace: %s", strerror(errno));
		int err = user_namespace_enter(why);
		if (err)
			return err;
	}
	int err = mounts_make_private();
	return err ? why_set(why, err, "cannot make the mounts private: %s", strerror(-err)) : 0;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* Both are there and of one kind: a file stands for a file, a directory for a directory. */
static bool bindable(const char *from, const char *to)
{
	struct stat a, b;

	return !stat(from, &a) && !stat(to, &b) && S_ISDIR(a.st_mode) == S_ISDIR(b.st_mode);
}

/* 1: bound, 0: one of the sides has no such thing. */
static int bind_one(const char *mountpoint, const char *root, const char *path, struct why *why)
{
	char from[PATH_MAX], to[PATH_MAX];

	if (snprintf(from, sizeof(from), "%s/%s", mountpoint, path) >= PATH_MAX ||
	    snprintf(to, sizeof(to), "%s/%s", root, path) >= PATH_MAX)
		return why_set(why, -ENAMETOOLONG, "%s: the path is too long", mountpoint);
	if (is_dir(from) && !strcmp(path, DMI_PATH) && place_make(root, DMI_PATH))
		return 0;
	if (!bindable(from, to))
		return 0;
	if (mount(from, to, NULL, MS_BIND, NULL))
		return why_set(why, -errno, "cannot bind %s over %s: %s", from, to, strerror(errno));
	return 1;
}

int binds_make(const char *mountpoint, const char *root, bool all_proc, struct why *why)
{
	int nr = 0, err = 0;

	for (unsigned i = 0; bind_paths[i] && err >= 0; i++) {
		err = bind_one(mountpoint, root, bind_paths[i], why);
		nr += err;
	}
	if (err < 0)
		return err;
	if (!nr)
		return why_set(why, -ENOENT,
			       "%s is no mounted machine: it has nothing to show in proc or sys",
			       mountpoint);
	/* Last, for until here the host's proc may be needed. */
	err = all_proc ? bind_one(mountpoint, root, "proc", why) : 0;
	return err < 0 ? err : 0;
}
