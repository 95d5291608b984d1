/* SPDX-License-Identifier: MIT */
/*
 * Inodes of dev/hugepages: numbers, references, attributes. See hugetlbfs.h.
 *
 * An inode has a number, the owner number of its pages, which is used again
 * with another generation. It stays while a name leads to it, somebody works
 * on it or has it open, or the host knows it: that one forgets a file without
 * a name as soon as the last descriptor of it is closed.
 */
#include "vm/hugetlbfs_private.h"

#include "base/mem.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INO_HUGE (4ull << 60)
#define ID_BITS 28u /* an owner number: mm/owner.h */
#define HASH_MIN 64u
#define SECTORS_PER_PAGE 8u

int hugetlbfs_init(struct hugetlbfs *h, struct vm *vm)
{
	*h = (struct hugetlbfs){ .hash_size = HASH_MIN, .nr_ids = 1 };
	h->hash = mem_zalloc(HASH_MIN * sizeof(struct huge_name *));
	if (!h->hash)
		return -ENOMEM;
	gate_init(&h->gate);
	lock_init(&h->lock, RANK_FILES, 2);
	h->vm = vm;
	return 0;
}

static void inode_free(struct huge_inode *i)
{
	struct hugetlbfs *h = i->fs;
	pthread_rwlock_destroy(&i->io);
	mem_free(i->slot);
	mem_free(i->target);
	own_free(h->vm, OWN_HUGETLBFS_INODE, huge_cpu(h), i);
}

void hugetlbfs_fini(struct hugetlbfs *h)
{
	if (!h->vm)
		return;
	for (uint64_t k = 0; k < h->hash_size; k++)
		while (h->hash[k]) {
			struct huge_name *n = h->hash[k];
			h->hash[k] = n->hash_next;
			huge_name_free(h, n);
		}
	for (uint32_t id = 1; id < h->nr_ids; id++)
		if (h->id[id].inode)
			inode_free(h->id[id].inode);
	mem_free(h->hash);
	mem_free(h->id);
	lock_fini(&h->lock);
	pthread_rwlock_destroy(&h->gate);
	h->vm = NULL;
}

void hugetlbfs_enter(struct hugetlbfs *h)
{
	pthread_rwlock_rdlock(&h->gate);
	files_enter(&h->vm->files);
}

bool hugetlbfs_try_enter(struct hugetlbfs *h)
{
	if (pthread_rwlock_tryrdlock(&h->gate))
		return false;
	files_enter(&h->vm->files);
	return true;
}

void hugetlbfs_leave(struct hugetlbfs *h)
{
	files_leave(&h->vm->files);
	pthread_rwlock_unlock(&h->gate);
}

void hugetlbfs_mount_name(const struct vm *vm, unsigned mount, char *name, size_t size)
{
	unsigned shift = vm->hugetlb[mount].order + PAGE_SHIFT;
	if (!mount)
		snprintf(name, size, "hugepages");
	else
		snprintf(name, size, "hugepages-%u%c", 1u << shift % 10, "KMGT"[shift / 10 - 1]);
}

/* ---- Attributes ---- */

static struct timespec now_coarse(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	return t;
}

static void stamp(struct huge_attr *a, unsigned stamps, const struct timespec *t)
{
	if (stamps & HUGE_ATIME) {
		a->atime_s = t->tv_sec;
		a->atime_ns = (uint32_t)t->tv_nsec;
	}
	if (stamps & HUGE_MTIME) {
		a->mtime_s = t->tv_sec;
		a->mtime_ns = (uint32_t)t->tv_nsec;
	}
	if (stamps & HUGE_CTIME) {
		a->ctime_s = t->tv_sec;
		a->ctime_ns = (uint32_t)t->tv_nsec;
	}
}

void huge_touch(struct huge_inode *i, unsigned stamps)
{
	struct timespec now = now_coarse();
	stamp(&i->attr, stamps, &now);
}

static struct timespec time_of(int64_t s, uint32_t ns)
{
	return (struct timespec){ .tv_sec = s, .tv_nsec = ns };
}

void huge_getattr(struct huge_inode *i, struct stat *st)
{
	lock_take(&i->fs->lock);
	const struct huge_attr *a = &i->attr;
	*st = (struct stat){ .st_ino = huge_ino(i),
			     .st_mode = a->mode,
			     .st_nlink = a->nlink,
			     .st_uid = a->uid,
			     .st_gid = a->gid,
			     .st_rdev = a->rdev,
			     .st_blksize = (blksize_t)1 << huge_shift(i),
			     .st_atim = time_of(a->atime_s, a->atime_ns),
			     .st_mtim = time_of(a->mtime_s, a->mtime_ns),
			     .st_ctim = time_of(a->ctime_s, a->ctime_ns) };
	lock_drop(&i->fs->lock);
	st->st_size = i->target ? (off_t)strlen(i->target) : (off_t)READ_RELAXED(&i->size);
	st->st_blocks = (blkcnt_t)(READ_RELAXED(&i->nr_pages) << huge_pool(i)->order) * SECTORS_PER_PAGE;
}

static void time_set(struct huge_attr *a, unsigned stamps, const struct timespec *given, bool to_now)
{
	struct timespec now = now_coarse();
	stamp(a, stamps, to_now ? &now : given);
}

/* A new owner takes the rights of the old one away; the caller has thought of that in mode. */
void huge_setattr(struct huge_inode *i, const struct stat *st, unsigned which)
{
	lock_take(&i->fs->lock);
	struct huge_attr *a = &i->attr;
	if (which & FILE_SET_MODE)
		WRITE_RELAXED(&a->mode, (a->mode & S_IFMT) | (st->st_mode & ~(mode_t)S_IFMT));
	if (which & FILE_SET_UID)
		a->uid = st->st_uid;
	if (which & FILE_SET_GID)
		a->gid = st->st_gid;
	if (which & (FILE_SET_ATIME | FILE_SET_ATIME_NOW))
		time_set(a, HUGE_ATIME, &st->st_atim, which & FILE_SET_ATIME_NOW);
	if (which & (FILE_SET_MTIME | FILE_SET_MTIME_NOW))
		time_set(a, HUGE_MTIME, &st->st_mtim, which & FILE_SET_MTIME_NOW);
	huge_touch(i, HUGE_CTIME);
	lock_drop(&i->fs->lock);
}

/* As a mount without a limit of its own would tell if 6.1 did not keep silent there: the whole pool. */
void huge_statfs(struct huge_inode *i, struct statvfs *st)
{
	const struct hugetlb *pool = huge_pool(i);
	uint64_t nr_free = READ_RELAXED(&pool->nr_free), promised = READ_RELAXED(&pool->nr_reserved);
	*st = (struct statvfs){ .f_bsize = 1ul << huge_shift(i),
				.f_frsize = 1ul << huge_shift(i),
				.f_blocks = READ_RELAXED(&pool->nr),
				.f_namemax = NAME_MAX };
	st->f_bfree = st->f_bavail = nr_free - MIN(promised, nr_free);
}

/* ---- Numbers ---- */

uint64_t huge_ino(const struct huge_inode *i)
{
	return INO_HUGE | (uint64_t)i->generation << ID_BITS | i->id;
}

/* So many numbers. 0 or -ENOMEM. Lock held: the table is short, and grows by the half of itself. */
static int ids_reserve(struct hugetlbfs *h, uint32_t nr)
{
	if (nr <= h->cap_ids)
		return 0;
	uint32_t cap = MAX(nr, h->cap_ids + h->cap_ids / 2 + 64);
	struct huge_id *id = nr >> ID_BITS ? NULL : mem_realloc(h->id, cap * sizeof(*id));
	if (!id)
		return -ENOMEM;
	memset(id + h->cap_ids, 0, (cap - h->cap_ids) * sizeof(*id));
	h->id = id;
	h->cap_ids = cap;
	return 0;
}

static int id_take(struct hugetlbfs *h, struct huge_inode *i)
{
	uint32_t id = h->free_id;
	if (id) {
		h->free_id = h->id[id].next_free;
	} else {
		id = h->nr_ids;
		if (ids_reserve(h, id + 1))
			return -ENOMEM;
		h->nr_ids++;
	}
	h->id[id].inode = i;
	i->id = id;
	i->generation = ++h->id[id].generation;
	return 0;
}

static void id_give(struct hugetlbfs *h, uint32_t id)
{
	h->id[id].next_free = h->free_id;
	h->free_id = id;
}

static struct huge_inode *inode_alloc(struct hugetlbfs *h, unsigned mount)
{
	struct vm *vm = h->vm;
	struct huge_inode *i = own_alloc(vm, OWN_HUGETLBFS_INODE, huge_cpu(h), sizeof(struct huge_inode));
	if (!i)
		return NULL;
	i->fs = h;
	i->mount = mount;
	i->refs = 1;
	pthread_rwlock_init(&i->io, NULL);
	return i;
}

static void attr_first(struct huge_inode *i, const struct huge_making *m)
{
	i->attr = (struct huge_attr){ .mode = m->mode, .uid = m->who.uid, .gid = m->who.gid, .rdev = m->rdev };
	huge_touch(i, HUGE_ATIME | HUGE_MTIME | HUGE_CTIME);
}

struct huge_inode *huge_inode_make(struct hugetlbfs *h, unsigned mount, const struct huge_making *m)
{
	struct huge_inode *i = inode_alloc(h, mount);
	if (!i)
		return NULL;
	i->target = m->target ? mem_strdup(m->target) : NULL;
	attr_first(i, m);
	lock_take(&h->lock);
	int error = m->target && !i->target ? -ENOMEM : id_take(h, i);
	lock_drop(&h->lock);
	if (!error)
		return i;
	inode_free(i);
	return NULL;
}

int huge_inode_restore(struct hugetlbfs *h, unsigned mount, uint32_t id, uint32_t generation,
		       struct huge_inode **out)
{
	if (ids_reserve(h, id + 1))
		return -ENOMEM;
	if (!id || h->id[id].inode)
		return -EEXIST;
	struct huge_inode *i = inode_alloc(h, mount);
	if (!i)
		return -ENOMEM;
	h->nr_ids = MAX(h->nr_ids, id + 1);
	h->id[id] = (struct huge_id){ .inode = i, .generation = generation };
	i->id = id;
	i->generation = generation;
	i->refs = 0;
	*out = i;
	return 0;
}

/* ---- References ---- */

void huge_hold(struct huge_inode *i)
{
	i->refs++;
}

struct huge_inode *huge_get(struct hugetlbfs *h, uint64_t ino)
{
	uint32_t id = ino & ((1u << ID_BITS) - 1);
	lock_take(&h->lock);
	struct huge_inode *i = id < h->nr_ids ? h->id[id].inode : NULL;
	if (i && huge_ino(i) != ino)
		i = NULL;
	if (i)
		huge_hold(i);
	lock_drop(&h->lock);
	return i;
}

static bool is_unneeded(const struct huge_inode *i)
{
	return !i->names && !i->opens && !i->nlookup && i != i->fs->root[i->mount];
}

/* Nothing finds it any more. Its number is free once no page has it. */
static void inode_end(struct hugetlbfs *h, struct huge_inode *i)
{
	huge_drop_all(i);
	lock_take(&h->lock);
	id_give(h, i->id);
	lock_drop(&h->lock);
	inode_free(i);
}

void huge_put(struct huge_inode *i)
{
	struct hugetlbfs *h = i->fs;
	lock_take(&h->lock);
	bool gone = !--i->refs && is_unneeded(i);
	if (gone)
		h->id[i->id].inode = NULL;
	lock_drop(&h->lock);
	if (gone)
		inode_end(h, i);
}

static int root_make(struct hugetlbfs *h, unsigned mount)
{
	const struct huge_making m = { .mode = S_IFDIR | 0755, .who = { geteuid(), getegid() } };
	struct huge_inode *i = huge_inode_make(h, mount, &m);
	if (!i)
		return -ENOMEM;
	lock_take(&h->lock);
	if (!h->root[mount]) {
		i->attr.nlink = 2;
		h->root[mount] = i;
	}
	lock_drop(&h->lock);
	huge_put(i); /* a second one goes */
	return 0;
}

int huge_root(struct hugetlbfs *h, unsigned mount, struct huge_inode **out)
{
	for (;;) {
		lock_take(&h->lock);
		struct huge_inode *i = h->root[mount];
		if (i)
			huge_hold(i);
		lock_drop(&h->lock);
		*out = i;
		int error = i ? 0 : root_make(h, mount);
		if (i || error)
			return error;
	}
}

void huge_known(struct huge_inode *i)
{
	lock_take(&i->fs->lock);
	i->nlookup++;
	lock_drop(&i->fs->lock);
}

void huge_forget(struct hugetlbfs *h, uint64_t ino, uint64_t nlookup)
{
	struct huge_inode *i = huge_get(h, ino);
	if (!i)
		return;
	lock_take(&h->lock);
	i->nlookup -= MIN(nlookup, i->nlookup);
	lock_drop(&h->lock);
	huge_put(i);
}

void huge_open(struct huge_inode *i)
{
	lock_take(&i->fs->lock);
	i->opens++;
	lock_drop(&i->fs->lock);
}

void huge_release(struct huge_inode *i)
{
	lock_take(&i->fs->lock);
	ASSERT(i->opens);
	i->opens--;
	huge_hold(i);
	lock_drop(&i->fs->lock);
	huge_put(i);
}

void hugetlbfs_start(struct hugetlbfs *h)
{
	if (!h->vm->region) /* it is only looked at */
		return;
	h->free_id = 0;
	for (uint32_t id = h->nr_ids - 1; id; id--) { /* numbers that are free are given out from below */
		struct huge_inode *i = h->id[id].inode;
		if (i && !is_unneeded(i))
			continue;
		h->id[id].inode = NULL;
		if (i)
			inode_end(h, i);
		else
			id_give(h, id);
	}
}

/* ---- Checks ---- */

static PRINTF_LIKE(3, 4) void finding(struct text *out, unsigned *nr, const char *fmt, ...)
{
	char line[200];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	text_str(out, "hugetlbfs: ");
	text_str(out, line);
	text_char(out, '\n');
	++*nr;
}

static bool page_is_right(const struct huge_inode *i, const struct huge_slot *s)
{
	const struct machine *m = &i->fs->vm->machine;
	const struct page *p = pfn_page(m, s->pfn);
	return p->state == PAGE_USED && p->owner == owner_handle(OWNER_HUGETLBFS, i->id) &&
	       p->order == huge_pool(i)->order && p->index == s->index;
}

static void inode_verify(const struct huge_inode *i, struct text *out, unsigned *nr)
{
	uint64_t pages = 0, promised = 0;
	for (uint64_t k = 0; k < i->nr_slots; k++) {
		const struct huge_slot *s = &i->slot[k];
		bool promise = s->pfn == HUGE_PROMISED;
		pages += !promise;
		promised += promise;
		if (k && i->slot[k - 1].index >= s->index)
			finding(out, nr, "inode %u: pages out of order at %u", i->id, s->index);
		if (!promise && !page_is_right(i, s))
			finding(out, nr, "inode %u: frame %u is not its page %u", i->id, s->pfn, s->index);
	}
	if (pages != i->nr_pages || promised != i->nr_promised)
		finding(out, nr, "inode %u: counts of pages or promises are wrong", i->id);
	if (!i->refs && is_unneeded(i))
		finding(out, nr, "inode %u: nobody needs it", i->id);
}

unsigned hugetlbfs_verify(struct hugetlbfs *h, struct text *out)
{
	uint64_t promised[HUGETLB_SIZES] = { 0 }, pages[HUGETLB_SIZES] = { 0 };
	unsigned nr = 0;
	for (uint32_t id = 1; id < h->nr_ids; id++) {
		const struct huge_inode *i = h->id[id].inode;
		if (!i)
			continue;
		inode_verify(i, out, &nr);
		promised[i->mount] += i->nr_promised;
		pages[i->mount] += i->nr_pages;
	}
	for (unsigned k = 0; k < h->vm->nr_hugetlb; k++) {
		const struct hugetlb *pool = &h->vm->hugetlb[k];
		if (promised[k] > pool->nr_reserved || pages[k] > pool->nr - pool->nr_free)
			finding(out, &nr, "pool %u promised %lu and lent %lu, files have %lu and %lu",
				k, pool->nr_reserved, pool->nr - pool->nr_free, promised[k], pages[k]);
	}
	return nr;
}
