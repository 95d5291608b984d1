/* SPDX-License-Identifier: MIT */
/*
 * A state in a tar file, which may come from anywhere: it is read once into
 * memory, nothing is unpacked, links are not followed, names that climb out
 * are left out, and everything has a bound (members, bytes of one, bytes of
 * all, bytes that come out of a decompressor). Bounds are checked against what
 * a header announces, before anything is unpacked. tasks/NAME/mem may be far
 * larger than that; its bytes are handed out in a second pass, once there is
 * memory that they go to. Where in the archive the state stands is known at
 * the end only (import_archive.c); what stands elsewhere is then dropped.
 */
#include "daemon/import_tar.h"

#include "base/mem.h"
#include "daemon/import_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMBERS_MAX (1u << 20)
#define TOTAL_BYTES_MAX ((uint64_t)2 << 30)
#define BOMB_BYTES ((uint64_t)1 << 30) /* from here on a compressed file may not hold more than */
#define BOMB_RATIO 200u /* this many times its size: logs come to a tenth of that */
#define STREAM_BYTES_MAX                                                                           \
	((uint64_t)1 << 36) /* what may come out of the decompressor, skipped members included */
#define READ_BLOCK ((size_t)64 << 10)
#define NAME_BYTES 4096u

/* "tasks/NAME/mem": NAME, cut out of path into name; or "hugepages/ID", which no task is called. false: something else. */
static bool path_is_mem(const char *path, char name[256])
{
	static const char huge_dir[] = "ummfs/hugepages/";
	const char *id = path + sizeof(huge_dir) - 1;
	if (!strncmp(path, huge_dir, sizeof(huge_dir) - 1) && *id && !strchr(id, '/') && strlen(path) < 256) {
		const char *from = strchr(path, '/') + 1;
		memcpy(name, from, strlen(from) + 1);
		return true;
	}
	if (strncmp(path, "tasks/", 6))
		return false;
	const char *end = strchr(path + 6, '/');
	size_t len = end ? (size_t)(end - path) - 6 : 0;
	if (!len || len > 255 || strcmp(end, "/mem"))
		return false;
	memcpy(name, path + 6, len);
	name[len] = 0;
	return true;
}

bool file_is_tar(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool found = fd >= 0 && fd_is_tar(fd);
	if (fd >= 0)
		close(fd);
	return found;
}

bool fd_is_tar(int fd)
{
	static const struct {
		unsigned at;
		const char *bytes;
	} magic[] = { { 257, "ustar" },
		      { 0, "\x1f\x8b" },
		      { 0, "BZh" },
		      { 0, "\xfd"
			   "7zXZ" },
		      { 0, "\x28\xb5\x2f\xfd" } };
	char head[512] = { 0 };
	ssize_t n = pread(fd, head, sizeof(head), 0);
	bool found = false;
	for (unsigned i = 0; n > 0 && i < ARRAY_LEN(magic); i++)
		found |= !memcmp(head + magic[i].at, magic[i].bytes, strlen(magic[i].bytes));
	return found;
}

/* "./proc//zoneinfo" -> "proc/zoneinfo". false: it climbs out, is too long, or is the top itself. */
static bool path_clean(const char *path, char out[NAME_BYTES])
{
	size_t n = 0;
	while (*path) {
		size_t len = strcspn(path, "/");
		bool dots = len <= 2 && !strncmp(path, "..", len);
		if (len == 2 && dots)
			return false;
		if (len && !dots) {
			if (n + len + 2 > NAME_BYTES)
				return false;
			if (n)
				out[n++] = '/';
			memcpy(out + n, path, len);
			n += len;
		}
		path += len + (path[len] == '/');
	}
	out[n] = 0;
	return n;
}

static const char *archive_words(struct archive *a)
{
	const char *what = archive_error_string(a);
	return what ? what : "it ends inside a file";
}

static int tar_bad(const struct tar *t, struct archive *a, struct why *why)
{
	return why_set(why, -EINVAL, "%s: damaged: %s", t->name, archive_words(a));
}

static int tar_refuse(const struct tar *t, const char *what, struct why *why)
{
	return why_set(why, -EINVAL,
		       "%s: neither a tar file that can be read nor a log with a Mem-Info block: %s",
		       t->name, what);
}

static int archive_start(struct tar *t, struct archive **out, struct why *why)
{
	struct archive *a = archive_read_new();
	if (!a)
		return why_set(why, -ENOMEM, "%s: not enough memory to read it", t->name);
	archive_read_support_format_tar(a);
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	if (lseek(t->fd, 0, SEEK_SET) < 0 || archive_read_open_fd(a, t->fd, READ_BLOCK) != ARCHIVE_OK) {
		int error = tar_refuse(t, archive_words(a), why);
		archive_read_free(a);
		return error;
	}
	*out = a;
	return 0;
}

/* What was read up to here counts: noted, not refused. */
static int tar_damaged(struct tar *t, struct archive *a)
{
	snprintf(t->damage, sizeof(t->damage), "%s", archive_words(a));
	return -EIO;
}

static bool is_bomb(const struct tar *t, struct archive *a)
{
	struct stat st;
	return archive_filter_count(a) > 1 && t->skipped > BOMB_BYTES && !fstat(t->fd, &st) &&
	       t->skipped / BOMB_RATIO > (uint64_t)st.st_size;
}

/* 1: *e is the next member; 0: the end; -EIO: damaged from here on; or -errno with why set. */
static int archive_step(struct tar *t, struct archive *a, struct archive_entry **e, struct why *why)
{
	int r = archive_read_next_header(a, e);
	if (r == ARCHIVE_EOF)
		return 0;
	if (r < ARCHIVE_WARN)
		return tar_damaged(t, a);
	if (archive_filter_bytes(a, 0) > (int64_t)STREAM_BYTES_MAX)
		return why_set(why, -EFBIG,
			       "%s: more than %" PRIu64 " GiB of data; this is no machine's state",
			       t->name, STREAM_BYTES_MAX >> 30);
	return 1;
}

/* Room for one more. */
static int member_add(struct tar *t, const char *path, struct tar_member **out)
{
	if (t->nr == t->cap) {
		unsigned cap = t->cap ? t->cap * 2 : 256;
		struct tar_member *larger = mem_realloc(t->member, cap * sizeof(*larger));
		if (!larger)
			return -ENOMEM;
		t->member = larger;
		t->cap = cap;
	}
	char *copy = mem_strdup(path);
	if (!copy)
		return -ENOMEM;
	*out = &t->member[t->nr];
	**out = (struct tar_member){ .path = copy, .serial = t->nr++ };
	return 0;
}

static int too_much(const struct tar *t, struct why *why)
{
	return why_set(why, -EFBIG, "%s: announces %" PRIu64 " GiB of data; this is no machine's state",
		       t->name, t->skipped >> 30);
}

static int too_large(const struct tar *t, const char *path, struct why *why)
{
	return why_set(why, -EFBIG, "%s/%s: larger than any file of a machine's state", t->name, path);
}

static int bytes_read(struct tar *t, struct archive *a, struct tar_member *m, uint64_t size, struct why *why)
{
	if (size > archive_file_bytes_max(m->path) || size > TOTAL_BYTES_MAX - t->bytes)
		return too_large(t, m->path, why);
	m->bytes = mem_realloc(NULL, size + 1);
	if (!m->bytes)
		return -ENOMEM;
	while (m->len < size) {
		ssize_t got = archive_read_data(a, m->bytes + m->len, size - m->len);
		if (got <= 0)
			return tar_damaged(t, a);
		m->len += (size_t)got;
	}
	m->bytes[m->len] = 0;
	t->bytes += m->len;
	return 0;
}

static void member_drop(struct tar_member *m)
{
	mem_free(m->path);
	mem_free(m->bytes);
}

/* At the top or below a directory. */
static bool path_has_mem(const char *path)
{
	char task[256];
	for (const char *p = path; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
		if (path_is_mem(p, task))
			return true;
	return false;
}

/* Holes cost nothing: lists of logins are hundreds of GiB of them. */
static int member_skip(struct tar *t, struct archive *a, struct archive_entry *e, uint64_t size,
		       struct why *why)
{
	if (!archive_entry_sparse_count(e))
		t->skipped += MIN(size, STREAM_BYTES_MAX);
	return t->skipped > STREAM_BYTES_MAX || is_bomb(t, a) ? too_much(t, why) : 0;
}

static int member_take(struct tar *t, struct archive *a, struct archive_entry *e, struct why *why)
{
	char path[NAME_BYTES];
	const char *given = archive_entry_pathname(e);
	mode_t type = archive_entry_filetype(e);
	uint64_t size = (uint64_t)MAX(archive_entry_size(e), 0);
	struct tar_member *m = NULL;

	if (++t->seen > MEMBERS_MAX)
		return why_set(why, -EFBIG, "%s: more than %u files; this is no machine's state",
			       t->name, MEMBERS_MAX);
	if (given && path_clean(given, path) && path_has_mem(path))
		return 0;
	if (!given || !path_clean(given, path) || archive_entry_hardlink(e) ||
	    (type != AE_IFREG && type != AE_IFDIR) || (type == AE_IFREG && !archive_wanted(path, size)))
		return member_skip(t, a, e, size, why);
	int error = member_add(t, path, &m);
	if (!error && type == AE_IFREG)
		error = bytes_read(t, a, m, size, why);
	if (error == -EIO) /* half a file is not a file */
		member_drop(&t->member[--t->nr]);
	return error;
}

static int member_compare(const void *a, const void *b)
{
	const struct tar_member *x = a, *y = b;
	int order = strcmp(x->path, y->path);
	return order ? order : (x->serial > y->serial) - (x->serial < y->serial);
}

static void members_sort(struct tar *t)
{
	unsigned kept = 0;
	if (t->nr)
		qsort(t->member, t->nr, sizeof(*t->member), member_compare);
	for (unsigned i = 0; i < t->nr; i++) {
		if (i + 1 < t->nr && !strcmp(t->member[i].path, t->member[i + 1].path)) {
			member_drop(&t->member[i]);
			continue;
		}
		t->member[kept++] = t->member[i];
	}
	t->nr = kept;
}

/* Below the state's directory paths begin anew; all else goes. */
static void prefix_cut(struct tar *t)
{
	size_t len = strlen(t->prefix);
	unsigned kept = 0;
	for (unsigned i = 0; len && i < t->nr; i++) {
		struct tar_member *m = &t->member[i];
		if (strncmp(m->path, t->prefix, len)) {
			member_drop(m);
			continue;
		}
		memmove(m->path, m->path + len, strlen(m->path + len) + 1);
		t->member[kept++] = *m;
	}
	if (len)
		t->nr = kept;
}

/* Why there is no state in it: cut off too early, another archive, or another matter. */
static int nothing_found(const struct tar *t, struct why *why)
{
	if (*t->damage)
		return why_set(why, -EINVAL,
			       "%s: ends or is damaged before proc/zoneinfo, which a state needs: %s",
			       t->name, t->damage);
	for (unsigned i = 0; i < t->nr; i++)
		if (archive_is_nested(t->member[i].path))
			return why_set(why, -EINVAL,
				       "%s: no proc/zoneinfo in it, but another archive, %s; unpack that one",
				       t->name, t->member[i].path);
	return 0; /* ummfs/frames may be enough; who misses proc/zoneinfo will say so */
}

static int state_find(struct tar *t, struct why *why)
{
	struct archive_place *p = mem_zalloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	for (unsigned i = 0; i < t->nr; i++)
		if (t->member[i].bytes)
			archive_place_try(p, t->member[i].path);
	int error = p->found ? archive_place_check(p, t->name, why) : nothing_found(t, why);
	snprintf(t->prefix, sizeof(t->prefix), "%s", p->prefix);
	mem_free(p);
	if (!error)
		prefix_cut(t);
	return error;
}

static int members_read(struct tar *t, struct archive *a, struct why *why)
{
	struct archive_entry *e;
	int error = 0, more = 0;
	while (!error && (more = archive_step(t, a, &e, why)) > 0)
		error = member_take(t, a, e, why);
	if (!error)
		error = more;
	if (error == -EIO && !t->seen)
		return tar_refuse(t, t->damage, why);
	return error == -EIO ? 0 : error;
}

int tar_load(struct tar *t, int fd, const char *name, struct why *why)
{
	struct archive *a = NULL;
	*t = (struct tar){ .fd = fd, .name = name };
	int error = archive_start(t, &a, why);
	if (error)
		return error;
	error = members_read(t, a, why);
	archive_read_free(a);
	members_sort(t);
	if (!error && !t->nr && !*t->damage)
		error = why_set(why, -EINVAL, "%s: a tar file without files", t->name);
	if (!error)
		error = state_find(t, why);
	if (error == -ENOMEM)
		why_set(why, error, "%s: not enough memory to read it", t->name);
	if (error)
		tar_fini(t);
	return error;
}

void tar_fini(struct tar *t)
{
	for (unsigned i = 0; i < t->nr; i++)
		member_drop(&t->member[i]);
	mem_free(t->member);
	t->member = NULL;
	t->nr = t->cap = 0;
}

/* The first member whose path is not less than this one. */
static unsigned lower_bound(const struct tar *t, const char *path)
{
	unsigned low = 0, high = t->nr;
	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		if (strcmp(t->member[mid].path, path) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct tar_member *tar_find(const struct tar *t, const char *path)
{
	unsigned i = lower_bound(t, path);
	return i < t->nr && !strcmp(t->member[i].path, path) ? &t->member[i] : NULL;
}

/* Has the directory a member of its own? That one stands before what is below it, not always right before. */
static bool dir_listed(const struct tar *t, const char *dir, const char *name)
{
	char path[2 * NAME_BYTES];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return tar_find(t, path) != NULL;
}

/* Members below dir stand together; a name counts once, however many members are below it. */
int tar_list(const struct tar *t, const char *dir,
	     int (*each)(void *ctx, const char *name, bool is_dir), void *ctx)
{
	char prefix[NAME_BYTES], last[NAME_BYTES] = "", name[NAME_BYTES];
	int n = snprintf(prefix, sizeof(prefix), "%s/", dir), ret = 0;
	if (n < 0 || (size_t)n >= sizeof(prefix))
		return 0;
	for (unsigned i = lower_bound(t, prefix); i < t->nr && !ret; i++) {
		const struct tar_member *m = &t->member[i];
		if (strncmp(m->path, prefix, (size_t)n))
			break;
		const char *rest = m->path + n, *end = strchr(rest, '/');
		snprintf(name, sizeof(name), "%.*s", end ? (int)(end - rest) : (int)strlen(rest), rest);
		if (!strcmp(name, last) || (end && dir_listed(t, dir, name)))
			continue;
		snprintf(last, sizeof(last), "%s", name);
		ret = each(ctx, name, end || !m->bytes);
	}
	return ret;
}

/* ---- Second pass ---- */

static int mem_read(struct tar *t, struct archive *a, const char *task,
		    int (*each)(void *ctx, const char *task, uint64_t offset, const char *bytes, size_t len),
		    void *ctx, struct why *why)
{
	for (;;) {
		const void *bytes;
		size_t len;
		int64_t offset;
		int r = archive_read_data_block(a, &bytes, &len, &offset), error;
		if (r == ARCHIVE_EOF)
			return 0;
		if (r < ARCHIVE_WARN)
			return tar_bad(t, a, why);
		if (archive_filter_bytes(a, 0) > (int64_t)STREAM_BYTES_MAX)
			return too_large(t, task, why);
		error = len ? each(ctx, task, (uint64_t)offset, bytes, len) : 0;
		if (error)
			return error;
	}
}

int tar_contents(struct tar *t,
		 int (*each)(void *ctx, const char *task, uint64_t offset, const char *bytes, size_t len),
		 void *ctx, struct why *why)
{
	char path[NAME_BYTES], task[256];
	struct archive *a = NULL;
	struct archive_entry *e;
	int error = archive_start(t, &a, why), more;
	if (error)
		return error;
	size_t prefix = strlen(t->prefix);
	while ((more = archive_step(t, a, &e, why)) > 0 && !error) {
		const char *given = archive_entry_pathname(e);
		if (given && path_clean(given, path) && !strncmp(path, t->prefix, prefix) &&
		    path_is_mem(path + prefix, task) && archive_entry_filetype(e) == AE_IFREG)
			error = mem_read(t, a, task, each, ctx, why);
	}
	if (more == -EIO)
		more = tar_bad(t, a, why);
	archive_read_free(a);
	return error ? error : more;
}
