/* Pins: SHA-256 of public keys that a server's chain must contain one of. */
#ifndef TLS_PIN_H
#define TLS_PIN_H

#include <openssl/x509.h>
#include <stdbool.h>

/* "sha256/" and 44 characters, and a NUL. */
enum { PIN_TEXT_SIZE = 7 + 44 + 1 };

bool pin_is_valid(const char *pin);
/* The pin of a certificate's key. 0 or -ENOMEM. */
int pin_format(const X509 *certificate, char *out);
/* Whether the key of one of the certificates is pinned. 1, 0, or -ENOMEM. */
int pin_matches(const char *const *pins, const STACK_OF(X509) * chain);

#endif
