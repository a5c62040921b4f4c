"""Tests of cross_language.py on made-up rows: python3 -m unittest discover tools"""

import contextlib
import csv
import gzip
import io
import json
import tempfile
import unittest
from pathlib import Path

import cross_language as tool

LANGUAGES = ["de", "en"]
COUNT = 20


def rows(language: str) -> list[dict]:
    """Occupations that say their language."""
    return [
        {"uri": f"u{n:02}", "isco": "1", "label": f"{language} label {n}", "alt": ["a|b", "c"], "description": f"{language} {n}"}
        for n in range(COUNT)
    ]


class CrossLanguage(unittest.TestCase):
    """Each test writes a small pack and reads what the command makes of it."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data, self.out = Path(folder.name), Path(folder.name, "out")
        (self.data / "esco").mkdir()
        for language in LANGUAGES:
            with gzip.open(self.data / f"esco/occupations_{language}.jsonl.gz", "wt", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows(language))
        with contextlib.redirect_stderr(io.StringIO()):
            tool.main([str(self.data), str(self.out), "de-en"])

    def records(self, name: str) -> list[dict]:
        """The lines of a file of the corpus."""
        text = (self.out / "de-en" / f"{name}.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def test_what_is_asked_about_is_no_meeting_point(self) -> None:
        asked = {record["_id"] for record in self.records("queries")}
        with (self.out / "classification.csv").open(encoding="utf-8", newline="") as file:
            kept = [row for row in csv.DictReader(file)]
        self.assertEqual(len(asked), COUNT // 2)
        self.assertFalse(asked & {row["key"] for row in kept})
        self.assertEqual({row["language"] for row in kept}, set(LANGUAGES))
        self.assertEqual(kept[0]["alternatives"], "a b|c")

    def test_a_question_is_a_description_and_its_answer_the_same_in_the_other_language(self) -> None:
        questions, documents = self.records("queries"), self.records("corpus")
        self.assertTrue(all(record["text"].startswith("de ") for record in questions))
        self.assertTrue(all(record["text"].startswith("en ") for record in documents))
        judged = (self.out / "de-en/qrels/test.tsv").read_text(encoding="utf-8").splitlines()[1:]
        self.assertEqual([line.split("\t")[0] for line in judged], [record["_id"] for record in questions])


if __name__ == "__main__":
    unittest.main()
