#!/bin/sh
# SPDX-License-Identifier: MIT
# Memory policies on a mount, and what numastat and numactl make of them under ummfs-run.
. "$SRCDIR/tests/mount/lib.sh"

cat >"$work/numa.conf" <<'EOF'
[node 0]
memory=512M
cpus=0-1
distance=10 21 31
[node 1]
memory=512M
cpus=2-3
distance=21 10 21
[node 2]
memory=256M
distance=31 21 10
EOF
start -c "$work/numa.conf"
cd "$M" || exit 1

numastat_of() { # numastat_of NODE ITEM
	sed -n "s/^$2 //p" "$M/sys/devices/system/node/node$1/numastat"
}

maps() { # maps TASK: its numa_maps
	cat "$M/proc/$(cat "$M/tasks/$1/pid")/numa_maps"
}

row() { # row NAME FILE: the numbers of a line
	awk -v name="$1" '$1 == name { $1 = ""; print substr($0, 2) }' "$2"
}

# Every policy, and what it places where.
policies() {
	mkdir tasks/p
	same "at first" default "$(cat tasks/p/mempolicy)"
	other=$(numastat_of 1 other_node)
	echo bind:1 >tasks/p/mempolicy
	echo 64M >tasks/p/anon
	same "bind" '200000000000 bind:1 anon=16384 dirty=16384 active=0 N1=16384 kernelpagesize_kB=4' "$(maps p)"
	same "bind: other_node" 16384 "$(($(numastat_of 1 other_node) - other))"
	hits=$(numastat_of 0 interleave_hit) hits2=$(numastat_of 2 interleave_hit)
	echo interleave:0,2 >tasks/p/mempolicy
	echo 96M >tasks/p/anon
	same "interleave" '200000000000 interleave:0,2 anon=24576 dirty=24576 active=0 N0=4096 N1=16384 N2=4096 kernelpagesize_kB=4' \
		"$(maps p)"
	same "interleave_hit" '4096 4096' \
		"$(($(numastat_of 0 interleave_hit) - hits)) $(($(numastat_of 2 interleave_hit) - hits2))"
	echo preferred:2 >tasks/p/mempolicy
	same "preferred" preferred:2 "$(cat tasks/p/mempolicy)"
	same "as the kernel calls it" prefer:2 "$(maps p | cut -d' ' -f2)"
	for bad in bind bind: bind:3 nodes:0 local:0 'bind:0 later'; do
		refuses "bad policy" sh -c "echo '$bad' >tasks/p/mempolicy"
	done
	same "nothing changed" preferred:2 "$(cat tasks/p/mempolicy)"
	rmdir tasks/p
}

# Pages follow, with what is in them.
follow() {
	mkdir tasks/m
	echo 32M >tasks/m/anon
	head -c 32M /dev/urandom >"$work/bytes"
	cat "$work/bytes" >tasks/m/mem
	moved=$(vmstat_of pgmigrate_success)
	echo 'bind:2 move' >tasks/m/mempolicy
	same "moved" '200000000000 bind:2 anon=8192 dirty=8192 active=0 N2=8192 kernelpagesize_kB=4' "$(maps m)"
	same "pgmigrate_success" 8192 "$(($(vmstat_of pgmigrate_success) - moved))"
	check "bytes moved along" cmp "$work/bytes" tasks/m/mem
	echo 1 >tasks/m/cpu
	echo 3 >tasks/m/cpu
	echo 'local move' >tasks/m/mempolicy
	same "home" '200000000000 local anon=8192 dirty=8192 active=0 N1=8192 kernelpagesize_kB=4' "$(maps m)"
	check "bytes came along" cmp "$work/bytes" tasks/m/mem
	same "nothing failed" 0 "$(vmstat_of pgmigrate_fail)"
	rmdir tasks/m
}

# A full node: the report names the policy, and other nodes are not asked.
shortage() {
	mkdir tasks/o tasks/elsewhere
	echo bind:0 >tasks/elsewhere/mempolicy
	echo 300M >tasks/elsewhere/anon
	echo bind:2 >tasks/o/mempolicy
	refuses "more than node 2 has" sh -c 'echo 300M >tasks/o/anon'
	same "it died" 'alloc_fail 1
oom_kill 1' "$(cat tasks/o/events)"
	same "the other one lives" 314572800 "$(cat tasks/elsewhere/anon)"
	timeout 2 cat dev/kmsg >"$work/kmsg"
	check "constraint" grep -q ';oom-kill:constraint=CONSTRAINT_MEMORY_POLICY,nodemask=2,cpuset=/,mems_allowed=0-2,' "$work/kmsg"
	check "Mem-Info of node 2" grep -q 'Node 2 .* free:' "$work/kmsg"
	refuses "and of no other" grep -q 'Node [01] [A-Z].* free:' "$work/kmsg"
	rmdir tasks/o tasks/elsewhere
}

# The tools: values per node, in MB.
tools() {
	command -v numastat >/dev/null || { echo "SKIPPED: no numastat"; return; }
	mkdir tasks/worker tasks/idle
	echo 12 >proc/sys/vm/nr_hugepages
	echo bind:1 >tasks/worker/mempolicy
	echo 64M >tasks/worker/anon
	echo interleave:0-2 >tasks/worker/mempolicy
	echo '2M 3' >tasks/worker/hugetlb
	echo 96M >tasks/worker/anon
	echo 5M >tasks/idle/anon
	pid=$(cat tasks/worker/pid)
	"$UMMFS_RUN" -m "$M" --proc -- numastat -p "$pid" >"$work/by-pid" 2>"$work/err" || fail "numastat -p PID: status $?"
	"$UMMFS_RUN" -m "$M" --proc -- numastat -p worker >"$work/by-name" 2>"$work/err" || fail "numastat -p NAME: status $?"
	for by in by-pid by-name; do
		check "$by: whose" grep -q "for PID $pid (worker)$" "$work/$by"
		same "$by: huge pages" '2.00 2.00 2.00 6.00' "$(row Huge "$work/$by")"
		same "$by: private" '10.66 74.67 10.67 96.00' "$(row Private "$work/$by")"
		same "$by: heap" '0.00 0.00 0.00 0.00' "$(row Heap "$work/$by")"
		same "$by: total" '12.66 76.67 12.67 102.00' "$(row Total "$work/$by")"
	done
	"$UMMFS_RUN" -m "$M" -- numastat -m >"$work/m" 2>"$work/err" || fail "numastat -m: status $?"
	same "numastat -m: huge pages" '8.00 8.00 8.00 24.00' "$(row HugePages_Total "$work/m")"
	for nid in 0 1 2; do
		kb=$(sed -n "s/^Node $nid AnonPages: *\([0-9]*\) kB/\1/p" "sys/devices/system/node/node$nid/meminfo")
		same "numastat -m: AnonPages of node $nid" "$(awk -v kb="$kb" 'BEGIN { printf "%.2f", kb / 1024 }')" \
			"$(row AnonPages "$work/m" | cut -d' ' -f$((nid + 1)))"
	done
	"$UMMFS_RUN" -m "$M" -- numactl -H >"$work/h" || fail "numactl -H: status $?"
	check "numactl: nodes" grep -qx 'available: 3 nodes (0-2)' "$work/h"
	check "numactl: a node without CPUs" grep -Eqx 'node 2 cpus: *' "$work/h"
	check "numactl: distances" grep -Eqx ' *2: +31 +21 +10 *' "$work/h"
	rmdir tasks/worker tasks/idle
	echo 0 >proc/sys/vm/nr_hugepages
}

# The policy is part of the state.
rebirth() {
	mkdir tasks/s
	echo interleave:1-2 >tasks/s/mempolicy
	echo 4M >tasks/s/anon
	was=$(maps s)
	cp state.tar "$work/state.tar"
	cd /
	first=$M
	start --from "$work/state.tar"
	cd "$M" || exit 1
	same "policy after a restart" interleave:1-2 "$(cat tasks/s/mempolicy)"
	same "places after a restart" "$was" "$(maps s)"
	cd /
	stop "$M"
	M=$first
}

policies
follow
shortage
tools
rebirth
cd /
stop "$M"
finish
