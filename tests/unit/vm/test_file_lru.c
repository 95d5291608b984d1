/* SPDX-License-Identifier: MIT */
/* Shrinking names and inodes, with a host that is asked to forget, and pressure. */

#include "support/file_fixture.h"

#include <limits.h>

struct fake_host {
	struct file_fixture *x;
	unsigned asked;
	char last[NAME_MAX + 1];
	uint64_t ino[512]; /* to be forgotten, once each */
	unsigned nr;
};

static void host_ask(void *ctx, uint64_t dir_ino, const char *name)
{
	struct fake_host *h = ctx;
	struct file_inode *dir = file_get(h->x->files, dir_ino);
	assert_non_null(dir);
	assert_true(h->nr < 512);
	strcpy(h->last, name);
	lock_take(&h->x->files->lock); /* without touching it */
	for (struct file_name *n = dir->children; n; n = n->child)
		if (!strcmp(n->name, name))
			h->ino[h->nr++] = file_ino(n->inode);
	lock_drop(&h->x->files->lock);
	file_put(dir);
	h->asked++;
}

static bool host_wait(void *ctx, unsigned wait_ms)
{
	struct fake_host *h = ctx;
	(void)wait_ms;
	if (!h->nr)
		return false;
	while (h->nr)
		file_forget(h->x->files, h->ino[--h->nr], 1);
	return true;
}

static struct fake_host *host_set(struct file_fixture *x)
{
	static struct fake_host h;
	h = (struct fake_host){ .x = x };
	x->files->ask = host_ask;
	x->files->ask_wait = host_wait;
	x->files->ask_ctx = &h;
	return &h;
}

static void make_files(struct file_inode *dir, unsigned nr)
{
	char name[16];
	for (unsigned n = 0; n < nr; n++) {
		snprintf(name, sizeof(name), "f%u", n);
		make_file(dir, name);
	}
}

static uint64_t count_all(struct file_fixture *x)
{
	uint64_t nr = 0;
	for (unsigned nid = 0; nid < x->vm->machine.nr_nodes; nid++)
		nr += files_shrink_count(x->files, nid);
	return nr;
}

static void test_pressure_ratio(void **state)
{
	struct file_fixture *x = *state;
	make_files(x->root, 250);
	assert_int_equal(count_all(x), 250);
	x->vm->policy.reclaim.vfs_cache_pressure = 0;
	assert_int_equal(count_all(x), 0);
	assert_int_equal(shrink_names(x), 0);
	assert_int_equal(x->files->nr_names, 250);
	x->vm->policy.reclaim.vfs_cache_pressure = 1000;
	assert_int_equal(count_all(x), 2500);
}

static void test_all_go(void **state)
{
	struct file_fixture *x = *state;
	uint64_t names = own_count(x->vm, OWN_NAME), inodes = own_count(x->vm, OWN_FILE_INODE);
	make_files(x->root, 1000);
	assert_true(own_count(x->vm, OWN_NAME) >= names + 1000 - own_reserve(x->vm, OWN_NAME));
	while (shrink_names(x))
		;
	assert_int_equal(x->files->nr_names, 0);
	assert_int_equal(x->files->nr_inodes, 1);
	assert_in_range(own_count(x->vm, OWN_NAME), 0, names + 16);
	assert_in_range(own_count(x->vm, OWN_FILE_INODE), 0, inodes + 16);
	file_put(lookup(x->root, "f7"));
}

static void test_second_chance(void **state)
{
	struct file_fixture *x = *state;
	struct cpu *c = &x->vm->machine.cpu[0];
	make_files(x->root, 2);
	file_put(lookup(x->root, "f0")); /* the older one, used again */
	cpu_enter(c);
	uint64_t freed = files_shrink_scan(x->files, c, x->root->children->nid, 2);
	cpu_leave(c);
	assert_int_equal(freed, 1);
	assert_int_equal(x->files->nr_names, 1);
	assert_string_equal(x->root->children->name, "f0");
}

static void test_memory_stays(void **state)
{
	struct file_fixture *x = *state;
	make_files(x->root, 100);
	assert_int_equal(count_all(x), 0);
	shrink_names(x);
	assert_int_equal(x->files->nr_names, 100);
	file_put(lookup(x->root, "f99"));
}

static void test_host_is_asked(void **state)
{
	struct file_fixture *x = *state;
	struct fake_host *h = host_set(x);
	make_files(x->root, 200);
	for (struct file_name *n = x->root->children; n; n = n->child)
		file_known(n->inode);
	assert_int_equal(shrink_names(x), 0);
	assert_int_equal(h->asked, 200); /* each once */
	assert_int_equal(x->files->nr_asked, 200);
	files_forgotten_wait(x->files);
	assert_int_equal(x->files->nr_asked, 0);
	assert_int_equal(x->files->nr_names, 0);
	assert_int_equal(x->files->nr_inodes, 1);
}

static void test_asked_and_used_again(void **state)
{
	struct file_fixture *x = *state;
	host_set(x);
	make_file(x->root, "a");
	struct file_inode *a = lookup(x->root, "a");
	uint64_t ino = file_ino(a);
	file_known(a);
	file_put(a);
	shrink_names(x);
	shrink_names(x);
	assert_int_equal(x->files->nr_asked, 1);
	a = lookup(x->root, "a"); /* the host forgets the old one, and knows it anew */
	file_known(a);
	file_put(a);
	assert_int_equal(x->files->nr_asked, 0);
	file_forget(x->files, ino, 1);
	assert_int_equal(x->files->nr_names, 1);
	file_forget(x->files, ino, 1); /* of its own accord */
	assert_int_equal(x->files->nr_names, 1);
}

/* The host does not answer: it is asked again the next time. */
static void test_host_keeps_it(void **state)
{
	struct file_fixture *x = *state;
	struct fake_host *h = host_set(x);
	make_file(x->root, "a");
	file_known(x->root->children->inode);
	shrink_names(x);
	shrink_names(x);
	assert_int_equal(h->asked, 1);
	h->nr = 0; /* lost */
	files_forgotten_wait(x->files);
	assert_int_equal(x->files->nr_asked, 0);
	shrink_names(x);
	assert_int_equal(h->asked, 2);
	assert_string_equal(h->last, "a");
	h->nr = 0;
}

static void test_directories_are_not_asked_for(void **state)
{
	struct file_fixture *x = *state;
	struct fake_host *h = host_set(x);
	struct file_inode *d = make_dir(x->root, "d");
	uint64_t ino = file_ino(d);
	file_known(d);
	file_put(d);
	while (shrink_names(x))
		;
	assert_int_equal(h->asked, 0);
	assert_int_equal(x->files->nr_names, 1);
	assert_int_equal(count_all(x), 0);
	file_forget(x->files, ino, 1);
	assert_int_equal(count_all(x), 1);
	while (shrink_names(x))
		;
	assert_int_equal(x->files->nr_names, 0);
}

/* Leaves first, then what they hung on. */
static void test_tree_goes(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *d = make_dir(x->root, "d"), *e = make_dir(d, "e");
	make_files(e, 10);
	file_put(d);
	file_put(e);
	while (shrink_names(x))
		;
	assert_int_equal(x->files->nr_names, 0);
	assert_int_equal(x->files->nr_inodes, 1);
}

static void test_open_and_pages_stay(void **state)
{
	struct file_fixture *x = *state;
	source_write_file(x, "read", "text");
	struct file_inode *a = create(x->root, "open"), *b = lookup(x->root, "read");
	struct file_read *r = calloc(1, sizeof(*r));
	uint64_t ino = file_ino(b);
	assert_int_equal(file_open(b, O_RDONLY), 0);
	assert_int_equal(file_read_begin(b, 0, 4, r), 0);
	file_read_end(r);
	free(r);
	close_file(b);
	while (shrink_names(x))
		;
	assert_int_equal(x->files->nr_names, 1); /* of the open one */
	b = file_get(x->files, ino); /* has a page, so it is not shrunk */
	assert_non_null(b);
	filemap_invalidate(b);
	file_put(b);
	while (shrink_names(x))
		;
	assert_null(file_get(x->files, ino));
	close_file(a);
}

static uint64_t event_sum(struct file_fixture *x, enum vm_event e)
{
	uint64_t sum = 0;
	MASK_FOR_EACH(c, &x->vm->machine.cpus_online)
		sum += x->vm->machine.cpu[c].event[e];
	return sum;
}

/* With high memory an inode's clean pages go for its sake. */
static void test_pages_are_stolen(void **state)
{
	struct file_fixture *x = *state;
	uint8_t kind = (uint8_t)x->vm->machine.kind[2];
	x->vm->machine.kind[2] = ZONE_HIGHMEM; /* a type without memory here */
	make_files(x->root, 1);
	struct file_inode *i = lookup(x->root, "f0");
	uint64_t ino = file_ino(i);
	assert_int_equal(file_open(i, O_RDWR), 0);
	assert_int_equal(file_write(i, "text", 4, 0), 4);
	close_file(i);
	while (shrink_names(x))
		;
	assert_int_equal(node_sum(x->vm, NR_FILE_PAGES), 1); /* dirty: both stay */
	assert_int_equal(files_sync(x->files, false), 0);
	while (shrink_names(x))
		;
	shrink_names(x);
	assert_int_equal(node_sum(x->vm, NR_FILE_PAGES), 0);
	assert_int_equal(event_sum(x, PGINODESTEAL), 1);
	assert_int_equal(event_sum(x, KSWAPD_INODESTEAL), 0);
	assert_null(file_get(x->files, ino));
	x->vm->machine.kind[2] = (enum zone_kind)kind;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_pressure_ratio),   FILE_TEST(test_all_go),
		FILE_TEST(test_second_chance),    FILE_TEST_MEMORY(test_memory_stays),
		FILE_TEST(test_host_is_asked),    FILE_TEST(test_asked_and_used_again),
		FILE_TEST(test_host_keeps_it),    FILE_TEST(test_directories_are_not_asked_for),
		FILE_TEST(test_tree_goes),        FILE_TEST(test_open_and_pages_stay),
		FILE_TEST(test_pages_are_stolen),
	};
	return cmocka_run_group_tests_name("vm/file_lru", tests, NULL, NULL);
}
