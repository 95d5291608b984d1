/* SPDX-License-Identifier: MIT */
#include "fs/dirops.h"

#include "support/ops_fixture.h"

static int make_mode(struct ops_fixture *f, const char *dir, const char *name, unsigned mode)
{
	struct fuse_mkdir_in in = { .mode = mode };

	return fake_kernel_ask(f->k, FUSE_MKDIR, node_of(f, dir), &in, sizeof(in), name, strlen(name) + 1);
}

static int make(struct ops_fixture *f, const char *dir, const char *name)
{
	return make_mode(f, dir, name, 0755);
}

static int create(struct ops_fixture *f, const char *dir, const char *name)
{
	struct fuse_create_in in = { .mode = S_IFREG | 0644, .flags = O_WRONLY };

	return fake_kernel_ask(f->k, FUSE_CREATE, node_of(f, dir), &in, sizeof(in), name, strlen(name) + 1);
}

static int mknod_fifo(struct ops_fixture *f, const char *dir, const char *name)
{
	struct fuse_mknod_in in = { .mode = S_IFIFO | 0644 };

	return fake_kernel_ask(f->k, FUSE_MKNOD, node_of(f, dir), &in, sizeof(in), name, strlen(name) + 1);
}

static int symlink_to(struct ops_fixture *f, const char *dir, const char *name)
{
	return fake_kernel_ask(f->k, FUSE_SYMLINK, node_of(f, dir), name, strlen(name) + 1, "t", 2);
}

static int link_to(struct ops_fixture *f, const char *from, const char *dir, const char *name)
{
	struct fuse_link_in in = { .oldnodeid = node_of(f, from) };

	return fake_kernel_ask(f->k, FUSE_LINK, node_of(f, dir), &in, sizeof(in), name, strlen(name) + 1);
}

static int removal(struct ops_fixture *f, uint32_t opcode, const char *dir, const char *name)
{
	return fake_kernel_ask(f->k, opcode, node_of(f, dir), name, strlen(name) + 1, NULL, 0);
}

static int rename_to(struct ops_fixture *f, const char *dir, const char *name, const char *to)
{
	struct fuse_rename_in in = { .newdir = node_of(f, dir) };
	char names[64];
	int n = snprintf(names, sizeof(names), "%s%c%s", name, 0, to);

	return fake_kernel_ask(f->k, FUSE_RENAME, node_of(f, dir), &in, sizeof(in), names, (size_t)n + 1);
}

static void test_tasks(void **state)
{
	struct ops_fixture *f = *state;
	struct fuse_entry_out e;

	f->k->uid = 4242;
	f->k->gid = 4343;
	assert_int_equal(make(f, "tasks", "a"), 0);
	memcpy(&e, f->k->reply, sizeof(e));
	assert_int_equal(e.attr.mode, S_IFDIR | 0755);
	assert_int_equal(e.attr.uid, 4242);
	assert_int_equal(e.attr.gid, 4343);
	assert_int_equal(node_of(f, "tasks/a"), e.nodeid);
	assert_int_equal(make(f, "tasks", "a"), -EEXIST);
	assert_int_equal(removal(f, FUSE_UNLINK, "tasks/a", "anon"), -EPERM);
	assert_int_equal(make(f, "tasks/a", "x"), -EPERM);
	assert_int_equal(rename_to(f, "tasks", "a", "b"), -EPERM);
	assert_int_equal(create(f, "tasks", "file"), -EPERM);
	assert_int_equal(removal(f, FUSE_RMDIR, "tasks", "a"), 0);
	assert_int_equal(removal(f, FUSE_RMDIR, "tasks", "a"), -ENOENT);
	assert_int_equal(ask_walk(f->k, "tasks/a", &e), -ENOENT);
}

static unsigned mode_of(struct ops_fixture *f, const char *path)
{
	struct fuse_entry_out e;

	assert_int_equal(ask_walk(f->k, path, &e), 0);
	return e.attr.mode;
}

/* What others may do in the directory is the most that they may do with its files. */
static void test_modes(void **state)
{
	struct ops_fixture *f = *state;

	assert_int_equal(make_mode(f, "tasks", "open", 0777), 0);
	assert_int_equal(mode_of(f, "tasks/open"), S_IFDIR | 0777);
	assert_int_equal(mode_of(f, "tasks/open/anon"), S_IFREG | 0644);
	assert_int_equal(mode_of(f, "tasks/open/events"), S_IFREG | 0444);
	assert_int_equal(mode_of(f, "tasks/open/mem"), S_IFREG | 0600);
	assert_int_equal(make_mode(f, "tasks", "group", 0750), 0);
	assert_int_equal(mode_of(f, "tasks/group"), S_IFDIR | 0750);
	assert_int_equal(mode_of(f, "tasks/group/anon"), S_IFREG | 0640);
	assert_int_equal(make_mode(f, "tasks", "private", 0700), 0);
	assert_int_equal(mode_of(f, "tasks/private/anon"), S_IFREG | 0600);
	assert_int_equal(mode_of(f, "tasks/private/pid"), S_IFREG | 0400);
	assert_int_equal(make_mode(f, "tasks", "sticky", S_IFDIR | 07755), 0);
	assert_int_equal(mode_of(f, "tasks/sticky"), S_IFDIR | 01755);
}

struct gone {
	unsigned calls;
	pid_t pid;
	char name[TASK_NAME_MAX + 1];
};

static void gone_note(void *ctx, const struct task *t)
{
	struct gone *g = ctx;

	g->calls++;
	g->pid = t->pid;
	snprintf(g->name, sizeof(g->name), "%s", t->name);
}

/* The kernel is told that proc/PID has gone with the directory that it removed. */
static void test_rmdir_tells_of_the_process(void **state)
{
	struct ops_fixture *f = *state;
	struct gone gone = { 0 };
	pid_t pid = fs_task(f->fs, "a")->pid;

	f->fs->machine->vm.tasks.gone_ctx = &gone;
	f->fs->machine->vm.tasks.gone = gone_note;
	assert_int_equal(removal(f, FUSE_RMDIR, "tasks", "b"), -ENOENT);
	assert_int_equal(gone.calls, 0);
	assert_int_equal(removal(f, FUSE_RMDIR, "tasks", "a"), 0);
	assert_int_equal(gone.calls, 1);
	assert_int_equal(gone.pid, pid);
	assert_string_equal(gone.name, "a");
}

static void test_errno_of_each_place(void **state)
{
	static const struct {
		const char *dir, *name;
		int make; /* mkdir, symlink, mknod, link, rename to a new name */
		int create; /* open(O_CREAT) */
		int take; /* unlink, rmdir, rename to an old name */
	} want[] = {
		{ "proc", "zoneinfo", -ENOENT, -ENOENT, -EPERM },
		{ "proc/sys/vm", "min_free_kbytes", -ENOENT, -ENOENT, -EACCES },
		{ "sys/devices/system/node", "online", -EPERM, -EACCES, -EPERM },
		{ "", "README", -EPERM, -EPERM, -EPERM },
	};
	struct ops_fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_int_equal(make(f, want[i].dir, "new"), want[i].make);
		assert_int_equal(symlink_to(f, want[i].dir, "new"), want[i].make);
		assert_int_equal(mknod_fifo(f, want[i].dir, "new"), want[i].make);
		assert_int_equal(link_to(f, "README", want[i].dir, "new"), want[i].make);
		assert_int_equal(create(f, want[i].dir, "new"), want[i].create);
		assert_int_equal(removal(f, FUSE_UNLINK, want[i].dir, want[i].name), want[i].take);
		assert_int_equal(removal(f, FUSE_RMDIR, want[i].dir, want[i].name), want[i].take);
		assert_int_equal(rename_to(f, want[i].dir, want[i].name, "new"), want[i].make);
		assert_int_equal(rename_to(f, want[i].dir, want[i].name, want[i].name), want[i].take);
	}
}

/* ---- Reading directories ---- */

static uint64_t dir_open(struct ops_fixture *f, uint64_t node)
{
	struct fuse_open_in in = { .flags = O_RDONLY | O_DIRECTORY };
	struct fuse_open_out out;

	assert_int_equal(fake_kernel_ask(f->k, FUSE_OPENDIR, node, &in, sizeof(in), NULL, 0), 0);
	memcpy(&out, f->k->reply, sizeof(out));
	return out.fh;
}

static int dir_read(struct ops_fixture *f, uint64_t node, uint64_t fh, uint64_t offset, uint32_t size)
{
	struct fuse_read_in in = { .fh = fh, .offset = offset, .size = size };

	return fake_kernel_ask(f->k, FUSE_READDIR, node, &in, sizeof(in), NULL, 0);
}

static void dir_close(struct ops_fixture *f, uint64_t node, uint64_t fh)
{
	struct fuse_release_in in = { .fh = fh };

	assert_int_equal(fake_kernel_ask(f->k, FUSE_RELEASEDIR, node, &in, sizeof(in), NULL, 0), 0);
}

/* Append the names of the last reply to said, a blank behind each; the offset to go on at. */
static uint64_t names_add(struct ops_fixture *f, char *said, size_t size)
{
	uint64_t offset = 0;

	for (size_t at = 0; at < f->k->reply_len;) {
		const struct fuse_dirent *d = (const void *)(f->k->reply + at);
		snprintf(said + strlen(said), size - strlen(said), "%.*s ", (int)d->namelen, d->name);
		offset = d->off;
		at += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + d->namelen);
	}
	return offset;
}

static void test_readdir_in_pieces(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t node = node_of(f, "tasks"), fh = dir_open(f, node), offset = 0;
	char said[512] = "";

	fs_task(f->fs, "a");
	fs_task(f->fs, "b");
	fs_task(f->fs, "c");
	do {
		assert_int_equal(dir_read(f, node, fh, offset, 64), 0); /* two at a time */
		assert_true(f->k->reply_len <= 64);
		if (f->k->reply_len)
			offset = names_add(f, said, sizeof(said));
	} while (f->k->reply_len);
	assert_string_equal(said, ". .. a b c ");
	dir_close(f, node, fh);
}

/* A task that goes between two reads moves nobody: what was not told yet is told once, and nothing twice. */
static void test_readdir_while_tasks_go(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t node = node_of(f, "tasks"), fh = dir_open(f, node);
	char said[512] = "";

	fs_task(f->fs, "a");
	fs_task(f->fs, "b");
	fs_task(f->fs, "c");
	assert_int_equal(dir_read(f, node, fh, 0, 100), 0);
	uint64_t offset = names_add(f, said, sizeof(said));
	assert_string_equal(said, ". .. a ");
	assert_int_equal(task_remove(&f->fs->machine->vm, "a"), 0);
	fs_task(f->fs, "d");
	assert_int_equal(dir_read(f, node, fh, offset, 4096), 0);
	names_add(f, said, sizeof(said));
	assert_string_equal(said, ". .. a b c ");

	said[0] = '\0';
	assert_int_equal(dir_read(f, node, fh, 0, 4096), 0); /* rewinddir */
	names_add(f, said, sizeof(said));
	assert_null(strstr(said, "a "));
	assert_non_null(strstr(said, "d "));
	dir_close(f, node, fh);
}

static void test_readdir_of_what_is_gone(void **state)
{
	struct ops_fixture *f = *state;

	fs_task(f->fs, "a");
	uint64_t node = node_of(f, "tasks/a"), fh = dir_open(f, node);
	assert_int_equal(task_remove(&f->fs->machine->vm, "a"), 0);
	assert_int_equal(dir_read(f, node, fh, 0, 4096), -ENOENT);
	dir_close(f, node, fh);
	const struct fuse_open_in in = { .flags = O_RDONLY | O_DIRECTORY };
	assert_int_equal(fake_kernel_ask(f->k, FUSE_OPENDIR, node, &in, sizeof(in), NULL, 0), -ESTALE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPS_TEST(test_tasks),
		OPS_TEST(test_modes),
		OPS_TEST(test_rmdir_tells_of_the_process),
		OPS_TEST(test_errno_of_each_place),
		OPS_TEST(test_readdir_in_pieces),
		OPS_TEST(test_readdir_while_tasks_go),
		OPS_TEST(test_readdir_of_what_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
