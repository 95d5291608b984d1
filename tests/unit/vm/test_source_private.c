/* SPDX-License-Identifier: MIT */
/* The private folder: ours while we live, gone afterwards, whoever has to do it. */
#include "support/source_fixture.h"

#include <signal.h>

struct room {
	char dir[64]; /* TMPDIR */
};

static int room_setup(void **state)
{
	struct room *r = calloc(1, sizeof(*r));
	dir_make(r->dir, sizeof(r->dir));
	setenv("TMPDIR", r->dir, 1);
	*state = r;
	return 0;
}

static int room_teardown(void **state)
{
	struct room *r = *state;
	unsetenv("TMPDIR");
	dir_remove(r->dir);
	free(r);
	return 0;
}

#define ROOM(name) cmocka_unit_test_setup_teardown(name, room_setup, room_teardown)

static struct file_inode *private_begin(struct fake_tree *t)
{
	struct why why = { 0 };
	fake_tree_init(t, NULL);
	assert_int_equal(source_store_init(&t->files, NULL, &why), 0);
	return tree_root(t);
}

/* How many there are; the last one's path. */
static unsigned folders(const struct room *r, char *path)
{
	unsigned nr = 0;
	DIR *d = opendir(r->dir);
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		if (strncmp(e->d_name, "ummfs-files-", 12))
			continue;
		snprintf(path, PATH_MAX, "%s/%s", r->dir, e->d_name);
		nr++;
	}
	closedir(d);
	return nr;
}

static void test_made_when_needed_and_removed(void **state)
{
	struct room *r = *state;
	struct fake_tree t;
	struct why why = { 0 };
	struct stat st;
	char path[PATH_MAX];
	fake_tree_init(&t, NULL);
	assert_int_equal(source_store_init(&t.files, NULL, &why), 0);
	assert_int_equal(t.files.store->sync(&t.files), 0);
	assert_int_equal(folders(r, path), 0);
	struct file_inode *d = tree_mkdir(tree_root(&t), "d");
	assert_int_equal(folders(r, path), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	tree_mkfile(d, "f");
	tree_symlink(d, "s", "/");
	fake_tree_fini(&t);
	assert_int_equal(folders(r, path), 0);
}

static void test_never_needed(void **state)
{
	struct room *r = *state;
	struct fake_tree t;
	struct why why = { 0 };
	char path[PATH_MAX];
	fake_tree_init(&t, NULL);
	assert_int_equal(source_store_init(&t.files, NULL, &why), 0);
	fake_tree_fini(&t);
	assert_int_equal(folders(r, path), 0);
}

/* A daemon that works in its folder until it is killed. */
static pid_t daemon_begin(void)
{
	int ready[2];
	char c;
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (!pid) {
		struct fake_tree t;
		tree_mkfile(tree_mkdir(private_begin(&t), "of-the-dead"), "f");
		CHECK(write(ready[1], "r", 1) == 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void test_what_a_killed_daemon_left(void **state)
{
	struct room *r = *state;
	struct fake_tree t;
	char path[PATH_MAX];
	pid_t living = daemon_begin(), dead = daemon_begin();
	assert_int_equal(folders(r, path), 2);
	kill(dead, SIGKILL);
	waitpid(dead, NULL, 0);
	private_begin(&t);
	assert_int_equal(folders(r, path), 2); /* ours and that of the living */
	fake_tree_fini(&t);
	assert_int_equal(folders(r, path), 1);
	assert_int_equal(access(strcat(path, "/of-the-dead/f"), F_OK), 0);
	kill(living, SIGKILL);
	waitpid(living, NULL, 0);
	private_begin(&t);
	assert_int_equal(folders(r, path), 1);
	fake_tree_fini(&t);
}

static void test_what_is_not_ours_stays(void **state)
{
	struct room *r = *state;
	struct fake_tree t;
	char path[PATH_MAX], other[4][PATH_MAX];
	static const char *const name[] = { "ummfs-files-longer-name", "ummfs-files-0pen00",
					    "ummfs-files-link00", "kept" };
	for (unsigned k = 0; k < 4; k++)
		snprintf(other[k], PATH_MAX, "%s/%s", r->dir, name[k]);
	assert_int_equal(mkdir(other[0], 0700), 0);
	assert_int_equal(mkdir(other[1], 0755), 0); /* others may look into it: none of our making */
	assert_int_equal(mkdir(other[3], 0700), 0);
	assert_int_equal(symlink("kept", other[2]), 0);
	private_begin(&t);
	for (unsigned k = 0; k < 4; k++)
		assert_int_equal(faccessat(AT_FDCWD, other[k], F_OK, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(folders(r, path), 4);
	fake_tree_fini(&t);
	assert_int_equal(folders(r, path), 3);
}

static void test_a_folder_that_was_taken_away(void **state)
{
	struct room *r = *state;
	struct fake_tree t;
	char path[PATH_MAX], moved[PATH_MAX + 8];
	private_begin(&t);
	assert_int_equal(folders(r, path), 1);
	snprintf(moved, sizeof(moved), "%s-moved", path);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	fake_tree_fini(&t);
	assert_int_equal(access(path, F_OK), 0); /* somebody else's */
	assert_int_equal(rmdir(path), 0);
}

static void test_no_place_for_it(void **state)
{
	struct room *r = *state;
	struct fake_tree t;
	struct why why = { 0 };
	(void)r;
	setenv("TMPDIR", "/nowhere/at/all", 1);
	fake_tree_init(&t, NULL);
	assert_int_equal(source_store_init(&t.files, NULL, &why), 0);
	assert_int_equal(t.files.store->start(&t.files), -ENOENT);
	fake_tree_fini(&t);
}

static void test_what_init_refuses(void **state)
{
	struct room *r = *state;
	struct files f = { 0 };
	struct why why = { 0 };
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/file", r->dir);
	put_file(path, "");
	assert_int_equal(source_store_init(&f, path, &why), -ENOTDIR);
	assert_non_null(strstr(why.text, path));
	why.text[0] = '\0';
	assert_int_equal(source_store_init(&f, "/nowhere/at/all", &why), -ENOENT);
	assert_non_null(strstr(why.text, "/nowhere/at/all"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOM(test_made_when_needed_and_removed),
		ROOM(test_never_needed),
		ROOM(test_what_a_killed_daemon_left),
		ROOM(test_what_is_not_ours_stays),
		ROOM(test_a_folder_that_was_taken_away),
		ROOM(test_no_place_for_it),
		ROOM(test_what_init_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
