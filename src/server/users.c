/* Files of users: see users.h. */
#include "server/users.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "wharf/auth.h"

enum { FILE_MAX = 4 * 1024 * 1024, BCRYPT_LEN = 60, BCRYPT_COST_MIN = 4, BCRYPT_COST_MAX = 31 };

/* The file's text, the caller's to free. */
static int users_read(const char *path, char **ret_text, size_t *ret_len) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    struct stat status;
    int rc = fstat(fd, &status) < 0 ? -errno : 0;
    rc = rc == 0 && (!S_ISREG(status.st_mode) || status.st_size > FILE_MAX) ? -EFBIG : rc;
    char *text = rc == 0 ? mem_alloc((size_t)status.st_size + 1) : NULL;
    rc = rc == 0 && text == NULL ? -ENOMEM : rc;
    size_t len = 0;
    ssize_t count = 1;
    while (rc == 0 && count > 0 && len < (size_t)status.st_size) {
        count = read(fd, text + len, (size_t)status.st_size - len);
        rc = count < 0 ? -errno : 0;
        len += count > 0 ? (size_t)count : 0;
    }
    close(fd);
    if (rc < 0) {
        mem_free(text);
        return rc;
    }
    *ret_text = text;
    *ret_len = len;
    return 0;
}

/* The next user of *rest; false at the end. A line that is none has a hash of length 0. */
static bool users_next(wharf_str *rest, int *line, wharf_str *ret_name, wharf_str *ret_hash) {
    wharf_str text;
    while (str_next_line(rest, &text)) {
        (*line)++;
        text = str_trim(text);
        if (text.len == 0 || text.ptr[0] == '#') {
            continue;
        }
        ssize_t colon = str_find_byte(text, ':');
        *ret_name = str_slice(text, 0, colon > 0 ? (size_t)colon : 0);
        *ret_hash = colon > 0 ? str_slice(text, (size_t)colon + 1, text.len) : (wharf_str){NULL, 0};
        return true;
    }
    return false;
}

/* "$2b$12$" and 53 digits; a cost of more than 31 is none. */
static bool bcrypt_is_whole(wharf_str hash) {
    uint64_t cost = 0;
    return hash.len == BCRYPT_LEN && hash.ptr[6] == '$' &&
           number_parse(str_slice(hash, 4, 6), BCRYPT_COST_MAX, &cost) == 0 && cost >= BCRYPT_COST_MIN;
}

/* Of those that libcrypt knows, the ones that are slow to try. */
static bool hash_is_good(wharf_str hash) {
    static const char *const PREFIXES[] = {"$2a$", "$2b$", "$2y$", "$y$", "$gy$", "$5$", "$6$", "$7$"};
    char text[USERS_HASH_MAX + 1];
    bool is_known = false;
    for (size_t i = 0; i < sizeof(PREFIXES) / sizeof(PREFIXES[0]); i++) {
        is_known = is_known || str_starts(hash, wharf_str_of(PREFIXES[i]));
    }
    if (!is_known || hash.len > USERS_HASH_MAX || (str_starts(hash, STR("$2")) && !bcrypt_is_whole(hash))) {
        return false;
    }
    (void)str_copy_to(text, sizeof(text), hash);
    int verdict = crypt_checksalt(text);
    return verdict == CRYPT_SALT_OK || verdict == CRYPT_SALT_METHOD_LEGACY || verdict == CRYPT_SALT_TOO_CHEAP;
}

int users_check(const char *path, int *ret_line) {
    char *text = NULL;
    size_t len = 0;
    int rc = users_read(path, &text, &len);
    if (rc < 0) {
        return rc;
    }
    wharf_str rest = {text, len}, name, hash;
    int line = 0;
    bool found = false;
    while (rc == 0 && users_next(&rest, &line, &name, &hash)) {
        found = true;
        rc = name.len > 0 && name.len <= USERS_NAME_MAX && hash_is_good(hash) ? 0 : -EINVAL;
    }
    *ret_line = found ? line : 0;
    mem_free(text);
    return found ? rc : -EINVAL;
}

/* Whether the password gives the hash. */
static int hash_verify(wharf_str hash, const char *password) {
    char wanted[USERS_HASH_MAX + 1];
    struct crypt_data *work = mem_zalloc(sizeof(*work));
    if (work == NULL) {
        return -ENOMEM;
    }
    (void)str_copy_to(wanted, sizeof(wanted), hash);
    const char *got = crypt_r(password, wanted, work);
    int same = got != NULL && got[0] != '*' &&
               wharf_str_equal_secret(wharf_str_of(got), wharf_str_of(wanted));
    explicit_bzero(work, sizeof(*work));
    mem_free(work);
    return same;
}

int users_verify(const char *path, wharf_str name, const char *password) {
    char *text = NULL;
    size_t len = 0;
    int rc = users_read(path, &text, &len);
    if (rc < 0) {
        return rc;
    }
    wharf_str rest = {text, len}, at, hash, found = {NULL, 0}, first = {NULL, 0};
    int line = 0;
    while (users_next(&rest, &line, &at, &hash)) {
        first = first.ptr == NULL ? hash : first;
        found = found.ptr == NULL && wharf_str_equal(at, name) ? hash : found;
    }
    /* For a name that is not there another one's hash is tried, which costs the same. */
    if (first.len > 0) {
        rc = hash_verify(found.ptr != NULL ? found : first, password);
    }
    mem_free(text);
    return found.ptr != NULL || rc < 0 ? rc : 0;
}
