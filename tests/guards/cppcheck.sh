#!/bin/sh
# SPDX-License-Identifier: MIT
#
# cppcheck.sh [ROOT]: cppcheck over src. 77: no cppcheck here.
cd "${1:-.}" || exit 2

command -v cppcheck >/dev/null || {
	echo "SKIPPED: cppcheck is not installed (make deps-lint)"
	exit 77
}
cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability --inline-suppr \
	--suppress=missingIncludeSystem --error-exitcode=1 -j "$(nproc)" -D_GNU_SOURCE \
	-Isrc -Iinclude src
