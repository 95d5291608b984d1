/* SPDX-License-Identifier: MIT */
#include "run/place.h"

#include "run/binds.h"
#include "support/fake_machine.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
	*state = fake_machine_make();
	return 0;
}

static int teardown(void **state)
{
	fake_machine_remove(*state);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* In a process with a namespace of its own: 0, or the number of the first check that fails. */
static int inside(const char *root, int (*check)(const char *root))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		struct why why = { "" };
		_exit(namespace_enter(&why) ? 99 : check(root));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool is_dir(const char *root, const char *path)
{
	char full[PATH_MAX];
	struct stat st;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	return !lstat(full, &st) && S_ISDIR(st.st_mode);
}

static bool reads(const char *root, const char *path, const char *want)
{
	char buf[64];

	return !strcmp(fake_machine_read(root, path, buf, sizeof(buf)), want);
}

static int makes(const char *root)
{
	char link[PATH_MAX], target[64];

	if (place_make(root, "sys/firmware/dmi/tables"))
		return 1;
	if (!is_dir(root, "sys/firmware/dmi/tables"))
		return 2;
	if (!reads(root, "sys/firmware/acpi/tables/DSDT", "dsdt") || !reads(root, "sys/firmware/fdt", "tree"))
		return 3; /* what was beside it */
	snprintf(link, sizeof(link), "%s/sys/firmware/link", root);
	ssize_t n = readlink(link, target, sizeof(target));
	if (n != 3 || memcmp(target, "fdt", 3))
		return 4;
	if (place_make(root, "sys/firmware/dmi/tables")) /* it is there now */
		return 5;
	return reads(root, "sys/kernel/notes", "notes") ? 0 : 6;
}

static void test_beside_others(void **state)
{
	char link[PATH_MAX];
	const char *root = *state;

	if (!host_has_namespaces())
		return;
	fake_machine_file(root, "sys/firmware/acpi/tables/DSDT", "dsdt");
	fake_machine_file(root, "sys/firmware/fdt", "tree");
	fake_machine_file(root, "sys/kernel/notes", "notes");
	snprintf(link, sizeof(link), "%s/sys/firmware/link", root);
	assert_int_equal(symlink("fdt", link), 0);
	assert_int_equal(inside(root, makes), 0);
	assert_false(is_dir(root, "sys/firmware/dmi")); /* nobody else sees it */
	assert_true(reads(root, "sys/firmware/fdt", "tree"));
}

static int makes_the_last_name(const char *root)
{
	if (place_make(root, "sys/firmware/dmi/tables"))
		return 1;
	return is_dir(root, "sys/firmware/dmi/tables") && is_dir(root, "sys/firmware/dmi/id") ? 0 : 2;
}

static void test_only_the_last_is_missing(void **state)
{
	if (!host_has_namespaces())
		return;
	fake_machine_dir(*state, "sys/firmware/dmi/id");
	assert_int_equal(inside(*state, makes_the_last_name), 0);
}

static void test_there_already(void **state)
{
	fake_machine_dir(*state, "sys/firmware/dmi/tables");
	assert_int_equal(place_make(*state, "sys/firmware/dmi/tables"), 0); /* without a namespace, too */
}

/* All of sys is too much to cover. */
static void test_too_much_is_missing(void **state)
{
	assert_int_equal(place_make(*state, "sys/firmware/dmi/tables"), -ENOENT);
	fake_machine_dir(*state, "sys/kernel");
	assert_int_equal(place_make(*state, "sys/firmware/dmi/tables"), -ENOENT);
}

static int binds(const char *root)
{
	char machine[PATH_MAX];
	struct why why = { "" };

	snprintf(machine, sizeof(machine), "%s/machine", root);
	if (binds_make(machine, root, false, &why))
		return 1;
	return reads(root, "sys/firmware/dmi/tables/DMI", "table") && is_dir(root, "sys/firmware/acpi")
		       ? 0
		       : 2;
}

static void test_binds_there(void **state)
{
	if (!host_has_namespaces())
		return;
	fake_machine_dir(*state, "sys/firmware/acpi");
	fake_machine_file(*state, "machine/sys/firmware/dmi/tables/DMI", "table");
	assert_int_equal(inside(*state, binds), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_beside_others), TEST(test_only_the_last_is_missing),
		TEST(test_there_already), TEST(test_too_much_is_missing),
		TEST(test_binds_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
