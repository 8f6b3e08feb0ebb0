/* Names of the simulated world. They are known at once: a name server of its own kind is a program on a host. */
#include "sim/names.h"

#include <errno.h>
#include <string.h>

#include "base/idna.h"
#include "base/memory.h"
#include "base/text.h"
#include "sched/engine.h"
#include "sim/host.h"

struct name {
    struct name *next;
    size_t count;
    struct place addresses[HOST_ADDRESSES_MAX];
    size_t len;
    char text[];
};

/* Without the dot that says that it is complete. */
static wharf_str name_trim(const char *name) {
    wharf_str text = wharf_str_of(name);
    if (text.len > 1 && text.ptr[text.len - 1] == '.') {
        text.len--;
    }
    return text;
}

static struct name **name_find(struct world *world, wharf_str wanted) {
    struct name **at = &world->names;
    while (*at != NULL && !str_equal_nocase((wharf_str){(*at)->text, (*at)->len}, wanted)) {
        at = &(*at)->next;
    }
    return at;
}

static void name_forget(struct name **at) {
    struct name *name = *at;
    if (name != NULL) {
        *at = name->next;
        mem_free(name);
    }
}

/* Whether a host's name is the wanted one, which is in ASCII. */
static bool is_name_of(const struct host *host, wharf_str wanted) {
    char ascii[IDNA_HOST_SIZE];
    struct idna_error error;
    return idna_host(wharf_str_of(host->name), ascii, &error) == 0 &&
           str_equal_nocase(wharf_str_of(ascii), wanted);
}

int names_set(struct world *world, const char *name, const char *addresses) {
    char ascii[IDNA_HOST_SIZE];
    struct idna_error error;
    int rc = idna_host(name_trim(name), ascii, &error);
    if (rc < 0) {
        return rc;
    }
    wharf_str text = wharf_str_of(ascii);
    if (text.len == 0) {
        return -EINVAL;
    }
    if (addresses == NULL) {
        name_forget(name_find(world, text));
        return 0;
    }
    struct name *made = mem_zalloc(sizeof(*made) + text.len);
    if (made == NULL) {
        return -ENOMEM;
    }
    int count = places_parse(addresses, made->addresses, HOST_ADDRESSES_MAX);
    if (count < 0) {
        mem_free(made);
        return count;
    }
    made->count = (size_t)count;
    made->len = text.len;
    memcpy(made->text, text.ptr, text.len);
    name_forget(name_find(world, text));
    made->next = world->names;
    world->names = made;
    return 0;
}

void names_free(struct world *world) {
    while (world->names != NULL) {
        name_forget(&world->names);
    }
}

/* ---- answers ---- */

static int answer(const struct engine_name *question, const struct place *addresses, size_t count) {
    int given = 0;
    for (size_t i = 0; i < count && given < question->max; i++) {
        int family = place_is_v4(&addresses[i]) ? AF_INET : AF_INET6;
        socklen_t len = 0;
        if (question->family == AF_UNSPEC || question->family == family) {
            place_to_address(&addresses[i], family, &question->addresses[given], &len);
            given++;
        }
    }
    return given > 0 ? given : -WHARF_ENAME;
}

int names_look_up(const struct host *host, const struct engine_name *question, int64_t *ret_delay_ns) {
    struct world *world = host->world;
    *ret_delay_ns = host->slow_names_until > world->now ? host->slow_names_ns : 0;
    if (host->bad_names_until > world->now) {
        return -WHARF_ENAME;
    }
    wharf_str wanted = name_trim(question->host);
    const struct name *name = *name_find(world, wanted);
    if (name != NULL) {
        return answer(question, name->addresses, name->count);
    }
    for (const struct host *each = world->first; each != NULL; each = each->next) {
        if (is_name_of(each, wanted)) {
            return answer(question, each->addresses, each->address_count);
        }
    }
    return 0;
}
