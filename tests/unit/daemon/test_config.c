/* SPDX-License-Identifier: MIT */
/* Lines, sections, the four shipped machines, and what goes wrong while reading. */
#include "base/fault.h"
#include "base/text.h"
#include "support/config_text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ONE_NODE "[node 0]\nmemory=64M\ncpus=0\n" /* lines 1 to 3 */

static void zones_equal(const struct zone_spec *a, const struct zone_spec *b)
{
	assert_int_equal(a->start_pfn, b->start_pfn);
	assert_int_equal(a->spanned, b->spanned);
	assert_int_equal(a->present, b->present);
	assert_int_equal(a->managed, b->managed);
	assert_int_equal(a->nr_blocks, b->nr_blocks);
	assert_int_equal(a->nr_ranges, b->nr_ranges);
	if (a->nr_ranges)
		assert_memory_equal(a->range, b->range, a->nr_ranges * sizeof(*a->range));
}

static void nodes_equal(const struct node_spec *a, const struct node_spec *b)
{
	assert_int_equal(a->online, b->online);
	assert_int_equal(a->host_node, b->host_node);
	assert_memory_equal(&a->cpus, &b->cpus, sizeof(a->cpus));
	assert_memory_equal(a->distance, b->distance, sizeof(a->distance));
	for (unsigned type = 0; type < MM_ZONE_TYPES_MAX; type++)
		zones_equal(&a->zone[type], &b->zone[type]);
}

static void configs_equal(const struct config *a, const struct config *b)
{
	assert_int_equal(a->spec.bits, b->spec.bits);
	assert_int_equal(a->spec.pageblock_order, b->spec.pageblock_order);
	assert_int_equal(a->spec.nr_cpu_ids, b->spec.nr_cpu_ids);
	assert_int_equal(a->spec.numa, b->spec.numa);
	assert_int_equal(a->spec.imported, b->spec.imported);
	assert_int_equal(a->spec.thp, b->spec.thp);
	assert_memory_equal(&a->spec.cpus_online, &b->spec.cpus_online, sizeof(struct mask));
	assert_memory_equal(&a->spec.cpus_possible, &b->spec.cpus_possible, sizeof(struct mask));
	assert_int_equal(a->spec.nr_nodes, b->spec.nr_nodes);
	for (unsigned n = 0; n < a->spec.nr_nodes; n++)
		nodes_equal(&a->spec.node[n], &b->spec.node[n]);
	assert_memory_equal(&a->region, &b->region, sizeof(a->region));
	assert_int_equal(a->nr_knobs, b->nr_knobs);
	assert_int_equal(a->nr_caches, b->nr_caches);
	for (unsigned i = 0; i < a->nr_caches; i++) {
		assert_string_equal(a->cache[i].name, b->cache[i].name);
		assert_int_equal(a->cache[i].size, b->cache[i].size);
		assert_int_equal(a->cache[i].align, b->cache[i].align);
		assert_int_equal(a->cache[i].flags, b->cache[i].flags);
	}
	assert_int_equal(a->dev_mem_mode, b->dev_mem_mode);
}

static void test_builtin_is_the_shipped_one(void **state)
{
	(void)state;
	struct config inside, shipped;
	struct why why = { "" };

	assert_int_equal(config_builtin(&inside, &why), 0);
	assert_string_equal(inside.path, "built-in");
	config_shipped(&shipped, "builtin.conf");
	configs_equal(&inside, &shipped);
	config_fini(&inside);
	config_fini(&shipped);
}

static void check_cpus(const struct config *c, unsigned node, const char *want)
{
	struct text t;
	text_init(&t, 0);
	mask_print_list(&t, &c->spec.node[node].cpus);
	assert_string_equal(text_cstr(&t), want);
	text_fini(&t);
}

static void test_builtin(void **state)
{
	(void)state;
	struct config c;
	struct why why = { "" };

	assert_int_equal(config_builtin(&c, &why), 0);
	assert_int_equal(c.spec.nr_nodes, 2);
	assert_int_equal(c.spec.nr_cpu_ids, 4);
	assert_int_equal(mask_count(&c.spec.cpus_possible), 4);
	assert_true(c.spec.numa && c.spec.thp && !c.spec.imported);
	assert_string_equal(zone_numbers(&c, 0, 0), "1 4095 3998 3840");
	assert_string_equal(zone_numbers(&c, 0, 1), "4096 126976 126976 124992");
	assert_string_equal(zone_numbers(&c, 1, 0), "0 0 0 0");
	assert_string_equal(zone_numbers(&c, 1, 1), "131072 131072 131072 129024");
	check_cpus(&c, 0, "0-1");
	check_cpus(&c, 1, "2-3");
	assert_int_equal(c.spec.node[0].distance[0], 10);
	assert_int_equal(c.spec.node[0].distance[1], 20);
	assert_int_equal(c.spec.node[1].distance[0], 20);
	assert_int_equal(c.region.backing, BACKING_AUTO);
	assert_int_equal(c.region.limit_bytes, 0);
	assert_int_equal(c.dev_mem_mode, 0600);
	config_fini(&c);
}

static void test_xeon(void **state)
{
	(void)state;
	struct config c;

	config_shipped(&c, "xeon-2s.conf");
	assert_int_equal(c.region.backing, BACKING_SPARSE);
	assert_int_equal(c.spec.nr_nodes, 2);
	assert_int_equal(c.spec.nr_cpu_ids, 32);
	check_cpus(&c, 0, "0-7,16-23");
	check_cpus(&c, 1, "8-15,24-31");
	assert_int_equal(c.spec.node[1].distance[0], 21);
	assert_string_equal(zone_numbers(&c, 0, 0), "1 4095 3998 3840");
	assert_string_equal(zone_numbers(&c, 0, 1), "4096 1044480 1044480 1028160");
	assert_string_equal(zone_numbers(&c, 0, 2), "1048576 15728640 15728640 15482880");
	assert_string_equal(zone_numbers(&c, 1, 2), "16777216 16777216 16777216 16515072");
	config_fini(&c);
}

static void test_highmem(void **state)
{
	(void)state;
	struct config c;

	config_shipped(&c, "highmem-32.conf");
	assert_int_equal(c.spec.bits, 32);
	assert_false(c.spec.numa);
	assert_true(c.spec.thp);
	assert_int_equal(c.spec.nr_nodes, 1);
	check_cpus(&c, 0, "0-1");
	assert_string_equal(zone_numbers(&c, 0, 0), "1 4095 3998 3840");
	/* (3998 + 225280 + 294912) / 128 = 4095 pages of page array */
	assert_string_equal(zone_numbers(&c, 0, 1), "4096 225280 225280 221185");
	assert_string_equal(zone_numbers(&c, 0, 2), "229376 294912 294912 294912");
	assert_string_equal(zone_numbers(&c, 0, 3), "0 0 0 0");
	config_fini(&c);
}

static void test_eight_nodes(void **state)
{
	(void)state;
	struct config c;

	config_shipped(&c, "eight-nodes.conf");
	assert_int_equal(c.region.backing, BACKING_SPARSE);
	assert_int_equal(c.spec.nr_nodes, 8);
	assert_int_equal(mask_count(&c.spec.cpus_online), 64);
	for (unsigned n = 0; n < 8; n++)
		for (unsigned to = 0; to < 8; to++) {
			unsigned hops = MIN((n - to) % 8, (to - n) % 8);
			assert_int_equal(c.spec.node[n].distance[to], 10 + 2 * hops);
		}
	assert_string_equal(zone_numbers(&c, 0, 0), "1 4095 3998 3840");
	assert_string_equal(zone_numbers(&c, 1, 2), "536870912 536870912 536870912 528482304");
	const struct zone_spec *last = &c.spec.node[7].zone[2];
	assert_int_equal(last->start_pfn + last->spanned, (1ull << 32) - 1024);
	assert_true(last->start_pfn + last->spanned - 1 <= MM_HIGHEST_PFN);
	config_fini(&c);
}

static void test_knobs_are_collected(void **state)
{
	(void)state;
	struct config c;

	config_text_good(&c, "[vm]\nmin_free_kbytes = 8192\n" ONE_NODE "[vm]\nlowmem_reserve_ratio = 256 256\n  32 0 0\n"
			     "nonsense = yes ; later layers know the knobs\n");
	assert_int_equal(c.nr_knobs, 3);
	assert_string_equal(c.knob[0].name, "min_free_kbytes");
	assert_string_equal(c.knob[0].value, "8192");
	assert_int_equal(c.knob[0].line, 2);
	assert_string_equal(c.knob[1].name, "lowmem_reserve_ratio");
	assert_string_equal(c.knob[1].value, "256 256 32 0 0");
	assert_int_equal(c.knob[1].line, 7);
	assert_string_equal(c.knob[2].value, "yes");
	assert_int_equal(c.knob[2].line, 9);
	config_fini(&c);
}

static void test_lines(void **state)
{
	(void)state;
	struct config c;

	/* a byte order mark, CRLF, indented keys, comments, values that go on, the order of sections, an empty section */
	config_text_good(&c, "\xef\xbb\xbf[node 0]\r\n"
			     "   cpus =\r\n"
			     "      0-1,\r\n"
			     "      # between\r\n"
			     "      3 , 5-6 ; and a remark with a = in it\r\n"
			     "\tmemory : 64M\r\n"
			     "\r\n"
			     "; the end\r\n"
			     "[machine]\r\n"
			     "[vm]\r\n");
	assert_int_equal(mask_count(&c.spec.cpus_online), 5);
	assert_true(mask_has(&c.spec.cpus_online, 6));
	assert_int_equal(c.spec.node[0].zone[1].present, 12288);
	config_fini(&c);
}

static void test_bad_lines(void **state)
{
	(void)state;
	char text[512];

	config_text_bad(ONE_NODE "gibberish\n", "FILE:4: neither [section] nor key = value");
	config_text_bad("[node 0\nmemory=64M\n", "FILE:1: neither [section] nor key = value");
	config_text_bad("gibberish\n[machine]\nbits=65\n[what]\n",
			"FILE:1: neither [section] nor key = value");
	config_text_bad("[what]\ngibberish\n",
			"FILE:1: [what]: no such section: [machine], [node N], [cache NAME], [files] and [vm] are");
	config_text_bad("bits = 64\n" ONE_NODE, "FILE:1: bits: stands before the first section, [machine]");
	config_text_bad(ONE_NODE "\n[file]\nsource = /tmp\n",
			"FILE:5: [file]: no such section: [machine], [node N], [cache NAME], [files] and [vm] are");
	config_text_bad(ONE_NODE "[vm]\nswappiness=1\nswappiness=2\n",
			"FILE:6: swappiness: stands in line 5 already");

	snprintf(text, sizeof(text), ONE_NODE "[vm]\nx = %0300d\n", 1);
	config_text_bad(text, "FILE:5: more than 198 characters: let the value go on in an indented line below");
	snprintf(text, sizeof(text), ONE_NODE "[vm]\nx = %0194d\ny = 2", 1);
	struct config c;
	config_text_good(&c, text);
	assert_int_equal(strlen(c.knob[0].value), 194);
	config_fini(&c);
}

static void test_not_a_text(void **state)
{
	(void)state;
	struct config c;
	struct why why;
	assert_int_equal(config_text_read(&c, "[node 0]\ncpus=\0001\n", 18, &why), -EINVAL);
	assert_string_equal(why.text, "FILE:2: a NUL byte: this is not a text file");
}

static void test_unreadable(void **state)
{
	(void)state;
	struct config c;
	struct why why = { "" };

	assert_int_equal(config_read(&c, "/nonexistent/ummfs.conf", &why), -ENOENT);
	assert_string_equal(why.text, "/nonexistent/ummfs.conf: cannot be read: No such file or directory");
	why.text[0] = '\0';
	assert_int_equal(config_read(&c, "/proc", &why), -EISDIR);
	assert_string_equal(why.text, "/proc: cannot be read: Is a directory");
}

/* The Nth allocation of our own tables fails, for every N: an error and nothing left behind. */
static void test_no_memory(void **state)
{
	(void)state;
	struct config c;
	struct why why;
	static const char text[] = "[node 0]\nmemory=0-64M,128M-192M\ncpus=0\n[node 1]\nmemory=64M-128M\n"
				   "cpus=1,\n 2\n[vm]\na=1\nb=2\n";
	uint64_t n = 0;

	do {
		fault_arm(FAULT_HOST_MALLOC, ++n);
		int error = config_text_read(&c, text, strlen(text), &why);
		if (!fault_fired(FAULT_HOST_MALLOC)) {
			assert_int_equal(error, 0);
			break;
		}
		assert_int_equal(error, -ENOMEM);
		assert_memory_equal(why.text, "FILE", 4);
		assert_non_null(strstr(why.text, "no memory"));
	} while (n < 1000);
	fault_arm(FAULT_HOST_MALLOC, 0);
	assert_in_range(n, 20, 200);
	config_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtin_is_the_shipped_one),
		cmocka_unit_test(test_builtin),
		cmocka_unit_test(test_xeon),
		cmocka_unit_test(test_highmem),
		cmocka_unit_test(test_eight_nodes),
		cmocka_unit_test(test_knobs_are_collected),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_not_a_text),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
