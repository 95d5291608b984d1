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

/* It must come back, and mm_verify finds nothing. */
static inline struct reborn *reborn_of(const char *record, struct region *region)
{
	struct reborn *r = calloc(1, sizeof(*r));
	struct why why = { "" };
	if (reborn_boot(r, record, region, &why))
		fail_msg("%s", why.text);
	assert_verified(&r->vm);
	return r;
}

/* It comes back with the same record. */
static inline struct reborn *reborn_alike(struct vm *vm)
{
	char *record = record_of(vm);
	struct reborn *r = reborn_of(record, NULL);
	char *again = record_of(&r->vm);
	assert_string_equal(record, again);
	assert_verified(&r->vm);
	free(record);
	free(again);
	return r;
}

/* Memory like the fixture's, for what is reborn with bytes. */
static inline void reborn_region(struct region *region)
{
	const struct region_config rc = { .backing = BACKING_SPARSE, .limit_bytes = 64ul << 20 };
	const struct region_range range = { 1, 2 * NODE_PAGES, -1 };
	struct why why = { "" };
	assert_int_equal(region_open(region, &rc, &range, 1, &why), 0);
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

/* A record is wrong when this is done to it (see edited), and these words say so. */
struct record_edit {
	const char *line, *from, *to, *said;
};

static inline void assert_edits_refused(struct vm *vm, const struct record_edit *edit, unsigned nr)
{
	char *record = record_of(vm);
	unsigned failures = 0;
	for (unsigned i = 0; i < nr; i++) {
		char *text = edited(record, edit[i].line, edit[i].from, edit[i].to);
		unsigned failed = refused_text(text, edit[i].said);
		if (failed)
			print_message("row %u\n", i);
		failures += failed;
		free(text);
	}
	assert_int_equal(failures, 0);
	free(record);
}

/*
 * Let the host refuse its nth allocation for n = 1, 1 + step, … until none is
 * refused: that is the reason given, and everything is given back. `more` (or
 * NULL) follows where the record was taken.
 */
static inline void sweep_reborn(struct vm *vm, unsigned step, int (*more)(struct vm *vm))
{
	char *record = record_of(vm);
	bool fired = true;
	for (uint64_t nth = 1; fired; nth += step) {
		struct reborn *r = calloc(1, sizeof(*r));
		struct why why = { "" };
		fault_arm(FAULT_HOST_MALLOC, nth);
		int error = reborn_boot(r, record, NULL, &why);
		if (!error && more)
			error = more(&r->vm);
		fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		if (error && error != -ENOMEM)
			fail_msg("allocation %lu: %d, %s", nth, error, why.text);
		reborn_end(r);
	}
	free(record);
}

#endif
