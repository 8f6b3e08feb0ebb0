/* The heads of messages, for -i and -v. */
#include "cli/heads.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/moment.h"
#include "cli/visible.h"

int heads_write_response(struct output *output, const wharf_response *response) {
    char line[128];
    wharf_str reason = wharf_response_reason(response);
    int len = snprintf(line, sizeof line, "HTTP/1.%d %d ", wharf_response_version_minor(response),
                       wharf_response_status(response));
    int result = output_write(output, line, (size_t)len);
    result = result < 0 ? result : output_write(output, reason.ptr, reason.len);
    result = result < 0 ? result : output_write(output, "\r\n", 2);
    wharf_header header;
    for (size_t i = 0; result >= 0 && wharf_response_header_at(response, i, &header); i++) {
        result = output_write(output, header.name.ptr, header.name.len);
        result = result < 0 ? result : output_write(output, ": ", 2);
        result = result < 0 ? result : output_write(output, header.value.ptr, header.value.len);
        result = result < 0 ? result : output_write(output, "\r\n", 2);
    }
    return result < 0 ? result : output_write(output, "\r\n", 2);
}

static bool is_secret(wharf_str name) {
    static const char *const secrets[] = {"authorization", "proxy-authorization", "cookie",
                                          "set-cookie",    "x-api-key",           "x-auth-token"};
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        if (strlen(secrets[i]) == name.len && strncasecmp(secrets[i], name.ptr, name.len) == 0) {
            return true;
        }
    }
    return false;
}

static void print_visibly(wharf_str text) {
    struct visible state = {0};
    char piece[512];
    while (text.len > 0) {
        size_t made = visible_text(text.ptr, text.len, piece, sizeof piece, &state);
        fwrite(piece, 1, made, stderr);
        text.ptr += state.taken;
        text.len -= state.taken;
    }
}

static void print_header(const char *mark, wharf_str name, wharf_str value, bool show_secrets) {
    fputs(mark, stderr);
    print_visibly(name);
    fputs(": ", stderr);
    if (show_secrets || !is_secret(name)) {
        print_visibly(value);
    } else {
        fputs("[hidden]", stderr);
    }
    fputc('\n', stderr);
}

void heads_print_tls(const wharf_response *response) {
    wharf_tls_facts facts;
    if (wharf_response_tls(response, &facts) < 0) {
        return;
    }
    char date[MOMENT_SIZE];
    moment_format(facts.peer_expires, date);
    fprintf(stderr, "* %s, %s%s%s, session %s\n", facts.version, facts.cipher,
            facts.alpn[0] != '\0' ? ", " : "", facts.alpn, facts.resumed ? "resumed" : "new");
    fputs("* certificate of ", stderr);
    print_visibly((wharf_str){facts.peer_subject, strlen(facts.peer_subject)});
    fputs(", issued by ", stderr);
    print_visibly((wharf_str){facts.peer_issuer, strlen(facts.peer_issuer)});
    fprintf(stderr, ", %sverified\n* expires %s, SHA-256 %s\n", facts.verified ? "" : "not ", date,
            facts.peer_fingerprint);
}

void heads_print_response(const wharf_response *response, bool show_secrets) {
    fprintf(stderr, "< HTTP/1.%d %d ", wharf_response_version_minor(response),
            wharf_response_status(response));
    print_visibly(wharf_response_reason(response));
    fputc('\n', stderr);
    wharf_header header;
    for (size_t i = 0; wharf_response_header_at(response, i, &header); i++) {
        print_header("< ", header.name, header.value, show_secrets);
    }
    fputs("<\n", stderr);
}

/* Takes the next line off a head, without its end. */
static wharf_str next_line(wharf_str *rest) {
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t size = end != NULL ? (size_t)(end - rest->ptr) + 1 : rest->len;
    wharf_str line = {rest->ptr, size};
    while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r')) {
        line.len--;
    }
    rest->ptr += size;
    rest->len -= size;
    return line;
}

void heads_print_request(const wharf_response *response, bool show_secrets) {
    wharf_str rest = wharf_response_request(response);
    if (rest.len == 0) {
        return;
    }
    fputs("> ", stderr);
    print_visibly(next_line(&rest));
    fputc('\n', stderr);
    while (rest.len > 0) {
        wharf_str line = next_line(&rest);
        const char *colon = line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;
        if (colon == NULL) {
            break;
        }
        wharf_str name = {line.ptr, (size_t)(colon - line.ptr)};
        wharf_str value = {colon + 1, line.len - name.len - 1};
        while (value.len > 0 && value.ptr[0] == ' ') {
            value.ptr++;
            value.len--;
        }
        print_header("> ", name, value, show_secrets);
    }
    fputs(">\n", stderr);
}
