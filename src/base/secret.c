/* See secret.h. */
#include "base/secret.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/memory.h"

enum { PAGE_BYTES = 4096 };

static size_t pages_of(size_t len) {
    return (len / PAGE_BYTES + 1) * PAGE_BYTES;
}

int secret_init(struct secret *secret, wharf_str text) {
    /* A block of the heap too, though nothing is in it: what is not given up shows where blocks are counted. */
    void **block = mem_alloc(sizeof(*block));
    if (block == NULL) {
        return -ENOMEM;
    }
    size_t size = pages_of(text.len + sizeof(block));
    char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        mem_free(block);
        return -ENOMEM;
    }
    (void)madvise(pages, size, MADV_DONTDUMP);
    (void)mlock(pages, size);
    memcpy(pages, &block, sizeof(block));
    if (text.len > 0) {
        memcpy(pages + sizeof(block), text.ptr, text.len);
    }
    *secret = (struct secret){pages + sizeof(block), text.len};
    return 0;
}

void secret_deinit(struct secret *secret) {
    void **block = NULL;
    if (secret->bytes == NULL) {
        return;
    }
    char *pages = secret->bytes - sizeof(block);
    size_t size = pages_of(secret->len + sizeof(block));
    memcpy(&block, pages, sizeof(block));
    mem_free(block);
    explicit_bzero(pages, size);
    (void)munmap(pages, size);
    *secret = (struct secret){NULL, 0};
}
