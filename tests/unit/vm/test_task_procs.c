/* SPDX-License-Identifier: MIT */
#include "support/vm_fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t child(void)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		for (;;)
			pause();
	return pid;
}

static void child_end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void write_pid(struct task *t, const char *sign, pid_t pid, int error)
{
	char line[32];
	snprintf(line, sizeof(line), "%s%d\n", sign, (int)pid);
	assert_int_equal(write_attr(t, "procs", line), error ? -error : (int)strlen(line));
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	pid_t pid = child();
	char expected[64];

	assert_attr(t, "procs", "");
	write_pid(t, "", pid, 0);
	write_pid(t, "", pid, 0); /* twice is once */
	write_pid(t, "+", getpid(), 0);
	snprintf(expected, sizeof(expected), "%d\n%d\n", (int)pid, (int)getpid());
	assert_attr(t, "procs", expected);
	write_pid(t, "-", pid, 0);
	write_pid(t, "-", pid, ESRCH);
	snprintf(expected, sizeof(expected), "%d\n", (int)getpid());
	assert_attr(t, "procs", expected);
	write_pid(t, "-", getpid(), 0);
	procs_reap(&f->vm);
	assert_attr(t, "procs", ""); /* empty: it stays */
	child_end(pid);
	end_task(f, t);
}

static void test_only_live_processes(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	pid_t gone = child();
	child_end(gone);
	write_pid(t, "", gone, ESRCH);

	pid_t zombie = child();
	siginfo_t info;
	kill(zombie, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT), 0);
	write_pid(t, "", zombie, ESRCH);
	child_end(zombie);

	assert_write_fails(t, "procs", "0", EINVAL);
	assert_write_fails(t, "procs", "x", EINVAL);
	assert_write_fails(t, "procs", "1 2", EINVAL);
	assert_write_fails(t, "procs", "4294967297", EINVAL);
	assert_attr(t, "procs", "");
	end_task(f, t);
}

struct gone_task {
	unsigned calls;
	char name[TASK_NAME_MAX + 1];
	uint32_t id;
};

static void note_gone(void *ctx, const struct task *t)
{
	struct gone_task *g = ctx;
	strcpy(g->name, t->name);
	g->id = t->id;
	__atomic_fetch_add(&g->calls, 1, __ATOMIC_RELEASE);
}

static void test_the_last_one_takes_the_task_along(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	struct gone_task gone = { 0 };
	f->vm.tasks.gone = note_gone;
	f->vm.tasks.gone_ctx = &gone;
	struct task *t = make_task(f, "a");
	pid_t one = child(), two = child();
	write_pid(t, "", one, 0);
	write_pid(t, "", two, 0);
	assert_write(t, "anon", "10M");

	child_end(one);
	procs_reap(&f->vm);
	assert_int_equal(gone.calls, 0);
	child_end(two);
	procs_reap(&f->vm);
	assert_int_equal(gone.calls, 1);
	assert_string_equal(gone.name, "a");
	assert_int_equal(gone.id, t->id);
	assert_null(task_find(&f->vm, "a"));
	assert_free_state(&f->vm, &before);
	task_put(t);
}

static void test_clock_steps_reap(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	pid_t pid = child();
	write_pid(t, "", pid, 0);
	child_end(pid);
	vm_advance(&f->vm, 999999999);
	task_put(task_find(&f->vm, "a"));
	vm_advance(&f->vm, 1);
	assert_null(task_find(&f->vm, "a"));
	task_put(t);
}

static void wait_for_calls(struct gone_task *g, unsigned calls)
{
	for (unsigned i = 0; i < 1000 && __atomic_load_n(&g->calls, __ATOMIC_ACQUIRE) < calls; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	assert_int_equal(__atomic_load_n(&g->calls, __ATOMIC_ACQUIRE), calls);
}

static void test_reaper_thread(void **state)
{
	struct fixture *f = fixture_boot_with(
		&(struct region_config){ .backing = BACKING_SPARSE, .limit_bytes = 1 << 20 }, false);
	struct gone_task gone = { 0 };
	pid_t pid[20];
	char name[20];
	(void)state;

	f->vm.tasks.gone = note_gone;
	f->vm.tasks.gone_ctx = &gone;
	for (unsigned i = 0; i < 20; i++)
		pid[i] = child();
	assert_int_equal(vm_start(&f->vm), 0);
	int64_t before = free_pages_all(&f->vm);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		struct task *t = make_task(f, name);
		write_pid(t, "", pid[i], 0);
		assert_write(t, "anon", "1M");
		assert_write(t, "file", "1M");
		assert_write(t, "pages", "2 GFP_KERNEL 20");
		task_put(t);
	}
	assert_int_equal(READ_RELAXED(&f->vm.tasks.nr), 20);
	for (unsigned i = 0; i < 20; i++)
		child_end(pid[i]);
	wait_for_calls(&gone, 20);
	assert_int_equal(READ_RELAXED(&f->vm.tasks.nr), 0);
	assert_int_equal(free_pages_all(&f->vm), before);
	assert_verified(&f->vm);
	fixture_end(f);
}

static void test_a_replaced_number_is_another_process(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	pid_t dead = child(), live = child();
	write_pid(t, "", dead, 0);
	child_end(dead);
	t->procs[0].pid = live; /* as if the host had given the number again */
	write_pid(t, "", live, 0);
	assert_int_equal(t->nr_procs, 1);
	procs_reap(&f->vm);
	assert_int_equal(t->nr_procs, 1); /* the new one lives */
	child_end(live);
	procs_reap(&f->vm);
	assert_null(task_find(&f->vm, "a"));
	task_put(t);
}

static void test_host_memory_fails(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	pid_t pid = child();
	fault_arm(FAULT_HOST_MALLOC, 1);
	write_pid(t, "", pid, ENOMEM);
	assert_attr(t, "procs", "");
	write_pid(t, "", pid, 0);
	child_end(pid);
	end_task(f, t);
}

/* A process is a descriptor; none is left: EMFILE, one line in the log, and what was there stays. */
static void test_no_descriptor_is_left(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct rlimit before, few;
	pid_t pid[2] = { child(), child() };
	char log[1024], expected[32];
	int pipe_fd[2], saved = dup(STDERR_FILENO);

	write_pid(t, "", pid[0], 0);
	assert_int_equal(pipe(pipe_fd), 0);
	dup2(pipe_fd[1], STDERR_FILENO);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &few);
	write_pid(t, "", pid[1], EMFILE);
	write_pid(t, "", pid[1], EMFILE);
	setrlimit(RLIMIT_NOFILE, &before);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pipe_fd[1]);
	ssize_t len = read(pipe_fd[0], log, sizeof(log) - 1);
	close(pipe_fd[0]);
	log[len > 0 ? len : 0] = '\0';
	const char *line = strstr(log, "task a: procs: no file descriptor for one more process");
	assert_non_null(line);
	assert_null(strstr(strchr(line, '\n'), "no file descriptor"));

	snprintf(expected, sizeof(expected), "%d\n", (int)pid[0]);
	assert_attr(t, "procs", expected);
	write_pid(t, "", pid[1], 0);
	end_task(f, t);
	child_end(pid[0]);
	child_end(pid[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_list),
		TEST(test_only_live_processes),
		TEST(test_the_last_one_takes_the_task_along),
		TEST(test_clock_steps_reap),
		cmocka_unit_test(test_reaper_thread),
		TEST(test_a_replaced_number_is_another_process),
		TEST(test_host_memory_fails),
		TEST(test_no_descriptor_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
