/* A request's conditions and ranges (RFC 9110 sections 13 and 14) against what is known of what it asks for. */
#ifndef SERVER_CONDITION_H
#define SERVER_CONDITION_H

#include "http/codec/conditional.h"
#include "http/codec/range.h"
#include "server/request.h"

/* A header's value; several lines of it are joined. ptr NULL: absent. */
wharf_str condition_header(struct wharf_request *request, enum header_id id);
enum conditional_result condition_evaluate(struct wharf_request *request,
                                           const struct conditional_state *state);
/* Which parts of `length` bytes are asked for; RANGE_ABSENT and RANGE_IGNORED: all of it. */
void condition_ranges(struct wharf_request *request, const struct conditional_state *state, uint64_t length,
                      struct range_set *ret_set);
/* Adds Content-Range; range NULL: for a 416. 0 or -ENOMEM. */
int condition_say_range(struct wharf_request *request, const struct range *range, uint64_t length);
/* A header line unless the handler has set it. 0 or -ENOMEM. */
int condition_field(struct wharf_request *request, enum header_id id, wharf_str value);

#endif
