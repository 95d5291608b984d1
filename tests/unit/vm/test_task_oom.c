/* SPDX-License-Identifier: MIT */
#include "vm/task_oom.h"

#include "base/caller.h"
#include "support/vm_fixture.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t kills(struct vm *vm)
{
	uint64_t sum = 0;
	MASK_FOR_EACH(cpu, &vm->machine.cpus_online)
		sum += READ_RELAXED(&vm->machine.cpu[cpu].event[OOM_KILL]);
	return sum;
}

/* Records that hold this text. */
static unsigned said(struct vm *vm, const char *what)
{
	struct ring_record record;
	unsigned nr = 0;
	for (uint64_t seq = 0; ring_read(&vm->log, seq, &record); seq = record.seq + 1) {
		char line[RING_TEXT_MAX + 1];
		memcpy(line, record.text, record.len);
		line[record.len] = '\0';
		nr += strstr(line, what) != NULL;
	}
	return nr;
}

static void test_the_grower_dies(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	struct task *big = make_task(f, "big"), *small = make_task(f, "small");
	assert_write(small, "anon", "50M");
	assert_write_fails(big, "anon", "511M", ENOMEM); /* passes overcommit, does not fit */
	assert_attr(big, "anon", "0\n");
	assert_attr(big, "events", "alloc_fail 1\noom_kill 1\n");
	assert_attr(small, "events", "alloc_fail 0\noom_kill 0\n");
	assert_attr(small, "anon", "52428800\n");
	assert_int_equal(f->vm.overcommit.committed_pages, 50 * MIB_PAGES);
	assert_int_equal(kills(&f->vm), 1);
	assert_int_equal(said(&f->vm, "invoked oom-killer: "), 1);
	assert_int_equal(said(&f->vm, "Out of memory: Killed process 2 (big) total-vm:"), 1);
	assert_int_equal(said(&f->vm, "page allocation failure"), 0);
	assert_verified(&f->vm);
	assert_write(big, "anon", "1M"); /* the directory serves on */
	end_task(f, big);
	end_task(f, small);
	assert_free_state(&f->vm, &before);
}

/* Everything but page cache comes back, and the requester gets what it asked for. */
static void test_another_dies(void **state)
{
	struct fixture *f = *state;
	struct task *big = make_task(f, "big"), *small = make_task(f, "small");
	assert_write(big, "anon", "200M");
	assert_write(big, "pages", "2 GFP_KERNEL 1000");
	assert_write(big, "kmalloc", "64 GFP_KERNEL 1000");
	assert_write(big, "slab", "kmalloc-128 100");
	assert_write(big, "file", "1M");
	assert_write(small, "anon", "150M");
	assert_write(small, "pages", "0 GFP_KERNEL 30000");
	assert_write(small, "anon", "+140M");
	assert_attr(small, "anon", "304087040\n");
	assert_attr(small, "events", "alloc_fail 0\noom_kill 0\n");
	assert_attr(big, "events", "alloc_fail 0\noom_kill 1\n");
	assert_attr(big, "anon", "0\n");
	assert_attr(big, "pages", "");
	assert_attr(big, "kmalloc", "");
	assert_attr(big, "slab", "");
	assert_verified(&f->vm);
	end_task(f, big);
	end_task(f, small);
}

static void test_adj(void **state)
{
	struct fixture *f = *state;
	struct task *a = make_task(f, "a"), *b = make_task(f, "b"), *c = make_task(f, "c");
	assert_write(a, "anon", "190M");
	assert_write(b, "anon", "170M");
	assert_write(a, "oom_score_adj", "0");
	struct caller before = caller_set((struct caller){ .pid = 1, .name = "root", .uid = 0 });
	assert_write(a, "oom_score_adj", "-1000\n");
	caller_set(before);
	assert_attr(a, "oom_score_adj", "-1000\n");
	assert_int_equal(task_oom_score(a), 0);
	assert_write(c, "anon", "+165M"); /* past what is left: b dies, not a */
	assert_attr(a, "anon", "199229440\n");
	assert_attr(b, "anon", "0\n");
	assert_attr(b, "events", "alloc_fail 0\noom_kill 1\n");
	assert_attr(c, "anon", "173015040\n");
	assert_verified(&f->vm);
	end_task(f, a);
	end_task(f, b);
	end_task(f, c);
}

static void test_adj_text(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	static const char *const bad[] = { "-1001", "1001", "x",
					   "1 2",   "0x",   "99999999999999999999",
					   "+-1",   "1k" };
	struct caller before = caller_set((struct caller){ .pid = 1, .name = "root", .uid = 0 });
	assert_attr(t, "oom_score_adj", "0\n");
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		assert_write_fails(t, "oom_score_adj", bad[i], EINVAL);
	assert_write(t, "oom_score_adj", " 0x10 \n");
	assert_attr(t, "oom_score_adj", "16\n");
	assert_write(t, "oom_score_adj", "-5");
	caller_set((struct caller){ .pid = 1, .name = "user", .uid = 1000 });
	assert_write(t, "oom_score_adj", "+1000");
	assert_write(t, "oom_score_adj", "-5");
	assert_write_fails(t, "oom_score_adj", "-6", EACCES);
	caller_set(before);
	assert_attr(t, "oom_score_adj", "-5\n");
	end_task(f, t);
}

static void test_score(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_int_equal(task_oom_score(t), 0); /* nothing to be had */
	assert_write(t, "anon", "256M");
	uint64_t total = f->vm.total_pages, points = NODE_PAGES + 128;
	assert_int_equal(task_oom_score(t), (1000 + points * 1000 / total) * 2 / 3);
	assert_write(t, "oom_score_adj", "1000");
	points += 1000 * (total / 1000);
	assert_int_equal(task_oom_score(t), (1000 + points * 1000 / total) * 2 / 3);
	end_task(f, t);
}

static void test_allocating(void **state)
{
	struct fixture *f = *state;
	struct task *big = make_task(f, "big"), *small = make_task(f, "small");
	f->vm.policy.oom.kill_allocating = 1;
	assert_write(big, "anon", "400M");
	assert_write_fails(small, "anon", "200M", ENOMEM);
	assert_attr(small, "events", "alloc_fail 1\noom_kill 1\n");
	assert_attr(big, "anon", "419430400\n");
	assert_int_equal(
		said(&f->vm, "Out of memory (oom_kill_allocating_task): Killed process 3 (small) "), 1);
	end_task(f, big);
	end_task(f, small);
}

/* Blocks and objects are no user memory: asking for them fails and nobody dies. */
static void test_blocks_do_not_kill(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a"), *other = make_task(f, "b");
	assert_write(other, "anon", "300M");
	assert_write_fails(t, "pages", "0 GFP_KERNEL 100000", ENOMEM);
	assert_attr(t, "pages", "");
	assert_attr(other, "anon", "314572800\n");
	assert_int_equal(kills(&f->vm), 0);
	end_task(f, t);
	end_task(f, other);
}

static void test_nobody_to_kill(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct caller before = caller_set((struct caller){ .pid = 1, .name = "root", .uid = 0 });
	assert_write(t, "oom_score_adj", "-1000");
	assert_write(t, "anon", "100M");
	assert_write_fails(t, "anon", "511M", ENOMEM);
	caller_set(before);
	assert_attr(t, "anon", "104857600\n");
	assert_attr(t, "events", "alloc_fail 1\noom_kill 0\n");
	assert_int_equal(said(&f->vm, "Out of memory and no killable processes..."), 1);
	assert_int_equal(said(&f->vm, "page allocation failure"), 1);
	assert_int_equal(said(&f->vm, "oom-kill:constraint"), 0);
	end_task(f, t);
}

static void test_dump_tasks(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write_fails(t, "anon", "511M", ENOMEM);
	assert_int_equal(said(&f->vm, "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name"),
			 1);
	f->vm.policy.oom.dump_tasks = 0;
	assert_write_fails(t, "anon", "511M", ENOMEM);
	assert_int_equal(said(&f->vm, "Tasks state (memory values in pages):"), 1);
	assert_int_equal(said(&f->vm, "invoked oom-killer"), 2);
	end_task(f, t);
}

static void test_panic(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	f->vm.policy.oom.panic = 1;
	assert_write_fails(t, "anon", "511M", ENOMEM);
	assert_true(f->vm.panicked);
	assert_int_equal(said(&f->vm, "Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled"),
			 1);
	assert_int_equal(kills(&f->vm), 0);
	end_task(f, t);
}

static void test_marks_too_high(void **state)
{
	struct fixture *f = *state;
	struct task *a = make_task(f, "a"), *b = make_task(f, "b");
	assert_write(a, "anon", "200M");
	assert_write(b, "anon", "150M");
	lock_take(&f->vm.machine.tune_lock);
	f->vm.machine.tune.min_free_kbytes = 340 << 10;
	lock_drop(&f->vm.machine.tune_lock);
	machine_update_watermarks(&f->vm.machine);
	assert_write(b, "anon", "+1M");
	assert_attr(a, "events", "alloc_fail 0\noom_kill 1\n");
	assert_attr(b, "anon", "158334976\n");
	assert_int_equal(kills(&f->vm), 1);
	end_task(f, a);
	end_task(f, b);
}

/* Whoever changes the victim takes everything back; the killer waits for it. */
struct writer {
	struct task *t;
	ssize_t result;
};

static void *writer_main(void *arg)
{
	struct writer *w = arg;
	w->result = write_attr(w->t, "anon", "+250M");
	return NULL;
}

static void test_writers_at_once(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	static const char *const name[] = { "a", "b", "c", "d" }, *const cpu[] = { "0", "1", "2", "3" };
	struct writer w[4];
	pthread_t thread[4];
	for (unsigned i = 0; i < 4; i++) {
		w[i].t = make_task(f, name[i]);
		assert_write(w[i].t, "cpu", cpu[i]);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, writer_main, &w[i]), 0);
	uint64_t survived = 0, died = 0;
	for (unsigned i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	for (unsigned i = 0; i < 4; i++) {
		died += w[i].t->events_oom_kill;
		survived += w[i].result > 0 && !w[i].t->events_oom_kill;
		assert_false(task_killed(w[i].t));
	}
	assert_true(died && survived);
	assert_int_equal(kills(&f->vm), died);
	assert_int_equal(f->vm.overcommit.committed_pages, node_sum(&f->vm, NR_ANON_MAPPED));
	assert_verified(&f->vm);
	for (unsigned i = 0; i < 4; i++)
		end_task(f, w[i].t);
	machine_drain(&f->vm.machine);
	assert_free_state(&f->vm, &before);
}

static void test_sigkill(void **state)
{
	struct fixture *f = *state;
	struct task *t;
	char number[16];
	int status;
	assert_int_equal(task_create(&f->vm, "a", getuid(), getgid(), &t), 0);
	pid_t pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	f->vm.oom_sigkill = true;
	snprintf(number, sizeof(number), "%d", (int)pid);
	assert_write(t, "procs", number);
	assert_write_fails(t, "anon", "511M", ENOMEM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	end_task(f, t);
}

/* Memory is short on node 1 only: whoever is bound to other nodes has none there, however large. */
static void test_bound(void **state)
{
	struct fixture *f = *state;
	struct task *elsewhere = make_task(f, "elsewhere"), *small = make_task(f, "small"),
		    *big = make_task(f, "big");
	assert_write(elsewhere, "mempolicy", "bind:0");
	assert_write(elsewhere, "anon", "230M");
	assert_write(small, "mempolicy", "bind:1");
	assert_write(small, "anon", "100M");
	assert_write(big, "mempolicy", "bind:1");
	assert_write_fails(big, "anon", "170M", ENOMEM);
	assert_attr(big, "events", "alloc_fail 1\noom_kill 1\n");
	assert_attr(elsewhere, "anon", "241172480\n");
	assert_attr(small, "anon", "104857600\n");
	assert_int_equal(kills(&f->vm), 1);
	assert_int_equal(said(&f->vm, "oom-kill:constraint=CONSTRAINT_MEMORY_POLICY,nodemask=1,cpuset=/,mems_allowed=0-1,"
				      "global_oom,task_memcg=/,task=big,"),
			 1);
	assert_int_equal(said(&f->vm, "Node 1 DMA32 free:"), 1);
	assert_int_equal(said(&f->vm, "Node 0 DMA32 free:"), 0);
	assert_int_equal(said(&f->vm, " elsewhere"), 0); /* not in the table of tasks */
	assert_verified(&f->vm);
	end_task(f, big);
	end_task(f, small);
	end_task(f, elsewhere);
}

/* As in 6.1 one that is not bound counts as one that may have memory there. */
static void test_bound_and_unbound(void **state)
{
	struct fixture *f = *state;
	struct task *unbound = make_task(f, "unbound"), *big = make_task(f, "big");
	assert_write(unbound, "anon", "230M");
	assert_write(big, "mempolicy", "bind:1");
	assert_write(big, "anon", "200M");
	assert_write(unbound, "mempolicy", "interleave:0");
	assert_write_fails(big, "anon", "260M", ENOMEM);
	assert_attr(big, "events", "alloc_fail 1\noom_kill 1\n");
	assert_attr(unbound, "events", "alloc_fail 0\noom_kill 0\n"); /* smaller by then */
	assert_write(big, "mempolicy", "bind:1");
	assert_write(big, "anon", "200M");
	assert_write(unbound, "anon", "10M");
	assert_write(unbound, "oom_score_adj", "1000");
	assert_write_fails(big, "anon", "260M", ENOMEM); /* the other one's death does not help */
	assert_attr(unbound, "events", "alloc_fail 0\noom_kill 1\n");
	assert_attr(big, "events", "alloc_fail 2\noom_kill 2\n");
	assert_verified(&f->vm);
	end_task(f, big);
	end_task(f, unbound);
}

/* vm.panic_on_oom 1 is about the whole machine. */
static void test_panic_and_policy(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "mempolicy", "bind:1");
	f->vm.policy.oom.panic = 1;
	assert_write_fails(t, "anon", "260M", ENOMEM);
	assert_false(f->vm.panicked);
	assert_attr(t, "events", "alloc_fail 1\noom_kill 1\n");
	f->vm.policy.oom.panic = 2;
	assert_write_fails(t, "anon", "260M", ENOMEM);
	assert_true(f->vm.panicked);
	end_task(f, t);
}

/* Bound to all there is: everybody's shortage. */
static void test_bound_to_all(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "mempolicy", "bind:0-1");
	assert_write_fails(t, "anon", "511M", ENOMEM);
	assert_int_equal(said(&f->vm, "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),"), 1);
	assert_int_equal(said(&f->vm, "Node 0 DMA32 free:"), 1);
	end_task(f, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_grower_dies),
		TEST(test_another_dies),
		TEST(test_adj),
		TEST(test_adj_text),
		TEST(test_score),
		TEST(test_allocating),
		TEST(test_blocks_do_not_kill),
		TEST(test_nobody_to_kill),
		TEST(test_dump_tasks),
		TEST(test_panic),
		TEST(test_bound),
		TEST(test_bound_and_unbound),
		TEST(test_panic_and_policy),
		TEST(test_bound_to_all),
		TEST(test_marks_too_high),
		TEST(test_writers_at_once),
		TEST(test_sigkill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
