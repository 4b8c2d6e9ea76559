# SPDX-License-Identifier: Apache-2.0
"""The other half of fault_shim.c: orders faults, and makes of its trace what a
disk may hold after the power was cut."""
import errno
import mmap
import os
import shutil
import struct

FIELDS = ("sync_skip", "sync_errno", "write_skip", "write_errno",
          "forget_sync", "free_percent", "wall_offset_s", "syncs", "failures")
QUIET = {"sync_skip": -1, "sync_errno": errno.EIO, "write_skip": -1,
         "write_errno": errno.EIO, "forget_sync": 0, "free_percent": -1,
         "wall_offset_s": 0}
RECORD = struct.Struct("<IIQQQ")
SECTOR = 512


class BadDisk:
    """The files of one database, whose path begins with prefix."""

    def __init__(self, folder, shim, prefix):
        os.makedirs(folder, exist_ok=True)
        self.prefix = prefix
        self.plan = os.path.join(folder, "faults")
        self.trace = os.path.join(folder, "trace")
        self.kept = os.path.join(folder, "kept")
        os.makedirs(self.kept, exist_ok=True)
        with open(self.plan, "wb") as f:
            f.write(bytes(4 * len(FIELDS)))
        with open(self.plan, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 0)
        self.quiet()
        # a sanitizer wants to be the first library
        self.environment = {
            "LD_PRELOAD": shim, "DFOTA_FAULTS": self.plan,
            "DFOTA_DISK": prefix, "DFOTA_TRACE": self.trace,
            "ASAN_OPTIONS": "verify_asan_link_order=0"}

    def set(self, **more):
        for name, value in more.items():
            struct.pack_into("<i", self.map, 4 * FIELDS.index(name), value)

    def get(self, name):
        return struct.unpack_from("<i", self.map, 4 * FIELDS.index(name))[0]

    def quiet(self):
        self.set(**QUIET)

    def files(self):
        folder, start = os.path.split(self.prefix)
        return [os.path.join(folder, name) for name in os.listdir(folder)
                if name.startswith(start)]

    def all_is_synced(self):
        """What is there now is what a cut from here on begins with. Nobody
        may be writing."""
        shutil.rmtree(self.kept)
        os.makedirs(self.kept)
        for path in self.files():
            if not path.endswith("-shm"):
                shutil.copy(path, self.kept)
        open(self.trace, "w").close()

    def cut(self, rng):
        """The program is dead: of its writes since the last sync of a file
        each is there or not, or in part, as rng has it. returns how many of
        them were lost."""
        held, lost = {}, 0
        for path, waiting in self._replay(held).items():
            for op, off, data in waiting:
                chance = rng.random()
                if chance < 0.45:
                    lost += 1
                elif chance < 0.55 and op == "W" and len(data) > SECTOR:
                    lost += 1
                    first = rng.randrange(len(data) // SECTOR) * SECTOR
                    put(held[path], op, off + first,
                        data[first:first + SECTOR])
                else:
                    put(held[path], op, off, data)
        for path in self.files():
            os.unlink(path)
        for path, data in held.items():
            with open(path, "wb") as f:
                f.write(data)
        self.all_is_synced()
        return lost

    def _replay(self, held):
        """held: by path, what is on the disk for certain. returns by path the
        writes that are not."""
        names, waiting = {}, {}
        for name in os.listdir(self.kept):
            path = os.path.join(os.path.dirname(self.prefix), name)
            with open(os.path.join(self.kept, name), "rb") as f:
                held[path] = bytearray(f.read())
                waiting[path] = []
        for op, file, number, off, data in records(self.trace):
            if op == "N":
                names[file] = data.decode()
                held.setdefault(names[file], bytearray())
                waiting.setdefault(names[file], [])
                continue
            path = names[file]
            if op == "S":
                late = [w for w in waiting[path] if w[0] > off]
                for w in waiting[path]:
                    if w[0] <= off:
                        put(held[path], *w[1:])
                waiting[path] = late
            else:
                waiting[path].append((number, op, off, data))
        return {path: [w[1:] for w in all_of_it]
                for path, all_of_it in waiting.items()}


def records(path):
    """The last one may be cut off in the middle."""
    with open(path, "rb") as f:
        while True:
            head = f.read(RECORD.size)
            if len(head) < RECORD.size:
                return
            op, file, number, off, length = RECORD.unpack(head)
            data = f.read(length)
            if len(data) < length:
                return
            yield chr(op), file, number, off, data


def put(data, op, off, new):
    if op == "T":
        if off < len(data):
            del data[off:]
        else:
            data.extend(bytes(off - len(data)))
        return
    if len(data) < off:
        data.extend(bytes(off - len(data)))
    data[off:off + len(new)] = new
