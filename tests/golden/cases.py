# SPDX-License-Identifier: Apache-2.0
"""What the golden packages are made from: seeds and options, nothing else."""

import images

ARCHITECTURES = ("raw", "thumb2", "a32", "a64", "rv32", "rv64", "xtensa",
                 "avr", "8051", "x86")


def firmware(arch, seed, functions=100, edits=2):
    return lambda: images.firmware(arch, seed, functions, edits)


def shrunk(arch, seed):
    return lambda: images.firmware(arch, seed, 120, 3)[::-1]


def rewritten(seed):
    """Firmware with a page of text that is new and repeats itself."""
    def make():
        old, new = images.firmware("thumb2", seed, 80, 1)
        return old, new[:3000] + images.text(seed, 4000) + new[3000:]
    return make


def replaced(seed):
    """The same, where more went than came."""
    def make():
        new, old = images.firmware("thumb2", seed, 120, 8)
        old = old[:2000] + images.text(seed + 1, 9000) + old[2000:]
        return old, new[:2000] + images.text(seed, 5000) + new[2000:]
    return make


def full(seed, size):
    return lambda: (b"", images.text(seed, size))


def identical(seed):
    return lambda: images.firmware("thumb2", seed, 60, 1)[:1] * 2


def padded(seed):
    def make():
        old, new = images.firmware("a32", seed, 60, 1)
        return old + b"\xff" * 9000, new + b"\xff" * 12345
    return make


# name -> (images, options of `dfota diff`)
CASES = {
    **{f"arch-{a}": (firmware(a, 10 + i), ["--arch", a])
       for i, a in enumerate(ARCHITECTURES)},
    **{f"arena-{k}": (firmware("thumb2", 31, 140, 1),
                      ["--arch", "thumb2", "--ram", f"{k}K"])
       for k in (8, 16, 32, 64)},
    **{f"windows-{a}": (firmware(a, 40 + i, 120, 2),
                        ["--arch", a, "--sector", "512", "--backup", "2K"])
       for i, a in enumerate(("thumb2", "rv32", "a64", "raw"))},
    "windows-ascending": (shrunk("thumb2", 50),
                          ["--arch", "thumb2", "--sector", "1K",
                           "--backup", "2K"]),
    "windows-descending": (firmware("thumb2", 50, 120, 3),
                           ["--arch", "thumb2", "--sector", "1K",
                            "--backup", "2K"]),
    "regions": (lambda: images.esp(60), ["--arch", "rv32"]),
    "regions-windows": (lambda: images.esp(61),
                        ["--arch", "rv32", "--sector", "1K",
                         "--backup", "4K", "--ram", "8K"]),
    **{f"full-{k}": (full(70, 5000), ["--full", "--ram", f"{k}K"])
       for k in (8, 16, 32, 64)},
    "full-windows": (full(71, 6000), ["--full", "--sector", "1K",
                                      "--backup", "2K"]),
    **{f"self-{k}": (rewritten(80), ["--arch", "thumb2", "--ram", f"{k}K"])
       for k in (8, 16, 32, 64)},
    "windows-text": (replaced(81), ["--arch", "thumb2", "--sector", "1K",
                                    "--backup", "4K"]),
    "identical": (identical(90), ["--arch", "thumb2"]),
    "padded": (padded(91), ["--arch", "a32"]),
    "label": (firmware("avr", 92, 30, 1),
              ["--arch", "avr", "--class", "golden", "--from-version", "1.0",
               "--to-version", "1.1", "--counter", "7", "--key-id", "1"]),
}

# Which flags a package must have to be the case that its name says.
DESCENDING, SELF, NO_SOURCE, PERMIT = 1, 2, 4, 8
FLAGS = {
    "arena": 0, "full": SELF | NO_SOURCE, "self": SELF,
    "windows-ascending": 0, "windows-descending": DESCENDING,
}


def flags_of(name):
    """None: any."""
    return next((f for k, f in FLAGS.items() if name.startswith(k)), None)


def put(package, at, data):
    return package[:at] + data + package[at + len(data):]


def flip(package, at, bits=0x10):
    return put(package, at, bytes([package[at] ^ bits]))


def body_of(package):
    windows = 1
    at = 80 + package[7] + 64 + (96 if package[3] & 8 else 0)
    if package[3] & 2:
        target = int.from_bytes(package[24:28], "little")
        window = int.from_bytes(package[8:10], "little") << package[6]
        windows = -(-target // window) if window else 1
        at += 16 * windows
    return at


def body_zero(package):
    """A body of zeros: it makes some image, not the one that was signed."""
    at = body_of(package)
    return package[:at] + bytes(len(package) - at)


def body_ones(package):
    at = body_of(package)
    return package[:at] + b"\xff" * (len(package) - at)


def with_permit(package):
    """A permit changes what comes where, and the manifest: unsigned."""
    at = 80 + package[7]
    return (put(package, 3, bytes([package[3] | PERMIT]))[:at] + bytes(64) +
            package[at:at + 64] + bytes(32) + package[at + 64:])


# name -> (from which good one, what is done to it): only applied, as the
# signature does not hold
DERIVED = {"permit": ("label", with_permit)}


# name -> (from which good one, how it is spoilt, error, how it is asked:
# "apply" without a key, "verify" with the key)
BAD = {
    "magic": ("arch-thumb2", lambda p: b"FD" + p[2:], "E_NOPACKAGE", "apply"),
    "version": ("arch-thumb2", lambda p: put(p, 2, b"\x02"), "E_VERSION",
                "apply"),
    "arch": ("arch-thumb2", lambda p: put(p, 3, b"\xa0"), "E_ARCH", "apply"),
    "key-id": ("arch-thumb2", lambda p: put(p, 4, b"\x02"), "E_CORRUPT",
               "apply"),
    "arena": ("arch-thumb2", lambda p: put(p, 5, b"\x0c"), "E_CORRUPT",
              "apply"),
    "sector-small": ("arch-thumb2", lambda p: put(p, 6, b"\x08"), "E_CORRUPT",
                     "apply"),
    "sector-large": ("arch-thumb2", lambda p: put(p, 6, b"\x13"), "E_CORRUPT",
                     "apply"),
    "window-large": ("arch-thumb2", lambda p: put(p, 6, b"\x12\x00\xff\xff"),
                     "E_CORRUPT", "apply"),
    "reserved": ("arch-thumb2", lambda p: put(p, 11, b"\x01"), "E_CORRUPT",
                 "apply"),
    "source-large": ("arch-thumb2", lambda p: put(p, 23, b"\x41"), "E_CORRUPT",
                     "apply"),
    "source-of-none": ("full-16", lambda p: put(p, 20, b"\x01"), "E_CORRUPT",
                       "apply"),
    "target-empty": ("arch-thumb2", lambda p: put(p, 24, bytes(4)),
                     "E_CORRUPT", "apply"),
    "target-large": ("arch-thumb2", lambda p: put(p, 24, b"\1\0\0\x40"),
                     "E_CORRUPT", "apply"),
    "windows-many": ("arch-thumb2",
                     lambda p: put(put(p, 6, b"\x09\x00\x01\x00"), 24,
                                   b"\x01\x02\x20\x00"), "E_CORRUPT", "apply"),
    "self-descending": ("full-16", lambda p: flip(p, 3, 0x01), "E_CORRUPT",
                        "apply"),
    "cut-manifest": ("arch-thumb2", lambda p: p[:79], "E_TRUNCATED", "apply"),
    "cut-signature": ("arch-thumb2", lambda p: p[:120], "E_TRUNCATED",
                      "apply"),
    "cut-body": ("arch-thumb2", lambda p: p[:-1], "E_TRUNCATED", "apply"),
    "body-short": ("windows-rv32",
                   lambda p: put(p, 28, b"\x80\0\0\0")[:body_of(p) + 128],
                   "E_TRUNCATED", "apply"),
    "source-other": ("arch-thumb2", lambda p: flip(p, 40), "E_SOURCE",
                     "apply"),
    "target-other": ("arch-thumb2", lambda p: flip(p, 48), "E_TARGET",
                     "apply"),
    "body-zero": ("arch-raw", body_zero, None, "apply"),
    "body-ones": ("arch-raw", body_ones, None, "apply"),
    "body-flipped": ("arch-thumb2", lambda p: flip(p, body_of(p) + 100), None,
                     "apply"),
    "map-flipped": ("windows-rv32", lambda p: flip(p, body_of(p) + 4), None,
                    "apply"),
    "full-flipped": ("full-16", lambda p: flip(p, body_of(p) + 200), None,
                     "apply"),
    "digest-flipped": ("full-windows", lambda p: flip(p, 90), "E_TARGET",
                       "apply"),
    "signature-flipped": ("label", lambda p: flip(p, 80 + p[7] + 5),
                          "E_SIGNATURE", "verify"),
    "label-flipped": ("label", lambda p: flip(p, 80), "E_SIGNATURE",
                      "verify"),
    "counter-flipped": ("label", lambda p: flip(p, 16, 1), "E_SIGNATURE",
                        "verify"),
    "unsigned": ("label", lambda p: put(p, 80 + p[7], bytes(64)),
                 "E_SIGNATURE", "verify"),
    "behind-the-body": ("label", lambda p: p + b"\0", "E_CORRUPT", "verify"),
}
