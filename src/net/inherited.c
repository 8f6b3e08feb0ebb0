/* See inherited.h. Each descriptor is given away once: afterwards its number may stand for something else. */
#include "net/inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/number.h"
#include "base/text.h"
#include "sched/engine.h"
#include "sched/sched.h"

enum { FIRST_FD = 3, PASSED_MAX = 256 };

static atomic_bool taken[PASSED_MAX];

bool inherited_is_named(const struct address_text *text) {
    return text->kind == ADDRESS_FD || text->kind == ADDRESS_SYSTEMD;
}

/* How many descriptors the service manager passed to this process: 0 when it passed them to another. */
static int count_passed(void) {
    const char *pid = getenv("LISTEN_PID");
    const char *fds = getenv("LISTEN_FDS");
    uint64_t for_whom = 0;
    uint64_t count = 0;
    bool valid = pid != NULL && fds != NULL && number_parse(wharf_str_of(pid), INT32_MAX, &for_whom) == 0 &&
                 number_parse(wharf_str_of(fds), PASSED_MAX, &count) == 0;
    return valid && for_whom == (uint64_t)getpid() ? (int)count : 0;
}

/* The n-th of names that are divided by colons; without names all are called "unknown", as by sd_listen_fds_with_names(3). */
static wharf_str name_of(int n) {
    const char *names = getenv("LISTEN_FDNAMES");
    if (names == NULL) {
        return STR("unknown");
    }
    wharf_str rest = wharf_str_of(names);
    for (int i = 0;; i++) {
        ssize_t colon = str_find_byte(rest, ':');
        wharf_str name = colon < 0 ? rest : str_slice(rest, 0, (size_t)colon);
        if (i == n) {
            return name;
        }
        if (colon < 0) {
            return STR("");
        }
        rest = str_slice(rest, (size_t)colon + 1, rest.len);
    }
}

static int unnamed_fail(const struct address_text *text, const char *phase, int passed) {
    char subject[WHARF_ADDRESS_SIZE];
    address_text_format(text, subject, sizeof(subject));
    if (passed == 0) {
        return fail(-ENOENT, phase, subject, "the service manager passed no sockets to this process");
    }
    const char *names = getenv("LISTEN_FDNAMES");
    return fail(-ENOENT, phase, subject, "the service manager passed %d, called %s", passed,
                names != NULL ? names : "unknown");
}

/* The numbers that the text names; nothing happens to them. How many, or an error (recorded). */
static int find(const struct address_text *text, const char *phase, int *ret_fds, int max) {
    char subject[WHARF_ADDRESS_SIZE];
    address_text_format(text, subject, sizeof(subject));
    if (sched_is_simulated()) {
        return fail(-EOPNOTSUPP, phase, subject, "the simulated network has no sockets from outside");
    }
    if (text->kind == ADDRESS_FD) {
        ret_fds[0] = text->descriptor;
        return 1;
    }
    int passed = count_passed();
    int named = 0;
    int count = 0;
    for (int i = 0; i < passed; i++) {
        bool match = wharf_str_equal(name_of(i), text->host);
        named += match;
        if (match && !atomic_load(&taken[i]) && count < max) {
            ret_fds[count++] = FIRST_FD + i;
        }
    }
    if (named > 0 && count == 0) {
        return fail(-EBUSY, phase, subject, "the program has taken it before");
    }
    return count > 0 ? count : unnamed_fail(text, phase, passed);
}

int inherited_take(const struct address_text *text, const char *phase, int *ret_fds, int max) {
    char subject[WHARF_ADDRESS_SIZE];
    int count = find(text, phase, ret_fds, max);
    for (int i = 0; i < count; i++) {
        int place = ret_fds[i] - FIRST_FD;
        struct descriptor found;
        int rc = descriptor_inspect(ret_fds[i], &found);
        rc = rc == 0 ? descriptor_unblock(ret_fds[i]) : rc;
        if (rc < 0) {
            address_text_format(text, subject, sizeof(subject));
            return fail(rc, phase, subject, "descriptor %d", ret_fds[i]);
        }
        if (text->kind == ADDRESS_SYSTEMD) {
            atomic_store(&taken[place], true);
        }
    }
    return count;
}

int inherited_type(const struct address_text *text, const char *phase) {
    int fd = -1;
    struct descriptor found = {0};
    int rc = find(text, phase, &fd, 1);
    if (rc < 0) {
        return rc;
    }
    rc = descriptor_inspect(fd, &found);
    if (rc < 0) {
        char subject[WHARF_ADDRESS_SIZE];
        address_text_format(text, subject, sizeof(subject));
        return fail(rc, phase, subject, "descriptor %d", fd);
    }
    return (int)found.type;
}
