#!/bin/sh
# SPDX-License-Identifier: MIT
# state.tar of a mount under load, booted again; --dump; deterministic scripts.
. "$SRCDIR/tests/mount/lib.sh"

# Every member of the tar that is a file of proc, sys or tasks says what the mount says.
same_as_tar() { # same_as_tar TAR MOUNT
	rm -rf "$work/x"
	mkdir "$work/x"
	tar xf "$1" -C "$work/x" --no-same-permissions --exclude=README
	chmod -R u+rwX "$work/x"
	(cd "$work/x" && find proc sys tasks -type f) >"$work/names"
	at_least "files in $1" 100 "$(wc -l <"$work/names")"
	while read -r name; do
		cat "$2/$name" | cmp -s - "$work/x/$name" || fail "$name differs between $1 and $2"
	done <"$work/names"
}

# Clients come and go while the state is taken, several times.
start -o backing=sparse
first=$M
mkdir "$first/tasks/keep"
echo 24M >"$first/tasks/keep/anon"
printf 'what was written stays' | dd of="$first/tasks/keep/mem" bs=1 seek=7000000 conv=notrunc status=none
touch "$work/go"
for c in 1 2 3; do
	(
		while [ -e "$work/go" ]; do
			mkdir "$first/tasks/c$c"
			echo $((c * 9))M >"$first/tasks/c$c/anon"
			echo 30M >"$first/tasks/c$c/file"
			printf "$c GFP_KERNEL 40\n0 GFP_ATOMIC 100\n" >"$first/tasks/c$c/pages"
			echo -5M >"$first/tasks/c$c/file"
			rmdir "$first/tasks/c$c"
		done 2>/dev/null
	) &
done
for i in 1 2 3 4; do
	sleep 0.3
	check "state.tar under load" cp "$first/state.tar" "$work/load$i.tar"
done
rm "$work/go"
wait
for i in 1 2 3 4; do
	check "state $i is one instant" "$UMMFS" --check --from "$work/load$i.tar" >/dev/null
done
start --from "$work/load4.tar" -o backing=sparse,deterministic
same_as_tar "$work/load4.tar" "$M"
check "the task is there" [ -d "$M/tasks/keep" ]
same "its bytes are there" 'what was written stays' \
	"$(dd if="$M/tasks/keep/mem" bs=1 skip=7000000 count=22 status=none)"
same "and nothing else" 22 "$(tr -d '\0' <"$M/tasks/keep/mem" | wc -c)"
echo 1M >"$M/tasks/keep/anon"
rmdir "$M/tasks/keep"
stop "$M"

# As SOURCE, and unpacked.
start "$work/load3.tar" -o backing=sparse,deterministic
same_as_tar "$work/load3.tar" "$M"
stop "$M"
check "an unpacked state" "$UMMFS" --check --from "$work/x" >/dev/null
sed -i '3s/^/x/' "$work/x/proc/buddyinfo"
refuses "files that contradict the frames" "$UMMFS" --check --from "$work/x"
head -c 40000 "$work/load3.tar" >"$work/cut.tar"
refuses "a truncated state" "$UMMFS" --check --from "$work/cut.tar"

same "state.tar is its owner's" 400 "$(stat -c %a "$first/state.tar")"
refuses "writing it" sh -c "echo x >'$first/state.tar'"
same "unlinking it" "$(ls "$first")" "$(rm -f "$first/state.tar" 2>/dev/null; ls "$first")"

# The same script twice.
play() {
	mkdir "$1/tasks/a" "$1/tasks/b"
	echo 40M >"$1/tasks/a/anon"
	echo 100M >"$1/tasks/b/file"
	echo '2 GFP_KERNEL 300' >"$1/tasks/b/pages"
	echo '2 GFP_KERNEL -111' >"$1/tasks/b/pages"
	echo 16 >"$1/proc/sys/vm/nr_hugepages"
	echo '2M 3' >"$1/tasks/a/hugetlb"
	echo hello >"$1/tasks/a/mem"
	echo 5000000000 >"$1/sys/kernel/debug/ummfs/clock"
	echo -7M >"$1/tasks/b/file"
	cp "$1/state.tar" "$2"
}
start -o deterministic,seed=42,backing=sparse
play "$M" "$work/one.tar"
start -o deterministic,seed=42,backing=sparse
play "$M" "$work/two.tar"
check "the same script, the same bytes" cmp "$work/one.tar" "$work/two.tar"
start --from "$work/one.tar" -o deterministic,backing=sparse
cp "$M/state.tar" "$work/three.tar"
check "a state's state is itself" cmp "$work/one.tar" "$work/three.tar"

# Names that are not ASCII, short and long, with content.
start -o backing=sparse
long=$(printf 'é%.0s' $(seq 120))
for name in é "$long"; do
	mkdir "$M/tasks/$name"
	echo 1M >"$M/tasks/$name/anon"
	printf 'of %s' "$name" | dd of="$M/tasks/$name/mem" conv=notrunc status=none
done
check "state with such names" cp "$M/state.tar" "$work/names.tar"
start --from "$work/names.tar" -o backing=sparse
same "content under a long name" "of $long" "$(head -c $((3 + $(printf %s "$long" | wc -c))) "$M/tasks/$long/mem")"

# Pools of both sizes: persistent, surplus, promised to files and tasks, and in use by both.
printf '[machine]\nbacking=sparse\n[node 0]\nmemory=5G\ncpus=0-1\n[node 1]\nmemory=4G\ncpus=2-3\n' >"$work/huge.conf"
start -c "$work/huge.conf" -o deterministic
pools=$M/sys/kernel/mm/hugepages
echo 4 >"$pools/hugepages-1048576kB/nr_hugepages"
echo 1 >"$M/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/demote"
same "demoted" "3 512" "$(cat "$pools/hugepages-1048576kB/nr_hugepages" "$pools/hugepages-2048kB/nr_hugepages" | xargs)"
echo 12 >"$M/proc/sys/vm/nr_hugepages"
echo 6 >"$M/proc/sys/vm/nr_overcommit_hugepages"
mkdir "$M/tasks/h"
echo interleave:0-1 >"$M/tasks/h/mempolicy"
printf '1G 2 1\n2M 8 3\n' >"$M/tasks/h/hugetlb"
echo text >"$M/dev/hugepages/written"
truncate -s 10M "$M/dev/hugepages/promised"
truncate -s 1G "$M/dev/hugepages-1G/promised"
huge_counts() { # huge_counts MOUNT: total, free, promised and surplus of both pools, and what nr_hugepages asks for
	for size in 1048576 2048; do
		for what in nr free resv surplus; do cat "$1/sys/kernel/mm/hugepages/hugepages-${size}kB/${what}_hugepages"; done
	done | xargs
	cat "$1/proc/sys/vm/nr_hugepages"
}
same "before" "3 2 2 0 14 10 10 2
12" "$(huge_counts "$M")"
cp "$M/state.tar" "$work/huge.tar"
start --from "$work/huge.tar" -o backing=sparse,deterministic
cp "$M/state.tar" "$work/huge2.tar"
check "the state of that state" cmp "$work/huge.tar" "$work/huge2.tar"
same_as_tar "$work/huge.tar" "$M"
same "after" "3 2 2 0 14 10 10 2
12" "$(huge_counts "$M")"
same "what the task has" "1G 2 1
2M 8 3" "$(sort "$M/tasks/h/hugetlb")"
same "what the file says" text "$(head -c 4 "$M/dev/hugepages/written")"
same "how long the others are" "10485760 1073741824" \
	"$(stat -c %s "$M/dev/hugepages/promised" "$M/dev/hugepages-1G/promised" | xargs)"
rm "$M"/dev/hugepages*/promised
rmdir "$M/tasks/h"
same "promises and surplus went" "3 3 0 0 12 11 0 0
12" "$(huge_counts "$M")"
echo 0 >"$M/proc/sys/vm/nr_hugepages"
same "what is in use stays, as surplus" "3 3 0 0 1 0 0 1
0" "$(huge_counts "$M")"
sed -i '1s/ummfs-frames .*/ummfs-frames 1/' "$work/x/ummfs/frames"
"$UMMFS" --check --from "$work/x" 2>"$work/version.err" >/dev/null && fail "a state of another version is read"
same "one line says why" 1 "$(grep -c "a state of another version of ummfs" "$work/version.err")"
same "and that is all" 1 "$(wc -l <"$work/version.err")"

# --dump: the tree without a mount.
check "--dump" "$UMMFS" --dump "$work/dump" --from "$work/one.tar"
rm -rf "$work/y"
mkdir "$work/y"
tar xf "$work/one.tar" -C "$work/y" --exclude=tasks/a/mem --exclude=ummfs
check "--dump is what the state has" diff -r --no-dereference -x README "$work/y" "$work/dump"
check "a link in the dump" [ -L "$work/dump/sys/devices/system/node/node0/cpu0" ]
check "--dump of a configuration" "$UMMFS" --dump "$work/dump2" -c "$SRCDIR/conf/eight-nodes.conf"
check "can be booted" "$UMMFS" --check --from "$work/dump2" >/dev/null

# A machine of 16 TiB that does nothing: small and quick.
printf '[machine]\nbacking=sparse\n[node 0]\nmemory=8T\ncpus=0-63\n[node 1]\nmemory=8186G\ncpus=64-127\n' >"$work/big.conf"
start -c "$work/big.conf"
check "state of 16 TiB" timeout 5 cp "$M/state.tar" "$work/big.tar"
at_most "its size, most of it the files of the usual caches" 8000000 "$(stat -c %s "$work/big.tar")"
check "boots" timeout 5 "$UMMFS" --check --from "$work/big.tar" >/dev/null
finish
