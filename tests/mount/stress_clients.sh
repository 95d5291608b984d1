#!/bin/sh
# SPDX-License-Identifier: MIT
# Several clients over all files at once, for SECONDS_EACH seconds, then one look at what is left.
. "$SRCDIR/tests/mount/lib.sh"
: "${SECONDS_EACH:=60}" "${CLIENTS:=8}"

log=$work/daemon.log
mkdir "$work/m"
M=$work/m
"$UMMFS" -f -o backing=sparse "$M" >"$log" 2>&1 &
daemon=$!
MOUNTED="$M "
for _ in $(seq 100); do
	[ -e "$M/proc/meminfo" ] && break
	sleep 0.1
done
before=$(zone_pages "$M")

client() { # client N
	end=$(($(date +%s) + SECONDS_EACH)) t=$M/tasks/c$1
	while [ "$(date +%s)" -lt "$end" ]; do
		mkdir "$t"
		echo 8M >"$t/anon"
		echo +4M >"$t/file"
		echo "2 GFP_KERNEL 50" >"$t/pages"
		head -c 1000000 /dev/urandom >"$work/in$1"
		dd if="$work/in$1" of="$t/mem" bs=64k conv=notrunc status=none
		head -c 1000000 "$t/mem" | cmp -s - "$work/in$1" || echo "client $1: content differs" >>"$work/wrong"
		echo $(($1 % 3)) >"$t/cpu"
		find "$M" -type f ! -name mem ! -path "$M/dev/*" -exec cat {} + >/dev/null 2>&1
		echo 1 >"$M/proc/sys/vm/drop_caches"
		echo $((40 + $1)) >"$M/proc/sys/vm/nr_hugepages"
		echo $((20000 + 1000 * $1)) >"$M/proc/sys/vm/min_free_kbytes"
		echo $((10 + $1)) >"$M/proc/sys/vm/watermark_scale_factor"
		echo -2M >"$t/anon"
		rmdir "$t" || echo "client $1: rmdir failed" >>"$work/wrong"
	done
}
pids=
for n in $(seq "$CLIENTS"); do
	client "$n" 2>>"$work/stderr" &
	pids="$pids $!"
done
# shellcheck disable=SC2086
wait $pids
[ ! -e "$work/wrong" ] || { fail "clients"; head "$work/wrong"; }
echo 0 >"$M/proc/sys/vm/nr_hugepages"
echo 1 >"$M/proc/sys/vm/drop_caches"
shrink_own
same "all memory is back" "$before" "$(zone_pages "$M")"
if [ "$(id -u)" -eq 0 ]; then umount "$M"; else fusermount3 -u "$M"; fi
MOUNTED=''
wait "$daemon"
same "status of the daemon" 0 $?
if grep -E 'ERROR: |WARNING: ThreadSanitizer|runtime error' "$log"; then
	fail "the sanitizer found something"
	cp "$log" "${BUILD:-build}/test-logs/stress-daemon.log" 2>/dev/null
fi
finish
