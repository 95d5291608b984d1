#!/bin/sh
# SPDX-License-Identifier: MIT
#
# format.sh [ROOT]: the code is as clang-format leaves it (make format). 77: no clang-format here.
cd "${1:-.}" || exit 2

command -v clang-format >/dev/null || {
	echo "SKIPPED: clang-format is not installed (make deps-lint)"
	exit 77
}
find src include tests -name '*.[ch]' 2>/dev/null | sort |
	xargs -r clang-format --dry-run -Werror || exit 1 # xargs has its own numbers
