/* SPDX-License-Identifier: MIT */
/*
 * Requests to compact (mm/compaction.c: sysctl_compaction_handler,
 * compact_store, compaction_proactiveness_sysctl_handler, 6.1). A write
 * takes as long as compacting everything does; a client that does not wait for
 * it any longer ends it, which 6.1 would not. All without knob_lock.
 */

#include "knob/knob_ops.h"

#include "knob/sysctl_parse.h"
#include "knob/sysfs_parse.h"
#include "policy/compact.h"

#include <errno.h>

static ssize_t memory_compact(struct vm *vm, size_t len)
{
	int error = compact_all_nodes(&vm->policy);
	return error ? error : (ssize_t)len;
}

/* Any text is a request. */
ssize_t knob_store_compact_memory(const struct knob *k, struct vm *vm, unsigned arg,
				  const char *buf, size_t len)
{
	(void)k;
	(void)arg;
	(void)buf;
	return memory_compact(vm, len);
}

/* 6.12 looks at the number after it was stored: any write fails while the one that was stored last is not 1. */
ssize_t knob_pass_compact_memory_one(const struct knob *k, struct vm *vm, size_t len)
{
	(void)k;
	return READ_RELAXED(&vm->policy.compact.memory) == 1 ? memory_compact(vm, len) : -EINVAL;
}

ssize_t knob_store_compact_memory_one(const struct knob *k, struct vm *vm, unsigned arg,
				      const char *buf, size_t len)
{
	ssize_t taken = knob_store_int(k, vm, arg, buf, len);
	return taken < 0 ? taken : knob_pass_compact_memory_one(k, vm, (size_t)taken);
}

ssize_t knob_store_compact_node(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	(void)k;
	(void)buf;
	int error = compact_node(&vm->policy, &vm->machine.node[arg]);
	return error ? error : (ssize_t)MIN(len, (size_t)SYSFS_WINDOW);
}

void knob_apply_compaction_proactiveness(struct vm *vm)
{
	if (READ_RELAXED(&vm->policy.compact.proactiveness))
		kcompactd_look_now(&vm->policy);
}
