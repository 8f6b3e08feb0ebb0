/* Which replies are compressed, and the encoders at work. See compress.h. */
#include "server/compress.h"

#include <errno.h>

#include "base/text.h"
#include "http/codec/negotiate.h"
#include "server/extras.h"
#include "server/reply.h"
#include "server/settings.h"

enum { INPUT_MAX = 64 * 1024 }; /* of a body at once, before other tasks get their turn */

struct compression {
    struct encoder *encoder;
    enum coding coding;
    bool is_live;
    uint64_t made; /* bytes that came out */
    char *block;
};

/* ---- choosing ---- */

/* What gains by it; whatever else is text in disguise says so behind a '+'. */
static const char TYPES[] =
    "text/*, application/json, application/javascript, application/xml, application/wasm, application/x-ndjson,"
    "application/x-javascript, application/rtf, application/vnd.ms-fontobject, font/ttf, font/otf, image/bmp,"
    "image/x-icon, image/vnd.microsoft.icon";

static bool type_is_in(wharf_str type, wharf_str list) {
    wharf_str element = {NULL, 0};
    while (header_list_next(&list, &element)) {
        bool is_family = str_ends(element, STR("/*"));
        wharf_str start = str_slice(element, 0, element.len - 1);
        if (wharf_str_is(element, "*/*") || str_equal_nocase(type, element) ||
            (is_family && str_starts_nocase(type, start))) {
            return true;
        }
    }
    return false;
}

static bool type_gains(wharf_str content_type, wharf_str own_list) {
    ssize_t semicolon = str_find_byte(content_type, ';');
    wharf_str type = str_trim(
        str_slice(content_type, 0, semicolon < 0 ? content_type.len : (size_t)semicolon));
    if (own_list.ptr != NULL) {
        return type_is_in(type, own_list);
    }
    ssize_t plus = str_find_last_byte(type, '+');
    wharf_str suffix = str_slice(type, plus < 0 ? type.len : (size_t)plus, type.len);
    return type_is_in(type, STR(TYPES)) || str_equal_nocase(suffix, STR("+json")) ||
           str_equal_nocase(suffix, STR("+xml"));
}

/* The coding that the client wants most; of equals the one that is best here. */
static enum coding coding_wanted(const struct wharf_request *request) {
    static const enum coding CODINGS[] = {CODING_ZSTD, CODING_BROTLI, CODING_GZIP, CODING_IDENTITY};
    const wharf_str offers[] = {STR("zstd"), STR("br"), STR("gzip"), STR("identity")};
    const struct headers *headers = &request->head.headers;
    if (!headers_has(headers, HEADER_ACCEPT_ENCODING) || request->head.minor == 0) {
        return CODING_IDENTITY;
    }
    ssize_t best = negotiate(headers, NEGOTIATE_CODING, offers, sizeof(offers) / sizeof(offers[0]));
    return best < 0 ? CODING_IDENTITY : CODINGS[best];
}

static bool reply_forbids(const struct reply *reply) {
    wharf_str cache_control = reply_field_value(reply, STR("Cache-Control"));
    wharf_str element = {NULL, 0};
    while (header_list_next(&cache_control, &element)) {
        if (str_equal_nocase(element, STR("no-transform"))) {
            return true;
        }
    }
    return (reply->names >> HEADER_CONTENT_ENCODING & 1) != 0 ||
           (reply->names >> HEADER_CONTENT_RANGE & 1) != 0;
}

enum coding compress_choose(const struct wharf_request *request, const struct reply_outline *outline,
                            bool *ret_varies) {
    const struct reply *reply = &request->reply;
    const struct settings *settings = request_settings(request);
    int status = outline->status;
    *ret_varies = false;
    if (!settings->compress || status == 204 || status == 205 || status == 206 || reply_forbids(reply)) {
        return CODING_IDENTITY;
    }
    if (status == 304) {
        *ret_varies = true; /* of what type the whole would be is not known here */
        return CODING_IDENTITY;
    }
    wharf_str type = (reply->names >> HEADER_CONTENT_TYPE & 1) != 0
                         ? reply_field_value(reply, STR("Content-Type"))
                         : outline->content_type;
    if (!type_gains(type, settings->compress_types)) {
        return CODING_IDENTITY;
    }
    *ret_varies = true;
    bool is_short = outline->length >= 0 && outline->length < settings->compress_bytes_min;
    return is_short ? CODING_IDENTITY : coding_wanted(request);
}

/* ---- saying ---- */

/* The bytes are not those that the tag was made of, but mean the same (RFC 9110 section 8.8.1). */
static int tag_weaken(struct wharf_request *request) {
    wharf_str tag = reply_field_value(&request->reply, STR("ETag"));
    if (tag.len == 0 || tag.ptr[0] != '"') {
        return 0;
    }
    wharf_str weak = arena_printf(&request->arena, "W/%.*s", WHARF_STR_ARG(tag));
    if (weak.ptr == NULL) {
        return -ENOMEM;
    }
    reply_field_remove(&request->reply, STR("ETag"));
    return reply_field(request, STR("ETag"), weak);
}

int compress_vary(struct wharf_request *request, int status) {
    int rc = reply_vary(request, STR("Accept-Encoding"));
    bool is_of_encoded = status == 304 && coding_wanted(request) != CODING_IDENTITY;
    return rc == 0 && is_of_encoded ? tag_weaken(request) : rc;
}

int compress_say(struct wharf_request *request, enum coding coding) {
    int rc = reply_vary(request, STR("Accept-Encoding"));
    rc = rc < 0 ? rc : reply_field(request, STR("Content-Encoding"), coding_name(coding));
    reply_field_remove(&request->reply, STR("Accept-Ranges")); /* they would be of other bytes */
    return rc < 0 ? rc : tag_weaken(request);
}

/* ---- encoders ---- */

static struct encoder *encoder_take(struct core *core, enum coding coding) {
    struct compressors *compressors = &core->compressors;
    if (compressors->at_work >= core->server->limits.compressions) {
        return NULL;
    }
    int *count = &compressors->idle_count[coding];
    struct encoder *encoder = *count > 0 ? compressors->idle[coding][--*count] : encoder_new(coding);
    compressors->at_work += encoder != NULL;
    return encoder;
}

static void encoder_give(struct core *core, enum coding coding, struct encoder *encoder) {
    struct compressors *compressors = &core->compressors;
    int *count = &compressors->idle_count[coding];
    compressors->at_work--;
    if (*count < COMPRESSORS_IDLE_MAX && encoder_reset(encoder)) {
        compressors->idle[coding][(*count)++] = encoder;
    } else {
        encoder_free(encoder);
    }
}

void compressors_free(struct core *core) {
    struct compressors *compressors = &core->compressors;
    for (int coding = 0; coding < CODING_COUNT; coding++) {
        while (compressors->idle_count[coding] > 0) {
            encoder_free(compressors->idle[coding][--compressors->idle_count[coding]]);
        }
    }
}

bool compression_open(struct wharf_request *request, wharf_str content_type, enum coding coding) {
    struct request_extras *extras = request_extras(request);
    struct compression *compression = arena_alloc(&request->arena, sizeof(*compression));
    if (extras == NULL || compression == NULL) {
        return false;
    }
    *compression = (struct compression){.coding = coding, .block = block_get()};
    compression->encoder = compression->block != NULL ? encoder_take(request->core, coding) : NULL;
    if (compression->encoder == NULL) {
        if (compression->block != NULL) {
            block_put(compression->block);
        }
        return false;
    }
    wharf_str own = reply_field_value(&request->reply, STR("Content-Type"));
    compression->is_live = str_starts_nocase(own.ptr != NULL ? own : content_type, STR("text/event-stream"));
    extras->compression = compression;
    return true;
}

void compression_close(struct wharf_request *request) {
    struct compression *compression = request->extras != NULL ? request->extras->compression : NULL;
    if (compression == NULL) {
        return;
    }
    request->reply.written = compression->made;
    encoder_give(request->core, compression->coding, compression->encoder);
    block_put(compression->block);
    request->extras->compression = NULL;
}

wharf_str compression_first(struct wharf_request *request, wharf_str *body) {
    struct compression *compression = request->extras->compression;
    ssize_t len = encoder_run(compression->encoder, ENCODER_FINISH, body, compression->block, BLOCK_SIZE);
    if (len < 0) {
        return (wharf_str){NULL, 0};
    }
    compression->made = (uint64_t)len;
    return (wharf_str){compression->block, (size_t)len};
}

/* Encodes one input of bounded size. */
static int write_some(struct wharf_request *request, enum encoder_step step, wharf_str bytes) {
    struct compression *compression = request->extras->compression;
    ssize_t len = BLOCK_SIZE;
    while (bytes.len > 0 || len == BLOCK_SIZE) {
        len = encoder_run(compression->encoder, step, &bytes, compression->block, BLOCK_SIZE);
        if (len < 0) {
            return (int)len;
        }
        compression->made += (uint64_t)len;
        int rc = len > 0 ? reply_write_chunk(&request->wire, compression->block, (size_t)len) : 0;
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int compression_write(struct wharf_request *request, enum encoder_step step, wharf_str bytes) {
    while (bytes.len > INPUT_MAX) {
        int rc = write_some(request, ENCODER_MORE, (wharf_str){bytes.ptr, INPUT_MAX});
        rc = rc < 0 ? rc : wire_give_way(&request->wire);
        if (rc < 0) {
            return rc;
        }
        bytes = str_slice(bytes, INPUT_MAX, bytes.len);
    }
    return write_some(request, step, bytes);
}

bool compression_is_live(const struct wharf_request *request) {
    return request->extras->compression->is_live;
}
