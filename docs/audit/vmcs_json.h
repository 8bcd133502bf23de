/* Prints the current VMCS as a line of JSON that `vmxlens audit` reads. Public domain. */
#include <stdint.h>

/* Yours: VMREAD of a field into *value, 0 if it succeeds; and output of a text. */
int vmcs_json_read(uint32_t encoding, uint64_t *value);
void vmcs_json_put(const char *text);

static void vmcs_json_hex(uint64_t value) {
  char text[] = "0x0000000000000000";
  for (int at = 17; at > 1; at--, value >>= 4) text[at] = "0123456789abcdef"[value & 15];
  vmcs_json_put(text);
}

/* Every field that the CPU has: four widths, four types, and as many indices as IA32_VMX_VMCS_ENUM (0x48a) bits 9:1 say. */
static void vmcs_json(const char *name, uint64_t vmcs_enum) {
  const char *between = "";
  vmcs_json_put("{\"name\":\"");
  vmcs_json_put(name);
  vmcs_json_put("\",\"fields\":{");
  for (uint32_t kind = 0; kind < 16; kind++)
    for (uint32_t index = 0; index <= ((vmcs_enum >> 1) & 0x1ff); index++) {
      uint32_t encoding = (kind >> 2) << 13 | (kind & 3) << 10 | index << 1;
      uint64_t value;
      if (vmcs_json_read(encoding, &value) != 0) continue; /* the CPU does not have it */
      vmcs_json_put(between);
      vmcs_json_put("\"");
      vmcs_json_hex(encoding);
      vmcs_json_put("\":\"");
      vmcs_json_hex(value);
      vmcs_json_put("\"");
      between = ",";
    }
  vmcs_json_put("}}\n");
}
