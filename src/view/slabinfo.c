/* SPDX-License-Identifier: MIT */
/*
 * proc/slabinfo (mm/slab_common.c, mm/slub.c, 6.1): one line for each cache,
 * the newest first. As with SLUB, the number of active slabs is that of all,
 * and the columns of tunables are 0, unless somebody has tuned the cache:
 * then they are what was written, as SLAB prints them, slabs without an object
 * in use are not active, and the last column counts the objects in the arrays
 * that CPUs share.
 *
 * On a machine with thousands of caches most lines are the same from one read
 * to the next. A snapshot keeps those that were printed from it, and only what
 * has changed is made anew, in its place if it is as long as before.
 */
#include "view/chunk.h"
#include "view/views.h"

#include <errno.h>
#include <string.h>

#define LINE_BYTES (CACHE_NAME_MAX + 14 * 21 + 32)
#define NAME_WIDTH 17u

static const char slabinfo_header[] =
	"slabinfo - version: 2.1\n"
	"# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
	" : tunables <limit> <batchcount> <sharedfactor>"
	" : slabdata <active_slabs> <num_slabs> <sharedavail>\n";

/* A blank and the number, right in `width` columns. Returns the end. */
static char *put_number(char *at, uint64_t v, unsigned width)
{
	*at = ' ';
	return chunk_digits(at + 1, v, width);
}

static char *put_literal(char *at, const char *text)
{
	size_t len = strlen(text);
	memcpy(at, text, len);
	return at + len;
}

static char *put_name(char *at, const char *name)
{
	size_t len = strlen(name);
	memset(at, ' ', NAME_WIDTH);
	memcpy(at, name, len);
	return at + MAX(len, (size_t)NAME_WIDTH);
}

/* Returns its length. */
static size_t line_make(char line[LINE_BYTES], const struct cache_snap *c, const struct cache_shape *shape)
{
	char *at = put_name(line, shape->name);

	at = put_number(at, c->active, 6);
	at = put_number(at, c->objects, 6);
	at = put_number(at, shape->object_bytes, 6);
	at = put_number(at, shape->slab_objects, 4);
	at = put_number(at, shape->slab_pages, 4);
	at = put_literal(at, " : tunables");
	at = put_number(at, c->limit, 4);
	at = put_number(at, c->batch, 4);
	at = put_number(at, c->sharedfactor, 4);
	at = put_literal(at, " : slabdata");
	at = put_number(at, c->limit ? c->slabs - c->free_slabs : c->slabs, 6);
	at = put_number(at, c->slabs, 6);
	at = put_number(at, c->shared, 6);
	*at = '\n';
	return (size_t)(at + 1 - line);
}

/* A line into its place. false: it is not as long as the one that is there. */
static bool line_renew(const struct snapshot *s, unsigned i)
{
	struct cache_snap *c = &s->cache[i];
	char line[LINE_BYTES];

	if (line_make(line, c, &s->shape[i]) != c->line_len)
		return false;
	memcpy(s->lines->text.buf + c->line, line, c->line_len);
	c->changed = false;
	return true;
}

static bool lines_renew(const struct snapshot *s)
{
	if (s->lines->change != s->caches_change || text_error(&s->lines->text))
		return false;
	for (unsigned i = 0; i < s->nr_caches; i++)
		if (UNLIKELY(s->cache[i].changed) && !line_renew(s, i))
			return false;
	return true;
}

static void lines_make(const struct snapshot *s)
{
	struct text *t = &s->lines->text;
	char line[LINE_BYTES];

	text_reset(t);
	for (unsigned i = 0; i < s->nr_caches; i++) {
		struct cache_snap *c = &s->cache[i];
		c->line = (uint32_t)t->len;
		c->line_len = (uint16_t)line_make(line, c, &s->shape[i]);
		c->changed = false;
		text_bytes(t, line, c->line_len);
	}
	s->lines->change = s->caches_change;
}

void view_slabinfo(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	text_bytes(t, slabinfo_header, sizeof(slabinfo_header) - 1);
	if (s->nr_caches && !lines_renew(s))
		lines_make(s);
	if (s->nr_caches)
		text_bytes(t, s->lines->text.buf, s->lines->text.len);
	if (s->caches_failed || (s->nr_caches && text_error(&s->lines->text)))
		t->error = -ENOMEM;
}
