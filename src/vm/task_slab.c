/* SPDX-License-Identifier: MIT */
/* tasks/NAME/slab: "CACHE COUNT", objects of a cache by its name, as GFP_KERNEL gets them. */
#include "vm/task_private.h"

#include <errno.h>

int task_slab_show(struct task *t, struct text *out)
{
	lock_take(&t->index_lock);
	for (unsigned i = 0; i < t->nr_objects; i++) {
		const struct task_objects *line = &t->objects[i];
		if (line->size)
			continue;
		text_str(out, line->cache->name);
		text_char(out, ' ');
		text_u64(out, READ_RELAXED(&line->nr));
		text_char(out, '\n');
	}
	lock_drop(&t->index_lock);
	return 0;
}

static int cache_store(struct task *t, struct kmem_cache *cache, const char *count)
{
	const struct task_objects *line = task_objects_find(t, cache, 0, GFP_KERNEL);
	struct amount a;
	uint64_t target;
	int error = amount_parse(count, &a);
	if (!error)
		error = amount_apply(&a, line ? line->nr : 0, &target);
	return error ? error : task_objects_set(t, cache, 0, GFP_KERNEL, target);
}

int task_slab_store(struct task *t, char *line)
{
	char *word[2];
	int error = words_split(line, word, ARRAY_LEN(word));
	if (error)
		return error;
	struct kmem_cache *cache = kmem_cache_find(&t->vm->slabs, word[0]);
	if (!cache)
		return -EINVAL;
	error = cache_store(t, cache, word[1]);
	kmem_cache_put(cache);
	return error;
}
