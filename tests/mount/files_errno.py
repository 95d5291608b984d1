# SPDX-License-Identifier: MIT
# files_errno.py DIR: what a file system answers to good and bad requests, a line each. Run in files/
# and in a plain directory, the lines have to be the same.
import ctypes
import errno
import os
import stat
import sys

root = sys.argv[1]
os.chdir(root)
os.umask(0o022)
libc = ctypes.CDLL(None, use_errno=True)
RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4
KEEP_SIZE, PUNCH_HOLE, COLLAPSE = 1, 2, 8


def show(name, value):
    print(f"{name}: {value}")


def attempt(name, call, *args, **kwargs):
    try:
        value = call(*args, **kwargs)
        show(name, "ok" if value is None or isinstance(value, (int, tuple)) and name.startswith("open") else value)
        return value
    except OSError as e:
        show(name, errno.errorcode.get(e.errno, e.errno))
    return None


def close_quietly(fd):
    if isinstance(fd, int):
        os.close(fd)


def opened(name, path, flags, mode=0o644):
    close_quietly(attempt("open " + name, os.open, path, flags, mode))


def renameat2(a, b, flags):
    if libc.renameat2(-100, a.encode(), -100, b.encode(), flags):
        raise OSError(ctypes.get_errno(), "")


def fallocate(fd, mode, offset, length):
    f = libc.fallocate64 if hasattr(libc, "fallocate64") else libc.fallocate
    if f(fd, mode, ctypes.c_longlong(offset), ctypes.c_longlong(length)):
        raise OSError(ctypes.get_errno(), "")


def st(path):
    s = os.lstat(path)
    # sizes and counts of links of directories differ from one file system to another
    if stat.S_ISDIR(s.st_mode):
        return oct(s.st_mode), s.st_uid, s.st_gid
    return oct(s.st_mode), s.st_nlink, s.st_uid, s.st_gid, s.st_size


def put(path, data=b""):
    with open(path, "wb") as f:
        f.write(data)


# Names.
long_name, too_long = "n" * 255, "n" * 256
hostile = [" ", "-rf", "a b\tc", "new\nline", "\\", '"\'`$(x)', "*?[", "ünïcödé", ".hidden", "..." , ":", "\x01\x7f"]
for n in [long_name] + hostile:
    attempt(f"create {n!r}", put, n, b"x")
raw = os.path.join(os.fsencode(root), b"\xff\xfe\x80")
attempt("create bytes", put, raw, b"raw")
show("listed", sorted(os.listdir(os.fsencode("."))))
for n in [long_name] + hostile:
    attempt(f"unlink {n!r}", os.unlink, n)
attempt("unlink bytes", os.unlink, raw)
attempt("create too long", put, too_long)
attempt("stat too long", os.stat, too_long)
attempt("mkdir too long", os.mkdir, too_long)
attempt("stat missing", os.stat, "missing")
attempt("stat missing/x", os.stat, "missing/x")
attempt("stat empty", os.stat, "")

# Directories.
os.mkdir("d")
attempt("mkdir again", os.mkdir, "d")
attempt("mkdir .", os.mkdir, ".")
attempt("mkdir ..", os.mkdir, "..")
attempt("mkdir below missing", os.mkdir, "missing/d")
put("f", b"hello")
attempt("mkdir over file", os.mkdir, "f")
attempt("mkdir below file", os.mkdir, "f/d")
attempt("rmdir file", os.rmdir, "f")
attempt("rmdir missing", os.rmdir, "missing")
attempt("rmdir .", os.rmdir, "d/.")
attempt("rmdir ..", os.rmdir, "d/..")
put("d/x")
attempt("rmdir full", os.rmdir, "d")
attempt("unlink dir", os.unlink, "d")
attempt("unlink missing", os.unlink, "missing")
attempt("unlink f/", os.unlink, "f/")
attempt("listdir file", os.listdir, "f")

# Opening.
opened("dir to write", "d", os.O_WRONLY)
opened("dir to read", "d", os.O_RDONLY)
opened("file as dir", "f", os.O_RDONLY | os.O_DIRECTORY)
opened("exclusive", "f", os.O_RDWR | os.O_CREAT | os.O_EXCL)
opened("create over dir", "d", os.O_RDWR | os.O_CREAT)
opened("missing", "missing", os.O_RDONLY)
opened("f/", "f/", os.O_RDONLY)
opened("create g/", "g/", os.O_RDWR | os.O_CREAT)
opened("create mode", "g", os.O_RDWR | os.O_CREAT, 0o751)
show("created", st("g"))

# Links.
attempt("link", os.link, "f", "f2")
show("linked", st("f2"))
attempt("link over", os.link, "f", "g")
attempt("link dir", os.link, "d", "d2")
attempt("link missing", os.link, "missing", "x")
attempt("symlink", os.symlink, "f", "s")
attempt("symlink again", os.symlink, "f", "s")
attempt("symlink empty", os.symlink, "", "s0")
attempt("symlink long", os.symlink, "t" * 4095, "sl")
attempt("readlink long", lambda: len(os.readlink("sl")))
attempt("readlink", os.readlink, "s")
attempt("readlink file", os.readlink, "f")
show("symlink", st("s"))
os.symlink("loop", "loop")
attempt("stat loop", os.stat, "loop")
opened("loop", "loop", os.O_RDONLY)
opened("link nofollow", "s", os.O_RDONLY | os.O_NOFOLLOW)
attempt("unlink link", os.unlink, "s")
attempt("mkfifo", os.mkfifo, "fifo", 0o640)
show("fifo", st("fifo"))

# Renaming.
put("a", b"a")
put("b", b"bb")
attempt("rename over", os.rename, "a", "b")
show("renamed", st("b"))
attempt("rename missing", os.rename, "missing", "b")
attempt("rename file over dir", os.rename, "b", "d")
attempt("rename dir over file", os.rename, "d", "b")
os.mkdir("e")
attempt("rename dir over full dir", os.rename, "e", "d")
attempt("rename dir over empty dir", os.rename, "d", "e")
attempt("rename below itself", os.rename, "e", "e/inside")
attempt("rename itself", os.rename, "e", "e")
attempt("rename same file", os.rename, "f", "f2")
show("both names", (os.path.exists("f"), os.path.exists("f2")))
attempt("rename noreplace", renameat2, "f", "b", RENAME_NOREPLACE)
attempt("rename noreplace free", renameat2, "f2", "f3", RENAME_NOREPLACE)
attempt("rename exchange", renameat2, "f", "e", RENAME_EXCHANGE)
show("exchanged", (stat.S_ISDIR(os.stat("f").st_mode), stat.S_ISREG(os.stat("e").st_mode)))
attempt("rename exchange back", renameat2, "f", "e", RENAME_EXCHANGE)
attempt("rename exchange missing", renameat2, "f", "missing", RENAME_EXCHANGE)
attempt("rename both flags", renameat2, "f", "b", RENAME_EXCHANGE | RENAME_NOREPLACE)
attempt("rename to too long", os.rename, "b", too_long)

# Sizes.
fd = os.open("f", os.O_RDWR)
attempt("truncate up", os.truncate, "f", 10000)
show("grown", (os.pread(fd, 8, 0), os.pread(fd, 8, 9996), os.pread(fd, 8, 10000)))
attempt("truncate down", os.ftruncate, fd, 3)
attempt("truncate up again", os.ftruncate, fd, 6)
show("zeros behind", os.pread(fd, 100, 0))
attempt("truncate negative", os.ftruncate, fd, -1)
attempt("truncate dir", os.truncate, "e", 0)
attempt("truncate missing", os.truncate, "missing", 0)
show("sparse write", os.pwrite(fd, b"end", 1 << 33))
show("sparse size", os.fstat(fd).st_size)
show("hole", os.pread(fd, 4, 1 << 32))
attempt("seek data", os.lseek, fd, 1 << 40, os.SEEK_DATA)
attempt("seek hole", os.lseek, fd, 1 << 40, os.SEEK_HOLE)
attempt("seek negative", os.lseek, fd, -5, os.SEEK_SET)
attempt("seek end", os.lseek, fd, -3, os.SEEK_END)
os.ftruncate(fd, 6)
attempt("fallocate", fallocate, fd, 0, 0, 8192)
show("fallocated", os.fstat(fd).st_size)
attempt("fallocate keep", fallocate, fd, KEEP_SIZE, 0, 16384)
show("kept", os.fstat(fd).st_size)
os.pwrite(fd, b"x" * 8192, 0)
attempt("punch", fallocate, fd, PUNCH_HOLE | KEEP_SIZE, 100, 5000)
show("punched", (os.pread(fd, 4, 98), os.pread(fd, 4, 5098)))
attempt("punch without keep", fallocate, fd, PUNCH_HOLE, 0, 4096)
attempt("fallocate nothing", fallocate, fd, 0, 0, 0)
attempt("fallocate negative", fallocate, fd, 0, -1, 10)
os.close(fd)
fd = os.open("f", os.O_RDONLY)
attempt("write read-only", os.write, fd, b"x")
attempt("truncate read-only", os.ftruncate, fd, 0)
os.close(fd)
fd = os.open("f", os.O_WRONLY | os.O_APPEND)
os.ftruncate(fd, 5)
show("append", (os.write(fd, b"tail"), os.pwrite(fd, b"!", 0), os.fstat(fd).st_size))
attempt("read write-only", os.read, fd, 1)
os.close(fd)
with open("f", "rb") as f:
    show("appended", f.read()[5:])
opened("truncating", "f", os.O_WRONLY | os.O_TRUNC)
show("truncated", st("f"))

# Unlinked and renamed while open.
put("gone", b"still here")
fd = os.open("gone", os.O_RDWR)
os.unlink("gone")
show("unlinked", (os.fstat(fd).st_nlink, os.pread(fd, 100, 0), os.pwrite(fd, b"STILL", 0), os.pread(fd, 100, 0)))
os.close(fd)
put("gone", b"new")
with open("gone", "rb") as f:
    show("new one", f.read())

# Modes, owners, times.
attempt("chmod", os.chmod, "f", 0o4711)
show("chmod", st("f"))
with open("f", "wb") as f:
    f.write(b"by root")
show("bits after root wrote", st("f"))
if os.geteuid() == 0:
    attempt("chown", os.chown, "f", 1234, 4321)
    show("chown", st("f"))
    os.chmod("f", 0o6777)
    attempt("chown same", os.chown, "f", -1, 4321)
    show("chown same", st("f"))
    os.mkdir("sg")
    os.chown("sg", 0, 777)
    os.chmod("sg", 0o2775)
    os.mkdir("sg/d")
    put("sg/f")
    show("handed on", (st("sg/d"), st("sg/f")))
attempt("utime", os.utime, "f", ns=(1234567890123456789, 987654321000000001))
s = os.stat("f")
show("times", (s.st_atime_ns, s.st_mtime_ns))
attempt("utime missing", os.utime, "missing")

# Extended attributes.
attempt("setxattr", os.setxattr, "f", "user.a", b"one")
attempt("getxattr", os.getxattr, "f", "user.a")
attempt("setxattr again", os.setxattr, "f", "user.a", b"two", os.XATTR_CREATE)
attempt("setxattr missing", os.setxattr, "f", "user.b", b"two", os.XATTR_REPLACE)
attempt("getxattr missing", os.getxattr, "f", "user.b")
attempt("listxattr", lambda: sorted(n for n in os.listxattr("f") if n.startswith("user.")))
attempt("removexattr", os.removexattr, "f", "user.a")
attempt("removexattr again", os.removexattr, "f", "user.a")
attempt("setxattr no space", os.setxattr, "f", "nonsense", b"x")

# Positions of readdir survive removal.
os.mkdir("many")
for n in range(500):
    put(f"many/{n:03}")
seen = []
with os.scandir("many") as it:
    for e in it:
        seen.append(e.name)
        os.unlink("many/" + e.name)
show("seen once each", (len(seen), len(set(seen)), os.listdir("many")))
