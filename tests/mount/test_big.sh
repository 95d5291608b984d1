#!/bin/sh
# SPDX-License-Identifier: MIT
# 16 TiB in 8 nodes: mounted within a second, below 64 MiB resident.
. "$SRCDIR/tests/mount/lib.sh"

begin=$(date +%s%N)
start -c "$SRCDIR/conf/eight-nodes.conf"
cat "$M/proc/buddyinfo" >/dev/null
took_ms=$((($(date +%s%N) - begin) / 1000000))
at_most "ms until mounted" 1000 "$took_ms"
pid=$(daemon_of "$M")
at_most "kB resident" 65536 "$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status")"
same "nodes" 0-7 "$(cat "$M/sys/devices/system/node/online")"
at_least "MemTotal, GiB" 15900 $(($(meminfo MemTotal) / 1048576))
echo "mounted in $took_ms ms"
mkdir "$M/tasks/a"
echo 1G >"$M/tasks/a/anon"
cat "$M"/proc/zoneinfo "$M"/proc/pagetypeinfo "$M"/proc/vmstat >/dev/null
at_most "kB resident after 1G of anon and all views" 131072 "$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status")"
rmdir "$M/tasks/a"
stop "$M"

# What describes the frames is host memory, too: more than there is gets ENOMEM, at once.
start -c "$SRCDIR/conf/eight-nodes.conf" -o limit=64M
mkdir "$M/tasks/a"
refuses "10T of anon" sh -c "echo 10T >'$M/tasks/a/anon'"
refuses "10T of file" sh -c "echo 10T >'$M/tasks/a/file'"
refuses "2^30 pages" sh -c "echo '0 GFP_KERNEL 1000000000' >'$M/tasks/a/pages'"
same "anon after ENOMEM" 0 "$(cat "$M/tasks/a/anon")"
check "the machine answers" sh -c "echo 1G >'$M/tasks/a/anon'"
rmdir "$M/tasks/a"
stop "$M"
finish
