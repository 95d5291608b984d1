/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_FS_FIXTURE_H
#define SUPPORT_FS_FIXTURE_H

/* The machine of vm_fixture.h with its tree, for tests of fs. */

#include "fs/fs.h"
#include "fs/handle.h"
#include "support/vm_fixture.h"

#include <fcntl.h>

struct fs_fixture {
	struct fixture *machine;
	struct fs fs;
};

static inline int fs_setup(void **state)
{
	struct fs_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->machine = fixture_boot();
	const struct fs_options o = { .uid = 1000, .gid = 1001, .dev_mem = "/proc/1/fd/3" };
	assert_int_equal(fs_init(&f->fs, &f->machine->vm, &o), 0);
	*state = f;
	return 0;
}

static inline int fs_teardown(void **state)
{
	struct fs_fixture *f = *state;

	fs_fini(&f->fs);
	fixture_end(f->machine);
	free(f);
	return 0;
}

#define FS_TEST(name) cmocka_unit_test_setup_teardown(name, fs_setup, fs_teardown)

/* A task; its reference is given back, it stays until task_remove. */
static inline struct task *fs_task(struct fs_fixture *f, const char *name)
{
	struct task *t;

	assert_int_equal(task_create(&f->machine->vm, name, 65534, 65533, &t), 0);
	task_put(t);
	return t;
}

/* Follow a path through inode_lookup. 0 or -errno; inode_put when 0. */
static inline int fs_walk(struct fs_fixture *f, const char *path, struct inode *out)
{
	uint64_t ino = 1;
	char name[256];
	int err = inode_get(&f->fs, ino, out);

	while (*path && !err) {
		size_t len = strcspn(path, "/");
		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		inode_put(out);
		err = inode_lookup(&f->fs, ino, name, out);
		ino = out->ino;
		path += len + (path[len] == '/');
	}
	return err;
}

/* Open by path; *h is NULL on failure. */
static inline int fs_open(struct fs_fixture *f, const char *path, int flags, struct handle **h)
{
	struct inode i;
	int err = fs_walk(f, path, &i);

	*h = NULL;
	if (err)
		return err;
	err = handle_open(&f->fs, &i, flags, h);
	inode_put(&i);
	return err;
}

/* One read, as a NUL-terminated string; "!ERRNO-NUMBER" when it fails. */
static inline const char *fs_read(struct fs_fixture *f, struct handle *h, size_t len, off_t offset)
{
	static char said[65536];
	struct slice s;
	int err = handle_read_begin(&f->fs, h, len, offset, &s);

	if (err) {
		snprintf(said, sizeof(said), "!%d", -err);
		return said;
	}
	assert_true(s.len < sizeof(said) && s.len <= len);
	memcpy(said, s.data, s.len);
	said[s.len] = '\0';
	handle_read_end(h);
	return said;
}

static inline ssize_t fs_write(struct fs_fixture *f, struct handle *h, const char *text, off_t offset)
{
	return handle_write(&f->fs, h, text, strlen(text), offset);
}

#endif
