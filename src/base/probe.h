/* Places that a tracer may look at while the program runs: bpftrace, perf, gdb and SystemTap know them as the USDT probes of
 * the provider `wharf`, and wharf_debug(3) lists them. Each is one nop, and a note in the file that says where it is and how to
 * read its arguments there:
 *
 *      .note.stapsdt   "stapsdt", type 3: address of the nop, of .stapsdt.base, of a semaphore (none),
 *                      "wharf", "task__end", "8@%rbx -4@%eax"         size (negative: signed) and place of each argument
 *
 * An argument is what is at hand anyway, in a register or in memory: a probe must not compute. The notes are written here and
 * not by <sys/sdt.h>, whose text the compiler takes for as many instructions as it has lines, and then no longer inlines what
 * holds a probe; `asm inline` says that it is short. The base is how tools see that addresses were moved after linking.
 */
#ifndef BASE_PROBE_H
#define BASE_PROBE_H

/* Where an argument may be. clang would copy all of them to memory if it could. */
#ifdef __clang__
#    define PROBE_PLACES "nr"
#else
#    define PROBE_PLACES "nor"
#endif

/* Two operands: the argument, and its size. */
#define PROBE_SIZE(x)     _Generic((x), int : -4, long : -8, default : (int)sizeof(x))
#define PROBE_ARGUMENT(x) PROBE_PLACES(x), "n"(PROBE_SIZE(x))

#define PROBE_HERE(name, places, ...)                                                       \
    __asm__ inline volatile(                                                                \
        "990:    nop\n"                                                                     \
        "        .pushsection .note.stapsdt, \"?\", \"note\"\n"                             \
        "        .balign 4\n"                                                               \
        "        .4byte  992f - 991f, 994f - 993f, 3\n"                                     \
        "991:    .asciz  \"stapsdt\"\n"                                                     \
        "992:    .balign 4\n"                                                               \
        "993:    .8byte  990b, _.stapsdt.base, 0\n"                                         \
        "        .asciz  \"wharf\"\n"                                                       \
        "        .asciz  \"" #name "\"\n"                                                   \
        "        .asciz  \"" places "\"\n"                                                  \
        "994:    .balign 4\n"                                                               \
        "        .popsection\n"                                                             \
        "        .ifndef _.stapsdt.base\n"                                                  \
        "        .pushsection .stapsdt.base, \"aG\", \"progbits\", .stapsdt.base, comdat\n" \
        "        .weak   _.stapsdt.base\n"                                                  \
        "        .hidden _.stapsdt.base\n"                                                  \
        "_.stapsdt.base:\n"                                                                 \
        "        .space  1\n"                                                               \
        "        .size   _.stapsdt.base, 1\n"                                               \
        "        .popsection\n"                                                             \
        "        .endif\n"                                                                  \
        :                                                                                   \
        : __VA_ARGS__)

#define PROBE2(name, a, b) PROBE_HERE(name, "%c1@%0 %c3@%2", PROBE_ARGUMENT(a), PROBE_ARGUMENT(b))
#define PROBE3(name, a, b, c) \
    PROBE_HERE(name, "%c1@%0 %c3@%2 %c5@%4", PROBE_ARGUMENT(a), PROBE_ARGUMENT(b), PROBE_ARGUMENT(c))
#define PROBE5(name, a, b, c, d, e)                                                              \
    PROBE_HERE(name, "%c1@%0 %c3@%2 %c5@%4 %c7@%6 %c9@%8", PROBE_ARGUMENT(a), PROBE_ARGUMENT(b), \
               PROBE_ARGUMENT(c), PROBE_ARGUMENT(d), PROBE_ARGUMENT(e))

#endif
