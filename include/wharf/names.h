/* wharf/names.h - from names to addresses, and what else name servers know.
 *
 * wharf_dial() and its like look names up by themselves. To see where a name leads:
 *
 *     wharf_address found[WHARF_ADDRESSES_MAX];
 *     int count = wharf_resolve("example.com:443", found, WHARF_ADDRESSES_MAX);
 *     for (int i = 0; i < count; i++) {
 *         char text[WHARF_ADDRESS_SIZE];
 *         wharf_address_text(&found[i], text, sizeof text);      // "[2001:db8::1]:443", good for wharf_dial()
 *         puts(text);
 *     }
 *
 * and to ask for records of any type:
 *
 *     wharf_answer *answer = wharf_look_up("example.com", "MX");
 *     for (int i = 0; i < wharf_answer_count(answer); i++) {
 *         const wharf_record *record = wharf_answer_record(answer, i);
 *         printf("%d %s\n", record->priority, record->target);
 *     }
 *     if (wharf_answer_error(answer)) fprintf(stderr, "%s\n", wharf_answer_why(answer));
 *     wharf_answer_free(answer);
 *
 * Names are looked up as the machine is set up: the hosts file, then the name servers of resolv.conf with its search
 * list; both are read again when they have changed. Where the hosts line of nsswitch.conf wants more than "files" and
 * "dns" for a name (mDNS, LDAP ...), getaddrinfo(3) is asked on a pool of threads. Literals and localhost, with the names
 * below it, never leave the process; names under .onion and .invalid do not exist. A name beyond ASCII, in UTF-8, is looked
 * up as browsers do it (UTS 46: "bücher.example" is "xn--bcher-kva.example"), and failures show both forms. Everything waits
 * as a task does: other tasks run, deadlines hold, a cancellation ends it.
 */
#ifndef WHARF_NAMES_H
#define WHARF_NAMES_H

#include "wharf/base.h"
#include "wharf/datagram.h"
#include "wharf/net.h"

WHARF_BEGIN

/* ---- addresses --------------------------------------------------------------------------------------- */

/** A name has at most this many addresses here; more are not looked at. */
#define WHARF_ADDRESSES_MAX 16

/** Where "name:port" leads: its addresses in the order in which wharf_dial() would begin with them (RFC 6724, the
 *  families alternating as in RFC 8305). address: as for wharf_dial(). max: 1 to WHARF_ADDRESSES_MAX entries of
 *  `out`. Suspends. Returns how many, at least 1. Errors: -WHARF_EADDRESS, -WHARF_ENAME (there is no such name, or it
 *  has no address), -WHARF_ENAMESERVER (no name server gave a usable answer), -ENOMEM, -ECANCELED, -ETIMEDOUT,
 *  -EINVAL. */
WHARF_API int wharf_resolve(const char *address, wharf_address *out, int max);

/* ---- records ----------------------------------------------------------------------------------------- */

/** The answer to one question. */
typedef struct wharf_answer wharf_answer;

/** One record. The texts belong to the answer. */
typedef struct wharf_record {
    const char *name;   /**< whose record it is; differs from the name asked for behind an alias (CNAME) */
    const char *type;   /**< "MX" */
    const char *text;   /**< the data as in a zone file: "10 mail.example.com" */
    const char *target; /**< A, AAAA: the address. CNAME, MX, NS, PTR, SRV: the name. Others: "" */
    wharf_str bytes;    /**< TXT: its strings put together; others: the data as it came */
    int64_t ttl_s;      /**< seconds for which it may be kept */
    int priority;       /**< MX, SRV: the lower the sooner */
    int weight;         /**< SRV: its share among those of one priority */
    int port;           /**< SRV */
} wharf_record;

/** Asks the name servers, and them alone: no hosts file, no search list. Of localhost, the names below it and
 *  literals no server is asked: they have their addresses and nothing else (RFC 6761), and 127.0.0.1 and ::1 have the
 *  name "localhost". type: "A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT", "CAA" or "TYPE" with a
 *  number. name: a name of up to 253 bytes, beyond ASCII as UTF-8; for "PTR" an address will do ("192.0.2.1",
 *  "2001:db8::1"). Suspends. Never NULL: an answer without memory is a static one, and an error travels inside. The
 *  caller frees it. MX come by priority, SRV in the order in which RFC 2782 says to try them. */
WHARF_API wharf_answer *wharf_look_up(const char *name, const char *type);

/** 0; -WHARF_ENAME (no such name, or no such records), -WHARF_ENAMESERVER (no usable answer: timed out, refused,
 *  failed), -WHARF_EADDRESS (not a name, or not a type), -ENOMEM, -ECANCELED or -ETIMEDOUT (a deadline around the
 *  call). None of these functions suspends; all accept every answer. */
WHARF_API int wharf_answer_error(const wharf_answer *answer);
/** The error as one sentence: who was asked and what it said. "no failure" without one. */
WHARF_API const char *wharf_answer_why(const wharf_answer *answer);
/** The name that was asked for, in the form that name servers know: "xn--bcher-kva.example" of "bücher.example", and
 *  of an address asked for its name "1.2.0.192.in-addr.arpa". "" where it was no name. */
WHARF_API const char *wharf_answer_name(const wharf_answer *answer);
/** What became of the question, for scripts: "NOERROR", "NODATA" (the name exists, such records do not), "NXDOMAIN"
 *  (no such name), "SERVFAIL", "REFUSED", "FORMERR", "NOTIMP" (the server's words), "TIMEOUT", "UNREACHABLE",
 *  "MALFORMED", or "" when nobody was asked. */
WHARF_API const char *wharf_answer_status(const wharf_answer *answer);
/** How many records. */
WHARF_API int wharf_answer_count(const wharf_answer *answer);
/** Record number 0 to count - 1; NULL elsewhere. */
WHARF_API const wharf_record *wharf_answer_record(const wharf_answer *answer, int number);
/** The server that answered, "192.0.2.53:53"; "" when none did, or none was asked. */
WHARF_API const char *wharf_answer_server(const wharf_answer *answer);
/** How long it took, in nanoseconds; 0 out of the cache. */
WHARF_API int64_t wharf_answer_elapsed_ns(const wharf_answer *answer);
/** Frees it. NULL is fine. */
WHARF_API void wharf_answer_free(wharf_answer *answer);

/* ---- settings ---------------------------------------------------------------------------------------- */

/** How names are looked up and connected to. Zero in every field but `size` means the default. */
typedef struct wharf_names_options {
    size_t size;
    const char *servers; /**< instead of resolv.conf's: "127.0.0.1:5353 [2001:db8::53]"; up to 8 */
    const char *search;  /**< instead of resolv.conf's: domains with spaces between; "." for none */
    /** Lines like the hosts file's, asked first: "192.0.2.1 example.com\n"; up to 4095 bytes */
    const char *overrides;
    const char *resolv_conf; /**< default "/etc/resolv.conf" */
    const char *hosts;       /**< default "/etc/hosts" */
    const char *nsswitch;    /**< default "/etc/nsswitch.conf" */
    int64_t timeout_ms;      /**< for one server's answer; default resolv.conf's, which is 5000 */
    int attempts;            /**< rounds through the servers; default resolv.conf's, which is 2 */
    int ndots; /**< a name with so many dots is tried as it is first; default resolv.conf's, which is 1; WHARF_OFF: 0 */
    int family;        /**< 4 or 6: addresses of that kind alone, of literals and listeners, too */
    bool tcp_only;     /**< ask by TCP alone, as resolv.conf's use-vc has it */
    int cache_entries; /**< answers kept for as long as they allow, per core: up to 65536; default none */
    int64_t resolution_delay_ms; /**< how long an IPv4 address waits for IPv6 ones; default 50 (RFC 8305) */
    /** After which the next address is tried beside those under way; 10 to 2000, default 250 */
    int64_t attempt_delay_ms;
} wharf_names_options;

/** Sets all of them, for the whole process, from the next look-up on; NULL: the defaults again. Inside a simulation:
 *  for this simulated scheduler, where names of the machine are not to be had. The texts are copied. Does not
 *  suspend. Errors: -EINVAL (a field out of range; wharf_why() names it), -ENAMETOOLONG, -WHARF_EADDRESS (a server),
 *  -ENOMEM. */
WHARF_API int wharf_names_set(const wharf_names_options *options);

WHARF_END

#endif
