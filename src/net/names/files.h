/* Reads the files that say how names are looked up, on the pool for names: a home of files may be slow. */
#ifndef NET_NAMES_FILES_H
#define NET_NAMES_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "wharf/base.h"

enum { NAMES_FILES = 3 };

enum { NAMES_FILE_BYTES_MAX = 4 << 20 }; /* more of a file is not read */

/* What tells one state of a file from another. */
struct file_stamp {
    uint64_t device, inode;
    int64_t size, changed_ns; /* size -1: there is none */
};

/* The texts of all files, and the stamps they had. */
struct names_files {
    struct file_stamp stamps[NAMES_FILES];
    wharf_str texts[NAMES_FILES]; /* heap; names_files_free */
    bool changed;                 /* false: as before, and the texts are empty */
};

/* paths: "" is no file. before: their stamps, or NULL. Suspends. 0, -ENOMEM, -ECANCELED, -ETIMEDOUT. */
int names_files_read(const char *const paths[NAMES_FILES], const struct file_stamp *before,
                     struct names_files *ret_files);
void names_files_free(struct names_files *files);

#endif
