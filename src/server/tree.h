/* Opening what lies beneath a directory, and nothing else: whatever ".." or symbolic links say. */
#ifndef SERVER_TREE_H
#define SERVER_TREE_H

#include <sys/stat.h>

/* The directory itself, only to look things up in. A descriptor or -errno. */
int tree_open_root(const char *directory);
/* What symbolic links may do. */
enum tree_links {
    TREE_LINKS_INSIDE, /* lead anywhere beneath the root; where the kernel cannot watch over that, nowhere */
    TREE_LINKS_NONE,   /* nothing: they are as if they were not there */
    TREE_LINKS_ALL     /* lead anywhere */
};

struct tree {
    int root;
    enum tree_links links;
};

/* Opens `path` beneath the root for reading, never waiting (FIFOs) and never becoming anybody's terminal. path: relative,
 * without ".."; "" is the root itself. Fills *ret_stat. Suspends where the look-up may have to wait for a disk. A descriptor
 * or -errno; -ENOENT for what is neither a regular file nor a directory. */
int tree_open(const struct tree *tree, const char *path, struct stat *ret_stat);
/* The same for threads of the pool: waits. */
int tree_open_waiting(const struct tree *tree, const char *path, struct stat *ret_stat);
/* The tree with a root descriptor of its own; root -1 and -errno on failure. */
int tree_copy(const struct tree *tree, struct tree *ret_copy);

/* Opens a path of the program itself, wherever it leads, likewise. A descriptor or -errno. */
int tree_open_path(const char *path);

#endif
