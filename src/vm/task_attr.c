/* SPDX-License-Identifier: MIT */
/*
 * The files of tasks/NAME: one row each. A line is stored whole or not at all,
 * under the task's lock, so that clients can share a task; between the lines
 * of one write others may come in. A client that is interrupted during a line
 * that takes gets EINTR and the line is undone; during one that gives, the
 * line is the last one stored.
 */
#include "vm/task_oom.h"
#include "vm/task_private.h"

#include "base/caller.h"
#include "base/client.h"
#include "base/parse.h"
#include "policy/gfp.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define LINE_BYTES 512

/* ---- anon, file: bytes ---- */

static void show_bytes(struct text *out, uint64_t pages)
{
	text_u64(out, pages << PAGE_SHIFT);
	text_char(out, '\n');
}

static int parse_target(char *line, uint64_t now, uint64_t *target)
{
	char *word;
	struct amount a;
	int error = words_split(line, &word, 1);
	if (!error)
		error = amount_parse_pages(word, &a);
	return error ? error : amount_apply(&a, now, target);
}

static int anon_show(struct task *t, struct text *out)
{
	show_bytes(out, page_index_nr(&t->anon));
	return 0;
}

static int anon_store(struct task *t, char *line)
{
	uint64_t target;
	int error = parse_target(line, page_index_nr(&t->anon), &target);
	return error ? error : task_anon_set(t, target);
}

static int file_show(struct task *t, struct text *out)
{
	show_bytes(out, page_index_nr(&t->file));
	return 0;
}

static int file_store(struct task *t, char *line)
{
	uint64_t target;
	int error = parse_target(line, page_index_nr(&t->file), &target);
	return error ? error : task_file_set(t, target);
}

/* ---- pages: ORDER GFP COUNT ---- */

static int pages_show(struct task *t, struct text *out)
{
	task_pages_show(t, out);
	return 0;
}

static int pages_store(struct task *t, char *line)
{
	char *word[3];
	uint64_t order, target;
	gfp_t gfp;
	struct amount a;

	int error = words_split(line, word, ARRAY_LEN(word));
	if (error)
		return error;
	if (parse_u64(word[0], &order) || order > MM_ORDER_MAX || gfp_parse(word[1], &gfp))
		return -EINVAL;
	error = amount_parse(word[2], &a);
	if (!error)
		error = amount_apply(&a, task_pages_count(t, (unsigned)order, gfp), &target);
	return error ? error : task_pages_set(t, (unsigned)order, gfp, target);
}

/* ---- cpu ---- */

static int cpu_show(struct task *t, struct text *out)
{
	text_u64(out, READ_RELAXED(&t->cpu));
	text_char(out, '\n');
	return 0;
}

static int cpu_store(struct task *t, char *line)
{
	char *word;
	uint64_t cpu;
	int error = words_split(line, &word, 1);
	if (error)
		return error;
	if (parse_u64(word, &cpu) || cpu >= MASK_BITS ||
	    !mask_has(&t->vm->machine.cpus_online, (unsigned)cpu))
		return -EINVAL;
	WRITE_RELAXED(&t->cpu, (unsigned)cpu);
	__atomic_fetch_add(&t->vm->tasks.procs_change, 1, __ATOMIC_RELAXED);
	return 0;
}

/* ---- procs: PID adds, -PID takes ---- */

static int procs_show(struct task *t, struct text *out)
{
	task_procs_show(t, out);
	return 0;
}

static int procs_store(struct task *t, char *line)
{
	char *word;
	struct amount pid;
	int error = words_split(line, &word, 1);
	if (!error)
		error = amount_parse(word, &pid);
	if (error)
		return error;
	if (!pid.n || pid.n > INT_MAX)
		return -EINVAL;
	return pid.op == AMOUNT_SUB ? task_procs_del(t, (pid_t)pid.n) : task_procs_add(t, (pid_t)pid.n);
}

/* ---- pid, events ---- */

static int pid_show(struct task *t, struct text *out)
{
	text_i64(out, t->pid);
	text_char(out, '\n');
	return 0;
}

void task_event_count(struct task *t, uint64_t *count)
{
	const struct tasks *ts = &t->vm->tasks;
	__atomic_fetch_add(count, 1, __ATOMIC_RELEASE);
	if (ts->event)
		ts->event(ts->event_ctx, t);
}

static int events_show(struct task *t, struct text *out)
{
	text_printf(out, "alloc_fail %lu\noom_kill %lu\n",
		    (unsigned long)READ_RELAXED(&t->events_alloc_fail),
		    (unsigned long)READ_RELAXED(&t->events_oom_kill));
	return 0;
}

const struct task_attr task_attr_table[] = {
	{ .name = "anon", .mode = 0644, .show = anon_show, .store = anon_store, .may_kill = true },
	{ .name = "mem", .mode = 0600, .is_mem = true },
	{ .name = "file", .mode = 0644, .show = file_show, .store = file_store },
	{ .name = "pages", .mode = 0644, .show = pages_show, .store = pages_store },
	{ .name = "slab", .mode = 0644, .show = task_slab_show, .store = task_slab_store },
	{ .name = "kmalloc", .mode = 0644, .show = task_kmalloc_show, .store = task_kmalloc_store },
	{ .name = "hugetlb", .mode = 0644, .show = task_hugetlb_show, .store = task_hugetlb_store },
	{ .name = "mempolicy", .mode = 0644, .show = task_mempolicy_show, .store = task_mempolicy_store },
	{ .name = "cpu", .mode = 0644, .show = cpu_show, .store = cpu_store },
	{ .name = "procs", .mode = 0644, .show = procs_show, .store = procs_store },
	{ .name = "oom_score_adj", .mode = 0644, .show = task_oom_adj_show, .store = task_oom_adj_store },
	{ .name = "pid", .mode = 0444, .show = pid_show },
	{ .name = "events", .mode = 0444, .show = events_show, .can_poll = true },
};
const unsigned nr_task_attrs = ARRAY_LEN(task_attr_table);

const struct task_attr *task_attr_find(const char *name)
{
	for (unsigned i = 0; i < nr_task_attrs; i++)
		if (!strcmp(task_attr_table[i].name, name))
			return &task_attr_table[i];
	return NULL;
}

/* ---- Reading and writing a file ---- */

int task_attr_read(struct task *t, const struct task_attr *a, struct text *out)
{
	if (task_dead(t))
		return -ENODEV;
	int error = a->show(t, out);
	return error ? error : text_error(out);
}

static bool line_blank(const char *line, size_t len)
{
	while (len && (*line == ' ' || *line == '\t'))
		line++, len--;
	return !len;
}

/* Without its newline. */
static int line_store(struct task *t, const struct task_attr *a, const char *line, size_t len)
{
	char copy[LINE_BYTES];
	if (line_blank(line, len))
		return 0;
	if (len >= sizeof(copy) || memchr(line, '\0', len))
		return -EINVAL;
	memcpy(copy, line, len);
	copy[len] = '\0';

	int error = task_lock(t);
	if (error)
		return error;
	t->writer = caller_uid();
	task_oom_enter(t, a->may_kill);
	struct caller before =
		caller_set((struct caller){ .pid = t->pid, .name = t->name, .uid = t->uid });
	error = task_dead(t) ? -ENODEV : a->store(t, copy);
	caller_set(before);
	error = task_oom_leave(t, error);
	cpu_stat_fold(&t->vm->machine.cpu[t->cpu]); /* it is idle now */
	task_unlock(t);
	if (error == -ENOMEM)
		task_event_count(t, &t->events_alloc_fail);
	return error;
}

ssize_t task_attr_write(struct task *t, const struct task_attr *a, const char *buf, size_t len)
{
	size_t done = 0;
	if (!a->store)
		return -EACCES;
	if (task_dead(t))
		return -ENODEV;
	while (done < len) {
		const char *line = buf + done, *end = memchr(line, '\n', len - done);
		size_t line_len = end ? (size_t)(end - line) : len - done;
		size_t next = done + line_len + !!end;
		client_outcome(done ? (ssize_t)done : -EINTR, (ssize_t)next);
		int error = line_store(t, a, line, line_len);
		if (error)
			return done ? (ssize_t)done : error;
		if (client_answered())
			break;
		done = next;
	}
	return (ssize_t)done;
}
