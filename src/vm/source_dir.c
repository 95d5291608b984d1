/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of the source's directories: O_PATH, so that a directory needs no
 * more than to be searched. A bounded number of them stays open, the last used
 * ones (those in use besides). One that was closed is opened again from the
 * nearest ancestor that has one, name by name; each step must lead to the very
 * directory that the name is known for.
 *
 * Names may be wrong, for others move directories, too. A wrong one is
 * forgotten and the way is sought anew. Wrong names may even lead in circles;
 * then one of them is forgotten, though it may be the right one: it is
 * found again when somebody looks it up.
 */
#include "vm/source.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* So many wrong names of one thing are forgotten at once; others may be adding them as fast. */
#define WRONG_NAMES_MAX 64u

/* ---- The list of those that are open. source->lock held ---- */

static void node_unlist(struct source_node *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->next = n->prev = NULL;
}

static void node_list(struct source *s, struct source_node *n)
{
	n->prev = &s->lru;
	n->next = s->lru.next;
	n->next->prev = n;
	s->lru.next = n;
}

/* The longest unused one, closed by the caller; -1: all are in use. */
static int dir_evict(struct source *s)
{
	struct source_node *n = s->lru.prev;
	while (n != &s->lru && n->users)
		n = n->prev;
	if (n == &s->lru)
		return -1;
	int fd = n->fd;
	n->fd = -1;
	node_unlist(n);
	s->nr_dirs--;
	return fd;
}

void source_dirs_shrink(struct source *s, unsigned max)
{
	for (;;) {
		lock_take(&s->lock);
		int fd = s->nr_dirs > max ? dir_evict(s) : -1;
		lock_drop(&s->lock);
		if (fd < 0)
			return;
		close(fd);
	}
}

/* ---- Getting one ---- */

/* One that is open. */
static bool dir_use(struct source *s, struct file_inode *dir, struct source_use *u)
{
	if (source_is_root(s, dir)) {
		*u = (struct source_use){ .fd = s->root };
		return true;
	}
	lock_take(&s->lock);
	struct source_node *n = dir->store;
	bool open = n && n->fd >= 0;
	if (open) {
		node_unlist(n);
		node_list(s, n);
		n->users++;
		*u = (struct source_use){ .fd = n->fd, .node = n };
	}
	lock_drop(&s->lock);
	return open;
}

/* fd becomes the directory's, unless somebody was faster. */
static int dir_keep(struct source *s, struct file_inode *dir, int fd, struct source_use *u)
{
	struct source_node *n = source_node_of(dir);
	if (!n) {
		close(fd);
		return -ENOMEM;
	}
	lock_take(&s->lock);
	if (n->fd < 0) {
		n->fd = fd;
		node_list(s, n);
		s->nr_dirs++;
		fd = -1;
	}
	n->users++;
	*u = (struct source_use){ .fd = n->fd, .node = n };
	lock_drop(&s->lock);
	if (fd >= 0)
		close(fd);
	source_dirs_shrink(s, s->max_dirs);
	return 0;
}

/* The way down: directories that must be opened, the topmost first. */
struct dir_step {
	struct dir_step *below;
	struct file_inode *dir, *parent; /* with references */
	char name[NAME_MAX + 1]; /* of dir in parent */
};

static void steps_drop(struct dir_step *step)
{
	while (step) {
		struct dir_step *below = step->below;
		file_put(step->dir);
		file_put(step->parent);
		mem_free(step);
		step = below;
	}
}

/* One step up, before *top. */
static int step_add(struct file_inode *dir, struct dir_step **top)
{
	struct dir_step *step = mem_zalloc(sizeof(*step));
	if (!step)
		return -ENOMEM;
	int error = file_name_any(dir, &step->parent, step->name);
	if (error) {
		mem_free(step);
		return error;
	}
	step->dir = file_hold(dir);
	step->below = *top;
	*top = step;
	return 0;
}

/* Up to an ancestor that is open: u. -ELOOP: names lead in a circle, which *top is part of. */
static int steps_climb(struct source *s, struct file_inode *dir, struct dir_step **top,
		       struct source_use *u)
{
	const struct file_inode *mark = dir; /* Brent: one to meet again, at distances that double */
	uint64_t walked = 0, mark_at = 1;
	while (!dir_use(s, dir, u)) {
		int error = step_add(dir, top);
		if (error)
			return error;
		dir = (*top)->parent;
		if (dir == mark)
			return -ELOOP;
		if (++walked == mark_at) {
			mark = dir;
			mark_at *= 2;
		}
	}
	return 0;
}

/* From u one step down; then u is the lower one. */
static int step_down(struct source *s, const struct dir_step *step, struct source_use *u)
{
	struct stat st;
	int fd = source_openat(s, u->fd, step->name, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) || !source_is(step->dir, &st)) {
		close(fd);
		return -ESTALE;
	}
	if (step->dir->attr.dev != s->dev)
		WRITE_RELAXED(&s->other_devs, true);
	struct source_use above = *u;
	int error = dir_keep(s, step->dir, fd, u);
	if (!error)
		source_use_end(s, &above);
	return error;
}

static bool name_is_wrong(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -ELOOP || error == -ESTALE;
}

/* 0: u. 1: a name was wrong and is forgotten. */
static int dir_reopen(struct source *s, struct file_inode *dir, struct source_use *u)
{
	struct dir_step *top = NULL, *step;
	int error = steps_climb(s, dir, &top, u);
	bool climbed = !error;
	const struct dir_step *wrong = error == -ELOOP ? top : NULL;
	for (step = top; step && !error; step = step->below) {
		error = step_down(s, step, u);
		if (name_is_wrong(error))
			wrong = step;
	}
	if (climbed && error)
		source_use_end(s, u);
	if (wrong) {
		file_name_del(wrong->parent, wrong->name);
		error = 1;
	}
	steps_drop(top);
	return error;
}

int source_dir_get(struct file_inode *dir, struct source_use *u)
{
	struct source *s = source_of(dir);
	int error = dir_use(s, dir, u) ? 0 : 1;
	for (unsigned tries = 0; error == 1 && tries < WRONG_NAMES_MAX; tries++)
		error = dir_reopen(s, dir, u);
	return error == 1 ? -ESTALE : error;
}

static int name_try(struct file_inode *dir, const char *name,
		    int (*try)(int dir, const char *name, void *arg), void *arg)
{
	struct source_use u;
	int error = source_dir_get(dir, &u);
	if (error)
		return error;
	error = try(u.fd, name, arg);
	source_use_end(source_of(dir), &u);
	return error;
}

int source_by_name(struct file_inode *i, int (*try)(int dir, const char *name, void *arg), void *arg)
{
	char name[NAME_MAX + 1];
	for (unsigned tries = 0; tries < WRONG_NAMES_MAX; tries++) {
		struct file_inode *dir;
		int error = file_name_any(i, &dir, name);
		if (error)
			return error;
		error = name_try(dir, name, try, arg);
		if (name_is_wrong(error))
			file_name_del(dir, name);
		file_put(dir);
		if (!name_is_wrong(error))
			return error;
	}
	return -ESTALE;
}
