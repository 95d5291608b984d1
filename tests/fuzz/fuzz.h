/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

/*
 * What the fuzz targets share. A target is one function that takes an input
 * and ends the process when something is wrong; libFuzzer (make fuzz) calls
 * it with inputs of its own making, replay.c (make check) with those of
 * tests/fuzz/corpus. Every call boots its machine anew, so that one input
 * alone says what happened.
 */

#include "daemon/boot.h"

/* libFuzzer's name for a target. Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What does not hold ends the process with one line. */
#define FUZZ_REQUIRE(cond, ...)                                                                    \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fuzz_fail(__FILE__, __LINE__, __VA_ARGS__);                                \
	} while (0)
_Noreturn void fuzz_fail(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* A file in memory with these bytes and a name that can be opened. */
struct fuzz_file {
	int fd;
	char path[32];
};
void fuzz_file_make(struct fuzz_file *f, const void *bytes, size_t len);
void fuzz_file_end(struct fuzz_file *f);

/* A small deterministic machine with two nodes, four CPUs; over sparse memory of which limit_bytes may be used (0: without memory). */
void fuzz_boot(struct booted *b, uint64_t limit_bytes);
void fuzz_verify(struct vm *vm); /* mm_verify finds nothing */
void fuzz_views(struct vm *vm); /* every view can be printed */

/* The next piece of an input that 0xff cuts into pieces: false at its end. */
struct fuzz_pieces {
	const uint8_t *next, *end;
};
bool fuzz_piece(struct fuzz_pieces *p, const char **bytes, size_t *len);

#endif
