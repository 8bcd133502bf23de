/** Why QEMU holds a machine: qapi/run-state.json. */
export const PAUSED: { readonly [why: string]: readonly [says: string, text: string, command: string] } = {
  prelaunch: [
    "it was started with -S, and has not run one instruction yet; the registers are those after a reset",
    "Let it run.",
    "cont   # in the monitor",
  ],
  "internal-error": [
    "KVM gave up on the guest, and QEMU printed `KVM internal error` or `entry failed` about it",
    "Give what QEMU printed then, with the register block.",
    "sudo tail -60 /var/log/libvirt/qemu/GUEST.log",
  ],
  "io-error": [
    "a disk of it failed or is full (werror, rerror)",
    "Make room or mend the storage, and let it run.",
    "df -h; cont   # in the monitor",
  ],
  postmigrate: ["it was migrated away, and runs at the other host", "See the other host.", "virsh list --all"],
  inmigrate: ["it waits for the data of a migration", "See what the source says.", "info migrate   # in its monitor"],
  shutdown: ["its guest has shut down, and -no-shutdown keeps it", "Start it anew.", "system_reset   # in the monitor"],
};
