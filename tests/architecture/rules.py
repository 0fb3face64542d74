"""The house rules that a machine can check, each a function of one source.

A rule returns complaints, sentences that name the line; no complaint means that
the file keeps the rule. ``test_rules_bite.py`` plants a breach of each of them, so
a rule that cannot fail does not stay unnoticed.
"""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator

from tests.architecture.house import Source

__all__ = [
    "FILE_LINES_MAX",
    "FUNCTION_LINES_MAX",
    "Rule",
    "approves_only_in_admit",
    "exact_without_floats",
    "explains_its_exceptions",
    "has_docstring",
    "has_no_broad_except",
    "has_no_global",
    "has_no_lazy_import",
    "has_no_mode_branch",
    "is_repeatable",
    "is_short",
    "names_its_surface",
    "states_each_law",
]

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60

Rule = Callable[[Source], list[str]]

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_BROAD = frozenset({"Exception", "BaseException"})
_MODE_NAMES = frozenset(
    {
        *("paper", "paper_mode", "is_paper", "paper_trading"),
        *("live", "live_mode", "is_live", "live_trading"),
        *("dry_run", "is_dry_run", "sandbox", "testnet", "is_testnet"),
        *("simulated", "is_simulated", "simulation", "is_simulation"),
        *("backtest", "is_backtest", "backtesting", "replaying", "is_replay"),
        *("run_mode", "trading_mode", "world_mode"),
    }
)
_EXCEPTION = re.compile(
    r"#\s*(noqa|type:\s*ignore|pragma)"
    r"(?P<rule>:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*|\[[\w, -]+\]|: no (cover|branch))?"
    r"(?P<reason>.*)"
)
_TWO_WORDS = re.compile(r"[A-Za-z]\w*\W+[A-Za-z]\w*")
_MODE_WORDS = frozenset({"backtest", "live", "paper", "replay", "simulated"})


def has_docstring(source: Source) -> list[str]:
    """A file opens with what it is for and what it must not do."""
    if ast.get_docstring(source.tree):
        return []
    return [f"{source.where}: write a module docstring: what it is for"]


def is_short(source: Source) -> list[str]:
    """A file has at most 400 lines, a function at most 60."""
    found = []
    lines = source.text.count("\n")
    if lines > FILE_LINES_MAX:
        found.append(f"{source.where}: {lines} lines; split it by idea")
    for node in _functions(source.tree):
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES_MAX:
            found.append(f"{_at(source, node)}: {node.name} has {length} lines")
    return found


def has_no_global(source: Source) -> list[str]:
    """No function writes the state of its module."""
    nodes = ast.walk(source.tree)
    return [
        f"{_at(source, node)}: pass the state instead of `global`"
        for node in nodes
        if isinstance(node, ast.Global)
    ]


def has_no_lazy_import(source: Source) -> list[str]:
    """Imports stand at the top; only the two tables bind a module by its name."""
    found = [
        f"{_at(source, inner)}: import at the top of the file"
        for node in _functions(source.tree)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    by_name = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and _name(node.func) in {"__import__", "import_module"}
    ]
    allowed = 1 if _binds_by_name(source.where) else 0
    found += [
        f"{_at(source, node)}: only bot/compose.py and the command table of bot/cli "
        f"bind a module by name, in one place each"
        for node in by_name[allowed:]
    ]
    return found


def has_no_broad_except(source: Source) -> list[str]:
    """An error that nobody named is never caught, but at the fence around others."""
    found = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or bool(_BROAD & _all_names(node.type))
        elif isinstance(node, ast.Call) and _name(node.func) == "suppress":
            broad = any(_BROAD & _all_names(argument) for argument in node.args)
        else:
            continue
        if broad:
            found.append(f"{_at(source, node)}: name the errors that you can handle")
    return found[1 if source.where == "bot/domain/fence.py" else 0 :]


def has_no_mode_branch(source: Source) -> list[str]:
    """Only the composition root asks which world this is."""
    if source.where == "bot/compose.py":
        return []
    tests = [test for node in ast.walk(source.tree) for test in _conditions(node)]
    found = [
        f"{_at(source, test)}: a second implementation of a port, not a branch on mode"
        for test in tests
        if _asks_the_mode(test, vendor=source.where.startswith("connectors/kucoin/"))
    ]
    found += [
        f"{_at(source, flag)}: a mode is no parameter: {flag.arg}"
        for node in _functions(source.tree)
        for flag in (*node.args.args, *node.args.kwonlyargs)
        if flag.arg in _MODE_NAMES and _is_flag(flag)
    ]
    return found


def approves_only_in_admit(source: Source) -> list[str]:
    """Only the guard's admission makes an ``Approved``."""
    if source.where == "bot/guard/admit.py":
        return []
    return [
        f"{_at(source, node)}: only bot/guard/admit.py makes an Approved"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and _name(node.func) == "Approved"
    ]


def names_its_surface(source: Source) -> list[str]:
    """A module that defines something public says so in ``__all__``."""
    names = {name for node in source.tree.body for name in _defined(node)}
    if "__all__" in names or not any(not name.startswith("_") for name in names):
        return []
    return [f"{source.where}: list the public names in __all__"]


def exact_without_floats(source: Source) -> list[str]:
    """Where money is counted there is no float: no literal and no conversion."""
    found = []
    for node in ast.walk(source.tree):
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        called = isinstance(node, ast.Call) and _name(node.func) == "float"
        if literal or called:
            found.append(f"{_at(source, node)}: money is Decimal from text to text")
    return found


def is_repeatable(source: Source) -> list[str]:
    """The core waits for nothing and orders nothing by memory or hash seed."""
    found = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            found.append(f"{_at(source, node)}: the core decides synchronously")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called = node.func.id
            if called not in {"hash", "id"}:
                continue
            found.append(f"{_at(source, node)}: {called}() differs from run to run")
    return found


def explains_its_exceptions(source: Source) -> list[str]:
    """An exception to a linter names its rule and gives its reason."""
    found = []
    for line, comment in _comments(source.text):
        if not (match := _EXCEPTION.search(comment)):
            continue
        if not match["rule"]:
            found.append(f"{source.where}:{line}: name the rule that is broken")
        elif not _TWO_WORDS.search(match["reason"]):
            found.append(f"{source.where}:{line}: say why the rule is broken")
    return found


def states_each_law(source: Source) -> list[str]:
    """The docstring of a test is the law that it proves, in a sentence."""
    return [
        f"{_at(source, node)}: {node.name} needs a docstring: the law in a sentence"
        for node in _functions(source.tree)
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]


def _functions(tree: ast.AST) -> Iterator[_Function]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _at(source: Source, node: ast.expr | ast.stmt | ast.arg | ast.AST) -> str:
    return f"{source.where}:{getattr(node, 'lineno', 0)}"


def _name(node: ast.AST) -> str:
    """The last part of a name or attribute; empty for anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _all_names(node: ast.AST) -> set[str]:
    return {_name(inner) for inner in ast.walk(node)}


def _binds_by_name(where: str) -> bool:
    return where == "bot/compose.py" or where.startswith("bot/cli/")


def _is_flag(flag: ast.arg) -> bool:
    return flag.annotation is None or "bool" in _all_names(flag.annotation)


def _conditions(node: ast.AST) -> list[ast.AST]:
    """What this node decides by."""
    match node:
        case ast.If() | ast.IfExp() | ast.While() | ast.Assert():
            return [node.test]
        case ast.comprehension():
            return list(node.ifs)
        case ast.Match():
            guards = [case.guard for case in node.cases if case.guard]
            return [node.subject, *guards, *(case.pattern for case in node.cases)]
        case _:
            return []


def _asks_the_mode(test: ast.AST, *, vendor: bool) -> bool:
    for node in ast.walk(test):
        if _name(node) in _MODE_NAMES:
            return True
        if isinstance(node, ast.Attribute) and _name(node.value) == "Mode":
            return True
        is_word = isinstance(node, ast.Constant) and node.value in _MODE_WORDS
        if is_word and not vendor:
            return True
    return False


def _defined(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Assign():
            return [
                target.id for target in node.targets if isinstance(target, ast.Name)
            ]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def _comments(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
