/* SPDX-License-Identifier: MIT */
#include "support/knob_fixture.h"
#include "view/views.h"

static void hold(struct task *t, const char *attr, const char *what)
{
	const struct task_attr *a = task_attr_find(attr);
	assert_non_null(a);
	assert_int_equal(task_attr_write(t, a, what, strlen(what)), strlen(what));
}

static void expect(struct task *task, const char *want)
{
	struct text t;
	text_init(&t, 0);
	view_task_numa_maps(&t, task);
	assert_string_equal(text_cstr(&t), want);
	text_fini(&t);
}

static struct task *make(struct vm *vm)
{
	struct task *t;
	assert_int_equal(task_create(vm, "worker", 0, 0, &t), 0);
	return t;
}

static void end(struct vm *vm, struct task *t)
{
	assert_int_equal(task_remove(vm, "worker"), 0);
	task_put(t);
	vm_release(vm);
}

static void test_lines(void **state)
{
	(void)state;
	struct vm *vm = vm_two_nodes();
	struct task *t = make(vm);
	expect(t, "");
	hold(t, "anon", "8M");
	expect(t, "200000000000 default anon=2048 dirty=2048 active=0 N0=2048 kernelpagesize_kB=4\n");
	hold(t, "mempolicy", "interleave:0-1");
	hold(t, "anon", "12M");
	expect(t, "200000000000 interleave:0-1 anon=3072 dirty=3072 active=0 N0=2560 N1=512 kernelpagesize_kB=4\n");
	hold(t, "mempolicy", "preferred:1");
	hold(t, "anon", "4k");
	assert_int_equal(knob_echo(vm, "proc/sys/vm/nr_hugepages", "8"), 1);
	hold(t, "hugetlb", "2M 5");
	expect(t, "200000000000 prefer:1 anon=1 dirty=1 active=0 N0=1 kernelpagesize_kB=4\n"
		  "400000000000 prefer:1 file=/anon_hugepage\\040(deleted) huge anon=5 dirty=5 N0=1 N1=4 "
		  "kernelpagesize_kB=2048\n");
	hold(t, "anon", "0");
	hold(t, "mempolicy", "local");
	hold(t, "hugetlb", "2M 0");
	hold(t, "hugetlb", "2M 3 0"); /* mapped and not touched */
	expect(t, "400000000000 local file=/anon_hugepage\\040(deleted) huge\n");
	end(vm, t);
}

/* Addresses of a process of 32 bits, huge pages of 4 MiB. */
static void test_32bit(void **state)
{
	(void)state;
	struct vm *vm = vm_32bit();
	struct task *t = make(vm);
	hold(t, "mempolicy", "bind:0");
	hold(t, "anon", "8k");
	assert_int_equal(knob_echo(vm, "proc/sys/vm/nr_hugepages", "2"), 1);
	hold(t, "hugetlb", "4M 1");
	expect(t, "40000000 bind:0 anon=2 dirty=2 active=0 N0=2 kernelpagesize_kB=4\n"
		  "80000000 bind:0 file=/anon_hugepage\\040(deleted) huge anon=1 dirty=1 N0=1 kernelpagesize_kB=4096\n");
	end(vm, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines), cmocka_unit_test(test_32bit) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
