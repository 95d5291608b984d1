#!/bin/sh
# SPDX-License-Identifier: MIT
# The mounted tests again, as an ordinary user: fusermount3 mounts, nothing of root's is needed.
. "$SRCDIR/tests/mount/lib.sh"

if [ "$(id -u)" -ne 0 ]; then
	echo "SKIPPED: already an ordinary user, the other tests are this one"
	exit 77
fi
mkdir -p "$work/src/tests/mount" "$work/bin" "$work/tmp"
cp "$SRCDIR"/tests/mount/*.sh "$work/src/tests/mount"
cp -r "$SRCDIR/conf" "$work/src"
cp "$UMMFS" "$UMMFS_RUN" "$work/bin"
chmod -R a+rX "$work"
chmod 1777 "$work/tmp"
if ! as_user "$work/bin/ummfs" -V >/dev/null; then
	echo "SKIPPED: an ordinary user cannot run programs from $work"
	exit 77
fi
# In a chroot fusermount3 mounts for a user, but cannot unmount: "/" is no mount point there.
mkdir "$work/tmp/probe"
chown 65534:65534 "$work/tmp/probe"
if as_user "$work/bin/ummfs" "$work/tmp/probe" && ! as_user fusermount3 -u "$work/tmp/probe" 2>/dev/null; then
	umount "$work/tmp/probe"
	echo "SKIPPED: fusermount3 cannot unmount for an ordinary user here (a chroot?)"
	exit 77
fi
for t in tasks errno; do
	as_user env SRCDIR="$work/src" UMMFS="$work/bin/ummfs" UMMFS_RUN="$work/bin/ummfs-run" TMPDIR="$work/tmp" \
		XDG_RUNTIME_DIR="$work/tmp" HOME="$work/tmp" sh "$work/src/tests/mount/test_$t.sh" >"$work/log" 2>&1
	status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq 77 ] || { fail "test_$t as an ordinary user, status $status"; tail -n 20 "$work/log"; }
done
finish
