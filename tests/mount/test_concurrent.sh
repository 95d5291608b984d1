#!/bin/sh
# SPDX-License-Identifier: MIT
# Tasks, processes, caches and state.tar at once: nothing stands still, also with one thread, and a
# daemon that is stopped or killed in the middle of it lets go of everybody.
. "$SRCDIR/tests/mount/lib.sh"
: "${SECONDS_EACH:=2}" "${PATIENCE:=10}"

busy() { # the load goes on until the mount or the file has gone
	[ -e "$work/go" ] && [ -e "$M/proc/zoneinfo" ]
}

tasks_client() { # makes and removes
	while busy; do
		mkdir "$M/tasks/t$1" || continue
		echo 'TCP 384' >"$M/tasks/t$1/slab"
		echo '200 500' >"$M/tasks/t$1/kmalloc"
		echo 'TCP -96' >"$M/tasks/t$1/slab"
		rmdir "$M/tasks/t$1"
		echo turn >>"$work/turns-tasks"
	done
}

process_client() { # a task that goes with its process
	while busy; do
		mkdir "$M/tasks/p$1"
		sh -c "echo \$\$ >$M/tasks/p$1/procs; echo 4M >$M/tasks/p$1/anon"
		echo turn >>"$work/turns-process"
	done
}

cache_client() {
	slab=$M/sys/kernel/slab
	while busy; do
		echo "concurrent$1 100" >"$slab/new_cache"
		cat "$slab/concurrent$1"/objects "$slab/concurrent$1"/order
		ls -l "$slab"
		echo "concurrent$1" >"$slab/delete_cache"
		echo turn >>"$work/turns-cache"
	done
}

state_client() {
	while busy; do
		cat "$M/state.tar"
		echo turn >>"$work/turns-state"
	done
}

client() { # client KIND NUMBER
	case $1 in
	tasks) tasks_client "$2" ;;
	process) process_client "$2" ;;
	cache) cache_client "$2" ;;
	state) state_client "$2" ;;
	esac
	echo "$1 $2" >>"$work/ended"
}

load_begin() {
	rm -f "$work"/turns-*
	: >"$work/go"
	: >"$work/ended"
	for n in 1 2; do
		for kind in tasks process cache state; do
			client "$kind" "$n" >/dev/null 2>&1 &
		done
	done
}

stacks() { # stacks PID: where its threads stand
	for thread in "/proc/$1"/task/*; do
		echo "$(cat "$thread/comm") $(sed -n 's/^State:\t//p' "$thread/status") $(cat "$thread/wchan" 2>/dev/null)"
	done
}

# So that a failed test ends: the connection is cut, or, where nobody may, left to its fate.
cut() {
	umount -f "$M" 2>/dev/null
	umount -l "$M" 2>/dev/null || fusermount3 -uz "$M" 2>/dev/null
}

stuck() { # stuck WHAT PID
	fail "$1 for $PATIENCE s; the daemon's threads:"
	stacks "$2"
	rm -f "$work/go"
	cut
	finish
}

load_end() { # a client that hangs says nothing
	rm -f "$work/go"
	for _ in $(seq $((PATIENCE * 10))); do
		[ "$(wc -l <"$work/ended")" -lt 8 ] || break
		sleep 0.1
	done
	[ "$(wc -l <"$work/ended")" -eq 8 ] && wait
}

watch() { # the machine answers all the while
	end=$(($(date +%s) + SECONDS_EACH))
	while [ "$(date +%s)" -lt "$end" ]; do
		timeout -s KILL "$PATIENCE" cat "$M/proc/zoneinfo" >"$work/zoneinfo" || stuck "cat proc/zoneinfo hangs" "$1"
		grep -q '^Node 0' "$work/zoneinfo" || fail "zoneinfo is not there"
		sleep 0.2
	done
}

everybody_moved() {
	for kind in tasks process cache state; do
		check "$1: the $kind client went on" test -s "$work/turns-$kind"
	done
}

# ---- While the daemon serves ----

for options in '' -s '-o workers=1' '-o workers=8'; do
	# shellcheck disable=SC2086
	start $options -o backing=sparse
	daemon=$(daemon_of "$M")
	load_begin
	watch "$daemon"
	load_end || stuck "clients do not end" "$daemon"
	everybody_moved "${options:-two workers}"
	stop "$M"
done

# ---- When it ends in the middle ----

for signal in TERM KILL KILL; do
	for options in '' -s; do
		# shellcheck disable=SC2086
		start $options -o backing=sparse
		daemon=$(daemon_of "$M")
		load_begin
		sleep 0.7
		kill -s "$signal" "$daemon"
		gone "$daemon" || stuck "$signal does not end a daemon${options:+ with $options}" "$daemon"
		load_end || stuck "clients do not end after $signal" "$daemon"
		cut
		MOUNTED=
	done
done
finish
