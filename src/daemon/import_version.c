/* SPDX-License-Identifier: MIT */
/*
 * Which kernel a state is from. proc/version is believed when it names a kernel
 * that is known line by line, or one too old to be any of those; for releases
 * between them, and without the file, the lines that zoneinfo has tell which
 * known kernel the state looks like.
 */
#include "daemon/import_capture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* "Linux version 6.1.0-50-amd64 (...", or of uname -a, "Linux HOST 6.1.0-50-amd64 ...": major and minor. */
static bool release_read(const struct capture *c, unsigned *major, unsigned *minor, int *error,
			 struct why *why)
{
	static const struct {
		const char *path, *format;
	} from[] = { { "proc/version", "Linux version %u.%u" },
		     { "sos_commands/kernel/uname_-a", "Linux %*s %u.%u" } };
	char line[512];
	for (unsigned i = 0; i < ARRAY_LEN(from); i++) {
		*error = cap_first_line(c, from[i].path, line, sizeof(line), why);
		if (!*error && sscanf(line, from[i].format, major, minor) == 2)
			return true;
		if (*error && *error != -ENOENT)
			return false;
		*error = 0;
	}
	return false;
}

static const struct kernel_version *version_by_lines(const struct capture *c)
{
	enum kernel k = KERNEL_6_1;
	if (c->promo_lines)
		k = KERNEL_6_12;
	else if (!c->boost_lines)
		k = c->node_blocks ? KERNEL_5_10 : KERNEL_3_10;
	return &kernel_versions[k];
}

void cap_version_set(struct capture *c, bool known, unsigned major, unsigned minor)
{
	char name[32];
	snprintf(name, sizeof(name), "%u.%u", major, minor);
	const struct kernel_version *named = known ? kernel_version_of(major, minor) : NULL;
	c->version = version_by_lines(c);
	bool bare = c->version->kernel == KERNEL_3_10; /* no such lines yet, but not that old */
	if (known && (kernel_version_find(name) || !named->captured || bare))
		c->version = named;
	if (!known || strcmp(name, c->version->name))
		cap_note(c, NOTE_GUESSED, "kernel", "%s%s; behaves as %s",
			 known ? "kernel " : "no proc/version", known ? name : "", c->version->name);
}

int cap_read_version(struct capture *c, struct why *why)
{
	unsigned major = 0, minor = 0;
	int error;
	bool known = release_read(c, &major, &minor, &error, why);
	if (!error)
		cap_version_set(c, known, major, minor);
	return error;
}
