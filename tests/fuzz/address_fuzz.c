/* Target: address_parse, address_of_text, address_format.
 * Asserts: a problem lies within the text and has a reason; parts that are accepted, formatted, are read as the same
 * parts; a socket address, formatted and read again, is the same socket address. */
#include <assert.h>

#include "base/text.h"
#include "net/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_socket_address(const struct address *address) {
    char text[WHARF_ADDRESS_SIZE];
    char again[WHARF_ADDRESS_SIZE];
    struct address_text parts;
    struct address copy;
    size_t offset = 0;
    const char *problem = NULL;
    wharf_str view = {text, address_format(&address->any, address->len, text)};
    assert(view.len > 0 && view.len < WHARF_ADDRESS_SIZE);
    assert(address_parse(view, &parts, &offset, &problem) == 0);
    assert(address_of_text(&parts, AF_UNSPEC, &copy, 1) == 1);
    wharf_str second = {again, address_format(&copy.any, copy.len, again)};
    assert(wharf_str_equal(view, second));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    wharf_str input = {(const char *)data, size};
    char text[2048];
    struct address_text parts;
    struct address_text again;
    struct address addresses[2];
    size_t offset = 0;
    const char *problem = NULL;
    int rc = address_parse(input, &parts, &offset, &problem);
    if (rc < 0) {
        assert(rc == -WHARF_EADDRESS && offset <= size && problem != NULL);
        return 0;
    }
    wharf_str formatted = {text, address_text_format(&parts, text, sizeof(text))};
    assert(address_parse(formatted, &again, &offset, &problem) == 0);
    assert(wharf_str_equal(address_host(&parts), address_host(&again)) &&
           !idna_is_needed(address_is_inet(&parts) ? address_host(&parts) : STR("")));
    assert(wharf_str_equal(parts.host, again.host) && parts.port == again.port && parts.kind == again.kind);
    int count = address_of_text(&parts, AF_UNSPEC, addresses, 2);
    for (int i = 0; i < count; i++) {
        check_socket_address(&addresses[i]);
    }
    return 0;
}
