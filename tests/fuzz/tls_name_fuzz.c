/* Targets the names of TLS: the server_name extension of a client's first message, and the comparison with names in
 * certificates. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tls/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    wharf_str input = {(const char *)data, size};
    wharf_str name = {NULL, 0};
    char normal[NAME_MAX_BYTES + 1];
    if (name_of_extension(input, &name) == 0 && name.len > 0) {
        assert(name.ptr >= input.ptr && name.ptr + name.len <= input.ptr + input.len);
        assert(name_normalise(name, normal));
        /* As a pattern, a name that begins with a star means others; one that ends in two dots loses one each time. */
        bool is_plain = name.ptr[0] != '*' && normal[strlen(normal) - 1] != '.';
        assert(!is_plain || name_covers(wharf_str_of(normal), name));
    }
    /* Cut in two: a pattern and a host. What a wildcard covers has a label in its place. */
    const char *zero = size > 0 ? memchr(data, 0, size) : NULL;
    if (zero != NULL) {
        wharf_str pattern = {input.ptr, (size_t)(zero - input.ptr)};
        wharf_str host = {zero + 1, size - pattern.len - 1};
        if (name_covers(pattern, host)) {
            assert(pattern.len > 0 && host.len > 0);
            assert(pattern.ptr[0] == '*' || name_covers(host, pattern));
        }
    }
    return 0;
}
