/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_STATE_DIR_H
#define SUPPORT_STATE_DIR_H

/*
 * A state to import, in a directory of its own: a capture of tests/oracle to
 * begin with or nothing, files written over it, files taken away.
 */

#include "daemon/import.h"
#include "daemon/import_capture.h"

struct state_dir {
	char path[64];
};

void state_dir_make(struct state_dir *d, const char *capture); /* "6.1.0-50-amd64-T3"; NULL: empty */
void state_dir_write(const struct state_dir *d, const char *path, const char *text); /* makes folders on the way */
char *state_dir_read(const struct state_dir *d, const char *path); /* free() it */
void state_dir_drop(const struct state_dir *d, const char *path); /* a file or a folder with all below it */
/* Replace the first occurrence of a text in a file; the test fails when it is not there. */
void state_dir_edit(const struct state_dir *d, const char *path, const char *from, const char *to);
void state_dir_remove(struct state_dir *d);
/* All of a file, at most 256 KiB; free() it. The test fails when it is not there. */
char *file_text(const char *path);

/* An empty capture of that directory, as import_read has it before the first file. Free with import_free. */
struct capture *state_capture(const struct state_dir *d);
/* Whole import_read, which must succeed. */
struct capture *state_read(const struct state_dir *d);
/* import_read must fail with this error, and why must contain `words`. */
void state_refused(const struct state_dir *d, int error, const char *words);
/* Is there a note of this kind and name? */
bool state_noted(const struct capture *c, enum cap_note_kind kind, const char *what);

/* A file of a state, and its reader alone. */
struct state_file {
	const char *capture; /* that it stands in, with its zoneinfo read before; NULL: in none */
	const char *path;
	int (*read)(struct capture *c, struct why *why);
};
/* The text (NULL: the file as the capture has it) is read with this error, and `words` in why. state_file_done comes next. */
struct capture *state_file_read(struct state_dir *d, const struct state_file *file,
				const char *text, int error, const char *words);
void state_file_done(struct state_dir *d, struct capture *c);
void state_file_refused(const struct state_file *file, const char *text, const char *words); /* -EINVAL */
void state_file_missing(const struct state_file *file); /* a state goes on without it, and a note says so */

/* A machine that was imported from the directory. */
struct state_vm {
	struct capture *capture;
	struct machine_spec spec;
	struct vm vm;
};
struct state_vm *state_boot(const struct state_dir *d); /* must succeed, and mm_verify finds nothing */
struct state_vm *state_boot_seed(const struct state_dir *d, uint64_t seed); /* the same, with things placed by another seed than 1 */
void state_verify(struct state_vm *s); /* mm_verify finds nothing */
void state_end(struct state_vm *s);

#endif
