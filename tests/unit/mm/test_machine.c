/* SPDX-License-Identifier: MIT */
#include "mm/machine.h"

#include "base/fault.h"
#include "base/log.h"
#include "mm/buddy.h"
#include "support/captured.h"
#include "support/small_machine.h"

#include <errno.h>

static void captured_boot(struct machine *m, const struct captured_machine *c)
{
	struct machine_spec s;
	captured_spec(c, &s);
	small_boot(m, &s);
}

/* Every captured machine boots with all it manages free, and mm_verify agrees. */
static void test_captured_machines_boot(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nr_captured_machines; i++) {
		const struct captured_machine *c = &captured_machines[i];
		struct machine m;
		uint64_t managed = 0;
		captured_boot(&m, c);
		for (unsigned k = 0; k < CAPTURED_ZONES && c->zone[k].present; k++) {
			const struct captured_zone *want = &c->zone[k];
			const struct zone *z = machine_zone(&m, want->node, want->type);
			assert_int_equal(z->start_pfn, want->start_pfn);
			assert_int_equal(z->spanned, want->spanned);
			assert_int_equal(z->present, want->present);
			assert_int_equal(z->managed, want->managed);
			assert_int_equal(zone_buddy_pages(z), want->managed);
			assert_int_equal(zone_stat_read(z, NR_FREE_PAGES), want->managed);
			assert_int_equal(z->stat_threshold, want->stat_threshold);
			managed += want->managed;
		}
		assert_int_equal(m.managed_pages, managed);
		end_machine(&m);
	}
}

static void test_zone_order(void **state)
{
	(void)state;
	struct machine m;
	captured_boot(&m, captured_machine("T7b"));
	assert_int_equal(m.nr_zone_types, 4);
	assert_string_equal(machine_zone(&m, 0, 2)->name, "HighMem");
	assert_false(zone_populated(machine_zone(&m, 0, 3)));
	static const char *const want[] = { "DMA", "Normal", "HighMem" };
	unsigned i = 0;
	FOR_EACH_POPULATED_ZONE(z, &m)
		assert_string_equal(z->name, want[i++]);
	assert_int_equal(i, 3);
	machine_shutdown(&m);
}

static void test_default_reserve_ratios(void **state)
{
	(void)state;
	static const int want64[] = { 256, 256, 32, 0, 0 }, want32[] = { 256, 32, 0, 0 };
	struct machine m;
	captured_boot(&m, captured_machine("T2"));
	for (unsigned t = 0; t < 5; t++)
		assert_int_equal(m.tune.lowmem_reserve_ratio[t], want64[t]);
	machine_shutdown(&m);
	captured_boot(&m, captured_machine("T7a"));
	for (unsigned t = 0; t < 4; t++)
		assert_int_equal(m.tune.lowmem_reserve_ratio[t], want32[t]);
	machine_shutdown(&m);
}

/* What was reserved lies lowest, over as many ranges as it takes. */
static void test_reserved_pages_are_lowest(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 2, 1024, 1030, 6 }, { 0, 2, 2000, 4096, 100 } };
	struct machine m;
	small_machine(&m, 1, 1, shape, 2);
	struct zone *z = machine_zone(&m, 0, 2);
	assert_int_equal(zone_buddy_pages(z), 1996);
	assert_int_equal(zone_free_blocks(z, MM_ORDER_MAX), 1); /* 3072..4096 */
	for (pfn_t pfn = 1024; pfn < 2100; pfn++)
		assert_int_equal(pfn_page(&m, pfn)->state, PAGE_NONE);
	assert_int_equal(pfn_page(&m, 2100)->state, PAGE_BUDDY);
	assert_int_equal(pfn_page(&m, 2100)->order, 2);
	end_machine(&m);
}

static void test_imported_machine_is_pinned(void **state)
{
	(void)state;
	struct machine_spec s;
	struct machine m;
	captured_spec(captured_machine("T12"), &s);
	s.imported = true;
	small_boot(&m, &s);
	FOR_EACH_POPULATED_ZONE(z, &m) {
		assert_int_equal(zone_buddy_pages(z), 0);
		assert_int_equal(zone_stat_read(z, NR_FREE_PAGES), 0);
		assert_int_equal(z->nr_pinned, z->managed);
	}
	end_machine(&m);
}

static void test_cpus_and_their_nodes(void **state)
{
	(void)state;
	struct machine_spec s;
	struct machine m;
	captured_spec(captured_machine("T5"), &s); /* node 1 has no CPU */
	s.nr_cpu_ids = 8; /* some possible, not online */
	small_boot(&m, &s);
	assert_int_equal(m.nr_cpus_online, 4);
	assert_ptr_equal(m.node[1].first_cpu, &m.cpu[0]);
	assert_ptr_equal(m.cpu[3].node, &m.node[0]);
	assert_false(m.cpu[4].online);
	end_machine(&m);
}

/* A node whose first CPU is offline works on its next one; a CPU that nobody claims lives on node 0. */
static void test_odd_cpus(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 2, 4096, 8192, 0 }, { 1, 2, 8192, 12288, 0 } };
	struct machine_spec s;
	struct machine m;
	small_spec(&s, 2, 2);
	small_spec_zones(&s, shape, 2);
	s.cpus_online.w[0] = 0xb; /* 0, 1, 3 */
	s.node[0].cpus.w[0] = 2;
	small_boot(&m, &s);
	assert_ptr_equal(m.node[0].first_cpu, &m.cpu[1]);
	assert_ptr_equal(m.node[1].first_cpu, &m.cpu[3]);
	assert_ptr_equal(m.cpu[0].node, &m.node[0]);
	end_machine(&m);
}

static void assert_refused(struct machine_spec *s, const char *text)
{
	struct machine m;
	struct why why = { "" };
	assert_int_equal(machine_boot(&m, s, &why), -EINVAL);
	assert_non_null(strstr(why.text, text));
	machine_spec_fini(s);
}

static void test_refusals(void **state)
{
	(void)state;
	static const struct zone_shape fits = { 0, 2, 1ull << 31, 0xffffffff, 0 },
				       large = { 0, 2, 1ull << 31, 1ull << 32, 0 };
	struct machine_spec s;
	struct machine m;
	small_spec(&s, 1, 1);
	small_spec_zones(&s, &large, 1);
	assert_refused(&s, "last frame is 4294967295, beyond 4294967294");
	small_machine(&m, 1, 1, &fits, 1);
	end_machine(&m);

	small_spec(&s, 1, 1);
	assert_refused(&s, "no memory");
	small_spec(&s, 1, 0);
	small_spec_zones(&s, &fits, 1);
	assert_refused(&s, "no CPU");
}

static void test_stop_keeps_everybody_out(void **state)
{
	(void)state;
	static const struct zone_shape shape = { 0, 2, 4096, 8192, 0 };
	struct machine m;
	small_machine(&m, 1, 3, &shape, 1);
	machine_stop(&m);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_mutex_trylock(&m.cpu[i].lock.lock.mutex), EBUSY);
	machine_resume(&m);
	cpu_enter(&m.cpu[1]);
	cpu_leave(&m.cpu[1]);
	end_machine(&m);
}

/* Host memory that runs out at any point of the boot leaves nothing behind. */
static void test_boot_without_host_memory(void **state)
{
	(void)state;
	unsigned failed = 0;
	for (uint64_t nth = 1;; nth++) {
		struct machine_spec s;
		struct machine m;
		struct why why = { "" };
		captured_spec(captured_machine("T9"), &s);
		fault_arm(FAULT_HOST_MALLOC, nth);
		int error = machine_boot(&m, &s, &why);
		bool fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		machine_spec_fini(&s);
		if (!fired) {
			assert_int_equal(error, 0);
			end_machine(&m);
			break;
		}
		assert_int_equal(error, -ENOMEM);
		assert_true(why.text[0]);
		failed++;
	}
	assert_true(failed > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captured_machines_boot),
		cmocka_unit_test(test_zone_order),
		cmocka_unit_test(test_default_reserve_ratios),
		cmocka_unit_test(test_reserved_pages_are_lowest),
		cmocka_unit_test(test_imported_machine_is_pinned),
		cmocka_unit_test(test_cpus_and_their_nodes),
		cmocka_unit_test(test_odd_cpus),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_stop_keeps_everybody_out),
		cmocka_unit_test(test_boot_without_host_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
