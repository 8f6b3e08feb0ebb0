/* Content that a handler has in memory, with what validates it: conditions and ranges are answered as for files. */
#include <errno.h>

#include "base/text.h"
#include "http/codec/date.h"
#include "sched/sched.h"
#include "server/condition.h"
#include "server/reply.h"
#include "wharf/task.h"

/* What is known of it. */
struct known {
    wharf_content content;
    wharf_str type, etag_text;
    struct etag etag;
    struct conditional_state state;
};

static int known_init(struct known *known, const wharf_content *content) {
    *known = (struct known){.content = {.size = sizeof(wharf_content)}};
    memcpy(&known->content, content, content->size < sizeof(*content) ? content->size : sizeof(*content));
    known->type = wharf_str_of(known->content.content_type);
    known->etag_text = wharf_str_of(known->content.etag);
    known->state = (struct conditional_state){.exists = true, .now = sched_wall_seconds()};
    if (known->etag_text.ptr != NULL && etag_parse(known->etag_text, &known->etag) < 0) {
        return fail(-EINVAL, "reply", known->content.etag,
                    "a tag is text in quotes, behind W/ where it is weak");
    }
    if (!h1_is_field_value(known->type)) {
        return fail(-EINVAL, "reply", NULL, "the content type may not be sent");
    }
    known->state.etag = known->etag_text.ptr != NULL ? &known->etag : NULL;
    known->state.has_last_modified = known->content.modified_s > 0;
    known->state.last_modified = known->content.modified_s;
    return 0;
}

static int known_say(struct wharf_request *request, const struct known *known) {
    char date[DATE_LEN];
    int rc = condition_field(request, HEADER_ETAG, known->etag_text);
    if (rc == 0 && known->state.has_last_modified) {
        date_format(known->state.last_modified, date);
        rc = condition_field(request, HEADER_LAST_MODIFIED, (wharf_str){date, DATE_LEN});
    }
    return rc < 0 ? rc : condition_field(request, HEADER_ACCEPT_RANGES, STR("bytes"));
}

static int known_send(struct wharf_request *request, const struct known *known) {
    wharf_str body = {known->content.bytes, known->content.len};
    struct range_set set;
    condition_ranges(request, &known->state, body.len, &set);
    if (set.kind == RANGE_UNSATISFIABLE) {
        int rc = condition_say_range(request, NULL, body.len);
        return rc < 0 ? rc : refuse(request, 416, "http.range.unsatisfiable");
    }
    int rc = known_say(request, known);
    if (rc < 0 || set.kind != RANGE_SATISFIABLE || set.count > 1) {
        return rc < 0 ? rc : reply_whole(request, 200, known->type, body);
    }
    const struct range *range = &set.at[0];
    rc = condition_say_range(request, range, body.len);
    return rc < 0 ? rc
                  : reply_whole(request, 206, known->type,
                                str_slice(body, (size_t)range->first, (size_t)range->last + 1));
}

int wharf_reply_content(wharf_request *request, const wharf_content *content) {
    struct known known;
    if (request->reply.stage != REPLY_NONE) {
        return -EALREADY;
    }
    int rc = wharf_check();
    rc = rc < 0 ? rc : known_init(&known, content);
    if (rc < 0 || request->reply.misused) {
        request->reply.misused |= rc == -EINVAL;
        return rc < 0 ? rc : fail(-EINVAL, "reply", NULL, "a header may not be sent");
    }
    switch (condition_evaluate(request, &known.state)) {
    case CONDITIONAL_FAILED: return refuse(request, 412, "http.precondition.failed");
    case CONDITIONAL_NOT_MODIFIED:
        rc = known_say(request, &known);
        return rc < 0 ? rc : reply_whole(request, 304, (wharf_str){NULL, 0}, (wharf_str){NULL, 0});
    default: return known_send(request, &known);
    }
}
