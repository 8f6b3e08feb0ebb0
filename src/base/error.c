/* Error codes as words, and the version: the public functions of wharf/base.h. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>

#include "base/failure.h"
#include "base/text.h"
#include "wharf/base.h"

struct error_words {
    int code;
    const char *name; /* NULL: the system's */
    const char *text;
};

/* Wharf's own codes, and the errno values that mean something narrower here than the system's words say. */
static const struct error_words own_words[] = {
    {WHARF_EPROTOCOL, "EPROTOCOL", "the peer broke its protocol"},
    {WHARF_EEOF, "EEOF", "the stream ended too early"},
    {WHARF_ENAME, "ENAME", "the host name could not be resolved"},
    {WHARF_ENAMESERVER, "ENAMESERVER", "no name server gave a usable answer"},
    {WHARF_EDENIED, "EDENIED", "the address is not among the networks that are allowed"},
    {WHARF_EPROXY, "EPROXY", "the proxy did not connect"},
    {WHARF_EADDRESS, "EADDRESS", "the address or URL is not valid"},
    {WHARF_ELIMIT, "ELIMIT", "a limit was reached"},
    {WHARF_ETLS, "ETLS", "TLS failed or is not available"},
    {WHARF_EREDIRECT, "EREDIRECT", "the redirect was refused"},
    {WHARF_ECHANGED, "ECHANGED", "the file changed while it was being sent"},
    {WHARF_EDEADLOCK, "EDEADLOCK", "every task waits for another"},
    {WHARF_ECHECK, "ECHECK", "a check of the test does not hold"},
    {WHARF_ELEFT, "ELEFT", "something was left behind"},
    {ETIMEDOUT, NULL, "timed out"},
    {ECANCELED, NULL, "cancelled"},
};

enum { ERRNO_END = 134, ERRNO_TEXT_SIZE = 64 };

/* The C library's words with a small first letter ("Connection refused" -> "connection refused"): made once,
 * because the texts that callers hold must never change. */
static char errno_texts[ERRNO_END][ERRNO_TEXT_SIZE];
static pthread_once_t errno_texts_once = PTHREAD_ONCE_INIT;

static void make_errno_texts(void) {
    for (int code = 1; code < ERRNO_END; code++) {
        const char *words = strerrordesc_np(code);
        if (words == NULL || words[0] == '\0') {
            continue;
        }
        str_copy_to(errno_texts[code], ERRNO_TEXT_SIZE, wharf_str_of(words));
        bool is_acronym = words[1] >= 'A' && words[1] <= 'Z';
        if (!is_acronym) {
            errno_texts[code][0] = ascii_lower(words[0]);
        }
    }
}

static const struct error_words *find_own_words(int code) {
    for (size_t i = 0; i < sizeof(own_words) / sizeof(own_words[0]); i++) {
        if (own_words[i].code == -code) {
            return &own_words[i];
        }
    }
    return NULL;
}

static bool is_errno(int code) {
    return code < 0 && code > -ERRNO_END;
}

const char *wharf_strerror(int code) {
    if (code >= 0) {
        return "success";
    }
    const struct error_words *own = code != INT32_MIN ? find_own_words(code) : NULL;
    if (own != NULL) {
        return own->text;
    }
    if (!is_errno(code)) {
        return "unknown error";
    }
    (void)pthread_once(&errno_texts_once, make_errno_texts);
    return errno_texts[-code][0] != '\0' ? errno_texts[-code] : "unknown error";
}

const char *wharf_error_name(int code) {
    if (code >= 0) {
        return "SUCCESS";
    }
    const struct error_words *own = code != INT32_MIN ? find_own_words(code) : NULL;
    if (own != NULL && own->name != NULL) {
        return own->name;
    }
    const char *name = is_errno(code) ? strerrorname_np(-code) : NULL;
    return name != NULL ? name : "EUNKNOWN";
}

const char *wharf_why(void) {
    static __thread char sentence[FAILURE_SENTENCE_SIZE];
    failure_format(failure_current(), sentence, sizeof(sentence));
    return sentence;
}

const char *wharf_version(void) {
    return WHARF_VERSION;
}
