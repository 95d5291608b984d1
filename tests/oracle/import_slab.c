/* SPDX-License-Identifier: MIT */
/*
 * Every capture is booted from its files and prints slabinfo again, byte for
 * byte, with every count in order. Counters of slab pages in zoneinfo are
 * import_text.c's; here they must be made of slabs, of kmalloc's blocks, and
 * of nothing else where the memory in use has room for all of them.
 */
#include "mm/owner.h"
#include "mm/pcp.h"
#include "support/golden.h"
#include "support/state_dir.h"
#include "view/view.h"
#include "vm/dcache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void slabinfo_print(struct state_vm *s, struct text *t)
{
	struct snapshot snap;
	const struct view *v = NULL;
	for (unsigned i = 0; i < nr_views && !v; i++)
		if (!strcmp(view_table[i].path, "proc/slabinfo"))
			v = &view_table[i];
	assert_non_null(v);
	assert_int_equal(snapshot_init(&snap, &s->vm.machine), 0);
	snapshot_fill(&snap, &s->vm, SNAP_ALL);
	text_init(t, 0);
	v->render(t, &snap, 0);
	assert_int_equal(text_error(t), 0);
	snapshot_fini(&snap);
}

static void slabinfo_compare(struct state_vm *s, const struct state_dir *d, const char *capture)
{
	struct text t;
	char *expected = state_dir_read(d, "proc/slabinfo");
	slabinfo_print(s, &t);
	if (strcmp(expected, text_cstr(&t)) != 0) {
		const char *a = expected, *b = text_cstr(&t);
		while (*a && *a == *b)
			a++, b++;
		fail_msg("%s: slabinfo differs at \"%.60s\", ours \"%.60s\"", capture, a, b);
	}
	text_fini(&t);
	free(expected);
}

/* Pages of the machine's slabs and of kmalloc's blocks. */
static uint64_t slab_pages(struct state_vm *s)
{
	const struct machine *m = &s->vm.machine;
	uint64_t pages = 0;
	for (uint64_t pfn = 0; pfn < m->end_pfn; pfn++) {
		const struct page *p = pfn_page(m, (pfn_t)pfn);
		enum owner_kind kind = owner_kind(p->owner);
		if (p->state == PAGE_USED && (kind == OWNER_SLAB || kind == OWNER_KMALLOC))
			pages += 1ull << p->order;
	}
	return pages;
}

static uint64_t counted_pages(struct state_vm *s)
{
	uint64_t pages = 0;
	for (unsigned n = 0; n < s->vm.machine.nr_nodes; n++)
		pages += (uint64_t)(node_stat_sum(&s->vm.machine.node[n], NR_SLAB_RECLAIMABLE) +
				    node_stat_sum(&s->vm.machine.node[n], NR_SLAB_UNRECLAIMABLE));
	return pages;
}

static void check_capture(const char *capture)
{
	struct state_dir d;
	state_dir_make(&d, capture);
	struct state_vm *s = state_boot(&d);
	slabinfo_compare(s, &d, capture);
	uint64_t pinned = 0;
	FOR_EACH_POPULATED_ZONE(z, &s->vm.machine)
		pinned += z->pinned[PINNED_SLAB_RECLAIMABLE] + z->pinned[PINNED_SLAB_UNRECLAIMABLE];
	assert_int_equal(slab_pages(s) + pinned, counted_pages(s));
	if (pinned > counted_pages(s) / 50)
		fail_msg("%s: %lu of %lu pages of slabs found no place", capture, pinned,
			 counted_pages(s));
	machine_drain(&s->vm.machine);
	slabs_drain(&s->vm.slabs);
	state_verify(s);
	slabinfo_compare(s, &d, capture);
	state_end(s);
	state_dir_remove(&d);
}

static void test_captures(void **state)
{
	(void)state;
	for (unsigned i = 0; i < golden_nr_captures; i++)
		check_capture(strchr(golden_captures[i], '/') + 1);
}

/* A task takes imported objects for itself, its mapping and its names, and leaves when it goes as many as there were. */
static void test_coming_and_going(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	struct state_vm *s = state_boot(&d);
	for (unsigned i = 0; i < 40; i++) {
		struct task *t;
		assert_int_equal(task_create(&s->vm, "passing", 0, 0, &t), 0);
		dcache_add(t, 1, "passing", 1000 + i);
		task_put(t);
		assert_int_equal(task_remove(&s->vm, "passing"), 0);
	}
	state_verify(s);
	slabinfo_compare(s, &d, "6.1.0-50-amd64-T3");
	state_end(s);
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captures),
		cmocka_unit_test(test_coming_and_going),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
