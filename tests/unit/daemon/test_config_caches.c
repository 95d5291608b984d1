/* SPDX-License-Identifier: MIT */
#include "daemon/config_caches.h"

#include "daemon/boot.h"
#include "mm/slab.h"
#include "support/config_text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ONE_NODE "[node 0]\nmemory=64M\ncpus=0\n"

static void test_sections(void **state)
{
	(void)state;
	struct config c;
	config_text_good(&c, ONE_NODE "[cache TCP]\nsize=1984\nalign=64\nflags=hwcache_align,reclaim_account\n"
				      "[cache my-own]\nsize = 2K\n[cache TCP]\n");
	assert_int_equal(c.nr_caches, 2);
	assert_string_equal(c.cache[0].name, "TCP");
	assert_int_equal(c.cache[0].size, 1984);
	assert_int_equal(c.cache[0].align, 64);
	assert_int_equal(c.cache[0].flags, SLAB_HWCACHE_ALIGN | SLAB_RECLAIM_ACCOUNT);
	assert_int_equal(c.cache[0].line, 4);
	assert_string_equal(c.cache[1].name, "my-own");
	assert_int_equal(c.cache[1].size, 2048);
	assert_int_equal(c.cache[1].align, 0);
	config_fini(&c);
}

static void test_errors(void **state)
{
	(void)state;
	char text[256];
	config_text_bad(ONE_NODE "[cache a]\n", "FILE:4: [cache a]: size is missing");
	config_text_bad(ONE_NODE "[cache a]\nsize=0\n",
			"FILE:5: size = 0: must be the bytes of an object, 1 to 4194304");
	config_text_bad(ONE_NODE "[cache a]\nsize=8M\n",
			"FILE:5: size = 8M: must be the bytes of an object, 1 to 4194304");
	config_text_bad(ONE_NODE "[cache a]\nsize=8\nalign=3\n",
			"FILE:6: align = 3: must be a power of two, at most 4194304");
	config_text_bad(ONE_NODE "[cache a]\nsize=8\nflags=poison,what\n",
			"FILE:6: flags: what: no such flag: see ummfs.conf(5)");
	config_text_bad(ONE_NODE "[cache a]\nobjects=8\n",
			"FILE:5: objects: no such key in [cache NAME]: size, align and flags are");
	config_text_bad(ONE_NODE "[cache a]\nsize=8\n[cache a]\nsize=9\n",
			"FILE:7: size: stands in line 5 already");
	static const char names[] =
		": a name is 1 to 63 characters without blanks and '/', does not begin with '.' and is "
		"neither new_cache nor delete_cache";
	snprintf(text, sizeof(text), "FILE:4: [cache a/b]%s", names);
	config_text_bad(ONE_NODE "[cache a/b]\nsize=8\n", text);
	snprintf(text, sizeof(text), "FILE:4: [cache new_cache]%s", names);
	config_text_bad(ONE_NODE "[cache new_cache]\nsize=8\n", text);
}

/* A long name is told whole. */
static void test_long_name(void **state)
{
	(void)state;
	char text[256];
	struct config c;
	snprintf(text, sizeof(text), ONE_NODE "[cache %063d]\nsize=8\n", 7);
	config_text_good(&c, text);
	assert_int_equal(strlen(c.cache[0].name), 63);
	config_fini(&c);
}

static void boot(struct booted *b, const char *text, int error, const char *words)
{
	char path[] = "/tmp/ummfs-caches-XXXXXX";
	struct why why = { "" };
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	const struct boot_options o = { .config = path, .no_region = true };
	assert_int_equal(boot_machine(b, &o, &why), error);
	unlink(path);
	if (error && !strstr(why.text, words))
		fail_msg("'%s' does not say '%s'", why.text, words);
}

static const struct kmem_cache *find(struct booted *b, const char *name)
{
	struct kmem_cache *s = kmem_cache_find(&b->vm.slabs, name);
	assert_non_null(s);
	kmem_cache_put(s);
	return s;
}

static void test_machine_has_them(void **state)
{
	(void)state;
	static struct booted b;
	boot(&b, "[node 0]\nmemory=64M\ncpus=0-3\n[cache TCP]\nsize=1984\nalign=64\nflags=hwcache_align\n[cache mine]\nsize=100\n",
	     0, NULL);
	const struct kmem_cache *tcp = find(&b, "TCP"), *mine = find(&b, "mine");
	assert_int_equal(tcp->layout.size, 1984);
	assert_int_equal(tcp->layout.objects, 16);
	assert_int_equal(tcp->layout.order, 3);
	assert_ptr_equal(b.vm.slabs.newest, mine);
	assert_ptr_equal(mine->older, tcp);
	unsigned named = 0;
	for (const struct kmem_cache *s = b.vm.slabs.newest; s; s = s->older)
		named += !strcmp(s->name, "TCP");
	assert_int_equal(named, 1);
	boot_fini(&b);
}

static void test_refused_at_boot(void **state)
{
	(void)state;
	static struct booted b;
	boot(&b, ONE_NODE "[cache kmalloc-64]\nsize=64\n", -EBUSY,
	     ":4: [cache kmalloc-64]: the machine itself has its objects there");
	boot(&b, ONE_NODE "[cache a]\nsize=4M\nflags=red_zone\n", -EINVAL,
	     ":4: [cache a]: no slab can hold objects of 4194304 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sections),        cmocka_unit_test(test_errors),
		cmocka_unit_test(test_long_name),       cmocka_unit_test(test_machine_has_them),
		cmocka_unit_test(test_refused_at_boot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
