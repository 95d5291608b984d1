/* SPDX-License-Identifier: MIT */
#include "support/fake_machine.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

char *fake_machine_make(void)
{
	char name[] = "/tmp/ummfs-fake-XXXXXX";

	assert_non_null(mkdtemp(name));
	return strdup(name);
}

void fake_machine_dir(const char *dir, const char *path)
{
	char whole[PATH_MAX];
	size_t from = (size_t)snprintf(whole, sizeof(whole), "%s/%s/", dir, path) - strlen(path) - 1;

	for (char *slash = whole + from; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(whole, 0755);
		*slash = '/';
	}
}

void fake_machine_file(const char *dir, const char *path, const char *text)
{
	char whole[PATH_MAX], above[PATH_MAX];

	snprintf(above, sizeof(above), "%s", path);
	char *slash = strrchr(above, '/');
	if (slash) {
		*slash = '\0';
		fake_machine_dir(dir, above);
	}
	snprintf(whole, sizeof(whole), "%s/%s", dir, path);
	int fd = open(whole, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int entry_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void fake_machine_remove(char *dir)
{
	nftw(dir, entry_remove, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	free(dir);
}

const char *fake_machine_read(const char *dir, const char *path, char *buf, size_t size)
{
	char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s/%s", dir, path);
	int fd = open(whole, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);
	if (fd >= 0)
		close(fd);
	buf[MAX(n, 0)] = '\0';
	return buf;
}

bool host_has_namespaces(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS));
	bool has = pid > 0 && waitpid(pid, &status, 0) == pid && !status;
	if (!has)
		print_message("SKIPPED: this host gives no mount namespaces\n");
	return has;
}
