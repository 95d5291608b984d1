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
