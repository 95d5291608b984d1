#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Memory of tasks that lies in small pieces all over a machine, and says what it is.

  grow MOUNT LEFT TASK...        the tasks grow in turn, 64 KiB at a time, until MemFree is LEFT KiB
  fragment MOUNT LEFT TASK...    likewise, and all is written
  fill MOUNT TASK                all of it is written
  check MOUNT TASK               every page says its number, the task's name and a turn
  work MOUNT TASK UNTIL          pages are written anew and read again, at random, until the file UNTIL is there
Every page is a stamp and 4080 bytes that follow from it. work says how many pages it has written.
"""
import os
import random
import struct
import sys
import zlib

PAGE = 4096
STEP = 16  # pages
STAMP = struct.Struct("<IIQ")  # the name's sum, a turn, the page


def page_of(name, turn, number):
    stamp = STAMP.pack(zlib.crc32(name.encode()), turn, number)
    return stamp * (PAGE // len(stamp))


def path(mount, task, attr):
    return f"{mount}/tasks/{task}/{attr}"


def mem_free(mount):
    with open(f"{mount}/proc/meminfo") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("MemFree:"))


def fill(mount, task):
    with open(path(mount, task, "mem"), "r+b", buffering=0) as f:
        pages = os.fstat(f.fileno()).st_size // PAGE
        for n in range(0, pages, 256):
            part = b"".join(page_of(task, 0, k) for k in range(n, min(n + 256, pages)))
            assert os.pwrite(f.fileno(), part, n * PAGE) == len(part)


def grow(mount, left, tasks):
    anon = {t: open(path(mount, t, "anon"), "w", buffering=1) for t in tasks}
    while mem_free(mount) > left:
        for _ in range(16):
            for t in tasks:
                os.write(anon[t].fileno(), b"+%d" % (STEP * PAGE))


def verify(data, task, first):
    for k in range(len(data) // PAGE):
        page = data[k * PAGE:(k + 1) * PAGE]
        turn = STAMP.unpack_from(page)[1]
        if page != page_of(task, turn, first + k):
            sys.exit(f"page {first + k} of {task} is not what was written: {page[:32].hex()}")


def check(mount, task):
    pages = 0
    with open(path(mount, task, "mem"), "rb", buffering=0) as f:
        while data := f.read(1 << 20):
            verify(data, task, pages)
            pages += len(data) // PAGE
    if not pages:
        sys.exit(f"{task} has no memory")


def work(mount, task, until):
    rng, turn, written = random.Random(task), 0, {}
    with open(path(mount, task, "mem"), "r+b", buffering=0) as f:
        pages = os.fstat(f.fileno()).st_size // PAGE
        while not os.path.exists(until):
            turn += 1
            first = rng.randrange(pages - 8)
            data = b"".join(page_of(task, turn, first + k) for k in range(8))
            assert os.pwrite(f.fileno(), data, first * PAGE) == len(data)
            written.update((first + k, turn) for k in range(8))
            again = rng.choice(list(written)) if turn % 64 == 0 else rng.randrange(first, first + 8)
            got = os.pread(f.fileno(), PAGE, again * PAGE)
            if got != page_of(task, written[again], again):
                sys.exit(f"page {again} of {task} has lost what was written in turn {written[again]}")
        for k, last in written.items():
            if os.pread(f.fileno(), PAGE, k * PAGE) != page_of(task, last, k):
                sys.exit(f"page {k} of {task} has lost what was written in turn {last}")
    print(len(written))


def main():
    what, mount, *rest = sys.argv[1:]
    if what in ("grow", "fragment"):
        grow(mount, int(rest[0]), rest[1:])
        for task in rest[1:] if what == "fragment" else ():
            fill(mount, task)
    elif what == "fill":
        fill(mount, rest[0])
    elif what == "check":
        check(mount, rest[0])
    else:
        work(mount, *rest)


main()
