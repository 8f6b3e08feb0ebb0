/* wharf/base.h - what every other header stands on: bytes, errors, the version.
 *
 * Conventions, the same everywhere in Wharf:
 *
 *   - A call that can fail returns a value >= 0, or a negative error code: -errno (-ECONNREFUSED, -ETIMEDOUT,
 *     -ECANCELED ...) or one of Wharf's own below (-WHARF_EPROTOCOL ...). `errno` itself is never the
 * channel.
 *   - A handle (wharf_sock, wharf_task ...) that could not be made carries its error: wharf_failed(h) is
 * true, and every call on it returns that same error, so that a check can wait.
 *   - End of stream is 0.
 *   - After a failure, wharf_why() gives one plain sentence with phase, host, address and number.
 *   - Every time span is in milliseconds, as an int64_t.
 *   - Bytes travel as (pointer, length) or as wharf_str; names, paths and addresses as C strings.
 *   - In an options struct a field that is zero means the default.
 */
#ifndef WHARF_BASE_H
#define WHARF_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#ifdef __cplusplus
#    define WHARF_BEGIN extern "C" {
#    define WHARF_END   }
#else
#    define WHARF_BEGIN
#    define WHARF_END
#endif

/** Marks a public function: exported from libwharf.so. */
#define WHARF_API __attribute__((visibility("default")))
/** Marks a result that leaks or loses data when it is dropped. */
#define WHARF_MUST_USE __attribute__((warn_unused_result))

#define WHARF_VERSION_MAJOR 0
#define WHARF_VERSION_MINOR 1
#define WHARF_VERSION_PATCH 0
#define WHARF_VERSION       "0.1.0"

/** In an options field that has a default: switch the thing off (no limit, no time-out). */
#define WHARF_OFF (-1)
/** In an options field that is neither on nor off until it says so: switch the thing on. */
#define WHARF_ON 1

/** Options in place: WHARF_OPTIONS(wharf_fetch_options, .url = url) is a pointer to them, what is not named
 * being the default. The leading `size` lets the struct grow without breaking programs. In C++ make a
 * variable instead and set its `size` to sizeof. */
#define WHARF_OPTIONS(type, ...) (&(const type){.size = sizeof(type), __VA_ARGS__})

/** Where this stands in the program, "main.c:12". */
#define WHARF_PLACE         __FILE__ ":" WHARF_TEXT_(__LINE__)
#define WHARF_TEXT_(number) WHARF_QUOTE_(number)
#define WHARF_QUOTE_(text)  #text

WHARF_BEGIN

/* ---- bytes ------------------------------------------------------------------------------------------- */

/** A view of bytes that somebody else owns. Never assumed to end in NUL. */
typedef struct wharf_str {
    const char *ptr;
    size_t len;
} wharf_str;

/** The view of a C string, without its NUL. NULL gives the empty view. */
static inline wharf_str wharf_str_of(const char *text) {
    wharf_str view = {text, text != NULL ? strlen(text) : 0};
    return view;
}

/** Whether two views hold the same bytes. */
static inline bool wharf_str_equal(wharf_str a, wharf_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/** Whether a view holds exactly the bytes of a C string. */
static inline bool wharf_str_is(wharf_str view, const char *text) {
    return wharf_str_equal(view, wharf_str_of(text));
}

/** For printf: printf("%.*s\n", WHARF_STR_ARG(view)). */
#define WHARF_STR_ARG(view) (int)(view).len, (view).ptr

/* ---- errors ------------------------------------------------------------------------------------------ */

/** Wharf's own error codes, above every errno. Calls return them negated, like an errno. */
enum {
    WHARF_EPROTOCOL = 5001, /**< the peer broke its protocol; wharf_why() names the rule */
    WHARF_EEOF = 5002,      /**< the stream ended in the middle of something */
    WHARF_ENAME = 5003,     /**< the host name could not be resolved */
    WHARF_EADDRESS = 5004,  /**< an address or URL in a string could not be parsed; wharf_why() says where */
    WHARF_ELIMIT = 5005,    /**< a limit was reached; wharf_why() names the setting */
    WHARF_ETLS = 5006,      /**< TLS failed, or is not available for this URL */
    WHARF_EREDIRECT = 5007, /**< a redirect was refused; wharf_why() says why */
    WHARF_ECHANGED = 5008,  /**< a file changed while it was being sent */
    WHARF_EDEADLOCK = 5009, /**< every task waits for another: nothing can ever happen */
    WHARF_ECHECK = 5010,    /**< a WHARF_EXPECT() of a test does not hold; wharf_why() says which */
    WHARF_ELEFT = 5011,     /**< a test left tasks, sockets, channels or memory behind */
    WHARF_ENAMESERVER = 5012, /**< no name server gave a usable answer: trying again later may help */
    WHARF_EDENIED = 5013,     /**< an address is not among the networks that the program allows */
    WHARF_EPROXY = 5014       /**< a proxy refused, or could not reach the server; wharf_why() says how */
};

/** What a code means, as a short text ("connection refused").
 *  code: a negative code as returned by a call; 0 or more gives "success".
 *  The text is static. Does not suspend. Never fails: an unknown code gives "unknown error". */
WHARF_API const char *wharf_strerror(int code);

/** The name of a code, stable for scripts and logs ("ECONNREFUSED", "EPROTOCOL").
 *  The text is static. Does not suspend. */
WHARF_API const char *wharf_error_name(int code);

/** This task's last failure as one plain sentence, for instance
 *  "connect localhost:1 (127.0.0.1:1): connection refused (ECONNREFUSED)".
 *  The text belongs to the library and is valid until the same thread calls wharf_why() again; copy it to
 * keep it. It is "no failure" when nothing has failed yet. Does not suspend. */
WHARF_API const char *wharf_why(void);

/** The version of the library that is loaded, for instance "0.1.0". Does not suspend. */
WHARF_API const char *wharf_version(void);

/** Whether a handle carries an error instead of a thing. */
#define wharf_failed(handle) ((handle).id < 0)
/** The error that a handle carries (negative), or 0. */
#define wharf_error(handle) ((handle).id < 0 ? (int)(handle).id : 0)

WHARF_END

#endif
