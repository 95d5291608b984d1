/* SPDX-License-Identifier: MIT */
#include "daemon/options.h"

#include "base/mem.h"
#include "base/parse.h"
#include "fs/fs.h"
#include "mm/slab_debug.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/*
 * The words of -o, one row each: ours, those that libfuse and the kernel take,
 * and those that fstab and mount(8) leave in the list, which mean nothing here.
 */

enum word_arg { ARG_NONE, ARG_NEEDED, ARG_MAY };

struct word {
	const char *name;
	uint8_t arg; /* enum word_arg */
	int (*use)(struct options *o, const char *value); /* 0 or -EINVAL */
	const char *expects; /* what a good value is */
};

static int use_backing(struct options *o, const char *value)
{
	for (enum backing b = BACKING_AUTO; b <= BACKING_SPARSE; b++) {
		if (strcmp(backing_name[b], value))
			continue;
		o->boot.region.backing = b;
		o->boot.has_backing = true;
		return 0;
	}
	return -EINVAL;
}

static int use_limit(struct options *o, const char *value)
{
	o->boot.has_limit = true;
	return parse_size(value, &o->boot.region.limit_bytes);
}

static int use_reserve(struct options *o, const char *value)
{
	(void)value;
	o->boot.has_reserve = o->boot.region.reserve = true;
	return 0;
}

static int use_deterministic(struct options *o, const char *value)
{
	(void)value;
	o->boot.deterministic = true;
	return 0;
}

static int use_strict(struct options *o, const char *value)
{
	(void)value;
	o->boot.strict = true;
	return 0;
}

static int use_seed(struct options *o, const char *value)
{
	return parse_u64(value, &o->boot.seed);
}

static int parse_id(const char *value, uint32_t *id)
{
	uint64_t v;

	if (parse_u64(value, &v) || v >= UINT32_MAX)
		return -EINVAL;
	*id = (uint32_t)v;
	return 0;
}

static int use_uid(struct options *o, const char *value)
{
	return parse_id(value, &o->uid);
}

static int use_gid(struct options *o, const char *value)
{
	return parse_id(value, &o->gid);
}

static int use_workers(struct options *o, const char *value)
{
	uint64_t n;

	if (parse_u64(value, &n) || n < 1 || n > LOOP_WORKERS_MAX)
		return -EINVAL;
	o->loop.workers = (unsigned)n;
	return 0;
}

/* Kept from programs that we start. */
static int use_lifeline(struct options *o, const char *value)
{
	uint64_t fd;

	if (parse_u64(value, &fd) || fd > INT_MAX || fcntl((int)fd, F_SETFD, FD_CLOEXEC))
		return -EINVAL;
	o->lifeline_fd = (int)fd;
	return 0;
}

/* libfuse wants it in the list, and again when the session begins. */
static int use_max_read(struct options *o, const char *value)
{
	uint64_t bytes;

	if (parse_u64(value, &bytes) || bytes < PAGE_SIZE || bytes > FS_IO_BYTES_MAX)
		return -EINVAL;
	o->max_read = (unsigned)bytes;
	return 0;
}

static int use_allow_other(struct options *o, const char *value)
{
	(void)value;
	o->allow_other = true;
	return 0;
}

static int use_private(struct options *o, const char *value)
{
	(void)value;
	o->private = true;
	return 0;
}

static int use_debug(struct options *o, const char *value)
{
	(void)value;
	o->debug = o->foreground = true;
	return 0;
}

/* As the kernel's boot parameter: nothing behind the name means everything. */
static int use_slab_debug(struct options *o, const char *value)
{
	if (value && !slab_debug_valid(value))
		return -EINVAL;
	char *text = mem_strdup(value ? value : "");
	if (!text)
		return -ENOMEM;
	mem_free(o->slab_debug);
	o->slab_debug = text;
	o->boot.slab_debug = text;
	return 0;
}

/* Absolute, for the daemon leaves its directory. */
static int use_source(struct options *o, const char *value)
{
	char *path = strcmp(value, "none") ? realpath(value, NULL) : NULL;
	struct stat st;
	bool good = path ? !stat(path, &st) && S_ISDIR(st.st_mode) : !strcmp(value, "none");
	char *text = good ? mem_strdup(path ? path : value) : NULL;

	free(path);
	if (!text)
		return good ? -ENOMEM : -EINVAL;
	mem_free(o->files_source);
	o->boot.source = o->files_source = text;
	return 0;
}

static const struct word words[] = {
	{ "backing", ARG_NEEDED, use_backing, "auto, hugetlb, thp or sparse" },
	{ "limit", ARG_NEEDED, use_limit, "a size such as 8G" },
	{ "reserve", ARG_NONE, use_reserve, NULL },
	{ "deterministic", ARG_NONE, use_deterministic, NULL },
	{ "strict", ARG_NONE, use_strict, NULL },
	{ "seed", ARG_NEEDED, use_seed, "a number" },
	{ "slab_debug", ARG_MAY, use_slab_debug,
	  "FZPUTAO or - and names of caches, as FZ\\,kmalloc-*;P\\,dentry" },
	{ "slub_debug", ARG_MAY, use_slab_debug,
	  "FZPUTAO or - and names of caches, as FZ\\,kmalloc-*;P\\,dentry" },
	{ "source", ARG_NEEDED, use_source, "a directory that is there, or none" },
	{ "uid", ARG_NEEDED, use_uid, "a user number" },
	{ "gid", ARG_NEEDED, use_gid, "a group number" },
	{ "workers", ARG_NEEDED, use_workers, "1 to 8" },
	{ "max_read", ARG_NEEDED, use_max_read, "4096 to 1048576 bytes" },
	{ "allow_other", ARG_NONE, use_allow_other, NULL },
	{ "private", ARG_NONE, use_private, NULL },
	{ "lifeline", ARG_NEEDED, use_lifeline, "the number of an open file descriptor" },
	{ "debug", ARG_NONE, use_debug, NULL },
};

/* For libfuse, as they are. */
static const char *const fuse_words[] = {
	"ro",   "rw",    "nosuid",  "nodev",   "noexec",       "noatime",
	"sync", "async", "dirsync", "fsname=", "auto_unmount",
};

/* What mount(8), fstab and systemd may leave in the list. A '*' stands for any rest. */
static const char *const generic_words[] = {
	"defaults",
	"auto",
	"noauto",
	"user",
	"user=*",
	"users",
	"nouser",
	"owner",
	"group",
	"nofail",
	"_netdev",
	"x-*",
	"X-*",
	"comment=*",
	"suid",
	"dev",
	"exec",
	"atime",
	"relatime",
	"norelatime",
	"strictatime",
	"lazytime",
	"nolazytime",
	"nostrictatime",
	"diratime",
	"nodiratime",
	"mand",
	"nomand",
	"silent",
	"loud",
	"iversion",
	"noiversion",
	"context=*",
	"fscontext=*",
	"defcontext=*",
	"rootcontext=*",
	"default_permissions",
	"subtype=*",
	"uhelper=*",
	"helper=*",
};

static bool word_matches(const char *pattern, const char *word)
{
	size_t n = strcspn(pattern, "*");

	return pattern[n] == '*' ? !strncmp(pattern, word, n) : !strcmp(pattern, word);
}

static bool is_generic(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(generic_words); i++)
		if (word_matches(generic_words[i], word))
			return true;
	return false;
}

static bool is_for_fuse(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(fuse_words); i++) {
		size_t n = strlen(fuse_words[i]);
		bool takes = fuse_words[i][n - 1] == '=';
		if (takes ? !strncmp(fuse_words[i], word, n) && word[n] : !strcmp(fuse_words[i], word))
			return true;
	}
	return false;
}

/* Back into a list: what would end the word is escaped again. */
static void fuse_word_add(struct text *list, const char *word)
{
	if (list->len)
		text_char(list, ',');
	for (; *word; word++) {
		if (*word == ',' || *word == '\\')
			text_char(list, '\\');
		text_char(list, *word);
	}
}

static int word_use(struct options *o, const struct word *w, const char *value, struct why *why)
{
	if (w->arg == ARG_NONE && value)
		return why_set(why, -EINVAL, "-o %s takes no value", w->name);
	if (w->arg == ARG_NEEDED && (!value || !*value))
		return why_set(why, -EINVAL, "-o %s needs a value: %s", w->name, w->expects);
	if (w->use(o, value))
		return why_set(why, -EINVAL, "-o %s=%s: expected %s", w->name, value, w->expects);
	return 0;
}

int mount_option_parse(struct options *o, char *word, struct why *why)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i].name) == len && !memcmp(words[i].name, word, len))
			return word_use(o, &words[i], word[len] ? word + len + 1 : NULL, why);
	if (is_for_fuse(word))
		fuse_word_add(&o->fuse, word);
	else if (!is_generic(word))
		return why_set(why, -EINVAL, "unknown mount option %s (see ummfs(8))", word);
	return 0;
}
