#!/bin/sh
# SPDX-License-Identifier: MIT
# What was confirmed is in the source, whatever happens to the daemon: killed at random moments while three
# clients write (20 rounds, 200 with FULL=1), stopped by SIGTERM or an unmount with dirty pages, a client killed in
# an fsync. The machine has 64 MiB and the files more than its limit of dirty pages.
. "$SRCDIR/tests/mount/lib.sh"
: "${FULL:=0}" "${SEED:=$(date +%s)}"
if [ "$FULL" = 1 ]; then rounds=200; else rounds=20; fi

printf '[node 0]\nmemory=64M\ncpus=0-1\n' >"$work/machine.conf"
data=$SRCDIR/tests/mount/files_data.py
source=$work/source
mkdir "$source"
# A daemon that waits for a disk dies late: most rounds do without one, and some of them with FULL=1.
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs none "$source"; then
	trap 'umount -l "$source" 2>/dev/null; cleanup' EXIT
fi
echo "seed $SEED"

again() { # the same mount point, for hundreds of mounts
	M=$work/m
	mkdir -p "$M"
	"$UMMFS" -c "$work/machine.conf" -o "backing=sparse,source=$source" "$M" || { fail "mount"; finish; }
	MOUNTED="$M "
	F=$M/files
}

parted() { # the daemon has gone, the mount goes
	umount -l "$M" 2>/dev/null || fusermount3 -uz "$M" 2>/dev/null
	MOUNTED=
}

# A database that commits rows and says so: after a crash they are all there, perhaps with one more.
committer() {
	n=$(cat "$work/committed")
	while sqlite3 "$F/data.db" "pragma synchronous=full; insert into t values($((n + 1)), zeroblob(3000));" 2>/dev/null; do
		n=$((n + 1))
		echo $n >"$work/committed"
	done
}

committed() { # committed ROUND: the source, as the next one to open it would find it
	confirmed=$(cat "$work/committed")
	same "round $1: the database" ok "$(sqlite3 "$source/data.db" 'pragma integrity_check' 2>&1)"
	found=$(sqlite3 "$source/data.db" 'select coalesce(max(a), 0) from t')
	same "round $1: rows without a gap" "$found" "$(sqlite3 "$source/data.db" 'select count(*) from t')"
	at_least "round $1: rows that were committed" "$confirmed" "$found"
	at_most "round $1: rows that were written" $((confirmed + 1)) "$found"
	echo "$found" >"$work/committed"
}

random_delay() { # random_delay ROUND: 0.03 to 0.8 s
	echo "$SEED $1" | awk '{ srand($1 + $2 * 7919); printf "%.3f", 0.03 + rand() * rand() * 0.8 }'
}

crash() { # crash ROUND: two writers and a database, and in the middle of it a SIGKILL
	again
	pid=$(daemon_of "$M")
	rm -f "$work"/*.ready
	for w in 1 2; do
		mkdir -p "$F/w$w"
		{
			python3 -S -E "$data" write "$F/w$w" "$work/model$w" $((SEED + $1 * 10 + w)) "$source/w$w" ||
				echo "status $?"
		} >"$work/said$w" 2>&1 &
	done
	! $database || committer &
	for _ in $(seq 500); do # they are at work
		[ -e "$work/model1.ready" ] && [ -e "$work/model2.ready" ] && break
		sleep 0.02
	done
	sleep "$(random_delay "$1")"
	kill -9 "$pid"
	wait # they go when its last thread has gone
	parted
	for w in 1 2; do # one line: how often it was at work, until the mount went away
		grep -q '^writer:' "$work/said$w" && [ "$(wc -l <"$work/said$w")" -eq 1 ] && continue
		fail "round $1, seed $SEED: writer $w does not find what was confirmed"
		cat "$work/said$w"
	done
	! $database || committed "$1"
}

rounds_run() { # rounds_run FROM TO
	round=$1
	while [ "$round" -le "$2" ] && [ $failures -eq 0 ]; do
		crash "$round"
		round=$((round + 1))
	done
	echo "to round $((round - 1)): $(cat "$work"/said? | tr '\n' ' ')rows $(cat "$work/committed" 2>/dev/null)"
}

database=false
if command -v sqlite3 >/dev/null; then
	database=true
	echo 0 >"$work/committed"
	sqlite3 "$source/data.db" 'pragma journal_mode=delete; create table t(a integer primary key, b blob);' >/dev/null
else
	echo "SKIPPED: no sqlite3 on this host"
fi

rounds_run 1 $rounds
if [ "$FULL" = 1 ] && mountpoint -q "$source"; then # and on the disk
	mkdir "$work/disk"
	cp -a "$source/." "$work/disk/"
	umount -l "$source"
	cp -a "$work/disk/." "$source/"
	rounds_run $((rounds + 1)) $((rounds + 40))
fi

# The next mount shows what the source has.
again
for w in 1 2; do
	check "through a new mount" python3 "$data" verify "$F/w$w" "$work/model$w"
done
stop "$M"
rm -rf "${source:?}"/*

# Dirty pages that nobody asked to write, and the daemon is told to go: SIGTERM, SIGINT, unmount.
head -c 24M /dev/urandom >"$work/big"
for how in TERM INT unmount; do
	again
	pid=$(daemon_of "$M")
	echo 0 >"$M/proc/sys/vm/dirty_writeback_centisecs"
	echo 90 >"$M/proc/sys/vm/dirty_background_ratio"
	echo 95 >"$M/proc/sys/vm/dirty_ratio"
	mkdir "$F/$how"
	cp "$work/big" "$F/$how/big"
	for n in $(seq 200); do echo "$how $n" >"$F/$how/$n"; done
	mv "$F/$how/200" "$F/$how/moved"
	rm "$F/$how/199"
	at_least "dirty before $how" 8000 "$(meminfo Dirty)"
	if [ $how = unmount ]; then
		stop "$M"
	else
		kill -$how "$pid"
		gone "$pid" || fail "the daemon still runs 10 s after SIG$how"
		! mountpoint -q "$M" || fail "still mounted after SIG$how"
		MOUNTED=
	fi
	check "content after $how" cmp "$work/big" "$source/$how/big"
	same "small files after $how" 199 "$(cat "$source/$how"/[0-9]* "$source/$how/moved" | wc -l)"
	same "the last one after $how" "$how 200" "$(cat "$source/$how/moved")"
	refuses "the removed one after $how" test -e "$source/$how/199"
done
rm -rf "${source:?}"/*

# Clients killed in an fsync or a write that waits; the others' data is confirmed as ever.
again
for delay in 0.01 0.03 0.06 0.1 0.2; do
	dd if="$work/big" of="$F/killed" bs=1M conv=fsync status=none 2>/dev/null &
	pid=$!
	dd if="$work/big" of="$F/kept" bs=1M conv=fsync status=none 2>/dev/null &
	kept=$!
	sleep $delay
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	wait $kept || fail "a neighbour of the killed client"
	check "confirmed beside a killed client" cmp "$work/big" "$source/kept"
	[ ! -e "$F/killed" ] || check "what it left" cmp -n "$(stat -c %s "$F/killed")" "$work/big" "$F/killed"
	rm -f "$F/killed" "$F/kept"
done
stop "$M"
same "nothing is left" '' "$(ls -A "$source")"
finish
