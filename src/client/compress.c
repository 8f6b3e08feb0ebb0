/* See compress.h. */
#include "client/compress.h"

#include <errno.h>

#include "base/buffer.h"
#include "base/failure.h"
#include "base/text.h"
#include "http/coding/coding.h"

enum { SOURCE_MAX = 64 << 20, ROOM = 16384 };

struct compression {
    struct encoder *encoder;
    struct buffer out;
};

static int feed(struct compression *compression, enum encoder_step step, wharf_str input) {
    ssize_t made = ROOM;
    while (made == ROOM || input.len > 0) {
        int rc = buffer_reserve(&compression->out, ROOM);
        if (rc < 0) {
            return rc;
        }
        made = encoder_run(compression->encoder, step, &input, compression->out.data + compression->out.end,
                           ROOM);
        if (made < 0) {
            return (int)made;
        }
        compression->out.end += (size_t)made;
    }
    return 0;
}

static int take(void *arg, const void *bytes, size_t len) {
    return feed(arg, ENCODER_MORE, (wharf_str){bytes, len});
}

/* The buffer never holds more than what would be sent otherwise: then there is nothing to gain. */
static int compress_whole(const struct source *source, struct compression *compression) {
    buffer_init(&compression->out, (size_t)source->length + ROOM);
    int rc = source_show(source, take, compression);
    return rc < 0 ? rc : feed(compression, ENCODER_FINISH, STR(""));
}

static void source_replace(struct source *source, wharf_str bytes, wharf_str coding) {
    wharf_str type = source->content_type;
    source_close(source);
    source->kind = SOURCE_MEMORY;
    source->bytes = bytes.ptr;
    source->length = (int64_t)bytes.len;
    source->content_type = type;
    source->coding = coding;
}

int compress_source(struct source *source, wharf_compress how, struct arena *arena) {
    static const enum coding codings[] = {CODING_IDENTITY, CODING_GZIP, CODING_DEFLATE, CODING_ZSTD};
    bool fits = source->kind != SOURCE_NONE && source->kind != SOURCE_FUNCTION &&
                source->length <= SOURCE_MAX;
    if (how < WHARF_COMPRESS_NONE || how > WHARF_COMPRESS_ZSTD) {
        return fail(-EINVAL, "read options", "", "compress is none of WHARF_COMPRESS_*");
    }
    if (how == WHARF_COMPRESS_NONE || !fits) {
        return 0;
    }
    struct compression compression = {.encoder = encoder_new(codings[how])};
    int rc = compression.encoder != NULL ? compress_whole(source, &compression) : -ENOMEM;
    bool shorter = rc == 0 && (int64_t)buffer_len(&compression.out) < source->length;
    if (shorter) {
        wharf_str copy = arena_copy(arena, compression.out.data, buffer_len(&compression.out));
        rc = copy.ptr != NULL ? 0 : -ENOMEM;
        if (rc == 0) {
            source_replace(source, copy, coding_name(codings[how]));
        }
    }
    encoder_free(compression.encoder);
    buffer_deinit(&compression.out);
    return rc < 0 && rc != -WHARF_ELIMIT ? fail(rc, "compress body", "", NULL) : 0;
}
