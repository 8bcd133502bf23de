import { spawn, spawnSync } from "node:child_process";
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

/** A text behind `-cpu` as `expandModel` takes it. */
export function propsOf(text: string): [name: string, props: { [property: string]: boolean }] {
  const [name = "", ...rest] = text.split(",");
  return [name, Object.fromEntries(rest.map((item) => item.split("=")).map(([key, on]) => [key, on === "on"]))];
}

/**
 * What QEMU says to a command line with a text behind `-cpu`. Under TCG there is no VMX, and it names every VMX feature
 * that was asked for; one name that stands for two bits counts when both are named. Everything else is a complaint.
 */
export function commandLineAnswer(
  command: string,
  text: string,
): { readonly asked: ReadonlySet<string>; readonly complaints: readonly string[] } {
  const [program = "", ...before] = command.split(" ");
  const args = [
    ...before,
    ..."-accel tcg -M q35 -nodefaults -display none -S -monitor none -qmp stdio -cpu".split(" "),
  ];
  const input = '{"execute":"qmp_capabilities"}\n{"execute":"quit"}\n';
  const { stderr, error } = spawnSync(program, [...args, text], { input, encoding: "utf8", timeout: 30_000 });
  if (error !== undefined) throw error;
  const times = new Map<string, number>();
  const complaints: string[] = [];
  for (const line of stderr.split("\n")) {
    const feature = /warning: TCG doesn't support requested feature: (?:MSR|CPUID)\S*?\)?\.?(vmx-\S+)? /.exec(line);
    if (feature?.[1] !== undefined) times.set(feature[1], (times.get(feature[1]) ?? 0) + 1);
    else if (line !== "" && !line.includes("warning: TCG doesn't support requested feature")) complaints.push(line);
  }
  const bits = (name: string) => (name === "vmx-invept-single-context" ? 2 : 1);
  return { asked: new Set([...times].filter(([name, n]) => n >= bits(name)).map(([name]) => name)), complaints };
}
