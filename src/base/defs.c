/* SPDX-License-Identifier: MIT */
#include "base/defs.h"

#include <unistd.h>

_Noreturn void assert_failed(const char *cond, const char *file, int line)
{
	dprintf(STDERR_FILENO, "ummfs: %s:%d: this should be impossible: not (%s)\n", file, line, cond);
	abort();
}
