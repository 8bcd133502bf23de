/*
 * Functions that modules import from the kernel, and what vmxlens answers instead. A row says what a call returns, and why
 * that cannot change a reported result. What is reached without a row is reported, and returns unknown bits.
 */

/** What a call of a function does. Each is implemented once, in `src/prove/kernel/answers.ts`. */
export type Answer =
  /** Returns 0, NULL or false. */
  | "zero"
  | "one"
  /** Returns with registers as they were: a trampoline, a hook for tracers, a function without result. */
  | "nothing"
  /** Returns an address of new memory of its own. */
  | "memory"
  | "zeroed memory"
  /** Returns the page descriptor of a new zeroed page; its address for the second. */
  | "page"
  | "page address"
  | "per-CPU memory"
  /** What the function of that name in the kernel does, done by vmxlens on the module's memory. */
  | "memset"
  | "memcpy"
  | "memcmp"
  | "strlen"
  | "find first bit"
  | "find next bit"
  | "find last bit"
  | "next CPU"
  | "set bits"
  | "or bits"
  | "popcount"
  | "printk"
  | "warn text"
  | "warn entry"
  | "jump register"
  | "call back"
  | "call back many"
  | "key on"
  | "key off"
  | "key up"
  | "key down"
  | "static call update"
  | "parse bool"
  | "equal lines"
  | "sort"
  | "pmu capability"
  | "interrupt posting"
  | "vendor init"
  | "vendor caps"
  | "time"
  | "true when tsc is unstable";

export interface FunctionRow {
  /** Names, whole or with `*` for any rest. */
  readonly names: readonly string[];
  readonly answer: Answer;
  readonly why: string;
}

export const FUNCTIONS = [
  { names: ["__fentry__", "mcount"], answer: "nothing", why: "hook for tracers, which are off" },
  { names: ["__x86_return_thunk", "__x86_return_skl", "srso_*"], answer: "nothing", why: "a return" },
  { names: ["__x86_indirect_thunk_*"], answer: "jump register", why: "a jump to the register it is named for" },
  { names: ["__SCT__WARN_trap"], answer: "warn entry", why: "recorded as a warning, with its text" },
  {
    names: ["__SCT__*"],
    answer: "zero",
    why: "static call of the kernel: preemption, tracepoints; off or without result",
  },
  { names: ["__static_call_return0"], answer: "zero", why: "returns 0 in the kernel, too" },
  { names: ["__stack_chk_fail"], answer: "nothing", why: "only after the stack was damaged" },
  { names: ["_printk", "printk"], answer: "printk", why: "recorded as a message" },
  { names: ["__warn_printk"], answer: "warn text", why: "recorded as the text of the warning that follows" },
  { names: ["___ratelimit"], answer: "one", why: "no message is held back" },
  { names: ["__dynamic_pr_debug"], answer: "nothing", why: "debug messages are off" },
  {
    names: ["memset", "__memset"],
    answer: "memset",
    why: "done as the kernel does it",
  },
  { names: ["memcpy", "__memcpy", "memmove", "__memmove"], answer: "memcpy", why: "done as the kernel does it" },
  { names: ["memcmp"], answer: "memcmp", why: "done as the kernel does it" },
  { names: ["strlen"], answer: "strlen", why: "done as the kernel does it" },
  { names: ["_find_first_bit"], answer: "find first bit", why: "done as the kernel does it" },
  { names: ["_find_next_bit"], answer: "find next bit", why: "done as the kernel does it" },
  { names: ["_find_last_bit"], answer: "find last bit", why: "done as the kernel does it" },
  { names: ["cpumask_next"], answer: "next CPU", why: "done as the kernel does it, with one CPU" },
  { names: ["__bitmap_set"], answer: "set bits", why: "done as the kernel does it" },
  { names: ["__bitmap_or"], answer: "or bits", why: "done as the kernel does it" },
  { names: ["__sw_hweight32", "__sw_hweight64"], answer: "popcount", why: "done as the kernel does it" },
  { names: ["kstrtobool"], answer: "parse bool", why: "done as the kernel does it" },
  { names: ["sysfs_streq"], answer: "equal lines", why: "done as the kernel does it" },
  { names: ["sort"], answer: "sort", why: "done as the kernel does it, with the module's comparison" },
  {
    names: [
      "kmalloc_trace*",
      "__kmalloc*",
      "kmem_cache_alloc*",
      "__kvmalloc*",
      "kvmalloc*",
      "__vmalloc*",
      "vmalloc*",
      "__vcalloc*",
    ],
    answer: "memory",
    why: "memory is never short; its content is unknown unless zeroed memory was asked for",
  },
  { names: ["vzalloc*", "kzalloc*"], answer: "zeroed memory", why: "memory is never short" },
  {
    names: [
      "kmem_cache_create*",
      "__kmem_cache_create*",
      "alloc_workqueue*",
      "kthread_create*",
      "debugfs_create*",
      "debugfs_lookup",
      "shrinker_alloc",
      "kern_mount",
    ],
    answer: "zeroed memory",
    why: "an object of the kernel that the module only passes on",
  },
  { names: ["alloc_pages*", "__alloc_pages*"], answer: "page", why: "memory is never short" },
  {
    names: ["__get_free_pages*", "get_free_pages*", "get_zeroed_page*"],
    answer: "page address",
    why: "memory is never short",
  },
  { names: ["__alloc_percpu*", "pcpu_alloc*"], answer: "per-CPU memory", why: "memory is never short" },
  {
    names: ["alloc_cpumask_var*", "zalloc_cpumask_var*"],
    answer: "one",
    why: "masks of CPUs are allocated with room for one",
  },
  {
    names: [
      "kfree*",
      "kvfree*",
      "vfree*",
      "free_pages*",
      "__free_pages*",
      "free_percpu",
      "free_cpumask_var",
      "kmem_cache_free",
      "kmem_cache_destroy",
    ],
    answer: "nothing",
    why: "memory is not used again",
  },
  { names: ["smp_call_function_single"], answer: "call back", why: "the function is run on the one CPU of the replay" },
  {
    names: ["on_each_cpu*", "smp_call_function_many*"],
    answer: "call back many",
    why: "the function is run on the one CPU of the replay",
  },
  { names: ["static_key_enable*"], answer: "key on", why: "the key is written; jumps that depend on it look at it" },
  { names: ["static_key_disable*"], answer: "key off", why: "the key is written; jumps that depend on it look at it" },
  { names: ["static_key_slow_inc*"], answer: "key up", why: "the key is written; jumps that depend on it look at it" },
  {
    names: ["static_key_slow_dec*", "__static_key_slow_dec*"],
    answer: "key down",
    why: "the key is written; jumps that depend on it look at it",
  },
  {
    names: ["__static_call_update"],
    answer: "static call update",
    why: "the target is written where calls look it up",
  },
  {
    names: ["perf_get_x86_pmu_capability"],
    answer: "pmu capability",
    why: "whether perf offers KVM a PMU is a fact of the machine that is asked for",
  },
  { names: ["irq_remapping_cap"], answer: "interrupt posting", why: "a fact of the machine that is asked for" },
  {
    names: ["kvm_x86_vendor_init", "kvm_init"],
    answer: "vendor init",
    why: "without kvm.ko: only runs the module's own hardware_setup",
  },
  {
    names: ["kvm_set_cpu_caps"],
    answer: "vendor caps",
    why: "without kvm.ko: what KVM offers of CPUID is left unknown",
  },
  { names: ["ktime_get*"], answer: "time", why: "there is no clock; nothing that is reported depends on the time" },
  {
    names: ["check_tsc_unstable"],
    answer: "true when tsc is unstable",
    why: "the TSC is stable when its frequency is known",
  },
  {
    names: [
      "mutex_lock*",
      "mutex_unlock",
      "__mutex_init",
      "down_read",
      "down_write",
      "up_read",
      "up_write",
      "_raw_spin_*",
      "_raw_read_*",
      "_raw_write_*",
      "__init_rwsem",
      "__init_swait_queue_head",
      "init_timer_key",
      "hrtimer_init",
      "__rcu_read_*",
      "rcu_*",
      "synchronize_*",
      "call_rcu",
      "migrate_*",
      "cpus_read_*",
      "lockdep_*",
    ],
    answer: "zero",
    why: "there is one CPU and nothing to wait for",
  },
  {
    names: [
      "misc_register",
      "misc_deregister",
      "register_*",
      "unregister_*",
      "__register_*",
      "perf_register_*",
      "perf_unregister_*",
      "pvclock_gtod_*",
      "cpufreq_*",
      "__cpuhp_*",
      "cpuhp_*",
      "mmu_notifier_*",
      "shrinker_register",
      "shrinker_free",
      "irq_work_*",
      "cancel_work*",
      "cancel_delayed_work*",
      "__static_key_deferred_flush",
      "jump_label_rate_limit",
      "trace_*",
      "user_return_notifier_*",
      "preempt_notifier_*",
      "cpu_emergency_*",
      "debugfs_*",
      "__percpu_counter_init*",
      "percpu_counter_*",
      "init_srcu_struct",
      "cleanup_srcu_struct",
      "irq_bypass_*",
      "queue_work*",
      "flush_work*",
      "destroy_workqueue",
      "acpi_*",
      "kvm_setup_*",
      "hv_*",
      "set_hv_*",
      "clear_hv_*",
      "idr_*",
      "xa_*",
      "kobject_*",
      "try_module_get",
      "module_put",
      "__module_get",
    ],
    answer: "zero",
    why: "makes the module known to other parts of the kernel, which succeeds",
  },
  { names: ["__ubsan_handle_*"], answer: "nothing", why: "a check of indexes and shifts; the code goes on behind it" },
  {
    names: ["housekeeping_enabled", "cpu_smt_possible", "cpu_mitigations_off", "gds_ucode_mitigated", "capable"],
    answer: "zero",
    why: "mitigations and scheduling; nothing that is reported depends on them",
  },
  {
    names: [
      "kvm_exit",
      "kvm_x86_vendor_exit",
      "kvm_mmu_set_ept_masks",
      "kvm_mmu_set_me_spte_mask",
      "kvm_configure_mmu",
      "kvm_enable_efer_bits",
      "kvm_set_posted_intr_wakeup_handler",
      "kvm_add_user_return_msr",
    ],
    answer: "zero",
    why: "without kvm.ko: sets up what KVM does with guests",
  },
  {
    names: ["__list_add_valid*", "__list_del_entry_valid*"],
    answer: "one",
    why: "a check of lists for damage, which there is none of",
  },
  {
    names: ["x86_match_cpu"],
    answer: "zero",
    why: "tables of processors with errata that KVM works around; none of what is reported",
  },
  {
    names: [
      "perf_get_hw_event_config",
      "intel_pt_validate_hw_cap",
      "x86_perf_get_lbr",
      "sgx_set_attribute",
      "pat_enabled",
      "fpu_*",
      "fpstate_*",
      "xstate_*",
      "vtime_*",
      "x86_virt_*",
    ],
    answer: "zero",
    why: "capabilities for guests outside of the VMX MSRs",
  },
] as const satisfies readonly FunctionRow[];
