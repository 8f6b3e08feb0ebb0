/* The context switch for x86-64 (System V ABI).
 *
 * Saved on the leaving task's stack, from high to low address:
 *
 *      return address, rbp, rbx, r12, r13, r14, r15, { mxcsr, x87 control word }
 *
 * The floating-point control state is the task's own; loading it is slow, so it is loaded only where it differs.
 *
 * The way out is a return where the two tasks left from the same place: the processor predicts it, and those of the callers
 * behind it, which a jump would put out by one. From different places a return would be predicted wrong for certain; a jump
 * is predicted by where it went the last times. No shadow-stack property is noted, so the loader leaves shadow stacks off; the
 * branch targets are marked.
 */
        .text

/* int context_switch(void **save, void *load, int answer): leaves the running context in *save and enters `load`, where
 * `answer` is returned. */
        .globl  context_switch
        .hidden context_switch
        .type   context_switch, @function
        .p2align 4
context_switch:
        .cfi_startproc
        endbr64
        movq    (%rsp), %r8
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        .cfi_remember_state
        stmxcsr (%rsp)
        fnstcw  4(%rsp)
        movq    %rsp, (%rdi)
        movl    (%rsp), %eax
        movzwl  4(%rsp), %ecx
        movq    %rsi, %rsp
        cmpl    %eax, (%rsp)
        jne     4f
1:      cmpw    %cx, 4(%rsp)
        jne     5f
2:      addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        movl    %edx, %eax
        cmpq    %r8, (%rsp)
        jne     3f
        ret
3:      popq    %rcx
        .cfi_adjust_cfa_offset -8
        .cfi_register %rip, %rcx
        notrack jmp *%rcx
        .cfi_restore_state
4:      ldmxcsr (%rsp)
        jmp     1b
5:      fldcw   4(%rsp)
        jmp     2b
        .cfi_endproc
        .size   context_switch, . - context_switch

/* Where a new context starts: r12 holds the argument, r13 the function, which never returns. Unwinders end here: the
 * return address is undefined and the frame pointer is zero. */
        .globl  context_entry
        .hidden context_entry
        .type   context_entry, @function
        .p2align 4
context_entry:
        .cfi_startproc
        .cfi_undefined %rip
        endbr64
        xorl    %ebp, %ebp
        movq    %r12, %rdi
        call    *%r13
        ud2
        .cfi_endproc
        .size   context_entry, . - context_entry

        .section .note.GNU-stack, "", @progbits
