#!/bin/sh
# SPDX-License-Identifier: MIT
# Faults planted from outside, in the bytes of objects, and injected ones.
. "$SRCDIR/tests/mount/lib.sh"

log() {
	dd if="$M/dev/kmsg" bs=8192 iflag=nonblock 2>/dev/null
}

logged() { # logged NAME PATTERN
	log | grep -Eq -- "$2" || fail "$1: nothing like '$2' in the log"
}

# Where the last traced object of a cache lies in dev/mem.
last_object() {
	hex=$(log | sed -n "s/.*TRACE $1 alloc 0xffff888\\([0-9a-f]*\\) .*/\\1/p" | tail -n 1)
	printf '%d' "0x$hex"
}

poke() { # poke OFFSET: one byte there
	printf 'X' | dd of="$M/dev/mem" bs=1 seek="$1" conv=notrunc 2>/dev/null || fail "dev/mem at $1"
}

refuses "a letter that is none" "$UMMFS" -o slab_debug=FX "$work"
start -o 'backing=sparse,seed=1,slab_debug=FZPUT\,watched*;-\,*'
slab="$M/sys/kernel/slab"
echo 'watched 100' >"$slab/new_cache"
echo 'plain 100' >"$slab/new_cache"
same "flags by name" "1 1 1 1 1" "$(cd "$slab/watched" && echo $(cat sanity_checks red_zone poison store_user trace))"
same "none for the others" "0 0 0 0 0" "$(cd "$slab/plain" && echo $(cat sanity_checks red_zone poison store_user trace))"
mkdir "$M/tasks/a"

# Past the end, before the start, of an object in use: validate finds it and puts it right.
echo 'watched 1' >"$M/tasks/a/slab"
at=$(last_object watched)
poke $((at + 100))
echo 1 >"$slab/watched/validate"
logged "right" ';BUG watched \(Not tainted\): Right Redzone overwritten$'
logged "right" ';0xffff888[0-9a-f]*-0xffff888[0-9a-f]* @offset=[0-9]+\. First byte 0x58 instead of 0xcc$'
logged "user" ';Allocated in kmem_cache_alloc age=[0-9]+ cpu=0 pid=[0-9]+$'
logged "slab" ';Slab 0xffffea[0-9a-f]* objects=[0-9]+ used=1 fp=0xffff888[0-9a-f]* flags=0x[0-9a-f]*\(slab\|'
logged "frame" ";page:ffffea[0-9a-f]* .* pfn:$(printf '0x%x' $((at / 4096)))\$"
logged "dump" ';Redzone  ffff888[0-9a-f]*: 58 cc cc cc  *X\.\.\.$'
logged "mend" ';FIX watched: Restoring Right Redzone 0x[0-9a-f]*-0x[0-9a-f]*=0xcc$'
poke $((at - 1))
echo 0 >"$slab/watched/validate" 2>/dev/null
refuses "only 1 validates" sh -c "echo 2 >'$slab/watched/validate'"
echo 1 >"$slab/watched/validate"
logged "left" ';BUG watched \(Not tainted\): Left Redzone overwritten$'
before=$(log | tail -n 1)
echo 1 >"$slab/watched/validate"
same "nothing is left to find" "$before" "$(log | tail -n 1)"

# Damage is found when the object comes back, which is then refused.
poke $((at + 101))
echo 'watched 0' >"$M/tasks/a/slab"
logged "refused" ';FIX watched: Object at 0xffff888[0-9a-f]* not freed$'

# A write after the free is found when the object would be handed out.
echo 'watched2 64' >"$slab/new_cache"
echo 'watched2 1' >"$M/tasks/a/slab"
at=$(last_object watched2)
echo 'watched2 0' >"$M/tasks/a/slab"
poke "$at"
echo 'watched2 1' >"$M/tasks/a/slab"
logged "write after free" ';BUG watched2 \(Not tainted\): Poison overwritten$'
logged "write after free" ';FIX watched2: Marking all objects used$'
same "another object was found" "watched2 1" "$(cat "$M/tasks/a/slab")"
check "the daemon lives" cat "$M/proc/slabinfo" >/dev/null

# Injection.
debug="$M/sys/kernel/debug"
same "modes" 600 "$(stat -c %a "$debug/failslab/probability")"
for file in probability interval times space verbose verbose_ratelimit_interval_ms verbose_ratelimit_burst ignore-gfp-wait; do
	check "failslab/$file" cat "$debug/failslab/$file" >/dev/null
	check "fail_page_alloc/$file" cat "$debug/fail_page_alloc/$file" >/dev/null
done
echo N >"$debug/failslab/ignore-gfp-wait"
echo -1 >"$debug/failslab/times"
echo 10 >"$debug/failslab/probability"
refused=0
mkdir "$M/tasks/b"
for i in $(seq 150); do
	sh -c "echo 'plain +2' >'$M/tasks/b/slab'" 2>/dev/null || refused=$((refused + 1))
done
at_least "some fail" 5 $refused
at_most "most do not" 80 $refused
logged "said" 'FAULT_INJECTION: forcing a failure\.\\x0aname failslab, interval 1, probability 10, space 0, times -1$'
same "what was not refused is there" "plain $(((150 - refused) * 2))" "$(cat "$M/tasks/b/slab")"
echo 0 >"$debug/failslab/probability"
same "active" $(((150 - refused) * 2)) "$(awk '$1 == "plain" { print $2 }' "$M/proc/slabinfo")"
rmdir "$M/tasks/b"
echo 1 >"$slab/plain/shrink"
same "all of it is back" "0 0" "$(awk '$1 == "plain" { print $2, $3 }' "$M/proc/slabinfo")"
check "so the cache can go" sh -c "echo plain >'$slab/delete_cache'"

echo N >"$debug/fail_page_alloc/ignore-gfp-wait"
echo 0 >"$debug/fail_page_alloc/min-order"
echo 1 >"$debug/fail_page_alloc/times"
echo 100 >"$debug/fail_page_alloc/probability"
refuses "a page fails" sh -c "echo '0 GFP_KERNEL 1' >'$M/tasks/a/pages'"
check "once" sh -c "echo '0 GFP_KERNEL 1' >'$M/tasks/a/pages'"
same "times" 0 "$(cat "$debug/fail_page_alloc/times")"
logged "said" 'FAULT_INJECTION: forcing a failure\.\\x0aname fail_page_alloc, interval 1, probability 100, space 0, times 1$'
stop "$M"
finish
