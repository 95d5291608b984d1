/* SPDX-License-Identifier: MIT */
#include "run/args.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

/* Options end at the first word that is none: what follows belongs to the command. */

static const struct option long_options[] = {
	{ "mountpoint", required_argument, NULL, 'm' },
	{ "config", required_argument, NULL, 'c' },
	{ "from", required_argument, NULL, 'F' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "proc", no_argument, NULL, 'P' },
	{ 0 },
};

static int once(const char **slot, struct why *why)
{
	if (*slot)
		return why_set(why, -EINVAL, "given twice: %s (see ummfs-run --help)", optarg);
	*slot = optarg;
	return 0;
}

static int option_add(struct run_args *a, struct why *why)
{
	if (a->nr_options == RUN_OPTIONS_MAX)
		return why_set(why, -EINVAL, "more than %d times -o: join them with commas", RUN_OPTIONS_MAX);
	a->option[a->nr_options++] = optarg;
	return 0;
}

static int letter_parse(struct run_args *a, int letter, struct why *why)
{
	switch (letter) {
	case 'm':
		return once(&a->mountpoint, why);
	case 'c':
		return once(&a->config, why);
	case 'F':
		return once(&a->from, why);
	case 'o':
		return option_add(a, why);
	case 'P':
		a->all_proc = true;
		return 0;
	case 'V':
		a->action = RUN_VERSION;
		return 0;
	default:
		a->action = RUN_HELP;
		return 0;
	}
}

static int args_check(const struct run_args *a, struct why *why)
{
	if (a->config && a->from)
		return why_set(why, -EINVAL, "-c and --from exclude each other");
	if (a->mountpoint && (a->config || a->from || a->nr_options))
		return why_set(why, -EINVAL,
			       "-m uses a machine that is mounted: -c, --from and -o do not go with it");
	if (!a->command[0])
		return why_set(why, -EINVAL, "the command is missing (see ummfs-run --help)");
	return 0;
}

int run_args_parse(struct run_args *a, int argc, char **argv, struct why *why)
{
	int letter, err = 0;

	memset(a, 0, sizeof(*a));
	optind = 0; /* again from the start, for tests */
	while (!err && (letter = getopt_long(argc, argv, "+:m:c:o:hV", long_options, NULL)) != -1) {
		const char *arg = optind > 0 && argv[optind - 1] ? argv[optind - 1] : "";
		if (letter == '?')
			return why_set(why, -EINVAL, "unknown option %s (see ummfs-run --help)", arg);
		if (letter == ':')
			return why_set(why, -EINVAL, "an argument is missing after %s", arg);
		err = letter_parse(a, letter, why);
	}
	a->command = argv + optind;
	return err || a->action != RUN_COMMAND ? err : args_check(a, why);
}
