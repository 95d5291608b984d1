/* SPDX-License-Identifier: MIT */
/* Files that contradict zoneinfo are named; small differences and missing files are not. */
#include "support/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void scale(const struct state_dir *d, const char *path, const char *key, unsigned percent)
{
	char *text = state_dir_read(d, path), *at = strstr(text, key), from[128], to[128];
	unsigned long value;
	char rest[64];
	assert_non_null(at);
	assert_int_equal(sscanf(at + strlen(key), "%lu%63[^\n]", &value, rest) >= 1, 1);
	char *end = strchr(at, '\n');
	snprintf(from, sizeof(from), "%.*s", (int)(end - at), at);
	snprintf(to, sizeof(to), "%s %lu%s", key, value * percent / 100, strstr(from, " kB") ? " kB" : "");
	state_dir_edit(d, path, from, to);
	free(text);
}

static void test_agreement(void **state)
{
	(void)state;
	static const char *const captures[] = { "6.1.0-50-amd64-T3", "5.10.0-32-amd64-T3",
						"6.12.107+deb13-amd64-T3", "6.1.0-50-686-T7a" };
	for (unsigned i = 0; i < ARRAY_LEN(captures); i++) {
		struct state_dir d;
		state_dir_make(&d, captures[i]);
		struct capture *c = state_read(&d);
		for (unsigned n = 0; n < c->nr_notes; n++)
			assert_int_not_equal(c->note[n].kind, NOTE_CORRECTED);
		import_free(c);
		state_dir_remove(&d);
	}
}

static void test_contradiction(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	scale(&d, "proc/meminfo", "MemFree:", 110);
	scale(&d, "proc/vmstat", "nr_free_pages", 90);
	struct capture *c = state_read(&d);
	struct why why = { "" };
	assert_true(state_noted(c, NOTE_CORRECTED, "MemFree"));
	assert_true(state_noted(c, NOTE_CORRECTED, "nr_free_pages"));
	assert_false(state_noted(c, NOTE_CORRECTED, "AnonPages"));
	assert_true(import_strict(c, &why));
	assert_non_null(strstr(why.text, "refused by -o strict: proc/meminfo: MemFree "));
	import_free(c);

	state_dir_drop(&d, "proc/meminfo");
	state_dir_drop(&d, "proc/vmstat");
	c = state_read(&d);
	why.text[0] = 0;
	assert_int_equal(import_strict(c, &why), 0);
	import_free(c);
	state_dir_remove(&d);
}

/* Within a sixty-fourth of the machine nobody complains. */
static void test_drift(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	scale(&d, "proc/vmstat", "nr_free_pages", 99);
	struct capture *c = state_read(&d);
	assert_false(state_noted(c, NOTE_CORRECTED, "nr_free_pages"));
	import_free(c);
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agreement),
		cmocka_unit_test(test_contradiction),
		cmocka_unit_test(test_drift),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
