#!/usr/bin/env bash
# Checks the licence of every crate in the build against the lists of deny.toml. This is the part of `cargo deny check`
# that needs no network: cargo-deny itself takes longer to build than everything else, so CI does without it. The
# advisories are checked with `cargo deny check advisories`, by hand and before each release.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo metadata --format-version 1 --locked --filter-platform x86_64-unknown-linux-gnu | python3 -c '
import json, re, sys

text = open("deny.toml").read()
def strings(block):
    return re.findall(r"^\s*\"([^\"]+)\"|\[\"([^\"]+)\"", block, re.M)
section = text.split("[licenses]")[1].split("\n[")[0]
allowed = {a or b for a, b in strings(section)}
exceptions = {
    name: set(re.findall(r"\"([^\"]+)\"", licences))
    for name, licences in re.findall(r"crate = \"([^\"]+)\"\nallow = \[([^\]]+)\]", text)
}

def accepted(expression, allowed):
    """Evaluates an SPDX expression: OR and AND over identifiers, with parentheses; / is the old spelling of OR."""
    words = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))
    position = 0
    def alternatives():
        nonlocal position
        value = together()
        while position < len(words) and words[position] == "OR":
            position += 1
            value = together() or value
        return value
    def together():
        nonlocal position
        value = single()
        while position < len(words) and words[position] == "AND":
            position += 1
            value = single() and value
        return value
    def single():
        nonlocal position
        word = words[position]
        position += 1
        if word == "(":
            value = alternatives()
            position += 1
            return value
        if position < len(words) and words[position] == "WITH":
            word += " WITH " + words[position + 1]
            position += 2
        return word in allowed
    return alternatives()

assert not accepted("GPL-3.0-only AND MIT", allowed) and accepted("(GPL-3.0-only OR MIT) AND ISC", allowed)
bad = 0
packages = json.load(sys.stdin)["packages"]
for package in packages:
    licence = package["license"]
    name = package["name"]
    if not licence or not accepted(licence, allowed | exceptions.get(name, set())):
        print(name, package["version"], "has the licence", licence, "which deny.toml does not allow")
        bad = 1
print(len(packages), "crates checked")
sys.exit(bad)
'
