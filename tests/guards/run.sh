#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A check that cannot fail is not a check: each guard gets a small tree that it must accept and
# then the same tree with one fault in it, which it must refuse.
set -u
guards=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$guards/../.." && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

good_tree() {
	rm -rf "$work/tree"
	mkdir -p "$work/tree/src/base" "$work/tree/src/mm" "$work/tree/src/view" "$work/tree/man" \
		"$work/tree/tests/unit/base" "$work/tree/include/ummfs"
	cd "$work/tree" || exit 1
	cp "$root/.clang-format" "$root/.clang-tidy" .
	printf '#ifndef BASE_LOW_H\n#define BASE_LOW_H\n\nint low(int x);\n\n#endif\n' >src/base/low.h
	printf '#include "base/low.h"\n\nint low(int x)\n{\n\treturn x / 2;\n}\n' >src/base/low.c
	sed -e s/BASE_LOW/MM_HIGH/ -e s/low/high/ src/base/low.h >src/mm/high.h
	printf '#include "mm/high.h"\n\n#include "base/low.h"\n' >src/mm/high.c
	printf '.Dd January 1, 2026\n.Dt UMMFS 8\n.Os\n.Sh NAME\n.Nm ummfs\n.Nd a sample\n' >man/ummfs.8
}

# judge GUARD: its status on the tree as it is now.
judge() {
	sh "$guards/$1.sh" "$work/tree" >"$work/said" 2>&1
}

# sample GUARD NAME: the tree now holds the fault NAME.
sample() {
	judge "$1"
	if [ $? -eq 1 ]; then
		echo "ok: $1 refuses $2"
	else
		echo "FAILED: $1 let pass: $2"
		sed 's/^/    /' "$work/said"
		failed=1
	fi
	good_tree
}

# present GUARD: it is there and accepts the good tree.
present() {
	good_tree
	judge "$1"
	case $? in
	0) return 0 ;;
	77) sed "s/^SKIPPED: /SKIPPED: guard $1: /" "$work/said" ;;
	*)
		echo "FAILED: $1 refuses the good tree"
		sed 's/^/    /' "$work/said"
		failed=1
		;;
	esac
	return 1
}

lines() { # lines N TEXT
	awk -v n="$1" -v text="$2" 'BEGIN { while (n-- > 0) print text }'
}

if present layers; then
	echo '#include "mm/high.h"' >>src/base/low.c
	sample layers "an upward include"
	echo '#include "low.h"' >>src/mm/high.c
	sample layers "an include without its layer"
	echo '#include <fuse_lowlevel.h>' >src/view/view.c
	sample layers "FUSE in a view"
	mkdir src/util && echo 'int x;' >src/util/x.c
	sample layers "a layer of no plan"
	echo '#include "mm/high.h"' >tests/unit/base/test_low.c
	sample layers "an upward include in a unit test"
fi

if present headers; then
	sed -i 's/int low(int x)/int low(uint64_t x)/' src/base/low.h
	sample headers "a header that needs another first"
	echo 'struct twice { int x; };' >src/base/twice.h
	sample headers "a header without a guard"
fi

if present sizes; then
	{ printf 'int f(void)\n{\n' && lines 59 '	g();' && echo '}'; } >src/base/long.c
	sample sizes "a function of 61 lines"
	lines 601 'int x;' >src/base/long.c
	sample sizes "a file of 601 lines"
	{ lines 601 'int x;' >src/base/a.c && echo 'int y;' >src/base/b.c; }
	sample sizes "a file of 601 lines that is not the last"
	{ printf 'int x; /* ' && lines 131 x | tr -d '\n' && echo ' */'; } >src/base/wide.c
	sample sizes "a line of 144 columns"
	{ printf 'int f(void)\n{\n' && lines 58 '	g();' && echo '}' && lines 539 'int x;'; } >src/base/edge.c
	if judge sizes; then
		echo "ok: sizes accepts 60 and 600 lines"
	else
		echo "FAILED: sizes refuses 60 and 600 lines"
		failed=1
	fi
fi

if present format; then
	printf 'int f(int x)\n{\n  return x;\n}\n' >src/base/low.c
	sample format "an indent of two spaces"
fi

if present tidy; then
	printf 'int f(int x);\nint f(int x)\n{\n\tint *p = 0;\n\treturn x ? *p : 0;\n}\n' >src/base/low.c
	sample tidy "a NULL dereference"
fi

if present cppcheck; then
	printf 'int f(void);\nint f(void)\n{\n\tint a[2];\n\ta[2] = 1;\n\treturn a[2];\n}\n' >src/base/low.c
	sample cppcheck "an index past the end"
fi

if present analyzer; then
	printf '#include <stdlib.h>\n\nint f(void);\nint f(void)\n{\n\tint *p = malloc(4);\n\tfree(p);\n\treturn *p;\n}\n' >src/base/low.c
	sample analyzer "a use after free"
fi

if present man; then
	printf '.Sh NAME\n.Zz\n' >>man/ummfs.8
	sample man "an unknown macro"
fi

# The test runner itself: what fails, crashes or hangs must not pass, and a skip is not a pass.
runner() { # runner STATUS TOTAL SCRIPT...
	want_status=$1 want_total=$2
	shift 2
	(cd "$work" && BUILD="$work/build" TEST_TIMEOUT=1 sh "$root/tests/run.sh" "$@") >"$work/said" 2>&1
	status=$?
	if [ "$status" -eq "$want_status" ] && [ "$(tail -n 1 "$work/said")" = "$want_total" ]; then
		echo "ok: the runner says \"$want_total\""
	else
		echo "FAILED: the runner: status $status instead of $want_status with \"$want_total\""
		sed 's/^/    /' "$work/said"
		failed=1
	fi
}
cd "$work" || exit 1
mkdir tests
echo 'exit 0' >tests/passes.sh
echo 'exit 3' >tests/fails.sh
echo 'kill -SEGV $$' >tests/crashes.sh
echo 'sleep 30' >tests/hangs.sh
echo 'echo "SKIPPED: no reason"; exit 77' >tests/skips.sh
echo 'echo "SKIPPED: a part"; exit 0' >tests/skips_part.sh
printf 'echo "[  PASSED  ] 3 test(s)."; echo "[  FAILED  ] 2 test(s), listed below:"; exit 2\n' >tests/cases.sh
echo 'echo "[  PASSED  ] 3 test(s)."' >tests/cases_pass.sh
runner 0 "1 passed, 0 failed, 0 skipped" tests/passes.sh
runner 1 "0 passed, 1 failed, 0 skipped" tests/fails.sh
runner 1 "1 passed, 1 failed, 0 skipped" tests/crashes.sh tests/passes.sh
runner 1 "0 passed, 1 failed, 0 skipped" tests/hangs.sh
runner 1 "1 passed, 1 failed, 0 skipped" tests/missing tests/passes.sh
runner 0 "0 passed, 0 failed, 1 skipped" tests/skips.sh
runner 0 "1 passed, 0 failed, 1 skipped" tests/skips_part.sh
runner 1 "3 passed, 2 failed, 0 skipped" tests/cases.sh
runner 0 "3 passed, 0 failed, 0 skipped" tests/cases_pass.sh
runner 1 "1 passed, 1 failed, 0 skipped" -b debug tests/passes.sh

exit $failed
