/* A regular file as a reply: validators, conditional requests, one range, and its bytes by the cheapest way. */
#ifndef SERVER_FILE_H
#define SERVER_FILE_H

#include <sys/stat.h>

#include "server/request.h"

struct file {
    int fd;
    struct stat stat;
    wharf_str name;          /* for its media type */
    wharf_str cache_control; /* len 0: none */
};

/* Replies with the file; fd stays the caller's. 0 or an error; -WHARF_ECHANGED when the file shrank meanwhile. */
int file_reply(struct wharf_request *request, const struct file *file);

#endif
