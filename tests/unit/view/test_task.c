/* SPDX-License-Identifier: MIT */
#include "support/knob_fixture.h"
#include "view/views.h"

static struct vm *vm;

static int setup(void **state)
{
	(void)state;
	vm = vm_two_nodes();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vm_release(vm);
	return 0;
}

static void hold(struct task *t, const char *attr, const char *what)
{
	for (unsigned i = 0; i < nr_task_attrs; i++)
		if (!strcmp(task_attr_table[i].name, attr))
			assert_int_equal(task_attr_write(t, &task_attr_table[i], what, strlen(what)),
					 strlen(what));
}

static void expect(struct task *task, void (*render)(struct text *t, struct task *task), const char *want)
{
	struct text t;
	text_init(&t, 0);
	render(&t, task);
	assert_string_equal(text_cstr(&t), want);
	text_fini(&t);
}

static void test_what_it_holds(void **state)
{
	(void)state;
	struct task *t;
	char want[2048];
	assert_int_equal(knob_echo(vm, "proc/sys/vm/nr_hugepages", "4"), 1);
	assert_int_equal(task_create(vm, "worker", 1000, 100, &t), 0);
	hold(t, "anon", "12M");
	hold(t, "file", "3M");
	hold(t, "pages", "2 GFP_KERNEL 10");
	hold(t, "hugetlb", "2M 2");
	snprintf(want, sizeof(want),
		 "Name:\tworker\nState:\tS (sleeping)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t0\nTracerPid:\t0\n"
		 "Uid:\t1000\t1000\t1000\t1000\nGid:\t100\t100\t100\t100\n"
		 "VmSize:\t   16384 kB\nVmLck:\t       0 kB\nVmPin:\t       0 kB\nVmRSS:\t   12288 kB\n"
		 "RssAnon:\t   12288 kB\nRssFile:\t       0 kB\nRssShmem:\t       0 kB\nVmData:\t   16384 kB\n"
		 "VmStk:\t       0 kB\nVmExe:\t       0 kB\nVmLib:\t       0 kB\nVmPTE:\t      28 kB\n"
		 "VmSwap:\t       0 kB\nHugetlbPages:\t    4096 kB\n",
		 t->pid, t->pid);
	expect(t, view_task_status, want);
	expect(t, view_task_statm, "4096 3072 0 0 0 4096 0\n");
	expect(t, view_task_comm, "worker\n");
	snprintf(want, sizeof(want), "%lu\n", (1000 + (3072 + 7) * 1000ul / vm->total_pages) * 2 / 3);
	expect(t, view_task_oom_score, want);
	expect(t, view_task_oom_score_adj, "0\n");
	hold(t, "oom_score_adj", "17");
	expect(t, view_task_oom_score_adj, "17\n");
	assert_int_equal(task_remove(vm, "worker"), 0);
	task_put(t);
}

/* 15 bytes are a name; what would break a line of status is escaped there only. */
static void test_names(void **state)
{
	(void)state;
	struct task *t;
	struct text out;
	assert_int_equal(task_create(vm, "a\nb\\c 890123456789", 0, 0, &t), 0);
	expect(t, view_task_comm, "a\nb\\c 890123456\n");
	text_init(&out, 0);
	view_task_status(&out, t);
	const char *want = "Name:\ta\\nb\\\\c 890123456\nState:";
	assert_memory_equal(text_cstr(&out), want, strlen(want));
	text_fini(&out);
	assert_int_equal(task_remove(vm, t->name), 0);
	task_put(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_holds),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
