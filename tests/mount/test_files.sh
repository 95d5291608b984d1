#!/bin/sh
# SPDX-License-Identifier: MIT
# files/: real tools over a source and over memory only; what drop_caches frees; a machine smaller than its files.
. "$SRCDIR/tests/mount/lib.sh"

# A directory on tmpfs, where its answers are compared with.
plain=$work/plain
mkdir "$plain"
if [ "$(id -u)" -eq 0 ]; then
	check "tmpfs to compare with" mount -t tmpfs none "$plain"
	trap 'umount -l "$plain"; cleanup' EXIT
fi

have() {
	command -v "$1" >/dev/null && return 0
	echo "SKIPPED: no $1 on this host"
	return 1
}

sums() { # of all files below $1
	(cd "$1" && find . -type f -exec sha256sum {} + | LC_ALL=C sort -k2)
}

listing() { # everything else about them
	(cd "$1" && find . -printf '%P %y %m %U %G %l %n\n' | sed 's/^\([^ ]* d .*\) [0-9]*$/\1/' | LC_ALL=C sort)
}

refresh() {
	echo 1 >"$M/proc/sys/vm/stat_refresh"
}

objects() { # objects CACHE in use
	cat "$M/sys/kernel/slab/$1/objects" | cut -d' ' -f1
}

# A tree to copy: real files, links, modes, times, holes.
tree=$work/tree
mkdir "$tree"
cp -r "$SRCDIR/src" "$SRCDIR/tests/mount" "$SRCDIR/Makefile" "$tree/"
mkdir -p "$tree/deep/er/and/deeper"
ln -s ../mount "$tree/deep/link"
ln -s nowhere "$tree/dangling"
ln "$tree/Makefile" "$tree/deep/hard"
chmod 640 "$tree/Makefile"
truncate -s 3M "$tree/hole"
printf tail | dd of="$tree/hole" bs=1 seek=2000000 conv=notrunc status=none
head -c 5000001 /dev/urandom >"$tree/random"
touch -d '2001-02-03 04:05:06.789' "$tree/random"

copies() { # cp, tar, rsync, find, mv, ln on $F
	check "cp -a" cp -a "$tree" "$F/copy"
	same "content of the copy" "$(sums "$tree")" "$(sums "$F/copy")"
	same "names of the copy" "$(listing "$tree")" "$(listing "$F/copy")"
	same "time of the copy" "$(stat -c %y "$tree/random")" "$(stat -c %y "$F/copy/random")"
	check "tar out" tar -C "$F" -cf "$F/copy.tar" copy
	mkdir "$F/untar"
	check "tar in" tar -C "$F/untar" -xf "$F/copy.tar"
	same "content out of the tar" "$(sums "$tree")" "$(sums "$F/untar/copy")"
	same "hard links out of the tar" 2 "$(stat -c %h "$F/untar/copy/deep/hard")"
	rm -r "$F/untar" "$F/copy.tar"
	if have rsync; then
		check "rsync" rsync -a --checksum "$tree/" "$F/synced"
		same "rsync again" '' "$(rsync -ain --checksum "$tree/" "$F/synced")"
		rm -r "$F/synced"
	fi
	check "mv" mv "$F/copy" "$F/moved"
	same "find" "$(find "$tree" | wc -l)" "$(find "$F/moved" | wc -l)"
	check "mv out" mv "$F/moved/random" "$work/random"
	check "content moved out" cmp "$tree/random" "$work/random"
	check "mv in" mv "$work/random" "$F/moved/random"
	rm -r "$F/moved"
	same "all removed" '' "$(ls -A "$F")"
}

building() {
	mkdir "$F/cc"
	printf '#include <stdio.h>\nint f(int);\nint main(void) { printf("%%d\\n", f(20)); return 0; }\n' >"$F/cc/main.c"
	printf 'int f(int x);\nint f(int x) { return 2 * x + 2; }\n' >"$F/cc/f.c"
	printf 'prog: main.o f.o\n\tgcc -o $@ $^\n%%.o: %%.c\n\tgcc -c -o $@ $<\n' >"$F/cc/Makefile"
	check "build" make -s -C "$F/cc"
	same "what was built runs" 42 "$("$F/cc/prog")"
	cp "$(command -v cat)" "$F/cc/cat"
	same "a copied program runs" hello "$(echo hello | "$F/cc/cat")"
	rm -r "$F/cc"
}

cloning() {
	have git || return
	export GIT_CONFIG_NOSYSTEM=1 HOME="$work"
	(
		cd "$work" && rm -rf origin && git init -q origin && cd origin && cp -r "$SRCDIR/src" . &&
			git add . && git -c user.name=t -c user.email=t@t commit -qm one
	) || fail "making a repository"
	check "git clone" git clone -q "$work/origin" "$F/clone"
	check "git fsck" git -C "$F/clone" fsck --full --strict
	same "git status" '' "$(git -C "$F/clone" status --porcelain)"
	check "git gc" git -C "$F/clone" gc -q
	check "git fsck after gc" git -C "$F/clone" fsck --full --strict
	rm -r "$F/clone"
}

database() {
	have sqlite3 || return
	sqlite3 "$F/data.db" 'pragma journal_mode=delete; create table t(a,b);
		with recursive n(i) as (select 1 union all select i+1 from n where i<20000) insert into t select i, hex(randomblob(20)) from n;
		begin; delete from t where a > 100; rollback;' >/dev/null || fail "sqlite3"
	same "rows" 20000 "$(sqlite3 "$F/data.db" 'select count(*) from t')"
	same "integrity" ok "$(sqlite3 "$F/data.db" 'pragma integrity_check')"
	rm "$F/data.db"
}

small_things() {
	: >"$F/log"
	for writer in 1 2 3 4; do
		(
			for n in $(seq 100); do echo "writer $writer line $n" >>"$F/log"; done
		) &
	done
	wait
	same "lines of four writers" 400 "$(sort -u "$F/log" | wc -l)"
	printf x | dd of="$F/log" oflag=append conv=notrunc status=none
	same "dd appends" x "$(tail -c 1 "$F/log")"
	exec 8>"$F/shared" 9<"$F/shared"
	echo first >&8
	read -r line <&9
	same "a reader sees the writer" first "$line"
	echo second >&8
	read -r line <&9
	same "and what it writes next" second "$line"
	exec 8>&- 9<&-
	check "dd direct" dd if="$tree/random" of="$F/direct" bs=64K oflag=direct status=none
	check "dd direct content" cmp "$tree/random" "$F/direct"
	python3 - "$F/direct" "$tree/random" <<-'EOF' || fail "mmap"
		import errno, mmap, sys
		with open(sys.argv[1], "r+b") as f, open(sys.argv[2], "rb") as want:
		    m = mmap.mmap(f.fileno(), 0, flags=mmap.MAP_PRIVATE)
		    assert m[:] == want.read()
		    m[0:4] = b"mine"
		    assert f.read(4) != b"mine"
		    try:
		        mmap.mmap(f.fileno(), 0, flags=mmap.MAP_SHARED)
		        raise SystemExit(1)
		    except OSError as e:
		        assert e.errno == errno.ENODEV, e
	EOF
	check "statfs" stat -f -c %b "$F" >/dev/null
	check "flock" flock -n "$F/log" true
	check "fsync" dd if=/dev/zero of="$F/log" bs=4K count=10 conv=fsync status=none
	refuses "rename across the border" python3 -c 'import os,sys; os.rename(sys.argv[1], sys.argv[2])' "$F/log" "$M/tasks/log"
	rm "$F/log" "$F/shared" "$F/direct"
	if [ "$(id -u)" -eq 0 ]; then
		mkdir -m 777 "$F/open"
		check "another user makes a file" as_user touch "$F/open/theirs"
		same "and owns it" 65534:65534 "$(stat -c %u:%g "$F/open/theirs")"
		chmod 4777 "$F/open/theirs"
		as_user sh -c "echo x >>'$F/open/theirs'"
		same "set-user-ID goes when others write" 777 "$(stat -c %a "$F/open/theirs")"
		mkdir "$F/open/closed"
		refuses "another user in a closed directory" as_user touch "$F/open/closed/theirs"
		rm -r "$F/open"
	fi
}

answers() { # the same answers as tmpfs gives; that of 6.1 had no attributes of users
	rm -rf "$plain/errno" "$F/errno"
	mkdir "$plain/errno" "$F/errno"
	python3 "$SRCDIR/tests/mount/files_errno.py" "$plain/errno" >"$work/want" 2>&1 || fail "files_errno.py in a plain directory"
	python3 "$SRCDIR/tests/mount/files_errno.py" "$F/errno" >"$work/got" 2>&1 || fail "files_errno.py in files/"
	[ "$1" = source ] || sed -i '/xattr/d' "$work/want" "$work/got"
	diff "$work/want" "$work/got" || fail "answers differ from those of tmpfs ($1)"
	rm -r "$F/errno" "$plain/errno"
}

all_of_it() {
	copies
	building
	cloning
	database
	small_things
	answers "$1"
}

# Over a source: the same, and it is there afterwards.
if [ "$(id -u)" -eq 0 ]; then source=$plain/source; else source=$work/source; fi
mkdir "$source"
echo before >"$source/before"
start -o "backing=sparse,source=$source"
F=$M/files
same "what was there" before "$(cat "$F/before")"
rm "$F/before"
all_of_it source

# Others change the source.
echo one >"$F/changing"
sync "$F/changing"
echo 'one and two' >"$source/changing"
same "a change is noticed at open" 'one and two' "$(cat "$F/changing")"
echo three >>"$F/changing"
same "append goes to the new end" 'one and two
three' "$(cat "$F/changing")"
rm "$source/changing"
sleep 1.1
refuses "a name that others removed" stat "$F/changing"
echo new >"$source/new"
same "a name that others made" new "$(cat "$F/new")"
rm "$F/new"
refuses "removed in the source, too" stat "$source/new"

# drop_caches: pages, then names and inodes, and the content is what it was.
mkdir "$F/many"
cp -a "$tree" "$F/tree"
for n in $(seq 1500); do echo "$n" >"$F/many/$n"; done
want=$(sums "$F")
find "$F" -type f -exec sync {} +
refresh
cached=$(meminfo Cached)
at_least "cached" 8000 "$cached"
inodes=$(objects dentry)
at_least "names" 1500 "$inodes"
echo 1 >"$M/proc/sys/vm/drop_caches"
refresh
at_most "cached after 1" $((cached / 10)) "$(meminfo Cached)"
at_least "names after 1" $((inodes * 9 / 10)) "$(objects dentry)"
same "content after 1" "$want" "$(sums "$F")"
refresh
at_least "cached again" $((cached * 8 / 10)) "$(meminfo Cached)"
echo 2 >"$M/proc/sys/vm/drop_caches"
at_most "names after 2" $((inodes / 4)) "$(objects dentry)"
same "content after 2" "$want" "$(sums "$F")"
echo 3 >"$M/proc/sys/vm/drop_caches"
refresh
at_most "cached after 3" $((cached / 10)) "$(meminfo Cached)"
at_most "names after 3" $((inodes / 4)) "$(objects dentry)"
same "content after 3" "$want" "$(sums "$F")"
stop "$M"
same "content in the source" "$want" "$(sums "$source")"
rm -r "$source"/*

# With one thread, nobody waits for ever for what that thread has to take.
start -s -o "backing=sparse,source=$source"
F=$M/files
for n in $(seq 200); do echo "$n" >"$F/$n"; done
check "drop_caches with one thread" timeout 10 sh -c "echo 3 >'$M/proc/sys/vm/drop_caches'"
same "the files after it" 200 "$(cat "$F"/* | wc -l)"
stop "$M"
rm -r "$source"/*

# Memory only.
start -o backing=sparse,source=none
F=$M/files
refresh
shmem=$(meminfo Shmem)
all_of_it none
head -c 20M /dev/urandom >"$F/kept"
want=$(sums "$F")
refresh
at_least "it is Shmem" $((shmem + 20480)) "$(meminfo Shmem)"
echo 3 >"$M/proc/sys/vm/drop_caches"
same "drop_caches takes none of it" "$want" "$(sums "$F")"
rm "$F/kept"
refresh
at_most "removed, it is free" $((shmem + 1024)) "$(meminfo Shmem)"
stop "$M"

# The default: a private folder, made when it is looked at and gone with the machine.
start -o backing=sparse
check "listing the root" ls -l "$M" >/dev/null
echo private >"$M/files/a"
same "the private folder" private "$(cat "$M/files/a")"
stop "$M"

# A source that has gone does not take the rest with it.
mkdir "$work/fleeting"
start -o "backing=sparse,source=$work/fleeting"
rmdir "$work/fleeting"
check "the root without a source" ls -l "$M/" >/dev/null
refuses "making a file without a source" touch "$M/files/x"
check "the rest without a source" cat "$M/proc/meminfo" >/dev/null
stop "$M"

# Three times more data than the machine has memory.
printf '[node 0]\nmemory=64M\ncpus=0-1\n' >"$work/small.conf"
start -c "$work/small.conf" -o "backing=sparse,source=$source"
F=$M/files
for n in 1 2 3 4; do
	head -c 50M /dev/urandom >"$work/big$n"
	check "50 MiB into 64" cp "$work/big$n" "$F/big$n"
done
for n in 1 2 3 4; do
	check "and back" cmp "$work/big$n" "$F/big$n"
done
check "tar through 64 MiB" tar -C "$F" -cf /dev/null .
stop "$M"
for n in 1 2 3 4; do
	check "in the source" cmp "$work/big$n" "$source/big$n"
done
finish
