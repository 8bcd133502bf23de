/*
 * A small module of our own for tests, with the names that vmxlens looks for in kvm-intel.ko, and one of everything that
 * it does for a module. See README.md for how it is built.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef _Bool bool;

struct nested_vmx_msrs {
  u32 pinbased_ctls_low;
  u32 pinbased_ctls_high;
  u64 basic;
};

struct vmcs_config {
  u64 basic;
  u32 pin_based_exec_ctrl;
  u32 cpu_based_exec_ctrl;
  u32 cpu_based_2nd_exec_ctrl;
  struct nested_vmx_msrs nested;
} vmcs_config;

struct vmx_capability {
  u32 ept;
  u32 vpid;
} vmx_capability;

struct pv_cpu_ops {
  void (*io_delay)(void);
  u64 (*read_msr)(u32 msr);
  u64 (*read_msr_safe)(u32 msr, int *err);
};
extern struct { struct pv_cpu_ops cpu; } pv_ops;

struct kernel_param {
  const char *name;
  void *mod;
  const void *ops;
  u16 perm;
  signed char level;
  u8 flags;
  void *arg;
};
extern const char param_ops_bool[], param_ops_uint[];

extern int _printk(const char *format, ...);
extern void *__kmalloc(u64 size, u32 flags);
extern void kfree(const void *);
extern void static_key_enable(void *);
extern int smp_call_function_single(int cpu, void (*func)(void *), void *info, int wait);
extern u64 nobody_knows_this(void);

#define INFO(name, text) \
  static const char info_##name[] __attribute__((section(".modinfo"), used)) = #name "=" text
INFO(name, "kvm_intel");
INFO(vermagic, "6.12.0-tiny SMP mod_unload");
INFO(license, "MIT");

static bool enable_pml = 1;
static u32 ple_gap = 128;
static bool nested = 1;
#define PARAM(field, variable, kind)                                                                                 \
  static struct kernel_param param_##field __attribute__((section("__param"), used, aligned(8))) = {                 \
      #field, 0, kind, 0444, -1, 0, &variable}
PARAM(pml, enable_pml, param_ops_bool);
PARAM(ple_gap, ple_gap, param_ops_uint);
PARAM(nested, nested, param_ops_bool);

/* A key as the kernel has them: a count, and jumps that look at it through __jump_table. */
static int key;
static inline __attribute__((always_inline)) bool key_is_on(void) {
  asm goto("1: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"
           ".pushsection __jump_table, \"aw\"\n"
           ".balign 8\n"
           ".long 1b - ., %l[yes] - .\n"
           ".quad %c0 - .\n"
           ".popsection"
           :
           : "i"(&key)
           :
           : yes);
  return 0;
yes:
  return 1;
}

#define WARN(flags)                                                                                                   \
  asm volatile("1: ud2\n"                                                                                             \
               ".pushsection __bug_table, \"aw\"\n"                                                                   \
               ".long 1b - .\n"                                                                                       \
               ".word 0, " #flags "\n"                                                                                \
               ".popsection")

/* RDMSR in place, with a row of __ex_table: kind 11, error in the register numbered 6. */
static inline u64 rdmsr_safe(u32 msr, int *error) {
  u32 low, high;
  register int err asm("rsi") = 0;
  asm volatile("1: rdmsr\n2:\n"
               ".pushsection __ex_table, \"a\"\n"
               ".balign 4\n"
               ".long 1b - ., 2b - ., 0x60b\n"
               ".popsection"
               : "=a"(low), "=d"(high), "+r"(err)
               : "c"(msr));
  *error = err;
  return low | (u64)high << 32;
}

static void count(void *info) { ++*(u32 *)info; }

static __attribute__((noinline)) int setup_vmcs_config(struct vmcs_config *config) {
  u64 pin = pv_ops.cpu.read_msr(0x481);
  u32 high = pin >> 32;
  u32 want = 0x29;
  if ((want & high) != 1 && !(high & 1)) return -5;
  config->pin_based_exec_ctrl = (want & high) | (u32)pin;
  u32 cpu = pv_ops.cpu.read_msr(0x482) >> 32;
  if (cpu & 0x80000000u) {
    int error;
    u64 second = pv_ops.cpu.read_msr_safe(0x48b, &error);
    config->cpu_based_2nd_exec_ctrl = error ? 0 : second >> 32;
    if (!enable_pml) config->cpu_based_2nd_exec_ctrl &= ~0x20000u;
  }
  config->cpu_based_exec_ctrl = cpu;
  config->basic = pv_ops.cpu.read_msr(0x480);
  return 0;
}

int vmx_get_vmx_msr(struct nested_vmx_msrs *msrs, u32 index, u64 *data) {
  if (index == 0x480) *data = msrs->basic;
  else if (index == 0x481) *data = msrs->pinbased_ctls_low | (u64)msrs->pinbased_ctls_high << 32;
  else return 1;
  return 0;
}

int init_module(void) {
  int error;
  u32 calls = 0;
  u32 *memory = __kmalloc(64, 0x100);
  if (setup_vmcs_config(&vmcs_config) < 0) {
    _printk("\0013kvm_intel: no pin-based controls: %x\n", vmcs_config.pin_based_exec_ctrl);
    return -5;
  }
  u64 ept = rdmsr_safe(0x48c, &error);
  if (!error) {
    vmx_capability.ept = ept;
    vmx_capability.vpid = ept >> 32;
  }
  if (!(vmcs_config.cpu_based_2nd_exec_ctrl & 2) && vmx_capability.ept) WARN(0x1);
  if (!(vmcs_config.cpu_based_2nd_exec_ctrl & 0x20000)) enable_pml = 0;
  if (key_is_on()) calls += 100;
  static_key_enable(&key);
  if (key_is_on()) calls += 10;
  smp_call_function_single(0, count, &calls, 1);
  for (int i = 0; i < 16; i++) memory[i] += calls;
  vmcs_config.nested.pinbased_ctls_low = 0x16;
  vmcs_config.nested.pinbased_ctls_high = vmcs_config.pin_based_exec_ctrl | memory[15];
  vmcs_config.nested.basic = vmcs_config.basic | nobody_knows_this();
  kfree(memory);
  _printk("\0016kvm_intel: %s %d%%, gap %u\n", "ready", -(int)calls, ple_gap);
  return 0;
}
