/* wharf/files.h - files of a server.
 *
 *     wharf_server *server = wharf_server_new(NULL);
 *     wharf_files(server, "/", "./public", NULL);
 *     wharf_files(server, "/downloads/", "/srv/downloads",
 *                 WHARF_OPTIONS(wharf_files_options, .listing = true, .cache_control = "max-age=3600"));
 *     return wharf_serve(server, "localhost:8000") < 0;
 *
 * Every file has its type, validators (ETag, Last-Modified), conditional requests and ranges, several of them as parts of one
 * body (RFC 9110 sections 8.8, 13 and 14). Files may change at any time: a client never gets a part of an old and a part of a
 * new file as one, except when a file is overwritten in place while it is sent.
 */
#ifndef WHARF_FILES_H
#define WHARF_FILES_H

#include "wharf/server.h"

WHARF_BEGIN

/** What symbolic links beneath the directory may do. */
typedef enum wharf_links {
    WHARF_LINKS_INSIDE, /**< lead to what is beneath the directory too; the default. Before Linux 5.6 they lead nowhere */
    WHARF_LINKS_NONE, /**< nothing: they are not found */
    WHARF_LINKS_ALL   /**< lead anywhere: whoever can make a link shows any file that the server can read */
} wharf_links;

/** The media type of files with an extension. */
typedef struct wharf_files_type {
    const char *extension; /**< "md", in any case */
    const char *type;      /**< "text/markdown"; a text without a charset is in UTF-8 */
} wharf_files_type;

/** How files are served; the texts are copied.
 *
 *  Uploads: a file is written beside its place under another name, reaches the disk, and then gets its name: it is
 *  there at once and whole, or not at all. Only a piece of it is ever in memory. Conditions (If-Match, If-None-Match)
 *  count, a Content-Digest or Repr-Digest with sha-256 is checked (RFC 9530), directories are not made. Forms that a
 *  page of another site makes a browser send are refused. 201: stored; 204: replaced; 303 for people who sent a form.
 *  */
typedef struct wharf_files_options {
    size_t size;  /**< sizeof(wharf_files_options) */
    bool listing; /**< show directories that have no index page: as HTML, JSON or text, by Accept */
    bool hidden;  /**< serve names that start with a dot (".well-known" is always served) */
    /** Names of index pages, the first that is there, with blanks between; default "index.html" */
    const char *index;
    const char *cache_control; /**< default "no-cache": kept, but asked for each time */
    /** Send "f.br", "f.zst" or "f.gz" for "f", where it is not older and the client takes it */
    bool precompressed;
    wharf_links links; /**< default WHARF_LINKS_INSIDE */
    bool clean_urls;   /**< "/about" is about.html, and "/about.html" leads there */
    /** A page beneath the directory, for paths that do not exist, to clients that ask for HTML by name: for
     *  applications of a single page. Default: none */
    const char *fallback;
    /** A file whose name holds a hash (8 hexadecimal digits or more between dots, dashes or underscores, both letters
     *  and figures) may be kept for a year without asking */
    bool immutable;
    /** Media types that come before the built-in ones, ended by {NULL, NULL} */
    const wharf_files_type *types;
    const char *types_file; /**< more types, which come after them, as in /etc/mime.types. Default: none */
    bool upload;            /**< take files: by PUT, and by POST of a form with files to a directory */
    bool overwrite;         /**< they may replace others; otherwise that is a 409 */
    int64_t upload_bytes;   /**< the longest body of one: 1 GiB; WHARF_OFF: no limit; beyond it a 413 */
} wharf_files_options;

/** Serves the files beneath a directory under a path prefix that starts and ends with '/'. Nothing outside the
 *  directory is ever reached by "..", and by symbolic links only as .links says. options: NULL for the defaults;
 *  copied. Before the server runs; does not suspend. Errors: as wharf_route(), and -ENOENT, -ENOTDIR, -EACCES for the
 *  directory and types_file. */
WHARF_API int wharf_files(wharf_server *server, const char *prefix, const char *directory,
                          const wharf_files_options *options);

WHARF_END

#endif
