#!/usr/bin/env python3
"""Writes zones.txt: at which second each day of each time zone begins, as checksums.

Usage: zones.py FOLDER > zones.txt, where FOLDER is `tzdata` of the PyPI package of that name, unpacked. Only
Python's own `zoneinfo` reads it: nothing here is shared with the program that is tested. A line is seven
checksums (CRC-32, hexadecimal), of the decades from 1970 on and of 2030 to 2037, and the zones that share
them. A checksum is over the first seconds of the days of its decade, each as 8 bytes, little endian.
"""

import datetime
import struct
import sys
import zlib
import zoneinfo
from collections import defaultdict
from pathlib import Path

DAY = 86_400
STEP = DAY // 4
FIRST = datetime.date(1970, 1, 1)
DECADES = [(year, min(year + 9, 2037)) for year in range(1970, 2038, 10)]


def number(date):
    return (date - FIRST).days


def segments(zone):
    """(first second, offset) of each stretch of one offset, from two days before 1970 to the end of 2037."""
    end = number(datetime.date(2038, 1, 3)) * DAY

    def offset(second):
        at = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=second)
        return int(at.astimezone(zone).utcoffset().total_seconds())

    found = [(-2 * DAY, offset(-2 * DAY))]
    for second in range(-2 * DAY + STEP, end, STEP):
        if offset(second) != found[-1][1]:
            low, high = second - STEP, second
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == found[-1][1] else (low, middle)
            found.append((high, offset(high)))
    return found


def starts(zone):
    """The first second of each day whose local date is that day or a later one."""
    parts = segments(zone)
    ends = [first for first, _ in parts[1:]] + [None]
    at = 0
    for day in range(number(datetime.date(2038, 1, 1))):
        while True:
            (first, offset), end = parts[at], ends[at]
            second = max(first, day * DAY - offset)
            if end is None or second < end:
                break
            at += 1
        yield second


def checksums(zone):
    seconds = list(starts(zone))
    for first, last in DECADES:
        days = range(number(datetime.date(first, 1, 1)), number(datetime.date(last, 12, 31)) + 1)
        yield f"{zlib.crc32(b''.join(struct.pack('<q', seconds[day]) for day in days)):08x}"


def main(folder):
    names = (folder / "zones").read_text().split()
    same_file = defaultdict(list)
    for name in names:
        same_file[(folder / "zoneinfo" / name).read_bytes()].append(name)
    lines = defaultdict(list)
    for group in same_file.values():
        with (folder / "zoneinfo" / group[0]).open("rb") as file:
            zone = zoneinfo.ZoneInfo.from_file(file, key=group[0])
        lines[" ".join(checksums(zone))] += group
    for sums, group in sorted(lines.items(), key=lambda line: sorted(line[1])):
        print(sums, *sorted(group))


main(Path(sys.argv[1]))
