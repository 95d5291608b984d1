/* SPDX-License-Identifier: MIT */
#include "daemon/mount.h"

#include "support/fs_fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

/* The real thing where this host allows it: /dev/fuse, and root or fusermount3. */

struct mount_fixture {
	struct fixture *machine;
	struct options options;
	char dir[64];
};

static bool host_can_mount(void)
{
	bool can = !access("/dev/fuse", R_OK | W_OK) &&
		   (!geteuid() || !access("/usr/bin/fusermount3", X_OK));

	if (!can)
		print_message("SKIPPED: this host cannot mount FUSE file systems\n");
	return can;
}

static int mount_setup(void **state)
{
	struct mount_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->machine = fixture_boot();
	f->options.source = (char *)"a,b\\c";
	f->options.uid = getuid();
	f->options.gid = getgid();
	f->options.loop = loop_defaults();
	text_init(&f->options.fuse, 0);
	strcpy(f->dir, "/tmp/ummfs-mount-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	*state = f;
	return 0;
}

static int mount_teardown(void **state)
{
	struct mount_fixture *f = *state;
	int left = rmdir(f->dir);

	fixture_end(f->machine);
	text_fini(&f->options.fuse);
	free(f);
	return left;
}

#define MOUNT_TEST(name) cmocka_unit_test_setup_teardown(name, mount_setup, mount_teardown)

static int open_mount(struct mount_fixture *f, struct mount *m, struct why *why)
{
	return mount_open(m, &f->machine->vm, &f->options, f->dir, why);
}

static void serves(struct mount_fixture *f, struct mount *m)
{
	struct why why = { "" };

	if (open_mount(f, m, &why) || mount_serve(m, &f->options, f->dir, &why))
		fail_msg("%s", why.text);
}

static void test_serves(void **state)
{
	struct mount_fixture *f = *state;
	char path[128], buf[16] = "";
	struct mount m;

	if (!host_can_mount())
		return;
	serves(f, &m);
	snprintf(path, sizeof(path), "%s/proc/sys/vm/watermark_scale_factor", f->dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, buf, sizeof(buf)), 3);
	assert_string_equal(buf, "10\n");
	close(fd);
	mount_close(&m);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void test_names_its_source(void **state)
{
	struct mount_fixture *f = *state;
	char line[512], want[128];
	bool found = false;
	struct mount m;

	if (!host_can_mount())
		return;
	serves(f, &m);
	snprintf(want, sizeof(want), "a,b\\134c %s fuse.ummfs ", f->dir);
	FILE *mounts = fopen("/proc/self/mounts", "re");
	assert_non_null(mounts);
	while (fgets(line, sizeof(line), mounts))
		found |= !strncmp(line, want, strlen(want)) && strstr(line, "default_permissions") &&
			 !!strstr(line, "allow_other") == !geteuid();
	fclose(mounts);
	mount_close(&m);
	assert_true(found);
}

static void test_unmounted_from_outside(void **state)
{
	struct mount_fixture *f = *state;
	struct mount m;

	if (!host_can_mount() || geteuid())
		return;
	serves(f, &m);
	struct pollfd p = { .fd = loop_end_fd(m.loop), .events = POLLIN };
	assert_int_equal(umount(f->dir), 0);
	assert_int_equal(poll(&p, 1, 5000), 1);
	mount_close(&m);
}

static void test_failure_is_one_line(void **state)
{
	struct mount_fixture *f = *state;
	struct why why = { "" };
	struct mount m;
	char dir[64];

	if (!host_can_mount())
		return;
	strcpy(dir, f->dir);
	strcat(f->dir, "/none");
	assert_int_not_equal(open_mount(f, &m, &why), 0);
	strcpy(f->dir, dir);
	assert_non_null(strstr(why.text, "cannot mount on "));
	assert_null(strchr(why.text, '\n'));

	why.text[0] = '\0';
	text_str(&f->options.fuse, "max_read=nonsense");
	assert_int_not_equal(open_mount(f, &m, &why), 0);
	assert_non_null(strstr(why.text, "max_read=nonsense"));
	assert_null(strchr(why.text, '\n'));
}

/* A task that goes behind the kernel's back is not opened any more, whatever the kernel has cached. */
static void test_tasks_that_go(void **state)
{
	struct mount_fixture *f = *state;
	char path[128];
	struct mount m;

	if (!host_can_mount())
		return;
	serves(f, &m);
	assert_non_null(f->machine->vm.tasks.gone);
	struct task *t = make_task(f->machine, "a");
	snprintf(path, sizeof(path), "%s/tasks/a/anon", f->dir);
	assert_int_equal(access(path, F_OK), 0);
	end_task(f->machine, t);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd < 0 && errno == ENOENT); /* the kernel had it cached; ESTALE made it look again */
	mount_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MOUNT_TEST(test_serves),
		MOUNT_TEST(test_names_its_source),
		MOUNT_TEST(test_unmounted_from_outside),
		MOUNT_TEST(test_failure_is_one_line),
		MOUNT_TEST(test_tasks_that_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
