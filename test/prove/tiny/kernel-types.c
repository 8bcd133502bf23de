/*
 * The types of a kernel (its BTF), for tests: the same names as the kernel's, our own layouts. See README.md.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

struct cpuinfo_x86 {
  u8 x86_vendor;
  u8 x86;
  u8 x86_model;
  u8 x86_stepping;
  u32 vmx_capability[3];
  u8 x86_phys_bits;
  u8 x86_virt_bits;
  int cpuid_level;
  u32 x86_capability[22];
};

struct kernel_param_ops {
  unsigned int flags;
  int (*set)(const char *val, const void *kp);
  int (*get)(char *buffer, const void *kp);
};

struct kernel_param {
  const char *name;
  void *mod;
  const struct kernel_param_ops *ops;
  u16 perm;
  signed char level;
  u8 flags;
  void *arg;
};

struct bug_entry {
  int bug_addr_disp;
  u16 line;
  u16 flags;
};

struct pv_cpu_ops {
  void (*io_delay)(void);
  u64 (*read_msr)(u32 msr);
  u64 (*read_msr_safe)(u32 msr, int *err);
};

struct paravirt_patch_template {
  struct pv_cpu_ops cpu;
};

struct cpuinfo_x86 boot_cpu_data;
struct kernel_param_ops param_ops_bool;
struct kernel_param param;
struct bug_entry bug;
struct paravirt_patch_template pv_ops;
