/* Who is let in: see guard.h, and wharf/auth.h for the public calls.
 *
 * Comparing a hash takes a processor tens of milliseconds, on purpose. So it is done on the offload pool, two at a time
 * whatever clients do, and who was let in is remembered for a while: not the password but two keyed hashes of it. */
#include "server/guard.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"
#include "server/group.h"
#include "server/reply.h"
#include "server/users.h"
#include "wharf/auth.h"
#include "wharf/os.h"
#include "wharf/sync.h"
#include "wharf/task.h"

enum {
    CHECKS_AT_ONCE = 2,
    KNOWN_MAX = 64,
    FAILURE_MS = 1000,
    FAILURE_MS_MAX = 60000,
    TEXT_MAX = 4096,
    REALM_MAX = 200,
    CHALLENGE_SIZE = 2 * REALM_MAX + 64
};
static const int64_t KNOWN_NS = INT64_C(30) * 1000 * 1000 * 1000;

/* Somebody who was let in. Any core may write over it at any time: a mixture of two fits nobody. */
struct known {
    _Atomic uint64_t tags[2];
    _Atomic int64_t until;
};

struct guard {
    char *realm, *users_file, *user, *password;
    wharf_guard_token token;
    wharf_guard_permit permit;
    void *arg;
    int64_t failure_ms; /* 0: none */
    wharf_shared_semaphore *checks;
    struct hash_key keys[2];
    struct known *known;
};

/* ---- making ---- */

void guard_free(struct guard *guard) {
    if (guard == NULL) {
        return;
    }
    mem_free(guard->realm);
    mem_free(guard->users_file);
    mem_free(guard->user);
    if (guard->password != NULL) {
        explicit_bzero(guard->password, strlen(guard->password));
    }
    mem_free(guard->password);
    mem_free(guard->known);
    if (guard->checks != NULL) {
        wharf_shared_semaphore_unref(guard->checks);
    }
    mem_free(guard);
}

static bool keep(char **field, const char *text) {
    if (text == NULL) {
        return true;
    }
    *field = mem_strndup(text, strlen(text));
    return *field != NULL;
}

static struct guard *guard_new(const wharf_guard_options *options) {
    struct guard *guard = mem_zalloc(sizeof(*guard));
    if (guard == NULL) {
        return NULL;
    }
    guard->token = options->token;
    guard->permit = options->permit;
    guard->arg = options->arg;
    guard->failure_ms = options->failure_ms == 0 ? FAILURE_MS : options->failure_ms;
    guard->failure_ms = guard->failure_ms == WHARF_OFF ? 0 : guard->failure_ms;
    guard->checks = wharf_shared_semaphore_new(CHECKS_AT_ONCE);
    guard->known = mem_zalloc(KNOWN_MAX * sizeof(*guard->known));
    sched_random_bytes(guard->keys, sizeof(guard->keys));
    bool kept = keep(&guard->realm, options->realm != NULL ? options->realm : "Restricted") &&
                keep(&guard->users_file, options->users_file) && keep(&guard->user, options->user) &&
                keep(&guard->password, options->password);
    if (guard->checks == NULL || guard->known == NULL || !kept) {
        guard_free(guard);
        return NULL;
    }
    return guard;
}

static int options_check(const wharf_guard_options *options) {
    if ((options->user != NULL) != (options->password != NULL)) {
        return fail(-EINVAL, "auth", "user", "a user has a password, and a password a user");
    }
    if (options->users_file == NULL && options->user == NULL && options->token == NULL) {
        return fail(-EINVAL, "auth", NULL, "it lets nobody in: set users_file, user or token");
    }
    if (options->user != NULL && strchr(options->user, ':') != NULL) {
        return fail(-EINVAL, "auth", "user", "a name with a colon cannot be sent");
    }
    wharf_str realm = wharf_str_of(options->realm);
    if (realm.len > REALM_MAX || !h1_is_field_value(realm)) {
        return fail(-EINVAL, "auth", "realm", "it is text without controls, of up to %d bytes", REALM_MAX);
    }
    if (options->failure_ms < WHARF_OFF || options->failure_ms > FAILURE_MS_MAX) {
        return fail(-EINVAL, "auth", "failure_ms", "%lld is outside 1 to %d, and not WHARF_OFF",
                    (long long)options->failure_ms, FAILURE_MS_MAX);
    }
    return 0;
}

static int users_file_check(const char *path) {
    int line = 0;
    int rc = path != NULL ? users_check(path, &line) : 0;
    if (rc == -EINVAL && line > 0) {
        return fail(rc, "auth", path,
                    "line %d is no name with a bcrypt, yescrypt or SHA hash (htpasswd -B writes such)", line);
    }
    return rc < 0 ? fail(rc, "auth", path, rc == -EINVAL ? "it has no users" : NULL) : 0;
}

static int guard_set(struct wharf_group *group, const wharf_guard_options *options) {
    wharf_guard_options given = {.size = sizeof(given)};
    struct guard *guard = NULL;
    if (options != NULL) {
        memcpy(&given, options, options->size < sizeof(given) ? options->size : sizeof(given));
        int rc = options_check(&given);
        rc = rc < 0 ? rc : users_file_check(given.users_file);
        if (rc < 0) {
            return rc;
        }
        guard = guard_new(&given);
        if (guard == NULL) {
            return fail(-ENOMEM, "auth", NULL, NULL);
        }
    }
    guard_free(group->own_guard);
    group->own_guard = guard;
    group->has_guard = true;
    return 0;
}

int wharf_group_guard(wharf_group *group, const wharf_guard_options *options) {
    if (group == NULL) {
        return fail(-EINVAL, "auth", NULL, "there is no group");
    }
    int rc = server_check(group->server, "auth", group->prefix);
    rc = rc < 0 ? rc : guard_set(group, options);
    return rc < 0 ? server_failed(group->server, rc) : 0;
}

/* ---- who was let in ---- */

struct tags {
    uint64_t words[2];
};

static struct tags tags_of(const struct guard *guard, wharf_str pair) {
    return (struct tags){{hash_str(guard->keys[0], pair), hash_str(guard->keys[1], pair)}};
}

static struct known *known_at(const struct guard *guard, const struct tags *tags) {
    return &guard->known[tags->words[0] % KNOWN_MAX];
}

static bool is_remembered(const struct guard *guard, const struct tags *tags) {
    const struct known *known = known_at(guard, tags);
    return atomic_load(&known->until) > sched_now() && atomic_load(&known->tags[0]) == tags->words[0] &&
           atomic_load(&known->tags[1]) == tags->words[1];
}

static void remember(const struct guard *guard, const struct tags *tags) {
    struct known *known = known_at(guard, tags);
    atomic_store(&known->until, 0);
    atomic_store(&known->tags[0], tags->words[0]);
    atomic_store(&known->tags[1], tags->words[1]);
    atomic_store(&known->until, sched_now() + KNOWN_NS);
}

/* ---- names and passwords ---- */

/* What the pool is given, and gives back. */
struct check {
    char path[TEXT_MAX], name[USERS_NAME_MAX + 1], password[USERS_PASSWORD_MAX + 1];
    size_t name_len;
};

static int check_on_pool(void *arg) {
    struct check *check = arg;
    int rc = users_verify(check->path, (wharf_str){check->name, check->name_len}, check->password);
    explicit_bzero(check->password, sizeof(check->password));
    return rc;
}

/* Compares with the file's hash, when it is this client's turn. */
static int check_file(const struct guard *guard, wharf_str user, wharf_str password) {
    struct check check = {.name_len = user.len};
    bool fits = user.len <= USERS_NAME_MAX && password.len <= USERS_PASSWORD_MAX &&
                memchr(password.ptr, '\0', password.len) == NULL && strlen(guard->users_file) < TEXT_MAX;
    if (!fits) {
        return 0;
    }
    (void)str_copy_to(check.path, sizeof(check.path), wharf_str_of(guard->users_file));
    (void)str_copy_to(check.name, sizeof(check.name), user);
    (void)str_copy_to(check.password, sizeof(check.password), password);
    int rc = wharf_shared_semaphore_acquire(guard->checks, 1);
    if (rc == 0) {
        rc = wharf_offload(check_on_pool, &check, sizeof(check));
        wharf_shared_semaphore_release(guard->checks, 1);
    }
    explicit_bzero(check.password, sizeof(check.password));
    return rc;
}

/* 1, 0, or an error. */
static int check_password(const struct guard *guard, struct wharf_request *request, wharf_str user,
                          wharf_str password) {
    if (guard->user != NULL) {
        bool right_name = wharf_str_equal_secret(user, wharf_str_of(guard->user));
        bool right_password = wharf_str_equal_secret(password, wharf_str_of(guard->password));
        if (right_name && right_password) {
            return 1;
        }
    }
    if (guard->users_file == NULL) {
        return 0;
    }
    wharf_str pair = arena_printf(&request->arena, "%.*s:%.*s", WHARF_STR_ARG(user), WHARF_STR_ARG(password));
    if (pair.ptr == NULL) {
        return -ENOMEM;
    }
    struct tags tags = tags_of(guard, pair);
    if (is_remembered(guard, &tags)) {
        return 1;
    }
    int rc = check_file(guard, user, password);
    if (rc == 1) {
        remember(guard, &tags);
    }
    return rc;
}

/* ---- answers ---- */

/* The realm as a quoted-string. */
static size_t realm_format(const struct guard *guard, char *out) {
    size_t len = 0;
    for (const char *at = guard->realm; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            out[len++] = '\\';
        }
        out[len++] = *at;
    }
    return len;
}

static int challenge(const struct guard *guard, struct wharf_request *request, const char *reason) {
    char realm[2 * REALM_MAX + 1], text[CHALLENGE_SIZE];
    int len = (int)realm_format(guard, realm);
    int rc = 0;
    if (guard->users_file != NULL || guard->user != NULL) {
        int size = snprintf(text, sizeof(text), "Basic realm=\"%.*s\", charset=\"UTF-8\"", len, realm);
        rc = reply_field(request, STR("WWW-Authenticate"), (wharf_str){text, (size_t)size});
    }
    if (guard->token != NULL && rc == 0) {
        bool wrong = request->head.headers.count > 0 && wharf_request_bearer(request).ptr != NULL;
        int size = snprintf(text, sizeof(text), "Bearer realm=\"%.*s\"%s", len, realm,
                            wrong ? ", error=\"invalid_token\"" : "");
        rc = reply_field(request, STR("WWW-Authenticate"), (wharf_str){text, (size_t)size});
    }
    return rc < 0 ? rc : refuse(request, 401, reason);
}

/* Whoever tries many has to wait for each. */
static int refuse_wrong(const struct guard *guard, struct wharf_request *request) {
    int rc = guard->failure_ms > 0 ? wharf_sleep(guard->failure_ms) : 0;
    return rc < 0 ? rc : challenge(guard, request, "auth.wrong");
}

/* ---- the check ---- */

enum { UNSAID = 2 };

/* Who the client is: 1 and *ret_user; 0: nobody known; UNSAID: it does not say; or an error. */
static int identify(const struct guard *guard, struct wharf_request *request, wharf_str *ret_user) {
    wharf_str user, password;
    if (guard->token != NULL) {
        wharf_str token = wharf_request_bearer(request);
        if (token.ptr != NULL) {
            int rc = guard->token(request, token, ret_user, guard->arg);
            return rc > 0 ? 1 : rc;
        }
    }
    if (guard->users_file == NULL && guard->user == NULL) {
        return UNSAID;
    }
    int rc = wharf_request_basic(request, &user, &password);
    if (rc < 0) {
        return rc == -EINVAL ? 0 : rc == -ENOENT ? UNSAID : rc;
    }
    rc = check_password(guard, request, user, password);
    if (rc == 1) {
        *ret_user = user;
    }
    return rc;
}

int guard_check(const struct guard *guard, struct wharf_request *request) {
    wharf_str user = {NULL, 0};
    int rc = identify(guard, request, &user);
    if (rc == UNSAID) {
        return challenge(guard, request, "auth.missing");
    }
    if (rc <= 0) {
        return rc == 0 ? refuse_wrong(guard, request) : rc;
    }
    request->user = user;
    if (guard->permit != NULL && !guard->permit(request, user, guard->arg)) {
        return refuse(request, 403, "auth.denied");
    }
    return GUARD_PASSED;
}

wharf_str wharf_request_user(const wharf_request *request) {
    return request->user;
}

int wharf_request_set_user(wharf_request *request, wharf_str user) {
    wharf_str copy = arena_copy(&request->arena, user.len > 0 ? user.ptr : "", user.len);
    if (copy.ptr == NULL) {
        return -ENOMEM;
    }
    request->user = copy;
    return 0;
}
