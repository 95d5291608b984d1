/* SPDX-License-Identifier: MIT */
#include "support/knob_fixture.h"

#include "knob/slab_control.h"

#include <errno.h>

#define NEW "sys/kernel/slab/new_cache"
#define DELETE "sys/kernel/slab/delete_cache"

static ssize_t tune(struct vm *vm, const char *text)
{
	return slabinfo_write(vm, text, strlen(text));
}

static struct kmem_cache *find(struct vm *vm, const char *name)
{
	struct kmem_cache *s = kmem_cache_find(&vm->slabs, name);
	if (s)
		kmem_cache_put(s);
	return s;
}

static bool log_says(struct vm *vm, const char *text)
{
	struct ring_record r;
	for (uint64_t seq = ring_first(&vm->log); ring_read(&vm->log, seq, &r); seq = r.seq + 1)
		if (memmem(r.text, r.len, text, strlen(text)))
			return true;
	return false;
}

static void test_tune(void **state)
{
	(void)state;
	struct vm *vm = vm_two_nodes();
	const struct kmem_cache *s = find(vm, "TCP");
	assert_non_null(s);
	assert_false(s->tuned);
	assert_int_equal(tune(vm, "TCP 20 10 4\n"), 12);
	assert_true(s->tuned);
	assert_int_equal(s->limit, 20);
	assert_int_equal(s->batch, 10);
	assert_int_equal(s->sharedfactor, 4);
	assert_int_equal(tune(vm, "TCP   8\t4  0 and more"), 21); /* what follows is not looked at */
	assert_int_equal(s->limit, 8);
	assert_int_equal(s->sharedfactor, 0);
	vm_release(vm);
}

/* As slabinfo_write of 6.1's SLAB answers. */
static void test_tune_errors(void **state)
{
	static const char *const invalid[] = {
		"",           "TCP",           "TCP\n",        "TCP 20",       "TCP 20 10",
		"TCP 20 10 ", "nothing 1 1 1", " TCP 1 1 1",   "TCP\t1 1 1",   "TCP a 1 1",
		"TCP 1 b 1",  "TCP +1 1 1",    "TCP 0x10 1 1", "TCP 1000 10 1"
	};
	static const char *const ignored[] = {
		"TCP 0 1 1", "TCP -5 1 1", "TCP 10 0 1", "TCP 10 11 1", "TCP 10 5 -1", "TCP 99999999999 1 1", "TCP 10 5 9999999999999999999"
	};
	(void)state;
	struct vm *vm = vm_two_nodes();
	char line[131];
	const struct kmem_cache *s = find(vm, "TCP");
	for (unsigned i = 0; i < ARRAY_LEN(invalid); i++)
		assert_int_equal(tune(vm, invalid[i]), -EINVAL);
	for (unsigned i = 0; i < ARRAY_LEN(ignored); i++)
		assert_int_equal(tune(vm, ignored[i]), strlen(ignored[i]));
	assert_false(s->tuned);
	snprintf(line, sizeof(line), "TCP 20 10 4%118s", ""); /* 129 bytes */
	assert_int_equal(strlen(line), 129);
	assert_int_equal(tune(vm, line), -EINVAL);
	line[128] = '\0';
	assert_int_equal(tune(vm, line), 128);
	assert_true(s->tuned);
	vm_release(vm);
}

static void test_new_and_delete(void **state)
{
	(void)state;
	struct vm *vm = vm_two_nodes();
	unsigned before = vm->slabs.nr_caches;
	assert_int_equal(knob_echo(vm, NEW, "mine 100 align=64 flags=hwcache_align,reclaim_account\n"), 54);
	const struct kmem_cache *s = find(vm, "mine");
	assert_non_null(s);
	assert_int_equal(s->layout.object_size, 100);
	assert_int_equal(s->layout.size, 128);
	assert_int_equal(s->flags, SLAB_HWCACHE_ALIGN | SLAB_RECLAIM_ACCOUNT);
	assert_int_equal(knob_echo(vm, NEW, "mine 100\n"), -EEXIST);
	assert_int_equal(knob_echo(vm, NEW, "plain 8"), 7);
	assert_int_equal(find(vm, "plain")->layout.objects, 512);
	assert_int_equal(knob_echo(vm, DELETE, "mine\n"), 5);
	assert_null(find(vm, "mine"));
	assert_int_equal(knob_echo(vm, DELETE, "mine\n"), -ENOENT);
	assert_int_equal(knob_echo(vm, DELETE, " plain \n"), 8);
	assert_int_equal(vm->slabs.nr_caches, before);
	vm_release(vm);
}

static void test_new_errors(void **state)
{
	static const char *const invalid[] = { "\n",
					       "mine",
					       "mine 0",
					       "mine x",
					       "mine -1",
					       "mine 4194305",
					       "mine 99999999999",
					       "mine 8 align=3",
					       "mine 8 align=x",
					       "mine 8 flags=what",
					       "mine 8 size=2",
					       "mine 8 9",
					       "a/b 8",
					       ".mine 8",
					       "mine 0x10" };
	static const char *const unknown[] = { "\n", "a b\n" };
	(void)state;
	struct vm *vm = vm_two_nodes();
	char line[600];
	for (unsigned i = 0; i < ARRAY_LEN(invalid); i++)
		if (knob_echo(vm, NEW, invalid[i]) != -EINVAL)
			fail_msg("%s is taken", invalid[i]);
	snprintf(line, sizeof(line), "%064d 8", 1); /* a name of 64 */
	assert_int_equal(knob_echo(vm, NEW, line), -EINVAL);
	snprintf(line, sizeof(line), "mine 8%590s", "");
	assert_int_equal(knob_echo(vm, NEW, line), -EINVAL);
	assert_int_equal(knob_echo(vm, NEW, "new_cache 8"), -EEXIST);
	assert_int_equal(knob_echo(vm, NEW, "delete_cache 8"), -EEXIST);
	for (unsigned i = 0; i < ARRAY_LEN(unknown); i++)
		assert_int_equal(knob_echo(vm, DELETE, unknown[i]), -EINVAL);
	snprintf(line, sizeof(line), "%0300d", 1);
	assert_int_equal(knob_echo(vm, DELETE, line), -EINVAL);
	vm_release(vm);
}

static unsigned gone;
static uint32_t gone_id, gone_generation;
static void note_gone(void *ctx, uint32_t id, uint32_t generation)
{
	assert_string_equal(ctx, "context");
	gone_id = id;
	gone_generation = generation;
	gone++;
}

/* Objects keep a cache, whoever has it by pointer does too, and the log says which it is. */
static void test_delete_busy(void **state)
{
	static char context[] = "context";
	(void)state;
	struct vm *vm = vm_two_nodes();
	struct cpu *c = &vm->machine.cpu[0];
	void *object[3];
	vm->cache_gone = note_gone;
	vm->cache_gone_ctx = context;
	gone = 0;
	assert_int_equal(knob_echo(vm, NEW, "mine 100"), 8);
	struct kmem_cache *s = kmem_cache_find(&vm->slabs, "mine");
	uint32_t id = s->id, generation = s->generation;
	cpu_enter(c);
	assert_int_equal(kmem_cache_alloc_bulk(s, c, GFP_KERNEL, 3, object), 0);
	cpu_leave(c);
	kmem_cache_put(s);
	assert_int_equal(knob_echo(vm, DELETE, "mine"), -EBUSY);
	assert_true(log_says(vm, "kmem_cache_destroy mine: Slab cache still has objects: 3 are in use"));
	assert_ptr_equal(find(vm, "mine"), s);
	cpu_enter(c);
	kmem_cache_free_bulk(s, c, 3, object);
	cpu_leave(c);
	assert_int_equal(knob_echo(vm, DELETE, "kmalloc-64"), -EBUSY);
	assert_true(log_says(vm, "kmem_cache_destroy kmalloc-64: Slab cache is in use"));
	assert_int_equal(gone, 0);
	assert_int_equal(knob_echo(vm, DELETE, "mine"), 4); /* with the slab that the objects were on */
	assert_int_equal(gone, 1);
	assert_int_equal(gone_id, id);
	assert_int_equal(gone_generation, generation);
	assert_int_equal(node_stat_sum(&vm->machine.node[0], NR_SLAB_UNRECLAIMABLE), 0);
	vm_release(vm);
}

static void test_flags(void **state)
{
	(void)state;
	char all[] = "hwcache_align,reclaim_account, dma dma32,typesafe_by_rcu,account,no_merge,consistency_checks,red_zone,"
		     "poison,store_user";
	char bad[] = "poison,nothing,account";
	uint32_t flags;
	const char *word = NULL;
	assert_int_equal(cache_flags_parse(all, &flags, NULL), 0);
	assert_int_equal(flags, SLAB_HWCACHE_ALIGN | SLAB_RECLAIM_ACCOUNT | SLAB_CACHE_DMA |
					SLAB_CACHE_DMA32 | SLAB_TYPESAFE_BY_RCU | SLAB_ACCOUNT |
					SLAB_NO_MERGE | SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE |
					SLAB_POISON | SLAB_STORE_USER);
	assert_int_equal(cache_flags_parse(bad, &flags, &word), -EINVAL);
	assert_string_equal(word, "nothing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tune),           cmocka_unit_test(test_tune_errors),
		cmocka_unit_test(test_new_and_delete), cmocka_unit_test(test_new_errors),
		cmocka_unit_test(test_delete_busy),    cmocka_unit_test(test_flags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
