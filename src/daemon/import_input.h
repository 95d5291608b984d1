/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_IMPORT_INPUT_H
#define DAEMON_IMPORT_INPUT_H

/*
 * Where the files of a state come from: a directory, a tar file, or a kernel
 * log with a Mem-Info block. All readers of an import see paths relative to the
 * state ("proc/zoneinfo") and never ask which of the first two it is. Another
 * layout of an archive (a directory above proc/, another compression) is this
 * layer's business alone.
 */

#include "base/log.h"

struct input;

/*
 * 0, or -errno with why set. STATE: a directory, or a file that holds a tar
 * (plain, gzip, xz, bzip2, zstd) or a kernel's log; "-": such a file on standard
 * input. A directory or tar may have the state in a directory of it.
 */
MUST_CHECK int input_open(struct input **out, const char *state, struct why *why);
void input_close(struct input *in); /* NULL: nothing */

/* How messages name it: as given, with the directory it was found in, without a slash at its end ("" for /). */
const char *input_name(const struct input *in);
/* Why not all of an archive could be read; NULL: it could. */
const char *input_damage(const struct input *in);
/* The path below which a log is read; it has no other files. */
#define INPUT_LOG "log"
bool input_is_log(const struct input *in);

/*
 * A whole file. 0 and *text (len bytes and a NUL; mem_free), -ENOENT when it
 * is not there or not ours to read, or -errno with why set.
 */
MUST_CHECK int input_read(const struct input *in, const char *path, char **text, size_t *len,
			  struct why *why);

/*
 * The names in a directory, each once, until `each` returns what is not 0,
 * which is returned. A directory that is not there has no names.
 */
int input_list(const struct input *in, const char *dir,
	       int (*each)(void *ctx, const char *name, bool is_dir), void *ctx);

/*
 * The bytes of all files tasks/NAME/mem, piece by piece, holes left out. 0,
 * what `each` returned, or -errno with why set.
 */
MUST_CHECK int input_contents(struct input *in,
			      int (*each)(void *ctx, const char *task, uint64_t offset,
					  const char *bytes, size_t len),
			      void *ctx, struct why *why);

#endif
