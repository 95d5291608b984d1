#!/bin/sh
# SPDX-License-Identifier: MIT
# Several clients over all files at once, for SECONDS_EACH seconds, then one look at what is left.
. "$SRCDIR/tests/mount/lib.sh"
. "$SRCDIR/tests/mount/stress.sh"
: "${SECONDS_EACH:=60}" "${CLIENTS:=8}"

stress_start -o backing=sparse
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
stress_run
echo 0 >"$M/proc/sys/vm/nr_hugepages"
echo 1 >"$M/proc/sys/vm/drop_caches"
shrink_own
same "all memory is back" "$before" "$(zone_pages "$M")"
stress_end
