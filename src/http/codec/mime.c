/* Media types by extension: one ordered table and a binary search. Source code and other files for people to
 * read are text/plain, because browsers show that and offer to save the more specific types. */
#include "http/codec/mime.h"

#include "base/text.h"

enum { EXTENSION_LEN_MAX = 16 };

#define TEXT(subtype) "text/" subtype "; charset=utf-8"

static const struct mime_entry entries[] = {
    {"3g2", "video/3gpp2"},
    {"3gp", "video/3gpp"},
    {"7z", "application/x-7z-compressed"},
    {"a", "application/octet-stream"},
    {"aac", "audio/aac"},
    {"adoc", TEXT("plain")},
    {"ai", "application/postscript"},
    {"aif", "audio/aiff"},
    {"aiff", "audio/aiff"},
    {"apk", "application/vnd.android.package-archive"},
    {"apng", "image/apng"},
    {"asc", TEXT("plain")},
    {"asm", TEXT("plain")},
    {"atom", "application/atom+xml"},
    {"avi", "video/x-msvideo"},
    {"avif", "image/avif"},
    {"bash", TEXT("plain")},
    {"bin", "application/octet-stream"},
    {"bmp", "image/bmp"},
    {"br", "application/x-brotli"},
    {"bz2", "application/x-bzip2"},
    {"c", TEXT("plain")},
    {"cc", TEXT("plain")},
    {"cfg", TEXT("plain")},
    {"cjs", TEXT("javascript")},
    {"cmake", TEXT("plain")},
    {"conf", TEXT("plain")},
    {"cpp", TEXT("plain")},
    {"crt", "application/x-x509-ca-cert"},
    {"csr", "application/pkcs10"},
    {"css", TEXT("css")},
    {"csv", TEXT("csv")},
    {"cxx", TEXT("plain")},
    {"dat", "application/octet-stream"},
    {"deb", "application/vnd.debian.binary-package"},
    {"der", "application/x-x509-ca-cert"},
    {"diff", TEXT("plain")},
    {"dll", "application/octet-stream"},
    {"dmg", "application/x-apple-diskimage"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"dot", "application/msword"},
    {"ear", "application/java-archive"},
    {"eot", "application/vnd.ms-fontobject"},
    {"eps", "application/postscript"},
    {"epub", "application/epub+zip"},
    {"exe", "application/octet-stream"},
    {"flac", "audio/flac"},
    {"flv", "video/x-flv"},
    {"geojson", "application/geo+json"},
    {"gif", "image/gif"},
    {"glb", "model/gltf-binary"},
    {"gltf", "model/gltf+json"},
    {"go", TEXT("plain")},
    {"gpx", "application/gpx+xml"},
    {"gz", "application/gzip"},
    {"h", TEXT("plain")},
    {"heic", "image/heic"},
    {"heif", "image/heif"},
    {"hh", TEXT("plain")},
    {"hpp", TEXT("plain")},
    {"htm", TEXT("html")},
    {"html", TEXT("html")},
    {"ico", "image/x-icon"},
    {"ics", TEXT("calendar")},
    {"img", "application/octet-stream"},
    {"ini", TEXT("plain")},
    {"ipynb", "application/json"},
    {"iso", "application/x-iso9660-image"},
    {"jar", "application/java-archive"},
    {"java", TEXT("plain")},
    {"jfif", "image/jpeg"},
    {"jp2", "image/jp2"},
    {"jpe", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", TEXT("javascript")},
    {"json", "application/json"},
    {"jsonl", "application/x-ndjson"},
    {"jsonld", "application/ld+json"},
    {"jxl", "image/jxl"},
    {"kml", "application/vnd.google-earth.kml+xml"},
    {"kmz", "application/vnd.google-earth.kmz"},
    {"kt", TEXT("plain")},
    {"log", TEXT("plain")},
    {"lua", TEXT("plain")},
    {"lz", "application/x-lzip"},
    {"m3u8", "application/vnd.apple.mpegurl"},
    {"m4a", "audio/mp4"},
    {"m4v", "video/mp4"},
    {"map", "application/json"},
    {"markdown", TEXT("markdown")},
    {"md", TEXT("markdown")},
    {"mid", "audio/midi"},
    {"midi", "audio/midi"},
    {"mjs", TEXT("javascript")},
    {"mk", TEXT("plain")},
    {"mkv", "video/x-matroska"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpd", "application/dash+xml"},
    {"mpeg", "video/mpeg"},
    {"mpg", "video/mpeg"},
    {"msi", "application/octet-stream"},
    {"ndjson", "application/x-ndjson"},
    {"o", "application/octet-stream"},
    {"obj", "model/obj"},
    {"odg", "application/vnd.oasis.opendocument.graphics"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"opus", "audio/opus"},
    {"otf", "font/otf"},
    {"p12", "application/x-pkcs12"},
    {"parquet", "application/vnd.apache.parquet"},
    {"patch", TEXT("plain")},
    {"pdf", "application/pdf"},
    {"pem", "application/x-x509-ca-cert"},
    {"pfx", "application/x-pkcs12"},
    {"pkg", "application/octet-stream"},
    {"pl", TEXT("plain")},
    {"png", "image/png"},
    {"pps", "application/vnd.ms-powerpoint"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"ps", "application/postscript"},
    {"psd", "image/vnd.adobe.photoshop"},
    {"py", TEXT("plain")},
    {"rar", "application/vnd.rar"},
    {"rb", TEXT("plain")},
    {"rpm", "application/x-rpm"},
    {"rs", TEXT("plain")},
    {"rss", "application/rss+xml"},
    {"rst", TEXT("plain")},
    {"rtf", "application/rtf"},
    {"s", TEXT("plain")},
    {"sh", TEXT("plain")},
    {"shtml", TEXT("html")},
    {"so", "application/octet-stream"},
    {"sql", TEXT("plain")},
    {"sqlite", "application/vnd.sqlite3"},
    {"sqlite3", "application/vnd.sqlite3"},
    {"srt", TEXT("plain")},
    {"stl", "model/stl"},
    {"svg", "image/svg+xml"},
    {"swf", "application/x-shockwave-flash"},
    {"swift", TEXT("plain")},
    {"tar", "application/x-tar"},
    {"tex", TEXT("plain")},
    {"text", TEXT("plain")},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"toml", "application/toml"},
    {"ts", "video/mp2t"},
    {"tsv", TEXT("tab-separated-values")},
    {"ttc", "font/collection"},
    {"ttf", "font/ttf"},
    {"txt", TEXT("plain")},
    {"vcf", TEXT("vcard")},
    {"vtt", TEXT("vtt")},
    {"war", "application/java-archive"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"wma", "audio/x-ms-wma"},
    {"wmv", "video/x-ms-wmv"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xht", "application/xhtml+xml"},
    {"xhtml", "application/xhtml+xml"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"xsd", "application/xml"},
    {"xsl", TEXT("xml")},
    {"xz", "application/x-xz"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zsh", TEXT("plain")},
    {"zst", "application/zstd"},
};

const struct mime_entry *mime_table(size_t *ret_count) {
    *ret_count = sizeof(entries) / sizeof(entries[0]);
    return entries;
}

/* What is behind the last dot of the last segment; empty when there is no dot, or only one that hides the
 * file. */
static wharf_str extension_of(wharf_str path) {
    wharf_str name = str_slice(path, (size_t)(str_find_last_byte(path, '/') + 1), path.len);
    ssize_t dot = str_find_last_byte(name, '.');
    return dot > 0 ? str_slice(name, (size_t)dot + 1, name.len) : STR("");
}

static const char *find_type(const char *extension) {
    size_t low = 0;
    size_t high = sizeof(entries) / sizeof(entries[0]);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(extension, entries[middle].extension);
        if (order == 0) {
            return entries[middle].type;
        }
        low = order > 0 ? middle + 1 : low;
        high = order > 0 ? high : middle;
    }
    return "application/octet-stream";
}

wharf_str mime_type(wharf_str path) {
    wharf_str extension = extension_of(path);
    char lower[EXTENSION_LEN_MAX + 1];
    size_t len = str_copy_to(lower, sizeof(lower), extension);
    for (size_t i = 0; i < len; i++) {
        lower[i] = ascii_lower(lower[i]);
    }
    /* one that had to be cut is in no table, but its beginning might be */
    return wharf_str_of(find_type(len == extension.len ? lower : ""));
}
