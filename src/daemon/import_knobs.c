/* SPDX-License-Identifier: MIT */
/*
 * proc/sys/vm: one value for each file. A support archive has no such files
 * but the output of sysctl -a, where the same values stand as "vm.NAME = VALUE".
 */
#include "daemon/import_capture.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

const char *cap_knob_value(const struct capture *c, const char *name)
{
	for (unsigned i = 0; i < c->nr_knobs; i++)
		if (!strcmp(c->knob[i].name, name))
			return c->knob[i].value;
	return NULL;
}

static int knob_add(struct capture *c, const char *name, const char *value)
{
	if (cap_grow((void **)&c->knob, &c->cap_knobs, c->nr_knobs, sizeof(*c->knob)))
		return -ENOMEM;
	struct cap_knob k = { mem_strdup(name), mem_strdup(value) };
	if (!k.name || !k.value) {
		mem_free(k.name);
		mem_free(k.value);
		return -ENOMEM;
	}
	c->knob[c->nr_knobs++] = k;
	return 0;
}

struct listing { /* of proc/sys/vm */
	struct capture *c;
	struct why *why;
};

/* Files whose reading asks for work are not read: stat_refresh of a live machine would do it. */
static int knob_file(void *ctx, const char *name, bool is_dir)
{
	const struct listing *l = ctx;
	char path[320], value[256];
	if (is_dir || *name == '.' || !strcmp(name, "stat_refresh") ||
	    !strcmp(name, "compact_memory") || !strcmp(name, "drop_caches"))
		return 0;
	if ((size_t)snprintf(path, sizeof(path), "proc/sys/vm/%s", name) >= sizeof(path))
		return 0;
	int error = cap_first_line(l->c, path, value, sizeof(value), l->why);
	if (error)
		return error == -ENOENT ? 0 : error;
	return knob_add(l->c, name, value);
}

static int directory_read(struct capture *c, struct why *why)
{
	struct listing l = { c, why };
	return input_list(c->input, "proc/sys/vm", knob_file, &l);
}

static int sysctl_line(struct capture *c, char *line)
{
	char *equals = strstr(line, " = ");
	if (strncmp(line, "vm.", 3) || !equals)
		return 0;
	*equals = 0;
	return knob_add(c, line + 3, equals + 3);
}

static int sysctl_read(struct capture *c, struct why *why)
{
	struct cap_file f;
	int error = cap_open(&f, c, "sos_commands/kernel/sysctl_-a", why);
	if (error)
		return error == -ENOENT ? 0 : error;
	for (char *line; !error && (line = cap_line(&f));)
		error = sysctl_line(c, line);
	cap_close(&f);
	return error;
}

int cap_read_knobs(struct capture *c, struct why *why)
{
	int error = directory_read(c, why);
	if (error || c->nr_knobs)
		return error;
	error = sysctl_read(c, why);
	if (error)
		return error;
	if (c->nr_knobs)
		cap_note(c, NOTE_MISSING, "proc/sys/vm",
			 "proc/sys/vm: not there; knobs are from sos_commands/kernel/sysctl_-a");
	else
		cap_note(c, NOTE_MISSING, "proc/sys/vm",
			 "proc/sys/vm: not there; knobs have the values of a machine that just booted");
	return 0;
}
