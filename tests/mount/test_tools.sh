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

if [ "$(id -u)" -eq 0 ]; then
	tools root env
	if as_user sh -c 'unshare -rm true' 2>/dev/null; then
		tools user as_user env
	else
		echo "SKIPPED: an ordinary user may not make user namespaces here"
	fi
else
	tools user env
fi

same "status of the command" 7 "$("$bin/ummfs-run" -- sh -c 'exit 7'; echo $?)"
same "command not found" 127 "$("$bin/ummfs-run" -- /nonexistent/command 2>/dev/null; echo $?)"
same "nothing stays mounted" 0 "$(grep -c "$work" /proc/self/mounts)"
finish
