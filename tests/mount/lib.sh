# SPDX-License-Identifier: MIT
#
# For the mounted tests: . "$SRCDIR/tests/mount/lib.sh"
#
# start OPTIONS...   mount a machine on a fresh directory; $M is it, $MOUNTED lists all of them
# check NAME CMD...  the command succeeds, or the test has failed; goes on either way
# same NAME WANT GOT
# finish             last line of every test
set -u
: "${SRCDIR:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${UMMFS:=$SRCDIR/build/ummfs}" "${UMMFS_RUN:=$SRCDIR/build/ummfs-run}"
work=$(mktemp -d "${TMPDIR:-/tmp}/ummfs-test.XXXXXX")
chmod 755 "$work"
failures=0 mounts=0 MOUNTED=''

if ! [ -e /dev/fuse ]; then
	echo "SKIPPED: no /dev/fuse on this host"
	exit 77
fi

fail() {
	failures=$((failures + 1))
	echo "FAIL: $*"
}

check() {
	name=$1
	shift
	"$@" || fail "$name: $* (status $?)"
}

refuses() { # refuses NAME CMD...: the command must fail
	name=$1
	shift
	if "$@" 2>/dev/null; then fail "$name: $* succeeded"; fi
}

same() {
	[ "$2" = "$3" ] || fail "$1: wanted '$2', got '$3'"
}

at_least() { # at_least NAME LEAST GOT
	[ "$3" -ge "$2" ] 2>/dev/null || fail "$1: wanted at least $2, got '$3'"
}

at_most() {
	[ "$3" -le "$2" ] 2>/dev/null || fail "$1: wanted at most $2, got '$3'"
}

start() {
	mounts=$((mounts + 1))
	M=$work/m$mounts
	mkdir "$M"
	if ! "$UMMFS" "$@" "$M"; then
		fail "mount: $UMMFS $* $M"
		finish
	fi
	MOUNTED="$M $MOUNTED"
}

daemon_of() { # pid of the daemon of a mount: the device link of dev/mem names it
	readlink "$1/dev/mem" | sed -n 's|^/proc/\([0-9]*\)/.*|\1|p'
}

gone() { # gone PID: wait until the process has ended, at most 10 s
	for _ in $(seq 100); do
		kill -0 "$1" 2>/dev/null || return 0
		sleep 0.1
	done
	return 1
}

stop() { # stop MOUNT
	pid=$(daemon_of "$1" 2>/dev/null)
	if [ "$(id -u)" -eq 0 ]; then umount "$1"; else fusermount3 -u "$1"; fi || fail "unmount $1"
	[ -z "$pid" ] || gone "$pid" || fail "daemon $pid of $1 still runs after the unmount"
	MOUNTED=$(echo "$MOUNTED" | sed "s|$1 ||")
}

cleanup() {
	for m in $MOUNTED; do
		umount -l "$m" 2>/dev/null || fusermount3 -uz "$m" 2>/dev/null
	done
	rm -rf --one-file-system "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

finish() {
	[ "$failures" -eq 0 ] || echo "$failures checks failed"
	exit $((failures != 0))
}

# Run a command as an ordinary user who owns nothing here.
as_user() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

meminfo() { # meminfo KEY: its number on $M
	sed -n "s/^$1: *\([0-9]*\).*/\1/p" "$M/proc/meminfo"
}

vmstat_of() {
	sed -n "s/^$1 //p" "$M/proc/vmstat"
}

# What tasks were made of stays in free slabs for the next ones: give those back, to count pages.
shrink_own() {
	for cache in task_struct vm_area_struct dentry proc_inode_cache; do
		echo 1 >"$M/sys/kernel/slab/$cache/shrink"
	done
}

# Free lists plus per-CPU counts, in pages, a line per populated zone.
zone_pages() {
	{
		cat "$1/proc/buddyinfo"
		cat "$1/proc/zoneinfo"
	} | awk '
	/^Node.*zone.* [0-9]+ +$/ { key = $2 $4; n = 0; for (i = 5; i <= NF; i++) n += $i * 2 ^ (i - 5); sum[key] = n; order[++k] = key; next }
	/^Node/ { key = $2 $4 }
	/count:/ { sum[key] += $2 }
	END { for (i = 1; i <= k; i++) print order[i], sum[order[i]] }'
}
