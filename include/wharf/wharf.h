/* wharf/wharf.h - all of Wharf. Read task.h and net.h first, then server.h or client.h. */
#ifndef WHARF_WHARF_H
#define WHARF_WHARF_H

#include "wharf/access.h"
#include "wharf/auth.h"
#include "wharf/base.h"
#include "wharf/client.h"
#include "wharf/cookies.h"
#include "wharf/copy.h"
#include "wharf/credentials.h"
#include "wharf/datagram.h"
#include "wharf/debug.h"
#include "wharf/files.h"
#include "wharf/frame.h"
#include "wharf/http.h"
#include "wharf/names.h"
#include "wharf/net.h"
#include "wharf/os.h"
#include "wharf/route.h"
#include "wharf/server.h"
#include "wharf/sim.h"
#include "wharf/sync.h"
#include "wharf/task.h"
#include "wharf/tls.h"
#include "wharf/web.h"
#include "wharf/writer.h"

#endif
