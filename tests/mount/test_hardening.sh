#!/bin/sh
# SPDX-License-Identifier: MIT
# What goes wrong around a mount: clients that are killed, a mount point in use, a daemon that is
# killed under its readers, the host's memory limit, and stress-ng on the files that ummfs-run binds.
. "$SRCDIR/tests/mount/lib.sh"

unmount() {
	if [ "$(id -u)" -eq 0 ]; then umount "$1"; else fusermount3 -u "$1"; fi
}

unmount_lazily() {
	if [ "$(id -u)" -eq 0 ]; then umount -l "$1"; else fusermount3 -uz "$1"; fi
}

# ---- Clients killed in the middle of reads and writes ----
start -o backing=sparse
pid=$(daemon_of "$M")
before=$(zone_pages "$M")
mkdir "$M/tasks/victim"
echo 16M >"$M/tasks/victim/anon"

cat >"$work/reads" <<END
while :; do cat "$M/proc/zoneinfo" "$M/proc/pagetypeinfo" "$M/tasks/victim/mem"; done
END
cat >"$work/writes" <<END
while :; do
	echo +4M >"$M/tasks/victim/file"
	echo "3 GFP_KERNEL +50" >"$M/tasks/victim/pages"
	head -c 4M /dev/zero | dd of="$M/tasks/victim/mem" bs=1M conv=notrunc status=none
	echo -4M >"$M/tasks/victim/file"
	echo "3 GFP_KERNEL -50" >"$M/tasks/victim/pages"
done
END
for _ in $(seq 5); do
	pids=
	for script in reads reads writes; do # each a process group, to be killed as a whole
		setsid sh "$work/$script" >/dev/null 2>&1 &
		pids="$pids $!"
	done
	sleep 0.5
	for p in $pids; do kill -s KILL -- "-$p"; done
	# shellcheck disable=SC2086
	wait $pids 2>/dev/null
done
same "the daemon lives on" "$pid" "$(daemon_of "$M")"
check "rmdir" rmdir "$M/tasks/victim"
same "nothing of the killed clients is left" "$before" "$(zone_pages "$M")"

# ---- A mount that is in use is busy, and works on ----
exec 9<"$M/proc/meminfo"
said=$(LC_ALL=C unmount "$M" 2>&1) && fail "unmounted although a file is open"
echo "$said" | grep -qi busy || fail "not EBUSY: $said"
check "still usable" grep -q MemTotal "$M/proc/meminfo"
echo 8192 >"$M/proc/sys/vm/min_free_kbytes"
same "and can be written" 8192 "$(cat "$M/proc/sys/vm/min_free_kbytes")"

# Taken away lazily it goes when the last file is closed.
check "lazy unmount" unmount_lazily "$M"
MOUNTED=''
check "the open file can be read" grep -q MemTotal <&9
kill -0 "$pid" || fail "the daemon has gone before the file was closed"
exec 9<&-
gone "$pid" || fail "the daemon outlives the last file"

# ---- The daemon is killed while clients read ----
start -o backing=sparse
pid=$(daemon_of "$M")
pids=
for n in 1 2 3; do
	(while cat "$M/proc/zoneinfo" >/dev/null 2>"$work/reader$n"; do :; done) &
	pids="$pids $!"
done
exec 9<"$M/proc/zoneinfo"
sleep 0.5
kill -9 "$pid"
gone "$pid"
# shellcheck disable=SC2086
wait $pids
for n in 1 2 3; do
	grep -Eq 'not connected|connection abort|Input/output' "$work/reader$n" || fail "reader $n: $(cat "$work/reader$n")"
done
LC_ALL=C cat "$M/proc/zoneinfo" 2>"$work/later" && fail "a dead mount answers"
grep -q 'not connected' "$work/later" || fail "a later reader: $(cat "$work/later")"
LC_ALL=C cat <&9 2>"$work/later" && fail "an open file of a dead mount answers"
exec 9<&-
check "the next start replaces it" "$UMMFS" -o backing=sparse "$M"
check "and answers" grep -q MemTotal "$M/proc/meminfo"
same "with one mount" 1 "$(grep -c " $M " /proc/self/mounts)"
stop "$M"

# ---- The host's memory limit ----
start -o backing=sparse,limit=8M
mkdir "$M/tasks/full"
echo 16M >"$M/tasks/full/anon"
same "content fits up to the limit: ENOMEM" 1 "$(LC_ALL=C dd if=/dev/zero of="$M/tasks/full/mem" bs=64k count=256 \
	conv=notrunc 2>&1 | grep -c 'Cannot allocate memory')"
written=$(dd if=/dev/zero of="$M/tasks/full/mem" bs=64k count=256 conv=notrunc 2>&1 |
	sed -n 's/^\([0-9]*\) bytes.*/\1/p')
at_least "bytes written" 7000000 "$written"
at_most "bytes written" 8388608 "$written"
check "the machine answers" grep -q MemTotal "$M/proc/meminfo"
mkdir "$M/tasks/other"
echo 4M >"$M/tasks/other/anon"
same "frames need no content" 4194304 "$(cat "$M/tasks/other/anon")"
refuses "no content for anybody" dd if=/dev/zero of="$M/tasks/other/mem" bs=1M count=1 conv=notrunc status=none
rmdir "$M/tasks/full"
check "the charge came back" dd if=/dev/urandom of="$M/tasks/other/mem" bs=1M count=4 conv=notrunc status=none
rmdir "$M/tasks/other"
stop "$M"

# ---- stress-ng ----
if ! command -v stress-ng >/dev/null; then
	echo "SKIPPED: stress-ng is not installed (apt-get install stress-ng)"
	finish
fi
start -o backing=sparse
pid=$(daemon_of "$M")
timeout 90 "$UMMFS_RUN" -m "$M" -- stress-ng --procfs 2 --sysfs 2 -t 10 --temp-path "$work" >"$work/stress" 2>&1
status=$?
case $status in
0) ;;
3) echo "SKIPPED: stress-ng has no procfs and sysfs stressors here: $(tail -n 1 "$work/stress")" ;;
*) fail "stress-ng: status $status: $(tail -n 5 "$work/stress")" ;;
esac
same "the daemon survives" "$pid" "$(daemon_of "$M")"
mkdir "$M/tasks/after"
echo 8M >"$M/tasks/after/anon"
same "mm answers" 8388608 "$(cat "$M/tasks/after/anon")"
rmdir "$M/tasks/after"
# Threads of stress-ng that are still in a request keep the private mounts for a while.
check "unmount" unmount "$M"
MOUNTED=''
gone "$pid" || gone "$pid" || gone "$pid" || fail "the daemon outlives stress-ng"
finish
