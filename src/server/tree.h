/* Opening what lies beneath a directory, and nothing else: whatever ".." or symbolic links say. */
#ifndef SERVER_TREE_H
#define SERVER_TREE_H

#include <sys/stat.h>

/* The directory itself, only to look things up in. A descriptor or -errno. */
int tree_open_root(const char *directory);
/* Opens `path` beneath root for reading, never waiting (FIFOs) and never becoming anybody's terminal. path: relative;
 * "" is the root itself. Symbolic links may stay beneath the root; where the kernel cannot watch over that, they are
 * not followed at all. Fills *ret_stat. Suspends where the
 * look-up may have to wait for a disk. A descriptor or -errno; -ENOENT for what is neither a regular file nor a
 * directory. */
int tree_open(int root, const char *path, struct stat *ret_stat);

/* Opens a path of the program itself, wherever it leads, likewise. A descriptor or -errno. */
int tree_open_path(const char *path);

#endif
