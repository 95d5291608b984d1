#!/bin/sh
# SPDX-License-Identifier: MIT
#
# analyzer.sh [ROOT]: gcc's own analyzer over src: leaks, use after free, NULL dereferences along
# paths through several functions. Flags: HEADER_CFLAGS. 77: no gcc that has it here.
cd "${1:-.}" || exit 2

gcc -fanalyzer -x c -c -o /dev/null /dev/null 2>/dev/null || {
	echo "SKIPPED: no gcc with -fanalyzer"
	exit 77
}
: "${HEADER_CFLAGS:=-std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64}"
# shellcheck disable=SC2086 # flags are words
find src -name '*.c' | sort | xargs -r -P "$(nproc)" -I{} \
	gcc -O1 -fanalyzer -Werror -fdiagnostics-plain-output $HEADER_CFLAGS -Isrc -Iinclude -c -o /dev/null {} >&2 || exit 1
