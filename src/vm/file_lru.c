/* SPDX-License-Identifier: MIT */
/*
 * Shrinking names and inodes (fs/super.c: super_cache_scan, fs/dcache.c,
 * fs/inode.c, 6.1). Each node has a list of names that may go and one of
 * inodes that nothing leads to any more; new ones at the head, shrunk from the
 * tail, and who was used since it was last looked at gets a second chance. An
 * inode with pages is not on the list, it comes there when the last page has
 * left; only on a machine with high memory its clean pages go for its sake.
 *
 * A name that the host knows keeps an inode that it knows. The host is asked
 * to forget it, and the name goes with the host's last answer
 * (file_forget). The host keeps a directory for as long as it likes: that one
 * leaves the list, and comes back when the host has let go of it.
 *
 * Different from Linux: lists are by node of the object as there, but their
 * lock is one, files->lock.
 */
#include "vm/file_private.h"

#include "mm/slab.h"
#include "vm/filemap.h"
#include "vm/task_private.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#define ASKS 16u /* of the host, collected under the lock */
#define SCAN_BATCH 64u /* looked at in one go of the lock */
#define FORGET_WAIT_MS 50u
#define FORGET_IDLE_ROUNDS 8u /* without an answer: the host keeps the rest */

struct file_ask {
	uint64_t dir_ino;
	char name[NAME_MAX + 1];
};

struct file_scan {
	struct files *files;
	struct cpu *cpu;
	struct file_lru *lru;
	uint64_t freed;
	struct file_dead dead;
	unsigned nr_asks;
	struct file_ask ask[ASKS];
};

/* ---- The lists. files->lock ---- */

static struct file_lru *lru_of(const struct files *f, unsigned nid)
{
	return &f->lru[nid];
}

static void name_push(struct file_lru *l, struct file_name *n)
{
	n->lru_prev = NULL;
	n->lru_next = l->name_head;
	if (l->name_head)
		l->name_head->lru_prev = n;
	else
		l->name_tail = n;
	l->name_head = n;
	n->flags |= FILE_ON_LRU;
	WRITE_RELAXED(&l->nr_names, l->nr_names + 1);
}

static void name_pull(struct file_lru *l, struct file_name *n)
{
	if (n->lru_prev)
		n->lru_prev->lru_next = n->lru_next;
	else
		l->name_head = n->lru_next;
	if (n->lru_next)
		n->lru_next->lru_prev = n->lru_prev;
	else
		l->name_tail = n->lru_prev;
	n->flags &= (uint8_t)~FILE_ON_LRU;
	WRITE_RELAXED(&l->nr_names, l->nr_names - 1);
}

static void inode_push(struct file_lru *l, struct file_inode *i)
{
	i->lru_prev = NULL;
	i->lru_next = l->inode_head;
	if (l->inode_head)
		l->inode_head->lru_prev = i;
	else
		l->inode_tail = i;
	l->inode_head = i;
	i->flags |= FILE_ON_LRU;
	WRITE_RELAXED(&l->nr_inodes, l->nr_inodes + 1);
}

static void inode_pull(struct file_lru *l, struct file_inode *i)
{
	if (i->lru_prev)
		i->lru_prev->lru_next = i->lru_next;
	else
		l->inode_head = i->lru_next;
	if (i->lru_next)
		i->lru_next->lru_prev = i->lru_prev;
	else
		l->inode_tail = i->lru_prev;
	i->flags &= (uint16_t)~FILE_ON_LRU;
	WRITE_RELAXED(&l->nr_inodes, l->nr_inodes - 1);
}

void file_lru_touch_name(struct file_name *n)
{
	if (n->flags & FILE_PINNED)
		return;
	if (n->flags & FILE_ON_LRU)
		n->flags |= FILE_REFERENCED;
	else
		name_push(lru_of(n->dir->files, n->nid), n);
}

void file_lru_del_name(struct file_name *n)
{
	if (n->flags & FILE_ON_LRU)
		name_pull(lru_of(n->dir->files, n->nid), n);
}

void file_lru_touch_inode(struct file_inode *i)
{
	if (i->flags & FILE_ON_LRU)
		i->flags |= FILE_REFERENCED;
	else if (file_is_shrinkable(i))
		inode_push(lru_of(i->files, i->nid), i);
}

void file_lru_del_inode(struct file_inode *i)
{
	if (i->flags & FILE_ON_LRU)
		inode_pull(lru_of(i->files, i->nid), i);
	i->flags &= (uint16_t)~FILE_REFERENCED;
}

void file_asked_clear(struct file_name *n)
{
	struct files *f = n->dir->files;
	if (!(n->flags & FILE_ASKED))
		return;
	n->flags &= (uint8_t)~FILE_ASKED;
	WRITE_RELAXED(&f->nr_asked, f->nr_asked - 1);
}

uint8_t file_object_nid(struct files *f, enum own_kind kind, const struct own_head *h, const struct cpu *c)
{
	const struct kmem_cache *s = f->vm->own.of[kind].cache;
	const struct page *slab = s && h->object ? object_slab(s, h->object) : NULL;
	const struct node *n = slab ? page_node(&f->vm->machine, slab) : c->node;
	return (uint8_t)n->id;
}

/* With high memory there is less room for inodes than for what is in them. 6.1: mapping_shrinkable. */
static bool has_highmem(const struct files *f)
{
	const struct machine *m = &f->vm->machine;
	for (unsigned t = 0; t < m->nr_zone_types; t++)
		if (m->kind[t] == ZONE_HIGHMEM)
			return true;
	return false;
}

bool file_is_shrinkable(const struct file_inode *i)
{
	if (i->flags & (FILE_DYING | FILE_DIRTY_LISTED))
		return false;
	return !READ_RELAXED(&i->map.nr_pages) || has_highmem(i->files);
}

/* ---- Names ---- */

static void name_ask(struct file_scan *s, struct file_name *n)
{
	struct file_ask *a = &s->ask[s->nr_asks++];
	a->dir_ino = file_ino(n->dir);
	snprintf(a->name, sizeof(a->name), "%s", n->name);
	n->flags |= FILE_ASKED;
	WRITE_RELAXED(&s->files->nr_asked, s->files->nr_asked + 1);
}

/* The host lets go of its directories as it likes, and names in a directory need it. */
static bool name_is_fixed(const struct file_name *n)
{
	return n->inode->children || (file_is_dir(n->inode) && n->inode->nlookup);
}

static bool name_used_now(const struct file_name *n)
{
	return n->inode->refs || n->inode->opens;
}

static void name_scan(struct file_scan *s, struct file_name *n)
{
	name_pull(s->lru, n);
	if (name_is_fixed(n))
		return;
	bool used = n->flags & FILE_REFERENCED;
	n->flags &= (uint8_t)~FILE_REFERENCED;
	if (!used && !name_used_now(n) && !n->inode->nlookup) {
		file_name_cut(n, &s->dead);
		s->freed++;
		return;
	}
	name_push(s->lru, n);
	if (!used && !name_used_now(n) && s->files->ask && !(n->flags & FILE_ASKED))
		name_ask(s, n);
}

static uint64_t names_look(struct file_scan *s, uint64_t nr)
{
	uint64_t looked = 0;
	lock_take(&s->files->lock);
	while (looked < nr && s->nr_asks < ASKS && s->lru->name_tail) {
		name_scan(s, s->lru->name_tail);
		looked++;
	}
	lock_drop(&s->files->lock);
	return looked;
}

/* The host may be told while we are inside no CPU. */
static void asks_send(struct file_scan *s)
{
	if (!s->nr_asks)
		return;
	cpu_leave(s->cpu);
	for (unsigned n = 0; n < s->nr_asks; n++)
		s->files->ask(s->files->ask_ctx, s->ask[n].dir_ino, s->ask[n].name);
	cpu_enter(s->cpu);
	s->nr_asks = 0;
}

static void names_shrink(struct file_scan *s, uint64_t nr)
{
	while (nr) {
		uint64_t looked = names_look(s, MIN(nr, SCAN_BATCH));
		file_dead_free(s->files, &s->dead, s->cpu);
		asks_send(s);
		if (!looked)
			return;
		nr -= looked;
	}
}

/* ---- Inodes ---- */

static bool is_kswapd(const struct policy *p)
{
	if (p->inline_reclaim)
		return false;
	for (unsigned n = 0; n < p->machine->nr_nodes; n++)
		if (READ_RELAXED(&p->kswapd[n].running) &&
		    pthread_equal(p->kswapd[n].thread, pthread_self()))
			return true;
	return false;
}

/* Its clean pages go; with the last of them it comes back to the list by itself. files->lock, left meanwhile. */
static void inode_steal(struct file_scan *s, struct file_inode *i)
{
	struct files *f = s->files;
	i->refs++;
	lock_drop(&f->lock);
	cpu_leave(s->cpu);
	uint64_t pages = filemap_invalidate(i);
	cpu_enter(s->cpu);
	event_add(s->cpu, is_kswapd(&f->vm->policy) ? KSWAPD_INODESTEAL : PGINODESTEAL, pages);
	lock_take(&f->lock);
	if (!--i->refs)
		file_settle(i, &s->dead);
}

static void inode_scan(struct file_scan *s, struct file_inode *i)
{
	bool used = i->flags & FILE_REFERENCED;
	file_lru_del_inode(i);
	if (!file_is_idle(i) || !file_is_shrinkable(i))
		return;
	if (used)
		inode_push(s->lru, i);
	else if (READ_RELAXED(&i->map.nr_pages))
		inode_steal(s, i);
	else {
		file_inode_retire(i, &s->dead);
		s->freed++;
	}
}

static void inodes_shrink(struct file_scan *s, uint64_t nr)
{
	while (nr) {
		uint64_t looked = 0;
		lock_take(&s->files->lock);
		while (looked < MIN(nr, SCAN_BATCH) && s->lru->inode_tail) {
			inode_scan(s, s->lru->inode_tail);
			looked++;
		}
		lock_drop(&s->files->lock);
		file_dead_free(s->files, &s->dead, s->cpu);
		if (!looked)
			return;
		nr -= looked;
	}
}

/* ---- For reclaim ---- */

uint64_t files_shrink_count(void *ctx, unsigned nid)
{
	struct files *f = ctx;
	const struct file_lru *l = lru_of(f, nid);
	return vfs_pressure_ratio(&f->vm->policy, READ_RELAXED(&l->nr_names) + READ_RELAXED(&l->nr_inodes));
}

uint64_t files_shrink_scan(void *ctx, struct cpu *c, unsigned nid, uint64_t nr)
{
	struct files *f = ctx;
	struct file_scan s;
	s.files = f;
	s.cpu = c;
	s.lru = lru_of(f, nid);
	s.freed = 0;
	s.nr_asks = 0;
	s.dead = (struct file_dead){ 0 };
	uint64_t names = READ_RELAXED(&s.lru->nr_names), inodes = READ_RELAXED(&s.lru->nr_inodes);
	if (!names && !inodes)
		return SHRINK_STOP;
	uint64_t of_names = nr * names / (names + inodes);
	names_shrink(&s, of_names);
	inodes_shrink(&s, nr - of_names);
	return s.freed;
}

/* ---- The host's answers ---- */

/* What the host keeps is asked for again when it is shrunk again. */
static void asked_give_up(struct files *f)
{
	lock_take(&f->lock);
	for (unsigned nid = 0; nid < f->vm->machine.nr_nodes; nid++)
		for (struct file_name *n = f->lru[nid].name_head; n; n = n->lru_next)
			file_asked_clear(n);
	lock_drop(&f->lock);
}

void files_forgotten_wait(struct files *f)
{
	uint64_t left = READ_RELAXED(&f->nr_asked);
	unsigned idle = 0;
	while (left && f->ask_wait && idle < FORGET_IDLE_ROUNDS) {
		const struct timespec moment = { .tv_nsec = 1000000 };
		if (!f->ask_wait(f->ask_ctx, FORGET_WAIT_MS))
			break;
		uint64_t now = READ_RELAXED(&f->nr_asked);
		idle = now < left ? 0 : idle + 1;
		left = now;
		if (idle)
			nanosleep(&moment, NULL);
	}
	if (left)
		asked_give_up(f);
}
