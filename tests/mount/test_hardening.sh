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
shrink_own
same "nothing of the killed clients is left" "$before" "$(zone_pages "$M")"

# ---- Clients killed during one request that takes long ----
cat >"$work/large.conf" <<END
[machine]
backing=sparse
[node 0]
memory=1T
cpus=0-1
END
small=$M
start -c "$work/large.conf"
large=$(daemon_of "$M")
empty=$(zone_pages "$M")
mkdir "$M/tasks/big"
ls -l "$M/tasks/big" >/dev/null # names are objects, too
before=$(zone_pages "$M")
now_ms() { echo $(($(date +%s%N) / 1000000)); }
killed() { # killed NAME PID [LIMIT_MS]: the process ends at once
	t=$(now_ms)
	kill -s KILL "$2"
	wait "$2" 2>/dev/null
	at_most "$1: milliseconds until the killed client has ended" "${3:-1000}" $(($(now_ms) - t))
}
for request in 'anon 200G' 'pages 0 GFP_KERNEL 40000000' 'file 200G'; do
	attr=${request%% *} what=${request#* }
	sh -c "echo '$what' >'$M/tasks/big/$attr'" 2>/dev/null &
	first=$!
	sleep 0.5
	kill -0 "$first" || fail "$attr: this host is too fast: it has ended"
	case $(cat "$M/tasks/big/$attr") in
	0 | '') fail "$attr: nothing to be seen half way" ;;
	esac
	# Another change of the task waits for this one, and need not either; so does who reads its memory.
	sh -c "echo 1 >'$M/tasks/big/cpu'" 2>/dev/null &
	second=$!
	head -c 1 "$M/tasks/big/mem" >/dev/null 2>&1 &
	third=$!
	sleep 0.1
	check "$attr: others are answered" grep -q MemTotal "$M/proc/meminfo"
	killed "$attr: who waits for it" "$second"
	killed "$attr: who reads" "$third"
	killed "$attr" "$first"
	echo 0 >"$M/tasks/big/cpu" # waits until it has been undone
	case $(cat "$M/tasks/big/$attr") in
	0 | '') ;;
	*) fail "$attr: half of it stays: $(cat "$M/tasks/big/$attr")" ;;
	esac
done
shrink_own
same "all of it is free again" "$before" "$(zone_pages "$M")"

# A state is taken half way, and not after it.
sh -c "echo 200G >'$M/tasks/big/anon'" 2>/dev/null &
first=$!
sleep 0.3
check "state.tar half way" cp "$M/state.tar" "$work/half.tar"
kill -0 "$first" || fail "the state came after the change"
killed "anon, after a state" "$first"
got=$(tar -xOf "$work/half.tar" tasks/big/anon)
[ "$got" -gt 0 ] && [ "$got" -lt $((200 << 30)) ] || fail "anon half way: $got"
same "and it adds up" $((got / 1024)) "$(tar -xOf "$work/half.tar" proc/meminfo | sed -n 's/^Committed_AS: *\([0-9]*\) kB/\1/p')"

# A signal that somebody handles interrupts a request, too; the end of a child does not.
said=$(LC_ALL=C bash -c "trap : TERM; (sleep 0.3; kill \$\$) & echo 200G >'$M/tasks/big/anon'" 2>&1)
echo "$said" | grep -q 'Interrupted system call' || fail "SIGTERM with a handler: '$said'"
echo 0 >"$M/tasks/big/cpu" # waits until it has been undone
same "after EINTR" 0 "$(cat "$M/tasks/big/anon")"
bash -c "trap : CHLD; sleep 0.1 & echo 20G >'$M/tasks/big/anon'" || fail "SIGCHLD ended a write"
same "after SIGCHLD" $((20 << 30)) "$(cat "$M/tasks/big/anon")"

# rmdir: the name has gone, and nobody has to watch the memory go.
rmdir "$M/tasks/big" &
first=$!
sleep 0.02
killed "rmdir" "$first"
refuses "the task is there after rmdir" test -d "$M/tasks/big"
for _ in $(seq 100); do
	shrink_own
	[ "$(zone_pages "$M")" = "$empty" ] && break
	sleep 0.1
done
same "all is free after rmdir" "$empty" "$(zone_pages "$M")"
same "the daemon went on" "$large" "$(daemon_of "$M")"

# SIGTERM does not wait for it either.
mkdir "$M/tasks/big"
sh -c "echo 400G >'$M/tasks/big/anon'" 2>/dev/null &
first=$!
sleep 0.3
kill "$large"
gone "$large" || fail "the daemon waits for a request"
wait "$first" 2>/dev/null
MOUNTED=$(echo "$MOUNTED" | sed "s|$M ||")

# ---- No file descriptor is left for one more process ----
(
	ulimit -n 40 && ulimit -Sn 20
	mounts=100
	start -o backing=sparse
	mkdir "$M/tasks/p"
	sleep 30 &
	pids=$!
	for _ in $(seq 40); do
		sleep 30 &
		pids="$pids $!"
	done
	added=0
	for p in $pids; do
		said=$(LC_ALL=C sh -c "/bin/echo $p >'$M/tasks/p/procs'" 2>&1) || break
		added=$((added + 1))
	done
	# shellcheck disable=SC2086
	kill $pids
	at_least "processes: the soft limit of 20 was raised to 40" 20 "$added"
	at_most "processes" 39 "$added"
	echo "$said" | grep -qi 'too many open files' || fail "the one too many: $said"
	for _ in $(seq 50); do
		[ -d "$M/tasks/p" ] || break
		sleep 0.1
	done
	refuses "the task outlives its processes" test -d "$M/tasks/p"
	check "the machine answers" grep -q MemTotal "$M/proc/meminfo"
	stop "$M"
	trap - EXIT
	exit "$failures"
) || fail "at the limit of file descriptors"
M=$small

# ---- ummfs-run is killed: nothing stays ----
"$UMMFS_RUN" -o backing=sparse -- sh -c "echo \$\$ \$UMMFS_MOUNTPOINT >'$work/run'; exec sleep 60" &
run=$!
for _ in $(seq 100); do
	[ -s "$work/run" ] && break
	sleep 0.1
done
read -r command mounted <"$work/run"
daemon=$(daemon_of "$mounted")
grep -q " $mounted " /proc/self/mounts || fail "ummfs-run has not mounted"
kill -s KILL "$run"
wait "$run" 2>/dev/null
gone "$daemon" || fail "the daemon outlives ummfs-run"
if grep -q " $mounted " /proc/self/mounts; then fail "the mount outlives ummfs-run"; fi
refuses "its directory stays" test -e "$mounted"
kill "$command"

# What a command leaves running keeps its machine after ummfs-run has ended on its own.
"$UMMFS_RUN" -o backing=sparse -- sh -c "(sleep 6; grep MemTotal /proc/meminfo >'$work/late') & echo \$UMMFS_MOUNTPOINT >'$work/run'" >/dev/null
sleep 4
grep -q MemTotal "$work/late" || fail "the machine of a process that was left behind has gone"

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
