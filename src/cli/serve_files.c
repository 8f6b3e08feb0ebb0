/* The flags of wharf serve that are about files, as settings of the library. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/exitcode.h"
#include "cli/options.h"
#include "cli/serve.h"

#define TYPES_FILE "/etc/mime.types"

enum { CONTROL_SIZE = 48, YEAR_SECONDS = 31536000 };

static int misused(const char *flag, const char *takes, const char *value) {
    fprintf(stderr, "wharf serve: --%s takes %s, not %s\n", flag, takes, value);
    return EXIT_USAGE;
}

/* A number and perhaps the letter of a unit, up to `most` of the smallest. */
struct unit {
    char letter;
    int64_t size;
};

static bool parse_units(const char *text, const struct unit *units, int64_t most, int64_t *ret_value) {
    char number[16];
    size_t len = strlen(text);
    int64_t size = 1;
    for (; units->letter != '\0' && len > 0 && size == 1; units++) {
        if (text[len - 1] == units->letter) {
            size = units->size;
            len--;
        }
    }
    if (len >= sizeof number) {
        return false;
    }
    memcpy(number, text, len);
    number[len] = '\0';
    int64_t count = 0;
    if (!options_parse_count(number, 0, most / size, &count)) {
        return false;
    }
    *ret_value = count * size;
    return true;
}

/* "90", "30m", "1h", "7d" as seconds, up to a year. */
static bool parse_age(const char *text, int64_t *ret_seconds) {
    static const struct unit units[] = {{'m', 60}, {'h', 3600}, {'d', 86400}, {0}};
    return parse_units(text, units, YEAR_SECONDS, ret_seconds);
}

/* What --upload-max says, in bytes. */
static int upload_bytes(const char *size, int64_t *ret_bytes) {
    static const struct unit units[] = {{'K', INT64_C(1) << 10},
                                        {'M', INT64_C(1) << 20},
                                        {'G', INT64_C(1) << 30},
                                        {'T', INT64_C(1) << 40},
                                        {0}};
    int64_t bytes = 0;
    if (size == NULL || strcmp(size, "none") == 0) {
        *ret_bytes = size == NULL ? 0 : WHARF_OFF;
        return EXIT_OK;
    }
    if (!parse_units(size, units, INT64_C(1) << 60, &bytes) || bytes == 0) {
        return misused("upload-max", "a size such as 500K, 64M or 2G, or none", size);
    }
    *ret_bytes = bytes;
    return EXIT_OK;
}

/* What --cache says, as a value of Cache-Control. */
static int cache_control(const char *cache, char *out, const char **ret_control) {
    int64_t seconds = 0;
    if (cache == NULL || strcmp(cache, "no-cache") == 0 || strcmp(cache, "no-store") == 0) {
        *ret_control = cache;
        return EXIT_OK;
    }
    if (!parse_age(cache, &seconds)) {
        return misused("cache", "no-cache, no-store or a time such as 90, 30m, 1h or 7d", cache);
    }
    snprintf(out, CONTROL_SIZE, "max-age=%lld", (long long)seconds);
    *ret_control = out;
    return EXIT_OK;
}

/* What --type says: "EXT=TYPE". The words are cut in two in memory of our own. */
static int make_types(const char **words, wharf_files_type **ret_types) {
    size_t count = 0;
    size_t bytes = 0;
    while (words != NULL && words[count] != NULL) {
        bytes += strlen(words[count]) + 1;
        count++;
    }
    wharf_files_type *types = calloc(1, (count + 1) * sizeof *types + bytes);
    if (types == NULL) {
        fputs("wharf serve: out of memory\n", stderr);
        return EXIT_OTHER;
    }
    char *text = (char *)(types + count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(words[i]) + 1;
        memcpy(text, words[i], size);
        char *equals = strchr(text, '=');
        if (equals == NULL) {
            free(types);
            return misused("type", "EXT=TYPE", words[i]);
        }
        *equals = '\0';
        types[i] = (wharf_files_type){.extension = text, .type = equals + 1};
        text += size;
    }
    *ret_types = types;
    return EXIT_OK;
}

int serve_add_files(wharf_server *server, const struct serve_options *options) {
    static const wharf_links links[] = {WHARF_LINKS_INSIDE, WHARF_LINKS_INSIDE, WHARF_LINKS_NONE,
                                        WHARF_LINKS_ALL};
    char control[CONTROL_SIZE];
    wharf_files_options files = {
        .size = sizeof files,
        .listing = true,
        .hidden = options->hidden,
        .precompressed = options->precompressed,
        .index = options->index,
        .links = links[options->symlinks],
        .clean_urls = options->clean_urls,
        .fallback = options->spa ? "index.html" : NULL,
        .immutable = options->immutable,
        .upload = options->upload,
        .overwrite = options->overwrite,
        .types_file = access(TYPES_FILE, R_OK) == 0 ? TYPES_FILE : NULL,
    };
    wharf_files_type *types = NULL;
    int code = cache_control(options->cache, control, &files.cache_control);
    code = code == EXIT_OK ? upload_bytes(options->upload_max, &files.upload_bytes) : code;
    code = code == EXIT_OK ? make_types(options->types, &types) : code;
    if (code != EXIT_OK) {
        return code;
    }
    files.types = types;
    int result = wharf_files(server, "/", options->directory, &files);
    free(types);
    if (result < 0) {
        fprintf(stderr, "wharf serve: %s\n", wharf_why());
        return result == -EINVAL ? EXIT_USAGE : EXIT_LOCAL_FILE;
    }
    return EXIT_OK;
}
