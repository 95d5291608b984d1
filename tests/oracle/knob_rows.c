/* SPDX-License-Identifier: MIT */
/*
 * Good and bad input to every knob, as the kernels answered it: each captured single
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

static void tables_check(const char *kernel, unsigned least_rows)
{
	char **name = knob_rows_tables(kernel);
	unsigned rows = 0, wrong = 0, tables = 0;

	if (!name)
		fail_msg("no tables: run from the source folder or set SRCDIR");
	log_open(true, false); /* not a line for each write to drop_caches */
	for (; name[tables]; tables++) {
		struct vm *vm = vm_6g_of(kernel_version_find(kernel)->kernel);
		wrong += table_check(vm, name[tables], &rows);
		assert_int_equal(mm_verify(&vm->machine, NULL), 0);
		vm_release(vm);
		free(name[tables]);
	}
	free(name);
	print_message("%s: %u rows of %u tables, %u differ\n", kernel, rows, tables, wrong);
	assert_true(rows > least_rows);
	assert_int_equal(wrong, 0);
}

static void test_6_1(void **state)
{
	(void)state;
	tables_check("6.1", 1000);
}

static void test_5_10(void **state)
{
	(void)state;
	tables_check("5.10", 150);
}

static void test_6_12(void **state)
{
	(void)state;
	tables_check("6.12", 700);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_6_1),
		cmocka_unit_test(test_5_10),
		cmocka_unit_test(test_6_12),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
