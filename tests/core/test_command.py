"""What a template says, where values may not stand, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from barrido.core.command import CHECKPOINT_DIR, RESOURCE, Template, parse, text_of
from barrido.errors import BarridoError


def rendered(template: str, **inputs: str | None) -> str:
    return parsed(template).render({("inputs", name): value for name, value in inputs.items()})


def parsed(template: str) -> Template:
    result = parse(template)
    assert not result.problems, [str(problem) for problem in result.problems]
    return result


def test_the_three_namespaces_are_replaced_spaces_and_nested_names_included() -> None:
    template = parsed(
        "python train.py --lr ${{search_space.lr}} --units ${{ search_space.conv.units }} "
        "--data ${{inputs.data}} --out=${{outputs.model}} --again ${{search_space.lr}}"
    )
    assert template.references == (
        ("search_space", "lr"),
        ("search_space", "conv.units"),
        ("inputs", "data"),
        ("outputs", "model"),
    )
    values = {
        ("search_space", "lr"): "0.1",
        ("search_space", "conv.units"): "64",
        ("inputs", "data"): "/data/my set",
        ("outputs", "model"): "/out/model",
    }
    line = "python train.py --lr 0.1 --units 64 --data '/data/my set' --out=/out/model --again 0.1"
    assert template.render(values) == line
    assert template.render(values.__getitem__) == line
    assert not template.notices


def test_what_a_scheduler_says_has_no_namespace_and_is_quoted_by_its_place_too() -> None:
    template = parsed("train --n ${{resource}} --to '${{ checkpoint_dir }}/last' \"${{checkpoint_dir}}\"")
    assert template.references == (RESOURCE, CHECKPOINT_DIR)
    values = {RESOURCE: "27", CHECKPOINT_DIR: "/it's $1"}
    assert template.render(values) == """train --n 27 --to '/it'"'"'s $1/last' "/it's \\$1\""""
    (problem,) = parse("eval ${{resource}}").problems
    assert "${{resource}} stands" in problem.what
    (problem,) = parse("echo ${{checkpoint_dirs}}").problems
    assert problem.hint == "did you mean ${{checkpoint_dir}}?"


def test_an_optional_group_may_be_written_as_azures_components_do() -> None:
    template = parse("train $[[--z ${{inputs.z}}]]\\\n $[[--y=${{ inputs.y }}]]")
    assert not template.problems
    assert template.required == ()
    given = template.render({("inputs", "z"): "a b", ("inputs", "y"): "3"})
    assert given.split("\n") == ["train   --z 'a b' \\", "   --y=3 "]
    missing = template.render({("inputs", "z"): None, ("inputs", "y"): None})
    assert missing.replace("\\\n", "").split() == ["train"]
    (flaw,) = parse("train $[[--z ${{inputs.z}}]] ${{input.x}}").problems
    assert flaw.offset == 29
    assert parse("echo $[[1]] ${{inputs.z}}").problems  # nothing in it may be missing: a shell's own


def test_an_optional_group_goes_away_with_its_input() -> None:
    template = "python t.py [--z ${{inputs.z}}] [--both ${{inputs.y}} '${{inputs.z}}'] --x ${{inputs.x}}"
    assert rendered(template, x="1", y="2", z="3") == "python t.py --z 3 --both 2 '3' --x 1"
    assert rendered(template, x="1", y="2", z=None).split() == ["python", "t.py", "--x", "1"]
    assert parsed(template).required == (("inputs", "x"),)


def test_a_missing_input_outside_of_a_group_is_an_error() -> None:
    with pytest.raises(BarridoError) as error:
        rendered("python t.py --x ${{inputs.x}}", x=None)
    assert "[--flag ${{inputs.x}}]" in error.value.hint
    with pytest.raises(BarridoError, match=r"inputs\.x"):
        parse("echo ${{inputs.x}}").render({})


@pytest.mark.parametrize(
    "template",
    [
        "[ -f ${{inputs.x}} ] && echo yes",
        "if [ -n ${{inputs.x}} ]; then echo yes; fi",
        "ls [ab]",
        "ls [ab${{inputs.x}}]*",
        "echo [${{search_space.x}}]",
        "echo '[--x ${{inputs.x}}]'",
        'echo "[--x ${{inputs.x}}]"',
    ],
)
def test_brackets_of_the_shell_stay(template: str) -> None:
    text = parsed(template).render(lambda _: "a b")
    assert text.count("[") == template.count("[")
    assert text.count("]") == template.count("]")


def test_the_old_single_braces_work_and_are_noticed() -> None:
    template = parsed("python t.py --a {inputs.a} --b {search_space.b}")
    assert template.references == (("inputs", "a"), ("search_space", "b"))
    assert template.render(lambda _: "x y") == "python t.py --a 'x y' --b 'x y'"
    assert len(template.notices) == 2
    assert "${{inputs.a}}" in template.notices[0]
    assert parsed("echo {a,b} {} ${HOME}").references == ()


@pytest.mark.parametrize(
    ("template", "hint"),
    [
        ("echo ${{input.x}}", "did you mean ${{inputs.x}}?"),
        ("echo ${{inputs}}", "inputs, search_space, outputs"),
        ("echo ${{inputs.}}", "inputs, search_space, outputs"),
        ("echo ${inputs.x}", "${{inputs.name}}"),
        ("echo ${{inputs.x", "${{inputs.name}}"),
        ("echo ${{nothing.x}}", "inputs, search_space, outputs"),
    ],
)
def test_what_looks_like_a_reference_and_is_none_is_said(template: str, hint: str) -> None:
    (problem,) = parse(template).problems
    assert problem.offset == 5
    assert hint in problem.hint
    with pytest.raises(BarridoError):
        parse(template).render(lambda _: "1")


REFUSED = {
    "here-document": [
        "cat <<EOF\n${{inputs.x}}\nEOF",
        "cat <<'EOF'\n${{inputs.x}}\nEOF",
        "cat <<-EOF\n\tEOF2\n\t${{inputs.x}}\n\tEOF\n",
        "cat <<A <<B\nA\n${{inputs.x}}\nB\n",
        "cat <<${{inputs.x}}\nEOF",
        "x=$(cat <<EOF\n${{inputs.x}}\nEOF\n)",
    ],
    "`…`": ["echo `echo ${{inputs.x}}`", "echo \"`echo '${{inputs.x}}'`\""],
    "((": ["echo $((${{inputs.x}} + 1))", 'echo "$(( $(echo ${{inputs.x}}) ))"', "((${{inputs.x}}))"],
    "comment": ["true # ${{inputs.x}}", "# ${{inputs.x}}\ntrue"],
    "$'…'": ["echo $'${{inputs.x}}'", 'echo $"${{inputs.x}}"', r"echo $'it\'s' ${{inputs.x}}"],
    "[[": ["[[ ${{inputs.x}} -eq 1 ]]", "if [[ a == ${{inputs.x}} ]]; then true; fi"],
    "expansion": ["echo ${x#${{inputs.x}}}", "echo ${x:${{inputs.x}}}", "echo ${${{inputs.x}}}"],
    '${…} inside "…"': ['echo "${x:-${{inputs.x}}}"', 'echo "${x:-"${{inputs.x}}"}"'],
    "backslash": [r"echo \${{inputs.x}}", r'echo "\${{inputs.x}}"'],
    "right after a $": ["echo $${{inputs.x}}", 'echo "$${{inputs.x}}"'],
    "subscript": ["a[${{inputs.x}}]=1", "export a[${{inputs.x}}]=1"],
    "( inside a word": ["a=(1 ${{inputs.x}})", "a=(1 2); echo ${{inputs.x}}"],
    "<<<": ["cat <<< ${{inputs.x}}"],
    ">&": ["echo >&${{inputs.x}}", 'echo 2>& "${{inputs.x}}"'],
    "&>": ["echo &>${{inputs.x}}"],
    "case inside": ['echo "$(case x in x) echo ${{inputs.x}};; esac)"'],
    "never closed": ["echo '${{inputs.x}}", 'echo "${{inputs.x}}', "echo $(${{inputs.x}}"],
    "broken": [
        "echo $\\\n(echo ${{inputs.x}})",
        "cat <\\\n<E\n${{inputs.x}}\nE",
        "(\\\n(${{inputs.x}}))",
        ">&\\\n${{inputs.x}}",
    ],
    "alias": ["alias a='\"'\necho ${{inputs.x}}", "alias a=${{inputs.x}}"],
    "declare": ["declare -i n; n=${{inputs.x}}", "declare -i n=${{inputs.x}}"],
    "name of a variable": [
        "export ${{inputs.x}}",
        "[ -v ${{inputs.x}} ]",
        "test ! -v${{inputs.x}}",
        "printf -v ${{inputs.x}} a",
    ],
    "in the variable": [
        "RANDOM=${{inputs.x}}",
        "export BASH_ENV=${{inputs.x}}",
        "PS4='${{inputs.x}}' sh t.sh",
    ],
    "reads them as a program": [
        "eval ${{inputs.x}}",
        "eval 'echo \"${{inputs.x}}\"'",
        "if eval ${{inputs.x}}; then true; fi",
        "f() { eval ${{inputs.x}}; }",
        "f() eval ${{inputs.x}}",
        "for i do eval ${{inputs.x}}; done",
        "case a in (a) eval ${{inputs.x}};; esac",
        "( case a in a) eval ${{inputs.x}};; esac )",
        "A=1 >log eval ${{inputs.x}}",
        "'ev'al ${{inputs.x}}",
        "ev\\\nal ${{inputs.x}}",
        "command eval ${{inputs.x}}",
        "$PREFIX eval ${{inputs.x}}",
        "``eval ${{inputs.x}}",
        '"$EMPTY"eval ${{inputs.x}}',
        "eval `true` $(echo ${{inputs.x}})",
        "trap ${{inputs.x}} EXIT",
        "let ${{inputs.x}}",
        "ssh host python t.py ${{inputs.x}}",
        "watch -n 5 ls ${{inputs.x}}",
    ],
    "program text": [
        "sh -c ${{inputs.x}}",
        "sh -c 'echo ${{inputs.x}}'",
        'bash -c "python t.py ${{inputs.x}}"',
        "bash -ec 'python t.py ${{inputs.x}}'",
        "bash -o pipefail -c 'python t.py ${{inputs.x}}'",
        "bash -c -x 'python t.py ${{inputs.x}}'",
        "bash --norc -c ${{inputs.x}}",
        "bash -c - ${{inputs.x}}",
        "bash -c $MAYBE ${{inputs.x}}",
        "bash $OPTIONS -c ${{inputs.x}}",
        "/bin/sh -c ${{inputs.x}}",
        '"sh" -c ${{inputs.x}}',
        'sh -c "$(echo ${{inputs.x}})"',
        "$SHELL -c ${{inputs.x}}",
        "$A{b -c ${{inputs.x}}",
        "python -c 'print(\"${{inputs.x}}\")'",
        "python3.11 -Wignore -uc ${{inputs.x}}",
        "python -c${{inputs.x}}",
        "perl -ne ${{inputs.x}}",
        "ruby -e 'puts 1' -e ${{inputs.x}}",
        "node --eval=${{inputs.x}}",
        "node -p ${{inputs.x}}",
        "awk '{print ${{inputs.x}}}' file",
        "awk -v a=1 -F, ${{inputs.x}} file",
        "sed -i 's/a/${{inputs.x}}/' file",
        "sed -n -e ${{inputs.x}} file",
        "php -r ${{inputs.x}}",
        "R --no-save -e ${{inputs.x}}",
        "Rscript -e ${{inputs.x}}",
        "env A=1 sh -c ${{inputs.x}}",
        "env -S ${{inputs.x}}",
        "nohup nice -n 5 bash -c ${{inputs.x}}",
        "mpirun -np 4 bash -c ${{inputs.x}}",
        "docker run image sh -c ${{inputs.x}}",
        "find . -name sh -exec sh -c 'echo ${{inputs.x}}' {} +",
        "ls | xargs -n 1 sh -c 'echo ${{inputs.x}}'",
        "su me -c ${{inputs.x}}",
        "sbatch --wrap='python t.py ${{inputs.x}}'",
        "python [-m ${{inputs.m}}] -c ${{inputs.x}}",
        "xargs -a list timeout 5 perl -e ${{inputs.x}}",
    ],
    "piped into": [
        "echo ${{inputs.x}} | sh",
        "printf 'run %s' ${{inputs.x}} | sort | bash -x",
        "echo ${{inputs.x}} | python -",
        "echo ${{inputs.x}} | sudo bash -s a",
        "(cd a; echo ${{inputs.x}}) 2>log | sh",
        "{ echo ${{inputs.x}}; } |& bash",
        "for i in 1 2; do echo ${{inputs.x}}; done | (cd a; sh)",
        "echo ${{inputs.x}} |\n  cat $(true) |\n  sh",
    ],
}


@pytest.mark.parametrize(
    ("place", "template"),
    [(place, template) for place, templates in REFUSED.items() for template in templates],
)
def test_a_place_that_cannot_be_quoted_is_refused(place: str, template: str) -> None:
    problems = parse(template).problems
    assert problems
    assert any(place in problem.what for problem in problems), [problem.what for problem in problems]
    assert all(problem.hint and template[problem.offset :].startswith("${{") for problem in problems)
    with pytest.raises(BarridoError):
        parse(template).render(lambda _: "1")


@pytest.mark.parametrize(
    "template",
    [
        "python train.py -c ${{inputs.x}}",
        "python -m train -c ${{inputs.x}}",
        "python -u -W ignore::DeprecationWarning train.py -e ${{inputs.x}}",
        "python -c 'import sys; print(sys.argv)' ${{inputs.x}}",
        "sh -c 'echo \"$1\"' sh ${{inputs.x}}",
        "bash -e run.sh -c ${{inputs.x}}",
        "bash -e ${{inputs.x}}",
        "awk -v v=${{inputs.x}} 'BEGIN {print v}' ${{inputs.y}}",
        "awk -f prog.awk ${{inputs.x}}",
        "sed -e s/a/b/ ${{inputs.x}}",
        "env LR=${{inputs.x}} python train.py -S ${{inputs.y}}",
        "export LR=${{inputs.x}} && python train.py",
        "torchrun --nproc_per_node 2 train.py -c ${{inputs.x}}",
        "nohup python train.py --mode eval ${{inputs.x}} > log 2>&1 &",
        "$PYTHON train.py --phase test -v ${{inputs.x}}",
        'python "$SCRIPT" -c ${{inputs.x}}',
        "${{inputs.python}} train.py -e ${{inputs.x}}",
        "echo ${{inputs.x}} | python train.py",
        "echo ${{inputs.x}} | tee log",
        "echo ${{inputs.x}} || sh setup.sh",
        "echo ${{inputs.x}} | cat; curl url | sh",
        "pip install ${{inputs.x}} && cat setup | bash && python train.py ${{inputs.y}}",
        "$HOME/bin/train -c ${{inputs.x}}",
        "echo a#${{inputs.x}} $# ${#x}",
        "cd src &&\\\n python train.py \\\n  --lr ${{inputs.x}}",
        "cat <<EOF > conf\n$HOME `date` \"'\nEOF\npython train.py ${{inputs.x}}",
        "x=${{inputs.x}}\ncat <<EOF\n$x\nEOF",
        "echo $(( (1 + 2) * $(echo 3) )) ${{inputs.x}}",
        "case $x in a|b) python a.py ${{inputs.x}};; (c) echo ${{inputs.x}};; esac",
        "echo ${x#*/} ${y%%'}'} ${{inputs.x}}",
        "[[ -f a && ( b < c ) ]] && echo ${{inputs.x}}",
        "diff <(sort ${{inputs.x}}) <(sort ${{inputs.y}})",
    ],
)
def test_ordinary_commands_are_let_through(template: str) -> None:
    assert parsed(template).render(lambda _: "a b")


@pytest.mark.parametrize(
    ("template", "values"),
    [
        ("${{inputs.a}} ${{inputs.b}}", {"a": "eval", "b": "ls"}),
        ("${{inputs.a}} -c ${{inputs.b}}", {"a": "/bin/bash", "b": "ls"}),
        ("python ${{inputs.a}} ${{inputs.b}}", {"a": "-c", "b": "1"}),
        ("python ${{inputs.a}}", {"a": "-cimport os"}),
        ("[ ${{inputs.a}} ${{inputs.b}} ]", {"a": "-v", "b": "a[0]"}),
        ("python [-W ${{inputs.w}}] ${{inputs.a}} ${{inputs.b}}", {"a": "-c", "b": "1", "w": None}),
        ("echo ${{inputs.b}} | ${{inputs.a}}", {"a": "sh", "b": "ls"}),
    ],
)
def test_values_that_make_a_program_of_other_values_are_refused(
    template: str, values: Mapping[str, str | None]
) -> None:
    with pytest.raises(BarridoError, match="quoted safely"):
        rendered(template, **values)
    assert rendered(template, a="x", b="y", w=None)


def test_a_hint_shows_the_way_out_with_the_reference() -> None:
    (problem,) = parse('echo "${x:-${{inputs.lr}}}"').problems
    assert "x=${x:-${{inputs.lr}}}" in problem.hint
    assert "character 12" in str(problem)


def test_a_value_with_a_nul_is_refused() -> None:
    with pytest.raises(BarridoError, match="NUL"):
        rendered("echo ${{inputs.x}}", x="a\0b")
    assert parse("echo \0").problems


def test_templates_without_references_are_never_refused() -> None:
    for template in ("", "echo `date` $((1+1)) # done", "eval 'x", "cat <<E\n$x\nE", "alias a=b; ((1))"):
        assert not parse(template).problems
        assert parse(template).render({}) == template


def test_parameters_are_written_as_python_writes_them() -> None:
    values = [0.1, 1e-7, 1.0, 3, True, False, "re lu", "", {"units": 64, "name": "é"}]
    texts = ["0.1", "1e-07", "1.0", "3", "True", "False", "re lu", "", '{"units": 64, "name": "é"}']
    assert [text_of(value) for value in values] == texts
