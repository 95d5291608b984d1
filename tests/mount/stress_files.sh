#!/bin/sh
# SPDX-License-Identifier: MIT
# Pressure, faults and several clients on files/ and tasks at once, for SECONDS_EACH seconds; then every page is
# back. Give it a debug build: that one verifies the whole machine before it ends.
. "$SRCDIR/tests/mount/lib.sh"
. "$SRCDIR/tests/mount/stress.sh"
: "${SECONDS_EACH:=600}" "${CLIENTS:=8}"

mkdir "$work/source"
cat >"$work/conf" <<E2
[node 0]
memory=96M
cpus=0-1
[node 1]
memory=96M
cpus=2-3
E2
stress_start -c "$work/conf" -o "backing=sparse,source=$work/source"
# Pages that are free or of slabs: the objects that the daemon keeps in reserve may lie in more slabs than before.
pages() {
	echo 1 >"$M/proc/sys/vm/stat_refresh"
	slab=$(meminfo Slab)
	zone_pages "$M" | awk -v slab="$slab" '{ n += $2 } END { print n + slab / 4 }'
}
used_objects() { awk 'NR > 2 && $2 { print $1, $2 }' "$M/proc/slabinfo"; }
ls "$M/files" # its inode stays
before=$(pages) objects=$(used_objects)
faults="$M/sys/kernel/debug"
for kind in failslab fail_page_alloc; do
	echo N >"$faults/$kind/ignore-gfp-wait"
	echo -1 >"$faults/$kind/times"
done
head -c 3000000 /dev/urandom >"$work/in"
sum=$(sha256sum <"$work/in")

# With faults, whatever a client does may fail; what it was told is done must be so.
client() { # client N
	end=$(($(date +%s) + SECONDS_EACH)) t=$M/tasks/c$1 d=$M/files/c$1 round=0
	while [ "$(date +%s)" -lt "$end" ]; do
		round=$((round + 1))
		mkdir "$t" "$d"
		echo 500 >"$t/oom_score_adj"
		echo $((round % 3 * 10))M >"$t/anon"
		echo 8M >"$t/file"
		echo "dentry 200" >"$t/slab"
		if cp "$work/in" "$d/copy"; then
			got=$(sha256sum <"$d/copy") && [ "$got" != "$sum" ] && echo "client $1: content differs" >>"$work/wrong"
		fi
		for i in 1 2 3 4 5 6 7 8; do
			echo "$1 $round $i" >"$d/f$i" && mv "$d/f$i" "$d/g$i" && ln "$d/g$i" "$d/h$i"
		done
		truncate -s 1000000 "$d/copy" && dd if="$work/in" of="$d/copy" bs=64k conv=notrunc oflag=append status=none
		find "$d" -type f -exec cat {} + >"$work/out$1"
		sync "$d/copy"
		case $1 in
		1) echo $((round % 4 + 1)) >"$M/proc/sys/vm/drop_caches" ;;
		2) echo $((1000 + round % 8 * 4000)) >"$M/proc/sys/vm/min_free_kbytes" ;;
		3) echo $((round % 3 * 5)) >"$faults/failslab/probability" ;;
		4) echo $((round % 3 * 5)) >"$faults/fail_page_alloc/probability" ;;
		5) cat "$M/state.tar" >"$work/state$1" ;;
		6) echo $((round % 8)) >"$M/proc/sys/vm/zone_reclaim_mode" ;;
		esac
		rm -rf "$d"
		rmdir "$t"
	done
}
stress_run
echo 0 >"$faults/failslab/probability"
echo 0 >"$faults/fail_page_alloc/probability"
rm -rf "$M"/files/c*
for t in "$M"/tasks/*; do rmdir "$t" 2>/dev/null; done
sync "$M/files"
for _ in 1 2 3; do echo 3 >"$M/proc/sys/vm/drop_caches"; done
for cache in "$M"/sys/kernel/slab/*/shrink; do echo 1 >"$cache"; done
same "all objects are back" "$objects" "$(used_objects)"
same "all memory is back" "$before" "$(pages)"
same "nothing is left in the source" "" "$(ls -A "$work/source")"
stress_end
