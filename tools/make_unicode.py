#!/usr/bin/python3
"""Writes the tables of src/base/unicode.h as C, from the files of the Unicode Character Database:

    make_unicode.py FOLDER OUTPUT

What IDNA does to each code point is derived as UTS 46 section 7 says: NFKC_Casefold maps it, and what is neither a
letter, mark, number, symbol nor punctuation in that form is refused."""

import pathlib
import sys

CODE_POINTS = 0x110000
VALID, IGNORED, MAPPED, DISALLOWED = range(4)
FULL_STOPS = {0x3002, 0xFF0E, 0xFF61}
DEVIATIONS = {0xDF, 0x3C2, 0x200C, 0x200D}
SHARP_S, CAPITAL_SHARP_S = 0xDF, 0x1E9E
# They change the direction of the text around them, tag it, describe an ideograph or stand for none.
NEVER_IN_NAMES = {0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xE0001, 0xE0080),
                  *range(0x2FF0, 0x3000), 0xFFFC, 0xFFFD}
BIDI = "L R AL AN EN ES CS ET ON BN NSM B S WS LRE LRO RLE RLO PDF LRI RLI FSI PDI".split()
JOINING = "U D L R T C".split()
RECORD_BITS = 11


def rows(path):
    """The fields of each line of a data file, and the range of code points that its first one names."""
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = [field.strip() for field in line.split("#")[0].split(";")]
        if len(fields) > 1:
            first, _, last = fields[0].partition("..")
            yield range(int(first, 16), int(last or first, 16) + 1), fields[1:]


def code_points(text):
    return tuple(int(word, 16) for word in text.split())


class Database:
    def __init__(self, folder):
        self.category, self.combining, self.decomposition, self.casefold, self.excluded = {}, {}, {}, {}, set()
        self.bidi = self.property_of(folder / "extracted/DerivedBidiClass.txt")
        self.joining = self.property_of(folder / "extracted/DerivedJoiningType.txt")
        self.read_characters(folder / "UnicodeData.txt")
        for span, fields in rows(folder / "DerivedNormalizationProps.txt"):
            if fields[0] == "NFKC_CF":
                self.casefold.update({point: code_points(fields[1]) for point in span})
            elif fields[0] == "Full_Composition_Exclusion":
                self.excluded.update(span)

    @staticmethod
    def property_of(path):
        return {point: fields[0] for span, fields in rows(path) for point in span}

    def read_characters(self, path):
        first = None
        for line in path.read_text(encoding="utf-8").splitlines():
            fields = line.split(";")
            point = int(fields[0], 16)
            if fields[1].endswith("First>"):
                first = point
                continue
            for each in range(point if first is None else first, point + 1):
                self.category[each] = fields[2]
                self.combining[each] = int(fields[3])
            if fields[5] and not fields[5].startswith("<"):
                self.decomposition[point] = code_points(fields[5])
            first = None

    def mapping(self, point):
        if point in FULL_STOPS:
            return (ord("."),)
        if point == CAPITAL_SHARP_S:
            return (SHARP_S,)
        return self.casefold.get(point, (point,))

    def is_plain(self, point):
        """Whether it may stand in a name as it is, as far as its own properties go."""
        if point < 0x80 or point in DEVIATIONS:
            return True
        category = self.category.get(point, "Cn")
        return category[0] not in "CZ" and point not in NEVER_IN_NAMES and self.mapping(point) == (point,)

    def idna(self, point):
        mapped = self.mapping(point)
        if point in DEVIATIONS or (mapped == (point,) and self.is_plain(point)):
            return VALID
        if mapped == (point,) or point in NEVER_IN_NAMES or point not in self.category:
            return DISALLOWED
        if not mapped:
            return IGNORED
        makes_dots = ord(".") in mapped and point not in FULL_STOPS
        is_usable = all(self.is_plain(each) or each == ord(" ") for each in mapped) and not makes_dots
        return MAPPED if is_usable else DISALLOWED

    def full_decomposition(self, point):
        parts = self.decomposition.get(point)
        if parts is None:
            return (point,)
        return tuple(each for part in parts for each in self.full_decomposition(part))

    def record(self, point):
        is_mark = self.category.get(point, "Cn")[0] == "M"
        return (self.idna(point), self.combining.get(point, 0), BIDI.index(self.bidi.get(point, "L")),
                JOINING.index(self.joining.get(point, "U")), int(is_mark))

    def compositions(self):
        pairs = [(*parts, point) for point, parts in self.decomposition.items()
                 if len(parts) == 2 and point not in self.excluded]
        return sorted(pairs)


def array(declaration, items, per_line=8):
    lines = [f"const {declaration} = {{"]
    for at in range(0, len(items), per_line):
        lines.append("    " + ", ".join(items[at:at + per_line]) + ",")
    return "\n".join(lines + ["};", ""])


def ranges_of(database):
    """One entry where the record changes, and the records."""
    records, entries, last = {}, [], None
    for point in range(CODE_POINTS):
        record = database.record(point)
        if record != last:
            entries.append(point << RECORD_BITS | records.setdefault(record, len(records)))
            last = record
    assert len(records) < 1 << RECORD_BITS
    return entries, list(records)


def texts(name, table):
    """A table from code points to texts of them, which lie in one pool."""
    pool, entries = [], []
    for point, text in sorted(table.items()):
        entries.append(f"{{0x{point:x}, {len(pool)}, {len(text)}}}")
        pool += text
    assert len(pool) < 1 << 16
    return [array(f"struct unicode_text unicode_{name}[]", entries, 6),
            f"const size_t unicode_{name}_count = {len(entries)};\n",
            array(f"uint32_t unicode_{name}_pool[]", [f"0x{point:x}" for point in pool], 12)]


def tables(database):
    entries, records = ranges_of(database)
    mappings = {point: database.mapping(point) for point in range(CODE_POINTS) if database.idna(point) == MAPPED}
    decompositions = {point: database.full_decomposition(point) for point in database.decomposition}
    compositions = database.compositions()
    return ["/* Made by tools/make_unicode.py from the Unicode Character Database. */",
            '#include "base/unicode_tables.h"\n',
            array("uint32_t unicode_ranges[]", [f"0x{entry:x}" for entry in entries], 12),
            f"const size_t unicode_ranges_count = {len(entries)};\n",
            array("struct unicode_record unicode_records[]", ["{%d, %d, %d, %d, %d}" % record for record in records]),
            *texts("mappings", mappings),
            *texts("decompositions", decompositions),
            array("struct unicode_pair unicode_pairs[]", ["{0x%x, 0x%x, 0x%x}" % pair for pair in compositions], 5),
            f"const size_t unicode_pairs_count = {len(compositions)};"]


def main():
    folder, output = sys.argv[1:]
    pathlib.Path(output).write_text("\n".join(tables(Database(pathlib.Path(folder)))) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
