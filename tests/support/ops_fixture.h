/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_OPS_FIXTURE_H
#define SUPPORT_OPS_FIXTURE_H

/* A tree that answers requests: for tests of the callbacks and their threads. */

#include "support/fake_kernel.h"
#include "support/fs_fixture.h"

struct ops_fixture {
	struct fs_fixture *fs;
	struct fake_kernel *k;
};

static inline int ops_setup(void **state)
{
	struct ops_fixture *f = calloc(1, sizeof(*f));
	void *fs;

	assert_non_null(f);
	fs_setup(&fs);
	f->fs = fs;
	f->k = fake_kernel_start(&f->fs->fs, &(struct loop_options){ .workers = 2 });
	*state = f;
	return 0;
}

static inline int ops_teardown(void **state)
{
	struct ops_fixture *f = *state;
	void *fs = f->fs;

	fake_kernel_stop(f->k);
	fs_teardown(&fs);
	free(f);
	return 0;
}

#define OPS_TEST(name) cmocka_unit_test_setup_teardown(name, ops_setup, ops_teardown)

/* The number of a path that is there. */
static inline uint64_t node_of(struct ops_fixture *f, const char *path)
{
	struct fuse_entry_out e;

	if (ask_walk(f->k, path, &e))
		fail_msg("%s is missing", path);
	return e.nodeid;
}

#endif
