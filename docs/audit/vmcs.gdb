# In a debugger of the hypervisor: vmcs12-json VARIABLE prints a structure of VMCS fields as `vmxlens audit` reads it.
define vmcs12-json
  set print pretty on
  set height 0
  output/x *$arg0
  echo \n
end
document vmcs12-json
Print a structure with VMCS fields in hexadecimal, for vmxlens audit: vmcs12-json get_vmcs12(vcpu)
end
