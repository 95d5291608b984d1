/* SPDX-License-Identifier: MIT */
#include "daemon/mount.h"

#include "fs/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Mounting through libfuse, as root directly, as anybody else through
 * fusermount3. Both explain themselves on standard error, in lines of their
 * own; those are caught and become part of our one line.
 */

static int args_build(struct fuse_args *args, const struct options *o)
{
	char *list = NULL;
	bool allow_other = o->allow_other || (!geteuid() && !o->private);
	struct text name;
	char max_read[32];

	text_init(&name, 0);
	text_str(&name, "fsname=");
	text_str(&name, o->source);
	snprintf(max_read, sizeof(max_read), "max_read=%u", o->max_read);
	int err = fuse_opt_add_opt(&list, "subtype=ummfs") ||
		  fuse_opt_add_opt(&list, "default_permissions") ||
		  fuse_opt_add_opt_escaped(&list, text_cstr(&name)) ||
		  (allow_other && fuse_opt_add_opt(&list, "allow_other")) ||
		  (o->max_read && fuse_opt_add_opt(&list, max_read)) ||
		  (o->fuse.len && fuse_opt_add_opt(&list, o->fuse.buf)) ||
		  fuse_opt_add_arg(args, "ummfs") || fuse_opt_add_arg(args, "-o") ||
		  fuse_opt_add_arg(args, list) || (o->debug && fuse_opt_add_arg(args, "-d"));
	text_fini(&name);
	free(list);
	return err ? -ENOMEM : 0;
}

/* ---- What libfuse has to say ---- */

static void fuse_log_line(enum fuse_log_level level, const char *fmt, va_list args)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, args);
	line[strcspn(line, "\n")] = '\0';
	log_line(level < FUSE_LOG_ERR ? LOG_LEVEL_ERR : (enum log_level)level, "%s", line);
}

static void fuse_log_catch(enum fuse_log_level level, const char *fmt, va_list args)
{
	(void)level;
	vdprintf(STDERR_FILENO, fmt, args);
}

/* Standard error goes into a file in memory until stderr_release. */
static int stderr_catch(int *kept_fd)
{
	int fd = memfd_create("ummfs-stderr", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	*kept_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	dup2(fd, STDERR_FILENO);
	return fd;
}

static void stderr_release(int fd, int kept_fd, char *said, size_t size)
{
	said[0] = '\0';
	if (fd < 0)
		return;
	dup2(kept_fd, STDERR_FILENO);
	close(kept_fd);
	ssize_t n = pread(fd, said, size - 1, 0);
	close(fd);
	said[MAX(n, 0)] = '\0';
	said[strcspn(said, "\n")] = '\0';
}

static int session_mount(struct mount *m, const struct options *o, const char *path)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);

	if (args_build(&args, o))
		return -ENOMEM;
	m->session = fuse_session_new(&args, &fs_ops, sizeof(fs_ops), &m->fs);
	fuse_opt_free_args(&args);
	if (!m->session)
		return -EINVAL;
	m->mounted = !fuse_session_mount(m->session, path);
	return m->mounted ? 0 : -EPERM;
}

static int session_start(struct mount *m, const struct options *o, const char *path, struct why *why)
{
	char said[256];
	int kept_fd = -1;

	if (access("/dev/fuse", F_OK))
		return why_set(why, -ENODEV,
			       "/dev/fuse is missing: load the module with modprobe fuse, or give the container the device");
	fuse_set_log_func(fuse_log_catch);
	int fd = stderr_catch(&kept_fd);
	int err = session_mount(m, o, path);
	stderr_release(fd, kept_fd, said, sizeof(said));
	fuse_set_log_func(fuse_log_line);
	if (err)
		why_set(why, err, "cannot mount on %s: %s", path, said[0] ? said : strerror(-err));
	return err;
}

/* The first answer says that the threads are at work. */
static int mount_probe(const char *path, struct why *why)
{
	struct stat st;

	return stat(path, &st) ? why_set(why, -errno, "mounted on %s, but it does not answer: %s",
					 path, strerror(errno))
			       : 0;
}

/* Names that the host knows can be asked back from now on. */
static void files_connect(struct mount *m, struct files *files)
{
	m->notifier.files = files;
	files->ask_ctx = &m->notifier;
	files->ask = notifier_ask;
	files->ask_wait = notifier_ask_wait;
}

int mount_open(struct mount *m, struct vm *vm, const struct options *o, const char *path, struct why *why)
{
	const struct fs_options fo = {
		.uid = o->uid,
		.gid = o->gid,
		.max_read = o->max_read,
		.dev_mem = vm->region ? vm->region->path : NULL,
	};

	memset(m, 0, sizeof(*m));
	if (fs_init(&m->fs, vm, &fo))
		return why_set(why, -ENOMEM, "out of memory");
	int err = session_start(m, o, path, why);
	if (!err && vm->files.vm && keeper_start(&m->keeper, path))
		log_notice("no process to watch over this one: if it is killed, the mount may need umount -f");
	if (!err) {
		err = notifier_start(&m->notifier, m->session);
		if (err)
			why_set(why, err, "cannot start a thread: %s", strerror(-err));
	}
	if (err) {
		mount_close(m);
		return err;
	}
	vm->tasks.gone_ctx = &m->notifier;
	vm->tasks.gone = notifier_task_gone;
	vm->cache_gone_ctx = &m->notifier;
	vm->cache_gone = notifier_cache_gone;
	m->fs.notifier = &m->notifier;
	if (vm->files.vm)
		files_connect(m, &vm->files);
	return 0;
}

int mount_serve(struct mount *m, const struct options *o, const char *path, struct why *why)
{
	struct loop_options loop = o->loop;

	loop.refuses = fs_refuses;
	loop.refuses_ctx = &m->fs;
	int err = loop_start(&m->loop, m->session, &loop);

	if (err)
		return why_set(why, err, "cannot start a thread: %s", strerror(-err));
	return mount_probe(path, why);
}

void mount_close(struct mount *m)
{
	notifier_stop(&m->notifier); /* while the loop answers: the host may keep it waiting for an answer */
	if (m->loop)
		loop_stop(m->loop);
	if (m->session)
		kmsg_stop(&m->fs.kmsg);
	if (m->mounted)
		fuse_session_unmount(m->session);
	if (m->session)
		fuse_session_destroy(m->session);
	keeper_stop(&m->keeper);
	fs_fini(&m->fs);
}
