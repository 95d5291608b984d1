/* SPDX-License-Identifier: MIT */
#include "fs/state.h"

#include "base/client.h"
#include "base/mem.h"
#include "vm/record.h"
#include "vm/vm.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * A pax tar of a collected state: ummfs/frames, the tree, and tasks/NAME/mem
 * as sparse members with the pages that have content. Equal states give equal
 * bytes: the order is the tree's, and no member has a time or an owner of its
 * own making. The bytes of tasks and of dev/hugepages come first, because these
 * wait until they are copied.
 */

#define LARGE_BYTES ((uint64_t)256 << 20) /* more is not kept in memory */
#define HOLE_PIECE ((size_t)1 << 30)
#define ASK_PAGES 1024 /* between two looks at who waits */
#define STATE_DIR "/var/tmp"

struct tar_out {
	struct state *s;
	struct archive *a;
	struct archive_entry *e;
	const char *hole; /* HOLE_PIECE bytes that read as zero; address space */
};

static int archive_error(struct archive *a)
{
	int err = archive_errno(a);
	return err > 0 ? -err : -EIO;
}

static int header_write(struct tar_out *t, const char *path, mode_t mode, uid_t uid, gid_t gid, uint64_t size)
{
	archive_entry_set_pathname(t->e, path);
	archive_entry_set_mode(t->e, mode);
	archive_entry_set_uid(t->e, uid);
	archive_entry_set_gid(t->e, gid);
	archive_entry_set_size(t->e, (int64_t)size);
	archive_entry_set_mtime(t->e, (time_t)t->s->now_s, 0);
	/* A warning: the name is not ASCII, and stands in the header as the bytes that it is (hdrcharset=BINARY). */
	return archive_write_header(t->a, t->e) >= ARCHIVE_WARN ? 0 : archive_error(t->a);
}

static int data_write(struct tar_out *t, const char *p, size_t len)
{
	while (len) {
		la_ssize_t n = archive_write_data(t->a, p, len);
		if (n <= 0)
			return archive_error(t->a);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int member_write(struct tar_out *t, const struct state_member *m)
{
	bool dir = S_ISDIR(m->mode);
	archive_entry_clear(t->e);
	if (S_ISLNK(m->mode))
		archive_entry_set_symlink(t->e, m->target);
	int err = header_write(t, m->path, m->mode, m->uid, m->gid, dir ? 0 : m->len);
	return err || dir ? err : data_write(t, state_text(t->s, m), m->len);
}

static int frames_write(struct tar_out *t)
{
	const struct state *s = t->s;
	archive_entry_clear(t->e);
	int err = header_write(t, STATE_FRAMES_PATH, S_IFREG | 0400, s->fs->tree.uid,
			       s->fs->tree.gid, s->frames.len);
	return err ? err : data_write(t, s->frames.buf, s->frames.len);
}

/* ---- tasks/NAME/mem ---- */

/* What is not data is only counted by the archive, but it wants to be handed it. */
static int hole_write(struct tar_out *t, uint64_t bytes)
{
	int err = 0;
	while (bytes && !err) {
		size_t piece = (size_t)MIN(bytes, (uint64_t)HOLE_PIECE);
		err = data_write(t, t->hole, piece);
		bytes -= piece;
	}
	return err;
}

/* A copy of each: pages may move meanwhile. */
static int pages_write(struct tar_out *t, struct task *task, uint64_t from, uint64_t to)
{
	char bytes[PAGE_SIZE];
	int err = 0;
	for (; from < to && !err; from++) {
		if (!(from % ASK_PAGES) && client_interrupted())
			return -EINTR;
		task_content_copy(task, from, bytes);
		err = data_write(t, bytes, PAGE_SIZE);
	}
	return err;
}

static int mem_write(struct tar_out *t, struct task *task)
{
	char path[TASK_NAME_MAX + 32];
	uint64_t pages = page_index_nr(&task->anon), at = 0, start, end;
	archive_entry_clear(t->e);
	archive_entry_set_size(t->e, (int64_t)(pages << PAGE_SHIFT)); /* pieces past it are not taken */
	while (task_content_next(task, at, &start, &end)) {
		archive_entry_sparse_add_entry(t->e, (int64_t)(start << PAGE_SHIFT),
					       (int64_t)((end - start) << PAGE_SHIFT));
		at = end;
	}
	snprintf(path, sizeof(path), "tasks/%s/mem", task->name);
	int err = header_write(t, path, S_IFREG | (task->mode & 0600), task->uid, task->gid,
			       pages << PAGE_SHIFT);
	for (at = 0; !err && task_content_next(task, at, &start, &end); at = end) {
		err = hole_write(t, (start - at) << PAGE_SHIFT);
		if (!err)
			err = pages_write(t, task, start, end);
	}
	return err ? err : hole_write(t, (pages - at) << PAGE_SHIFT);
}

/* ---- Files of dev/hugepages, by number: their names are in the frame record ---- */

struct run { /* frames of a file that are not zero */
	uint64_t start, end;
};

/* Found once: a client who maps the frames may write to them meanwhile. */
static int runs_find(const struct huge_inode *i, struct run **run, unsigned *nr)
{
	unsigned cap = 0;
	uint64_t at = 0, start, end;
	*run = NULL;
	for (*nr = 0; huge_content_next(i, at, &start, &end); at = end) {
		if (*nr == cap) {
			cap = cap ? cap * 2 : 64;
			struct run *larger = mem_realloc(*run, cap * sizeof(*larger));
			if (!larger)
				return -ENOMEM;
			*run = larger;
		}
		(*run)[(*nr)++] = (struct run){ start, end };
	}
	return 0;
}

static int run_write(struct tar_out *t, const struct huge_inode *i, const struct run *run)
{
	int err = 0;
	for (uint64_t frame = run->start; frame < run->end && !err; frame++) {
		if (!(frame % ASK_PAGES) && client_interrupted())
			err = -EINTR;
		else
			err = data_write(t, huge_content_page(i, frame), PAGE_SIZE);
	}
	return err;
}

static int runs_write(struct tar_out *t, const struct huge_inode *i, const struct run *run, unsigned nr)
{
	char path[64];
	uint64_t end = nr ? run[nr - 1].end : 0, at = 0;
	archive_entry_clear(t->e);
	archive_entry_set_size(t->e, (int64_t)(end << PAGE_SHIFT)); /* pieces past it are not taken */
	for (unsigned k = 0; k < nr; k++)
		archive_entry_sparse_add_entry(t->e, (int64_t)(run[k].start << PAGE_SHIFT),
					       (int64_t)((run[k].end - run[k].start) << PAGE_SHIFT));
	snprintf(path, sizeof(path), STATE_HUGE_DIR "/%u", i->id);
	int err = header_write(t, path, S_IFREG | 0400, t->s->fs->tree.uid, t->s->fs->tree.gid,
			       end << PAGE_SHIFT);
	for (unsigned k = 0; k < nr && !err; at = run[k++].end) {
		err = hole_write(t, (run[k].start - at) << PAGE_SHIFT);
		if (!err)
			err = run_write(t, i, &run[k]);
	}
	return err;
}

/* As tasks, they wait until their bytes are copied. */
static int huge_write_all(struct tar_out *t)
{
	const struct hugetlbfs *h = &t->s->fs->vm->hugetlbfs;
	int err = 0;
	for (uint32_t id = 1; id < h->nr_ids && !err; id++) {
		const struct huge_inode *i = h->id[id].inode;
		struct run *run;
		unsigned nr;
		if (!i || !i->nr_pages || !h->vm->region)
			continue;
		err = runs_find(i, &run, &nr);
		if (!err && nr)
			err = runs_write(t, i, run, nr);
		mem_free(run);
	}
	return err;
}

/* ---- The whole ---- */

static int members_write(struct tar_out *t)
{
	int err = 0;
	for (unsigned i = 0; i < t->s->nr_tasks && !err; i++)
		err = mem_write(t, t->s->task[i]);
	if (!err)
		err = huge_write_all(t);
	state_release(t->s);
	if (!err)
		err = frames_write(t);
	for (unsigned i = 0; i < t->s->nr && !err; i++)
		err = member_write(t, &t->s->member[i]);
	return err;
}

static int tar_write(struct tar_out *t, int fd)
{
	t->a = archive_write_new();
	t->e = archive_entry_new();
	t->hole = mmap(NULL, HOLE_PIECE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int err = t->a && t->e && t->hole != MAP_FAILED ? 0 : -ENOMEM;
	if (!err && (archive_write_set_format_pax_restricted(t->a) != ARCHIVE_OK ||
		     archive_write_open_fd(t->a, fd) != ARCHIVE_OK))
		err = archive_error(t->a);
	if (!err)
		err = members_write(t);
	if (!err && archive_write_close(t->a) != ARCHIVE_OK)
		err = archive_error(t->a);
	if (t->hole != MAP_FAILED)
		munmap((void *)t->hole, HOLE_PIECE);
	archive_entry_free(t->e);
	archive_write_free(t->a);
	return err;
}

static uint64_t content_bytes(const struct state *s)
{
	uint64_t pages = 0;
	for (unsigned i = 0; i < s->nr_tasks; i++)
		pages += s->task[i]->content_pages;
	const struct hugetlbfs *h = &s->fs->vm->hugetlbfs;
	for (uint32_t id = 1; id < h->nr_ids; id++)
		if (h->id[id].inode)
			pages += h->id[id].inode->nr_pages << h->vm->hugetlb[h->id[id].inode->mount].order;
	return pages << PAGE_SHIFT;
}

static int tar_create(const struct state *s)
{
	int fd = -1;
	if (content_bytes(s) + s->frames.len > LARGE_BYTES)
		fd = open(STATE_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		fd = memfd_create("ummfs-state", MFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Names of tasks are taken as UTF-8: in the C locale libarchive loses a long one that is not ASCII. */
static int tar_write_utf8(struct tar_out *t, int fd)
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
	int err = tar_write(t, fd);
	if (utf8) {
		uselocale(before);
		freelocale(utf8);
	}
	return err;
}

int state_tar_open(struct fs *fs)
{
	struct state s;
	int fd = -1, err = state_collect(&s, fs, STATE_FRAMES | STATE_CONTENT);
	if (!err) {
		fd = tar_create(&s);
		err = MIN(fd, 0);
	}
	if (!err) {
		struct tar_out t = { .s = &s };
		err = tar_write_utf8(&t, fd);
	}
	state_fini(&s);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}
