/* See suffix.h. A rule is a line: a domain, "*." and a domain for every name directly below it, or "!" and an exception to
 * such a rule. Names beyond ASCII stand there in UTF-8. */
#include "client/suffix.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/punycode.h"
#include "base/text.h"

static const char SYSTEM_LIST[] = "/usr/share/publicsuffix/public_suffix_list.dat";

enum { RULE_MAX = 1024, LIST_BYTES_MAX = 64 << 20 };

void suffix_list_init(struct suffix_list *list, const char *path) {
    *list = (struct suffix_list){.path = path != NULL ? path : SYSTEM_LIST};
}

void suffix_list_deinit(struct suffix_list *list) {
    if (list->text.len > 0) {
        (void)munmap((void *)(uintptr_t)list->text.ptr, list->text.len);
    }
}

static void suffix_list_open(struct suffix_list *list) {
    struct stat status;
    list->opened = true;
    int fd = list->path[0] != '\0' ? open(list->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd < 0) {
        return;
    }
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
        status.st_size <= LIST_BYTES_MAX) {
        void *text = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (text != MAP_FAILED) {
            list->text = (wharf_str){text, (size_t)status.st_size};
        }
    }
    (void)close(fd);
}

/* Whether a line is `mark` and `domain`; blanks behind it do not count. */
static bool has_rule(wharf_str text, const char *mark, wharf_str domain) {
    char rule[RULE_MAX];
    size_t mark_len = strlen(mark);
    size_t len = 1 + mark_len + domain.len;
    if (len > sizeof(rule)) {
        return false;
    }
    rule[0] = '\n';
    memcpy(rule + 1, mark, mark_len);
    memcpy(rule + 1 + mark_len, domain.ptr, domain.len);
    const char *end = text.ptr + text.len;
    const char *at = memmem(text.ptr, text.len, rule, len);
    while (at != NULL) {
        const char *behind = at + len;
        if (behind == end || *behind == '\n' || *behind == '\r' || *behind == ' ' || *behind == '\t') {
            return true;
        }
        at = memmem(behind, (size_t)(end - behind), rule, len);
    }
    return false;
}

static size_t put_utf8(char *out, uint32_t point) {
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(first[more] | point >> (6 * more));
    for (size_t i = 1; i <= more; i++) {
        out[i] = (char)(0x80 | (point >> (6 * (more - i)) & 0x3f));
    }
    return more + 1;
}

/* The domain as the list writes it; a label that cannot be decoded stays as it is. Returns its length. */
static size_t put_decoded(wharf_str domain, char *out) {
    uint32_t points[RULE_MAX / 4];
    wharf_str rest = domain;
    wharf_str label = {NULL, 0};
    size_t len = 0;
    while (str_split(&rest, '.', &label)) {
        struct code_points decoded = {points, 0};
        bool encoded = str_starts(label, STR("xn--")) && label.len < RULE_MAX / 4 &&
                       punycode_decode(str_slice(label, 4, label.len), &decoded) == 0;
        len += len > 0 ? put_utf8(out + len, '.') : 0;
        for (size_t i = 0; encoded && i < decoded.count; i++) {
            len += put_utf8(out + len, points[i]);
        }
        if (!encoded && label.len > 0) {
            memcpy(out + len, label.ptr, label.len);
            len += label.len;
        }
    }
    return len;
}

static bool is_listed(wharf_str text, wharf_str domain) {
    ssize_t dot = str_find_byte(domain, '.');
    if (has_rule(text, "!", domain)) {
        return false;
    }
    return has_rule(text, "", domain) ||
           (dot >= 0 && has_rule(text, "*.", str_slice(domain, (size_t)dot + 1, domain.len)));
}

bool suffix_is_public(struct suffix_list *list, wharf_str domain) {
    char decoded[4 * RULE_MAX];
    if (!list->opened) {
        suffix_list_open(list);
    }
    if (str_find_byte(domain, '.') < 0) {
        return true;
    }
    if (list->text.len == 0 || domain.len >= RULE_MAX) {
        return false;
    }
    return is_listed(list->text, domain) ||
           (str_find(domain, STR("xn--")) >= 0 &&
            is_listed(list->text, (wharf_str){decoded, put_decoded(domain, decoded)}));
}
