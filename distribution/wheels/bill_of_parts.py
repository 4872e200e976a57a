"""What is inside a wheel or an image, as a CycloneDX document."""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Iterable

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from wheels.compiled_in import Part

SCHEMA = SchemaVersion.V1_6


def component(name: str, version: str, url: PackageURL, licence: str = "") -> Component:
    """Describe one thing by what others say of it: the licence may be any text of its metadata."""
    # Some packages give their licence's whole text.
    licences = [LicenseFactory().make_from_string(licence)] if licence and "\n" not in licence else []
    return Component(
        type=ComponentType.LIBRARY, name=name, version=version, purl=url, bom_ref=str(url), licenses=licences
    )


def of_wheel(
    version: str, licence: str, created: datetime.datetime, facts: dict[str, str], parts: Iterable[Part]
) -> str:
    """Return the document of a wheel; the same arguments give the same text.

    Parameters
    ----------
    version : str
        The wheel's version, with its label.
    licence : str
        The wheel's licence expression.
    created : datetime
        When its sources were committed.
    facts : dict of str to str
        What else is to be said of the wheel: its row, its tag, the tool that built it.
    parts : iterable of Part
        What is compiled in.
    """
    url = PackageURL("pypi", None, "xllamacpp", version)
    wheel = Component(
        type=ComponentType.LIBRARY,
        name="xllamacpp",
        version=version,
        purl=url,
        bom_ref=str(url),
        licenses=[LicenseExpression(licence)],
        properties=[Property(name=f"xllamacpp:{name}", value=value) for name, value in facts.items()],
    )
    components = [_compiled(part) for part in parts]
    bom = Bom(components=components, serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"{url} {sorted(facts.items())}"))
    bom.metadata.timestamp = created
    return _text(bom, wheel, components)


def of_image(name: str, parts: Iterable[Component]) -> str:
    """Return the document of an image, whose version is that of the wheel in it."""
    parts = list(parts)
    version = next(part.version for part in parts if part.name == "xllamacpp")
    image = Component(type=ComponentType.CONTAINER, name=name, version=version, bom_ref="image")
    return _text(Bom(components=parts), image, parts)


def combined(licences: Iterable[str]) -> str:
    """Return one SPDX expression for all of some: where one leaves a choice that is taken already, it adds nothing."""
    every = {licence for licence in licences if licence}
    single = {licence for licence in every if not re.search(r"\s", licence)}
    choices = {licence for licence in every - single if not single & set(licence.split(" OR "))}
    return " AND ".join([*sorted(single), *(f"({licence})" for licence in sorted(choices))])


def _compiled(part: Part) -> Component:
    """Describe one thing that is compiled in."""
    licences = [LicenseExpression(part.licence)] if part.licence else []
    url = str(part.url)
    return Component(
        type=ComponentType.LIBRARY,
        name=part.name,
        version=part.version,
        purl=part.url,
        bom_ref=url,
        licenses=licences,
    )


def _text(bom: Bom, whole: Component, parts: Iterable[Component]) -> str:
    bom.metadata.component = whole
    bom.register_dependency(whole, parts)
    return make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string(indent=1) + "\n"
