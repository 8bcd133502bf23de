"""Runs in Unicorn the whole functions that tools/judge-runs.ts writes, and prints where it comes to something else.

Reads records from standard input (see `encodeRun` in tools/judge/whole-runs.ts), one for each run, and ends with one line
of JSON: {"runs": N, "segments": N, "instructions": N, "disagreements": N}. Needs the package `unicorn`.
"""

import json
import struct
import sys

try:
    from unicorn import UC_ARCH_X86, UC_MODE_64, UC_TLB_VIRTUAL, Uc, UcError
    from unicorn.x86_const import *  # noqa: F403
except ImportError:
    print(json.dumps({"missing": "unicorn"}))
    sys.exit(0)

PAGE = 4096
NAMES = ["RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI"] + [f"R{n}" for n in range(8, 16)]
REGISTERS = [globals()[f"UC_X86_REG_{name}"] for name in NAMES]
RIP = UC_X86_REG_RIP  # noqa: F405
RFLAGS = UC_X86_REG_RFLAGS  # noqa: F405
GS_BASE = UC_X86_REG_GS_BASE  # noqa: F405
# CF, PF, ZF, SF and OF where an instruction defined them last; AF is undefined after logic.
MOST = 20

source = sys.stdin.buffer
totals = {"runs": 0, "segments": 0, "instructions": 0, "disagreements": 0}


def disagree(text):
    totals["disagreements"] += 1
    if totals["disagreements"] <= MOST:
        print(f"run {totals['runs']}: {text}")


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def numbers(self, count):
        found = struct.unpack_from(f"<{count}Q", self.data, self.at)
        self.at += 8 * count
        return found

    def take(self, count):
        found = self.data[self.at : self.at + count]
        self.at += count
        return found

    def pages(self):
        (count,) = self.numbers(1)
        return [(self.numbers(1)[0], self.take(PAGE)) for _ in range(count)]


def judge(reader):
    machine = Uc(UC_ARCH_X86, UC_MODE_64)
    machine.ctl_set_tlb_mode(UC_TLB_VIRTUAL)
    (gs,) = reader.numbers(1)
    for number, content in reader.pages():
        machine.mem_map(number * PAGE, PAGE)
        machine.mem_write(number * PAGE, bytes(content))
    (segments,) = reader.numbers(1)
    for index in range(segments):
        rip, *rest = reader.numbers(18)
        (writes,) = reader.numbers(1)
        for _ in range(writes):
            address, size = reader.numbers(2)
            machine.mem_write(address, bytes(reader.take(8)[:size]))
        to, *after = reader.numbers(18)
        (instructions,) = reader.numbers(1)
        machine.reg_write_batch([*zip(REGISTERS, rest[:16]), (RFLAGS, rest[16] | 2)])
        machine.reg_write(GS_BASE, gs)
        try:
            machine.emu_start(rip, to)
        except UcError as error:
            at = machine.reg_read(RIP)
            if at != to:
                disagree(f"segment {index} from {rip:x}: {error} at {at:x}, expected {to:x}")
                return
        got = machine.reg_read_batch([*REGISTERS, RIP])
        if got[16] != to:
            disagree(f"segment {index} from {rip:x}: at {got[16]:x}, expected {to:x}")
            return
        for name, value, expected in zip(NAMES, got, after):
            if value != expected:
                disagree(f"segment {index} from {rip:x} to {to:x}: {name} {value:x}, vmxlens {expected:x}")
        totals["segments"] += 1
        totals["instructions"] += instructions
    for number, content in reader.pages():
        found = machine.mem_read(number * PAGE, PAGE)
        if found != content:
            where = [i for i in range(PAGE) if found[i] != content[i]]
            disagree(f"memory at {number * PAGE + where[0]:x} and {len(where) - 1} more bytes of the page")


while True:
    raw = source.read(8)
    if len(raw) < 8:
        break
    totals["runs"] += 1
    judge(Reader(source.read(struct.unpack("<Q", raw)[0])))
print(json.dumps(totals))
