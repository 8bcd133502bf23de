import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A QEMU that waits for questions about CPU models. It runs under TCG and starts no guest. */
export interface QemuMonitor {
  /** `major.minor.micro` as QEMU gives it. */
  readonly version: string;
  /** Sends a command. Throws `Error` with QEMU's description when it refuses. */
  readonly ask: (execute: string, args?: object) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

interface Greeting {
  readonly QMP: { readonly version: { readonly qemu: { readonly [part: string]: number } } };
}
interface Answer {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

/** `command` is a QEMU binary with what stands before it, as in `chroot /some/root qemu-system-x86_64`. */
export async function openQemu(command: string): Promise<QemuMonitor> {
  const [program = "", ...before] = command.split(" ");
  const args = [...before, ..."-accel tcg -M q35 -nodefaults -display none -S -qmp stdio".split(" ")];
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "ignore"] });
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  failed.catch(() => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await Promise.race([lines.next(), failed]);
    if (done) throw new Error(`${command} ended without an answer`);
    return JSON.parse(value as string);
  };
  const greeting = (await next()) as Greeting;
  const { major, minor, micro } = greeting.QMP.version.qemu;
  const ask = async (execute: string, args?: object): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify(args === undefined ? { execute } : { execute, arguments: args })}\n`);
    for (;;) {
      const answer = (await next()) as Answer;
      if (answer.error !== undefined) throw new Error(answer.error.desc);
      if ("return" in answer) return answer.return;
    }
  };
  await ask("qmp_capabilities");
  const close = async (): Promise<void> => {
    await ask("quit").catch(() => {});
    child.stdin.end();
    await new Promise((resolve) => (child.exitCode === null ? child.once("exit", resolve) : resolve(0)));
  };
  return { version: `${major}.${minor}.${micro}`, ask, close };
}

export type ModelProps = { readonly [property: string]: boolean | string | number };

/** Every property of a CPU model after QEMU has applied its own dependencies. */
export async function expandModel(qemu: QemuMonitor, name: string, props: object = {}): Promise<ModelProps> {
  const answer = await qemu.ask("query-cpu-model-expansion", { type: "full", model: { name, props } });
  return (answer as { model: { props: ModelProps } }).model.props;
}
