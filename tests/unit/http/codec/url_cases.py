"""Prints the URL cases of the Web Platform Tests as lines that C can read: url_cases.py urltestdata.json

Each text is in hexadecimal behind a '='; "-" is none. A line is "<base> <input> failure <protocol>" or
"<base> <input> ok <protocol> <href> <username> <password> <authority> <host> <path> <query> <fragment>".
"""
import json
import sys

PARTS = ["href", "username", "password", "host", "hostname", "pathname"]


def encode(text):
    return "-" if text is None else "=" + text.encode("utf-8", "replace").hex()


def line_of(case):
    words = [encode(case.get("base")), encode(case["input"])]
    if case.get("failure"):
        return words + ["failure", "-"]
    parts = [case[name] for name in PARTS] + [case["search"][1:], case["hash"][1:]]
    return words + ["ok", encode(case["protocol"])] + [encode(part) for part in parts]


with open(sys.argv[1], encoding="utf-8") as file:
    for entry in json.load(file):
        if isinstance(entry, dict):
            print(" ".join(line_of(entry)))
