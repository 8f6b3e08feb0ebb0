/* The context switch for AArch64 (AAPCS64).
 *
 * Saved on the leaving task's stack: x19 to x30, d8 to d15, fpcr. The branch targets are marked for BTI.
 */
        .text

/* int context_switch(void **save, void *load, int answer): leaves the running context in *save and enters `load`, where
 * `answer` is returned. */
        .globl  context_switch
        .hidden context_switch
        .type   context_switch, %function
        .p2align 4
context_switch:
        .cfi_startproc
        hint    #34                     /* bti c */
        sub     sp, sp, #176
        .cfi_adjust_cfa_offset 176
        stp     x19, x20, [sp, #0]
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        stp     x25, x26, [sp, #48]
        stp     x27, x28, [sp, #64]
        stp     x29, x30, [sp, #80]
        .cfi_rel_offset x29, 80
        .cfi_rel_offset x30, 88
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        mrs     x9, fpcr
        str     x9, [sp, #160]
        mov     x10, sp
        str     x10, [x0]
        mov     sp, x1
        ldr     x11, [sp, #160]
        cmp     x9, x11
        b.eq    1f
        msr     fpcr, x11
1:      ldp     x19, x20, [sp, #0]
        ldp     x21, x22, [sp, #16]
        ldp     x23, x24, [sp, #32]
        ldp     x25, x26, [sp, #48]
        ldp     x27, x28, [sp, #64]
        ldp     x29, x30, [sp, #80]
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        add     sp, sp, #176
        .cfi_adjust_cfa_offset -176
        .cfi_restore x29
        .cfi_restore x30
        mov     w0, w2
        ret
        .cfi_endproc
        .size   context_switch, . - context_switch

/* Where a new context starts: x19 holds the argument, x20 the function, which never returns. Unwinders end here. */
        .globl  context_entry
        .hidden context_entry
        .type   context_entry, %function
        .p2align 4
context_entry:
        .cfi_startproc
        .cfi_undefined x30
        hint    #36                     /* bti j */
        mov     x29, #0
        mov     x30, #0
        mov     x0, x19
        blr     x20
        brk     #1
        .cfi_endproc
        .size   context_entry, . - context_entry

        .section .note.GNU-stack, "", %progbits
