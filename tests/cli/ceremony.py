#!/usr/bin/env python3
"""Holds a ceremony at a pseudo-terminal, as two custodians would; the second one mistypes first.

    ceremony.py COFFER TRANSCRIPT

Fails where the tool asks for something else than expected, or leaves a share on the screen.
"""

import os
import pty
import re
import select
import sys

CLEAR = "\x1b[2J\x1b[3J\x1b[H"
coffer, transcript = sys.argv[1:]
arguments = ["ceremony", "Root CA", "--threshold", "2", "--custodian", "Alice", "--custodian", "Bob", "--transcript",
             transcript]
child, terminal = pty.fork()
if child == 0:
    os.execv(coffer, [coffer, *arguments])
seen = ""


def expect(pattern):
    """Waits for the pattern and forgets everything up to its end."""
    global seen
    while True:
        match = re.search(pattern, seen, re.S)
        if match:
            seen = seen[match.end():]
            return match
        assert select.select([terminal], [], [], 120)[0], f"no {pattern!r} in {seen!r}"
        seen += os.read(terminal, 65536).decode()


def answer(text):
    os.write(terminal, (text + "\n").encode())


for custodian in ("Alice", "Bob"):
    expect(re.escape(CLEAR) + "Only " + custodian + " looks")
    expect("that is so: ")
    answer("")
    typed = ["wrong"] if custodian == "Bob" else []
    while True:
        share = expect("(-----BEGIN.*END COFFER RECOVERY SHARE-----)").group(1).replace("\r", "")
        lines = {line.split()[0]: line.strip() for line in share.splitlines() if line[:3].strip().isdigit()}
        expect("screen is cleared: ")
        answer("")
        number = expect(re.escape(CLEAR) + r"Type line (\d+) ").group(1)
        expect("> ")
        if typed:
            answer(typed.pop())
            expect(re.escape(CLEAR) + "That is not what the line says")
            answer("")
            continue
        answer(lines[number].lower())
        break
rest = expect(re.escape(CLEAR) + ".*The recovery set is ([0-9a-f]{32}).*SHA-256.*([0-9a-f]{64})")
assert "BEGIN" not in rest.group(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
