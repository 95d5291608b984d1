/* SPDX-License-Identifier: MIT */
#include "base/client.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct impatient {
	struct client client;
	bool killed;
	unsigned asked, answers;
	ssize_t result;
};

static bool killed(struct client *c)
{
	struct impatient *i = (struct impatient *)c;
	i->asked++;
	return i->killed;
}

static void note(struct client *c, ssize_t result)
{
	struct impatient *i = (struct impatient *)c;
	i->answers++;
	i->result = result;
}

static struct impatient impatient(void)
{
	return (struct impatient){ .client = { .interrupted = killed, .answer = note } };
}

static void test_nobody(void **state)
{
	(void)state;
	client_outcome(-EINTR, 5);
	client_fails(-ENOMEM);
	assert_false(client_interrupted());
	assert_false(client_answered());
	client_refuse();
	client_grant();
}

static void test_one_answer(void **state)
{
	(void)state;
	struct impatient i = impatient();
	assert_null(client_set(&i.client));
	assert_false(client_interrupted());
	i.killed = true;
	assert_true(client_interrupted());
	client_outcome(-EINTR, 5);
	client_refuse();
	assert_true(client_answered());
	assert_int_equal(i.result, -EINTR);
	client_grant(); /* what follows is nobody's business */
	client_refuse();
	assert_int_equal(i.answers, 1);
	unsigned asked = i.asked;
	assert_false(client_interrupted());
	assert_int_equal(i.asked, asked);
	assert_ptr_equal(client_set(NULL), &i.client);
}

static void test_granted(void **state)
{
	(void)state;
	struct impatient i = impatient();
	client_set(&i.client);
	client_outcome(-EINTR, 5);
	client_grant();
	assert_int_equal(i.result, 5);
	client_set(NULL);
}

/* While something is undone there is nothing to be granted any more. */
static void test_failing(void **state)
{
	(void)state;
	struct impatient i = impatient();
	client_set(&i.client);
	client_outcome(-EINTR, 5);
	client_fails(-ENOMEM);
	client_grant();
	assert_int_equal(i.result, -ENOMEM);

	struct impatient second = impatient();
	client_set(&second.client);
	client_outcome(12, 20); /* lines before this one were stored */
	client_fails(-ENOMEM);
	client_grant();
	assert_int_equal(second.result, 12);
	client_set(NULL);
}

static void test_answered_at_the_end_only(void **state)
{
	(void)state;
	struct impatient i = impatient();
	i.client.answer = NULL;
	i.killed = true;
	client_set(&i.client);
	assert_true(client_interrupted());
	client_refuse();
	assert_false(client_answered());
	assert_true(client_interrupted());
	client_set(NULL);
}

static void *other_thread(void *arg)
{
	return client_set(NULL) ? arg : NULL;
}

static void test_one_for_each_thread(void **state)
{
	(void)state;
	struct impatient i = impatient();
	pthread_t thread;
	void *seen;
	client_set(&i.client);
	assert_int_equal(pthread_create(&thread, NULL, other_thread, &i), 0);
	pthread_join(thread, &seen);
	assert_null(seen);
	assert_ptr_equal(client_set(NULL), &i.client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_one_answer),
		cmocka_unit_test(test_granted),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_answered_at_the_end_only),
		cmocka_unit_test(test_one_for_each_thread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
