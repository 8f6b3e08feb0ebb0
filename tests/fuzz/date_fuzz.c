/* Target: date_parse and date_format, on eight bytes of a clock and the text of a date.
 * Asserts: an accepted date, formatted, is read as the same second; any clock value can be formatted. */
#include <assert.h>

#include "base/text.h"
#include "http/codec/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int64_t now = 0;
    int64_t seconds = 0;
    int64_t again = 0;
    char text[DATE_LEN];
    if (size < sizeof(now)) {
        return 0;
    }
    memcpy(&now, data, sizeof(now));
    date_format(now, text);
    assert(date_parse((wharf_str){text, DATE_LEN}, 0, &again) == 0);
    wharf_str input = {(const char *)data + sizeof(now), size - sizeof(now)};
    if (date_parse(input, now, &seconds) == 0) {
        date_format(seconds, text);
        assert(date_parse((wharf_str){text, DATE_LEN}, now, &again) == 0);
        assert(again == seconds);
    }
    return 0;
}
