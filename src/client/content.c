/* See content.h. Decoders are made at the first read, so that a response whose body nobody wants costs nothing. */
#include "client/content.h"

#include <errno.h>

#include "base/memory.h"
#include "base/text.h"
#include "client/body.h"

enum { INPUT_SIZE = 16384, RATIO_FREE_BYTES = 1 << 20 /* so much may come out of a few bytes */ };

struct content_stage {
    struct decoder *decoder;
    enum coding coding;
    bool has_ended; /* nothing more comes in */
    size_t start, end;
    char input[INPUT_SIZE];
};

struct content {
    uint64_t made; /* bytes that came out at the end */
    size_t count;
    struct content_stage *stages[CONTENT_CODINGS_MAX]; /* from the wire to the reader */
};

/* A part of a representation cannot be decoded by itself. */
static bool has_whole_content(const struct wharf_response *response) {
    enum { PARTIAL_CONTENT = 206 };
    return response->status != PARTIAL_CONTENT && response->source.connection != NULL;
}

void content_expect(struct wharf_response *response, bool is_raw) {
    response->coding_count = 0;
    if (is_raw || !has_whole_content(response)) {
        return;
    }
    for (size_t i = 0; i < response->headers.count; i++) {
        wharf_str rest = response->headers.at[i].value;
        wharf_str name = {NULL, 0};
        while (response->headers.at[i].id == HEADER_CONTENT_ENCODING && header_list_next(&rest, &name)) {
            enum coding coding = CODING_IDENTITY;
            if (!coding_find(name, &coding) || response->coding_count == CONTENT_CODINGS_MAX) {
                response->coding_count = 0;
                return;
            }
            if (coding != CODING_IDENTITY) {
                response->codings[response->coding_count++] = (uint8_t)coding;
            }
        }
    }
    if (response->coding_count > 0) {
        response->content_length = -1; /* the one that was announced counts coded bytes */
    }
}

bool content_is_coded(const struct wharf_response *response) {
    return response->coding_count > 0;
}

void content_free(struct content *content) {
    if (content == NULL) {
        return;
    }
    for (size_t i = 0; i < content->count; i++) {
        decoder_free(content->stages[i]->decoder);
        mem_free(content->stages[i]);
    }
    mem_free(content);
}

static struct content_stage *stage_new(enum coding coding) {
    struct content_stage *stage = mem_alloc(sizeof(*stage));
    if (stage == NULL) {
        return NULL;
    }
    memset(stage, 0, offsetof(struct content_stage, input));
    stage->coding = coding;
    stage->decoder = decoder_new(coding);
    if (stage->decoder == NULL) {
        mem_free(stage);
        return NULL;
    }
    return stage;
}

static struct content *content_new(const struct wharf_response *response) {
    struct content *content = mem_zalloc(sizeof(*content));
    while (content != NULL && content->count < response->coding_count) {
        size_t last = response->coding_count - 1u - content->count;
        struct content_stage *stage = stage_new((enum coding)response->codings[last]);
        if (stage == NULL) {
            content_free(content);
            return NULL;
        }
        content->stages[content->count++] = stage;
    }
    return content;
}

static int content_fail(struct wharf_response *response, int code, const char *problem, enum coding coding) {
    struct place place = response_place(response);
    wharf_str name = coding_name(coding);
    (void)why_fail(code, "decode body of", &place, "%s, %.*s, after %llu decoded bytes", problem,
                   WHARF_STR_ARG(name), (unsigned long long)response->content->made);
    return response_fail(response, code);
}

static int check_ratio(struct wharf_response *response) {
    uint64_t made = response->content->made;
    uint64_t taken = response->source.decoder.taken;
    int64_t ratio_max = response->source.decoded_ratio;
    if (made <= RATIO_FREE_BYTES || made / (uint64_t)ratio_max <= taken) {
        return 0;
    }
    struct place place = response_place(response);
    (void)why_fail(-WHARF_ELIMIT, "decode body of", &place,
                   "limits.decoded_ratio is %lld, and %llu bytes became %llu", (long long)ratio_max,
                   (unsigned long long)taken, (unsigned long long)made);
    return response_fail(response, -WHARF_ELIMIT);
}

static ssize_t stage_read(struct wharf_response *response, size_t count, char *out, size_t size);

/* Fills the stage's input from the stage before it, or from the wire. */
static int stage_fill(struct wharf_response *response, size_t index) {
    struct content_stage *stage = response->content->stages[index];
    ssize_t got = index == 0 ? body_read_wire(response, stage->input, INPUT_SIZE)
                             : stage_read(response, index, stage->input, INPUT_SIZE);
    if (got < 0) {
        return (int)got;
    }
    stage->has_ended = got == 0;
    stage->start = 0;
    stage->end = (size_t)got;
    return 0;
}

/* What comes out behind the first `count` stages. */
static ssize_t stage_read(struct wharf_response *response, size_t count, char *out, size_t size) {
    struct content_stage *stage = response->content->stages[count - 1];
    for (;;) {
        wharf_str input = {stage->input + stage->start, stage->end - stage->start};
        ssize_t made = decoder_run(stage->decoder, &input, out, size);
        stage->start = stage->end - input.len;
        if (made > 0) {
            return made;
        }
        if (made < 0) {
            return content_fail(response, (int)made,
                                made == -ENOMEM ? "no memory to undo the coding" : "broken coding",
                                stage->coding);
        }
        if (stage->has_ended) {
            bool is_whole = decoder_may_end(stage->decoder);
            return is_whole ? 0 : content_fail(response, -WHARF_EEOF, "incomplete coding", stage->coding);
        }
        int rc = stage_fill(response, count - 1);
        if (rc < 0) {
            return rc;
        }
    }
}

ssize_t content_read(struct wharf_response *response, void *buffer, size_t size) {
    if (response->content == NULL) {
        response->content = content_new(response);
        if (response->content == NULL) {
            struct place place = response_place(response);
            (void)why_fail(-ENOMEM, "decode body of", &place, NULL);
            return response_fail(response, -ENOMEM);
        }
    }
    ssize_t made = stage_read(response, response->content->count, buffer, size);
    if (made > 0) {
        response->content->made += (uint64_t)made;
        int rc = check_ratio(response);
        return rc < 0 ? rc : made;
    }
    return made;
}
