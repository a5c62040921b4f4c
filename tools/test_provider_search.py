"""Tests of provider_search.py on made-up rows: python3 -m unittest discover tools"""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path

import provider_search as tool
from test_convert_open_data import PARTICIPATION, write_csv

PROJECT = {
    "reference_id": "project-1", "title": "LOOM: A better loom", "description": "Weaving. " * 30,
    "funded_under": "Weaving Programme", "area": "CIP.2009.1.1 - Looms: for all",
}  # fmt: skip


def numbers(*, held_out: bool) -> list[str]:
    """Some project numbers that are asked about, or are not."""
    return [str(n) for n in range(100) if tool.is_held_out(str(n)) == held_out]


ASKED, DONE = numbers(held_out=True), numbers(held_out=False)


class ProviderSearch(unittest.TestCase):
    """Each test fills a folder with rows and reads what the command writes."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data, self.out = Path(folder.name, "data"), Path(folder.name, "out")
        self.data.mkdir()

    def run_tool(self) -> str:
        """The command's report."""
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            tool.main([str(self.data), str(self.out)])
        return said.getvalue()

    def lines(self, corpus: str, name: str) -> dict[str, dict]:
        """The records of a file by id."""
        text = (self.out / corpus / name).read_text(encoding="utf-8")
        return {record["_id"]: record for record in map(json.loads, text.splitlines())}

    def judged(self, corpus: str, split: str = "test") -> list[tuple[str, str]]:
        """Pairs of query and document, in order."""
        text = (self.out / corpus / f"qrels/{split}.tsv").read_text(encoding="utf-8")
        return sorted(tuple(line.split("\t")[:2]) for line in text.splitlines()[1:])

    def participations(self, projects: dict[str, str]) -> None:
        """Projects by number with the letters of their partners; the first leads."""
        rows = [
            PARTICIPATION | {
                "projectID": number, "projectAcronym": f"P{number}", "organisationID": letter,
                "name": f"Firm {letter}", "role": "participant" if place else "coordinator",
            }
            for number, letters in projects.items() for place, letter in enumerate(letters)
        ]  # fmt: skip
        write_csv(self.data / "cordis/h2020_org_participations.csv", rows)

    def test_half_of_a_consortium_asks_for_the_other_half(self) -> None:
        self.participations({ASKED[0]: "abcdef", DONE[0]: "ag", ASKED[1]: "abc"})
        report = self.run_tool()
        self.assertIn("consortia: 1 questions to 7 providers (2 with a case), 3 relevant", report)
        [query] = self.lines("consortia-before", "queries.jsonl").values()
        known = query["metadata"]["exclude"]
        self.assertEqual(known[0], "a", "the coordinator asks")
        sought = {document for _, document in self.judged("consortia-before")}
        self.assertEqual(sorted([*known, *sought]), list("abcdef"))
        self.assertEqual(len(sought), 3)
        for letter in "abcdef":
            self.assertEqual(f"Firm {letter}" in query["text"], letter in known)

    def test_only_other_projects_are_cases_and_only_afterwards(self) -> None:
        self.participations({ASKED[0]: "abcdef", DONE[0]: "ag"})
        self.run_tool()
        before = self.lines("consortia-before", "corpus.jsonl")
        after = self.lines("consortia-after", "corpus.jsonl")
        self.assertFalse(any("cases" in record["metadata"] for record in before.values()))
        self.assertEqual(
            after["a"]["metadata"]["cases"], [{"title": f"P{DONE[0]}", "text": "Firm g"}]
        )
        self.assertEqual(after["b"]["metadata"]["cases"], [])
        self.assertNotIn(f"P{ASKED[0]}", json.dumps(list(after.values())))
        self.assertEqual(after["a"]["metadata"]["country"], "GR")

    def test_splits_part_those_with_a_case_from_those_without(self) -> None:
        self.participations({ASKED[0]: "abcdef", DONE[0]: "abcdef"})
        self.run_tool()
        self.assertEqual(
            self.judged("consortia-after", "experienced"), self.judged("consortia-after")
        )
        self.assertEqual(self.judged("consortia-after", "newcomers"), [])

    def test_a_project_looks_for_its_objective(self) -> None:
        projects = [
            PROJECT | {"reference_id": ASKED[0]},
            PROJECT | {"reference_id": DONE[0], "area": "CIP.2010.1.1 - looms, for all"},
            PROJECT | {"reference_id": DONE[1], "area": "T1 - Yarn"},
            PROJECT | {"reference_id": ASKED[1], "description": "Short."},
            PROJECT | {"reference_id": ASKED[2], "area": ""},
        ]
        write_csv(self.data / "cordis/cip_ict_psp_projects.csv", projects)
        self.assertIn("objectives: 1 questions to 2 providers (2 with a case)", self.run_tool())
        self.assertEqual(self.judged("objectives-after"), [(ASKED[0], "looms-for-all")])
        query = self.lines("objectives-after", "queries.jsonl")[ASKED[0]]
        self.assertEqual(query["title"], "A better loom")
        document = self.lines("objectives-after", "corpus.jsonl")["looms-for-all"]
        self.assertEqual(document["title"], "Looms: for all")
        self.assertEqual(document["text"], "Weaving Programme")
        self.assertEqual(len(document["metadata"]["cases"]), 1, "the one that asks is no case")

    def test_absent_packs_are_skipped_with_a_message(self) -> None:
        report = self.run_tool()
        self.assertIn("h2020_org_participations.csv is absent", report)
        self.assertIn("objectives: nothing to ask", report)
        self.assertFalse(self.out.exists())


if __name__ == "__main__":
    unittest.main()
