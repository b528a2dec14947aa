#!/usr/bin/env python3
"""Opens a token of `coffer init --so-reset quorum` with the shares of its recovery set, from docs/token-format.md and
docs/backup-format.md alone and sharing no code with Coffer.

    read_quorum.py FILE SHARE SHARE…

Prints what read_token.py prints.
"""

import sys

import read_backup
import read_token

RECOVERY = 131071


def main(path, share_paths):
    shares = [read_backup.share(share) for share in share_paths]
    seed = read_backup.combine(shares[:shares[0]["threshold"]])
    identity, records, wraps, last = read_token.read(path)
    instance, wrap = identity[32:48], wraps[RECOVERY]
    half, wrapped, vouched, about = wrap[48:1264], wrap[1264:2432], wrap[2432:2528], wrap[2528:]
    read_token.check(wrap[8:16] == bytes([3, 0, 0, 0, 0, 0, 0, 0]), "it is not the entry of a public key")
    read_token.check(about == bytes([128]) + shares[0]["set"], "the entry is of another set")
    root = read_backup.unwrap(seed, wrapped, b"coffer root key v1" + instance + wrap[:48] + about)
    wrapping = read_token.show(identity, records, last, root)
    digest = read_token.unseal(wrapping, b"coffer public key v1" + instance + wrap[:48] + about, vouched)
    read_token.check(digest == read_token.sha256(half), "nobody vouches for the public half")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
