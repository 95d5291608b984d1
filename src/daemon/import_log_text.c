/* SPDX-License-Identifier: MIT */
/*
 * Prefixes are taken off from the left, one after the other, until nothing
 * known is in front any more: programs add theirs before what another one had
 * added. Each is told by its own marks only, so that a line without any stays.
 */
#include "daemon/import_log_text.h"

#include <ctype.h>
#include <string.h>

#define PREFIX_MAX 160u /* "kernel:" further right is somebody's text */
#define BRACKET_MAX 48u

/* "[   15.313684]", "[  123.4][  T17]", "[Sat Nov 22 00:25:00 2026]": something numeric in brackets. */
static char *skip_bracket(char *p)
{
	if (*p != '[')
		return p;
	size_t len = strcspn(p, "]");
	bool digit = false, other = false;
	if (!p[len] || len > BRACKET_MAX)
		return p;
	for (size_t i = 1; i < len; i++) {
		digit |= isdigit((unsigned char)p[i]) != 0;
		other |= !isalnum((unsigned char)p[i]) && !strchr(" .:,+-", p[i]);
	}
	p += len + 1;
	if (!digit || other)
		return p - len - 1;
	return p + (*p == ' ');
}

/* "<4>" */
static char *skip_level(char *p)
{
	if (*p != '<' || !isdigit((unsigned char)p[1]))
		return p;
	char *end = p + 1 + strspn(p + 1, "0123456789");
	return *end == '>' ? end + 1 : p;
}

/* "4,1234,15313684,-;" and, with the caller's number, "4,1234,15313684,-,caller=T1;" */
static char *skip_record(char *p)
{
	char *q = p;
	for (unsigned field = 0; field < 3; field++) {
		size_t len = strspn(q, "0123456789");
		if (!len || q[len] != ',')
			return p;
		q += len + 1;
	}
	char *end = strchr(q, ';');
	return end && end - q < 32 ? end + 1 : p;
}

/* "kern  :warn  : " of dmesg -x, "Nov 22 00:25:00 host kernel: " of the rest. */
static char *skip_names(char *p)
{
	if (!strncmp(p, "kern ", 5)) {
		char *end = strchr(p, ':');
		end = end ? strchr(end + 1, ':') : NULL;
		if (end && end - p < 24)
			return end + 1 + (end[1] == ' ');
	}
	char *found = strstr(p, "kernel: ");
	return found && found - p < (int)PREFIX_MAX ? found + strlen("kernel: ") : p;
}

char *log_line_text(char *line)
{
	char *before;
	size_t len = strlen(line);
	while (len && isspace((unsigned char)line[len - 1]))
		line[--len] = 0;
	do {
		before = line;
		line = skip_level(line);
		line = skip_record(line);
		line = skip_names(line);
		line = skip_bracket(line);
	} while (line != before);
	return line + strspn(line, " \t");
}

char *log_piece(char **rest)
{
	char *piece = *rest;
	if (!piece)
		return NULL;
	char *end = strstr(piece, "\\x0a");
	*rest = end ? end + 4 : NULL;
	if (end)
		*end = 0;
	return piece + strspn(piece, " \t");
}
