/* See redirect.h. A redirect is somebody else's word about where our request should go, so everything that could hurt is
 * refused or left behind: secrets stay at the first origin and do not come back later in the chain, a body that cannot be
 * sent again is not replaced by an empty one, and https never leads to http. */
#include "client/redirect.h"

#include <errno.h>

#include "base/text.h"
#include "client/response.h"
#include "http/codec/status.h"

/* A request that has been made: the same one a third time is a loop. */
struct visit {
    struct visit *older;
    wharf_str method, href;
};

enum { VISITS_OF_ONE_URL_MAX = 2, LOCATION_SHOWN_MAX = 60 };

bool redirect_is_wanted(const struct fetch *fetch) {
    const struct wharf_response *response = fetch->response;
    return fetch->limits.redirects != WHARF_OFF && status_is_redirect(response->status) &&
           headers_has(&response->headers, HEADER_LOCATION);
}

wharf_str redirect_method(int status, wharf_str method) {
    bool is_post = wharf_str_is(method, "POST");
    if (status == 303 && !wharf_str_is(method, "HEAD")) {
        return STR("GET");
    }
    return (status == 301 || status == 302) && is_post ? STR("GET") : method;
}

static int redirect_fail(const struct fetch *fetch, int code, const char *detail) {
    struct place place = fetch_place(fetch, response_peer(fetch->response));
    return why_fail(code, "follow redirect of", &place, "%s", detail);
}

static int redirect_target(struct fetch *fetch, struct url *ret_url) {
    struct place place = fetch_place(fetch, response_peer(fetch->response));
    struct url_error error;
    wharf_str location = headers_value(&fetch->response->headers, HEADER_LOCATION);
    size_t shown = location.len < LOCATION_SHOWN_MAX ? location.len : LOCATION_SHOWN_MAX;
    int rc = url_redirect(&fetch->arena, &fetch->url, location, ret_url, &error);
    if (rc == -ENOMEM) {
        return redirect_fail(fetch, rc, "");
    }
    if (rc < 0 && error.code == URL_OTHER_SCHEME) {
        return why_fail(-WHARF_EREDIRECT, "follow redirect of", &place, "Location is no http URL: %.*s",
                        (int)shown, location.ptr);
    }
    if (rc < 0) {
        return why_fail(-WHARF_EREDIRECT, "follow redirect of", &place,
                        "Location cannot be understood: %s (byte %zu)", error.reason, error.offset);
    }
    if (!str_starts(ret_url->scheme, STR("http"))) {
        return why_fail(-WHARF_EREDIRECT, "follow redirect of", &place, "Location is no http URL: %.*s",
                        (int)shown, location.ptr);
    }
    if (fetch->url.is_secure && !ret_url->is_secure) {
        return redirect_fail(fetch, -WHARF_EREDIRECT, "it leads from https to http");
    }
    return 0;
}

/* Notes the request that is being left, and refuses to make one for the third time. */
static int redirect_note_visit(struct fetch *fetch, wharf_str method, const struct url *next) {
    int same = 0;
    struct visit *visit = arena_alloc(&fetch->arena, sizeof(*visit));
    if (visit == NULL) {
        return redirect_fail(fetch, -ENOMEM, "");
    }
    *visit = (struct visit){.older = fetch->visits, .method = fetch->method, .href = fetch->url.href};
    fetch->visits = visit;
    for (const struct visit *at = visit; at != NULL; at = at->older) {
        same += wharf_str_equal(at->href, next->href) && wharf_str_equal(at->method, method) ? 1 : 0;
    }
    return same < VISITS_OF_ONE_URL_MAX ? 0
                                        : redirect_fail(fetch, -WHARF_EREDIRECT, "it goes round in a circle");
}

int redirect_follow(struct fetch *fetch) {
    struct url next;
    struct place place = fetch_place(fetch, response_peer(fetch->response));
    if (fetch->redirects >= fetch->limits.redirects) {
        return why_fail(-WHARF_ELIMIT, "follow redirect of", &place, "limits.redirects is %lld",
                        (long long)fetch->limits.redirects);
    }
    int rc = redirect_target(fetch, &next);
    if (rc < 0) {
        return rc;
    }
    wharf_str method = redirect_method(fetch->response->status, fetch->method);
    bool drops_body = fetch->response->status == 303 || !wharf_str_equal(method, fetch->method);
    if (!drops_body && !source_can_replay(&fetch->body)) {
        return redirect_fail(fetch, -WHARF_EREDIRECT,
                             "the body would have to be sent again, and body_fn cannot repeat it");
    }
    rc = redirect_note_visit(fetch, method, &next);
    if (rc < 0) {
        return rc;
    }
    wharf_str public_url = url_format_public(&fetch->arena, &next);
    if (public_url.ptr == NULL) {
        return redirect_fail(fetch, -ENOMEM, "");
    }
    if (drops_body) {
        source_close(&fetch->body);
        fetch->content_dropped = true;
    }
    fetch->other_origin = fetch->other_origin || !url_same_origin(&fetch->url, &next);
    fetch->method = method;
    fetch->method_id = h1_method_of(method);
    fetch->url = next;
    fetch->public_url = public_url.ptr; /* ends in NUL, like everything that an arena formats */
    fetch->redirects++;
    fetch->auth.answered = fetch->auth.was_stale = fetch->auth.wants_basic =
        false; /* it is another question */
    return 0;
}
