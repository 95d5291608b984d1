/* SPDX-License-Identifier: MIT */
/* The biased lock excludes, whoever is its favourite and however often that changes. */

#include "base/bias.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LOCKS 4u

static struct bias_lock locks[LOCKS];
static uint64_t guarded[LOCKS][2]; /* plain: a race shows as a pair that differs, and to the thread sanitizer */

static int setup(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LOCKS; i++) {
		bias_init(&locks[i], RANK_CPU, i);
		guarded[i][0] = guarded[i][1] = 0;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LOCKS; i++)
		bias_fini(&locks[i]);
	return 0;
}

static void count(unsigned i)
{
	guarded[i][0]++;
	guarded[i][1]++;
}

static void turns(unsigned i, unsigned n)
{
	while (n--) {
		bias_take(&locks[i]);
		count(i);
		bias_drop(&locks[i]);
	}
}

static bool favours(void)
{
	return bias_self && READ_RELAXED(&locks[0].favourite) == bias_self;
}

static void test_favour_follows_a_streak(void **state)
{
	(void)state;
	turns(0, 1);
	assert_null(locks[0].favourite);
	turns(0, BIAS_STREAK);
	if (!bias_self) /* no membarrier on this host: the mutex it stays */
		skip();
	assert_true(favours());
	turns(0, 10);
	assert_true(favours());
	assert_int_equal(guarded[0][0], 1 + BIAS_STREAK + 10);
	assert_null(bias_self->in);
}

static void *one_turn(void *arg)
{
	(void)arg;
	turns(0, 1);
	return NULL;
}

static void test_another_thread_ends_it(void **state)
{
	(void)state;
	turns(0, BIAS_STREAK + 1);
	pthread_t other;
	assert_int_equal(pthread_create(&other, NULL, one_turn, NULL), 0);
	pthread_join(other, NULL);
	assert_null(locks[0].favourite);
	turns(0, 1);
	assert_false(favours());
	turns(0, BIAS_STREAK);
	assert_int_equal(guarded[0][0], 2 * (BIAS_STREAK + 1) + 1);
}

static void *holder(void *arg)
{
	bool *inside = arg;
	turns(0, BIAS_STREAK + 1);
	bias_take(&locks[0]);
	__atomic_store_n(inside, true, __ATOMIC_RELEASE);
	usleep(20000);
	count(0);
	bias_drop(&locks[0]);
	return NULL;
}

static void test_the_favourite_is_waited_for(void **state)
{
	(void)state;
	bool inside = false;
	pthread_t other;
	assert_int_equal(pthread_create(&other, NULL, holder, &inside), 0);
	while (!__atomic_load_n(&inside, __ATOMIC_ACQUIRE))
		sched_yield();
	bias_take(&locks[0]);
	assert_int_equal(guarded[0][0], BIAS_STREAK + 2);
	bias_drop(&locks[0]);
	pthread_join(other, NULL);
}

/* Inside one as its favourite, a thread takes others, its favour or not, and drops them in any order. */
static void test_several_at_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LOCKS; i++)
		turns(i, BIAS_STREAK + 1);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < LOCKS; i++)
			bias_take(&locks[i]);
		for (unsigned i = 0; i < LOCKS; i++)
			count(i);
		bias_drop(&locks[1]);
		bias_drop(&locks[0]);
		bias_drop(&locks[3]);
		bias_drop(&locks[2]);
	}
	for (unsigned i = 0; i < LOCKS; i++)
		assert_int_equal(guarded[i][0], BIAS_STREAK + 4);
}

static void *crowd(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	for (unsigned round = 0; round < 400; round++) {
		seed = seed * 1103515245u + 12345u;
		unsigned first = seed >> 16 & (LOCKS - 1);
		turns(first, seed >> 20 & 127);
		bias_take(&locks[0]);
		bias_take(&locks[1]);
		count(1);
		count(0);
		bias_drop(&locks[0]);
		bias_drop(&locks[1]);
	}
	return NULL;
}

static void test_a_crowd(void **state)
{
	(void)state;
	pthread_t thread[4];
	for (unsigned round = 0; round < 5; round++) { /* later threads inherit the entries, and favours, of earlier ones */
		for (unsigned i = 0; i < ARRAY_LEN(thread); i++)
			assert_int_equal(pthread_create(&thread[i], NULL, crowd,
							(void *)(uintptr_t)(round * 7 + i)),
					 0);
		for (unsigned i = 0; i < ARRAY_LEN(thread); i++)
			pthread_join(thread[i], NULL);
	}
	for (unsigned i = 0; i < LOCKS; i++) {
		bias_take(&locks[i]);
		assert_int_equal(guarded[i][0], guarded[i][1]);
		bias_drop(&locks[i]);
	}
	assert_true(guarded[0][0] >= 5 * 4 * 400);
}

/* The daemon boots, forks, and goes on with other threads in the child. */
static void test_after_fork(void **state)
{
	(void)state;
	turns(0, BIAS_STREAK + 1);
	pid_t child = fork();
	if (!child) {
		pthread_t other;
		turns(0, 10);
		if (pthread_create(&other, NULL, one_turn, NULL))
			_exit(2);
		pthread_join(other, NULL);
		turns(0, BIAS_STREAK + 10);
		_exit(guarded[0][0] == 2 * BIAS_STREAK + 22 ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_favour_follows_a_streak, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_thread_ends_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_favourite_is_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_crowd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_after_fork, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
