/* What handlers are told of queries, cookies, forms, parts, JSON and preferences, and what clients are told when those are
 * wrong: a server and a client in virtual time, bytes split by the seed. */
#include <errno.h>
#include <jansson.h>

#include "scenario.h"

enum { UPLOAD_BYTES = 100000 };

static char base[160];
static char upload[UPLOAD_BYTES + 512];
static size_t upload_len;

/* ---- handlers ---- */

static int query(wharf_request *request, void *arg) {
    (void)arg;
    char text[512];
    wharf_header pair;
    size_t len = 0;
    for (size_t i = 0; wharf_request_query_at(request, i, &pair); i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s=%.*s;", WHARF_STR_ARG(pair.name),
                                WHARF_STR_ARG(pair.value));
    }
    wharf_str page = wharf_request_query_value(request, "page no");
    (void)snprintf(text + len, sizeof(text) - len, "%.*s", WHARF_STR_ARG(page));
    return wharf_reply_text(request, page.ptr != NULL ? 200 : 404, text);
}

static int cookies(wharf_request *request, void *arg) {
    (void)arg;
    char text[128];
    (void)snprintf(text, sizeof(text), "%.*s,%.*s", WHARF_STR_ARG(wharf_request_cookie(request, "a")),
                   WHARF_STR_ARG(wharf_request_cookie(request, "b")));
    int rc = wharf_reply_cookie(request, WHARF_OPTIONS(wharf_cookie, .name = "session", .value = "x1"));
    rc = rc < 0 ? rc
                : wharf_reply_cookie(request,
                                     WHARF_OPTIONS(wharf_cookie, .name = "old", .value = "", .remove = true));
    return rc < 0 ? rc : wharf_reply_text(request, 200, text);
}

static int bad_cookie(wharf_request *request, void *arg) {
    (void)arg;
    int rc = wharf_reply_cookie(request, WHARF_OPTIONS(wharf_cookie, .name = "a", .value = "1\r\nX: y"));
    EXPECT(rc == -EINVAL || rc == -ENOMEM);
    return wharf_reply_text(request, 200, "");
}

static int form(wharf_request *request, void *arg) {
    (void)arg;
    char text[256];
    wharf_str name = {NULL, 0};
    wharf_header pair = {.name = {NULL, 0}};
    int found = wharf_request_form_value(request, "na me", &name);
    if (found < 0) {
        return found;
    }
    int second = wharf_request_form_at(request, 1, &pair);
    EXPECT(second < 0 || wharf_request_form_at(request, 9, &pair) <= 0);
    (void)snprintf(text, sizeof(text), "%d %.*s %d %.*s", found, WHARF_STR_ARG(name), second,
                   WHARF_STR_ARG(pair.value));
    return wharf_reply_text(request, 200, text);
}

/* Answers "name/filename/type/length;" for each part; of a part named "skip" nothing is read. */
static int parts(wharf_request *request, void *arg) {
    (void)arg;
    char text[1024] = "";
    char buffer[3000];
    size_t len = 0;
    wharf_part part;
    int more = wharf_request_part(request, &part);
    while (more > 0) {
        ssize_t total = 0;
        ssize_t got = wharf_str_is(part.name, "skip") ? 0 : 1;
        while (got > 0) {
            got = wharf_request_part_read(request, buffer, sizeof(buffer));
            total += got > 0 ? got : 0;
        }
        if (got < 0) {
            return (int)got;
        }
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s/%.*s/%.*s/%zd;",
                                WHARF_STR_ARG(part.name), WHARF_STR_ARG(part.filename),
                                WHARF_STR_ARG(part.content_type), total);
        more = wharf_request_part(request, &part);
    }
    return more < 0 ? more : wharf_reply_text(request, 200, text);
}

static int json(wharf_request *request, void *arg) {
    (void)arg;
    json_t *value = NULL;
    int rc = wharf_request_json(request, &value);
    if (rc < 0) {
        return rc;
    }
    rc = wharf_reply_json(request, 201, value);
    json_decref(value);
    return rc;
}

static int prefer(wharf_request *request, void *arg) {
    (void)arg;
    const char *type = wharf_request_accepts(request,
                                             (const char *const[]){"text/html", "application/json", NULL});
    const char *language = wharf_request_language(request, (const char *const[]){"en", "de", NULL});
    char text[128];
    (void)snprintf(text, sizeof(text), "%s %s", type != NULL ? type : "-", language != NULL ? language : "-");
    return wharf_reply_text(request, 200, text);
}

/* ---- the stage ---- */

static int run_server(void *arg) {
    return wharf_server_run(*(wharf_server **)arg);
}

static int add_routes(wharf_server *server) {
    static const struct {
        const char *pattern;
        wharf_handler handler;
    } routes[] = {{"/query", query},    {"/cookies", cookies},  {"/bad-cookie", bad_cookie},
                  {"POST /form", form}, {"POST /parts", parts}, {"POST /json", json},
                  {"/prefer", prefer}};
    int rc = 0;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]) && rc >= 0; i++) {
        rc = wharf_route(server, routes[i].pattern, routes[i].handler, NULL);
    }
    return rc < 0 ? rc : wharf_server_listen(server, "127.0.0.1:0");
}

static void (*play)(void);

static int perform(void *arg) {
    (void)arg;
    wharf_scope scope;
    wharf_server *server = wharf_server_new(WHARF_OPTIONS(wharf_server_options, .limits.parts = 4,
                                                          .limits.part_head_bytes = 200, .no_signals = true));
    if (server == NULL) {
        return -ENOMEM;
    }
    int rc = add_routes(server);
    (void)wharf_scope_open(&scope, NULL);
    if (rc >= 0) {
        (void)snprintf(base, sizeof(base), "http://%s", wharf_server_address(server, 0));
        rc = wharf_go(&scope, run_server, server);
    }
    if (rc >= 0) {
        play();
        (void)wharf_server_stop(server);
    }
    int closed = wharf_scope_close(&scope);
    wharf_server_free(server);
    return rc < 0 ? rc : closed;
}

struct asked {
    const char *path;
    const char *headers[3];
    const char *type; /* with a body; NULL: none */
    const char *body;
    int status;
    const char *answer; /* a part of it */
};

/* In a sweep anything but a wrong answer may come. */
static void ask(wharf_client *client, const struct asked *asked, bool is_sweep) {
    char url[512];
    (void)snprintf(url, sizeof(url), "%s%s", base, asked->path);
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = url, .headers = asked->headers, .body = asked->body,
                              .body_bytes = asked->body != NULL ? strlen(asked->body) : 0,
                              .content_type = asked->type, .limits.total_ms = 60000));
    wharf_str body = wharf_response_body(response);
    bool is_right = wharf_response_status(response) == asked->status && body.len < 1000;
    char text[1024];
    (void)snprintf(text, sizeof(text), "%.*s", WHARF_STR_ARG(body));
    is_right = is_right && strstr(text, asked->answer) != NULL;
    if (!is_right && !is_sweep) {
        fprintf(stderr, "%s: %d %s %s\n", asked->path, wharf_response_status(response), text,
                wharf_response_why(response));
    }
    EXPECT(is_right || is_sweep);
    wharf_response_free(response);
}

#define FORM       "application/x-www-form-urlencoded"
#define PARTS      "multipart/form-data; boundary=b"
#define HEAD(name) "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"

static const struct asked table[] = {
    {.path = "/query?a=1&page+no=%3D2&a=3", .status = 200, .answer = "a=1;page no==2;a=3;=2"},
    {.path = "/query?page%20no", .status = 200, .answer = "page no=;"},
    {.path = "/query", .status = 404, .answer = ""},
    {.path = "/cookies", .headers = {"Cookie: a=1; b=\"2\"; a=3"}, .status = 200, .answer = "1,\"2\""},
    {.path = "/cookies", .status = 200, .answer = ","},
    {.path = "/bad-cookie", .status = 500, .answer = "handler.misuse"},
    {.path = "/form", .type = FORM, .body = "x=1&na+me=a%26b", .status = 200, .answer = "1 a&b 1 a&b"},
    {.path = "/form", .type = FORM "; charset=utf-8", .body = "", .status = 200, .answer = "0  0 "},
    {.path = "/form", .type = "text/plain", .body = "x=1", .status = 415, .answer = "content.type"},
    {.path = "/parts",
     .type = PARTS,
     .body = HEAD("a") "one\r\n" HEAD("skip") "x\r\n" HEAD("c") "\r\n--b--",
     .status = 200,
     .answer = "a///3;skip///0;c///0;"},
    {.path = "/parts",
     .type = PARTS,
     .body =
         "--b\r\ncontent-type: text/x\r\nContent-Disposition: form-data; name=f; filename=\"C:\\d\\..\\%22n.txt\"\r\n"
         "\r\n12345\r\n--b--",
     .status = 200,
     .answer = "f/\"n.txt/text/x/5;"},
    {.path = "/parts", .type = PARTS, .body = "--b--", .status = 200, .answer = ""},
    {.path = "/parts",
     .type = PARTS,
     .body = HEAD("a") "one\r\n",
     .status = 400,
     .answer = "ends before its last boundary"},
    {.path = "/parts",
     .type = PARTS,
     .body = HEAD("a") "one\r\n--b?",
     .status = 400,
     .answer = "form.part.malformed"},
    {.path = "/parts", .type = PARTS, .body = "--b\r\n\r\nx\r\n--b--", .status = 400, .answer = "no name"},
    {.path = "/parts",
     .type = PARTS,
     .body = "--b\r\nbroken\r\n\r\nx\r\n--b--",
     .status = 400,
     .answer = "broken head"},
    {.path = "/parts",
     .type = PARTS,
     .body = HEAD("a") "\r\n" HEAD("b") "\r\n" HEAD("c") "\r\n" HEAD("d") "\r\n" HEAD("e") "\r\n--b--",
     .status = 413,
     .answer = "setting parts"},
    {.path = "/parts",
     .type = PARTS,
     .body =
         "--b\r\nX: 34567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890\r\n"
         "Y: 34567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890\r\n\r\n",
     .status = 413,
     .answer = "setting part_head_bytes"},
    {.path = "/parts", .type = FORM, .body = "a=b", .status = 415, .answer = "multipart/form-data"},
    {.path = "/json",
     .type = "application/json",
     .body = " {\"a\": [1, 2.5, null]}",
     .status = 201,
     .answer = "{\"a\":[1,2.5,null]}"},
    {.path = "/json", .type = "application/x+json", .body = "7", .status = 201, .answer = "7"},
    {.path = "/json",
     .type = "application/json",
     .body = "{\"a\": }",
     .status = 400,
     .answer = "line 1, column 7"},
    {.path = "/json", .type = "application/json", .body = "", .status = 400, .answer = "content.json"},
    {.path = "/json",
     .type = "application/json",
     .body = "{\"a\":1,\"a\":2}",
     .status = 400,
     .answer = "content.json"},
    {.path = "/json", .type = "text/plain", .body = "7", .status = 415, .answer = "content.type"},
    {.path = "/prefer",
     .headers = {"Accept: application/json", "Accept-Language: de-CH, de"},
     .status = 200,
     .answer = "application/json de"},
    {.path = "/prefer",
     .headers = {"Accept: image/png", "Accept-Language: fr"},
     .status = 200,
     .answer = "- -"},
};

static void ask_all(bool is_sweep) {
    wharf_client *client = wharf_client_new(NULL);
    for (size_t i = 0; client != NULL && i < sizeof(table) / sizeof(table[0]); i++) {
        ask(client, &table[i], is_sweep);
    }
    wharf_client_free(client);
}

static void play_table(void) {
    ask_all(false);
}

static void requests_say_what_they_say(void **state) {
    (void)state;
    play = play_table;
    scenario_run_seeds(perform);
}

static void play_struck(void) {
    ask_all(true);
}

static void nothing_is_left_wherever_it_is_struck(void **state) {
    (void)state;
    play = play_struck;
    (void)scenario_sweep(WHARF_TEST_ALLOCATION, NULL, perform);
    (void)scenario_sweep(WHARF_TEST_CANCEL, NULL, perform);
    (void)scenario_sweep(WHARF_TEST_RESET, NULL, perform);
}

/* ---- a file that is larger than any buffer ---- */

static void play_upload(void) {
    char url[256];
    char expected[64];
    (void)snprintf(url, sizeof(url), "%s/parts", base);
    (void)snprintf(expected, sizeof(expected), "a///3;file/large/application/octet-stream/%d;", UPLOAD_BYTES);
    wharf_response *response = wharf_fetch(NULL,
                                           WHARF_OPTIONS(wharf_fetch_options, .url = url, .body = upload,
                                                         .body_bytes = upload_len, .content_type = PARTS));
    EXPECT(wharf_str_is(wharf_response_body(response), expected));
    wharf_response_free(response);
}

static void a_part_may_be_larger_than_any_buffer(void **state) {
    (void)state;
    static const char front[] = HEAD("a") "one\r\n--b\r\nContent-Type: application/octet-stream\r\n"
                                          "Content-Disposition: form-data; name=file; filename=large\r\n\r\n";
    memcpy(upload, front, sizeof(front) - 1);
    upload_len = sizeof(front) - 1;
    for (size_t i = 0; i < UPLOAD_BYTES; i++) {
        upload[upload_len++] = "\r\n--b\r\n-"[i * i % 8]; /* full of what is nearly a boundary */
        if (upload[upload_len - 1] == 'b') {
            upload[upload_len - 1] = 'c';
        }
    }
    memcpy(upload + upload_len, "\r\n--b--", 7);
    upload_len += 7;
    play = play_upload;
    scenario_run_seeds(perform);
}

static void play_heads(void) {
    char url[256];
    (void)snprintf(url, sizeof(url), "%s/cookies", base);
    wharf_response *response = wharf_get(url);
    wharf_header header;
    int cookies_seen = 0;
    for (size_t i = 0; wharf_response_header_at(response, i, &header); i++) {
        cookies_seen += wharf_str_is(header.name, "Set-Cookie") ? 1 : 0;
    }
    EXPECT(cookies_seen == 2);
    EXPECT(wharf_str_is(wharf_response_header(response, "Set-Cookie"),
                        "session=x1; Path=/; HttpOnly; SameSite=Lax"));
    wharf_response_free(response);
    (void)snprintf(url, sizeof(url), "%s/prefer", base);
    response = wharf_get(url);
    EXPECT(wharf_str_is(wharf_response_header(response, "Vary"), "Accept"));
    wharf_response_free(response);
}

static void replies_carry_cookies_and_vary(void **state) {
    (void)state;
    play = play_heads;
    scenario_run_seeds(perform);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_say_what_they_say),
        cmocka_unit_test(nothing_is_left_wherever_it_is_struck),
        cmocka_unit_test(a_part_may_be_larger_than_any_buffer),
        cmocka_unit_test(replies_carry_cookies_and_vary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
