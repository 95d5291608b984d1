#!/bin/sh
# SPDX-License-Identifier: MIT
#
# layers.sh [ROOT]: every include of our own is written "layer/file.h" and names the file's own
# layer or one to the left of it; FUSE is known to fs and daemon only. A unit test of a layer is
# held to the same rule.
cd "${1:-.}" || exit 2

find src tests/unit -name '*.[ch]' 2>/dev/null | sort | xargs awk '
	BEGIN {
		n = split("base region mm policy vm knob view fs daemon", layer, " ")
		for (i = 1; i <= n; i++)
			rank[layer[i]] = i
		rank["run"] = rank["client"] = 1 # programs and library beside the layers: base only
	}
	function complain(what) {
		printf "%s:%d: %s\n", FILENAME, FNR, what
		bad = 1
	}
	FNR == 1 {
		split(FILENAME, part, "/")
		test = part[1] == "tests"
		own = part[test ? 3 : 2]
		if (!(own in rank))
			complain("layer \"" own "\" is not one of the plan")
	}
	/^[ \t]*#[ \t]*include[ \t]*</ {
		if ($0 ~ /<fuse/ && own != "fs" && own != "daemon")
			complain("only fs and daemon may know FUSE")
	}
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		file = $0
		sub(/^[^"]*"/, "", file)
		sub(/".*/, "", file)
		from = file
		if (!sub(/\/.*/, "", from))
			complain("\"" file "\" does not show its layer: write \"layer/file.h\"")
		else if (from == "ummfs" || from == own || (test && from == "support"))
			next
		else if (!(from in rank))
			complain("\"" file "\" is of no known layer")
		else if (rank[from] > rank[own] || from == "run" || from == "client")
			complain("layer " own " must not include \"" file "\"")
	}
	END { exit bad }
' /dev/null || exit 1 # xargs has its own numbers
