/* SPDX-License-Identifier: MIT */
/* Which kernel a state is taken for: by proc/version, by its lines, and when the two do not agree. */
#include "support/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "Node 0, zone   Normal\n"
#define NODE "  per-node stats\n      nr_inactive_anon 0\n"
#define FREE "  pages free     100\n"
#define BOOST "        boost    0\n"
#define MARKS "        min      5\n        low      6\n        high     7\n"
#define PROMO "        promo    8\n"
#define SIZES                                                                                      \
	"        spanned  4096\n        present  4096\n        managed  4096\n  start_pfn: 4096\n"

#define LINES_3_10 HEAD FREE MARKS SIZES
#define LINES_5_10 HEAD NODE FREE MARKS SIZES
#define LINES_6_1 HEAD NODE FREE BOOST MARKS SIZES
#define LINES_6_12 HEAD NODE FREE BOOST MARKS PROMO SIZES

static void check(const char *version, const char *zoneinfo, enum kernel want, bool noted)
{
	struct state_dir d;
	struct why why = { "" };
	char text[128];
	state_dir_make(&d, NULL);
	state_dir_write(&d, "proc/zoneinfo", zoneinfo);
	if (version) {
		snprintf(text, sizeof(text), "Linux version %s (builder@host) #1 SMP\n", version);
		state_dir_write(&d, "proc/version", text);
	}
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_read_zoneinfo(c, &why), 0);
	assert_int_equal(cap_read_version(c, &why), 0);
	if (c->version->kernel != want)
		fail_msg("%s: taken as %s, not %s", version ? version : "no version",
			 c->version->name, kernel_versions[want].name);
	assert_int_equal(state_noted(c, NOTE_GUESSED, "kernel"), noted);
	import_free(c);
	state_dir_remove(&d);
}

static void test_named(void **state)
{
	(void)state;
	check("5.10.0-32-amd64", LINES_5_10, KERNEL_5_10, false);
	check("6.1.0-50-amd64", LINES_6_1, KERNEL_6_1, false);
	check("6.12.107+deb13-amd64", LINES_6_12, KERNEL_6_12, false);
	check("6.1.0", LINES_5_10, KERNEL_6_1, false); /* its own word counts */
	check("3.10.0-1160.el7.x86_64", LINES_3_10, KERNEL_3_10, false);
	check("2.6.32", LINES_3_10, KERNEL_3_10, true);
}

static void test_other_releases(void **state)
{
	(void)state;
	check("4.4.0", LINES_3_10, KERNEL_5_10, true); /* no line says so, but it is not that old */
	check("4.18.0-305.el8", LINES_5_10, KERNEL_5_10, true);
	check("5.15.0", LINES_6_1, KERNEL_6_1, true);
	check("6.8.0", LINES_6_1, KERNEL_6_1, true);
	check("6.14.0", LINES_6_12, KERNEL_6_12, true);
}

static void test_by_lines(void **state)
{
	(void)state;
	check(NULL, LINES_3_10, KERNEL_3_10, true);
	check(NULL, LINES_5_10, KERNEL_5_10, true);
	check(NULL, LINES_6_1, KERNEL_6_1, true);
	check(NULL, LINES_6_12, KERNEL_6_12, true);
	check("of something else", LINES_6_12, KERNEL_6_12, true);
}

/* A whole state: the machine is what the capture was, promo mark included. */
static void test_machine(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.12.107+deb13-amd64-T2");
	struct state_vm *s = state_boot(&d);
	const struct machine *m = &s->vm.machine;
	assert_int_equal(m->version->kernel, KERNEL_6_12);
	const struct zone *movable = m->node[0].zone[3];
	assert_int_equal(movable->watermark[WMARK_MIN], 32);
	assert_int_equal(movable->watermark[WMARK_PROMO], 32);
	FOR_EACH_POPULATED_ZONE(z, m)
		assert_int_equal(z->watermark[WMARK_PROMO], cap_zone_find(s->capture, 0, z->kind)->promo);
	state_end(s);
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_other_releases),
		cmocka_unit_test(test_by_lines),
		cmocka_unit_test(test_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
