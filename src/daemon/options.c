/* SPDX-License-Identifier: MIT */
#include "daemon/options.h"

#include "base/mem.h"
#include "base/parse.h"
#include "daemon/import_tar.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Letters, long options and the two positions. -o is taken apart in
 * mount_options.c. Paths become absolute here, for the daemon leaves its
 * directory, and SIGHUP reads the configuration again later.
 */

static int usage(struct why *why, const char *text, const char *arg)
{
	return why_set(why, -EINVAL, "%s%s (see ummfs --help)", text, arg);
}

/* -o a,b\,c,d: a comma that belongs to a value has a backslash before it. */
static int mount_options_parse(struct options *o, char *list, struct why *why)
{
	int err = 0;

	while (list && !err) {
		char *word = list, *to = list;
		while (*list && *list != ',') {
			if (*list == '\\' && list[1])
				list++;
			*to++ = *list++;
		}
		list = *list ? list + 1 : NULL;
		*to = '\0';
		if (*word)
			err = mount_option_parse(o, word, why);
	}
	return err;
}

static int path_keep(char **out, const char *path, struct why *why)
{
	if (*out)
		return usage(why, "given twice: ", path);
	*out = realpath(path, NULL);
	if (!*out)
		return why_set(why, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

/* "-" is standard input. */
static int state_keep(struct options *o, const char *path, struct why *why)
{
	if (strcmp(path, "-"))
		return path_keep(&o->from, path, why);
	if (o->from)
		return usage(why, "given twice: ", path);
	o->from = strdup(path);
	return o->from ? 0 : why_set(why, -ENOMEM, "out of memory");
}

static int letter_parse(struct options *o, int letter, struct why *why)
{
	switch (letter) {
	case 'c':
		return path_keep(&o->config, optarg, why);
	case 'F':
		return state_keep(o, optarg, why);
	case 'o':
		return mount_options_parse(o, optarg, why);
	case 'f':
		o->foreground = true;
		return 0;
	case 'd':
		o->debug = o->foreground = true;
		return 0;
	case 's':
		o->loop.workers = 1;
		return 0;
	case 'C':
		o->action = ACTION_CHECK;
		return 0;
	case 'D':
		o->action = ACTION_DUMP;
		o->dump = optarg;
		return 0;
	case 'V':
		o->action = ACTION_VERSION;
		return 0;
	default:
		o->action = ACTION_HELP;
		return 0;
	}
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "from", required_argument, NULL, 'F' },
	{ "check", no_argument, NULL, 'C' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "dump", required_argument, NULL, 'D' },
	{ 0 },
};

/* mount(8) has letters of its own: sloppy, fake, no mtab, verbose, type, name space. */
static int helper_letter_parse(struct options *o, int letter, struct why *why)
{
	if (letter == 'o')
		return mount_options_parse(o, optarg, why);
	if (letter == 'f')
		o->action = ACTION_NOTHING;
	return 0;
}

static int letters_parse(struct options *o, int argc, char **argv, struct why *why)
{
	int letter, err = 0;
	const char *slash = argv[0] ? strrchr(argv[0], '/') : NULL;
	bool helper = argv[0] && !strncmp(slash ? slash + 1 : argv[0], "mount.", 6);
	const char *letters = helper ? ":o:sfnvt:N:" : ":c:o:fdshV";

	optind = 0; /* again from the start, for tests */
	while (!err && (letter = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		const char *arg = optind > 0 && argv[optind - 1] ? argv[optind - 1] : "";
		if (letter == '?')
			return usage(why, "unknown option ", arg);
		if (letter == ':')
			return usage(why, "an argument is missing after ", arg);
		err = helper ? helper_letter_parse(o, letter, why) : letter_parse(o, letter, why);
	}
	return err;
}

/* fstab needs something in its first field when the machine is the default one. */
static bool source_is_default(const char *source)
{
	return !strcmp(source, "ummfs") || !strcmp(source, "none");
}

/* A file describes a machine, a directory or a tar holds the state of one. An explicit -c or --from wins. */
static int source_use(struct options *o, const char *source, struct why *why)
{
	struct stat st;

	if (o->config || o->from || source_is_default(source))
		return 0;
	if (stat(source, &st))
		return why_set(why, -errno,
			       "%s: %s; SOURCE is a configuration file, or a directory or tar with proc/ and sys/ (or \"none\")",
			       source, strerror(errno));
	bool state = S_ISDIR(st.st_mode) || file_is_tar(source);
	return path_keep(state ? &o->from : &o->config, source, why);
}

static int positions_use(struct options *o, int nr, char **arg, struct why *why)
{
	if (o->action == ACTION_CHECK && nr)
		return usage(why, "--check mounts nothing and takes no ", arg[0]);
	if (o->action == ACTION_DUMP && nr)
		return usage(why, "--dump mounts nothing and takes no ", arg[0]);
	if (o->action != ACTION_MOUNT)
		return 0;
	if (nr < 1)
		return usage(why, "the mount point is missing", "");
	if (nr > 2)
		return usage(why, "too many arguments: ", arg[2]);
	o->mountpoint = mem_strdup(arg[nr - 1]);
	o->source = mem_strdup(nr == 2 ? arg[0] : "ummfs");
	if (!o->mountpoint || !o->source)
		return why_set(why, -ENOMEM, "out of memory");
	return nr == 2 ? source_use(o, arg[0], why) : 0;
}

int options_parse(struct options *o, int argc, char **argv, struct why *why)
{
	memset(o, 0, sizeof(*o));
	text_init(&o->fuse, 0);
	o->lifeline_fd = -1;
	o->uid = getuid();
	o->gid = getgid();
	o->loop = loop_defaults();
	int err = letters_parse(o, argc, argv, why);
	if (!err && o->action != ACTION_HELP && o->action != ACTION_VERSION)
		err = positions_use(o, argc - optind, argv + optind, why);
	if (!err && o->config && o->from)
		err = usage(why, "-c and --from exclude each other", "");
	o->boot.config = o->config;
	o->boot.from = o->from;
	return err;
}

void options_fini(struct options *o)
{
	mem_free(o->mountpoint);
	mem_free(o->source);
	mem_free(o->slab_debug);
	mem_free(o->files_source);
	free(o->config); /* realpath's */
	free(o->from);
	text_fini(&o->fuse);
}
