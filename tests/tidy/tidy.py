#!/usr/bin/env python3
"""Holds the rules of the source tree that no compiler knows.

    tests/tidy/tidy.py              checks the tree
    tests/tidy/tidy.py --self-test  checks that each rule finds what it is there for

Each rule is a function that takes the tracked files, a dict of path and text, and yields findings.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Folders of src/ from left to right: one may include those before its own row, and itself.
ROWS = [
    ["base", "simd"],
    ["os", "codec", "model"],
    ["config", "obs", "component", "postings"],
    ["sql", "clickhouse", "postgres", "index", "inverted", "text", "documents"],
    ["lease", "sysdb", "log", "segment"],
    ["engine"],
    ["recovery"],
    ["http"],
    ["cluster"],
    ["apps", "bindings"],
]
ROW_OF = {folder: row for row, folders in enumerate(ROWS) for folder in folders}
# Rows from which the public headers may be included; the rest are for all.
PUBLIC_ROW = {"spi": 2, "viridian.h": 8}
# Any folder may be a component (spi/component.h) and log.
FOR_ALL = {"viridian/spi/component.h"}
# Headers that cost seconds to compile, and the one folder each may be seen in.
HEAVY = {
    "boost/": "src/http",
    "simdjson": "src/codec",
    "toml++": "src/config",
    "CLI/": "apps/viridian",
    "re2/": "src/text",
    "utf8proc": "src/text",
    "libstemmer": "src/text",
    "sqlite3": "src/sql",
    "hwy/": "src/simd",
    "openssl/evp": "src/component",
    "openssl/err": "src/http",
    "openssl/ssl": "src/http",
    "openssl/x509": "src/http",
    "curl/": "src/clickhouse",
    "libpq": "src/postgres",
    "lz4": "src/documents",
    "pybind11/": "bindings/python",
}
# Where a test or a benchmark is, the rules for who may know whom do not apply.
FREE = re.compile(r"(_test|_bench|_fuzz|test_\w+)\.(cpp|h)$|^(tests|bench|examples)/")
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
BANNED = {
    r"\bstd::regex\b": "std::regex (use text/regex.h)",
    r"(?<!operator )\bnew\s+[A-Za-z_:]": "new (use make_unique)",
    r"(?<!operator )(?<!= )\bdelete\b(?!\()": "delete (use unique_ptr)",
    r"std::atomic<\s*std::shared_ptr": "atomic<shared_ptr> (a race in libstdc++ 12)",
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def is_cpp(path):
    """C++ of the project."""
    return path.endswith((".cpp", ".h"))


def blank(text):
    """The text without comments, strings and characters; lines and columns stay."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
        re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def line_of(text, position):
    """The number of the line that holds `position`."""
    return text.count("\n", 0, position) + 1


def folder_of(path):
    """The folder whose rules a file follows; None outside src/ and apps/."""
    parts = path.split("/")
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    return parts[0] if parts[0] in ("apps", "bindings") else None


def check_dependencies(files):
    """A folder includes only itself and folders of earlier rows."""
    for path, text in files.items():
        folder = folder_of(path)
        if not is_cpp(path) or folder is None or FREE.search(path):
            continue
        if folder not in ROW_OF:
            yield f"{path}: folder {folder} has no row in tests/tidy/tidy.py"
            continue
        for match in INCLUDE.finditer(text):
            name = match[2]
            first = name.split("/")[0]
            allowed = True
            if first == "viridian" and folder != "apps":
                part = name.split("/")[1]
                allowed = name in FOR_ALL or ROW_OF[folder] >= PUBLIC_ROW.get(part, 0)
            elif first in ROW_OF and match[1] == '"' and "/" in name:
                allowed = first == folder or ROW_OF[first] < ROW_OF[folder]
            if folder in ("engine", "http") and first in ROWS[4]:
                allowed = False  # they know the interfaces, never an implementation
            if not allowed:
                yield f"{path}:{line_of(text, match.start())}: {folder} may not include {name}"


def check_heavy_headers(files):
    """Expensive headers only in sources of their one folder."""
    for path, text in files.items():
        if not is_cpp(path):
            continue
        for match in INCLUDE.finditer(text):
            for prefix, home in HEAVY.items():
                if not match[2].startswith(prefix):
                    continue
                at_home = path.startswith(home + "/") and (path.endswith(".cpp"))
                if not at_home and not FREE.search(path):
                    yield (f"{path}:{line_of(text, match.start())}: <{match[2]}> belongs into "
                           f"sources of {home}")


def check_file_length(files):
    """No file is longer than a reader's patience."""
    for path, text in files.items():
        lines = text.count("\n")
        if path.endswith((".cpp", ".h", ".py", ".cmake", ".mjs")) and lines > MAX_FILE_LINES:
            yield f"{path}: {lines} lines, at most {MAX_FILE_LINES}"


def is_function(code, start):
    """Whether the brace at `start`, in code without comments, opens a function's body."""
    before = code[max(0, start - 300):start].rstrip()
    head = re.sub(r"(->[^;{}()]*|\b(const|noexcept|override|final|mutable|try)\b|\s)+$", "", before)
    if re.search(r"\b(if|for|while|switch|catch)\s*\([^;{}]*\)$", head):
        return False
    if re.search(r"\b(namespace|class|struct|enum|union)\b[^;{}()]*$", before):
        return False
    return head.endswith(")") or bool(re.search(r"\)\s*:[^;{}]*$", head))


def long_blocks(code):
    """(start, lines) of the brace blocks that would be too long for a function."""
    stack = []
    for match in re.finditer(r"[{}]", code):
        if match[0] == "{":
            stack.append(match.start())
        elif stack:
            start = stack.pop()
            lines = code.count("\n", start, match.start()) + 1
            if lines > MAX_FUNCTION_LINES:
                yield start, lines


def check_function_length(files):
    """Functions fit on a screen."""
    for path, text in files.items():
        if not is_cpp(path):
            continue
        code = blank(text)
        for start, lines in long_blocks(code):
            if is_function(code, start):
                yield (f"{path}:{line_of(code, start)}: a function of {lines} lines, at most "
                       f"{MAX_FUNCTION_LINES}")


def check_banned(files):
    """What the project does not use."""
    for path, text in files.items():
        marker = re.search(r"\b(TO[D]O|FIX[M]E|XX[X])\b", text)
        if marker and path.endswith((".cpp", ".h", ".py", ".cmake", ".md", ".mjs", "CMakeLists.txt")):
            yield f"{path}:{line_of(text, marker.start())}: {marker[0]}: do it or file it"
        if not is_cpp(path):
            continue
        code = blank(text)
        for pattern, what in BANNED.items():
            for match in re.finditer(pattern, code):
                yield f"{path}:{line_of(code, match.start())}: {what}"
        if path.endswith(".h"):
            if "#pragma once" not in text:
                yield f"{path}: no #pragma once"
            for match in re.finditer(r"\busing\s+namespace\b", code):
                yield f"{path}:{line_of(code, match.start())}: using namespace in a header"


def check_absolute_paths(files):
    """No path of one machine."""
    pattern = re.compile(r"(?<![\w.}/])/(?:home|work|root|Users)/[\w.]+")
    for path, text in files.items():
        for match in pattern.finditer(text):
            yield f"{path}:{line_of(text, match.start())}: {match[0]}: a path of one machine"


def check_folders_documented(files):
    """docs/architecture.md says what every folder of src/ is for."""
    page = files.get("docs/architecture.md", "")
    folders = {path.split("/")[1] for path in files if re.match(r"src/\w+/", path)}
    for folder in sorted(folders):
        if not re.search(rf"`(src/)?{folder}/?`", page):
            yield f"docs/architecture.md: says nothing of src/{folder}"


def check_links(files):
    """Links between the project's pages lead somewhere."""
    known = set(files)
    for path in list(files):
        for parent in pathlib.PurePosixPath(path).parents:
            known.add(str(parent))
    for path, text in files.items():
        if not path.endswith(".md"):
            continue
        prose = re.sub(r"```.*?```|`[^`\n]*`", lambda m: re.sub(r"[^\n]", " ", m[0]), text,
                       flags=re.S)
        for match in re.finditer(r"\[[^\]]*\]\(([^)\s]+)\)", prose):
            target = match[1].split("#")[0]
            if not target or re.match(r"\w+:", target):
                continue
            parts = []
            for part in (pathlib.PurePosixPath(path).parent / target).parts:
                parts = parts[:-1] if part == ".." else parts + [part]
            if "/".join(parts or ["."]) not in known:
                yield f"{path}:{line_of(prose, match.start())}: no {match[1]}"


RULES = [rule for name, rule in sorted(globals().items()) if name.startswith("check_")]

# Per rule: a tree that breaks it once, and the same put right.
PLANTED = {
    "check_dependencies": [
        ({"src/os/a.cpp": '#include "engine/api.h"\n'}, {"src/os/a.cpp": '#include "base/uuid.h"\n'}),
        ({"src/os/a.h": '#include "codec/json.h"\n'}, {"src/os/a_test.cpp": '#include "codec/j.h"\n'}),
        ({"src/engine/a.cpp": '#include "log/local.h"\n'},
         {"src/engine/a.cpp": '#include "viridian/spi/log.h"\n'}),
        ({"src/codec/a.h": '#include "viridian/spi/log.h"\n'},
         {"src/codec/a.h": '#include "viridian/spi/component.h"\n'}),
        ({"src/weird/a.h": ""}, {"src/os/a.h": ""}),
    ],
    "check_heavy_headers": [
        ({"src/http/a.h": "#include <boost/asio.hpp>\n"},
         {"src/http/a.cpp": "#include <boost/asio.hpp>\n"}),
        ({"src/log/a.cpp": "#include <sqlite3.h>\n"}, {"src/sql/a.cpp": "#include <sqlite3.h>\n"}),
    ],
    "check_file_length": [({"a.cpp": "\n" * 501}, {"a.cpp": "\n" * 500})],
    "check_function_length": [
        ({"a.cpp": "namespace a {\nint f(int x) const {\n" + "x;\n" * 60 + "}\n}\n"},
         {"a.cpp": "namespace a {\nint f(int x) const {\n" + "x;\n" * 58 + "}\n}\n"}),
        ({"a.cpp": "A::A(int x) : a_(x) {\n" + "if (a) {\nx;\n}\n" * 30 + "}\n"},
         {"a.cpp": "class A {\n" + "int x;\n" * 90 + "};\n"}),
    ],
    "check_banned": [
        ({"a.cpp": "std::regex r;"}, {"a.cpp": "// std::regex is slow"}),
        ({"a.cpp": "auto p = new int;"}, {"a.cpp": 'auto p = "new int";'}),
        ({"a.cpp": "delete p;"}, {"a.h": "#pragma once\nA(const A&) = delete;"}),
        ({"a.cpp": "// TO" + "DO later"}, {"a.cpp": "// now"}),
        ({"a.h": "#pragma once\nusing namespace std;"}, {"a.cpp": "using namespace std;"}),
        ({"a.h": ""}, {"a.h": "#pragma once"}),
    ],
    "check_absolute_paths": [({"a.md": "see /wo" + "rk/x/y"}, {"a.md": "see /api/work/x"})],
    "check_folders_documented": [
        ({"src/os/a.h": "", "docs/architecture.md": "nothing"},
         {"src/os/a.h": "", "docs/architecture.md": "| `os` | files |"}),
    ],
    "check_links": [
        ({"docs/a.md": "[x](../src/b.h)"}, {"docs/a.md": "[x](../src/b.h)", "src/b.h": ""}),
        ({"README.md": "[x](docs/c.md#part)"}, {"README.md": "`[x](y)` [z](https://a.b)"}),
    ],
}


def tracked_files(root):
    """Path and text of every tracked text file, and of new ones that git does not ignore."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True).stdout.decode().split("\0")
    files = {}
    for path in filter(None, listed):
        file = root / path
        if not file.is_file() or file.stat().st_size > 1 << 20:
            if file.exists():
                files[path] = ""
            continue
        try:
            files[path] = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            files[path] = ""
    return files


def self_test():
    """Each rule finds its planted violations and lets their repaired forms pass."""
    failures = [f"{rule.__name__} has no planted violation" for rule in RULES
                if rule.__name__ not in PLANTED]
    for name, pairs in PLANTED.items():
        rule = globals()[name]
        for number, (bad, good) in enumerate(pairs):
            if not list(rule(bad)):
                failures.append(f"{name} misses planted violation {number}: {bad}")
            for finding in rule(good):
                failures.append(f"{name} {number} wrongly reports: {finding}")
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        subprocess.run(["git", "init", "-q", directory], check=True)
        (root / "new.h").write_text("#pragma once\n")
        if tracked_files(root) != {"new.h": "#pragma once\n"}:
            failures.append("tracked_files misses a new file")
    return failures


def main():
    """Prints findings, one a line; the exit status says whether there are any."""
    if "--self-test" in sys.argv[1:]:
        findings = self_test()
    else:
        files = tracked_files(ROOT)
        findings = [finding for rule in RULES for finding in rule(files)]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
