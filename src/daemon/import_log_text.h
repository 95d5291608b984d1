/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_IMPORT_LOG_TEXT_H
#define DAEMON_IMPORT_LOG_TEXT_H

/* Lines of a kernel's log, whoever kept it: what the kernel said, without what was put in front of it. */

#include "base/defs.h"

/*
 * The kernel's words of one line: without the time and level of dmesg, the
 * record header of /dev/kmsg, date, host and "kernel:" of journald and syslog.
 * Cuts white space off the end.
 */
char *log_line_text(char *line);

/* A record of /dev/kmsg writes newlines as "\x0a". The next piece of the text; NULL: no more. */
char *log_piece(char **rest);

#endif
