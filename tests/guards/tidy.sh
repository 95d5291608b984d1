#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tidy.sh [ROOT]: clang-tidy with .clang-tidy over src. Flags: HEADER_CFLAGS. 77: no clang-tidy here.
cd "${1:-.}" || exit 2

command -v clang-tidy >/dev/null || {
	echo "SKIPPED: clang-tidy is not installed (make deps-lint)"
	exit 77
}
: "${HEADER_CFLAGS:=-std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64}"
# The counts of what was suppressed in system headers say nothing.
# shellcheck disable=SC2086 # flags are words
find src -name '*.c' | sort | xargs -r -P "$(nproc)" -I{} \
	clang-tidy --quiet {} -- $HEADER_CFLAGS -DUMMFS_DEBUG -Isrc -Iinclude 2>&1 |
	grep -v -e 'warning.* generated' -e 'warning.* treated as error' >&2
# grep found nothing to say: all is well.
test $? -eq 1
