/* What names lead to in a simulated world: hosts by their own names, and what wharf_sim_set_name() says. */
#ifndef SIM_NAMES_H
#define SIM_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct engine_name;
struct host;
struct world;

/* As the engine's look_up. */
int names_look_up(const struct host *host, const struct engine_name *question, int64_t *ret_delay_ns);
/* addresses: with spaces between; "": none; NULL: the name is forgotten. 0, -EINVAL or -ENOMEM. */
int names_set(struct world *world, const char *name, const char *addresses);
void names_free(struct world *world);

#endif
