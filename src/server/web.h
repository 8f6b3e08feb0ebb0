/* Requests of other sites, for the step of wharf_group_same_origin() and for uploads. */
#ifndef SERVER_WEB_H
#define SERVER_WEB_H

#include "server/request.h"

/* Whether a page of another site made a browser send it, with a method that is not safe: Fetch Metadata say so, or Origin in
 * older browsers. trusted: origins, with commas between, that count as this one. */
bool web_is_cross_site(const wharf_request *request, wharf_str trusted);

#endif
