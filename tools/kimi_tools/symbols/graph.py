"""Which file refers to which, and how much: the graph behind the map and `locate`."""

import math
from array import array
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from kimi_tools.index import Index

_DAMPING = 0.85
_ROUNDS = 25
_COMMON = 12


@dataclass(slots=True)
class Graph:
    """`edges[a][b]`: how much file a refers to what file b defines. `referred[b][name]`: how much to each name.

    `definers`: for each name, the files that define it.
    """

    version: int
    files: list[str]
    edges: dict[str, dict[str, float]] = field(default_factory=lambda: dict[str, dict[str, float]]())
    referred: dict[str, dict[str, float]] = field(default_factory=lambda: dict[str, dict[str, float]]())
    definers: dict[str, list[str]] = field(default_factory=lambda: dict[str, list[str]]())


_graphs: WeakKeyDictionary[Index, Graph] = WeakKeyDictionary()


def graph_of(index: Index) -> Graph:
    """The graph of a workspace; made again only when the index has changed."""
    graph = _graphs.get(index)
    if graph is None or graph.version != index.version:
        graph = _graphs[index] = _make(index)
    return graph


def _make(index: Index) -> Graph:
    graph = Graph(index.version, index.files())
    graph.definers = {name: sorted(set(paths)) for name, paths in index.names().items()}
    told = {
        name: paths
        for name, paths in graph.definers.items()
        if len(paths) <= _COMMON and len(name) > 2 and not (name.startswith("__") and name.endswith("__"))
    }
    for path in graph.files:
        for name, packed in index.mentioned(path):
            targets = told.get(name)
            if targets is None or path in targets:
                continue
            weight = math.sqrt(len(array("I", packed))) / len(targets)
            if name.startswith("_"):
                weight *= 0.3
            for target in targets:
                edges = graph.edges.setdefault(path, {})
                edges[target] = edges.get(target, 0.0) + weight
                names = graph.referred.setdefault(target, {})
                names[name] = names.get(name, 0.0) + weight
    return graph


def page_rank(graph: Graph, starts: dict[str, float]) -> dict[str, float]:
    """The rank of each file: how often a walk along references meets it.

    The walk starts, and starts again, at `starts` by weight; everywhere alike when there are none.
    """
    if not graph.files:
        return {}
    total = sum(starts.values())
    start = (
        {path: weight / total for path, weight in starts.items()}
        if total
        else dict.fromkeys(graph.files, 1 / len(graph.files))
    )
    out = {path: sum(edges.values()) for path, edges in graph.edges.items()}
    ranks = dict(start)
    for _ in range(_ROUNDS):
        after = {path: (1 - _DAMPING) * weight for path, weight in start.items()}
        idle = 0.0
        for path, rank in ranks.items():
            edges = graph.edges.get(path)
            if not edges:
                idle += rank
                continue
            share = _DAMPING * rank / out[path]
            for target, weight in edges.items():
                after[target] = after.get(target, 0.0) + share * weight
        for path, weight in start.items():
            after[path] += _DAMPING * idle * weight
        ranks = after
    return ranks
