/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_DIR_H
#define SOURCE_DIR_H

/* Directories of the host for tests of stores: made, filled behind the store's back, removed. */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static inline void dir_make(char *dir, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(dir, size, "%s/ummfs-test-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
}

static inline int dir_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void dir_remove(const char *dir)
{
	nftw(dir, dir_remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

#endif
