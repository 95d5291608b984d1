/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_FIXTURE_H
#define SOURCE_FIXTURE_H

/* A fake tree over a source of its own below a temporary directory, which tests change behind its back. */

#include "support/source_dir.h"

#include "support/fake_tree.h"

#include "base/log.h"
#include "vm/source.h"

#include <dirent.h>
#include <sys/wait.h>

struct over {
	struct fake_tree tree;
	struct source *source;
	char base[64]; /* holds the source, and what lies outside of it */
	char dir[80];
	struct file_inode *root;
	const struct file_store_ops *store;
};

static inline const char *path_of(const struct over *o, const char *name)
{
	static char path[8][PATH_MAX];
	static unsigned turn;
	char *p = path[turn++ % 8];
	snprintf(p, PATH_MAX, "%s/%s", o->dir, name);
	return p;
}

static inline const char *outside_of(const struct over *o, const char *name)
{
	static char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", o->base, name);
	return path;
}

static inline void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static inline void over_begin(struct over *o)
{
	struct why why = { 0 };
	fake_tree_init(&o->tree, NULL);
	assert_int_equal(source_store_init(&o->tree.files, o->dir, &why), 0);
	o->source = o->tree.files.store_ctx;
	o->store = o->tree.files.store;
	o->root = tree_root(&o->tree);
}

static inline int over_setup(void **state)
{
	struct over *o = calloc(1, sizeof(*o));
	dir_make(o->base, sizeof(o->base));
	snprintf(o->dir, sizeof(o->dir), "%s/source", o->base);
	assert_int_equal(mkdir(o->dir, 0755), 0);
	over_begin(o);
	*state = o;
	return 0;
}

static inline int over_teardown(void **state)
{
	struct over *o = *state;
	fake_tree_fini(&o->tree);
	int base = open(o->base, O_RDONLY | O_DIRECTORY);
	assert_int_equal(source_tree_remove(base), 0); /* some are deeper than paths reach */
	close(base);
	rmdir(o->base);
	free(o);
	return 0;
}

#define OVER(name) cmocka_unit_test_setup_teardown(name, over_setup, over_teardown)

/* Descriptors of directories are closed, so that all are opened anew. */
static inline void dirs_closed(struct over *o)
{
	source_dirs_shrink(o->source, 0);
	assert_int_equal(o->source->nr_dirs, 0);
}

static inline int lookup_error(struct file_inode *dir, const char *name)
{
	int error;
	tree_lookup(dir, name, &error);
	return error;
}

static inline struct file_inode *looked_up(struct file_inode *dir, const char *name)
{
	int error;
	struct file_inode *i = tree_lookup(dir, name, &error);
	assert_int_equal(error, 0);
	return i;
}

static inline unsigned descriptors(void)
{
	unsigned nr = 0;
	DIR *d = opendir("/proc/self/fd");
	while (readdir(d))
		nr++;
	closedir(d);
	return nr;
}

/* In a process of its own, as a user without rights, with a source opened by him. Its assertions are ours. */
static inline void as_nobody(struct over *o, void (*work)(struct over *o))
{
	int status;
	if (geteuid())
		skip();
	pid_t pid = fork();
	if (!pid) {
		struct over *mine = calloc(1, sizeof(*mine));
		bool ready = !setegid(65534) && !seteuid(65534);
		memcpy(mine->dir, o->dir, sizeof(mine->dir));
		memcpy(mine->base, o->base, sizeof(mine->base));
		if (!ready)
			_exit(2);
		over_begin(mine);
		work(mine);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* In such a process a failed assertion must not run on with the other tests. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

#endif
