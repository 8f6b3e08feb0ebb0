/* Names become addresses on a pool of threads, because getaddrinfo(3) blocks and because only it knows what the
 * machine's nsswitch.conf asks for (files, DNS, mDNS, LDAP). The pool is apart from the general one: slow name
 * servers must not hold up files. A look-up that nobody waits for any more goes on there and frees itself. */
#include "net/names.h"

#include <errno.h>
#include <netdb.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/text.h"
#include "sched/sched.h"

enum { HOST_SIZE = 256 };

/* A look-up under way: belongs to the pool's thread while it runs. */
struct look_up {
    struct job job;
    char host[HOST_SIZE];
    uint16_t port;
    int family;
    int error; /* EAI_* */
    int count;
    struct address addresses[NAMES_ADDRESSES_MAX];
};

/* Keeps the order that getaddrinfo chose (RFC 6724) and leaves repetitions out. */
static void look_up_keep(struct look_up *look_up, const struct addrinfo *found) {
    struct address address = {.len = found->ai_addrlen};
    if (look_up->count == NAMES_ADDRESSES_MAX || found->ai_addrlen > sizeof(address.storage) ||
        (found->ai_family != AF_INET && found->ai_family != AF_INET6)) {
        return;
    }
    memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    address_set_port(&address, look_up->port);
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

/* The job is done and the caller's again. */
static int look_up_finish(struct look_up *look_up, const char *subject, struct address *out, int max) {
    int count = look_up->count < max ? look_up->count : max;
    int error = look_up->error;
    if (error == 0) {
        memcpy(out, look_up->addresses, (size_t)count * sizeof(*out));
    }
    mem_free(look_up);
    if (error == EAI_MEMORY) {
        return fail(-ENOMEM, "resolve", subject, NULL);
    }
    if (error != 0) {
        return fail(-WHARF_ENAME, "resolve", subject, "%s", gai_strerror(error));
    }
    if (count == 0) {
        return fail(-WHARF_ENAME, "resolve", subject, "the name has no address");
    }
    return count;
}

int names_resolve(const struct address_text *text, int family, struct address *out, int max) {
    char subject[WHARF_ADDRESS_SIZE];
    address_text_format(text, subject, sizeof(subject));
    int count = address_of_text(text, family, out, max);
    if (count > 0) {
        return count;
    }
    if (count < 0) {
        return fail(count, "resolve", subject, "no address of the wanted family");
    }
    if (sched_is_simulated()) {
        return fail(-WHARF_ENAME, "resolve", subject, "the simulated network has no such name");
    }
    struct look_up *look_up = mem_zalloc(sizeof(*look_up));
    if (look_up == NULL) {
        return fail(-ENOMEM, "resolve", subject, NULL);
    }
    look_up->job.run = look_up_run;
    look_up->job.drop = look_up_drop;
    look_up->port = text->port;
    look_up->family = family;
    str_copy_to(look_up->host, sizeof(look_up->host), text->host);
    int rc = pool_run(POOL_NAMES, &look_up->job);
    if (rc < 0) {
        return fail(rc, "resolve", subject, NULL);
    }
    return look_up_finish(look_up, subject, out, max);
}
