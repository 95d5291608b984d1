#!/bin/sh
# SPDX-License-Identifier: MIT
# Unmodified tools under ummfs-run see the emulated machine: as root and as an ordinary user.
. "$SRCDIR/tests/mount/lib.sh"

conf=$SRCDIR/conf/xeon-2s.conf
bin=$work/bin
mkdir "$bin" "$work/run"
cp "$UMMFS" "$UMMFS_RUN" "$bin"
cp "$conf" "$work/xeon.conf"
chmod -R a+rX "$work"
chmod 1777 "$work/run"

tools() { # tools WHO PREFIX...: the prefix runs the command as somebody
	who=$1
	shift
	out=$work/out-$who
	run() { XDG_RUNTIME_DIR=$work/run "$@" "$bin/ummfs-run" -c "$work/xeon.conf" -- sh -c "$script" >"$out" 2>&1; }
	script='numactl -H && echo ==numastat && numastat && echo ==numastat-m && numastat -m &&
		echo ==free && free -k && echo ==vmstat && vmstat -s && echo ==sysctl && sysctl -a 2>/dev/null | grep ^vm &&
		sysctl -w vm.nr_hugepages=1024 && grep -E "^HugePages_Total|^Hugetlb" /proc/meminfo &&
		cat /sys/devices/system/node/node*/hugepages/hugepages-2048kB/nr_hugepages'
	run "$@" || { fail "$who: ummfs-run, status $?"; tail -n 5 "$out"; return; }
	has() { grep -Eq -- "$1" "$out" || fail "$who: no line matches '$1'"; }
	has '^available: 2 nodes \(0-1\)'
	has '^node 0 cpus: 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23$'
	has '^node 1 cpus: 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31$'
	has '^node 0 size: 6[0-9]{4} MB'
	has '^ *0: +10 +21'
	has '^ *1: +21 +10'
	has 'numa_hit'
	has '^MemTotal'
	has 'K total memory|total memory'
	has '^vm\.min_free_kbytes = '
	has '^vm\.nr_hugepages = 1024$'
	has '^HugePages_Total: +1024$'
	has '^Hugetlb: +2097152 kB'
	same "$who: 512 on each node" '512 512' "$(tail -n 2 "$out" | tr '\n' ' ' | sed 's/ $//')"
}

# Readers of slabinfo: 384 objects of TCP are taken and 96 given back. Tools that are not there are skipped, and said so.
slab_script='cd "$UMMFS_MOUNTPOINT" && mkdir tasks/a && echo "TCP 384" >tasks/a/slab && echo "TCP -96" >tasks/a/slab &&
	echo "==proc" && grep "^TCP " /proc/slabinfo && echo "==sys" && cat /sys/kernel/slab/TCP/objects &&
	echo "TCP 20 10 4" >/proc/slabinfo && grep "^TCP " /proc/slabinfo &&
	if command -v slabtop >/dev/null; then echo "==slabtop" && slabtop -o | grep " TCP *$" || exit 1; fi
	if command -v vmstat >/dev/null; then echo "==vmstat" && vmstat -m | grep "^TCP " || exit 1; fi
	true'
slab_tools() { # slab_tools WHO PREFIX...
	who=$1
	shift
	out=$work/slab-$who
	XDG_RUNTIME_DIR=$work/run "$@" "$bin/ummfs-run" -c "$work/xeon.conf" -- sh -c "$slab_script" >"$out" 2>&1 ||
		{ fail "$who: slab tools, status $?"; tail -n 5 "$out"; return; }
	has() { grep -Eq -- "$1" "$out" || fail "$who: no line matches '$1'"; }
	has '^TCP +288 +384 +1984 +16 +8 : tunables +0 +0 +0 : slabdata +24 +24 +0$'
	has '^288 N0=288$'
	has '^TCP +288 +384 +1984 +16 +8 : tunables +20 +10 +4 : slabdata +24 +24 +[0-9]+$'
	if grep -q '^==slabtop' "$out"; then has '^ +384 +288 +75% +1.94K +24 +16 +768K TCP *$'; else echo "SKIPPED: no slabtop"; fi
	if grep -q '^==vmstat' "$out"; then has '^TCP +288 +384 +1984 +16$'; else echo "SKIPPED: no vmstat"; fi
}

# The exporter takes its root as an option.
slab_exporter() {
	command -v prometheus-node-exporter >/dev/null || { echo "SKIPPED: no prometheus-node-exporter"; return; }
	command -v curl >/dev/null || { echo "SKIPPED: no curl"; return; }
	start -c "$work/xeon.conf"
	mkdir "$M/tasks/a"
	echo 'TCP 384' >"$M/tasks/a/slab"
	port=$((20000 + $$ % 20000))
	prometheus-node-exporter --path.procfs="$M/proc" --path.sysfs="$M/sys" --collector.disable-defaults \
		--collector.slabinfo --web.listen-address="127.0.0.1:$port" >"$work/exporter.log" 2>&1 &
	exporter=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		curl -s "http://127.0.0.1:$port/metrics" >"$work/metrics" && break
		sleep 0.3
	done
	kill "$exporter"
	wait "$exporter" 2>/dev/null
	same "exporter: active objects" 'node_slabinfo_active_objects{slab="TCP"} 384' \
		"$(grep '^node_slabinfo_active_objects{slab="TCP"}' "$work/metrics")"
	same "exporter: object size" 'node_slabinfo_object_size_bytes{slab="TCP"} 1984' \
		"$(grep '^node_slabinfo_object_size_bytes{slab="TCP"}' "$work/metrics")"
	stop "$M"
}

if [ "$(id -u)" -eq 0 ]; then
	tools root env
	slab_tools root env
	if as_user sh -c 'unshare -rm true' 2>/dev/null; then
		tools user as_user env
		slab_tools user as_user env
	else
		echo "SKIPPED: an ordinary user may not make user namespaces here"
	fi
else
	tools user env
	slab_tools user env
fi
slab_exporter

same "status of the command" 7 "$("$bin/ummfs-run" -- sh -c 'exit 7'; echo $?)"
same "command not found" 127 "$("$bin/ummfs-run" -- /nonexistent/command 2>/dev/null; echo $?)"
same "nothing stays mounted" 0 "$(grep -c "$work" /proc/self/mounts)"
finish
