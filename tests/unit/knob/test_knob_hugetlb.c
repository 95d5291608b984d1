/* SPDX-License-Identifier: MIT */
#include "knob/knob_ops.h"

#include "base/caller.h"
#include "base/client.h"
#include "support/vm_fixture.h"
#include "vm/progress.h"

#include <unistd.h>

#define SMALL "sys/kernel/mm/hugepages/hugepages-2048kB/"
#define LARGE "sys/kernel/mm/hugepages/hugepages-1048576kB/"
#define NODE_LARGE "sys/devices/system/node/node0/hugepages/hugepages-1048576kB/"

static const struct knob *row(struct fixture *f, const char *path)
{
	char at[256];
	for (unsigned i = 0; i < nr_knobs; i++)
		if (knob_shown(&knob_table[i], &f->vm.machine, 0) &&
		    knob_path(&knob_table[i], &f->vm.machine, 0, at, sizeof(at)) > 0 && !strcmp(at, path))
			return &knob_table[i];
	return NULL;
}

static ssize_t put(struct fixture *f, const char *path, const char *text)
{
	const struct knob *k = row(f, path);
	assert_non_null(k);
	return knob_write(k, &f->vm, 0, text, strlen(text));
}

static void assert_reads(struct fixture *f, const char *path, const char *want)
{
	struct text t;
	text_init(&t, 0);
	assert_int_equal(knob_read(row(f, path), &f->vm, 0, &t), 0);
	assert_string_equal(text_cstr(&t), want);
	text_fini(&t);
}

static void test_files_agree(void **state)
{
	struct fixture *f = *state;
	assert_null(row(f, LARGE "nr_hugepages")); /* no such pages on this machine */
	assert_int_equal(put(f, "proc/sys/vm/nr_hugepages", "6\n"), 2);
	assert_reads(f, SMALL "nr_hugepages", "6\n");
	assert_reads(f, SMALL "free_hugepages", "6\n");
	assert_reads(f, "sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "3\n");
	assert_int_equal(
		put(f, "sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "1"), 1);
	assert_reads(f, "proc/sys/vm/nr_hugepages", "4\n");
	assert_int_equal(put(f, SMALL "nr_overcommit_hugepages", "7\n"), 2);
	assert_reads(f, "proc/sys/vm/nr_overcommit_hugepages", "7\n");
	struct task *t = make_task(f, "a");
	assert_write(t, "hugetlb", "2M 6 2");
	assert_attr(t, "hugetlb", "2M 6 2\n");
	assert_reads(f, SMALL "resv_hugepages", "4\n");
	assert_reads(f, SMALL "surplus_hugepages", "2\n");
	assert_reads(f, "proc/sys/vm/nr_hugepages", "4\n"); /* what was asked for */
	assert_reads(f, SMALL "nr_hugepages", "6\n");
	end_task(f, t);
	assert_int_equal(put(f, "proc/sys/vm/nr_hugepages", "0\n"), 2);
	assert_reads(f, SMALL "nr_hugepages", "0\n");
	assert_verified(&f->vm);
}

/* The second pool of a machine whose default size is 1 GiB: its rows change places. */
static void test_gigantic(void **state)
{
	struct fixture *f = *state;
	struct vm *vm = &f->vm;
	vm->machine.gigantic = true;
	assert_int_equal(hugetlb_init(&vm->hugetlb[1], &vm->machine, GIGANTIC_ORDER), 0);
	vm->nr_hugetlb = 2;
	assert_non_null(row(f, LARGE "nr_hugepages"));
	assert_int_equal(put(f, LARGE "nr_hugepages", "1\n"), 2); /* the machine has not so much in one piece */
	assert_reads(f, LARGE "nr_hugepages", "0\n");
	assert_int_equal(put(f, LARGE "nr_overcommit_hugepages", "1\n"), -EINVAL);
	assert_int_equal(put(f, LARGE "nr_overcommit_hugepages", "x"), -EINVAL);
	assert_int_equal(put(f, LARGE "demote", "1\n"), 2); /* there is none */
	assert_int_equal(put(f, LARGE "demote", "x\n"), -EINVAL);
	assert_int_equal(put(f, LARGE "demote", "-1\n"), -EINVAL);
	assert_null(row(f, SMALL "demote"));
	assert_reads(f, LARGE "demote_size", "2048kB\n");
	assert_int_equal(put(f, LARGE "demote_size", "2M\n"), 3);
	assert_int_equal(put(f, LARGE "demote_size", "1G\n"), -EINVAL);
	assert_int_equal(put(f, LARGE "demote_size", "4k\n"), -EINVAL);
	assert_reads(f, NODE_LARGE "demote_size", "2048kB\n");
	assert_int_equal(put(f, NODE_LARGE "demote", "1\n"), 2);
	assert_verified(vm);
}

/* Whoever writes is of a task, whose policy counts for one of the files. */
static void test_mempolicy(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	char text[32];
	snprintf(text, sizeof(text), "%d", (int)getpid());
	assert_write(t, "procs", text);
	lock_take(&t->index_lock);
	t->mempolicy.mode = MPOL_BIND;
	nodemask_set(&t->mempolicy.nodes, 1);
	lock_drop(&t->index_lock);
	assert_int_equal(put(f, "proc/sys/vm/nr_hugepages_mempolicy", "3\n"), 2);
	assert_int_equal(f->vm.hugetlb->node[1].nr, 3);
	assert_int_equal(put(f, "proc/sys/vm/nr_hugepages", "5\n"), 2);
	assert_int_equal(f->vm.hugetlb->node[0].nr, 1);
	assert_int_equal(put(f, "proc/sys/vm/nr_hugepages_mempolicy", "0\n"), 2);
	assert_int_equal(f->vm.hugetlb->node[0].nr, 1);
	assert_int_equal(put(f, "proc/sys/vm/nr_hugepages", "0\n"), 2);
	snprintf(text, sizeof(text), "-%d", (int)getpid());
	assert_write(t, "procs", text);
	end_task(f, t);
}

static bool always(struct client *c)
{
	(void)c;
	return true;
}

/* What is there when a signal comes stays, and the write counts. Behind somebody else's change it has not begun. */
static void test_interrupted(void **state)
{
	struct fixture *f = *state;
	struct client client = { .interrupted = always };
	struct client *before = client_set(&client);
	assert_int_equal(put(f, "proc/sys/vm/nr_hugepages", "9\n"), 2);
	assert_int_equal(f->vm.hugetlb->nr, 1);
	client_set(before);
	assert_int_equal(put(f, "proc/sys/vm/nr_hugepages", "0\n"), 2);
}

/* Every step lets others in. */
static void test_slices(void **state)
{
	struct fixture *f = *state;
	uint64_t slice_ns = progress_slice_ns;
	progress_slice_ns = 0;
	assert_int_equal(put(f, "proc/sys/vm/nr_hugepages", "20\n"), 3);
	assert_int_equal(f->vm.hugetlb->nr, 20);
	assert_int_equal(put(f, "proc/sys/vm/nr_hugepages", "0\n"), 2);
	assert_int_equal(f->vm.hugetlb->nr, 0);
	progress_slice_ns = slice_ns;
}

/* A host that is short of memory ends what would need much to describe it; little it is not asked for. */
static void test_host_short(void **state)
{
	struct fixture *f = *state;
	uint64_t slice_ns = progress_slice_ns, unasked = knob_unasked_frames;
	uint64_t spare = f->region.spare_bytes;
	progress_slice_ns = 0;
	f->region.spare_bytes = UINT64_MAX;
	assert_int_equal(put(f, "proc/sys/vm/nr_hugepages", "20\n"), 3);
	assert_int_equal(f->vm.hugetlb->nr, 20);
	knob_unasked_frames = 30ul << f->vm.hugetlb->order;
	assert_int_equal(put(f, "proc/sys/vm/nr_hugepages", "100\n"), 4);
	assert_in_range(f->vm.hugetlb->nr, 51, 20 + 30 + 16); /* by a step more */
	assert_int_equal(f->vm.hugetlb->max, f->vm.hugetlb->nr);
	assert_int_equal(put(f, "proc/sys/vm/nr_hugepages", "0\n"), 2); /* small ones need nothing for that */
	assert_int_equal(f->vm.hugetlb->nr, 0);
	f->region.spare_bytes = spare;
	assert_int_equal(put(f, "proc/sys/vm/nr_hugepages", "100\n"), 4);
	assert_int_equal(f->vm.hugetlb->nr, 100);
	assert_int_equal(put(f, "proc/sys/vm/nr_hugepages", "0\n"), 2);
	knob_unasked_frames = unasked;
	progress_slice_ns = slice_ns;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_files_agree), TEST(test_gigantic), TEST(test_mempolicy),
		TEST(test_interrupted), TEST(test_slices),   TEST(test_host_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
