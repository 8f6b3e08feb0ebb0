/* Several hosts in one world: programs of their own, links between them, and what goes wrong with either. */
#include "scenario.h"

#include <errno.h>
#include <signal.h>

#include "sched/sched.h"
#include "wharf/sim.h"

enum { SEEDS = 30, PORT_SIZE = 64 };

#define MILLISECOND INT64_C(1000000)
#define SECOND      INT64_C(1000000000)

/* ---- a server that answers each line with the same line ---- */

static const char *const server_address = "192.0.2.1:7";
static int server_starts;

static int serve_one(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    char bytes[512];
    ssize_t got = wharf_recv(sock, bytes, sizeof(bytes));
    while (got > 0 && wharf_send(sock, bytes, (size_t)got) >= 0) {
        got = wharf_recv(sock, bytes, sizeof(bytes));
    }
    (void)wharf_close(sock);
    return 0;
}

static int server(void *arg) {
    (void)arg;
    server_starts++;
    wharf_sock listener = wharf_serve_on("0.0.0.0:7");
    if (wharf_failed(listener)) {
        return wharf_error(listener);
    }
    WHARF_SCOPE (scope, NULL) {
        wharf_sock sock = wharf_accept(listener);
        while (!wharf_failed(sock)) {
            if (wharf_go(scope, serve_one, sock) < 0) {
                (void)wharf_close(sock);
            }
            sock = wharf_accept(listener);
        }
    }
    (void)wharf_close(listener);
    return 0;
}

static int start_server(void) {
    server_starts = 0;
    return wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "server",
                                         .addresses = "192.0.2.1 2001:db8::1", .program = server));
}

/* One conversation: 0, or what went wrong. */
static int ask(const char *address, size_t size) {
    static char bytes[100000], answer[100000];
    memset(bytes, 'q', size);
    wharf_sock sock = wharf_dial(address);
    if (wharf_failed(sock)) {
        return wharf_error(sock);
    }
    ssize_t rc = wharf_send(sock, bytes, size);
    rc = rc < 0 ? rc : wharf_recv_exact(sock, answer, size);
    EXPECT(rc < 0 || memcmp(bytes, answer, size) == 0);
    (void)wharf_close(sock);
    return rc < 0 ? (int)rc : 0;
}

static int inject(wharf_sim_fault fault) {
    fault.at_ns += wharf_sim_elapsed_ns();
    return wharf_sim_inject(&fault);
}

/* ---- programs ---- */

static int client_program(void *arg) {
    EXPECT(ask(server_address, 100) == 0);
    EXPECT(ask("[2001:db8::1]:7", 100) == -ECONNREFUSED);
    return *(int *)arg;
}

/* Without a word about how it ends. */
static int asks_once(void *arg) {
    (void)arg;
    (void)wharf_sleep(1);
    (void)ask(server_address, 100);
    return 0;
}

static int two_hosts(void *arg) {
    (void)arg;
    int forty_two = 42, result = 0;
    EXPECT(start_server() == 0);
    EXPECT(wharf_sleep(1) == 0);
    EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "client", .program = client_program,
                                         .arg = &forty_two)) == 0);
    EXPECT(wharf_sim_wait("client", &result) == 0);
    EXPECT(result == 42);
    EXPECT(wharf_sim_wait("client", NULL) == 0);
    return 0;
}

static void programs_on_several_hosts_talk(void **state) {
    (void)state;
    scenario_run_seeds(two_hosts);
}

static int own_addresses(void *arg) {
    (void)arg;
    EXPECT(wharf_error(wharf_serve_on("192.0.2.1:9")) == -EADDRNOTAVAIL);
    EXPECT(ask("127.0.0.1:7", 1) == -ECONNREFUSED);
    wharf_sock sock = wharf_dial(server_address);
    char local[WHARF_ADDRESS_SIZE] = "";
    EXPECT(wharf_local_address(sock, local, sizeof(local)) >= 0);
    EXPECT(strncmp(local, "10.0.0.3:", 9) == 0);
    (void)wharf_close(sock);
    return 0;
}

static int addresses(void *arg) {
    (void)arg;
    EXPECT(start_server() == 0);
    EXPECT(wharf_sleep(1) == 0);
    EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "other", .program = own_addresses)) == 0);
    EXPECT(wharf_sim_wait("other", NULL) == 0);
    EXPECT(ask("10.0.0.3:7", 1) == -ECONNREFUSED);
    return 0;
}

static void each_host_has_its_own_addresses(void **state) {
    (void)state;
    scenario_run_seeds(addresses);
}

static int nonsense(void *arg) {
    (void)arg;
    EXPECT(start_server() == 0);
    EXPECT(start_server() == -EEXIST);
    EXPECT(wharf_sim_start(NULL) == -EINVAL);
    EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "a")) == -EINVAL);
    EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "", .program = server)) == -EINVAL);
    EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "a", .addresses = "192.0.2.1",
                                         .program = server)) == -EEXIST);
    EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "a", .addresses = "192.0.2",
                                         .program = server)) == -EINVAL);
    EXPECT(wharf_sim_wait("nobody", NULL) == -ENOENT);
    EXPECT(wharf_sim_wait("local", NULL) == -ENOENT);
    EXPECT(wharf_sim_set_link("server", "nobody", WHARF_OPTIONS(wharf_sim_link, .mtu = 1500)) == -ENOENT);
    EXPECT(wharf_sim_set_link("server", "local", WHARF_OPTIONS(wharf_sim_link, .mtu = 100)) == -EINVAL);
    EXPECT(wharf_sim_set_link("server", "local", NULL) == -EINVAL);
    EXPECT(wharf_sim_inject(&(wharf_sim_fault){.kind = WHARF_SIM_CRASH}) == -EINVAL);
    EXPECT(wharf_sim_inject(&(wharf_sim_fault){.kind = WHARF_SIM_STALL, .host = "nobody"}) == -ENOENT);
    EXPECT(wharf_sim_inject(&(wharf_sim_fault){.kind = 0}) == -EINVAL);
    EXPECT(wharf_sim_inject(&(wharf_sim_fault){.kind = WHARF_SIM_LOSS, .amount = 2000000}) == -EINVAL);
    EXPECT(wharf_sim_inject(NULL) == -EINVAL);
    return 0;
}

static void nonsense_is_refused(void **state) {
    (void)state;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), nonsense);
    assert_int_equal(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "a", .program = server)), -EINVAL);
    assert_int_equal(wharf_sim_wait("a", NULL), -EINVAL);
    assert_int_equal(wharf_sim_elapsed_ns(), 0);
}

static int struck(void *arg) {
    int result = 0;
    int rc = start_server();
    rc = rc < 0 ? rc : wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "client", .program = asks_once));
    rc = rc < 0 ? rc : wharf_sim_wait("client", &result);
    (void)arg;
    return rc < 0 ? rc : result;
}

static void struck_anywhere_nothing_is_left(void **state) {
    (void)state;
    const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = 3);
    assert_true(scenario_sweep(WHARF_TEST_ALLOCATION, options, struck) > 10);
    assert_true(scenario_sweep(WHARF_TEST_CANCEL, options, struck) > 5);
    assert_true(scenario_sweep(WHARF_TEST_EXPIRE, options, struck) > 5);
    assert_true(scenario_sweep(WHARF_TEST_DESCRIPTOR, options, struck) >= 3);
    assert_true(scenario_sweep(WHARF_TEST_RESET, options, struck) >= 4);
}

/* ---- links ---- */

static int64_t time_to_ask(size_t size) {
    int64_t before = wharf_now_ns();
    EXPECT(ask(server_address, size) == 0);
    return wharf_now_ns() - before;
}

static int distances(void *arg) {
    (void)arg;
    EXPECT(start_server() == 0);
    EXPECT(wharf_sleep(1) == 0);
    wharf_sim_link link = {.size = sizeof(link), .latency_ns = 30 * MILLISECOND};
    EXPECT(wharf_sim_set_link("local", "server", &link) == 0);
    /* There and back to connect, there and back to ask. */
    EXPECT(time_to_ask(100) == 4 * link.latency_ns);
    link.bytes_per_second = 100000;
    EXPECT(wharf_sim_set_link("server", "local", &link) == 0);
    /* The answer leaves while the question still comes in, if it comes in pieces: at least one way takes its second. */
    int64_t took = time_to_ask(100000);
    EXPECT(took >= 4 * link.latency_ns + SECOND && took <= 4 * link.latency_ns + 3 * SECOND);
    link = (wharf_sim_link){.size = sizeof(link), .latency_ns = WHARF_OFF};
    EXPECT(wharf_sim_set_link("server", "local", &link) == 0);
    EXPECT(time_to_ask(1000) == 0);
    return 0;
}

static void a_link_has_length_and_width(void **state) {
    (void)state;
    scenario_run_seeds(distances);
}

static int lossy(void *arg) {
    (void)arg;
    EXPECT(start_server() == 0);
    EXPECT(wharf_sleep(1) == 0);
    EXPECT(wharf_sim_set_link("local", "server",
                              WHARF_OPTIONS(wharf_sim_link, .latency_ns = MILLISECOND,
                                            .spread_ns = MILLISECOND, .mtu = 1500, .loss_ppm = 100000)) == 0);
    for (int i = 0; i < 5; i++) {
        EXPECT(ask(server_address, 10000) == 0);
    }
    return 0;
}

static void a_stream_survives_losses(void **state) {
    (void)state;
    int64_t least = INT64_MAX, most = 0;
    for (uint64_t seed = 1; seed < SEEDS; seed++) {
        wharf_sim_report report = scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed), lossy);
        least = report.virtual_ns < least ? report.virtual_ns : least;
        most = report.virtual_ns > most ? report.virtual_ns : most;
    }
    /* 40 packets or more, of which a tenth is lost, each for a fifth of a second. */
    assert_true(least > 200 * MILLISECOND && most < 60 * SECOND && most > least);
}

/* ---- faults of links ---- */

static int partition(void *arg) {
    (void)arg;
    EXPECT(start_server() == 0);
    EXPECT(wharf_sleep(1) == 0);
    wharf_sock sock = wharf_dial(server_address);
    char byte = 'x';
    EXPECT(inject((wharf_sim_fault){.kind = WHARF_SIM_PARTITION, .host = "server", .for_ns = 10 * SECOND}) ==
           0);
    EXPECT(wharf_yield() == 0);
    int64_t before = wharf_now_ns();
    EXPECT(wharf_send(sock, &byte, 1) == 1);
    WHARF_WITHIN (5000) {
        EXPECT(wharf_recv(sock, &byte, 1) == -ETIMEDOUT);
    }
    WHARF_WITHIN (1000) {
        EXPECT(ask(server_address, 1) == -ETIMEDOUT);
    }
    EXPECT(wharf_recv(sock, &byte, 1) == 1);
    int64_t took = wharf_now_ns() - before;
    EXPECT(took >= 10 * SECOND && took < 30 * SECOND);
    EXPECT(wharf_close(sock) == 0);
    EXPECT(ask(server_address, 1) == 0);
    return 0;
}

static void a_partition_heals(void **state) {
    (void)state;
    scenario_run_seeds(partition);
}

static int cut_for_good(void *arg) {
    (void)arg;
    EXPECT(start_server() == 0);
    EXPECT(wharf_sleep(1) == 0);
    wharf_sock sock = wharf_dial(server_address);
    wharf_sock idle = wharf_dial(server_address);
    char byte = 'x';
    EXPECT(wharf_set_option(idle, "keepalive", 1) == 0 && wharf_set_option(idle, "keepalive_idle", 60) == 0);
    EXPECT(inject((wharf_sim_fault){.kind = WHARF_SIM_PARTITION, .peer = "server"}) == 0);
    EXPECT(wharf_yield() == 0);
    EXPECT(wharf_send(sock, &byte, 1) == 1);
    EXPECT(wharf_recv(sock, &byte, 1) == -ETIMEDOUT);
    EXPECT(wharf_recv(idle, &byte, 1) == -ETIMEDOUT);
    EXPECT(ask(server_address, 1) == -ETIMEDOUT);
    EXPECT(wharf_sim_elapsed_ns() > 60 * SECOND && wharf_sim_elapsed_ns() < 3600 * SECOND);
    EXPECT(wharf_close(sock) == 0 && wharf_close(idle) == 0);
    return 0;
}

static void a_peer_that_is_gone_for_good_times_out(void **state) {
    (void)state;
    scenario_run_seeds(cut_for_good);
}

static int resets(void *arg) {
    (void)arg;
    EXPECT(start_server() == 0);
    EXPECT(wharf_sleep(1) == 0);
    EXPECT(inject((wharf_sim_fault){.kind = WHARF_SIM_RESET, .host = "server", .amount = 500}) == 0);
    EXPECT(wharf_yield() == 0);
    EXPECT(ask(server_address, 400) == 0);
    int rc = ask(server_address, 400);
    EXPECT(rc == -ECONNRESET || rc == -WHARF_EEOF);
    wharf_sock sock = wharf_dial(server_address);
    char byte = 'x';
    EXPECT(inject((wharf_sim_fault){.kind = WHARF_SIM_RESET, .peer = "server"}) == 0);
    EXPECT(wharf_recv(sock, &byte, 1) == -ECONNRESET);
    EXPECT(wharf_close(sock) == 0);
    EXPECT(ask(server_address, 50) == 0);
    return 0;
}

static void a_stream_is_reset_as_planned(void **state) {
    (void)state;
    scenario_run_seeds(resets);
}

static int delays(void *arg) {
    (void)arg;
    EXPECT(start_server() == 0);
    EXPECT(wharf_sleep(1) == 0);
    EXPECT(inject((wharf_sim_fault){
               .kind = WHARF_SIM_DELAY, .host = "server", .amount = 100 * MILLISECOND, .for_ns = SECOND}) ==
           0);
    EXPECT(wharf_yield() == 0);
    EXPECT(time_to_ask(10) >= 400 * MILLISECOND);
    EXPECT(wharf_sleep(1000) == 0);
    EXPECT(time_to_ask(10) < MILLISECOND);
    return 0;
}

static void a_delay_passes(void **state) {
    (void)state;
    scenario_run_seeds(delays);
}

/* ---- faults of hosts ---- */

static int kill_and_restart(void *arg) {
    (void)arg;
    EXPECT(start_server() == 0);
    EXPECT(wharf_sleep(1) == 0);
    wharf_sock sock = wharf_dial(server_address);
    char byte = 'x';
    EXPECT(inject((wharf_sim_fault){.kind = WHARF_SIM_KILL, .host = "server", .for_ns = 3 * SECOND}) == 0);
    ssize_t got = wharf_recv(sock, &byte, 1);
    EXPECT(got == 0 || got == -ECONNRESET);
    EXPECT(wharf_close(sock) == 0);
    EXPECT(ask(server_address, 10) == -ECONNREFUSED);
    EXPECT(wharf_sleep(3100) == 0);
    EXPECT(ask(server_address, 10) == 0);
    EXPECT(server_starts == 2);
    return 0;
}

static void a_killed_program_begins_again(void **state) {
    (void)state;
    scenario_run_seeds(kill_and_restart);
}

static int crash_and_restart(void *arg) {
    (void)arg;
    EXPECT(start_server() == 0);
    EXPECT(wharf_sleep(1) == 0);
    wharf_sock idle = wharf_dial(server_address);
    wharf_sock sender = wharf_dial(server_address);
    char byte = 'x';
    EXPECT(inject((wharf_sim_fault){.kind = WHARF_SIM_CRASH, .host = "server", .for_ns = 3 * SECOND}) == 0);
    WHARF_WITHIN (1000) {
        EXPECT(wharf_recv(idle, &byte, 1) == -ETIMEDOUT);
        EXPECT(ask(server_address, 10) == -ETIMEDOUT);
    }
    EXPECT(wharf_send(sender, &byte, 1) == 1);
    /* It is back, and has never heard of this connection. */
    EXPECT(wharf_recv(sender, &byte, 1) == -ECONNRESET);
    EXPECT(wharf_sim_elapsed_ns() >= 3 * SECOND && wharf_sim_elapsed_ns() < 10 * SECOND);
    EXPECT(ask(server_address, 10) == 0);
    WHARF_WITHIN (1000) {
        EXPECT(wharf_recv(idle, &byte, 1) == -ETIMEDOUT);
    }
    EXPECT(wharf_send(idle, &byte, 1) == 1);
    EXPECT(wharf_recv(idle, &byte, 1) == -ECONNRESET);
    EXPECT(wharf_close(idle) == 0 && wharf_close(sender) == 0);
    EXPECT(server_starts == 2);
    return 0;
}

static void a_crashed_host_is_silent_and_comes_back_without_memory(void **state) {
    (void)state;
    scenario_run_seeds(crash_and_restart);
}

static int clean_ups;
static int sleeper(void *arg) {
    (void)arg;
    EXPECT(wharf_sleep(WHARF_OFF) == -ECANCELED);
    /* A host that is dying reaches nobody and waits for nothing, shield or not. */
    WHARF_SHIELD (1000) {
        EXPECT(wharf_sleep(1) == -ECANCELED);
        EXPECT(wharf_failed(wharf_dial(server_address)));
        EXPECT(wharf_failed(wharf_socket("tcp")));
    }
    clean_ups++;
    return 7;
}

static int many_sleepers(void *arg) {
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 5; i++) {
            EXPECT(wharf_go(scope, sleeper, 0) == 0);
        }
        (void)sleeper(arg);
    }
    return 7;
}

static int death(void *arg) {
    (void)arg;
    clean_ups = 0;
    int result = 0;
    EXPECT(start_server() == 0);
    EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "victim", .program = many_sleepers)) == 0);
    EXPECT(wharf_sleep(10) == 0);
    EXPECT(inject((wharf_sim_fault){.kind = WHARF_SIM_CRASH, .host = "victim", .at_ns = SECOND}) == 0);
    EXPECT(wharf_sim_wait("victim", &result) == 0);
    EXPECT(result == -EHOSTDOWN && clean_ups == 6);
    EXPECT(wharf_sim_elapsed_ns() == SECOND + 10 * MILLISECOND);
    return 0;
}

static void the_tasks_of_a_dead_host_end_at_once(void **state) {
    (void)state;
    scenario_run_seeds(death);
}

static int stall(void *arg) {
    (void)arg;
    EXPECT(start_server() == 0);
    EXPECT(wharf_sleep(1) == 0);
    EXPECT(inject((wharf_sim_fault){.kind = WHARF_SIM_STALL, .host = "server", .for_ns = 5 * SECOND}) == 0);
    EXPECT(wharf_yield() == 0);
    wharf_sock sock = wharf_dial(server_address); /* its kernel answers */
    EXPECT(!wharf_failed(sock) && wharf_sim_elapsed_ns() < SECOND);
    EXPECT(wharf_close(sock) == 0);
    EXPECT(time_to_ask(10) >= 4 * SECOND);
    return 0;
}

static void a_stalled_host_answers_late(void **state) {
    (void)state;
    scenario_run_seeds(stall);
}

static int no_sockets(void *arg) {
    (void)arg;
    EXPECT(start_server() == 0);
    EXPECT(wharf_sleep(1) == 0);
    EXPECT(inject((wharf_sim_fault){.kind = WHARF_SIM_NO_SOCKETS, .for_ns = SECOND}) == 0);
    EXPECT(wharf_sleep(1) == 0);
    EXPECT(ask(server_address, 1) == -EMFILE);
    EXPECT(wharf_sleep(1000) == 0);
    EXPECT(ask(server_address, 1) == 0);
    EXPECT(inject((wharf_sim_fault){.kind = WHARF_SIM_NO_SOCKETS, .host = "server", .for_ns = SECOND}) == 0);
    EXPECT(wharf_sleep(1) == 0);
    EXPECT(time_to_ask(1) >= SECOND - 10 * MILLISECOND); /* accepted when there is a descriptor again */
    return 0;
}

static void a_host_may_run_out_of_descriptors(void **state) {
    (void)state;
    scenario_run_seeds(no_sockets);
}

static int64_t seen_wall;
static int look_at_clock(void *arg) {
    (void)arg;
    seen_wall = sched_wall_seconds();
    return 0;
}

static int clocks(void *arg) {
    (void)arg;
    int64_t here = sched_wall_seconds();
    EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "early", .program = look_at_clock,
                                         .clock_skew_ns = -100 * SECOND)) == 0);
    EXPECT(wharf_sim_wait("early", NULL) == 0);
    EXPECT(seen_wall == here - 100);
    EXPECT(inject((wharf_sim_fault){.kind = WHARF_SIM_CLOCK, .amount = 3600 * SECOND}) == 0);
    EXPECT(wharf_sleep(2000) == 0);
    EXPECT(sched_wall_seconds() == here + 3602);
    EXPECT(wharf_sim_elapsed_ns() == 2 * SECOND);
    return 0;
}

static void wall_clocks_differ_and_jump(void **state) {
    (void)state;
    scenario_run_seeds(clocks);
}

static int until_told(void *arg) {
    (void)arg;
    int number = wharf_signal_wait(WHARF_SIGNAL(SIGTERM));
    return number == SIGTERM ? 15 : number;
}

static int signals(void *arg) {
    (void)arg;
    int result = 0;
    EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "polite", .program = until_told)) == 0);
    EXPECT(start_server() == 0);
    EXPECT(wharf_sleep(1) == 0);
    wharf_sim_fault fault = {.kind = WHARF_SIM_SIGNAL, .host = "polite", .amount = SIGTERM};
    EXPECT(inject(fault) == 0);
    EXPECT(wharf_sim_wait("polite", &result) == 0);
    EXPECT(result == 15);
    memcpy(fault.host, "server", sizeof("server"));
    EXPECT(inject(fault) == 0);
    EXPECT(wharf_sim_wait("server", &result) == 0); /* does not look out for it */
    EXPECT(result == -EHOSTDOWN);
    return 0;
}

static void a_signal_is_received_or_kills(void **state) {
    (void)state;
    scenario_run_seeds(signals);
}

/* ---- ends ---- */

static int waits_for_ever(void *arg) {
    (void)arg;
    wharf_sock listener = wharf_serve_on("0.0.0.0:7");
    (void)wharf_close(wharf_accept(listener));
    (void)wharf_close(listener);
    return 0;
}

static int nobody_acts(void *arg) {
    (void)arg;
    EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "lonely", .program = waits_for_ever)) == 0);
    return wharf_sim_wait("lonely", NULL);
}

static void a_deadlock_names_what_each_host_waits_for(void **state) {
    (void)state;
    wharf_sim_report report;
    wharf_sim_options options = {.size = sizeof(options), .seed = 5};
    assert_int_equal(wharf_sim_run_report(&options, nobody_acts, NULL, &report), -WHARF_EDEADLOCK);
    assert_non_null(strstr(report.stuck, "on local: main: wait for a host"));
    assert_non_null(strstr(report.stuck, "on lonely: main: accept"));
    scenario_assert_clean(&options, 0, &report);
}

static int works_for_ever(void *arg) {
    int64_t ms = *(int64_t *)arg;
    int rc = 0;
    while (rc == 0) {
        rc = wharf_sleep(ms);
    }
    return rc;
}

static void a_run_has_bounds(void **state) {
    (void)state;
    int64_t second = 1000, year = INT64_C(365) * 86400 * 1000;
    wharf_sim_report report;
    wharf_sim_options options = {.size = sizeof(options), .steps_max = 1000};
    assert_int_equal(wharf_sim_run_report(&options, works_for_ever, &second, &report), -WHARF_ELIMIT);
    assert_non_null(strstr(wharf_why(), "steps_max"));
    assert_in_range(report.steps, 1000, 1100);
    scenario_assert_clean(&options, 0, &report);
    options = (wharf_sim_options){.size = sizeof(options), .virtual_ns_max = 3600 * SECOND};
    assert_int_equal(wharf_sim_run_report(&options, works_for_ever, &second, &report), -WHARF_ELIMIT);
    assert_non_null(strstr(wharf_why(), "virtual_ns_max"));
    assert_in_range(report.virtual_ns, 3600 * SECOND, 3602 * SECOND);
    options = (wharf_sim_options){.size = sizeof(options)};
    assert_int_equal(wharf_sim_run_report(&options, works_for_ever, &year, &report), -WHARF_ELIMIT);
    assert_non_null(strstr(wharf_why(), "virtual_ns_max"));
}

/* ---- chaos ---- */

static int client_in_chaos(void *arg) {
    (void)arg;
    for (int i = 0; i < 20; i++) {
        WHARF_WITHIN (2000) {
            (void)ask(server_address, 300);
        }
        if (wharf_sleep(300) < 0) {
            return -ECANCELED;
        }
    }
    return 0;
}

static int chaos(void *arg) {
    (void)arg;
    EXPECT(start_server() == 0);
    EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "client", .program = client_in_chaos)) == 0);
    EXPECT(wharf_sim_wait("client", NULL) == 0);
    return 0;
}

static void a_drawn_plan_may_be_given_and_gives_the_same_run(void **state) {
    (void)state;
    unsigned kinds = 0;
    for (uint64_t seed = 1; seed < 3 * SEEDS; seed++) {
        wharf_sim_options options = {
            .size = sizeof(options), .seed = seed, .chaos = 6, .piece_bytes_max = 50};
        wharf_sim_report drawn = scenario_run(&options, chaos);
        for (size_t i = 0; i < drawn.fault_count; i++) {
            kinds |= 1U << drawn.faults[i].kind;
        }
        options.chaos = 0;
        options.faults = drawn.faults;
        options.fault_count = drawn.fault_count;
        wharf_sim_report given = scenario_run(&options, chaos);
        assert_true(given.trace == drawn.trace);
        assert_int_equal(given.virtual_ns, drawn.virtual_ns);
        assert_int_equal(given.fault_count, drawn.fault_count);
        options.seed = seed + 1000;
        assert_true(scenario_run(&options, chaos).trace != drawn.trace);
    }
    assert_int_equal(kinds, ((1U << WHARF_SIM_FAULT_KINDS) - 2) &
                                ~(1U << WHARF_SIM_NO_MEMORY | 1U << WHARF_SIM_SIGNAL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_on_several_hosts_talk),
        cmocka_unit_test(each_host_has_its_own_addresses),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(struck_anywhere_nothing_is_left),
        cmocka_unit_test(a_link_has_length_and_width),
        cmocka_unit_test(a_stream_survives_losses),
        cmocka_unit_test(a_partition_heals),
        cmocka_unit_test(a_peer_that_is_gone_for_good_times_out),
        cmocka_unit_test(a_stream_is_reset_as_planned),
        cmocka_unit_test(a_delay_passes),
        cmocka_unit_test(a_killed_program_begins_again),
        cmocka_unit_test(a_crashed_host_is_silent_and_comes_back_without_memory),
        cmocka_unit_test(the_tasks_of_a_dead_host_end_at_once),
        cmocka_unit_test(a_stalled_host_answers_late),
        cmocka_unit_test(a_host_may_run_out_of_descriptors),
        cmocka_unit_test(wall_clocks_differ_and_jump),
        cmocka_unit_test(a_signal_is_received_or_kills),
        cmocka_unit_test(a_deadlock_names_what_each_host_waits_for),
        cmocka_unit_test(a_run_has_bounds),
        cmocka_unit_test(a_drawn_plan_may_be_given_and_gives_the_same_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
