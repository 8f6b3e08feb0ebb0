/* What the compiler cannot know: which code every message runs, and which hardly any does. */
#ifndef BASE_COMPILER_H
#define BASE_COMPILER_H

/* A step of one caller, or of few, on the way of every message: to call it would cost as much as to do it. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))
/* Not on that way: kept out of line, and what leads to it is laid out apart. */
#define COLD __attribute__((cold, noinline))

#endif
