"""How a shell reads a command line: in which place each reference stands, and in which command.

Follows the grammar of POSIX.1-2017, XCU section 2, and the constructs that bash adds to it. Where
shells differ, or a value could not be quoted, references are refused: being too careful costs a
message, being wrong would run a value as a command.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from barrido.core import refusals
from barrido.core.groups import group_end
from barrido.core.heredoc import announced, skipped
from barrido.core.programs import ASSIGNMENT, LISTS, QUOTED_WILD, RESERVED, WILD, poisons
from barrido.core.reading import Command, Frame, Kind, Place, Reading, Reference, Uncertain, Word
from barrido.core.refusals import Refusal

_NAME = re.compile(r"\$[A-Za-z_](?:\w|\\\n)*", re.ASCII)
_DEFAULT = re.compile(r"\$\{(?:[A-Za-z_]\w*|[0-9]+|[@*]):?[-=+?]", re.ASCII)
_BACKTICKS = re.compile(r"`(?:[^`\\]|\\.)*`", re.DOTALL)
_REDIRECTION = re.compile(r"(?><<<|<<-?|<[>&]?|>[>&|]?)(?!\\\n)")
_TARGETS = {"<<<": refusals.HERE_STRING, "<&": refusals.DUPLICATION, ">&": refusals.DUPLICATION}
_NO_ARGUMENTS = re.compile(r"\([ \t]*\)")
_SUBSCRIPT = re.compile(r"[A-Za-z_]\w*\[[^\]]*$", re.ASCII)
_PLAIN = re.compile(r"[\w./:@%+,=-]*", re.ASCII)


class Reader:
    """Reads one command line; ``references`` are given by their start."""

    def __init__(self, text: str, references: Mapping[int, Reference]) -> None:
        self._text = text
        self._references = references
        self._reading = Reading()
        self._frames = [Frame(Kind.COMMANDS, 0)]
        self._groups: list[tuple[int, int]] = []  # that are open: where [ and ] stand
        self._before: dict[int, Refusal] = {}  # what stands before a reference, by the reference's start
        self._names: set[int] = set()  # where a $name ends

    def read(self) -> Reading:
        result = self._reading
        try:
            self._read_all()
        except Uncertain as end:
            for frame in self._frames:
                words = [*frame.words, *([frame.word] if frame.word else [])]
                result.commands.append(Command(tuple(words), is_piped=False, depth=0))
            for start in self._references:
                if start >= end.at:
                    result.places.pop(start, None)
                    result.refusals.setdefault(start, end.refusal)
        for start in self._references.keys() - result.places.keys():
            result.refusals.setdefault(start, refusals.SKIPPED)
        return result

    def _read_all(self) -> None:
        handlers = {
            Kind.COMMANDS: self._in_commands,
            Kind.DOUBLE: self._in_double,
            Kind.BRACES: self._in_braces,
            Kind.ARITHMETIC: self._in_arithmetic,
        }
        i = 0
        while i < len(self._text):
            if reference := self._references.get(i):
                self._place(reference)
                i = reference.end
            else:
                i = handlers[self._top.kind](i)
        if len(self._frames) > 1:
            opening = self._text[self._top.start : self._top.start + 2]
            raise Uncertain(self._top.start, f"{opening}, which is never closed", "close it")
        self._end_command(i)

    @property
    def _top(self) -> Frame:
        return self._frames[-1]

    def _is_quoted(self) -> bool:
        return self._top.kind is Kind.DOUBLE or self._top.is_quoted

    def _push(self, frame: Frame) -> None:
        frame.refusal = self._top.refusal or self._top.target_refusal or frame.refusal
        self._frames.append(frame)

    def _put(self, piece: str | int) -> None:
        """Add to the current word. What stands in ${…} or $((…)) is not known before it runs."""
        for frame in reversed(self._frames):
            if frame.kind is Kind.COMMANDS:
                break
            if frame.kind is not Kind.DOUBLE:
                piece = WILD
        if frame.word is None:
            frame.word = Word(group=self._groups[-1][0] if self._groups else None)
        frame.word.pieces.append(piece)

    def _is_at(self, what: str, i: int) -> bool:
        """Whether ``what`` stands at ``i``, and not only once a shell has taken out a broken line."""
        joined = i
        while self._text.startswith("\\\n", joined):
            joined += 2
        if joined > i and self._text.startswith(what[0], joined):
            raise Uncertain(i - 1, f"a line broken after {self._text[i - 1]}", "do not break it there")
        return self._text.startswith(what, i)

    def _refuse_between(self, start: int, end: int, refusal: Refusal) -> None:
        for at in self._references:
            if start <= at < end:
                self._reading.refusals[at] = refusal

    def _place(self, reference: Reference) -> None:
        start, top = reference.start, self._top
        refusal = top.refusal or top.target_refusal or self._before.get(start)
        place = Place.BARE
        if top.kind is Kind.DOUBLE:
            place = Place.DOUBLE_AFTER_NAME if start in self._names else Place.DOUBLE
        elif top.kind is Kind.COMMANDS:
            prefix = top.word.text().text if top.word else ""
            if top.is_test:
                refusal = refusal or refusals.TEST
            elif _SUBSCRIPT.match(prefix):
                refusal = refusal or refusals.SUBSCRIPT
            elif _PLAIN.fullmatch(prefix) and self._ends_argument(reference):
                place = Place.ARGUMENT
        self._add(start, place, refusal)

    def _ends_argument(self, reference: Reference) -> bool:
        """Whether the word ends with it and cannot be read as anything but an argument."""
        words = self._top.words
        head = words[0].text().text if words and not self._top.is_target else ""
        if not head or head in RESERVED | LISTS or ASSIGNMENT.match(head):
            return False
        is_last = self._text[reference.end : reference.end + 1] in "\n\t "
        return is_last or any(reference.end == bracket for _, bracket in self._groups)

    def _add(self, start: int, place: Place, refusal: Refusal | None) -> None:
        if refusal:
            self._reading.refusals[start] = refusal
        else:
            self._reading.places[start] = place
        self._put(start)
        for frame in self._frames:
            if frame.word is not None:
                frame.word.holds.add(start)

    def _in_commands(self, i: int) -> int:
        top, c = self._top, self._text[i]
        if self._groups and i == self._groups[-1][1]:
            self._end_word(i)
            self._reading.groups.append((self._groups.pop()[0], i + 1))
            return i + 1
        match c:
            case " " | "\t":
                self._end_word(i)
            case "\n":
                self._end_command(i)
                return self._here_documents(i + 1)
            case "#" if top.word is None:
                end = i + len(self._text[i:].partition("\n")[0])
                self._refuse_between(i, end, refusals.COMMENT)
                return end
            case "<" | ">":
                return self._redirection(i)
            case "&" if self._is_at(">", i + 1):
                raise Uncertain(i, "&>, which sh reads as & and >", "write >file 2>&1 instead")
            case "&" if self._text[i - 1 : i] == "|":
                pass  # |& pipes both outputs
            case ";" | "&" | "|":
                self._end_command(i)
            case "(":
                return self._open(i)
            case ")":
                return self._close(i)
            case "[" if top.word is None and (bracket := group_end(self._text, self._references, i)):
                self._groups.append((i, bracket))
            case "'":
                return self._single(i)
            case '"':
                self._put("")
                self._push(Frame(Kind.DOUBLE, i))
            case "\\" | "$" | "`":
                return self._active(i)
            case _:
                self._put(c)
        return i + 1

    def _in_double(self, i: int) -> int:
        match self._text[i]:
            case '"':
                self._frames.pop()
            case "\\" | "$" | "`":
                return self._active(i)
            case c:
                self._put(c)
        return i + 1

    def _in_braces(self, i: int) -> int:
        match self._text[i]:
            case "}":
                self._frames.pop()
            case "'" if self._top.is_quoted:
                raise Uncertain(i, 'a \' in a ${…} inside "…"', "assign to a variable first")
            case "'":
                return self._single(i)
            case '"':
                self._push(Frame(Kind.DOUBLE, i))
            case "\\" | "$" | "`":
                return self._active(i)
        return i + 1

    def _in_arithmetic(self, i: int) -> int:
        top = self._top
        match self._text[i]:
            case "(":
                top.depth += 1
            case ")" if top.depth:
                top.depth -= 1
            case ")" if self._is_at(")", i + 1):
                self._frames.pop()
                return i + 2
            case ")" | "'" | '"':
                raise Uncertain(top.start, "$((", "put a space between the parentheses of $( (…) )")
            case "\\" | "$" | "`":
                return self._active(i)
        return i + 1

    def _active(self, i: int) -> int:
        """What is special outside and inside of double quotes alike."""
        match self._text[i]:
            case "\\":
                self._before[i + 1] = refusals.BACKSLASH
                if i + 1 in self._references:
                    return i + 1
                if not self._text.startswith("\n", i + 1):
                    self._put(self._text[i + 1 : i + 2])
                return i + 2
            case "`":
                if not (found := _BACKTICKS.match(self._text, i)):
                    raise Uncertain(i, "a ` that is never closed", "close it")
                for at in self._references:
                    if i <= at < found.end():
                        self._add(at, Place.BARE, refusals.BACKTICKS)
                self._put(QUOTED_WILD if self._is_quoted() else WILD)
                return found.end()
        return self._dollar(i)

    def _dollar(self, i: int) -> int:
        text, is_quoted = self._text, self._is_quoted()
        self._put(QUOTED_WILD if is_quoted else WILD)
        if i + 1 in self._references:
            self._before[i + 1] = refusals.DOLLAR
            return i + 1
        if text.startswith("\\\n", i + 1):
            raise Uncertain(i, "a line broken after $", "do not break it there")
        if text.startswith("(", i + 1):
            if self._is_at("(", i + 2):
                self._push(Frame(Kind.ARITHMETIC, i, refusals.ARITHMETIC))
                return i + 3
            self._push(Frame(Kind.COMMANDS, i, is_in_word=True))
            return i + 2
        if text.startswith("{", i + 1):
            if text[i + 2 : i + 3] in " \t\n|":
                raise Uncertain(i, "${ and a space", "write $(…) instead")
            refusal = refusals.QUOTED_EXPANSION if is_quoted else None
            refusal = refusal if _DEFAULT.match(text, i) else refusals.EXPANSION
            self._push(Frame(Kind.BRACES, i, refusal, is_quoted=is_quoted))
            return i + 2
        if text.startswith("[", i + 1):
            raise Uncertain(i, "$[", "write $((…)) instead")
        if text.startswith("'", i + 1) and not is_quoted:
            return self._dollar_single(i)
        if text.startswith('"', i + 1) and not is_quoted:
            self._push(Frame(Kind.DOUBLE, i + 1, refusals.DOLLAR_QUOTES))
            return i + 2
        if name := _NAME.match(text, i):
            self._names.add(name.end())
            return name.end()
        return i + (2 if text[i + 1 : i + 2] in tuple("0123456789@*#?$!-") else 1)

    def _single(self, i: int) -> int:
        end = self._text.find("'", i + 1)
        if end < 0:
            raise Uncertain(i, "a ' that is never closed", "close it")
        at = i + 1
        for start, reference in self._references.items():
            if i < start < end:
                self._put(self._text[at:start])
                self._add(start, Place.SINGLE, self._top.refusal or self._top.target_refusal)
                at = reference.end
        self._put(self._text[at:end])
        return end + 1

    def _dollar_single(self, i: int) -> int:
        """$'…' ends at the next ' in any shell, unless a backslash stands before that."""
        end = self._text.find("'", i + 2)
        inside = self._text[i + 2 : end]
        if end < 0 or (len(inside) - len(inside.rstrip("\\"))) % 2:
            raise Uncertain(i, "$'…' with a quote in it", "use '…' without the $")
        self._refuse_between(i, end, refusals.DOLLAR_QUOTES)
        return end + 1

    def _end_word(self, i: int) -> None:
        top = self._top
        word, top.word = top.word, None
        if word is None:
            return
        if top.is_target:
            top.is_target, top.target_refusal = False, None
            return
        text = word.text().text
        heads = [other.text().text for other in top.words[:2]]
        is_first = RESERVED.issuperset(heads)
        if text == "case" and (is_first or heads[0] in LISTS | {"function", "coproc", "time"}):
            if any(frame.is_in_word for frame in self._frames):
                raise Uncertain(i, "a case inside (…)", "assign in the branches of a case outside of it")
        elif text == "[[" and is_first:
            top.is_test = True
        elif text == "]]":
            top.is_test = False
        elif text == "do" and len(heads) == 2 and heads[0] in LISTS:
            top.words.clear()
        top.words.append(word)

    def _end_command(self, i: int) -> None:
        self._end_word(i)
        top = self._top
        top.is_target, top.target_refusal = False, None
        words, top.words = top.words, []
        mark = self._text[i : i + 1]
        if words or mark in (";", "&", "|"):
            is_piped = mark == "|" and self._text[i - 1 : i + 2].count("|") == 1
            self._reading.commands.append(Command(tuple(words), is_piped, len(self._frames)))
        if what := poisons([word.text() for word in words]):
            raise Uncertain(i, what, f"do not use {what.split()[0]} here")

    def _redirection(self, i: int) -> int:
        top = self._top
        text = top.word.text().text if top.word else ""
        if text.isdigit():
            top.word = None
        elif text.startswith("{") and text.endswith("}"):
            raise Uncertain(i, "{…}>, which is a word in sh", "use a number: 3>")
        self._end_word(i)
        if not (operator := _REDIRECTION.match(self._text, i)):
            raise Uncertain(i, "a line broken in an operator", "do not break it there")
        if operator[0] in ("<<", "<<-"):
            document, end = announced(self._text, operator.end(), self._references)
            top.documents.append(document)
            return end
        top.is_target = not self._text.startswith("(", operator.end())
        top.target_refusal = _TARGETS.get(operator[0])
        return operator.end()

    def _here_documents(self, i: int) -> int:
        """Skip the texts of the here-documents that the line before ``i`` announced."""
        if any(frame.documents for frame in self._frames[:-1]):
            raise Uncertain(i, "a here-document in a line that is broken", "write the line in one piece")
        end = skipped(self._text, i, self._top.documents)
        self._top.documents.clear()
        self._refuse_between(i, end, refusals.HERE_DOCUMENT)
        return end

    def _open(self, i: int) -> int:
        top = self._top
        if self._is_at("(", i + 1):
            raise Uncertain(i, "((", "write $((…)), or a space between the parentheses")
        if arguments := _NO_ARGUMENTS.match(self._text, i):  # f() { …; }
            self._end_command(i)
            return arguments.end()
        if top.word is not None:
            raise Uncertain(i, "a ( inside a word", "put it in quotes; sh has no arrays")
        if top.words and top.words[0].text().text == "case":
            self._end_command(i)
        is_in_word = self._text[i - 1 : i] in ("<", ">")
        if is_in_word:
            self._put(WILD)
        self._push(Frame(Kind.COMMANDS, i, is_in_word=is_in_word))
        return i + 1

    def _close(self, i: int) -> int:
        """A ) that closes nothing ends the pattern of a case."""
        self._end_command(i)
        if len(self._frames) > 1:
            if self._top.documents:
                raise Uncertain(i, "a here-document's << before its text began", "end the line before the )")
            self._frames.pop()
        return i + 1
