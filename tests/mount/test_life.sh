#!/bin/sh
# SPDX-License-Identifier: MIT
# Birth and death: mount points, signals, dead mounts, two machines side by side, processes in tasks.
. "$SRCDIR/tests/mount/lib.sh"

one_line() { # one_line NAME PATTERN CMD...: fails with status 1 and one line that matches
	name=$1 pattern=$2
	shift 2
	out=$("$@" 2>&1)
	same "$name: status" 1 $?
	same "$name: lines" 1 "$(printf '%s\n' "$out" | wc -l)"
	printf '%s\n' "$out" | grep -Eq -- "$pattern" || fail "$name: '$out'"
}

one_line "no such mount point" 'nowhere' "$UMMFS" "$work/nowhere"
mkdir "$work/full"
: >"$work/full/file"
one_line "mount point not empty" 'empty' "$UMMFS" "$work/full"
one_line "mount point is a file" 'directory' "$UMMFS" "$work/full/file"
one_line "no such configuration" 'missing.conf' "$UMMFS" -c "$work/missing.conf" "$work/full"
printf '[machine]\nwheels=4\n' >"$work/bad.conf"
one_line "unknown key" 'bad.conf:2' "$UMMFS" --check -c "$work/bad.conf"
"$UMMFS" --no-such-option 2>/dev/null
same "usage error" 2 $?
check "-h" "$UMMFS" -h >/dev/null
check "-V" "$UMMFS" -V >/dev/null

# Two machines side by side know nothing of each other.
start -o backing=sparse
first=$M
start -o backing=sparse
mkdir "$M/tasks/only-here"
[ ! -e "$first/tasks/only-here" ] || fail "a task shows in the other machine"
stop "$M"

# A process in procs holds the task up; when it is killed, all is free again.
M=$first
before=$(zone_pages "$M")
sleep 1000 &
holder=$!
mkdir "$M/tasks/held"
echo "$holder" >"$M/tasks/held/procs"
echo 64M >"$M/tasks/held/anon"
kill -9 "$holder"
wait "$holder" 2>/dev/null
for _ in $(seq 50); do
	[ -d "$M/tasks/held" ] || break
	sleep 0.1
done
[ ! -d "$M/tasks/held" ] || fail "the task outlives its last process"
shrink_own
same "its memory is free" "$before" "$(zone_pages "$M")"

# TERM unmounts and ends the daemon.
pid=$(daemon_of "$M")
kill -TERM "$pid"
gone "$pid" || fail "the daemon ignores TERM"
grep -q " $M " /proc/self/mounts && fail "TERM left the mount behind"
MOUNTED=''

# kill -9 leaves a dead mount; the next start replaces it.
start -o backing=sparse
pid=$(daemon_of "$M")
kill -9 "$pid"
gone "$pid"
refuses "a dead mount answers" ls "$M/proc"
check "start over a dead mount" "$UMMFS" -o backing=sparse "$M"
check "and it works" grep -q MemTotal "$M/proc/meminfo"
stop "$M"

# What a killed daemon had reserved of the host's huge pages comes back with the next start.
pool=/proc/sys/vm/nr_hugepages
if [ "$(id -u)" -eq 0 ] && [ -w "$pool" ]; then
	had=$(cat "$pool")
	printf '[machine]\nbacking=hugetlb\n[node 0]\nmemory=64M\ncpus=0\n' >"$work/small.conf"
	mkdir "$work/huge"
	if "$UMMFS" -c "$work/small.conf" -o reserve "$work/huge"; then
		MOUNTED="$work/huge "
		at_least "reserved" $((had + 1)) "$(cat "$pool")"
		pid=$(daemon_of "$work/huge")
		kill -9 "$pid"
		gone "$pid"
		check "start after kill -9" "$UMMFS" -c "$work/small.conf" -o backing=sparse "$work/huge"
		same "pool after recovery" "$had" "$(cat "$pool")"
		stop "$work/huge"
		check "reserve again" "$UMMFS" -c "$work/small.conf" -o reserve "$work/huge"
		stop "$work/huge"
		same "pool after unmount" "$had" "$(cat "$pool")"
	else
		echo "SKIPPED: the host could not reserve 64 MiB of huge pages"
	fi
	one_line "empty pool" 'huge page' "$UMMFS" -c "$work/small.conf" -o backing=hugetlb "$work/huge"
else
	echo "SKIPPED: reserving huge pages needs root and a writable $pool"
fi
finish
