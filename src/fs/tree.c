/* SPDX-License-Identifier: MIT */
#include "fs/tree.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

/*
 * A tree of named entries with a hash over (directory, name). Inode numbers
 * are given in the order of creation and never reused: entries only go when
 * the whole tree goes.
 */

static uint32_t name_hash(const struct entry *dir, const char *name, size_t len)
{
	uint32_t h = 2166136261u ^ (uint32_t)dir->ino * 2654435761u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619u;
	return h ^ h >> 15;
}

static struct entry **hash_slot(const struct tree *t, const struct entry *dir, const char *name, size_t len)
{
	return &t->hash[name_hash(dir, name, len) & (t->nr_hash - 1)];
}

static struct entry *child_find(const struct tree *t, const struct entry *dir, const char *name, size_t len)
{
	for (struct entry *e = *hash_slot(t, dir, name, len); e; e = e->hash_next)
		if (e->parent == dir && strlen(e->name) == len && !memcmp(e->name, name, len))
			return e;
	return NULL;
}

struct entry *tree_child(const struct tree *t, const struct entry *dir, const char *name)
{
	return child_find(t, dir, name, strlen(name));
}

struct entry *tree_find(const struct tree *t, const char *path)
{
	struct entry *e = tree_root(t);

	while (e && *path) {
		size_t len = strcspn(path, "/");
		e = child_find(t, e, path, len);
		path += len + (path[len] == '/');
	}
	return e;
}

/* Twice as many slots once entries outnumber them. */
static int hash_grow(struct tree *t)
{
	unsigned nr = t->nr_hash ? t->nr_hash * 2 : 256;
	struct entry **slot = mem_zalloc(nr * sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	mem_free(t->hash);
	t->hash = slot;
	t->nr_hash = nr;
	for (unsigned i = 1; i < t->nr_entries; i++) { /* the root has no name */
		struct entry *e = t->entry[i];
		slot = hash_slot(t, e->parent, e->name, strlen(e->name));
		e->hash_next = *slot;
		*slot = e;
	}
	return 0;
}

static int entries_reserve(struct tree *t)
{
	if (t->nr_entries >= t->nr_hash && hash_grow(t))
		return -ENOMEM;
	if (t->nr_entries < t->cap_entries)
		return 0;
	unsigned cap = t->cap_entries ? t->cap_entries * 2 : 256;
	struct entry **entry = mem_realloc(t->entry, cap * sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	t->entry = entry;
	t->cap_entries = cap;
	return 0;
}

static char *name_copy(const char *name, size_t len)
{
	char *copy = mem_zalloc(len + 1);

	if (copy)
		memcpy(copy, name, len);
	return copy;
}

static void entry_link(struct tree *t, struct entry *dir, struct entry *e)
{
	struct entry **slot = hash_slot(t, dir, e->name, strlen(e->name));

	e->hash_next = *slot;
	*slot = e;
	if (dir->last_child)
		dir->last_child->next = e;
	else
		dir->first_child = e;
	dir->last_child = e;
	dir->nr_subdirs += e->kind == ENTRY_DIR;
}

/* A new entry in dir, or the root when dir is NULL. */
static struct entry *entry_create(struct tree *t, struct entry *dir, const char *name, size_t len,
				  enum entry_kind kind)
{
	if (entries_reserve(t))
		return NULL;
	struct entry *e = mem_zalloc(sizeof(*e));
	char *copy = name_copy(name, len);
	if (!e || !copy) {
		mem_free(e);
		mem_free(copy);
		return NULL;
	}
	e->name = copy;
	e->kind = (uint8_t)kind;
	e->parent = dir ? dir : e;
	e->realm = dir ? dir->realm : REALM_TOP;
	e->uid = t->uid;
	e->gid = t->gid;
	e->ino = t->nr_entries + 1;
	t->entry[t->nr_entries++] = e;
	if (dir)
		entry_link(t, dir, e);
	return e;
}

/* The places where another of the kernel's file systems begins. */
static enum entry_realm dir_realm(const struct entry *dir, const char *name, size_t len)
{
	static const struct {
		uint8_t above, realm;
		const char *name;
	} border[] = {
		{ REALM_TOP, REALM_PROC, "proc" },
		{ REALM_TOP, REALM_SYS, "sys" },
		{ REALM_TOP, REALM_TASKS, "tasks" },
		{ REALM_PROC, REALM_SYSCTL, "sys" },
	};

	for (size_t i = 0; i < ARRAY_LEN(border); i++)
		if (border[i].above == dir->realm && strlen(border[i].name) == len &&
		    !memcmp(border[i].name, name, len))
			return border[i].realm;
	return dir->realm;
}

static uint16_t dir_mode(enum entry_realm realm)
{
	switch (realm) {
	case REALM_PROC:
	case REALM_SYSCTL:
		return 0555;
	case REALM_TASKS:
		return 01777;
	default:
		return 0755;
	}
}

static struct entry *dir_step(struct tree *t, struct entry *dir, const char *name, size_t len)
{
	struct entry *e = child_find(t, dir, name, len);
	if (e)
		return e->kind == ENTRY_DIR ? e : NULL;
	e = entry_create(t, dir, name, len, ENTRY_DIR);
	if (!e)
		return NULL;
	e->realm = (uint8_t)dir_realm(dir, name, len);
	e->mode = dir_mode(e->realm);
	return e;
}

/* Walk to the directory that holds the last name of path, making what is missing. */
static struct entry *dir_above(struct tree *t, const char *path, const char **last)
{
	struct entry *dir = tree_root(t);

	for (const char *slash; dir && (slash = strchr(path, '/')); path = slash + 1)
		dir = dir_step(t, dir, path, (size_t)(slash - path));
	*last = path;
	return dir;
}

static struct entry *leaf_add(struct tree *t, const char *path, enum entry_kind kind)
{
	const char *name;
	struct entry *dir = dir_above(t, path, &name);

	if (!dir || !*name || tree_child(t, dir, name))
		return NULL;
	return entry_create(t, dir, name, strlen(name), kind);
}

struct entry *tree_add_dir(struct tree *t, const char *path)
{
	const char *name;
	struct entry *dir = dir_above(t, path, &name);

	return dir ? dir_step(t, dir, name, strlen(name)) : NULL;
}

struct entry *tree_add_link(struct tree *t, const char *path, const char *target)
{
	struct entry *e = leaf_add(t, path, ENTRY_LINK);

	if (!e)
		return NULL;
	e->mode = 0777;
	e->target = mem_strdup(target);
	return e->target ? e : NULL;
}

struct entry *tree_add_view(struct tree *t, const char *path, const struct view *v, unsigned arg)
{
	struct entry *e = leaf_add(t, path, ENTRY_VIEW);

	if (!e)
		return NULL;
	e->mode = v->mode;
	e->view = v;
	e->arg = arg;
	return e;
}

struct entry *tree_add_knob(struct tree *t, const char *path, const struct knob *k, unsigned arg)
{
	struct entry *e = leaf_add(t, path, ENTRY_KNOB);

	if (!e)
		return NULL;
	e->mode = k->mode;
	e->knob = k;
	e->arg = arg;
	return e;
}

struct entry *tree_add_kmsg(struct tree *t, const char *path)
{
	struct entry *e = leaf_add(t, path, ENTRY_KMSG);

	if (e)
		e->mode = 0644;
	return e;
}

struct entry *tree_add_state(struct tree *t, const char *path)
{
	struct entry *e = leaf_add(t, path, ENTRY_STATE);

	if (e)
		e->mode = 0400; /* with what tasks keep in their memory */
	return e;
}

struct entry *tree_add_files(struct tree *t)
{
	struct entry *e = tree_add_dir(t, "files");

	if (e)
		e->dynamic = DYNAMIC_FILES;
	t->files = e;
	return e;
}

struct entry *tree_add_huge(struct tree *t, unsigned pool, const char *path)
{
	struct entry *e = tree_add_dir(t, path);

	if (e)
		e->dynamic = DYNAMIC_HUGE;
	t->huge[pool] = e;
	return e;
}

int tree_init(struct tree *t, uid_t uid, gid_t gid)
{
	memset(t, 0, sizeof(*t));
	t->uid = uid;
	t->gid = gid;
	struct entry *root = entry_create(t, NULL, "", 0, ENTRY_DIR);
	if (!root) {
		tree_fini(t);
		return -ENOMEM;
	}
	root->mode = 0755;
	return 0;
}

void tree_fini(struct tree *t)
{
	for (unsigned i = 0; i < t->nr_entries; i++) {
		mem_free(t->entry[i]->name);
		mem_free(t->entry[i]->target);
		mem_free(t->entry[i]);
	}
	mem_free(t->entry);
	mem_free(t->hash);
	memset(t, 0, sizeof(*t));
}
