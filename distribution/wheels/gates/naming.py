"""The wheel's name, tag and metadata: what installers and the index read before they look inside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from email.parser import BytesParser

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version
from readme_renderer import markdown

from wheels.gates.gate import Finding, Rule, Target
from wheels.gates.wheel_file import WheelFile


def _tag(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    try:
        name, version, build, tags = parse_wheel_filename(wheel.path.name)
    except InvalidWheelFilename as error:
        yield Finding(wheel.path.name, f"is no name of a wheel: {error}")
        return
    project, row = target.project, target.row
    expected = f"{project['tool']['scikit-build']['wheel']['py-api']}-abi3-{row.wheel.platform}"
    if name != canonicalize_name(project["project"]["name"]) or build:
        yield Finding(wheel.path.name, f"is to be {project['project']['name']}'s, without a build number")
    if version != Version(target.version):
        yield Finding(
            wheel.path.name,
            f"is of version {version}, and the row {row.name}'s is {target.version} (label: {row.wheel.label})",
        )
    found = {str(tag) for tag in tags}
    if found != {expected}:
        yield Finding(
            wheel.path.name, f"has the tag {', '.join(sorted(found))}, and the row {row.name}'s is {expected}"
        )
    told = set(re.findall(r"^Tag: (\S+)", wheel.read(f"{wheel.dist_info}/WHEEL").decode(), re.MULTILINE))
    if told != found:
        yield Finding(f"{wheel.dist_info}/WHEEL", f"has the tag {', '.join(sorted(told))}, unlike the file's name")
    if wheel.dist_info != f"{name}-{version}.dist-info":
        yield Finding(wheel.dist_info, f"is to be {name}-{version}.dist-info, as the file's name has it")


def _metadata(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    where = f"{wheel.dist_info}/METADATA"
    content = wheel.read(where)
    try:
        metadata = Metadata.from_email(content, validate=True)
    except ExceptionGroup as group:
        for error in group.exceptions:
            yield Finding(where, f"{error}: see pyproject.toml")
        return
    if canonicalize_name(metadata.name) != canonicalize_name(target.project["project"]["name"]):
        yield Finding(where, f"says Name {metadata.name}, and it is to be {target.project['project']['name']}")
    if metadata.version != Version(target.version):
        yield Finding(where, f"says version {metadata.version}, and the row's is {target.version}")
    if str(metadata.requires_python) != target.project["project"]["requires-python"]:
        yield Finding(where, f"says Requires-Python {metadata.requires_python}, unlike pyproject.toml")
    extra = target.row.wheel.extra
    wanted = {str(Requirement(text)) for text in target.project["project"]["dependencies"]}
    if extra:
        wanted |= {str(Requirement(f'{text}; extra == "{extra.name}"')) for text in extra.requirements}
    found = {str(need) for need in metadata.requires_dist or []}
    for text in sorted(found ^ wanted):
        unknown = f"neither in pyproject.toml nor in wheel.extra of the row {target.row.name}"
        yield Finding(where, f"Requires-Dist: {text} is {unknown if text in found else 'missing'}")
    extras = {extra.name} if extra else set()
    for name in sorted(extras ^ set(metadata.provides_extra or [])):
        unknown = f"not wheel.extra of the row {target.row.name}"
        yield Finding(where, f"Provides-Extra: {name} is {'missing' if name in extras else unknown}")
    for need in metadata.requires_dist or []:
        if need.url:
            yield Finding(where, f"Requires-Dist: {need} is an address, which an index refuses: name a version")
    if metadata.description_content_type != "text/markdown" or not metadata.description:
        yield Finding(where, "has no description in Markdown: see readme in pyproject.toml")
    elif markdown.render(metadata.description) is None:
        yield Finding(where, "has a description that an index cannot render: mend README.md")


def _licence_metadata(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    where = f"{wheel.dist_info}/METADATA"
    headers = BytesParser().parsebytes(wheel.read(where), headersonly=True)
    expression = headers.get("License-Expression")
    try:
        canonicalize_license_expression(expression or "")
    except InvalidLicenseExpression:
        yield Finding(where, f"License-Expression: {expression} is no SPDX expression: see license in pyproject.toml")
    told = set(headers.get_all("License-File", []))
    for path in sorted(told ^ set(wheel.licences)):
        yield Finding(where, f"License-File: {path} is {'not in the wheel' if path in told else 'missing'}")


def _installation(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    where = f"{wheel.dist_info}/WHEEL"
    headers = BytesParser().parsebytes(wheel.read(where), headersonly=True)
    # A pure one goes to where no compiled module is looked for, on the systems that tell them apart.
    for name, value in {"Wheel-Version": "1.0", "Root-Is-Purelib": "false"}.items():
        told = headers.get_all(name, [])
        if told != [value]:
            yield Finding(where, f"says {name}: {', '.join(told) or 'nothing'}, and it is to be {value}")
    if not headers.get("Generator"):
        yield Finding(where, "does not say what made it: Generator is missing")
    where = f"{wheel.dist_info}/entry_points.txt"
    points = ConfigParser(delimiters="=", interpolation=None)
    # Names of commands are as they are written.
    points.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        points.read_string(wheel.read(where).decode())
    except ConfigParserError as error:
        yield Finding(where, f"cannot be read ({error}): build the wheel again")
        return
    found = {(group, *point) for group in points.sections() for point in points.items(group)}
    wanted = {("console_scripts", *point) for point in target.project["project"]["scripts"].items()}
    for group, name, value in sorted(found ^ wanted):
        what = "missing" if (group, name, value) in wanted else "not in project.scripts of pyproject.toml"
        yield Finding(where, f"{group}: {name} = {value} is {what}")


TAG = Rule("tag and label", "file name, tag and version are the row's, so that installers choose rightly", _tag)
METADATA = Rule(
    "metadata", "an index takes and shows it, and it asks for what pyproject.toml and the row do", _metadata
)
LICENCE_METADATA = Rule(
    "licence metadata", "the expression is SPDX, and names the files that are there", _licence_metadata
)
INSTALLATION = Rule("installation", "installers put it where it belongs, with its command", _installation)
GATES = (TAG, METADATA, LICENCE_METADATA, INSTALLATION)
