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

/* "Linux version 6.1.0-50-amd64 (...": major and minor. */
static bool release_read(const struct capture *c, unsigned *major, unsigned *minor, int *error,
			 struct why *why)
{
	char line[512];
	*error = cap_first_line(c, "proc/version", line, sizeof(line), why);
	if (*error == -ENOENT)
		*error = 0;
	else if (!*error)
		return sscanf(line, "Linux version %u.%u", major, minor) == 2;
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

int cap_read_version(struct capture *c, struct why *why)
{
	unsigned major = 0, minor = 0;
	int error;
	bool known = release_read(c, &major, &minor, &error, why);
	if (error)
		return error;
	char name[32];
	snprintf(name, sizeof(name), "%u.%u", major, minor);
	const struct kernel_version *named = known ? kernel_version_of(major, minor) : NULL;
	c->version = version_by_lines(c);
	if (known && (kernel_version_find(name) || !named->captured))
		c->version = named;
	else if (known && c->version->kernel == KERNEL_3_10) /* no such lines yet, but not that old */
		c->version = named;
	if (!known || strcmp(name, c->version->name))
		cap_note(c, NOTE_GUESSED, "kernel", "%s%s; behaves as %s",
			 known ? "kernel " : "no proc/version", known ? name : "", c->version->name);
	return 0;
}
