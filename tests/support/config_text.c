/* SPDX-License-Identifier: MIT */
#include "support/config_text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void replace_name(struct why *why, const char *name)
{
	size_t len = strlen(name);
	for (char *at; (at = strstr(why->text, name));) {
		memcpy(at, "FILE", 4);
		memmove(at + 4, at + len, strlen(at + len) + 1);
	}
}

int config_text_read(struct config *c, const char *text, size_t len, struct why *why)
{
	char name[] = "/tmp/ummfs-config-XXXXXX";
	int fd = mkstemp(name);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
	*why = (struct why){ "" };
	int error = config_read(c, name, why);
	unlink(name);
	replace_name(why, name);
	return error;
}

void config_text_good(struct config *c, const char *text)
{
	struct why why;
	int error = config_text_read(c, text, strlen(text), &why);
	assert_string_equal(why.text, "");
	assert_int_equal(error, 0);
}

void config_text_bad(const char *text, const char *want)
{
	struct config c;
	struct why why;
	int error = config_text_read(&c, text, strlen(text), &why);
	assert_string_equal(why.text, want);
	assert_int_equal(error, -EINVAL);
	assert_null(c.path);
}

void config_shipped(struct config *c, const char *name)
{
	struct why why = { "" };
	char path[512];
	const char *root = getenv("SRCDIR");
	snprintf(path, sizeof(path), "%s/conf/%s", root ? root : ".", name);
	int error = config_read(c, path, &why);
	assert_string_equal(why.text, "");
	assert_int_equal(error, 0);
}

const char *zone_numbers(const struct config *c, unsigned node, unsigned type)
{
	static char line[128];
	const struct zone_spec *z = &c->spec.node[node].zone[type];
	snprintf(line, sizeof(line), "%lu %lu %lu %lu", (unsigned long)z->start_pfn,
		 (unsigned long)z->spanned, (unsigned long)z->present, (unsigned long)z->managed);
	return line;
}
