"""RSpec, told by a formatter of ours."""

from collections.abc import Sequence

from kimi_tools.errors import ToolError, Unavailable
from kimi_tools.testrun.reporter import place
from kimi_tools.testrun.suite import EVENTS, Job, Plan, Suite
from kimi_tools.testrun.tree import Tree, join, parent


class Rspec:
    """The runner. Its ids are `path::full description`."""

    name = "rspec"
    suffixes = (".rb",)
    path_ids = True

    def find(self, tree: Tree) -> Sequence[Suite]:
        """Folders with a `.rspec` file, or with specs in `spec/`."""
        found: dict[str, str] = {}
        for path in tree.named(".rspec", depth=3):
            found.setdefault(parent(path), path)
        for path in tree.named("*_spec.rb", depth=8):
            folder = path.partition("spec/")[0].rstrip("/") or "."
            found.setdefault(folder, f"{join(folder, 'spec')}/*_spec.rb")
        return [
            Suite(self.name, folder, why, size=len(tree.below(folder, "*_spec.rb")))
            for folder, why in found.items()
            if not any(o != folder and (o == "." or folder.startswith(f"{o}/")) for o in found)
        ]

    async def plan(self, job: Job) -> Plan:
        """`bundle exec rspec` where the project uses Bundler, else its own or the installed `rspec`."""
        selection = job.selection
        words = list(job.suite.command) or _program(job)
        descriptions = [id.partition("::")[2] for id in selection.ids if "::" in id]
        examples = [word for text in (*descriptions, *selection.parts) for word in ("--example", text)]
        files = dict.fromkeys((*selection.paths, *(id.partition("::")[0] for id in selection.ids)))
        if selection.parts and descriptions:
            files = dict.fromkeys(selection.paths)
        argv = [
            *words,
            "--require",
            str(place("kimi_mcp_rspec.rb", job.scratch)),
            *("--format", "KimiMcpFormatter", "--format", "progress", "--no-color"),
            *examples,
            *files,
        ]
        return Plan(argv, {"KIMI_MCP_EVENTS": str(job.scratch / EVENTS)}, announces_end=True)

    def owns(self, name: str) -> bool:
        """`path::full description`."""
        return name.partition("::")[0].endswith("_spec.rb")


def _program(job: Job) -> list[str]:
    folder = job.suite.folder
    try:
        if job.workspace.exists(join(folder, "Gemfile.lock")):
            return [job.workspace.program("bundle"), "exec", "rspec"]
        if job.workspace.exists(join(folder, "bin/rspec")):
            return ["bin/rspec"]
        return [job.workspace.program("rspec")]
    except ToolError as error:
        raise Unavailable(f"{error} For this project: `bundle install` in {folder}.") from None


RSPEC = Rspec()
