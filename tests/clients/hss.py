"""HSS pairs of a PKCS#11 module, by its C functions: every signature is verified by pyhsslms, whose author wrote RFC 9708.
usage: hss.py MODULE LABEL"""

import ctypes
import os
import sys

import pyhsslms

ULONG = ctypes.c_ulong
PIN = os.environ["PIN"].encode()
KEY_PAIR_GEN, HSS = 0x4032, 0x4033
TOKEN, VALUE, LEVELS, LMS_TYPES, LMOTS_TYPES, REMAINING = 0x1, 0x11, 0x617, 0x61A, 0x61B, 0x61C

# LMS and LM-OTS type of each level: every hash function and width, and several levels.
SETS = [[(5 + (one_time - 1) // 4 * 5, one_time)] for one_time in range(1, 17)]
SETS += [[(5, 4), (5, 4)], [(10, 8), (10, 5), (10, 7)], [(20, 16), (20, 15)], [(6, 3), (5, 4)]]


class Attribute(ctypes.Structure):
    _fields_ = [("type", ULONG), ("value", ctypes.c_void_p), ("length", ULONG)]


class Mechanism(ctypes.Structure):
    _fields_ = [("mechanism", ULONG), ("parameter", ctypes.c_void_p), ("length", ULONG)]


def ulongs(*numbers):
    return b"".join(number.to_bytes(ctypes.sizeof(ULONG), sys.byteorder) for number in numbers)


def template(*entries):
    buffers = [ctypes.create_string_buffer(value, len(value)) for _, value in entries]
    made = (Attribute * len(entries))()
    for place, (kind, value), buffer in zip(made, entries, buffers):
        place.type, place.value, place.length = kind, ctypes.cast(buffer, ctypes.c_void_p), len(value)
    made.buffers = buffers
    return made


class Token:
    def __init__(self, path, label):
        self.library = ctypes.CDLL(path)
        self.call("C_Initialize", None)
        slots, count = (ULONG * 64)(), ULONG(64)
        self.call("C_GetSlotList", 1, slots, ctypes.byref(count))
        for slot in slots[: count.value]:
            info = ctypes.create_string_buffer(512)
            self.call("C_GetTokenInfo", ULONG(slot), info)
            if info.raw[:32].rstrip() == label.encode():
                break
        else:
            raise SystemExit(f"no token {label}")
        self.session = ULONG()
        self.call("C_OpenSession", ULONG(slot), ULONG(6), None, None, ctypes.byref(self.session))
        self.call("C_Login", self.session, ULONG(1), PIN, ULONG(len(PIN)))

    def call(self, name, *arguments):
        answer = getattr(self.library, name)(*arguments)
        if answer:
            raise SystemExit(f"{name}: {answer:#x}")

    def generate(self, levels):
        trees, one_time = zip(*levels)
        private = template(
            (TOKEN, b"\x01"),
            (LEVELS, ulongs(len(levels))),
            (LMS_TYPES, ulongs(*trees)),
            (LMOTS_TYPES, ulongs(*one_time)),
        )
        public = template((TOKEN, b"\x00"))
        keys = ULONG(), ULONG()
        self.call(
            "C_GenerateKeyPair", self.session, ctypes.byref(Mechanism(KEY_PAIR_GEN, None, 0)), public, ULONG(1),
            private, ULONG(4), ctypes.byref(keys[0]), ctypes.byref(keys[1]),
        )
        return keys

    def value(self, key):
        buffer = ctypes.create_string_buffer(128)
        asked = Attribute(VALUE, ctypes.cast(buffer, ctypes.c_void_p), 128)
        self.call("C_GetAttributeValue", self.session, key, ctypes.byref(asked), ULONG(1))
        return buffer.raw[: asked.length]

    def sign(self, key, message):
        self.call("C_SignInit", self.session, ctypes.byref(Mechanism(HSS, None, 0)), key)
        signature, length = ctypes.create_string_buffer(80_000), ULONG(80_000)
        self.call("C_Sign", self.session, message, ULONG(len(message)), signature, ctypes.byref(length))
        return signature.raw[: length.value]


def main():
    token, verified = Token(*sys.argv[1:3]), 0
    for levels in SETS:
        public, private = token.generate(levels)
        value = token.value(public)
        # Past the end of the lowest tree, where there are several.
        for number in range(34 if len(levels) > 1 else 2):
            message = f"message {number}".encode()
            signature = token.sign(private, message)
            if len(levels) > 1 and 1 < number < 31:
                continue
            if not pyhsslms.HssPublicKey.deserialize(value).verify(message, signature):
                raise SystemExit(f"{levels}: signature {number} does not verify")
            if pyhsslms.HssPublicKey.deserialize(value).verify(b"another", signature):
                raise SystemExit(f"{levels}: signature {number} is one of every message")
            verified += 1
    print(f"{verified} signatures of {len(SETS)} keys")


main()
