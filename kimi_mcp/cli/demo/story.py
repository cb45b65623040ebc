"""The demonstration's repository, with a real bug in it, and the issue that was filed about it."""

FILES = {
    "README.md": "# durations\n\nReads durations such as `90s`, `1h 30m` or `2d` and shows them again.\n",
    "durations/__init__.py": (
        '"""Durations as people write them."""\n\n'
        "from durations.parse import parse\nfrom durations.show import show\n\n"
        '__all__ = ["parse", "show"]\n'
    ),
    "durations/parse.py": '''"""From text to seconds."""

import re

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

_PART = re.compile(r"(\\d+)\\s*([smhd])")


def parse(text):
    """The seconds of a duration like '90s' or '1h 30m'. Raises ValueError for anything else."""
    if not re.fullmatch(rf"\\s*(?:{_PART.pattern}\\s*)+", text):
        raise ValueError(f"not a duration: {text!r}")
    seconds = 0
    for number, unit in _PART.findall(text):
        seconds = int(number) * UNITS[unit]
    return seconds
''',
    "durations/show.py": '''"""From seconds to text."""

from durations.parse import UNITS


def show(seconds):
    """A duration with its largest units first: 5400 is '1h 30m'."""
    parts = []
    for unit in reversed(UNITS):
        count, seconds = divmod(seconds, UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"
''',
    "durations/timer.py": '''"""A kitchen timer."""

from durations.parse import parse


class Timer:
    """Rings `duration` after `start`, both in seconds."""

    def __init__(self, duration, start=0):
        self.rings_at = start + parse(duration)

    def rings(self, now):
        """Whether it is time."""
        return now >= self.rings_at
''',
    "tests/__init__.py": "",
    "tests/test_parse.py": """import unittest

from durations import parse


class ParseTest(unittest.TestCase):
    def test_one_unit(self):
        self.assertEqual(parse("90s"), 90)
        self.assertEqual(parse("2d"), 172_800)

    def test_what_is_no_duration(self):
        for text in ("", "soon", "3 weeks", "h"):
            with self.assertRaises(ValueError):
                parse(text)
""",
    "tests/test_show.py": """import unittest

from durations import show


class ShowTest(unittest.TestCase):
    def test_largest_units_first(self):
        self.assertEqual(show(5_400), "1h 30m")
        self.assertEqual(show(0), "0s")
""",
    "tests/test_timer.py": """import unittest

from durations.timer import Timer


class TimerTest(unittest.TestCase):
    def test_it_rings_when_its_time_is_over(self):
        self.assertFalse(Timer("10m").rings(599))
        self.assertTrue(Timer("10m").rings(600))
""",
}

ISSUE = """\
Timer set to "1h 30m" rings after half an hour

I set a timer to `1h 30m` and it rang after 30 minutes. My pizza survived, the bread did not.

    >>> from durations import parse
    >>> parse("1h 30m")
    1800

I expected 5400. A single unit, like `90m`, works.
"""
