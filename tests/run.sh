#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [-b FLAVOURS] TEST...   run each test, a line for each, and a last line with the sum.
#
# A test is a program or a script. Status 0 is a pass, 77 a skip, all else a failure; a cmocka
# program counts by its cases. "SKIPPED: why" at the start of a line of output is a part that could
# not run here: it is repeated and counted. Output goes to $BUILD/test-logs/NAME.log, and its tail is
# shown when the test fails. -b names flavours whose build failed: one failure each.
#
# Environment: BUILD, TEST_TIMEOUT (seconds), TEST_WRAPPER (words put before a program); what tests
# themselves need (UMMFS, UMMFS_RUN, UMMFS_BIN, SRCDIR) is passed on.
set -u
: "${BUILD:=build}" "${TEST_TIMEOUT:=300}" "${TEST_WRAPPER=}"
logs=$BUILD/test-logs
passed=0 failed=0 skipped=0
mkdir -p "$logs" || exit 2

broken=
if [ "${1-}" = -b ]; then
	broken=$2
	shift 2
fi

# From a terminal, tests stay in our process group, so that Ctrl-C reaches them.
foreground=
[ -t 0 ] && foreground=--foreground

count() { # count WORD: sum of N in the lines "[  WORD  ] N test(s)" of the log
	sed -n "s/.*\\[ *$1 *\\] \\([0-9][0-9]*\\) test(s).*/\\1/p" "$log" |
		awk '{ n += $1 } END { print n + 0 }'
}

launch() { # launch TEST: run it, output to the log
	case $1 in
	*.sh) [ -x "$1" ] || set -- sh "$1" ;;
	esac
	# shellcheck disable=SC2086 # words
	timeout $foreground -k 10 "$TEST_TIMEOUT" $TEST_WRAPPER "$@" >"$log" 2>&1 </dev/null
}

report_failure() { # report_failure NAME CASES STATUS
	case $3 in
	124 | 137) why="status $3: killed, or longer than $TEST_TIMEOUT s" ;;
	126 | 127) why="status $3: cannot be run" ;;
	*) why="status $3" ;;
	esac
	printf 'FAIL     %s (%s%s)\n' "$1" "$2" "$why"
	tail -n 40 "$log" | sed 's/^/    | /'
	echo "    whole log: $log"
}

run_one() { # run_one TEST
	name=${1#"$BUILD"/}
	case $name in
	tests/*) name=${name#tests/} ;;
	*/tests/*) name=${name#*/tests/} ;;
	esac
	name=${name%.sh}
	log=$logs/$(printf %s "$name" | tr / -).log

	launch "$1"
	status=$?
	ok=$(count PASSED) bad=$(count FAILED) skips=$(count SKIPPED)
	said=$(grep -c '^SKIPPED: ' "$log")
	cases=
	[ $((ok + bad)) -gt 0 ] && cases="$ok of $((ok + bad)) cases"
	[ "$skips" -gt "$said" ] || skips=$said

	if [ $status -eq 77 ]; then
		[ "$skips" -gt 0 ] || skips=1
		[ "$said" -gt 0 ] || echo "SKIPPED: $name: it does not say why"
	elif [ $status -ne 0 ] || [ "$bad" -gt 0 ]; then
		[ "$bad" -gt 0 ] || bad=1
		report_failure "$name" "${cases:+$cases, }" $status
	else
		[ -n "$cases" ] || ok=1
		printf 'ok       %s%s\n' "$name" "${cases:+ ($ok cases)}"
	fi
	sed -n "s|^SKIPPED: |SKIPPED: $name: |p" "$log"
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skips))
}

for flavour in $broken; do
	echo "FAIL     build of $flavour (see above)"
	failed=$((failed + 1))
done
for test; do
	run_one "$test"
done

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
