/* SPDX-License-Identifier: MIT */
/*
 * A state is a directory or a tar file; this is the only place of the importer
 * that knows. Archives with another layout (a directory above proc/ and sys/,
 * files under other names) belong here too: a reader's path becomes the
 * archive's in input_read and input_list, and nothing above changes. A
 * directory is read as it is needed, so that of a live machine nothing is
 * opened that nobody asks for; a tar is read once (import_tar.c).
 *
 * What cannot be opened because it is not there or is not ours to read counts
 * as missing: a state taken by an ordinary user lacks pagetypeinfo, and one of
 * another kernel lacks whole directories.
 */
#include "daemon/import_input.h"

#include "base/mem.h"
#include "daemon/import_tar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX ((size_t)1 << 30)
#define PATH_BYTES 4096u
#define PIECE_BYTES ((size_t)64 << 10)

struct input {
	char *name;
	bool is_tar;
	int fd; /* of the tar */
	struct tar tar;
};

static bool absent(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EACCES || error == EPERM;
}

static int tar_open(struct input *in, struct why *why)
{
	in->fd = open(in->name, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0)
		return why_set(why, -errno, "%s: %s", in->name, strerror(errno));
	in->is_tar = true;
	return tar_load(&in->tar, in->fd, in->name, why);
}

static int state_open(struct input *in, const char *state, struct why *why)
{
	struct stat st;
	if (stat(state, &st))
		return why_set(why, -errno, "%s: %s", state, strerror(errno));
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return why_set(why, -ENOTDIR,
			       "%s: neither a directory nor a tar file; --from takes one with proc/ and sys/ in it",
			       state);
	in->name = mem_strdup(state);
	if (!in->name)
		return why_set(why, -ENOMEM, "%s: not enough memory to read it", state);
	for (size_t len = strlen(in->name); len && in->name[len - 1] == '/';)
		in->name[--len] = 0;
	return S_ISREG(st.st_mode) ? tar_open(in, why) : 0;
}

int input_open(struct input **out, const char *state, struct why *why)
{
	struct input *in = mem_zalloc(sizeof(*in));
	if (!in)
		return why_set(why, -ENOMEM, "%s: not enough memory to read it", state);
	in->fd = -1;
	int error = state_open(in, state, why);
	if (error)
		input_close(in);
	else
		*out = in;
	return error;
}

void input_close(struct input *in)
{
	if (!in)
		return;
	tar_fini(&in->tar);
	if (in->fd >= 0)
		close(in->fd);
	mem_free(in->name);
	mem_free(in);
}

const char *input_name(const struct input *in)
{
	return in->name;
}

/* ---- Files ---- */

/* Those of /proc have no size: read until there is no more. */
static int read_all(int fd, char **out, size_t *len)
{
	size_t cap = 16384, n = 0;
	char *buf = mem_realloc(NULL, cap + 1);
	while (buf) {
		ssize_t got = read(fd, buf + n, cap - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			int error = got < 0 ? -errno : 0;
			if (error) {
				mem_free(buf);
				return error;
			}
			buf[n] = 0;
			*out = buf;
			*len = n;
			return 0;
		}
		n += (size_t)got;
		if (n < cap)
			continue;
		cap *= 2;
		char *larger = cap <= FILE_BYTES_MAX ? mem_realloc(buf, cap + 1) : NULL;
		if (!larger)
			mem_free(buf);
		buf = larger;
	}
	return cap > FILE_BYTES_MAX ? -EFBIG : -ENOMEM;
}

static int path_join(const struct input *in, const char *path, char out[PATH_BYTES], struct why *why)
{
	if ((size_t)snprintf(out, PATH_BYTES, "%s/%s", in->name, path) >= PATH_BYTES)
		return why_set(why, -ENAMETOOLONG, "%s: the path is too long", in->name);
	return 0;
}

static int file_read(const struct input *in, const char *path, char **text, size_t *len, struct why *why)
{
	char full[PATH_BYTES];
	int error = path_join(in, path, full, why);
	if (error)
		return error;
	int fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return absent(errno) ? -ENOENT : why_set(why, -errno, "%s: %s", full, strerror(errno));
	error = read_all(fd, text, len);
	close(fd);
	if (absent(-error))
		return -ENOENT;
	return error ? why_set(why, error, "%s: %s", full, strerror(-error)) : 0;
}

static int member_read(const struct input *in, const char *path, char **text, size_t *len, struct why *why)
{
	const struct tar_member *m = tar_find(&in->tar, path);
	if (!m || !m->bytes)
		return -ENOENT;
	*text = mem_realloc(NULL, m->len + 1);
	if (!*text)
		return why_set(why, -ENOMEM, "%s: not enough memory to read it", in->name);
	memcpy(*text, m->bytes, m->len + 1);
	*len = m->len;
	return 0;
}

int input_read(const struct input *in, const char *path, char **text, size_t *len, struct why *why)
{
	return in->is_tar ? member_read(in, path, text, len, why) : file_read(in, path, text, len, why);
}

/* ---- Directories ---- */

int input_list(const struct input *in, const char *dir,
	       int (*each)(void *ctx, const char *name, bool is_dir), void *ctx)
{
	char full[PATH_BYTES];
	if (in->is_tar)
		return tar_list(&in->tar, dir, each, ctx);
	if ((size_t)snprintf(full, sizeof(full), "%s/%s", in->name, dir) >= sizeof(full))
		return 0;
	DIR *d = opendir(full);
	int ret = 0;
	for (const struct dirent *e; d && !ret && (e = readdir(d));)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			ret = each(ctx, e->d_name, e->d_type == DT_DIR);
	if (d)
		closedir(d);
	return ret;
}

/* ---- Content of tasks ---- */

struct contents {
	const struct input *in;
	int (*each)(void *ctx, const char *task, uint64_t offset, const char *bytes, size_t len);
	void *ctx;
	struct why *why;
	char piece[PIECE_BYTES];
};

/* [from, to) of the file has data. */
static int data_read(struct contents *c, const char *task, int fd, uint64_t from, uint64_t to)
{
	while (from < to) {
		ssize_t got = pread(fd, c->piece, MIN(to - from, sizeof(c->piece)), (off_t)from);
		if (got < 0)
			return why_set(c->why, -errno, "%s/tasks/%s/mem: %s", c->in->name, task, strerror(errno));
		if (!got)
			return 0;
		int error = c->each(c->ctx, task, from, c->piece, (size_t)got);
		if (error)
			return error;
		from += (size_t)got;
	}
	return 0;
}

static int holes_skip(struct contents *c, const char *task, int fd)
{
	off_t at = 0, data;
	int error = 0;
	while (!error && (data = lseek(fd, at, SEEK_DATA)) >= 0) {
		at = lseek(fd, data, SEEK_HOLE);
		if (at <= data)
			break;
		error = data_read(c, task, fd, (uint64_t)data, (uint64_t)at);
	}
	return error;
}

static int task_read(void *ctx, const char *task, bool is_dir)
{
	struct contents *c = ctx;
	char full[PATH_BYTES];
	if (!is_dir || (size_t)snprintf(full, sizeof(full), "%s/tasks/%s/mem", c->in->name, task) >= sizeof(full))
		return 0;
	int fd = open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return 0;
	int error = holes_skip(c, task, fd);
	close(fd);
	return error;
}

int input_contents(struct input *in,
		   int (*each)(void *ctx, const char *task, uint64_t offset, const char *bytes, size_t len),
		   void *ctx, struct why *why)
{
	if (in->is_tar)
		return tar_contents(&in->tar, each, ctx, why);
	struct contents *c = mem_zalloc(sizeof(*c));
	if (!c)
		return why_set(why, -ENOMEM, "%s: not enough memory to read it", in->name);
	c->in = in;
	c->each = each;
	c->ctx = ctx;
	c->why = why;
	int error = input_list(in, "tasks", task_read, c);
	mem_free(c);
	return error;
}
