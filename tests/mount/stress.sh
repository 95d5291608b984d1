# SPDX-License-Identifier: MIT
# What stress_*.sh have in common; read after lib.sh. `client N` is theirs, and tells what is wrong in $work/wrong.

log=$work/daemon.log

stress_start() { # stress_start ARGUMENT...: mount on $M, in the foreground of a job of ours
	mkdir "$work/m"
	M=$work/m
	"$UMMFS" -f "$@" "$M" >"$log" 2>&1 &
	daemon=$!
	MOUNTED="$M "
	for _ in $(seq 100); do
		[ -e "$M/proc/meminfo" ] && break
		sleep 0.1
	done
}

stress_run() { # until every client has ended
	pids=
	for n in $(seq "$CLIENTS"); do
		client "$n" 2>>"$work/stderr" &
		pids="$pids $!"
	done
	# shellcheck disable=SC2086
	wait $pids
	[ ! -e "$work/wrong" ] || { fail "clients"; head "$work/wrong"; }
}

stress_end() { # unmount, and look at what the daemon has said
	if [ "$(id -u)" -eq 0 ]; then umount "$M"; else fusermount3 -u "$M"; fi
	MOUNTED=''
	wait "$daemon"
	same "status of the daemon" 0 $?
	if grep -E 'ERROR: |WARNING: ThreadSanitizer|runtime error|does not add up' "$log"; then
		fail "the daemon found something"
		cp "$log" "${BUILD:-build}/test-logs/stress-daemon.log" 2>/dev/null
	fi
	finish
}
