/* SPDX-License-Identifier: MIT */
/* The frame record: writing, reading back, and each way in which a record can be wrong. */
#include "mm/buddy.h"
#include "support/record_fixture.h"

#include <stdlib.h>

/* What compaction remembers of a zone and of a node. */
static void compaction_work(struct vm *vm)
{
	struct zone *z = machine_zone_next(&vm->machine, NULL);
	z->compact = (struct zone_compact){ .free_pfn = z->start_pfn + 1000,
					    .migrate_pfn = { 600, 512 },
					    .considered = 3,
					    .defer_shift = 2,
					    .order_failed = 9,
					    .flush_skip = true };
	pageblock_set_skip(&vm->machine, 1024, true);
	pageblock_set_skip(&vm->machine, 3072, true);
	vm->policy.kcompactd[1].order = 4;
	vm->policy.kcompactd[1].highest_type = 1;
	vm->policy.kcompactd[0].proactive_defer = 17;
	vm->policy.compact = (struct compact_knobs){ 600, 30, 0, 1 };
}

static void work(struct fixture *f)
{
	struct task *a = make_task(f, "a"), *b = make_task(f, "b%\n c");
	f->vm.policy.inline_reclaim = true;
	assert_write(a, "anon", "20M");
	assert_write(a, "file", "9M");
	assert_write(a, "pages", "3 GFP_KERNEL 50\n0 GFP_ATOMIC 20\n10 GFP_KERNEL 2\n");
	assert_write(a, "pages", "3 GFP_KERNEL -21\n");
	assert_write(b, "cpu", "3");
	assert_write(b, "anon", "5M");
	assert_int_equal(hugetlb_resize(&f->vm.policy, f->vm.hugetlb, 9, -1), 9);
	assert_write(b, "hugetlb", "2M 6 4");
	vm_advance(&f->vm, 1234567890);
	compaction_work(&f->vm);
	task_put(a);
	task_put(b);
}

static void test_comes_back(void **state)
{
	struct fixture *f = *state;
	work(f);
	struct reborn *r = reborn_alike(&f->vm);
	struct task *t = task_find(&r->vm, "b%\n c");
	assert_non_null(t);
	assert_attr(t, "hugetlb", "2M 6 4\n");
	assert_attr(t, "cpu", "3\n");
	assert_int_equal(t->uid, 1000);
	assert_write(t, "anon", "0");
	task_put(t);
	assert_int_equal(task_remove(&r->vm, "a"), 0);
	assert_verified(&r->vm);
	reborn_end(r);
}

static void test_compaction(void **state)
{
	struct fixture *f = *state;
	work(f);
	char *record = record_of(&f->vm);
	struct reborn *r = reborn_of(record, NULL);
	const struct vm *vm = &r->vm;
	const struct zone *z = machine_zone_next(&vm->machine, NULL),
			  *was = machine_zone_next(&f->vm.machine, NULL);
	assert_memory_equal(&z->compact.migrate_pfn, &was->compact.migrate_pfn,
			    sizeof(z->compact.migrate_pfn));
	assert_int_equal(z->compact.free_pfn, was->compact.free_pfn);
	assert_int_equal(z->compact.order_failed, 9);
	assert_true(z->compact.flush_skip);
	for (pfn_t at = 0; at < 4096; at += 512)
		assert_int_equal(pageblock_skip(&vm->machine, at), at == 1024 || at == 3072);
	assert_int_equal(vm->policy.kcompactd[1].order, 4);
	assert_int_equal(vm->policy.kcompactd[1].highest_type, 1);
	assert_int_equal(vm->policy.kcompactd[0].proactive_defer, 17);
	assert_int_equal(vm->policy.compact.proactiveness, 30);
	assert_int_equal(vm->policy.compact.memory, 1);
	assert_int_equal(vm->next_compact_ns, f->vm.next_compact_ns);
	char *again = record_of(&r->vm);
	assert_string_equal(record, again);
	free(again);
	free(record);
	reborn_end(r);
}

static void test_looking_leaves_no_trace(void **state)
{
	struct fixture *f = *state;
	work(f);
	char *one = record_of(&f->vm), *two = record_of(&f->vm);
	assert_string_equal(one, two);
	free(one);
	free(two);
}

static void test_content(void **state)
{
	struct fixture *f = *state;
	struct region region;
	char got[6] = "", page[PAGE_SIZE];
	uint64_t start, end;
	work(f);
	struct task *a = task_find(&f->vm, "a");
	assert_int_equal(task_mem_write(a, "hello", 5, 3 * PAGE_SIZE - 2), 5);
	assert_true(task_content_next(a, 0, &start, &end));
	assert_int_equal(start, 2);
	assert_int_equal(end, 4);
	assert_false(task_content_next(a, end, &start, &end));
	task_content_copy(a, 3, page);
	assert_memory_equal(page, "llo", 4);
	task_put(a);

	char *record = record_of(&f->vm);
	reborn_region(&region);
	struct reborn *r = reborn_of(record, &region);
	assert_int_equal(record_content(&r->vm, "a", 3 * PAGE_SIZE - 2, "hello", 5), 0);
	assert_int_equal(record_content(&r->vm, "a", (20ul << 20) - 2, "hello", 5), -EINVAL);
	assert_int_equal(record_content(&r->vm, "none", 0, "hello", 5), -EINVAL);
	a = task_find(&r->vm, "a");
	assert_int_equal(task_mem_read(a, got, 5, 3 * PAGE_SIZE - 2), 5);
	assert_string_equal(got, "hello");
	task_put(a);
	free(record);
	reborn_end(r);
	region_close(&region);
}

/* ---- Records that are wrong ---- */

static const struct record_edit wrong[] = {
	{ "ummfs-frames", "2", "1", "R:1: a state of another version of ummfs: its record is version 1" },
	{ "ummfs-frames", " 2", "", "R:1: not a frame record (\"ummfs-frames 2\")" },
	{ "\nmachine", "bits=64", "bits=48", "no machine has 48 bits" },
	{ "\nmachine", "nr_nodes=2", "nr_nodes=257", "nr_nodes: a number that is not possible" },
	{ "\nmachine", "nr_nodes=2", "nr_nodes=1", "there are only 1" },
	{ "\nmachine", "numa=", "nyma=", "\"nyma\" is not known there" },
	{ "\nmachine", " thp=0", "", "thp is missing" },
	{ "\nmachine", "thp=0", "thp=0,0", "more than 1 numbers" },
	{ "\nmachine", "thp=0", "thp=x", "is not a series of numbers" },
	{ "\ncpus_online", "cpus_online", "machine x\ncpus_online", "described twice" },
	{ "\ncpus_online", "0-3", "0-9", "a CPU past the highest one, 3" },
	{ "\ncpus_possible", "0-3", "0-2", "CPU 3 is online, yet not possible" },
	{ "\ncpus_online", "0-3", "", "no CPU online" },
	{ "\nzone_ranges 0 0", "1,4096", "4096,1", "ranges are not in rising order" },
	{ "\nzone_ranges 0 0", "1,4096", "1", "a range has no end" },
	{ "\nzone_ranges 0 0", "1,4096", "1,5000", "sizes do not fit" },
	{ "\nzone_ranges 0 1", "4096,", "4000,", "sizes do not fit" },
	{ "\nzone_shape 0 0", "managed=4079", "managed=9999", "sizes do not fit" },
	{ "\nzone_shape 0 1", "start_pfn=4096", "start_pfn=4095", "sizes do not fit" },
	{ "\nclock", "1234567890", "x", "is not a number" },
	{ "\ntune", "tune.watermark_scale_factor=10", "tune.watermark_scale_factor=0", "not possible there" },
	{ "\nvirgin", " ", " 99", "there are only" },
	{ "\nvirgin 6", "6 ", "6 1024,2048,", "cannot be free there" },
	{ "\nfree 0", "0 ", "1 ", "is not in zone 1" },
	{ "\nfree 0", "free 0", "free 2", "zone 2 has no memory" },
	{ "\npcp", "pcp ", "pcp 1", "there are only 4" },
	{ "\nused", "order=0", "order=11", "no such block" },
	{ "\nused", "owner=", "owner=4026531840,", "more than 1 numbers" },
	{ "\nused", " pfn=", " frame=", "pfn is missing" },
	{ "\nused", " pfn=", " pfn=0,", "cannot begin a block" },
	{ "\nused", " pfn=", " pfn=999999999,", "cannot begin a block" },
	{ "\nhugetlb ", " nr=9", " nr=8", "do not add up" },
	{ "\nhugetlb_node 0", "nr_free=", "nr_free=9", "do not add up" },
	{ "\ntask 2", "task 2 b%25", "task 1 b%25", "is there already" },
	{ "\ntask 2", "b%25%0a%20c", "a", "is there already" },
	{ "\nzone 0", " stat=", " stat=9", "contradicts itself" },
	{ "\ntask 1", "task 1 a", "task 1 a%zz", "not a task's name" },
	{ "\ntask 1", " cpu=0", " cpu=7", "CPU 7 is not online" },
	{ "\ntask_index 1 anon", "anon", "bones", "is nothing that a task holds" },
	{ "\ntask_index 1 anon", "anon", "file", "is not such a page of the task" },
	{ "\ntask_index 1", "task_index 1", "task_index 7", "there are only" },
	{ "\ntask_pages 1", "task_pages 1 3", "task_pages 1 2", "is not such a page of the task" },
	{ "\nnode 0", "stat_threshold=", "stat_threshold=999", "not possible there" },
	{ "\nlru", " ", " 7", "there are only" },
	{ "\nkcompactd 1", "highest_type=1", "highest_type=5", "highest_type: a number that is not possible" },
	{ "\npageblock_skips", "2,", "99999999,", "there is no pageblock 99999999" },
	{ "\nend", "end", "end\nnode 0", "something behind the end" },
	{ "\nend", "end\n", "", "the record ends too early" },
	{ "\nend", "end", "fin", "\"fin\" is not known" },
};

static void test_refused(void **state)
{
	struct fixture *f = *state;
	work(f);
	assert_edits_refused(&f->vm, wrong, ARRAY_LEN(wrong));
}

/* Without any one of its lines, or with one of them twice, it is refused or means the same; it never breaks anything. */
static void lines_changed(const char *record, bool twice)
{
	unsigned taken = 0, nr = 0;
	for (const char *line = record; *line; nr++) {
		const char *end = strchr(line, '\n') + 1;
		struct reborn *r = calloc(1, sizeof(*r));
		struct why why = { "" };
		char *text = malloc(strlen(record) * 2 + 1);
		sprintf(text, "%.*s%s", (int)((twice ? end : line) - record), record, twice ? line : end);
		if (!reborn_boot(r, text, NULL, &why)) {
			assert_verified(&r->vm);
			taken++;
		} else {
			assert_true(why.text[0]);
		}
		free(text);
		reborn_end(r);
		line = end;
	}
	assert_true(taken < nr);
}

static void test_lines_missing_and_twice(void **state)
{
	struct fixture *f = *state;
	work(f);
	char *record = record_of(&f->vm);
	lines_changed(record, false);
	lines_changed(record, true);
	free(record);
}

/* Any byte may be any other. */
static void test_bytes_changed(void **state)
{
	struct fixture *f = *state;
	struct rng rng;
	rng_init(&rng, 11);
	work(f);
	char *record = record_of(&f->vm);
	size_t len = strlen(record);
	for (unsigned i = 0; i < 400; i++) {
		struct reborn *r = calloc(1, sizeof(*r));
		struct why why = { "" };
		size_t at = rng_below(&rng, len);
		char was = record[at];
		record[at] = "0123456789,+-x= \nz"[rng_below(&rng, 18)];
		if (!reborn_boot(r, record, NULL, &why))
			assert_verified(&r->vm);
		else
			assert_true(why.text[0]);
		record[at] = was;
		reborn_end(r);
	}
	free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_comes_back),    TEST(test_compaction), TEST(test_looking_leaves_no_trace),
		TEST(test_content),       TEST(test_refused),    TEST(test_lines_missing_and_twice),
		TEST(test_bytes_changed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
