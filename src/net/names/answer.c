/* wharf_look_up() and its answers; wharf_resolve(). An answer is one arena: the records, their texts and the failure. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "base/failure.h"
#include "base/idna.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/names/local.h"
#include "net/names/question.h"
#include "net/names/record.h"
#include "net/names/resolve.h"
#include "sched/sched.h"

enum {
    ANSWER_BYTES_MAX = 2 << 20, /* of texts: a message of 64 KiB, all escaped, has less */
    REVERSE_SIZE = 80,
};

struct wharf_answer {
    struct arena arena;
    int error;
    const char *status;
    char why[FAILURE_SENTENCE_SIZE];
    char name[DNS_NAME_MAX + 2];
    char server[WHARF_ADDRESS_SIZE];
    int64_t elapsed_ns;
    wharf_record *records;
    int count;
};

static const struct wharf_answer out_of_memory = {
    .error = -ENOMEM, .status = "", .why = "look up: cannot allocate memory (ENOMEM)"};

/* ---- what is asked ---- */

/* "192.0.2.1" is asked for as 1.2.0.192.in-addr.arpa (RFC 1035 section 3.5), IPv6 by its digits (RFC 3596 section 2.5). */
static const char *reverse_name(const char *name, char out[REVERSE_SIZE]) {
    unsigned char v4[4];
    unsigned char v6[16];
    if (inet_pton(AF_INET, name, v4) == 1) {
        (void)snprintf(out, REVERSE_SIZE, "%u.%u.%u.%u.in-addr.arpa", v4[3], v4[2], v4[1], v4[0]);
        return out;
    }
    if (inet_pton(AF_INET6, name, v6) != 1) {
        return name;
    }
    for (size_t i = 0; i < sizeof(v6); i++) {
        (void)snprintf(out + i * 4, 5, "%x.%x.", v6[15 - i] & 0x0fU, v6[15 - i] >> 4);
    }
    (void)str_copy_to(out + sizeof(v6) * 4, REVERSE_SIZE - sizeof(v6) * 4, STR("ip6.arpa"));
    return out;
}

/* ---- records ---- */

/* Those of the type, at the end of the name's aliases; aliases themselves where they are asked for. */
static bool is_wanted(const struct question *question, const struct dns_record *record,
                      const char *canonical) {
    const char *owner = question->type == DNS_CNAME ? question->name : canonical;
    return record->in_answer && record->type == question->type && dns_same_name(record->name, owner);
}

static int count_records(const struct question *question, const char *canonical) {
    struct dns_reader reader;
    struct dns_record record;
    int count = 0;
    int rc = dns_reader_init(&reader, question->message);
    for (rc = rc < 0 ? rc : dns_reader_next(&reader, &record); rc > 0;
         rc = dns_reader_next(&reader, &record)) {
        count += is_wanted(question, &record, canonical) ? 1 : 0;
    }
    return rc < 0 ? rc : count;
}

static int take_records(struct wharf_answer *answer, const struct question *question) {
    char canonical[DNS_TEXT_SIZE];
    struct dns_reader reader;
    struct dns_record record;
    int rc = dns_canonical(question->message, question->name, canonical);
    int count = rc < 0 ? rc : count_records(question, canonical);
    if (count <= 0) {
        return count;
    }
    answer->records = arena_alloc(&answer->arena, (size_t)count * sizeof(*answer->records));
    if (answer->records == NULL) {
        return -ENOMEM;
    }
    rc = dns_reader_init(&reader, question->message);
    for (rc = rc < 0 ? rc : dns_reader_next(&reader, &record); rc > 0;
         rc = dns_reader_next(&reader, &record)) {
        if (!is_wanted(question, &record, canonical)) {
            continue;
        }
        wharf_record *out = &answer->records[answer->count];
        rc = record_describe(question->message, &record, &answer->arena, out);
        if (rc < 0) {
            return rc;
        }
        int64_t age_s = question->age_ns / 1000000000;
        out->ttl_s = out->ttl_s > age_s ? out->ttl_s - age_s : 0;
        answer->count++;
    }
    return rc < 0 ? rc : answer->count;
}

static void swap(wharf_record *a, wharf_record *b) {
    wharf_record kept = *a;
    *a = *b;
    *b = kept;
}

/* Those of the lowest priority first; within one, those without weight first, else in the server's order. */
static bool stands_before(const wharf_record *a, const wharf_record *b) {
    if (a->priority != b->priority) {
        return a->priority < b->priority;
    }
    return a->weight == 0 && b->weight != 0;
}

static void sort_by_priority(wharf_record *records, int count) {
    for (int i = 1; i < count; i++) {
        for (int at = i; at > 0 && stands_before(&records[at], &records[at - 1]); at--) {
            swap(&records[at], &records[at - 1]);
        }
    }
}

/* RFC 2782: those of one priority take turns by chance, each as often as its weight says; those without weight, which stand first,
 * are seldom drawn. */
static void draw_by_weight(wharf_record *records, int count) {
    for (int first = 0; first < count; first++) {
        uint64_t sum = 0;
        int end = first;
        while (end < count && records[end].priority == records[first].priority) {
            sum += (uint64_t)records[end].weight;
            end++;
        }
        uint64_t drawn = sched_random() % (sum + 1);
        int chosen = first;
        for (uint64_t passed = (uint64_t)records[chosen].weight; passed < drawn && chosen + 1 < end;
             passed += (uint64_t)records[chosen].weight) {
            chosen++;
        }
        while (chosen > first) {
            swap(&records[chosen], &records[chosen - 1]);
            chosen--;
        }
    }
}

/* ---- the answer ---- */

/* "example.com MX"; of a name beyond ASCII both forms, "bücher.example (xn--bcher-kva.example) MX". */
static void describe(const char *given, const struct question *question, char subject[FAILURE_SUBJECT_SIZE]) {
    char type[16];
    const char *type_name = dns_type_name(question->type, type);
    size_t room = FAILURE_SUBJECT_SIZE - strlen(type_name) - 1;
    bool both = idna_is_needed(wharf_str_of(given));
    size_t len = both ? str_copy_to(subject, room, wharf_str_of(given)) : 0;
    len += both ? str_copy_to(subject + len, room - len, STR(" (")) : 0;
    len += str_copy_to(subject + len, room - len, wharf_str_of(question->name));
    len += both ? str_copy_to(subject + len, room - len, STR(")")) : 0;
    (void)snprintf(subject + len, FAILURE_SUBJECT_SIZE - len, " %s", type_name);
}

/* What becomes of the question, told as a failure of the running task. 0 or its code. */
static int judge(struct wharf_answer *answer, struct question *question, const char *subject, int rc) {
    int count = rc == 0 ? take_records(answer, question) : rc;
    if (count == -WHARF_EPROTOCOL) {
        question->outcome = QUESTION_MALFORMED;
        failure_list_add(&question->said, "%s gave a malformed answer", answer->server);
        count = -WHARF_ENAMESERVER;
    }
    answer->status = question_status(question, count > 0);
    if (count == -WHARF_ENAMESERVER) {
        return fail(count, "look up", subject, "%s", question->said.text);
    }
    if (count < 0) {
        return fail(count, "look up", subject, NULL);
    }
    if (count == 0) {
        return fail(-WHARF_ENAME, "look up", subject, "%s says that %s", answer->server,
                    question->rcode == DNS_NXDOMAIN ? "there is no such name (NXDOMAIN)"
                                                    : "the name has no such records");
    }
    return 0;
}

/* The answer to a question that no server is asked; data: NULL for none. */
static int answer_locally(struct wharf_answer *answer, const struct question *question, const char *subject,
                          const char *data) {
    char type[16];
    answer->status = data != NULL ? "NOERROR" : "NODATA";
    if (data == NULL) {
        return fail(-WHARF_ENAME, "look up", subject,
                    "localhost and literals have an address alone, and no server is asked (RFC 6761)");
    }
    unsigned char bytes[sizeof(struct in6_addr)];
    bool is_v4 = inet_pton(AF_INET, data, bytes) == 1;
    bool is_v6 = !is_v4 && inet_pton(AF_INET6, data, bytes) == 1;
    wharf_str raw = {(const char *)bytes, is_v4 ? sizeof(struct in_addr) : sizeof(struct in6_addr)};
    raw = is_v4 || is_v6 ? raw : STR("\x09localhost\0");
    raw = arena_copy(&answer->arena, raw.ptr, raw.len);
    char *text = arena_cstr(&answer->arena, wharf_str_of(data));
    char *type_name = arena_cstr(&answer->arena, wharf_str_of(dns_type_name(question->type, type)));
    answer->records = arena_alloc(&answer->arena, sizeof(*answer->records));
    if (answer->records == NULL || text == NULL || type_name == NULL || raw.ptr == NULL) {
        return fail(-ENOMEM, "look up", subject, NULL);
    }
    answer->records[0] = (wharf_record){
        .name = answer->name, .type = type_name, .text = text, .target = text, .bytes = raw};
    answer->count = 1;
    return 0;
}

static int ask(struct wharf_answer *answer, struct question *question, const char *given) {
    struct names_settings *settings = NULL;
    char subject[FAILURE_SUBJECT_SIZE];
    describe(given, question, subject);
    if (names_is_never(wharf_str_of(question->name))) {
        return fail(-WHARF_ENAME, "look up", subject,
                    "names under .onion and .invalid do not exist (RFC 7686, RFC 6761)");
    }
    const char *data = NULL;
    if (local_answers(question->name, question->type, &data)) {
        return answer_locally(answer, question, subject, data);
    }
    int rc = names_settings_get(&settings);
    if (rc < 0) {
        return fail(rc, "look up", subject, NULL);
    }
    question->settings = settings;
    rc = question_run(question);
    if (question->outcome == QUESTION_ANSWERED) {
        (void)address_format(&question->server.any, question->server.len, answer->server);
    }
    answer->elapsed_ns = question->elapsed_ns;
    rc = judge(answer, question, subject, rc);
    question_deinit(question);
    names_settings_put(settings);
    return rc;
}

/* The question that was meant. 0, -WHARF_EADDRESS or -ENOMEM, recorded. */
static int question_read(struct question *question, const char *name, const char *type,
                         char storage[DNS_NAME_MAX + 2]) {
    char reversed[REVERSE_SIZE];
    char host[IDNA_HOST_SIZE];
    struct idna_error error;
    if (name == NULL || type == NULL) {
        return fail(-WHARF_EADDRESS, "look up", name, "a name and a type are needed");
    }
    question->type = dns_type_of(wharf_str_of(type));
    if (question->type == 0) {
        return fail(-WHARF_EADDRESS, "look up", name, "\"%.32s\" is no type of record", type);
    }
    wharf_str asked = wharf_str_of(question->type == DNS_PTR ? reverse_name(name, reversed) : name);
    if (idna_is_needed(asked)) {
        int rc = idna_host(asked, host, &error);
        if (rc < 0) {
            return rc == -ENOMEM ? fail(rc, "look up", name, NULL)
                                 : fail(-WHARF_EADDRESS, "look up", name, "at byte %zu: %s", error.offset,
                                        error.reason);
        }
        asked = wharf_str_of(host);
    }
    if (asked.len > 1 && asked.ptr[asked.len - 1] == '.') {
        asked.len--;
    }
    if (asked.len == 0 || asked.len > DNS_NAME_MAX) {
        return fail(-WHARF_EADDRESS, "look up", name, "a name has 1 to %d bytes", DNS_NAME_MAX);
    }
    (void)str_copy_to(storage, DNS_NAME_MAX + 2, asked);
    question->name = storage;
    return 0;
}

wharf_answer *wharf_look_up(const char *name, const char *type) {
    struct question question = {.outcome = QUESTION_NONE};
    struct wharf_answer *answer = mem_zalloc(sizeof(*answer));
    if (answer == NULL || sched_current() == NULL) {
        mem_free(answer);
        return (struct wharf_answer *)(uintptr_t)&out_of_memory;
    }
    arena_init(&answer->arena, NULL, 0, ANSWER_BYTES_MAX);
    answer->status = "";
    answer->error = question_read(&question, name, type, answer->name);
    if (answer->error == 0) {
        answer->error = ask(answer, &question, name);
    }
    if (answer->error < 0) {
        (void)failure_format(failure_current(), answer->why, sizeof(answer->why));
        answer->count = 0;
        return answer;
    }
    if (question.type == DNS_MX || question.type == DNS_SRV) {
        sort_by_priority(answer->records, answer->count);
    }
    if (question.type == DNS_SRV) {
        draw_by_weight(answer->records, answer->count);
    }
    (void)str_copy_to(answer->why, sizeof(answer->why), STR("no failure"));
    return answer;
}

int wharf_answer_error(const wharf_answer *answer) {
    return answer->error;
}

const char *wharf_answer_why(const wharf_answer *answer) {
    return answer->why;
}

const char *wharf_answer_name(const wharf_answer *answer) {
    return answer->name;
}

const char *wharf_answer_status(const wharf_answer *answer) {
    return answer->status;
}

int wharf_answer_count(const wharf_answer *answer) {
    return answer->count;
}

const wharf_record *wharf_answer_record(const wharf_answer *answer, int number) {
    return number >= 0 && number < answer->count ? &answer->records[number] : NULL;
}

const char *wharf_answer_server(const wharf_answer *answer) {
    return answer->server;
}

int64_t wharf_answer_elapsed_ns(const wharf_answer *answer) {
    return answer->elapsed_ns;
}

void wharf_answer_free(wharf_answer *answer) {
    if (answer == NULL || answer == &out_of_memory) {
        return;
    }
    arena_deinit(&answer->arena);
    mem_free(answer);
}

/* ---- addresses ---- */

/* As the dialler would begin with them. */
static int alternate(struct names_search *search, wharf_address *out, int max) {
    sa_family_t family = AF_UNSPEC;
    int count = 0;
    struct candidate *next = names_next(search, family);
    while (next != NULL && count < max) {
        const struct address *address = &next->address;
        family = address->any.sa_family;
        next->tried = true;
        out[count].len = address->len;
        memcpy(&out[count].storage, &address->storage, address->len);
        count++;
        next = names_next(search, family);
    }
    return count;
}

int wharf_resolve(const char *address, wharf_address *out, int max) {
    struct address_text text;
    struct names_search search;
    if (out == NULL || max < 1) {
        return fail(-EINVAL, "resolve", address, "there is no room for an address");
    }
    if (sched_current() == NULL) {
        return failure_current()->code;
    }
    int rc = address_parse_or_fail(address, "resolve", &text);
    rc = rc < 0 ? rc : names_begin(&search, &text, AF_UNSPEC);
    if (rc < 0) {
        return rc;
    }
    rc = names_finish(&search);
    rc = rc < 0 ? rc : alternate(&search, out, max);
    names_end(&search);
    return rc;
}
