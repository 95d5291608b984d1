/* SPDX-License-Identifier: MIT */
#include "base/defs.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_arithmetic(void **state)
{
	(void)state;
	assert_int_equal(DIV_ROUND_UP(0, 4), 0);
	assert_int_equal(DIV_ROUND_UP(1, 4), 1);
	assert_int_equal(DIV_ROUND_UP(8, 4), 2);
	assert_int_equal(ALIGN_UP(4097ul, 4096), 8192);
	assert_int_equal(ALIGN_UP(4096ul, 4096), 4096);
	assert_int_equal(ALIGN_DOWN(8191ul, 4096), 4096);
	assert_true(ALIGN_UP((1ull << 40) + 1, 4096) == (1ull << 40) + 4096);
	assert_int_equal(CLAMP(5, 1, 3), 3);
	assert_int_equal(CLAMP(0, 1, 3), 1);
	assert_int_equal(CLAMP(2, 1, 3), 2);
	assert_int_equal(ARRAY_LEN(((int[]){ 1, 2, 3 })), 3);
}

static void test_fls64(void **state)
{
	(void)state;
	assert_int_equal(fls64(0), 0);
	assert_int_equal(fls64(1), 1);
	assert_int_equal(fls64(0xff), 8);
	assert_int_equal(fls64(UINT64_MAX), 64);
	assert_int_equal(fls64(1ull << 63), 64);
}

static void test_isqrt64(void **state)
{
	(void)state;
	assert_int_equal(isqrt64(0), 0);
	for (uint64_t root = 1; root < 70000; root++) {
		assert_true(isqrt64(root * root) == root);
		assert_true(isqrt64(root * root - 1) == root - 1);
	}
	assert_true(isqrt64(UINT64_MAX) == UINT32_MAX);
	assert_true(isqrt64((uint64_t)UINT32_MAX * UINT32_MAX) == UINT32_MAX);
}

/* Run f in a child; its signal, and in text what it wrote to standard error. */
static int child_signal(void (*f)(void), char *text, size_t size)
{
	int pipe_fd[2], status;
	assert_int_equal(pipe(pipe_fd), 0);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		dup2(pipe_fd[1], STDERR_FILENO);
		f();
		_exit(0);
	}
	close(pipe_fd[1]);
	ssize_t n = read(pipe_fd[0], text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(pipe_fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void pass(void)
{
	ASSERT(1 + 1 == 2);
	DEBUG_ASSERT(1 + 1 == 2);
}

static void fail_assert(void)
{
	ASSERT(1 + 1 == 3);
}

static void fail_debug_assert(void)
{
	DEBUG_ASSERT(1 + 1 == 3);
}

static void test_assert(void **state)
{
	(void)state;
	char text[256];
	assert_int_equal(child_signal(pass, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(child_signal(fail_assert, text, sizeof(text)), SIGABRT);
	assert_non_null(strstr(text, "1 + 1 == 3"));
	assert_non_null(strstr(text, "test_defs.c:"));
	assert_int_equal(text[strlen(text) - 1], '\n');
#ifdef UMMFS_DEBUG
	assert_int_equal(child_signal(fail_debug_assert, text, sizeof(text)), SIGABRT);
#else
	assert_int_equal(child_signal(fail_debug_assert, text, sizeof(text)), 0);
#endif
}

static void test_counter_add(void **state)
{
	(void)state;
	uint64_t counter[3] = { 1, UINT32_MAX, 1 };
	volatile uint64_t much = 1ull << 40;
	counter_add(&counter[1], 1);
	assert_int_equal(counter[1], 1ull << 32);
	counter_add(&counter[1], much);
	assert_int_equal(counter[1], (1ull << 40) + (1ull << 32));
	counter_add(&counter[1], -(1ull << 40));
	assert_int_equal(counter[1], 1ull << 32);
	assert_int_equal(counter[0] + counter[2], 2); /* its neighbours */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arithmetic), cmocka_unit_test(test_counter_add),
		cmocka_unit_test(test_fls64),      cmocka_unit_test(test_isqrt64),
		cmocka_unit_test(test_assert),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
