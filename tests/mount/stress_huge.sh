#!/bin/sh
# SPDX-License-Identifier: MIT
# Huge pages of both sizes, compaction and policies, while memory moves under clients that write to it, for
# SECONDS_EACH seconds; then all of it is given back. Clients are killed in the middle of writes that take long.
# Give it a debug build: that one verifies the whole machine before it ends.
. "$SRCDIR/tests/mount/lib.sh"
. "$SRCDIR/tests/mount/stress.sh"
: "${SECONDS_EACH:=60}" "${CLIENTS:=8}"

cat >"$work/conf" <<E2
[node 0]
memory=2500M
cpus=0-1
[node 1]
memory=1100M
cpus=2-3
E2
stress_start -c "$work/conf" -o backing=sparse,source=none
sizes=$M/sys/kernel/mm/hugepages
large=$sizes/hugepages-1048576kB nodes=$M/sys/devices/system/node
pools() { # pages of all pools: all, free, promised, surplus
	cat "$sizes"/*/nr_hugepages "$sizes"/*/free_hugepages "$sizes"/*/resv_hugepages "$sizes"/*/surplus_hugepages |
		tr '\n' ' '
}
counters() {
	echo 1 >"$M/proc/sys/vm/stat_refresh"
	sed -n '/^nr_\(anon_pages\|file_pages\|mapped\|shmem\|dirty\|writeback\|unevictable\|mlock\|page_table_pages\) /p' \
		"$M/proc/vmstat"
	sed -n '/^\(Committed_AS\|HugePages_.*\|Hugetlb\):/p' "$M/proc/meminfo"
}
# Pages that are free or of slabs: what is kept in reserve may lie in more slabs than before.
pages() {
	echo 1 >"$M/proc/sys/vm/stat_refresh"
	slab=$(meminfo Slab)
	zone_pages "$M" | awk -v slab="$slab" '{ n += $2 } END { print n + slab / 4 }'
}
ls "$M/files" "$M/dev/hugepages" # their inodes stay
before=$(pages) pools=$(pools) counters=$(counters)

wrong() { echo "client $*" >>"$work/wrong"; }
killed() { # killed MOST COMMAND: a shell runs it, and all are killed within so many hundredths of a second
	setsid sh -c "$2" >/dev/null 2>&1 &
	sleep "0.$(printf %02d $(($(date +%N | sed 's/^0*//') / 1000 % $1)))"
	kill -9 -$! 2>/dev/null
	wait $! 2>/dev/null
}
# Memory of a task that is written to in pieces. An OOM kill takes it away, which is no mistake.
anon() { # anon N ROUND
	mkdir "$t"
	head -c 24M /dev/urandom >"$work/in$1"
	echo 24M >"$t/anon" && dd if="$work/in$1" of="$t/mem" bs=1M conv=notrunc status=none || return
	for policy in bind:0 interleave:0-1 bind:1 preferred:0 local; do
		head -c 300000 /dev/urandom >"$work/piece$1"
		at=$((($2 * 7919 + $1) % 5000 * 4096 + $2 % 4096))
		dd if="$work/piece$1" of="$work/in$1" bs=300000 oflag=seek_bytes seek=$at conv=notrunc status=none
		dd if="$work/piece$1" of="$t/mem" bs=300000 oflag=seek_bytes seek=$at conv=notrunc status=none || return
		[ $(($1 % 2)) -eq 0 ] || echo "$policy move" >"$t/mempolicy"
		[ "$(cat "$t/anon")" -eq 25165824 ] || return
		head -c 24M "$t/mem" >"$work/out$1" || return
		cmp -s "$work/in$1" "$work/out$1" || [ "$(cat "$t/anon")" -ne 25165824 ] || wrong "$1: memory differs"
	done
	killed 30 "echo +500M >'$t/anon'; echo 'bind:$(($2 % 2)) move' >'$t/mempolicy'"
	echo +16M >"$t/file"
}
file() { # file N
	mkdir "$M/files/c$1"
	for i in 1 2 3 4; do
		head -c 3000000 /dev/urandom >"$work/in$1"
		cp "$work/in$1" "$M/files/c$1/f$i" || continue
		head -c 100000 /dev/urandom >>"$work/in$1"
		tail -c 100000 "$work/in$1" >>"$M/files/c$1/f$i" || continue
		cat "$M/files/c$1/f$i" >"$work/out$1" || continue
		cmp "$work/in$1" "$work/out$1" >>"$work/stderr" 2>&1 || wrong "$1: a file differs: $(tail -n 1 "$work/stderr")"
	done
	killed 20 "cp '$work/in$1' '$M/files/c$1/g'"
	rm -rf "$M/files/c$1"
}
hugepages() { # hugepages N: there may be none left
	h=$M/dev/hugepages/c$1
	mkdir "$h"
	head -c 5000000 /dev/urandom >"$work/in$1"
	for i in 1 2 3; do
		if dd if="$work/in$1" of="$h/f$i" bs=1M status=none; then
			head -c 5000000 "$h/f$i" | cmp -s - "$work/in$1" || wrong "$1: a file of huge pages differs"
		fi
		truncate -s 2M "$h/f$i"
	done
	killed 20 "fallocate -l 40M '$h/g'; truncate -s 20M '$h/h'"
	rm -rf "$h"
}
resize() { # resize N ROUND
	case $(($2 % 6)) in
	0) echo $(($2 * 37 % 600)) >"$M/proc/sys/vm/nr_hugepages" ;;
	1) echo 1 >"$large/nr_hugepages" ;;
	2) killed 40 "echo 2000 >'$M/proc/sys/vm/nr_hugepages'" ;;
	3) killed 40 "echo 2 >'$large/nr_hugepages'" ;;
	4) echo $(($2 % 40)) >"$nodes/node$(($2 / 6 % 2))/hugepages/hugepages-2048kB/nr_hugepages" ;;
	5) echo 0 >"$large/nr_hugepages" && echo $(($2 * 53 % 200)) >"$M/proc/sys/vm/nr_overcommit_hugepages" ;;
	esac
}
hugetlb() { # hugetlb N ROUND
	mkdir "$t"
	echo "interleave:0-1" >"$t/mempolicy"
	echo "2M $(($2 % 30 + 2)) 1" >"$t/hugetlb"
	killed 30 "echo '2M +100' >'$t/hugetlb'; echo '1G 1' >'$t/hugetlb'"
	echo "2M -1" >"$t/hugetlb"
	echo "1G 1 0" >"$t/hugetlb"
	cat "$M/proc/$(cat "$t/pid")/numa_maps" >"$work/out$1"
}
compact() { # compact N ROUND
	case $(($2 % 6)) in
	0) echo 1 >"$M/proc/sys/vm/compact_memory" ;;
	1) echo 1 >"$nodes/node$(($2 / 6 % 2))/compact" ;;
	2) echo 3 >"$M/proc/sys/vm/drop_caches" ;;
	3) echo $(($2 / 6 % 2 * 80 + 20)) >"$M/proc/sys/vm/compaction_proactiveness" ;;
	*) killed 20 "echo 1 >'$M/proc/sys/vm/compact_memory'" ;;
	esac
	echo $(($2 * 50 % 1001)) >"$M/proc/sys/vm/extfrag_threshold"
}
look() { # look N
	cat "$M/state.tar" >"$work/state$1"
	tar -tf "$work/state$1" >/dev/null || wrong "$1: the state is no archive"
	killed 30 "cat '$M/state.tar'"
	find "$M/proc" "$M/sys" -type f ! -path '*/kernel/slab/*' -exec cat {} + >/dev/null 2>&1
}

client() { # client N
	end=$(($(date +%s) + SECONDS_EACH)) t=$M/tasks/c$1 round=0
	while [ "$(date +%s)" -lt "$end" ]; do
		round=$((round + 1))
		case $1 in
		1 | 2) anon "$1" $round ;;
		3) file "$1" ;;
		4) hugepages "$1" ;;
		5) resize "$1" $round ;;
		6) hugetlb "$1" $round ;;
		7) compact "$1" $round ;;
		*) look "$1" ;;
		esac
		[ ! -d "$t" ] || rmdir "$t" || wrong "$1: rmdir failed"
	done
	echo "client $1: $round rounds"
}
stress_run
moved=$(vmstat_of pgmigrate_success)
echo "pages moved: $moved; failed: $(vmstat_of pgmigrate_fail)"
at_least "pages moved" 1000 "$moved"
rm -rf "$M"/files/c* "$M"/dev/hugepages/c*
echo 0 >"$M/proc/sys/vm/nr_overcommit_hugepages"
for pool in "$sizes"/*/nr_hugepages; do echo 0 >"$pool"; done
for _ in 1 2 3; do echo 3 >"$M/proc/sys/vm/drop_caches"; done
for cache in "$M"/sys/kernel/slab/*/shrink; do echo 1 >"$cache"; done
for _ in $(seq 50); do
	[ "$(pools)" = "$pools" ] && break
	sleep 0.1
done
same "all pools are empty" "$pools" "$(pools)"
same "counters" "$counters" "$(counters)"
same "all memory is back" "$before" "$(pages)"
stress_end
