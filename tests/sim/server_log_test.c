/* The server's access log in virtual time: delays stand in their own column, refusals have their reason, the file is opened
 * anew when it was renamed, a log that cannot keep up loses lines and says how many, and nothing is left behind. */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>

#include "wharf/wharf.h"

enum { MS = 1000000, DELAY_MS = 100, NEAR_NS = 5 * MS, PATIENCE_MS = 1000000, PIECE = 4096 };

struct stage {
    wharf_server *server;
    wharf_access last; /* its views are gone */
    char reason[64], target[128];
    int requests;
};

static struct stage stage;

static void remember(const wharf_access *access, void *arg) {
    struct stage *at = arg;
    at->last = *access;
    snprintf(at->reason, sizeof at->reason, "%s", access->reason != NULL ? access->reason : "");
    snprintf(at->target, sizeof at->target, "%.*s", WHARF_STR_ARG(access->target));
    at->requests++;
}

/* ---- handlers, each slow in a way of its own ---- */

static int handle_quick(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_text(request, 200, "quick");
}

static int handle_waiting(wharf_request *request, void *arg) {
    (void)arg;
    (void)wharf_sleep(DELAY_MS);
    return wharf_reply_text(request, 200, "waited");
}

static int handle_body(wharf_request *request, void *arg) {
    (void)arg;
    wharf_str body;
    int rc = wharf_request_body(request, &body);
    return rc < 0 ? rc : wharf_reply_text(request, 200, "taken");
}

static int handle_disk(wharf_request *request, void *arg) {
    (void)arg;
    char text[16];
    wharf_file file = wharf_open("/data", O_RDONLY, 0);
    (void)wharf_pread(file, text, sizeof text, 0);
    (void)wharf_file_close(file);
    return wharf_reply_text(request, 200, "read");
}

static int handle_large(wharf_request *request, void *arg) {
    (void)arg;
    static const char piece[PIECE];
    int rc = wharf_reply_begin(request, 200, "text/plain", -1);
    for (int i = 0; i < 64 && rc >= 0; i++) {
        rc = wharf_reply_write(request, piece, sizeof piece);
    }
    return rc;
}

/* ---- a server and one client ---- */

static int run_server(void *arg) {
    return wharf_server_run(*(wharf_server **)arg);
}

static wharf_server *make(wharf_log_format format, const char *file) {
    wharf_server *server = wharf_server_new(WHARF_OPTIONS(wharf_server_options, .log = format,
                                                          .log_file = file, .log_hook = remember,
                                                          .log_arg = &stage, .limits = {.connections = 2}));
    (void)wharf_route(server, "GET /", handle_quick, NULL);
    (void)wharf_route(server, "GET /waiting", handle_waiting, NULL);
    (void)wharf_route(server, "POST /body", handle_body, NULL);
    (void)wharf_route(server, "GET /disk", handle_disk, NULL);
    (void)wharf_route(server, "GET /large", handle_large, NULL);
    return server;
}

/* Runs play() against a server, then stops it. */
static int perform(wharf_log_format format, const char *file, void (*play)(void)) {
    stage = (struct stage){.server = make(format, file)};
    int rc = stage.server == NULL ? -ENOMEM : wharf_server_listen(stage.server, "127.0.0.1:0");
    if (rc == 0) {
        WHARF_SCOPE (scope, &rc) {
            if (wharf_go(scope, run_server, stage.server) == 0) {
                play();
                (void)wharf_server_stop(stage.server);
            }
        }
    }
    wharf_server_free(stage.server);
    return rc;
}

/* Sends a request in two parts with a delay between, waits `late` ms before reading, and reads to the end. */
static void talk(const char *first, const char *second, int64_t late) {
    char bytes[PIECE];
    wharf_sock sock = wharf_dial(wharf_server_address(stage.server, 0));
    (void)wharf_send(sock, first, strlen(first));
    if (second != NULL) {
        (void)wharf_sleep(DELAY_MS);
        (void)wharf_send(sock, second, strlen(second));
    }
    (void)wharf_shutdown_write(sock);
    (void)wharf_sleep(late);
    WHARF_WITHIN (PATIENCE_MS) { /* a fault may have ended the server's acceptor */
        while (wharf_recv(sock, bytes, sizeof bytes) > 0) {
        }
    }
    (void)wharf_close(sock);
    (void)wharf_sleep(1);
}

#define HEAD(line) line " HTTP/1.1\r\nHost: a.example\r\n"

static bool near(int64_t value, int64_t wanted) {
    return value >= wanted && value - wanted <= NEAR_NS;
}

/* ---- where the time goes ---- */

static void play_delays(void) {
    const wharf_access_times *times = &stage.last.times;
    talk(HEAD("GET /") "\r\n", NULL, 0);
    EXPECT(near(times->total, 0) && times->wait == 0 && stage.last.status == 200);
    talk(HEAD("GET /"), "\r\n", 0);
    EXPECT(near(times->header, DELAY_MS * MS) && near(times->total, DELAY_MS * MS) && times->wait == 0);
    talk(HEAD("GET /waiting") "\r\n", NULL, 0);
    EXPECT(near(times->wait, DELAY_MS * MS) && near(times->first, DELAY_MS * MS) && near(times->run, 0) &&
           times->disk == 0 && near(times->header, 0));
    talk(HEAD("POST /body") "Content-Length: 2\r\n\r\na", "b", 0);
    EXPECT(near(times->body, DELAY_MS * MS) && near(times->wait, 0) && stage.last.bytes_in == 2);
    talk(HEAD("GET /large") "\r\n", NULL, DELAY_MS);
    EXPECT(near(times->write, DELAY_MS * MS) && near(times->wait, 0) && stage.last.bytes_out == 64 * PIECE);
    EXPECT(wharf_sim_inject(&(wharf_sim_fault){
               .kind = WHARF_SIM_SLOW_DISK, .amount = DELAY_MS * MS / 3, .for_ns = 1000 * (int64_t)MS}) == 0);
    talk(HEAD("GET /disk") "\r\n", NULL, 0);
    EXPECT(near(times->disk, DELAY_MS * MS) && near(times->wait, 0));
    EXPECT(stage.requests == 6);
}

static int delays(void *arg) {
    (void)arg;
    (void)wharf_sim_put_file("", "/data", "text", 4);
    return perform(WHARF_LOG_OFF, NULL, play_delays);
}

static void each_delay_stands_in_its_own_column(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SCENARIO_SEEDS; seed++) {
        (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed), delays);
    }
}

static void play_queue(void) {
    talk(HEAD("GET /waiting") "\r\n" HEAD("GET /") "\r\n", NULL, 0);
    EXPECT(near(stage.last.times.queue, DELAY_MS * MS) && near(stage.last.times.total, DELAY_MS * MS));
    EXPECT(near(stage.last.times.header, 0) && stage.requests == 2);
}

static int queue(void *arg) {
    (void)arg;
    return perform(WHARF_LOG_OFF, NULL, play_queue);
}

static void what_stands_behind_another_request_is_queued(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SCENARIO_SEEDS; seed++) {
        (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed), queue);
    }
}

/* ---- what is said ---- */

static void play_refusals(void) {
    talk("GET / HTTP/1.1\r\n\r\n", NULL, 0);
    EXPECT(strcmp(stage.reason, "h1.host.missing") == 0 && stage.last.status == 400);
    talk(HEAD("GET /none?token=abc&a=b") "\r\n", NULL, 0);
    EXPECT(strcmp(stage.reason, "http.path.unknown") == 0 && stage.last.status == 404);
    EXPECT(strcmp(stage.target, "/none?token=***&a=b") == 0);
    static const char WAITING[] = HEAD("GET /waiting") "\r\n";
    wharf_sock busy[2];
    for (int i = 0; i < 2; i++) {
        busy[i] = wharf_dial(wharf_server_address(stage.server, 0));
        (void)wharf_send(busy[i], WAITING, sizeof WAITING - 1);
    }
    (void)wharf_sleep(1);
    talk("", NULL, 0);
    EXPECT(strcmp(stage.reason, "connections.limit") == 0 && stage.last.status == 503);
    for (int i = 0; i < 2; i++) {
        (void)wharf_close(busy[i]);
    }
}

static int refusals(void *arg) {
    (void)arg;
    return perform(WHARF_LOG_OFF, NULL, play_refusals);
}

static void refusals_have_their_reason(void **state) {
    (void)state;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), refusals);
}

/* ---- the file ---- */

static size_t lines_in(const char *path) {
    static char text[1 << 20];
    ssize_t len = wharf_sim_get_file("", path, text, sizeof text);
    size_t lines = 0;
    for (ssize_t i = 0; i < len; i++) {
        lines += text[i] == '\n';
    }
    return lines;
}

static void play_rotation(void) {
    talk(HEAD("GET /a") "\r\n", NULL, 0);
    (void)wharf_sleep(10);
    EXPECT(wharf_rename("/log", "/log.1") == 0);
    talk(HEAD("GET /b") "\r\n", NULL, 0);
    EXPECT(wharf_server_reopen_log(stage.server) == 0);
    (void)wharf_sleep(10);
    talk(HEAD("GET /c") "\r\n", NULL, 0);
}

static int rotation(void *arg) {
    (void)arg;
    int rc = perform(WHARF_LOG_JSON, "/log", play_rotation);
    EXPECT(lines_in("/log.1") == 2 && lines_in("/log") == 1);
    return rc;
}

static void a_renamed_file_is_left_when_it_is_reopened(void **state) {
    (void)state;
    scenario_run_seeds(rotation);
}

enum { FLOOD_BATCH = 300, FLOOD_BATCHES = 20 };

static void play_flood(void) {
    talk(HEAD("GET /") "\r\n", NULL, 0);
    EXPECT(wharf_sim_inject(&(wharf_sim_fault){.kind = WHARF_SIM_SLOW_DISK,
                                               .amount = 100000 * (int64_t)MS,
                                               .for_ns = 10 * (int64_t)MS}) == 0);
    static char many[FLOOD_BATCH * 40];
    size_t len = 0;
    for (int i = 0; i < FLOOD_BATCH; i++) {
        len += (size_t)snprintf(many + len, sizeof many - len, "%s\r\n", HEAD("GET /"));
    }
    for (int i = 0; i < FLOOD_BATCHES; i++) {
        talk(many, NULL, 0);
    }
    (void)wharf_sleep(200000);
    talk(HEAD("GET /") "\r\n", NULL, 0);
}

static int flood(void *arg) {
    (void)arg;
    static char text[1 << 20];
    int rc = perform(WHARF_LOG_COMBINED, "/log", play_flood);
    ssize_t len = wharf_sim_get_file("", "/log", text, sizeof text - 1);
    EXPECT(len > 0 && stage.requests == FLOOD_BATCH * FLOOD_BATCHES + 2);
    text[len > 0 ? len : 0] = '\0';
    EXPECT(strstr(text, " log lines dropped\n") != NULL && lines_in("/log") < (size_t)stage.requests);
    return rc;
}

static void a_slow_disk_drops_lines_and_says_so(void **state) {
    (void)state;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), flood);
}

static int no_folder(void *arg) {
    (void)arg;
    stage = (struct stage){.server = make(WHARF_LOG_COMMON, "/no/such/folder/log")};
    EXPECT(wharf_server_listen(stage.server, "127.0.0.1:0") == 0);
    EXPECT(wharf_server_run(stage.server) == -ENOENT && strstr(wharf_why(), "/no/such/folder/log") != NULL);
    wharf_server_free(stage.server);
    EXPECT(wharf_server_new(WHARF_OPTIONS(wharf_server_options, .log_file = "/log")) == NULL);
    return 0;
}

static void a_file_that_cannot_be_opened_is_an_error(void **state) {
    (void)state;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), no_folder);
}

/* ---- whatever happens ---- */

static void play_everything(void) {
    talk(HEAD("GET /disk?token=a") "\r\n", NULL, 0);
    (void)wharf_server_reopen_log(stage.server);
    talk(HEAD("POST /body") "Content-Length: 2\r\n\r\na", "b", 0);
}

static int everything(void *arg) {
    (void)arg;
    (void)wharf_sim_put_file("", "/data", "text", 4);
    return perform(WHARF_LOG_LOGFMT, "/log", play_everything);
}

static void nothing_is_left_whatever_fails(void **state) {
    (void)state;
    const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = 3);
    assert_true(scenario_sweep(WHARF_TEST_ALLOCATION, options, everything) > 0);
    assert_true(scenario_sweep(WHARF_TEST_CANCEL, options, everything) > 0);
    assert_true(scenario_sweep(WHARF_TEST_EXPIRE, options, everything) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_delay_stands_in_its_own_column),
        cmocka_unit_test(what_stands_behind_another_request_is_queued),
        cmocka_unit_test(refusals_have_their_reason),
        cmocka_unit_test(a_renamed_file_is_left_when_it_is_reopened),
        cmocka_unit_test(a_slow_disk_drops_lines_and_says_so),
        cmocka_unit_test(a_file_that_cannot_be_opened_is_an_error),
        cmocka_unit_test(nothing_is_left_whatever_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
