#!/bin/sh
# SPDX-License-Identifier: MIT
# What the daemon itself keeps are objects in slabinfo, and the mount stays usable when memory is gone.
. "$SRCDIR/tests/mount/lib.sh"

active() { # active CACHE
	awk -v name="$1" '$1 == name { print $2 }' "$M/proc/slabinfo"
}

slabs() { # slabs CACHE
	awk -v name="$1" '$1 == name { print $(NF - 1) }' "$M/proc/slabinfo"
}

objects() {
	for cache in task_struct dentry proc_inode_cache vm_area_struct; do
		printf '%s %s ' "$cache" "$(active $cache)"
	done
}

settled() { # settled WANT: what the host forgets comes a moment later
	for _ in $(seq 50); do
		[ "$(objects)" = "$1" ] && return 0
		sleep 0.1
	done
	echo "wanted $1, got $(objects)"
	return 1
}

# ---- Tasks come and go ----

start -o backing=sparse
same "as many descriptors as caches" "$(tail -n +3 "$M/proc/slabinfo" | wc -l)" "$(active kmem_cache)"
at_least "and one for each node" $(($(active kmem_cache) * 2)) "$(active kmem_cache_node)"
before=$(objects) t0=$(active task_struct) d0=$(active dentry) i0=$(active proc_inode_cache)
find "$M/proc" "$M/sys" "$M/dev" >/dev/null
cat "$M/proc/meminfo" "$M/proc/zoneinfo" "$M"/proc/sys/vm/watermark_scale_factor "$M"/sys/kernel/slab/dentry/objects >/dev/null
same "reading proc and sys allocates nothing" "$before" "$(objects)"

slabs0=$(slabs task_struct)
seq -f "$M/tasks/t%g" 1000 | xargs mkdir
same "1000 tasks" $((t0 + 1000)) "$(active task_struct)"
same "their names" $((d0 + 1000)) "$(active dentry)"
same "their inodes" $((i0 + 1000)) "$(active proc_inode_cache)"
at_least "slabs of tasks, 5 objects each" $((slabs0 + 199)) "$(slabs task_struct)"
same "what a task has" 0 "$(cat "$M/tasks/t5/anon")"
same "a name more" $((d0 + 1001)) "$(active dentry)"
same "ls needs none" 1000 "$(ls "$M/tasks" | wc -l)"
same "no name more" $((d0 + 1001)) "$(active dentry)"
v0=$(active vm_area_struct)
echo 4M >"$M/tasks/t5/anon"
same "a mapping" $((v0 + 1)) "$(active vm_area_struct)"
seq -f "$M/tasks/t%g" 1000 | xargs rmdir
check "all of them are back" settled "$before"
shrink_own
same "slabs of tasks are back" "$slabs0" "$(slabs task_struct)"
new=$M/sys/kernel/slab/new_cache
if [ -e "$new" ]; then
	k0=$(active kmem_cache)
	echo 'mine 100' >"$new"
	same "a cache is an object" $((k0 + 1)) "$(active kmem_cache)"
	echo mine >"$M/sys/kernel/slab/delete_cache"
	same "and goes with it" "$k0" "$(active kmem_cache)"
fi
stop "$M"

# ---- Memory is gone ----

cat >"$work/small.conf" <<'END'
[machine]
backing=sparse
[node 0]
memory=64M
cpus=0-1
END
start -c "$work/small.conf"
before=$(objects)
mkdir "$M/tasks/hog" "$M/tasks/a" "$M/tasks/b"
echo 64k >"$M/tasks/a/anon"
echo 'TCP 20' >"$M/tasks/a/slab"
[ "$(id -u)" -ne 0 ] || sync
: >"$M/tasks/hog/slab"
step=16384
while [ $step -ge 1 ]; do # every page, past all marks
	echo "0 GFP_KERNEL|__GFP_MEMALLOC +$step" >"$M/tasks/hog/pages" 2>/dev/null || step=$((step / 2))
done
for cache in task_struct vm_area_struct dentry proc_inode_cache; do # and every object
	step=64
	while [ $step -ge 1 ]; do
		echo "$cache +$step" >"$M/tasks/hog/slab" 2>/dev/null || step=$((step / 2))
	done
done
refuses "a page more" sh -c "echo '0 GFP_KERNEL 1' >'$M/tasks/a/pages'"

same "ls" "a b hog" "$(ls "$M/tasks" | paste -sd' ')"
same "what a task has" 65536 "$(cat "$M/tasks/a/anon")"
for file in anon file pages slab kmalloc hugetlb mempolicy cpu procs pid events; do
	[ ! -e "$M/tasks/b/$file" ] || check "reading $file" cat "$M/tasks/b/$file" >/dev/null
done
made=0
while [ $made -lt 50 ] && mkdir "$M/tasks/n$made" 2>/dev/null; do made=$((made + 1)); done
at_most "mkdir has only the reserve" 10 $made
same "mkdir says why" "Cannot allocate memory" \
	"$(LC_ALL=C mkdir "$M/tasks/n$made" 2>&1 | sed 's/.*: //')"
for _ in 1 2 3; do
	same "watermark_scale_factor" 10 "$(cat "$M/proc/sys/vm/watermark_scale_factor")"
	check "a knob" sh -c "echo 11 >'$M/proc/sys/vm/watermark_scale_factor'"
	check "and back" sh -c "echo 10 >'$M/proc/sys/vm/watermark_scale_factor'"
done
check "drop_caches" sh -c "echo 3 >'$M/proc/sys/vm/drop_caches'"
check "giving memory" sh -c "echo 0 >'$M/tasks/a/anon'"
check "giving objects" sh -c "echo 'TCP 0' >'$M/tasks/a/slab'"
check "rmdir" rmdir "$M/tasks/b"
check "rmdir of the one that has it all" rmdir "$M/tasks/hog"
check "mkdir again" mkdir "$M/tasks/c"
rmdir "$M"/tasks/*
check "all of it is back" settled "$before"
stop "$M"
finish
