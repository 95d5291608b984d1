/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_BYTES 2048

/* Set once, before there are threads. */
static bool goes_to_syslog;
static bool shows_debug;

void log_open(bool to_syslog, bool debug)
{
	goes_to_syslog = to_syslog;
	shows_debug = debug;
	if (to_syslog)
		openlog("ummfs", LOG_PID, LOG_DAEMON);
}

/* A name from outside may hold a newline; it must not make a second message. */
static void one_line(char *s)
{
	for (; *s; s++)
		if (*s == '\n' || *s == '\r')
			*s = ' ';
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list args;

	if (level == LOG_LEVEL_DEBUG && !shows_debug)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	one_line(line);

	if (goes_to_syslog)
		syslog((int)level, "%s", line);
	else if (isatty(STDERR_FILENO))
		dprintf(STDERR_FILENO, "ummfs: %s\n", line);
	else
		dprintf(STDERR_FILENO, "<%d>ummfs: %s\n", (int)level, line);
}

/* A word of some file may be quoted in it: no byte of that starts a line or speaks to the terminal. */
static void line_clean(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

int why_set(struct why *w, int error, const char *fmt, ...)
{
	va_list args;

	if (w->text[0])
		return error;
	va_start(args, fmt);
	vsnprintf(w->text, sizeof(w->text), fmt, args);
	va_end(args);
	line_clean(w->text);
	return error;
}
