# SPDX-License-Identifier: MIT
# What system calls answer in dev/hugepages. python3 hugepages.py MOUNT: a line for each wrong answer.
import ctypes
import errno
import mmap
import os
import sys
import time

M = sys.argv[1]
D = M + "/dev/hugepages/"
MB2 = 2 << 20
KEEP, PUNCH, COLLAPSE, ZERO = 1, 2, 8, 16
libc = ctypes.CDLL(None, use_errno=True)
wrong = 0


def fail(what):
    global wrong
    wrong += 1
    print("FAIL:", what)


def same(name, want, got):
    if want != got:
        fail(f"{name}: wanted {want}, got {got}")


def refused(name, want, call, *args, **kw):
    try:
        got = call(*args, **kw)
    except OSError as e:
        same(name, errno.errorcode[want], errno.errorcode[e.errno])
    else:
        fail(f"{name}: wanted {errno.errorcode[want]}, got {got}")


def fallocate(fd, mode, offset, length):
    if libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)):
        raise OSError(ctypes.get_errno(), "fallocate")


def renameat2(old, new, flags):
    if libc.renameat2(-100, old.encode(), -100, new.encode(), flags):
        raise OSError(ctypes.get_errno(), "renameat2")


def pool():
    kv = dict(l.split(":") for l in open(M + "/proc/meminfo") if l.startswith("HugePages"))
    return [int(kv["HugePages_" + k]) for k in ("Total", "Free", "Rsvd", "Surp")]


def settled(want):
    for _ in range(200):  # the host lets go of a file after close has returned
        if pool() == want:
            break
        os.sched_yield()
        time.sleep(0.01)
    same("pool", want, pool())


same("an empty pool", [0, 0, 0, 0], pool())
st = os.stat(M + "/dev/hugepages")
same("root's mode and owner", (0o40755, os.geteuid(), 2), (st.st_mode, st.st_uid, st.st_nlink))
fd = os.open(D + "e", os.O_RDWR | os.O_CREAT, 0o640)
refused("write without a pool", errno.ENOSPC, os.write, fd, b"x")
refused("truncate without a pool", errno.ENOSPC, os.ftruncate, fd, MB2)
refused("fallocate without a pool", errno.ENOSPC, fallocate, fd, 0, 0, MB2)
same("its size after that", 0, os.fstat(fd).st_size)
os.close(fd)
os.unlink(D + "e")

open(M + "/proc/sys/vm/nr_hugepages", "w").write("8\n")
settled([8, 8, 0, 0])
fd = os.open(D + "f", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)
refused("create again", errno.EEXIST, os.open, D + "f", os.O_CREAT | os.O_EXCL)
st = os.fstat(fd)
same("a new file", (0o100640, 0, 1, MB2, 0), (st.st_mode, st.st_size, st.st_nlink, st.st_blksize, st.st_blocks))
for n in (1, 4096, MB2 - 1, MB2 + 4096):
    refused(f"truncate to {n}", errno.EINVAL, os.ftruncate, fd, n)
os.ftruncate(fd, 3 * MB2)
settled([8, 8, 3, 0])
refused("truncate past the pool", errno.ENOSPC, os.ftruncate, fd, 9 * MB2)
settled([8, 8, 3, 0])
same("reading a hole", bytes(5), os.pread(fd, 5, MB2 - 2))
same("nothing was taken", [8, 8, 3, 0], pool())
same("write", 6, os.pwrite(fd, b"abcdef", MB2 - 3))
same("pages for it", [8, 6, 1, 0], pool())
same("read back", b"\0abcdef\0", os.pread(fd, 8, MB2 - 4))
same("blocks", 2 * 4096, os.fstat(fd).st_blocks)
same("xattr names", ["user.ummfs.pfn"], os.listxattr(fd))
pfns = os.getxattr(fd, "user.ummfs.pfn").decode().split(" ")
same("hole in the frames", "-", pfns[2])
same("frames are aligned", (0, 0), (int(pfns[0]) % 512, int(pfns[1]) % 512))
refused("another xattr", errno.EOPNOTSUPP, os.getxattr, fd, "user.other")
refused("set another xattr", errno.EOPNOTSUPP, os.setxattr, fd, "user.other", b"1")
refused("set the frames", errno.EPERM, os.setxattr, fd, "user.ummfs.pfn", b"1")
refused("frames of a directory", errno.ENODATA, os.getxattr, D, "user.ummfs.pfn")

for mode in (ZERO, COLLAPSE, PUNCH):
    refused(f"fallocate mode {mode}", errno.EOPNOTSUPP, fallocate, fd, mode, 0, MB2)
refused("fallocate nothing", errno.EINVAL, fallocate, fd, 0, 0, 0)
fallocate(fd, PUNCH | KEEP, 0, MB2)
same("a punched page is free again", [8, 7, 1, 0], pool())
same("and zero", bytes(4), os.pread(fd, 4, MB2 - 4))
same("the next page kept its bytes", b"def", os.pread(fd, 3, MB2))
fallocate(fd, KEEP, 5 * MB2, 2 * MB2)
same("kept size", (3 * MB2, [8, 5, 1, 0]), (os.fstat(fd).st_size, pool()))
refused("fallocate past the pool", errno.ENOSPC, fallocate, fd, 0, 0, 100 * MB2)
same("what could be had was taken, as in 6.1", [8, 0, 0, 0], pool())
same("the size was not changed", 3 * MB2, os.fstat(fd).st_size)
os.ftruncate(fd, MB2)
settled([8, 7, 0, 0])
other = os.open(D + "other", os.O_RDWR | os.O_CREAT, 0o600)
fallocate(other, 0, 0, 6 * MB2)
refused("a write that needs two pages of one", errno.ENOSPC, os.pwrite, fd, b"12", 2 * MB2 - 1 + MB2)
same("nothing of it was done", (MB2, [8, 1, 0, 0]), (os.fstat(fd).st_size, pool()))
os.close(other)
os.unlink(D + "other")
settled([8, 7, 0, 0])
refused("a write past the largest file", errno.EFBIG, os.pwrite, fd, b"x", 1 << 55)
end = os.open(D + "f", os.O_WRONLY | os.O_APPEND)
same("append", 3, os.write(end, b"end"))
os.close(end)
same("appended to whole pages", 2 * MB2, os.fstat(fd).st_size)
same("where it was appended", b"end", os.pread(fd, 3, MB2))
same("SEEK_END", 2 * MB2, os.lseek(fd, 0, os.SEEK_END))
same("SEEK_DATA", 5, os.lseek(fd, 5, os.SEEK_DATA))
same("SEEK_HOLE", 2 * MB2, os.lseek(fd, 5, os.SEEK_HOLE))
refused("SEEK_DATA at the end", errno.ENXIO, os.lseek, fd, 2 * MB2, os.SEEK_DATA)
os.fsync(fd)
os.fdatasync(fd)
s = os.fstatvfs(fd)
same("statvfs", (MB2, 8, 6, 255), (s.f_bsize, s.f_blocks, s.f_bfree, s.f_namemax))
refused("a shared mapping", errno.ENODEV, mmap.mmap, fd, MB2)

# The pool shrinks under a file: what is in use becomes surplus and goes when it is given back.
open(M + "/proc/sys/vm/nr_hugepages", "w").write("1\n")
same("surplus", [2, 0, 0, 1], pool())
os.ftruncate(fd, 0)
settled([1, 1, 0, 0])
open(M + "/proc/sys/vm/nr_overcommit_hugepages", "w").write("2\n")
os.ftruncate(fd, 3 * MB2)
same("promises beyond the pool", [3, 3, 3, 2], pool())
refused("more than overcommit", errno.ENOSPC, os.ftruncate, fd, 4 * MB2)
os.ftruncate(fd, 0)
settled([1, 1, 0, 0])
open(M + "/proc/sys/vm/nr_overcommit_hugepages", "w").write("0\n")
open(M + "/proc/sys/vm/nr_hugepages", "w").write("8\n")

# Unlinked and open: it stays until the last close.
os.pwrite(fd, b"still here", 0)
os.unlink(D + "f")
same("unlinked", (0, b"still here"), (os.fstat(fd).st_nlink, os.pread(fd, 10, 0)))
same("its page", [8, 7, 0, 0], pool())
os.close(fd)
settled([8, 8, 0, 0])

# Names.
os.mkdir(D + "d", 0o711)
same("root has one more link", 3, os.stat(D).st_nlink)
refused("mkdir again", errno.EEXIST, os.mkdir, D + "d")
os.symlink("d/x", D + "l")
same("readlink", "d/x", os.readlink(D + "l"))
open(D + "d/x", "wb").write(b"content")
same("through the link", b"content", open(D + "l", "rb").read(7))
os.link(D + "d/x", D + "y")
same("links", (2, 2), (os.stat(D + "y").st_nlink, os.stat(D + "d/x").st_nlink))
refused("link of a directory", errno.EPERM, os.link, D + "d", D + "dd")
refused("link to elsewhere", errno.EXDEV, os.link, D + "y", M + "/files/y")
refused("rename to elsewhere", errno.EXDEV, os.rename, D + "y", M + "/files/y")
refused("rmdir of a full one", errno.ENOTEMPTY, os.rmdir, D + "d")
refused("rmdir of a file", errno.ENOTDIR, os.rmdir, D + "y")
refused("unlink of a directory", errno.EISDIR, os.unlink, D + "d")
refused("a long name", errno.ENAMETOOLONG, os.mkdir, D + 256 * "n")
refused("rename below itself", errno.EINVAL, os.rename, D + "d", D + "d/e")
refused("rename without replacing", errno.EEXIST, renameat2, D + "y", D + "l", 1)
refused("whiteout", errno.EINVAL, renameat2, D + "y", D + "z", 4)
renameat2(D + "y", D + "l", 2)
same("exchanged", "d/x", os.readlink(D + "y"))
os.rename(D + "l", D + "d/z")
os.rename(D + "d/z", D + "d/x")  # the same file: both stay
same("two names of one file", ["x", "z"], sorted(os.listdir(D + "d")))
os.chmod(D + "d/x", 0o4755)
os.chown(D + "d/x", 12, 34)
os.utime(D + "d/x", ns=(10**9, 2 * 10**9 + 5))
st = os.stat(D + "d/x")
same("attributes", (0o100755, 12, 34, 10**9, 2 * 10**9 + 5),
     (st.st_mode, st.st_uid, st.st_gid, st.st_atime_ns, st.st_mtime_ns))
os.mkfifo(D + "fifo")
same("a fifo", 0o10000, os.stat(D + "fifo").st_mode & 0o170000)
for name in ("fifo", "y", "d/x", "d/z"):
    os.unlink(D + name)
os.rmdir(D + "d")
settled([8, 8, 0, 0])

# A directory that changes while it is read: what stays is told once.
for n in range(1000):
    os.close(os.open(D + f"n{n}", os.O_CREAT, 0o600))
seen = []
with os.scandir(D) as it:
    for k, e in enumerate(it):
        seen.append(e.name)
        if k % 3 == 0 and k < 900:
            os.unlink(D + e.name)
same("names told once", sorted({f"n{n}" for n in range(1000)}), sorted(seen))
for name in os.listdir(D):
    os.unlink(D + name)
same("all gone", [], os.listdir(D))
same("dev/ lists it", True, "hugepages" in os.listdir(M + "/dev"))
refused("the mount itself", errno.EPERM, os.rmdir, M + "/dev/hugepages")
sys.exit(wrong != 0)
