/* SPDX-License-Identifier: MIT */
/*
 * A state is a directory, a tar file or a log; this is the only place of the
 * importer that knows. A directory is read as it is needed, so that of a live
 * machine nothing is opened that nobody asks for; a tar is read once
 * (import_tar.c), a log, too. Support archives have one directory at the top
 * with everything in it: the state is there, and is named so.
 *
 * What cannot be opened because it is not there or is not ours to read counts
 * as missing: a state taken by an ordinary user lacks pagetypeinfo, and one of
 * another kernel lacks whole directories.
 */
#include "daemon/import_input.h"

#include "base/mem.h"
#include "daemon/import_archive.h"
#include "daemon/import_tar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_BYTES_MAX ((size_t)64 << 20)
#define STDIN_BYTES_MAX ((uint64_t)4 << 30)
#define STDIN_NAME "standard input"
#define PATH_BYTES 4096u
#define PIECE_BYTES ((size_t)64 << 10)

struct input {
	char *name;
	bool is_tar;
	int fd; /* of the tar or log */
	struct tar tar;
	char *log; /* NULL: another kind */
	size_t log_len;
};

static bool absent(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EACCES || error == EPERM || error == ELOOP;
}

/* Files of /proc have no size: read until there is no more. */
static int read_all(int fd, size_t most, char **out, size_t *len)
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
		char *larger = cap <= most ? mem_realloc(buf, cap + 1) : NULL;
		if (!larger)
			mem_free(buf);
		buf = larger;
	}
	return cap > most ? -EFBIG : -ENOMEM;
}

/* ---- What kind of state it is ---- */

static int name_set(struct input *in, const char *name, size_t len, struct why *why)
{
	mem_free(in->name);
	in->name = mem_realloc(NULL, len + 1);
	if (!in->name)
		return why_set(why, -ENOMEM, "%s: not enough memory to read it", name);
	memcpy(in->name, name, len);
	in->name[len] = 0;
	return 0;
}

/* Text of a kernel with the report of a failed allocation in it, or the zone lines of one. */
static int log_try(struct input *in, struct why *why)
{
	char *text = NULL;
	size_t len = 0;
	int error = lseek(in->fd, 0, SEEK_SET) < 0 ? -errno
						   : read_all(in->fd, LOG_BYTES_MAX, &text, &len);
	if (error == -EFBIG)
		return 0;
	if (error)
		return why_set(why, error, "%s: %s", in->name, strerror(-error));
	if (!text || memchr(text, 0, len) || (!strstr(text, "Mem-Info:") && !strstr(text, "kB min:"))) {
		mem_free(text);
		return 0;
	}
	in->log = text;
	in->log_len = len;
	return 0;
}

static int file_open(struct input *in, struct why *why)
{
	int error = fd_is_tar(in->fd) ? 0 : log_try(in, why);
	if (error || in->log)
		return error;
	in->is_tar = true;
	error = tar_load(&in->tar, in->fd, in->name, why);
	size_t len = strlen(in->tar.prefix);
	if (error || !len)
		return error;
	char full[PATH_BYTES];
	snprintf(full, sizeof(full), "%s/%.*s", in->name, (int)len - 1, in->tar.prefix);
	error = name_set(in, full, strlen(full), why);
	in->tar.name = in->name;
	return error;
}

/* Standard input is read once into memory of ours, for a tar is read twice. */
static int stdin_open(struct input *in, struct why *why)
{
	char piece[4096];
	uint64_t bytes = 0;
	ssize_t got;
	int error = name_set(in, STDIN_NAME, strlen(STDIN_NAME), why);
	if (error)
		return error;
	in->fd = memfd_create("ummfs-stdin", MFD_CLOEXEC);
	if (in->fd < 0)
		return why_set(why, -errno, "%s: %s", in->name, strerror(errno));
	while ((got = read(STDIN_FILENO, piece, sizeof(piece))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || write(in->fd, piece, (size_t)got) != got)
			return why_set(why, -errno, "%s: %s", in->name, strerror(errno));
		bytes += (uint64_t)got;
		if (bytes > STDIN_BYTES_MAX)
			return why_set(why, -EFBIG, "%s: larger than any machine's state", in->name);
	}
	return file_open(in, why);
}

static bool dir_has_state(const char *dir, const char *sub)
{
	static const char *const files[] = { "proc/zoneinfo", "ummfs/frames" };
	char full[PATH_BYTES];
	for (unsigned i = 0; i < ARRAY_LEN(files); i++)
		if ((size_t)snprintf(full, sizeof(full), "%s/%s/%s", dir, sub, files[i]) < sizeof(full) &&
		    !access(full, F_OK))
			return true;
	return false;
}

struct sub_search {
	struct input *in;
	char found[256];
	struct why *why;
};

static int sub_try(void *ctx, const char *name, bool is_dir)
{
	struct sub_search *s = ctx;
	(void)is_dir; /* not every file system tells */
	if (!dir_has_state(s->in->name, name))
		return 0;
	if (*s->found)
		return why_set(s->why, -EINVAL, "%s: two machines, in %s and %s; name one of them",
			       s->in->name, s->found, name);
	snprintf(s->found, sizeof(s->found), "%s", name);
	return 0;
}

/* No state right here: the directory below that has one. */
static int dir_open(struct input *in, struct why *why)
{
	struct sub_search s = { .in = in, .why = why };
	char full[PATH_BYTES];
	if (dir_has_state(in->name, "."))
		return 0;
	int error = input_list(in, ".", sub_try, &s);
	if (error || !*s.found)
		return error;
	if ((size_t)snprintf(full, sizeof(full), "%s/%s", in->name, s.found) >= sizeof(full))
		return why_set(why, -ENAMETOOLONG, "%s: the path is too long", in->name);
	return name_set(in, full, strlen(full), why);
}

static int state_open(struct input *in, const char *state, struct why *why)
{
	struct stat st;
	if (!strcmp(state, "-"))
		return stdin_open(in, why);
	if (stat(state, &st))
		return why_set(why, -errno, "%s: %s", state, strerror(errno));
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return why_set(why, -ENOTDIR,
			       "%s: neither a directory nor a tar file; --from takes one with proc/ and sys/ in it",
			       state);
	size_t len = strlen(state);
	while (len && state[len - 1] == '/')
		len--;
	int error = name_set(in, state, len, why);
	if (error || S_ISDIR(st.st_mode))
		return error ? error : dir_open(in, why);
	in->fd = open(in->name, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0)
		return why_set(why, -errno, "%s: %s", in->name, strerror(errno));
	return file_open(in, why);
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
	mem_free(in->log);
	mem_free(in->name);
	mem_free(in);
}

const char *input_name(const struct input *in)
{
	return in->name;
}

const char *input_damage(const struct input *in)
{
	return in->is_tar && *in->tar.damage ? in->tar.damage : NULL;
}

bool input_is_log(const struct input *in)
{
	return in->log;
}

/* ---- Files ---- */

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
	int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not keep us waiting */
	if (fd < 0)
		return absent(errno) ? -ENOENT : why_set(why, -errno, "%s: %s", full, strerror(errno));
	struct stat st;
	if (fstat(fd, &st) || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		error = why_set(why, -EINVAL, "%s: not a regular file", full);
	else
		error = read_all(fd, archive_file_bytes_max(path), text, len);
	close(fd);
	if (absent(-error))
		return -ENOENT;
	return error ? why_set(why, error, "%s: %s", full, strerror(-error)) : 0;
}

static int copy_out(const struct input *in, const char *bytes, size_t n, char **text, size_t *len,
		    struct why *why)
{
	*text = mem_realloc(NULL, n + 1);
	if (!*text)
		return why_set(why, -ENOMEM, "%s: not enough memory to read it", in->name);
	memcpy(*text, bytes, n);
	(*text)[n] = 0;
	*len = n;
	return 0;
}

static int member_read(const struct input *in, const char *path, char **text, size_t *len, struct why *why)
{
	const struct tar_member *m = tar_find(&in->tar, path);
	return m && m->bytes ? copy_out(in, m->bytes, m->len, text, len, why) : -ENOENT;
}

int input_read(const struct input *in, const char *path, char **text, size_t *len, struct why *why)
{
	if (in->log)
		return strcmp(path, INPUT_LOG) ? -ENOENT
					       : copy_out(in, in->log, in->log_len, text, len, why);
	return in->is_tar ? member_read(in, path, text, len, why) : file_read(in, path, text, len, why);
}

/* ---- Directories ---- */

int input_list(const struct input *in, const char *dir,
	       int (*each)(void *ctx, const char *name, bool is_dir), void *ctx)
{
	char full[PATH_BYTES];
	if (in->is_tar)
		return tar_list(&in->tar, dir, each, ctx);
	if (in->log)
		return 0;
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
			return why_set(c->why, -errno, "%s/tasks/%s/mem: %s", c->in->name, task,
				       strerror(errno));
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

static int content_read(struct contents *c, const char *name, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return 0;
	int error = holes_skip(c, name, fd);
	close(fd);
	return error;
}

static int task_read(void *ctx, const char *task, bool is_dir)
{
	struct contents *c = ctx;
	char full[PATH_BYTES];
	if (!is_dir || (size_t)snprintf(full, sizeof(full), "%s/tasks/%s/mem", c->in->name, task) >=
			       sizeof(full))
		return 0;
	return content_read(c, task, full);
}

/* A file of dev/hugepages, by number. */
static int huge_read(void *ctx, const char *id, bool is_dir)
{
	struct contents *c = ctx;
	char full[PATH_BYTES], name[64];
	if (is_dir || (size_t)snprintf(name, sizeof(name), "hugepages/%s", id) >= sizeof(name) ||
	    (size_t)snprintf(full, sizeof(full), "%s/ummfs/%s", c->in->name, name) >= sizeof(full))
		return 0;
	return content_read(c, name, full);
}

int input_contents(struct input *in,
		   int (*each)(void *ctx, const char *task, uint64_t offset, const char *bytes, size_t len),
		   void *ctx, struct why *why)
{
	if (in->is_tar)
		return tar_contents(&in->tar, each, ctx, why);
	if (in->log)
		return 0;
	struct contents *c = mem_zalloc(sizeof(*c));
	if (!c)
		return why_set(why, -ENOMEM, "%s: not enough memory to read it", in->name);
	c->in = in;
	c->each = each;
	c->ctx = ctx;
	c->why = why;
	int error = input_list(in, "tasks", task_read, c);
	if (!error)
		error = input_list(in, "ummfs/hugepages", huge_read, c);
	mem_free(c);
	return error;
}
