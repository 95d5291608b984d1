#!/bin/sh
# SPDX-License-Identifier: MIT
#
# walk.sh        mount the built-in machine, walk through it, leave it mounted   (make run)
# walk.sh stop   unmount it; huge pages that it reserved go back                 (make stop)
#
# Environment: BUILD, UMMFS, UMMFS_RUN (see the Makefile).
set -eu
: "${BUILD:=build}" "${UMMFS:=$BUILD/ummfs}" "${UMMFS_RUN:=$BUILD/ummfs-run}"
mnt=$BUILD/mnt

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || title() { printf '\n== %s\n' "$*"; }
show() { # show COMMAND: print it as typed, then run it below the mount
	printf '$ %s\n' "$*"
	(cd "$mnt" && sh -c "$*")
}
try() { show "$@" || echo "(status $?)"; }

is_mounted() { grep -q " $(realpath "$mnt") fuse.ummfs " /proc/self/mounts 2>/dev/null; }

stop() {
	if ! [ -d "$mnt" ] || ! is_mounted; then
		echo "nothing is mounted on $mnt"
		return 0
	fi
	if [ "$(id -u)" -eq 0 ]; then umount "$mnt"; else fusermount3 -u "$mnt"; fi
	# The daemon gives its huge pages back after the unmount: wait for it.
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		pgrep -f "^$UMMFS .*$mnt\$" >/dev/null 2>&1 || break
		sleep 0.2
	done
	rmdir "$mnt"
	echo "unmounted $mnt"
}

if [ "${1-}" = stop ]; then
	stop
	exit
fi

if ! [ -e /dev/fuse ]; then
	echo "there is no /dev/fuse here: load the module (modprobe fuse) or pass the device into the container" >&2
	exit 1
fi

mkdir -p "$mnt"
if is_mounted; then stop >/dev/null; mkdir -p "$mnt"; fi

title "A machine of two nodes with 512 MiB each, mounted on $mnt"
if [ "$(id -u)" -eq 0 ] && "$UMMFS" -o backing=hugetlb,reserve,allow_other "$mnt"; then
	echo "its memory: huge pages of this host, reserved for it and given back by make stop"
else
	echo "its memory: transparent huge pages (thp); for hugetlbfs be root on a host with 1 GiB free"
	"$UMMFS" -o backing=thp "$mnt"
fi

title "Unmodified tools see the emulated machine (ummfs-run binds its files over the host's)"
try "'$(realpath "$UMMFS_RUN")' -m . -- numactl -H"
try "'$(realpath "$UMMFS_RUN")' -m . -- numastat -m | grep -v ^Token | sed -n '1,8p'"
show "cat proc/buddyinfo"

title "A task takes memory and goes"
show "mkdir tasks/demo; echo 256M > tasks/demo/anon; cat tasks/demo/anon"
show "cat proc/buddyinfo; grep -E 'MemFree|AnonPages' proc/meminfo"
show "echo hello > tasks/demo/mem; head -c 6 tasks/demo/mem"
show "rmdir tasks/demo; cat proc/buddyinfo"

title "Objects of a slab cache"
show "mkdir tasks/net; echo 'TCP 384' > tasks/net/slab; echo 'TCP -96' > tasks/net/slab"
show "grep -E '^# name|^TCP ' proc/slabinfo; cat sys/kernel/slab/TCP/partial; grep ^Slab proc/meminfo"
show "rmdir tasks/net; echo 1 > sys/kernel/slab/TCP/shrink; grep '^TCP ' proc/slabinfo"

title "Files: content in the page cache, names and inodes in slab caches"
counts="grep -E '^(Cached|Dirty):' proc/meminfo; awk '/^(dentry|inode_cache|radix_tree_node) / { print \$1, \$2 }' proc/slabinfo"
sum="find files -type f -exec cat {} + | sha256sum"
show "$counts"
show "cp -a '$(pwd)/src' '$(pwd)/tests' files/; du -sh files; find files | wc -l"
show "$counts"
before=$(cd "$mnt" && sh -c "$sum")

title "Knob 1: drop_caches. 1: clean pages (sync first), 2: names and inodes nobody uses, 3: both"
show "sync files; echo 1 > proc/sys/vm/drop_caches; $counts"
show "echo 2 > proc/sys/vm/drop_caches; $counts"
show "$sum; $counts"
show "echo 3 > proc/sys/vm/drop_caches; $counts"
after=$(cd "$mnt" && sh -c "$sum")
[ "$before" = "$after" ] || { echo "the files have changed: $before, $after" >&2; exit 1; }
echo "(content intact: $after)"
show "rm -r files/src files/tests; mkdir tasks/reader"

title "Knob 2: min_free_kbytes wakes kswapd"
min=$(cat "$mnt/proc/sys/vm/min_free_kbytes")
show "echo 400M > tasks/reader/file; cat proc/sys/vm/min_free_kbytes"
show "grep -E 'zone|pages free|  (min|low|high) ' proc/zoneinfo | grep -A4 'DMA32'; grep pgsteal_kswapd proc/vmstat"
show "echo 524288 > proc/sys/vm/min_free_kbytes; sleep 1"
show "grep -E 'zone|pages free|  (min|low|high) ' proc/zoneinfo | grep -A4 'DMA32'; grep pgsteal_kswapd proc/vmstat"
show "cat tasks/reader/file; rmdir tasks/reader; echo $min > proc/sys/vm/min_free_kbytes"

title "Knob 3: nr_hugepages"
show "grep ^HugePages_ proc/meminfo; echo 64 > proc/sys/vm/nr_hugepages; grep ^HugePages_ proc/meminfo"
show "cat sys/devices/system/node/node*/hugepages/hugepages-2048kB/nr_hugepages"
show "echo 0 > proc/sys/vm/nr_hugepages; grep ^HugePages_Total proc/meminfo"

title "It stays mounted"
cat <<END
Go on:  cat $mnt/README          what is where, and experiments
        cat $mnt/proc/zoneinfo
        $UMMFS_RUN -m $mnt -- vmstat -s
Stop:   make stop
END
