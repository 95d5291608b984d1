/* SPDX-License-Identifier: MIT */
/* The tree as a whole: up and down, the gate, and which CPU works for whom. */

#include "base/caller.h"
#include "support/file_fixture.h"

#include <pthread.h>

static void test_entered(void **state)
{
	struct file_fixture *x = *state;
	assert_true(files_entered(x->files));
	files_leave(x->files);
	assert_false(files_entered(x->files));
	assert_int_equal(pthread_rwlock_trywrlock(&x->files->gate), 0);
	assert_false(files_try_enter(x->files));
	assert_false(files_entered(x->files));
	pthread_rwlock_unlock(&x->files->gate);
	assert_true(files_try_enter(x->files));
	assert_true(files_entered(x->files));
}

static unsigned cpu_now(struct file_fixture *x)
{
	files_leave(x->files);
	files_enter(x->files);
	return files_cpu(x->files)->id;
}

/* A caller's number picks a CPU, so callers spread; a task has its own. */
static void test_cpu_of_caller(void **state)
{
	struct file_fixture *x = *state;
	const struct caller before = caller_set((struct caller){ .pid = 5, .name = "five" });
	assert_int_equal(cpu_now(x), 1);
	caller_set((struct caller){ .pid = getpid(), .name = "self" });
	assert_int_equal(cpu_now(x), (unsigned)getpid() % 4);

	char self[16];
	snprintf(self, sizeof(self), "%d", (int)getpid());
	struct task *t = make_task(x->f, "a");
	unsigned other = ((unsigned)getpid() + 1) % 4;
	char cpu[2] = { (char)('0' + other), '\0' };
	assert_write(t, "cpu", cpu);
	assert_write(t, "procs", self);
	assert_int_equal(cpu_now(x), other);
	cpu[0] = (char)('0' + (other + 1) % 4);
	assert_write(t, "cpu", cpu);
	assert_int_equal(cpu_now(x), (other + 1) % 4);
	end_task(x->f, t);
	assert_int_equal(cpu_now(x), (unsigned)getpid() % 4);
	caller_set(before);
}

static void test_deterministic_has_one_cpu(void **state)
{
	struct file_fixture *x = *state;
	const struct caller before = caller_set((struct caller){ .pid = 5, .name = "five" });
	assert_int_equal(cpu_now(x), 0);
	caller_set(before);
}

/* Everything that is dirty has reached the source when files/ has gone. */
static void test_written_at_the_end(void **state)
{
	struct file_fixture *x = file_fixture_boot(false);
	char path[128], text[8] = "";
	(void)state;
	struct file_inode *i = create(x->root, "a");
	assert_int_equal(file_write(i, "text", 4, 0), 4);
	close_file(i);
	strcpy(path, source_path(x, "a"));
	file_put(x->root);
	files_leave(x->files);
	files_fini(x->files);
	int fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, text, sizeof(text)), 4);
	assert_string_equal(text, "text");
	close(fd);
	assert_verified(x->vm);
	assert_int_equal(node_sum(x->vm, NR_FILE_PAGES), 0);
	files_fini(x->files); /* again does nothing */
	fixture_end(x->f);
	assert_int_equal(nftw(x->dir, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(x);
}

/* Objects are back when it has gone, whatever is known and held. */
static void test_objects_are_back(void **state)
{
	(void)state;
	struct file_fixture *x = file_fixture_boot(true);
	uint64_t names = own_count(x->vm, OWN_NAME), inodes = own_count(x->vm, OWN_SHMEM_INODE);
	char name[16];
	for (unsigned n = 0; n < 100; n++) {
		snprintf(name, sizeof(name), "f%u", n);
		struct file_inode *i = create(x->root, name);
		file_known(i);
		assert_int_equal(file_write(i, name, 4, 0), 4);
	}
	files_leave(x->files);
	files_fini(x->files);
	assert_in_range(own_count(x->vm, OWN_NAME), 0, names);
	assert_in_range(own_count(x->vm, OWN_SHMEM_INODE), 0, inodes);
	assert_int_equal(node_sum(x->vm, NR_SHMEM), 0);
	fixture_end(x->f);
	free(x);
}

static void test_bad_source(void **state)
{
	struct file_fixture *x = *state;
	struct files f;
	struct why why = { "" };
	const struct files_config c = { .source = "/nonexistent/source" };
	assert_int_equal(files_init(&f, x->vm, &c, &why), -ENOENT);
	assert_null(f.vm);
	assert_true(*why.text);
	files_fini(&f);
}

static int setup_threads(void **state)
{
	*state = file_fixture_boot_as(true, false);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST_MEMORY(test_entered),
		cmocka_unit_test_setup_teardown(test_cpu_of_caller, setup_threads, file_fixture_teardown),
		FILE_TEST_MEMORY(test_deterministic_has_one_cpu),
		cmocka_unit_test(test_written_at_the_end),
		cmocka_unit_test(test_objects_are_back),
		FILE_TEST_MEMORY(test_bad_source),
	};
	return cmocka_run_group_tests_name("vm/files", tests, NULL, NULL);
}
