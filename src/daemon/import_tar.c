/* SPDX-License-Identifier: MIT */
/*
 * A state in a tar file, which may come from anywhere: it is read once into
 * memory, nothing is unpacked, links are not followed, names that climb out
 * are left out, and everything has a bound (members, bytes of one, bytes of
 * all, bytes that come out of a decompressor). tasks/NAME/mem may be far
 * larger than that; its bytes are handed out in a second pass, once there is
 * memory that they go to.
 */
#include "daemon/import_tar.h"

#include "base/mem.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define MEMBERS_MAX (1u << 20)
#define MEMBER_BYTES_MAX ((uint64_t)1 << 30)
#define TOTAL_BYTES_MAX ((uint64_t)2 << 30)
#define STREAM_BYTES_MAX ((uint64_t)1 << 36) /* what may come out of the decompressor, skipped members included */
#define READ_BLOCK ((size_t)64 << 10)
#define NAME_BYTES 4096u

bool path_is_mem(const char *path, char name[256])
{
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
	static const struct {
		unsigned at;
		const char *bytes;
	} magic[] = { { 257, "ustar" }, { 0, "\x1f\x8b" }, { 0, "BZh" }, { 0, "\xfd" "7zXZ" }, { 0, "\x28\xb5\x2f\xfd" } };
	char head[512] = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);
	bool found = false;
	if (fd >= 0)
		close(fd);
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

static int tar_bad(const struct tar *t, struct archive *a, struct why *why)
{
	const char *what = archive_error_string(a);
	return why_set(why, -EINVAL, "%s: not a tar file that can be read: %s", t->name,
		       what ? what : "damaged");
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
		int error = tar_bad(t, a, why);
		archive_read_free(a);
		return error;
	}
	*out = a;
	return 0;
}

/* 1: *e is the next member; 0: the end; or -errno with why set. */
static int archive_step(struct tar *t, struct archive *a, struct archive_entry **e, struct why *why)
{
	int r = archive_read_next_header(a, e);
	if (r == ARCHIVE_EOF)
		return 0;
	if (r < ARCHIVE_WARN)
		return tar_bad(t, a, why);
	if (archive_filter_bytes(a, 0) > (int64_t)STREAM_BYTES_MAX)
		return why_set(why, -EFBIG, "%s: more than %" PRIu64 " GiB of data; this is no machine's state",
			       t->name, STREAM_BYTES_MAX >> 30);
	return 1;
}

/* Room for one more. */
static int member_add(struct tar *t, const char *path, struct tar_member **out, struct why *why)
{
	if (t->nr == MEMBERS_MAX)
		return why_set(why, -EFBIG, "%s: more than %u files; this is no machine's state",
			       t->name, MEMBERS_MAX);
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

static int too_large(const struct tar *t, const char *path, struct why *why)
{
	return why_set(why, -EFBIG, "%s/%s: larger than any file of a machine's state", t->name, path);
}

static int bytes_read(struct tar *t, struct archive *a, struct tar_member *m, uint64_t size, struct why *why)
{
	if (size > MEMBER_BYTES_MAX || size > TOTAL_BYTES_MAX - t->bytes)
		return too_large(t, m->path, why);
	m->bytes = mem_realloc(NULL, size + 1);
	if (!m->bytes)
		return -ENOMEM;
	while (m->len < size) {
		ssize_t got = archive_read_data(a, m->bytes + m->len, size - m->len);
		if (got < 0)
			return tar_bad(t, a, why);
		if (!got)
			break;
		m->len += (size_t)got;
	}
	m->bytes[m->len] = 0;
	t->bytes += m->len;
	return 0;
}

static int member_take(struct tar *t, struct archive *a, struct archive_entry *e, struct why *why)
{
	char path[NAME_BYTES], task[256];
	const char *given = archive_entry_pathname(e);
	mode_t type = archive_entry_filetype(e);
	struct tar_member *m = NULL;

	if (!given || !path_clean(given, path) || path_is_mem(path, task))
		return 0;
	if (archive_entry_hardlink(e) || (type != AE_IFREG && type != AE_IFDIR))
		return 0;
	int error = member_add(t, path, &m, why);
	if (!error && type == AE_IFREG)
		error = bytes_read(t, a, m, (uint64_t)MAX(archive_entry_size(e), 0), why);
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
			mem_free(t->member[i].path);
			mem_free(t->member[i].bytes);
			continue;
		}
		t->member[kept++] = t->member[i];
	}
	t->nr = kept;
}

int tar_load(struct tar *t, int fd, const char *name, struct why *why)
{
	struct archive *a;
	struct archive_entry *e;
	*t = (struct tar){ .fd = fd, .name = name };
	int error = archive_start(t, &a, why), more;
	if (error)
		return error;
	while ((more = archive_step(t, a, &e, why)) > 0 && !error)
		error = member_take(t, a, e, why);
	archive_read_free(a);
	if (!error)
		error = more;
	members_sort(t);
	if (!error && !t->nr)
		error = why_set(why, -EINVAL, "%s: a tar file without files", t->name);
	if (error == -ENOMEM)
		why_set(why, error, "%s: not enough memory to read it", t->name);
	if (error)
		tar_fini(t);
	return error;
}

void tar_fini(struct tar *t)
{
	for (unsigned i = 0; i < t->nr; i++) {
		mem_free(t->member[i].path);
		mem_free(t->member[i].bytes);
	}
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
int tar_list(const struct tar *t, const char *dir, int (*each)(void *ctx, const char *name, bool is_dir), void *ctx)
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
	struct archive *a;
	struct archive_entry *e;
	int error = archive_start(t, &a, why), more;
	if (error)
		return error;
	while ((more = archive_step(t, a, &e, why)) > 0 && !error) {
		const char *given = archive_entry_pathname(e);
		if (given && path_clean(given, path) && path_is_mem(path, task) &&
		    archive_entry_filetype(e) == AE_IFREG)
			error = mem_read(t, a, task, each, ctx, why);
	}
	archive_read_free(a);
	return error ? error : more;
}
