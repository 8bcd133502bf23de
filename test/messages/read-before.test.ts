import { expect, it } from "vitest";
import { readHostStream } from "../../src/input/read.js";
import { explainPieces } from "../../src/messages/explain.js";
import { takenLines } from "../../src/situation/evidence/own-machine.js";

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}

it("explains a text that was read before as one that was not", async () => {
  for (const text of [
    "0x3a: 0x1\n0x480: 0xda040000000004\nkvm: disabled by bios\n",
    "vmx flags : vnmi ept\n[    1.0] kvm: VMX not enabled in BIOS\nmodel name : Intel(R) Core(TM) i7\nflags : vmx",
    "nothing of the kind",
  ]) {
    const { taken, onLine } = takenLines();
    const read = await readHostStream(once(text), { onLine });
    expect(await explainPieces(once(text), {}, { read, taken })).toEqual(await explainPieces(once(text)));
  }
});
