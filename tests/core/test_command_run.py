"""Rendered commands in real shells: values arrive as they are, and nothing in them is run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from barrido.core.command import parse
from barrido.errors import BarridoError

SHELLS = [shell for shell in ("/bin/sh", "/bin/bash") if Path(shell).exists()]
SHOW = "printf '%s\\0' "
CANARY = "canary"
RUN = f"touch {CANARY}"

PLACES = {
    "bare": "${{inputs.x}}",
    "glued": "--x=${{inputs.x}},y",
    "twice": "${{inputs.x}}${{inputs.x}}",
    "after an expansion": "$EMPTY${{inputs.x}}",
    "after a tilde": "'~'${{inputs.x}}",
    "single quotes": "'<${{inputs.x}}>'",
    "double quotes": '"<${{inputs.x}}>"',
    "double quotes, after a name": '"$EMPTY${{inputs.x}}"',
    "double quotes, after an escaped dollar": '"\\$${{inputs.x}}"',
    "double quotes, after a continued name": '"$EMP\\\nTY${{inputs.x}}"',
    "after a doubled backslash": "\\\\${{inputs.x}}",
    "default": "${EMPTY:-${{inputs.x}}}",
    "default in default": "${EMPTY:-${EMPTY:-a${{inputs.x}}}}",
    "default in double quotes in default": '${EMPTY:-"<${{inputs.x}}>"}',
    "default in single quotes": "${EMPTY:-'<${{inputs.x}}>'}",
    "alternative": "${SET:+${{inputs.x}}}",
    "substitution": '"$(printf %s ${{inputs.x}}; echo .)"',
    "substitution, single quotes": "\"$(printf %s '${{inputs.x}}'; echo .)\"",
    "substitution, double quotes": '"$(printf %s "${{inputs.x}}"; echo .)"',
    "substitution in substitution": '"$(printf %s "$(printf %s ${{inputs.x}}; echo .)" | cat)"',
    "substitution in default": '${EMPTY:-"$(printf %s ${{inputs.x}}; echo .)"}',
    "braces": "'{'${{inputs.x}}'}'",
    "group": "[--flag=${{inputs.x}}]",
    "group, quoted": '[--flag "${{inputs.x}}"]',
    "next line": "\\\n  ${{inputs.x}}",
}
"""Words of a command by the place that they hold a reference in."""

EXPECTED = {
    "glued": "--x={},y",
    "twice": "{}{}",
    "after a tilde": "~{}",
    "single quotes": "<{}>",
    "double quotes": "<{}>",
    "double quotes, after an escaped dollar": "${}",
    "after a doubled backslash": "\\{}",
    "default in default": "a{}",
    "default in double quotes in default": "<{}>",
    "default in single quotes": "<{}>",
    "substitution": "{}.",
    "substitution, single quotes": "{}.",
    "substitution, double quotes": "{}.",
    "substitution in substitution": "{}.",
    "substitution in default": "{}.",
    "braces": "{{{}}}",
    "group": "--flag={}",
    "group, quoted": "--flag\0{}",
}

COMMANDS = {
    "assignment": f'y=${{{{inputs.x}}}}; {SHOW} "$y"',
    "assignment with a default": f'y=${{EMPTY:-${{{{inputs.x}}}}}} && {SHOW} "$y"',
    "exported": f'export y=a${{{{inputs.x}}}}; {SHOW} "${{y#a}}"',
    "redirection": f"{SHOW} ok > ./f${{{{search_space.file}}}}; cat ./f*; rm ./f*",
    "pattern": f"case ${{{{inputs.x}}}} in ${{{{inputs.x}}}}) {SHOW} ${{{{inputs.x}}}};; *) {SHOW} no;; esac",
    "loop": f'for i in ${{{{inputs.x}}}}; do {SHOW} "$i"; done',
    "test": f"if [ a${{{{inputs.x}}}} = 'a${{{{inputs.x}}}}' ]; then {SHOW} ${{{{inputs.x}}}}; fi",
    "function": f'f() {{ {SHOW} "$1"; }}; f ${{{{inputs.x}}}}',
    "subshell": f"(true; {SHOW} ${{{{inputs.x}}}})",
    "program argument": f"sh -c '{SHOW.replace(chr(39), chr(34))} \"$1\"' sh ${{{{inputs.x}}}}",
    "after a here-document": f"cat <<E >/dev/null\n'\"`true`$(true)\nE\n{SHOW} ${{{{inputs.x}}}}",
    "after much": f"true '`' \"'\" \\' \\\" $(( (1+2) )) ${{EMPTY#\\'}} # it's\n{SHOW} ${{{{inputs.x}}}}",
}

NASTY = [
    *("", " ", "\n", "\t", "a b", "a\n", "\na", "  ", "-n", "--", "-", "~", "~root", "*", "?", "[a]", "."),
    *("'", '"', "\\", "\\\\", "a\\", "\\n", "'\"'\"'", "''", '""', "\"'", "$", "$$", "$HOME", "${HOME}", "`"),
    *(
        "#",
        "# x",
        "!",
        "!!",
        "&",
        "|",
        ";",
        "<",
        ">",
        "(",
        ")",
        "{",
        "}",
        "{a,b}",
        "{1..3}",
        "a}b",
        "]",
        "=",
        "a=b",
    ),
    *(
        "é",
        "Á",
        "🙂",
        "\u2028",
        "\x01\x7f",
        "\x1b[31m",
        "\r\n",
        "%s",
        "\\x41",
        "\\0",
        "0",
        "1e-05",
        "True",
        "if",
    ),
    f"$({RUN})",
    f"`{RUN}`",
    f";{RUN};",
    f"\n{RUN}\n",
    f"';{RUN};'",
    f'";{RUN};"',
    f"'\n{RUN}\n'",
    f'}}";{RUN};"{{',
    f")\n{RUN}\n(",
    f"\nEOF\n{RUN}\n",
    f"a[$({RUN})]",
    f"\\';{RUN};\\'",
    f"&& {RUN} ||",
    f">{CANARY}",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("commands")


def output(shell: str, line: str, folder: Path) -> str:
    done = subprocess.run(
        [shell, "-c", line],
        cwd=folder,
        capture_output=True,
        timeout=30,
        env={"PATH": "/usr/bin:/bin", "SET": "1", "EMPTY": "", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert not (folder / CANARY).exists(), line
    assert done.stderr == b"", (line, done.stderr)
    return done.stdout.decode()


def check_places(shell: str, value: str, folder: Path) -> None:
    """All the places in one process."""
    template = parse(f"{SHOW} {' '.join(PLACES.values())} end")
    assert not template.problems
    expected = [EXPECTED.get(place, "{}").format(*[value] * 2) for place in PLACES]
    line = template.render(lambda _: value)
    assert output(shell, line, folder) == "\0".join([*expected, "end", ""]), line


@pytest.mark.parametrize("shell", SHELLS)
def test_every_word_arrives_as_it_is(shell: str, folder: Path) -> None:
    for value in NASTY:
        check_places(shell, value, folder)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_gets_the_value_as_it_is(shell: str, folder: Path) -> None:
    for value in NASTY:
        for name, text in COMMANDS.items():
            template = parse(text)
            assert not template.problems
            values = {("inputs", "x"): value, ("search_space", "file"): value.replace("/", "")}
            line = template.render(values)
            assert output(shell, line, folder) == ("ok" if name == "redirection" else value) + "\0", line


@settings(max_examples=150, deadline=None)
@given(
    value=st.text(
        st.one_of(
            st.sampled_from("'\"\\$`(){}[]!#&|;<>*?~=\n \t-aE"),
            st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
        ),
        max_size=12,
    )
)
def test_any_text_arrives_as_it_is(value: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    for shell in SHELLS:
        check_places(shell, value, folder)


FRAGMENTS = [
    *(
        "'",
        '"',
        "`",
        "$(",
        ")",
        "(",
        "${u:-",
        "${u#",
        "}",
        "$((",
        "))",
        "\\",
        "\\\n",
        "$",
        "$u",
        "$'",
        '$"',
        "$[",
    ),
    *(
        "<<E\n",
        "<<'E'\n",
        "<<-E",
        "\nE\n",
        "E",
        "<<",
        "<<<",
        "<",
        ">",
        "2>",
        ">&",
        "&>",
        "<(",
        "((",
        "/dev/null",
    ),
    *(
        "\n",
        " ",
        ";",
        "&&",
        "|",
        "||",
        "&",
        "#",
        "b=",
        "x",
        "[",
        "]",
        "[ ",
        "[[ ",
        " ]]",
        "~",
        "*",
        "!",
        "{ ",
        "=(",
    ),
    *(
        "case x in",
        " x) ",
        "esac",
        ";;",
        "if ",
        "then ",
        "fi",
        "for i in ",
        "do ",
        "done",
        "while ",
        "f()",
        "\\'",
    ),
    *("eval ", "echo ", "cat ", "sh -c ", "test ", "export ", "-c ", "-v ", "''", "true"),
]
HOSTILE = [value for value in NASTY if RUN in value]


@pytest.mark.parametrize("examples", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_no_template_that_is_let_through_runs_a_value(examples: int, tmp_path: Path) -> None:
    """Heaps of shell fragments, most of them no valid command: whatever they are, values stay values."""
    tried = 0

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(
        pieces=st.lists(
            st.one_of(st.sampled_from(FRAGMENTS), st.just("${{inputs.x}}")), min_size=2, max_size=14
        ),
        values=st.lists(st.sampled_from(HOSTILE), min_size=2, max_size=2, unique=True),
    )
    def attempt(pieces: list[str], values: list[str]) -> None:
        nonlocal tried
        template = parse("".join(pieces))
        if template.problems or not template.slots:
            return
        tried += 1
        for value in values:
            try:
                line = template.render({("inputs", "x"): value})
            except BarridoError:
                continue
            for shell in SHELLS:
                attack(shell, line, tmp_path / "folder")

    attempt()
    assert tried > examples // 20


def attack(shell: str, line: str, folder: Path) -> None:
    folder.mkdir()
    try:
        subprocess.run(
            [shell, "-c", line],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=10,
            env={"PATH": "/usr/bin:/bin"},
            check=False,
        )
        assert not (folder / CANARY).exists(), (shell, line)
    finally:
        shutil.rmtree(folder)
