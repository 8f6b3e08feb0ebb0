/* Message heads: finding their end, and the order in which their parts are parsed. The search is cheap and
 * remembers where it stopped; the parsers then see whole heads only, and know nothing of waiting. */
#include "http/codec/head.h"

#include "base/compiler.h"
#include "base/text.h"
#include "http/codec/framing.h"
#include "http/codec/scan.h"
#include "http/codec/start_line.h"

ALWAYS_INLINE int parse_start_line(struct head_parse *parse) {
    return parse->request != NULL ? request_line_parse(parse) : status_line_parse(parse);
}

static int check_start_of_line(const struct head_parse *parse) {
    return parse->request != NULL ? request_line_check_start(parse) : status_line_check_start(parse);
}

/* Parses start line and fields. The input ends with the head, or with the first line that lacks its CR: then
 * this fails, at that line or before. */
ALWAYS_INLINE int parse_lines(struct head_parse *parse) {
    int code = parse_start_line(parse);
    if (code < 0) {
        return code;
    }
    struct headers *headers = parse->request != NULL ? &parse->request->headers : &parse->response->headers;
    return h1_parse_fields(parse->input, parse->at, parse->limits, headers, parse->error);
}

/* Parses the head that ends at or before this LF, in order to say what is wrong with it. */
COLD static int refuse_lines(const struct head_parse *parse, const char *lf) {
    struct head_parse cut = *parse;
    cut.input.len = (size_t)(lf + 1 - parse->input.ptr);
    int code = parse_lines(&cut);
    return code < 0 ? code : head_refuse(parse, H1_LINE_BARE_LF, lf);
}

/* Looks at the lines that have ended since the last call: a line without CR makes the head invalid, and the
 * first line is parsed as soon as it is whole, so that who speaks another protocol hears it at once. */
static int check_new_lines(const struct head_parse *parse, struct h1_progress *progress) {
    const char *end = parse->input.ptr + parse->input.len;
    const char *at = parse->input.ptr + progress->searched;
    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        if (lf == NULL) {
            break;
        }
        if (lf == parse->input.ptr || lf[-1] != '\r') {
            return refuse_lines(parse, lf);
        }
        if (!progress->line_valid) {
            struct head_parse line = *parse;
            line.input.len = (size_t)(lf + 1 - parse->input.ptr);
            int code = parse_start_line(&line);
            if (code < 0) {
                return code;
            }
            progress->line_valid = true;
        }
        at = lf + 1;
    }
    return progress->line_valid ? 0 : check_start_of_line(parse);
}

/* The end is not there, or not within the limit, to which the input is cut. 0: wait for more; negative: no
 * more bytes can help. */
COLD static int check_incomplete(const struct head_parse *parse, struct h1_progress *progress) {
    int code = check_new_lines(parse, progress);
    if (code < 0) {
        return code;
    }
    if (parse->input.len >= parse->limits->head_bytes) {
        return h1_refuse(parse->error, H1_HEAD_LONG, parse->limits->head_bytes);
    }
    /* CR LF CR may be there already, waiting for its LF. */
    size_t searched = parse->input.len > 3 ? parse->input.len - 3 : 0;
    progress->searched = searched > parse->at ? searched : parse->at;
    return 0;
}

/* Finds the end of the head and parses up to it. Returns as h1_parse_request. */
ALWAYS_INLINE ssize_t parse_head(struct head_parse *parse, struct h1_progress *progress) {
    const char *end = parse->input.ptr + parse->input.len;
    if (progress->searched < parse->at) {
        progress->searched = parse->at;
    }
    const char *lf = scan_head_end(parse->input.ptr + progress->searched, end);
    size_t len = (size_t)(lf + 1 - parse->input.ptr);
    if (lf == end || len > parse->limits->head_bytes) {
        parse->input = str_slice(parse->input, 0, parse->limits->head_bytes);
        return check_incomplete(parse, progress);
    }
    parse->input.len = len;
    int code = parse_lines(parse);
    return code < 0 ? code : (ssize_t)parse->input.len;
}

/* RFC 9112 section 2.2: one empty line before a request is a remnant of old clients' bodies, and skipped. 1:
 * the request line begins at parse->at; 0: not yet known. */
ALWAYS_INLINE int skip_empty_line(struct head_parse *parse) {
    const char *at = parse->input.ptr;
    size_t len = parse->input.len;
    if (len > 0 && at[0] != '\r') {
        return at[0] == '\n' ? head_refuse(parse, H1_LINE_BARE_LF, at) : 1;
    }
    if (len < 2) {
        return 0;
    }
    if (at[1] != '\n') {
        return head_refuse(parse, H1_LINE_BARE_CR, at);
    }
    if (len > 3 && at[2] == '\r') {
        return head_refuse(parse, at[3] == '\n' ? H1_LINE_EMPTY : H1_LINE_BARE_CR, at + 2);
    }
    if (len > 2 && at[2] == '\n') {
        return head_refuse(parse, H1_LINE_BARE_LF, at + 2);
    }
    parse->at = 2;
    return len > 2 && at[2] != '\r';
}

/* Clears what is not set for every request. */
static void request_clear(struct h1_request *request) {
    memset(request, 0, offsetof(struct h1_request, method_text));
    request->scheme = (wharf_str){NULL, 0};
    request->host = (wharf_str){NULL, 0};
    request->content_length = 0;
    headers_clear(&request->headers);
}

ssize_t h1_parse_request(wharf_str input, struct h1_progress *progress, const struct h1_limits *limits,
                         struct h1_request *request, struct h1_error *ret_error) {
    struct head_parse parse = {input, 0, limits, ret_error, request, NULL, progress->known_host};
    request_clear(request);
    int code = skip_empty_line(&parse);
    if (code <= 0) {
        return code;
    }
    ssize_t len = parse_head(&parse, progress);
    if (len <= 0) {
        return len;
    }
    code = framing_of_request(&parse);
    return code < 0 ? code : len;
}

ssize_t h1_parse_response(wharf_str input, struct h1_progress *progress,
                          const struct h1_response_options *options, struct h1_response *response,
                          struct h1_error *ret_error) {
    struct head_parse parse = {input, 0, options->limits, ret_error, NULL, response, NULL};
    memset(response, 0, offsetof(struct h1_response, headers));
    headers_clear(&response->headers);
    if (input.len == 0) {
        return 0;
    }
    ssize_t len = parse_head(&parse, progress);
    if (len <= 0) {
        return len;
    }
    int code = framing_of_response(&parse, options->request_method);
    return code < 0 ? code : len;
}
