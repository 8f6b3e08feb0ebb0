/* Task-locals: all values of a task in one block that is never changed, so that a task is started with them by counting one
 * more user. Setting a value makes a new block. */
#include <errno.h>
#include <string.h>

#include "base/failure.h"
#include "base/memory.h"
#include "sched/internal.h"
#include "wharf/sync.h"

enum { VALUES_MAX = 16, VALUE_BYTES_MAX = 256 };

struct value {
    const wharf_local *key;
    size_t len;
    unsigned char bytes[VALUE_BYTES_MAX];
};

struct values {
    size_t users; /* tasks of one scheduler */
    size_t count;
    struct value value[];
};

struct values *values_share(struct values *values) {
    if (values != NULL) {
        values->users++;
    }
    return values;
}

void values_drop(struct values *values) {
    if (values != NULL && --values->users == 0) {
        mem_free(values);
    }
}

static const struct value *value_find(const struct values *values, const wharf_local *key) {
    for (size_t i = 0; values != NULL && i < values->count; i++) {
        if (values->value[i].key == key) {
            return &values->value[i];
        }
    }
    return NULL;
}

/* All but the one of `key`, and room for one more. NULL without memory. */
static struct values *values_copy(const struct values *from, const wharf_local *key) {
    size_t count = from != NULL ? from->count : 0;
    struct values *copy = mem_alloc(sizeof *copy + (count + 1) * sizeof(struct value));
    if (copy == NULL) {
        return NULL;
    }
    *copy = (struct values){.users = 1};
    for (size_t i = 0; i < count; i++) {
        if (from->value[i].key != key) {
            copy->value[copy->count++] = from->value[i];
        }
    }
    return copy;
}

int wharf_local_set(const wharf_local *key, const void *value, size_t len) {
    struct task *task = task_current();
    if (task == NULL) {
        return sched_missing();
    }
    if (key == NULL || len > VALUE_BYTES_MAX) {
        return fail(-EINVAL, "local", key != NULL ? key->name : NULL, "a value has at most %d bytes",
                    VALUE_BYTES_MAX);
    }
    bool replaces = value_find(task->values, key) != NULL;
    if (len == 0 && !replaces) {
        return 0;
    }
    if (!replaces && task->values != NULL && task->values->count == VALUES_MAX) {
        return fail(-WHARF_ELIMIT, "local", key->name, "a task has at most %d values", VALUES_MAX);
    }
    struct values *values = values_copy(task->values, key);
    if (values == NULL) {
        return -ENOMEM;
    }
    if (len > 0) {
        struct value *added = &values->value[values->count++];
        added->key = key;
        added->len = len;
        memcpy(added->bytes, value, len);
    }
    values_drop(task->values);
    task->values = values;
    return 0;
}

int wharf_local_get(const wharf_local *key, void *ret_value, size_t size) {
    const struct task *task = task_current();
    if (task == NULL) {
        return sched_missing();
    }
    const struct value *value = value_find(task->values, key);
    if (value == NULL) {
        return 0;
    }
    if (value->len > size) {
        return -ENOBUFS;
    }
    memcpy(ret_value, value->bytes, value->len);
    return (int)value->len;
}
