import type { Step } from "../../../../answers/message.js";
import { DOCKER_ENGINE, PASS_DEVICE } from "../../../rows/shared-advice.js";
import { TO_POD } from "./in-place.js";

/*
 * A container without the device that its machine has.
 */

const IN_CONTAINER = /\b(?:(?:dev)?containers?|codespaces?|docker|podman|portainer|LXC|LXD|systemd-nspawn|pods?)\b/i;
/** The device is passed to a container, by the command line or a compose file. */
const PASSED = /^[ \t]{0,24}- ?["']?\/dev\/kvm\b|--device[= ]["']?\/dev\/kvm\b/m;
const DESKTOP_ENGINE = /-linuxkit\b|\bDocker Desktop\b|-ce-(?:win|mac)\d/i;

const NSPAWN = /\bnspawn\b/i;
const PASS_NSPAWN: Step = {
  text: "Pass the device in when the container is started.",
  commands: ["systemd-nspawn --bind=/dev/kvm --property='DeviceAllow=/dev/kvm rw' ..."],
};

/** The Development Containers specification, devcontainer.json: options of docker run. */
const DEVCONTAINER = /\bdev ?containers?\b|\bcodespaces?\b/i;
const TO_DEVCONTAINER: Step = {
  text: "Pass the device in when the container is made, then build it anew.",
  commands: ['"runArgs": ["--device=/dev/kvm"]   # in devcontainer.json'],
};

export const namesContainer = (text: string): boolean => IN_CONTAINER.test(text);

/** KVM's module is loaded, and its device is missing where the program runs. */
const LOADED = /^kvm_(?:intel|amd) +\d/m;
const IN_CHROOT = /\b(?:in|inside|from|into) (?:an? |the |my )?(?:\w{2,10} )?chroot\b/i;

/** A chroot has the devices that are mounted in it. */
export const inChroot = (text: string): { readonly says: string; readonly steps: readonly Step[] } | undefined =>
  IN_CHROOT.test(text) && LOADED.test(text)
    ? {
        says: "KVM's module is loaded, so VT-x (or AMD-V) is on; a chroot has /dev/kvm only where the host's /dev is mounted in it.",
        steps: [{ text: "Mount it, from outside.", commands: ["sudo mount --rbind /dev CHROOT/dev"] }],
      }
    : undefined;

/** The machine has the device, and a container does not see it. */
export function notInContainer(
  text: string,
  message: string | undefined,
  said: boolean,
): { readonly says: string; readonly steps: readonly Step[] } | undefined {
  if (message !== "container-no-kvm" && !namesContainer(text)) return undefined;
  const has = `The machine has KVM (${said ? "the text says so" : "the check in the text finds it"}), and the container`;
  if (DESKTOP_ENGINE.test(text))
    return {
      says: `${has} runs in the virtual machine of Docker Desktop, which is another one: only what is there can be passed in.`,
      steps: [DOCKER_ENGINE],
    };
  if (message === "docker-no-device" || PASSED.test(text))
    return {
      says: `${has} does not see it, although it is passed in: the engine runs elsewhere than the check (Docker Desktop has a virtual machine of its own), or the container was made before the device was there.`,
      steps: [DOCKER_ENGINE],
    };
  return message === "container-no-kvm"
    ? {
        says: `${has} was not given the device, or Docker Desktop runs it in a virtual machine of its own.`,
        steps: [PASS_DEVICE, DOCKER_ENGINE],
      }
    : {
        says: `${has} was not given the device.`,
        steps: [
          DEVCONTAINER.test(text)
            ? TO_DEVCONTAINER
            : /\bpods?\b/i.test(text)
              ? TO_POD
              : NSPAWN.test(text)
                ? PASS_NSPAWN
                : PASS_DEVICE,
        ],
      };
}
