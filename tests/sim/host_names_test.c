/* Hosts are reached by name: their own, names that the world was told, late answers and none, and HTTP over all of it. */
#include <errno.h>

#include "scenario.h"
#include "wharf/sim.h"

#define MILLISECOND INT64_C(1000000)
#define SECOND      INT64_C(1000000000)

static int hello(wharf_request *request, void *arg) {
    (void)arg;
    wharf_str host = wharf_request_host(request);
    char text[128];
    (void)snprintf(text, sizeof(text), "hello from %.*s", WHARF_STR_ARG(host));
    return wharf_reply_text(request, 200, text);
}

static int shop(void *arg) {
    (void)arg;
    wharf_server *server = wharf_server_new(WHARF_OPTIONS(wharf_server_options, .no_signals = true));
    if (server == NULL) {
        return -ENOMEM;
    }
    int rc = wharf_route(server, "GET /", hello, NULL);
    rc = rc < 0 ? rc : wharf_serve(server, ":80");
    wharf_server_free(server);
    return rc;
}

static int start_shop(void) {
    return wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "shop.example",
                                         .addresses = "192.0.2.1 2001:db8::1", .program = shop));
}

/* The status of an answer, or an error; the body must be `body` unless that is NULL. */
static int fetch(const char *url, const char *body) {
    wharf_response *response = wharf_get(url);
    int rc = wharf_response_error(response);
    int status = wharf_response_status(response);
    EXPECT(rc < 0 || body == NULL || wharf_str_is(wharf_response_body(response), body));
    wharf_response_free(response);
    return rc < 0 ? rc : status;
}

static int inject(wharf_sim_fault fault) {
    fault.at_ns += wharf_sim_elapsed_ns();
    return wharf_sim_inject(&fault);
}

static int by_name(void *arg) {
    (void)arg;
    int rc = start_shop();
    if (rc < 0) {
        return rc;
    }
    (void)wharf_sleep(1);
    EXPECT(fetch("http://shop.example/", "hello from shop.example") == 200);
    EXPECT(fetch("http://SHOP.example./", NULL) == 200);
    EXPECT(fetch("http://nowhere.invalid/", NULL) == -WHARF_ENAME);
    EXPECT(wharf_sim_set_name("www.shop.example", "192.0.2.1") == 0);
    EXPECT(fetch("http://www.shop.example/", "hello from www.shop.example") == 200);
    EXPECT(wharf_sim_set_name("www.shop.example", "192.0.2.77 192.0.2.1") == 0); /* the first is nobody's */
    EXPECT(fetch("http://www.shop.example:80/", NULL) == 200);
    EXPECT(wharf_sim_set_name("gone.example", "") == 0);
    EXPECT(fetch("http://gone.example/", NULL) == -WHARF_ENAME);
    EXPECT(wharf_sim_set_name("bad.example", "not an address") == -EINVAL);
    EXPECT(wharf_sim_set_name("", "192.0.2.1") == -EINVAL);
    return 0;
}

static void names_lead_to_hosts(void **state) {
    (void)state;
    scenario_run_seeds(by_name);
    assert_int_equal(wharf_sim_set_name("shop.example", "192.0.2.1"), -EINVAL); /* outside a simulation */
}

static int with_faults(void *arg) {
    (void)arg;
    int rc = start_shop();
    if (rc < 0) {
        return rc;
    }
    (void)wharf_sleep(1);
    EXPECT(inject((wharf_sim_fault){
               .kind = WHARF_SIM_SLOW_NAMES, .for_ns = 10 * SECOND, .amount = 2 * SECOND}) == 0);
    int64_t start = wharf_sim_elapsed_ns();
    EXPECT(fetch("http://shop.example/", NULL) == 200);
    EXPECT(wharf_sim_elapsed_ns() - start >= 2 * SECOND && wharf_sim_elapsed_ns() - start < 3 * SECOND);
    WHARF_WITHIN (1000) {
        wharf_sock sock = wharf_dial("shop.example:80");
        EXPECT(wharf_error(sock) == -ETIMEDOUT);
    }
    (void)wharf_sleep(10000);
    EXPECT(inject((wharf_sim_fault){.kind = WHARF_SIM_BAD_NAMES, .for_ns = SECOND}) == 0);
    wharf_sock sock = wharf_dial("shop.example:80");
    EXPECT(wharf_error(sock) == -WHARF_ENAME);
    (void)wharf_sleep(1001);
    sock = wharf_dial("shop.example:80");
    EXPECT(!wharf_failed(sock));
    (void)wharf_close(sock);
    return 0;
}

static void names_may_be_slow_and_fail(void **state) {
    (void)state;
    scenario_run_seeds(with_faults);
}

static int only_by_name(void *arg) {
    (void)arg;
    int rc = start_shop();
    (void)wharf_sleep(1);
    rc = rc < 0 ? rc : wharf_sim_set_name("www.shop.example", "192.0.2.1");
    rc = rc < 0 ? rc : fetch("http://www.shop.example/", NULL);
    return rc < 0 ? rc : 0;
}

static void nothing_is_left_wherever_it_is_struck(void **state) {
    (void)state;
    (void)scenario_sweep(WHARF_TEST_ALLOCATION, NULL, only_by_name);
    (void)scenario_sweep(WHARF_TEST_CANCEL, NULL, only_by_name);
    (void)scenario_sweep(WHARF_TEST_EXPIRE, NULL, only_by_name);
    (void)scenario_sweep(WHARF_TEST_DESCRIPTOR, NULL, only_by_name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lead_to_hosts),
        cmocka_unit_test(names_may_be_slow_and_fail),
        cmocka_unit_test(nothing_is_left_wherever_it_is_struck),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
