#!/bin/sh
# SPDX-License-Identifier: MIT
# dev/kmsg: what is logged, and reading, following, polling and writing it.
. "$SRCDIR/tests/mount/lib.sh"

log() { # the log from the start, as far as it goes
	dd if="$M/dev/kmsg" bs=8192 iflag=nonblock 2>/dev/null
}

wait_for() { # wait_for PATTERN FILE: at most 5 s
	for _ in $(seq 50); do
		grep -Eq -- "$1" "$2" && return 0
		sleep 0.1
	done
	fail "no '$1' in: $(cat "$2")"
}

start -o backing=sparse
same "kind and mode" "regular empty file 644" "$(stat -c '%F %a' "$M/dev/kmsg")"
same "owner" "$(id -u)" "$(stat -c %u "$M/dev/kmsg")"

# From the start.
same "the first record" "6,0," "$(log | head -n 1 | sed 's/[0-9]*,-;.*//')"
same "head -n 5" 5 "$(head -n 5 "$M/dev/kmsg" | wc -l)"
same "nothing to complain about" "" "$(head -n 5 "$M/dev/kmsg" 2>&1 >/dev/null)"
log | grep -q ';Fallback order for Node 1: 1 0 $' || fail "no fallback order"
log | grep -q ';Built 2 zonelists, mobility grouping on\.  Total pages: [0-9]*$' || fail "no zonelists"
log | grep -Eq ';Memory: [0-9]+K/[0-9]+K available \(' || fail "no line about memory"
timeout 1 cat "$M/dev/kmsg" >"$work/cat"
same "cat waits at the end" 124 $?
same "cat has read all of it" "$(log)" "$(cat "$work/cat")"

# Two readers follow, each by itself.
cat "$M/dev/kmsg" >"$work/one" &
one=$!
sleep 0.2
cat "$M/dev/kmsg" >"$work/two" &
two=$!
sh -c "echo 3 >'$M/proc/sys/vm/drop_caches'"
pattern='^6,[0-9]+,[0-9]+,-;sh \([0-9]+\): drop_caches: 3$'
wait_for "$pattern" "$work/one"
wait_for "$pattern" "$work/two"
same "both read the same" "$(cat "$work/one")" "$(cat "$work/two")"
kill "$one"
wait "$one" 2>/dev/null
echo 1 >"$M/proc/sys/vm/drop_caches"
wait_for 'drop_caches: 1$' "$work/two"
kill -9 "$two" # asleep in read(2) all the time
wait "$two" 2>/dev/null
echo 4 >"$M/proc/sys/vm/drop_caches"
echo 3 >"$M/proc/sys/vm/drop_caches"
same "4 silences what comes after it" 4 "$(log | sed -n 's/.*drop_caches: //p' | tail -n 1)"
echo 0 >"$M/proc/sys/vm/numa_stat"
echo 1 >"$M/proc/sys/vm/numa_stat"
same "numa_stat" "disable numa statistics, and clear numa counters
enable numa statistics" "$(log | sed -n 's/.*;\(.*able numa.*\)/\1/p')"

# A failed allocation, as monitors look for it.
mkdir "$M/tasks/greedy"
free=$(($(meminfo MemFree) / 64))
refuses "more than there is" sh -c "echo '4 GFP_KERNEL $free' >'$M/tasks/greedy/pages'"
log >"$work/report"
grep -Pq ';greedy: page allocation failure: order:\d+, mode:0x[0-9a-f]+\(GFP_KERNEL\), nodemask=\(null\),cpuset=/,mems_allowed=0-1$' \
	"$work/report" || fail "no report of the failure"
grep -Eq ";CPU: 0 PID: $(cat "$M/tasks/greedy/pid") Comm: greedy " "$work/report" || fail "no line about the task"
for line in 'Mem-Info:' 'active_anon:[0-9]+ .* free:[0-9]+ free_pcp:[0-9]+ free_cma:0' \
	'Node 1 active_anon:[0-9]+kB .* all_unreclaimable\? (yes|no)' \
	'Node 1 DMA32 free:[0-9]+kB boost:[0-9]+kB min:.* free_cma:0kB' 'lowmem_reserve\[\]:( [0-9]+){5}' \
	'Node 0 DMA: 0\*4kB .* = [0-9]+kB' 'Node 1 hugepages_total=0 .*_size=2048kB' '[0-9]+ total pagecache pages' \
	'[0-9]+ pages RAM' '0 pages hwpoisoned'; do
	grep -Eq "^4,[0-9]+,[0-9]+,-;$line\$" "$work/report" || fail "the report lacks $line"
done
same "zones of the report" "$(grep -c zone "$M/proc/buddyinfo")" "$(grep -c 'lowmem_reserve' "$work/report")"
refuses "again" sh -c "echo '4 GFP_KERNEL $free' >'$M/tasks/greedy/pages'"
same "one report in ten seconds" "$(log | grep -c Mem-Info)" 1
rmdir "$M/tasks/greedy"

# Writing.
echo '<3>from a shell' >"$M/dev/kmsg"
log | tail -n 1 | grep -Eq '^11,[0-9]+,[0-9]+,-;from a shell$' || fail "what was written is not the last record: $(log | tail -n 1)"
if [ "$(id -u)" -eq 0 ]; then
	refuses "another user writes" as_user sh -c "echo x >'$M/dev/kmsg'"
	check "another user reads" as_user head -n 1 "$M/dev/kmsg" >/dev/null
fi
for i in $(seq 15); do echo "line $i"; done >"$M/dev/kmsg"
same "ten lines from one descriptor" "line 10" "$(log | sed -n 's/.*;\(line\)/\1/p' | tail -n 1)"
log | grep -q 'output lines suppressed' || sleep 0.5 # the file is closed after close(2)
log | grep -Eq '5 output lines suppressed due to ratelimiting$' || fail "not a word about suppressed lines"

cat >"$work/kmsg.py" <<'EOP'
import errno, os, select, sys, threading, time
path = sys.argv[1] + "/dev/kmsg"
bad = 0
def expect(what, want, got):
    global bad
    if want != got:
        bad += 1
        print("FAIL: %s: wanted %r, got %r" % (what, want, got))
def name(f, *a):
    try:
        return f(*a)
    except OSError as e:
        return errno.errorcode[e.errno]
def say(text):
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, text)
    os.close(fd)
def text_of(record):
    return record.split(b";", 1)[1] if isinstance(record, bytes) else record
def drain(fd):
    n = 0
    while name(os.read, fd, 8192) != "EAGAIN":
        n += 1
    return n
fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
first = os.read(fd, 8192)
drain(fd)
poll = select.poll()
poll.register(fd, select.POLLIN)
expect("poll at the end", [], poll.poll(50))
for what, wait in (("poll", lambda: poll.poll(5000)), ("select", lambda: select.select([fd], [], [], 5)[0])):
    threading.Timer(0.2, say, (what.encode(),)).start()
    t = time.time()
    expect(what + " wakes", True, bool(wait()))
    expect(what + " waited", True, time.time() - t > 0.1)
    expect(what + ": the record", what.encode() + b"\n", text_of(name(os.read, fd, 8192)))
say(b"lost to a small buffer")
expect("small buffer", "EINVAL", name(os.read, fd, 4))
expect("and the record is lost", "EAGAIN", name(os.read, fd, 8192))
os.lseek(fd, 0, os.SEEK_SET)
expect("from the start again", first, name(os.read, fd, 8192))
expect("to the data", 0, name(os.lseek, fd, 0, os.SEEK_DATA))
expect("from there", first, name(os.read, fd, 8192))
os.lseek(fd, 0, os.SEEK_END)
expect("seek to the end", "EAGAIN", name(os.read, fd, 8192))
for i in range(4200): # more than are kept; each through its own descriptor, for ten are the limit of one
    say(b"filler")
expect("records were overwritten", "EPIPE", name(os.read, fd, 8192))
expect("then it goes on", b"filler\n", text_of(name(os.read, fd, 8192)))
expect("1000 bytes", "EINVAL", name(say, b"x" * 1000))
waiting = os.open(path, os.O_RDONLY)
os.lseek(waiting, 0, os.SEEK_END)
threading.Timer(0.3, say, (b"awaited",)).start()
expect("a read waits", b"awaited\n", text_of(os.read(waiting, 8192)))
sys.exit(bad != 0)
EOP
python3 "$work/kmsg.py" "$M" || fail "kmsg.py found differences"

# dmesg takes it for the real one.
if [ "$(id -u)" -eq 0 ] && [ -e /dev/kmsg ] && command -v dmesg >/dev/null; then
	"$UMMFS_RUN" -m "$M" -- dmesg >"$work/dmesg"
	same "dmesg" "$(log | tail -n 1 | sed 's/.*;//')" "$(tail -n 1 "$work/dmesg" | sed 's/^[^]]*] //')"
else
	echo "SKIPPED: dmesg needs root and a /dev/kmsg to stand in for"
fi

# Readers that wait hinder neither requests nor the end.
for i in 1 2 3 4 5 6 7 8 9 10; do
	tail -c +1 -f "$M/dev/kmsg" >/dev/null 2>&1 &
	cat "$M/dev/kmsg" >/dev/null 2>&1 &
done
sleep 0.5
check "others are served" timeout 5 grep -q MemTotal "$M/proc/meminfo"
pid=$(daemon_of "$M")
kill -TERM "$pid"
gone "$pid" || fail "the daemon waits for readers"
wait
MOUNTED=''

# The same script gives the same bytes.
for run in 1 2; do
	start -o backing=sparse,deterministic,seed=3
	mkdir "$M/tasks/t"
	echo +1500ms >"$M/sys/kernel/debug/ummfs/clock"
	free=$(($(meminfo MemFree) / 64))
	refuses "deterministic $run" sh -c "echo '4 GFP_KERNEL $free' >'$M/tasks/t/pages'"
	echo +11s >"$M/sys/kernel/debug/ummfs/clock"
	sh -c "echo 3 >'$M/proc/sys/vm/drop_caches'"
	log >"$work/run$run"
	stop "$M"
done
check "deterministic" cmp "$work/run1" "$work/run2"
check "at the machine's own time" grep -q ',1500000,-;t: page allocation failure' "$work/run1"
check "by nobody's number" grep -q ',12500000,-;sh (1): drop_caches: 3$' "$work/run1"
finish
