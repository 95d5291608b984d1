/* SPDX-License-Identifier: MIT */
#include "daemon/boot.h"

#include "base/fault.h"
#include "mm/verify.h"
#include "support/state_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MACHINE "[machine]\nbacking=sparse\n[node 0]\nmemory=64M\ncpus=0-1\n"

static char conf[64];

/* A configuration file of that text: its name, until the next one. */
static const char *conf_write(const char *text)
{
	strcpy(conf, "/tmp/ummfs-boot-XXXXXX");
	int fd = mkstemp(conf);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return conf;
}

static struct booted *boot(const struct boot_options *o)
{
	struct booted *b = calloc(1, sizeof(*b));
	struct why why = { "" };

	if (boot_machine(b, o, &why))
		fail_msg("%s", why.text);
	return b;
}

static void end(struct booted *b)
{
	boot_fini(b);
	boot_fini(b); /* twice is allowed */
	free(b);
}

static void refused(const struct boot_options *o, int error, const char *words)
{
	struct booted b;
	struct why why = { "" };

	assert_int_equal(boot_machine(&b, o, &why), error);
	if (!strstr(why.text, words))
		fail_msg("'%s' does not say '%s'", why.text, words);
}

static void test_built_in(void **state)
{
	(void)state;
	if (!access("/etc/ummfs.conf", F_OK)) {
		print_message("SKIPPED: /etc/ummfs.conf replaces the built-in machine on this host\n");
		return;
	}
	struct booted *b = boot(&(struct boot_options){ .no_region = true });
	assert_int_equal(b->vm.machine.nr_nodes, 2);
	assert_false(b->has_region);
	assert_null(b->vm.region);
	assert_non_null(strstr(text_cstr(&b->report), "built-in: 64-bit machine, 2 nodes"));
	assert_non_null(strstr(text_cstr(&b->report), "\nnode 1: CPUs "));
	end(b);
}

static void test_configuration(void **state)
{
	const char *path =
		conf_write(MACHINE "[vm]\nmin_free_kbytes=1000\nlowmem_reserve_ratio=1 2 3 4 5\n");
	struct booted *b = boot(&(struct boot_options){ .config = path });

	(void)state;
	assert_int_equal(b->vm.machine.nr_cpus_online, 2);
	assert_int_equal(b->vm.machine.tune.min_free_kbytes, 1000);
	assert_int_equal(b->vm.machine.tune.lowmem_reserve_ratio[2], 3);
	assert_true(b->has_region);
	assert_int_equal(b->region.backing, BACKING_SPARSE);
	struct stat st;
	assert_int_equal(fstat(b->region.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	end(b);
	unlink(path);
}

static void test_options_win(void **state)
{
	const char *path = conf_write(MACHINE);
	struct boot_options o = {
		.config = path,
		.has_backing = true,
		.has_limit = true,
		.region = { .backing = BACKING_THP, .limit_bytes = 8 << 20 },
		.deterministic = true,
		.seed = 7,
	};
	struct booted *b = boot(&o);

	(void)state;
	assert_int_equal(b->region.backing, BACKING_THP);
	assert_int_equal(b->region.limit_pages, (8 << 20) / 4096);
	assert_true(b->vm.deterministic);
	end(b);
	unlink(path);
}

static void test_bad_knobs_name_their_line(void **state)
{
	char want[128];
	const char *path = conf_write(MACHINE "[vm]\nfrobnication=1\n");

	(void)state;
	snprintf(want, sizeof(want), "%s:7: unknown key frobnication", path);
	refused(&(struct boot_options){ .config = path, .no_region = true }, -EINVAL, want);
	unlink(path);
	path = conf_write(MACHINE "[vm]\n\nwatermark_scale_factor=0\n");
	snprintf(want, sizeof(want), "%s:8: watermark_scale_factor=0: Invalid argument", path);
	refused(&(struct boot_options){ .config = path, .no_region = true }, -EINVAL, want);
	unlink(path);
}

static void test_missing_sources(void **state)
{
	(void)state;
	refused(&(struct boot_options){ .config = "/nonexistent", .no_region = true }, -ENOENT,
		"/nonexistent");
	refused(&(struct boot_options){ .from = "/nonexistent", .no_region = true }, -ENOENT, "/nonexistent");
}

static void test_reload(void **state)
{
	char path[64];
	struct why why = { "" };

	(void)state;
	strcpy(path, conf_write(MACHINE "[vm]\nmin_free_kbytes=1000\n"));
	struct booted *b = boot(&(struct boot_options){ .config = path, .no_region = true });
	struct boot_options o = { .config = conf_write(MACHINE "[vm]\nmin_free_kbytes=2000\n") };
	assert_int_equal(boot_reload(&b->vm, &o, &why), 0);
	assert_int_equal(b->vm.machine.tune.min_free_kbytes, 2000);
	unlink(conf);
	assert_int_equal(boot_reload(&b->vm, &o, &why), -ENOENT);
	assert_true(why.text[0]);

	why.text[0] = '\0';
	o.config = conf_write(MACHINE "[vm]\nmin_free_kbytes=3000\nnonsense=1\n");
	assert_int_equal(boot_reload(&b->vm, &o, &why), -EINVAL);
	assert_non_null(strstr(why.text, ":8: unknown key nonsense"));
	assert_int_equal(b->vm.machine.tune.min_free_kbytes, 3000); /* the line before it counts */
	unlink(conf);

	why.text[0] = '\0';
	o = (struct boot_options){ .from = "/" };
	assert_int_equal(boot_reload(&b->vm, &o, &why), -EINVAL);
	assert_non_null(strstr(why.text, "no configuration"));
	end(b);
	unlink(path);
}

static void test_state(void **state)
{
	struct state_dir d;

	(void)state;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	struct booted *b = boot(&(struct boot_options){ .from = d.path, .no_region = true });
	assert_int_equal(b->vm.machine.nr_nodes, 2);
	assert_int_equal(b->vm.machine.nr_cpus_online, 8);
	assert_int_equal(b->dev_mem_mode, 0600);
	assert_non_null(strstr(text_cstr(&b->report), "2 nodes"));
	struct text findings;
	text_init(&findings, 0);
	assert_int_equal(mm_verify(&b->vm.machine, &findings), 0);
	text_fini(&findings);
	end(b);
	state_dir_remove(&d);
}

/* However early memory ends, nothing is left behind and the reason is told. */
static void test_no_memory(void **state)
{
	const char *path = conf_write(MACHINE "[vm]\nmin_free_kbytes=1000\n");
	struct boot_options o = { .config = path };
	bool fired = true;

	(void)state;
	for (unsigned n = 1; fired; n++) {
		struct booted b;
		struct why why = { "" };
		fault_arm(FAULT_HOST_MALLOC, n);
		int err = boot_machine(&b, &o, &why);
		fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		if (!err)
			boot_fini(&b);
		else
			assert_true(why.text[0]);
		assert_true(fired || !err);
		assert_true(n < 2000);
	}
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_built_in),
		cmocka_unit_test(test_configuration),
		cmocka_unit_test(test_options_win),
		cmocka_unit_test(test_bad_knobs_name_their_line),
		cmocka_unit_test(test_missing_sources),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
