/* SPDX-License-Identifier: MIT */
/*
 * Changing slab caches from outside. The two files beside the caches are ours:
 * in 6.1 only modules make caches.
 *
 * A cache stays without anybody's reference: who knows it by pointer has one,
 * and for so long it refuses to go.
 */

#include "knob/slab_control.h"

#include "base/log.h"
#include "base/parse.h"

#include <errno.h>
#include <string.h>

#define SLABINFO_WRITE_MAX 128u /* MAX_SLABINFO_WRITE of SLAB */
#define BLANKS " \t\n"

/* ---- Tuning ---- */

/*
 * One number as sscanf's %d takes it: blanks, one '-', digits. false: there is
 * none. What no int can hold comes out as one that no cache accepts.
 */
static bool scan_int(const char **at, int64_t *out)
{
	const char *s = *at + strspn(*at, " \t\n\v\f\r");
	bool negative = *s == '-';
	int64_t v = 0;

	s += negative;
	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++)
		v = MIN(v * 10 + (*s - '0'), (int64_t)INT32_MAX + 1);
	*at = s;
	*out = negative ? -v : v;
	return true;
}

/* SLAB answers these with success. */
static bool tuning_is_odd(const int64_t number[3])
{
	return number[0] < 1 || number[1] < 1 || number[1] > number[0] || number[2] < 0 ||
	       number[0] > INT32_MAX || number[2] > INT32_MAX;
}

static int cache_tune(struct kmem_cache *s, const int64_t number[3])
{
	if (tuning_is_odd(number))
		return 0;
	return kmem_cache_tune(s, (unsigned)number[0], (unsigned)number[1], (unsigned)number[2]);
}

ssize_t slabinfo_write(struct vm *vm, const char *buf, size_t len)
{
	char line[SLABINFO_WRITE_MAX + 1];
	int64_t number[3];

	if (len > SLABINFO_WRITE_MAX)
		return -EINVAL;
	memcpy(line, buf, len);
	line[len] = '\0';
	char *blank = strchr(line, ' ');
	if (!blank)
		return -EINVAL;
	*blank = '\0';
	const char *at = blank + 1;
	for (unsigned i = 0; i < 3; i++)
		if (!scan_int(&at, &number[i]))
			return -EINVAL;
	struct kmem_cache *s = kmem_cache_find(&vm->slabs, line);
	if (!s)
		return -EINVAL;
	int error = cache_tune(s, number);
	kmem_cache_put(s);
	return error ? error : (ssize_t)len;
}

/* ---- Making one ---- */

int cache_flags_parse(char *text, uint32_t *flags, const char **bad)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} known[] = {
		{ "hwcache_align", SLAB_HWCACHE_ALIGN },
		{ "reclaim_account", SLAB_RECLAIM_ACCOUNT },
		{ "dma", SLAB_CACHE_DMA },
		{ "dma32", SLAB_CACHE_DMA32 },
		{ "typesafe_by_rcu", SLAB_TYPESAFE_BY_RCU },
		{ "account", SLAB_ACCOUNT },
		{ "no_merge", SLAB_NO_MERGE },
		{ "consistency_checks", SLAB_CONSISTENCY_CHECKS },
		{ "red_zone", SLAB_RED_ZONE },
		{ "poison", SLAB_POISON },
		{ "store_user", SLAB_STORE_USER },
	};
	char *rest = NULL;

	*flags = 0;
	for (char *word = strtok_r(text, ", \t", &rest); word; word = strtok_r(NULL, ", \t", &rest)) {
		unsigned i = 0;
		while (i < ARRAY_LEN(known) && strcmp(known[i].name, word))
			i++;
		if (i == ARRAY_LEN(known)) {
			if (bad)
				*bad = word;
			return -EINVAL;
		}
		*flags |= known[i].flag;
	}
	return 0;
}

bool cache_name_taken(const char *name)
{
	return !strcmp(name, "new_cache") || !strcmp(name, "delete_cache");
}

/* A whole number of bytes that fits. */
static int parse_bytes(const char *text, uint32_t *out)
{
	uint64_t v;
	if (parse_u64(text, &v) || v > SLAB_OBJECT_MAX)
		return -EINVAL;
	*out = (uint32_t)v;
	return 0;
}

static int spec_take_word(struct cache_spec *spec, char *word)
{
	if (!strncmp(word, "align=", 6))
		return parse_bytes(word + 6, &spec->align);
	if (!strncmp(word, "flags=", 6))
		return cache_flags_parse(word + 6, &spec->flags, NULL);
	return -EINVAL;
}

static int spec_parse(struct cache_spec *spec, char *line)
{
	char *rest = NULL;
	const char *size;

	*spec = (struct cache_spec){ .name = strtok_r(line, BLANKS, &rest) };
	size = strtok_r(NULL, BLANKS, &rest);
	if (!spec->name || !size)
		return -EINVAL;
	int error = parse_bytes(size, &spec->object_size);
	for (char *word; !error && (word = strtok_r(NULL, BLANKS, &rest));)
		error = spec_take_word(spec, word);
	return error;
}

/* A write as a string: a NUL ends it, as sysfs has it. false: too long. */
static bool line_of(char *line, size_t size, const char *buf, size_t len)
{
	size_t n = strnlen(buf, len);
	if (n >= size)
		return false;
	memcpy(line, buf, n);
	line[n] = '\0';
	return true;
}

ssize_t knob_store_new_cache(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	struct kmem_cache *s;
	struct cache_spec spec;
	char line[512];

	(void)k;
	(void)arg;
	int error = line_of(line, sizeof(line), buf, len) ? spec_parse(&spec, line) : -EINVAL;
	if (!error && cache_name_taken(spec.name))
		error = -EEXIST;
	if (!error)
		error = kmem_cache_create(&vm->slabs, &spec, &s);
	if (error)
		return error;
	kmem_cache_put(s);
	return (ssize_t)len;
}

/* ---- Deleting one ---- */

int cache_delete(struct vm *vm, const char *name)
{
	struct kmem_cache *s = kmem_cache_find(&vm->slabs, name);
	uint64_t live = 0;

	if (!s)
		return -ENOENT;
	uint32_t id = s->id, generation = s->generation;
	int error = kmem_cache_destroy(s, &live);
	if (error)
		kmem_cache_put(s);
	if (error && live)
		ring_printf(&vm->log, LOG_LEVEL_WARNING,
			    "kmem_cache_destroy %s: Slab cache still has objects: %llu are in use",
			    name, (unsigned long long)live);
	else if (error)
		ring_printf(&vm->log, LOG_LEVEL_WARNING,
			    "kmem_cache_destroy %s: Slab cache is in use", name);
	else if (vm->cache_gone)
		vm->cache_gone(vm->cache_gone_ctx, id, generation);
	return error;
}

ssize_t knob_store_delete_cache(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	char line[CACHE_NAME_MAX + 3], *rest = NULL;

	(void)k;
	(void)arg;
	if (!line_of(line, sizeof(line), buf, len))
		return -EINVAL;
	const char *name = strtok_r(line, BLANKS, &rest);
	if (!name || strtok_r(NULL, BLANKS, &rest))
		return -EINVAL;
	int error = cache_delete(vm, name);
	return error ? error : (ssize_t)len;
}
