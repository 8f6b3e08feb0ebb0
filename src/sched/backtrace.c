/* See backtrace.h. */
#include "sched/backtrace.h"

#include <dlfcn.h>
#include <elf.h>
#include <inttypes.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include "sched/internal.h"
#include "sched/sanitizer.h"

/* A frame record: the caller's frame pointer, the return address. So on both processors. */
struct frame {
    uintptr_t caller, return_address;
};

#if defined(__aarch64__)
/* Without the signature that code compiled for pointer authentication adds to a return address. */
static uintptr_t address_strip(uintptr_t address) {
    register uintptr_t link __asm__("x30") = address;
    __asm__("hint 7" : "+r"(link)); /* xpaclri */
    return link;
}
#else
static uintptr_t address_strip(uintptr_t address) {
    return address;
}
#endif

/* Stack memory is read as it is, whatever a sanitizer thinks of it. */
__attribute__((no_sanitize("address", "thread"))) SANITIZER_MEMORY_NO static struct frame frame_read(
    uintptr_t at) {
    const volatile struct frame *frame = (const volatile struct frame *)at;
    return (struct frame){frame->caller, address_strip(frame->return_address)};
}

void backtrace_walk(struct backtrace *trace, uintptr_t pc, uintptr_t at, struct stack_range range) {
    trace->count = 0;
    trace->pc[trace->count++] = pc;
    while (trace->count < BACKTRACE_MAX && at >= range.low && at % sizeof(uintptr_t) == 0 &&
           at < range.high && range.high - at >= sizeof(struct frame)) {
        struct frame frame = frame_read(at);
        if (frame.return_address == 0) {
            break;
        }
        trace->pc[trace->count++] = frame.return_address;
        if (frame.caller <= at) {
            break; /* callers stand higher, and the outermost has none */
        }
        at = frame.caller;
    }
}

void backtrace_of_context(struct backtrace *trace, const void *context, uintptr_t high) {
    struct stack_range range = {(uintptr_t)context, high};
    struct frame frame = frame_read((uintptr_t)context + CONTEXT_FRAME_OFFSET);
    backtrace_walk(trace, frame.return_address, frame.caller, range);
}

#if defined(__x86_64__)
static struct frame frame_of_signal(const ucontext_t *context) {
    return (struct frame){(uintptr_t)context->uc_mcontext.gregs[REG_RBP],
                          (uintptr_t)context->uc_mcontext.gregs[REG_RIP]};
}
#else
static struct frame frame_of_signal(const ucontext_t *context) {
    return (struct frame){context->uc_mcontext.regs[29], context->uc_mcontext.pc};
}
#endif

void backtrace_of_signal(struct backtrace *trace, const void *signal_context, struct stack_range range) {
    struct frame frame = frame_of_signal(signal_context);
    backtrace_walk(trace, frame.return_address, frame.caller, range);
}

/* What addr2line wants: the address itself where a program is not relocated. */
static uintptr_t module_offset(const Dl_info *info, uintptr_t address) {
    const ElfW(Ehdr) *header = info->dli_fbase;
    return header->e_type == ET_EXEC ? address : address - (uintptr_t)info->dli_fbase;
}

size_t backtrace_format(const struct backtrace *trace, int frame, char *out, size_t size) {
    uintptr_t pc = trace->pc[frame];
    /* A return address may lie past the end of a function whose last act was the call. */
    uintptr_t address = frame == 0 ? pc : pc - 1;
    Dl_info info;
    int len = 0;
    if (dladdr((const void *)address, &info) == 0 || info.dli_fname == NULL) {
        len = snprintf(out, size, "0x%" PRIxPTR, pc);
    } else if (info.dli_sname == NULL) {
        len = snprintf(out, size, "%s+0x%" PRIxPTR, info.dli_fname, module_offset(&info, address));
    } else {
        len = snprintf(out, size, "%s+0x%" PRIxPTR " at %s+0x%" PRIxPTR, info.dli_sname,
                       pc - (uintptr_t)info.dli_saddr, info.dli_fname, module_offset(&info, address));
    }
    return (size_t)len < size ? (size_t)len : size - 1;
}

struct stack_range backtrace_thread_stack(void) {
    struct stack_range range = {0, 0};
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        void *bottom = NULL;
        size_t size = 0;
        pthread_attr_getstack(&attributes, &bottom, &size);
        pthread_attr_destroy(&attributes);
        range = (struct stack_range){(uintptr_t)bottom, (uintptr_t)bottom + size};
    }
    return range;
}

struct stack_range task_stack(const struct sched *sched, const struct task *task) {
    if (task == &sched->main) {
        return sched->pulse.stack;
    }
    uintptr_t bottom = (uintptr_t)task->stack_bottom;
    return (struct stack_range){bottom, bottom + task->stack_size};
}

__attribute__((noinline)) void backtrace_here(const struct sched *sched, struct backtrace *trace) {
    const struct frame *own = __builtin_frame_address(0);
    struct frame frame = frame_read((uintptr_t)own);
    backtrace_walk(trace, frame.return_address, frame.caller, task_stack(sched, sched->running));
}
