/* SPDX-License-Identifier: MIT */
/*
 * Every capture is booted from its files and printed again: the files
 * that describe the machine and its free memory must come back byte for byte,
 * and the frames must be in order. Counters of zoneinfo are import_text.c's.
 */
#include "base/mem.h"
#include "daemon/import.h"
#include "mm/pcp.h"
#include "mm/verify.h"
#include "view/view.h"
#include "vm/vm_slab.h"

#include "support/golden.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct booted_state {
	char dir[512];
	struct capture *capture;
	struct machine_spec spec;
	struct vm vm;
	struct snapshot snap;
};

static void state_boot(struct booted_state *b, const char *dir)
{
	struct why why = { "" };
	const struct vm_config config = { .deterministic = true, .seed = 1, .no_caches = true };
	memset(b, 0, sizeof(*b));
	snprintf(b->dir, sizeof(b->dir), "%s", dir);
	if (import_read(&b->capture, dir, &why))
		fail_msg("%s", why.text);
	if (import_spec(b->capture, &b->spec, &why))
		fail_msg("%s", why.text);
	if (vm_boot(&b->vm, &b->spec, &config, &why))
		fail_msg("%s: %s", dir, why.text);
	if (import_apply(b->capture, &b->vm, &why) || vm_slab_start(&b->vm))
		fail_msg("%s", why.text);
	assert_int_equal(snapshot_init(&b->snap, &b->vm.machine), 0);
	snapshot_fill(&b->snap, &b->vm, SNAP_ALL);
}

static void state_end(struct booted_state *b)
{
	snapshot_fini(&b->snap);
	vm_shutdown(&b->vm);
	machine_spec_fini(&b->spec);
	import_free(b->capture);
}

static char *file_read(const char *dir, const char *path)
{
	char name[1024];
	snprintf(name, sizeof(name), "%s/%s", dir, path);
	FILE *f = fopen(name, "r");
	if (!f)
		return NULL;
	char *text = calloc(1, 1 << 20);
	assert_non_null(text);
	text[fread(text, 1, (1 << 20) - 1, f)] = 0;
	fclose(f);
	return text;
}

/* Lines of zoneinfo that follow from the machine and its free memory. */
static bool line_static(const char *line)
{
	static const char *const starts[] = {
		"Node ",
		"  pages free ",
		"        boost ",
		"        min ",
		"        low ",
		"        high ",
		"        promo ",
		"        spanned ",
		"        present ",
		"        managed ",
		"        cma ",
		"        protection:",
		"      nr_free_pages ",
		"      numa_",
		"  pagesets",
		"    cpu:",
		"              count:",
		"              high:",
		"              batch:",
		"  vm stats threshold:",
		"  start_pfn:",
	};
	for (unsigned i = 0; i < ARRAY_LEN(starts); i++)
		if (!strncmp(line, starts[i], strlen(starts[i])))
			return true;
	return false;
}

static char *static_line_next(char **at, bool all)
{
	while (**at) {
		char *line = *at, *end = strchr(line, '\n');
		*at = end ? end + 1 : line + strlen(line);
		if (end)
			*end = 0;
		if (all || line_static(line))
			return line;
	}
	return NULL;
}

static void compare(const char *name, char *expected, const char *printed, bool all)
{
	char *copy = strdup(printed), *a = expected, *b = copy;
	for (unsigned n = 1;; n++) {
		const char *x = static_line_next(&a, all), *y = static_line_next(&b, all);
		if (!x && !y)
			break;
		if (!x || !y || strcmp(x, y))
			fail_msg("%s, line %u: kernel \"%s\", ours \"%s\"", name, n,
				 x ? x : "(end)", y ? y : "(end)");
	}
	free(copy);
}

/* Print the view and compare it with the capture's file; a file that the capture lacks is passed over. */
static unsigned view_compare(struct booted_state *b, const struct view *v, unsigned arg)
{
	char path[256], name[1024];
	snprintf(path, sizeof(path), v->path, arg);
	snprintf(name, sizeof(name), "%s/%s", b->dir, path);
	char *expected = file_read(b->dir, path);
	if (!expected)
		return 0;
	struct text t;
	text_init(&t, 0);
	v->render(&t, &b->snap, arg);
	assert_int_equal(text_error(&t), 0);
	compare(name, expected, text_cstr(&t), strcmp(path, "proc/zoneinfo") != 0);
	text_fini(&t);
	free(expected);
	return 1;
}

static unsigned views_compare(struct booted_state *b, const char *wanted)
{
	unsigned compared = 0, nodes = b->vm.machine.nr_nodes;
	for (unsigned i = 0; i < nr_views; i++) {
		const struct view *v = &view_table[i];
		if (strcmp(v->path, wanted) || !v->render)
			continue;
		for (unsigned n = 0; n < (v->scope == VIEW_NODE ? nodes : 1); n++)
			if (!v->shown || v->shown(&b->vm.machine, n))
				compared += view_compare(b, v, n);
	}
	return compared;
}

static const char *const node_files[] = {
	"sys/devices/system/node/online",
	"sys/devices/system/node/possible",
	"sys/devices/system/node/has_cpu",
	"sys/devices/system/node/has_memory",
	"sys/devices/system/node/has_normal_memory",
	"sys/devices/system/node/node%u/cpulist",
	"sys/devices/system/node/node%u/cpumap",
	"sys/devices/system/node/node%u/distance",
};

static void machine_verify(struct booted_state *b)
{
	struct text t;
	text_init(&t, 0);
	if (mm_verify(&b->vm.machine, &t))
		fail_msg("%s: %s", b->dir, text_cstr(&t));
	text_fini(&t);
}

static void check_capture(const char *dir)
{
	struct booted_state *b = calloc(1, sizeof(*b));
	assert_non_null(b);
	state_boot(b, dir);
	machine_verify(b);
	assert_int_equal(views_compare(b, "proc/zoneinfo"), 1);
	assert_int_equal(views_compare(b, "proc/buddyinfo"), 1);
	assert_int_equal(views_compare(b, "proc/pagetypeinfo"), 1);
	unsigned files = 0;
	for (unsigned i = 0; i < ARRAY_LEN(node_files); i++)
		files += views_compare(b, node_files[i]);
	if (b->vm.machine.numa)
		assert_int_equal(files, 5 + 3 * b->vm.machine.nr_nodes);
	machine_drain(&b->vm.machine);
	machine_verify(b);
	state_end(b);
	free(b);
}

static void test_captures(void **state)
{
	(void)state;
	for (unsigned i = 0; i < golden_nr_captures; i++) {
		const char *root = getenv("SRCDIR");
		char dir[512];
		snprintf(dir, sizeof(dir), "%s/tests/oracle/%s", root ? root : ".", golden_captures[i]);
		check_capture(dir);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
