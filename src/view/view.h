/* SPDX-License-Identifier: MIT */
#ifndef VIEW_VIEW_H
#define VIEW_VIEW_H

/*
 * A view is a pure function of a snapshot: it takes no lock and knows no FUSE.
 * One row of view_table is one file of the tree; `%u` in its path stands for a
 * node or CPU number, each such row is one file per node or CPU.
 */

#include "base/text.h"
#include "vm/snapshot.h"

enum view_scope { VIEW_ONCE, VIEW_NODE, VIEW_CPU, VIEW_TASK /* proc/%u: arg is the task's pid */ };
enum view_style {
	VIEW_PROC, /* size 0; writing by root is EIO */
	VIEW_SYSFS, /* size 4096; writing is EACCES */
	VIEW_PLAIN, /* README, SMBIOS tables: real size */
};

struct view {
	const char *path; /* below the mount, "proc/zoneinfo" */
	uint16_t mode; /* 0444, 0400 */
	uint8_t scope; /* enum view_scope */
	uint8_t style; /* enum view_style */
	unsigned parts; /* enum snapshot_part */
	void (*render)(struct text *t, const struct snapshot *s, unsigned arg);
	bool (*shown)(const struct machine *m, unsigned arg); /* NULL: always */
	void (*render_task)(struct text *t, struct task *task); /* VIEW_TASK instead of render */
	const char *task_attr; /* VIEW_TASK: a write is one to this row of task_attr_table; NULL: it is EIO */
	ssize_t (*store)(struct vm *vm, const char *buf, size_t len); /* one write, wherever it is; NULL: nothing takes one */
};

extern const struct view view_table[];
extern const unsigned nr_views;

/* Symbolic links of the tree, same scopes: "sys/devices/system/node/node%u/cpu%u" and the like are made by fs from the machine. */

#endif
