/* Targets h1_parse_fields, header_identify and header_list_next.
 *
 * Asserts that fields which were accepted, written out again, are parsed into the same fields; that every
 * field can be found by its name, first and repeated; and that list elements are trimmed parts of the value.
 */
#include "base/text.h"
#include "http/codec/chunked.h"
#include "http/codec/headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition) {
        __builtin_trap();
    }
}

static void check_field(const struct headers *headers, const struct header *header) {
    const struct header *found = headers_find_name(headers, header->name);
    while (found != NULL && found != header) {
        require(str_equal_nocase(found->name, header->name));
        found = headers_next(headers, found);
    }
    require(found == header);
    require(header->id == HEADER_OTHER || str_equal_nocase(header->name, header_name(header->id)));
    wharf_str rest = header->value;
    wharf_str element;
    while (header_list_next(&rest, &element)) {
        require(element.len > 0 && str_trim(element).len == element.len);
        require(element.ptr >= header->value.ptr);
        require(element.ptr + element.len <= header->value.ptr + header->value.len);
    }
}

static void check_again(const struct headers *headers) {
    struct header storage[100];
    struct headers again;
    struct h1_error error;
    struct buffer out;
    buffer_init(&out, 65536);
    for (size_t i = 0; i < headers->count; i++) {
        require(h1_append_field(&out, headers->at[i].name, headers->at[i].value) == 0);
    }
    require(buffer_append_str(&out, STR("\r\n")) == 0);
    headers_init(&again, storage, 100);
    require(h1_parse_fields(buffer_view(&out), 0, &h1_limits_server, &again, &error) == 0);
    require(again.count == headers->count);
    for (size_t i = 0; i < again.count; i++) {
        require(wharf_str_equal(again.at[i].name, headers->at[i].name));
        require(wharf_str_equal(again.at[i].value, headers->at[i].value));
    }
    buffer_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct header storage[100];
    struct headers headers;
    struct h1_error error;
    wharf_str input = {(const char *)data, size};
    ssize_t end = str_find(input, STR("\r\n\r\n"));
    if (end < 0) {
        return 0;
    }
    input.len = (size_t)end + 4;
    headers_init(&headers, storage, 100);
    if (h1_parse_fields(input, 0, &h1_limits_server, &headers, &error) < 0) {
        require(error.offset < input.len);
        return 0;
    }
    for (size_t i = 0; i < headers.count; i++) {
        check_field(&headers, &headers.at[i]);
    }
    check_again(&headers);
    return 0;
}
