"""Runs the instances that tools/judge.ts writes in Unicorn, and prints those in which it disagrees.

Reads records from standard input (little-endian, see `record` in tools/judge.ts) and ends with one line of JSON:
{"compared": N, "disagreements": N}. Needs the package `unicorn`.
"""

import json
import struct
import sys

try:
    from unicorn import UC_ARCH_X86, UC_HOOK_INTR, UC_MODE_64, UC_TLB_VIRTUAL, Uc, UcError
    from unicorn.x86_const import *  # noqa: F403
except ImportError:
    print(json.dumps({"missing": "unicorn"}))
    sys.exit(0)

CODE = 0xFFFFFFFFC0000000
DATA = 0xFFFFFFFFC0100000
PAGE = 4096
NAMES = ["RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI"] + [f"R{n}" for n in range(8, 16)]
REGISTERS = [globals()[f"UC_X86_REG_{name}"] for name in NAMES]
RIP = UC_X86_REG_RIP  # noqa: F405
RFLAGS = UC_X86_REG_RFLAGS  # noqa: F405
FLAGS = 0xCD5

source = sys.stdin.buffer
(size,) = struct.unpack("<I", source.read(4))
memory = source.read(size)
machine = Uc(UC_ARCH_X86, UC_MODE_64)
# Addresses are virtual ones as they are: without it only physical ones can be mapped.
machine.ctl_set_tlb_mode(UC_TLB_VIRTUAL)
machine.mem_map(CODE, 0x1000000)
machine.mem_write(CODE, b"\x90" * 0x100000)
machine.mem_write(DATA, memory)
interrupted = []


def on_interrupt(uc, number, _data):
    interrupted.append(number)
    uc.emu_stop()


machine.hook_add(UC_HOOK_INTR, on_interrupt)

def judge():
    begin = CODE + (at & 0xFFFFF)
    machine.mem_write(begin, code[:length] + b"\x90" * (16 - length))
    machine.reg_write_batch([*zip(REGISTERS, before), (RFLAGS, flags)])
    interrupted.clear()
    failed = False
    repeated = code[:2].lstrip(b"\x66")[:1] in (b"\xf2", b"\xf3") and b"\x0f" not in code[:4]
    try:
        # One repetition of a string instruction counts as an instruction: run until it is left.
        if repeated:
            machine.emu_start(begin, begin + length)
        else:
            machine.emu_start(begin, 0, count=1)
    except UcError:
        failed = True
    problems = []
    # A division that fails leaves the machine where it was.
    failed = failed or bool(interrupted) or machine.reg_read(RIP) == begin and stop == 1
    if failed != (stop == 1):
        problems.append(f"fault {failed}, expected {stop == 1}")
    elif not failed:
        got_all = machine.reg_read_batch([*REGISTERS, RIP, RFLAGS])
        got_rip = got_all[16] & 0xFFFFFFFF
        if got_rip != rip:
            problems.append(f"rip {got_rip:x}, vmxlens {rip:x}")
        for name, got, value, mask in zip(NAMES, got_all, after, unknown):
            if (got ^ value) & ~mask:
                problems.append(f"{name} {got:x}, vmxlens {value:x} unknown {mask:x}")
        got = got_all[17] & FLAGS
        if (got ^ flags_after) & FLAGS & ~flags_unknown:
            problems.append(f"flags {got:x}, vmxlens {flags_after & FLAGS:x} unknown {flags_unknown & FLAGS:x}")
        expected = bytearray(memory)
        found = machine.mem_read(DATA, size)
        for offset, byte, bits in written:
            expected[offset] = byte
            found[offset] &= ~bits & 0xFF
        if found != expected:
            where = [offset for offset in range(size) if found[offset] != expected[offset]]
            problems.append(f"memory at {where[:4]}")
    return problems


HEAD = struct.Struct("<IIB15s16QIBI16Q16QIIH")
compared = 0
disagreements = 0
last = 0
while True:
    raw = source.read(HEAD.size)
    if len(raw) < HEAD.size:
        break
    fields = HEAD.unpack(raw)
    seed, at, length, code = fields[0:4]
    before = fields[4:20]
    flags, stop, rip = fields[20:23]
    after = fields[23:39]
    unknown = fields[39:55]
    flags_after, flags_unknown, changes = fields[55:58]
    written = [struct.unpack("<HBB", source.read(4)) for _ in range(changes)]
    if at <= last:
        machine.ctl_flush_tb()
    last = at
    problems = judge()
    if problems:
        # Once more without what it decoded before: a jump may have made it decode ahead.
        machine.mem_write(DATA, memory)
        machine.ctl_remove_cache(CODE + (at & 0xFFFFF), CODE + (at & 0xFFFFF) + 16)
        problems = judge()
    compared += 1
    if written or problems:
        machine.mem_write(DATA, memory)
    if problems:
        disagreements += 1
        if disagreements <= 40:
            print(f"seed {seed}: {code[:length].hex()} flags {flags:x}: " + "; ".join(problems))
print(json.dumps({"compared": compared, "disagreements": disagreements}))
