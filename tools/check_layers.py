#!/usr/bin/python3
"""Who may include whom, and which folder may touch what of the system.

    base <- sched <- sim, net <- tls <- dial <- http <- client, server <- cli

A folder sees its own headers and those of folders below; siblings do not see each other. A codec/ folder is pure: base, the
vocabulary of wharf/base.h and wharf/http.h, no clock and no system; every folder above base may use it. The command, the examples and the benchmarks use
installed headers only.
"""

import re

import csource

RANK = {
    "base": 0,
    "sched": 1,
    "sim": 2,
    "net": 2,
    "tls": 3,
    "dial": 4,
    "http": 5,
    "client": 6,
    "server": 6,
    "cli": 7,
}
PUBLIC_LAYER = {
    "base.h": "base",
    "task.h": "sched",
    "sync.h": "sched",
    "os.h": "sched",
    "debug.h": "sched",
    "sim.h": "sim",
    "net.h": "net",
    "copy.h": "net",
    "datagram.h": "net",
    "tls.h": "tls",
    "frame.h": "net",
    "writer.h": "net",
    "names.h": "net",
    "http.h": "http",
    "credentials.h": "client",
    "client.h": "client",
    "cookies.h": "client",
    "files.h": "server",
    "route.h": "server",
    "access.h": "server",
    "auth.h": "server",
    "server.h": "server",
    "web.h": "server",
    "wharf.h": "cli",
}
CODEC_PUBLIC = ("wharf/base.h", "wharf/http.h")
CODEC_FORBIDDEN = re.compile(r"sys/(socket|epoll|time|stat|un|uio)\.h|netinet/|arpa/|unistd\.h|pthread\.h|poll\.h|time\.h")

# Names of the system -> the folders of src/ where they may appear.
SYSTEM = (
    (re.compile(r"\b(?:epoll_\w+|EPOLL\w+|io_uring\w*|IORING_\w+)\b"), ("sched",)),
    (
        re.compile(
            r"(?<![\w.>])(?:socket|socketpair|bind|listen|accept4?|connect|recv|recvfrom|recvmsg|recvmmsg|send|sendto"
            r"|sendmsg|sendmmsg|shutdown|setsockopt|getsockopt|getsockname|getpeername|sendfile|splice)\s*\("
        ),
        ("sched", "net"),
    ),
)


def layer_of(include):
    """The folder that an included header belongs to, or None for one of the system."""
    first, _, rest = include.partition("/")
    if first == "wharf":
        return PUBLIC_LAYER.get(rest)
    return first if first in RANK else None


def may_include(folder, include):
    target = layer_of(include)
    if target is None or target == folder:
        return True
    if folder == "cli":
        return include.startswith("wharf/")
    if "/codec/" in include:
        return folder != "base"
    return RANK[target] < RANK[folder]


def codec_may_include(include):
    if include.startswith("wharf/"):
        return include in CODEC_PUBLIC
    return include.startswith(("base/", "http/codec/", "net/codec/")) or "/" not in include or include.startswith("sys/types")


def source_problems(path):
    name, text = csource.name_of(path), path.read_text()
    folder = name.split("/")[1]
    if folder not in RANK:
        yield f"{name}: src/{folder} has no place in tools/check_layers.py"
        return
    codec = "/codec/" in name
    for line, include, quoted in csource.includes_of(text):
        if quoted and "/" not in include:
            yield f"{name}:{line}: \"{include}\" does not show its folder"
        if quoted and layer_of(include) is None:
            yield f"{name}:{line}: \"{include}\" is in no layer"
        ours = quoted or include.startswith("wharf/") or (csource.ROOT / "src" / include).exists()
        if ours and not may_include(folder, include):
            yield f"{name}:{line}: {folder} may not include {include}"
        if not quoted and include.startswith("openssl/") and folder != "tls":
            yield f"{name}:{line}: only tls touches <{include}>"
        if codec and quoted and not codec_may_include(include):
            yield f"{name}:{line}: a codec may not include {include}"
        if codec and not quoted and CODEC_FORBIDDEN.match(include):
            yield f"{name}:{line}: a codec is pure and needs no <{include}>"
    yield from system_problems(name, folder, text)


def system_problems(name, folder, text):
    """A function of the file's own may be called like one of the system."""
    code = csource.code_of(text)
    own = {function.name for function in csource.functions_of(text)}
    for pattern, folders in SYSTEM:
        if folder in folders:
            continue
        for match in pattern.finditer(code):
            line, symbol = csource.line_at(code, match.start()), match.group().rstrip("( \n")
            if symbol not in own:
                yield f"{name}:{line}: {symbol} belongs to {' and '.join(folders)}"


def user_problems(path):
    """Examples and benchmarks see what a user of the installed library sees; public headers see each other."""
    name = csource.name_of(path)
    for line, include, quoted in csource.includes_of(path.read_text()):
        own = quoted and (path.parent / include).exists()
        if quoted and not include.startswith("wharf/") and not own:
            yield f"{name}:{line}: \"{include}\" is not an installed header"


def public_header_problems(path):
    name = csource.name_of(path)
    folder = PUBLIC_LAYER.get(path.name)
    if folder is None:
        yield f"{name}: has no place in tools/check_layers.py"
        return
    for line, include, _ in csource.includes_of(path.read_text()):
        if include.startswith("wharf/") and RANK.get(layer_of(include), 99) > RANK[folder]:
            yield f"{name}:{line}: {include} is above {path.name}"


def problems():
    found = []
    for path in csource.c_files("src", suffixes=(".c", ".h", ".S")):
        found += source_problems(path)
    for path in csource.c_files("examples", "bench", "include"):
        found += user_problems(path)
    for path in csource.c_files("include"):
        found += public_header_problems(path)
    return found


if __name__ == "__main__":
    csource.report(problems())
