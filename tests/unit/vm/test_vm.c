/* SPDX-License-Identifier: MIT */
#include "support/vm_fixture.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

static void test_boot_fails_without_host_memory(void **state)
{
	struct machine_spec spec;
	const struct vm_config c = { .deterministic = true };
	static struct vm vm;
	(void)state;
	fixture_spec(&spec);
	for (unsigned n = 1;; n++) {
		struct why why = { "" };
		fault_arm(FAULT_HOST_MALLOC, n);
		int error = vm_boot(&vm, &spec, &c, &why);
		bool fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		if (!error)
			vm_shutdown(&vm);
		if (!fired) {
			assert_int_equal(error, 0);
			break;
		}
		if (!error) /* magazines are made when there is memory */
			continue;
		assert_int_equal(error, -ENOMEM);
		assert_string_not_equal(why.text, "");
	}
	machine_spec_fini(&spec);
}

static void test_boot_refuses_nonsense(void **state)
{
	struct machine_spec spec;
	const struct vm_config c = { .deterministic = true };
	static struct vm vm;
	struct why why = { "" };
	(void)state;
	machine_spec_init(&spec);
	assert_int_equal(vm_boot(&vm, &spec, &c, &why), -EINVAL);
	assert_string_not_equal(why.text, "");
	machine_spec_fini(&spec);
}

/* A counter difference that is too small to fold by itself. */
static void make_difference(struct fixture *f)
{
	struct cpu *c = &f->vm.machine.cpu[0];
	cpu_enter(c);
	node_stat_add(c, &f->vm.machine.node[0], NR_KERNEL_STACK_KB, 1);
	cpu_leave(c);
}

static uint64_t folded(struct fixture *f)
{
	return node_stat_read(&f->vm.machine.node[0], NR_KERNEL_STACK_KB);
}

static void test_ticks_come_with_the_clock(void **state)
{
	struct fixture *f = *state;
	struct clock *clock = &f->vm.machine.clock;
	assert_int_equal(clock_now_ns(clock), 0);
	make_difference(f);
	vm_advance(&f->vm, 999999999);
	assert_int_equal(folded(f), 0);
	vm_advance(&f->vm, 1);
	assert_int_equal(folded(f), 1);
	make_difference(f);
	vm_advance(&f->vm, 10000000000);
	assert_int_equal(folded(f), 2);
	assert_int_equal(clock_now_ns(clock), 11000000000);
	assert_int_equal(f->vm.next_tick_ns, 12000000000);
}

static void test_interval(void **state)
{
	struct fixture *f = *state;
	f->vm.stat_interval = 5;
	vm_advance(&f->vm, 1000000000); /* this tick was due before; the next follows the new interval */
	make_difference(f);
	vm_advance(&f->vm, 4000000000);
	assert_int_equal(folded(f), 0);
	vm_advance(&f->vm, 1000000000);
	assert_int_equal(folded(f), 1);
	f->vm.stat_interval = -3; /* 6.1 takes it; a tick each second is the most */
	vm_advance(&f->vm, 5000000000);
	make_difference(f);
	vm_advance(&f->vm, 1000000000);
	assert_int_equal(folded(f), 2);
}

static void test_a_century_is_short(void **state)
{
	struct fixture *f = *state;
	uint64_t century = 3155760000ull * 1000000000;
	vm_advance(&f->vm, century);
	assert_int_equal(clock_now_ns(&f->vm.machine.clock), century);
	make_difference(f);
	vm_advance(&f->vm, 1000000000);
	assert_int_equal(folded(f), 1);
}

static void test_ticker_thread(void **state)
{
	struct fixture *f = fixture_boot_with(
		&(struct region_config){ .backing = BACKING_SPARSE, .limit_bytes = 1 << 20 }, false);
	(void)state;
	assert_int_equal(vm_start(&f->vm), 0);
	make_difference(f);
	for (unsigned i = 0; i < 300 && !folded(f); i++)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	assert_int_equal(folded(f), 1);
	fixture_end(f); /* at once, not at the next tick */
}

static void test_signals_stay_with_the_main_thread(void **state)
{
	struct fixture *f = fixture_boot_with(
		&(struct region_config){ .backing = BACKING_SPARSE, .limit_bytes = 1 << 20 }, false);
	sigset_t usr1, old, mask;
	(void)state;
	assert_int_equal(vm_start(&f->vm), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_int_equal(sigismember(&mask, SIGTERM), 0); /* ours is as before */

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, &old);
	kill(getpid(), SIGUSR1); /* would end us if one of the threads took it */
	assert_int_equal(sigtimedwait(&usr1, NULL, &(struct timespec){ .tv_sec = 5 }), SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	fixture_end(f);
}

static void test_same_seed_same_machine(void **state)
{
	struct free_state after[2];
	pfn_t last[2];
	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		struct fixture *f = fixture_boot();
		struct task *a = make_task(f, "a"), *b = make_task(f, "b");
		for (unsigned i = 0; i < 5; i++) {
			assert_write(a, "pages", "0 GFP_KERNEL +1000\n3 GFP_KERNEL +50");
			assert_write(b, "file", "+60M");
			assert_write(a, "pages", "0 GFP_KERNEL -400");
			assert_write(b, "file", "-20M");
			assert_write(b, "anon", "+30M");
		}
		after[round] = free_state(&f->vm);
		last[round] = b->anon.pfn[b->anon.nr - 1];
		task_put(a);
		task_put(b);
		fixture_end(f);
	}
	assert_memory_equal(&after[0], &after[1], sizeof(after[0]));
	assert_int_equal(last[0], last[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boot_fails_without_host_memory),
		cmocka_unit_test(test_boot_refuses_nonsense),
		TEST(test_ticks_come_with_the_clock),
		TEST(test_interval),
		TEST(test_a_century_is_short),
		cmocka_unit_test(test_ticker_thread),
		cmocka_unit_test(test_signals_stay_with_the_main_thread),
		cmocka_unit_test(test_same_seed_same_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
