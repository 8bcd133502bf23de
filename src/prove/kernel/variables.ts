/*
 * Variables that modules import from the kernel, and what they hold. A row says why that cannot change a reported result;
 * a variable without a row holds unknown bits.
 */

/** What a variable of the kernel holds. */
export type Content =
  | "zero"
  /** A number, in as many bytes as given. */
  | { readonly size: 1 | 2 | 4 | 8; readonly value: bigint }
  /** Bit 0 of a mask of CPUs: there is one. */
  | "first CPU"
  /** The boot CPU's description, made from the host. */
  | "boot CPU"
  | "paravirt"
  | "tsc"
  /** Unknown bytes. */
  | "unknown";

export interface VariableRow {
  readonly names: readonly string[];
  readonly holds: Content;
  readonly why: string;
}

const PAGE_OFFSET = 0xffff_8880_0000_0000n;
const VMEMMAP = 0xffff_ea00_0000_0000n;

export const VARIABLES = [
  { names: ["boot_cpu_data"], holds: "boot CPU", why: "made from the host" },
  { names: ["pv_ops"], holds: "paravirt", why: "each slot answers as the processor would" },
  { names: ["tsc_khz"], holds: "tsc", why: "made from the host" },
  { names: ["nr_cpu_ids"], holds: { size: 4, value: 1n }, why: "there is one CPU" },
  { names: ["__num_online_cpus"], holds: { size: 4, value: 1n }, why: "there is one CPU" },
  {
    names: ["__cpu_online_mask", "__cpu_possible_mask", "__cpu_present_mask", "cpu_bit_bitmap"],
    holds: "first CPU",
    why: "there is one CPU",
  },
  { names: ["page_offset_base"], holds: { size: 8, value: PAGE_OFFSET }, why: "where memory is mapped" },
  { names: ["vmemmap_base"], holds: { size: 8, value: VMEMMAP }, why: "where page descriptors are mapped" },
  {
    names: ["phys_base"],
    holds: { size: 8, value: 0n },
    why: "physical addresses of the kernel; only differences matter",
  },
  {
    names: ["physical_mask"],
    holds: { size: 8, value: 0xf_ffff_ffff_ffffn },
    why: "as in the kernel without memory encryption",
  },
  { names: ["pgdir_shift"], holds: { size: 4, value: 39n }, why: "four levels of page tables" },
  { names: ["ptrs_per_p4d"], holds: { size: 4, value: 1n }, why: "four levels of page tables" },
  {
    names: [
      "__tracepoint_*",
      "__SCK__*",
      "*_key",
      "debug_locks_silent",
      "ms_hyperv",
      "x86_hyper_type",
      "sched_smt_present",
      "node_states",
      "kmalloc_caches",
      "jiffies",
      "oops_in_progress",
      "system_state",
      "empty_zero_page",
      "zero_pfn",
      "prof_on",
    ],
    holds: "zero",
    why: "bare metal; tracers, debugging and mitigations are off",
  },
  {
    names: [
      "l1tf_mitigation",
      "l1tf_vmx_mitigation",
      "mmio_stale_data_clear",
      "itlb_multihit_kvm_mitigation",
      "x86_spec_ctrl_*",
      "x86_pred_cmd",
      "x86_verw_sel",
      "switch_*",
      "mds_*",
      "cpu_buf_*",
      "x86_ibpb_exit_to_user",
    ],
    holds: "zero",
    why: "mitigations; nothing that is reported depends on them",
  },
  {
    names: ["kvm_cpu_caps", "kvm_host", "host_efer"],
    holds: "unknown",
    why: "without kvm.ko: what it would have found out of the CPU",
  },
  {
    names: [
      "kvm_caps",
      "kvm_nr_uret_msrs",
      "kvm_pmu_cap",
      "report_ignored_msrs",
      "kvm_rebooting",
      "hv_remote_*",
      "hv_track_*",
      "hv_flush_*",
    ],
    holds: "zero",
    why: "without kvm.ko: its own state, before its set-up",
  },
  {
    names: ["enable_apicv", "enable_pmu"],
    holds: { size: 1, value: 1n },
    why: "without kvm.ko: defaults of its parameters",
  },
  {
    names: ["allow_smaller_maxphyaddr", "enable_vmware_backdoor"],
    holds: { size: 1, value: 0n },
    why: "without kvm.ko: defaults of its parameters",
  },
  { names: ["param_ops_*"], holds: "zero", why: "parameters are parsed by vmxlens, as these would" },
  {
    names: [
      "tick_nohz_full_*",
      "context_tracking",
      "numa_node",
      "x2apic_mode",
      "smp_ops",
      "apic",
      "percpu_counter_batch",
    ],
    holds: "zero",
    why: "scheduling, topology and interrupts; nothing that is reported depends on them",
  },
] as const satisfies readonly VariableRow[];

/** The per-CPU variables of the kernel that hold something; the rest of the area is unknown. */
export const PER_CPU_VARIABLES: readonly { readonly name: string; readonly holds: Content; readonly why: string }[] = [
  { name: "fixed_percpu_data", holds: "zero", why: "the canary of the stack: any number" },
  { name: "__ref_stack_chk_guard", holds: "zero", why: "the canary of the stack: any number" },
  { name: "__preempt_count", holds: { size: 4, value: 0n }, why: "preemption is allowed" },
  { name: "cpu_number", holds: { size: 4, value: 0n }, why: "there is one CPU" },
  { name: "numa_node", holds: { size: 4, value: 0n }, why: "there is one node" },
  { name: "cpu_info", holds: "boot CPU", why: "made from the host" },
  { name: "x86_spec_ctrl_current", holds: { size: 8, value: 0n }, why: "mitigations" },
];
