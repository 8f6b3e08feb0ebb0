/* A regular file as a reply: validators, conditional requests, ranges, and its bytes by the cheapest way. */
#ifndef SERVER_FILE_H
#define SERVER_FILE_H

#include <sys/stat.h>

#include "http/codec/conditional.h"
#include "http/codec/date.h"
#include "http/codec/range.h"
#include "server/request.h"

struct file {
    int fd;
    struct stat stat;
    wharf_str type;
    wharf_str coding;        /* of its bytes; len 0: none */
    wharf_str cache_control; /* len 0: none */
    bool has_codings;        /* what is sent depends on Accept-Encoding */
};

enum { ETAG_SIZE = 64 };

/* What is said about a file. */
struct file_validators {
    char etag_text[ETAG_SIZE];
    struct etag etag;
    size_t etag_len; /* of the whole, with W/; 0: none */
    char date[DATE_LEN];
    struct conditional_state state;
};

void file_validators(struct file_validators *validators, const struct stat *stat);

/* Replies with the file; fd stays the caller's. 0 or an error; -WHARF_ECHANGED when the file shrank meanwhile. */
int file_reply(struct wharf_request *request, const struct file *file);

/* ---- file_send.c ---- */
/* The head and one part of the file; `last` before `first`: nothing, the file is empty. When nothing has been said yet, as
 * with small parts, failing leaves it so. */
int file_send(struct wharf_request *request, const struct file *file, int status, const struct range *range);
/* 206 with several parts. */
int file_send_parts(struct wharf_request *request, const struct file *file, const struct range_set *set);

#endif
