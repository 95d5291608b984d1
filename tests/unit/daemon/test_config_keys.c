/* SPDX-License-Identifier: MIT */
/* Every key with good and bad values. */
#include "support/config_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ONE_NODE "[node 0]\nmemory=64M\ncpus=0\n" /* lines 1 to 3 */

static void machine_bad(const char *key_value, const char *want)
{
	char text[512], full[512];
	snprintf(text, sizeof(text), ONE_NODE "[machine]\n%s\n", key_value);
	snprintf(full, sizeof(full), "FILE:5: %s", want);
	config_text_bad(text, full);
}

static void node_bad(const char *key_value, const char *want)
{
	char text[512], full[512];
	snprintf(text, sizeof(text), "[node 0]\n\n%s\n", key_value);
	snprintf(full, sizeof(full), "FILE:3: %s", want);
	config_text_bad(text, full);
}

static void machine_good(struct config *c, const char *lines)
{
	char text[512];
	snprintf(text, sizeof(text), ONE_NODE "[machine]\n%s\n", lines);
	config_text_good(c, text);
}

static void test_region_keys(void **state)
{
	(void)state;
	static const char *const names[] = { "auto", "hugetlb", "thp", "sparse" };
	struct config c;
	char line[64];

	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(line, sizeof(line), "backing = %s", names[i]);
		machine_good(&c, line);
		assert_int_equal(c.region.backing, i);
		config_fini(&c);
	}
	machine_good(&c, "limit = 2G\nhuge_page = 1G\ndev_mem_mode = 0640");
	assert_int_equal(c.region.limit_bytes, 2ul << 30);
	assert_int_equal(c.region.huge_page_bytes, 1ul << 30);
	assert_int_equal(c.dev_mem_mode, 0640);
	assert_false(c.region.reserve);
	config_fini(&c);

	machine_good(&c, "oom_sigkill = yes");
	assert_true(c.oom_sigkill);
	config_fini(&c);
	machine_good(&c, "oom_sigkill = no");
	assert_false(c.oom_sigkill);
	config_fini(&c);

	machine_bad("oom_sigkill = 1", "oom_sigkill = 1: must be yes or no");
	machine_bad("backing = swap", "backing = swap: must be auto, hugetlb, thp or sparse");
	machine_bad("limit = lots", "limit = lots: must be a size such as 512M, 4G or 1T");
	machine_bad("limit = 0", "limit = 0: must be more than nothing");
	machine_bad("limit = 1000", "limit = 1000: must be a multiple of 4K");
	machine_bad("huge_page = 4M", "huge_page = 4M: must be 2M or 1G");
	machine_bad("dev_mem_mode = 0800",
		    "dev_mem_mode = 0800: must be permission bits in octal, such as 0600");
	machine_bad("dev_mem_mode = 1777",
		    "dev_mem_mode = 1777: must be permission bits in octal, such as 0600");
	machine_bad("dev_mem_mode =", "dev_mem_mode = : must be permission bits in octal, such as 0600");
}

static void test_machine_keys(void **state)
{
	(void)state;
	struct config c;

	machine_good(&c, "thp = always\npossible_cpus = 0-7\nreserved = 4M");
	assert_true(c.spec.thp);
	assert_int_equal(c.spec.nr_cpu_ids, 8);
	assert_int_equal(mask_count(&c.spec.cpus_online), 1);
	config_fini(&c);
	machine_good(&c, "bits = 32\npageblock_order = 10");
	assert_int_equal(c.spec.bits, 32);
	assert_int_equal(c.spec.pageblock_order, 10);
	assert_false(c.spec.thp);
	config_fini(&c);

	machine_good(&c, "kernel = 5.10");
	assert_int_equal(c.spec.kernel, KERNEL_5_10);
	config_fini(&c);
	machine_good(&c, "kernel = 6.12");
	assert_int_equal(c.spec.kernel, KERNEL_6_12);
	config_fini(&c);
	machine_good(&c, "bits = 64");
	assert_int_equal(c.spec.kernel, KERNEL_6_1);
	config_fini(&c);

	machine_bad("kernel = 6.2", "kernel = 6.2: must be 5.10, 6.1 or 6.12");
	machine_bad("kernel = 3.10", "kernel = 3.10: must be 5.10, 6.1 or 6.12");
	machine_bad("bits = 16", "bits = 16: must be 64 or 32");
	machine_bad("bits = 0x40", "bits = 0x40: must be 64 or 32");
	machine_bad("dma_limit = 1M", "dma_limit = 1M: must be a multiple of 4M");
	machine_bad("dma32_limit = -4G", "dma32_limit = -4G: must be a size such as 512M, 4G or 1T");
	machine_bad("normal_limit = 896MM", "normal_limit = 896MM: must be a size such as 512M, 4G or 1T");
	machine_bad("movable = 6M", "movable = 6M: must be a multiple of 4M");
	machine_bad("movable = 99999999999999999999G",
		    "movable = 99999999999999999999G: must be a size such as 512M, 4G or 1T");
	machine_bad("reserved = some", "reserved = some: must be a size such as 512M, 4G or 1T");
	machine_bad("pageblock_order = 11", "pageblock_order = 11: must be a number from 9 to 10");
	machine_bad("thp = sometimes", "thp = sometimes: must be always or never");
	machine_bad("possible_cpus = 0-", "possible_cpus = 0-: must be a list of CPUs such as 0-3,8-11");
	machine_bad("possible_cpus = 0-8192", "possible_cpus = 0-8192: CPU numbers end at 8191");
	machine_bad("memory = 1G", "memory: no such key in [machine]: see ummfs.conf(5)");
	config_text_bad("[machine]\nbits=64\n" ONE_NODE "[machine]\nbits=64\n",
			"FILE:7: bits: stands in line 2 already");
}

static void test_node_values(void **state)
{
	(void)state;
	struct config c;

	config_text_good(&c, "[node 0]\nmemory = 64M-128M, 0-32M\ncpus=0 , 2\nhost_node=3\n");
	assert_int_equal(c.spec.node[0].host_node, 3);
	assert_int_equal(mask_count(&c.spec.cpus_online), 2);
	assert_string_equal(zone_numbers(&c, 0, 1), "4096 28672 20480 20160");
	config_fini(&c);

	node_bad("memory = much", "memory = much: must be a size such as 512M, 4G or 1T");
	node_bad("memory = 2M", "memory = 2M: must be a multiple of 4M");
	node_bad("memory =", "memory = : must be a size such as 512M, 4G or 1T");
	node_bad("memory = 0-2G,", "memory: : must be START-END in multiples of 4M, END not included");
	node_bad("memory = 2G-0", "memory: 2G-0: must be START-END in multiples of 4M, END not included");
	node_bad("memory = 2G-2G", "memory: 2G-2G: must be START-END in multiples of 4M, END not included");
	node_bad("memory = 0-1G,2G-3G-4G",
		 "memory: 2G-3G-4G: must be START-END in multiples of 4M, END not included");
	node_bad("memory = 0-1G,1G-1025M",
		 "memory: 1G-1025M: must be START-END in multiples of 4M, END not included");
	node_bad("memory = 512M,1G-2G",
		 "memory: 512M: must be START-END in multiples of 4M, END not included");
	node_bad("cpus = 0 1", "cpus = 0 1: must be a list of CPUs such as 0-3,8-11");
	node_bad("cpus = 3-1", "cpus = 3-1: must be a list of CPUs such as 0-3,8-11");
	node_bad("cpus = 8192", "cpus = 8192: CPU numbers end at 8191");
	node_bad("distance = 10 twenty",
		 "distance: twenty: must be 10 for the node itself and 11 to 255 for others");
	node_bad("distance = 10 256",
		 "distance: 256: must be 10 for the node itself and 11 to 255 for others");
	node_bad("distance = 9", "distance: 9: must be 10 for the node itself and 11 to 255 for others");
	node_bad("distance =", "distance = : must be numbers, such as 10 21");
	node_bad("host_node = -1", "host_node = -1: must be a number from 0 to 8191");
	node_bad("backing = thp", "backing: no such key in [node N]: see ummfs.conf(5)");
	node_bad("memory = 64M - 128M",
		 "memory: 64M - 128M: must be START-END in multiples of 4M, END not included");
	config_text_bad("[node 0]\ncpus=0\n[node 1]\ncpus=1\n[node 0]\ncpus=2\n",
			"FILE:6: cpus: stands in line 2 already");
}

static void test_node_numbers(void **state)
{
	(void)state;
	config_text_bad(ONE_NODE "[node 256]\ncpus=1\n",
			"FILE:4: [node 256]: must be a number from 0 to 255");
	config_text_bad(ONE_NODE "[node one]\ncpus=1\n",
			"FILE:4: [node one]: must be a number from 0 to 255");
	config_text_bad(ONE_NODE "[node -1]\ncpus=1\n", "FILE:4: [node -1]: must be a number from 0 to 255");
	config_text_bad(ONE_NODE "[node]\ncpus=1\n",
			"FILE:4: [node]: no such section: [machine], [node N], [cache NAME], [files] and [vm] are");
}

static void test_files(void **state)
{
	(void)state;
	struct config c;

	config_text_good(&c, ONE_NODE);
	assert_null(c.source);
	config_fini(&c);
	config_text_good(&c, ONE_NODE "[files]\nsource = /srv/some data\n");
	assert_string_equal(c.source, "/srv/some data");
	config_fini(&c);
	config_text_good(&c, ONE_NODE "[files]\nsource=none\n");
	assert_string_equal(c.source, "none");
	config_fini(&c);
	config_text_bad(ONE_NODE "[files]\nsource = data\n",
			"FILE:5: source = data: must be an absolute path of a directory, or none");
	config_text_bad(ONE_NODE "[files]\nsource = /a\nsource = /b\n",
			"FILE:6: source: stands in line 5 already");
	config_text_bad(ONE_NODE "[files]\nfolder = /a\n",
			"FILE:5: folder: no such key in [files]: see ummfs.conf(5)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_region_keys), cmocka_unit_test(test_machine_keys),
		cmocka_unit_test(test_node_values), cmocka_unit_test(test_node_numbers),
		cmocka_unit_test(test_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
