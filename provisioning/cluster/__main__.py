"""``python -m provisioning.cluster check|show [FILE]``. Exit codes: 0 fine, 2 the file has mistakes."""

import argparse
import json
import sys
from collections.abc import Sequence

from rich.console import Console

from provisioning.cluster.diagram import diagram
from provisioning.cluster.errors import ConfigurationError
from provisioning.cluster.loading import CLUSTER_FILE, Examination, examine
from provisioning.cluster.report import as_dict, label_table, node_table, remarks, total_table
from provisioning.cluster.totals import totals

# Where the output is no terminal there is no width to ask for.
_FILE_WIDTH = 100


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m provisioning.cluster", description="The cluster file, checked and shown."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="check|show")
    for name, help_text in (("check", "name every mistake with its line and column"), ("show", "print the cluster")):
        command = commands.add_parser(name, help=help_text, description=help_text)
        command.add_argument("file", nargs="?", default=str(CLUSTER_FILE), metavar="FILE", help="another cluster file")
        form = command.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="print JSON")
        if name == "show":
            form.add_argument("--mermaid", action="store_true", help="print a diagram for the documents")
    chosen = parser.parse_args(arguments)
    examined = examine(chosen.file)
    if chosen.command == "check":
        return _check(examined, chosen.json)
    return _show(examined, as_json=chosen.json, as_diagram=chosen.mermaid)


def _check(examined: Examination, as_json: bool) -> int:
    if as_json:
        found = {
            "file": examined.file,
            "errors": [finding.as_dict() for finding in examined.errors],
            "warnings": [finding.as_dict() for finding in examined.warnings],
        }
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        _tell(examined)
        if examined.cluster is not None:
            counted = totals(examined.cluster.nodes)
            print(f"{examined.file} is fine: {counted.nodes} nodes, {counted.vcpu} vCPU, {counted.memory_gib:g} GiB")
    return 0 if examined.cluster is not None else ConfigurationError.exit_code


def _show(examined: Examination, *, as_json: bool, as_diagram: bool) -> int:
    _tell(examined)
    cluster = examined.cluster
    if cluster is None:
        return ConfigurationError.exit_code
    if as_json:
        print(json.dumps(as_dict(cluster), indent=2, ensure_ascii=False))
        return 0
    if as_diagram:
        print(diagram(cluster), end="")
        return 0
    console = Console(width=None if sys.stdout.isatty() else _FILE_WIDTH, highlight=False)
    for table in (node_table, label_table, total_table):
        console.print(table(cluster))
    for remark in remarks(cluster):
        console.print(remark, markup=False)
    return 0


def _tell(examined: Examination) -> None:
    for finding in examined.errors:
        print(finding.text(examined.file), file=sys.stderr)
    for finding in examined.warnings:
        print(finding.text(examined.file).replace(": ", ": warning: ", 1), file=sys.stderr)
    if examined.errors:
        count = len(examined.errors)
        print(f"{count} mistake{'s' if count > 1 else ''}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
