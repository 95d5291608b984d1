#!/bin/sh
# SPDX-License-Identifier: MIT
# The OOM killer: who dies, what comes back, what the log says, and a panic.
. "$SRCDIR/tests/mount/lib.sh"

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

killed() {
	sed -n 's/^oom_kill //p' "$M/tasks/$1/events"
}

all_killed() {
	cat "$M"/tasks/*/events | awk '/^oom_kill/ { n += $2 } END { print n }'
}

# The default machine has 1 GiB. Three tasks fit, a fourth does not: exactly one dies, the one with the highest score.
start -o backing=sparse
task a 200M
task b 350M
task c 100M
mkdir "$M/tasks/d"
highest=$(for t in a b c; do echo "$(cat "$M/proc/$(cat "$M/tasks/$t/pid")/oom_score") $t"; done | sort -n | tail -n 1)
same "the highest score" b "${highest#* }"
check "the requester gets its memory" sh -c "echo 340M >'$M/tasks/d/anon'"
same "one task died" 1 "$(all_killed)"
same "it is b" 1 "$(killed b)"
same "its memory is back" 0 "$(cat "$M/tasks/b/anon")"
same "others keep theirs" "209715200 104857600 356515840" "$(cat "$M/tasks/a/anon" "$M/tasks/c/anon" "$M/tasks/d/anon" | xargs)"
same "vmstat counts it" 1 "$(vmstat_of oom_kill)"
same "who asked" 1 "$(said '^4,[0-9]+,[0-9]+,-;d invoked oom-killer: gfp_mask=0x100cca\(GFP_HIGHUSER_MOVABLE\), order=0, oom_score_adj=0$')"
same "Mem-Info" 1 "$(said ';Mem-Info:$')"
same "head of the table" 1 "$(said '^6,.*;\[  pid  \]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name$')"
same "rows of the table" 4 "$(said '^6,.*;\[ {0,6}[0-9]+\] {1,5}[0-9]+ {1,5}[0-9]+ {1,8}[0-9]+ {1,8}[0-9]+ {1,8}[0-9]+ {8}0 {9} {4}0 [a-d]$')"
pid=$(cat "$M/tasks/b/pid")
same "sum" 1 "$(said "^6,.*;oom-kill:constraint=CONSTRAINT_NONE,nodemask=\(null\),cpuset=/,mems_allowed=0-1,global_oom,task_memcg=/,task=b,pid=$pid,uid=$(id -u)\$")"
same "the kill" 1 "$(said "^3,.*;Out of memory: Killed process $pid \(b\) total-vm:358400kB, anon-rss:358400kB, file-rss:0kB, shmem-rss:0kB, UID:$(id -u) pgtables:700kB oom_score_adj:0\$")"

# Its directory stays and serves on.
check "once more" sh -c "echo 1M >'$M/tasks/b/anon'"
check "rmdir" rmdir "$M/tasks/b"

# A task that outgrows memory is the one that dies; who writes gets ENOMEM.
refuses "past all memory" sh -c "echo +600M >'$M/tasks/d/anon'"
same "d died" "1 0" "$(killed d) $(cat "$M/tasks/d/anon")"
same "nobody else" 1 "$(all_killed)"

# Protected: the next best dies. Nobody left: ENOMEM, and everything stays.
echo -1000 >"$M/proc/$(cat "$M/tasks/a/pid")/oom_score_adj"
same "both files are one" -1000 "$(cat "$M/tasks/a/oom_score_adj")"
same "its score" 0 "$(cat "$M/proc/$(cat "$M/tasks/a/pid")/oom_score")"
refuses "adj out of range" sh -c "echo 1001 >'$M/tasks/a/oom_score_adj'"
echo -1000 >"$M/tasks/c/oom_score_adj"
echo -1000 >"$M/tasks/d/oom_score_adj"
refuses "nobody to kill" sh -c "echo 1000M >'$M/tasks/d/anon'"
same "nobody was" 1 "$(said ';Out of memory and no killable processes\.\.\.$')"
same "all stays" "209715200 104857600 0" "$(cat "$M/tasks/a/anon" "$M/tasks/c/anon" "$M/tasks/d/anon" | xargs)"

# Whoever asks dies, without a table.
echo 1 >"$M/proc/sys/vm/oom_kill_allocating_task"
echo 0 >"$M/proc/sys/vm/oom_dump_tasks"
tables=$(said ';Tasks state')
task e 50M
refuses "whoever asks" sh -c "echo 900M >'$M/tasks/e/anon'"
same "e died" 1 "$(killed e)"
same "why" 1 "$(said ';Out of memory \(oom_kill_allocating_task\): Killed process [0-9]+ \(e\) ')"
same "no table" "$tables" "$(said ';Tasks state')"
echo 0 >"$M/proc/sys/vm/oom_kill_allocating_task"

# Blocks are not user memory: nobody dies for them.
before=$(all_killed)
refuses "blocks" sh -c "echo 0 GFP_KERNEL 300000 >'$M/tasks/e/pages'"
same "nobody died for blocks" "$before" "$(all_killed)"

# Marks that leave tasks no room: the next one that needs memory costs one.
start -o backing=sparse
task a 200M
task c 100M
task f 300M
echo 900000 >"$M/proc/sys/vm/min_free_kbytes"
check "above the marks again" sh -c "echo +4M >'$M/tasks/c/anon'"
same "one died" 1 "$(all_killed)"
same "the largest" 1 "$(killed f)"

# A panic: nothing answers but the log.
start -o backing=sparse
echo 1 >"$M/proc/sys/vm/panic_on_oom"
task a 500M
refuses "past all memory" sh -c "echo 1000M >'$M/tasks/a/anon'"
for path in . proc/meminfo tasks tasks/a/anon; do
	case $(cat "$M/$path" 2>&1) in
	*'Input/output error'*) ;;
	*) fail "after a panic $path answers: $(cat "$M/$path" 2>&1)" ;;
	esac
done
refuses "no listing" ls "$M"
same "last words" 1 "$(said '^0,.*;Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled$')"
same "nobody was killed" 0 "$(said ';Out of memory: Killed')"
finish
