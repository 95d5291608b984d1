/* SPDX-License-Identifier: MIT */
/*
 * Random operations on the names of a file tree, over a directory and in
 * memory, against a model of two arrays: what there is, and which names lead
 * there. Names and inodes are shrunk at random, a host knows files and forgets
 * them when it likes. Then the same from several threads at once, without a
 * model: what is left must go when nobody uses it.
 *
 * vm_names_random [SEED]
 */
#include "base/rng.h"
#include "support/file_fixture.h"

#include <pthread.h>
#include <stdio.h>

#define NODES 64u
#define NAMES 12u
#define BYTES 6000u
#define KNOWN 256u
#define OPERATIONS 6000u
#define CHECK_EVERY 300u
#define THREADS 4u
#define STORM_OPERATIONS 3000u

static uint64_t seed = 4711;

struct mnode { /* 0: the root */
	bool used;
	mode_t type;
	unsigned nlink; /* names; of a directory 1 */
	size_t size;
	char bytes[BYTES];
};

struct mentry {
	bool used;
	unsigned dir, name, node;
};

struct model {
	struct file_fixture *x;
	struct rng rng;
	struct mnode node[NODES];
	struct mentry entry[NODES * 4];
	uint64_t known[KNOWN]; /* one answer each that the host has not forgotten */
	unsigned nr_known;
};

static unsigned pick(struct model *m, unsigned below)
{
	return (unsigned)rng_below(&m->rng, below);
}

/* Some fit into the object of a name, some do not. */
static const char *name_of(unsigned n)
{
	static char name[NAMES + 1][128];
	static const char rest[] =
		"-is-longer-than-there-is-room-for-in-the-object-of-a-name-and-so-is-beside-it";
	snprintf(name[n], sizeof(name[n]), "n%u%s", n, n % 3 ? "" : rest);
	return name[n];
}

static struct mentry *entry_find(struct model *m, unsigned dir, unsigned name)
{
	for (unsigned e = 0; e < ARRAY_LEN(m->entry); e++)
		if (m->entry[e].used && m->entry[e].dir == dir && m->entry[e].name == name)
			return &m->entry[e];
	return NULL;
}

static struct mentry *entry_of(struct model *m, unsigned node)
{
	for (unsigned e = 0; e < ARRAY_LEN(m->entry); e++)
		if (m->entry[e].used && m->entry[e].node == node)
			return &m->entry[e];
	return NULL;
}

static void entry_add(struct model *m, unsigned dir, unsigned name, unsigned node)
{
	struct mentry *e = m->entry;
	while (e->used)
		e++;
	*e = (struct mentry){ true, dir, name, node };
}

static unsigned dir_entries(struct model *m, unsigned dir)
{
	unsigned nr = 0;
	for (unsigned e = 0; e < ARRAY_LEN(m->entry); e++)
		nr += m->entry[e].used && m->entry[e].dir == dir;
	return nr;
}

static bool is_dir(struct model *m, unsigned node)
{
	return S_ISDIR(m->node[node].type);
}

static void entry_del(struct model *m, struct mentry *e)
{
	e->used = false;
	if (!--m->node[e->node].nlink)
		m->node[e->node].used = false;
}

static unsigned node_free(struct model *m)
{
	unsigned n = 1;
	while (n < NODES && m->node[n].used)
		n++;
	return n;
}

static unsigned dir_pick(struct model *m)
{
	for (;;) {
		unsigned n = pick(m, NODES);
		if (m->node[n].used && is_dir(m, n))
			return n;
	}
}

/* Walked from the root, with a reference. */
static struct file_inode *walk(struct model *m, unsigned node)
{
	if (!node)
		return file_hold(m->x->root);
	const struct mentry *e = entry_of(m, node);
	assert_non_null(e);
	struct file_inode *dir = walk(m, e->dir), *i = lookup(dir, name_of(e->name));
	file_put(dir);
	return i;
}

/* ---- Operations ---- */

static int make_one(struct file_inode *d, const char *name, mode_t type, bool open, struct file_inode **i)
{
	if (S_ISLNK(type))
		return file_symlink(d, name, "nowhere", &fixture_who, i);
	if (S_ISDIR(type))
		return file_mkdir(d, name, 0755, &fixture_who, i);
	if (!open)
		return file_mknod(d, name, type | 0644, 0, &fixture_who, i);
	return file_create(d, name, 0644, O_RDWR | O_CREAT | O_EXCL, &fixture_who, i);
}

static void do_make(struct model *m, unsigned dir, unsigned name)
{
	static const mode_t types[] = { S_IFREG, S_IFREG, S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO };
	unsigned n = node_free(m);
	mode_t type = types[pick(m, ARRAY_LEN(types))];
	bool open = S_ISREG(type) && pick(m, 2);
	if (n == NODES)
		return;
	struct file_inode *d = walk(m, dir), *i = NULL;
	int error = make_one(d, name_of(name), type, open, &i);
	assert_int_equal(error, entry_find(m, dir, name) ? -EEXIST : 0);
	if (!error) {
		m->node[n] = (struct mnode){ .used = true, .type = type, .nlink = 1 };
		m->node[n].size = S_ISLNK(type) ? 7 : 0;
		entry_add(m, dir, name, n);
		if (open)
			file_release(i, O_RDWR);
		file_put(i);
	}
	file_put(d);
}

static void do_lookup(struct model *m, unsigned dir, unsigned name)
{
	struct file_inode *d = walk(m, dir), *i = NULL;
	assert_int_equal(file_lookup(d, name_of(name), &i), entry_find(m, dir, name) ? 0 : -ENOENT);
	if (i && m->nr_known < KNOWN && pick(m, 2)) {
		file_known(i);
		m->known[m->nr_known++] = file_ino(i);
	}
	if (i)
		file_put(i);
	file_put(d);
}

static void do_forget(struct model *m)
{
	for (unsigned n = pick(m, 16); n && m->nr_known; n--) {
		unsigned at = pick(m, m->nr_known);
		file_forget(m->x->files, m->known[at], 1);
		m->known[at] = m->known[--m->nr_known];
	}
}

static void do_link(struct model *m, unsigned dir, unsigned name)
{
	unsigned n = 1 + pick(m, NODES - 1);
	if (!m->node[n].used || is_dir(m, n) || m->node[n].nlink > 3)
		return;
	struct file_inode *d = walk(m, dir), *i = walk(m, n);
	bool there = entry_find(m, dir, name);
	assert_int_equal(file_link(i, d, name_of(name)), there ? -EEXIST : 0);
	if (!there) {
		m->node[n].nlink++;
		entry_add(m, dir, name, n);
	}
	file_put(i);
	file_put(d);
}

static int remove_error(struct model *m, const struct mentry *e, bool directory)
{
	if (!e)
		return -ENOENT;
	if (directory != is_dir(m, e->node))
		return directory ? -ENOTDIR : -EISDIR;
	return directory && dir_entries(m, e->node) ? -ENOTEMPTY : 0;
}

static void do_remove(struct model *m, unsigned dir, unsigned name)
{
	struct file_inode *d = walk(m, dir);
	struct mentry *e = entry_find(m, dir, name);
	bool directory = e && pick(m, 8) ? is_dir(m, e->node) : pick(m, 2);
	int expected = remove_error(m, e, directory);
	assert_int_equal(directory ? file_rmdir(d, name_of(name)) : file_unlink(d, name_of(name)), expected);
	if (!expected)
		entry_del(m, e);
	file_put(d);
}

static bool below(struct model *m, unsigned dir, unsigned node)
{
	while (dir && dir != node)
		dir = entry_of(m, dir)->dir;
	return dir == node;
}

static bool rename_passes(struct model *m, const struct mentry *from, unsigned to,
			  const struct mentry *old, unsigned flags)
{
	if (!from || ((flags & RENAME_EXCHANGE) && !old) || ((flags & RENAME_NOREPLACE) && old))
		return false;
	if (is_dir(m, from->node) && below(m, to, from->node))
		return false;
	if (old && is_dir(m, old->node) && below(m, from->dir, old->node))
		return false;
	if (!old || (flags & RENAME_EXCHANGE) || old->node == from->node)
		return true;
	return is_dir(m, from->node) == is_dir(m, old->node) && !dir_entries(m, old->node);
}

static void model_rename(struct model *m, struct mentry *e, unsigned to, unsigned to_name,
			 struct mentry *old, unsigned flags)
{
	if (old && old->node == e->node)
		return;
	if (flags & RENAME_EXCHANGE) {
		unsigned node = e->node;
		e->node = old->node;
		old->node = node;
		return;
	}
	if (old)
		entry_del(m, old);
	e->dir = to;
	e->name = to_name;
}

static void do_rename(struct model *m, unsigned dir, unsigned name)
{
	static const unsigned kinds[] = { 0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE };
	unsigned to = dir_pick(m), to_name = pick(m, NAMES), flags = kinds[pick(m, ARRAY_LEN(kinds))];
	struct file_inode *d = walk(m, dir), *t = walk(m, to);
	struct mentry *e = entry_find(m, dir, name), *old = entry_find(m, to, to_name);
	bool passes = rename_passes(m, e, to, old, flags);
	int error = file_rename(d, name_of(name), t, name_of(to_name), flags);
	if (!error != passes)
		fail_msg("rename: %d, expected to %s", error, passes ? "pass" : "fail");
	if (!error)
		model_rename(m, e, to, to_name, old, flags);
	file_put(d);
	file_put(t);
}

static void do_write(struct model *m)
{
	unsigned n = 1 + pick(m, NODES - 1);
	struct mnode *node = &m->node[n];
	if (!node->used || !S_ISREG(node->type))
		return;
	struct file_inode *i = walk(m, n);
	size_t offset = pick(m, BYTES), len = 1 + pick(m, 100);
	assert_int_equal(file_open(i, O_RDWR), 0);
	if (pick(m, 4) == 0) {
		assert_int_equal(file_truncate(i, offset), 0);
		memset(node->bytes + offset, 0, BYTES - offset);
		node->size = offset;
	} else if (offset + len <= BYTES) {
		memset(node->bytes + offset, (int)(n + len), len);
		assert_int_equal(file_write(i, node->bytes + offset, len, offset), len);
		node->size = MAX(node->size, offset + len);
	}
	if (pick(m, 8) == 0)
		assert_int_equal(file_fsync(i, false), 0);
	file_release(i, O_RDWR);
	file_put(i);
}

/* ---- Comparing ---- */

static void check_content(const struct mnode *node, struct file_inode *i)
{
	static struct file_read r;
	size_t at = 0;
	assert_int_equal(file_open(i, O_RDONLY), 0);
	assert_int_equal(file_read_begin(i, 0, BYTES, &r), 0);
	for (unsigned k = 0; k < r.nr_iov; k++) {
		assert_true(at + r.iov[k].iov_len <= node->size);
		assert_memory_equal(r.iov[k].iov_base, node->bytes + at, r.iov[k].iov_len);
		at += r.iov[k].iov_len;
	}
	assert_int_equal(at, node->size);
	file_read_end(&r);
	file_release(i, O_RDONLY);
}

static void check_entry(struct model *m, unsigned dir, const struct file_dirent *ent)
{
	unsigned name = 0;
	while (name < NAMES && strcmp(ent->name, name_of(name)))
		name++;
	const struct mentry *e = entry_find(m, dir, name);
	assert_non_null(e);
	assert_int_equal(ent->type, m->node[e->node].type & S_IFMT);
}

static void check_dir(struct model *m, unsigned dir, struct file_inode *d)
{
	struct file_dir *open;
	struct file_dirent ent;
	uint64_t at = 0;
	unsigned nr = 0;
	assert_int_equal(file_opendir(d, &open), 0);
	for (int got; (got = file_readdir(open, at, &ent)); at = ent.next) {
		assert_int_equal(got, 1);
		if (!strcmp(ent.name, ".") || !strcmp(ent.name, ".."))
			continue;
		check_entry(m, dir, &ent);
		nr++;
	}
	assert_int_equal(nr, dir_entries(m, dir));
	file_closedir(open);
}

static void check_node(struct model *m, unsigned n)
{
	struct file_inode *i = walk(m, n);
	struct stat st = stat_of(i);
	assert_int_equal(st.st_mode & S_IFMT, m->node[n].type & S_IFMT);
	if (is_dir(m, n)) {
		check_dir(m, n, i);
	} else {
		assert_int_equal(st.st_nlink, m->node[n].nlink);
		assert_int_equal(st.st_size, m->node[n].size);
	}
	if (S_ISREG(m->node[n].type))
		check_content(&m->node[n], i);
	file_put(i);
}

static void check_all(struct model *m)
{
	for (unsigned n = 0; n < NODES; n++)
		if (m->node[n].used)
			check_node(m, n);
	assert_verified(m->x->vm);
}

static void step(struct model *m)
{
	unsigned dir = dir_pick(m), name = pick(m, NAMES), what = pick(m, 100);
	if (what < 22)
		do_make(m, dir, name);
	else if (what < 40)
		do_lookup(m, dir, name);
	else if (what < 48)
		do_link(m, dir, name);
	else if (what < 62)
		do_remove(m, dir, name);
	else if (what < 78)
		do_rename(m, dir, name);
	else if (what < 90)
		do_write(m);
	else if (what < 95)
		do_forget(m);
	else
		shrink_names(m->x);
}

static void everything_goes(struct file_fixture *x)
{
	assert_int_equal(files_sync(x->files, false), 0);
	for (unsigned turn = 0; turn < 8; turn++) {
		files_drop_pagecache(x->files);
		while (shrink_names(x))
			;
	}
	assert_int_equal(x->files->nr_names, 0);
	assert_int_equal(x->files->nr_inodes, 1);
	assert_int_equal(node_sum(x->vm, NR_FILE_PAGES), 0);
}

static void test_against_model(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	m->x = *state;
	rng_init(&m->rng, seed);
	m->node[0] = (struct mnode){ .used = true, .type = S_IFDIR, .nlink = 1 };
	for (unsigned n = 1; n <= OPERATIONS; n++) {
		step(m);
		if (n % CHECK_EVERY == 0)
			check_all(m);
	}
	while (m->nr_known)
		do_forget(m);
	check_all(m);
	if (!m->x->files->store->in_memory)
		everything_goes(m->x);
	free(m);
}

/* ---- All at once ---- */

struct worker {
	struct file_fixture *x;
	struct rng rng;
	pthread_t thread;
	uint64_t known[KNOWN];
	unsigned nr_known;
};

static struct file_inode *some_dir(struct worker *w)
{
	struct file_inode *i = NULL;
	char name[8];
	snprintf(name, sizeof(name), "d%u", (unsigned)rng_below(&w->rng, 4));
	return file_lookup(w->x->root, name, &i) ? NULL : i;
}

static void storm_use(struct worker *w, struct file_inode *d, const char *name)
{
	struct file_inode *i = NULL;
	if (file_lookup(d, name, &i))
		return;
	if (!file_open(i, O_RDWR)) {
		assert_int_equal(file_write(i, name, 2, rng_below(&w->rng, 20000)), 2);
		file_release(i, O_RDWR);
	}
	stat_of(i);
	if (w->nr_known < KNOWN) {
		file_known(i);
		w->known[w->nr_known++] = file_ino(i);
	}
	file_put(i);
}

static int storm_change(struct worker *w, struct file_inode *d, struct file_inode *to,
			const char *name, const char *other)
{
	struct file_inode *i = NULL;
	int error;
	switch (rng_below(&w->rng, 5)) {
	case 0:
		return file_unlink(d, name);
	case 1:
		return file_rename(d, name, to, other, rng_below(&w->rng, 3) ? 0 : RENAME_EXCHANGE);
	case 2:
		error = file_lookup(d, name, &i);
		if (!error)
			error = file_link(i, to, other);
		break;
	default:
		error = file_create(d, name, 0644, O_RDWR | O_CREAT | O_EXCL, &fixture_who, &i);
		if (!error)
			file_release(i, O_RDWR);
	}
	if (i)
		file_put(i);
	return error;
}

static void storm_step(struct worker *w)
{
	struct file_inode *d = some_dir(w), *to = some_dir(w);
	char name[8], other[8];
	snprintf(name, sizeof(name), "f%u", (unsigned)rng_below(&w->rng, 8));
	snprintf(other, sizeof(other), "f%u", (unsigned)rng_below(&w->rng, 8));
	assert_true(d && to);
	int error = 0;
	if (rng_below(&w->rng, 4))
		error = storm_change(w, d, to, name, other);
	else
		storm_use(w, d, name);
	assert_true(!error || error == -ENOENT || error == -EEXIST || error == -ESTALE);
	file_put(d);
	file_put(to);
	if (w->nr_known && rng_below(&w->rng, 2))
		file_forget(w->x->files, w->known[--w->nr_known], 1);
}

static void shrink_once(struct worker *w)
{
	struct vm *vm = w->x->vm;
	struct cpu *c = &vm->machine.cpu[rng_below(&w->rng, 4)];
	cpu_enter(c);
	for (unsigned nid = 0; nid < vm->machine.nr_nodes; nid++)
		files_shrink_scan(w->x->files, c, nid, 64);
	cpu_leave(c);
}

static void *storm_main(void *arg)
{
	struct worker *w = arg;
	for (unsigned n = 0; n < STORM_OPERATIONS; n++) {
		files_enter(w->x->files);
		storm_step(w);
		files_leave(w->x->files);
		if (n % 16 == 0)
			shrink_once(w);
	}
	while (w->nr_known)
		file_forget(w->x->files, w->known[--w->nr_known], 1);
	return NULL;
}

static void test_storm(void **state)
{
	struct file_fixture *x = *state;
	struct worker *w = calloc(THREADS, sizeof(*w));
	static const char *const dirs[] = { "d0", "d1", "d2", "d3" };
	assert_int_equal(vm_start(x->vm), 0); /* the flusher, kswapd */
	for (unsigned n = 0; n < ARRAY_LEN(dirs); n++)
		file_put(make_dir(x->root, dirs[n]));
	for (unsigned n = 0; n < THREADS; n++) {
		w[n].x = x;
		rng_init(&w[n].rng, seed + n);
		assert_int_equal(pthread_create(&w[n].thread, NULL, storm_main, &w[n]), 0);
	}
	for (unsigned n = 0; n < THREADS; n++)
		pthread_join(w[n].thread, NULL);
	free(w);
	assert_verified(x->vm);
	if (!x->files->store->in_memory)
		everything_goes(x);
}

static int setup_storm(void **state)
{
	*state = file_fixture_boot_as(false, false);
	return 0;
}

static int setup_storm_memory(void **state)
{
	*state = file_fixture_boot_as(true, false);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_against_model),
		FILE_TEST_MEMORY(test_against_model),
		cmocka_unit_test_setup_teardown(test_storm, setup_storm, file_fixture_teardown),
		cmocka_unit_test_setup_teardown(test_storm, setup_storm_memory, file_fixture_teardown),
	};
	if (argc > 1)
		seed = strtoull(argv[1], NULL, 0);
	printf("seed %lu\n", (unsigned long)seed);
	return cmocka_run_group_tests_name("vm/names_random", tests, NULL, NULL);
}
