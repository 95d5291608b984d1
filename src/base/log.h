/* SPDX-License-Identifier: MIT */
#ifndef BASE_LOG_H
#define BASE_LOG_H

/*
 * Messages for the operator: to standard error with journald priorities
 * (<3>…<7>) when it is not a terminal, or to syslog. One line each; the text
 * names the thing, the bound and the mend.
 */

#include "base/defs.h"

enum log_level {
	LOG_LEVEL_ERR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

void log_open(bool to_syslog, bool debug); /* before it: standard error, info */
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_err(...) log_line(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * Why something failed, for one line to the user. The first failure wins:
 * later calls keep it. Returns the error so that callers can `return why(...)`.
 */
struct why {
	char text[512];
};
int why_set(struct why *w, int error, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
