/* The flags that say where names lead, the same in every command that connects. */
#ifndef CLI_NAMING_H
#define CLI_NAMING_H

#include <stdbool.h>

#include "cli/command.h"

struct naming_options {
    const char **resolve;
    const char *server;
    bool ipv4, ipv6;
};

#define NAMING_FIELD(type, member) offsetof(type, naming.member)
/* server, letter: what the flag for a name server is called. */
#define NAMING_FLAGS(type, server_name, letter)                      \
    {"resolve",                                                      \
     0,                                                              \
     FLAG_LIST,                                                      \
     NAMING_FIELD(type, resolve),                                    \
     "NAME=ADDR",                                                    \
     NULL,                                                           \
     "NAME has this address, whatever others say; repeatable"},      \
        {server_name,                                                \
         letter,                                                     \
         FLAG_TEXT,                                                  \
         NAMING_FIELD(type, server),                                 \
         "ADDR",                                                     \
         NULL,                                                       \
         "ask this name server: an address, with a port if not 53"}, \
        NAMING_FAMILY_FLAGS(type)
/* Of a command that listens, which looks up hardly a name. */
#define NAMING_FAMILY_FLAGS(type)                                                               \
    {"ipv4", '4', FLAG_SWITCH, NAMING_FIELD(type, ipv4), NULL, NULL, "IPv4 addresses alone"}, { \
        "ipv6", '6', FLAG_SWITCH, NAMING_FIELD(type, ipv6), NULL, NULL, "IPv6 addresses alone"  \
    }

/* Has the library look names up like this. An exit code; what was wrong has been said in the name of `who`. */
int naming_set(const struct naming_options *options, const char *who);

#endif
