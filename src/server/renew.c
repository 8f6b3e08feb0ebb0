/* See renew.h. A look costs a few stat(2) calls a second. Whatever is wrong with new files, the old ones stay in use, and
 * there is another try when the files change again: a pair whose halves are written one after the other settles by itself. */
#include "server/renew.h"

#include "server/server.h"
#include "tls/settings.h"
#include "wharf/task.h"

enum { LOOK_MS = 1000 };

/* Listeners may share settings: the first one that has them looks. */
static bool is_first(const wharf_server *server, int index) {
    for (int i = 0; i < index; i++) {
        if (server->acceptors[i].tls == server->acceptors[index].tls) {
            return false;
        }
    }
    return server->acceptors[index].tls != NULL;
}

static int renew_run(void *arg) {
    wharf_server *server = ((struct core *)arg)->server;
    uint64_t failed[ADDRESSES_MAX] = {0};
    while (wharf_sleep(LOOK_MS) == 0) {
        for (int i = 0; i < server->acceptor_count; i++) {
            if (is_first(server, i)) {
                (void)tls_reload_if_changed(server->acceptors[i].tls, &failed[i]);
            }
        }
    }
    return 0;
}

int renew_start(struct core *core, struct scope *scope) {
    return task_start(scope, renew_run, core, "http certificates");
}
