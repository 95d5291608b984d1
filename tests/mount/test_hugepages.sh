#!/bin/sh
# SPDX-License-Identifier: MIT
# dev/hugepages: what every call answers, what it costs the pool, and the same memory mapped through dev/mem.
. "$SRCDIR/tests/mount/lib.sh"

pool() { # pool: total, free, promised, surplus
	echo "$(meminfo HugePages_Total) $(meminfo HugePages_Free) $(meminfo HugePages_Rsvd) $(meminfo HugePages_Surp)"
}

start -o backing=sparse,source=none
check "every call" python3 "$SRCDIR/tests/mount/hugepages.py" "$M"
H=$M/dev/hugepages

if [ "$(id -u)" -eq 0 ]; then
	refuses "somebody else makes a file" as_user touch "$H/other"
	mkdir -m 777 "$H/open"
	check "in a directory for all" as_user sh -c "echo text >'$H/open/mine'"
	same "its owner" 65534 "$(stat -c %u "$H/open/mine")"
	chmod 600 "$H/open/mine"
	echo more >"$H/open/root"
	refuses "somebody else reads it" as_user sh -c "umask 0; chmod 644 '$H/open/root'"
	rm -r "$H/open"
fi

if command -v "${CC:-cc}" >/dev/null; then
	check "the example compiles" "${CC:-cc}" -Wall -Wextra -Werror -o "$work/hugepage_map" \
		"$SRCDIR/tests/mount/hugepage_map.c"
	check "file and mapping are the same memory" "$work/hugepage_map" "$M" >"$work/map.out"
	same "what the example says" ok "$(tail -n 1 "$work/map.out")"
fi

# Slab objects of the machine stand behind names and inodes.
objects() { awk -v n="$1" '$1 == n { print $2 }' "$M/proc/slabinfo"; }
before=$(objects hugetlbfs_inode_cache)
i=0
while [ $i -lt 300 ]; do
	: >"$H/f$i"
	i=$((i + 1))
done
at_least "inodes are objects" $((before + 200)) "$(objects hugetlbfs_inode_cache)"
rm "$H"/f*

same "df" 2097152 "$(stat -f -c %S "$H")"

# By many at once.
echo 16 >"$M/proc/sys/vm/nr_hugepages"
writers=''
for k in 1 2 3 4 5 6; do
	(
		j=0
		while [ $j -lt 20 ]; do
			printf '%s\n' "$k $j" >"$H/w$k" || exit 1
			[ "$(head -n 1 "$H/w$k" | tr -d '\0')" = "$k $j" ] || exit 1
			j=$((j + 1))
		done
		rm "$H/w$k"
	) &
	writers="$writers $!"
done
for w in $writers; do
	check "a writer" wait "$w"
done
for _ in $(seq 50); do
	[ "$(pool)" = "16 16 0 0" ] && break
	sleep 0.1
done
same "the pool after that" "16 16 0 0" "$(pool)"
stop "$M"

# A state has the files, with names, bytes and promises.
start -o backing=sparse,deterministic
H=$M/dev/hugepages
echo 6 >"$M/proc/sys/vm/nr_hugepages"
mkdir "$H/dir"
echo text >"$H/dir/with blanks"
ln "$H/dir/with blanks" "$H/link"
ln -s 'dir/with blanks' "$H/symlink"
chmod 640 "$H/link"
printf far | dd of="$H/far" bs=1 seek=3145728 conv=notrunc status=none
truncate -s 4M "$H/promised"
exec 9<>"$H/open"
echo open >&9
rm "$H/open"
same "before" "6 3 2 0" "$(pool)"
listing() { (cd "$1" && find . -mindepth 1 -printf '%P %y %m %n %U %G %s %b %T@ %l\n' | sort; find . -type f -exec sha256sum {} + | sort); }
listing "$H" >"$work/before.list"
cp "$M/state.tar" "$work/state.tar"
cp "$M/state.tar" "$work/again.tar"
check "the same state twice" cmp "$work/state.tar" "$work/again.tar"
exec 9<&-
stop "$M"
start --from "$work/state.tar" -o backing=sparse,deterministic
same "after, without what was only open" "6 4 2 0" "$(pool)"
listing "$M/dev/hugepages" >"$work/after.list"
check "the files of a state" cmp "$work/before.list" "$work/after.list"
rm -r "$M/dev/hugepages"/*
same "all gone" "6 6 0 0" "$(sleep 0.3; pool)"
stop "$M"
mkdir "$work/state"
(cd "$work/state" && tar -xf ../state.tar)
start --from "$work/state" -o backing=sparse,deterministic
listing "$M/dev/hugepages" >"$work/after.list"
check "the files of an unpacked state" cmp "$work/before.list" "$work/after.list"
stop "$M"

# A file's pages come from where the policy of the writer's task says.
start -o backing=sparse,source=none
echo 4 >"$M/proc/sys/vm/nr_hugepages"
bound() { # bound FILE: written by a process of a task that is bound to node 1
	sh -c 'mkdir "$1/tasks/bound" && echo bind:1 >"$1/tasks/bound/mempolicy" &&
		echo $$ >"$1/tasks/bound/procs" && echo text >"$2"' sh "$M" "$1"
	status=$?
	for _ in $(seq 50); do
		[ -d "$M/tasks/bound" ] || break
		sleep 0.1
	done
	return $status
}
node_free() { echo $(cat "$M"/sys/devices/system/node/node[01]/hugepages/hugepages-2048kB/free_hugepages); }
same "before" "2 2" "$(node_free)"
check "bound to node 1" bound "$M/dev/hugepages/a"
same "one page" "2 1" "$(node_free)"
check "bound to node 1, again" bound "$M/dev/hugepages/b"
same "the last one" "2 0" "$(node_free)"
refuses "there is none any more" bound "$M/dev/hugepages/c"
same "and node 0 keeps its own" "2 0" "$(node_free)"
finish
