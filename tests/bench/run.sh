#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh: what `make bench` runs. Eight parts, each beside its peer in the same run:
#
#   start     machines in process (start.c), and the mounted 16 TiB machine
#   pages     pairs, bulks and mixed orders beside DPDK's mempool (pages.c), one process, in turns
#   objects   the same of kmem_cache beside malloc (glibc, jemalloc, mimalloc, tcmalloc) and the mempool
#             (objects.c), a process for each, in turns
#   count     instructions of the loads of pages under callgrind
#   views     reading through the mount beside a null FUSE file system (views.c, nullfs.c) and the host
#   slabinfo  the same of slabinfo with 2000 caches (slabinfo.c)
#   files     files/ beside a file system over one buffer (bufferfs.c), a passthrough (passfs.c) and tmpfs (files.c)
#   huge      dev/mem in huge pages beside small ones, the pool beside the host's (huge.c), compaction
#             beside copying (huge_compact.c)
#
# and at the end every target with what was measured. A target that is missed is said, and is no
# failure; a part that could not run is one (status 1), unless only a peer is missing: that is
# SKIPPED, loudly. Ratios are medians over rounds, [least-most].
#
#   QUICK=1      a run of one or two minutes   ROUNDS=N     rounds of each figure (9)
#   PARTS="..."  only these                    BENCH_CONF=F the machine whose views are read
#
# Huge pages (for DPDK) and mounts are given back at the end, also on ctrl-C.

: "${SRCDIR:=$(cd "$(dirname "$0")/../.." && pwd)}" "${BUILD:=build}" "${CC:=gcc}"
cd "$SRCDIR" || exit 2
: "${UMMFS:=$BUILD/ummfs}" "${PARTS:=start pages objects count views slabinfo files huge}"
if [ -n "$QUICK" ] && [ "$QUICK" != 0 ]; then
	: "${ROUNDS:=3}"
else
	QUICK=
	: "${ROUNDS:=9}"
fi
bin=$BUILD/release/bench
tmp=$(mktemp -d "${TMPDIR:-/tmp}/ummfs-bench.XXXXXX") || exit 2
ours=$tmp/ours null=$tmp/null pass=$tmp/pass pool=/proc/sys/vm/nr_hugepages
BENCH_RESULTS=$tmp/results
export QUICK ROUNDS BENCH_RESULTS
mkdir "$ours" "$null" "$pass"
: >"$BENCH_RESULTS"
status=0 raised=0 child= files_dir= host_pool=

unmount() {
	mountpoint -q "$1" || return 0
	for _ in 1 2 3 4 5; do
		if [ "$(id -u)" -eq 0 ]; then umount "$1"; else fusermount3 -u "$1"; fi 2>/dev/null && return 0
		sleep 0.2
	done
	fusermount3 -u -z "$1" || umount -l "$1"
}

give_back_huge_pages() {
	[ "$raised" -gt 0 ] || return 0
	echo $(($(cat $pool) - raised)) >$pool
	raised=0
}

clean_up() {
	trap '' INT TERM HUP
	[ -z "$child" ] || { kill "$child" && wait "$child"; } 2>/dev/null
	unmount "$ours"
	unmount "$null"
	unmount "$pass"
	give_back_huge_pages
	[ -z "$host_pool" ] || echo "$host_pool" >$pool
	rm -rf "$tmp" ${files_dir:+"$files_dir"}
}
trap clean_up EXIT
trap 'echo "bench: stopped" >&2; exit 130' INT
trap 'exit 143' TERM HUP

# In the background, so that a signal is answered at once.
run() {
	"$@" &
	child=$!
	wait $child
	run_status=$?
	child=
	return $run_status
}

failed() {
	echo "FAILED: $1" >&2
	printf 'failed\t%s\n' "$1" >>"$BENCH_RESULTS"
	status=1
}

skip() {
	echo "SKIPPED: $1: $2"
	printf 'skip\t%s\t%s\n' "$1" "$2" >>"$BENCH_RESULTS"
}

# target WHAT UNIT LIMIT FILE: a figure a line in FILE
target() {
	sort -n "$4" | awk -v what="$1" -v unit="$2" -v limit="$3" '
		{ v[NR] = $1 }
		END { printf "target\t%s\t%s\t%s\t%s\t%s\t%s\n", what, unit, limit, v[int((NR + 1) / 2)], v[1], v[NR] }
	' >>"$BENCH_RESULTS"
}

# ---- Programs ----

archives=
for layer in daemon fs view knob vm policy mm region base; do
	archives="$archives $BUILD/release/$layer.a"
done
compile() { # compile OUTPUT SOURCES/FLAGS
	output=$1
	shift
	# shellcheck disable=SC2086 # flags are words
	"$CC" -std=gnu11 -O2 -g -pthread -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DFUSE_USE_VERSION=314 \
		-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
		-Isrc -Iinclude -Itests/bench $CFLAGS -o "$bin/$output" "$@"
}
b=tests/bench
compile_pages() { # compile_pages OUTPUT MEMPOOL-OBJECT LIBRARIES
	output=$1
	shift
	# shellcheck disable=SC2086
	compile "$output" $b/pages.c $b/pages_ummfs.c $b/bench.c $b/bench_machine.c "$@" $archives -linih -lnuma
}
compile_objects() { # likewise
	output=$1
	shift
	# shellcheck disable=SC2086
	compile "$output" $b/objects.c $b/objects_worker.c $b/objects_ummfs.c $b/bench.c $b/bench_machine.c "$@" \
		$archives $(pkg-config --libs fuse3 libarchive) -linih -lnuma
}
compile_all() {
	mkdir -p "$bin" || return
	# shellcheck disable=SC2086
	compile start $b/start.c $b/bench.c $b/bench_machine.c $archives -linih -lnuma &
	one=$!
	compile_pages pages-alone $b/pages_mempool.c &
	two=$!
	compile_objects objects-alone $b/objects_mempool.c &
	four=$!
	compile views $b/views.c $b/bench.c &
	three=$!
	compile slabinfo $b/slabinfo.c $b/bench.c &
	five=$!
	compile files $b/files.c $b/bench.c &
	six=$!
	compile huge $b/huge.c $b/bench.c &
	seven=$!
	# shellcheck disable=SC2046,SC2086
	compile huge_compact $b/huge_compact.c $b/bench.c $b/bench_machine.c $archives \
		$(pkg-config --libs fuse3 libarchive) -linih -lnuma || return
	for fs in nullfs bufferfs passfs; do
		# shellcheck disable=SC2046
		compile $fs $b/$fs.c $b/peer.c $(pkg-config --cflags --libs fuse3) || return
	done
	wait $six && wait $seven &&
		wait $one && wait $two && wait $three && wait $four && wait $five
}
# The peer gets what its own build would give it: all of this CPU's instructions.
compile_dpdk() {
	for part in pages objects; do
		rm -f "$bin/$part"
		pkg-config --exists libdpdk || continue
		# shellcheck disable=SC2046
		compile ${part}_mempool.o -c -O3 -march=native -DBENCH_DPDK \
			$(pkg-config --cflags libdpdk | sed 's/-I/-isystem /g') $b/${part}_mempool.c &&
			compile_$part $part "$bin/${part}_mempool.o" -lrte_eal -lrte_mempool || return
	done
}

# ---- Start ----

resident_kib() { # of the daemon that serves a mount point
	pid=$(pgrep -n -f -- "$1") && sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status"
}

mount_large() {
	from=$(date +%s%N)
	"$UMMFS" -c conf/eight-nodes.conf "$ours" && head -c 1 "$ours/proc/buddyinfo" >/dev/null || return
	to=$(date +%s%N)
	echo $(((to - from) / 10000)) | sed 's/\(..\)$/.\1/' >>"$tmp/ms"
	cat "$ours/proc/zoneinfo" "$ours/proc/vmstat" "$ours/proc/pagetypeinfo" >/dev/null
	resident_kib "$ours" | awk '{ printf "%.1f\n", $1 / 1024 }' >>"$tmp/mib"
	unmount "$ours"
}

part_start() {
	run "$bin/start" || failed "start in process"
	echo
	echo "Start of the mounted 16 TiB machine, 8 nodes (until buddyinfo was read; VmRSS after reading all)"
	for _ in 1 2 3 4 5; do
		mount_large || { failed "the 16 TiB machine does not mount"; return; }
	done
	printf '  ms: %s\n  resident MiB: %s\n' "$(sort -n "$tmp/ms" | xargs)" "$(sort -n "$tmp/mib" | xargs)"
	target "start, mounted, 16 TiB on 8 nodes" ms 1000 "$tmp/ms"
	target "resident, mounted, 16 TiB on 8 nodes" MiB 64 "$tmp/mib"
}

# ---- Page frames ----

# Peers need 2 MiB pages; what is missing is added, and taken away in the end.
take_huge_pages() { # take_huge_pages NR
	grep -q '^Hugepagesize: *2048 kB' /proc/meminfo || return
	free=$(sed -n 's/^HugePages_Free: *//p' /proc/meminfo)
	[ "$free" -lt "$1" ] || return 0
	[ -w $pool ] || return
	before=$(cat $pool)
	raised=$(($1 - free))
	echo $((before + raised)) >$pool
	raised=$(($(cat $pool) - before))
	[ "$(sed -n 's/^HugePages_Free: *//p' /proc/meminfo)" -ge "$1" ]
}

with_mempool() { # with_mempool PROGRAM HUGE-PAGES WHAT: with the peer if it can be had
	program=$bin/$1-alone
	BENCH_NO_PEER=
	if [ ! -x "$bin/$1" ]; then
		BENCH_NO_PEER="libdpdk-dev is not installed: make deps-bench"
	elif [ "$(id -u)" -ne 0 ] || ! take_huge_pages "$2"; then
		BENCH_NO_PEER="it wants $(($2 * 2)) MiB of huge pages, and root to take them"
	else
		program=$bin/$1
	fi
	export BENCH_NO_PEER
	run "$program" run || failed "$3"
	give_back_huge_pages
}

part_pages() {
	with_mempool pages 160 "page frames"
}

part_objects() {
	with_mempool objects 250 "objects"
}

# ---- Instructions ----

refs() { # refs FILE PROGRAM ALLOCATOR LOAD ORDER KIND N: instructions from start to end, into FILE
	out=$1 program=$2
	shift 2
	BENCH_NO_HUGE=1 valgrind --tool=callgrind --callgrind-out-file="$out.callgrind" "$program" count "$@" 2>&1 |
		sed -n 's/.*Collected : *//p' >"$out"
}

# The difference of two runs: what start and end cost is in both.
count() { # count NAME LIMIT PROGRAM ALLOCATOR LOAD ORDER KIND
	name=$1 limit=$2
	shift 2
	refs "$tmp/few" "$@" 10000 &
	refs "$tmp/many" "$@" 50000
	wait $!
	if ! [ -s "$tmp/few" ] || ! [ -s "$tmp/many" ]; then
		failed "instructions of $name"
		return
	fi
	echo "$(cat "$tmp/few") $(cat "$tmp/many")" | awk '{ printf "%.1f\n", ($2 - $1) / 40000 }' >"$tmp/count"
	printf '  %-44s %8s\n' "$name" "$(cat "$tmp/count")"
	[ -z "$limit" ] || target "instructions, $name" instr "$limit" "$tmp/count"
}

part_count() {
	if ! command -v valgrind >/dev/null; then
		skip "instruction counts" "valgrind is not installed: make deps-bench"
		return
	fi
	echo "Instructions for one operation (callgrind)"
	p=$bin/pages-alone
	count "order-0 pair inside a CPU" 120 "$p" inside pair 0 0
	count "order-0 pair, an entry for each operation" "" "$p" entry pair 0 0
	[ -z "$QUICK" ] || return 0
	[ ! -x "$bin/pages" ] || count "mempool pair" "" "$bin/pages" mempool pair 0 0
	count "order-0 pair inside, GFP_KERNEL" "" "$p" inside pair 0 1
	count "order-0 pair of a batch of 1000 inside" "" "$p" inside batch 0 0
	count "order-3 pair inside" "" "$p" inside pair 3 0
	count "order-9 pair inside" "" "$p" inside pair 9 0
	count "order-10 pair inside" "" "$p" inside pair 10 0
	count "mixed orders at 80 % inside" "" "$p" inside mixed 10 2
}

# ---- Views ----

VIEWS="proc/zoneinfo proc/buddyinfo proc/pagetypeinfo proc/meminfo proc/vmstat sys/devices/system/node/node0/meminfo"

# 2000 caches and those of the machine's kernel, on 8 nodes.
part_slabinfo() {
	"$UMMFS" -c conf/eight-nodes.conf "$ours" || { failed "ummfs does not mount"; return; }
	"$bin/slabinfo" prepare "$ours" || { failed "making 2000 caches"; unmount "$ours"; return; }
	"$bin/nullfs" "$null" "proc/slabinfo=$(($(cat "$ours/proc/slabinfo" | wc -c)))" ||
		{ failed "the null file system does not mount"; unmount "$ours"; return; }
	echo
	echo "slabinfo of 2000 caches on 8 nodes, one of them changing before each read"
	run "$bin/slabinfo" measure "$ours" "$null" || failed "reading slabinfo"
	"$bin/slabinfo" spread "$ours"
	echo "the same with objects on every node, taken by a CPU of each"
	BENCH_WHAT="slabinfo of 2000 caches used on 8 nodes, to the null fs"
	export BENCH_WHAT
	run "$bin/slabinfo" measure "$ours" "$null" || failed "reading slabinfo"
	unset BENCH_WHAT
	unmount "$ours"
	unmount "$null"
}

part_views() {
	# shellcheck disable=SC2086
	"$UMMFS" ${BENCH_CONF:+-c "$BENCH_CONF"} "$ours" || { failed "ummfs does not mount"; return; }
	files="tasks/change=0"
	for v in $VIEWS; do
		files="$files $v=$(($(cat "$ours/$v" | wc -c)))"
	done
	# shellcheck disable=SC2086
	"$bin/nullfs" "$null" $files || { failed "the null file system does not mount"; return; }
	run "$bin/views" "$ours" "$null" || failed "reading views"
	unmount "$ours"
	unmount "$null"
}

# ---- Files ----

# A machine with room for the file and for all of it being dirty, so that writing is not writing back.
part_files() {
	mib=1024
	[ -z "$QUICK" ] || mib=256
	if ! [ -d /dev/shm ] || [ "$(df -Pm /dev/shm | awk 'NR == 2 { print $4 }')" -lt $((mib * 3)) ]; then
		skip "files" "there is no /dev/shm with $((mib * 3)) MiB of room"
		return
	fi
	files_dir=$(mktemp -d /dev/shm/ummfs-bench.XXXXXX) || { failed "no folder in /dev/shm"; return; }
	mkdir "$files_dir/ours" "$files_dir/pass" "$files_dir/tmpfs"
	cat >"$tmp/files.conf" <<-EOF
		[node 0]
		memory=$((mib * 4))M
		cpus=0-1
		[vm]
		dirty_ratio=80
		dirty_background_ratio=70
	EOF
	# In huge pages, as the buffer is; what they were taken from gets them back at the unmount.
	{ [ "$(id -u)" -eq 0 ] && "$UMMFS" -c "$tmp/files.conf" -o "backing=hugetlb,reserve,source=$files_dir/ours" "$ours" ||
		"$UMMFS" -c "$tmp/files.conf" -o "source=$files_dir/ours" "$ours"; } && "$bin/bufferfs" "$null" $((mib << 20)) &&
		"$bin/passfs" "$pass" "$files_dir/pass" || { failed "mounting for files"; return; }
	echo "Files: $mib MiB in requests of 1 MiB and 4 KiB, 10000 names"
	BENCH_FILE_MIB=$mib
	export BENCH_FILE_MIB
	run "$bin/files" "$ours" "$null" "$pass" "$files_dir/tmpfs" || failed "files"
	unmount "$ours"
	unmount "$null"
	unmount "$pass"
	rm -rf "$files_dir"
	files_dir=
}

# ---- Huge pages ----

# Two machines with a file of 2 GiB made of huge pages of their pools; the memory of the second is the host's small pages.
huge_random() {
	mib=2048
	[ -z "$QUICK" ] || mib=1024
	printf '[node 0]\nmemory=%dM\ncpus=0-1\n' $((mib + 256)) >"$tmp/huge.conf"
	"$UMMFS" -c "$tmp/huge.conf" -o backing=hugetlb,reserve "$ours" ||
		{ skip "random reads of dev/mem" "the host has no $((mib + 256)) MiB of huge pages"; return; }
	"$UMMFS" -c "$tmp/huge.conf" -o backing=sparse "$null" || { failed "the sparse machine does not mount"; return; }
	for m in "$ours" "$null"; do
		echo $((mib / 2)) >"$m/proc/sys/vm/nr_hugepages" && fallocate -l ${mib}M "$m/dev/hugepages/bench" ||
			{ failed "no file of $mib MiB in $m/dev/hugepages"; return; }
	done
	run "$bin/huge" random "$ours" "$null" $mib || failed "random reads of dev/mem"
}

huge_pool() {
	if [ "$host_pool" -ne 0 ]; then
		skip "pool 0 -> 512 -> 0" "the host's own pool has to be empty"
		return
	fi
	printf '[node 0]\nmemory=4G\ncpus=0-1\n' >"$tmp/pool.conf"
	"$UMMFS" -c "$tmp/pool.conf" -o backing=sparse "$ours" || { failed "ummfs does not mount"; return; }
	run "$bin/huge" pool "$ours" || failed "the pool"
}

# A daemon that has been unmounted gives back what it had reserved.
host_pool_settle() {
	for _ in $(seq 50); do
		[ "$(cat $pool)" -ne "$host_pool" ] || return 0
		sleep 0.1
	done
	failed "the host's pool has $(cat $pool) pages, not $host_pool"
	echo "$host_pool" >$pool
}

part_huge() {
	if [ "$(id -u)" -ne 0 ] || ! [ -w $pool ]; then
		skip "huge pages" "only root may change the host's pool"
		return
	fi
	host_pool=$(cat $pool)
	machine_mib=2048
	[ -z "$QUICK" ] || machine_mib=512
	huge_random
	unmount "$ours"
	unmount "$null"
	host_pool_settle
	echo
	huge_pool
	unmount "$ours"
	host_pool_settle
	echo
	run "$bin/huge_compact" hugetlb $machine_mib || failed "compaction"
	host_pool_settle
	run "$bin/huge_compact" sparse $machine_mib || failed "compaction on sparse memory"
	host_pool=
}

# ---- All of it ----

summary() {
	echo "Summary ($(nproc) CPUs, Linux $(uname -r), load $(cut -d' ' -f1-3 /proc/loadavg), $ROUNDS rounds)"
	awk -F '\t' '
	$1 == "target" {
		good = $5 <= $4
		printf "  %-4s  %-62s %9s %-6s at most %-6s [%s-%s]\n", good ? "PASS" : "MISS", $2, $5, $3, $4, $6, $7
		missed += !good
	}
	$1 == "skip" { printf "  SKIP  %s: %s\n", $2, $3 }
	$1 == "failed" { printf "  FAIL  %s\n", $2 }
	END { if (missed) printf "  %d target%s missed\n", missed, (missed > 1 ? "s" : "") }
	' "$BENCH_RESULTS"
}

compile_all || { echo "FAILED: the benchmarks do not build" >&2; exit 1; }
compile_dpdk || failed "the side of DPDK does not build"
for part in $PARTS; do
	case $part in
	start | pages | objects | count | views | slabinfo | files | huge) "part_$part" ;;
	*) echo "PARTS: there is no part $part" >&2; exit 2 ;;
	esac
	echo
done
summary
exit $status
