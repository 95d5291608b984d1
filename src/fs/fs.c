/* SPDX-License-Identifier: MIT */
#include "fs/fs.h"

#include "base/mem.h"
#include "fs/files.h"
#include "fs/handle.h"

#include <errno.h>
#include <linux/fuse.h>
#include <string.h>

/*
 * The object behind a mount. The spare lists are short arrays under one leaf
 * lock; what does not fit is freed.
 */

static int huge_add(struct fs *fs)
{
	const struct vm *vm = fs->vm;
	char path[64] = "dev/";
	size_t len = strlen(path);
	int err = 0;

	for (unsigned k = 0; vm->region && k < vm->nr_hugetlb && !err; k++) {
		hugetlbfs_mount_name(vm, k, path + len, sizeof(path) - len);
		err = tree_add_huge(&fs->tree, k, path) ? 0 : -ENOMEM;
	}
	return err;
}

int fs_init(struct fs *fs, struct vm *vm, const struct fs_options *o)
{
	memset(fs, 0, sizeof(*fs));
	fs->vm = vm;
	clock_gettime(CLOCK_REALTIME, &fs->born);
	fs->max_read = o->max_read;
	int err = tree_init(&fs->tree, o->uid, o->gid);
	if (err)
		return err;
	lock_init(&fs->spare_lock, RANK_LOG, LOG_ORDER_LEAF);
	kmsg_init(&fs->kmsg, &vm->log, 0);
	err = tree_build(&fs->tree, &vm->machine, o->dev_mem);
	if (!err && vm->files.vm && !tree_add_files(&fs->tree))
		err = -ENOMEM;
	if (!err)
		err = huge_add(fs);
	if (err)
		fs_fini(fs);
	else
		fs->kmsg.ino = tree_find(&fs->tree, "dev/kmsg")->ino;
	vm->tasks.event_ctx = fs;
	vm->tasks.event = err ? NULL : handles_task_event;
	return err;
}

static void snapshot_free(struct snapshot *s)
{
	snapshot_fini(s);
	mem_free(s);
}

void fs_spares_free(struct fs *fs)
{
	handle_spares_free(fs);
	while (fs->nr_snapshots)
		snapshot_free(fs->snapshot[--fs->nr_snapshots]);
}

void fs_fini(struct fs *fs)
{
	fs->vm->tasks.event = NULL;
	handles_close(fs);
	files_dirs_close(fs);
	fs_spares_free(fs);
	kmsg_fini(&fs->kmsg);
	lock_fini(&fs->spare_lock);
	tree_fini(&fs->tree);
}

static struct snapshot *snapshot_spare(struct fs *fs)
{
	lock_take(&fs->spare_lock);
	struct snapshot *s = fs->nr_snapshots ? fs->snapshot[--fs->nr_snapshots] : NULL;
	lock_drop(&fs->spare_lock);
	return s;
}

static struct snapshot *snapshot_create(const struct machine *m)
{
	struct snapshot *s = mem_zalloc(sizeof(*s));

	if (s && snapshot_init(s, m)) {
		mem_free(s);
		return NULL;
	}
	return s;
}

struct snapshot *fs_snapshot_take(struct fs *fs, unsigned parts)
{
	struct snapshot *s = snapshot_spare(fs);

	if (!s)
		s = snapshot_create(&fs->vm->machine);
	if (s)
		snapshot_fill(s, fs->vm, parts);
	return s;
}

void fs_snapshot_give(struct fs *fs, struct snapshot *s)
{
	lock_take(&fs->spare_lock);
	bool kept = fs->nr_snapshots < FS_SPARE_SNAPSHOTS;
	if (kept)
		fs->snapshot[fs->nr_snapshots++] = s;
	lock_drop(&fs->spare_lock);
	if (!kept)
		snapshot_free(s);
}

void fs_statvfs(const struct fs *fs, struct statvfs *st)
{
	uint64_t free_pages = 0;

	FOR_EACH_POPULATED_ZONE(z, &fs->vm->machine)
		free_pages += zone_stat_read(z, NR_FREE_PAGES);
	memset(st, 0, sizeof(*st));
	st->f_bsize = st->f_frsize = PAGE_SIZE;
	st->f_blocks = READ_RELAXED(&fs->vm->total_pages);
	st->f_bfree = st->f_bavail = MIN(free_pages, st->f_blocks);
	st->f_files = fs->tree.nr_entries;
	st->f_namemax = TASK_NAME_MAX;
}

static bool leads_to_log(struct fs *fs, uint64_t ino, const char *name)
{
	const struct entry *dir = tree_entry(&fs->tree, ino);
	const struct entry *e = dir ? tree_child(&fs->tree, dir, name) : NULL;

	return e && (e->ino == fs->kmsg.ino || tree_child(&fs->tree, e, "kmsg"));
}

bool fs_refuses(void *ctx, unsigned opcode, uint64_t ino, const char *name)
{
	struct fs *fs = ctx;

	if (LIKELY(!READ_RELAXED(&fs->vm->panicked)))
		return false;
	switch (opcode) {
	case FUSE_INIT:
	case FUSE_DESTROY:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR: /* no answer to these, or none that matters; what was open is let go of */
		return false;
	case FUSE_LOOKUP:
		return !leads_to_log(fs, ino, name);
	default:
		return ino != fs->kmsg.ino;
	}
}
