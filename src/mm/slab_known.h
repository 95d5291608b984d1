/* SPDX-License-Identifier: MIT */
#ifndef MM_SLAB_KNOWN_H
#define MM_SLAB_KNOWN_H

/*
 * What is known of the caches that kernels have: object size, alignment and
 * flags by name, the families of kmalloc, and which caches a kernel has
 * created when its boot is over, in which order. Read only, no locks.
 */

#include "mm/slab_layout.h"

/* Kernels whose caches are known one by one. Others are described by the nearest: slab_kernel_of(). */
enum slab_kernel { SLAB_OF_5_10, SLAB_OF_6_1, SLAB_OF_6_12, SLAB_OF_6_1_PAE, SLAB_KERNELS };

struct slab_known {
	const char *name;
	uint16_t object_size[SLAB_KERNELS]; /* 0: that kernel has none, or it is another row's */
	uint16_t align; /* asked for; 0: none */
	uint16_t flags; /* enum slab_flag */
	uint16_t usersize[SLAB_KERNELS]; /* bytes of an object that may be copied to and from user space */
};

extern const struct slab_known slab_known_rows[]; /* oldest cache first */
extern const unsigned nr_slab_known_rows;

enum slab_kernel slab_kernel_of(const struct kernel_version *v, unsigned bits);

/* As 6.1 with 64 bits has it; else as any kernel has it; NULL: not known. */
const struct slab_known *slab_known_find(const char *name);
/* As that kernel has it; NULL: it has none, or kmalloc has it. */
const struct slab_known *slab_known_in(const char *name, enum slab_kernel kernel);
/* Flags of any cache: from the table, by family of kmalloc, or by the habits of names ("xfs_inode": reclaimable, ...). */
uint32_t slab_known_flags(const char *name);

/* ---- kmalloc ---- */

enum kmalloc_family {
	KMALLOC_NORMAL,
	KMALLOC_CGROUP,
	KMALLOC_RECLAIM,
	KMALLOC_DMA,
	KMALLOC_FAMILIES
};

#define KMALLOC_STEPS 13u /* 8, 16, 32, 64, 96, 128, 192, 256, ... 8192 */
#define KMALLOC_CACHE_MAX 8192u /* larger requests are whole pages */
#define KMALLOC_NAME_MAX 24

extern const uint32_t kmalloc_step[KMALLOC_STEPS];

/* Object size of the cache that serves a request; 0: no cache has objects so large; -EINVAL: no bytes at all. */
int kmalloc_index_size(const struct kernel_version *v, unsigned bits, uint64_t size_bytes);
bool kmalloc_has_family(const struct kernel_version *v, enum kmalloc_family family);
/* Zone DMA before reclaimable before accounted, as far as the kernel has the family. */
enum kmalloc_family kmalloc_family_of(const struct kernel_version *v, gfp_t gfp);
uint32_t kmalloc_family_flags(enum kmalloc_family family); /* with SLAB_KMALLOC */
uint32_t kmalloc_align(const struct kernel_version *v, uint32_t size); /* asked for by the cache of that step */
void kmalloc_name(char name[KMALLOC_NAME_MAX], enum kmalloc_family family, uint32_t size); /* "kmalloc-cg-1k" */
/* The reverse; false: no such name. */
bool kmalloc_name_parse(const char *name, enum kmalloc_family *family, uint32_t *size);

/* ---- What a boot leaves ---- */

struct slab_boot {
	unsigned at; /* how many places were looked at; 0 to start */
	char name[32];
	uint32_t object_size, align, flags, usersize;
};

/* The caches kmalloc has, oldest first; false: that was the last. */
bool kmalloc_boot(struct slab_boot *b, const struct kernel_version *v);
/*
 * Every cache that kernel creates, oldest first, those of kmalloc among them:
 * slabinfo prints them from the last to the first. A cache that finds one to
 * share slabs with (slab_layout_shares) has no line there. A descriptor of a
 * cache has a word for each node that could be.
 */
bool slab_known_boot(struct slab_boot *b, const struct kernel_version *v, unsigned bits,
		     unsigned nr_node_ids);

#endif
