"""The store in Croissant, MLCommons' JSON-LD for data sets: its files, and the table of studies and splits.

Croissant 1.0, <http://mlcommons.org/croissant/1.0>: `mlcroissant` validates it and reads the records of `splits.csv`.
Shards are named as a set of files: their rows are Arrow streams, which `mmdx` and Hugging Face `datasets` read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdx import __version__

CROISSANT = "croissant.json"
SPLITS_FILE = "splits.csv"
_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the specification recommends, word for word."""
_COLUMNS = {
    "study_id": "One exam of one patient.",
    "patient_id": "Whose exam it is; all studies of a patient are in one split.",
    "split": "train, val or test.",
}


def write_croissant(out: Path, description: Mapping[str, Any], licence: str) -> None:
    """Writes `croissant.json` beside the shards and `splits.csv` in `out`."""
    content = croissant(description, licence, splits=(out / SPLITS_FILE).read_bytes())
    (out / CROISSANT).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def croissant(description: Mapping[str, Any], licence: str, *, splits: bytes) -> dict[str, Any]:
    """The JSON-LD of a store, of which `splits` is the content of `splits.csv`."""
    modalities = ", ".join(f"{name} ({facts['kind']})" for name, facts in description["modalities"].items())
    return {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "name": f"mmdx-{description['reader']}-{description['fingerprint'][:12]}".replace("_", "-"),
        "description": f"{description['studies']} studies of {description['patients']} patients: {modalities}. "
        f"Findings: {', '.join(description['findings']) or 'none'}. Prepared by mmdx {__version__}; card.md says more.",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": licence,
        "distribution": [_splits_file(splits), _shards()],
        "recordSet": [_studies()],
    }


def _splits_file(content: bytes) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": SPLITS_FILE,
        "name": SPLITS_FILE,
        "description": "The split of every study.",
        "contentUrl": SPLITS_FILE,
        "contentSize": f"{len(content)} B",
        "encodingFormat": "text/csv",
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _shards() -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": "shards",
        "name": "shards",
        "description": "Arrow streams, one row per study: pixels, reports, labels, order certificates.",
        "encodingFormat": "application/vnd.apache.arrow.stream",
        "includes": "shard-*.arrow",
    }


def _studies() -> dict[str, Any]:
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"studies/{column}",
            "name": column,
            "description": meaning,
            "dataType": "sc:Text",
            "source": {"fileObject": {"@id": SPLITS_FILE}, "extract": {"column": column}},
        }
        for column, meaning in _COLUMNS.items()
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": "studies",
        "name": "studies",
        "description": "Every study of the store, its patient and its split.",
        "key": {"@id": "studies/study_id"},
        "field": fields,
    }
