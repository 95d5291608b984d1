#!/bin/sh
# SPDX-License-Identifier: MIT
# The disk of source is full, on a machine of 64 MiB: the answer is ENOSPC, at the write or at the fsync; nothing that
# was confirmed is lost, everything else works on, and once there is room again what is dirty gets there.
# (This is the hardening test "disk of source full".)
. "$SRCDIR/tests/mount/lib.sh"
if [ "$(id -u)" -ne 0 ]; then
	echo "SKIPPED: only root can mount a small file system to fill"
	exit 77
fi

printf '[node 0]\nmemory=64M\ncpus=0-1\n' >"$work/machine.conf"
source=$work/source
mkdir "$source"
detach() {
	cleanup_mounts=$MOUNTED
	for m in $cleanup_mounts; do umount -l "$m" 2>/dev/null; done
	umount -l "$source" 2>/dev/null
	cleanup
}
trap detach EXIT
export LC_ALL=C

# One write after the other, then fsync: the first error of each, "write NAME" or "fsync NAME", or "none".
writes() { # writes FILE MIB
	python3 - "$1" "$2" <<-'EOF'
		import errno, os, sys
		fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o644)
		said = "none"
		try:
		    what = "write"
		    for k in range(int(sys.argv[2]) * 8):
		        os.write(fd, bytes([k % 251]) * 131072)
		    what = "fsync"
		    os.fsync(fd)
		except OSError as e:
		    said = what + " " + errno.errorcode[e.errno]
		os.close(fd)
		print(said)
	EOF
}

usable() { # usable WHEN: the rest of the tree, and files that need no more room
	check "$1: proc" cat "$M/proc/meminfo" >/dev/null
	check "$1: a confirmed file" cmp "$work/kept" "$F/kept"
	check "$1: listing" ls -l "$F" >/dev/null
	check "$1: a task" mkdir "$M/tasks/t"
	check "$1: its memory" sh -c "echo 2M >'$M/tasks/t/anon'"
	check "$1: its end" rmdir "$M/tasks/t"
	check "$1: overwriting what has room" dd if="$work/kept" of="$F/kept" bs=64K conv=notrunc,fsync status=none
	check "$1: drop_caches" sh -c "echo 3 >'$M/proc/sys/vm/drop_caches'"
	check "$1: the file after it" cmp "$work/kept" "$F/kept"
}

full_disk() { # full_disk KIND: $source has 24 MiB, more or less
	start -c "$work/machine.conf" -o "backing=sparse,source=$source"
	F=$M/files
	head -c 3M /dev/urandom >"$work/kept"
	check "$1: the first file" cp "$work/kept" "$F/kept"
	check "$1: confirmed" sync "$F/kept"

	said=$(writes "$F/large" 40)
	case $said in
	'write ENOSPC' | 'fsync ENOSPC') echo "$1: $said" ;;
	*) fail "$1: 40 MiB into 24: wanted ENOSPC, got '$said'" ;;
	esac
	usable "$1, full"
	# More than the machine's memory, again and again: still an answer, and nothing hangs or dies.
	for n in 1 2 3; do
		said=$(timeout 60 sh -c "$(command -v python3) - '$F/more$n'" <<-'EOF'
			import errno, os, sys
			fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o644)
			try:
			    for k in range(80):
			        os.write(fd, bytes([k]) * 1048576)
			    os.fsync(fd)
			except OSError as e:
			    print(errno.errorcode[e.errno])
		EOF
		)
		case $said in
		ENOSPC | ENOMEM) ;;
		*) fail "$1: 80 MiB more: wanted ENOSPC, got '$said'" ;;
		esac
	done
	usable "$1, full and more"

	# Room again, by the mount itself: everything goes on.
	check "$1: removing" rm "$F/large" "$F/more1" "$F/more2" "$F/more3"
	same "$1: writing with room again" none "$(writes "$F/after" 8)"
	check "$1: in the source" cmp "$F/after" "$source/after"
	check "$1: removed" rm "$F/after"

	# Room again, by somebody else: what is dirty gets there without being asked for.
	head -c 20M /dev/zero 2>/dev/null >"$source/theirs"
	echo 10 >"$M/proc/sys/vm/dirty_writeback_centisecs"
	echo 10 >"$M/proc/sys/vm/dirty_expire_centisecs"
	head -c 6M /dev/urandom >"$work/late"
	cp "$work/late" "$F/late" 2>/dev/null # may be told already
	sync "$F/late" 2>/dev/null && fail "$1: fsync of 6 MiB with no room for them"
	rm "$source/theirs"
	if cmp -s "$work/late" "$F/late"; then # nothing was refused: it is dirty and must arrive
		for _ in $(seq 100); do
			cmp -s "$work/late" "$source/late" && break
			sleep 0.1
		done
		check "$1: dirty pages arrive" cmp "$work/late" "$source/late"
	fi
	check "$1: copied again" cp "$work/late" "$F/late"
	sync "$F/late" 2>/dev/null # which may tell, once, of a refusal meanwhile
	check "$1: and confirmed" sync "$F/late"
	check "$1: it is in the source" cmp "$work/late" "$source/late"

	# A machine that ends while the disk is full does end; what was confirmed is there.
	rm "$F/late"
	said=$(writes "$F/large" 40)
	stop "$M"
	check "$1: confirmed, after the end" cmp "$work/kept" "$source/kept"
}

check "a small tmpfs" mount -t tmpfs -o size=24M none "$source"
full_disk tmpfs
umount "$source" || umount -l "$source"

# A disk that takes its blocks late, when the kernel writes.
truncate -s 28M "$work/image"
if command -v mkfs.ext4 >/dev/null && mkfs.ext4 -q -F -m 0 "$work/image" 2>/dev/null &&
	mount -o loop "$work/image" "$source" 2>/dev/null; then
	full_disk ext4
	umount "$source" || umount -l "$source"
else
	echo "SKIPPED: no ext4 image can be mounted here"
fi
finish
