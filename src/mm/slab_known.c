/* SPDX-License-Identifier: MIT */
/*
 * Lookups in the table of caches (slab_known_table.c). A name may have several
 * rows, for kernels that create it at another point of their boot or ask for
 * something else; no two rows describe the same cache of the same kernel.
 */
#include "mm/slab_known.h"

#include <string.h>

/* The two caches that describe caches come before those of kmalloc: descriptors, and their parts by node. */
#define ROWS_BEFORE_KMALLOC 2
#define ROW_OF_DESCRIPTORS 0

enum slab_kernel slab_kernel_of(const struct kernel_version *v, unsigned bits)
{
	static const enum slab_kernel wide[KERNELS] = {
		[KERNEL_3_10] = SLAB_OF_5_10,
		[KERNEL_5_10] = SLAB_OF_5_10,
		[KERNEL_6_1] = SLAB_OF_6_1,
		[KERNEL_6_12] = SLAB_OF_6_12,
	};
	return bits == 64 ? wide[v->kernel] : SLAB_OF_6_1_PAE;
}

const struct slab_known *slab_known_in(const char *name, enum slab_kernel kernel)
{
	for (unsigned i = 0; i < nr_slab_known_rows; i++) {
		const struct slab_known *k = &slab_known_rows[i];
		if (k->object_size[kernel] && !strcmp(k->name, name))
			return k;
	}
	return NULL;
}

const struct slab_known *slab_known_find(const char *name)
{
	const struct slab_known *k = slab_known_in(name, SLAB_OF_6_1);
	for (unsigned kernel = 0; !k && kernel < SLAB_KERNELS; kernel++)
		k = slab_known_in(name, kernel);
	return k;
}

/* Names of caches that no captured kernel has created. */
struct name_habit {
	const char *text;
	bool at_end;
	uint32_t flags;
};

static const struct name_habit name_habits[] = {
	{ "_inode_cache", true, SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT | SLAB_CTOR },
	{ "_inode_info", true, SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT | SLAB_CTOR },
	{ "_inode", true, SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT | SLAB_CTOR },
	{ "ext4_groupinfo_", false, SLAB_RECLAIM_ACCOUNT },
	{ "nf_conntrack", false, SLAB_HWCACHE_ALIGN | SLAB_TYPESAFE_BY_RCU },
	{ "request_sock_", false, SLAB_ACCOUNT | SLAB_TYPESAFE_BY_RCU },
	{ "tw_sock_", false, SLAB_TYPESAFE_BY_RCU },
	{ "bio-", false, SLAB_HWCACHE_ALIGN | SLAB_TYPESAFE_BY_RCU },
	{ "biovec-", false, SLAB_HWCACHE_ALIGN },
	{ "sgpool-", false, SLAB_HWCACHE_ALIGN },
	{ "dmaengine-unmap-", false, SLAB_HWCACHE_ALIGN },
};

static bool name_has(const char *name, const struct name_habit *h)
{
	size_t len = strlen(name), part = strlen(h->text);
	return len >= part && !memcmp(h->at_end ? name + len - part : name, h->text, part);
}

uint32_t slab_known_flags(const char *name)
{
	enum kmalloc_family family;
	uint32_t size;
	const struct slab_known *k = slab_known_find(name);
	if (k)
		return k->flags;
	if (kmalloc_name_parse(name, &family, &size))
		return kmalloc_family_flags(family);
	for (unsigned i = 0; i < ARRAY_LEN(name_habits); i++)
		if (name_has(name, &name_habits[i]))
			return name_habits[i].flags;
	return 0;
}

static void boot_row(struct slab_boot *b, const struct slab_known *k, enum slab_kernel kernel)
{
	snprintf(b->name, sizeof(b->name), "%s", k->name);
	b->object_size = k->object_size[kernel];
	b->align = k->align;
	b->flags = k->flags;
	b->usersize = k->usersize[kernel];
	if (b->usersize)
		b->flags |= SLAB_NO_MERGE;
}

bool slab_known_boot(struct slab_boot *b, const struct kernel_version *v, unsigned bits, unsigned nr_node_ids)
{
	enum slab_kernel kernel = slab_kernel_of(v, bits);
	unsigned kmallocs = v->slab.nr_kmalloc_families * KMALLOC_STEPS;
	for (;; b->at++) {
		struct slab_boot within = { .at = b->at - ROWS_BEFORE_KMALLOC };
		if (b->at >= ROWS_BEFORE_KMALLOC && kmalloc_boot(&within, v)) {
			within.at = b->at + 1;
			*b = within;
			return true;
		}
		unsigned row = b->at < ROWS_BEFORE_KMALLOC ? b->at : b->at - kmallocs;
		if (row >= nr_slab_known_rows)
			return false;
		if (slab_known_rows[row].object_size[kernel]) {
			boot_row(b, &slab_known_rows[row], kernel);
			if (row == ROW_OF_DESCRIPTORS)
				b->object_size += (nr_node_ids - 1) * bits / 8;
			b->at++;
			return true;
		}
	}
}
