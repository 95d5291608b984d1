#!/bin/sh
# SPDX-License-Identifier: MIT
#
# man.sh [ROOT]: the manual pages parse without a warning. 77: no mandoc here.
cd "${1:-.}" || exit 2

command -v mandoc >/dev/null || {
	echo "SKIPPED: mandoc is not installed (make deps-lint)"
	exit 77
}
find man -name '*.[1-8]' 2>/dev/null | sort | xargs -r mandoc -T lint -W warning || exit 1
