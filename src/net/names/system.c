/* See system.h. The pool has a few threads and is apart from the general one: slow name servers must not hold up files. A
 * look-up that nobody waits for any more goes on there and frees itself. */
#include "net/names/system.h"

#include <errno.h>
#include <netdb.h>

#include "base/memory.h"
#include "base/text.h"
#include "sched/sched.h"
#include "wharf/names.h"

enum { HOST_SIZE = 256 };

/* A look-up under way: belongs to the pool's thread while it runs. */
struct look_up {
    struct job job;
    char host[HOST_SIZE];
    int family;
    int error; /* EAI_* */
    int count;
    struct address addresses[WHARF_ADDRESSES_MAX];
};

/* Keeps the order that getaddrinfo chose and leaves repetitions out. */
static void look_up_keep(struct look_up *look_up, const struct addrinfo *found) {
    struct address address = {.len = found->ai_addrlen};
    if (look_up->count == WHARF_ADDRESSES_MAX || found->ai_addrlen > sizeof(address.storage) ||
        (found->ai_family != AF_INET && found->ai_family != AF_INET6)) {
        return;
    }
    memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    for (int i = 0; i < look_up->count; i++) {
        const struct address *other = &look_up->addresses[i];
        if (other->len == address.len && memcmp(&other->storage, &address.storage, address.len) == 0) {
            return;
        }
    }
    look_up->addresses[look_up->count++] = address;
}

static void look_up_run(struct job *job) {
    struct look_up *look_up = (struct look_up *)(void *)job;
    struct addrinfo hints = {.ai_family = look_up->family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    look_up->error = getaddrinfo(look_up->host, NULL, &hints, &found);
    if (look_up->error != 0) {
        return;
    }
    for (const struct addrinfo *each = found; each != NULL; each = each->ai_next) {
        look_up_keep(look_up, each);
    }
    freeaddrinfo(found);
}

static void look_up_drop(struct job *job) {
    mem_free(job);
}

static int code_of(int error) {
    switch (error) {
    case 0: return 0;
    case EAI_MEMORY: return -ENOMEM;
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY: return -WHARF_ENAME;
    default: return -WHARF_ENAMESERVER;
    }
}

int system_resolve(wharf_str host, int family, struct address *out, int max, const char **ret_words) {
    struct look_up *look_up = mem_zalloc(sizeof(*look_up));
    if (look_up == NULL) {
        return -ENOMEM;
    }
    look_up->job.run = look_up_run;
    look_up->job.drop = look_up_drop;
    look_up->family = family;
    (void)str_copy_to(look_up->host, sizeof(look_up->host), host);
    int rc = pool_run(POOL_NAMES, &look_up->job);
    if (rc < 0) {
        return rc;
    }
    rc = code_of(look_up->error);
    *ret_words = look_up->error != 0 ? gai_strerror(look_up->error) : "the name has no address";
    int count = look_up->count < max ? look_up->count : max;
    memcpy(out, look_up->addresses, (size_t)count * sizeof(*out));
    mem_free(look_up);
    return rc < 0 ? rc : count > 0 ? count : -WHARF_ENAME;
}
