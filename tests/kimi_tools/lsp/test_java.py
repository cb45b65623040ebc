"""The project that jdtls is shown: where sources begin, by their packages; what it cannot know."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

from kimi_tools.lsp import java
from kimi_tools.workspace import Workspace

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]


def project(workspace: Workspace) -> java.Project:
    files = [path.relative_to(workspace.root).as_posix() for path in workspace.root.rglob("*.*")]
    return java.project_of(workspace, files)


def test_source_folders_are_the_directories_above_the_packages(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(
        {
            "core/src/main/java/a/b/C.java": "/* package x.y; */\npackage a.b;\nclass C {}\n",
            "core/src/main/java/a/D.java": "// package z;\npackage  a ;\nclass D {}\n",
            "core/src/test/java/a/b/CTest.java": "package a.b;\nclass CTest {}\n",
            "Hello.java": "class Hello {}\n",
            "web/E.java": "package elsewhere;\nclass E {}\n",
            "core/src/main/java/module-info.java": "module a {}\n",
            "notes.md": "package a.b;\n",
        }
    )
    assert project(workspace) == java.Project(
        ("", "core/src/main/java", "core/src/test/java"), frozenset({"", "a", "a.b"})
    )


def test_an_answer_about_files_that_import_libraries_may_not_be_whole(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(
        {
            "src/a/C.java": "package a;\nimport java.util.List;\nimport static a.D.*;\nclass C {}\n",
            "src/a/D.java": "package a;\nimport a.C.Inner;\nclass D {}\n",
            "src/a/T.java": "package a;\nimport org.junit.Test;\nclass T {}\n",
        }
    )
    made = project(workspace)
    assert made.lacking(workspace, ["src/a/C.java", "src/a/D.java", "src/a/gone.java", "README"]) == ""
    assert made.lacking(workspace, ["src/a/C.java", "src/a/T.java"]).startswith(
        "1 file that mentions the name"
    )


def test_what_is_written_is_xml_whatever_the_names_are_and_leaves_out_folders_in_folders(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace({"A.java": "class A {}\n", "x & <y>'\"/B.java": "class B {}\n"})
    java.write(project(workspace), workspace.root, tmp_path / "project")
    description = ElementTree.parse(tmp_path / "project" / ".project")
    linked = [location.text for location in description.iter("location")]
    assert linked == [f"{workspace.root}", f"{workspace.root}/x & <y>'\""]
    entries = ElementTree.parse(tmp_path / "project" / ".classpath").iter("classpathentry")
    excluded = [entry.get("excluding") for entry in entries if entry.get("kind") == "src"]
    assert excluded == ["**/module-info.java|x & <y>'\"/", "**/module-info.java"]
