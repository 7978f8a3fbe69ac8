"""The metrics that the code makes, read from it."""

import ast
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "lantoa"
PAGE = ROOT / "docs" / "telemetry.md"
_KINDS = {"Counter", "Gauge", "Histogram"}


@dataclass(frozen=True)
class Metric:
    """One metric as it is declared."""

    name: str
    kind: str
    about: str
    labels: tuple[str, ...]

    @property
    def row(self) -> str:
        """Its line of the page."""
        return f"| `{self.name}` | {self.kind.lower()} | {', '.join(self.labels) or '-'} | {self.about} |"

    @property
    def series(self) -> set[str]:
        """Names that it has in queries."""
        parts = ("_bucket", "_sum", "_count") if self.kind == "Histogram" else ("",)
        return {self.name + part for part in parts}


def _strings(node: ast.expr) -> tuple[str, ...]:
    return tuple(ast.literal_eval(node)) if isinstance(node, ast.List) else ()


def declared() -> list[Metric]:
    """Every metric of the services and their chassis, by name."""
    found = []
    for folder in (ROOT / "libs" / "runtime", *(ROOT / "services").iterdir()):
        for file in (folder / "src").rglob("*.py"):
            text = file.read_text("utf-8")
            if not any(f"{kind}(" in text for kind in _KINDS):
                continue
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _KINDS:
                    if not (node.args and isinstance(node.args[0], ast.Constant)):
                        continue  # The standard library's Counter.
                    name, about, *labels = node.args
                    found.append(
                        Metric(
                            ast.literal_eval(name),
                            node.func.id,
                            ast.literal_eval(about),
                            _strings(labels[0]) if labels else (),
                        )
                    )
    return sorted(found, key=lambda metric: metric.name)
