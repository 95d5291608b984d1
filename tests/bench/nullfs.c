/* SPDX-License-Identifier: MIT */
/*
 * The null file system: what FUSE itself costs. libfuse's low-level interface
 * and its own multi-threaded loop with its defaults; files have a fixed text and
 * are direct_io, names and attributes stay valid for long, writes are swallowed.
 *
 *   nullfs MOUNTPOINT PATH=BYTES...
 *
 * goes to the background once mounted; umount ends it. A path brings its
 * directories with it, so that names are looked up as deep as on the peer.
 */
#include "peer.h"

#include <errno.h>
#include <string.h>

#define NODES_MOST 64u
#define TEXT_MOST ((size_t)1 << 20)
#define VALID_SECONDS 1000

struct entry {
	char name[64];
	fuse_ino_t parent;
	bool directory;
	size_t bytes; /* of the text */
};

static struct entry entries[NODES_MOST + 1] = { [FUSE_ROOT_ID] = { .directory = true } };
static unsigned nr_entries = FUSE_ROOT_ID;
static char text[TEXT_MOST];

static fuse_ino_t entry_find(fuse_ino_t parent, const char *name)
{
	for (fuse_ino_t i = FUSE_ROOT_ID + 1; i <= nr_entries; i++)
		if (entries[i].parent == parent && !strcmp(entries[i].name, name))
			return i;
	return 0;
}

static fuse_ino_t entry_add(fuse_ino_t parent, const char *name, bool directory)
{
	fuse_ino_t i = entry_find(parent, name);

	if (i || nr_entries == NODES_MOST)
		return i;
	struct entry *e = &entries[i = ++nr_entries];
	snprintf(e->name, sizeof(e->name), "%s", name);
	e->parent = parent;
	e->directory = directory;
	return i;
}

/* "proc/zoneinfo=7000" */
static bool path_add(char *path)
{
	char *size = strchr(path, '=');
	fuse_ino_t at = FUSE_ROOT_ID;

	if (size)
		*size++ = '\0';
	for (char *name = path, *next; name; name = next) {
		next = strchr(name, '/');
		if (next)
			*next++ = '\0';
		at = entry_add(at, name, next);
	}
	if (at)
		entries[at].bytes = MIN(size ? strtoul(size, NULL, 10) : 0, TEXT_MOST);
	return at;
}

static void entry_stat(fuse_ino_t i, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = i;
	st->st_mode = entries[i].directory ? S_IFDIR | 0755 : S_IFREG | 0644;
	st->st_nlink = 1;
}

static void null_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = { .entry_timeout = VALID_SECONDS, .attr_timeout = VALID_SECONDS };

	e.ino = entry_find(parent, name);
	if (!e.ino) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	entry_stat(e.ino, &e.attr);
	fuse_reply_entry(req, &e);
}

static void null_getattr(fuse_req_t req, fuse_ino_t i, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	entry_stat(i, &st);
	fuse_reply_attr(req, &st, VALID_SECONDS);
}

static void null_setattr(fuse_req_t req, fuse_ino_t i, struct stat *st, int what, struct fuse_file_info *fi)
{
	(void)st;
	(void)what;
	null_getattr(req, i, fi);
}

static void null_open(fuse_req_t req, fuse_ino_t i, struct fuse_file_info *fi)
{
	(void)i;
	fi->direct_io = 1;
	fuse_reply_open(req, fi);
}

static void null_read(fuse_req_t req, fuse_ino_t i, size_t size, off_t offset, struct fuse_file_info *fi)
{
	size_t from = MIN((size_t)offset, entries[i].bytes);

	(void)fi;
	fuse_reply_buf(req, text + from, MIN(size, entries[i].bytes - from));
}

static void null_write(fuse_req_t req, fuse_ino_t i, const char *buf, size_t size, off_t offset,
		       struct fuse_file_info *fi)
{
	(void)i;
	(void)buf;
	(void)offset;
	(void)fi;
	fuse_reply_write(req, size);
}

static const struct fuse_lowlevel_ops null_ops = { .lookup = null_lookup,
						   .getattr = null_getattr,
						   .setattr = null_setattr,
						   .open = null_open,
						   .read = null_read,
						   .write = null_write };

int main(int argc, char **argv)
{
	char *args[] = { argv[0], (char *)"-ofsname=nullfs,subtype=null", NULL };
	struct fuse_args fuse_args = FUSE_ARGS_INIT(2, args);

	memset(text, 'x', sizeof(text));
	for (int i = 2; i < argc; i++)
		if (!path_add(argv[i])) {
			fprintf(stderr, "nullfs: too many files\n");
			return 2;
		}
	struct fuse_session *session =
		argc < 3 ? NULL : fuse_session_new(&fuse_args, &null_ops, sizeof(null_ops), NULL);
	if (!session)
		return 2;
	return peer_serve(session, argv[1]);
}
