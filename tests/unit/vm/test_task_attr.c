/* SPDX-License-Identifier: MIT */
#include "support/vm_fixture.h"

static void test_the_files_of_a_task(void **state)
{
	static const struct {
		const char *name;
		mode_t mode;
	} rows[] = { { "anon", 0644 },    { "mem", 0600 },           { "file", 0644 },
		     { "pages", 0644 },   { "slab", 0644 },          { "kmalloc", 0644 },
		     { "hugetlb", 0644 }, { "mempolicy", 0644 },     { "cpu", 0644 },
		     { "procs", 0644 },   { "oom_score_adj", 0644 }, { "pid", 0444 },
		     { "events", 0444 } };
	(void)state;
	assert_int_equal(nr_task_attrs, ARRAY_LEN(rows));
	for (unsigned i = 0; i < nr_task_attrs; i++) {
		const struct task_attr *a = &task_attr_table[i];
		assert_string_equal(a->name, rows[i].name);
		assert_int_equal(a->mode, rows[i].mode);
		assert_int_equal(a->is_mem, !strcmp(a->name, "mem"));
		assert_int_equal(!!a->show, !a->is_mem);
		assert_int_equal(!!a->store, !a->is_mem && (a->mode & 0200));
	}
}

static void test_a_fresh_task(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_attr(t, "anon", "0\n");
	assert_attr(t, "file", "0\n");
	assert_attr(t, "pages", "");
	assert_attr(t, "hugetlb", "");
	assert_attr(t, "mempolicy", "default\n");
	assert_attr(t, "cpu", "0\n");
	assert_attr(t, "procs", "");
	assert_attr(t, "pid", "2\n");
	assert_attr(t, "events", "alloc_fail 0\noom_kill 0\n");
	end_task(f, t);
}

static void test_lines(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "anon", ""); /* nothing changes */
	assert_write(t, "anon", "\n");
	assert_write(t, "anon", " \t\n\n");
	assert_attr(t, "anon", "0\n");
	assert_write(t, "anon", "8k"); /* with or without newline, with blanks around */
	assert_write(t, "anon", "+4k\n+4k");
	assert_write(t, "anon", "  +4k\t\n");
	assert_attr(t, "anon", "20480\n");
	assert_int_equal(write_attr(t, "anon", "+4k\n+4k\nx\n+4k\n"), 8); /* up to the bad one */
	assert_attr(t, "anon", "28672\n");
	assert_int_equal(write_attr(t, "anon", "\nx\n"), 1);
	end_task(f, t);
}

static void test_garbage_changes_nothing(void **state)
{
	static const char *const garbage[] = { "x",
					       "1 2",
					       "1.5M",
					       "+",
					       "-",
					       "--1",
					       "+-1",
					       "0x1000",
					       "1MM",
					       "1P",
					       "M",
					       "max",
					       "18446744073709551616",
					       "1\r",
					       "\xff",
					       "1,000",
					       "-1" };
	static const char *const names[] = { "anon",  "file", "cpu",     "hugetlb",
					     "pages", "slab", "kmalloc", "procs" };
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct free_state before = free_state(&f->vm);
	for (size_t n = 0; n < ARRAY_LEN(names); n++)
		for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
			if (!strcmp(names[n], "procs") && !strcmp(garbage[i], "-1"))
				continue; /* a number that is not there: ESRCH */
			if (!strcmp(names[n], "kmalloc") && !strcmp(garbage[i], "1 2"))
				continue; /* a byte, twice */
			assert_write_fails(t, names[n], garbage[i], EINVAL);
		}
	assert_free_state(&f->vm, &before);
	assert_attr(t, "events", "alloc_fail 0\noom_kill 0\n");
	assert_attr(t, "cpu", "0\n");
	end_task(f, t);
}

static void test_bytes_that_are_no_text(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	static char buf[1 << 16];
	assert_int_equal(task_attr_write(t, attr("anon"), "4k\0", 3), -EINVAL);
	assert_int_equal(task_attr_write(t, attr("anon"), "4k\n\0", 4), 3);
	assert_attr(t, "anon", "4096\n");
	memset(buf, '1', sizeof(buf)); /* a line longer than any */
	assert_int_equal(task_attr_write(t, attr("anon"), buf, sizeof(buf)), -EINVAL);
	memset(buf, '\n', sizeof(buf));
	assert_int_equal(task_attr_write(t, attr("anon"), buf, sizeof(buf)), sizeof(buf));
	memset(buf, ' ', sizeof(buf));
	assert_int_equal(task_attr_write(t, attr("anon"), buf, sizeof(buf)), sizeof(buf));
	assert_attr(t, "anon", "4096\n");
	end_task(f, t);
}

static void test_files_that_are_only_read(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write_fails(t, "pid", "5", EACCES);
	assert_write_fails(t, "events", "0", EACCES);
	assert_write_fails(t, "mem", "0", EACCES); /* its bytes are task_mem_write's business */
	end_task(f, t);
}

static void test_cpu(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "cpu", "3\n");
	assert_attr(t, "cpu", "3\n");
	assert_write_fails(t, "cpu", "4", EINVAL);
	assert_write_fails(t, "cpu", "+1", EINVAL);
	assert_write_fails(t, "cpu", "8192", EINVAL);
	assert_write_fails(t, "cpu", "4294967296", EINVAL);
	assert_attr(t, "cpu", "3\n");
	end_task(f, t);
}

static void test_usage(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct task_usage u;
	assert_write(t, "anon", "1M");
	assert_write(t, "file", "2M");
	assert_write(t, "pages", "4 GFP_KERNEL 3\n0 GFP_ATOMIC 1");
	task_usage(t, &u);
	assert_int_equal(u.anon_pages, 256);
	assert_int_equal(u.file_pages, 512);
	assert_int_equal(u.block_pages, 49);
	assert_int_equal(u.hugetlb_pages, 0);
	end_task(f, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_files_of_a_task),
		TEST(test_a_fresh_task),
		TEST(test_lines),
		TEST(test_garbage_changes_nothing),
		TEST(test_bytes_that_are_no_text),
		TEST(test_files_that_are_only_read),
		TEST(test_cpu),
		TEST(test_usage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
