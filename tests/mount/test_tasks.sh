#!/bin/sh
# SPDX-License-Identifier: MIT
# Tasks take memory and give it back; content; page cache and the knobs; fragmentation.
. "$SRCDIR/tests/mount/lib.sh"

start -o backing=sparse
before=$(zone_pages "$M")
mkdir "$M/tasks/a"
echo 256M >"$M/tasks/a/anon"
same "anon reads back" 268435456 "$(cat "$M/tasks/a/anon")"
[ "$(zone_pages "$M")" != "$before" ] || fail "256M of anon took nothing"
printf 'hello, frames' | dd of="$M/tasks/a/mem" bs=1 seek=12345678 conv=notrunc status=none
same "mem reads back" 'hello, frames' "$(dd if="$M/tasks/a/mem" bs=1 skip=12345678 count=13 status=none)"
check "content stands in dev/mem" grep -aq 'hello, frames' "$M/dev/mem"
rmdir "$M/tasks/a"
shrink_own
same "everything is back after rmdir" "$before" "$(zone_pages "$M")"

# A task is as private as its directory, and what stands in its memory is its owner's in any case.
(umask 022 && mkdir "$M/tasks/open")
(umask 077 && mkdir "$M/tasks/closed")
mkdir -m 750 "$M/tasks/group"
modes() {
	(cd "$M/tasks/$1" && stat -c %a . anon events mem | tr '\n' ' ')
}
same "modes with umask 022" '755 644 444 600 ' "$(modes open)"
same "modes with umask 077" '700 600 400 600 ' "$(modes closed)"
same "modes with mkdir -m 750" '750 640 440 600 ' "$(modes group)"
if [ "$(id -u)" -eq 0 ]; then
	echo 1M | tee "$M/tasks/open/anon" "$M/tasks/closed/anon" >/dev/null
	check "others see how much" as_user cat "$M/tasks/open/anon" >/dev/null
	refuses "others read the memory" as_user cat "$M/tasks/open/mem"
	refuses "others see how much of a closed one" as_user cat "$M/tasks/closed/anon"
	refuses "others list a closed one" as_user ls "$M/tasks/closed"
	check "its process can be seen" as_user cat "$M/proc/$(cat "$M/tasks/closed/pid")/status" >/dev/null
fi
rmdir "$M/tasks/open" "$M/tasks/closed" "$M/tasks/group"

# Errors change nothing.
mkdir "$M/tasks/b"
for bad in x 12Q -1 '1M 2M' 0x10; do
	refuses "anon takes '$bad'" sh -c "printf '%s\n' '$bad' >'$M/tasks/b/anon'"
done
same "anon after garbage" 0 "$(cat "$M/tasks/b/anon")"
refuses "anon beyond the machine" sh -c "echo 100G >'$M/tasks/b/anon'"
same "anon after ENOMEM" 0 "$(cat "$M/tasks/b/anon")"
refuses "second task of one name" mkdir "$M/tasks/b"
echo '3 GFP_KERNEL 100' >"$M/tasks/b/pages"
echo '3 GFP_KERNEL -40' >"$M/tasks/b/pages"
same "pages" '3 GFP_KERNEL 60' "$(cat "$M/tasks/b/pages")"
echo '3 GFP_KERNEL 0' >"$M/tasks/b/pages"
same "pages after 0" '' "$(cat "$M/tasks/b/pages")"
rmdir "$M/tasks/b"

# Page cache, drop_caches, kswapd.
mkdir "$M/tasks/f"
cached=$(meminfo Cached)
echo 400M >"$M/tasks/f/file"
echo 1 >"$M/proc/sys/vm/stat_refresh"
same "Cached grows by the file" $((cached + 409600)) "$(meminfo Cached)"
min=$(cat "$M/proc/sys/vm/min_free_kbytes")
echo 560000 >"$M/proc/sys/vm/min_free_kbytes"
for _ in $(seq 50); do
	[ "$(vmstat_of pgsteal_kswapd)" -gt 0 ] && break
	sleep 0.1
done
zones_below_low() { # those whose free memory is below their low mark
	echo 1 >"$M/proc/sys/vm/stat_refresh"
	awk '/^Node/ { zone = $0 } /pages free/ { free = $3 } $1 == "low" { low = $2 }
		$1 == "high" && $2 > 0 && free < low { print zone ": free " free " below low " low }' "$M/proc/zoneinfo"
}
for _ in $(seq 200); do # at once, but for sanitizers and a busy host
	[ "$(zones_below_low)" ] || break
	sleep 0.1
done
at_least "kswapd stole" 1 "$(vmstat_of pgsteal_kswapd)"
same "no zone is below its low mark after kswapd" "" "$(zones_below_low)"
held=$(cat "$M/tasks/f/file")
at_most "file after kswapd" $((400 * 1048576 - 1)) "$held"
echo 1 >"$M/proc/sys/vm/drop_caches"
same "file after drop_caches" 0 "$(cat "$M/tasks/f/file")"
echo 1 >"$M/proc/sys/vm/stat_refresh"
same "Cached after drop_caches" "$cached" "$(meminfo Cached)"
echo "$min" >"$M/proc/sys/vm/min_free_kbytes"
rmdir "$M/tasks/f"
shrink_own
same "everything is back after drop_caches" "$before" "$(zone_pages "$M")"

# Two tasks take pages in turn, one goes: order-9 blocks are rare, and the pool gets what there is.
mkdir "$M/tasks/x" "$M/tasks/y"
for _ in $(seq 300); do
	echo '0 GFP_KERNEL +256' >"$M/tasks/x/pages"
	echo '0 GFP_KERNEL +256' >"$M/tasks/y/pages"
done
rmdir "$M/tasks/x"
check "extfrag shows it" grep -q '0\.[0-9]*[1-9]' "$M/sys/kernel/debug/extfrag/unusable_index"
echo 512 >"$M/proc/sys/vm/nr_hugepages"
got=$(cat "$M/proc/sys/vm/nr_hugepages")
at_least "huge pages" 1 "$got"
at_most "huge pages" 400 "$got"
same "meminfo agrees" "$got" "$(meminfo HugePages_Total)"
same "nodes add up" "$got" "$(cat "$M"/sys/devices/system/node/node*/hugepages/hugepages-2048kB/nr_hugepages | awk '{ n += $1 } END { print n }')"
echo 0 >"$M/proc/sys/vm/nr_hugepages"
rmdir "$M/tasks/y"
shrink_own
same "everything is back at the end" "$before" "$(zone_pages "$M")"

# Huge pages lent to a task.
echo 8 >"$M/proc/sys/vm/nr_hugepages"
mkdir "$M/tasks/h"
echo '2M 6' >"$M/tasks/h/hugetlb"
same "free huge pages" 2 "$(meminfo HugePages_Free)"
refuses "more than the pool has" sh -c "echo '2M 9' >'$M/tasks/h/hugetlb'"
same "hugetlb after ENOMEM" '2M 6' "$(cat "$M/tasks/h/hugetlb")"
echo 2 >"$M/proc/sys/vm/nr_hugepages"
same "used pages become surplus" 4 "$(meminfo HugePages_Surp)"
rmdir "$M/tasks/h"
same "surplus goes with its user" 2 "$(meminfo HugePages_Total)"
echo 0 >"$M/proc/sys/vm/nr_hugepages"
stop "$M"
finish
