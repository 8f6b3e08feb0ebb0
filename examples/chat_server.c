/* chat_server [ADDRESS] - the first line a client sends is the room it wants to be in; every further one goes to all
 * others there. localhost:7000 unless told otherwise. "/close" closes the room.
 *
 * Shows: a scope for each room, which ends with its members; a room's data touched by its one task alone, which is told
 * by a channel; for each member a channel of lines, which may fill up: a slow member is dropped and holds up nobody.
 */
#include <stdio.h>
#include <stdlib.h>

#include "wharf/net.h"
#include "wharf/sync.h"

enum { LINE_MAX = 512, WAITING_MAX = 64, HELLO_MS = 30000, SEND_MS = 30000 };

struct line {
    size_t len;
    char text[LINE_MAX];
};

struct member {
    struct room *room;
    struct member *next;
    wharf_sock sock;
    wharf_chan lines;
};

struct event { /* what members tell their room */
    struct member *from;
    enum { JOINED, SAID, LEFT } what;
    struct line line;
};

struct room {
    struct room *next;
    struct line name;
    int expected; /* members, and those who are on their way in */
    struct member *members;
    wharf_chan events;
};

static struct room *rooms;

