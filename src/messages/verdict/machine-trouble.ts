import { answer, type TextVerdict } from "../../answers/answer.js";

/*
 * Trouble of virtual machines that is none of VT-x: their network, CPUs that the host does not run, labels of nodes, a kernel that
 * crashed.
 */

type Says = Omit<TextVerdict, "covers">;

const LOCKUP = /\bsoft lockup - CPU#\d{1,4} stuck for \d{1,6}s/;
const VIRTUAL =
  /\bHardware name: (?:KubeVirt|QEMU|VMware|Xen|OpenStack|Google|Amazon EC2|Microsoft Corporation Virtual|Red Hat KVM)|\) (?:Bochs|QEMU|KVM|VMware|VirtualBox)\b|\b(?:guest|VM|virtual machine)s?\b/i;
export const lockup = (text: string): Says | undefined => {
  const found = LOCKUP.exec(text)?.[0];
  return found === undefined || !VIRTUAL.test(text)
    ? undefined
    : answer(
        `"${found}": in a virtual machine that means that the host did not run this CPU for that long, or the one that it waited for. It says nothing about VT-x.`,
        [
          {
            text: "On the host, see whether its CPUs are overcommitted (steal time in the guest), what its kernel says, and whether a newer kernel mends it.",
            commands: [
              "sudo dmesg | tail -50; uptime; nproc",
              "grep ^cpu /proc/stat   # in the guest: the eighth number is steal",
            ],
          },
        ],
      );
};

const NETWORK = /\b(?:ping|internet|network(?:ing)?|DHCP|NAT|bridge|wget|iptables|firewall)\b/gi;
const OF_VMX = /\b(?:vmx|VT-?x|VMCS|EPT|kvm_intel|entry failed|Suberror)\b|\/dev\/kvm/i;
const NO_NETWORK =
  /\bnetwork\w{0,3} (?:issue|problem|trouble)\b|\bno (?:internet|network|connectivity)\b|\b(?:not|n['’]t|cannot|unable to) (?:\w{2,10} )?(?:ping|reach|connect)\b/i;
const INNER = /\bnest(?:ed|ing)\b|\binside\b/i;
/** A network that does not reach the inner machine. */
export const network = (text: string): Says | undefined =>
  NO_NETWORK.test(text) &&
  INNER.test(text) &&
  /\b(?:KVM|QEMU|ESXi|Proxmox|OpenStack|libvirt)\b/i.test(text) &&
  !OF_VMX.test(text) &&
  [...text.matchAll(NETWORK)].length >= 3
    ? answer(
        "The inner machine runs, and its network does not work: VT-x has no part in that. The outer hypervisor or cloud drops packets of MAC or IP addresses that it did not give out (OpenStack's port security, ESXi's promiscuous mode and forged transmits), or the two levels use the same NAT range.",
        [
          {
            text: "Give the inner network a range of its own behind NAT, or allow its addresses at the level below.",
            commands: [
              "virsh net-dumpxml default | grep '<ip'; ip route",
              "openstack port set --allowed-address ip-address=CIDR PORT",
            ],
          },
        ],
      )
    : undefined;

const LABEL = /\bcpu-model\.node\.kubevirt\.io\/(?<model>[\w.-]{2,40})/;
const NO_LABEL =
  /\b(?:not present|does(?:n['’]t| not) exist|not in\b|missing|impossible to schedule|did(?:n['’]t| not) match (?:Pod|node)|Unschedulable|fail(?:s|ed)? to (?:start|schedule))/i;
const REQUIRED = /\b(?:cpu-feature|host-model-cpu|host-model-required-features)\.node\.kubevirt\.io\/[\w.-]{2,40}/;
const NOT_SCHEDULED = /\bdid(?:n['’]t| not) match (?:Pod['’]s )?node (?:affinity|selector)|\bFailedScheduling\b/i;
const MOVED = /\bmigrat|\bhost-model\b|\bhost-model-(?:cpu|required)|\bdrain/i;
const HOST_MODEL = /\bhost-model-cpu\.node\.kubevirt\.io\/(?<model>[\w.-]{2,40})/g;
const OF_KUBEVIRT = /\bkubevirt\b|\bvmi?s?\b/i;
/** A machine that is to have the flag, in its own definition. */
const VMX_REQUIRED =
  /\bname:\s{1,4}["']?(?<flag>vmx|svm)["']?\s{1,24}(?:- )?policy:\s{1,4}["']?require\b|\bpolicy:\s{1,4}["']?require["']?\s{1,24}name:\s{1,4}["']?(?<flag2>vmx|svm)\b/;
const withoutLabel = (flag: string, text: string): Says => {
  const module = flag === "svm" ? "kvm_amd" : "kvm_intel";
  const isNested = /\b(?:nodes?|workers?) (?:are|is) (?:\w{2,10} )?(?:VMs?|virtual machines?)\b/i.test(text);
  return answer(
    `The machine requires ${flag}, and KubeVirt runs it only on a node with the label cpu-feature.node.kubevirt.io/${flag}, which a node has where KVM there can give guests ${flag}: nested of its ${module} is off, or the label is not there yet.${isNested ? " That its own machines run shows that the node has it; passing it on is another setting." : ""}`,
    [
      {
        text: "On a node, see whether nested is on; switch it on with no machine running, and let virt-handler label the node anew.",
        commands: [
          `cat /sys/module/${module}/parameters/nested`,
          `sudo modprobe -r ${module} && sudo modprobe ${module} nested=1`,
          "kubectl delete pod -n kubevirt -l kubevirt.io=virt-handler",
        ],
      },
    ],
  );
};

/** A running machine whose pod asks for features of nodes, and no node has them all. */
const nodeFeatures = (text: string): Says | undefined => {
  if (!NOT_SCHEDULED.test(text)) return undefined;
  const { flag, flag2 = flag } = VMX_REQUIRED.exec(text)?.groups ?? {};
  if (flag2 !== undefined && OF_KUBEVIRT.test(text)) return withoutLabel(flag2, text);
  if (!REQUIRED.test(text)) return undefined;
  const models = [...new Set([...text.matchAll(HOST_MODEL)].map(([, model]) => model as string))];
  const two = models.length > 1 ? ` The nodes of the text are of different models (${models.join(", ")}).` : "";
  return answer(
    MOVED.test(text)
      ? `KubeVirt moves a machine of host-model only to a node with the label of every feature that the first node gave it, and no node has them all.${two} VT-x is on, or the machine would not run.`
      : `KubeVirt runs a machine only on a node with the label of every feature that it requires, and no node has them all.${two}`,
    [
      {
        text: "Give machines that are to move one named model that all nodes have as cpu-model; it counts from their next start on.",
        commands: [
          "kubectl get nodes --show-labels | tr ',' '\\n' | grep cpu-model.node | sort | uniq -c",
          "spec.template.spec.domain.cpu.model: MODEL",
        ],
      },
    ],
  );
};

/** A node without the label that KubeVirt wants for a model, or for a feature. */
export const nodeLabel = (text: string): Says | undefined => {
  const model = LABEL.exec(text)?.groups?.model;
  return model === undefined || !NO_LABEL.test(text)
    ? nodeFeatures(text)
    : answer(
        `KubeVirt runs a machine with the model ${model} only on nodes with the label cpu-model.node.kubevirt.io/${model}, which a node has where libvirt calls the model usable: QEMU and KVM there have every feature of it. host-model-cpu names the nearest model, and the node can lack features of it.`,
        [
          {
            text: "Take a model that the nodes have as cpu-model, or host-model; the node's domcapabilities list what is missing.",
            commands: [
              "kubectl get nodes --show-labels | tr ',' '\\n' | grep cpu-model.node | sort | uniq -c",
              "spec.template.spec.domain.cpu.model: host-model",
            ],
          },
        ],
      );
};

const CRASH = /\bKernel panic - not syncing\b|\b(?:general protection fault|invalid opcode): [0-9a-f]{4} \[#\d/i;
/** A line of the stack. */
const IN_KVM = /\b(\w{3,60})\+0x[0-9a-f]{1,6}\/0x[0-9a-f]{1,6} \[kvm(?:_intel|_amd)?\]/;
const OF_MACHINES = /\b(?:KVM|QEMU|kubevirt|minikube|libvirt|Proxmox|nested)\b/i;
/** A kernel that crashed, without a line of KVM's beside it. */
export const crashed = (text: string): Says | undefined => {
  const found = CRASH.exec(text)?.[0];
  if (found === undefined || !OF_MACHINES.test(text) || OF_VMX.test(text)) return undefined;
  const at = IN_KVM.exec(text)?.[1];
  return at !== undefined
    ? answer(
        `A kernel crashed ("${found}") in KVM's own code (${at}): VT-x works, or KVM would not have got that far. That is a fault of this kernel, or of what runs below it.`,
        [
          {
            text: "Give the whole block, from the first line of the crash on, and use the newest stable update of that kernel.",
            commands: ["sudo journalctl -k -b -1 | tail -80"],
          },
        ],
      )
    : answer(
        `A kernel crashed ("${found}"), and no line of it names KVM or VMX: VT-x is not missing. Where it is the machine in between that crashed when it began to run guests, the fault is in its KVM, or in what the hypervisor below passes on.`,
        [
          {
            text: "Give the whole block, from the first line of the crash on; update the kernels of the host and of that machine.",
            commands: ["sudo dmesg | tail -80   # on the host, too"],
          },
        ],
      );
};
