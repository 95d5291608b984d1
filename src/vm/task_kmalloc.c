/* SPDX-License-Identifier: MIT */
/*
 * tasks/NAME/kmalloc: "SIZE[ GFP] COUNT", memory by size. Without flags it is
 * GFP_KERNEL's, and so it is printed. Lines are kept by what was asked for,
 * though several of them may be served by one cache.
 */
#include "vm/task_private.h"

#include "base/parse.h"
#include "policy/gfp.h"

#include <errno.h>

int task_kmalloc_show(struct task *t, struct text *out)
{
	lock_take(&t->index_lock);
	for (unsigned i = 0; i < t->nr_objects; i++) {
		const struct task_objects *line = &t->objects[i];
		if (!line->size)
			continue;
		text_u64(out, line->size);
		text_char(out, ' ');
		if (line->gfp != GFP_KERNEL) {
			gfp_print(out, line->gfp);
			text_char(out, ' ');
		}
		text_u64(out, READ_RELAXED(&line->nr));
		text_char(out, '\n');
	}
	lock_drop(&t->index_lock);
	return 0;
}

static unsigned words_count(const char *line)
{
	unsigned nr = 0;
	bool inside = false;
	for (; *line; line++) {
		bool blank = *line == ' ' || *line == '\t';
		nr += !blank && !inside;
		inside = !blank;
	}
	return nr;
}

int task_kmalloc_store(struct task *t, char *text)
{
	char *word[3];
	unsigned nr = words_count(text);
	uint64_t size, target;
	gfp_t gfp = GFP_KERNEL;
	struct amount a;

	if (nr < 2 || nr > 3 || words_split(text, word, nr))
		return -EINVAL;
	if (parse_size(word[0], &size) || !size || size > KMALLOC_BYTES_MAX)
		return -EINVAL;
	if ((nr == 3 && gfp_parse(word[1], &gfp)) || amount_parse(word[nr - 1], &a))
		return -EINVAL;
	if (!t->vm->kmalloc.slabs)
		return -ENOMEM;
	struct kmem_cache *cache =
		size <= KMALLOC_CACHE_MAX ? kmalloc_cache(&t->vm->kmalloc, size, gfp) : NULL;
	const struct task_objects *line = task_objects_find(t, cache, (uint32_t)size, gfp);
	int error = amount_apply(&a, line ? line->nr : 0, &target);
	return error ? error : task_objects_set(t, cache, (uint32_t)size, gfp, target);
}
