/* SPDX-License-Identifier: MIT */
#ifndef HUGE_FIXTURE_H
#define HUGE_FIXTURE_H

/* A machine with a pool of POOL huge pages, and what is asked of the files made of them. */

#include "support/vm_fixture.h"
#include "vm/hugetlbfs_private.h"
#include "vm/vm_verify.h"

#include <fcntl.h>
#include <stdio.h>

#define HUGE (2ul << 20)
#define POOL 8

static inline struct hugetlbfs *hfs(struct fixture *f)
{
	return &f->vm.hugetlbfs;
}

static inline int setup(void **state)
{
	struct fixture *f = fixture_boot();
	*state = f;
	assert_int_equal(hugetlb_resize(&f->vm.policy, f->vm.hugetlb, POOL, -1), POOL);
	hugetlbfs_enter(hfs(f));
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	hugetlbfs_leave(hfs(f));
	fixture_end(f);
	return 0;
}

static inline struct huge_inode *root(struct fixture *f)
{
	struct huge_inode *i;
	assert_int_equal(huge_root(hfs(f), 0, &i), 0);
	huge_put(i); /* it stays */
	return i;
}

static inline struct huge_inode *make(struct huge_inode *dir, const char *name, mode_t mode)
{
	const struct huge_making m = { .mode = mode, .who = { 10, 20 } };
	struct huge_inode *i;
	assert_int_equal(huge_make(dir, name, &m, &i), 0);
	return i;
}

static inline void verified(struct fixture *f)
{
	struct text t;
	text_init(&t, 0);
	hugetlbfs_leave(hfs(f));
	if (vm_verify(&f->vm, &t))
		fail_msg("%s", text_cstr(&t));
	hugetlbfs_enter(hfs(f));
	text_fini(&t);
}

static inline void assert_pool(struct fixture *f, uint64_t nr_free, uint64_t promised)
{
	assert_int_equal(f->vm.hugetlb->nr_free, nr_free);
	assert_int_equal(f->vm.hugetlb->nr_reserved, promised);
	verified(f);
}

static inline void assert_bytes(struct huge_inode *i, uint64_t offset, const char *want, size_t len)
{
	struct huge_read r;
	char *got = malloc(len + 1);
	size_t at = 0;
	huge_read_begin(i, len, offset, &r);
	assert_int_equal(r.len, len);
	for (unsigned k = 0; k < r.nr; k++) {
		memcpy(got + at, r.iov[k].iov_base, r.iov[k].iov_len);
		at += r.iov[k].iov_len;
	}
	huge_read_end(&r);
	assert_int_equal(at, len);
	assert_memory_equal(got, want, len);
	free(got);
}

static inline void assert_pfns(struct huge_inode *i, const char *holes)
{
	struct text t;
	text_init(&t, 0);
	assert_int_equal(huge_pfns(i, &t), 0);
	char *copy = strdup(text_cstr(&t)), *rest = NULL;
	size_t k = 0;
	for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest), k++) {
		assert_int_equal(strcmp(w, "-") == 0, holes[k] == '-');
		if (holes[k] != '-')
			assert_int_equal(strtoul(w, NULL, 10) % 512, 0);
	}
	assert_int_equal(k, strlen(holes));
	free(copy);
	text_fini(&t);
}

#endif
