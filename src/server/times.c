/* Where the time of a request goes: see times.h. */
#include "server/times.h"

#include "sched/sched.h"
#include "server/request.h"

void times_start(struct wharf_request *request, int64_t started, int64_t greeted) {
    int64_t arrived = request->connection->arrived;
    request->times = (struct request_times){.arrived = arrived,
                                            .begun = greeted,
                                            .queue_ns = started - arrived,
                                            .tls_ns = greeted - started,
                                            .awaited = true};
}

void times_received(struct wharf_request *request, bool fresh) {
    struct request_times *times = &request->times;
    if (fresh && !times->awaited) {
        times->arrived = sched_clock();
        times->begun = times->arrived;
        times->queue_ns = 0;
    }
    times->awaited = false;
}

void times_begin(struct wharf_request *request) {
    struct request_times *times = &request->times;
    request->wire.receive.waited_ns = 0;
    request->wire.send.waited_ns = 0;
    times->head = sched_clock();
    times->replied = 0;
    times->run_ns = 0;
    times->wait_ns = 0;
    times->watch = (struct stopwatch){0};
}

void times_handler_begin(struct wharf_request *request) {
    stopwatch_set(&request->times.watch);
}

void times_handler_end(struct wharf_request *request) {
    struct request_times *times = &request->times;
    const struct wire *wire = &request->wire;
    stopwatch_set(NULL);
    times->run_ns = sched_clock() - times->head - times->watch.away_ns;
    int64_t known = times->watch.disk_ns + wire->receive.waited_ns + wire->send.waited_ns;
    times->wait_ns = times->watch.away_ns > known ? times->watch.away_ns - known : 0;
}

void times_read(const struct wharf_request *request, wharf_access_times *ret_times) {
    const struct request_times *times = &request->times;
    const struct wire *wire = &request->wire;
    *ret_times = (wharf_access_times){
        .total = sched_clock() - times->arrived,
        .queue = times->queue_ns,
        .tls = times->tls_ns,
        .header = times->head - times->begun,
        .first = times->replied != 0 ? times->replied - times->head : 0,
        .run = times->run_ns,
        .wait = times->wait_ns,
        .body = wire->receive.waited_ns,
        .disk = times->watch.disk_ns,
        .write = wire->send.waited_ns,
    };
}

void times_next(struct wharf_request *request) {
    struct request_times *times = &request->times;
    times->begun = sched_clock();
    times->queue_ns = times->begun - times->arrived;
    times->tls_ns = 0;
}
