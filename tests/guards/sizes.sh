#!/bin/sh
# SPDX-License-Identifier: MIT
#
# sizes.sh [ROOT]: no file over 600 lines, no function over 60 (its braces included), no line over
# 140 columns. A function is what stands between a { and a } in the first column.
cd "${1:-.}" || exit 2

find src include tests -name '*.[ch]' 2>/dev/null | sort |
	xargs awk '
	function complain(line, what) {
		printf "%s:%d: %s\n", file, line, what
		bad = 1
	}
	function end_of_file() {
		if (lines > 600)
			complain(lines, "file of " lines " lines; 600 is the limit")
	}
	FNR == 1 {
		end_of_file()
		file = FILENAME
		start = 0
	}
	{
		lines = FNR
		wide = $0
		gsub(/\t/, "        ", wide)
		if (length(wide) > 140)
			complain(FNR, "line of " length(wide) " columns; 140 is the limit")
	}
	/^[A-Za-z_].*\(/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
	/^{/ { start = FNR }
	/^}/ && start {
		if (FNR - start + 1 > 60)
			complain(start, name "() has " FNR - start + 1 " lines; 60 is the limit")
		start = 0
	}
	END {
		end_of_file()
		exit bad
	}
' /dev/null || exit 1 # xargs has its own numbers
