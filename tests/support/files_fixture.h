/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_FILES_FIXTURE_H
#define SUPPORT_FILES_FIXTURE_H

/* Requests for what is below files/, whose source is a private folder. */

#include "support/ops_fixture.h"

#include <unistd.h>

/* CREATE below a directory. 0 or -errno. */
static inline int ask_create(struct ops_fixture *f, uint64_t dir, const char *name, uint32_t mode,
			     uint32_t flags, struct fuse_entry_out *e, uint64_t *fh)
{
	struct fuse_create_in in = { .mode = S_IFREG | mode, .flags = flags };
	struct fuse_open_out out;
	int err = fake_kernel_ask(f->k, FUSE_CREATE, dir, &in, sizeof(in), name, strlen(name) + 1);

	if (err)
		return err;
	memcpy(e, f->k->reply, sizeof(*e));
	memcpy(&out, f->k->reply + sizeof(*e), sizeof(out));
	assert_true(out.open_flags & FOPEN_DIRECT_IO);
	*fh = out.fh;
	return 0;
}

/* A new open file in files/: its number. */
static inline uint64_t file_made(struct ops_fixture *f, const char *name, uint32_t mode,
				 uint32_t flags, uint64_t *fh)
{
	struct fuse_entry_out e;
	int err = ask_create(f, node_of(f, "files"), name, mode, flags, &e, fh);

	if (err)
		fail_msg("files/%s cannot be made: %s", name, strerror(-err));
	assert_true(ino_is_file(e.nodeid));
	return e.nodeid;
}

static inline int ask_name(struct ops_fixture *f, uint32_t opcode, uint64_t dir, const char *name)
{
	return fake_kernel_ask(f->k, opcode, dir, name, strlen(name) + 1, NULL, 0);
}

static inline int ask_mkdir(struct ops_fixture *f, uint64_t dir, const char *name, uint32_t mode,
			    struct fuse_entry_out *e)
{
	struct fuse_mkdir_in in = { .mode = mode };
	int err = fake_kernel_ask(f->k, FUSE_MKDIR, dir, &in, sizeof(in), name, strlen(name) + 1);

	if (!err)
		memcpy(e, f->k->reply, sizeof(*e));
	return err;
}

#endif
