"""What a member holds by default: its initialiser, worked out."""

from __future__ import annotations

import ast
import ctypes
import math
import struct
from functools import cache
from pathlib import Path
from typing import Any

from clang import cindex
from clang.cindex import Cursor, CursorKind, Type, TypeKind

from llama_cpp_header.header import Filled, Unknown
from llama_cpp_header.kinds import element_type, plain_kind

_WRAPPERS = {CursorKind.UNEXPOSED_EXPR, CursorKind.PAREN_EXPR, CursorKind.CXX_FUNCTIONAL_CAST_EXPR}
_ZERO = {"boolean": False, "integer": 0, "enum": 0, "number": 0.0, "string": "", "list": [], "set": [], "map": {}}


def default_of(member: Cursor) -> Any:
    """Return what a member's initialiser says; a member without one is value-initialised."""
    expressions = _expressions(member)
    if plain_kind(member.type)["kind"] == "array":
        # The first one is the array's length.
        expressions = expressions[1:]
    return _value(expressions[-1], member.type) if expressions else _zero(member.type)


def _expressions(cursor: Cursor) -> list[Cursor]:
    return [child for child in cursor.get_children() if child.kind.is_expression()]


def _zero(type: Type) -> Any:
    kind = plain_kind(type)
    if kind["kind"] == "array":
        return [_zero(element_type(type))] * kind["length"]
    return {} if kind["kind"] == "structure" else _ZERO.get(kind["kind"])


def _value(expression: Cursor, type: Type) -> Any:
    """Return the value that an expression gives to something of a type."""
    kind = plain_kind(type)["kind"]
    if kind in {"pointer", "device"}:
        return None
    if kind in {"boolean", "integer", "enum", "number"} and (number := evaluate(expression)) is not None:
        return _as_table_has_it(number, type)
    inner = _bare(expression)
    if inner.kind == CursorKind.CALL_EXPR and inner.spelling == type.get_canonical().get_declaration().spelling:
        # A constructor: of nothing, of a list or another value to copy, or of a count and a value.
        arguments = _expressions(inner)
        if not arguments:
            return _zero(type)
        inner = _bare(arguments[0])
        if kind == "list" and inner.kind != CursorKind.INIT_LIST_EXPR and len(arguments) > 1:
            count, value = evaluate(arguments[0]), _value(arguments[1], element_type(type))
            if isinstance(value, Unknown):
                return Unknown(_source(expression))
            return Filled(value) if count is None else [value] * int(count)
    if inner.kind == CursorKind.MEMBER_REF_EXPR:
        return default_of(inner.referenced)
    if inner.kind == CursorKind.STRING_LITERAL and kind == "string":
        # Octal escapes, where a byte is no printable character.
        return ast.literal_eval("b" + inner.spelling).decode()
    if inner.kind == CursorKind.INIT_LIST_EXPR and kind in {"list", "set", "array"}:
        values = [_value(child, element_type(type)) for child in _expressions(inner)]
        if not any(isinstance(value, Unknown) for value in values):
            return values + _zero(type)[len(values) :]
    if inner.kind == CursorKind.INIT_LIST_EXPR and kind == "structure" and not _expressions(inner):
        return {}
    return Unknown(_source(expression))


def _bare(expression: Cursor) -> Cursor:
    """Take off conversions and parentheses."""
    while expression.kind in _WRAPPERS and (inside := _expressions(expression)):
        expression = inside[0]
    return expression


def _source(expression: Cursor) -> str:
    start, end = expression.extent.start, expression.extent.end
    return Path(start.file.name).read_bytes()[start.offset : end.offset].decode()


def _as_table_has_it(number: float, type: Type) -> Any:
    """Return a number as JSON has it: the shortest decimal of a float, a name where it is infinite."""
    exact = type.get_canonical().kind
    if exact == TypeKind.BOOL:
        return bool(number)
    if exact not in {TypeKind.FLOAT, TypeKind.DOUBLE}:
        return int(number)
    if not math.isfinite(number):
        return str(float(number))
    if exact == TypeKind.DOUBLE:
        return float(number)

    def stored(value: float) -> bytes:
        return struct.pack("f", value)

    return next(short for digits in range(1, 18) if stored(short := float(f"{number:.{digits}g}")) == stored(number))


@cache
def _evaluator() -> Any:
    """Return libclang with the functions that its Python package leaves out."""
    library = cindex.conf.lib
    result = ctypes.c_void_p
    for name, argument, returned in (
        ("Cursor_Evaluate", Cursor, result),
        ("EvalResult_getKind", result, ctypes.c_int),
        ("EvalResult_getAsLongLong", result, ctypes.c_longlong),
        ("EvalResult_isUnsignedInt", result, ctypes.c_uint),
        ("EvalResult_getAsUnsigned", result, ctypes.c_ulonglong),
        ("EvalResult_getAsDouble", result, ctypes.c_double),
        ("EvalResult_dispose", result, None),
    ):
        function = getattr(library, f"clang_{name}")
        function.argtypes, function.restype = [argument], returned
    return library


def evaluate(cursor: Cursor) -> int | float | None:
    """Return the number that an expression, or a variable's initialiser, stands for; None where it is not constant."""
    clang = _evaluator()
    result = clang.clang_Cursor_Evaluate(cursor)
    if not result:
        return None
    kind = clang.clang_EvalResult_getKind(result)
    number: int | float | None = None
    if kind == 1:
        unsigned = clang.clang_EvalResult_isUnsignedInt(result)
        read_number = clang.clang_EvalResult_getAsUnsigned if unsigned else clang.clang_EvalResult_getAsLongLong
        number = read_number(result)
    elif kind == 2:
        number = clang.clang_EvalResult_getAsDouble(result)
    clang.clang_EvalResult_dispose(result)
    return number
