/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_STATE_H
#define DAEMON_STATE_H

/* What the machine looks like now, in a few lines for the log (SIGUSR1). */

#include "base/text.h"
#include "vm/vm.h"

void state_print(struct text *t, const struct vm *vm);
void state_log(const struct vm *vm);

#endif
