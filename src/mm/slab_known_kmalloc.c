/* SPDX-License-Identifier: MIT */
/*
 * The caches of kmalloc (mm/slab_common.c, 6.1): one for each power of two
 * from 8 bytes to two pages, and 96 and 192 between them, in each family that
 * the kernel has. Steps are the same with 32 bits. A family's caches are made
 * in order of size, but the two odd ones may come before all others.
 */
#include "mm/slab_known.h"

#include <errno.h>
#include <string.h>

const uint32_t kmalloc_step[KMALLOC_STEPS] = { 8,   16,  32,   64,   96,   128, 192,
					       256, 512, 1024, 2048, 4096, 8192 };

static const struct {
	const char *prefix;
	uint16_t flags;
} families[KMALLOC_FAMILIES] = {
	[KMALLOC_NORMAL] = { "kmalloc", SLAB_KMALLOC },
	[KMALLOC_CGROUP] = { "kmalloc-cg", SLAB_KMALLOC | SLAB_ACCOUNT },
	[KMALLOC_RECLAIM] = { "kmalloc-rcl", SLAB_KMALLOC | SLAB_RECLAIM_ACCOUNT },
	[KMALLOC_DMA] = { "dma-kmalloc", SLAB_KMALLOC | SLAB_CACHE_DMA },
};

int kmalloc_index_size(const struct kernel_version *v, unsigned bits, uint64_t size_bytes)
{
	(void)v; /* every kernel here, with either word, has the same steps */
	(void)bits;
	if (!size_bytes)
		return -EINVAL;
	for (unsigned i = 0; i < KMALLOC_STEPS; i++)
		if (size_bytes <= kmalloc_step[i])
			return kmalloc_step[i];
	return 0;
}

bool kmalloc_has_family(const struct kernel_version *v, enum kmalloc_family family)
{
	for (unsigned i = 0; i < v->slab.nr_kmalloc_families; i++)
		if (v->slab.kmalloc_families[i] == family)
			return true;
	return false;
}

enum kmalloc_family kmalloc_family_of(const struct kernel_version *v, gfp_t gfp)
{
	static const struct {
		gfp_t gfp;
		enum kmalloc_family family;
	} first[] = { { __GFP_DMA, KMALLOC_DMA },
		      { __GFP_RECLAIMABLE, KMALLOC_RECLAIM },
		      { __GFP_ACCOUNT, KMALLOC_CGROUP } };
	for (unsigned i = 0; i < ARRAY_LEN(first); i++)
		if ((gfp & first[i].gfp) && kmalloc_has_family(v, first[i].family))
			return first[i].family;
	return KMALLOC_NORMAL;
}

uint32_t kmalloc_family_flags(enum kmalloc_family family)
{
	return families[family].flags;
}

static bool power_of_two(uint32_t x)
{
	return !(x & (x - 1));
}

uint32_t kmalloc_align(const struct kernel_version *v, uint32_t size)
{
	return v->slab.kmalloc_divisor || power_of_two(size) ? size & -size : 0;
}

void kmalloc_name(char name[KMALLOC_NAME_MAX], enum kmalloc_family family, uint32_t size)
{
	bool kilo = size >= 1024;
	snprintf(name, KMALLOC_NAME_MAX, "%s-%u%s", families[family].prefix,
		 kilo ? size / 1024 : size, kilo ? "k" : "");
}

bool kmalloc_name_parse(const char *name, enum kmalloc_family *family, uint32_t *size)
{
	char each[KMALLOC_NAME_MAX];
	for (unsigned f = 0; f < KMALLOC_FAMILIES; f++) {
		if (strncmp(name, families[f].prefix, strlen(families[f].prefix)) != 0)
			continue;
		for (unsigned i = 0; i < KMALLOC_STEPS; i++) {
			kmalloc_name(each, f, kmalloc_step[i]);
			if (strcmp(name, each) != 0)
				continue;
			*family = f;
			*size = kmalloc_step[i];
			return true;
		}
	}
	return false;
}

/* The i-th step in order of creation. */
static uint32_t step_created(unsigned i, bool odd_first)
{
	static const uint32_t odd[] = { 96, 192 };
	if (!odd_first)
		return kmalloc_step[i];
	return i < ARRAY_LEN(odd) ? odd[i] : kmalloc_step[0] << (i - ARRAY_LEN(odd));
}

bool kmalloc_boot(struct slab_boot *b, const struct kernel_version *v)
{
	unsigned place = b->at / KMALLOC_STEPS, step = b->at % KMALLOC_STEPS;
	if (place >= v->slab.nr_kmalloc_families)
		return false;
	enum kmalloc_family family = v->slab.kmalloc_families[place];
	uint32_t size = step_created(step, v->slab.kmalloc_odd_first >> family & 1);
	kmalloc_name(b->name, family, size);
	b->object_size = b->usersize = size;
	b->align = kmalloc_align(v, size);
	b->flags = kmalloc_family_flags(family);
	b->at++;
	return true;
}
