/* SPDX-License-Identifier: MIT */
/* A state of our own: frames beside files, from a tar and from a directory. */
#include "daemon/boot.h"
#include "fs/state.h"
#include "support/state_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The state of an imported machine, written out below the directory. */
static void own_state(const struct state_dir *d, const char *from)
{
	const struct boot_options o = { .from = from, .no_region = true, .deterministic = true };
	const struct fs_options fo = { 0 };
	struct booted *b = calloc(1, sizeof(*b));
	struct fs *fs = calloc(1, sizeof(*fs));
	struct state s;
	struct why why = { "" };
	if (boot_machine(b, &o, &why))
		fail_msg("%s", why.text);
	assert_int_equal(fs_init(fs, &b->vm, &fo), 0);
	assert_int_equal(state_collect(&s, fs, STATE_FRAMES), 0);
	assert_int_equal(state_dump(&s, d->path, &why), 0);
	state_dir_write(d, STATE_FRAMES_PATH, text_cstr(&s.frames));
	state_fini(&s);
	fs_fini(fs);
	boot_fini(b);
	free(fs);
	free(b);
}

static int boot(const struct state_dir *d, struct why *why, char *report, size_t size)
{
	const struct boot_options o = { .from = d->path, .no_region = true, .deterministic = true };
	struct booted *b = calloc(1, sizeof(*b));
	why->text[0] = 0;
	int error = boot_machine(b, &o, why);
	if (!error)
		snprintf(report, size, "%s", text_cstr(&b->report));
	boot_fini(b);
	free(b);
	return error;
}

static void setup(struct state_dir *d, const char *capture)
{
	struct state_dir from;
	state_dir_make(&from, capture);
	state_dir_make(d, NULL);
	own_state(d, from.path);
	state_dir_remove(&from);
}

static void test_exact(void **state)
{
	(void)state;
	static const char *const captures[] = { "6.1.0-50-amd64-T3", "6.1.0-50-686-T7a",
						"6.1.0-50-amd64-T9" };
	for (unsigned i = 0; i < ARRAY_LEN(captures); i++) {
		struct state_dir d;
		struct why why;
		char report[512] = "";
		setup(&d, captures[i]);
		if (boot(&d, &why, report, sizeof(report)))
			fail_msg("%s", why.text);
		assert_non_null(strstr(report, "a state of ummfs: nothing missing, guessed or corrected"));
		state_dir_drop(&d, "proc"); /* the record is enough */
		assert_int_equal(boot(&d, &why, report, sizeof(report)), 0);
		state_dir_remove(&d);
	}
}

static void test_contradictions(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why;
	char report[512];
	setup(&d, "6.1.0-50-amd64-T3");
	state_dir_edit(&d, "proc/buddyinfo", "Node 1", "Node 2");
	assert_int_equal(boot(&d, &why, report, sizeof(report)), -EINVAL);
	assert_non_null(strstr(why.text, "/proc/buddyinfo:"));
	assert_non_null(strstr(why.text, "ummfs/frames says otherwise"));
	state_dir_drop(&d, "proc/buddyinfo");
	assert_int_equal(boot(&d, &why, report, sizeof(report)), 0);

	state_dir_edit(&d, "proc/sys/vm/min_free_kbytes", "0", "1");
	assert_int_equal(boot(&d, &why, report, sizeof(report)), -EINVAL);
	assert_non_null(strstr(why.text, "/proc/sys/vm/min_free_kbytes:1: "));
	state_dir_drop(&d, "proc/sys");

	state_dir_edit(&d, STATE_FRAMES_PATH, "\nend", "\nfin");
	assert_int_equal(boot(&d, &why, report, sizeof(report)), -EINVAL);
	assert_non_null(strstr(why.text, "/ummfs/frames:"));
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_exact),
					    cmocka_unit_test(test_contradictions) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
