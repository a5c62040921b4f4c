"""Tests of convert_open_data.py on made-up rows: python3 -m unittest discover tools"""

import contextlib
import csv
import gzip
import io
import json
import tempfile
import unittest
from pathlib import Path

import convert_open_data as tool

PARTICIPATION = {
    "projectID": "100001", "projectAcronym": "ALPHA", "organisationID": "7", "name": "LOOM LTD",
    "shortName": "", "SME": "False", "activityType": "PRC", "city": "ATHINA", "postCode": "",
    "country": "EL", "geolocation": "37.98381001,23.727539", "organizationURL": "http://loom.test",
    "role": "coordinator", "ecContribution": "1",
}  # fmt: skip
CALL = {
    "topicId": "TEST-1", "title": "Looms " + "word " * 40, "programme": "Weaving Europe",
    "callIdentifier": "TEST", "deadline": "2026-03-17",
    "keywords": "TEST-1, TEST, Textile industry",
    "portalUrl": "https://portal.test/test-1", "callTitle": "", "typesOfAction": "",
    "description": "<p>Scope:Costs &lt;5 %\x07 &amp; more.</p><b>Next</b> " + "thread " * 900,
}  # fmt: skip
MENTOR = {
    "id": "mentor-900", "title": "Weaver", "description": "", "country": "AT",
    "languages": [], "tags": ["looms", "yarn"],
}  # fmt: skip
COMPANY = {
    "name": "Loom.io", "url": "https://loom.test/", "country": "BE", "category": "Cloud",
    "description": "Looms as a service.",
}  # fmt: skip
CONFERENCE = {
    "year": 2999, "name": "Loom Days", "url": "https://loomdays.test", "startDate": "2999-07-01",
    "endDate": "2999-07-02", "city": "Vienna", "country": "Austria", "topics": ["iot", "rust"],
}  # fmt: skip


def write_csv(path: Path, rows: list[dict]) -> None:
    """A CSV pack file with the columns of the first row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def write_jsonl(path: Path, rows: list[dict]) -> None:
    """A JSON Lines pack file, compressed where its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


class ConvertOpenData(unittest.TestCase):
    """Each test fills a folder with the packs it needs and reads what the command writes."""

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.report = ""

    def run_tool(self, *flags: str) -> dict[str, dict]:
        """Run the command; the records by key, in the order of the file."""
        out, report = self.folder / "out.jsonl", io.StringIO()
        with contextlib.redirect_stderr(report):
            tool.main([str(self.folder), str(out), *flags])
        self.report = report.getvalue()
        records = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
        return {record["key"]: record for record in records}

    def conferences(self, *changes: dict, flags: tuple[str, ...] = ()) -> list[dict]:
        """The events that come of the made-up conference with these changes, one each."""
        rows = [
            {**CONFERENCE, "url": f"https://loomdays.test/{number}", **change}
            for number, change in enumerate(changes)
        ]
        write_jsonl(self.folder / "tech_events/conferences.jsonl", rows)
        return [item for item in self.run_tool(*flags).values() if item["record"] == "event"]

    def organisation(self, *changes: dict) -> dict:
        """The profile that comes of the made-up participation with these changes, a row each."""
        rows = [{**PARTICIPATION, **change} for change in changes]
        write_csv(self.folder / "cordis/h2020_org_participations.csv", rows)
        return self.run_tool()["cordis:org:7"]

    def test_participations_become_one_profile_with_cases(self) -> None:
        profile = self.organisation({}, {"projectID": "100002", "projectAcronym": "BETA",
                                         "role": "thirdParty", "SME": "True"})  # fmt: skip
        titles = [case["title"]["en"] for case in profile["track_record"]]
        self.assertEqual(titles, ["ALPHA (coordinator)", "BETA (third party)"])
        self.assertEqual(profile["kind"], "startup")
        self.assertEqual(profile["country"], "GR")
        self.assertEqual(profile["languages"], ["el", "en"])
        self.assertEqual(profile["location"], {"lat": 37.98381, "lon": 23.727539})
        self.assertEqual(
            profile["summary"]["en"],
            "Small or medium-sized company in Athina. "
            "Took part in the Horizon 2020 projects ALPHA, BETA.",
        )

    def test_an_organisation_not_marked_as_sme_is_no_startup(self) -> None:
        profile = self.organisation({"country": "UK", "activityType": "HES"})
        self.assertEqual((profile["kind"], profile["country"]), ("organisation", "GB"))
        self.assertTrue(profile["summary"]["en"].startswith("Higher education institution in"))

    def test_absent_or_insecure_values_are_left_out(self) -> None:
        profile = self.organisation({"geolocation": "", "city": ""})
        for field in ("location", "city", "website"):
            self.assertNotIn(field, profile)

    def test_track_record_is_limited(self) -> None:
        many = [{"projectID": str(number), "projectAcronym": f"P{number}"} for number in range(70)]
        profile = self.organisation(*many)
        self.assertEqual(len(profile["track_record"]), 50)
        self.assertLessEqual(len(profile["summary"]["en"]), 300)

    def test_call_becomes_funding_with_deadline_and_clean_text(self) -> None:
        write_jsonl(self.folder / "cordis/eu_calls.jsonl.gz", [CALL])
        records = self.run_tool()
        offering = records["call:TEST-1"]
        self.assertIn(offering["profile"], list(records)[: list(records).index("call:TEST-1")])
        self.assertEqual((offering["type"], offering["closes_on"]), ("funding", "2026-03-17"))
        title, text = offering["title"]["en"], offering["description"]["en"]
        self.assertLessEqual(len(title), 160)
        self.assertTrue(title.endswith("word…"), title)
        self.assertLessEqual(len(text), 4000)
        self.assertTrue(text.endswith(" thread…"), text[-20:])
        self.assertTrue(text.startswith("Title: Looms word"), "the full title opens the text")
        self.assertIn("\nKeywords: Textile industry\n", text)
        self.assertIn("Scope: Costs <5 % & more. Next thread", text)

    def test_mentor_is_named_by_title_and_number(self) -> None:
        elsewhere = {**MENTOR, "id": "mentor-901", "country": "EU"}
        write_jsonl(self.folder / "mentors/mentors.jsonl", [MENTOR, elsewhere])
        records = self.run_tool()
        profile = records["coding-coach:mentor-900"]
        self.assertEqual(profile["name"], "Weaver (mentor-900)")
        self.assertEqual(profile["summary"]["en"], "Volunteer mentor: Weaver")
        self.assertEqual(profile["description"]["en"], "Weaver\nTopics: looms, yarn")
        self.assertEqual(profile["languages"], ["en"])
        self.assertNotIn("track_record", profile)
        self.assertNotIn("coding-coach:mentor-901", records)
        self.assertIn("1 mentors: left out, country EU", self.report)

    def test_company_under_two_categories_is_one_profile(self) -> None:
        rows = [COMPANY, {**COMPANY, "category": "AI", "description": ""},
                {**COMPANY, "name": "Both", "country": "FRDE"}]  # fmt: skip
        write_csv(self.folder / "eu_tech_orgs/eu_tech_orgs.csv", rows)
        records = self.run_tool()
        profile = records["eu-tech:loom-io-be"]
        self.assertEqual(profile["summary"]["en"], "Looms as a service.")
        self.assertTrue(profile["description"]["en"].endswith("Listed under: Cloud; AI"))
        self.assertEqual(profile["languages"], ["de", "fr", "nl", "en"])
        self.assertEqual(len(records), 3, "the company and the two publishers")

    def test_conference_keeps_local_hours_in_its_zone(self) -> None:
        texan = {"country": "U.S.A.", "city": "Austin, TX", "startDate": "2999-01-07"}
        vienna, austin = self.conferences({}, texan)
        self.assertEqual((vienna["zone"], vienna["format"]), ("Europe/Vienna", "on_site"))
        self.assertEqual(vienna["starts_at"], "2999-07-01T07:00:00Z")
        self.assertEqual(vienna["ends_at"], "2999-07-02T16:00:00Z")
        self.assertEqual(vienna["venue"], {"city": "Vienna", "country": "AT"})
        self.assertEqual(austin["zone"], "America/Chicago")
        self.assertEqual(austin["starts_at"], "2999-01-07T15:00:00Z")
        self.assertEqual(
            vienna["description"]["en"],
            "Conference on Internet of Things, rust in Vienna, Austria (on-site), "
            "2999-07-01 to 2999-07-02.",
        )

    def test_conference_without_known_country_counts_only_online(self) -> None:
        nowhere = {"country": "Atlantis", "city": "Poseidonis"}
        online, hybrid = self.conferences(nowhere, {**nowhere, "online": True}, {"online": True})
        self.assertEqual((online["format"], online["zone"]), ("online", "Etc/UTC"))
        self.assertNotIn("venue", online)
        self.assertEqual((hybrid["format"], hybrid["venue"]["city"]), ("hybrid", "Vienna"))
        self.assertIn("1 conferences: left out, country Atlantis", self.report)

    def test_conference_title_is_in_its_own_language(self) -> None:
        german, both = self.conferences({"locales": "DE"}, {"locales": "JP, EN"})
        self.assertEqual((german["title"], german["languages"]), ({"de": "Loom Days"}, ["de"]))
        self.assertEqual((both["title"], both["languages"]), ({"en": "Loom Days"}, ["ja", "en"]))

    def test_past_conferences_need_the_flag(self) -> None:
        past = {"startDate": "2013-02-07", "endDate": "2013-02-09"}
        self.assertEqual(self.conferences(past), [])
        self.assertIn("1 conferences: left out, past", self.report)
        self.assertEqual(len(self.conferences(past, flags=("--past",))), 1)

    def test_two_records_with_one_key_are_refused_and_nothing_is_replaced(self) -> None:
        (self.folder / "out.jsonl").write_text("before", "utf-8")
        write_jsonl(self.folder / "mentors/mentors.jsonl", [MENTOR, MENTOR])
        with self.assertRaises(SystemExit) as refusal:
            self.run_tool()
        self.assertIn("coding-coach:mentor-900", str(refusal.exception))
        self.assertEqual((self.folder / "out.jsonl").read_text("utf-8"), "before")

    def test_absent_packs_are_named_and_every_source_is_credited(self) -> None:
        self.assertEqual(list(self.run_tool()), [tool.PORTAL, tool.CONFERENCES])
        self.assertEqual(self.report.count("is absent"), 5)
        for notice in tool.NOTICES:
            self.assertIn(notice, self.report)

    def test_a_missing_folder_is_an_error(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit) as refusal:
            tool.main([str(self.folder / "none"), str(self.folder / "out.jsonl")])
        self.assertEqual(refusal.exception.code, 2)


class Clean(unittest.TestCase):
    """The rules for every text, at their edges."""

    def test_limit_is_kept_at_a_word_boundary(self) -> None:
        self.assertEqual(tool.clean("one two", 7), "one two")
        self.assertEqual(tool.clean("one two three", 9), "one two…")
        self.assertEqual(tool.clean("x" * 30, 10), "x" * 9 + "…")

    def test_only_real_tags_are_stripped(self) -> None:
        text = 'c\'t <webdev>, <a href="x">5 < 6</a><br/>'
        self.assertEqual(tool.clean(text, 99), "c't <webdev>, 5 < 6")

    def test_invisible_characters_go_and_joined_emoji_stay(self) -> None:
        text = "a\u202eb\x00c\u00ad \u200b👩\u200d💻\ufddf"
        self.assertEqual(tool.clean(text, 99), "abc 👩\u200d💻")

    def test_only_secure_addresses_pass(self) -> None:
        self.assertEqual(tool.https(" https://a.test/b?c "), "https://a.test/b?c")
        for address in ("http://a.test", "www.a.test", "https://", "https://a b.test", None):
            self.assertIsNone(tool.https(address))


if __name__ == "__main__":
    unittest.main()
