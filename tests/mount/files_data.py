#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Data that tells what it is, for tests of files/.

Every unit of 512 bytes is 32 times a stamp of 16 bytes: the file's number, the
unit's own, and the turn in which it was written. A model of 8 bytes a unit then
knows what 1 GiB must contain, and from a wrong unit it can be read where it came from.

  random DIR NAME MIB OPS SEED [CLIENT CLIENTS]
      random reads and writes of NAME, each read compared; at the end all of it. Clients of one
      file own every CLIENTS-th stretch of 64 KiB and read and write only theirs.
  write DIR MODEL SEED SOURCE
      MODEL.ready is made, then random writes with fsync, fdatasync, O_DSYNC, appends and replacing renames
      until the mount goes away, and with it the last thread of the daemon; then as verify SOURCE MODEL.
  verify DIR MODEL
      DIR has what was confirmed, or what was written later; that is what MODEL has from now on.
"""
import os
import pickle
import random
import struct
import sys
from array import array

UNIT = 512
STAMP = struct.Struct("<HHIQ")  # a mark, file, unit, turn
MARK = 0x4D55
OWNED = 65536 // UNIT


def stamp(number, unit, turn):
    return STAMP.pack(MARK, number, unit, turn)


def content(number, unit, turns):
    """Units from `unit` on, one for each of turns; 0 is a hole."""
    return b"".join(stamp(number, unit + k, t) * 32 if t else bytes(UNIT) for k, t in enumerate(turns))


def describe(data, number, unit, want):
    for k, turn in enumerate(want):
        piece = data[k * UNIT:(k + 1) * UNIT]
        if piece != content(number, unit + k, [turn]):
            got = STAMP.unpack(piece[:16]) if len(piece) >= 16 else piece
            return "file %d unit %d: wanted turn %d, got %s of %d bytes" % (number, unit + k, turn, got, len(piece))
    return "file %d unit %d: %d bytes for %d units" % (number, unit, len(data), len(want))


def write_all(fd, data, offset):
    while data:
        n = os.pwrite(fd, data, offset)
        data, offset = data[n:], offset + n


def read_all(fd, size, offset):
    data = b""
    while len(data) < size:
        piece = os.pread(fd, size - len(data), offset + len(data))
        if not piece:
            break
        data += piece
    return data


# ---- random ----

def piece_of(rng, units, client, clients):
    """A random stretch that is this client's."""
    if clients == 1:
        start = rng.randrange(units)
        return start, min(units - start, rng.choice((1, 2, 8, 8, 64, 256)))
    stretch = rng.randrange(units // OWNED // clients) * clients + client
    first = rng.randrange(OWNED)
    return stretch * OWNED + first, min(OWNED - first, rng.choice((1, 2, 8, 8, 64)))


def compare(fd, number, unit, want):
    data = read_all(fd, len(want) * UNIT, unit * UNIT)
    if data != content(number, unit, want):
        sys.exit("FAIL: " + describe(data, number, unit, want))


def do_random(path, name, mib, ops, seed, client=0, clients=1):
    rng = random.Random(seed * 1000 + client)
    number, units = seed & 0xFFFF, (mib << 20) // UNIT
    turn = array("Q", bytes(8 * units))
    fd = os.open(os.path.join(path, name), os.O_RDWR | os.O_CREAT, 0o644)
    if clients == 1:
        for unit in range(0, units, 2048):
            turn[unit:unit + 2048] = array("Q", [1]) * min(2048, units - unit)
            write_all(fd, content(number, unit, turn[unit:unit + 2048]), unit * UNIT)
    for op in range(2, ops + 2):
        unit, n = piece_of(rng, units, client, clients)
        if rng.random() < 0.5:
            turn[unit:unit + n] = array("Q", [op * clients + client]) * n
            write_all(fd, content(number, unit, turn[unit:unit + n]), unit * UNIT)
        elif clients == 1 or any(turn[unit:unit + n]):
            first = next(k for k in range(n) if clients == 1 or turn[unit + k])
            last = max(k for k in range(n) if clients == 1 or turn[unit + k])
            compare(fd, number, unit + first, turn[unit + first:unit + last + 1])
        if op % 256 == 0:
            os.fsync(fd)
    os.fsync(fd)
    step = OWNED if clients > 1 else 2048
    for unit in range(0, units, step):
        want = turn[unit:unit + step]
        while want and clients > 1 and not want[-1]:  # perhaps behind the end
            want.pop()
        if want:
            compare(fd, number, unit, want)
    os.close(fd)


# ---- write, verify ----

FILES, FILE_UNITS = 3, (3 << 20) // UNIT


class Model:
    def __init__(self):
        self.turn = 0
        self.confirmed = [array("Q", bytes(8 * FILE_UNITS)) for _ in range(FILES)]
        self.issued = [array("Q", bytes(8 * FILE_UNITS)) for _ in range(FILES)]
        self.replaced = [0, 0]  # confirmed, issued
        self.lines = [0, 0]
        self.calls = 0


def write_units(model, rng, fds, sync):
    n = rng.randrange(FILES)
    touched = []
    for _ in range(rng.randrange(1, 20)):
        unit = rng.randrange(FILE_UNITS)
        count = min(FILE_UNITS - unit, rng.choice((1, 3, 8, 40, 500)))
        model.turn += 1
        model.issued[n][unit:unit + count] = array("Q", [model.turn]) * count
        touched.append((unit, count, model.turn))
        write_all(fds[n], content(n, unit, [model.turn] * count), unit * UNIT)
    if sync:
        (os.fsync if rng.random() < 0.5 else os.fdatasync)(fds[n])
        model.confirmed[n] = model.issued[n][:]


def write_through(model, rng, fd):
    unit = rng.randrange(FILE_UNITS)
    model.turn += 1
    model.issued[0][unit] = model.turn
    write_all(fd, content(0, unit, [model.turn]), unit * UNIT)
    model.confirmed[0][unit] = model.turn


def replace(model, path):
    model.replaced[1] += 1
    fd = os.open(os.path.join(path, "new"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    write_all(fd, content(FILES, 0, [model.replaced[1]] * 200), 0)
    os.fsync(fd)
    os.close(fd)
    os.rename(os.path.join(path, "new"), os.path.join(path, "replaced"))
    model.replaced[0] = model.replaced[1]


def append(model, fd):
    data = b"line %d\n" % model.lines[1]
    model.lines[1] += 1
    while data:
        data = data[os.write(fd, data):]
    os.fsync(fd)
    model.lines[0] = model.lines[1]


def work(path, model, rng):
    fds = [os.open(os.path.join(path, "f%d" % n), os.O_RDWR | os.O_CREAT, 0o644) for n in range(FILES)]
    through = os.open(os.path.join(path, "f0"), os.O_WRONLY | os.O_DSYNC)
    log = os.open(os.path.join(path, "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.truncate(log, len(b"".join(b"line %d\n" % k for k in range(model.lines[0]))))  # perhaps half a line
    while True:
        model.calls += 1
        what = rng.random()
        if what < 0.5:
            write_units(model, rng, fds, rng.random() < 0.6)
        elif what < 0.6:
            write_through(model, rng, through)
        elif what < 0.75:
            replace(model, path)
        else:
            append(model, log)


def do_write(path, where, seed, source):
    model = Model()
    if os.path.exists(where):
        with open(where, "rb") as f:
            model = pickle.load(f)
    try:
        with open(where + ".ready", "w"):
            pass
        work(path, model, random.Random(seed))
    except OSError as error:  # the mount has gone
        print("writer: %s after %d calls" % (error, model.calls))
    verify_model(source, where, model)


def verify_unit(piece, number, u, confirmed, issued):
    """What is wrong with it, and the turns that are found in it: two may have met."""
    turns = []
    for k in range(0, UNIT, 16):
        part = piece[k:k + 16].ljust(16, b"\0")
        mark, file, unit, turn = STAMP.unpack(part)
        turns.append(turn)
        good = (mark, file, unit) == (MARK, number, u) and confirmed <= turn <= issued
        if not good and not (confirmed == 0 and part == bytes(16)):
            return ("file %d unit %d: turn %d was confirmed, %d written; found mark %x file %d unit %d turn %d"
                    % (number, u, confirmed, issued, mark, file, unit, turn)), turns
    return None, turns


def verify_units(data, number, confirmed, issued):
    bad = []
    for u in range(FILE_UNITS):
        piece = data[u * UNIT:(u + 1) * UNIT]
        turns = [confirmed[u]]
        if piece != stamp(number, u, confirmed[u]) * 32 and (confirmed[u] or piece.strip(b"\0")):
            why, turns = verify_unit(piece, number, u, confirmed[u], issued[u])
            bad += [why] if why else []
        confirmed[u], issued[u] = min(turns), max(turns)  # what is found now has to stay
    return bad


def content_of(path, name):
    try:
        with open(os.path.join(path, name), "rb") as f:
            return f.read()
    except FileNotFoundError:
        return b""


def verify_replaced(data, model):
    turn = STAMP.unpack_from(data)[3] if data else 0
    if turn not in model.replaced or data != content(FILES, 0, [turn] * 200 if turn else []):
        return ["replaced: neither turn %d nor %d, %d bytes" % (*model.replaced, len(data))]
    model.replaced = [turn, turn]
    return []


def verify_lines(log, model):
    want = b"".join(b"line %d\n" % k for k in range(model.lines[1]))
    nr = log.count(b"\n")
    if nr < model.lines[0] or not want.startswith(log):
        return ["log: %d lines confirmed, %d written, found %d in %d bytes" % (*model.lines, nr, len(log))]
    model.lines = [nr, nr]
    return []


def verify_model(path, where, model):
    bad = []
    for n in range(FILES):
        bad += verify_units(content_of(path, "f%d" % n), n, model.confirmed[n], model.issued[n])
    bad += verify_replaced(content_of(path, "replaced"), model)
    bad += verify_lines(content_of(path, "log"), model)
    for line in bad[:10]:
        print(line)
    with open(where, "wb") as f:
        pickle.dump(model, f)
    sys.exit("FAIL: %d places" % len(bad) if bad else 0)


def do_verify(path, where):
    with open(where, "rb") as f:
        verify_model(path, where, pickle.load(f))


if __name__ == "__main__":
    command, args = sys.argv[1], sys.argv[2:]
    if command == "random":
        do_random(args[0], args[1], *map(int, args[2:]))
    elif command == "write":
        do_write(args[0], args[1], int(args[2]), args[3])
    elif command == "verify":
        do_verify(*args)
    else:
        sys.exit(__doc__)
