// Prints the current VMCS as a line of JSON that `vmxlens audit` reads. Public domain.
use core::fmt::{Result, Write};

/// Every field that the CPU has: four widths, four types, and as many indices as IA32_VMX_VMCS_ENUM (0x48a) bits 9:1 say.
/// `read` is VMREAD, `None` where it fails: the CPU does not have the field.
pub fn vmcs_json(
    out: &mut impl Write,
    name: &str,
    vmcs_enum: u64,
    mut read: impl FnMut(u32) -> Option<u64>,
) -> Result {
    write!(out, "{{\"name\":\"{name}\",\"fields\":{{")?;
    let mut between = "";
    for kind in 0..16u32 {
        for index in 0..=((vmcs_enum >> 1) & 0x1ff) as u32 {
            let encoding = (kind >> 2) << 13 | (kind & 3) << 10 | index << 1;
            if let Some(value) = read(encoding) {
                write!(out, "{between}\"{encoding:#06x}\":\"{value:#x}\"")?;
                between = ",";
            }
        }
    }
    writeln!(out, "}}}}")
}
