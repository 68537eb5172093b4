"""What a board has to time for a narrow stage: files of single operators, in one archive."""

import io
import json
import zipfile
from collections.abc import Sequence

from compress.evaluate.timings import key_of
from compress.narrow.latency import families
from compress.narrow.operators import Operator

LIST = "operators.json"


def archive(operators: Sequence[Operator]) -> bytes:
    """A zip of a .tflite for each family and width that ``latency`` needs, and LIST, which says which is which.

    Equal operators give equal bytes.
    """
    content = io.BytesIO()
    entries: list[dict[str, object]] = []
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for family, each in families(operators).items():
            for widths in each.points:
                model, copies = each.operator.file(widths)
                name = f"{len(entries):04}.tflite"
                entries.append({"file": name, "family": family, "widths": key_of(widths), "copies": copies})
                file.writestr(zipfile.ZipInfo(name), model, zipfile.ZIP_DEFLATED)
        file.writestr(zipfile.ZipInfo(LIST), json.dumps(entries, indent=1), zipfile.ZIP_DEFLATED)
    return content.getvalue()
