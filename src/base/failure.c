/* The record of the last failure, and its sentence. Recording is a few copies into a fixed struct: failing is
 * part of normal work for a network program, so words are found only when somebody asks for them. */
#include "base/failure.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/number.h"
#include "base/text.h"

/* A thread without a scheduler still has a place for its failures. */
static __thread struct failure thread_record __attribute__((tls_model("initial-exec")));
static __thread struct failure **redirected __attribute__((tls_model("initial-exec")));

struct failure *failure_current(void) {
    return redirected != NULL && *redirected != NULL ? *redirected : &thread_record;
}

void failure_redirect(struct failure **where) {
    redirected = where;
}

/* The new record is complete before the old one is overwritten: subject and arguments may point into the old
 * one. */
int fail(int code, const char *phase, const char *subject, const char *detail_format, ...) {
    struct failure record = {.code = code, .phase = phase};
    str_copy_to(record.subject, sizeof(record.subject), wharf_str_of(subject));
    if (detail_format != NULL) {
        va_list arguments;
        va_start(arguments, detail_format);
        (void)vsnprintf(record.detail, sizeof(record.detail), detail_format, arguments);
        va_end(arguments);
    }
    *failure_current() = record;
    return code;
}

void failure_hand_on(struct failure *ret_failure, const struct failure *said, int code, const char *phase,
                     const char *subject) {
    if (said->code == code) {
        *ret_failure = *said;
        return;
    }
    *ret_failure = (struct failure){.code = code, .phase = phase};
    str_copy_to(ret_failure->subject, sizeof(ret_failure->subject), wharf_str_of(subject));
}

void failure_set_address(const struct sockaddr *address, socklen_t address_len) {
    struct failure *record = failure_current();
    if (address_len > 0 && address_len <= sizeof(record->address)) {
        memcpy(record->address, address, address_len);
        record->address_len = (unsigned char)address_len;
    }
}

int fail_at(int code, const char *phase, const struct sockaddr *address, socklen_t address_len) {
    struct failure record = {.code = code, .phase = phase};
    if (address != NULL && address_len <= sizeof(record.address)) {
        memcpy(record.address, address, address_len);
        record.address_len = (unsigned char)address_len;
    }
    *failure_current() = record;
    return code;
}

enum { LEFT_OUT_SIZE = sizeof(" and -2147483648 more") };

void failure_list_add(struct failure_list *list, const char *format, ...) {
    char item[FAILURE_LIST_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(item, sizeof(item), format, arguments);
    va_end(arguments);
    list->count++;
    size_t room = sizeof(list->text) - LEFT_OUT_SIZE - list->len;
    bool is_first = list->len == 0;
    if (!is_first && (list->left_out > 0 || strlen(item) + 2 > room)) {
        list->left_out++;
        (void)snprintf(list->text + list->len, LEFT_OUT_SIZE, " and %d more", list->left_out);
        return;
    }
    list->len += str_copy_to(list->text + list->len, room, is_first ? STR("") : STR(", "));
    list->len += str_copy_to(list->text + list->len, room, wharf_str_of(item));
}

/* ---- the sentence ---- */

struct sentence {
    char *out;
    size_t len, size; /* size counts the NUL */
};

/* Appends what fits. Control bytes (a peer may have sent them) become '?', because sentences end on
 * terminals. */
static void sentence_add(struct sentence *sentence, const char *text) {
    for (size_t i = 0; text[i] != '\0' && sentence->len + 1 < sentence->size; i++) {
        unsigned char byte = (unsigned char)text[i];
        sentence->out[sentence->len++] = byte < 0x20 || byte == 0x7f ? '?' : (char)byte;
    }
}

enum { ADDRESS_TEXT_SIZE = INET6_ADDRSTRLEN + sizeof("[%4294967295]:65535") };

static void append_number(char *text, char separator, uint64_t value) {
    size_t len = strlen(text);
    text[len++] = separator;
    len += number_format(value, text + len);
    text[len] = '\0';
}

/* "1.2.3.4:80", "[::1]:80", "[fe80::1%2]:80"; an IPv4 peer of an IPv6 socket is shown as IPv4. "" when
 * unknown. */
static void format_address(const struct failure *failure, char text[ADDRESS_TEXT_SIZE]) {
    struct sockaddr_in v4 = {0};
    struct sockaddr_in6 v6 = {0};
    sa_family_t family = AF_UNSPEC;
    text[0] = '\0';
    if (failure->address_len >= sizeof(family)) {
        memcpy(&family, failure->address, sizeof(family));
    }
    if (family == AF_INET && failure->address_len >= sizeof(v4)) {
        memcpy(&v4, failure->address, sizeof(v4));
    } else if (family == AF_INET6 && failure->address_len >= sizeof(v6)) {
        memcpy(&v6, failure->address, sizeof(v6));
    } else {
        return;
    }
    if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
        memcpy(&v4.sin_addr, v6.sin6_addr.s6_addr + 12, sizeof(v4.sin_addr));
        v4.sin_port = v6.sin6_port;
        family = AF_INET;
    }
    if (family == AF_INET) {
        (void)inet_ntop(AF_INET, &v4.sin_addr, text, ADDRESS_TEXT_SIZE);
        append_number(text, ':', ntohs(v4.sin_port));
        return;
    }
    text[0] = '[';
    (void)inet_ntop(AF_INET6, &v6.sin6_addr, text + 1, ADDRESS_TEXT_SIZE - 1);
    if (v6.sin6_scope_id != 0) {
        append_number(text, '%', v6.sin6_scope_id);
    }
    size_t len = strlen(text);
    text[len] = ']';
    text[len + 1] = '\0';
    append_number(text, ':', ntohs(v6.sin6_port));
}

/* "<phase> <subject> (<address>): ", without what is missing. */
static void sentence_add_place(struct sentence *sentence, const struct failure *failure) {
    char address[ADDRESS_TEXT_SIZE];
    format_address(failure, address);
    bool has_phase = failure->phase != NULL && failure->phase[0] != '\0';
    bool has_subject = failure->subject[0] != '\0';
    bool has_address = address[0] != '\0' && strcmp(address, failure->subject) != 0;
    if (!has_phase && !has_subject && !has_address) {
        return;
    }
    if (has_phase) {
        sentence_add(sentence, failure->phase);
        sentence_add(sentence, has_subject || has_address ? " " : "");
    }
    sentence_add(sentence, failure->subject);
    if (has_address) {
        sentence_add(sentence, has_subject ? " (" : "");
        sentence_add(sentence, address);
        sentence_add(sentence, has_subject ? ")" : "");
    }
    sentence_add(sentence, ": ");
}

size_t failure_format(const struct failure *failure, char *out, size_t size) {
    struct sentence sentence = {.out = out, .size = size};
    if (failure->code == 0) {
        sentence_add(&sentence, "no failure");
    } else {
        sentence_add_place(&sentence, failure);
        sentence_add(&sentence, wharf_strerror(failure->code));
        sentence_add(&sentence, " (");
        sentence_add(&sentence, wharf_error_name(failure->code));
        sentence_add(&sentence, ")");
        if (failure->detail[0] != '\0') {
            sentence_add(&sentence, ": ");
            sentence_add(&sentence, failure->detail);
        }
    }
    if (size > 0) {
        out[sentence.len] = '\0';
    }
    return sentence.len;
}
