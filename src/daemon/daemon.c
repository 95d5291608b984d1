/* SPDX-License-Identifier: MIT */
#include "daemon/daemon.h"

#include "daemon/background.h"
#include "daemon/mount.h"
#include "daemon/mountpoint.h"
#include "daemon/options.h"
#include "daemon/state.h"
#include "fs/state.h"
#include "vm/vm_verify.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

/*
 * Order of the start: look at the mount point, fork, boot, mount, threads,
 * "ready". Everything that can fail does so while somebody still waits for the
 * answer. Afterwards this thread only waits for signals and for the mount to
 * go; requests are answered by the loop's threads.
 */

#ifndef UMMFS_VERSION
#define UMMFS_VERSION "0.1"
#endif

static const char help_text[] =
	"usage: ummfs [SOURCE] MOUNTPOINT [-c FILE | --from STATE] [-o OPT[,OPT...]] [-f] [-d] [-s]\n"
	"       ummfs --check (-c FILE | --from STATE)\n"
	"       ummfs --dump DIR (-c FILE | --from STATE)\n"
	"\n"
	"Mounts an emulated machine whose memory manager shows itself as /proc and /sys files.\n"
	"\n"
	"  SOURCE            a configuration (file) or a state (directory, tar); \"none\": the default machine\n"
	"  -c, --config FILE the machine to boot (default: /etc/ummfs.conf, else a built-in one)\n"
	"      --from STATE  boot the state in STATE: a directory (\"/\": this machine) or tar with proc/ and sys/,\n"
	"                    or a kernel log with a Mem-Info block; \"-\": tar or log on standard input\n"
	"      --check       read it, say what was found, guessed and corrected; mount nothing\n"
	"      --dump DIR    write the whole tree as plain files below DIR; mount nothing\n"
	"  -o backing=hugetlb|thp|sparse|auto   where memory comes from\n"
	"  -o limit=SIZE     how much host memory thp and sparse may use\n"
	"  -o reserve        raise the host's huge page pool by what is missing, and give it back at the end\n"
	"  -o strict         refuse a state whose files contradict each other\n"
	"  -o deterministic,seed=N              the same writes give the same bytes\n"
	"  -o slab_debug[=FLAGS[\\,CACHE...]]    watch over objects, as the kernel's parameter\n"
	"  -o source=DIR     what files/ shows and writes back to; none: memory only (default: a private folder)\n"
	"  -o uid=N,gid=N    owner of the files;  -o allow_other, -o private: who may use the mount\n"
	"  -o workers=N      threads that receive requests at the same time (default 2)\n"
	"  -f                stay in the foreground, log to standard error\n"
	"  -d                as -f, and show every request\n"
	"  -s                one thread\n"
	"  -V, -h            version, this text\n"
	"\n"
	"umount MOUNTPOINT (or fusermount3 -u MOUNTPOINT) ends it. See ummfs(8) and ummfs.conf(5).\n";

static int fail(const struct why *why, int status)
{
	fprintf(stderr, "ummfs: %s\n", why->text);
	return status;
}

/* ---- Signals ---- */

static int signals_open(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL); /* before there are threads: they inherit it */
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void reload(struct vm *vm, const struct boot_options *o)
{
	struct why why = { "" };

	if (boot_reload(vm, o, &why))
		log_err("SIGHUP: %s", why.text);
	else
		log_info("SIGHUP: [vm] read again");
}

/* false: the signal asks to end. */
static bool signal_serve(struct vm *vm, const struct options *o, int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return true;
	switch (info.ssi_signo) {
	case SIGHUP:
		reload(vm, &o->boot);
		return true;
	case SIGUSR1:
		state_log(vm);
		return true;
	default:
		log_info("%s: unmounting", strsignal((int)info.ssi_signo));
		return false;
	}
}

/* A byte: whoever holds the other end leaves, and we stay. The end without one: so do we. */
static bool lifeline_holds(struct pollfd *p)
{
	char byte;
	ssize_t n = read(p->fd, &byte, 1);

	if (n > 0)
		p->fd = -1;
	else if (!n || errno != EINTR)
		return false;
	return true;
}

enum serve_end { ENDED_SIGNAL, ENDED_UNMOUNT, ENDED_LIFELINE };

static enum serve_end serve(struct vm *vm, const struct options *o, int signal_fd, int end_fd)
{
	struct pollfd p[3] = { { .fd = signal_fd, .events = POLLIN },
			       { .fd = end_fd, .events = POLLIN },
			       { .fd = o->lifeline_fd, .events = POLLIN } };

	for (;;) {
		if (poll(p, 3, -1) < 0)
			continue;
		if (p[0].revents && !signal_serve(vm, o, signal_fd))
			return ENDED_SIGNAL;
		if (p[1].revents) {
			log_info("unmounted");
			return ENDED_UNMOUNT;
		}
		if (p[2].revents && !lifeline_holds(&p[2])) {
			log_info("the process that this mount was for has ended: unmounting");
			return ENDED_LIFELINE;
		}
	}
}

/* ---- One machine ---- */

/* The first line is the summary; of the others, which are for --check, what was changed is worth a line. */
static void report_log(struct booted *b)
{
	char *copy = strdup(text_cstr(&b->report)), *rest = copy;
	const char *line = copy ? strtok_r(copy, "\n", &rest) : NULL;

	if (line)
		log_info("%s", line);
	while (line && (line = strtok_r(NULL, "\n", &rest)))
		if (!strncmp(line, "corrected: ", 11))
			log_notice("%s", line);
	free(copy);
}

static void announce(struct booted *b, struct background *bg, const char *path)
{
	char state[64];

	snprintf(state, sizeof(state), "READY=1\nMAINPID=%d", (int)getpid());
	service_notify(state);
	background_ready(bg);
	report_log(b);
	log_info("mounted on %s, memory from %s", path,
		 b->has_region ? backing_name[b->region.backing] : "nowhere");
}

/* Debug builds end with a look at everything: whatever a test did to the machine, it must add up. */
static int machine_check(struct vm *vm, struct why *why)
{
#ifdef UMMFS_DEBUG
	struct text found;

	text_init(&found, 0);
	unsigned findings = vm_verify(vm, &found);
	if (findings)
		log_err("the machine does not add up: %s", text_cstr(&found));
	text_fini(&found);
	return findings ? why_set(why, -EIO, "the machine does not add up in %u places: see the log", findings)
			: 0;
#else
	(void)vm;
	(void)why;
	return 0;
#endif
}

static int machine_serve(struct booted *b, const struct options *o, struct background *bg,
			 const char *path, struct why *why)
{
	struct mount m;
	enum serve_end end = ENDED_SIGNAL;
	int signal_fd = signals_open();
	int err = signal_fd < 0 ? why_set(why, -errno, "signalfd: %s", strerror(errno)) : 0;

	if (!err)
		err = mount_open(&m, &b->vm, o, path, why);
	if (err)
		return err;
	err = vm_start(&b->vm);
	if (err)
		why_set(why, err, "cannot start a thread: %s", strerror(-err));
	else
		err = mount_serve(&m, o, path, why);
	if (!err) {
		announce(b, bg, path);
		end = serve(&b->vm, o, signal_fd, loop_end_fd(m.loop));
		service_notify("STOPPING=1");
	}
	mount_close(&m);
	if (!err)
		err = machine_check(&b->vm, why);
	if (end == ENDED_LIFELINE)
		rmdir(path); /* made for us; nobody else is left to remove it */
	boot_fini(b); /* its threads know the mount */
	close(signal_fd);
	return err;
}

/* A process in tasks/NAME/procs is a file descriptor; the usual 1024 are few. */
static void descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int run_mount(const struct options *o, struct why *why)
{
	struct background bg = { -1 };
	struct booted b;

	log_open(!o->foreground, o->debug); /* standard error is for the one line that says what failed */
	char *path = mountpoint_prepare(o->mountpoint, why);
	if (!path)
		return 1;
	int err = o->foreground ? 0 : background_enter(&bg);
	if (err)
		why_set(why, err, "cannot start a process: %s", strerror(-err));
	descriptors_raise();
	if (!err)
		err = boot_machine(&b, &o->boot, why);
	if (!err) {
		err = machine_serve(&b, o, &bg, path, why);
		boot_fini(&b);
	}
	free(path);
	return err ? 1 : 0;
}

static int run_check(struct options *o, struct why *why)
{
	struct booted b;

	o->boot.no_region = true;
	if (boot_machine(&b, &o->boot, why))
		return 1;
	fputs(text_cstr(&b.report), stdout);
	boot_fini(&b);
	return 0;
}

static int tree_dump(struct vm *vm, const struct options *o, struct why *why)
{
	const struct fs_options fo = { .uid = o->uid, .gid = o->gid };
	struct fs fs;
	struct state s;

	if (fs_init(&fs, vm, &fo))
		return why_set(why, -ENOMEM, "out of memory");
	int err = state_collect(&s, &fs, 0);
	if (err)
		why_set(why, err, "cannot render the tree: %s", strerror(-err));
	else
		err = state_dump(&s, o->dump, why);
	state_fini(&s);
	fs_fini(&fs);
	return err;
}

static int run_dump(struct options *o, struct why *why)
{
	struct booted b;

	o->boot.no_region = true;
	if (boot_machine(&b, &o->boot, why))
		return 1;
	int err = tree_dump(&b.vm, o, why);
	boot_fini(&b);
	return err ? 1 : 0;
}

static int run(struct options *o, struct why *why)
{
	switch (o->action) {
	case ACTION_HELP:
		fputs(help_text, stdout);
		return 0;
	case ACTION_VERSION:
		printf("ummfs %s, libfuse %s\n", UMMFS_VERSION, fuse_pkgversion());
		return 0;
	case ACTION_CHECK:
		return run_check(o, why);
	case ACTION_NOTHING:
		return 0;
	case ACTION_DUMP:
		return run_dump(o, why);
	default:
		return run_mount(o, why);
	}
}

int daemon_run(int argc, char **argv)
{
	struct options o;
	struct why why = { "" };
	int err = options_parse(&o, argc, argv, &why);
	int status = err == -EINVAL ? 2 : err ? 1 : run(&o, &why);

	options_fini(&o);
	return status ? fail(&why, status) : 0;
}
