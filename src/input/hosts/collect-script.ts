import { FEAT_CTL_VENDORS } from "../../host/host.js";
import { REGISTERS } from "../../registers/registers.js";
import { COLLECT_END, COLLECT_HEADER } from "../formats/collect.js";
import { FACT_LEAVES } from "../formats/cpuid-raw.js";
import { ABOUT_VMX } from "../formats/kernel-log.js";

/** One read of /dev/cpu/N/cpuid: `count` leaves from `leaf` on, of one subleaf. */
interface CpuidRead {
  readonly leaf: number;
  readonly subleaf: number;
  readonly count: number;
}

/**
 * The device counts leaves up, so that one read gives a range. The highest leaf of a range comes first in it (leaf 0,
 * leaf 80000000H, leaf C0000000H), and subleaves come after the range whose limit is theirs.
 */
const CPUID_READS: readonly CpuidRead[] = [
  { leaf: 0, subleaf: 0, count: 1 + Math.max(...[...FACT_LEAVES].filter((leaf) => leaf < 0x8000_0000)) },
  // Caches: up to the third level.
  { leaf: 4, subleaf: 1, count: 1 },
  { leaf: 4, subleaf: 2, count: 1 },
  { leaf: 4, subleaf: 3, count: 1 },
  { leaf: 7, subleaf: 1, count: 1 },
  { leaf: 7, subleaf: 2, count: 1 },
  { leaf: 0xd, subleaf: 1, count: 1 },
  { leaf: 0x8000_0000, subleaf: 0, count: 9 },
  // Of Centaur and Zhaoxin.
  { leaf: 0xc000_0000, subleaf: 0, count: 2 },
];

/** The brand string: /proc/cpuinfo has it. */
const NAME_LEAVES = [0x8000_0002, 0x8000_0003, 0x8000_0004];

const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, "0")}`;

const registers = REGISTERS.map(({ index }) => hex(index, 0)).join(" ");
/** POSITION:COUNT, in decimal because dd multiplies where it reads an x. */
const reads = CPUID_READS.map(({ leaf, subleaf, count }) => `${subleaf * 2 ** 32 + leaf}:${count}`).join(" ");
/** LEAF.SUBLEAF of every sixteen bytes that the reads give; - for those that are not wanted. */
const leaves = CPUID_READS.flatMap(({ leaf, subleaf, count }) =>
  Array.from({ length: count }, (_, i) => leaf + i).map((at) => {
    const wanted = FACT_LEAVES.has(at) && !NAME_LEAVES.includes(at);
    return wanted ? `${hex(at, 8)}.${hex(subleaf, 2)}` : "-";
  }),
).join(" ");
const vendors = FEAT_CTL_VENDORS.map((vendor) => `'${vendor}'`).join(" | ");
const aboutVmx = ABOUT_VMX.join("|");

/**
 * A script for any POSIX shell that prints what a Linux machine reports about its VMX: `ssh HOST sudo sh -s <
 * collect.sh > host.txt`. The reader `collect` (src/input/formats/collect.ts) and those of /proc/cpuinfo, parameters,
 * CPUID and kernel logs read its output. It only reads, loads no module and prints nothing that identifies a machine
 * or a person; its head says all that it looks at. It reads what `readLiveMachine` reads, by the same rules.
 */
export function collectScript(): string {
  return SCRIPT;
}

// Here-documents would be shorter in places, and some shells keep them in a file while they run.
const SCRIPT = `#!/bin/sh
# Collects what vmxlens wants to know of a Linux machine:
#
#   vmxlens collect > collect.sh
#   ssh HOST sudo sh -s < collect.sh > host.txt
#   vmxlens layers host.txt
#
# Where sudo asks for a password, copy it there, and: ssh -t HOST 'sudo sh collect.sh > host.txt'
#
# It reads and prints
#   /dev/cpu/N/msr      IA32_FEATURE_CONTROL and the VMX capability registers of every CPU that is online
#   /dev/cpu/N/cpuid    the CPUID leaves with the features, address widths, caches and kind of core of these CPUs
#   /proc/cpuinfo       all of it, and with it the microcode revision
#   /proc/cmdline       only the words about CPUID flags, SGX and kvm
#   /proc/sys           the kernel release
#   /sys/module         the parameters of kvm and kvm_intel
#   /sys/devices        which CPUs are offline; the kinds of cores where CPUID cannot be read
#   /sys/hypervisor     the kind of hypervisor
#   the kernel's log    only lines about VMX
#   the versions of QEMU and libvirt
# and no host name, address, serial number, or name of a user or guest.
#
# It writes no file, loads no module and changes nothing. It starts dd, grep, head, od or hexdump, sed, sort and
# uname; and dmesg, journalctl, rdmsr, qemu-system-x86_64, qemu-kvm and virsh where they are. Without root it prints
# the rest and says what is missing, on standard error as well. It starts a process for every register of a CPU: some
# seconds for a hundred CPUs.
#
# VMXLENS_ROOT=DIR, for tests: files are looked for below DIR; programs are those of PATH all the same.

registers='${registers}'
cpuid_reads='${reads}'
cpuid_leaves='${leaves}'

say() {
  printf '%s\\n' "$*"
}

missing() {
  say "missing: $*"
  say "vmxlens-collect: missing: $*" >&2
}

# Text from elsewhere, without what a terminal acts on.
plain() {
  sed "s/[^$tab -~]/?/g"
}

# '0 1 2 5' as '0-2,5'
ranges() {
  list='' end='' last=''
  for number in $1; do
    if [ -z "$list" ]; then
      list=$number
    elif [ "$number" -eq $((last + 1)) ]; then
      end=-$number
    else
      list=$list$end,$number end=''
    fi
    last=$number
  done
  printf '%s' "$list$end"
}

# Whether a file can be opened; otherwise why says what the shell says.
opens() {
  why=$( (: <"$1") 2>&1)
}

# Reads $2 blocks of $1 bytes of $device from position $3 on.
read_at() {
  if $dd_skips_bytes; then
    dd if="$device" bs="$1" count="$2" iflag=skip_bytes skip="$3"
  else
    { dd bs=1 count=0 skip="$3" 2>/dev/null && dd bs="$1" count="$2"; } <"$device"
  fi
}

# Bytes as hexadecimal numbers, sixteen in a line.
bytes() {
  case $bytes_by in
    od) od -An -v -tx1 ;;
    *) hexdump -v -e '16/1 " %02x" "\\n"' ;;
  esac
}

find_programs() {
  bytes_by=''
  for tool in od hexdump; do
    bytes_by=$tool
    case $(printf 'abcdefghabcdefgh' | bytes 2>/dev/null) in
      *61*62*63*68*61*68*) break ;;
    esac
    bytes_by=''
  done
  dd_skips_bytes=false
  if dd if=/dev/null bs=8 count=0 iflag=skip_bytes skip=0 >/dev/null 2>&1; then dd_skips_bytes=true; fi
}

kernel() {
  release=''
  { read -r release; } 2>/dev/null <"$root/proc/sys/kernel/osrelease"
  [ -n "$release$root" ] || release=$(uname -r)
  if [ -n "$release" ]; then say "release: $release" | plain; else missing 'the kernel release'; fi

  line='' words=''
  { read -r line; } 2>/dev/null <"$root/proc/cmdline"
  set -f
  for word in $line; do
    case $word in
      clearcpuid=* | setcpuid=* | nosgx | kvm.* | kvm[-_]*.*) words="$words $word" ;;
    esac
  done
  set +f
  [ -z "$words" ] || say "cmdline:$words" | plain
}

cpus() {
  cpus='' vendor=''
  if opens "$root/proc/cpuinfo"; then
    plain <"$root/proc/cpuinfo"
    cpus=$(sed -n 's/^processor[^:]*: *\\([0-9][0-9]*\\)$/\\1/p' "$root/proc/cpuinfo")
    vendor=$(sed -n '/^vendor_id/{s/^[^:]*: //p;q;}' "$root/proc/cpuinfo" | plain)
  else
    missing "/proc/cpuinfo: $why"
  fi
  every=''
  for cpu in $cpus; do every="$every $cpu"; done

  offline=$(grep -s '^0' "$root"/sys/devices/system/cpu/cpu[0-9]*/online /dev/null |
    sed -n 's|.*/cpu\\([0-9]*\\)/online:.*|\\1|p' | sort -n)
  [ -z "$offline" ] || say "offline: $(ranges "$offline")"
}

# The registers of $cpu through rdmsr.
by_rdmsr() {
  for msr in $registers; do
    rdmsr_value "$msr"
    say "msr $cpu $msr $value"
  done
}

# Gives false where rdmsr gives neither a value nor a fault.
rdmsr_value() {
  value=$(rdmsr -p "$cpu" -0 "$1" 2>&1)
  code=$?
  case $code:$value in
    0:*[!0-9a-f]*) ;;
    0:????????????????) return 0 ;;
    4:*'cannot read MSR'*) value=fault && return 0 ;;
  esac
  value="failed: rdmsr exits with $code"
  return 1
}

# The registers of $cpu through dd. One od prints them all: the eight bytes of each are followed by eight letters that say
# how it went, and for a register that gave none, eight in their place.
by_dd() {
  for msr in $registers; do
    said=$(read_at 8 1 $((msr)) 2>&1 >&3)
    case $said in
      *'1+0 records in'*) printf 'value   ' ;;
      *'nput/output error'* | *'I/O error'*) printf '        fault   ' ;;
      *'o such device or address'*) printf '        offline ' ;;
      *'0+1 records in'*) break ;;
      *) printf '        nothing ' ;;
    esac >&3
  done 3>&1 | bytes | for msr in $registers; do
    read -r a b c d e f g h how _
    case $how in
      76) say "msr $cpu $msr $h$g$f$e$d$c$b$a" ;;
      66) say "msr $cpu $msr fault" ;;
      6f) say "msr $cpu $msr failed: the CPU went offline" ;;
      *) say "msr $cpu $msr failed: dd does not get eight bytes" ;;
    esac
  done
}

choose_by() {
  by=by_dd
  if command -v rdmsr >/dev/null && rdmsr_value 0x480; then
    by=by_rdmsr
  elif [ -z "$bytes_by" ]; then
    by=''
  fi
}

# The registers of some CPUs are missing: which, and why.
unread() {
  if [ -z "$1" ]; then
    return
  elif [ "$1" = "$every" ]; then
    missing "VMX MSRs: $2"
  else
    missing "VMX MSRs of CPU $(ranges "$1"): $2"
  fi
}

msrs() {
  case $vendor in
    ${vendors}) ;;
    '')
      missing 'VMX MSRs: /proc/cpuinfo names no CPU vendor, so this is another architecture'
      return
      ;;
    *)
      missing "VMX MSRs: this CPU is $vendor, not one of Intel, Centaur or Zhaoxin"
      return
      ;;
  esac
  by='' without='' refused='' forbidden='' gone='' toolless='' strange='' strangely=''
  for cpu in $cpus; do
    device=$root/dev/cpu/$cpu/msr
    if [ ! -e "$device" ]; then
      without="$without $cpu"
    elif opens "$device"; then
      [ -n "$by" ] || choose_by
      if [ -n "$by" ]; then $by; else toolless="$toolless $cpu"; fi
    else
      case $why in
        *'ermission denied'*) refused="$refused $cpu" ;;
        *'not permitted'*) forbidden="$forbidden $cpu" ;;
        *'o such device or address'*) gone="$gone $cpu" ;;
        *) strange="$strange $cpu" strangely=$why ;;
      esac
    fi
  done
  unread "$refused" 'only root may read /dev/cpu/N/msr; collect with sudo'
  unread "$forbidden" 'reading /dev/cpu/N/msr needs the capability CAP_SYS_RAWIO'
  unread "$gone" 'the CPU is offline'
  unread "$toolless" 'there is neither rdmsr nor od or hexdump'
  unread "$strange" "$strangely"
  if [ "$without" != "$every" ]; then
    unread "$without" 'there is no /dev/cpu/N/msr for it'
  elif [ -e "$root/.dockerenv" ] || [ -e "$root/run/.containerenv" ]; then
    unread "$without" 'this container has no /dev/cpu/N/msr; collect on the host, after modprobe msr'
  elif [ -d "$root/sys/module/msr" ]; then
    unread "$without" 'the msr module is loaded and /dev/cpu/N/msr is not there: a container, or /dev is not devtmpfs'
  else
    unread "$without" 'there is no /dev/cpu/N/msr, as the msr module is not loaded; modprobe msr and collect again'
  fi
}

# CPUID as "cpuid -r" prints it. Above the highest leaf a CPU answers with another one.
cpuid() {
  say "CPU $cpu:"
  for range in $cpuid_reads; do
    read_at 16 "\${range#*:}" "\${range%:*}" 2>/dev/null || break
  done | bytes | for leaf in $cpuid_leaves; do
    read -r a b c d e f g h i j k l m n o p
    [ -n "$p" ] || break
    case $leaf in
      -) continue ;;
      0x00000000.* | 0x80000000.* | 0xc0000000.*) highest=$((0x$d$c$b$a)) ;;
    esac
    if [ $((\${leaf%.*})) -le "$highest" ]; then
      say "   \${leaf%.*} \${leaf#*.}: eax=0x$d$c$b$a ebx=0x$h$g$f$e ecx=0x$l$k$j$i edx=0x$p$o$n$m"
    fi
  done
}

cpuids() {
  without=''
  for cpu in $cpus; do
    device=$root/dev/cpu/$cpu/cpuid
    if [ -n "$bytes_by" ] && opens "$device"; then cpuid; else without="$without $cpu"; fi
  done
  [ -n "$without" ] || return
  missing "CPUID of CPU $(ranges "$without"): /dev/cpu/N/cpuid cannot be read; modprobe cpuid, and collect with sudo"
  grep -s . "$root/sys/devices/cpu_core/cpus" "$root/sys/devices/cpu_atom/cpus" /dev/null &&
    grep -s . "$root"/sys/devices/system/cpu/cpu[0-9]*/cache/index*/level /dev/null
}

parameters() {
  for file in "$root"/sys/module/kvm/parameters/* "$root"/sys/module/kvm_intel/parameters/*; do
    case \${file##*/} in
      *[!A-Za-z0-9_]*) ;;
      *) grep -s . "$file" /dev/null ;;
    esac
  done | plain
  [ -d "$root/sys/module/kvm_intel" ] || missing 'parameters of kvm_intel: the module is not loaded'
}

messages() {
  if dmesg 2>/dev/null | grep -q 'Linux version'; then
    log=dmesg
  elif journalctl -q -k -b -o cat 2>/dev/null | grep -q 'Linux version'; then
    log='journalctl -q -k -b -o cat'
  elif why=$(dmesg 2>&1 >/dev/null); then
    log=dmesg
    missing 'kernel messages of the boot: the log no longer has its beginning'
  else
    missing "kernel messages: $why"
    return
  fi
  # A dumped VMCS and an address of code would reveal where the kernel is in memory.
  $log 2>/dev/null |
    grep -E 'x86/cpu: (VMX|SGX)|kvm(_intel)?: .*(${aboutVmx})|Hypervisor detected: |unchecked MSR access error: |Offset [0-9]+ REF = ' |
    grep -v -E 'kvm(_intel)?: (\\*\\*\\*|[A-Za-z0-9_ ().]*=)' |
    sed 's/ at rIP: 0x[0-9a-f]*/ at rIP: 0x0/' |
    plain | head -n 500
}

programs() {
  kind=''
  { read -r kind; } 2>/dev/null <"$root/sys/hypervisor/type"
  [ -z "$kind" ] || say "hypervisor: $kind" | plain
  for program in qemu-system-x86_64 qemu-kvm /usr/libexec/qemu-kvm; do
    if command -v "$program" >/dev/null; then
      "$program" --version 2>/dev/null | sed -n 's/^.* version \\([0-9][0-9.]*\\).*$/qemu: \\1/p' | head -n 1
      break
    fi
  done
  if command -v virsh >/dev/null; then
    virsh --version 2>/dev/null | sed -n 's/^\\([0-9][0-9.]*\\)$/libvirt: \\1/p'
  fi
}

main() {
  LC_ALL=C
  export LC_ALL
  tab=$(printf '\\t')
  root=$VMXLENS_ROOT
  [ -n "$root" ] || PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin
  say '${COLLECT_HEADER}'
  find_programs
  kernel
  cpus
  msrs
  cpuids
  parameters
  messages
  programs
  say '${COLLECT_END}'
}

# The script itself may come from standard input, which nothing else must read; and none of it runs before all of it
# is there.
main </dev/null
`;
