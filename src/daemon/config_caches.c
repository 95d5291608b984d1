/* SPDX-License-Identifier: MIT */
/*
 * Slab caches of the configuration. A section makes one cache; the machine's
 * kernel has made its own before, so a section with the name of one of those
 * takes its place, unless the machine itself works with it.
 */
#include "daemon/config_caches.h"

#include "base/mem.h"
#include "base/parse.h"
#include "daemon/config_plan.h"
#include "knob/slab_control.h"

#include <errno.h>
#include <string.h>

int config_cache_open(struct machine_plan *p, const char *name, int line, unsigned *index)
{
	size_t len = strlen(name);

	if (!len || len > CACHE_NAME_MAX || name[0] == '.' || strpbrk(name, "/ \t") ||
	    cache_name_taken(name))
		return plan_fail(p, line, -EINVAL,
				 "[cache %s]: a name is 1 to %u characters without blanks and '/', does not begin with "
				 "'.' and is neither new_cache nor delete_cache",
				 name, CACHE_NAME_MAX);
	for (*index = 0; *index < p->nr_caches; ++*index)
		if (!strcmp(p->cache[*index].name, name))
			return 0;
	struct config_cache *grown = mem_realloc(p->cache, (p->nr_caches + 1) * sizeof(*grown));
	if (!grown)
		return plan_fail(p, line, -ENOMEM, "no memory");
	p->cache = grown;
	grown[p->nr_caches] = (struct config_cache){ .name = mem_strdup(name), .line = line };
	if (!grown[p->nr_caches].name)
		return plan_fail(p, line, -ENOMEM, "no memory");
	p->nr_caches++;
	return 0;
}

static int take_size(struct machine_plan *p, struct config_cache *cache, const struct config_entry *e)
{
	uint64_t bytes;

	if (parse_size(e->value, &bytes) || !bytes || bytes > SLAB_OBJECT_MAX)
		return plan_fail(p, e->line, -EINVAL, "size = %s: must be the bytes of an object, 1 to %u",
				 e->value, SLAB_OBJECT_MAX);
	cache->size = (uint32_t)bytes;
	return 0;
}

static int take_align(struct machine_plan *p, struct config_cache *cache, const struct config_entry *e)
{
	uint64_t bytes;

	if (parse_size(e->value, &bytes) || !bytes || bytes & (bytes - 1) || bytes > SLAB_OBJECT_MAX)
		return plan_fail(p, e->line, -EINVAL, "align = %s: must be a power of two, at most %u",
				 e->value, SLAB_OBJECT_MAX);
	cache->align = (uint32_t)bytes;
	return 0;
}

static int take_flags(struct machine_plan *p, struct config_cache *cache, const struct config_entry *e)
{
	const char *bad = NULL;

	if (cache_flags_parse(e->value, &cache->flags, &bad))
		return plan_fail(p, e->line, -EINVAL, "flags: %s: no such flag: see ummfs.conf(5)", bad);
	return 0;
}

int config_take_cache(struct machine_plan *p, const struct config_entry *e)
{
	static const struct {
		const char *name;
		int (*take)(struct machine_plan *p, struct config_cache *cache,
			    const struct config_entry *e);
	} key[CONFIG_CACHE_KEYS] = { { "size", take_size }, { "align", take_align }, { "flags", take_flags } };
	struct config_cache *cache = &p->cache[e->node];

	for (unsigned i = 0; i < CONFIG_CACHE_KEYS; i++) {
		if (strcmp(key[i].name, e->name))
			continue;
		if (cache->key_line[i])
			return plan_fail(p, e->line, -EINVAL, "%s: stands in line %d already",
					 e->name, cache->key_line[i]);
		cache->key_line[i] = e->line;
		return key[i].take(p, cache, e);
	}
	return plan_fail(p, e->line, -EINVAL,
			 "%s: no such key in [cache NAME]: size, align and flags are", e->name);
}

int config_caches_done(struct machine_plan *p, struct config *c)
{
	for (unsigned i = 0; i < p->nr_caches; i++)
		if (!p->cache[i].size)
			return plan_fail(p, p->cache[i].line, -EINVAL,
					 "[cache %s]: size is missing", p->cache[i].name);
	c->cache = p->cache;
	c->nr_caches = p->nr_caches;
	p->cache = NULL;
	p->nr_caches = 0;
	return 0;
}

void config_caches_free(struct config_cache *cache, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		mem_free(cache[i].name);
	mem_free(cache);
}

static int cache_replace(struct slabs *sl, const char *name)
{
	struct kmem_cache *s = kmem_cache_find(sl, name);
	int err = s ? kmem_cache_destroy(s, NULL) : 0;

	if (err)
		kmem_cache_put(s);
	return err;
}

static int cache_apply(const struct config *c, const struct config_cache *cache, struct vm *vm,
		       struct why *why)
{
	const struct cache_spec spec = { .name = cache->name,
					 .object_size = cache->size,
					 .align = cache->align,
					 .flags = cache->flags };
	struct kmem_cache *s;

	if (cache_replace(&vm->slabs, cache->name))
		return why_set(why, -EBUSY, "%s:%d: [cache %s]: the machine itself has its objects there",
			       c->path, cache->line, cache->name);
	int err = kmem_cache_create(&vm->slabs, &spec, &s);
	if (err == -EINVAL)
		return why_set(why, err, "%s:%d: [cache %s]: no slab can hold objects of %u bytes aligned to %u",
			       c->path, cache->line, cache->name, cache->size, MAX(cache->align, 1u));
	if (err)
		return why_set(why, err, "%s:%d: [cache %s]: %s", c->path, cache->line, cache->name,
			       strerror(-err));
	kmem_cache_put(s);
	return 0;
}

int config_caches_apply(const struct config *c, struct vm *vm, struct why *why)
{
	int err = 0;

	for (unsigned i = 0; i < c->nr_caches && !err; i++)
		err = cache_apply(c, &c->cache[i], vm, why);
	return err;
}
