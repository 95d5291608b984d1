/* SPDX-License-Identifier: MIT */
#include "support/knob_listed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LINES_MAX 16
#define LIST_MARK "tests/oracle reads the .It lines"

static struct listed {
	char file[96], kernel[16], test[96]; /* kernel "": any */
	bool seen;
} listed[LINES_MAX];
static unsigned nr_listed;

/* ".It Li FILE : TEST", ".It Li FILE (KERNEL) : TEST" */
static bool line_take(char *line, struct listed *l)
{
	char *test = strstr(line, " : ");
	if (strncmp(line, ".It Li ", 7) || !test)
		return false;
	*test = '\0';
	char *paren = strstr(line, " (");
	if (paren) {
		*paren = '\0';
		snprintf(l->kernel, sizeof(l->kernel), "%.*s", (int)strcspn(paren + 2, ")"), paren + 2);
	}
	snprintf(l->file, sizeof(l->file), "%.*s", (int)sizeof(l->file) - 1, line + 7);
	snprintf(l->test, sizeof(l->test), "%.*s", (int)strcspn(test + 3, "\n"), test + 3);
	return true;
}

void knob_listed_read(void)
{
	const char *root = getenv("SRCDIR");
	char path[512], line[512];
	bool inside = false;
	snprintf(path, sizeof(path), "%s/man/ummfs.8", root ? root : ".");
	FILE *f = fopen(path, "r");
	if (!f)
		fail_msg("%s cannot be read", path);
	memset(listed, 0, sizeof(listed));
	nr_listed = 0;
	while (fgets(line, sizeof(line), f)) {
		inside |= strstr(line, LIST_MARK) != NULL;
		if (inside && !strncmp(line, ".El", 3))
			break;
		if (!inside || strncmp(line, ".It ", 4))
			continue;
		assert_true(nr_listed < LINES_MAX);
		if (!line_take(line, &listed[nr_listed++]))
			fail_msg("%s: \"%s\" names no row", path, line);
	}
	fclose(f);
	assert_true(nr_listed > 0);
}

static bool file_agrees(const struct listed *l, const struct knob_row *row)
{
	if (!strcmp(l->file, "any text"))
		return !strncmp(row->path, "proc/", 5) && !strchr(row->path + 5, '/');
	return strstr(row->path, l->file) != NULL;
}

static bool test_agrees(const struct listed *l, const struct knob_row *row)
{
	if (!strcmp(l->test, "more than fit"))
		return knob_row_saturates(row);
	return !strcmp(l->test, row->test);
}

bool knob_listed(const char *kernel, const struct knob_row *row)
{
	for (struct listed *l = listed; l < listed + nr_listed; l++) {
		if ((*l->kernel && strcmp(l->kernel, kernel)) || !file_agrees(l, row) ||
		    !test_agrees(l, row))
			continue;
		l->seen = true;
		return true;
	}
	return false;
}

unsigned knob_listed_lines(void)
{
	return nr_listed;
}

unsigned knob_listed_unseen(void)
{
	unsigned unseen = 0;
	for (const struct listed *l = listed; l < listed + nr_listed; l++) {
		if (l->seen)
			continue;
		print_error("ummfs(8) lists \"%s : %s\", and no such row differs\n", l->file, l->test);
		unseen++;
	}
	return unseen;
}
