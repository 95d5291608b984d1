/* SPDX-License-Identifier: MIT */
/*
 * Numbers and switches of debugfs: see debugfs.h. A write of any offset counts,
 * and takes all its bytes, also those that were not looked at. A switch takes
 * what it does not understand without a word, as in 6.1.
 */

#include "knob/debugfs.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>

#define NUMBER_BYTES 23u

/* The base by what the digits begin with; *at moves past that. */
static unsigned number_base(const char **at)
{
	const char *s = *at;
	if (s[0] != '0')
		return 10;
	if ((s[1] == 'x' || s[1] == 'X') && parse_digit(s[2]) < 16) {
		*at += 2;
		return 16;
	}
	return 8;
}

static int digits_parse(const char *at, uint64_t *out)
{
	unsigned base = number_base(&at);
	const char *first = at;
	uint64_t v = 0;
	bool overflow = false;

	for (; (unsigned)parse_digit(*at) < base; at++)
		overflow |= __builtin_mul_overflow(v, (uint64_t)base, &v) ||
			    __builtin_add_overflow(v, (uint64_t)parse_digit(*at), &v);
	if (overflow)
		return -ERANGE;
	if (at == first || strcmp(*at == '\n' ? at + 1 : at, ""))
		return -EINVAL;
	*out = v;
	return 0;
}

int debugfs_parse(const char *buf, size_t len, bool sign_allowed, uint64_t *out)
{
	char s[NUMBER_BYTES + 1] = { 0 };
	uint64_t v;

	memcpy(s, buf, MIN(len, (size_t)NUMBER_BYTES));
	bool negative = sign_allowed && s[0] == '-';
	int error = digits_parse(s + (negative || s[0] == '+'), &v);
	if (error)
		return error;
	if (sign_allowed && v > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*out = negative ? 0 - v : v;
	return 0;
}

int debugfs_parse_bool(const char *buf, size_t len, bool *out)
{
	char first = len ? buf[0] : '\0', second = len > 1 ? buf[1] : '\0';

	if (first == 'o' || first == 'O')
		first = second == 'n' || second == 'N'   ? 'y'
			: second == 'f' || second == 'F' ? 'n'
							 : '\0';
	if (!first || !strchr("yY1nN0", first))
		return -EINVAL;
	*out = strchr("yY1", first);
	return 0;
}

static void *value_at(const struct knob *k, struct vm *vm)
{
	return (char *)vm + k->offset;
}

static ssize_t stored(const struct knob *k, struct vm *vm, size_t len)
{
	if (k->apply)
		k->apply(vm);
	return (ssize_t)len;
}

int knob_show_u32(const struct knob *k, struct vm *vm, unsigned arg, struct text *out)
{
	(void)arg;
	text_u64(out, READ_RELAXED((uint32_t *)value_at(k, vm)));
	text_char(out, '\n');
	return 0;
}

int knob_show_bool(const struct knob *k, struct vm *vm, unsigned arg, struct text *out)
{
	(void)arg;
	text_str(out, READ_RELAXED((bool *)value_at(k, vm)) ? "Y\n" : "N\n");
	return 0;
}

ssize_t knob_store_debugfs_ulong(const struct knob *k, struct vm *vm, unsigned arg, const char *buf,
				 size_t len)
{
	uint64_t v;
	int error = debugfs_parse(buf, len, false, &v);
	(void)arg;
	if (error)
		return error;
	WRITE_RELAXED((uint64_t *)value_at(k, vm), vm->machine.bits == 64 ? v : (uint32_t)v);
	return stored(k, vm, len);
}

ssize_t knob_store_debugfs_u32(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	uint64_t v;
	int error = debugfs_parse(buf, len, false, &v);
	(void)arg;
	if (error)
		return error;
	WRITE_RELAXED((uint32_t *)value_at(k, vm), (uint32_t)v);
	return stored(k, vm, len);
}

ssize_t knob_store_debugfs_int(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	uint64_t v;
	int error = debugfs_parse(buf, len, true, &v);
	(void)arg;
	if (error)
		return error;
	WRITE_RELAXED((int32_t *)value_at(k, vm), (int32_t)(uint32_t)v);
	return stored(k, vm, len);
}

ssize_t knob_store_debugfs_bool(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	bool v;
	(void)arg;
	if (debugfs_parse_bool(buf, len, &v))
		return (ssize_t)len;
	WRITE_RELAXED((bool *)value_at(k, vm), v);
	return stored(k, vm, len);
}
