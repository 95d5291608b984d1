/* SPDX-License-Identifier: MIT */
/*
 * Rows that only an imported machine has (kernel/sysctl.c, mm/compaction.c,
 * mm/page_alloc.c, mm/huge_memory.c, 6.1): how their values get in, and the
 * forms that no other row has. Values are numbers in slots of the machine,
 * written with knob_lock held and read anywhere, or by an import while nothing
 * else runs.
 */

#include "knob/knob_loaded.h"

#include "knob/sysctl_parse.h"
#include "knob/sysfs_parse.h"

#include <errno.h>
#include <string.h>

static int64_t *slot_of(const struct knob *k, struct vm *vm)
{
	ASSERT(k->loaded && k->loaded < LOADED_MAX);
	return &vm->machine.loaded.value[k->loaded];
}

bool knob_fits(const struct knob *k, const struct machine *m, unsigned arg)
{
	return kernels_have(k->kernels, m->version) && (!k->shown || k->shown(m, arg));
}

/* The text of a choice is that of all its words; the one in brackets is what a write would be. */
static const char *choice_of(const char *text, char *word, size_t size)
{
	const char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;
	if (!close || (size_t)(close - open) > size)
		return text;
	size_t len = (size_t)(close - open) - 1;
	memcpy(word, open + 1, len);
	word[len] = '\0';
	return word;
}

static int text_load(const struct knob *k, struct vm *vm, const char *text)
{
	struct knob quiet = *k;
	char word[32];
	if (k->choice)
		text = choice_of(text, word, sizeof(word));
	quiet.apply = NULL;
	return *text && quiet.store(&quiet, vm, 0, text, strlen(text)) >= 0 ? 0 : -EINVAL;
}

int knob_load(const struct knob *k, struct vm *vm, const char *text)
{
	if (k->show && !k->offset) {
		int error = text ? text_load(k, vm, text) : -EINVAL;
		if (error)
			return error;
	}
	vm->machine.loaded.present |= 1ull << k->loaded;
	return 0;
}

/* ---- Numbers ---- */

int knob_show_slot(const struct knob *k, struct vm *vm, unsigned arg, struct text *out)
{
	(void)arg;
	text_i64(out, READ_RELAXED(slot_of(k, vm)));
	text_char(out, '\n');
	return 0;
}

int knob_show_slot_ulong(const struct knob *k, struct vm *vm, unsigned arg, struct text *out)
{
	(void)arg;
	text_u64(out, (uint64_t)READ_RELAXED(slot_of(k, vm)));
	text_char(out, '\n');
	return 0;
}

ssize_t knob_store_slot(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	int32_t value;
	struct sysctl_result r = sysctl_parse_ints(buf, len, k->min, k->max, &value, 1);
	(void)arg;
	if (r.error)
		return r.error;
	WRITE_RELAXED(slot_of(k, vm), value);
	return (ssize_t)r.taken;
}

ssize_t knob_store_slot_ulong(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	uint64_t value;
	struct sysctl_result r = sysctl_parse_ulong(buf, len, vm->machine.bits, &value);
	(void)arg;
	if (r.negative && vm->machine.version->ulong_skips_negative)
		return (ssize_t)r.taken;
	if (r.error)
		return r.error;
	WRITE_RELAXED(slot_of(k, vm), (int64_t)value);
	return (ssize_t)r.taken;
}

ssize_t knob_store_slot_bool(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	bool value;
	struct sysctl_result r = sysctl_parse_bool(buf, len, vm->machine.bits, &value);
	(void)arg;
	if (r.error)
		return r.error;
	WRITE_RELAXED(slot_of(k, vm), value);
	return (ssize_t)r.taken;
}

ssize_t knob_store_slot_int_bool(const struct knob *k, struct vm *vm, unsigned arg, const char *buf,
				 size_t len)
{
	int32_t value;
	struct sysctl_result r = sysctl_parse_ints(buf, len, INT32_MIN, INT32_MAX, &value, 1);
	(void)arg;
	if (r.error)
		return r.error;
	WRITE_RELAXED(slot_of(k, vm), value != 0);
	return (ssize_t)r.taken;
}

/* ---- Words ---- */

/* A number that stands for no word, which a record may hold, marks none of them. */
int knob_show_choice(const struct knob *k, struct vm *vm, unsigned arg, struct text *out)
{
	int64_t value = READ_RELAXED(slot_of(k, vm));
	(void)arg;
	for (unsigned i = 0; k->choice[i]; i++)
		text_printf(out, i == value ? "%s[%s]" : "%s%s", i ? " " : "", k->choice[i]);
	text_char(out, '\n');
	return 0;
}

/* One of the words and nothing else; a newline may follow it. As of other files of sysfs, what is behind a NUL is not read. */
ssize_t knob_store_choice(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	size_t n = strnlen(buf, len);
	(void)arg;
	n -= n && buf[n - 1] == '\n';
	for (unsigned i = 0; k->choice[i]; i++) {
		if (strlen(k->choice[i]) != n || memcmp(k->choice[i], buf, n))
			continue;
		WRITE_RELAXED(slot_of(k, vm), i);
		if (k->apply)
			k->apply(vm);
		return (ssize_t)MIN(len, (size_t)SYSFS_WINDOW);
	}
	return -EINVAL;
}

/* There is one order since 4.14; its name is all that can be read, and any word for it or for the default can be written. */
int knob_show_zonelist_order(const struct knob *k, struct vm *vm, unsigned arg, struct text *out)
{
	(void)k;
	(void)vm;
	(void)arg;
	text_str(out, "Node\n");
	return 0;
}

ssize_t knob_store_zonelist_order(const struct knob *k, struct vm *vm, unsigned arg,
				  const char *buf, size_t len)
{
	(void)k;
	(void)vm;
	(void)arg;
	return *buf && strchr("dDnN", *buf) ? (ssize_t)len : -EINVAL;
}

bool knob_shown_64bit(const struct machine *m, unsigned arg)
{
	(void)arg;
	return m->bits == 64;
}

bool knob_shown_32bit(const struct machine *m, unsigned arg)
{
	(void)arg;
	return m->bits == 32;
}
