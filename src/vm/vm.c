/* SPDX-License-Identifier: MIT */
/*
 * Bringing one machine up and down. Up: frames, policy, huge page pool, tasks;
 * threads come later, in vm_start, because the daemon forks in between. Down:
 * threads first; then nothing runs any more and what tasks hold goes with the
 * machine, page by page it would only take time.
 *
 * In deterministic mode there are no threads: ticks happen where the clock is
 * moved, and there too the tasks whose processes have ended are found.
 */
#include "mm/slab_debug.h"
#include "vm/file_orphan.h"
#include "vm/file_store.h"
#include "vm/task_oom.h"
#include "vm/task_private.h"
#include "vm/vm_slab.h"
#include "vm/writeback.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define NS_PER_SEC 1000000000ull
/* More ticks in a row, of both kinds, change nothing: counters are folded, idle per-CPU lists have expired. */
#define TICKS_IN_A_ROW 192u

static uint64_t interval_ns(const struct vm *vm)
{
	return (uint64_t)MAX(READ_RELAXED(&vm->stat_interval), 1) * NS_PER_SEC;
}

static int pools_boot(struct vm *vm)
{
	int error = 0;
	vm->nr_hugetlb = machine_nr_huge_sizes(&vm->machine);
	for (unsigned i = 0; i < vm->nr_hugetlb && !error; i++)
		error = hugetlb_init(&vm->hugetlb[i], &vm->machine, machine_huge_order(&vm->machine, i));
	return error;
}

static void pools_fini(struct vm *vm)
{
	for (unsigned i = 0; i < vm->nr_hugetlb; i++)
		hugetlb_fini(&vm->hugetlb[i]);
}

static int policy_boot(struct vm *vm, struct why *why)
{
	int error = policy_init(&vm->policy, &vm->machine, vm->deterministic);
	if (error)
		return why_set(why, error, "no memory for the allocation policy's tables");
	vm->policy.owner[OWNER_TASK_ANON] = &task_anon_ops;
	vm->policy.owner[OWNER_TASK_FILE] = &task_file_ops;
	vm->policy.owner[OWNER_TASK_SHMEM] = &task_anon_ops;
	vm->policy.owner[OWNER_FILE] = &file_page_ops;
	vm->policy.owner_ctx = vm;

	vm->policy.report.log = &vm->log;
	vm->policy.report.slabs = &vm->slabs;

	error = pools_boot(vm);
	if (error) {
		pools_fini(vm);
		policy_fini(&vm->policy);
		return why_set(why, error, "no memory for the huge page pools' tables");
	}
	vm->policy.report.hugetlb = vm->hugetlb;
	vm->policy.report.nr_hugetlb = vm->nr_hugetlb;
	return 0;
}

static int slab_boot(struct vm *vm, const struct vm_config *c, struct why *why)
{
	own_init(&vm->own);
	int error = vm_slab_init(vm);
	if (error)
		return why_set(why, error, "no memory for the slab allocator's tables");
	if (c->slab_debug)
		error = slabs_debug_parse(&vm->slabs, c->slab_debug);
	if (!error && !c->no_caches)
		error = vm_slab_start(vm);
	if (error)
		vm_slab_fini(vm);
	return error ? why_set(why, error, "no memory for the slab allocator's tables") : 0;
}

static int parts_boot(struct vm *vm, const struct vm_config *c, struct why *why)
{
	int error = policy_boot(vm, why);
	if (error)
		return error;
	error = slab_boot(vm, c, why);
	if (error) {
		pools_fini(vm);
		policy_fini(&vm->policy);
		return error;
	}
	error = tasks_init(vm);
	if (error) {
		vm_slab_fini(vm);
		pools_fini(vm);
		policy_fini(&vm->policy);
		return why_set(why, error, "cannot set up the table of tasks: %s", strerror(-error));
	}
	return 0;
}

static int log_boot(struct vm *vm, const struct vm_config *c, struct why *why)
{
	int error = ring_init(&vm->log, &vm->machine.clock, RING_BYTES);
	if (error)
		return why_set(why, error, "no memory for the machine's log");
	error = parts_boot(vm, c, why);
	if (error)
		ring_fini(&vm->log);
	return error;
}

static void ticker_init(struct vm *vm)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&vm->ticker_cond, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&vm->ticker_mutex, NULL);
	vm->stat_interval = 1;
	vm->next_tick_ns = interval_ns(vm);
	vm->next_compact_ns = KCOMPACTD_TICK_NS;
}

/* Content needs memory behind the frames. What others are handed here comes after all that they work with. */
static int files_boot(struct vm *vm, const struct vm_config *c, struct why *why)
{
	const struct files_config fc = { .source = c->source };
	if (!c->region)
		return 0;
	int error = files_init(&vm->files, vm, &fc, why);
	if (error)
		return error;
	error = vm->files.store->in_memory ? 0 : writeback_init(&vm->files);
	if (error) {
		files_fini(&vm->files);
		return why_set(why, error, "no memory to write files back");
	}
	if (vm->files.writeback)
		vm->policy.writer = (struct page_writer){ writeback_wake, writeback_wait, &vm->files };
	return 0;
}

int vm_boot(struct vm *vm, const struct machine_spec *spec, const struct vm_config *c, struct why *why)
{
	memset(vm, 0, sizeof(*vm));
	vm->deterministic = c->deterministic;
	vm->region = c->region;
	vm->imported = c->no_caches;
	rng_init(&vm->rng, c->seed);

	int error = machine_boot(&vm->machine, spec, why);
	if (error)
		return error;
	clock_init(&vm->machine.clock, vm->deterministic);
	error = log_boot(vm, c, why);
	if (error) {
		machine_shutdown(&vm->machine);
		return error;
	}
	lock_init(&vm->knob_lock, RANK_KNOB, 0);
	vm_oom_init(vm);
	vm_faults_init(vm, c->seed);
	vm->total_pages = vm->machine.managed_pages;
	overcommit_init(vm);
	vm->dirty = dirty_defaults;
	ticker_init(vm);
	error = hugetlbfs_init(&vm->hugetlbfs, vm);
	if (error)
		why_set(why, error, "no memory for dev/hugepages");
	else
		error = files_boot(vm, c, why);
	if (error)
		vm_shutdown(vm);
	return error;
}

/* ---- The ticker ---- */

/* One stat_interval has passed. */
static void vm_tick(struct vm *vm)
{
	machine_stat_tick(&vm->machine);
	slabs_tick(&vm->slabs);
	writeback_tick(&vm->files);
	if (!vm->tasks.reaper_running)
		procs_reap(vm);
}

/* Returns false when told to stop. */
static bool ticker_wait(struct vm *vm)
{
	struct timespec deadline = clock_host_deadline(interval_ns(vm));
	int error = 0;
	pthread_mutex_lock(&vm->ticker_mutex);
	while (!vm->ticker_stop && error != ETIMEDOUT)
		error = pthread_cond_timedwait(&vm->ticker_cond, &vm->ticker_mutex, &deadline);
	bool stop = vm->ticker_stop;
	pthread_mutex_unlock(&vm->ticker_mutex);
	return !stop;
}

static void *ticker_main(void *arg)
{
	struct vm *vm = arg;
	while (ticker_wait(vm))
		vm_tick(vm);
	return NULL;
}

static int ticker_start(struct vm *vm)
{
	vm->ticker_stop = false;
	int error = pthread_create(&vm->ticker, NULL, ticker_main, vm);
	vm->ticker_running = !error;
	return -error;
}

static void ticker_stop(struct vm *vm)
{
	if (!vm->ticker_running)
		return;
	pthread_mutex_lock(&vm->ticker_mutex);
	vm->ticker_stop = true;
	pthread_cond_signal(&vm->ticker_cond);
	pthread_mutex_unlock(&vm->ticker_mutex);
	pthread_join(vm->ticker, NULL);
	vm->ticker_running = false;
}

static uint64_t vm_due_ns(const struct vm *vm)
{
	return MIN(vm->next_tick_ns, vm->next_compact_ns);
}

/* The clock comes to what is due next. */
static void vm_run_due(struct vm *vm)
{
	struct clock *clock = &vm->machine.clock;
	uint64_t now = clock_now_ns(clock), due = vm_due_ns(vm);
	if (due > now) /* a state of a machine whose time ran by itself says nothing of what was due */
		clock_advance(clock, due - now);
	if (vm->next_tick_ns == due) {
		vm_tick(vm);
		vm->next_tick_ns += interval_ns(vm);
	}
	if (vm->next_compact_ns == due) {
		kcompactd_tick(&vm->policy);
		vm->next_compact_ns += KCOMPACTD_TICK_NS;
	}
}

void vm_advance(struct vm *vm, uint64_t ns)
{
	struct clock *clock = &vm->machine.clock;
	uint64_t until = clock_now_ns(clock) + ns;

	for (unsigned ticks = 0; vm_due_ns(vm) <= until && ticks < TICKS_IN_A_ROW; ticks++)
		vm_run_due(vm);
	clock_advance(clock, until - clock_now_ns(clock));
	if (vm->next_tick_ns <= until)
		vm->next_tick_ns = until + interval_ns(vm);
	if (vm->next_compact_ns <= until)
		vm->next_compact_ns = until + KCOMPACTD_TICK_NS;
}

/* ---- Threads: signals are the main thread's business ---- */

static int threads_start(struct vm *vm)
{
	int error = policy_start(&vm->policy);
	if (!error && vm->files.vm)
		error = writeback_start(&vm->files);
	if (!error)
		error = procs_start(vm);
	if (!error)
		error = ticker_start(vm);
	return error;
}

int vm_start(struct vm *vm)
{
	sigset_t all, old;
	report_boot(&vm->policy);
	hugetlbfs_start(&vm->hugetlbfs);
	if (vm->deterministic)
		return policy_start(&vm->policy);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int error = threads_start(vm);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error; /* vm_shutdown stops those that did start */
}

/* What is dirty is written by files_fini; objects need not be given back one by one when tasks have been forgotten. */
void vm_shutdown(struct vm *vm)
{
	ticker_stop(vm);
	procs_stop(vm);
	policy_fini(&vm->policy);
	files_fini(&vm->files); /* callers are looked for among the tasks */
	tasks_fini(vm);
	hugetlbfs_fini(&vm->hugetlbfs);
	vm_slab_fini(vm);
	pools_fini(vm);
	machine_shutdown(&vm->machine);
	ring_fini(&vm->log);
	pthread_cond_destroy(&vm->ticker_cond);
	pthread_mutex_destroy(&vm->ticker_mutex);
	vm_faults_fini(vm);
	vm_oom_fini(vm);
	lock_fini(&vm->knob_lock);
}
