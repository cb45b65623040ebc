"""Small projects in the languages of SWE-bench Multilingual, at home in repositories that swebench's tables know.

Each has a real history (base, fix, tests) and is built and tested by its language's own tools with the commands of the
tables; where a table calls a project's own runner (`./runtest`, `./mvnw`, jest), that runner is in the project.
"""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kimi_mcp.swebench.histories import make


@dataclass(frozen=True, slots=True)
class Project:
    """`wrong` in `source` is what the fix replaces by `right`."""

    repo: str
    version: str
    programs: tuple[str, ...]
    source: str
    wrong: str
    right: str
    files: Mapping[str, str]
    tests: Mapping[str, str]
    fail_to_pass: tuple[str, ...]
    pass_to_pass: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=lambda: dict[str, Any]())

    @property
    def id(self) -> str:
        return f"{self.repo.replace('/', '__')}-{self.version}"

    def missing(self) -> str:
        """What this machine lacks to run it; empty when nothing."""
        absent = [name for name in self.programs if shutil.which(name) is None]
        return f"{' and '.join(absent)} not installed" if absent else ""

    def row(self, histories: Path) -> dict[str, Any]:
        """Its row, in the fields of SWE-bench Multilingual, and its history below the folder."""
        fixed = self.files[self.source].replace(self.wrong, self.right)
        assert fixed != self.files[self.source]
        return {
            **make(histories, self.repo, self.files, {self.source: fixed}, self.tests),
            "instance_id": self.id,
            "problem_statement": f"Half of four is one in {self.repo}.",
            "hints_text": "",
            "created_at": "2024-05-01T00:00:00Z",
            "version": self.version,
            "FAIL_TO_PASS": list(self.fail_to_pass),
            "PASS_TO_PASS": list(self.pass_to_pass),
            **self.more,
        }


C = Project(
    "redis/redis",
    "13115",
    ("make", "cc"),
    "half.c",
    "/ 3",
    "/ 2",
    {
        "Makefile": "half: half.c\n\t$(CC) -o half half.c\ndistclean:\n\trm -f half\n",
        "half.c": "#include <stdio.h>\n#include <stdlib.h>\n\n"
        'int main(int argc, char **argv) { return printf("%d\\n", atoi(argv[argc - 1]) / 3) < 0; }\n',
        "runtest": '#!/bin/sh\ncheck() {\n  if [ "$(./half $2)" = "$3" ]; then echo "[ok]: $1 (0 ms)"\n'
        '  else echo "[err]: $1 in tests/unit/scripting.tcl"; fi\n}\n. ./tests/unit/scripting.tcl\n',
        "tests/unit/scripting.tcl": "check 'half of zero' 0 0\n",
    },
    {"tests/unit/scripting.tcl": "check 'half of zero' 0 0\ncheck 'half of four' 4 2\n"},
    ("half of four",),
    ("half of zero",),
)

_MAVEN = """\
#!/bin/sh
for word; do case "$word" in -Dtest=*) class=${word#-Dtest=} ;; esac; done
end() { echo "[INFO] BUILD $1"; exit $2; }
mkdir -p target
javac -d target $(find src -name '*.java') || end FAILURE 1
[ -z "$class" ] || java -ea -cp target "$class" || end FAILURE 1
end SUCCESS 0
"""
_HALF_JAVA = "class Half {\n    static int of(int n) {\n        return n / 3;\n    }\n}\n"


def _java_test(name: str, number: int, half: int) -> str:
    return (
        f"class {name} {{\n    public static void main(String[] words) {{\n"
        f"        assert Half.of({number}) == {half};\n    }}\n}}\n"
    )


JAVA = Project(
    "javaparser/javaparser",
    "4561",
    ("javac", "java"),
    "src/Half.java",
    "/ 3",
    "/ 2",
    {
        "mvnw": _MAVEN,
        "src/Half.java": _HALF_JAVA,
        "src/JavaSymbolSolverTest.java": _java_test("JavaSymbolSolverTest", 0, 0),
    },
    {"src/Issue4560Test.java": _java_test("Issue4560Test", 4, 2)},
    ("Issue4560Test",),
    ("JavaSymbolSolverTest",),
)

_ANT = """\
<project>
  <target name="test.compile">
    <mkdir dir="build"/>
    <javac srcdir="src" destdir="build" includeantruntime="false"/>
  </target>
  <target name="test.instance" depends="test.compile">
    <java taskname="junit" classname="Tests" classpath="build" fork="true"/>
  </target>
</project>
"""


def _ant_tests(*cases: tuple[str, int, int]) -> str:
    calls = "".join(f'        tell("{name}", Half.of({number}) == {half});\n' for name, number, half in cases)
    return (
        "class Tests {\n    static void tell(String name, boolean good) {\n"
        '        System.out.println((good ? "[PASS] " : "[FAIL] ") + name);\n    }\n\n'
        f"    public static void main(String[] words) {{\n{calls}    }}\n}}\n"
    )


ANT = Project(
    "projectlombok/lombok",
    "3602",
    ("ant", "javac"),
    "src/Half.java",
    "/ 3",
    "/ 2",
    {"build.xml": _ANT, "src/Half.java": _HALF_JAVA, "src/Tests.java": _ant_tests(("zero", 0, 0))},
    {"src/Tests.java": _ant_tests(("zero", 0, 0), ("four(int)", 4, 2))},
    ("four(int)",),
    ("zero",),
)

_HALF_JS = "exports.half = (n) => Math.floor(n / 3);\n"
_JS_RUNNER = """\
#!/usr/bin/env node
const path = require('path');
const file = process.argv.slice(2).find((word) => word.includes('/') && !word.startsWith('-'));
let number = 0;
global.suite = (name) => console.log(`  ${name}`);
global.it = (name, test) => {
  let good = true;
  try { test(); } catch { good = false; process.exitCode = 1; }
  number += 1;
  console.log(TELL);
};
require(path.resolve(file));
"""
_TAP = _JS_RUNNER.replace("TELL", "`${good ? 'ok' : 'not ok'} ${number} ${name}`")
_JEST = _JS_RUNNER.replace("TELL", "`    ${good ? '✓' : '✕'} ${name} (1ms)`")


def _js_tests(half: str, *cases: tuple[str, int, int]) -> str:
    head = f"const assert = require('assert');\nconst {{ half }} = require('{half}');\nsuite('Half');\n"
    return head + "".join(
        f"it('{name}', () => assert.equal(half({number}), {wanted}));\n" for name, number, wanted in cases
    )


_FOUR = (("of zero", 0, 0), ("of four", 4, 2))

MOCHA = Project(
    "axios/axios",
    "5892",
    ("node", "npx"),
    "lib/half.js",
    "/ 3",
    "/ 2",
    {
        "package.json": '{"name": "axios", "version": "1.0.0"}\n',
        "node_modules/.bin/mocha": _TAP,
        "lib/half.js": _HALF_JS,
        "test/unit/adapters/http.js": _js_tests("../../../lib/half", _FOUR[0]),
    },
    {"test/unit/adapters/http.js": _js_tests("../../../lib/half", *_FOUR)},
    ("of four",),
    ("of zero",),
)

JEST = Project(
    "immutable-js/immutable-js",
    "2006",
    ("node", "npm", "npx"),
    "src/half.js",
    "/ 3",
    "/ 2",
    {
        "package.json": '{"name": "immutable", "version": "4.0.0",\n'
        ' "scripts": {"build": "mkdir -p dist && cp src/half.js dist/"}}\n',
        ".gitignore": "dist\n",
        "node_modules/.bin/jest": _JEST.replace("(1ms)", "(1 ms)"),
        "src/half.js": _HALF_JS,
        "__tests__/Range.ts": _js_tests("../dist/half", _FOUR[0]),
    },
    {"__tests__/Range.ts": _js_tests("../dist/half", *_FOUR)},
    ("of four",),
    ("of zero",),
)

CALYPSO = Project(
    "Automattic/wp-calypso",
    "10.10.0",
    ("node",),
    "client/half.js",
    "/ 3",
    "/ 2",
    {
        "node_modules/.bin/jest": _JEST,
        "client/half.js": _HALF_JS,
        "client/test/half.js": _js_tests("../half", _FOUR[0]),
    },
    {"client/test/half.js": _js_tests("../half", *_FOUR)},
    ("Half - of four",),
    ("Half - of zero",),
)


def _php_tests(*cases: tuple[str, int, int]) -> str:
    tests = "".join(
        f"    public function test{name}(): void\n    {{\n        $this->assertSame({half}, half({number}));\n    }}\n"
        for name, number, half in cases
    )
    return (
        "<?php\nnamespace Illuminate\\Tests\\Support;\n\nuse PHPUnit\\Framework\\TestCase;\n"
        "use function Illuminate\\Support\\half;\n\nrequire_once __DIR__ . '/../../src/half.php';\n\n"
        f"class SupportJsTest extends TestCase\n{{\n{tests}}}\n"
    )


PHP = Project(
    "laravel/framework",
    "53206",
    ("php", "phpunit"),
    "src/half.php",
    ", 3)",
    ", 2)",
    {
        "vendor/bin/phpunit": '#!/bin/sh\nexec phpunit "$@"\n',
        "src/half.php": "<?php\nnamespace Illuminate\\Support;\n\n"
        "function half(int $n): int\n{\n    return intdiv($n, 3);\n}\n",
        "tests/Support/SupportJsTest.php": _php_tests(("HalfOfZero", 0, 0)),
    },
    {"tests/Support/SupportJsTest.php": _php_tests(("HalfOfZero", 0, 0), ("HalfOfFour", 4, 2))},
    ("Support Js > Half of four",),
    ("Support Js > Half of zero",),
)

_HALF_RUBY = "def half(n)\n  n / 3\nend\n"
_MINITEST = 'require "minitest/autorun"\nrequire_relative "../half"\n\nclass TestUtils < Minitest::Test\n'

MINITEST = Project(
    "jekyll/jekyll",
    "8167",
    ("ruby", "bundle"),
    "half.rb",
    "/ 3",
    "/ 2",
    {
        "Gemfile": 'gem "minitest"\n',
        "half.rb": _HALF_RUBY,
        "test/test_utils.rb": f"{_MINITEST}end\n",
    },
    {
        "test/test_utils.rb": f'{_MINITEST}  define_method("test_: Utils.slugify halves four. ") '
        "{ assert_equal 2, half(4) }\n"
        '  define_method("test_: Utils.slugify halves zero. ") { assert_equal 0, half(0) }\nend\n'
    },
    ("TestUtils#test_: Utils.slugify halves four",),
    ("TestUtils#test_: Utils.slugify halves zero",),
)


def _specs(*cases: tuple[str, int, int]) -> str:
    tests = "".join(
        f'  it("{name}") {{ expect(half({number})).to eq({half}) }}\n' for name, number, half in cases
    )
    return f'require_relative "../../../../half"\n\nRSpec.describe "half" do\n{tests}end\n'


RSPEC = Project(
    "rubocop/rubocop",
    "13705",
    ("ruby", "bundle", "rspec", "jq"),
    "half.rb",
    "/ 3",
    "/ 2",
    {
        "Gemfile": 'gem "rspec-core"\ngem "rspec-expectations"\ngem "rspec-mocks"\n',
        "half.rb": _HALF_RUBY,
        "spec/rubocop/cop/lint/out_of_range_regexp_ref_spec.rb": _specs(_FOUR[0]),
    },
    {"spec/rubocop/cop/lint/out_of_range_regexp_ref_spec.rb": _specs(*_FOUR)},
    ("of four",),
    ("of zero",),
)

GO = Project(
    "gin-gonic/gin",
    "4003",
    ("go",),
    "half.go",
    "/ 3",
    "/ 2",
    {
        "go.mod": "module gin\n\ngo 1.19\n",
        "half.go": "package gin\n\nfunc Half(n int) int { return n / 3 }\n",
    },
    {
        "half_test.go": 'package gin\n\nimport "testing"\n\nfunc TestMethodNotAllowedNoRoute(t *testing.T) {\n'
        '\tif Half(4) != 2 {\n\t\tt.Fatal("not two")\n\t}\n}\n'
    },
    ("TestMethodNotAllowedNoRoute",),
)

RUST = Project(
    "tokio-rs/tokio",
    "6724",
    ("cargo",),
    "src/lib.rs",
    "/ 3",
    "/ 2",
    {
        "Cargo.toml": '[package]\nname = "tokio"\nversion = "1.0.0"\nedition = "2021"\n',
        "src/lib.rs": "pub fn half(n: u32) -> u32 {\n    n / 3\n}\n",
    },
    {"tests/io_write_all_buf.rs": "#[test]\nfn four() {\n    assert_eq!(tokio::half(4), 2);\n}\n"},
    ("four",),
)

PROJECTS = {
    "c": C,
    "java": JAVA,
    "java with ant": ANT,
    "javascript with mocha": MOCHA,
    "javascript with jest": JEST,
    "javascript of calypso": CALYPSO,
    "php": PHP,
    "ruby with minitest": MINITEST,
    "ruby with rspec": RSPEC,
    "go": GO,
    "rust": RUST,
}


def write(folder: Path, projects: Iterable[Project] = PROJECTS.values()) -> Path:
    """`rows.jsonl` in a folder with the projects that this machine can run; their histories are in `histories`."""
    rows = [project.row(folder / "histories") for project in projects if not project.missing()]
    path = folder / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path
