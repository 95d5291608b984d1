/* SPDX-License-Identifier: MIT */
#include "support/golden.h"
#include "support/knob_fixture.h"
#include "view/view.h"

#include <stdlib.h>

static const struct view *row_of(const char *path)
{
	for (unsigned i = 0; i < nr_views; i++)
		if (!strcmp(view_table[i].path, path))
			return &view_table[i];
	return NULL;
}

static void test_rows_are_whole(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nr_views; i++) {
		const struct view *v = &view_table[i];
		assert_ptr_equal(row_of(v->path), v); /* no two of one path */
		assert_true(v->path[0] != '/');
		assert_true(v->mode == 0444 || v->mode == 0400 || (v->mode == 0644 && v->task_attr));
		assert_true(!v->task_attr ||
			    (v->scope == VIEW_TASK && task_attr_find(v->task_attr)->store));
		assert_int_equal(!strstr(v->path, "%u"), v->scope == VIEW_ONCE);
		if (v->scope == VIEW_TASK)
			assert_true(v->render_task && !v->render);
		else
			assert_true(v->render && !v->render_task);
		if (v->style == VIEW_SYSFS)
			assert_memory_equal(v->path, "sys/", 4);
	}
}

/* node0 of a path becomes node%u. */
static void to_pattern(char *path)
{
	char *at = strstr(path, "/node0/");
	if (at) {
		memmove(at + 7, at + 6, strlen(at + 6) + 1);
		memcpy(at + 5, "%u", 2);
	}
}

/* Modes and sizes of a running 6.1: a row that it has, it has the same. */
static void test_modes(void **state)
{
	(void)state;
	struct golden g;
	snprintf(g.dir, sizeof(g.dir), "%s/tests/oracle/modes", getenv("SRCDIR") ? getenv("SRCDIR") : ".");
	char *text = golden_read(&g, "6.1.0-50-amd64-T10");
	unsigned checked = 0;
	assert_non_null(text);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		unsigned mode, size;
		char path[256];
		assert_int_equal(sscanf(line, "%o %*s %*s %u /%250s", &mode, &size, path), 3);
		to_pattern(path);
		const struct view *v = row_of(path);
		if (!v)
			continue;
		assert_int_equal(v->mode, mode);
		assert_int_equal(v->style, size ? VIEW_SYSFS : VIEW_PROC);
		checked++;
	}
	assert_true(checked >= 6 + 6 + 6);
	free(text);
}

/* Every row that a machine shows can be rendered on it, with no more than the parts it asks for. */
static void render_all(struct vm *vm, unsigned *shown)
{
	struct snapshot s;
	struct text t;
	assert_int_equal(snapshot_init(&s, &vm->machine), 0);
	text_init(&t, 0);
	for (unsigned i = 0; i < nr_views; i++) {
		const struct view *v = &view_table[i];
		if (v->scope == VIEW_TASK || (v->shown && !v->shown(&vm->machine, 0)))
			continue;
		text_reset(&t);
		snapshot_fill(&s, vm, v->parts);
		v->render(&t, &s, 0);
		assert_int_equal(text_error(&t), 0);
		assert_true(t.len && (text_cstr(&t)[t.len - 1] == '\n' || strstr(v->path, "/dmi/")));
		++*shown;
	}
	text_fini(&t);
	snapshot_fini(&s);
}

/* On a real machine zoneinfo needs no other part than the row says: a filled whole snapshot prints the same. */
static void parts_suffice(struct vm *vm)
{
	struct snapshot some, all;
	struct text a, b;
	text_init(&a, 0);
	text_init(&b, 0);
	assert_int_equal(snapshot_init(&all, &vm->machine), 0);
	snapshot_fill(&all, vm, SNAP_ALL);
	for (unsigned i = 0; i < nr_views; i++) {
		const struct view *v = &view_table[i];
		if (v->scope == VIEW_TASK || (v->shown && !v->shown(&vm->machine, 0)))
			continue;
		assert_int_equal(snapshot_init(&some, &vm->machine), 0);
		snapshot_fill(&some, vm, v->parts);
		text_reset(&a);
		text_reset(&b);
		v->render(&a, &some, 0);
		v->render(&b, &all, 0);
		assert_int_equal(a.len, b.len);
		assert_memory_equal(a.buf, b.buf, a.len);
		snapshot_fini(&some);
	}
	text_fini(&a);
	text_fini(&b);
	snapshot_fini(&all);
}

static void test_render(void **state)
{
	(void)state;
	unsigned numa = 0, flat = 0;
	struct vm *vm = vm_two_nodes();
	render_all(vm, &numa);
	parts_suffice(vm);
	vm_release(vm);
	vm = vm_32bit();
	render_all(vm, &flat);
	parts_suffice(vm);
	vm_release(vm);
	assert_int_equal(numa, flat + 12); /* nodes are known with NUMA only */
}

static void test_high_memory_is_32_bits(void **state)
{
	(void)state;
	const struct view *v = row_of("sys/devices/system/node/has_high_memory");
	struct machine m = { .bits = 32, .numa = true };
	assert_true(v->shown(&m, 0));
	m.bits = 64;
	assert_false(v->shown(&m, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_whole),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_render),
		cmocka_unit_test(test_high_memory_is_32_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
