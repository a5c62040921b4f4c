#!/usr/bin/env python3
"""Turn the ESCO pack into corpora for `aihub evaluate`: does a description find its translation?

    python3 tools/cross_language.py DATA_DIR OUT_DIR [PAIR...]

Writes OUT_DIR/classification.csv, the classification without the occupations that are asked about,
in the form of `aihub vocabulary import`; and for each PAIR of languages, such as `de-en`, a folder
in the form of BEIR: descriptions in the first language ask for the same occupation in the second.
Labels are left out of both, so nothing but the descriptions can tell. Needs Python 3.11 and its
standard library only.
"""

import csv
import gzip
import json
import random
import sys
from pathlib import Path

HELD_OUT = 300
SEED = 2026
PAIRS = ["de-en", "fr-en", "pl-en", "el-en", "en-de"]
COLUMNS = ["key", "parent", "language", "label", "alternatives", "description"]

Occupations = dict[str, dict]


def occupations(pack: Path, language: str) -> Occupations:
    """The occupations of one language by their URI."""
    with gzip.open(pack / f"occupations_{language}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return {row["uri"]: row for row in map(json.loads, lines)}


def held_out(uris: list[str]) -> list[str]:
    """The occupations that are asked about: drawn by a fixed seed."""
    return sorted(random.Random(SEED).sample(sorted(uris), min(HELD_OUT, len(uris) // 2)))


def write_classification(path: Path, by_language: dict[str, Occupations], asked: set[str]) -> None:
    """All occupations but those that are asked about."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for language, rows in by_language.items():
            for uri, row in rows.items():
                if uri not in asked:
                    alternatives = "|".join(label.replace("|", " ") for label in row["alt"])
                    table.writerow([uri, "", language, row["label"], alternatives, row["description"]])


def write_corpus(folder: Path, asking: Occupations, sought: Occupations, languages: list[str], asked: list[str]) -> None:
    """One question and one document for each occupation."""
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    for name, rows, language in zip(["queries", "corpus"], [asking, sought], languages, strict=True):
        with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            for uri in asked:
                record = {"_id": uri, "text": rows[uri]["description"], "metadata": {"language": language}}
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
    judgements = "".join(f"{uri}\t{uri}\t1\n" for uri in asked)
    (folder / "qrels/test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judgements}", encoding="utf-8")


def main(arguments: list[str]) -> None:
    if len(arguments) < 2:
        sys.exit(__doc__)
    pack, out = Path(arguments[0], "esco"), Path(arguments[1])
    if not pack.is_dir():
        sys.exit(f"{pack} is not there, so there is nothing to do")
    pairs = [pair.split("-") for pair in arguments[2:] or PAIRS]
    names = sorted(path.name.removeprefix("occupations_")[:2] for path in pack.glob("occupations_*.jsonl.gz"))
    by_language = {language: occupations(pack, language) for language in names}
    asked = held_out(list(by_language["en"]))
    out.mkdir(parents=True, exist_ok=True)
    write_classification(out / "classification.csv", by_language, set(asked))
    for first, second in pairs:
        write_corpus(out / f"{first}-{second}", by_language[first], by_language[second], [first, second], asked)
    kept = len(by_language["en"]) - len(asked)
    print(f"{len(asked)} occupations are asked about, {kept} are left as meeting points", file=sys.stderr)
    print("This service uses the ESCO classification of the European Commission.", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
