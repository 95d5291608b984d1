/* SPDX-License-Identifier: MIT */
/*
 * slab_debug= (mm/slub.c: setup_slub_debug, kmem_cache_flags, 6.1). The text is
 * kept as it is and looked through once for each cache that is made.
 *
 * Different from 6.1: an unknown letter is an error, not skipped.
 */

#include "base/mem.h"
#include "mm/slab_debug.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define FLAG_SAME_ORDER (1u << 30) /* the letter O */
/* Those that need room beside the object. */
#define METADATA_FLAGS (SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER)

struct block {
	uint32_t flags;
	bool bad; /* an unknown letter */
	const char *names; /* NULL: all caches */
	size_t names_len;
};

static uint32_t letter_flag(char c)
{
	static const struct {
		char letter;
		uint32_t flag;
	} letters[] = { { 'f', SLAB_CONSISTENCY_CHECKS },
			{ 'z', SLAB_RED_ZONE },
			{ 'p', SLAB_POISON },
			{ 'u', SLAB_STORE_USER },
			{ 't', SLAB_TRACE },
			{ 'a', SLAB_DEBUG_FAILSLAB },
			{ 'o', FLAG_SAME_ORDER } };
	for (unsigned i = 0; i < ARRAY_LEN(letters); i++)
		if (letters[i].letter == tolower((unsigned char)c))
			return letters[i].flag;
	return 0;
}

/* '-' takes back what stands before it. */
static void letters_parse(struct block *b, const char *at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint32_t flag = letter_flag(at[i]);
		if (at[i] == '-')
			b->flags &= FLAG_SAME_ORDER;
		b->flags |= flag;
		b->bad |= !flag && at[i] != '-';
	}
}

/* The block at `at`; returns where the next one begins, NULL: this is the last. Empty ones are passed over. */
static const char *block_parse(const char *at, struct block *b)
{
	*b = (struct block){ 0 };
	at += strspn(at, ";");
	size_t letters = strcspn(at, ",;"), len = strcspn(at, ";");

	letters_parse(b, at, letters);
	if (letters < len) {
		b->names = at + letters + 1;
		b->names_len = len - letters - 1;
		if (!letters)
			b->flags = SLAB_DEBUG_DEFAULT;
	}
	at += len;
	at += strspn(at, ";");
	return *at ? at : NULL;
}

/* What stands behind a '*' does not count. */
static bool name_matches(const char *pattern, size_t len, const char *name)
{
	const char *star = memchr(pattern, '*', len);
	if (star)
		return !strncmp(name, pattern, (size_t)(star - pattern));
	return strlen(name) == len && !memcmp(name, pattern, len);
}

static bool block_names(const struct block *b, const char *name)
{
	const char *at = b->names, *end = at + b->names_len;
	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		size_t len = (size_t)((comma ? comma : end) - at);
		if (len && name_matches(at, len, name))
			return true;
		at += len + 1;
	}
	return false;
}

bool slab_debug_valid(const char *text)
{
	struct block b;
	while (text) {
		text = block_parse(text, &b);
		if (b.bad)
			return false;
	}
	return true;
}

/* What is for caches that no block names, and what is for the whole option. */
static void debug_set(struct slab_debug *d, const char *text)
{
	struct block b;
	d->flags = 0;
	d->same_order = false;
	for (const char *at = text; at;) {
		at = block_parse(at, &b);
		d->same_order |= b.flags & FLAG_SAME_ORDER;
		if (!b.names)
			d->flags = b.flags & ~FLAG_SAME_ORDER;
	}
}

int slabs_debug_parse(struct slabs *sl, const char *text)
{
	struct slab_debug *d = &sl->debug;
	char *blocks = NULL;

	if (text && !slab_debug_valid(text))
		return -EINVAL;
	if (text && *text) {
		blocks = mem_strdup(text);
		if (!blocks)
			return -ENOMEM;
		debug_set(d, text);
	} else {
		d->flags = SLAB_DEBUG_DEFAULT;
		d->same_order = false;
	}
	mem_free(d->blocks);
	d->blocks = blocks;
	return 0;
}

static uint32_t flags_by_name(const struct slab_debug *d, const char *name)
{
	struct block b;
	for (const char *at = d->blocks; at;) {
		at = block_parse(at, &b);
		if (b.names && block_names(&b, name))
			return b.flags & ~FLAG_SAME_ORDER;
	}
	return d->flags;
}

static unsigned order_of(uint64_t bytes)
{
	return fls64((bytes - 1) >> PAGE_SHIFT);
}

static bool order_grows(const struct slabs *sl, const struct cache_spec *spec, uint32_t flags)
{
	struct slab_layout l;
	if (slab_layout_compute(&l, &sl->layout_of, spec->object_size, spec->align,
				flags & ~SLAB_DEBUG_FAILSLAB))
		return false;
	return order_of(l.size) > order_of(l.object_size);
}

uint32_t slab_debug_flags(const struct slabs *sl, const struct cache_spec *spec)
{
	uint32_t flags = spec->flags | flags_by_name(&sl->debug, spec->name);
	if (sl->debug.same_order && order_grows(sl, spec, flags))
		flags &= ~METADATA_FLAGS;
	return flags;
}
