"""YAML that holds nothing but text: mappings, lists and strings.

Rule files are read without YAML's guesses, so that clause ``3.10`` isn't the number 3.1, ``no`` isn't false and a
date is parsed where a date is expected. A key that stands twice stops the reading.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import yaml

from hospital_prepay.domain.errors import RulebookFault

if TYPE_CHECKING:
    from yaml import SafeLoader as BaseLoader
else:  # libyaml reads the rulebook ten times faster; not every platform's wheel carries it
    BaseLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Node = str | list["Node"] | dict[str, "Node"]


class _TextLoader(BaseLoader):
    pass


# No plain scalar is anything but text.
_TextLoader.yaml_implicit_resolvers = {}


def _unique_mapping(loader: _TextLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.value in seen:
            raise yaml.MarkedYAMLError(problem="键重复或不是文字", problem_mark=key.start_mark)
        seen.add(key.value)
    return loader.construct_mapping(node, deep=True)


def _refuse_tag(loader: _TextLoader, node: yaml.Node) -> Any:
    raise yaml.MarkedYAMLError(problem="不能用类型标记", problem_mark=node.start_mark)


_TextLoader.add_constructor("tag:yaml.org,2002:map", _unique_mapping)
for _tag in ("int", "float", "bool", "null", "timestamp", "binary", "set", "omap", "pairs"):
    _TextLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", _refuse_tag)


def read_text(text: str, where: str) -> Node:
    """The document in ``text`` as strings, lists and mappings.

    ``where`` names the file in the message. Raises :class:`RulebookFault` for broken YAML, a repeated key, a type
    tag or an empty document.
    """
    try:
        # A safe loader, and without implicit types: it can build nothing but text.
        document: Node | None = yaml.load(text, Loader=_TextLoader)
    except yaml.YAMLError as error:
        raise _fault(where, error) from error
    if not document:
        raise RulebookFault(f"规则文件“{where}”是空的。请补上内容。")
    return document


def _fault(where: str, error: yaml.YAMLError) -> RulebookFault:
    mark = getattr(error, "problem_mark", None)
    line = f"第{mark.line + 1}行" if mark is not None else ""
    return RulebookFault(
        f"规则文件“{where}”{line}读不懂。请改正后重试。",
        details={"where": where, "problem": str(getattr(error, "problem", error))},
    )
