/* What the compiler cannot know: which code every message runs, and which hardly any does. */
#ifndef BASE_COMPILER_H
#define BASE_COMPILER_H

/* A step of one caller, or of few, on the way of every message: to call it would cost as much as to do it. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))
/* Not on that way: kept out of line, and what leads to it is laid out apart. */
#define COLD __attribute__((cold, noinline))

/* For conditions on that way whose usual side the compiler guesses wrong. */
#define LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#endif
