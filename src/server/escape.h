/* Text of others in pages of our own. */
#ifndef SERVER_ESCAPE_H
#define SERVER_ESCAPE_H

#include "base/arena.h"

enum escaping { ESCAPE_HTML, ESCAPE_JSON, ESCAPE_TEXT };

/* Text in valid UTF-8, without controls and markup; what is not UTF-8 becomes U+FFFD. In JSON: as it stands between the
 * quotes. ptr NULL: no memory. */
wharf_str escape(struct arena *arena, wharf_str text, enum escaping how);

#endif
