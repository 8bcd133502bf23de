import { describe, expect, it } from "vitest";
import { isSaidOn } from "../../src/input/prose/said-on.js";

describe("that VT-x is on", () => {
  it.each([
    "I've enabled Virtualization in my CPU BIOS settings",
    "Now, virtualization was already enabled before as I was using it",
    "can't use it despite virtualization and Windows machine platform feature enabled",
    "Virtualization is enabled in BIOS but yet... I cannot start WSL.",
    "The Virtualization Technology in BIOS is turned on.",
    "hyper V is turned off, antivirus off, virtualization turned on in bios everything set to high",
    "Intel VT-x and VT-d enabled in BIOS.",
    "My cpu supports virtualization and it is enabled in the BIOS",
    "I also enabled VT on BIOS.",
    "SVM Mode: Enabled",
    "BIOS Settings\n- SVM Mode: Enabled\n- IOMMU: Enabled",
    "I have verified that virtualization is enabled in the task manager",
    "even though i have virtualization enabled in both windows and bios",
    "I already enabled SVM in the BIOS",
    "Hyper-V - Virtualization Enabled In Firmware: Yes",
    "I went to the BIOS and enabled virtualization",
    "Virtualization shown as enabled in Windows Task manager.",
    "VT-x has been enabled, VT-d as well",
    "I checked that VT-x is enabled in the BIOS",
    "BIOS virtualization is ON",
    "Task Manager shows virtualization enabled",
    "Confirmed virtualization is enabled",
    "CPU virtualization is already enabled",
    "I made sure virtualization was enabled",
    "Virtualization: Enabled",
    "and yes, VT-x is enabled",
    "I have Intel VT-x enabled",
    "CPU: AMD Ryzen 7-7700X with AMD SVM **enabled**",
    "- CPU virtualization supported\n- SVM enabled\n- Hyper-V features enabled",
    "I have checked my BIOS and settings havent changed",
    "even though it's enabled in both BIOS and Windows",
    "with VT-x enabled in the BIOS it still fails",
  ])("is said: %s", (text) => {
    expect(isSaidOn(text)).toBe(true);
  });

  it.each([
    "Please enable the Virtual Machine Platform Windows feature and ensure virtualization is enabled in the BIOS.",
    "This computer doesn't have VT-X/AMD-v enabled. Enabling it in the BIOS is mandatory",
    "Hardware assisted virtualization and data execution protection must be enabled in the BIOS",
    "Verify that virtualization is enabled in the BIOS and that the Virtual Machine Platform is enabled",
    "make sure that virtualization is enabled",
    "2. Virtualization is enabled in the system BIOS.\nVirtualization: Disabled",
    "Is virtualization enabled in the BIOS?",
    "How do I check if VT-x is enabled",
    "VT-x is not available (VERR_VMX_NO_VMX)",
    "Virtualization is not enabled here.",
    "nested virtualization is enabled on the host",
    "I cannot enable virtualization in the BIOS",
    "I have no option in the BIOS to enable VT-x",
    "VT-x features locked or unavailable in MSR. (VERR_VMX_MSR_LOCKED_OR_DISABLED)",
    "You need to have virtualization enabled in BIOS",
    "Intel VT-x might be disabled if it has been disabled in the BIOS/firmware settings",
    "Enter your BIOS setup and enable Virtualization Technology (VT).",
    "Please ensure the following:\n1. The system's CPU supports virtualization.\n2. Virtualization is enabled in the system BIOS.",
    "VT-x should be enabled in the BIOS",
    "Do you have virtualization enabled?",
    "VT-x/AMD-V hardware acceleration has been enabled, but is not operational.",
    "Check whether you have enabled VT-x in the BIOS",
    "before you start, have virtualization enabled",
    "Virtualization enabled in firmware: No",
    "When virtualization is enabled the game crashes, so I keep it off",
  ])("is not said: %s", (text) => {
    expect(isSaidOn(text)).toBe(false);
  });
});
