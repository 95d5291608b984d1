/* SPDX-License-Identifier: MIT */
/*
 * The file tree as a whole: bringing it up over a store and taking it down,
 * the gate that every operation passes, and the CPU that works for a caller.
 *
 * Different from Linux: there is one file system, and it is not looked at
 * before somebody looks into files/.
 */
#include "vm/file_private.h"

#include "base/caller.h"
#include "base/log.h"
#include "base/mem.h"
#include "vm/filemap.h"
#include "vm/task_private.h"
#include "vm/writeback.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

/* Which CPU works for this thread's caller, between files_enter and files_leave. */
static _Thread_local struct {
	const struct files *files; /* NULL: it is outside */
	struct cpu *cpu;
	/* what it was found for; kept outside as well */
	uint64_t cpu_of; /* birth of the files */
	pid_t pid;
	uint64_t change;
} at_work;
static uint64_t births; /* atomic: a struct may lie where an earlier one did */

static void locks_init(struct files *f)
{
	gate_init(&f->gate);
	pthread_rwlock_init(&f->rename, NULL);
	lock_init(&f->lock, RANK_FILES, 0);
	lock_init(&f->start, RANK_TASK, 1);
	for (unsigned n = 0; n < FILE_OPEN_LOCKS; n++)
		lock_init(&f->open_lock[n], RANK_TASK, 2);
}

static void locks_fini(struct files *f)
{
	for (unsigned n = 0; n < FILE_OPEN_LOCKS; n++)
		lock_fini(&f->open_lock[n]);
	lock_fini(&f->start);
	lock_fini(&f->lock);
	pthread_rwlock_destroy(&f->rename);
	pthread_rwlock_destroy(&f->gate);
}

static int tables_init(struct files *f)
{
	int error = file_slots_init(f);
	if (error)
		return error;
	error = file_name_tables_init(f);
	f->lru = error ? NULL : mem_zalloc(f->vm->machine.nr_nodes * sizeof(*f->lru));
	if (f->lru)
		error = filemap_init(f);
	if (f->lru && !error) {
		error = shrinker_register(&f->vm->policy, &f->shrinker);
		if (!error)
			return 0;
		filemap_fini(f);
	}
	mem_free(f->lru);
	file_name_tables_fini(f);
	file_slots_fini(f);
	return -ENOMEM;
}

int files_init_over(struct files *f, struct vm *vm)
{
	f->shrinker = (struct shrinker){ .name = "files",
					 .count = files_shrink_count,
					 .scan = files_shrink_scan,
					 .ctx = f,
					 .seeks = DEFAULT_SEEKS };
	f->vm = vm;
	f->birth = 1 + __atomic_fetch_add(&births, 1, __ATOMIC_RELAXED);
	locks_init(f);
	int error = tables_init(f);
	if (error) {
		locks_fini(f);
		f->vm = NULL;
	}
	return error;
}

int files_init(struct files *f, struct vm *vm, const struct files_config *c, struct why *why)
{
	memset(f, 0, sizeof(*f));
	f->vm = vm;
	bool in_memory = c->source && !strcmp(c->source, "none");
	int error = in_memory ? memory_store_init(f, why) : source_store_init(f, c->source, why);
	if (!error) {
		error = files_init_over(f, vm);
		if (error) {
			f->store->fini(f);
			why_set(why, error, "no memory for the tables of files/");
		}
	}
	if (error)
		f->vm = NULL;
	return error;
}

static void files_flush(struct files *f)
{
	if (!f->writeback)
		return;
	writeback_stop(f);
	files_enter(f);
	int error = f->root ? files_sync(f, false) : 0;
	files_leave(f);
	if (error)
		log_err("files: the source does not have all that was written: %s", strerror(-error));
}

/* shrinker_register has no counterpart: the list of shrinkers ends with the policy, which ends after us. */
void files_fini(struct files *f)
{
	if (!f->vm)
		return;
	files_flush(f);
	if (f->writeback)
		writeback_fini(f);
	file_tables_fini(f);
	file_name_tables_fini(f);
	filemap_fini(f);
	f->store->fini(f);
	mem_free(f->lru);
	f->lru = NULL;
	locks_fini(f);
	f->vm = NULL;
}

/* ---- The gate, and on which CPU ---- */

static struct cpu *cpu_by_number(const struct vm *vm, pid_t pid)
{
	const struct machine *m = &vm->machine;
	unsigned skip = vm->deterministic ? 0 : (unsigned)pid % m->nr_cpus_online;
	unsigned cpu = mask_next(&m->cpus_online, 0);
	while (skip--)
		cpu = mask_next(&m->cpus_online, cpu + 1);
	return &m->cpu[cpu];
}

static struct cpu *cpu_of_process(struct vm *vm, pid_t pid)
{
	struct task *t = task_find_proc(vm, pid);
	struct cpu *c = t ? task_cpu(t) : cpu_by_number(vm, pid);
	if (t)
		task_put(t);
	return c;
}

/* Found once for a caller, and again when processes or tasks have moved. No lock held. */
static void at_work_begin(struct files *f)
{
	struct vm *vm = f->vm;
	pid_t pid = caller_pid();
	uint64_t change = __atomic_load_n(&vm->tasks.procs_change, __ATOMIC_RELAXED);
	at_work.files = f;
	if (at_work.cpu_of == f->birth && at_work.pid == pid && at_work.change == change)
		return;
	at_work.cpu = change ? cpu_of_process(vm, pid) : cpu_by_number(vm, pid);
	at_work.cpu_of = f->birth;
	at_work.pid = pid;
	at_work.change = change;
}

void files_enter(struct files *f)
{
	at_work_begin(f);
	pthread_rwlock_rdlock(&f->gate);
}

bool files_try_enter(struct files *f)
{
	if (pthread_rwlock_tryrdlock(&f->gate))
		return false;
	/* A flusher's or reclaim's own number, so nothing needs to be asked with what it holds. */
	at_work.files = f;
	at_work.cpu_of = f->birth;
	at_work.pid = -1;
	at_work.cpu = cpu_by_number(f->vm, caller_pid());
	return true;
}

void files_leave(struct files *f)
{
	at_work.files = NULL;
	pthread_rwlock_unlock(&f->gate);
}

bool files_entered(const struct files *f)
{
	return at_work.files == f;
}

struct cpu *files_cpu(const struct files *f)
{
	return files_entered(f) ? at_work.cpu : cpu_by_number(f->vm, caller_pid());
}

int files_statfs(struct files *f, struct statvfs *st)
{
	return f->store->statfs(f, st);
}
