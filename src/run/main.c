/* SPDX-License-Identifier: MIT */
#include "run/args.h"
#include "run/command.h"
#include "run/machine.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * ummfs-run: an unmodified program with the files of a machine in place of the
 * host's. With -m the machine is there already; without, it is mounted for
 * this one command.
 */

#ifndef UMMFS_VERSION
#define UMMFS_VERSION "0.1"
#endif

static const char help_text[] =
	"usage: ummfs-run [-m MOUNTPOINT | -c FILE | --from STATE] [-o OPT[,OPT...]] [--proc] [--] COMMAND...\n"
	"\n"
	"Runs COMMAND with the /proc and /sys files of an emulated machine bound over the host's, in a mount\n"
	"namespace of its own, as root or as an ordinary user. Without -m a machine is mounted for this command\n"
	"and taken away afterwards. The status is the command's.\n"
	"\n"
	"  -m, --mountpoint DIR  use the machine that is mounted there\n"
	"  -c, --config FILE     the machine to mount (default: /etc/ummfs.conf, else a built-in one)\n"
	"      --from STATE      boot the state below STATE: a directory with proc/ and sys/\n"
	"  -o OPT[,OPT...]       mount options for ummfs\n"
	"      --proc            the whole of /proc is the machine's, with its tasks as the processes\n"
	"  -V, -h                version, this text\n"
	"\n"
	"The command finds the mount itself in $UMMFS_MOUNTPOINT. See ummfs-run(1).\n";

static void complain(const struct why *why)
{
	if (why->text[0]) /* else ummfs has said it */
		fprintf(stderr, "ummfs-run: %s\n", why->text);
}

static int run_ephemeral(const struct run_args *a, const sigset_t *before)
{
	struct machine_mount m;
	struct why why = { "" };
	int status = STATUS_FAILED;

	if (machine_mount(&m, a, &why))
		complain(&why);
	else
		status = command_run(m.dir, a->all_proc, a->command, before);
	machine_unmount(&m);
	return status;
}

static int run_mounted(const struct run_args *a, const sigset_t *before)
{
	struct why why = { "" };
	char *path = realpath(a->mountpoint, NULL);
	if (!path) {
		why_set(&why, -errno, "%s: %s", a->mountpoint, strerror(errno));
		complain(&why);
		return STATUS_FAILED;
	}
	int status = command_run(path, a->all_proc, a->command, before);
	free(path);
	return status;
}

int main(int argc, char **argv)
{
	struct run_args a;
	struct why why = { "" };
	sigset_t before;

	if (run_args_parse(&a, argc, argv, &why)) {
		complain(&why);
		return 2;
	}
	if (a.action == RUN_HELP) {
		fputs(help_text, stdout);
		return 0;
	}
	if (a.action == RUN_VERSION) {
		printf("ummfs-run %s\n", UMMFS_VERSION);
		return 0;
	}
	signals_hold(&before);
	return a.mountpoint ? run_mounted(&a, &before) : run_ephemeral(&a, &before);
}
