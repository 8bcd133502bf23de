; Bare-metal program that tries VM entries: boots from a floppy, goes to long mode, enables VMX and executes VMLAUNCH
; for every VMCS of a batch that it reads from disk to BATCH. It reports over the debug port 0xe9, one line per fact:
;
;   M index high low       value of a capability MSR (or "M index -" when reading it faults)
;   C leaf eax ebx ecx edx CPUID
;   V number n             VMLAUNCH gave VMfailValid with VM-instruction error n (0 for VMfailInvalid)
;   X number reason qual   VM exit
;   W number field error   VMWRITE refused a field of this state
;   END
;
; All numbers are hexadecimal. A batch is: u32 magic, u32 first, u32 count, u32 sectors, then per state u32 n, u32 0 and n
; pairs u64 encoding, u64 value. An encoding with bit 31 set is a poke: the value goes to AREA plus its low 12 bits.

BATCH   equ 0x1000000
PML4    equ 0x20000
PDPT    equ 0x21000
PD      equ 0x22000            ; four pages: identity map of 4 GiB
VMXON_R equ 0x30000
VMCS_R  equ 0x31000
AREA    equ 0x3d000            ; MSR-load area of the states
LINK_OK equ 0x3a000            ; a page with the revision identifier
LINK_SH equ 0x3b000            ; the same with the shadow bit
LINK_NO equ 0x3c000            ; a page with another identifier
EMPTY   equ 0x40000            ; a page of zeros (0x38000 belongs to the BIOS's SMM handler)
STACK   equ 0x7000

        org 0x7c00
        bits 16
boot:   jmp 0:.here
.here:  cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, STACK
        mov ah, 2               ; the rest of the program: 15 sectors behind the first
        mov al, 15
        mov cx, 2
        mov dh, 0
        mov bx, 0x7e00
        int 0x13
        mov al, 0xff            ; no interrupts from the PICs
        out 0x21, al
        out 0xa1, al
        in al, 0x92
        or al, 2
        out 0x92, al
        jmp start
        times 510-($-$$) db 0
        dw 0xaa55

start:  ; page tables, written through ES: real mode reaches 64 KiB of it
        mov ax, PML4>>4
        mov es, ax
        xor di, di
        mov cx, 6*1024
        xor eax, eax
        cld
        rep stosd
        mov dword [es:0], PDPT | 3
        mov di, PDPT-PML4
        mov eax, PD | 3
        mov cx, 4
.pdpt:  mov [es:di], eax
        add eax, 0x1000
        add di, 8
        loop .pdpt
        mov di, PD-PML4
        mov eax, 0x83
        mov cx, 2048
.pd:    mov [es:di], eax
        add eax, 0x200000
        add di, 8
        loop .pd
        mov eax, cr4
        or eax, 1<<5
        mov cr4, eax
        mov eax, PML4
        mov cr3, eax
        mov ecx, 0xc0000080
        rdmsr
        or eax, (1<<8) | (1<<11) | 1
        wrmsr
        lgdt [gdtr]
        mov eax, cr0
        or eax, (1<<31) | (1<<16) | (1<<5) | 1
        mov cr0, eax
        jmp 8:long_mode

        align 8
gdt:    dq 0
        dq 0x00af9b000000ffff   ; 08 code
        dq 0x00cf93000000ffff   ; 10 data
        dq 0x0000890000000067   ; 18 TSS at 0, marked busy by LTR
        dq 0
gdt_end:
gdtr:   dw gdt_end-gdt-1
        dq gdt
idtr:   dw 16*32-1
        dq idt

        bits 64
long_mode:
        mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov fs, ax
        mov gs, ax
        mov rsp, STACK
        ; every exception goes to one handler
        mov rdi, idt
        mov ecx, 32
.idt:   mov rax, fault
        mov [rdi], ax
        mov word [rdi+2], 8
        mov word [rdi+4], 0x8e00
        shr rax, 16
        mov [rdi+6], ax
        mov dword [rdi+8], 0
        mov dword [rdi+12], 0
        add rdi, 16
        loop .idt
        lidt [idtr]
        mov ax, 0x18
        ltr ax

        mov rdi, EMPTY
        mov ecx, 512
        xor eax, eax
        cld
        rep stosq

        ; CPUID leaves
        mov r12d, 0
        mov esi, 1
        call cpuid_line
        mov esi, 7
        call cpuid_line
        mov esi, 0xd
        call cpuid_line
        mov esi, 0x80000001
        call cpuid_line
        mov esi, 0x80000008
        call cpuid_line
        ; capability MSRs
        mov r13d, 0x480
.msr:   mov al, 'M'
        call putc
        mov rax, r13
        call hex
        mov qword [on_fault], .none
        mov ecx, r13d
        rdmsr
        mov qword [on_fault], 0
        mov r14d, eax
        mov eax, edx
        call hex
        mov eax, r14d
        call hex
        jmp .next
.none:  mov al, '-'
        call putc
.next:  call newline
        inc r13d
        cmp r13d, 0x494
        jb .msr

        ; VMX operation
        mov ecx, 0x3a
        rdmsr
        test eax, 1
        jnz .locked
        or eax, 5
        wrmsr
.locked:
        mov rax, cr4
        or rax, 1<<13
        mov cr4, rax
        mov ecx, 0x480
        rdmsr
        and eax, 0x7fffffff
        mov [VMXON_R], eax
        mov [revision], eax
        mov [LINK_OK], eax
        mov ebx, eax
        or ebx, 1<<31
        mov [LINK_SH], ebx
        not ebx
        and ebx, 0x7fffffff
        mov [LINK_NO], ebx
        mov qword [scratch], VMXON_R
        vmxon [scratch]

        mov rdi, BATCH          ; the first sector tells how many there are
        xor r8d, r8d
        mov r9d, 1
        call read_disk
        mov rbx, BATCH
        mov r9d, [rbx+12]
        dec r9d
        mov r8d, 1
        mov rdi, BATCH+512
        call read_disk
        cmp dword [rbx], 0x584d5631
        jne finish
        mov r15d, [rbx+4]       ; number of the first state
        mov r14d, [rbx+8]       ; how many
        add rbx, 16
        mov [cursor], rbx
        mov [number], r15
        mov [left], r14

next_state:
        cmp qword [left], 0
        je finish
        mov qword [scratch], VMCS_R
        vmclear [scratch]
        mov eax, [revision]
        mov [VMCS_R], eax
        vmptrld [scratch]
        mov rbx, [cursor]
        mov ecx, [rbx]
        add rbx, 8
.field: test ecx, ecx
        jz .enter
        mov rdx, [rbx]
        mov rax, [rbx+8]
        add rbx, 16
        dec ecx
        test edx, 1<<31
        jnz .poke
        vmwrite rdx, rax
        ja .field
        push rcx
        push rdx
        mov al, 'W'
        call putc
        mov rax, [number]
        call hex
        pop rdx
        mov rax, rdx
        push rdx
        call hex
        mov edx, 0x4400
        vmread rax, rdx
        call hex
        call newline
        pop rdx
        pop rcx
        jmp .field
.poke:  and edx, 0xfff
        mov [AREA+rdx], rax
        jmp .field
.enter: mov [cursor], rbx
        vmlaunch
        ; VMfail
        mov r8d, 0
        jc .invalid
        mov edx, 0x4400
        vmread r8, rdx
.invalid:
        mov al, 'V'
        call putc
        mov rax, [number]
        call hex
        mov rax, r8
        call hex
        call newline
        jmp done_state

; VM exits come here (see HOST_RIP in the batch). Whatever host state the VMCS had, go back to our own.
        align 16
vm_exit:
        mov rsp, STACK
        mov rax, 0x80010031
        mov cr0, rax
        mov rax, PML4
        mov cr3, rax
        mov rax, (1<<5) | (1<<13)
        mov cr4, rax
        mov ecx, 0xc0000080
        mov eax, (1<<11) | (1<<10) | (1<<8) | 1
        xor edx, edx
        wrmsr
        lgdt [gdtr]
        lidt [idtr]
        mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov al, 'X'
        call putc
        mov rax, [number]
        call hex
        mov edx, 0x4402
        vmread rax, rdx
        call hex
        mov edx, 0x6400
        vmread rax, rdx
        call hex
        call newline
done_state:
        inc qword [number]
        dec qword [left]
        jmp next_state

finish: mov al, 'E'
        call putc
        mov al, 'N'
        call putc
        mov al, 'D'
        call putc
        call newline
        mov dx, 0x8900          ; the emulator's power switch
        mov rsi, shutdown
.off:   mov al, [rsi]
        test al, al
        jz halt
        out dx, al
        inc rsi
        jmp .off
halt:   hlt
        jmp halt

; An exception: a planned one goes on at on_fault, any other is reported and ends the run.
fault:  mov rax, [on_fault]
        test rax, rax
        jz .bad
        mov qword [on_fault], 0
        mov rsp, STACK
        jmp rax
.bad:   mov al, 'F'
        call putc
        mov rax, [number]
        call hex
        mov rax, [rsp]
        call hex
        mov rax, [rsp+8]
        call hex
        call newline
        jmp finish

cpuid_line:
        mov al, 'C'
        call putc
        mov eax, esi
        call hex
        mov eax, esi
        xor ecx, ecx
        cmp esi, 0xd
        jne .do
        mov ecx, 1
.do:    cpuid
        push rdx
        push rcx
        push rbx
        call hex
        pop rax
        call hex
        pop rax
        call hex
        pop rax
        call hex
        jmp newline

; Reads R9 sectors from R8 on to RDI: ATA, programmed I/O, up to 128 sectors per command.
read_disk:
        cld
.more:  test r9d, r9d
        jz .done
        mov r10d, 128
        cmp r9d, r10d
        cmovb r10d, r9d
        mov dx, 0x1f6
        mov eax, r8d
        shr eax, 24
        or al, 0xe0
        out dx, al
        mov dx, 0x1f2
        mov eax, r10d
        out dx, al
        inc dx
        mov eax, r8d
        out dx, al
        inc dx
        shr eax, 8
        out dx, al
        inc dx
        shr eax, 8
        out dx, al
        mov dx, 0x1f7
        mov al, 0x20
        out dx, al
        mov r11d, r10d
.sector:
        mov dx, 0x1f7
.wait:  in al, dx
        test al, 0x80
        jnz .wait
        test al, 8
        jz .wait
        mov dx, 0x1f0
        mov ecx, 256
        rep insw
        dec r11d
        jnz .sector
        add r8d, r10d
        sub r9d, r10d
        jmp .more
.done:  ret

putc:   out 0xe9, al
        ret
newline:
        mov al, 10
        out 0xe9, al
        ret
; RAX as hexadecimal behind a blank, without leading zeros.
hex:    push rax
        push rcx
        push rdx
        mov rdx, rax
        mov al, ' '
        out 0xe9, al
        mov ecx, 60
.skip:  test ecx, ecx
        jz .digit
        mov rax, rdx
        shr rax, cl
        and eax, 15
        jnz .digit
        sub ecx, 4
        jmp .skip
.digit: mov rax, rdx
        shr rax, cl
        and eax, 15
        cmp al, 10
        jb .low
        add al, 'a'-10-'0'
.low:   add al, '0'
        out 0xe9, al
        sub ecx, 4
        jns .digit
        pop rdx
        pop rcx
        pop rax
        ret

shutdown: db "Shutdown", 0
        align 16
scratch:  dq 0
cursor:   dq 0
number:   dq 0
left:     dq 0
on_fault: dq 0
revision: dd 0
        align 16
idt:    times 16*32 db 0
        ; where the driver finds the address of the exit handler
        times 0x2000-8-($-$$) db 0
        dq vm_exit
