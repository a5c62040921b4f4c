#!/usr/bin/env python3
"""Turn the CORDIS pack into four corpora for `aihub evaluate`: is a provider found, and does its
track record help?

    python3 tools/provider_search.py DATA_DIR OUT_DIR

Writes OUT_DIR/<question>-<variant>, each a folder in the form of BEIR. The questions are
`consortia` (which organisations complete this consortium?) and `objectives` (which funding
objective does this project belong to?). In the variant `before` a provider is what it says of
itself; in `after` it also has past projects as cases. Queries and judgements of both variants are
the same, so their runs can be compared; beside `test`, the split `experienced` judges providers
with a case only, and `newcomers` those without. What is asked, and why not more, is in the README
beside this file. Needs Python 3.11 and its standard library only.
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from convert_open_data import ACTIVITIES, NOTICES, Row, Skip, clean, grouped, iso_country, read_rows

PARTNERS = 5  # a consortium of fewer is not asked about
DESCRIPTION = 200  # a project described in fewer characters is not asked about
LONGEST = 6000  # characters of a text, as the service allows a profile
ONE_IN = 3  # one project in so many is held out: asked about, and nobody's case


@dataclass
class Provider:
    """A document: what somebody says of himself, and what he did."""

    id: str
    title: str
    text: str
    cases: list[dict[str, str]]
    country: str | None = None

    def line(self, *, with_cases: bool) -> dict:
        """The provider as a line of corpus.jsonl."""
        metadata = {"language": "en", "country": self.country}
        if with_cases:
            metadata["cases"] = self.cases
        return {"_id": self.id, "title": self.title, "text": self.text, "metadata": metadata}


@dataclass
class Question:
    """A query, and which providers answer it."""

    id: str
    title: str
    text: str
    relevant: list[str]
    known: tuple[str, ...] = ()  # providers that ask, and so are no answer
    country: str | None = None

    def line(self) -> dict:
        """The question as a line of queries.jsonl."""
        metadata = {"language": "en", "country": self.country, "exclude": self.known}
        return {"_id": self.id, "title": self.title, "text": self.text, "metadata": metadata}


def number_of(*parts: str) -> int:
    """A number that looks random and is always the same for the same parts."""
    return int.from_bytes(hashlib.sha256("/".join(parts).encode()).digest()[:8])


def is_held_out(project: str) -> bool:
    """Whether a project is asked about, and so is left out of every track record."""
    return number_of("held out", project) % ONE_IN == 0


def country_of(row: Row) -> str | None:
    """The ISO 3166-1 code, where there is one."""
    try:
        return iso_country(row["country"])
    except Skip:
        return None


def names(rows: Iterable[Row]) -> str:
    """The names of some organisations, each once."""
    return "; ".join(dict.fromkeys(clean(row["name"], LONGEST) for row in rows))


def consortium(rows: list[Row]) -> Question | None:
    """Half of a project's partners, its coordinator among them, look for the other half."""
    partners = list({row["organisationID"]: row for row in reversed(rows)}.values())
    project = rows[0]["projectID"]
    if len(partners) < PARTNERS or not is_held_out(project):
        return None
    leads = {row["organisationID"] for row in rows if row["role"] == "coordinator"}
    ids = [row["organisationID"] for row in partners]
    ids.sort(key=lambda id_: (id_ not in leads, number_of(project, id_)))
    known, sought = ids[: len(ids) // 2], ids[len(ids) // 2 :]
    asking = [row for row in partners if row["organisationID"] in known]
    [first] = [row for row in asking if row["organisationID"] == known[0]]
    text = f"{first['projectAcronym']}: {names(asking)}"
    return Question(f"project-{project}", "", text, sought, tuple(known), country_of(first))


def organisation(rows: list[Row], partners_of: dict[str, list[Row]]) -> Provider:
    """An organisation as it is registered; its cases are its projects, with whom it did them."""
    first, cases = rows[0], {}
    what = ACTIVITIES.get(first["activityType"], "Organisation")
    where = " in ".join(filter(None, [what, clean(first["city"], LONGEST).title()]))
    said = [clean(first["shortName"], LONGEST), where]
    for row in rows:
        project, own = row["projectID"], row["organisationID"]
        others = [partner for partner in partners_of[project] if partner["organisationID"] != own]
        if not is_held_out(project):
            cases[project] = {"title": row["projectAcronym"], "text": names(others)}
    return Provider(
        first["organisationID"], clean(first["name"], LONGEST), ". ".join(filter(None, said)) + ".",
        list(cases.values()), country_of(first),
    )  # fmt: skip


def consortia(folder: Path) -> tuple[list[Provider], list[Question]]:
    """Organisations of Horizon 2020 projects, and the consortia that they complete."""
    rows = read_rows(folder / "cordis/h2020_org_participations.csv")
    projects = grouped(rows, "projectID")
    partners_of = {partners[0]["projectID"]: partners for partners in projects}
    providers = [organisation(of, partners_of) for of in grouped(rows, "organisationID")]
    return providers, [asked for asked in map(consortium, projects) if asked]


def objective_of(row: Row) -> str:
    """The words of a funding objective without its number, which differs from call to call."""
    return clean(row["area"].split(" - ", 1)[-1], LONGEST)


def objectives(folder: Path) -> tuple[list[Provider], list[Question]]:
    """Funding objectives with the projects that they paid for, and projects that seek theirs."""
    providers: dict[str, Provider] = {}
    questions = []
    for row in read_rows(folder / "cordis/cip_ict_psp_projects.csv"):
        words = objective_of(row)
        key = re.sub(r"[\W_]+", "-", words.casefold()).strip("-")
        if not key:
            continue
        programme = clean(row["funded_under"], LONGEST)
        provider = providers.setdefault(key, Provider(key, words, programme, []))
        title = clean(row["title"].split(": ", 1)[-1], LONGEST)
        description = clean(row["description"], LONGEST)
        if not is_held_out(row["reference_id"]):
            provider.cases.append({"title": title, "text": description})
        elif len(description) >= DESCRIPTION:
            questions.append(Question(row["reference_id"], title, description, [key]))
    return list(providers.values()), questions


def write_lines(path: Path, lines: Iterable[object]) -> None:
    """Lines of UTF-8: texts as they are, everything else as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            text = line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)
            file.write(text + "\n")


def write_corpus(
    folder: Path, providers: list[Provider], questions: list[Question], *, with_cases: bool
) -> None:
    """A folder in the form of BEIR with three splits of judgements."""
    done = {provider.id for provider in providers if provider.cases}
    write_lines(
        folder / "corpus.jsonl", (provider.line(with_cases=with_cases) for provider in providers)
    )
    write_lines(folder / "queries.jsonl", (question.line() for question in questions))
    judged = [(question.id, id_) for question in questions for id_ in question.relevant]
    splits = {
        "test": judged,
        "experienced": [pair for pair in judged if pair[1] in done],
        "newcomers": [pair for pair in judged if pair[1] not in done],
    }
    for split, pairs in splits.items():
        lines = (f"{question}\t{id_}\t1" for question, id_ in pairs)
        write_lines(folder / f"qrels/{split}.tsv", ["query-id\tcorpus-id\tscore", *lines])


def report(name: str, providers: list[Provider], questions: list[Question]) -> str:
    """What a question's corpora hold."""
    done = {provider.id for provider in providers if provider.cases}
    relevant = [id_ for question in questions for id_ in question.relevant]
    return (
        f"{name}: {len(questions)} questions to {len(providers)} providers ({len(done)} with a"
        f" case), {len(relevant)} relevant ({sum(id_ in done for id_ in relevant)} with a case)"
    )


def main(arguments: list[str] | None = None) -> None:
    """Write the corpora; say on standard error what they hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_dir", type=Path, metavar="DATA_DIR")
    parser.add_argument("out_dir", type=Path, metavar="OUT_DIR")
    options = parser.parse_args(arguments)
    if not options.data_dir.is_dir():
        parser.error(f"{options.data_dir} is not a folder")
    for name, build in {"consortia": consortia, "objectives": objectives}.items():
        providers, questions = build(options.data_dir)
        if not questions:
            print(f"{name}: nothing to ask", file=sys.stderr)
            continue
        for variant, with_cases in {"before": False, "after": True}.items():
            folder = options.out_dir / f"{name}-{variant}"
            write_corpus(folder, providers, questions, with_cases=with_cases)
        print(report(name, providers, questions), file=sys.stderr)
    print(NOTICES[0], file=sys.stderr)


if __name__ == "__main__":
    main()
