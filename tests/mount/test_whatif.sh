#!/bin/sh
# SPDX-License-Identifier: MIT
# README's first use, worked: a log with an order:4 failure and 400 MiB free. Could the request have
# been met, why not, and what would have helped? Asked as an ordinary user, over several seeds.
. "$SRCDIR/tests/mount/lib.sh"

report=$SRCDIR/tests/oracle/reports/order4.dmesg
here=$work/whatif
mkdir -m 0777 "$here" "$here/bin"
cp "$report" "$here/report.txt"
cp "$UMMFS" "$UMMFS_RUN" "$here/bin"
chmod -R a+rX "$here"
UMMFS_RUN=$here/bin/ummfs-run

# As an ordinary user where one can make a user namespace, which in a chroot nobody but root can.
asker() { "$@"; }
if [ "$(id -u)" -eq 0 ] && as_user sh -c 'unshare -rm true' 2>/dev/null; then
	asker() { as_user "$@"; }
else
	echo "asked as user $(id -u): another one may not make user namespaces here"
fi

# The request of the report, GFP_ATOMIC|__GFP_COMP, but that it wakes nobody: else what kswapd then frees
# might meet it, and not what was tried before.
cat >"$here/ask.sh" <<'END'
cd "$UMMFS_MOUNTPOINT"
mkdir tasks/me
echo '4 __GFP_HIGH|__GFP_ATOMIC|__GFP_COMP 1' >tasks/me/pages 2>/dev/null && exit 0
exit 1
END

ask() { # ask SEED [WHAT TO TRY FIRST]: does the request succeed? Says how long it took in $took_ms
	begin=$(date +%s%N)
	asker "$UMMFS_RUN" --from "$here/report.txt" -o "seed=$1" -- sh -c "${2:-:}; . $here/ask.sh" >"$here/out" 2>&1
	status=$?
	took_ms=$((($(date +%s%N) - begin) / 1000000))
	at_most "ms for '${2:-the request}', seed $1" 1000 "$took_ms"
	[ $status -le 1 ] || fail "seed $1: status $status: $(cat "$here/out")"
	return $status
}

met=0
helped() { # helped WHAT: with how many of the seeds
	met=0
	for seed in 1 2 3 4 5; do
		ask $seed "$1" && met=$((met + 1))
	done
	echo "$met of 5 after '$1'"
}

# ---- The report as it is: it fails, and not for lack of memory ----

# kswapd, which what the task itself needs may wake, sometimes is quicker.
helped :
at_most "seeds with which the request of the report succeeds" 2 $met
index=$(asker "$UMMFS_RUN" --from "$here/report.txt" sh -c 'cat "$UMMFS_MOUNTPOINT/sys/kernel/debug/extfrag/extfrag_index"' |
	awk '/DMA32/ { print $9 * 1000 }')
at_least "extfrag_index of order 4, thousandths" 900 "$index"
asker "$UMMFS_RUN" --from "$here/report.txt" sh -c 'grep DMA32 /proc/buddyinfo' >"$here/buddyinfo"
same "free blocks of order 0, and of 4 and more" "100471 0 0 0 0 0 0 0" "$(awk '{ print $5, $9, $10, $11, $12, $13, $14, $15 }' "$here/buddyinfo")"

# ---- What helps, and what does not ----

helped 'echo 1 >/proc/sys/vm/compact_memory'
same "seeds with which compaction helps" 5 $met
helped 'echo 65536 >/proc/sys/vm/min_free_kbytes'
at_most "seeds with which min_free_kbytes helps" 2 $met
helped 'echo 1 >/proc/sys/vm/drop_caches'
same "seeds with which drop_caches helps" 5 $met

# ---- Huge pages: how many, under which seed ----

least=100000 most=0
for seed in 1 2 3 4 5; do
	begin=$(date +%s%N)
	got=$(asker "$UMMFS_RUN" --from "$here/report.txt" -o "seed=$seed" sh -c 'echo 1 >/proc/sys/vm/compact_memory
		echo 512 >/proc/sys/vm/nr_hugepages; grep HugePages_T /proc/meminfo' | tr -dc 0-9)
	at_most "ms for 512 huge pages, seed $seed" 1000 $((($(date +%s%N) - begin) / 1000000))
	[ "$got" -lt $least ] && least=$got
	[ "$got" -gt $most ] && most=$got
done
echo "$least to $most of 512 huge pages"
at_least "huge pages after compaction, worst of the seeds" 5 "$least"
at_most "huge pages after compaction: all free memory" 198 "$most" # 406484 kB
again() {
	asker "$UMMFS_RUN" --from "$here/report.txt" -o "seed=$1" sh -c 'echo 1 >/proc/sys/vm/compact_memory; grep DMA32 /proc/buddyinfo'
}
same "the same seed, the same answer" "$(again 7)" "$(again 7)"
[ "$(again 7)" != "$(again 8)" ] || fail "another seed gives the same placement"
finish
