/* SPDX-License-Identifier: MIT */
/* Targets and extended attributes in memory: found again, gone with their inode, and failing without a trace. */
#include "support/ram_fixture.h"

#include "base/fault.h"

#include <sys/xattr.h>

static void test_many_targets(void **state)
{
	struct ram *r = *state;
	static struct file_inode *link[1000];
	char name[16], target[16], buf[16];
	for (unsigned k = 0; k < 1000; k++) {
		snprintf(name, sizeof(name), "n%u", k);
		snprintf(target, sizeof(target), "to/%u", k);
		link[k] = tree_symlink(r->root, name, target);
	}
	assert_int_equal(r->memory->nr_extra, 1000);
	assert_true(r->memory->extra_size >= 512);
	for (unsigned k = 0; k < 1000; k++) {
		snprintf(target, sizeof(target), "to/%u", k);
		assert_int_equal(r->store->readlink(link[k], buf, sizeof(buf)), strlen(target));
		assert_memory_equal(buf, target, strlen(target));
	}
	for (unsigned k = 0; k < 1000; k += 2) {
		snprintf(name, sizeof(name), "n%u", k);
		assert_int_equal(tree_unlink(r->root, name, false), 0);
		tree_forget(&r->tree, link[k]);
	}
	assert_int_equal(r->memory->nr_extra, 500);
}

static void test_what_a_rename_replaces(void **state)
{
	struct ram *r = *state;
	struct file_inode *old = tree_symlink(r->root, "old", "a");
	tree_mkfile(r->root, "f");
	assert_int_equal(tree_rename(r->root, "f", r->root, "old", 0), 0);
	tree_forget(&r->tree, old);
	assert_int_equal(r->memory->nr_extra, 0);
}

static void test_limits_of_extended_attributes(void **state)
{
	struct ram *r = *state;
	struct file_inode *f = tree_mkfile(r->root, "f");
	static char value[65537], name[300];
	assert_int_equal(r->store->setxattr(f, "user.x", "1", 1, 0), -EOPNOTSUPP); /* as tmpfs of 6.1 */
	assert_int_equal(r->store->getxattr(f, "user.x", value, 1), -EOPNOTSUPP);
	assert_int_equal(r->store->removexattr(f, "system.x"), -EOPNOTSUPP);
	assert_int_equal(r->store->setxattr(f, "security.x", value, 65537, 0), -E2BIG);
	assert_int_equal(r->store->setxattr(f, "security.x", value, 65536, 0), 0);
	assert_int_equal(r->store->getxattr(f, "security.x", value, 65536), 65536);
	memset(name, 'n', sizeof(name) - 1);
	memcpy(name, "trusted.", 8);
	assert_int_equal(r->store->setxattr(f, name, "1", 1, 0), -ERANGE);
	name[255] = '\0';
	assert_int_equal(r->store->setxattr(f, name, "1", 1, 0), 0);
	assert_int_equal(r->store->listxattr(f, NULL, 0), 11 + 256);
	assert_int_equal(tree_unlink(r->root, "f", false), 0);
	tree_forget(&r->tree, f);
	assert_int_equal(r->memory->nr_extra, 0);
}

/* Every allocation fails once: nothing is left behind, and then it works. */
static unsigned sweep(struct ram *r, int (*work)(struct ram *r))
{
	unsigned nth = 0;
	int error;
	uint64_t size = r->root->attr.size;
	do {
		fault_arm(FAULT_HOST_MALLOC, ++nth);
		error = work(r);
		bool fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		if (!fired)
			break;
		assert_true(error == -ENOMEM || error == 0); /* a table may stay as large as it was */
		if (error)
			assert_int_equal(r->root->attr.size, size);
	} while (error);
	assert_int_equal(error, 0);
	return nth;
}

static int symlink_once(struct ram *r)
{
	struct file_attr attr;
	const struct file_who who = { 0 };
	int error = r->store->symlink(r->root, "s", "t", &who, &attr);
	if (!error)
		r->root->attr.size -= 20;
	return error;
}

static int setxattr_once(struct ram *r)
{
	return r->store->setxattr(r->root, "trusted.x", "1", 1, 0);
}

static void test_without_memory(void **state)
{
	struct ram *r = *state;
	assert_true(sweep(r, symlink_once) >= 3);
	assert_true(sweep(r, setxattr_once) >= 4);
	char c;
	assert_int_equal(r->store->getxattr(r->root, "trusted.x", &c, 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RAM_LARGE(test_many_targets),
		RAM(test_what_a_rename_replaces),
		RAM(test_limits_of_extended_attributes),
		RAM(test_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
