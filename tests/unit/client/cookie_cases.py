"""Prints the cookie cases of the IETF's http-state group as lines that C can read: cookie_cases.py parser.json

Each text is in hexadecimal behind a '='. A line is "<test> <URL sent to> <Cookie expected> <Set-Cookie received>...".
A file of dates gives "<test> <seconds or -> <date>".
"""
import datetime
import json
import pathlib
import sys

ORIGIN = "http://home.example.org:8888"


def encode(text):
    return "=" + text.encode("utf-8").hex()


def without_comment(text):
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("//"))


def seconds(date):
    if date is None:
        return "-"
    moment = datetime.datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=datetime.timezone.utc)
    return str(int(moment.timestamp()))


for number, case in enumerate(json.loads(without_comment(pathlib.Path(sys.argv[1]).read_text("utf-8")))):
    if "received" in case:
        target = case.get("sent-to", f"/cookie-parser-result?{case['test']}")
        target = target if target.startswith("http") else ORIGIN + target
        expected = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in case["sent"])
        print(case["test"], encode(target), encode(expected), *map(encode, case["received"]))
    else:
        print(number, seconds(case["expected"]), encode(case["test"]))
