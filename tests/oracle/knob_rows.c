/* SPDX-License-Identifier: MIT */
/*
 * Good and bad input to every knob, as the kernels answered it: each captured single
 * write is done to a machine like the captured one, and result and read-back
 * are compared. The value before may differ, so a row that left the kernel's
 * value alone only has to leave ours alone. What ummfs(8) lists may
 * differ. What depends on offsets and open modes is in knob_files.c.
 */

#include "support/knob_fixture.h"
#include "support/knob_listed.h"

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
	int error = k->mode & 0444 ? knob_read(k, vm, arg, &t) : -EACCES; /* it cannot be opened */
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

static unsigned row_check(struct vm *vm, const char *kernel, const struct knob_row *r)
{
	char before[512];
	unsigned arg;
	const struct knob *k = knob_at(vm, r->path, &arg);
	if (!k)
		fail_msg("no row for %s", r->path);
	knob_show(vm, k, arg, before, sizeof(before));
	struct outcome o = row_try(vm, k, arg, r);
	bool ok = (!strcmp(o.result, r->result) && value_agrees(r, &o, before)) || knob_listed(kernel, r);
	if (!ok)
		print_error("%s, %s: kernel %s %s, here %s %s\n", r->path, r->test, r->result,
			    r->value, o.result, o.value);
	return !ok;
}

/* Tables without an "(initial)" row: what those machines had been loaded with. */
static const struct {
	const char *path, *value;
} begun[] = {
	{ "proc/sys/vm/dirty_bytes", "0" },
	{ "proc/sys/vm/dirty_ratio", "20" },
	{ "proc/sys/vm/numa_zonelist_order", "Node" },
	{ "proc/sys/vm/panic_on_oom", "0" },
	{ "sys/kernel/mm/transparent_hugepage/defrag", "always defer defer+madvise [madvise] never" },
	{ "sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]" },
};

static void machine_load(struct vm *vm, const struct knob_row *first)
{
	const char *value = first->value;
	for (size_t i = 0; strcmp(first->test, "(initial)") && i < ARRAY_LEN(begun); i++)
		if (!strcmp(begun[i].path, first->path))
			value = begun[i].value;
	knob_load_at(vm, first->path, value); /* false: it is in every tree */
}

/* As the helper that made the table did after each row: what is no value now, such as a 0 of dirty_bytes, changes nothing. */
static void value_restore(struct vm *vm, const char *path, const char *value)
{
	unsigned arg;
	const struct knob *k = knob_at(vm, path, &arg);
	const char *open = strchr(value, '[');
	if (!k->show || !k->store)
		return;
	size_t len = open ? strcspn(open + 1, "]") : strlen(value);
	ssize_t n = knob_write(k, vm, arg, open ? open + 1 : value, len);
	(void)n;
}

static unsigned table_check(struct vm *vm, const char *kernel, const char *name, unsigned *rows)
{
	FILE *f = knob_rows_open(name);
	unsigned wrong = 0;
	char initial[512] = "";
	struct knob_row r;

	assert_non_null(f);
	for (bool first = true; knob_rows_next(f, &r); first = false) {
		if (first)
			machine_load(vm, &r);
		if (!strcmp(r.test, "(initial)"))
			snprintf(initial, sizeof(initial), "%s", r.value);
		if (is_one_write(&r)) {
			wrong += row_check(vm, kernel, &r);
			++*rows;
		}
		if (*initial)
			value_restore(vm, r.path, initial);
	}
	fclose(f);
	return wrong;
}

static bool is_of_knob(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *file = slash ? slash + 1 : name;
	return strncmp(file, "view-", 5) && strncmp(file, "slab-", 5);
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
		if (is_of_knob(name[tables]))
			wrong += table_check(vm, kernel, name[tables], &rows);
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
	tables_check("6.1", 3000);
}

static void test_5_10(void **state)
{
	(void)state;
	tables_check("5.10", 1800);
}

static void test_6_12(void **state)
{
	(void)state;
	tables_check("6.12", 2800);
}

static int list_read(void **state)
{
	(void)state;
	knob_listed_read();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_6_1),
		cmocka_unit_test(test_5_10),
		cmocka_unit_test(test_6_12),
	};
	return cmocka_run_group_tests(tests, list_read, NULL);
}
