/* All of them. */
#include "storm.h"

const struct storm *const storms[] = {
    &http_storm,    &http_memory_storm, &stop_storm,    &net_storm, &net_memory_storm,
    &channel_storm, &lock_storm,        &example_storm, NULL,
};
