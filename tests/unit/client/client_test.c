/* Clients and fetches that are refused before any byte is sent, and the accessors of a response that has only an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "client/client.h"
#include "client/response.h" /* before cmocka, whose fail() is a macro */

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "wharf/wharf.h"

static ssize_t produce_nothing(void *arg, void *buffer, size_t size) {
    (void)arg;
    (void)buffer;
    (void)size;
    return 0;
}

static const char *const injected[] = {"X: a\r\nY: b", NULL};
static const char *const framed[] = {"Content-Length: 0", NULL};

static const struct {
    wharf_fetch_options options;
    int error;
    const char *why;
} table[] = {
    {{.url = NULL}, -EINVAL, "url is not set"},
    {{.url = ""}, -WHARF_EADDRESS, "parse URL"},
    {{.url = "localhost:8000"}, -WHARF_EADDRESS, "parse URL localhost:8000"},
    {{.url = "ftp://x/"}, -WHARF_EADDRESS, "parse URL ftp://x/"},
    {{.url = "ws://x/"}, -WHARF_EADDRESS, "only http:// and https:// can be fetched"},
    {{.url = "http://"}, -WHARF_EADDRESS, "parse URL http://"},
    {{.url = "http://h:99999/"}, -WHARF_EADDRESS, "byte"},
    {{.url = "http://us%3Aer:x@h/"}, -EINVAL, "a user name with a colon"},
    {{.url = "http://h/", .method = "GE T"}, -EINVAL, "method is no token"},
    {{.url = "http://h/", .method = ""}, -EINVAL, "method is no token"},
    {{.url = "http://h/", .method = "GET / HTTP/1.1\r\nX: y"}, -EINVAL, "method is no token"},
    {{.url = "http://h/", .method = "CONNECT"}, -EINVAL, "wharf_dial()"},
    {{.url = "http://h/", .headers = injected},
     -EINVAL,
     "header line 1: the value holds a control character"},
    {{.url = "http://h/", .headers = framed}, -EINVAL, "made from the body"},
    {{.url = "http://h/", .content_type = "a\nb", .body = "x", .body_bytes = 1}, -EINVAL, "content_type"},
    {{.url = "http://h/", .body = "x", .body_bytes = 1, .body_file = "f"}, -EINVAL, "more than one of body"},
    {{.url = "http://h/", .body_bytes = 1}, -EINVAL, "body_bytes is set and body is not"},
    {{.url = "http://h/", .body_fn_bytes = 1}, -EINVAL, "body_fn"},
    {{.url = "http://h/", .body_fn = produce_nothing, .body_fn_bytes = -1}, -EINVAL, "body_fn_bytes"},
    {{.url = "http://h/", .body_file = "/no/such/file"}, -ENOENT, "open body /no/such/file"},
    {{.url = "http://h/", .body_file = "/dev/null"}, -EINVAL, "not a regular file"},
    {{.url = "http://h/", .limits.idle_ms = -5}, -EINVAL, "limits.idle_ms is -5"},
};

static void refuses_what_cannot_be_sent(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        wharf_fetch_options options = table[i].options;
        options.size = sizeof(options);
        wharf_response *response = wharf_fetch(NULL, &options);
        assert_int_equal(wharf_response_error(response), table[i].error);
        assert_non_null(strstr(wharf_response_why(response), table[i].why));
        assert_string_equal(wharf_response_why(response), wharf_why());
        wharf_response_free(response);
    }
}

static void assert_empty(wharf_response *response, int error) {
    wharf_header header;
    char byte;
    assert_int_equal(wharf_response_error(response), error);
    assert_int_equal(wharf_response_status(response), 0);
    assert_int_equal(wharf_response_redirects(response), 0);
    assert_int_equal(wharf_response_content_length(response), -1);
    assert_int_equal(wharf_response_body(response).len, 0);
    assert_int_equal(wharf_response_reason(response).len, 0);
    assert_null(wharf_response_header(response, "Date").ptr);
    assert_false(wharf_response_header_at(response, 0, &header));
    assert_false(wharf_response_trailer_at(response, 0, &header));
    assert_string_equal(wharf_response_url(response), "");
    assert_string_equal(wharf_response_address(response), "");
    assert_int_equal(wharf_response_read(response, &byte, 1), error);
    assert_int_not_equal(wharf_response_why(response)[0], '\0');
}

static void answers_every_question_about_an_error(void **state) {
    (void)state;
    wharf_response *response = wharf_get("nonsense");
    assert_empty(response, -WHARF_EADDRESS);
    wharf_response_free(response);
    response = wharf_fetch(NULL, NULL);
    assert_empty(response, -EINVAL);
    wharf_response_free(response);
    wharf_response_free(NULL);
}

static void has_a_response_when_memory_has_run_out(void **state) {
    (void)state;
    wharf_response_free(wharf_get("nonsense")); /* the thread has its scheduler */
    (void)mem_fail_at(1);
    wharf_response *response = wharf_get("http://h/");
    (void)mem_fail_at(0);
    assert_ptr_equal(response, response_out_of_memory());
    assert_empty(response, -ENOMEM);
    wharf_response_free(response);
}

static void makes_clients_from_good_options_only(void **state) {
    (void)state;
    static const char *const headers[] = {"User-Agent: mine", "X-Key: 1", NULL};
    int64_t blocks = mem_live();
    wharf_client *client = wharf_client_new(WHARF_OPTIONS(
        wharf_client_options, .headers = headers, .limits.idle_ms = 5, .limits.redirects = WHARF_OFF));
    assert_non_null(client);
    assert_int_equal(client->limits.idle_ms, 5);
    assert_int_equal(client->headers.count, 2);
    assert_true(wharf_str_is(client->headers.at[1].name, "X-Key"));
    wharf_client_free(client);
    assert_null(wharf_client_new(WHARF_OPTIONS(wharf_client_options, .headers = injected)));
    assert_non_null(strstr(wharf_why(), "control character"));
    assert_null(wharf_client_new(WHARF_OPTIONS(wharf_client_options, .limits.per_origin = -3)));
    assert_non_null(strstr(wharf_why(), "limits.per_origin is -3"));
    assert_null(wharf_client_new(&(const wharf_client_options){.size = 0}));
    wharf_client_free(NULL);
    assert_int_equal(mem_live(), blocks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_cannot_be_sent),
        cmocka_unit_test(answers_every_question_about_an_error),
        cmocka_unit_test(has_a_response_when_memory_has_run_out),
        cmocka_unit_test(makes_clients_from_good_options_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
