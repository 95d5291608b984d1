/* SPDX-License-Identifier: MIT */
/*
 * What all knobs share: finding a row, its place in the tree, reading and
 * writing through it, and the plain numbers that most of them are. A value is
 * written with knob_lock held and read anywhere, so both ends are relaxed
 * atomics. A write of no bytes takes nothing and changes nothing; 6.1 agrees
 * except that there a zero-length write of overcommit_ratio clears its twin.
 */

#include "knob/knob_ops.h"

#include "knob/sysctl_parse.h"
#include "knob/sysfs_parse.h"

#include <errno.h>
#include <string.h>

#define VM_SYSCTL_DIR "proc/sys/vm/"

const struct knob *knob_find(const char *name)
{
	size_t dir = strlen(VM_SYSCTL_DIR);
	for (unsigned i = 0; i < nr_knobs; i++) {
		const struct knob *k = &knob_table[i];
		if (!k->action && !k->loaded && !strncmp(k->path, VM_SYSCTL_DIR, dir) &&
		    !strcmp(k->path + dir, name))
			return k;
	}
	return NULL;
}

/* The pattern stands in a row of ours, so only its tokens are looked at, not whether it is sound. */
int knob_path(const struct knob *k, const struct machine *m, unsigned arg, char *buf, size_t len)
{
	uint64_t huge_kb = PAGES_TO_KB(1ull << machine_huge_order(m, k->pool));
	size_t n = 0;

	for (const char *p = k->path; *p; p++) {
		char piece[32] = { *p };
		if (p[0] == '%' && p[1] == 'u') {
			snprintf(piece, sizeof(piece), "%u", arg);
			p++;
		} else if (p[0] == '%' && p[1] == 'k') {
			snprintf(piece, sizeof(piece), "%lluk", (unsigned long long)huge_kb);
			p++;
		}
		size_t add = strlen(piece);
		if (n + add >= len)
			return -ENAMETOOLONG;
		memcpy(buf + n, piece, add);
		n += add;
	}
	buf[n] = '\0';
	return (int)n;
}

int knob_text(const struct knob *k, struct vm *vm, unsigned arg, struct text *out)
{
	if (!k->show) /* sysfs lets it be made readable, and has nothing to say then */
		return k->style == KNOB_SYSFS ? -EIO : -EACCES;
	int error = k->show(k, vm, arg, out);
	return error ? error : text_error(out);
}

int knob_read(const struct knob *k, struct vm *vm, unsigned arg, struct text *out)
{
	int error = knob_text(k, vm, arg, out);
	if (!error && k->after_read)
		k->after_read(vm);
	return error;
}

ssize_t knob_write(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	if (!k->store)
		return -EACCES;
	if (!len)
		return 0;
	if (k->unlocked)
		return k->store(k, vm, arg, buf, len);
	lock_take(&vm->knob_lock);
	ssize_t taken = k->store(k, vm, arg, buf, len);
	lock_drop(&vm->knob_lock);
	return taken;
}

ssize_t knob_write_past(const struct knob *k, struct vm *vm, size_t len)
{
	return k->pass ? k->pass(k, vm, len) : (ssize_t)len;
}

static unsigned count_words(const char *s)
{
	unsigned n = 0;
	for (bool inside = false; *s; s++) {
		bool blank = strchr(" \t\n", *s) != NULL;
		n += !blank && !inside;
		inside = !blank;
	}
	return n;
}

/* A list stores the numbers before a bad one; a configuration must not. */
static bool list_is_sound(const struct knob *k, const char *text)
{
	int32_t value[UINT8_MAX];
	return !sysctl_parse_ints(text, strlen(text), k->min, k->max, value, k->nr).error;
}

int knob_set(const struct knob *k, struct vm *vm, unsigned arg, const char *text)
{
	if (!knob_shown(k, &vm->machine, arg))
		return -ENOENT;
	unsigned words = count_words(text);
	if (!words || words > MAX(k->nr, 1u) || (k->nr > 1 && !list_is_sound(k, text)))
		return -EINVAL;
	ssize_t taken = knob_write(k, vm, arg, text, strlen(text));
	return taken < 0 ? (int)taken : 0;
}

static void *knob_value(const struct knob *k, struct vm *vm)
{
	return (char *)vm + k->offset;
}

static void text_number(struct text *out, uint64_t v)
{
	text_u64(out, v);
	text_char(out, '\n');
}

int knob_show_int(const struct knob *k, struct vm *vm, unsigned arg, struct text *out)
{
	(void)arg;
	text_i64(out, READ_RELAXED((int32_t *)knob_value(k, vm)));
	text_char(out, '\n');
	return 0;
}

int knob_show_ulong(const struct knob *k, struct vm *vm, unsigned arg, struct text *out)
{
	(void)arg;
	text_number(out, READ_RELAXED((uint64_t *)knob_value(k, vm)));
	return 0;
}

ssize_t knob_store_int(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	int32_t value;
	struct sysctl_result r = sysctl_parse_ints(buf, len, k->min, k->max, &value, 1);

	(void)arg;
	int error = r.error;
	if (!error && k->check)
		error = k->check(value);
	if (error)
		return error;
	WRITE_RELAXED((int32_t *)knob_value(k, vm), value);
	if (k->apply)
		k->apply(vm);
	return (ssize_t)r.taken;
}

/* The part that both grammars share. */
static int ulong_set(const struct knob *k, struct vm *vm, unsigned arg, uint64_t value)
{
	if (k->set)
		return k->set(vm, arg, value);
	if (k->set_pool)
		return k->set_pool(k, vm, arg, value);
	WRITE_RELAXED((uint64_t *)knob_value(k, vm), value);
	if (k->apply)
		k->apply(vm);
	return 0;
}

ssize_t knob_store_ulong(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	uint64_t value;
	struct sysctl_result r = sysctl_parse_ulong(buf, len, vm->machine.bits, &value);
	if (r.negative && vm->machine.version->ulong_skips_negative)
		return (ssize_t)r.taken;
	int error = r.error;
	if (!error && value < (uint64_t)k->min)
		error = -EINVAL;
	if (!error)
		error = ulong_set(k, vm, arg, value);
	return error ? error : (ssize_t)r.taken;
}

ssize_t knob_store_sysfs_ulong(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	uint64_t value;
	int error = sysfs_parse_ulong(buf, len, vm->machine.bits, &value);
	if (!error)
		error = ulong_set(k, vm, arg, value);
	return error ? error : (ssize_t)MIN(len, (size_t)SYSFS_WINDOW);
}
