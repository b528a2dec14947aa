#!/usr/bin/env python3
"""Reads a token file, from docs/token-format.md alone and sharing no code with Coffer.

    read_token.py FILE ROLE PIN      (ROLE: 1 security officer, 2 user)

Prints one line for each record: id, sequence number, tag, metadata, secret ("-" for none) in hexadecimal, and "marked"
if it came in without the keys. AES comes from the program `openssl`.
"""

import hashlib
import hmac
import struct
import subprocess
import sys

BASE, PUT, DEL, INFO, WRAP, INDEX, COMMIT = range(1, 8)


def sha256(data):
    return hashlib.sha256(data).digest()


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def expand(key, info):
    return mac(key, info + b"\x01")


def check(condition, what):
    if not condition:
        sys.exit(f"refused: {what}")


def unseal(key, context, sealed):
    salt, text, code = sealed[:32], sealed[32:-32], sealed[-32:]
    p = mac(salt, key)
    encryption = expand(p, b"coffer seal v1")
    authentication = mac(p, encryption + b"coffer seal v1\x02")
    expected = mac(authentication, struct.pack("<Q", len(context)) + context + text)
    check(hmac.compare_digest(code, expected), "a sealed part (or the PIN) does not verify")
    command = ["openssl", "enc", "-aes-256-ctr", "-K", encryption.hex(), "-iv", "0" * 32]
    return subprocess.run(command, input=text, capture_output=True, check=True).stdout


def read(path):
    """The file before any key: identity block, records, entries, and what the code of the last COMMIT covers."""
    data = open(path, "rb").read()
    identity, instance = data[:512], data[32:48]
    magic, version, length = struct.unpack_from("<8sHH", identity)
    check((magic, version, length) == (b"COFFERTK", 1, 2048), "not a token of version 1")
    check(sha256(identity[:480]) == identity[480:], "the header does not verify")

    chain = sha256(b"coffer chain v1" + identity)
    at, generation, records, wraps, last, pending = 2048, None, {}, {}, None, []
    while at < len(data):
        kind, flags, _, size, place, number = struct.unpack_from("<4xBBHIIQ", data, at)
        head, body = data[at : at + 24], data[at + 24 : at + 24 + size]
        before, chain = chain, sha256(chain + sha256(head + body))
        check(head[:4] == b"CfRc" and data[at + 24 + size : at + 56 + size] == chain, f"the chain breaks at {at}")
        check(place == len(pending), f"a record is missing at {at}")
        at += 56 + size
        pending.append((kind, flags, body))
        if kind != COMMIT:
            continue
        check(generation in (None, number - 1), f"generation {number} is out of order")
        generation = number
        if flags & 1:
            last = (before, head, body)
        for kind, flags, body in pending:
            if kind == PUT:
                sequence, _, *lengths = struct.unpack_from("<QQHHII", body, 16)
                parts, offset = [], 44
                for part in lengths:
                    parts.append(body[offset : offset + part])
                    offset += part
                records[body[:16]] = (sequence, flags, parts)
            elif kind == DEL:
                del records[body[:16]]
            elif kind == WRAP:
                wraps[struct.unpack_from("<I", body)[0]] = body
        pending = []
    return identity, records, wraps, last


def main(path, role, pin):
    identity, records, wraps, last = read(path)
    instance, wrap = identity[32:48], wraps[role]
    (iterations,) = struct.unpack_from("<I", wrap, 12)
    pin_key = hashlib.pbkdf2_hmac("sha512", pin.encode(), wrap[16:48], iterations, 32)
    root = unseal(pin_key, b"coffer root key v1" + instance + wrap[:48], wrap[48:144])
    show(identity, records, last, root)


def show(identity, records, last, root):
    """Checks the last COMMIT with the root key, and prints the records. Answers the wrapping key."""
    instance = identity[32:48]
    p = mac(instance, root)
    index, wrapping = (expand(p, b"coffer %s key v1" % name) for name in (b"index", b"wrapping"))
    separated = identity[12] & 2
    q = mac(instance, expand(p, b"coffer administration key v1")) if separated else p
    code_key = expand(q, b"coffer mac key v1")
    before, head, body = last
    code = mac(code_key, b"coffer commit v1" + instance + before + head + body[:8])
    check(hmac.compare_digest(code, body[8:]), "the last COMMIT does not verify")

    for name, (sequence, flags, (tag, key, metadata, secret)) in sorted(records.items()):
        object_key = unseal(wrapping, b"coffer object key v1" + instance + name, key) if key else None
        if flags & 1:
            tag = unseal(index, b"coffer tag v1" + instance + name + struct.pack("<Q", sequence), tag)
            metadata = unseal(object_key, b"coffer metadata v1" + instance + name, metadata)
        if secret:
            secret = unseal(object_key, b"coffer secret v1" + instance + name, secret)
        marked = " marked" if flags & 2 else ""
        print(name.hex(), sequence, tag.hex(), metadata.hex(), secret.hex() or "-", end=marked + "\n")
    return wrapping


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
