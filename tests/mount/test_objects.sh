#!/bin/sh
# SPDX-License-Identifier: MIT
# tasks/NAME/slab and kmalloc: what is taken shows in every file that counts slabs, and is given back.
. "$SRCDIR/tests/mount/lib.sh"

folded() { # folded COMMAND...: with the counters of all CPUs added up
	cat "$M/proc/sys/vm/stat_refresh" >/dev/null
	"$@"
}

node_kb() { # node_kb NAME: over all nodes
	cat "$M"/sys/devices/system/node/node*/meminfo | awk -v name="$1:" '$3 == name { n += $4 } END { print n + 0 }'
}

zone_items() { # zone_items NAME: over all nodes of zoneinfo
	awk -v name="$1" '$1 == name { n += $2 } END { print n + 0 }' "$M/proc/zoneinfo"
}

slabs_agree() { # slabs_agree WHEN: all files say the same
	reclaimable=$(folded vmstat_of nr_slab_reclaimable) unreclaimable=$(vmstat_of nr_slab_unreclaimable)
	same "SReclaimable $1" $((reclaimable * 4)) "$(meminfo SReclaimable)"
	same "SUnreclaim $1" $((unreclaimable * 4)) "$(meminfo SUnreclaim)"
	same "Slab $1" $(((reclaimable + unreclaimable) * 4)) "$(meminfo Slab)"
	same "KReclaimable $1" $(((reclaimable + $(vmstat_of nr_kernel_misc_reclaimable)) * 4)) "$(meminfo KReclaimable)"
	same "SReclaimable of the nodes $1" $((reclaimable * 4)) "$(node_kb SReclaimable)"
	same "SUnreclaim of the nodes $1" $((unreclaimable * 4)) "$(node_kb SUnreclaim)"
	same "Slab of the nodes $1" $(((reclaimable + unreclaimable) * 4)) "$(node_kb Slab)"
	same "zoneinfo $1" "$reclaimable $unreclaimable" \
		"$(zone_items nr_slab_reclaimable) $(zone_items nr_slab_unreclaimable)"
}

start -o backing=sparse,deterministic,seed=4
slabs_agree "at first"
r0=$reclaimable u0=$unreclaimable

mkdir "$M/tasks/a"
same "slab of a fresh task" '' "$(cat "$M/tasks/a/slab")"
echo 'dentry 2100' >"$M/tasks/a/slab"
slabs_agree "with dentries"
same "dentries, 21 to a page" $((r0 + 100)) "$reclaimable"
same "nothing else" "$u0" "$unreclaimable"
printf '%s\n' '200 320' '8k 40' '1M 3' '64 GFP_KERNEL|__GFP_ZERO 64' >"$M/tasks/a/kmalloc"
slabs_agree "with kmalloc"
same "kmalloc" $((u0 + 20 + 80 + 768 + 1)) "$unreclaimable"
same "kmalloc reads back" '200 320,8192 40,1048576 3,64 GFP_KERNEL|__GFP_ZERO 64' \
	"$(paste -sd, "$M/tasks/a/kmalloc")"

echo '+' | refuses "a lone sign" tee "$M/tasks/a/slab" >/dev/null
for bad in dentry 'dentry x' 'dentry 1 2' 'nosuchcache 1' 'dentry -2101'; do
	refuses "slab takes '$bad'" sh -c "printf '%s\n' '$bad' >'$M/tasks/a/slab'"
done
for bad in 200 '0 1' '5M 1' '200 GFP_NONE 1' '200 -321'; do
	refuses "kmalloc takes '$bad'" sh -c "printf '%s\n' '$bad' >'$M/tasks/a/kmalloc'"
done
refuses "more than memory" sh -c "echo 'dentry +999999999' >'$M/tasks/a/slab'"
same "slab after all that" 'dentry 2100' "$(cat "$M/tasks/a/slab")"
slabs_agree "after all that"
same "memory after all that" "$((r0 + 100)) $((u0 + 869))" "$reclaimable $unreclaimable"

echo 'dentry -1050' >"$M/tasks/a/slab"
same "slab after half of it" 'dentry 1050' "$(cat "$M/tasks/a/slab")"
echo 'dentry +1050' >"$M/tasks/a/slab" # into the holes
slabs_agree "with the holes filled"
same "no page more" $((r0 + 100)) "$reclaimable"

printf '%s\n' '1M 0' '8k 0' >"$M/tasks/a/kmalloc"
rmdir "$M/tasks/a"
slabs_agree "after rmdir"
at_most "free slabs of dentry that stay" $((r0 + 6 * 2)) "$reclaimable"
if [ -e "$M/sys/kernel/slab/dentry/shrink" ]; then
	for cache in dentry kmalloc-256 kmalloc-8k kmalloc-64; do
		echo 1 >"$M/sys/kernel/slab/$cache/shrink"
	done
	slabs_agree "after shrink"
	same "all of it is back" "$r0 $u0" "$reclaimable $unreclaimable"
fi
stop "$M"
finish
