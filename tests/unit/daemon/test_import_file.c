/* SPDX-License-Identifier: MIT */
/* Files, lines, words, ranges and notes. */
#include "support/state_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_lines_and_words(void **state)
{
	(void)state;
	struct state_dir d;
	struct cap_file f;
	struct why why = { "" };
	state_dir_make(&d, NULL);
	state_dir_write(&d, "proc/x", "one  two\t3\n\nlast 0x1");
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_open(&f, c, "proc/x", &why), 0);

	char *line = cap_line(&f);
	assert_string_equal(cap_word(&line), "one");
	assert_string_equal(cap_word(&line), "two");
	uint64_t n = 0;
	assert_int_equal(cap_number(&f, cap_word(&line), "two", &n, &why), 0);
	assert_int_equal(n, 3);
	assert_null(cap_word(&line));
	assert_int_equal(cap_number(&f, NULL, "two", &n, &why), -EINVAL);
	assert_non_null(strstr(why.text, "/proc/x:1: a number is missing behind \"two\""));
	assert_string_equal(cap_line(&f), "");
	line = cap_line(&f);
	assert_int_equal(f.line, 3);
	assert_string_equal(cap_word(&line), "last");
	why.text[0] = 0;
	assert_int_equal(cap_number(&f, cap_word(&line), "last", &n, &why), -EINVAL);
	assert_non_null(strstr(why.text, "/proc/x:3: \"0x1\" behind \"last\" is not a number"));
	assert_null(cap_line(&f));
	cap_close(&f);
	import_free(c);
	state_dir_remove(&d);
}

static void test_what_cannot_be_opened(void **state)
{
	(void)state;
	struct state_dir d;
	struct cap_file f;
	struct why why = { "" };
	state_dir_make(&d, NULL);
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_open(&f, c, "proc/none", &why), -ENOENT);
	state_dir_write(&d, "proc/file", "1\n");
	assert_int_equal(cap_open(&f, c, "proc/file/below", &why), -ENOENT);
	assert_string_equal(why.text, "");
	assert_int_equal(cap_open(&f, c, "proc", &why), -EISDIR);

	char path[512] = "", name[128];
	memset(path, 'x', sizeof(path) - 1);
	assert_int_equal(cap_open(&f, c, path, &why), -ENAMETOOLONG);

	snprintf(name, sizeof(name), "%s/proc/nul", d.path);
	FILE *out = fopen(name, "w");
	fwrite("a\0b", 3, 1, out);
	fclose(out);
	why.text[0] = 0;
	assert_int_equal(cap_open(&f, c, "proc/nul", &why), -EINVAL);
	assert_non_null(strstr(why.text, "not a text file"));
	import_free(c);
	state_dir_remove(&d);
}

/* Longer than the first buffer. */
static void test_long_file(void **state)
{
	(void)state;
	struct state_dir d;
	struct cap_file f;
	struct why why = { "" };
	state_dir_make(&d, NULL);
	char *text = calloc(1, 100001);
	assert_non_null(text);
	for (unsigned i = 0; i < 100000; i++)
		text[i] = i % 10 == 9 ? '\n' : 'a';
	state_dir_write(&d, "proc/long", text);
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_open(&f, c, "proc/long", &why), 0);
	while (cap_line(&f))
		;
	assert_int_equal(f.line, 10000);
	cap_close(&f);
	import_free(c);
	free(text);
	state_dir_remove(&d);
}

static void test_empty_is_missing(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	char buf[8], path[32];
	struct cap_empty empty = { 0 };
	state_dir_make(&d, NULL);
	struct capture *c = state_capture(&d);
	struct cap_empty *own = c->empty;
	for (unsigned i = 0; i < CAP_EMPTY_MAX + 3; i++) {
		snprintf(path, sizeof(path), "sys/%u/empty", i);
		state_dir_write(&d, path, "");
		c->empty = NULL; /* nobody counts */
		assert_int_equal(cap_first_line(c, path, buf, sizeof(buf), &why), -ENOENT);
		c->empty = &empty;
		assert_int_equal(cap_first_line(c, path, buf, sizeof(buf), &why), -ENOENT);
		if (i < CAP_EMPTY_MAX) /* asked for twice it is still one file */
			assert_int_equal(cap_first_line(c, path, buf, sizeof(buf), &why), -ENOENT);
	}
	assert_int_equal(empty.nr, CAP_EMPTY_MAX + 3);
	cap_note_empty(c);
	assert_int_equal(c->nr_notes, CAP_EMPTY_MAX + 1);
	assert_string_equal(c->note[1].text, "sys/1/empty: empty; taken as not there");
	assert_string_equal(c->note[CAP_EMPTY_MAX].text, "3 more files are empty");
	c->empty = own;
	import_free(c);
	state_dir_remove(&d);
}

static void test_first_line(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	char buf[8] = "before";
	state_dir_make(&d, NULL);
	struct capture *c = state_capture(&d);
	state_dir_write(&d, "sys/a", "0-3 \nmore\n");
	state_dir_write(&d, "sys/blank", "\n");
	state_dir_write(&d, "sys/long", "12345678\n");
	assert_int_equal(cap_first_line(c, "sys/a", buf, sizeof(buf), &why), 0);
	assert_string_equal(buf, "0-3");
	assert_int_equal(cap_first_line(c, "sys/blank", buf, sizeof(buf), &why), 0);
	assert_string_equal(buf, "");
	assert_int_equal(cap_first_line(c, "sys/none", buf, sizeof(buf), &why), -ENOENT);
	assert_int_equal(cap_first_line(c, "sys/long", buf, sizeof(buf), &why), -EINVAL);
	assert_non_null(strstr(why.text, "sys/long:1: the line is too long"));
	import_free(c);
	state_dir_remove(&d);
}

static void test_ranges_join(void **state)
{
	(void)state;
	struct pfn_ranges r = { 0 };
	assert_int_equal(pfn_ranges_add(&r, 1, 5), 0);
	assert_int_equal(pfn_ranges_add(&r, 5, 9), 0);
	assert_int_equal(pfn_ranges_add(&r, 20, 20), 0);
	for (unsigned i = 1; i < 40; i++)
		assert_int_equal(pfn_ranges_add(&r, i * 100, i * 100 + 1), 0);
	assert_int_equal(r.nr, 40);
	assert_int_equal(r.r[0].end, 9);
	assert_int_equal(pfn_ranges_pages(&r), 8 + 39);
	pfn_ranges_fini(&r);
	assert_null(r.r);
}

static void test_notes_are_bounded(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, NULL);
	struct capture *c = state_capture(&d);
	for (unsigned i = 0; i < CAP_NOTES_MAX + 7; i++)
		cap_note(c, NOTE_GUESSED, "thing", "number %u", i);
	assert_int_equal(c->nr_notes, CAP_NOTES_MAX);
	assert_int_equal(c->notes_lost, 7);
	assert_string_equal(c->note[3].text, "number 3");
	import_free(c);
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_and_words),
		cmocka_unit_test(test_what_cannot_be_opened),
		cmocka_unit_test(test_long_file),
		cmocka_unit_test(test_empty_is_missing),
		cmocka_unit_test(test_first_line),
		cmocka_unit_test(test_ranges_join),
		cmocka_unit_test(test_notes_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
