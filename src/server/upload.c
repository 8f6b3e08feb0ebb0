/* Files that clients put beneath a directory: PUT of one, and forms with several (RFC 9110 section 9.3.4, RFC 7578). No more
 * of a file is in memory than a piece; Content-Digest (RFC 9530) is checked before it gets its name. */
#include <errno.h>

#include "base/text.h"
#include "http/codec/base64.h"
#include "http/codec/conditional.h"
#include "server/content.h"
#include "server/files.h"
#include "server/reply.h"
#include "server/upload_job.h"
#include "server/web.h"

enum { SHA256_LEN = 32, SHA256_BASE64_LEN = 44 };

static int upload_refuse(struct wharf_request *request, int error) {
    switch (error) {
    case -EEXIST: return refuse(request, 409, "http.upload.exists");
    case -EISDIR:
    case -ENOENT:
    case -ENOTDIR:
    case -EXDEV: /* a link that leads out of the directory */
    case -ELOOP: return refuse(request, 409, "http.upload.place");
    case -EACCES:
    case -EPERM:
    case -EROFS: return refuse(request, 403, "http.file.forbidden");
    case -ENOSPC:
    case -EDQUOT:
    case -EFBIG: return refuse(request, 507, "server.disk.full");
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM: return refuse(request, 503, "server.resources");
    default: return error; /* the body failed, or the client is gone */
    }
}

/* ---- digests ---- */

/* The SHA-256 in a field like "sha-256=:...:, sha-512=:...:", in hexadecimal. 0: there is none; 1; -EINVAL. */
static int digest_read(wharf_str value, char *ret_hex) {
    static const char DIGITS[] = "0123456789abcdef";
    wharf_str member;
    while (str_split(&value, ',', &member)) {
        wharf_str key = STR("sha-256=:");
        wharf_str text = str_trim(member);
        if (!str_starts(text, key)) {
            continue;
        }
        char raw[SHA256_BASE64_LEN];
        size_t len = 0;
        text = str_slice(text, key.len, text.len);
        if (text.len != SHA256_BASE64_LEN + 1 || text.ptr[SHA256_BASE64_LEN] != ':' ||
            base64_parse(str_slice(text, 0, SHA256_BASE64_LEN), raw, &len) < 0 || len != SHA256_LEN) {
            return -EINVAL;
        }
        for (size_t i = 0; i < SHA256_LEN; i++) {
            ret_hex[2 * i] = DIGITS[(unsigned char)raw[i] >> 4];
            ret_hex[2 * i + 1] = DIGITS[raw[i] & 15];
        }
        ret_hex[2 * SHA256_LEN] = '\0';
        return 1;
    }
    return 0;
}

/* What the client says that the content is: "" where it does not. False: nonsense. */
static bool digest_expected(const struct wharf_request *request, char *ret_hex) {
    const struct headers *headers = &request->head.headers;
    ret_hex[0] = '\0';
    int rc = digest_read(headers_get(headers, STR("Content-Digest")), ret_hex);
    if (rc == 0) {
        rc = digest_read(headers_get(headers, STR("Repr-Digest")), ret_hex);
    }
    return rc >= 0;
}

static bool digest_differs(struct upload *upload, const char *expected) {
    char hex[DIGEST_HEX_SIZE] = "";
    if (upload->digest == NULL) {
        return false;
    }
    struct digest *digest = upload->digest;
    upload->digest = NULL;
    return digest_finish(digest, hex) < 0 || strcmp(hex, expected) != 0;
}

/* ---- receiving ---- */

typedef ssize_t (*read_fn)(wharf_request *request, void *buffer, size_t size);

/* Everything until the end of the body, or of the part, into the temporary file. */
static int upload_receive(struct wharf_request *request, struct upload **upload, read_fn read) {
    int rc = upload_step(upload, UPLOAD_CREATE);
    while (rc == 0) {
        size_t len = 0;
        ssize_t count = 1;
        while (len < UPLOAD_PIECE && count > 0) {
            count = read(request, (*upload)->data + len, UPLOAD_PIECE - len);
            len += count > 0 ? (size_t)count : 0;
        }
        if (count < 0) {
            return (int)count;
        }
        (*upload)->len = len;
        rc = len > 0 ? upload_step(upload, UPLOAD_WRITE) : 0;
        if (count == 0) {
            break;
        }
    }
    return rc;
}

/* ---- PUT ---- */

/* Whether the conditions of the request allow it (RFC 9110 section 13). */
static bool put_may_proceed(const struct wharf_request *request, const struct upload *upload) {
    const struct headers *headers = &request->head.headers;
    struct file_validators validators;
    file_validators(&validators, &upload->stat);
    struct conditional_headers conditions = {
        .if_match = headers_value(headers, HEADER_IF_MATCH),
        .if_unmodified_since = headers_value(headers, HEADER_IF_UNMODIFIED_SINCE),
        .if_none_match = headers_value(headers, HEADER_IF_NONE_MATCH),
    };
    struct conditional_state state = {.exists = false};
    return conditional_evaluate(false, &conditions, upload->exists ? &validators.state : &state) ==
           CONDITIONAL_PROCEED;
}

/* A part of a file, or a coding of it, is not what is to be stored (RFC 9110 sections 8.4 and 14.5). */
static int put_check(struct wharf_request *request, const struct files_mount *mount, wharf_str name) {
    const struct headers *headers = &request->head.headers;
    if (web_is_cross_site(request, STR(""))) {
        return refuse(request, 403, "http.cross_site");
    }
    if (headers_has(headers, HEADER_CONTENT_RANGE)) {
        return refuse(request, 400, "http.upload.range");
    }
    if (headers_has(headers, HEADER_CONTENT_ENCODING)) {
        return refuse(request, 415, "http.upload.coding");
    }
    if (name.len == 0 || name.len > UPLOAD_NAME_MAX || !files_is_visible(mount->hidden, name)) {
        return refuse(request, 403, "http.upload.name");
    }
    return 1;
}

/* Looks at what there is, and at the conditions. 0; 1: the client has been told why not; or an error. */
static int put_look(struct wharf_request *request, const struct files_mount *mount, struct upload **upload) {
    int rc = upload_step(upload, UPLOAD_LOOK);
    if (rc == 0 && !put_may_proceed(request, *upload)) {
        rc = refuse(request, 412, "http.precondition.failed");
        return rc < 0 ? rc : 1;
    }
    if (rc == 0 && (*upload)->exists) {
        rc = S_ISDIR((*upload)->stat.st_mode) ? -EISDIR : mount->overwrite ? 0 : -EEXIST;
    }
    if (rc < 0) {
        rc = upload_refuse(request, rc);
        return rc < 0 ? rc : 1;
    }
    return 0;
}

static int put_receive(struct wharf_request *request, struct upload **upload) {
    char expected[DIGEST_HEX_SIZE];
    if (!digest_expected(request, expected)) {
        return refuse(request, 400, "http.digest.malformed");
    }
    if (expected[0] != '\0') {
        (*upload)->digest = digest_new(DIGEST_SHA256);
        if ((*upload)->digest == NULL) {
            return upload_refuse(request, -ENOMEM);
        }
    }
    int rc = upload_receive(request, upload, wharf_request_read);
    if (rc == 0 && digest_differs(*upload, expected)) {
        return refuse(request, 400, "http.digest.differs");
    }
    rc = rc == 0 ? upload_step(upload, UPLOAD_COMMIT) : rc;
    if (rc < 0) {
        return upload_refuse(request, rc);
    }
    return wharf_reply_status(request, (*upload)->exists ? 204 : 201);
}

int upload_put(wharf_request *request, void *arg) {
    const struct files_mount *mount = arg;
    const char *path = files_path(request, mount);
    wharf_str whole = wharf_str_of(path);
    size_t start = whole.len;
    while (start > 0 && whole.ptr[start - 1] != '/') {
        start--;
    }
    wharf_str name = str_slice(whole, start, whole.len);
    int rc = put_check(request, mount, name);
    if (rc <= 0) {
        return rc;
    }
    struct upload *upload = upload_new(&mount->tree, str_slice(whole, 0, start), name, &rc);
    if (upload == NULL) {
        return upload_refuse(request, rc);
    }
    upload->may_replace = mount->overwrite;
    rc = put_look(request, mount, &upload);
    rc = rc == 0 ? put_receive(request, &upload) : rc;
    upload_free(upload);
    return rc < 0 ? rc : 0;
}

/* ---- forms ---- */

static bool part_is_welcome(const struct files_mount *mount, wharf_str name) {
    bool is_plain = name.len > 0 && name.len <= UPLOAD_NAME_MAX && str_find_byte(name, '/') < 0;
    for (size_t i = 0; i < name.len; i++) {
        is_plain = is_plain && (unsigned char)name.ptr[i] >= 0x20 && name.ptr[i] != 0x7f;
    }
    return is_plain && files_is_visible(mount->hidden, name) && !wharf_str_is(name, ".") &&
           !wharf_str_is(name, "..");
}

/* Stores one part. 0; 1: the client has been told why not; or an error. */
static int part_store(struct wharf_request *request, const struct files_mount *mount, wharf_str parent,
                      wharf_str name) {
    int rc = 0;
    if (!part_is_welcome(mount, name)) {
        rc = refuse(request, 403, "http.upload.name");
        return rc < 0 ? rc : 1;
    }
    struct upload *upload = upload_new(&mount->tree, parent, name, &rc);
    if (upload != NULL) {
        upload->may_replace = mount->overwrite;
        rc = upload_step(&upload, UPLOAD_LOOK);
        if (rc == 0 && upload->exists) {
            rc = S_ISDIR(upload->stat.st_mode) ? -EISDIR : mount->overwrite ? 0 : -EEXIST;
        }
        rc = rc == 0 ? upload_receive(request, &upload, wharf_request_part_read) : rc;
        rc = rc == 0 ? upload_step(&upload, UPLOAD_COMMIT) : rc;
        upload_free(upload);
    }
    if (rc < 0) {
        rc = upload_refuse(request, rc);
        return rc < 0 ? rc : 1;
    }
    return 0;
}

/* Back to the directory for people, what there is now for programs. */
static int form_reply(struct wharf_request *request, int64_t count) {
    if (files_wants_page(request)) {
        int rc = reply_field(request, header_name(HEADER_LOCATION), request->head.path);
        return rc < 0 ? rc : wharf_reply_status(request, 303);
    }
    wharf_str text = arena_printf(&request->arena, "%lld %s stored\n", (long long)count,
                                  count == 1 ? "file was" : "files were");
    return text.ptr == NULL ? -ENOMEM : wharf_reply_text(request, 201, text.ptr);
}

int upload_form(wharf_request *request, void *arg) {
    const struct files_mount *mount = arg;
    const char *path = files_path(request, mount);
    wharf_str parent = wharf_str_of(path);
    if (web_is_cross_site(request, STR(""))) {
        return refuse(request, 403, "http.cross_site");
    }
    if (path == NULL || (parent.len > 0 && !str_ends(parent, STR("/")))) {
        return upload_refuse(request, -ENOTDIR);
    }
    wharf_part part;
    int64_t count = 0;
    int more = wharf_request_part(request, &part);
    while (more > 0) {
        if (part.filename.len > 0) { /* a field without a chosen file has an empty one */
            int rc = part_store(request, mount, parent, part.filename);
            if (rc != 0) {
                return rc < 0 ? rc : 0;
            }
            count++;
        }
        more = wharf_request_part(request, &part);
    }
    return more < 0 ? more : form_reply(request, count);
}
