/* SPDX-License-Identifier: MIT */
#include "support/record_fixture.h"
#include "vm/hugetlbfs_private.h"
#include "vm/vm_verify.h"

#define HUGE (2ul << 20)

static struct huge_inode *make(struct huge_inode *dir, const char *name, mode_t mode, const char *target)
{
	const struct huge_making m = { .mode = mode, .target = target, .who = { 1, 2 } };
	struct huge_inode *i;
	assert_int_equal(huge_make(dir, name, &m, &i), 0);
	return i;
}

/* A directory, a file with a page, a promise and a hole, two links of it, a symbolic link, and a file without a name. */
static void populate(struct fixture *f)
{
	struct hugetlbfs *h = &f->vm.hugetlbfs;
	struct huge_inode *root, *d, *a, *gone;
	assert_int_equal(hugetlb_resize(&f->vm.policy, f->vm.hugetlb, 6, -1), 6);
	hugetlbfs_enter(h);
	assert_int_equal(huge_root(h, 0, &root), 0);
	d = make(root, "a directory", S_IFDIR | 0711, NULL);
	a = make(d, "a", S_IFREG | 0640, NULL);
	assert_int_equal(huge_truncate(a, 2 * HUGE), 0);
	assert_int_equal(huge_write(a, "bytes", 5, HUGE + 8000), 5);
	assert_int_equal(huge_write(a, "more", 4, 5 * HUGE), 4);
	assert_int_equal(huge_link(a, root, "b"), 0);
	huge_put(make(root, "l", S_IFLNK | 0777, "somewhere else"));
	gone = make(root, "gone", S_IFREG | 0600, NULL);
	assert_int_equal(huge_write(gone, "x", 1, 0), 1);
	huge_open(gone);
	assert_int_equal(huge_unlink(root, "gone", false), 0);
	huge_put(gone);
	huge_put(a);
	huge_put(d);
	huge_put(root);
	hugetlbfs_leave(h);
}

static void test_comes_back(void **state)
{
	struct fixture *f = *state;
	struct region region;
	populate(f);
	char *record = record_of(&f->vm);
	reborn_region(&region);
	struct reborn *r = reborn_of(record, &region);
	char *again = record_of(&r->vm);
	assert_string_equal(record, again);

	struct hugetlbfs *h = &r->vm.hugetlbfs;
	struct huge_inode *root, *d, *a;
	hugetlbfs_enter(h);
	assert_int_equal(huge_root(h, 0, &root), 0);
	assert_int_equal(root->attr.nlink, 3);
	assert_int_equal(huge_lookup(root, "a directory", &d), 0);
	assert_int_equal(huge_lookup(d, "a", &a), 0);
	assert_int_equal(a->attr.nlink, 2);
	assert_int_equal(a->nr_pages, 2);
	assert_int_equal(a->nr_promised, 1);
	assert_int_equal(record_huge_content(&r->vm, a->id, HUGE + 8000, "bytes", 5), 0);
	assert_int_equal(record_huge_content(&r->vm, a->id, 3 * HUGE, "bytes", 5), -EINVAL);
	assert_int_equal(record_huge_content(&r->vm, d->id, 0, "bytes", 5), -EINVAL);
	assert_int_equal(record_huge_content(&r->vm, 999, 0, "bytes", 5), -EINVAL);
	struct huge_read got;
	huge_read_begin(a, 5, HUGE + 8000, &got);
	assert_memory_equal(got.iov[0].iov_base, "bytes", 5);
	huge_read_end(&got);
	huge_put(a);
	huge_put(d);
	huge_put(root);
	hugetlbfs_leave(h);

	assert_int_equal(r->vm.hugetlb->nr_free, 3);
	hugetlbfs_start(h); /* nobody has the third file open any more */
	assert_int_equal(r->vm.hugetlb->nr_free, 4);
	struct text t;
	text_init(&t, 0);
	assert_int_equal(vm_verify(&r->vm, &t), 0);
	text_fini(&t);
	reborn_end(r);
	region_close(&region);
	free(record);
	free(again);
}

/* One line changed: refused, and nothing is left over. */
static void assert_refused(const char *record, const char *from, const char *to)
{
	struct reborn r;
	struct why why = { "" };
	const char *at = strstr(record, from);
	if (!at)
		fail_msg("the record has no \"%s\"", from);
	size_t size = strlen(record) + strlen(to) + 1;
	char *changed = calloc(1, size);
	snprintf(changed, size, "%.*s%s%s", (int)(at - record), record, to, at + strlen(from));
	if (!reborn_boot(&r, changed, NULL, &why))
		fail_msg("taken with \"%s\" for \"%s\"", to, from);
	assert_true(*why.text);
	if (r.booted)
		vm_shutdown(&r.vm);
	free(changed);
}

static void test_refuses(void **state)
{
	struct fixture *f = *state;
	populate(f);
	struct task *t = make_task(f, "t");
	assert_write(t, "hugetlb", "2M 1 0");
	task_put(t);
	char *record = record_of(&f->vm);
	assert_refused(record, "nr_reserved=2", "nr_reserved=1"); /* one of the file, one of the task */
	assert_refused(record, "huge_mapped=1", "huge_mapped=1,1"); /* of a size that is not there */
	assert_refused(record, "huge_inode 2 mount=0", "huge_inode 2 mount=1");
	assert_refused(record, "huge_inode 2 ", "huge_inode 1 ");
	assert_refused(record, "huge_inode 2 ", "huge_inode 0 ");
	assert_refused(record, "huge_name 1 ", "huge_name 9 ");
	assert_refused(record, "huge_name 1 2 ", "huge_name 2 2 ");
	assert_refused(record, "a%20directory", "a%2fdirectory");
	assert_refused(record, "a%20directory", "..");
	assert_refused(record, "huge_slots 3 ", "huge_slots 5 ");
	assert_refused(record, "huge_slots 3 ", "huge_slots 2 ");
	assert_refused(record, "huge_slots 3 0", "huge_slots 3 3");
	assert_refused(record, "attr.nlink=2", "attr.nlink=7");
	assert_refused(record, "huge_target 4 somewhere%20else\n", "");
	free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_comes_back, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_refuses, fixture_setup, fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
