/* SPDX-License-Identifier: MIT */
/* Meaning and names of request flags: see gfp.h. */

#include "policy/gfp.h"

#include "base/text.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *name;
	gfp_t flags;
} gfp_names[] = {
	/* in the order in which kernels print them; combinations first, the larger before what they contain */
	{ "GFP_TRANSHUGE", GFP_TRANSHUGE },
	{ "GFP_TRANSHUGE_LIGHT", GFP_TRANSHUGE_LIGHT },
	{ "GFP_HIGHUSER_MOVABLE", GFP_HIGHUSER_MOVABLE },
	{ "GFP_HIGHUSER", GFP_HIGHUSER },
	{ "GFP_USER", GFP_USER },
	{ "GFP_KERNEL_ACCOUNT", GFP_KERNEL_ACCOUNT },
	{ "GFP_KERNEL", GFP_KERNEL },
	{ "GFP_NOFS", GFP_NOFS },
	{ "GFP_ATOMIC", GFP_ATOMIC },
	{ "GFP_NOIO", GFP_NOIO },
	{ "GFP_NOWAIT", GFP_NOWAIT },
	{ "GFP_DMA", GFP_DMA },
	{ "__GFP_HIGHMEM", __GFP_HIGHMEM },
	{ "GFP_DMA32", GFP_DMA32 },
	{ "__GFP_HIGH", __GFP_HIGH },
	{ "__GFP_ATOMIC", __GFP_ATOMIC },
	{ "__GFP_IO", __GFP_IO },
	{ "__GFP_FS", __GFP_FS },
	{ "__GFP_NOWARN", __GFP_NOWARN },
	{ "__GFP_RETRY_MAYFAIL", __GFP_RETRY_MAYFAIL },
	{ "__GFP_NOFAIL", __GFP_NOFAIL },
	{ "__GFP_NORETRY", __GFP_NORETRY },
	{ "__GFP_COMP", __GFP_COMP },
	{ "__GFP_ZERO", __GFP_ZERO },
	{ "__GFP_NOMEMALLOC", __GFP_NOMEMALLOC },
	{ "__GFP_MEMALLOC", __GFP_MEMALLOC },
	{ "__GFP_HARDWALL", __GFP_HARDWALL },
	{ "__GFP_THISNODE", __GFP_THISNODE },
	{ "__GFP_RECLAIMABLE", __GFP_RECLAIMABLE },
	{ "__GFP_MOVABLE", __GFP_MOVABLE },
	{ "__GFP_ACCOUNT", __GFP_ACCOUNT },
	{ "__GFP_WRITE", __GFP_WRITE },
	{ "__GFP_RECLAIM", __GFP_RECLAIM },
	{ "__GFP_DIRECT_RECLAIM", __GFP_DIRECT_RECLAIM },
	{ "__GFP_KSWAPD_RECLAIM", __GFP_KSWAPD_RECLAIM },
	/* other spellings, for reading only */
	{ "__GFP_DMA", __GFP_DMA },
	{ "__GFP_DMA32", __GFP_DMA32 },
};

#define GFP_NO_TYPE 0xffu

static enum zone_kind gfp_zone_kind(gfp_t gfp)
{
	if (gfp & __GFP_DMA)
		return ZONE_DMA;
	if (gfp & __GFP_DMA32)
		return ZONE_DMA32;
	if ((gfp & (__GFP_HIGHMEM | __GFP_MOVABLE)) == (__GFP_HIGHMEM | __GFP_MOVABLE))
		return ZONE_MOVABLE;
	return gfp & __GFP_HIGHMEM ? ZONE_HIGHMEM : ZONE_NORMAL;
}

static bool gfp_zone_bits_conflict(gfp_t gfp)
{
	unsigned named = !!(gfp & __GFP_DMA) + !!(gfp & __GFP_HIGHMEM) + !!(gfp & __GFP_DMA32);
	return named > 1;
}

/* A kind that the machine lacks stands for Normal: DMA32 on 32 bit, HighMem on 64. */
unsigned gfp_zone_type(const struct machine *m, gfp_t gfp)
{
	if (gfp_zone_bits_conflict(gfp))
		return GFP_NO_TYPE;
	enum zone_kind kind = gfp_zone_kind(gfp);
	unsigned normal = 0;
	for (unsigned t = 0; t < m->nr_zone_types; t++) {
		if (m->kind[t] == kind)
			return t;
		if (m->kind[t] == ZONE_NORMAL)
			normal = t;
	}
	return normal;
}

enum migratetype gfp_migratetype(gfp_t gfp)
{
	if (gfp & __GFP_MOVABLE)
		return MIGRATE_MOVABLE;
	return gfp & __GFP_RECLAIMABLE ? MIGRATE_RECLAIMABLE : MIGRATE_UNMOVABLE;
}

static gfp_t gfp_by_name(const char *s, size_t len)
{
	for (unsigned i = 0; i < ARRAY_LEN(gfp_names); i++)
		if (strlen(gfp_names[i].name) == len && !memcmp(gfp_names[i].name, s, len))
			return gfp_names[i].flags;
	return 0;
}

int gfp_parse(const char *s, gfp_t *out)
{
	gfp_t gfp = 0;
	for (;;) {
		size_t len = strcspn(s, "|");
		gfp_t one = gfp_by_name(s, len);
		if (!one)
			return -EINVAL;
		gfp |= one;
		if (!s[len])
			break;
		s += len + 1;
	}
	bool two_mobilities = (gfp & __GFP_MOVABLE) && (gfp & __GFP_RECLAIMABLE);
	if (gfp_zone_bits_conflict(gfp) || two_mobilities)
		return -EINVAL;
	*out = gfp;
	return 0;
}

gfp_t gfp_of_kernel(const struct kernel_version *v, gfp_t gfp)
{
	bool atomic = (gfp & GFP_ATOMIC) == GFP_ATOMIC;
	bool nowait = (gfp & (__GFP_RECLAIM | __GFP_HIGH)) == GFP_NOWAIT;
	if (atomic && !v->gfp_atomic_bit)
		gfp &= ~__GFP_ATOMIC;
	if (nowait && v->gfp_nowait_silent)
		gfp |= __GFP_NOWARN;
	return gfp;
}

void gfp_print(struct text *t, gfp_t gfp)
{
	bool first = true;
	for (unsigned i = 0; i < ARRAY_LEN(gfp_names) && gfp; i++) {
		if ((gfp & gfp_names[i].flags) != gfp_names[i].flags)
			continue;
		if (!first)
			text_char(t, '|');
		text_str(t, gfp_names[i].name);
		gfp &= ~gfp_names[i].flags;
		first = false;
	}
}
