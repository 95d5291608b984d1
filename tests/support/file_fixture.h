/* SPDX-License-Identifier: MIT */
#ifndef FILE_FIXTURE_H
#define FILE_FIXTURE_H

/*
 * A machine as in vm_fixture.h with files/ over a temporary directory, or in
 * memory, without background threads. It is between files_enter and
 * files_leave all the time but for what tests do about that themselves.
 */
#include "support/vm_slab_fixture.h"
#include "vm/file_private.h"
#include "vm/filemap.h"
#include "vm/writeback.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_FIXTURE_MIB 600ul

struct file_fixture {
	struct fixture *f;
	struct vm *vm;
	struct files *files;
	struct file_inode *root;
	char dir[64]; /* the source; empty: in memory */
	char path[8192]; /* of source_path */
};

static const struct file_who fixture_who = { 0, 0 };

static inline int fixture_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void fixture_files(struct file_fixture *x)
{
	x->files = &x->vm->files;
	files_enter(x->files);
	assert_int_equal(file_root(x->files, &x->root), 0);
}

/* deterministic: reclaim and writeback run inline. */
static inline struct file_fixture *file_fixture_boot_as(bool in_memory, bool deterministic)
{
	const struct region_config rc = { .backing = BACKING_SPARSE, .limit_bytes = FILE_FIXTURE_MIB << 20 };
	const struct region_range range = { 1, 2 * NODE_PAGES, -1 };
	struct file_fixture *x = calloc(1, sizeof(*x));
	struct machine_spec spec;
	struct why why = { "" };

	assert_non_null(x);
	x->f = calloc(1, sizeof(*x->f));
	assert_non_null(x->f);
	x->vm = &x->f->vm;
	if (!in_memory) {
		strcpy(x->dir, "/tmp/ummfs-test-XXXXXX");
		assert_non_null(mkdtemp(x->dir));
	}
	if (region_open(&x->f->region, &rc, &range, 1, &why))
		fail_msg("%s", why.text);
	fixture_spec(&spec);
	const char *source = in_memory ? "none" : x->dir;
	const struct vm_config c = {
		.deterministic = deterministic, .seed = 7, .region = &x->f->region, .source = source
	};
	if (vm_boot(x->vm, &spec, &c, &why))
		fail_msg("%s", why.text);
	machine_spec_fini(&spec);
	fixture_files(x);
	return x;
}

static inline struct file_fixture *file_fixture_boot(bool in_memory)
{
	return file_fixture_boot_as(in_memory, true);
}

static inline void file_fixture_end(struct file_fixture *x)
{
	file_put(x->root);
	files_leave(x->files);
	assert_verified(x->vm);
	fixture_end(x->f);
	if (*x->dir)
		assert_int_equal(nftw(x->dir, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(x);
}

static inline int file_fixture_setup(void **state)
{
	*state = file_fixture_boot(false);
	return 0;
}
static inline int file_fixture_setup_memory(void **state)
{
	*state = file_fixture_boot(true);
	return 0;
}
static inline int file_fixture_teardown(void **state)
{
	file_fixture_end(*state);
	return 0;
}

/* Of a test over a source, and of one in memory. */
#define FILE_TEST(name)                                                                            \
	cmocka_unit_test_setup_teardown(name, file_fixture_setup, file_fixture_teardown)
#define FILE_TEST_MEMORY(name)                                                                     \
	cmocka_unit_test_setup_teardown(name, file_fixture_setup_memory, file_fixture_teardown)

/* ---- Short forms: all succeed; inodes are with a reference ---- */

/* Where it is in the source. */
static inline const char *source_path(struct file_fixture *x, const char *name)
{
	snprintf(x->path, sizeof(x->path), "%s/%s", x->dir, name);
	return x->path;
}

static inline struct file_inode *lookup(struct file_inode *dir, const char *name)
{
	struct file_inode *i = NULL;
	assert_int_equal(file_lookup(dir, name, &i), 0);
	return i;
}

static inline int lookup_error(struct file_inode *dir, const char *name)
{
	struct file_inode *i = NULL;
	int error = file_lookup(dir, name, &i);
	if (!error)
		file_put(i);
	return error;
}

/* Open. */
static inline struct file_inode *create(struct file_inode *dir, const char *name)
{
	struct file_inode *i = NULL;
	assert_int_equal(file_create(dir, name, 0644, O_RDWR | O_CREAT, &fixture_who, &i), 0);
	return i;
}

static inline struct file_inode *make_dir(struct file_inode *dir, const char *name)
{
	struct file_inode *i = NULL;
	assert_int_equal(file_mkdir(dir, name, 0755, &fixture_who, &i), 0);
	return i;
}

static inline void close_file(struct file_inode *i)
{
	file_release(i, O_RDWR);
	file_put(i);
}

/* An empty file that nobody has open. */
static inline void make_file(struct file_inode *dir, const char *name)
{
	close_file(create(dir, name));
}

static inline struct stat stat_of(struct file_inode *i)
{
	struct stat st;
	file_getattr(i, &st);
	return st;
}

/* As an editor behind our back does it. */
static inline void source_write_file(struct file_fixture *x, const char *name, const char *text)
{
	int fd = open(source_path(x, name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static inline bool source_has(struct file_fixture *x, const char *name)
{
	struct stat st;
	return !lstat(source_path(x, name), &st);
}

/* One pass of shrinking over all nodes, everything looked at twice: as vm.drop_caches 2 does. Returns objects freed. */
static inline uint64_t shrink_names(struct file_fixture *x)
{
	struct cpu *c = &x->vm->machine.cpu[0];
	uint64_t freed = 0;
	cpu_enter(c);
	for (unsigned nid = 0; nid < x->vm->machine.nr_nodes; nid++)
		freed += shrink_slab(&x->vm->policy, c, nid, 0);
	cpu_leave(c);
	return freed;
}

#endif
