/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_IMPORT_H
#define DAEMON_IMPORT_H

/*
 * Boot the state of another machine from its own /proc and /sys files
 * (--from). Three steps: read the files into a struct capture; derive the
 * shape of the machine; after machine_boot lay the free lists, per-CPU pages,
 * page cache, marks, counters and knobs as they were. Trust: zoneinfo for
 * sizes, buddyinfo for free blocks, pagetypeinfo to split them by type.
 */

#include "base/log.h"
#include "base/text.h"
#include "mm/spec.h"
#include "vm/vm.h"

struct capture; /* import_capture.h */

/*
 * Read STATE (a directory or a tar with proc/ and sys/ in it, or a log with a
 * Mem-Info block; "/" is this machine). 0, or -errno and why names the file and line.
 */
MUST_CHECK int import_read(struct capture **out, const char *state, struct why *why);
MUST_CHECK int import_spec(struct capture *c, struct machine_spec *spec, struct why *why);
/* After vm_boot(spec), before vm_start: everything else. */
MUST_CHECK int import_apply(struct capture *c, struct vm *vm, struct why *why);
/* What was missing, guessed and corrected, one line each; the first line is the summary. For the log and --check. */
void import_report(const struct capture *c, struct text *out);
/* After import_apply. 0, or -EINVAL with why set to the first correction: for -o strict. */
MUST_CHECK int import_strict(const struct capture *c, struct why *why);
/* A state that ummfs wrote: import_frames_report says so instead. */
bool import_is_exact(const struct capture *c);
void import_frames_report(const struct capture *c, const struct machine *m, struct text *out);
void import_free(struct capture *c);

#endif
