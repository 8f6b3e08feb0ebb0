/* See resolve.h. The questions for A and AAAA are asked by two tasks at once; the caller goes on as RFC 8305 section 3 says:
 * with the first IPv6 addresses that come, or 50 ms (a setting) after the first IPv4 ones. */
#include "net/names/resolve.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/failure.h"
#include "base/probe.h"
#include "base/text.h"
#include "net/names/hosts.h"
#include "net/names/nsswitch.h"
#include "net/names/system.h"
#include "sched/engine.h"
#include "sched/sched.h"

enum { HALF_AAAA, HALF_A };

/* ---- failures ---- */

static int search_fail(const struct names_search *search, int code, const char *detail) {
    char subject[WHARF_ADDRESS_SIZE];
    address_text_describe(search->text, subject, sizeof(subject));
    return fail(code, "resolve", subject, detail != NULL ? "%s" : NULL, detail);
}

/* Which of two ends of the same question says more: an answer about the name, rather than no answer. */
static const struct names_half *telling_half(const struct names_search *search) {
    const struct names_half *aaaa = &search->halves[HALF_AAAA];
    const struct names_half *a = &search->halves[HALF_A];
    if (!a->asked || !aaaa->asked) {
        return a->asked ? a : aaaa;
    }
    return a->rc != 0 ? a : aaaa->rc != 0 ? aaaa : a;
}

/* A deadline or a cancellation came first: who had not answered by then. */
static int cut_short(const struct names_search *search, int code) {
    char server[WHARF_ADDRESS_SIZE] = "";
    char detail[FAILURE_DETAIL_SIZE + WHARF_ADDRESS_SIZE + 64]; /* the failure keeps as much as fits */
    const struct names_half *half = &search->halves[search->halves[HALF_A].asked ? HALF_A : HALF_AAAA];
    const struct address *asked = &half->question.server;
    address_format(&asked->any, asked->len, server);
    const char *said = half->question.said.text;
    (void)snprintf(detail, sizeof(detail), "no answer yet from %s%s%s", server,
                   said[0] != '\0' ? ", before: " : "", said);
    return search_fail(search, code, detail);
}

/* What the servers said about a name without addresses. */
static int half_fail(const struct names_search *search, const struct names_half *half) {
    char server[WHARF_ADDRESS_SIZE] = "";
    char detail[FAILURE_DETAIL_SIZE];
    const struct question *question = &half->question;
    if (half->rc == -ETIMEDOUT || half->rc == -ECANCELED) {
        return cut_short(search, half->rc);
    }
    if (half->rc == -WHARF_ENAMESERVER) {
        return search_fail(search, half->rc,
                           question->said.text[0] != '\0' ? question->said.text : "no name server is known");
    }
    if (half->rc < 0 && half->rc != -WHARF_ENAME) {
        return search_fail(search, half->rc,
                           half->rc == -WHARF_EADDRESS ? "no name that DNS can carry" : NULL);
    }
    address_format(&question->server.any, question->server.len, server);
    bool no_name = question->rcode == DNS_NXDOMAIN;
    (void)snprintf(detail, sizeof(detail), "%s says that %s", server,
                   no_name ? "there is no such name (NXDOMAIN)" : "the name has no address");
    return search_fail(search, -WHARF_ENAME, detail);
}

/* ---- candidates ---- */

static bool is_found(const struct names_search *search, const struct address *address) {
    for (int i = 0; i < search->count; i++) {
        const struct address *other = &search->found[i].address;
        if (other->len == address->len && memcmp(&other->storage, &address->storage, address->len) == 0) {
            return true;
        }
    }
    return false;
}

static void search_add(struct names_search *search, const struct address *address) {
    struct address with_port = *address;
    address_set_port(&with_port, search->text->port);
    bool wanted = search->family == AF_UNSPEC || address->any.sa_family == search->family;
    if (!wanted || search->count == NAMES_ADDRESSES_MAX || is_found(search, &with_port)) {
        return;
    }
    search->found[search->count] = (struct candidate){.address = with_port, .number = search->count};
    search->count++;
}

static void search_add_all(struct names_search *search, const struct address *addresses, int count) {
    int before = search->count;
    for (int i = 0; i < count; i++) {
        search_add(search, &addresses[i]);
    }
    for (int i = before; i < search->count && search->count > 1; i++) {
        candidate_find_source(&search->found[i]);
    }
    if (before == 1 && search->count > 1) {
        candidate_find_source(&search->found[0]);
    }
    candidates_sort(search->found, search->count);
}

/* ---- asking name servers ---- */

static int half_run(void *arg) {
    struct names_half *half = *(struct names_half **)arg;
    struct names_search *search = half->search;
    struct address addresses[NAMES_ADDRESSES_MAX];
    struct question *question = &half->question;
    half->rc = question_run(question);
    if (half->rc == 0) {
        half->rc = dns_addresses(question->message, question->name, question->type, addresses,
                                 NAMES_ADDRESSES_MAX);
        if (half->rc == -WHARF_EPROTOCOL) {
            question->outcome = QUESTION_MALFORMED;
            failure_list_add(&question->said, "the answer is malformed");
            half->rc = -WHARF_ENAMESERVER;
        }
    }
    question_deinit(question);
    if (half->rc > 0) {
        search_add_all(search, addresses, half->rc);
    }
    half->done = true;
    search->pending--;
    if (search->waiter != NULL) {
        op_wake(search->waiter);
    }
    return 0; /* whatever it was, it is no reason to end the other half */
}

static int half_start(struct names_search *search, int number) {
    struct names_half *half = &search->halves[number];
    *half = (struct names_half){.search = search, .asked = true};
    half->question.settings = search->settings;
    half->question.name = search->name;
    half->question.type = number == HALF_A ? DNS_A : DNS_AAAA;
    wharf_task_options options = {.size = sizeof(options),
                                  .name = number == HALF_A ? "resolve A" : "resolve AAAA"};
    int rc = wharf_spawn_detached(&search->scope, half_run, &half, sizeof(half), &options);
    if (rc < 0) {
        half->asked = false;
        return rc;
    }
    search->pending++;
    return 0;
}

/* Whether there is something to begin with: see the top. */
static bool is_enough(struct names_search *search, struct op *op) {
    const struct names_half *aaaa = &search->halves[HALF_AAAA];
    if (search->pending == 0) {
        return true;
    }
    if (search->count == 0) {
        return false;
    }
    if (!aaaa->asked || aaaa->done) {
        return true;
    }
    int64_t now = sched_clock();
    if (search->wait_until == 0) {
        search->wait_until = now + search->settings->options.resolution_delay_ns;
    }
    op->wake_at = search->wait_until;
    return now >= search->wait_until;
}

struct search_op {
    struct op op;
    struct names_search *search;
    bool all;
};

static int64_t attempt_search(struct op *op) {
    struct search_op *wait = (struct search_op *)op;
    bool enough = wait->all ? wait->search->pending == 0 : is_enough(wait->search, op);
    return enough ? 0 : -EAGAIN;
}

static int start_search(struct op *op) {
    ((struct search_op *)op)->search->waiter = op;
    return 0;
}

static void cancel_search(struct op *op) {
    ((struct search_op *)op)->search->waiter = NULL;
}

static const struct op_kind search_kind = {"resolve", attempt_search, start_search, cancel_search};

static int search_wait(struct names_search *search, bool all) {
    struct search_op wait = {.search = search, .all = all};
    op_init(&wait.op, &search_kind);
    return (int)op_await(&wait.op);
}

/* One form of the name. 0: something was found; 1: it has no address, or nobody knows; or an error, not recorded. */
static int ask_name(struct names_search *search) {
    int rc = 0;
    if (search->family != AF_INET) {
        rc = half_start(search, HALF_AAAA);
    }
    if (rc == 0 && search->family != AF_INET6) {
        rc = half_start(search, HALF_A);
    }
    rc = rc < 0 ? rc : search_wait(search, false);
    if (rc < 0) {
        return rc;
    }
    return search->count > 0 ? 0 : 1;
}

/* ---- the forms of a name: resolv.conf(5), "search" and "ndots" ---- */

static int dots_in(wharf_str name) {
    int dots = 0;
    for (size_t i = 0; i < name.len; i++) {
        dots += name.ptr[i] == '.' ? 1 : 0;
    }
    return dots;
}

/* Form number 0, 1, 2 ... of the name; false: there is no more. */
static bool name_form(struct names_search *search, int number) {
    const struct resolv_conf *conf = &search->settings->conf;
    wharf_str host = address_host(search->text);
    bool is_absolute = host.ptr[host.len - 1] == '.';
    int domains = is_absolute ? 0 : conf->search_count;
    bool as_is_first = is_absolute || dots_in(host) >= conf->ndots;
    int as_is = as_is_first ? 0 : domains;
    if (number > domains) {
        return false;
    }
    size_t len = str_copy_to(search->name, sizeof(search->name), host);
    if (is_absolute) {
        search->name[len - 1] = '\0';
    }
    if (number != as_is) {
        const char *domain = conf->search[as_is_first ? number - 1 : number];
        (void)snprintf(search->name + len, sizeof(search->name) - len, ".%s", domain);
    }
    return true;
}

/* Asks for one form after the other. The failure that is told is about the name as it was given, unless servers failed. */
static int ask_forms(struct names_search *search) {
    struct names_half told = {.rc = -WHARF_ENAME};
    bool has_told = false;
    bool failed = false;
    for (int number = 0; name_form(search, number) && !failed; number++) {
        if (strlen(search->name) > DNS_NAME_MAX) {
            continue;
        }
        int rc = ask_name(search);
        if (rc <= 0) {
            return rc < 0 ? cut_short(search, rc) : 0;
        }
        const struct names_half *half = telling_half(search);
        bool is_given = strlen(search->name) <= address_host(search->text).len;
        failed = half->rc < 0 && half->rc != -WHARF_EADDRESS;
        if (!has_told || failed || is_given) {
            told = *half;
            has_told = true;
        }
    }
    return half_fail(search, &told);
}

/* ---- the sources ---- */

bool names_is_never(wharf_str name) {
    if (name.len > 0 && name.ptr[name.len - 1] == '.') {
        name.len--;
    }
    ssize_t dot = str_find_last_byte(name, '.');
    wharf_str top = str_slice(name, (size_t)(dot + 1), name.len);
    return str_equal_nocase(top, STR("onion")) || str_equal_nocase(top, STR("invalid"));
}

static int ask_file(struct names_search *search, wharf_str text) {
    struct address addresses[NAMES_ADDRESSES_MAX];
    int count = hosts_find(text, address_host(search->text), search->family, addresses, NAMES_ADDRESSES_MAX);
    search_add_all(search, addresses, count);
    return search->count;
}

static int ask_system(struct names_search *search) {
    struct address addresses[NAMES_ADDRESSES_MAX];
    const char *words = NULL;
    int rc = system_resolve(address_host(search->text), search->family, addresses, NAMES_ADDRESSES_MAX,
                            &words);
    if (rc < 0) {
        return search_fail(search, rc, words);
    }
    search_add_all(search, addresses, rc);
    return 0;
}

/* A simulated world's own names: 1 found, 0 not known there, or an error. */
static int ask_world(struct names_search *search) {
    const struct engine *engine = sched_engine();
    struct sockaddr_storage given[NAMES_ADDRESSES_MAX];
    char host[DNS_NAME_MAX + 2];
    int64_t delay_ns = 0;
    if (engine->look_up == NULL) {
        return 0;
    }
    (void)str_copy_to(host, sizeof(host), address_host(search->text));
    struct engine_name question = {host, search->family, given, NAMES_ADDRESSES_MAX};
    int count = engine->look_up(sched_current(), &question, &delay_ns);
    int rc = delay_ns > 0 ? wharf_sleep((delay_ns + 999999) / 1000000) : 0;
    if (rc < 0 || count < 0) {
        return search_fail(search, rc < 0 ? rc : count, NULL);
    }
    for (int i = 0; i < count; i++) {
        struct address address = {.len = given[i].ss_family == AF_INET ? sizeof(struct sockaddr_in)
                                                                       : sizeof(struct sockaddr_in6)};
        memcpy(&address.storage, &given[i], address.len);
        search_add_all(search, &address, 1);
    }
    return search->count > 0 ? 1 : 0;
}

static int ask_servers(struct names_search *search) {
    if (search->settings->conf.server_count == 0) {
        return search_fail(search, -WHARF_ENAME,
                           "the simulated network has no such name, and no name server is set");
    }
    (void)wharf_scope_open(&search->scope, NULL);
    search->scope_open = true;
    return ask_forms(search);
}

/* In the order that nsswitch.conf gives. 0 or an error, recorded. */
static int ask_sources(struct names_search *search) {
    const struct names_settings *settings = search->settings;
    wharf_str host = address_host(search->text);
    enum nsswitch_plan plan = nsswitch_plan_of(settings->nsswitch, host, wharf_str_of(settings->own_name));
    if (plan == NSSWITCH_SYSTEM) {
        return ask_system(search);
    }
    bool files = plan == NSSWITCH_FILES_DNS || plan == NSSWITCH_FILES;
    if (files && ask_file(search, settings->hosts) > 0) {
        return 0;
    }
    if (plan == NSSWITCH_FILES) {
        return search_fail(
            search, -WHARF_ENAME,
            "the hosts file has no such name, and nsswitch.conf wants nobody else to be asked");
    }
    int rc = ask_servers(search);
    if (rc < 0 && plan == NSSWITCH_DNS_FILES && ask_file(search, settings->hosts) > 0) {
        return 0;
    }
    return rc;
}

static int begin_with_settings(struct names_search *search) {
    const struct names_options *options = &search->settings->options;
    if (ask_file(search, wharf_str_of(options->overrides)) > 0) {
        return 0;
    }
    int rc = ask_world(search);
    return rc != 0 ? (rc < 0 ? rc : 0) : ask_sources(search);
}

/* The text is a name. */
static int begin_asking(struct names_search *search) {
    int rc = op_checkpoint(&search_kind);
    if (rc < 0) {
        return search_fail(search, rc, NULL);
    }
    if (names_is_never(address_host(search->text))) {
        return search_fail(search, -WHARF_ENAME,
                           "names under .onion and .invalid do not exist (RFC 7686, RFC 6761)");
    }
    rc = names_settings_get(&search->settings);
    if (rc < 0) {
        return search_fail(search, rc, NULL);
    }
    rc = begin_with_settings(search);
    if (rc < 0) {
        struct failure failure = *failure_current();
        names_end(search);
        *failure_current() = failure;
    }
    return rc;
}

/* Narrows the search to the kind of address that the setting asks for. 0 or -WHARF_ENAME. */
static int apply_family(struct names_search *search) {
    int wanted = address_is_inet(search->text) ? names_state_family() : AF_UNSPEC;
    if (wanted != AF_UNSPEC && search->family != AF_UNSPEC && wanted != search->family) {
        return search_fail(search, -WHARF_ENAME, "the setting `family` excludes the wanted kind of address");
    }
    search->family = wanted != AF_UNSPEC ? wanted : search->family;
    return 0;
}

int names_begin(struct names_search *search, const struct address_text *text, int family) {
    struct address addresses[NAMES_ADDRESSES_MAX];
    search->count = 0;
    search->pending = 0;
    search->waiter = NULL;
    search->text = text;
    search->family = family;
    search->settings = NULL;
    search->wait_until = 0;
    search->scope_open = false;
    search->halves[0].asked = search->halves[1].asked = false;
    int rc = apply_family(search);
    if (rc < 0) {
        return rc;
    }
    rc = address_of_text(text, search->family, addresses, NAMES_ADDRESSES_MAX);
    if (rc < 0) {
        return search_fail(search, rc,
                           search->family != family ? "the setting `family` excludes this address"
                                                    : "no address of the wanted family");
    }
    if (rc > 0) {
        for (int i = 0; i < rc; i++) {
            search->found[i] = (struct candidate){.address = addresses[i], .number = i};
        }
        search->count = rc;
        return 0;
    }
    PROBE3(resolve__start, search, text->host.ptr, text->host.len);
    rc = begin_asking(search);
    PROBE3(resolve__end, search, rc, search->count);
    return rc;
}

void names_end(struct names_search *search) {
    if (search->scope_open) {
        if (search->pending > 0) {
            (void)wharf_scope_cancel(&search->scope);
        }
        (void)wharf_scope_close(&search->scope);
        search->scope_open = false;
    }
    if (search->settings != NULL) {
        names_settings_put(search->settings);
        search->settings = NULL;
    }
}

int names_finish(struct names_search *search) {
    int rc = search->pending > 0 ? search_wait(search, true) : 0;
    return rc < 0 ? cut_short(search, rc) : 0;
}

struct candidate *names_next(struct names_search *search, sa_family_t after) {
    struct candidate *next = NULL;
    for (int i = 0; i < search->count; i++) {
        struct candidate *candidate = &search->found[i];
        bool alternates = candidate->address.any.sa_family != after;
        if (!candidate->tried && alternates) {
            return candidate;
        }
        next = next == NULL && !candidate->tried ? candidate : next;
    }
    return next;
}

int names_resolve(const struct address_text *text, int family, struct address *out, int max) {
    struct names_search search;
    int rc = names_begin(&search, text, family);
    if (rc < 0) {
        return rc;
    }
    rc = names_finish(&search);
    for (int i = 0; i < search.count && i < max && rc >= 0; i++) {
        out[i] = search.found[i].address;
        rc = i + 1;
    }
    names_end(&search);
    return rc;
}
