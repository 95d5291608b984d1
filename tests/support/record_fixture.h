/* SPDX-License-Identifier: MIT */
#ifndef RECORD_FIXTURE_H
#define RECORD_FIXTURE_H

/* On top of vm_fixture.h: a machine's frame record, changed or not, and the machine that comes of it. */

#include "support/vm_fixture.h"
#include "vm/hold.h"
#include "vm/record.h"

#include <stdlib.h>

static inline char *record_of(struct vm *vm)
{
	struct text t;
	text_init(&t, 0);
	vm_hold(vm);
	record_write(&t, vm);
	vm_release_machine(vm);
	vm_release_tasks(vm);
	assert_int_equal(text_error(&t), 0);
	char *copy = strdup(text_cstr(&t));
	text_fini(&t);
	return copy;
}

struct reborn {
	struct vm vm;
	bool booted;
};

/* 0, or what refused it, with why. */
static inline int reborn_boot(struct reborn *r, const char *record, struct region *region, struct why *why)
{
	struct machine_spec spec;
	char *copy = strdup(record);
	memset(r, 0, sizeof(*r));
	machine_spec_init(&spec);
	int error = record_spec(&spec, copy, "R", why);
	free(copy);
	if (!error) {
		const struct vm_config c = {
			.deterministic = true, .seed = 1, .region = region, .no_caches = true
		};
		error = vm_boot(&r->vm, &spec, &c, why);
		r->booted = !error;
	}
	machine_spec_fini(&spec);
	if (error)
		return error;
	copy = strdup(record);
	error = record_apply(&r->vm, copy, "R", why);
	free(copy);
	return error;
}

static inline void reborn_end(struct reborn *r)
{
	if (r->booted)
		vm_shutdown(&r->vm);
	free(r);
}

/* Replace the first `from` behind the first `line` by `to`. */
static inline char *edited(const char *record, const char *line, const char *from, const char *to)
{
	const char *begin = strstr(record, line);
	if (!begin)
		fail_msg("no line \"%s\"", line);
	const char *at = strstr(begin, from);
	if (!at)
		fail_msg("no \"%s\" behind \"%s\"", from, line);
	char *out = malloc(strlen(record) + strlen(to) + 1);
	sprintf(out, "%.*s%s%s", (int)(at - record), record, to, at + strlen(from));
	return out;
}

/* How many of the two wishes fail: that it is refused, in these words. */
static inline unsigned refused_text(const char *record, const char *said)
{
	struct reborn *r = calloc(1, sizeof(*r));
	struct why why = { "" };
	bool as_wished = reborn_boot(r, record, NULL, &why) == -EINVAL && strstr(why.text, said);
	if (!as_wished)
		print_error("wanted \"%s\", got \"%s\"\n", said, why.text);
	assert_null(strchr(why.text, '\n'));
	reborn_end(r);
	return !as_wished;
}

#endif
