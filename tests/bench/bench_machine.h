/* SPDX-License-Identifier: MIT */
#ifndef BENCH_BENCH_MACHINE_H
#define BENCH_BENCH_MACHINE_H

/* Machines for benchmarks that need no mount, from the words of a configuration. */

#include "daemon/config.h"

/* A file with that text, path until it is closed. Returns its descriptor; exits when there is no room. */
int bench_config_file(const char *text, char path[32]);
/* Exits when the text is no machine. config_fini ends it. */
void bench_config(struct config *c, const char *text);

#endif
