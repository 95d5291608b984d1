/* SPDX-License-Identifier: MIT */
#include "support/knob_rows.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 7

static const char *tables_dir(char *buf, size_t len)
{
	const char *root = getenv("SRCDIR");
	snprintf(buf, len, "%s/tests/oracle/knobs", root ? root : ".");
	return buf;
}

FILE *knob_rows_open(const char *name)
{
	char dir[512], path[1024];
	snprintf(path, sizeof(path), "%s/%s", tables_dir(dir, sizeof(dir)), name);
	return fopen(path, "r");
}

static int is_table(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');
	return dot && !strcmp(dot, ".tsv");
}

char **knob_rows_tables(const char *kernel)
{
	char dir[512], path[600], folder[32] = "";
	struct dirent **entry;
	if (strcmp(kernel, "6.1"))
		snprintf(folder, sizeof(folder), "%s/", kernel);
	snprintf(path, sizeof(path), "%s/%s", tables_dir(dir, sizeof(dir)), folder);
	int n = scandir(path, &entry, is_table, alphasort);
	char **name = n < 0 ? NULL : calloc((size_t)n + 1, sizeof(*name));
	for (int i = 0; i < n; i++) {
		if (name && asprintf(&name[i], "%s%s", folder, entry[i]->d_name) < 0)
			name[i] = NULL;
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
	return name;
}

/* Returns the end of what it wrote to out. */
static char *unescape(const char *s, char *out)
{
	static const char from[] = "ntr\\", to[] = "\n\t\r\\";
	while (*s) {
		if (*s != '\\') {
			*out++ = *s++;
		} else if (s[1] == 'x') {
			const char hex[3] = { s[2], s[3] };
			*out++ = (char)strtoul(hex, NULL, 16);
			s += 4;
		} else {
			*out++ = to[strchr(from, s[1]) - from];
			s += 2;
		}
	}
	return out;
}

/* "<5000 bytes: SP*4998 1*1 \n*1>": SP is a blank. */
static char *unroll(char *s, char *out)
{
	for (char *run = strtok(strchr(s, ':') + 1, " >"); run; run = strtok(NULL, " >")) {
		char *star = strrchr(run, '*'), c = ' ';
		*star = '\0';
		if (strcmp(run, "SP"))
			unescape(run, &c);
		size_t n = strtoul(star + 1, NULL, 10);
		memset(out, c, n);
		out += n;
	}
	return out;
}

static bool row_parse(struct knob_row *row)
{
	char *column[COLUMNS] = { NULL };
	unsigned n = 0;

	row->line[strcspn(row->line, "\n")] = '\0';
	for (char *p = row->line; p && n < COLUMNS;)
		column[n++] = strsep(&p, "\t");
	if (*row->line == '#' || n < 6)
		return false;
	row->path = column[0] + 1;
	row->test = column[1];
	row->how = column[2];
	/* the first run of the tables did not know this errno by name */
	row->result = strcmp(column[4], "E17") ? column[4] : "EEXIST";
	row->same = n == COLUMNS && !strcmp(column[6], "same");
	char *end = strstr(column[3], " bytes: ") ? unroll(column[3], row->input)
						  : unescape(column[3], row->input);
	row->len = (size_t)(end - row->input);
	*unescape(column[5], row->value) = '\0';
	return true;
}

bool knob_rows_next(FILE *f, struct knob_row *row)
{
	memset(row, 0, sizeof(*row));
	while (fgets(row->line, sizeof(row->line), f))
		if (row_parse(row) && strcmp(row->result, "NOT-TRIED") && strcmp(row->test, "(final)"))
			return true;
	return false;
}

bool knob_row_saturates(const struct knob_row *row)
{
	unsigned long long asked = strtoull(row->input, NULL, 10);
	return strstr(row->path, "/nr_hugepages") && asked > 10 &&
	       asked > strtoull(row->value, NULL, 10) && *row->result != 'E';
}

const char *errno_name(int error)
{
	const char *name = strerrorname_np(error);
	return name ? name : "unknown errno";
}
