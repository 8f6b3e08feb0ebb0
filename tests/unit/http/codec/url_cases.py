"""Prints the URL cases of the Web Platform Tests as lines that C can read: url_cases.py urltestdata.json

Each text is in hexadecimal behind a '='; "-" is none. A line is
    "<base> <input> failure",
    "<base> <input> url <href> <protocol> <username> <password> <authority> <host> <path> <query> <fragment>" or
    "- <input> host <host>", for the files with names and what they are in ASCII.
"""
import json
import sys
import urllib.parse

PARTS = ["href", "protocol", "username", "password", "host", "hostname", "pathname"]
ENDS_A_HOST = ":/?#\\"


def encode(text):
    if text is None:
        return "-"
    well_formed = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return "=" + well_formed.encode("utf-8").hex()


def line_of(case):
    if "output" in case:
        name = "".join(urllib.parse.quote(each) if each in ENDS_A_HOST else each for each in case["input"])
        words = ["-", encode(f"https://{name}/x")]
        return words + (["failure"] if case["output"] is None else ["host", encode(case["output"])])
    words = [encode(case.get("base")), encode(case["input"])]
    if case.get("failure"):
        return words + ["failure"]
    parts = [case[name] for name in PARTS] + [case["search"][1:], case["hash"][1:]]
    return words + ["url"] + [encode(part) for part in parts]


with open(sys.argv[1], encoding="utf-8") as file:
    for entry in json.load(file):
        if isinstance(entry, dict):
            print(" ".join(line_of(entry)))
