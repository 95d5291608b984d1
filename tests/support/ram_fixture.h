/* SPDX-License-Identifier: MIT */
#ifndef RAM_FIXTURE_H
#define RAM_FIXTURE_H

/* The store in memory below a fake tree, of a machine with RAM_PAGES or ten times as many pages. */

#include "support/source_dir.h"

#include "support/fake_tree.h"

#include "base/log.h"
#include "vm/memory_store.h"
#include "vm/vm.h"

#define RAM_PAGES 1000u

struct ram {
	struct fake_tree tree;
	struct vm vm;
	struct memory *memory;
	struct file_inode *root;
	const struct file_store_ops *store;
};

static inline int ram_setup_with(void **state, uint64_t pages)
{
	struct ram *r = calloc(1, sizeof(*r));
	struct why why = { 0 };
	r->vm.machine.managed_pages = pages;
	fake_tree_init(&r->tree, &r->vm);
	assert_int_equal(memory_store_init(&r->tree.files, &why), 0);
	r->memory = r->tree.files.store_ctx;
	r->store = r->tree.files.store;
	r->root = tree_root(&r->tree);
	*state = r;
	return 0;
}

static inline int ram_setup(void **state)
{
	return ram_setup_with(state, RAM_PAGES);
}

static inline int ram_setup_large(void **state)
{
	return ram_setup_with(state, 10ul * RAM_PAGES);
}

static inline int ram_teardown(void **state)
{
	struct ram *r = *state;
	fake_tree_fini(&r->tree);
	free(r);
	return 0;
}

#define RAM(name) cmocka_unit_test_setup_teardown(name, ram_setup, ram_teardown)
#define RAM_LARGE(name) cmocka_unit_test_setup_teardown(name, ram_setup_large, ram_teardown)

#endif
