/* What went wrong in a scope: its first failure is its result and cancels the rest, and the sentence about it moves up to
 * the scope's owner; later ones are kept for the dump, because the first is not always the cause. */
#include <errno.h>

#include "base/failure.h"
#include "base/memory.h"
#include "sched/internal.h"

enum { KEPT_MAX = 16 };

/* Without memory for it only the number is known. */
static void keep(struct scope *scope, struct spawn_site site, const struct failure *failure, int code) {
    struct scope_failure **link = &scope->failures;
    int kept_before = 0;
    while (*link != NULL) {
        link = &(*link)->next;
        kept_before++;
    }
    bool is_first = scope->error == 0;
    if (kept_before == KEPT_MAX) {
        scope->failures->left_out++;
    } else if (is_first || kept_before > 0) {
        struct scope_failure *kept = mem_alloc(sizeof *kept);
        if (kept == NULL) {
            return;
        }
        kept->next = NULL;
        kept->site = site;
        kept->left_out = 0;
        failure_hand_on(&kept->failure, failure, code, "task", site.name);
        *link = kept;
    }
}

void scope_fail(struct scope *scope, struct spawn_site site, const struct failure *failure, int code) {
    bool is_first = scope->error == 0;
    if (!is_first && (code == -ECANCELED || (code == -ETIMEDOUT && scope->expired))) {
        return; /* ended by the first one, or for the same reason */
    }
    keep(scope, site, failure, code);
    if (is_first) {
        scope->error = code;
        scope_cancel(scope);
    }
}

int scope_result(const struct scope *scope) {
    return scope->error != 0 ? scope->error : scope->expired ? -ETIMEDOUT : 0;
}

void scope_failure_tell(const struct scope *scope) {
    int code = scope_result(scope);
    struct failure *failure = failure_current();
    if (scope->failures != NULL) {
        *failure = scope->failures->failure;
    } else if (code != 0 && failure->code != code) {
        (void)fail(code, "scope", NULL, NULL);
    }
}

void scope_failures_free(struct scope *scope) {
    while (scope->failures != NULL) {
        struct scope_failure *first = scope->failures;
        scope->failures = first->next;
        mem_free(first);
    }
}
