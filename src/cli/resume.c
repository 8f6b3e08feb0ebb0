/* See resume.h. */
#include "cli/resume.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wharf/os.h"
#include "wharf/task.h"

enum {
    STATUS_OK = 200,
    STATUS_PARTIAL = 206,
    STATUS_PASSING = 500,
    FIRST_PAUSE_MS = 500,
    LONGEST_PAUSE_MS = 30000,
    SKIP_BYTES = 65536
};

static const int64_t NS_PER_MS = 1000000;

static bool is_absent(const wharf_response *response, const char *name) {
    return wharf_response_header(response, name).ptr == NULL;
}

/* A strong entity tag; a weak one says too little about bytes. */
static void take_validator(struct resume *resume) {
    wharf_str tag = wharf_response_header(resume->first, "ETag");
    bool strong = tag.len >= 2 && tag.ptr[0] == '"' && tag.len < sizeof resume->validator;
    if (strong && wharf_response_status(resume->first) == STATUS_OK &&
        is_absent(resume->first, "Content-Encoding")) {
        memcpy(resume->validator, tag.ptr, tag.len);
        resume->validator[tag.len] = '\0';
    }
}

/* How long it took to come to the head of a response. */
static int64_t time_of(const wharf_response *response) {
    wharf_attempt attempt;
    int64_t time = 0;
    for (size_t i = 0; wharf_response_attempt_at(response, i, &attempt); i++) {
        time = attempt.began_ns + attempt.pool_ns + attempt.resolve_ns + attempt.connect_ns + attempt.tls_ns +
               attempt.send_ns + attempt.first_byte_ns;
    }
    return time;
}

void resume_init(struct resume *resume, wharf_client *client, const wharf_fetch_options *request,
                 wharf_response *response, int64_t retries) {
    *resume = (struct resume){.client = client,
                              .request = request,
                              .first = response,
                              .now = response,
                              .total = wharf_response_content_length(response),
                              .retries = retries};
    if (request->limits.total_ms > 0) {
        resume->deadline_ns = wharf_now_ns() - time_of(response) + request->limits.total_ms * NS_PER_MS;
    }
    bool is_get = request->method == NULL || strcmp(request->method, "GET") == 0;
    if (retries > 0 && is_get) {
        take_validator(resume);
    }
}

void resume_deinit(struct resume *resume) {
    if (resume->now != resume->first) {
        wharf_response_free(resume->now);
    }
}

const char *resume_why(const struct resume *resume) {
    return resume->why[0] != '\0' ? resume->why : wharf_response_why(resume->now);
}

static int changed(struct resume *resume, const char *what) {
    snprintf(resume->why, sizeof resume->why,
             "resume %s: %s after %lld bytes: what was there is no more, start again",
             wharf_response_url(resume->first), what, (long long)resume->offset);
    return -WHARF_ECHANGED;
}

/* ---- asking for the rest ---- */

static const char **headers_with(const char *const *headers, const char *range, const char *condition) {
    size_t count = 0;
    while (headers != NULL && headers[count] != NULL) {
        count++;
    }
    const char **all = calloc(count + 3, sizeof *all);
    for (size_t i = 0; all != NULL && i < count; i++) {
        all[i] = headers[i];
    }
    if (all != NULL) {
        all[count] = range;
        all[count + 1] = condition;
    }
    return all;
}

/* Whether Content-Range says that this is the rest. */
static bool is_the_rest(const struct resume *resume) {
    char from[64];
    char total[32] = "";
    wharf_str range = wharf_response_header(resume->now, "Content-Range");
    int len = snprintf(from, sizeof from, "bytes %lld-", (long long)resume->offset);
    if (range.len < (size_t)len || strncasecmp(range.ptr, from, (size_t)len) != 0) {
        return false;
    }
    int total_len = snprintf(total, sizeof total, "/%lld", (long long)resume->total);
    return resume->total < 0 || (range.len > (size_t)total_len &&
                                 memcmp(range.ptr + range.len - total_len, total, (size_t)total_len) == 0);
}

static bool has_validator(const struct resume *resume) {
    return wharf_str_is(wharf_response_header(resume->now, "ETag"), resume->validator);
}

/* The same from its beginning: what was given already is passed over. 1, or an error. */
static int skip_given(struct resume *resume) {
    static char scratch[SKIP_BYTES];
    int64_t left = resume->offset;
    while (left > 0) {
        ssize_t got = wharf_response_read(resume->now, scratch,
                                          left < SKIP_BYTES ? (size_t)left : SKIP_BYTES);
        if (got < 0) {
            return (int)got;
        }
        if (got == 0) {
            return changed(resume, "the body ended");
        }
        left -= got;
    }
    return 1;
}

/* What the answer to the request for the rest is worth. 1: it can be read on; or an error. */
static int judge(struct resume *resume) {
    int error = wharf_response_error(resume->now);
    int status = wharf_response_status(resume->now);
    if (error < 0) {
        return error;
    }
    if (status == STATUS_PARTIAL && is_the_rest(resume) &&
        (is_absent(resume->now, "ETag") || has_validator(resume))) {
        return 1;
    }
    if (status == STATUS_OK && has_validator(resume) && is_absent(resume->now, "Content-Encoding")) {
        return skip_given(resume);
    }
    if (status >= STATUS_PASSING) {
        snprintf(resume->why, sizeof resume->why, "resume %s: after %lld bytes the server answers %d",
                 wharf_response_url(resume->first), (long long)resume->offset, status);
        return -WHARF_EEOF;
    }
    if (status == STATUS_OK || status == STATUS_PARTIAL) {
        return changed(resume, "another version was answered");
    }
    char what[64];
    snprintf(what, sizeof what, "status %d was answered", status);
    return changed(resume, what);
}

/* 1: there is a response to read on from; or an error. */
static int ask_for_rest(struct resume *resume) {
    char range[64];
    char condition[RESUME_TEXT_SIZE + 16];
    snprintf(range, sizeof range, "Range: bytes=%lld-", (long long)resume->offset);
    snprintf(condition, sizeof condition, "If-Range: %s", resume->validator);
    const char **headers = headers_with(resume->request->headers, range, condition);
    if (headers == NULL) {
        return -ENOMEM;
    }
    wharf_fetch_options request = *resume->request;
    request.headers = headers;
    if (resume->deadline_ns > 0) {
        int64_t left_ms = (resume->deadline_ns - wharf_now_ns()) / NS_PER_MS;
        request.limits.total_ms = left_ms > 0 ? left_ms : 1;
    }
    resume->why[0] = '\0';
    resume_deinit(resume);
    resume->now = wharf_fetch(resume->client, &request);
    free(headers);
    return judge(resume);
}

/* ---- reading ---- */

static bool may_pass(int error) {
    return error == -ECONNREFUSED || error == -WHARF_EEOF || error == -ECONNRESET || error == -ETIMEDOUT ||
           error == -EPIPE;
}

/* Anywhere between nothing and a bound that doubles with each try that brought nothing. */
static int pause_before(const struct resume *resume) {
    uint64_t chance = 0;
    int64_t bound = FIRST_PAUSE_MS;
    for (int64_t i = 1; i < resume->tries && bound < LONGEST_PAUSE_MS; i++) {
        bound *= 2;
    }
    wharf_random(&chance, sizeof chance);
    return wharf_sleep((int64_t)(chance % (uint64_t)bound));
}

ssize_t resume_read(struct resume *resume, void *buffer, size_t size) {
    ssize_t got = wharf_response_read(resume->now, buffer, size);
    while (got < 0 && may_pass((int)got) && resume->validator[0] != '\0' && resume->tries < resume->retries) {
        resume->tries++;
        int rc = pause_before(resume);
        rc = rc < 0 ? rc : ask_for_rest(resume);
        got = rc < 0 ? rc : wharf_response_read(resume->now, buffer, size);
    }
    if (got > 0) {
        resume->offset += got;
        resume->tries = 0;
    }
    return got;
}
