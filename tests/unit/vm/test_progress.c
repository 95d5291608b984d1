/* SPDX-License-Identifier: MIT */
#include "vm/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What goes to standard error while steps are made. */
static void capture_steps(struct progress *p, const uint64_t *now, unsigned nr, char *out, size_t size)
{
	int pipe_fd[2], saved = dup(STDERR_FILENO);
	assert_int_equal(pipe(pipe_fd), 0);
	dup2(pipe_fd[1], STDERR_FILENO);
	close(pipe_fd[1]);
	for (unsigned i = 0; i < nr; i++)
		progress_step(p, now[i]);
	dup2(saved, STDERR_FILENO);
	close(saved);
	ssize_t len = read(pipe_fd[0], out, size - 1);
	out[len > 0 ? len : 0] = '\0';
	close(pipe_fd[0]);
}

static void test_silent_at_first(void **state)
{
	struct progress p;
	char out[512];
	(void)state;
	progress_start(&p, "a", "touching", 0, 100);
	capture_steps(&p, (const uint64_t[]){ 1, 2, 3 }, 3, out, sizeof(out));
	assert_string_equal(out, "");
}

static void test_one_line_an_interval(void **state)
{
	struct progress p;
	char out[512];
	(void)state;
	progress_start(&p, "a", "touching", 100, 300);
	p.next_ns = 0; /* two seconds have passed */
	capture_steps(&p, (const uint64_t[]){ 150, 151 }, 2, out, sizeof(out));
	assert_non_null(strstr(out, "task a: touching: 50 of 200 (25 %)\n"));
	assert_null(strstr(out, "51"));
}

static void test_counts_down_too(void **state)
{
	struct progress p;
	char out[512];
	(void)state;
	progress_start(&p, "b", "freeing", 300, 100);
	p.next_ns = 0;
	capture_steps(&p, (const uint64_t[]){ 150 }, 1, out, sizeof(out));
	assert_non_null(strstr(out, "task b: freeing: 150 of 200 (75 %)\n"));
}

static void test_slices(void **state)
{
	struct progress p;
	(void)state;
	progress_start(&p, "b", "freeing", 300, 100);
	assert_false(progress_step(&p, 290));
	p.slice_ns = 0; /* some milliseconds have passed */
	assert_true(progress_step(&p, 280));
	assert_false(progress_step(&p, 270));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silent_at_first),
		cmocka_unit_test(test_one_line_an_interval),
		cmocka_unit_test(test_counts_down_too),
		cmocka_unit_test(test_slices),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
