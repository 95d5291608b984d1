/* SPDX-License-Identifier: MIT */
#include "support/file_fixture.h"

#include "vm/vm_verify.h"

#include <string.h>

/* What either part finds is found, by name, and nothing when all is well. */
static void test_both_parts(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i;
	struct text found;

	assert_int_equal(file_create(x->root, "a", 0644, O_RDWR, &fixture_who, &i), 0);
	assert_int_equal(file_write(i, "some bytes", 10, 0), 10);
	files_leave(x->files);
	text_init(&found, 0);
	assert_int_equal(vm_verify(x->vm, &found), 0);
	assert_int_equal(found.len, 0);

	i->map.nr_pages++;
	assert_true(vm_verify(x->vm, &found) > 0);
	i->map.nr_pages--;
	text_reset(&found);
	struct zone *z = x->vm->machine.node[0].zonelist[0].zone;
	z->area[0].nr_free[MIGRATE_MOVABLE]++;
	assert_true(vm_verify(x->vm, &found) > 0);
	z->area[0].nr_free[MIGRATE_MOVABLE]--;
	assert_int_not_equal(found.len, 0);
	text_fini(&found);

	files_enter(x->files);
	file_release(i, O_RDWR);
	file_put(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = { FILE_TEST(test_both_parts) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
