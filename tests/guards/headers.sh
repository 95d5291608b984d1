#!/bin/sh
# SPDX-License-Identifier: MIT
#
# headers.sh [ROOT]: each header compiles alone, and a second time behind itself.
# The compiler and its flags come from CC and HEADER_CFLAGS.
cd "${1:-.}" || exit 2

: "${CC:=gcc}"
: "${HEADER_CFLAGS:=-std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64}"
status=0
for header in $(find src include tests/support -name '*.h' 2>/dev/null | sort); do
	name=${header#*/}
	# shellcheck disable=SC2086 # flags are words
	printf '#include "%s"\n#include "%s"\n' "$name" "$name" |
		"$CC" $HEADER_CFLAGS -Wall -Wextra -Werror -Isrc -Iinclude -Itests \
			-fsyntax-only -x c - || {
		echo "$header: does not compile alone"
		status=1
	}
done
exit $status
