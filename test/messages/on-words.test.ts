import { describe, expect, it } from "vitest";
import { inShort } from "./in-short.js";

/*
 * People who say that VT-x is on in their firmware setup, in the languages that they write, and people who ask, deny or speak of
 * something else. The sentences are made.
 */

const ON = `VT-x is enabled in the BIOS.
I enabled Intel Virtualization Technology in BIOS and rebooted.
Virtualization is turned on in UEFI (checked twice).
In the BIOS, Intel VT is set to Enabled.
I've already switched on VT-x in the firmware setup.
BIOS settings: Intel(R) Virtualization Technology [Enabled], VT-d [Enabled].
SVM Mode: Enabled in the BIOS.
Yes, VT-x is on in BIOS.
VT-x and VT-d are both enabled.
The virtualization option in my BIOS is checked.
Made sure virtualization is enabled in BIOS.
I double checked the BIOS, VT is active.
Virtualization Technology is ticked in BIOS.
Im BIOS ist die Virtualisierung aktiviert.
VT-x ist im BIOS eingeschaltet.
Im BIOS ist "Virtualization Technology (VTx)" angehakt.
Ich habe VT-x im UEFI aktiviert.
La virtualisation est activée dans le BIOS.
J'ai activé VT-x dans le BIOS.
La virtualización está activada en la BIOS.
Ya habilité VT-x en el BIOS.
A virtualização está habilitada na BIOS.
Ativei o VT-x na BIOS.
La virtualizzazione è abilitata nel BIOS.
Виртуализация в BIOS включена.
Я включил VT-x в биосе.
BIOS 里已经开启了 VT-x。
主板 BIOS 中虚拟化已打开。
虚拟化技术在 BIOS 里是 Enabled 的。
BIOS で VT-x は有効にしています。
BIOS で仮想化を有効化済みです。
BIOS에서 VT-x를 활성화했습니다.
W BIOS-ie wirtualizacja jest włączona.
BIOS'ta sanallaştırma açık.
Virtualisatie staat aan in de BIOS.
Windows Task Manager shows virtualization enabled on the same machine.
It worked yesterday with VirtualBox on the same PC, VT-x is on.`.split("\n");

const OFF = `I can't find VT-x in the BIOS.
Should I enable VT-x in the BIOS?
Do I need to enable virtualization in BIOS?
VT-x is disabled in BIOS.
How do I turn on virtualization?
The error says I should enable VT-x in the BIOS.
I don't know whether VT-x is enabled.
Is VT-x enabled if the flag is missing?
Virtualization is not enabled in the BIOS.
I enabled Secure Boot in the BIOS.
VT-d is enabled in BIOS.
Im BIOS ist VT-x deaktiviert.
Muss ich VT-x im BIOS aktivieren?
BIOS 里没有开启 VT-x。`.split("\n");

const QEMU =
  "Could not access KVM kernel module: No such file or directory\nqemu-system-x86_64: failed to initialize kvm: No such file or directory";

async function asksForSetup(text: string): Promise<boolean> {
  const { lines } = await inShort(`${text}\n${QEMU}`);
  return lines(2000).some((line) => /^\s*do /.test(line) && /enable (?:VT-x|SVM)/i.test(line));
}

describe("who has it on is not told to switch it on", () => {
  it.each(ON)("%s", async (said) => expect(await asksForSetup(said)).toBe(false));
});

describe("who does not say so is", () => {
  it.each(OFF)("%s", async (said) => expect(await asksForSetup(said)).toBe(true));
});
