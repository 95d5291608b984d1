/* SPDX-License-Identifier: MIT */
/* All checks of one machine: see vm_verify.h. */
#include "vm/vm_verify.h"

#include "mm/verify.h"
#include "vm/files_verify.h"
#include "vm/vm.h"

/* The flusher works between its gate, reclaim inside a CPU: with both held the files stand still. */
static unsigned files_check(struct vm *vm, struct text *out)
{
	if (!vm->files.vm)
		return 0;
	pthread_rwlock_wrlock(&vm->files.gate);
	machine_stop(&vm->machine);
	unsigned findings = files_verify(&vm->files, out);
	machine_resume(&vm->machine);
	pthread_rwlock_unlock(&vm->files.gate);
	return findings;
}

static unsigned hugetlbfs_check(struct vm *vm, struct text *out)
{
	if (!vm->hugetlbfs.vm)
		return 0;
	pthread_rwlock_wrlock(&vm->hugetlbfs.gate);
	machine_stop(&vm->machine);
	unsigned findings = hugetlbfs_verify(&vm->hugetlbfs, out);
	machine_resume(&vm->machine);
	pthread_rwlock_unlock(&vm->hugetlbfs.gate);
	return findings;
}

unsigned vm_verify(struct vm *vm, struct text *out)
{
	return mm_verify(&vm->machine, out) + files_check(vm, out) + hugetlbfs_check(vm, out);
}
