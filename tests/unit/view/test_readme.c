/* SPDX-License-Identifier: MIT */
#include "support/knob_fixture.h"
#include "view/views.h"

#include <stdlib.h>

static char *readme(struct vm *vm)
{
	struct snapshot s;
	struct text t;
	assert_int_equal(snapshot_init(&s, &vm->machine), 0);
	text_init(&t, 0);
	view_readme(&t, &s, 0);
	char *copy = strdup(text_cstr(&t));
	assert_non_null(copy);
	text_fini(&t);
	snapshot_fini(&s);
	return copy;
}

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = text; (at = strstr(at, word)); at += n)
		if (at > text && strchr(" \n/", at[-1]) && strchr(" \n,;", at[n]))
			return true;
	return false;
}

/* A file may have several rows, for several kernels. */
static bool knob_is_there(struct vm *vm, const char *path)
{
	for (unsigned i = 0; i < nr_knobs; i++)
		if (!strcmp(knob_table[i].path, path) && knob_shown(&knob_table[i], &vm->machine, 0))
			return true;
	return false;
}

/* Every knob that the machine has is named, none that it has not. */
static void check_knobs(struct vm *vm, const char *text)
{
	for (unsigned i = 0; i < nr_knobs; i++) {
		const struct knob *k = &knob_table[i];
		const char *name = strrchr(k->path, '/') + 1;
		if (strncmp(k->path, "proc/sys/vm/", 12))
			continue;
		assert_int_equal(has_word(text, name), knob_is_there(vm, k->path));
	}
}

/* Whoever adds a file to the tree or to tasks tells the reader. */
static void check_files(struct vm *vm, const char *text)
{
	for (unsigned i = 0; i < nr_views; i++) {
		const struct view *v = &view_table[i];
		const char *name = strrchr(v->path, '/');
		if (!name || strstr(v->path, "/cpu/") || strstr(v->path, "has_") ||
		    (v->shown && !v->shown(&vm->machine, 0)))
			continue;
		if (!has_word(text, name + 1) && !strstr(text, name + 1))
			fail_msg("README says nothing of %s", v->path);
	}
	for (unsigned i = 0; i < nr_task_attrs; i++)
		if (!has_word(text, task_attr_table[i].name))
			fail_msg("README says nothing of tasks/NAME/%s", task_attr_table[i].name);
}

/* It is read on terminals. */
static void check_columns(const char *text)
{
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		if (strcspn(line, "\n") > 80)
			fail_msg("%.*s", (int)strcspn(line, "\n"), line);
}

static void check(struct vm *vm)
{
	char *text = readme(vm);
	check_knobs(vm, text);
	check_files(vm, text);
	check_columns(text);
	free(text);
}

static void test_numa(void **state)
{
	(void)state;
	struct vm *vm = vm_two_nodes();
	check(vm);
	char *text = readme(vm);
	assert_non_null(strstr(text, "hugepages-2048kB/"));
	assert_non_null(strstr(text, "echo '2M 3' > tasks/d/hugetlb"));
	assert_non_null(strstr(text, "order 9, from the nodes in turn"));
	free(text);
	vm_release(vm);
}

static void test_32_bits(void **state)
{
	(void)state;
	struct vm *vm = vm_32bit();
	check(vm);
	char *text = readme(vm);
	assert_non_null(strstr(text, "hugepages-4096kB/"));
	assert_non_null(strstr(text, "echo '4M 3' > tasks/d/hugetlb"));
	assert_null(strstr(text, "devices/system/node"));
	free(text);
	vm_release(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numa),
		cmocka_unit_test(test_32_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
