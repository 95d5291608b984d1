/* SPDX-License-Identifier: MIT */
/*
 * Knobs of the pools of huge pages (mm/hugetlb.c: the attributes of an hstate
 * and the sysctls of the default one, 6.1). nr_hugepages of the whole machine
 * reads what was asked for and granted; the files under sys count surplus pages
 * as well. A number that cannot be had gives what is there: 6.1 reports no
 * shortage here either, reading back shows it.
 *
 * A change of size may take long. It holds the pool's resize_lock from begin to
 * end, and knob_lock for a slice of some milliseconds at a time, so that other
 * knobs are written and the machine is held in between. Whoever is interrupted
 * while it waits for another change gets EINTR; interrupted later, what is there
 * by then stays, and the write counts as done, as in 6.1.
 */

#include "knob/knob_ops.h"

#include "base/caller.h"
#include "base/client.h"
#include "base/log.h"
#include "knob/sysfs_parse.h"
#include "policy/hugetlb_resize.h"
#include "vm/progress.h"
#include "vm/vm.h"

#include <errno.h>
#include <time.h>

#define WAIT_MS 20

uint64_t knob_unasked_frames = 1ull << 19; /* 2 GiB, at most 16 MiB of entries */

static struct hugetlb *knob_pool(const struct knob *k, struct vm *vm)
{
	return &vm->hugetlb[k->pool];
}

int knob_show_hugetlb_node(const struct knob *k, struct vm *vm, unsigned arg, struct text *out)
{
	const char *node = (const char *)&knob_pool(k, vm)->node[arg];
	text_u64(out, READ_RELAXED((const uint64_t *)(const void *)(node + k->offset)));
	text_char(out, '\n');
	return 0;
}

/* ---- Sizes ---- */

static int resize_lock(struct hugetlb *h)
{
	while (!lock_try(&h->resize_lock, WAIT_MS))
		if (client_interrupted())
			return -EINTR;
	return 0;
}

/* knob_lock held; others get it for a moment. */
static void others_in(struct vm *vm)
{
	const struct timespec moment = { .tv_nsec = 50000 };
	lock_drop(&vm->knob_lock);
	nanosleep(&moment, NULL);
	lock_take(&vm->knob_lock);
}

/*
 * Entries of the page array become real: one page of the host for each block
 * that was never used, and 256 when the blocks of 1 GiB are put back, which is
 * gigabytes on a large machine. The host would kill the daemon for them, so a
 * change ends before that.
 */
static bool host_short(const struct vm *vm, const struct hugetlb *h, uint64_t from, uint64_t now)
{
	uint64_t changed = now > from ? now - from : hugetlb_gigantic(h) ? from - now : 0;
	if (!vm->region || changed << h->order <= knob_unasked_frames || !region_host_short(vm->region))
		return false;
	log_warning("huge pages of %lu kB: stopped after %lu, the host has no memory to describe more",
		    (unsigned long)PAGES_TO_KB(1ull << h->order), (unsigned long)changed);
	return true;
}

static int pool_resize(const struct knob *k, struct vm *vm, uint64_t count, int nid,
		       const struct nodemask *nodes)
{
	struct hugetlb *h = knob_pool(k, vm);
	struct hugetlb_resize r;
	struct progress progress;
	int error = resize_lock(h);
	if (error)
		return error;
	lock_take(&vm->knob_lock);
	uint64_t from = READ_RELAXED(&h->nr);
	progress_start(&progress, NULL, "nr_hugepages", from, MIN(count, vm->total_pages >> h->order));
	hugetlb_resize_begin(&r, &vm->policy, h, count, nid, nodes);
	while (hugetlb_resize_step(&r))
		if (progress_step(&progress, READ_RELAXED(&h->nr))) {
			if (host_short(vm, h, from, READ_RELAXED(&h->nr)))
				break;
			others_in(vm);
		}
	hugetlb_resize_end(&r);
	lock_drop(&vm->knob_lock);
	lock_drop(&h->resize_lock);
	return 0;
}

int knob_set_nr_hugepages(const struct knob *k, struct vm *vm, unsigned arg, uint64_t value)
{
	(void)arg;
	return pool_resize(k, vm, value, -1, NULL);
}

int knob_set_node_nr_hugepages(const struct knob *k, struct vm *vm, unsigned arg, uint64_t value)
{
	return pool_resize(k, vm, value, (int)arg, NULL);
}

/* The nodes that the policy of the writer's task names; false: it names none. 6.1: init_nodemask_of_mempolicy. */
static bool caller_nodes(struct vm *vm, struct nodemask *nodes)
{
	struct task *t = task_find_proc(vm, caller_pid());
	if (!t)
		return false;
	*nodes = (struct nodemask){ 0 };
	lock_take(&t->index_lock);
	uint8_t mode = t->mempolicy.mode;
	if (mode == MPOL_LOCAL)
		nodemask_set(nodes, vm->machine.cpu[READ_RELAXED(&t->cpu)].node->id);
	else if (mode != MPOL_DEFAULT)
		*nodes = t->mempolicy.nodes;
	lock_drop(&t->index_lock);
	task_put(t);
	return nodemask_weight(nodes) > 0;
}

int knob_set_nr_hugepages_mempolicy(const struct knob *k, struct vm *vm, unsigned arg, uint64_t value)
{
	struct nodemask nodes;
	(void)arg;
	return pool_resize(k, vm, value, -1, caller_nodes(vm, &nodes) ? &nodes : NULL);
}

/* ---- Demoting ---- */

/* There are two sizes: what the larger pages can become is pages of the other. */
static struct hugetlb *demote_source(struct vm *vm)
{
	return &vm->hugetlb[!vm->machine.gigantic_default];
}

static struct hugetlb *demote_target(struct vm *vm)
{
	return &vm->hugetlb[vm->machine.gigantic_default];
}

static int demote_pages(struct vm *vm, uint64_t count, int nid)
{
	struct progress progress;
	int demoted = 1;
	lock_take(&vm->knob_lock);
	progress_start(&progress, NULL, "demoting huge pages", 0, count);
	for (uint64_t i = 0; i < count && demoted > 0 && !client_interrupted(); i++) {
		demoted = hugetlb_demote(&vm->policy, demote_source(vm), demote_target(vm), nid);
		if (progress_step(&progress, i)) {
			if (host_short(vm, demote_source(vm), 0, i))
				break;
			others_in(vm);
		}
	}
	lock_drop(&vm->knob_lock);
	return MIN(demoted, 0);
}

int knob_set_demote(const struct knob *k, struct vm *vm, unsigned arg, uint64_t value)
{
	int error = resize_lock(demote_source(vm));
	if (error)
		return error;
	error = resize_lock(demote_target(vm));
	if (!error) {
		error = demote_pages(vm, value, k->scope == KNOB_NODE ? (int)arg : -1);
		lock_drop(&demote_target(vm)->resize_lock);
	}
	lock_drop(&demote_source(vm)->resize_lock);
	return error;
}

int knob_show_demote_size(const struct knob *k, struct vm *vm, unsigned arg, struct text *out)
{
	(void)k;
	(void)arg;
	text_u64(out, PAGES_TO_KB(1ull << demote_target(vm)->order));
	text_str(out, "kB\n");
	return 0;
}

/* The one size that is there to be chosen is chosen already. */
ssize_t knob_store_demote_size(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len)
{
	(void)k;
	(void)arg;
	len = MIN(len, (size_t)SYSFS_WINDOW);
	bool known = sysfs_parse_size(buf, len) == PAGE_SIZE << demote_target(vm)->order;
	return known ? (ssize_t)len : -EINVAL;
}

/* ---- Overcommit ---- */

/* No surplus page can be that large, so whatever is written is wrong. */
ssize_t knob_store_nr_overcommit_hugepages(const struct knob *k, struct vm *vm, unsigned arg,
					   const char *buf, size_t len)
{
	if (hugetlb_gigantic(knob_pool(k, vm)))
		return -EINVAL;
	return k->style == KNOB_SYSFS ? knob_store_sysfs_ulong(k, vm, arg, buf, len)
				      : knob_store_ulong(k, vm, arg, buf, len);
}

int knob_set_nr_overcommit_hugepages(const struct knob *k, struct vm *vm, unsigned arg, uint64_t value)
{
	struct hugetlb *h = knob_pool(k, vm);
	(void)arg;
	lock_take(&h->lock);
	WRITE_RELAXED(&h->nr_overcommit, value);
	lock_drop(&h->lock);
	return 0;
}

/* ---- Which pools there are ---- */

bool knob_shown_gigantic(const struct machine *m, unsigned arg)
{
	(void)arg;
	return m->gigantic;
}

bool knob_shown_gigantic_numa(const struct machine *m, unsigned arg)
{
	return m->gigantic && knob_shown_numa(m, arg);
}

bool knob_shown_gigantic_node(const struct machine *m, unsigned arg)
{
	return m->gigantic && knob_shown_node(m, arg);
}
