/* SPDX-License-Identifier: MIT */
/* One zone's lines of a report: pairs, lists, reserves. */
#include "daemon/import_log.h"
#include "support/state_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct state_dir d;
	struct log_reading *r;
	struct why why;
};

static int lists(struct fixture *f, const char *text)
{
	char copy[256];
	struct cap_zone *z = &f->r->c->zone[0];
	snprintf(copy, sizeof(copy), "%s", text);
	memset(z->buddy, 0, sizeof(z->buddy));
	memset(z->types, 0, sizeof(z->types));
	z->has_buddy = false;
	f->why.text[0] = 0;
	return log_zone_lists(f->r, z, copy);
}

static void begin(struct fixture *f)
{
	char sizes[] = "free:40kB min:4kB high: 12kB strange:7kB slab_reclaimable:8kB free_pcp:8kB local_pcp:4kB present:40960kB "
		       "managed:36864kB all_unreclaimable? no lowmem_reserve[]: 0 5";
	state_dir_make(&f->d, NULL);
	f->r = calloc(1, sizeof(*f->r));
	f->r->c = state_capture(&f->d);
	f->r->why = &f->why;
	f->why.text[0] = 0;
	f->r->zone = -1;
	assert_int_equal(log_zone_sizes(f->r, 1, ZONE_NORMAL, sizes), 0);
}

static void end(struct fixture *f)
{
	import_free(f->r->c);
	free(f->r);
	state_dir_remove(&f->d);
}

/* 5.10: page tables by zone, the rest by node. What the node's line has is not counted again. */
static void test_items_of_both(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	char of_node[] = " active_anon:400kB kernel_stack:168kB all_unreclaimable? yes";
	char first[] = "free:0kB active_anon:300kB present:4kB managed:4kB pagetables:12kB";
	char second[] = "free:0kB active_anon:100kB present:4kB managed:4kB pagetables:8kB";
	assert_int_equal(log_node_items(f.r, 2, of_node), 0);
	assert_int_equal(log_zone_sizes(f.r, 2, ZONE_DMA32, first), 0);
	assert_int_equal(log_zone_sizes(f.r, 2, ZONE_NORMAL, second), 0);
	const struct cap_node *n = &f.r->c->node[2];
	assert_int_equal(n->stat[NR_ACTIVE_ANON], 100);
	assert_int_equal(n->stat[NR_KERNEL_STACK_KB], 168);
	assert_int_equal(n->stat[NR_PAGETABLE], 5);
	assert_true(n->unreclaimable);
	assert_int_equal(f.r->c->zone[1].stat[NR_ZONE_PAGETABLE], 3);
	assert_int_equal(f.r->c->zone[2].stat[NR_ZONE_PAGETABLE], 2);
	end(&f);
}

static void test_sizes(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	const struct cap_zone *z = &f.r->c->zone[0];
	assert_int_equal(z->node, 1);
	assert_int_equal(z->free, 10);
	assert_int_equal(z->high, 3);
	assert_true(z->has_marks);
	assert_int_equal(z->spanned, 10240);
	assert_int_equal(z->nr_protection, 2);
	assert_int_equal(z->protection[1], 5);
	assert_int_equal(f.r->pcp[0].cached, 2);
	assert_int_equal(f.r->pcp[0].local, 1);
	assert_int_equal(f.r->c->node[1].stat[NR_SLAB_RECLAIMABLE], 2);
	char again[] = "free:4kB present:8kB";
	assert_int_equal(log_zone_sizes(f.r, 1, ZONE_NORMAL, again), -EINVAL);
	end(&f);
}

static void test_split(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	const struct cap_zone *z = &f.r->c->zone[0];
	assert_int_equal(lists(&f, "5*4kB (UM) 1*8kB (UME) 0*16kB 1*8192kB (M) = 8220kB"), 0);
	assert_int_equal(z->types[0][MIGRATE_UNMOVABLE], 3);
	assert_int_equal(z->types[0][MIGRATE_MOVABLE], 2);
	assert_int_equal(z->types[1][MIGRATE_UNMOVABLE], 1);
	assert_int_equal(z->types[1][MIGRATE_MOVABLE], 0);
	assert_int_equal(z->buddy[MM_ORDER_MAX], 2); /* a block of a kernel with a higher top order */
	assert_int_equal(z->types[MM_ORDER_MAX][MIGRATE_MOVABLE], 2);
	assert_false(state_noted(f.r->c, NOTE_CORRECTED, "sum of free blocks"));
	assert_int_equal(lists(&f, "1*4kB (C) 0*8kB = 400kB"), 0);
	assert_int_equal(z->types[0][MIGRATE_MOVABLE], 1);
	assert_true(state_noted(f.r->c, NOTE_CORRECTED, "migrate types"));
	assert_true(state_noted(f.r->c, NOTE_CORRECTED, "sum of free blocks"));
	end(&f);
}

static void test_refused(void **state)
{
	(void)state;
	struct fixture f;
	static const char *const bad[] = {
		"1*16kB (M)", "x", "1*0kB", "1*6kB", "9999999999*4kB", "1*4kB 1*1073741824kB", ""
	};
	begin(&f);
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(lists(&f, bad[i]), -EINVAL);
		assert_true(f.why.text[0]);
	}
	char items[] = "active_anon:kB";
	f.why.text[0] = 0;
	assert_int_equal(log_node_items(f.r, 0, items), -EINVAL);
	char many[] = "1 2 3 4 5 6 7 8 9 10";
	assert_int_equal(log_zone_reserve(f.r, many), -EINVAL);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_items_of_both),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
