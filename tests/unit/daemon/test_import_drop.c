/* SPDX-License-Identifier: MIT */
/*
 * vm.drop_caches on a machine that was loaded from a capture, beside what its
 * kernel had after the same (6.1, 4 CPUs, 6 GiB: 6000 files were read; then
 * everything was dropped). Compared are counts of objects, within what a rule
 * can know: see vm/imported_caches.c.
 */
#include "mm/verify.h"
#include "support/knob_fixture.h"
#include "support/state_dir.h"
#include "vm/imported_caches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BEFORE "../reclaim/T2-e-04-reread"
#define AFTER "../reclaim/T2-e-08-drop-4"
#define DROP "proc/sys/vm/drop_caches"

/* Objects in use by a line of slabinfo. */
static uint64_t captured(const char *capture, const char *name)
{
	struct state_dir d;
	char line[128];
	unsigned long active;
	state_dir_make(&d, capture);
	char *text = state_dir_read(&d, "proc/slabinfo");
	snprintf(line, sizeof(line), "\n%s ", name);
	const char *at = strstr(text, line);
	assert_non_null(at);
	assert_int_equal(sscanf(at + strlen(line), "%lu", &active), 1);
	free(text);
	state_dir_remove(&d);
	return active;
}

static uint64_t objects(struct state_vm *s, const char *name)
{
	struct kmem_cache *k = kmem_cache_find(&s->vm.slabs, name);
	struct cache_usage u;
	assert_non_null(k);
	lock_take(&s->vm.slabs.lock);
	kmem_cache_usage(k, -1, &u);
	lock_drop(&s->vm.slabs.lock);
	kmem_cache_put(k);
	return u.active;
}

static uint64_t node_sum(struct state_vm *s, enum node_stat item)
{
	return (uint64_t)node_stat_sum(&s->vm.machine.node[0], item);
}

static uint64_t event(struct state_vm *s, enum vm_event e)
{
	uint64_t sum = s->vm.machine.event_base[e];
	for (unsigned i = 0; i < s->vm.machine.nr_cpu_ids; i++)
		sum += s->vm.machine.cpu[i].event[e];
	return sum;
}

static struct state_vm *begin(struct state_dir *d)
{
	state_dir_make(d, BEFORE);
	struct state_vm *s = state_boot(d);
	assert_true(imported_caches_inodes(&s->vm) > 6000);
	return s;
}

static void end(struct state_vm *s, struct state_dir *d)
{
	state_end(s);
	state_dir_remove(d);
}

/* Bit 0: pages and what they are found through; names and inodes stay. */
static void test_pages(void **state)
{
	(void)state;
	struct state_dir d;
	struct state_vm *s = begin(&d);
	uint64_t names = objects(s, "dentry"), inodes = objects(s, "ext4_inode_cache");
	uint64_t nodes = objects(s, "radix_tree_node");
	assert_int_equal(knob_echo(&s->vm, DROP, "1\n"), 2);
	assert_int_equal(objects(s, "dentry"), names);
	assert_int_equal(objects(s, "ext4_inode_cache"), inodes);
	assert_true(objects(s, "radix_tree_node") < nodes / 4);
	assert_true(node_sum(s, NR_INACTIVE_FILE) + node_sum(s, NR_ACTIVE_FILE) < 100);
	assert_int_equal(event(s, DROP_SLAB), 0);
	assert_int_equal(event(s, DROP_PAGECACHE), 2);
	end(s, &d);
}

/* Bit 1: inodes of the disk go, each with a name; shared memory, sockets and proc keep theirs. */
static void test_slabs(void **state)
{
	(void)state;
	static const char *const stay[] = { "shmem_inode_cache", "sock_inode_cache", "proc_inode_cache",
					    "mqueue_inode_cache", "hugetlbfs_inode_cache" };
	struct state_dir d;
	struct state_vm *s = begin(&d);
	uint64_t had[ARRAY_LEN(stay)], pages = node_sum(s, NR_FILE_PAGES), names = objects(s, "dentry");
	uint64_t reclaimable = node_sum(s, NR_SLAB_RECLAIMABLE);
	for (size_t i = 0; i < ARRAY_LEN(stay); i++)
		had[i] = objects(s, stay[i]);
	assert_int_equal(knob_echo(&s->vm, DROP, "2\n"), 2);
	for (size_t i = 0; i < ARRAY_LEN(stay); i++)
		assert_int_equal(objects(s, stay[i]), had[i]);
	assert_true(objects(s, "ext4_inode_cache") <= captured(AFTER, "ext4_inode_cache"));
	assert_in_range(names - objects(s, "dentry"), 5900, 6102);
	assert_int_equal(node_sum(s, NR_FILE_PAGES), pages);
	assert_true(node_sum(s, NR_SLAB_RECLAIMABLE) + 1500 < reclaimable);
	assert_true(event(s, SLABS_SCANNED) >= 6000);
	assert_int_equal(event(s, DROP_SLAB), 1);
	end(s, &d);
}

/* Both, within a third of what the kernel had afterwards. */
static void test_all(void **state)
{
	(void)state;
	static const char *const names[] = { "dentry", "inode_cache", "lsm_inode_cache",
					     "shmem_inode_cache" };
	struct state_dir d;
	struct state_vm *s = begin(&d);
	assert_int_equal(knob_echo(&s->vm, DROP, "3\n"), 2);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		uint64_t theirs = captured(AFTER, names[i]);
		assert_in_range(objects(s, names[i]), theirs * 2 / 3, theirs * 4 / 3);
	}
	assert_true(objects(s, "radix_tree_node") < captured(BEFORE, "radix_tree_node") / 2);
	assert_int_equal(knob_echo(&s->vm, DROP, "4\n"), 2);
	end(s, &d);
}

/* Told to keep names and inodes, pressure leaves them alone. */
static void test_no_pressure(void **state)
{
	(void)state;
	struct state_dir d;
	struct state_vm *s = begin(&d);
	uint64_t inodes = imported_caches_inodes(&s->vm);
	assert_int_equal(knob_echo(&s->vm, "proc/sys/vm/vfs_cache_pressure", "0\n"), 2);
	assert_int_equal(knob_echo(&s->vm, DROP, "2\n"), 2);
	assert_int_equal(imported_caches_inodes(&s->vm), inodes);
	end(s, &d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_slabs),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_no_pressure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
