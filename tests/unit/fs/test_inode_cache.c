/* SPDX-License-Identifier: MIT */
#include "fs/inode_cache.h"

#include "fs/listing.h"
#include "support/fs_fixture.h"

#define DIR "sys/kernel/slab"

static void make(struct fs_fixture *f, const char *name)
{
	struct kmem_cache *s;
	const struct cache_spec spec = { .name = name, .object_size = 100 };
	assert_int_equal(kmem_cache_create(&f->fs.vm->slabs, &spec, &s), 0);
	kmem_cache_put(s);
}

static void destroy(struct fs_fixture *f, const char *name)
{
	assert_int_equal(kmem_cache_destroy(kmem_cache_find(&f->fs.vm->slabs, name), NULL), 0);
}

static void test_numbers(void **state)
{
	struct fs_fixture *f = *state;
	struct inode dir, file, again;
	struct stat st;

	make(f, "mine");
	assert_int_equal(fs_walk(f, DIR "/mine", &dir), 0);
	assert_int_equal(dir.kind, INODE_CACHE_DIR);
	assert_true(ino_is_cache(dir.ino) && !ino_is_task(dir.ino));
	inode_stat(&f->fs, &dir, &st);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	assert_int_equal(st.st_uid, 1000);
	assert_int_equal(st.st_gid, 1001);
	assert_int_equal(fs_walk(f, DIR "/mine/min_partial", &file), 0);
	assert_int_equal(file.kind, INODE_CACHE_ATTR);
	inode_stat(&f->fs, &file, &st);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_size, 4096);
	assert_int_equal(inode_get(&f->fs, file.ino, &again), 0);
	assert_string_equal(again.cache_attr->name, "min_partial");
	assert_int_equal(inode_realm(&file), REALM_SYS);
	assert_int_equal(fs_walk(f, DIR "/mine/nothing", &file), -ENOENT);
	assert_int_equal(fs_walk(f, DIR "/nobody", &file), -ENOENT);
	assert_int_equal(fs_walk(f, DIR "/mine/order/x", &file), -ENOTDIR);
	assert_int_equal(inode_get(&f->fs, dir.ino | 0xfff, &again), -ESTALE);
}

static void test_opening(void **state)
{
	struct fs_fixture *f = *state;
	struct inode i;

	assert_int_equal(fs_walk(f, DIR "/TCP", &i), 0);
	assert_int_equal(inode_may_open(&i, O_RDONLY), -EISDIR);
	assert_int_equal(inode_chmod(&i, 0700), -EPERM);
	assert_int_equal(fs_walk(f, DIR "/TCP/order", &i), 0);
	assert_int_equal(inode_may_open(&i, O_RDONLY), 0);
	assert_int_equal(inode_may_open(&i, O_WRONLY), -EACCES);
	assert_int_equal(inode_chmod(&i, 0400), 0); /* what it has already */
	assert_int_equal(inode_chmod(&i, 0600), -EPERM);
	assert_int_equal(inode_chown(&i, 0, 0), -EPERM);
	assert_int_equal(fs_walk(f, DIR "/TCP/shrink", &i), 0);
	assert_int_equal(inode_may_open(&i, O_RDWR), 0);
}

/* A deleted cache takes its numbers along; a new one of the name has others. */
static void test_stale(void **state)
{
	struct fs_fixture *f = *state;
	struct inode old, i;
	struct handle *h;
	struct slice slice;

	make(f, "mine");
	assert_int_equal(fs_walk(f, DIR "/mine/slabs", &old), 0);
	assert_int_equal(handle_open(&f->fs, &old, O_RDONLY, &h), 0);
	assert_int_equal(handle_read_begin(&f->fs, h, 100, 0, &slice), 0);
	assert_int_equal(slice.len, 2);
	handle_read_end(h);
	destroy(f, "mine");
	assert_int_equal(inode_get(&f->fs, old.ino, &i), -ESTALE);
	assert_int_equal(handle_read_begin(&f->fs, h, 100, 0, &slice), -ENODEV);
	assert_int_equal(handle_write(&f->fs, h, "1", 1, 0), -ENODEV);
	make(f, "mine");
	assert_int_equal(inode_get(&f->fs, old.ino, &i), -ESTALE);
	assert_int_equal(fs_walk(f, DIR "/mine/slabs", &i), 0);
	assert_int_not_equal(i.ino, old.ino);
	handle_close(&f->fs, h);
}

static bool lists(struct fs_fixture *f, const char *name)
{
	struct listing l;
	bool found = false;
	listing_init(&l);
	assert_int_equal(listing_fill(&l, &f->fs, f->fs.tree.slab->ino), 0);
	assert_int_equal(l.nr, 2 + 2 + f->fs.vm->slabs.nr_caches); /* dots, new_cache, delete_cache */
	for (unsigned i = 0; i < l.nr; i++)
		found |= !strcmp(listing_name(&l, i), name);
	listing_fini(&l);
	return found;
}

static void test_listing_follows(void **state)
{
	struct fs_fixture *f = *state;
	struct listing l;
	struct inode dir;

	assert_true(lists(f, "new_cache") && lists(f, "delete_cache") && lists(f, "kmalloc-64") &&
		    !lists(f, "mine"));
	make(f, "mine");
	assert_true(lists(f, "mine"));
	assert_int_equal(fs_walk(f, DIR "/mine", &dir), 0);
	listing_init(&l);
	assert_int_equal(listing_fill(&l, &f->fs, dir.ino), 0);
	assert_int_equal(l.nr, 2 + nr_cache_attrs);
	assert_int_equal(l.item[0].ino, dir.ino);
	assert_int_equal(l.item[1].ino, f->fs.tree.slab->ino);
	listing_fini(&l);
	destroy(f, "mine");
	assert_false(lists(f, "mine"));
}

/* slabinfo can be written at any place of a descriptor: a shell writes line after line. */
static void test_slabinfo_takes_writes(void **state)
{
	struct fs_fixture *f = *state;
	struct inode i;
	struct handle *h;

	assert_int_equal(fs_walk(f, "proc/slabinfo", &i), 0);
	assert_int_equal(handle_open(&f->fs, &i, O_WRONLY, &h), 0);
	assert_int_equal(handle_write(&f->fs, h, "TCP 20 10 4\n", 12, 0), 12);
	assert_int_equal(handle_write(&f->fs, h, "TCPv6 30 10 4\n", 14, 12), 14);
	assert_int_equal(handle_write(&f->fs, h, "no", 2, 24), -EINVAL);
	handle_close(&f->fs, h);
	struct kmem_cache *s = kmem_cache_find(&f->fs.vm->slabs, "TCPv6");
	assert_int_equal(s->limit, 30);
	kmem_cache_put(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FS_TEST(test_numbers),
		FS_TEST(test_opening),
		FS_TEST(test_stale),
		FS_TEST(test_listing_follows),
		FS_TEST(test_slabinfo_takes_writes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
