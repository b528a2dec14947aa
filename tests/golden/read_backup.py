#!/usr/bin/env python3
"""Reads recovery shares and a backup, from docs/backup-format.md alone and sharing no code with Coffer.

    read_backup.py BACKUP SHARE SHARE…

Prints the set of the shares, the signer, and one line for each entry: its kind and its body in hexadecimal. Everything is written
out here (Shamir, X25519, ML-KEM-768, HPKE, ChaCha20-Poly1305); Ed25519 comes from the program `openssl`. Slow, and careless
about secrets.
"""

import hashlib
import hmac
import struct
import subprocess
import sys
import tempfile

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def extract(salt, key):
    return hmac.new(salt, key, hashlib.sha256).digest()


def expand(key, info, length):
    output, block, count = b"", b"", 0
    while len(output) < length:
        count += 1
        block = hmac.new(key, block + info + bytes([count]), hashlib.sha256).digest()
        output += block
    return output[:length]


# Shares


def base32(text):
    bits = "".join(f"{SYMBOLS.index(symbol):05b}" for symbol in text)
    return bytes(int(bits[at:at + 8], 2) for at in range(0, len(bits) - 7, 8))


def symbols(data):
    bits = "".join(f"{byte:08b}" for byte in data)
    return "".join(SYMBOLS[int(bits[at:at + 5], 2)] for at in range(0, 20, 5))


def share(path):
    body = b""
    for line in open(path, encoding="utf-8"):
        words = line.split()
        if words and words[0].isdigit():
            text = "".join(words[1:])
            piece = base32(text[:-4])
            assert text[-4:] == symbols(sha256(b"coffer share line v1", bytes([int(words[0])]), piece)), line
            body += piece
    assert sha256(body[:-4])[:4] == body[-4:]
    version, threshold, count, number = body[:4]
    assert version == 1
    head = body[4:76]
    commitments = body[76:76 + 16 * count]
    rest = body[76 + 16 * count:-4]
    name, rest = rest[:1 + rest[0]], rest[1 + rest[0]:]
    assert rest[0] == 0 and len(rest) == 33, "a closed share"
    value = rest[1:]
    rule = bytes([threshold, count])
    set_id = sha256(b"coffer recovery set v1", rule, head, commitments)[:16]
    commitment = sha256(b"coffer recovery share v1", rule, bytes([number]), head, name, value)[:16]
    assert commitment == commitments[16 * (number - 1):16 * number]
    return {"set": set_id, "threshold": threshold, "number": number, "key": head[40:56], "signer": head[56:72],
            "value": value}


def times(a, b):
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def combine(shares):
    inverse = {a: b for a in range(1, 256) for b in range(1, 256) if times(a, b) == 1}
    secret = bytearray(32)
    for mine in shares:
        weight = 1
        for other in shares:
            if other is not mine:
                weight = times(weight, times(other["number"], inverse[other["number"] ^ mine["number"]]))
        for at in range(32):
            secret[at] ^= times(weight, mine["value"][at])
    return bytes(secret)


# X25519 (RFC 7748)

P = 2**255 - 19


def x25519(scalar, point):
    k = int.from_bytes(scalar, "little") & ~7 & ~(1 << 255) | 1 << 254
    u = int.from_bytes(point, "little") & (1 << 255) - 1
    x1, x2, z2, x3, z3 = u, 1, 0, u, 1
    for bit in range(254, -1, -1):
        if k >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a, c * b, a * a, b * b
        x3, z3 = (da + cb)**2 % P, x1 * (da - cb)**2 % P
        e = aa - bb
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
        if k >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


BASE_POINT = bytes([9]) + bytes(31)

# ChaCha20-Poly1305 (RFC 8439)


def chacha_block(key, counter, nonce):
    state = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce))
    work = list(state)

    def quarter(a, b, c, d):
        for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            work[x] = (work[x] + work[y]) & 0xFFFFFFFF
            mixed = work[z] ^ work[x]
            work[z] = (mixed << turn | mixed >> 32 - turn) & 0xFFFFFFFF

    for _ in range(10):
        for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                           (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(a, b, c, d)
    return struct.pack("<16I", *((x + y) & 0xFFFFFFFF for x, y in zip(state, work)))


def open_sealed(key, nonce, aad, sealed):
    text, tag = sealed[:-16], sealed[-16:]
    one_time = chacha_block(key, 0, nonce)
    r = int.from_bytes(one_time[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    s = int.from_bytes(one_time[16:32], "little")
    pad = lambda data: data + bytes(-len(data) % 16)
    message = pad(aad) + pad(text) + struct.pack("<QQ", len(aad), len(text))
    code = 0
    for at in range(0, len(message), 16):
        code = (code + int.from_bytes(message[at:at + 16] + b"\x01", "little")) * r % (2**130 - 5)
    assert ((code + s) % 2**128).to_bytes(16, "little") == tag, "a sealed text does not open"
    stream = b"".join(chacha_block(key, 1 + at, nonce) for at in range(-(-len(text) // 64)))
    return bytes(a ^ b for a, b in zip(text, stream))


# HPKE (RFC 9180): base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305


def open_base(private, encapsulated, info, aad, sealed):
    kem, hpke = b"KEM" + b"\x00\x20", b"HPKE" + b"\x00\x20\x00\x01\x00\x03"

    def labeled_extract(suite, salt, label, data):
        return extract(salt, b"HPKE-v1" + suite + label + data)

    def labeled_expand(suite, key, label, data, length):
        return expand(key, struct.pack(">H", length) + b"HPKE-v1" + suite + label + data, length)

    context = encapsulated + x25519(private, BASE_POINT)
    shared = labeled_expand(kem, labeled_extract(kem, b"", b"eae_prk", x25519(private, encapsulated)), b"shared_secret",
                            context, 32)
    schedule = b"\x00" + labeled_extract(hpke, b"", b"psk_id_hash", b"") + labeled_extract(hpke, b"", b"info_hash", info)
    secret = labeled_extract(hpke, shared, b"secret", b"")
    key = labeled_expand(hpke, secret, b"key", schedule, 32)
    return open_sealed(key, labeled_expand(hpke, secret, b"base_nonce", schedule, 12), aad, sealed)


# ML-KEM-768 (FIPS 203)

Q, K, DU, DV = 3329, 3, 10, 4
ZETAS = [pow(17, int(f"{at:07b}"[::-1], 2), Q) for at in range(128)]
GAMMAS = [pow(17, 2 * int(f"{at:07b}"[::-1], 2) + 1, Q) for at in range(128)]


def ntt(f):
    f, at, length = list(f), 1, 128
    while length >= 2:
        for start in range(0, 256, 2 * length):
            for j in range(start, start + length):
                t = ZETAS[at] * f[j + length] % Q
                f[j + length], f[j] = (f[j] - t) % Q, (f[j] + t) % Q
            at += 1
        length //= 2
    return f


def inverse_ntt(f):
    f, at, length = list(f), 127, 2
    while length <= 128:
        for start in range(0, 256, 2 * length):
            for j in range(start, start + length):
                t = f[j]
                f[j], f[j + length] = (t + f[j + length]) % Q, ZETAS[at] * (f[j + length] - t) % Q
            at -= 1
        length *= 2
    return [x * 3303 % Q for x in f]


def multiply(f, g):
    product = []
    for i in range(128):
        a0, a1, b0, b1 = f[2 * i], f[2 * i + 1], g[2 * i], g[2 * i + 1]
        product += [(a0 * b0 + a1 * b1 * GAMMAS[i]) % Q, (a0 * b1 + a1 * b0) % Q]
    return product


def add(*polynomials):
    return [sum(parts) % Q for parts in zip(*polynomials)]


def sample_ntt(seed):
    stream, sample, at = hashlib.shake_128(seed).digest(3 * 840), [], 0
    while len(sample) < 256:
        a, b, c = stream[at:at + 3]
        sample += [x for x in (a + 256 * (b % 16), b // 16 + 16 * c) if x < Q]
        at += 3
    return sample[:256]


def noise(seed, number):
    bits = int.from_bytes(hashlib.shake_256(seed + bytes([number])).digest(128), "little")
    bit = lambda at: bits >> at & 1
    return [(bit(4 * i) + bit(4 * i + 1) - bit(4 * i + 2) - bit(4 * i + 3)) % Q for i in range(256)]


def pack(f, d):
    return sum(x << d * at for at, x in enumerate(f)).to_bytes(32 * d, "little")


def unpack(data, d):
    number = int.from_bytes(data, "little")
    return [number >> d * at & (1 << d) - 1 for at in range(256)]


def compress(f, d):
    return [((x << d + 1) + Q) // (2 * Q) % (1 << d) for x in f]


def decompress(f, d):
    return [(x * Q * 2 + (1 << d)) >> d + 1 for x in f]


def matrix(rho):
    return [[sample_ntt(rho + bytes([j, i])) for j in range(K)] for i in range(K)]


def ml_kem_keys(d):
    expanded = hashlib.sha3_512(d + bytes([K])).digest()
    rho, sigma = expanded[:32], expanded[32:]
    a = matrix(rho)
    s = [ntt(noise(sigma, at)) for at in range(K)]
    e = [ntt(noise(sigma, K + at)) for at in range(K)]
    t = [add(*(multiply(a[i][j], s[j]) for j in range(K)), e[i]) for i in range(K)]
    return b"".join(pack(f, 12) for f in t) + rho, s


def ml_kem_encrypt(ek, message, coins):
    t = [unpack(ek[384 * at:384 * (at + 1)], 12) for at in range(K)]
    a = matrix(ek[384 * K:])
    y = [ntt(noise(coins, at)) for at in range(K)]
    e1 = [noise(coins, K + at) for at in range(K)]
    e2 = noise(coins, 2 * K)
    u = [add(inverse_ntt(add(*(multiply(a[j][i], y[j]) for j in range(K)))), e1[i]) for i in range(K)]
    v = add(inverse_ntt(add(*(multiply(t[i], y[i]) for i in range(K)))), e2, decompress(unpack(message, 1), 1))
    return b"".join(pack(compress(f, DU), DU) for f in u) + pack(compress(v, DV), DV)


def ml_kem_decapsulate(d, z, ciphertext):
    ek, s = ml_kem_keys(d)
    u = [decompress(unpack(ciphertext[320 * at:320 * (at + 1)], DU), DU) for at in range(K)]
    v = decompress(unpack(ciphertext[320 * K:], DV), DV)
    w = add(v, [-x for x in inverse_ntt(add(*(multiply(s[i], ntt(u[i])) for i in range(K))))])
    message = pack(compress(w, 1), 1)
    expanded = hashlib.sha3_512(message + hashlib.sha3_256(ek).digest()).digest()
    if ml_kem_encrypt(ek, message, expanded[32:]) == ciphertext:
        return expanded[:32]
    return hashlib.shake_256(z + ciphertext).digest(32)


# Backups


def unwrap(seed, wrapped, context):
    p = extract(b"coffer recipient v1", seed)
    m, e, t = wrapped[:1088], wrapped[1088:1120], wrapped[1120:]
    lattice = expand(p, b"ml-kem-768", 64)
    s = ml_kem_decapsulate(lattice[:32], lattice[32:], m)
    pad = expand(extract(b"coffer recipient pad v1", s), context, 32)
    masked = open_base(expand(p, b"x25519", 32), e, b"coffer recipient v1" + context, m, t)
    return bytes(a ^ b for a, b in zip(masked, pad))


def key_id(seed):
    p = extract(b"coffer recipient v1", seed)
    half = x25519(expand(p, b"x25519", 32), BASE_POINT) + ml_kem_keys(expand(p, b"ml-kem-768", 64)[:32])[0]
    return sha256(b"coffer recipient id v1", half)[:16]


def check_signature(public_key, message, signature):
    with tempfile.NamedTemporaryFile() as key, tempfile.NamedTemporaryFile() as text, tempfile.NamedTemporaryFile() as sig:
        for file, data in ((key, bytes.fromhex("302a300506032b6570032100") + public_key), (text, message), (sig, signature)):
            file.write(data)
            file.flush()
        subprocess.run(["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", key.name, "-keyform", "DER", "-in",
                        text.name, "-sigfile", sig.name], check=True, stdout=subprocess.DEVNULL)


def payload(data, at, key):
    text, number, last = b"", 0, False
    while not last:
        word = data[at:at + 4]
        length, last = struct.unpack("<I", word)[0] & 0x7FFFFFFF, word[3] & 0x80 != 0
        sealed = data[at + 4:at + 20 + length]
        text += open_sealed(key, struct.pack("<QI", number, 0), word, sealed)
        at, number = at + 20 + length, number + 1
    return text, at


def main(path, share_paths):
    shares = [share(path) for path in share_paths]
    assert len({one["set"] for one in shares}) == 1 and len(shares) >= shares[0]["threshold"]
    seed = combine(shares[:shares[0]["threshold"]])
    assert key_id(seed) == shares[0]["key"]
    data = open(path, "rb").read()
    assert data[:12] == b"COFFERBK\x01\x00\x00\x00"
    length = struct.unpack_from("<I", data, 12)[0]
    backup_id, signer = data[16:32], data[112:144]
    assert sha256(b"coffer backup signer v1", signer)[:16] == shares[0]["signer"]
    check_signature(signer, b"coffer backup v1" + hashlib.sha512(data[:-64]).digest(), data[-64:])
    file_key = None
    for number in range(struct.unpack_from("<H", data, 144)[0]):
        recipient = data[146 + 1204 * number:146 + 1204 * (number + 1)]
        if recipient[20:36] == shares[0]["key"]:
            assert recipient[:4] == bytes([1, shares[0]["threshold"], recipient[2], 0]) and recipient[4:20] == shares[0]["set"]
            file_key = unwrap(seed, recipient[36:], backup_id)
    p = extract(backup_id, file_key)
    code = hmac.new(expand(p, b"coffer backup header v1", 32), data[:length - 32], hashlib.sha256).digest()
    assert code == data[length - 32:length]
    text, end = payload(data, length, expand(p, b"coffer backup payload v1", 32))
    assert end == len(data) - 64
    print("set", shares[0]["set"].hex())
    print("signer", shares[0]["signer"].hex())
    at = 0
    while at < len(text):
        kind, size = struct.unpack_from("<BI", text, at)
        print(kind, text[at + 5:at + 5 + size].hex())
        at += 5 + size


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
