/* SPDX-License-Identifier: MIT */
/*
 * slabinfo: one line for each cache, the newest first. SLUB and SLAB print the
 * same columns; SLAB fills in the tunables, and does not count slabs without
 * an object in use as active. Columns behind slabdata (SLAB's statistics) are
 * passed over.
 *
 * Who made the state may not have been allowed to read it (mode 0400): then
 * the caches are the usual ones of the kernel, and the pages of slabs are in
 * use without being any cache's.
 */
#include "daemon/import_capture.h"

#include "base/parse.h"
#include "mm/slab.h"

#include <errno.h>
#include <string.h>

static int header_read(struct cap_file *f, struct why *why)
{
	static const char version[] = "slabinfo - version: 2.";
	const char *line = cap_line(f);
	if (!line || strncmp(line, version, strlen(version)) != 0)
		return cap_bad(f, why, "not \"%s...\"; slabinfo begins with its version", version);
	return 0;
}

static int name_read(struct capture *c, const struct cap_file *f, const char *word,
		     struct cap_cache *out, struct why *why)
{
	snprintf(out->name, sizeof(out->name), "%s", word);
	for (const char *p = word; *p; p++)
		if (*p <= ' ' || *p >= 127)
			return cap_bad(f, why, "\"%.40s\" is not the name of a cache", word);
	out->left_out = strlen(word) > CACHE_NAME_MAX || *word == '.' || strchr(word, '/');
	if (out->left_out)
		cap_note(c, NOTE_CORRECTED, "names of caches",
			 "proc/slabinfo:%u: no cache here has a name like %.40s; left out", f->line, word);
	return 0;
}

struct column {
	const char *name;
	uint64_t most;
	uint64_t value;
};

/* Numbers behind a word of the line, one for each column. */
static int columns_read(const struct cap_file *f, char **rest, struct column *column, unsigned nr,
			struct why *why)
{
	for (unsigned i = 0; i < nr; i++) {
		int error = cap_number(f, cap_word(rest), column[i].name, &column[i].value, why);
		if (error)
			return error;
		if (column[i].value > column[i].most)
			return cap_bad(f, why, "%s: %lu is more than any cache has", column[i].name,
				       column[i].value);
	}
	return 0;
}

/* ": tunables" and the like */
static int title_read(const struct cap_file *f, char **rest, const char *title, struct why *why)
{
	const char *colon = cap_word(rest), *word = cap_word(rest);
	if (colon && word && !strcmp(colon, ":") && !strcmp(word, title))
		return 0;
	return cap_bad(f, why, "\": %s\" is missing", title);
}

static int cache_check(const struct cap_file *f, const struct cap_cache *k, uint64_t slab_pages,
		       struct why *why)
{
	uint64_t bytes = slab_pages << PAGE_SHIFT;
	if (!slab_pages || slab_pages & (slab_pages - 1) || slab_pages > MM_TOP_PAGES)
		return cap_bad(f, why, "%lu pages are no slab", slab_pages);
	if (!k->object_bytes || !k->slab_objects || (uint64_t)k->object_bytes * k->slab_objects > bytes)
		return cap_bad(f, why, "%u objects of %u bytes do not fill a slab of %lu bytes",
			       k->slab_objects, k->object_bytes, bytes);
	if (k->active > k->objects)
		return cap_bad(f, why, "%lu active objects of %lu", k->active, k->objects);
	if (k->active_slabs > k->slabs)
		return cap_bad(f, why, "%lu active slabs of %lu", k->active_slabs, k->slabs);
	if (k->objects > k->slabs * k->slab_objects || k->objects < k->slabs)
		return cap_bad(f, why, "%lu objects are not in %lu slabs of %u", k->objects,
			       k->slabs, k->slab_objects);
	return 0;
}

static int counts_read(const struct cap_file *f, char *rest, struct cap_cache *k, struct why *why)
{
	const uint64_t objects_most = (uint64_t)MM_HIGHEST_PFN * SLAB_OBJECTS_MAX;
	struct column of[] = { { "active_objs", objects_most, 0 },
			       { "num_objs", objects_most, 0 },
			       { "objsize", SLAB_OBJECT_MAX, 0 },
			       { "objperslab", SLAB_OBJECT_MAX, 0 },
			       { "pagesperslab", SLAB_OBJECT_MAX, 0 } };
	struct column tunables[] = { { "limit", UINT32_MAX, 0 },
				     { "batchcount", UINT32_MAX, 0 },
				     { "sharedfactor", UINT32_MAX, 0 } };
	struct column slabs[] = { { "active_slabs", MM_HIGHEST_PFN, 0 },
				  { "num_slabs", MM_HIGHEST_PFN, 0 },
				  { "sharedavail", objects_most, 0 } };
	int error = columns_read(f, &rest, of, ARRAY_LEN(of), why);
	if (!error)
		error = title_read(f, &rest, "tunables", why);
	if (!error)
		error = columns_read(f, &rest, tunables, ARRAY_LEN(tunables), why);
	if (!error)
		error = title_read(f, &rest, "slabdata", why);
	if (!error)
		error = columns_read(f, &rest, slabs, ARRAY_LEN(slabs), why);
	if (error)
		return error;
	k->active = of[0].value;
	k->objects = of[1].value;
	k->object_bytes = (uint32_t)of[2].value;
	k->slab_objects = (uint32_t)of[3].value;
	k->order = (uint8_t)(of[4].value ? fls64(of[4].value) - 1 : 0);
	k->limit = (uint32_t)tunables[0].value;
	k->batch = (uint32_t)tunables[1].value;
	k->sharedfactor = (uint32_t)tunables[2].value;
	k->active_slabs = slabs[0].value;
	k->slabs = slabs[1].value;
	return cache_check(f, k, of[4].value, why);
}

/* Two caches of one name were allowed; one directory has room for one. */
static void name_compare(struct capture *c, struct cap_cache *k)
{
	for (unsigned i = 0; i < c->nr_caches && !k->left_out; i++)
		if (!c->cache[i].left_out && !strcmp(c->cache[i].name, k->name)) {
			k->left_out = true;
			cap_note(c, NOTE_CORRECTED, "names of caches",
				 "proc/slabinfo:%u: a second cache %s; left out", k->line, k->name);
		}
}

static void size_check(struct capture *c, struct cap_cache *k)
{
	if (k->left_out || k->slab_objects <= SLAB_OBJECTS_MAX)
		return;
	k->left_out = true;
	cap_note(c, NOTE_CORRECTED, "objects of a slab",
		 "proc/slabinfo:%u: slabs of %s have %u objects, ours at most %u; left out",
		 k->line, k->name, k->slab_objects, SLAB_OBJECTS_MAX);
}

static int line_read(struct capture *c, const struct cap_file *f, char *line, struct why *why)
{
	struct cap_cache k = { .line = f->line };
	const char *name = cap_word(&line);
	if (!name || *name == '#')
		return 0;
	if (c->nr_caches == CACHES_MAX - 1)
		return cap_bad(f, why, "more caches than the %u that a machine can have", CACHES_MAX - 1);
	int error = name_read(c, f, name, &k, why);
	if (!error)
		error = counts_read(f, line, &k, why);
	if (error)
		return error;
	size_check(c, &k);
	name_compare(c, &k);
	error = cap_grow((void **)&c->cache, &c->cap_caches, c->nr_caches, sizeof(k));
	if (!error)
		c->cache[c->nr_caches++] = k;
	return error;
}

int cap_read_slabinfo(struct capture *c, struct why *why)
{
	struct cap_file f;
	int error = cap_open(&f, c, "proc/slabinfo", why);
	if (error == -ENOENT) {
		cap_note(c, NOTE_GUESSED, "slab caches",
			 "proc/slabinfo: not there; caches are those of a %s kernel after its boot, without slabs",
			 c->version->name);
		return 0;
	}
	if (!error)
		error = header_read(&f, why);
	for (char *line; !error && (line = cap_line(&f));)
		error = line_read(c, &f, line, why);
	cap_close(&f);
	return error;
}
