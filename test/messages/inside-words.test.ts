import { describe, expect, it } from "vitest";
import { inShort } from "./in-short.js";

/*
 * Where Linux runs, as people say or show it, before what KVM's programs print everywhere: a virtual machine has no firmware
 * setup that decides, and a computer has one. The sentences are made, in the languages and with the names that people use.
 */

const KVM_OK = "$ kvm-ok\nINFO: Your CPU does not support KVM extensions\nKVM acceleration can NOT be used";
const QEMU =
  "Could not access KVM kernel module: No such file or directory\nqemu-system-x86_64: failed to initialize kvm: No such file or directory";
const OUTPUTS = [
  "$ sudo modprobe kvm_intel\nmodprobe: ERROR: could not insert 'kvm_intel': Operation not supported",
  KVM_OK,
  QEMU,
  "$ egrep -c '(vmx|svm)' /proc/cpuinfo\n0",
  "emulator: ERROR: x86_64 emulation currently requires hardware acceleration!\nCPU acceleration status: /dev/kvm is not found: VT disabled in BIOS or KVM kernel module not loaded",
];

const INSIDE = `I'm running Ubuntu 22.04 on my ESXi 7 host and want to use KVM in it.
This is a DigitalOcean droplet with 4 GB.
My VPS provider is Contabo.
It's a guest on our Proxmox cluster.
Ubuntu inside Parallels on my MacBook Pro 2017.
Server: Hetzner CX21.
I have a Vultr high frequency instance with Debian 12.
Trying this on an AWS t3.large.
We use m5.2xlarge nodes.
GCP n2-standard-4, Ubuntu 22.04 image.
Azure Standard_D2s_v2 with Ubuntu.
Oracle VM.Standard.E4.Flex shape.
Linode 8GB plan, Debian.
Running this in GitHub Codespaces.
On a GitHub Actions runner (ubuntu-latest) the test fails.
In GitLab shared runners our pipeline fails.
CircleCI machine executor.
Inside Gitpod.
In Google Colab.
In Google Cloud Shell.
Windows 11 host running VMware Workstation 17 with a Kali guest, commands are from Kali.
VirtualBox 7 on Windows 10, guest is Debian 12, I typed this in the guest.
Nutanix AHV VM with Rocky 9.
XCP-ng VM running Ubuntu.
I made a Hyper-V gen2 VM with Ubuntu 24.04.
I run it under WSL2 on Windows 11.
LXC container on Proxmox.
It is an IBM Cloud VSI.
服务器是阿里云 ECS,想装 KVM。
腾讯云轻量服务器上安装 KVM 失败。
在 VMware 虚拟机里装的 CentOS 7。
我在 VirtualBox 里面的 Ubuntu 上运行。
VPS у timeweb, Debian 11.
Ставлю KVM на виртуалку в VMware.
Сервер виртуальный, KVM не работает.
J'ai un VPS chez OVH.
Ma machine est une VM sous Proxmox.
Ich habe einen vServer bei netcup.
Das läuft in einer VM unter ESXi.
Estoy usando una máquina virtual en VirtualBox con Ubuntu.
Tengo un VPS con Ubuntu 20.04.
Estou rodando o Ubuntu dentro do VMware.
È una macchina virtuale su VMware.
VMware 上の Ubuntu で KVM を使いたい。
さくらの VPS で試しています。
Scaleway DEV1-S instance.
An Ionos VPS.
My lab machine is virtual, hosted by the university on vSphere.
I only have a VDI (Citrix) desktop here.
The nodes of our k8s cluster are VMs on vSphere.
minikube inside an EC2 instance.
vagrant ssh into the box (virtualbox provider) and then run this.
I installed Proxmox VE as a VM in VMware Workstation to test.
GNS3 VM running in VMware Player.
EVE-NG in VirtualBox.
I'm using a cloud server from UpCloud.
The box is a KVM guest at my hosting company.
Running in a nested VM.
It's an EC2 c5.xlarge.
My provider says it is a KVM VPS.
Host is Windows, the guest (Ubuntu) shows this.
I'm inside a VM created with virt-manager.
This is on a virtualized server.
Rented a cloud VM to try Firecracker.
Inside my Multipass instance.
Inside a Lima VM on an Intel Mac.
On Crostini (Chromebook's Linux).
Docker Desktop for Mac, Intel.`.split("\n");

/** What only a virtual machine shows, with the ends of lines as they are written in a string. */
const SHOWN = String.raw`ubuntu@ip-172-31-20-11:~$ uname -r\n5.15.0-1051-aws
azureuser@myvm:~$ uname -r\n6.5.0-1015-azure
$ systemd-detect-virt\nvmware
$ systemd-detect-virt\nkvm
$ systemd-detect-virt\noracle
$ systemd-detect-virt\nmicrosoft
[    0.000000] Hypervisor detected: VMware
[    0.000000] Hypervisor detected: KVM
[    0.000000] Hypervisor detected: Microsoft Hyper-V
[    0.000000] DMI: VMware, Inc. VMware Virtual Platform/440BX Desktop Reference Platform, BIOS 6.00 11/12/2020
[    0.000000] DMI: QEMU Standard PC (i440FX + PIIX, 1996), BIOS rel-1.14.0 04/01/2014
[    0.000000] DMI: innotek GmbH VirtualBox/VirtualBox, BIOS VirtualBox 12/01/2006
[    0.000000] DMI: Microsoft Corporation Virtual Machine/Virtual Machine, BIOS Hyper-V UEFI Release v4.0
[    0.000000] DMI: Xen HVM domU, BIOS 4.11.amazon 08/24/2006
model name\t: QEMU Virtual CPU version 2.5+
model name\t: Common KVM processor
model name\t: Intel Xeon Processor (Skylake, IBRS)
model name\t: Intel Core Processor (Haswell, no TSX)
model name\t: AMD EPYC-Rome Processor
Hypervisor vendor:   VMware\nVirtualization type: full
Hypervisor vendor:   KVM
$ lspci | grep VGA\n00:0f.0 VGA compatible controller: VMware SVGA II Adapter
$ lspci | grep VGA\n00:02.0 VGA compatible controller: InnoTek Systemberatung GmbH VirtualBox Graphics Adapter
$ lspci\n00:03.0 Ethernet controller: Red Hat, Inc. Virtio network device
$ lsblk\nNAME MAJ:MIN RM SIZE RO TYPE MOUNTPOINT\nvda 252:0 0 40G 0 disk\n└─vda1 252:1 0 40G 0 part /
$ lsmod | grep vbox\nvboxguest 348160 2 vboxsf
$ dmidecode -s system-product-name\nVMware7,1
$ dmidecode -s system-product-name\nStandard PC (Q35 + ICH9, 2009)
$ dmidecode -s system-manufacturer\nQEMU
$ cat /sys/class/dmi/id/product_name\nKVM
$ cat /sys/class/dmi/id/sys_vendor\nDigitalOcean
vagrant@ubuntu-focal:~$ id
[ec2-user@ip-10-0-0-12 ~]$ id
root@vps-1a2b3c:~# id
Chassis: vm
$ hostnamectl\n  Chassis: vm\n  Virtualization: kvm
$ hostnamectl\n  Virtualization: vmware
$ virt-what\nvmware
$ virt-what\nkvm
System Information\n\tManufacturer: Xen\n\tProduct Name: HVM domU
user@ubuntu-VirtualBox:~$ id
user@ubuntu-Virtual-Machine:~$ id
user@ubuntu-VMware-Virtual-Platform:~$ id
flags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 syscall nx lm constant_tsc hypervisor lahf_lm
Product: OpenStack Nova
$ inxi -M\nMachine: Type: Vmware System: VMware product: VMware Virtual Platform
$ inxi -M\nMachine: Type: Kvm System: QEMU product: Standard PC (Q35 + ICH9, 2009)
$ sudo lshw -c system\n    product: VirtualBox
$ facter virtual\nvmware`
  .split("\n")
  .map((line) => line.replaceAll("\\n", "\n").replaceAll("\\t", "\t"));

const OUTSIDE = `My laptop is a ThinkPad T480 running Ubuntu 22.04, I want to run VMs with virt-manager.
I host VPS for customers on this dedicated server.
Intel NUC, plan to run Proxmox on it with some VMs.
I have VMware Workstation on the same Linux host too, it works.
Host is Ubuntu 22.04, guest is Windows 10.
I want to use Multipass on my desktop.
vagrant up fails with the libvirt provider on my Fedora workstation.
Proxmox VM does not start on my Dell R720.
I moved from VirtualBox to KVM on my Debian desktop.
I used Hyper-V on Windows before; now the machine runs Ubuntu only.
Hetzner dedicated server EX44.
OVH bare metal server.
Dual boot Windows/Ubuntu on my PC, in Windows WSL2 works.
I try to install Android Studio on Linux Mint, emulator does not start.
Trying GNOME Boxes on my desktop PC.
minikube start --driver=kvm2 on my Arch laptop.
I'm running Unraid on an old HP server.
TrueNAS SCALE on a Supermicro board, VM does not start.
Mein Rechner: ASUS Mainboard, Debian 12.
У меня ноутбук Lenovo, ставлю KVM.
自己组装的电脑,装了 Ubuntu,KVM 不能用。
I have an Intel Mac mini with Linux on bare metal.
EC2 c5.metal instance.
I set up a home lab with cloud-init images in VMs on this machine.
I plan to sell virtual servers from this box.
Just built a desktop, i7-8700K, Ubuntu 20.04 and QEMU.
Rented a dedicated server.`.split("\n");

const IF_VIRTUAL = /\bIn(?:side)? a virtual machine\b/;

async function stepsOf(text: string): Promise<readonly string[]> {
  const { lines } = await inShort(text);
  return lines(2000).filter((line) => /^\s*do /.test(line));
}

const IN_FIRMWARE = /firmware setup|enable (?:VT-x|SVM)/i;
/** The step itself says where it does not apply. */
const CONDITIONAL = /[Ii]f it is not a virtual|\bhost\b|physical/;

describe("a virtual machine is not told of a firmware setup", () => {
  it.each([...INSIDE, ...SHOWN])("%s", async (place) => {
    for (const output of OUTPUTS) {
      if (place.startsWith("flags") && output.includes("-c")) continue;
      const steps = await stepsOf(`${place}\n${output}`);
      expect(steps.filter((step) => IN_FIRMWARE.test(step) && !CONDITIONAL.test(step))).toEqual([]);
    }
  });
});

describe("a computer is", () => {
  it.each(OUTSIDE)("%s", async (place) => {
    for (const output of [KVM_OK, QEMU, "[    5.1] kvm: disabled by bios"]) {
      const steps = (await stepsOf(`${place}\n${output}`)).filter((step) => !IF_VIRTUAL.test(step)).join("\n");
      expect(steps, output).toMatch(/firmware|0x3a|virtual machine|modprobe|Mac has no setup/);
      expect(steps, output).not.toMatch(/pass VT-x|\bWSL2? passes|nested/);
    }
  });
});
