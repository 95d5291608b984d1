#!/bin/sh
# SPDX-License-Identifier: MIT
# Two tasks that grew in turn, one of which ends: half of the memory is free, in pieces. Compaction makes huge pages of
# it, while clients write to the pages that move, and not a byte is lost.
#
# A pool that grows compacts for itself, as 6.1's does, and stops when a pass that does not look everywhere has failed:
# how much of what compact_memory can do that is depends on the shape, so both are shown. With extfrag_threshold at
# 1000 no request compacts: that is what there is without.
. "$SRCDIR/tests/mount/lib.sh"

data() { python3 "$SRCDIR/tests/mount/compact_data.py" "$@"; }

# Huge pages that free memory allows: what is above the low marks.
allowed() {
	awk -v free="$(meminfo MemFree)" '$1 == "low" { low += $2 } END { print int((free - low * 4) / 2048) }' \
		"$M/proc/zoneinfo"
}

# Free blocks of 2 MiB and more, in huge pages.
whole_blocks() {
	awk '{ n += $(NF - 1) + 2 * $NF } END { print n }' "$M/proc/buddyinfo"
}

fragment() {
	mkdir "$M/tasks/a" "$M/tasks/b"
	check "two tasks grow in turn" data fragment "$M" 60000 a b
	rmdir "$M/tasks/b"
	want=$(allowed)
	at_least "free memory" 150 "$want"
	at_most "blocks in it" $((want / 5)) "$(whole_blocks)"
}

huge() { # ask for more huge pages than there can be; how many there are
	echo 512 >"$M/proc/sys/vm/nr_hugepages"
	meminfo HugePages_Total
}

compact() {
	check "compact_memory" sh -c "echo 1 >'$M/proc/sys/vm/compact_memory'"
}

# While pages of memory and of files are written to and read.
start -o backing=sparse
fragment
echo 1000 >"$M/proc/sys/vm/extfrag_threshold"
few=$(huge)
at_most "huge pages in fragmented memory" $((want / 4)) "$few"
echo 0 >"$M/proc/sys/vm/nr_hugepages"

data work "$M" a "$work/stop" >"$work/written" &
worker=$!
for i in $(seq 20); do
	head -c 3000000 /dev/urandom >"$work/random"
	cat "$work/random" >"$M/files/f$((i % 3))"
	cmp "$work/random" "$M/files/f$((i % 3))" || fail "a file has changed"
done &
filer=$!
before=$(vmstat_of pgmigrate_success)
compact
moved=$(($(vmstat_of pgmigrate_success) - before))
check "somebody still writes" kill -0 $worker
wait $filer || fail "the files"
compact
: >"$work/stop"
wait $worker || fail "a page that moved has lost what was written meanwhile"
at_least "pages moved" 40000 $moved
at_least "scanned for pages to move" $moved "$(vmstat_of compact_migrate_scanned)"
at_least "pages written meanwhile" 100 "$(cat "$work/written")"
check "all of the memory" data check "$M" a

echo 3 >"$M/proc/sys/vm/drop_caches"
compact
want=$(allowed)
got=$(huge)
echo "$few huge pages without compaction, $got after it; free memory allows $want; $moved pages moved"
at_least "huge pages after compaction" $((want * 9 / 10)) "$got"
check "all of the memory beside huge pages" data check "$M" a
echo 0 >"$M/proc/sys/vm/nr_hugepages"
rmdir "$M/tasks/a"
same "anonymous pages" 0 "$(vmstat_of nr_anon_pages)"
stop "$M"

# The pool by itself, and what compaction adds; of one node at a time.
start -o backing=sparse
mkdir "$M/tasks/a" "$M/tasks/b"
check "two tasks grow in turn" data grow "$M" 60000 a b
rmdir "$M/tasks/b"
few=$(huge)
echo 0 >"$M/proc/sys/vm/nr_hugepages"
for n in 0 1; do
	check "node$n/compact" sh -c "echo 1 >'$M/sys/devices/system/node/node$n/compact'"
done
want=$(allowed)
got=$(huge)
echo "$few huge pages by what the pool compacts for itself, $got after each node was compacted; allowed: $want"
at_least "huge pages after both nodes" $((want * 9 / 10)) "$got"
at_most "huge pages by the pool itself" $((got * 9 / 10)) "$few"
stop "$M"

# The host has not even room for a second copy of what moves.
start -o backing=sparse,limit=520M
mkdir "$M/tasks/a" "$M/tasks/b"
check "two tasks grow in turn" data grow "$M" 60000 a b
check "one of them has bytes" data fill "$M" a
rmdir "$M/tasks/b"
compact
at_least "pages moved at the limit" 20000 "$(vmstat_of pgmigrate_success)"
check "memory that moved at the limit" data check "$M" a
check "written once more" data fill "$M" a
check "and read" data check "$M" a
stop "$M"

finish
