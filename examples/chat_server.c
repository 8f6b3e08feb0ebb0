/* chat_server [ADDRESS] - a client's first line names its room, every further one goes to all others there; "/close"
 * closes the room. localhost:7000 unless told otherwise. Shows: a scope for each room, open as long as somebody is in it,
 * into which other clients' tasks start theirs; and for each member a channel of lines, which fills up when it reads too
 * slowly: then it is dropped, and never holds up the others. */
#include <stdio.h>

#include "wharf/net.h"
#include "wharf/sync.h"
#include "wharf/task.h"

enum { ROOMS_MAX = 100, LINE_MAX = 512, WAITING_MAX = 64, HELLO_MS = 30000 };

struct member {
    struct member *next;
    struct room *room;
    wharf_sock sock;
    wharf_chan lines; /* on their way to it, each LINE_MAX bytes */
};

static struct room {
    const char *name;
    wharf_scope *scope; /* NULL: not in use */
    struct member *members;
} rooms[ROOMS_MAX];

static const char COMES[LINE_MAX] = "* somebody comes\n", GOES[LINE_MAX] = "* somebody goes\n";

static bool receive_line(wharf_sock sock, char line[LINE_MAX]) {
    ssize_t n = wharf_recv_until(sock, line, LINE_MAX - 1, "\n");
    line[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* Gives a line to everybody but one. Nothing in here suspends, so nobody comes or goes meanwhile. */
static void tell(const struct room *room, const struct member *but, const char line[LINE_MAX]) {
    for (const struct member *to = room->members; to != NULL; to = to->next) {
        if (to != but && wharf_try_put(to->lines, line) < 0) {
            wharf_abort(to->sock); /* which ends its tasks */
        }
    }
}

static int send_lines(void *arg) {
    const struct member *member = *(struct member **)arg;
    char line[LINE_MAX];
    ssize_t sent = 0;
    while (sent >= 0 && wharf_take(member->lines, line) == 1) {
        sent = wharf_send(member->sock, line, strlen(line));
    }
    return (int)sent; /* an error ends the receiving, too */
}

static int chat(void *arg) {
    struct member self = *(struct member *)arg, **at = &self.room->members;
    char line[LINE_MAX];
    self.lines = wharf_chan_new(LINE_MAX, WAITING_MAX);
    self.next = *at;
    *at = &self;
    tell(self.room, NULL, COMES);
    WHARF_SCOPE (both, NULL) {
        wharf_go(both, send_lines, &self);
        while (receive_line(self.sock, line)) {
            if (strcmp(line, "/close\n") == 0) {
                wharf_scope_cancel(self.room->scope); /* every call in it fails from now on, here too */
            }
            tell(self.room, &self, line);
        }
        wharf_scope_cancel(both);
    }
    for (; *at != &self; at = &(*at)->next) {
    }
    *at = self.next;
    tell(self.room, NULL, GOES);
    wharf_chan_free(self.lines);
    return wharf_close(self.sock), 0;
}

/* The room of this name, or a free one; NULL: all are taken. */
static struct room *find_room(const char *name) {
    struct room *unused = NULL, *room = rooms;
    for (; room < rooms + ROOMS_MAX && (room->scope == NULL || strcmp(room->name, name) != 0); room++) {
        unused = room->scope == NULL ? room : unused;
    }
    return room < rooms + ROOMS_MAX ? room : unused;
}

/* Brings a client into its room. The first one's task keeps the room open until the last one has left. */
static int greet(void *arg) {
    struct member member = {.sock = *(wharf_sock *)arg};
    char name[LINE_MAX];
    int rc = -1;
    WHARF_WITHIN (HELLO_MS) {
        member.room = receive_line(member.sock, name) ? find_room(name) : NULL;
    }
    if (member.room != NULL && member.room->scope != NULL) {
        rc = wharf_try_go(member.room->scope, chat, member); /* the room goes on without */
    } else if (member.room != NULL) {
        WHARF_SCOPE (members, NULL) {
            *member.room = (struct room){.name = name, .scope = members};
            rc = wharf_try_go(members, chat, member);
        }
        member.room->scope = NULL;
    }
    return rc < 0 ? wharf_close(member.sock) : 0;
}

int main(int argc, char **argv) {
    wharf_sock listener = wharf_serve_on(argc > 1 ? argv[1] : "localhost:7000"), client = {0};
    char address[WHARF_ADDRESS_SIZE] = "";
    int len = wharf_local_address(listener, address, sizeof address);
    printf("listening on %.*s\n", len > 0 ? len : 0, address);
    fflush(stdout);
    for (client = wharf_accept(listener); !wharf_failed(client); client = wharf_accept(listener)) {
        if (wharf_go(NULL, greet, client) < 0) {
            wharf_close(client);
        }
    }
    return fprintf(stderr, "chat_server: %s\n", wharf_why()), 1;
}
