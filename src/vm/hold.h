/* SPDX-License-Identifier: MIT */
#ifndef VM_HOLD_H
#define VM_HOLD_H

/*
 * Stop everything that changes the machine, to look at all of it at one
 * instant: knob writes, operations on files, tasks and what they hold, marks, slab caches, every CPU. A change of
 * a task that is under way stops at the end of a slice, other changes are waited
 * for. The caller holds no lock of a rank above RANK_FS and is inside no CPU.
 */

#include "vm/vm.h"

void vm_hold(struct vm *vm);
/* Let everything go on but tasks and dev/hugepages, whose bytes stay as they are; then vm_release_tasks. */
void vm_release_machine(struct vm *vm);
void vm_release_tasks(struct vm *vm);

#endif
