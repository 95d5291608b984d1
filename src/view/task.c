/* SPDX-License-Identifier: MIT */
/*
 * proc/PID (fs/proc/array.c, fs/proc/task_mmu.c, 6.1). A task is memory and
 * nothing else: it never runs, so of status there are only the lines that are
 * facts about it. Its address space is its anonymous memory and its huge
 * pages; the page cache it has read is not mapped, and blocks from the buddy
 * system are not user memory, so neither is in it.
 */
#include "view/views.h"

#include "vm/task_oom.h"
#include "vm/vm.h"

#include <string.h>

#define COMM_BYTES 15 /* 6.1: TASK_COMM_LEN, less the NUL */

static size_t comm_len(const struct task *task)
{
	return strnlen(task->name, COMM_BYTES);
}

/* As status writes a name: a newline and a backslash are escaped, so that it stays one line. */
static void name_line(struct text *t, const struct task *task)
{
	text_str(t, "Name:\t");
	for (size_t i = 0; i < comm_len(task); i++) {
		if (task->name[i] == '\n')
			text_str(t, "\\n");
		else if (task->name[i] == '\\')
			text_str(t, "\\\\");
		else
			text_char(t, task->name[i]);
	}
	text_char(t, '\n');
}

static void ids_line(struct text *t, const char *label, unsigned id)
{
	text_printf(t, "%s:\t%u\t%u\t%u\t%u\n", label, id, id, id, id);
}

static void kb_line(struct text *t, const char *label, uint64_t pages)
{
	text_str(t, label);
	text_str(t, ":\t");
	text_u64_right(t, PAGES_TO_KB(pages), 8);
	text_str(t, " kB\n");
}

static void memory_lines(struct text *t, const struct task_usage *u)
{
	kb_line(t, "VmSize", u->anon_pages + u->hugetlb_mapped_pages);
	kb_line(t, "VmLck", 0);
	kb_line(t, "VmPin", 0);
	kb_line(t, "VmRSS", u->anon_pages);
	kb_line(t, "RssAnon", u->anon_pages);
	kb_line(t, "RssFile", 0);
	kb_line(t, "RssShmem", 0);
	kb_line(t, "VmData", u->anon_pages + u->hugetlb_mapped_pages);
	kb_line(t, "VmStk", 0);
	kb_line(t, "VmExe", 0);
	kb_line(t, "VmLib", 0);
	kb_line(t, "VmPTE", u->table_pages);
	kb_line(t, "VmSwap", 0);
	kb_line(t, "HugetlbPages", u->hugetlb_pages);
}

void view_task_status(struct text *t, struct task *task)
{
	struct task_usage u;
	task_usage(task, &u);
	name_line(t, task);
	text_printf(t, "State:\tS (sleeping)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t0\nTracerPid:\t0\n",
		    task->pid, task->pid);
	ids_line(t, "Uid", task->uid);
	ids_line(t, "Gid", task->gid);
	memory_lines(t, &u);
}

/* size resident shared text lib data dt, in pages */
void view_task_statm(struct text *t, struct task *task)
{
	struct task_usage u;
	task_usage(task, &u);
	uint64_t size = u.anon_pages + u.hugetlb_mapped_pages;
	text_printf(t, "%lu %lu 0 0 0 %lu 0\n", (unsigned long)size, (unsigned long)u.anon_pages,
		    (unsigned long)size);
}

void view_task_comm(struct text *t, struct task *task)
{
	text_bytes(t, task->name, comm_len(task));
	text_char(t, '\n');
}

void view_task_oom_score(struct text *t, struct task *task)
{
	text_u64(t, task_oom_score(task));
	text_char(t, '\n');
}

void view_task_oom_score_adj(struct text *t, struct task *task)
{
	text_i64(t, READ_RELAXED(&task->oom_score_adj));
	text_char(t, '\n');
}
