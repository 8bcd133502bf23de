import type { Tri } from "../../bits/tri.js";

/** The questions, with the names that people use for them. */
export const QUESTIONS = {
  vmx: ["vmx", "vt-x", "vtx", "vt", "virtualization", "intel vt-x"],
  kvm: ["kvm", "kvm_intel", "/dev/kvm", "kvm-intel"],
  nested: ["nested", "nested virtualization", "nested vmx", "nested kvm"],
} as const;

export type Question = keyof typeof QUESTIONS;

/** Something to do, with commands to copy where there are any. */
export interface NextStep {
  readonly text: string;
  readonly commands?: readonly string[];
}

/** What decided. */
export type Decider =
  | "CPU"
  | "firmware"
  | "outer hypervisor"
  | "kernel"
  | "parameter"
  | "vendor"
  | "message"
  | "nothing read";

export interface QuestionAnswer {
  readonly question: Question;
  readonly answer: Tri;
  readonly decidedBy: Decider;
  /** One or two sentences. */
  readonly says: string;
  /** What it rests on, one fact each. */
  readonly evidence: readonly string[];
  readonly steps: readonly NextStep[];
}
