/* SPDX-License-Identifier: MIT */
/*
 * Names and inodes that an imported machine has (fs/dcache.c, fs/inode.c,
 * fs/super.c, 6.1). A capture says how many objects a cache has and not which
 * of them are unused, so a rule decides, one that captures from before and after
 * drop_caches bear out:
 *
 *   - Inodes of file systems with a disk (ext4_inode_cache, xfs_inode and the
 *     like) can go. Each takes a dentry with it, and where there is one for
 *     every inode, an lsm_inode_cache object. After all have gone there are as
 *     many dentries as inodes of the other caches.
 *   - Inodes without a disk behind them stay, with their dentries: those of
 *     tmpfs, sockets, proc, hugetlbfs, message queues and inode_cache.
 *   - radix_tree_node and buffer_head objects describe pages of files: as many
 *     stay as pages of files do, in proportion to when the machine was imported.
 *
 * Only objects that nobody here has taken over are touched. They do not say
 * on which node they are needed: each node with memory has an equal share.
 * The list of a cache's imported objects is behind slabs->lock, which ranks
 * before CPUs; inside one it is only tried, and who does not get it stops.
 */
#include "vm/imported_caches.h"

#include "vm/vm.h"

#include <string.h>

#define BATCH 32u

/* ---- Which caches ---- */

static bool name_ends(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);
	return len > end_len && !strcmp(name + len - end_len, end);
}

static bool inode_has_disk(const struct kmem_cache *s)
{
	static const char *const without[] = { "shmem_inode_cache",  "sock_inode_cache",
					       "proc_inode_cache",   "hugetlbfs_inode_cache",
					       "mqueue_inode_cache", "rpc_inode_cache",
					       "bdev_cache",         "lsm_inode_cache" };
	if (!(s->flags & SLAB_RECLAIM_ACCOUNT))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(without); i++)
		if (!strcmp(s->name, without[i]))
			return false;
	return name_ends(s->name, "_inode_cache") || !strcmp(s->name, "xfs_inode") ||
	       !strcmp(s->name, "btrfs_inode");
}

static void inodes_find(struct vm *vm, struct imported_caches *ic)
{
	lock_take(&vm->slabs.lock);
	for (struct kmem_cache *s = vm->slabs.oldest; s && ic->nr_inodes < IMPORTED_INODES_MAX; s = s->newer)
		if (inode_has_disk(s)) {
			s->refs++;
			ic->inode[ic->nr_inodes++] = s;
		}
	lock_drop(&vm->slabs.lock);
}

static uint64_t nr_imported(const struct kmem_cache *s)
{
	return s ? READ_RELAXED(&s->nr_imported) : 0;
}

uint64_t imported_caches_inodes(const struct vm *vm)
{
	uint64_t nr = 0;
	for (unsigned i = 0; i < vm->imported_caches.nr_inodes; i++)
		nr += nr_imported(vm->imported_caches.inode[i]);
	return nr;
}

/* ---- Inside a CPU ---- */

static uint64_t cache_free(struct kmem_cache *s, struct cpu *c, uint64_t nr)
{
	void *object[BATCH];
	uint64_t freed = 0;
	while (s && freed < nr) {
		unsigned got =
			kmem_cache_try_imported(s, object, (unsigned)MIN(nr - freed, (uint64_t)BATCH));
		if (!got)
			break;
		kmem_cache_free_bulk(s, c, got, object);
		freed += got;
	}
	return freed;
}

/* Inodes of one cache after the other, each with what belongs to it. */
static uint64_t inodes_free(struct imported_caches *ic, struct cpu *c, uint64_t nr)
{
	uint64_t freed = 0;
	for (unsigned i = 0; i < ic->nr_inodes && freed < nr; i++)
		freed += cache_free(ic->inode[i], c, nr - freed);
	cache_free(ic->name, c, freed);
	cache_free(ic->label, c, freed);
	return freed;
}

static uint64_t file_pages(const struct machine *m)
{
	uint64_t pages = 0;
	for (unsigned n = 0; n < m->nr_nodes; n++)
		pages += node_stat_read(&m->node[n], NR_FILE_PAGES);
	return pages;
}

/* What there is for so many pages; a record of such a machine has kept it. */
static void baseline_take(struct vm *vm)
{
	struct imported_caches *ic = &vm->imported_caches;
	if (ic->file_pages)
		return;
	for (unsigned k = 0; k < INDEX_KINDS; k++)
		ic->index[k].nr = nr_imported(ic->index[k].cache);
	ic->file_pages = MAX(file_pages(&vm->machine), 1ul);
}

/* More than the pages that are left ask for. */
static uint64_t index_surplus(const struct vm *vm, const struct imported_index *x)
{
	uint64_t pages = MIN(file_pages(&vm->machine), vm->imported_caches.file_pages);
	uint64_t needed = (uint64_t)((__uint128_t)x->nr * pages / vm->imported_caches.file_pages);
	uint64_t have = nr_imported(x->cache);
	return have - MIN(have, needed);
}

static unsigned nodes_with_memory(const struct machine *m)
{
	unsigned nr = 0;
	for (unsigned n = 0; n < m->nr_nodes; n++)
		nr += m->node[n].has_memory;
	return MAX(nr, 1u);
}

/* ---- As a shrinker ---- */

static uint64_t imported_count(void *ctx, unsigned nid)
{
	struct vm *vm = ctx;
	if (!vm->machine.node[nid].has_memory)
		return 0;
	uint64_t share = DIV_ROUND_UP(imported_caches_inodes(vm), nodes_with_memory(&vm->machine));
	return vfs_pressure_ratio(&vm->policy, share);
}

static uint64_t imported_scan(void *ctx, struct cpu *c, unsigned nid, uint64_t nr)
{
	struct vm *vm = ctx;
	(void)nid;
	uint64_t freed = inodes_free(&vm->imported_caches, c, nr);
	return freed ? freed : SHRINK_STOP;
}

/* ---- Start and end ---- */

int imported_caches_start(struct vm *vm)
{
	struct imported_caches *ic = &vm->imported_caches;
	if (!vm->imported) {
		ic->file_pages = 1; /* known: it never had any, which its record will say */
		return 0;
	}
	if (ic->shrinker.name)
		return 0;
	inodes_find(vm, ic);
	ic->name = kmem_cache_find(&vm->slabs, "dentry");
	ic->label = kmem_cache_find(&vm->slabs, "lsm_inode_cache");
	ic->index[INDEX_NODES].cache = kmem_cache_find(&vm->slabs, "radix_tree_node");
	ic->index[INDEX_BUFFERS].cache = kmem_cache_find(&vm->slabs, "buffer_head");
	ic->shrinker = (struct shrinker){
		.name = "imported", .count = imported_count, .scan = imported_scan, .ctx = vm, .seeks = DEFAULT_SEEKS
	};
	baseline_take(vm);
	return shrinker_register(&vm->policy, &ic->shrinker);
}

static void cache_forget(struct kmem_cache **s)
{
	if (*s)
		kmem_cache_put(*s);
	*s = NULL;
}

void imported_caches_fini(struct vm *vm)
{
	struct imported_caches *ic = &vm->imported_caches;
	for (unsigned i = 0; i < ic->nr_inodes; i++)
		cache_forget(&ic->inode[i]);
	cache_forget(&ic->name);
	cache_forget(&ic->label);
	for (unsigned k = 0; k < INDEX_KINDS; k++)
		cache_forget(&ic->index[k].cache);
	ic->nr_inodes = 0;
}

uint64_t imported_caches_settle(struct vm *vm)
{
	struct imported_caches *ic = &vm->imported_caches;
	struct cpu *c = &vm->machine.cpu[mask_next(&vm->machine.cpus_online, 0)];
	uint64_t freed = 0;
	if (!ic->file_pages)
		return 0;
	cpu_enter(c);
	for (unsigned k = 0; k < INDEX_KINDS; k++)
		freed += cache_free(ic->index[k].cache, c, index_surplus(vm, &ic->index[k]));
	cpu_leave(c);
	return freed;
}
