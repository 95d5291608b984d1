#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs as people use them below files/, on a machine of 64 MiB: git, tar, rsync, a compiler, SQLite,
# random reads and writes, many at once, one that is killed. Everything is done in a plain directory, too, and what
# comes out must be the same. FULL=1: 1 GiB of data instead of 150 MiB.
. "$SRCDIR/tests/mount/lib.sh"
: "${FULL:=0}" "${SEED:=$(date +%s)}"
if [ "$FULL" = 1 ]; then bulk=256 packed=120 rows=100000 random=1024 ops=20000 parts='base region mm policy' layers='base region mm policy vm fs'
else bulk=36 packed=6 rows=20000 random=72 ops=1500 parts=base layers='base region mm'; fi

printf '[node 0]\nmemory=64M\ncpus=0-1\n' >"$work/machine.conf"
data=$SRCDIR/tests/mount/files_data.py
plain=$work/plain source=$work/source
mkdir "$plain" "$source"
export GIT_CONFIG_NOSYSTEM=1 HOME="$work" LC_ALL=C TZ=UTC
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t
export GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'

have() {
	command -v "$1" >/dev/null && return 0
	echo "SKIPPED: no $1 on this host"
	return 1
}

began=$(date +%s)
said() { # how long what was done last took
	echo "$1: $(($(date +%s) - began)) s so far"
}

sums() { # of all files below $1
	(cd "$1" && find . -type f -exec sha256sum {} + | sort -k2)
}

#
# What programs do in the directory $1, with $2 as data. What they print is the same everywhere: no path, no time.
# Standard output is compared; a command that fails says so there.
#
tried() { # tried NAME CMD...
	tried_name=$1
	shift
	"$@" 2>"$work/err" || { echo "$tried_name: status $?"; sed "s/^/$tried_name: /" "$work/err"; }
}

archives() {
	echo "-- archives"
	tried cp cp -a "$2" "$1/copy"
	tried 'tar c' tar -C "$1" --sort=name -cf "$1/copy.tar" copy
	tried 'tar t' tar -tvf "$1/copy.tar"
	mkdir "$1/untar"
	tried 'tar x' tar -C "$1/untar" -xf "$1/copy.tar"
	tried 'tar d' tar -C "$1/untar" -df "$1/copy.tar"
	tried diff diff -r --no-dereference "$2" "$1/untar/copy"
	tried gzip sh -c 'gzip -1 -n <"$1" | gzip -d | cmp - "$1"' gzip "$1/copy/part1"
	rm -r "$1/copy"
}

synced() {
	echo "-- rsync"
	tried rsync rsync -a --checksum "$2/" "$1/synced"
	tried 'rsync again' rsync -ain --checksum "$2/" "$1/synced"
	printf changed | dd of="$1/synced/part1" bs=1 seek=100000 conv=notrunc status=none
	rm "$1/synced/part2"
	tried 'rsync repairs' rsync -ai --checksum --inplace "$2/" "$1/synced" | cut -c1-2,12-
	tried 'rsync inside' rsync -a --checksum "$1/synced/" "$1/second"
	tried 'rsync --delete' rsync -a --delete --checksum "$2/src/" "$1/second"
	tried diff diff -r "$2/src" "$1/second"
}

versions() {
	echo "-- git"
	tried clone git clone -q --no-hardlinks "$work/origin" "$1/clone"
	git="git -C $1/clone -c gc.auto=0 -c pack.threads=1"
	tried fsck $git fsck --full --strict --no-progress
	tried log $git log --format='%H %T %s'
	echo line >>"$1/clone/src/base/lock.h"
	tried status $git status --porcelain
	tried add $git add -A
	tried commit $git commit -qm two
	tried branch $git checkout -qb other HEAD~1
	tried mv $git mv src/mm src/moved
	tried 'commit on it' $git commit -qm three
	tried merge $git merge -q -m merged master
	tried gc $git gc -q --prune=now
	tried 'fsck after gc' $git fsck --full --strict --no-progress
	tried 'log after gc' $git log --format='%H %T %s'
	tried stat $git diff --stat master other
	tried 'clone inside' git clone -q "$1/clone" "$1/clone2"
	tried 'tree of it' git -C "$1/clone2" rev-parse 'HEAD^{tree}'
	rm -rf "$1/clone2"
}

compiled() { # part of this program, built inside; the same bytes come out
	echo "-- make"
	mkdir "$1/repo"
	cp -r "$work/tree/src" "$1/repo/"
	cp -r "$SRCDIR/Makefile" "$SRCDIR/include" "$1/repo/"
	for layer in $parts; do
		tried "make $layer" env -u MAKEFLAGS -u MAKELEVEL -u BUILD -u FLAVOUR make -s -j4 -C "$1/repo" \
			BUILD=out FLAVOUR=debug CFLAGS="-g0 -ffile-prefix-map=$1=." "out/debug/$layer.a" | grep -v '^ '
	done
	[ -z "$parts" ] || (cd "$1/repo/out/debug" && tried sha256sum sha256sum -- *.a && rm -f src/*/*.d)
	printf '#include <stdio.h>\nint f(int);\nint main(void) { printf("%%d\\n", f(20)); return 0; }\n' >"$1/repo/main.c"
	printf 'int f(int x);\nint f(int x) { return 2 * x + 2; }\n' >"$1/repo/f.c"
	(cd "$1/repo" && tried gcc gcc -O2 -o prog main.c f.c && tried prog ./prog)
	(cd "$1/repo" && gcc -c f.c && tried ar ar rcsD libf.a f.o && tried nm nm libf.a)
}

database() {
	echo "-- sqlite3"
	db=$1/data.db
	tried create sqlite3 "$db" 'pragma journal_mode=delete; pragma cache_size=200; pragma synchronous=full;
		create table t(a integer primary key, b text, c blob); create index tb on t(b);'
	tried insert sqlite3 "$db" "pragma cache_size=200;
		with recursive n(i) as (select 1 union all select i+1 from n where i<$rows)
		insert into t select i, printf('%08x', (i * 2654435761) % 4294967296), zeroblob(100 + i % 400) from n;"
	tried rollback sqlite3 "$db" 'pragma cache_size=50; begin; delete from t where a % 3; update t set b=b||b; rollback;'
	tried update sqlite3 "$db" 'pragma cache_size=50; update t set c=zeroblob(50) where a % 7 = 0; delete from t where a % 11 = 0;'
	tried rows sqlite3 "$db" 'select count(*), sum(length(b)), sum(length(c)), max(b), min(b) from t'
	tried check sqlite3 "$db" 'pragma integrity_check'
	for n in 1 2 3; do
		tried "writer $n" sqlite3 -cmd '.timeout 60000' "$db" \
			"begin immediate; insert into t(b) select 'w$n' from t limit 1000; commit;" &
	done
	wait
	tried writers sqlite3 "$db" "select b, count(*) from t where b like 'w%' group by b order by b"
	for mode in persist truncate; do
		tried "$mode" sqlite3 "$db" "pragma journal_mode=$mode; update t set b=b||'x' where a % 5 = 0;"
	done
	tried vacuum sqlite3 "$db" 'vacuum'
	tried 'check at the end' sqlite3 "$db" 'pragma integrity_check'
	tried dump sh -c 'sqlite3 "$1" "select b, length(c) from t order by b, c" | sha256sum' dump "$db"
}

programs() { # programs DIR DATA
	archives "$1" "$2"
	said "archives" >&3
	! have rsync || synced "$1" "$2"
	said "rsync" >&3
	! have git || versions "$1"
	said "git" >&3
	compiled "$1"
	said "compiler" >&3
	! have sqlite3 || database "$1"
	said "sqlite3" >&3
}

# Data of $2 MiB and a part of this repository in $1.
data_make() {
	mkdir -p "$1/src"
	for layer in $layers; do cp -r "$SRCDIR/src/$layer" "$1/src/"; done
	ln -s src/base "$1/link"
	ln "$1/src/base/lock.h" "$1/hard"
	for n in 1 2 3 4; do head -c $(($2 * 262144 + n)) /dev/urandom >"$1/part$n"; done
	for n in $(seq 300); do mkdir -p "$1/many/$((n % 17))" && head -c $((n * 37)) "$1/part1" >"$1/many/$((n % 17))/$n"; done
	truncate -s 1M "$1/hole"
	printf tail | dd of="$1/hole" bs=1 seek=700001 conv=notrunc status=none
	find "$1" -exec touch -h -d '2001-02-03 04:05:06.789' {} +
}

origin_make() { # a repository with $1 MiB that do not compress
	git init -q -b master "$work/origin"
	cp -r "$work/tree/src" "$work/origin/"
	for n in 1 2 3; do head -c $(($1 * 349525 + n)) /dev/urandom >"$work/origin/blob$n"; done
	git -C "$work/origin" add -A
	git -C "$work/origin" -c core.compression=0 commit -qm one
}

# The same programs on the same data in a plain directory and in $F.
compare() { # compare NAME DATA
	echo "in a plain directory"
	programs "$plain" "$2" 3>&1 >"$work/want" 2>&1
	echo "in files/ ($1)"
	programs "$F" "$2" 3>&1 >"$work/got" 2>&1
	diff "$work/want" "$work/got" >"$work/diff" || { fail "programs answer differently ($1)"; head -n 40 "$work/diff"; }
	grep -A 3 'status [0-9]' "$work/want" && fail "programs fail in a plain directory"
	sed -n 's/^SKIPPED/&/p' "$work/want"
	# Those have inode numbers, and rows in the order in which writers came.
	rm -f "$plain/clone/.git/index" "$F/clone/.git/index" "$plain/data.db" "$F/data.db"
	diff -r --no-dereference "$plain" "$F" >"$work/diff" || { fail "files differ ($1)"; head -n 40 "$work/diff"; }
	said "programs ($1)"
}

random_io() { # random_io MIB OPS: one client alone, then eight at one file
	check "random, seed $SEED" python3 "$data" random "$F" random "$1" "$2" "$SEED"
	said "random"
	for n in 0 1 2 3 4 5 6 7; do
		timeout 200 python3 "$data" random "$F" shared $(($1 / 4)) $(($2 / 4)) "$SEED" "$n" 8 ||
			echo "client $n, seed $SEED" >>"$work/wrong" &
	done
	wait
	[ ! -e "$work/wrong" ] || fail "eight clients of one file: $(cat "$work/wrong")"
	rm -f "$F/random" "$F/shared"
	said "eight clients of one file"
}

eight_trees() { # eight clients, each with a tree of its own, while caches are dropped
	for n in 1 2 3 4 5 6 7 8; do
		(
			t=$F/client$n
			cp -r "$1/src" "$t" && cp "$1/part$((n % 4 + 1))" "$t/part" && mv "$t" "$t.moved" &&
				tar -C "$t.moved" -cf "$t.tar" . && mkdir "$t" && tar -C "$t" -xf "$t.tar" &&
				diff -r "$t" "$t.moved" && cmp "$t/part" "$1/part$((n % 4 + 1))" &&
				diff -r -x part "$t" "$1/src" && rm -r "$t" "$t.moved" "$t.tar"
		) || echo "client $n" >>"$work/wrong" &
	done
	for what in 1 2 3 1; do
		sleep 0.3
		echo $what >"$M/proc/sys/vm/drop_caches"
	done
	wait
	[ ! -e "$work/wrong" ] || fail "eight clients with trees: $(cat "$work/wrong")"
	said "eight clients with trees"
}

# A client killed in the middle leaves what it wrote, and everybody else goes on.
killed_client() {
	for delay in 0.02 0.05 0.1 0.2; do
		cp "$1/part1" "$F/killed" &
		pid=$!
		sleep $delay
		kill -9 $pid 2>/dev/null
		wait $pid 2>/dev/null
		[ -e "$F/killed" ] || continue
		size=$(stat -c %s "$F/killed")
		check "what a killed cp left, after $delay s" cmp -n "$size" "$1/part1" "$F/killed"
		check "cp again" cp "$1/part1" "$F/killed"
		check "all of it" cmp "$1/part1" "$F/killed"
		check "removed" rm "$F/killed"
	done
	said "killed client"
}

data_make "$work/tree" $bulk
origin_make $packed
said "data"

start -c "$work/machine.conf" -o "backing=sparse,source=$source"
F=$M/files
compare source "$work/tree"
eight_trees "$work/tree"
killed_client "$work/tree"
random_io $random $ops
want=$(sums "$F")
check "the rest of the machine" cat "$M/proc/zoneinfo" >/dev/null
echo 3 >"$M/proc/sys/vm/drop_caches"
at_most "dirty pages and cached ones are within 64 MiB" 65536 "$(meminfo Cached)"
stop "$M"
said "unmount"
same "content in the source" "$want" "$(sums "$source")"
rm -rf "$plain" "$source" "$work/tree" "$work/origin"

# Memory only: the files themselves must fit.
mkdir "$plain"
rows=2000 parts='' layers='base mm'
data_make "$work/tree" 2
origin_make 1
start -c "$work/machine.conf" -o backing=sparse,source=none
F=$M/files
compare none "$work/tree"
killed_client "$work/tree"
rm -rf "${F:?}"/*
random_io 16 400
stop "$M"
finish
