"""What tests/clients/migrate.sh asks of two PKCS#11 modules, by their C functions alone: `make` fills a token of one with
every kind of object, `compare` reads the objects of both and compares them attribute by attribute, `sign` compares
signatures. usage: migrate.py make MODULE LABEL | compare OLD NEW LABEL | sign OLD NEW LABEL"""

import ctypes
import os
import sys

PIN = os.environ["PIN"].encode()
SO_PIN = os.environ["SO_PIN"].encode()
ULONG = ctypes.c_ulong
UNAVAILABLE = ULONG(-1).value

CLASS = {"data": 0, "certificate": 1, "public": 2, "private": 3, "secret": 4}
TYPE = {"RSA": 0, "DSA": 1, "DH": 2, "EC": 3, "GENERIC": 0x10, "DES3": 0x15, "AES": 0x1F, "EDDSA": 0x40}
NAMES = {
    "CLASS": 0x0, "TOKEN": 0x1, "PRIVATE": 0x2, "LABEL": 0x3, "APPLICATION": 0x10, "VALUE": 0x11, "OBJECT_ID": 0x12,
    "CERTIFICATE_TYPE": 0x80, "ISSUER": 0x81, "SERIAL_NUMBER": 0x82, "TRUSTED": 0x86, "CERTIFICATE_CATEGORY": 0x87,
    "CHECK_VALUE": 0x90, "KEY_TYPE": 0x100, "SUBJECT": 0x101, "ID": 0x102, "SENSITIVE": 0x103, "ENCRYPT": 0x104,
    "DECRYPT": 0x105, "WRAP": 0x106, "UNWRAP": 0x107, "SIGN": 0x108, "SIGN_RECOVER": 0x109, "VERIFY": 0x10A,
    "VERIFY_RECOVER": 0x10B, "DERIVE": 0x10C, "START_DATE": 0x110, "END_DATE": 0x111, "MODULUS": 0x120,
    "MODULUS_BITS": 0x121, "PUBLIC_EXPONENT": 0x122, "PRIME": 0x130, "SUBPRIME": 0x131, "BASE": 0x132,
    "VALUE_LEN": 0x161, "EXTRACTABLE": 0x162, "LOCAL": 0x163, "NEVER_EXTRACTABLE": 0x164, "ALWAYS_SENSITIVE": 0x165,
    "KEY_GEN_MECHANISM": 0x166, "MODIFIABLE": 0x170, "COPYABLE": 0x171, "DESTROYABLE": 0x172, "EC_PARAMS": 0x180,
    "EC_POINT": 0x181, "ALWAYS_AUTHENTICATE": 0x202, "WRAP_WITH_TRUSTED": 0x210, "WRAP_TEMPLATE": 0x40000211,
    "ALLOWED_MECHANISMS": 0x40000600,
}
BOOLS = {"TOKEN", "PRIVATE", "TRUSTED", "SENSITIVE", "ENCRYPT", "DECRYPT", "WRAP", "UNWRAP", "SIGN", "SIGN_RECOVER",
         "VERIFY", "VERIFY_RECOVER", "DERIVE", "EXTRACTABLE", "LOCAL", "NEVER_EXTRACTABLE", "ALWAYS_SENSITIVE",
         "MODIFIABLE", "COPYABLE", "DESTROYABLE", "ALWAYS_AUTHENTICATE", "WRAP_WITH_TRUSTED"}
ULONGS = {"CLASS", "KEY_TYPE", "CERTIFICATE_TYPE", "CERTIFICATE_CATEGORY", "MODULUS_BITS", "VALUE_LEN",
          "KEY_GEN_MECHANISM"}
INTEGERS = {"MODULUS", "PUBLIC_EXPONENT", "PRIME", "SUBPRIME", "BASE"}

# What tells how a key came to be is told by each token of itself; a migrated key was not made where it is now. Check
# values are not the same everywhere (SoftHSM2 takes SHA-1 for generic secrets of any kind).
OF_THE_TOKEN = {"LOCAL", "NEVER_EXTRACTABLE", "ALWAYS_SENSITIVE", "KEY_GEN_MECHANISM", "CHECK_VALUE"}
# Set by the security officer, who only sees public objects.
OF_THE_OFFICER = {"TRUSTED"}


class Attribute(ctypes.Structure):
    _fields_ = [("type", ULONG), ("value", ctypes.c_void_p), ("length", ULONG)]


class Mechanism(ctypes.Structure):
    _fields_ = [("type", ULONG), ("parameter", ctypes.c_void_p), ("length", ULONG)]


def encoded(name, value):
    if name in BOOLS:
        return bytes([value])
    if name in ULONGS:
        return bytes(ULONG(value))
    if name == "ALLOWED_MECHANISMS":
        return b"".join(bytes(ULONG(one)) for one in value)
    return value


def template(attributes):
    """The C array, and what must live as long."""
    array, kept = (Attribute * len(attributes))(), []
    for place, (name, value) in zip(array, attributes.items()):
        if name == "WRAP_TEMPLATE":
            buffer, more = template(value)
            kept += more
            length = ctypes.sizeof(buffer)
        else:
            raw = encoded(name, value)
            buffer, length = ctypes.create_string_buffer(raw, max(len(raw), 1)), len(raw)
        kept.append(buffer)
        place.type, place.value, place.length = NAMES[name], ctypes.addressof(buffer), length
    return array, kept


class Token:
    def __init__(self, module, label):
        self.library = ctypes.CDLL(module)
        self.call("C_Initialize", None)
        count = ULONG(64)
        slots = (ULONG * 64)()
        self.call("C_GetSlotList", 1, slots, ctypes.byref(count))
        info = ctypes.create_string_buffer(512)
        for slot in slots[: count.value]:
            if self.library.C_GetTokenInfo(ULONG(slot), info) == 0 and info.raw[:32].rstrip() == label.encode():
                self.slot = slot
        self.session = ULONG()
        self.call("C_OpenSession", ULONG(self.slot), ULONG(6), None, None, ctypes.byref(self.session))

    def call(self, name, *arguments):
        code = getattr(self.library, name)(*arguments)
        if code != 0:
            raise SystemExit(f"{name}: {code & 0xFFFFFFFF:#x}")

    def login(self, officer=False):
        pin = SO_PIN if officer else PIN
        self.call("C_Login", self.session, ULONG(0 if officer else 1), pin, ULONG(len(pin)))

    def logout(self):
        self.call("C_Logout", self.session)

    def create(self, **attributes):
        array, kept = template({"TOKEN": True, **attributes})
        handle = ULONG()
        self.call("C_CreateObject", self.session, array, ULONG(len(array)), ctypes.byref(handle))
        return handle

    def generate(self, mechanism, **attributes):
        array, kept = template({"TOKEN": True, **attributes})
        handle, how = ULONG(), Mechanism(mechanism, None, 0)
        self.call("C_GenerateKey", self.session, ctypes.byref(how), array, ULONG(len(array)), ctypes.byref(handle))

    def generate_pair(self, mechanism, public, private):
        common = {"TOKEN": True}
        (one, kept), (other, also) = template({**common, **public}), template({**common, **private})
        handles, how = (ULONG(), ULONG()), Mechanism(mechanism, None, 0)
        self.call("C_GenerateKeyPair", self.session, ctypes.byref(how), one, ULONG(len(one)), other, ULONG(len(other)),
                  ctypes.byref(handles[0]), ctypes.byref(handles[1]))

    def find(self, **attributes):
        array, kept = template({"TOKEN": True, **attributes})
        self.call("C_FindObjectsInit", self.session, array, ULONG(len(array)))
        handles, count = (ULONG * 500)(), ULONG()
        self.call("C_FindObjects", self.session, handles, ULONG(500), ctypes.byref(count))
        self.call("C_FindObjectsFinal", self.session)
        return [ULONG(handle) for handle in handles[: count.value]]

    def read(self, handle, name):
        """The value; None where there is none or it is not shown."""
        one = Attribute(NAMES[name], None, 0)
        code = self.library.C_GetAttributeValue(self.session, handle, ctypes.byref(one), ULONG(1))
        if code != 0 or one.length == UNAVAILABLE:
            return None
        buffer = ctypes.create_string_buffer(max(one.length, 1))
        one.value = ctypes.addressof(buffer)
        if name == "WRAP_TEMPLATE":
            return self.read_template(handle, one, buffer)
        self.call("C_GetAttributeValue", self.session, handle, ctypes.byref(one), ULONG(1))
        value = buffer.raw[: one.length]
        if name in INTEGERS:
            return value.lstrip(b"\0")
        if name == "ALLOWED_MECHANISMS":
            size = ctypes.sizeof(ULONG)
            return sorted(value[at : at + size] for at in range(0, len(value), size)) or None
        return value

    def read_template(self, handle, one, buffer):
        count = one.length // ctypes.sizeof(Attribute)
        if count == 0:
            return None
        inner = (Attribute * count).from_buffer(buffer)
        self.call("C_GetAttributeValue", self.session, handle, ctypes.byref(one), ULONG(1))
        values = [ctypes.create_string_buffer(max(each.length, 1)) for each in inner]
        for each, value in zip(inner, values):
            each.value = ctypes.addressof(value)
        self.call("C_GetAttributeValue", self.session, handle, ctypes.byref(one), ULONG(1))
        return sorted((each.type, value.raw[: each.length]) for each, value in zip(inner, values))

    def sign(self, handle, mechanism, data):
        how = Mechanism(mechanism, None, 0)
        self.call("C_SignInit", self.session, ctypes.byref(how), handle)
        buffer, length = ctypes.create_string_buffer(4096), ULONG(4096)
        self.call("C_Sign", self.session, data, ULONG(len(data)), buffer, ctypes.byref(length))
        return buffer.raw[: length.value]

    def verify(self, handle, mechanism, data, signature):
        how = Mechanism(mechanism, None, 0)
        self.call("C_VerifyInit", self.session, ctypes.byref(how), handle)
        return self.library.C_Verify(self.session, data, ULONG(len(data)), signature, ULONG(len(signature))) == 0


RSA_GEN, DSA_GEN, DH_GEN, EC_GEN, EDDSA_GEN = 0x0, 0x10, 0x20, 0x1040, 0x1055
DSA_PARAMETERS, AES_GEN, DES3_GEN, GENERIC_GEN = 0x2000, 0x1080, 0x131, 0x350
P256 = bytes.fromhex("06082a8648ce3d030107")
P384 = bytes.fromhex("06052b81040022")
ED25519 = b"\x13\x0cedwards25519"
# The 2048-bit group of RFC 3526, for Diffie-Hellman.
MODP = bytes.fromhex(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b"
    "302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe6"
    "49286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d"
    "670c354e4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf695581718"
    "3995497cea956ae515d2261898fa051015728e5a8aacaa68ffffffffffffffff")


def pair(token, name, identifier, mechanism, public, private):
    common = {"LABEL": name.encode(), "ID": bytes([identifier])}
    token.generate_pair(mechanism, {**common, "PRIVATE": False, **public}, {**common, "PRIVATE": True, **private})


def make(module, label):
    token = Token(module, label)
    token.login()
    closed = {"SENSITIVE": True, "EXTRACTABLE": False}
    pair(token, "rsa", 1, RSA_GEN, {"MODULUS_BITS": 2048, "PUBLIC_EXPONENT": b"\1\0\1", "VERIFY": True},
         {**closed, "SIGN": True, "DECRYPT": False, "UNWRAP": False, "SIGN_RECOVER": False,
          "START_DATE": b"20260101", "END_DATE": b"20291231", "SUBJECT": b"0\0"})
    pair(token, "rsa-decrypt", 2, RSA_GEN, {"MODULUS_BITS": 2048, "PUBLIC_EXPONENT": b"\1\0\1", "VERIFY": False},
         {**closed, "SIGN": False, "SIGN_RECOVER": False, "DECRYPT": True, "UNWRAP": True, "EXTRACTABLE": True})
    pair(token, "ec", 3, EC_GEN, {"EC_PARAMS": P256}, {**closed, "SIGN": True, "ALWAYS_AUTHENTICATE": False})
    pair(token, "ec384", 4, EC_GEN, {"EC_PARAMS": P384}, {**closed, "SIGN": True, "DERIVE": True, "COPYABLE": False})
    pair(token, "ed", 5, EDDSA_GEN, {"EC_PARAMS": ED25519}, {**closed, "SIGN": True})
    pair(token, "dh", 7, DH_GEN, {"PRIME": MODP, "BASE": b"\2", "DERIVE": True}, {**closed, "DERIVE": True})
    token.generate(AES_GEN, LABEL=b"aes", ID=b"\x10", VALUE_LEN=32, PRIVATE=True, ENCRYPT=True, DECRYPT=True,
                   WRAP=False, UNWRAP=False, ALLOWED_MECHANISMS=[0x1085, 0x1087], **closed)
    token.generate(AES_GEN, LABEL=b"wrapper", ID=b"\x11", VALUE_LEN=16, PRIVATE=True, WRAP=True, UNWRAP=True,
                   ENCRYPT=False, DECRYPT=False, WRAP_TEMPLATE={"EXTRACTABLE": True, "KEY_TYPE": TYPE["AES"]}, **closed)
    token.generate(AES_GEN, LABEL=b"open", ID=b"\x12", VALUE_LEN=16, PRIVATE=False, SENSITIVE=False, EXTRACTABLE=True)
    token.generate(DES3_GEN, LABEL=b"des3", ID=b"\x13", PRIVATE=True, ENCRYPT=True, DECRYPT=True, **closed)
    token.generate(GENERIC_GEN, LABEL=b"mac", ID=b"\x14", VALUE_LEN=40, PRIVATE=True, SIGN=True, VERIFY=True, **closed)
    token.create(CLASS=CLASS["data"], LABEL="Notiz für später".encode(), PRIVATE=True, VALUE=b"secret text",
                 APPLICATION=b"tests")
    token.create(CLASS=CLASS["data"], LABEL=b"public", PRIVATE=False, VALUE=b"plain text", MODIFIABLE=False)
    token.create(CLASS=CLASS["data"], LABEL=b"empty", PRIVATE=True, VALUE=b"")
    token.logout()
    token.login(officer=True)
    certificate = open("certificate.der", "rb").read()
    subject = open("subject.der", "rb").read()
    token.create(CLASS=CLASS["certificate"], CERTIFICATE_TYPE=0, LABEL=b"rsa", ID=b"\1", PRIVATE=False, SUBJECT=subject,
                 ISSUER=subject, SERIAL_NUMBER=b"\2\1\1", VALUE=certificate, CERTIFICATE_CATEGORY=2, TRUSTED=True)


def described(token):
    """The objects by class, label and id, each with all attributes that it shows."""
    objects = {}
    for handle in token.find():
        name = (token.read(handle, "CLASS"), token.read(handle, "LABEL"), token.read(handle, "ID"))
        objects[name] = {each: token.read(handle, each) for each in NAMES}
    return objects


def compare(old_module, new_module, label):
    trusted_too = os.environ.get("TRUSTED") == "yes"
    old, new = Token(old_module, label), Token(new_module, label)
    for token in (old, new):
        token.login()
    before, after = described(old), described(new)
    different, compared = [], 0
    if before.keys() != after.keys():
        different.append(f"objects: {sorted(before.keys() ^ after.keys())}")
    for name in before.keys() & after.keys():
        for attribute, value in before[name].items():
            # What one of them does not have is no difference of flags: lists are completed by each library's defaults.
            if attribute in OF_THE_TOKEN or (attribute in OF_THE_OFFICER and not trusted_too) or value is None:
                continue
            compared += 1
            found = after[name][attribute]
            if attribute == "EC_PARAMS" and value == ED25519:
                continue
            if found != value and not (value in (b"", b"\0") and found is None):
                different.append(f"{name[1].decode()}: {attribute} was {value!r} and is {found!r}")
    print("\n".join(different) or f"{len(after)} objects, {compared} attributes are alike")
    return 1 if different else 0


SHA256_RSA, ECDSA, EDDSA, SHA256_HMAC = 0x40, 0x1041, 0x1057, 0x251


def sign(old_module, new_module, label):
    old, new = Token(old_module, label), Token(new_module, label)
    for token in (old, new):
        token.login()
    data, failures = b"a message that both sign", 0
    for name, mechanism, identical in [("rsa", SHA256_RSA, True), ("ed", EDDSA, True), ("mac", SHA256_HMAC, True),
                                       ("ec", ECDSA, False), ("ec384", ECDSA, False)]:
        wanted = CLASS["secret"] if name == "mac" else CLASS["private"]
        (mine,), (theirs,) = (token.find(LABEL=name.encode(), CLASS=wanted) for token in (old, new))
        text = data if identical else bytes(range(32))
        signature = new.sign(theirs, mechanism, text)
        if identical:
            good = signature == old.sign(mine, mechanism, text)
        else:
            (key,) = old.find(LABEL=name.encode(), CLASS=CLASS["public"])
            good = old.verify(key, mechanism, text, signature)
        print(f"{name}: {'identical' if identical else 'verifies with the old public key'}: {good}")
        failures += not good
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit({"make": make, "compare": compare, "sign": sign}[sys.argv[1]](*sys.argv[2:]))
