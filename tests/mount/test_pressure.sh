#!/bin/sh
# SPDX-License-Identifier: MIT
# Memory pressure: kswapd between its marks, who dies when marks leave no room, and names and inodes that go or stay.
. "$SRCDIR/tests/mount/lib.sh"

conf=$work/machine.conf source=$work/source
mkdir "$source"

machine() { # machine SIZE: one node with one zone
	printf '[machine]\nbacking = sparse\ndma_limit = 0\n[node 0]\nmemory = %s\ncpus = 0-1\n' "$1" >"$conf"
}

log() {
	dd if="$M/dev/kmsg" bs=8192 iflag=nonblock 2>/dev/null
}

said() { # said PATTERN: how many records have it
	log | grep -Ec -- "$1"
}

task() { # task NAME ANON
	mkdir "$M/tasks/$1"
	echo "$2" >"$M/tasks/$1/anon"
}

killed() { # killed TASK
	sed -n 's/^oom_kill //p' "$M/tasks/$1/events"
}

all_killed() {
	cat "$M"/tasks/*/events | awk '/^oom_kill/ { n += $2 } END { print n }'
}

vmstat_sum() { # vmstat_sum PREFIX
	awk -v p="$1" 'index($1, p) == 1 { n += $2 } END { print n + 0 }' "$M/proc/vmstat"
}

score() { # score TASK
	cat "$M/proc/$(cat "$M/tasks/$1/pid")/oom_score"
}

highest() { # the task with the highest oom_score
	for t in "$M"/tasks/*/; do
		echo "$(score "$(basename "$t")") $(basename "$t")"
	done | sort -n | awk 'END { print $2 }'
}

write_file() { # write_file PATH MEGABYTES
	dd if=/dev/zero of="$1" bs=1M count="$2" conv=notrunc 2>/dev/null
}

# ---- A quarter of memory is to be free, while files want all of it ----

# Per zone with memory: "NODE ZONE free min low high", a line for each and each time it was looked at.
zones() { # what is in zoneinfo, once or more
	awk '
	function out() { if (managed) print key, free, min, low, high; managed = 0 }
	/^Node/ { out(); key = $2 $4 }
	/pages free/ { free = $3 }
	$1 == "min" { min = $2 }
	$1 == "low" { low = $2 }
	$1 == "high" && NF == 2 { high = $2 }
	$1 == "managed" { managed = $2 }
	END { out() }'
}

look() {
	zones <"$M/proc/zoneinfo"
}

sample() { # sample SECONDS
	for _ in $(seq $(($1 * 20))); do
		cat "$M/proc/zoneinfo"
		sleep 0.05
	done | zones
}

# The share of samples, in percent, that lie between low and high, give or take what one request of each client moves.
between() { # between SAMPLES SLACK
	awk -v slack="$2" '{ n++ } $2 >= $4 - slack && $2 <= $5 + slack { in_range++ } END { print int(100 * in_range / n) }' "$1"
}

outside() { # outside SAMPLES SLACK: how many lie below min or far above high
	awk -v slack="$2" '$2 < $3 - slack || $2 > $5 + 4 * slack { print >"/dev/stderr"; n++ } END { print n + 0 }' "$1"
}

fill() { # until $work/enough is there: two clients write and read files, tasks read files of their own
	while ! [ -e "$work/enough" ]; do
		write_file "$M/files/$1" 150 || echo "write $1" >>"$work/lost"
		cat "$M/files/$1" >/dev/null || echo "read $1" >>"$work/lost"
		echo 60M >"$M/tasks/$1/file" || echo "task $1" >>"$work/lost"
	done
}

printf '[machine]\nbacking = sparse\n[node 0]\nmemory = 256M\ncpus = 0-1\ndistance = 10 20\n' >"$conf"
printf '[node 1]\nmemory = 256M\ncpus = 2-3\ndistance = 20 10\n' >>"$conf"
start -c "$conf" -o source="$source"
task a 10M
task b 10M
echo 2 >"$M/tasks/b/cpu"
echo 131072 >"$M/proc/sys/vm/min_free_kbytes"
fill a &
filler_a=$!
fill b &
filler_b=$!
for _ in $(seq 120); do # until memory is full: with a sanitizer that takes its time
	sleep 0.5
	look >"$work/samples"
	[ "$(outside "$work/samples" 512 2>/dev/null)" != 0 ] || break
done
sleep 2
stalls=$(vmstat_sum allocstall) scans=$(vmstat_of pgscan_kswapd) steals=$(vmstat_of pgsteal_kswapd)
sample 4 >"$work/samples"
stalls=$(($(vmstat_sum allocstall) - stalls))
: >"$work/enough"
wait "$filler_a" "$filler_b"
check "no write was lost" test ! -e "$work/lost"
at_least "most of the time between low and high" 90 "$(between "$work/samples" 512)"
same "never below min, never far above high" 0 "$(outside "$work/samples" 512)"
at_least "kswapd has looked" $((scans + 1000)) "$(vmstat_of pgscan_kswapd)"
at_least "kswapd has freed" $((steals + 1000)) "$(vmstat_of pgsteal_kswapd)"
at_most "few had to reclaim themselves" 100 "$stalls"
same "no task died" "0 0" "$(all_killed) $(vmstat_of oom_kill)"
same "tasks keep what is theirs" "10485760 10485760" "$(cat "$M/tasks/a/anon" "$M/tasks/b/anon" | xargs)"
sleep 0.3
sample 1 >"$work/samples"
same "and at rest" 100 "$(between "$work/samples" 512)"
stop "$M"
rm -f "$source"/*

# ---- Past all memory: one of three dies ----

machine 512M
start -c "$conf" -o source="$source"
task a 120M
task b 100M
task c 90M
echo 600 >"$M/proc/$(cat "$M/tasks/b/pid")/oom_score_adj"
same "the highest score" b "$(highest)"
# Whoever has read its events is told of the next one.
cat >"$work/poll.py" <<'EOF'
import select, sys
f = open(sys.argv[1])
p = select.poll()
p.register(f, select.POLLPRI)
print("unread" if p.poll(0) else "-")
f.read()
print("read" if not p.poll(0) else "-", flush=True)
told = [e for _, e in p.poll(20000)]
f.seek(0)
print("told" if told and told[0] & select.POLLPRI and "oom_kill 1" in f.read() else "-")
EOF
poller=
if command -v python3 >/dev/null; then
	python3 "$work/poll.py" "$M/tasks/b/events" >"$work/polled" &
	poller=$!
	for _ in $(seq 50); do
		grep -q '^read' "$work/polled" && break
		sleep 0.1
	done
else
	echo "SKIPPED: polling events: no python3"
fi
free_before=$(meminfo MemFree)
check "past all memory" sh -c "echo +220M >'$M/tasks/a/anon'"
same "one task died" "1 1" "$(all_killed) $(vmstat_of oom_kill)"
same "it is b" 1 "$(killed b)"
same "its memory is gone" 0 "$(cat "$M/tasks/b/anon")"
at_least "and free" $((free_before + (100 - 220 - 3) * 1024)) "$(meminfo MemFree)"
if [ -n "$poller" ]; then
	wait "$poller"
	same "its events were polled" "unread read told" "$(xargs <"$work/polled")"
fi
same "who asked" 1 "$(said ';a invoked oom-killer: gfp_mask=0x100cca\(GFP_HIGHUSER_MOVABLE\), order=0, oom_score_adj=0$')"
same "Mem-Info" 1 "$(said ';Mem-Info:$')"
same "the kill" 1 "$(said '^3,.*;Out of memory: Killed process [0-9]+ \(b\) total-vm:102400kB, anon-rss:102400kB, .* oom_score_adj:600$')"
stop "$M"

# ---- Marks that leave no room: whoever needs memory next, a task or a file, costs one ----

# With marks this high a CPU's lists may keep a good part of what is freed while nobody reclaims.
free_kb() { # what is free, in the zones or on lists of CPUs
	awk '/pages free/ { n += $3 } $1 == "count:" { n += $2 } END { print 4 * n }' "$M/proc/zoneinfo"
}

no_room() { # no_room WHO COMMAND
	start -c "$conf" -o source="$source"
	export M # for the command
	task a 60M
	task b 200M
	task c 40M
	write_file "$M/files/warm" 20
	sync "$M/files/warm"
	echo 307200 >"$M/proc/sys/vm/min_free_kbytes"
	check "$1 gets its memory" sh -c "$2"
	same "$1: one task died" "1 1" "$(all_killed) $(vmstat_of oom_kill)"
	same "$1: it is the one with the highest score" "1 0" "$(killed b) $(cat "$M/tasks/b/anon")"
	same "$1 asked" 1 "$(said ";$1 invoked oom-killer: gfp_mask=0x[0-9a-f]+\\(GFP_[A-Z_|]+\\), order=0, oom_score_adj=0\$")"
	same "$1: the kill" 1 "$(said ';Out of memory: Killed process [0-9]+ \(b\) ')"
	at_least "$1: its memory is back" $((380 * 1024)) "$(free_kb)"
}

# shellcheck disable=SC2016 # $M of then
no_room a 'echo +4M >"$M/tasks/a/anon"'
stop "$M"
# shellcheck disable=SC2016
no_room dd 'dd if=/dev/zero of="$M/files/new" bs=1M count=8 2>/dev/null'
check "files go on without another" write_file "$M/files/more" 200
same "nobody else dies for files" 1 "$(all_killed)"
stop "$M"
rm -f "$source"/*

# ---- Names and inodes: 20 000 files, with FULL=1 a hundred thousand ----

nr_files=20000
[ -z "${FULL-}" ] || nr_files=100000
per_dir=500 nr_dirs=$((nr_files / 500))
old=$work/old
touch -d '1 hour ago' "$old"
truncate -s 2G "$source/big"
touch -d '2 hours ago' "$source/big"
seq "$nr_files" | awk -v dir="$source" -v per="$per_dir" '
	{ d = dir "/" int(($1 - 1) / per); if (d != last) { if (last) close(f); system("mkdir " d); last = d } f = d "/" $1; print $1 >f; close(f) }'

active() { # active CACHE: objects in use
	awk -v c="$1" '$1 == c { print $2 }' "$M/proc/slabinfo"
}

look() { # stat all of them
	same "all are there" $((nr_files + nr_dirs + 1)) "$(find "$M/files" -newer "$old" | wc -l)"
}

every() { # every N: the content of each Nth file is its number
	seq "$1" "$1" "$nr_files" | awk -v dir="$M/files" -v per="$per_dir" '
		{ f = dir "/" int(($1 - 1) / per) "/" $1; got = ""; getline got <f; close(f); if (got != $1) bad++ }
		END { print bad + 0 }'
}

names_and_inodes() {
	echo "$(active dentry) $(active inode_cache)"
}

grown() { # grown BEFORE: the lesser growth of both since then, in objects
	echo "$1 $(names_and_inodes)" | awk '{ a = $3 - $1; b = $4 - $2; print (a < b) ? a : b }'
}

grown_most() {
	echo "$1 $(names_and_inodes)" | awk '{ a = $3 - $1; b = $4 - $2; print (a > b) ? a : b }'
}

machine 512M
start -c "$conf" -o source="$source"
before=$(names_and_inodes)
look
at_least "each has a name and an inode" "$nr_files" "$(grown "$before")"
echo 1 >"$M/proc/sys/vm/drop_caches"
at_least "which dropping pages leaves alone" "$nr_files" "$(grown "$before")"
echo 2 >"$M/proc/sys/vm/drop_caches"
at_most "dropping slabs does not: 1 % stays, and directories in use" $((nr_files / 100 + nr_dirs)) "$(grown_most "$before")"
same "content" 0 "$(every 97)"
look
echo 3 >"$M/proc/sys/vm/drop_caches"
at_most "and once more" $((nr_files / 100 + nr_dirs)) "$(grown_most "$before")"

press() { # a task takes nearly all, and a long file is read through the rest
	echo 1 >"$M/proc/sys/vm/drop_caches"
	mkdir "$M/tasks/press"
	check "room for a task" sh -c "echo $(($(meminfo MemFree) / 1024 - 24))M >'$M/tasks/press/anon'"
	head -c 400M "$M/files/big" >/dev/null
	same "which nobody dies for" 0 "$(vmstat_of oom_kill)"
	rmdir "$M/tasks/press"
}

look
echo 0 >"$M/proc/sys/vm/vfs_cache_pressure"
press
at_least "with vfs_cache_pressure 0 pressure leaves them alone" "$nr_files" "$(grown "$before")"
echo 100 >"$M/proc/sys/vm/vfs_cache_pressure"
press
at_most "with 100 it does not" $((nr_files / 2)) "$(grown_most "$before")"
same "and content is as it was" 0 "$(every 101)"
stop "$M"

# ---- A near node is full: its slabs, or pages from afar ----

slab_pages() { # slab_pages MIN_SLAB_RATIO: what names and inodes of node 0 have left after a task has outgrown it
	start -c "$conf" -o source="$source"
	echo 1 >"$M/proc/sys/vm/zone_reclaim_mode"
	echo "$1" >"$M/proc/sys/vm/min_slab_ratio"
	find "$M/files" -newer "$old" >/dev/null
	mkdir "$M/tasks/t"
	slab_before=$(node_slab)
	echo "$2" >"$M/tasks/t/anon"
	slab_after=$(node_slab)
	stop "$M"
}

node_slab() {
	sed -n 's/^nr_slab_reclaimable //p' "$M/sys/devices/system/node/node0/vmstat"
}

printf '[machine]\nbacking = sparse\n[node 0]\nmemory = 256M\ncpus = 0-1\ndistance = 10 20\n' >"$conf"
printf '[node 1]\nmemory = 512M\ndistance = 20 10\n' >>"$conf"
slab_pages 50 350M
at_least "half of a node may be slabs" $((slab_before - 64)) "$slab_after"
slab_pages 1 350M
at_most "a hundredth may be: they went" $((slab_before / 2)) "$slab_after"

finish
