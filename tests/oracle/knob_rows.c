/* SPDX-License-Identifier: MIT */
/*
 * Good and bad input to every knob, as 6.1 answered it: each captured single
 * write is done to a machine like the captured one, and result and read-back
 * are compared. The value before may differ, so a row that left the kernel's
 * value alone only has to leave ours alone. What depends on offsets and open
 * modes is in knob_files.c.
 */

#include "support/knob_rows.h"
#include "support/knob_fixture.h"

#include <errno.h>

struct outcome {
	char result[32], value[512];
};

/* One write of a tried value. A file that cannot be opened for writing is one that cannot be written. */
static bool is_one_write(const struct knob_row *r)
{
	static const char *const how[] = { "write", "open-failed", "O_TRUNC", "O_APPEND" };
	for (size_t i = 0; i < ARRAY_LEN(how); i++)
		if (!strcmp(r->how, how[i]))
			return strncmp(r->test, "read ", 5) != 0;
	return false;
}

static void knob_show(struct vm *vm, const struct knob *k, unsigned arg, char *value, size_t size)
{
	struct text t;
	text_init(&t, 0);
	int error = knob_read(k, vm, arg, &t);
	snprintf(value, size, "%s%s", error ? "!" : "", error ? errno_name(-error) : text_cstr(&t));
	text_fini(&t);
}

static struct outcome row_try(struct vm *vm, const struct knob *k, unsigned arg, const struct knob_row *r)
{
	struct outcome o;
	ssize_t n = knob_write(k, vm, arg, r->input, r->len);
	if (n < 0)
		snprintf(o.result, sizeof(o.result), "%s", errno_name((int)-n));
	else
		snprintf(o.result, sizeof(o.result), "%zd", n);
	knob_show(vm, k, arg, o.value, sizeof(o.value));
	return o;
}

static bool value_agrees(const struct knob_row *r, const struct outcome *o, const char *before)
{
	if (!strcmp(o->value, r->value))
		return true;
	if (r->same)
		return !strcmp(o->value, before);
	uint64_t pages = strtoull(o->value, NULL, 10);
	return knob_row_saturates(r) && pages > strtoull(r->value, NULL, 10) / 2 &&
	       pages <= strtoull(r->input, NULL, 10);
}

static unsigned row_check(struct vm *vm, const struct knob_row *r, bool restore)
{
	char before[512];
	unsigned arg;
	const struct knob *k = knob_at(vm, r->path, &arg);
	if (!k)
		fail_msg("no row for %s", r->path);
	knob_show(vm, k, arg, before, sizeof(before));
	struct outcome o = row_try(vm, k, arg, r);
	bool ok = !strcmp(o.result, r->result) && value_agrees(r, &o, before);
	if (!ok)
		print_error("%s, %s: kernel %s %s, here %s %s\n", r->path, r->test, r->result,
			    r->value, o.result, o.value);
	if (restore && k->show && k->store)
		assert_true(knob_write(k, vm, arg, before, strlen(before)) > 0);
	return !ok;
}

static unsigned table_check(struct vm *vm, const char *name, unsigned *rows)
{
	FILE *f = knob_rows_open(name);
	bool restore = !strstr(name, "-sequence.tsv");
	unsigned wrong = 0;
	struct knob_row r;

	assert_non_null(f);
	while (knob_rows_next(f, &r)) {
		if (!is_one_write(&r))
			continue;
		wrong += row_check(vm, &r, restore);
		++*rows;
	}
	fclose(f);
	return wrong;
}

static void test_tables(void **state)
{
	(void)state;
	char **name = knob_rows_tables();
	unsigned rows = 0, wrong = 0, tables = 0;

	if (!name)
		fail_msg("no tables: run from the source folder or set SRCDIR");
	log_open(true, false); /* not a line for each write to drop_caches */
	for (; name[tables]; tables++) {
		struct vm *vm = vm_6g();
		wrong += table_check(vm, name[tables], &rows);
		assert_int_equal(mm_verify(&vm->machine, NULL), 0);
		vm_release(vm);
		free(name[tables]);
	}
	free(name);
	print_message("%u rows of %u tables, %u differ\n", rows, tables, wrong);
	assert_true(tables >= 16 && rows > 1000);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_tables) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
