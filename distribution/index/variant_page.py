"""The index of the variants: what installers read that choose by the hardware, and the others as well."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from urllib.parse import quote

from index.ledger import Ledger
from index.simple_api import Attachment
from index.variants import variants_json


def descriptions(ledger: Ledger) -> dict[str, str]:
    """Return the texts that say what the variants of each version are, by their file names.

    They have to agree with what each wheel says of itself, and so come from the records alone: a row may have other
    properties by now.
    """
    found: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for each in ledger.variants:
        if each.variant:
            found[f"{each.project}-{each.version}-variants.json"][each.variant] = each.properties
    return {name: variants_json(dict(sorted(variants.items()))) for name, variants in sorted(found.items())}


def attachments(texts: dict[str, str]) -> Sequence[Attachment]:
    """Return how the page lists such texts, which lie beside it."""
    return [
        Attachment(name, quote(name), hashlib.sha256(text.encode()).hexdigest(), len(text.encode()))
        for name, text in texts.items()
    ]
