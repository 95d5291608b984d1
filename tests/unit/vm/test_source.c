/* SPDX-License-Identifier: MIT */
/* What stores do, whichever it is: the same cases over a directory (source_readdir.c too) and in memory (memory_name.c). */
#include "support/fake_tree.h"
#include "support/source_dir.h"

#include "base/log.h"
#include "vm/vm.h"

#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

struct world {
	struct fake_tree tree;
	struct vm vm; /* of the store in memory: its size and its clock */
	char dir[64];
	bool in_memory;
};

static struct file_inode *make_failing(struct file_inode *dir, const char *name, mode_t mode, int expected)
{
	int error;
	struct file_inode *i = tree_make(dir, name, mode, &error);
	assert_int_equal(error, expected);
	return i;
}

static void lookup_fails(struct file_inode *dir, const char *name, int expected)
{
	int error;
	assert_null(tree_lookup(dir, name, &error));
	assert_int_equal(error, expected);
}

static struct file_attr attr_of(struct file_inode *i)
{
	struct file_attr a;
	assert_int_equal(i->files->store->getattr(i, &a), 0);
	return a;
}

static void test_names_are_made_and_found(void **state)
{
	struct world *w = *state;
	struct file_inode *root = tree_root(&w->tree);
	int error;
	lookup_fails(root, "a", -ENOENT);
	struct file_inode *a = tree_mkdir(root, "a"), *f = tree_mkfile(a, "f");
	assert_ptr_equal(tree_lookup(root, "a", &error), a);
	assert_ptr_equal(tree_lookup(a, "f", &error), f);
	assert_int_equal(attr_of(a).mode, S_IFDIR | 0755);
	assert_int_equal(attr_of(f).mode, S_IFREG | 0644);
	assert_int_equal(attr_of(f).nlink, 1);
	assert_int_equal(attr_of(a).uid, geteuid());
	make_failing(root, "a", S_IFDIR | 0700, -EEXIST);
	make_failing(a, "f", S_IFREG | 0600, -EEXIST);
	struct file_inode *pipe = tree_make(root, "pipe", S_IFIFO | 0600, &error);
	assert_int_equal(attr_of(pipe).mode, S_IFIFO | 0600);
}

static void test_names_that_are_too_long(void **state)
{
	struct world *w = *state;
	struct file_inode *root = tree_root(&w->tree);
	char name[300];
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	lookup_fails(root, name, -ENAMETOOLONG);
	make_failing(root, name, S_IFREG | 0600, -ENAMETOOLONG);
	name[255] = '\0';
	int error;
	struct file_inode *i = tree_mkfile(root, name);
	assert_ptr_equal(tree_lookup(root, name, &error), i);
}

static void test_create(void **state)
{
	struct world *w = *state;
	struct file_inode *root = tree_root(&w->tree);
	const struct file_store_ops *store = root->files->store;
	const struct file_who who = { .uid = geteuid(), .gid = getegid() };
	struct file_attr attr;
	void *open;
	assert_int_equal(store->create(root, "f", 0444, O_CREAT | O_EXCL | O_RDWR, &who, &attr, &open), 0);
	assert_int_equal(attr.mode, S_IFREG | 0444);
	struct file_inode *f = tree_inode(&w->tree, &attr);
	f->store = open;
	assert_int_equal(file_name_add(root, "f", f), 0);
	assert_int_equal(store->open(f, true), 0); /* though its mode says no: it is open already */
	assert_int_equal(store->create(root, "f", 0444, O_CREAT | O_EXCL, &who, &attr, &open), -EEXIST);
	assert_null(open);
	store->release(f);
	tree_mkdir(root, "d");
	assert_true(store->create(root, "d", 0644, O_CREAT, &who, &attr, &open) < 0);
}

static void test_links(void **state)
{
	struct world *w = *state;
	struct file_inode *root = tree_root(&w->tree), *d = tree_mkdir(root, "d");
	const struct file_store_ops *store = root->files->store;
	char buf[16];
	struct file_inode *s = tree_symlink(root, "s", "../../somewhere");
	assert_int_equal(store->readlink(s, buf, sizeof(buf)), 15);
	assert_memory_equal(buf, "../../somewhere", 15);
	assert_int_equal(store->readlink(s, buf, 5), 5);
	assert_int_equal(attr_of(s).size, 15);
	assert_true(S_ISLNK(attr_of(s).mode));
	struct file_inode *f = tree_mkfile(root, "f");
	assert_int_equal(store->readlink(f, buf, sizeof(buf)), -EINVAL);
	assert_int_equal(tree_link(f, d, "g"), 0);
	assert_int_equal(tree_link(f, d, "g"), -EEXIST);
	assert_int_equal(tree_link(s, d, "s"), 0); /* the link itself */
	assert_int_equal(tree_link(d, root, "e"), -EPERM);
	assert_int_equal(tree_unlink(root, "f", false), 0);
	int error;
	assert_ptr_equal(tree_lookup(d, "g", &error), f);
	assert_int_equal(tree_unlink(root, "s", false), 0);
	assert_int_equal(store->readlink(s, buf, sizeof(buf)), 15);
}

static void test_removing(void **state)
{
	struct world *w = *state;
	struct file_inode *root = tree_root(&w->tree), *d = tree_mkdir(root, "d");
	tree_mkfile(d, "f");
	assert_int_equal(tree_unlink(root, "no", false), -ENOENT);
	assert_int_equal(tree_unlink(root, "d", false), -EISDIR);
	assert_int_equal(tree_unlink(d, "f", true), -ENOTDIR);
	assert_int_equal(tree_unlink(root, "d", true), -ENOTEMPTY);
	assert_int_equal(tree_unlink(d, "f", false), 0);
	assert_int_equal(tree_unlink(root, "d", true), 0);
	lookup_fails(root, "d", -ENOENT);
}

static void test_renaming(void **state)
{
	struct world *w = *state;
	struct file_inode *root = tree_root(&w->tree), *a = tree_mkdir(root, "a"),
			  *b = tree_mkdir(root, "b");
	struct file_inode *f = tree_mkfile(a, "f"), *g = tree_mkfile(b, "g");
	int error;
	assert_int_equal(tree_rename(a, "f", b, "g", RENAME_NOREPLACE), -EEXIST);
	assert_int_equal(tree_rename(a, "f", b, "h", RENAME_EXCHANGE), -ENOENT);
	assert_int_equal(tree_rename(a, "f", b, "g", RENAME_EXCHANGE), 0);
	assert_ptr_equal(tree_lookup(a, "f", &error), g);
	assert_ptr_equal(tree_lookup(b, "g", &error), f);
	assert_int_equal(tree_rename(a, "f", b, "g", 0), 0);
	lookup_fails(a, "f", -ENOENT);
	assert_ptr_equal(tree_lookup(b, "g", &error), g);
	assert_int_equal(tree_rename(a, "no", b, "g", 0), -ENOENT);
	assert_int_equal(tree_rename(b, "g", root, "a", 0), -EISDIR);
	assert_int_equal(tree_rename(root, "a", b, "g", 0), -ENOTDIR);
	assert_int_equal(tree_rename(root, "a", root, "b", 0), -ENOTEMPTY);
	assert_int_equal(tree_rename(root, "b", root, "a", 0), 0); /* onto an empty one */
	assert_ptr_equal(tree_lookup(root, "a", &error), b);
	assert_int_equal(tree_rename(root, "a", b, "below", 0), -EINVAL);
	assert_int_equal(tree_rename(root, "a", root, "z", 0x40000000), -EINVAL);
}

static unsigned read_all(struct file_inode *dir, void *d, uint64_t at, char seen[][16], unsigned max)
{
	struct file_dirent e;
	unsigned nr = 0;
	while (dir->files->store->readdir(dir, d, at, &e) == 1 && nr < max) {
		snprintf(seen[nr++], 16, "%s", e.name);
		at = e.next;
	}
	return nr;
}

static bool is_seen(char seen[][16], unsigned nr, const char *name)
{
	while (nr--)
		if (!strcmp(seen[nr], name))
			return true;
	return false;
}

static void test_reading_directories(void **state)
{
	struct world *w = *state;
	struct file_inode *root = tree_root(&w->tree), *d = tree_mkdir(root, "d");
	const struct file_store_ops *store = root->files->store;
	static char seen[400][16];
	char name[16];
	void *dir;
	for (unsigned k = 0; k < 300; k++) {
		snprintf(name, sizeof(name), "n%u", k);
		tree_mkfile(d, name);
	}
	assert_int_equal(store->opendir(d, &dir), 0);
	assert_int_equal(read_all(d, dir, 0, seen, 400), 302);
	assert_true(is_seen(seen, 302, ".") && is_seen(seen, 302, ".."));
	tree_mkdir(d, "late");
	assert_int_equal(read_all(d, dir, 0, seen, 400), 303);
	assert_true(is_seen(seen, 303, "late"));
	store->closedir(d, dir);
}

static void test_positions_survive_changes(void **state)
{
	struct world *w = *state;
	struct file_inode *root = tree_root(&w->tree), *d = tree_mkdir(root, "d");
	const struct file_store_ops *store = root->files->store;
	static char before[400][16], after[400][16];
	char name[16];
	void *dir;
	struct file_dirent e;
	uint64_t at = 0;
	for (unsigned k = 0; k < 300; k++) {
		snprintf(name, sizeof(name), "n%u", k);
		tree_mkfile(d, name);
	}
	assert_int_equal(store->opendir(d, &dir), 0);
	for (unsigned k = 0; k < 150; k++) {
		assert_int_equal(store->readdir(d, dir, at, &e), 1);
		snprintf(before[k], 16, "%s", e.name);
		at = e.next;
	}
	for (unsigned k = 0; k < 150; k++) /* what was read already goes */
		if (before[k][0] == 'n')
			assert_int_equal(tree_unlink(d, before[k], false), 0);
	struct file_dirent first;
	assert_int_equal(store->readdir(d, dir, 0, &first), 1); /* and somebody reads elsewhere meanwhile */
	unsigned nr = read_all(d, dir, at, after, 400);
	for (unsigned k = 0; k < 300; k++) {
		snprintf(name, sizeof(name), "n%u", k);
		assert_int_equal(is_seen(before, 150, name) + is_seen(after, nr, name), 1);
	}
	store->closedir(d, dir);
}

static void test_entries_tell_what_they_are(void **state)
{
	struct world *w = *state;
	struct file_inode *root = tree_root(&w->tree), *d = tree_mkdir(root, "d");
	const struct file_store_ops *store = root->files->store;
	struct file_inode *f = tree_mkfile(d, "f"), *s = tree_symlink(d, "s", "f");
	struct file_dirent e;
	void *dir;
	uint64_t at = 0;
	assert_int_equal(store->opendir(d, &dir), 0);
	while (store->readdir(d, dir, at, &e) == 1) {
		const struct file_inode *i = !strcmp(e.name, "f")   ? f
					     : !strcmp(e.name, "s") ? s
					     : !strcmp(e.name, ".") ? d
								    : root;
		assert_int_equal(e.ino, i->attr.ino);
		assert_int_equal(e.type, i->attr.mode & S_IFMT);
		at = e.next;
	}
	store->closedir(d, dir);
	assert_int_equal(store->opendir(root, &dir), 0);
	for (at = 0; store->readdir(root, dir, at, &e) == 1; at = e.next)
		if (!strcmp(e.name, ".."))
			assert_int_equal(e.ino, root->attr.ino); /* nothing is told of what is above */
	store->closedir(root, dir);
}

static void test_attributes(void **state)
{
	struct world *w = *state;
	struct file_inode *f = tree_mkfile(tree_root(&w->tree), "f");
	const struct file_store_ops *store = f->files->store;
	struct file_attr a;
	struct stat st = { .st_mode = 04751, .st_uid = geteuid(), .st_gid = getegid() };
	st.st_atim = (struct timespec){ 1000, 5 };
	st.st_mtim = (struct timespec){ 2000, 7 };
	assert_int_equal(store->setattr(f, &st, FILE_SET_MODE, &a), 0);
	assert_int_equal(a.mode, S_IFREG | 04751);
	assert_int_equal(store->setattr(f, &st, FILE_SET_ATIME | FILE_SET_MTIME, &a), 0);
	assert_int_equal(a.atime.tv_sec, 1000);
	assert_int_equal(a.mtime.tv_sec, 2000);
	assert_int_equal(a.mtime.tv_nsec, 7);
	assert_int_equal(store->setattr(f, &st, FILE_SET_ATIME_NOW, &a), 0);
	assert_true(a.atime.tv_sec > 2000);
	assert_int_equal(a.mtime.tv_sec, 2000);
	assert_int_equal(store->setattr(f, &st, FILE_SET_UID | FILE_SET_GID, &a), 0);
	assert_int_equal(a.mode, S_IFREG | 0751); /* given to somebody: no longer setuid */
	st.st_mode = 04700;
	assert_int_equal(store->setattr(f, &st, FILE_SET_UID | FILE_SET_MODE, &a), 0);
	assert_int_equal(a.mode, S_IFREG | 04700);
	assert_int_equal(attr_of(f).mode, S_IFREG | 04700);
}

static void test_setgid_directories(void **state)
{
	struct world *w = *state;
	struct file_inode *d = tree_mkdir(tree_root(&w->tree), "d");
	const struct file_store_ops *store = d->files->store;
	const struct file_who who = { .uid = 1234, .gid = 567 };
	struct stat st = { .st_mode = 02777, .st_gid = 89 };
	struct file_attr a;
	if (geteuid())
		skip();
	assert_int_equal(store->setattr(d, &st, FILE_SET_GID | FILE_SET_MODE, &d->attr), 0);
	assert_int_equal(store->mknod(d, "f", S_IFREG | 0640, 0, &who, &a), 0);
	assert_int_equal(a.uid, 1234);
	assert_int_equal(a.gid, 89);
	assert_int_equal(a.mode, S_IFREG | 0640);
	assert_int_equal(store->mknod(d, "sub", S_IFDIR | 0750, 0, &who, &a), 0);
	assert_int_equal(a.mode, S_IFDIR | 02750);
	struct file_inode *plain = tree_mkdir(tree_root(&w->tree), "plain"); /* 0755, root's: the host has checked */
	assert_int_equal(store->symlink(plain, "s", "t", &who, &a), 0);
	assert_int_equal(a.uid, 1234);
	assert_int_equal(a.gid, 567);
}

static void test_extended_attributes(void **state)
{
	struct world *w = *state;
	struct file_inode *f = tree_mkfile(tree_root(&w->tree), "f");
	const struct file_store_ops *store = f->files->store;
	char buf[64];
	if (geteuid() || store->setxattr(f, "trusted.one", "1", 1, 0))
		skip();
	assert_int_equal(store->setxattr(f, "trusted.one", "12", 2, XATTR_CREATE), -EEXIST);
	assert_int_equal(store->setxattr(f, "trusted.two", "12", 2, XATTR_REPLACE), -ENODATA);
	assert_int_equal(store->setxattr(f, "trusted.one", "123", 3, XATTR_REPLACE), 0);
	assert_int_equal(store->setxattr(f, "trusted.two", "", 0, 0), 0);
	assert_int_equal(store->getxattr(f, "trusted.one", NULL, 0), 3);
	assert_int_equal(store->getxattr(f, "trusted.one", buf, 2), -ERANGE);
	assert_int_equal(store->getxattr(f, "trusted.one", buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "123", 3);
	assert_int_equal(store->getxattr(f, "trusted.two", buf, sizeof(buf)), 0);
	assert_int_equal(store->getxattr(f, "trusted.no", buf, sizeof(buf)), -ENODATA);
	assert_int_equal(store->listxattr(f, NULL, 0), 24);
	assert_int_equal(store->listxattr(f, buf, 23), -ERANGE);
	assert_int_equal(store->listxattr(f, buf, sizeof(buf)), 24);
	assert_int_equal(store->removexattr(f, "trusted.one"), 0);
	assert_int_equal(store->removexattr(f, "trusted.one"), -ENODATA);
	assert_int_equal(store->listxattr(f, buf, sizeof(buf)), 12);
	assert_string_equal(buf, "trusted.two");
	assert_int_equal(store->setxattr(f, "nonsense", "1", 1, 0), -EOPNOTSUPP);
}

static void test_space(void **state)
{
	struct world *w = *state;
	struct files *f = tree_root(&w->tree)->files;
	struct statvfs st;
	assert_int_equal(f->store->statfs(f, &st), 0);
	assert_true(st.f_blocks >= st.f_bfree && st.f_bfree > 0);
	assert_int_equal(st.f_namemax, 255);
	assert_int_equal(f->store->sync(f), 0);
	assert_int_equal(f->store->fsync(f->root, false), 0);
	assert_int_equal(f->store->fsync(tree_mkfile(f->root, "f"), true), 0);
}

static int world_end(void **state)
{
	struct world *w = *state;
	fake_tree_fini(&w->tree);
	if (!w->in_memory)
		dir_remove(w->dir);
	free(w);
	return 0;
}

static int source_begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct why why = { 0 };
	dir_make(w->dir, sizeof(w->dir));
	fake_tree_init(&w->tree, NULL);
	assert_int_equal(source_store_init(&w->tree.files, w->dir, &why), 0);
	*state = w;
	return 0;
}

static int memory_begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct why why = { 0 };
	w->in_memory = true;
	w->vm.machine.managed_pages = 4096;
	fake_tree_init(&w->tree, &w->vm);
	assert_int_equal(memory_store_init(&w->tree.files, &why), 0);
	*state = w;
	return 0;
}

#define BOTH(name)                                                                                 \
	{ "source: " #name, test_##name, source_begin, world_end, NULL },                          \
	{                                                                                          \
		"memory: " #name, test_##name, memory_begin, world_end, NULL                       \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(names_are_made_and_found),
		BOTH(names_that_are_too_long),
		BOTH(create),
		BOTH(links),
		BOTH(removing),
		BOTH(renaming),
		BOTH(reading_directories),
		BOTH(positions_survive_changes),
		BOTH(entries_tell_what_they_are),
		BOTH(attributes),
		BOTH(setgid_directories),
		BOTH(extended_attributes),
		BOTH(space),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
