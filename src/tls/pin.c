/* See pin.h. */
#include "tls/pin.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/text.h"
#include "tls/library.h"

enum { DIGEST_SIZE = 32, BASE64_LEN = 44 };

bool pin_is_valid(const char *pin) {
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    wharf_str text = wharf_str_of(pin);
    if (text.len != PIN_TEXT_SIZE - 1 || !str_starts(text, STR("sha256/")) || pin[text.len - 1] != '=') {
        return false;
    }
    return strspn(pin + sizeof("sha256/") - 1, ALPHABET) == BASE64_LEN - 1;
}

int pin_format(const X509 *certificate, char *out) {
    unsigned char digest[DIGEST_SIZE];
    unsigned char *key = NULL;
    size_t len = 0;
    int key_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);
    int ok = key_len > 0
                 ? EVP_Q_digest(tls_library()->context, "SHA256", NULL, key, (size_t)key_len, digest, &len)
                 : 0;
    OPENSSL_free(key);
    if (ok != 1) {
        return -ENOMEM;
    }
    memcpy(out, "sha256/", sizeof("sha256/"));
    EVP_EncodeBlock((unsigned char *)out + sizeof("sha256/") - 1, digest, DIGEST_SIZE);
    return 0;
}

int pin_matches(const char *const *pins, const STACK_OF(X509) * chain) {
    for (int i = 0; i < sk_X509_num(chain); i++) {
        char own[PIN_TEXT_SIZE];
        int rc = pin_format(sk_X509_value(chain, i), own);
        if (rc < 0) {
            return rc;
        }
        for (const char *const *pin = pins; *pin != NULL; pin++) {
            if (strcmp(*pin, own) == 0) {
                return 1;
            }
        }
    }
    return 0;
}
