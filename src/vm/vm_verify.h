/* SPDX-License-Identifier: MIT */
#ifndef VM_VM_VERIFY_H
#define VM_VM_VERIFY_H

struct text;
struct vm;

/*
 * Everything that can be checked while nothing moves: frames, lists and slabs
 * (mm/verify.h), files and their pages (vm/files_verify.h). No operation is under
 * way; kswapd and the flusher may be. Returns the number of findings; each is a
 * line of `out`. Debug builds do it before the daemon ends. Inside no CPU.
 */
unsigned vm_verify(struct vm *vm, struct text *out);

#endif
