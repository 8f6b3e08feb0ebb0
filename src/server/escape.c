/* Text of others in pages of our own. See escape.h. */
#include "server/escape.h"

#include "base/text.h"
#include "base/unicode.h"

/* What stands for one byte of ASCII; ptr NULL: itself. Controls become question marks, in JSON too: there they are of no use
 * to anybody, because the URL beside the name is exact. */
static wharf_str escape_byte(char byte, enum escaping how) {
    if ((unsigned char)byte < 0x20 || byte == 0x7f) {
        return STR("?");
    }
    if (how == ESCAPE_JSON) {
        return byte == '"' ? STR("\\\"") : byte == '\\' ? STR("\\\\") : (wharf_str){NULL, 0};
    }
    if (how == ESCAPE_TEXT) {
        return (wharf_str){NULL, 0};
    }
    switch (byte) {
    case '&': return STR("&amp;");
    case '<': return STR("&lt;");
    case '>': return STR("&gt;");
    case '"': return STR("&quot;");
    case '\'': return STR("&#39;");
    default: return (wharf_str){NULL, 0};
    }
}

wharf_str escape(struct arena *arena, wharf_str text, enum escaping how) {
    char *out = arena_alloc(arena, text.len * 6 + 1);
    size_t len = 0;
    for (size_t i = 0; out != NULL && i < text.len;) {
        size_t end = i;
        bool is_valid = unicode_next(text, &end) >= 0;
        wharf_str piece = is_valid ? (wharf_str){NULL, 0} : STR("\xef\xbf\xbd");
        piece = is_valid && end == i + 1 ? escape_byte(text.ptr[i], how) : piece;
        piece = piece.ptr == NULL ? str_slice(text, i, end) : piece;
        memcpy(out + len, piece.ptr, piece.len);
        len += piece.len;
        i = is_valid ? end : i + 1;
    }
    return (wharf_str){out, len};
}
