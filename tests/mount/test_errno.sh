#!/bin/sh
# SPDX-License-Identifier: MIT
# Errors, modes and offsets of the files, as the kernel has them (except what ummfs(8) lists).
. "$SRCDIR/tests/mount/lib.sh"

start -o backing=sparse
cat >"$work/errno.py" <<'EOP'
import errno, os, sys
M = sys.argv[1]
bad = 0
def name(f, *a):
    try:
        r = f(*a)
        return r
    except OSError as e:
        return errno.errorcode[e.errno]
def expect(what, want, got):
    global bad
    if want != got:
        bad += 1
        print("FAIL: %s: wanted %r, got %r" % (what, want, got))
P = lambda p: os.path.join(M, p)
def wr(path, *data, flags=os.O_WRONLY, at=None):
    fd = os.open(P(path), flags)
    try:
        return [os.pwrite(fd, d, at) if at is not None else os.write(fd, d) for d in data][-1]
    finally:
        os.close(fd)
def rd(path, n=65536):
    fd = os.open(P(path), os.O_RDONLY)
    try:
        return os.read(fd, n)
    finally:
        os.close(fd)
K = "proc/sys/vm/watermark_scale_factor"
expect("two numbers", 2, name(wr, "proc/sys/vm/overcommit_ratio", b"1 2\n"))
expect("value", b"1\n", rd("proc/sys/vm/overcommit_ratio"))
expect("garbage", "EINVAL", name(wr, K, b"abc\n"))
expect("out of range", "EINVAL", name(wr, K, b"3001\n"))
expect("empty", 0, name(wr, K, b""))
wr(K, b"10\n")
expect("second write returns its length", 3, name(wr, K, b"50\n", b"60\n"))
expect("second write does nothing", b"50\n", rd(K))
expect("pwrite past 0", 3, name(lambda: wr(K, b"70\n", at=1)))
expect("pwrite past 0 does nothing", b"50\n", rd(K))
expect("append", 3, name(lambda: wr(K, b"90\n", flags=os.O_WRONLY | os.O_APPEND)))
expect("append counts", b"90\n", rd(K))
expect("truncate flag", 3, name(lambda: wr(K, b"10\n", flags=os.O_WRONLY | os.O_TRUNC)))
expect("truncate", None, name(os.truncate, P(K), 0))
expect("after truncate", b"10\n", rd(K))
expect("5000 bytes", 5000, name(wr, K, b"1" + b" " * 4999))
wr(K, b"10\n")
fd = os.open(P(K), os.O_RDONLY)
expect("1-byte read", [b"1", b""], [os.read(fd, 1), os.read(fd, 1)])
expect("pread past 0", b"", os.pread(fd, 10, 1))
os.close(fd)
fd = os.open(P("proc/zoneinfo"), os.O_RDONLY)
a = b"".join(iter(lambda: os.read(fd, 7), b""))
expect("zoneinfo in small reads", a.count(b"\n"), rd("proc/zoneinfo", 1 << 20).count(b"\n"))
os.lseek(fd, 0, 0)
expect("rewound", b"Node 0", os.read(fd, 6))
os.close(fd)
root = os.geteuid() == 0
expect("read drop_caches", "EACCES", name(rd, "proc/sys/vm/drop_caches"))
expect("drop 5", "EINVAL", name(wr, "proc/sys/vm/drop_caches", b"5\n"))
expect("write zoneinfo", "EIO" if root else "EACCES", name(wr, "proc/zoneinfo", b"1\n"))
expect("write a read-only sysfs file", "EACCES", name(wr, "sys/devices/system/node/online", b"1\n"))
expect("unlink a sysctl", "EACCES", name(os.unlink, P(K)))
expect("chmod a sysctl", "EPERM", name(os.chmod, P(K), 0o600))
expect("chmod zoneinfo", None, name(os.chmod, P("proc/zoneinfo"), 0o444))
if root:
    expect("unlink zoneinfo", "EPERM", name(os.unlink, P("proc/zoneinfo")))
    expect("mkdir in proc/sys/vm", "ENOENT", name(os.mkdir, P("proc/sys/vm/x")))
    expect("symlink in proc/sys/vm", "ENOENT", name(os.symlink, "x", P("proc/sys/vm/x")))
    expect("unlink in sys", "EPERM", name(os.unlink, P("sys/devices/system/node/online")))
H = "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
expect("sysfs blank", "EINVAL", name(wr, H, b" 1\n"))
expect("sysfs hex", "EINVAL", name(wr, H, b"0x1\n"))
expect("sysfs too large", "ERANGE", name(wr, H, b"99999999999999999999\n"))
expect("sysfs plus and leading zeros", 5, name(wr, H, b"+002\n"))
expect("pool", b"2\n", rd(H))
expect("sysfs write at an offset", 2, name(lambda: wr(H, b"0\n", at=4096)))
expect("pool again", b"0\n", rd(H))
expect("proc sizes", 0, os.stat(P("proc/zoneinfo")).st_size)
expect("sysfs sizes", 4096, os.stat(P(H)).st_size)
expect("modes", "0o100200", oct(os.stat(P("proc/sys/vm/drop_caches")).st_mode))
expect("tasks is sticky", "0o41777", oct(os.stat(P("tasks")).st_mode))
expect("unknown task file", "ENOENT", name(os.stat, P("tasks/none/anon")))
os.mkdir(P("tasks/t"))
expect("unlink in a task", "EPERM", name(os.unlink, P("tasks/t/anon")))
expect("file in tasks", True, name(os.open, P("tasks/f"), os.O_CREAT | os.O_WRONLY) in ("EPERM", "EACCES"))
os.rmdir(P("tasks/t"))
sys.exit(bad != 0)
EOP
python3 "$work/errno.py" "$M" || fail "errno.py found differences"

# Who may do what.
if [ "$(id -u)" -eq 0 ]; then
	refuses "another user writes a knob" as_user sh -c "echo 1 >'$M/proc/sys/vm/drop_caches'"
	refuses "another user reads pagetypeinfo" as_user cat "$M/proc/pagetypeinfo"
	check "another user reads zoneinfo" as_user cat "$M/proc/zoneinfo" >/dev/null
	check "anyone makes a task" as_user mkdir "$M/tasks/mine"
	check "and takes memory" as_user sh -c "echo 1M >'$M/tasks/mine/anon'"
	mkdir "$M/tasks/roots"
	refuses "nobody else's task" as_user sh -c "echo 1M >'$M/tasks/roots/anon'"
	refuses "nobody else's rmdir" as_user rmdir "$M/tasks/roots"
	check "one's own rmdir" as_user rmdir "$M/tasks/mine"
	rmdir "$M/tasks/roots"
fi
same "readdir starts with . and .." ". .." "$(ls -fa "$M/proc/sys/vm" | head -n 2 | tr '\n' ' ' | sed 's/ $//')"
stop "$M"
finish
