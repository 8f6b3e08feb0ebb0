/* See report.h. */
#include "cli/report.h"

#include "cli/json_out.h"

static void report_attempt(struct json_out *json, const wharf_attempt *attempt) {
    json_open(json, NULL, '{');
    json_text(json, "why", attempt->why);
    json_text(json, "url", attempt->url);
    json_text(json, "address", attempt->address);
    json_number(json, "status", attempt->status);
    json_text(json, "error", attempt->error < 0 ? wharf_error_name(attempt->error) : NULL);
    json_text(json, "said", attempt->said);
    json_bool(json, "reused", attempt->reused);
    json_ms(json, "began_ms", attempt->began_ns);
    json_ms(json, "pool_ms", attempt->pool_ns);
    json_ms(json, "resolve_ms", attempt->resolve_ns);
    json_ms(json, "connect_ms", attempt->connect_ns);
    json_ms(json, "tls_ms", attempt->tls_ns);
    json_ms(json, "send_ms", attempt->send_ns);
    json_ms(json, "first_byte_ms", attempt->first_byte_ns);
    json_ms(json, "body_ms", attempt->body_ns);
    json_number(json, "sent_bytes", attempt->sent_bytes);
    json_number(json, "received_bytes", attempt->received_bytes);
    json_close(json, '}');
}

void report_json(const wharf_response *response, int code) {
    struct json_out json = {.file = stderr};
    int error = wharf_response_error(response);
    wharf_attempt attempt;
    json_open(&json, NULL, '{');
    json_text(&json, "url", wharf_response_url(response));
    json_number(&json, "status", wharf_response_status(response));
    json_number(&json, "exit_code", code);
    json_text(&json, "error", error < 0 ? wharf_error_name(error) : NULL);
    json_text(&json, "why", error < 0 ? wharf_response_why(response) : NULL);
    json_text(&json, "address", wharf_response_address(response));
    json_number(&json, "redirects", wharf_response_redirects(response));
    json_open(&json, "attempts", '[');
    for (size_t i = 0; wharf_response_attempt_at(response, i, &attempt); i++) {
        report_attempt(&json, &attempt);
    }
    json_close(&json, ']');
    json_close(&json, '}');
}
