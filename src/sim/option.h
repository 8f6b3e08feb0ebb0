/* Socket options: a table of those that are known, with the kernel's defaults, and a value of each per socket.
 * They are kept and given back; only IPV6_V6ONLY changes what the simulated socket does. */
#ifndef SIM_OPTION_H
#define SIM_OPTION_H

#include <stdint.h>

enum { OPTION_COUNT = 47 };

struct option_values {
    int64_t value[OPTION_COUNT];
};

void option_init(struct option_values *options);
/* 0, or -ENOPROTOOPT for one that is not in the table or cannot be set. */
int option_set(struct option_values *options, int level, int option, int64_t value);
int option_get(const struct option_values *options, int level, int option, int64_t *ret_value);

#endif
