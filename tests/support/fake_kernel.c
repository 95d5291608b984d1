/* SPDX-License-Identifier: MIT */
#include "support/fake_kernel.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#define BUFFER_BYTES (1 << 20)

static void init_ask(struct fake_kernel *k)
{
	struct fuse_init_in in = {
		.major = FUSE_KERNEL_VERSION,
		.minor = 31,
		.max_readahead = 131072,
		.flags = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_ATOMIC_O_TRUNC |
			 FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES,
	};

	assert_int_equal(fake_kernel_ask(k, FUSE_INIT, 0, &in, sizeof(in), NULL, 0), 0);
}

struct fake_kernel *fake_kernel_start(struct fs *fs, const struct loop_options *o)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fake_kernel *k = calloc(1, sizeof(*k));
	int fd[2], size = BUFFER_BYTES;
	char path[32];

	assert_non_null(k);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	for (int i = 0; i < 2; i++)
		setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	fuse_opt_add_arg(&args, "test");
	k->session = fuse_session_new(&args, &fs_ops, sizeof(fs_ops), fs);
	fuse_opt_free_args(&args);
	assert_non_null(k->session);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd[0]);
	assert_int_equal(fuse_session_mount(k->session, path), 0);
	assert_int_equal(loop_start(&k->loop, k->session, o), 0);
	k->fd = fd[1];
	init_ask(k);
	return k;
}

void fake_kernel_stop(struct fake_kernel *k)
{
	if (k->loop)
		loop_stop(k->loop);
	fuse_session_destroy(k->session);
	close(k->fd);
	free(k);
}

uint64_t fake_kernel_send(struct fake_kernel *k, uint32_t opcode, uint64_t node, const void *arg,
			  size_t arg_len, const void *data, size_t data_len)
{
	struct fuse_in_header in = {
		.len = (uint32_t)(sizeof(in) + arg_len + data_len),
		.opcode = opcode,
		.unique = ++k->unique,
		.nodeid = node,
		.uid = k->uid,
		.gid = k->gid,
	};
	struct iovec iov[3] = { { &in, sizeof(in) }, { (void *)arg, arg_len }, { (void *)data, data_len } };

	assert_int_equal(writev(k->fd, iov, 3), in.len);
	return in.unique;
}

bool fake_kernel_answered(struct fake_kernel *k, int wait_ms)
{
	struct pollfd p = { .fd = k->fd, .events = POLLIN };

	return poll(&p, 1, wait_ms) == 1;
}

uint64_t fake_kernel_receive(struct fake_kernel *k, int *error)
{
	struct fuse_out_header out;
	struct iovec iov[2] = { { &out, sizeof(out) }, { k->reply, sizeof(k->reply) } };

	assert_true(fake_kernel_answered(k, 10000));
	ssize_t n = readv(k->fd, iov, 2);
	assert_true(n >= (ssize_t)sizeof(out));
	k->reply_len = (size_t)n - sizeof(out);
	*error = out.error;
	return out.unique;
}

int fake_kernel_ask(struct fake_kernel *k, uint32_t opcode, uint64_t node, const void *arg,
		    size_t arg_len, const void *data, size_t data_len)
{
	uint64_t sent = fake_kernel_send(k, opcode, node, arg, arg_len, data, data_len);
	int error;

	while (fake_kernel_receive(k, &error) != sent)
		; /* notifications */
	return error;
}

int ask_lookup(struct fake_kernel *k, uint64_t dir, const char *name, struct fuse_entry_out *out)
{
	int err = fake_kernel_ask(k, FUSE_LOOKUP, dir, name, strlen(name) + 1, NULL, 0);

	if (!err)
		memcpy(out, k->reply, sizeof(*out));
	return err;
}

int ask_walk(struct fake_kernel *k, const char *path, struct fuse_entry_out *out)
{
	char name[256];

	*out = (struct fuse_entry_out){ .nodeid = FUSE_ROOT_ID };
	while (*path) {
		size_t len = strcspn(path, "/");
		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		int err = ask_lookup(k, out->nodeid, name, out);
		if (err)
			return err;
		path += len + (path[len] == '/');
	}
	return 0;
}

int ask_open(struct fake_kernel *k, uint64_t node, uint32_t flags, uint64_t *fh)
{
	struct fuse_open_in in = { .flags = flags };
	struct fuse_open_out out;
	int err = fake_kernel_ask(k, FUSE_OPEN, node, &in, sizeof(in), NULL, 0);

	if (err)
		return err;
	memcpy(&out, k->reply, sizeof(out));
	assert_true(out.open_flags & FOPEN_DIRECT_IO);
	*fh = out.fh;
	return 0;
}

int ask_read(struct fake_kernel *k, uint64_t node, uint64_t fh, uint64_t offset, uint32_t size)
{
	struct fuse_read_in in = { .fh = fh, .offset = offset, .size = size };
	int err = fake_kernel_ask(k, FUSE_READ, node, &in, sizeof(in), NULL, 0);

	return err ? err : (int)k->reply_len;
}

int ask_write(struct fake_kernel *k, uint64_t node, uint64_t fh, uint64_t offset, const char *text)
{
	struct fuse_write_in in = { .fh = fh, .offset = offset, .size = (uint32_t)strlen(text) };
	struct fuse_write_out out;
	int err = fake_kernel_ask(k, FUSE_WRITE, node, &in, sizeof(in), text, in.size);

	if (err)
		return err;
	memcpy(&out, k->reply, sizeof(out));
	return (int)out.size;
}

int ask_release(struct fake_kernel *k, uint64_t node, uint64_t fh)
{
	struct fuse_release_in in = { .fh = fh };

	return fake_kernel_ask(k, FUSE_RELEASE, node, &in, sizeof(in), NULL, 0);
}
