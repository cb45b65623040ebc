"""JUnit's XML."""

from kimi_tools.testrun.junit import cases

REPORT = b"""<?xml version="1.0"?>
<testsuites><testsuite>
  <testcase classname="a.B" name="fine" time="1,234.5" file="a/b.py" line="7"/>
  <testcase classname="a.B" name="bad"><failure message="no">trace</failure><system-out>said</system-out></testcase>
  <testcase classname="a.B" name="broken"><error>first line
second</error></testcase>
  <testcase classname="a.B" name="left"><skipped message="later"/></testcase>
"""


def test_every_outcome_is_read_and_a_cut_report_gives_what_is_there() -> None:
    found = list(cases(REPORT))
    assert [(case.name, case.status, case.message) for case in found] == [
        ("fine", "passed", ""),
        ("bad", "failed", "no"),
        ("broken", "error", "first line"),
        ("left", "skipped", "later"),
    ]
    assert (found[0].seconds, found[0].file, found[0].line) == (1234.5, "a/b.py", 7)
    assert (found[1].trace, found[1].output) == ("trace", "said")


def test_a_report_that_defines_entities_is_not_expanded() -> None:
    bomb = b"<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]><x><testcase name='&b;'/></x>"
    assert list(cases(bomb)) == []
