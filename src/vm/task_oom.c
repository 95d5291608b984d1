/* SPDX-License-Identifier: MIT */
/*
 * Killing a task: it is marked, told in its `events`, and all that its process
 * would lose at exit comes back: anonymous memory, huge pages, page tables,
 * blocks, objects. Page cache outlives a process, and so it does here. The
 * directory stays, empty, for whoever has it open, until rmdir; the mark goes
 * with the last page.
 *
 * One thread at a time kills (vm->oom_lock), and only while it has found no
 * victim that still has something to give back, so one shortage costs one task.
 * The killer comes from inside a change of another task and so holds that one's
 * lock. It takes the victim's only if nobody has it (lock_try_now). If somebody
 * does, that thread is changing the victim: it sees the mark after the batch
 * it is at, gives everything back itself and fails with ENOMEM, while the killer
 * waits a moment and asks again. So no lock is ever waited for here, and if the
 * victim's thread is itself held up, the request fails after OOM_WAITS_MAX.
 *
 * Tasks are found in the table without its lock, which is below those that the
 * killer holds: an entry goes under vm->oom_lock.
 *
 * Different from Linux: a write that asks for blocks, objects or huge pages
 * never kills but fails, and so does the daemon's own need of objects, which has
 * a reserve; with nobody left to kill the request fails, too, where
 * Linux panics; a task without memory of its own is like a kernel thread, no
 * candidate.
 */
#include "vm/task_oom.h"

#include "base/caller.h"
#include "base/client.h"
#include "vm/task_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static _Thread_local struct task *current; /* whose change this thread works on */
static _Thread_local bool others_ask; /* vm_oom_asks */

/* ---- Looking ---- */

/* What the killer would see of it now. No lock needed. */
static void task_oom_look(const struct task *t, struct oom_task *out)
{
	uint64_t huge_pages = task_huge_mapped_pages(t);
	uint64_t tables = page_index_nr(&t->anon_tables) + page_index_nr(&t->hugetlb_tables);
	uint64_t anon_pages = page_index_nr(&t->anon);
	*out = (struct oom_task){
		.id = t->id,
		.pid = t->pid,
		.uid = t->uid,
		.adj = READ_RELAXED(&t->oom_score_adj),
		.total_vm = anon_pages + huge_pages,
		.anon_pages = anon_pages,
		.table_pages = tables,
		.mempolicy = &t->mempolicy,
		.has_memory = anon_pages + huge_pages + tables,
		/* of one that is ending everything comes back anyway */
		.is_victim = task_killed(t) || (task_dead(t) && anon_pages + huge_pages),
	};
	snprintf(out->comm, sizeof(out->comm), "%.*s", CALLER_COMM - 1, t->name);
}

static uint64_t oom_swap_pages(const struct vm *vm)
{
	return vm->machine.facts.swap_total_kb >> (PAGE_SHIFT - 10);
}

uint64_t task_oom_score(const struct task *t)
{
	struct oom_task seen;
	uint64_t total_pages = t->vm->total_pages + oom_swap_pages(t->vm);
	task_oom_look(t, &seen);
	return oom_score(oom_badness(&seen, total_pages), total_pages);
}

/* oom_lock */
static struct task *slot_task(struct vm *vm, uint32_t id)
{
	return __atomic_load_n(&vm->tasks.slot[id], __ATOMIC_ACQUIRE);
}

static bool task_look_next(void *ctx, uint32_t *id, struct oom_task *out)
{
	struct vm *vm = ctx;
	uint32_t end = READ_RELAXED(&vm->tasks.nr_slots);
	while (++*id < end) {
		const struct task *t = slot_task(vm, *id);
		if (!t)
			continue;
		task_oom_look(t, out);
		return true;
	}
	return false;
}

/* Of those whose end can help. */
static struct oom_choice victim_choose(struct vm *vm, const struct oom_request *r, uint64_t total_pages)
{
	struct oom_choice choice = { .points = OOM_UNKILLABLE };
	struct oom_task t;
	for (uint32_t id = 0; task_look_next(vm, &id, &t);)
		if (oom_eligible(&t, r->nodes) && !oom_consider(&choice, &t, total_pages))
			break;
	return choice;
}

/* ---- Taking. task->lock held ---- */

static void task_strip(struct task *t)
{
	int error = task_anon_set(t, 0);
	ASSERT(!error);
	task_tables_shrink(t, &t->anon_tables, 0); /* an imported task may have them without memory */
	task_hugetlb_free_all(t);
	task_pages_free_all(t);
	task_objects_free_all(t);
	cpu_stat_fold(&t->vm->machine.cpu[t->cpu]);
	WRITE_RELAXED(&t->oom_victim, false);
}

/* Everything back now. False: somebody is at it, and will see to it. */
static bool victim_strip(struct task *t)
{
	if (task_dead(t) || !lock_try_now(&t->lock))
		return false;
	t->oom_stripped = true;
	if (task_killed(t))
		task_strip(t);
	t->oom_stripped = false;
	lock_drop(&t->lock);
	return true;
}

static enum oom_answer moment_wait(void)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	nanosleep(&moment, NULL);
	return OOM_WAIT;
}

/* A victim of ours, or of an earlier killer. */
static enum oom_answer victim_answer(struct task *t)
{
	if (t == current)
		return OOM_DYING;
	return victim_strip(t) ? OOM_AGAIN : moment_wait();
}

static enum oom_answer task_kill(const struct oom_request *r, const struct oom_task *seen, const char *why)
{
	struct vm *vm = r->policy->oom.ctx;
	struct task *t = slot_task(vm, seen->id);
	cpu_enter(r->cpu);
	event_add(r->cpu, OOM_KILL, 1);
	cpu_leave(r->cpu);
	report_oom_kill(r, why, seen);
	WRITE_RELAXED(&t->oom_victim, true);
	task_event_count(t, &t->events_oom_kill);
	if (vm->oom_sigkill)
		task_procs_kill(t);
	return victim_answer(t);
}

/* ---- Deciding. oom_lock ---- */

static int requester_adj(void)
{
	return current ? READ_RELAXED(&current->oom_score_adj) : 0;
}

static void report(const struct oom_request *r, const struct oom_task *victim, bool limited)
{
	report_oom(r, requester_adj(), task_look_next, r->policy->oom.ctx, victim, limited);
}

static enum oom_answer panic(const struct oom_request *r, struct vm *vm, int level)
{
	report(r, NULL, false);
	report_oom_panic(r, level);
	WRITE_RELAXED(&vm->panicked, true);
	return OOM_REFUSED;
}

static enum oom_answer nobody_left(const struct oom_request *r)
{
	report(r, NULL, true);
	report_oom_nobody(r);
	return OOM_REFUSED;
}

static bool requester_chosen(const struct oom_request *r, struct oom_task *out)
{
	if (!READ_RELAXED(&r->policy->oom.kill_allocating) || !current)
		return false;
	task_oom_look(current, out);
	return out->has_memory && out->adj != OOM_SCORE_ADJ_MIN && oom_eligible(out, r->nodes);
}

static enum oom_answer oom_kill(void *ctx, const struct oom_request *asked)
{
	struct vm *vm = ctx;
	struct oom_request constrained = *asked, *r = &constrained;
	struct oom_task requester;
	uint64_t total_pages = oom_constrain(r, vm->total_pages, oom_swap_pages(vm));
	int level = READ_RELAXED(&r->policy->oom.panic);
	if (level == 2 || (level && !r->nodes)) /* a policy's own shortage is no reason, unless told so */
		return panic(r, vm, level);

	struct oom_choice choice = victim_choose(vm, r, total_pages);
	if (choice.waits)
		return victim_answer(slot_task(vm, choice.task.id));
	if (requester_chosen(r, &requester)) {
		report(r, &requester, true);
		return task_kill(r, &requester, "Out of memory (oom_kill_allocating_task)");
	}
	if (!choice.found)
		return nobody_left(r);
	report(r, &choice.task, true);
	return task_kill(r, &choice.task, "Out of memory");
}

/* Whoever changes no task passes the gate here, so that nobody looks at a machine half way. */
static bool gate_pass_once(struct vm *vm)
{
	return current || !pthread_rwlock_tryrdlock(&vm->tasks.gate);
}

static void gate_leave_again(struct vm *vm)
{
	if (!current)
		pthread_rwlock_unlock(&vm->tasks.gate);
}

static enum oom_answer oom_begin(void *ctx)
{
	struct vm *vm = ctx;
	if (READ_RELAXED(&vm->panicked) || !(current ? current->oom_asks : others_ask))
		return OOM_REFUSED;
	if (current && task_killed(current))
		return OOM_DYING;
	if (current && task_dead(current))
		return OOM_REFUSED;
	if (!gate_pass_once(vm))
		return moment_wait();
	if (lock_try_now(&vm->oom_lock))
		return OOM_AGAIN;
	gate_leave_again(vm);
	return moment_wait();
}

static void oom_end(void *ctx)
{
	struct vm *vm = ctx;
	lock_drop(&vm->oom_lock);
	gate_leave_again(vm);
}

static const struct oom_ops task_oom_ops = { .begin = oom_begin, .kill = oom_kill, .end = oom_end };

void vm_oom_init(struct vm *vm)
{
	lock_init(&vm->oom_lock, RANK_OOM, 0);
	vm->policy.oom.ops = &task_oom_ops;
	vm->policy.oom.ctx = vm;
}

void vm_oom_fini(struct vm *vm)
{
	lock_fini(&vm->oom_lock);
}

bool vm_oom_asks(bool asks)
{
	bool before = others_ask;
	others_ask = asks;
	return before;
}

/* ---- A change of one task ---- */

void task_oom_enter(struct task *t, bool asks)
{
	t->oom_asks = asks;
	current = t;
}

int task_oom_leave(struct task *t, int error)
{
	current = NULL;
	t->oom_asks = false;
	if (!task_killed(t))
		return error;
	client_fails(-ENOMEM); /* what is left to do is giving back */
	task_strip(t);
	return -ENOMEM;
}

/* ---- oom_score_adj (fs/proc/base.c: oom_score_adj_write, 6.1) ---- */

int task_oom_adj_show(struct task *t, struct text *out)
{
	text_i64(out, READ_RELAXED(&t->oom_score_adj));
	text_char(out, '\n');
	return 0;
}

/* A number as C writes it, of one sign at most, with blanks around it. */
static int adj_parse(const char *line, int *out)
{
	static const char blanks[] = " \t\n\v\f\r";
	char *end;
	line += strspn(line, blanks);
	errno = 0;
	long v = strtol(line, &end, 0);
	if (end == line || errno || end[strspn(end, blanks)])
		return -EINVAL;
	if (v < OOM_SCORE_ADJ_MIN || v > OOM_SCORE_ADJ_MAX)
		return -EINVAL;
	*out = (int)v;
	return 0;
}

/* Below what root has set last, only root may go. task->lock held. */
int task_oom_adj_store(struct task *t, char *line)
{
	int adj = 0, error = adj_parse(line, &adj);
	if (error)
		return error;
	if (t->writer && adj < t->oom_score_adj_min)
		return -EACCES;
	WRITE_RELAXED(&t->oom_score_adj, (int16_t)adj);
	if (!t->writer)
		t->oom_score_adj_min = (int16_t)adj;
	return 0;
}
