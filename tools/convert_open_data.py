#!/usr/bin/env python3
"""Turn the open data packs into the import format: JSON Lines, one record a line.

    python3 tools/convert_open_data.py DATA_DIR OUT.jsonl [--past]

Needs Python 3.11 and its standard library only. What is left out, and why, is in the README
beside this file. A pack that is absent is skipped with a message.
"""

import argparse
import csv
import gzip
import hashlib
import json
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from functools import partial
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

Row = Record = dict[str, object]

NAME, SUMMARY, DESCRIPTION, CITY = 120, 300, 6000, 80  # limits of a profile, in characters
TITLE, TEXT, CASE_TITLE, CASES = 160, 4000, 200, 50  # of offerings and events; of track records

PORTAL, CONFERENCES = "portal:eu-funding-tenders", "tech-conferences"
# The profiles that calls and conferences hang on.
PUBLISHERS = [
    {"key": PORTAL, "name": "EU Funding & Tenders Portal",
     "summary": {"en": "Publishes the European Union's calls for proposals and prizes."},
     "website": "https://ec.europa.eu/info/funding-tenders/opportunities/portal/"},
    {"key": CONFERENCES, "name": "Technology conferences",
     "summary": {"en": "Conferences of the public list conference-data, not their organiser."},
     "website": "https://github.com/tech-conferences/conference-data"},
]  # fmt: skip
NOTICES = [
    "CORDIS / EU Funding & Tenders Portal, (c) European Union",
    "Mentor data: Coding-Coach/find-a-mentor (MIT), (c) 2019 Coding-Coach",
    "Awesome European Tech (MIT), (c) 2025 uscneps",
    "Conference data: tech-conferences/conference-data (MIT)",
]

# English country names as the conference list spells them, ISO code and zone ("Europe/" is left
# out). Where there are several zones: that of most conferences; PLACE_ZONES has the exceptions.
COUNTRY_ZONES = """
Argentina=AR America/Argentina/Buenos_Aires; Armenia=AM Asia/Yerevan; Australia=AU Australia/Sydney;
Austria=AT Vienna; Belarus=BY Minsk; Belgium=BE Brussels; Bosnia and Herzegovina=BA Sarajevo;
Brazil=BR America/Sao_Paulo; Bulgaria=BG Sofia; Canada=CA America/Toronto;
Chile=CL America/Santiago; China=CN Asia/Shanghai; Colombia=CO America/Bogota; Croatia=HR Zagreb;
Cyprus=CY Asia/Nicosia; Czech Republic=CZ Prague; Denmark=DK Copenhagen;
Dominican Republic=DO America/Santo_Domingo; Estonia=EE Tallinn; Finland=FI Helsinki;
France=FR Paris; Georgia=GE Asia/Tbilisi; Germany=DE Berlin; Greece=GR Athens;
Hong Kong=HK Asia/Hong_Kong; Hungary=HU Budapest; Iceland=IS Atlantic/Reykjavik;
India=IN Asia/Kolkata; Indonesia=ID Asia/Jakarta; Ireland=IE Dublin; Israel=IL Asia/Jerusalem;
Italy=IT Rome; Japan=JP Asia/Tokyo; Kenya=KE Africa/Nairobi; Korea=KR Asia/Seoul; Latvia=LV Riga;
Lithuania=LT Vilnius; Luxembourg=LU Luxembourg; Malaysia=MY Asia/Kuala_Lumpur; Malta=MT Malta;
Mexico=MX America/Mexico_City; Moldova=MD Chisinau; Nepal=NP Asia/Kathmandu;
Netherlands=NL Amsterdam; New Zealand=NZ Pacific/Auckland; Nigeria=NG Africa/Lagos;
North Macedonia=MK Skopje; Norway=NO Oslo; Peru=PE America/Lima; Philippines=PH Asia/Manila;
Poland=PL Warsaw; Portugal=PT Lisbon; Romania=RO Bucharest; Russia=RU Moscow; Scotland=GB London;
Serbia=RS Belgrade; Singapore=SG Asia/Singapore; Slovakia=SK Bratislava; Slovenia=SI Ljubljana;
South Africa=ZA Africa/Johannesburg; South Korea=KR Asia/Seoul; Spain=ES Madrid;
Sweden=SE Stockholm; Switzerland=CH Zurich; Taiwan=TW Asia/Taipei; Thailand=TH Asia/Bangkok;
Turkey=TR Istanbul; U.K.=GB London; U.S.A.=US America/New_York; Ukraine=UA Kyiv;
United Arab Emirates=AE Asia/Dubai
"""
# State suffixes ("Austin, TX") and cities that do not keep their country's zone above.
PLACE_ZONES = """
America/Los_Angeles=US/CA US/WA US/OR US/NV; America/Denver=US/CO US/UT US/NM US/MT;
America/Chicago=US/IL US/TX US/MN US/TN US/MO US/LA US/WI US/IA US/AL US/OK US/KS US/AR;
America/Phoenix=US/AZ; America/Vancouver=CA/Vancouver; Australia/Brisbane=AU/Brisbane;
Australia/Perth=AU/Perth; Asia/Novosibirsk=RU/Novosibirsk
"""


def parse_table(text: str) -> dict[str, list[str]]:
    """The `key=value value; …` tables of this file."""
    entries = (entry.strip().split("=") for entry in text.split(";"))
    return {key: values.split() for key, values in entries}


COUNTRIES = parse_table(COUNTRY_ZONES)
ZONE_OF_PLACE = {place: zone for zone, all_ in parse_table(PLACE_ZONES).items() for place in all_}

# Official EU languages that are a main language of a country; English is added for everyone.
MAIN_LANGUAGES = parse_table(
    "bg=BG; cs=CZ; da=DK FO; de=DE AT CH LI LU BE; el=GR CY; es=ES AR CL CO CR MX PE; et=EE; fi=FI;"
    "fr=FR BE LU CH CA NC; ga=IE; hr=HR; hu=HU; it=IT CH; lt=LT; lv=LV; mt=MT; nl=NL BE; pl=PL;"
    "pt=PT BR; ro=RO MD; sk=SK; sl=SI; sv=SE FI"
)
COUNTRY_ALIASES = {"EL": "GR", "UK": "GB"}  # the Commission's codes that ISO 3166-1 does not know

ACTIVITIES = {"PRC": "Company", "HES": "Higher education institution", "PUB": "Public body",
              "REC": "Research organisation"}  # fmt: skip
ROLES = {"thirdParty": "third party", "internationalPartner": "international partner"}
TOPICS = {
    "api": "APIs", "cfml": "ColdFusion", "cpp": "C++", "dotnet": ".NET", "golang": "Go",
    "general": "software and technology in general", "iot": "Internet of Things",
    "opensource": "open source", "product": "product management", "ux": "user experience",
    "sre": "site reliability engineering", "tech-comm": "technical communication",
}  # fmt: skip

# Known tags only: a conference is called "c't <webdev>".
TAG = re.compile(r"(?i)</?(p|br|div|[uo]l|li|table|t[rdh]|h[1-6]|[abiu]|em|strong|span)\b[^<>]*>")
# Controls, direction marks, surrogates, private use, noncharacters; not the joiner of emoji.
INVISIBLE = re.compile(
    "[\0-\x08\x0e-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ud800-\uf8ff"
    "\ufdd0-\ufdef\ufeff\ufffe\uffff]"
)
GLUED = re.compile(r"(?<=[a-z])([.:;])(?=[A-Z])")  # call texts lost the breaks between sentences


class Skip(Exception):
    """A row that cannot become a record; the text is the reason that is counted."""


def clean(text: object, limit: int, *, lines: bool = False) -> str:
    """Plain text of at most `limit` characters; on one line unless `lines` are to be kept.

    Longer texts end at a word boundary, with an ellipsis that counts towards the limit.
    """
    plain = TAG.sub(" ", unescape(str(text or "")))
    plain = INVISIBLE.sub("", unicodedata.normalize("NFC", plain))
    parts = [" ".join(line.split()) for line in plain.splitlines()]
    plain = ("\n" if lines else " ").join(filter(None, parts))
    if len(plain) <= limit:
        return plain
    words = plain[:limit].rsplit(None, 1)
    return (words[0] if len(words) == 2 else plain[: limit - 1]).rstrip(" ,;:-–") + "…"


def english(text: object, limit: int, *, lines: bool = False) -> dict[str, str] | None:
    """A multilingual text in English, or None where nothing is left of it."""
    plain = clean(text, limit, lines=lines)
    return {"en": plain} if plain else None


def record(type_: str, key: str, **fields: object) -> Record:
    """A record without its absent fields: the format knows no empty values."""
    known = {name: value for name, value in fields.items() if value not in (None, "", [], {})}
    return {"record": type_, "key": key, **known}


def iso_country(code: str) -> str:
    """ISO 3166-1 alpha-2 for a code as the packs write it."""
    code = COUNTRY_ALIASES.get(code, code)
    if not re.fullmatch("[A-Z]{2}", code) or code in ("EU", "XK"):  # reserved, user-assigned
        raise Skip(f"country {code or 'absent'}")
    return code


def languages_of(country: str) -> list[str]:
    """The country's main languages that are official EU languages, plus English."""
    main = [code for code, where in MAIN_LANGUAGES.items() if country in where]
    return [*main, "en"]


def https(url: object) -> str | None:
    """The address if it is an https one; others are dropped, never rewritten on a guess."""
    text = str(url or "").strip()
    return text if re.fullmatch(r"https://[^\s/?#@]+\.[^\s/?#@]+([/?#]\S*)?", text) else None


def publisher(row: Row) -> Record:
    """The format wants a country, and the conference list has none: both stand in Belgium."""
    return record("profile", kind="organisation", languages=["en"], country="BE", **row)


def cordis_organisation(rows: list[Row]) -> Record:
    """One organisation out of all of its participations in Horizon 2020 projects."""
    first, country = rows[0], iso_country(rows[0]["country"])
    small = any(row["SME"] == "True" for row in rows)
    town = clean(first["city"], CITY)
    town = town.title() if town.isupper() else town
    what = ACTIVITIES.get(first["activityType"], "Organisation")
    what = "Small or medium-sized company" if small and what == "Company" else what
    cases = dict.fromkeys((row["projectAcronym"] or row["projectID"], row["role"]) for row in rows)
    titles = [f"{project} ({ROLES.get(role, role)})" for project, role in cases]
    projects = list(dict.fromkeys(project for project, _ in cases))
    noun = "the Horizon 2020 project" + ("" if len(projects) == 1 else "s")
    degrees = [round(float(part), 6) for part in first["geolocation"].split(",") if part]
    where = f" in {town}" if town else ""
    return record(
        "profile", f"cordis:org:{first['organisationID']}",
        kind="startup" if small else "organisation", name=clean(first["name"], NAME),
        summary=english(f"{what}{where}. Took part in {noun} {', '.join(projects)}.", SUMMARY),
        track_record=[{"title": english(title, CASE_TITLE)} for title in titles[:CASES]],
        languages=languages_of(country), country=country, city=town,
        location=dict(zip(("lat", "lon"), degrees)), website=https(first["organizationURL"]),
    )  # fmt: skip


def call(row: Row) -> Record:
    """A call as an offering of funding. Its full title opens the text where the title was cut."""
    title = clean(row["title"], TITLE)
    facts = {
        "Title": row["title"] if title.endswith("…") else "",
        "Programme": row["programme"], "Call": row["callTitle"], "Type": row["typesOfAction"],
        "Keywords": ", ".join(row["keywords"].split(", ")[2:]),  # the first two are identifiers
    }  # fmt: skip
    text = "\n".join(f"{name}: {value}" for name, value in facts.items() if value)
    text += "\n" + GLUED.sub(r"\1 ", str(row["description"] or ""))
    return record(
        "offering", f"call:{row['topicId']}", profile=PORTAL, type="funding",
        title=english(title, TITLE), description=english(text.strip() or title, TEXT, lines=True),
        url=https(row["portalUrl"]), closes_on=row["deadline"],
    )  # fmt: skip


def mentor(row: Row) -> Record:
    """A volunteer mentor. Names were removed from the pack, so title and number stand for them."""
    title, text = clean(row["title"], NAME - 20), clean(row["description"], SUMMARY)
    tags = f"Topics: {', '.join(row['tags'])}" if row["tags"] else ""
    return record(
        "profile", f"coding-coach:{row['id']}", kind="mentor", name=f"{title} ({row['id']})",
        summary=english(text or f"Volunteer mentor: {title}", SUMMARY),
        description=english(f"{title}\n{text}\n{tags}", DESCRIPTION, lines=True),
        languages=row["languages"] or ["en"],  # some name none, and their text is English
        country=iso_country(row["country"]),
    )  # fmt: skip


def tech_company(rows: list[Row]) -> Record:
    """A company of the European list, which may stand there under several categories."""
    first, country = rows[0], iso_country(rows[0]["country"])
    key = re.sub(r"\W+", "-", f"{first['name']}-{country}".lower())
    listed = "Listed under: " + "; ".join(dict.fromkeys(row["category"] for row in rows))
    texts = list(dict.fromkeys(row["description"] for row in rows if row["description"]))
    return record(
        "profile", f"eu-tech:{key}", kind="organisation",
        name=clean(first["name"], NAME), summary=english(" ".join(texts) or listed, SUMMARY),
        description=english("\n".join([*texts, listed]), DESCRIPTION, lines=True),
        languages=languages_of(country), country=country, website=https(first["url"]),
    )  # fmt: skip


def place_of(row: Row) -> tuple[str | None, str]:
    """ISO country (None for online only) and IANA zone of a conference."""
    name = row.get("country")
    if name in COUNTRIES:
        country, zone = COUNTRIES[name]
        zone = zone if "/" in zone else f"Europe/{zone}"
        return country, ZONE_OF_PLACE.get(f"{country}/{row['city'].split(', ')[-1]}", zone)
    if row.get("online"):
        return None, "Etc/UTC"
    raise Skip(f"country {name or 'absent'}")


def instant(day: str, hour: int, zone: str) -> str:
    """A local hour as an RFC 3339 instant in UTC."""
    local = datetime.combine(date.fromisoformat(day), time(hour), ZoneInfo(zone))
    return local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def conference(row: Row, since: str) -> Record:
    """A conference as an event. The list knows days only: 09:00 to 18:00 local time is assumed."""
    if row["endDate"] < since:
        raise Skip("past")
    country, zone = place_of(row)
    codes = row.get("locales", "EN").lower().replace("jp", "ja").split(",")  # jp is a country
    spoken = list(dict.fromkeys(code.strip() for code in codes))
    form = "online" if not country else "hybrid" if row.get("online") else "on_site"
    manner = form.replace("_", "-")
    place = f" in {row['city']}, {row['country']}" if country else ""
    days = " to ".join(dict.fromkeys((row["startDate"], row["endDate"])))
    topics = ", ".join(TOPICS.get(topic, topic) for topic in row["topics"])
    venue = {"city": clean(row["city"], CITY), "country": country} if country else None
    mark = hashlib.sha256(row["url"].encode()).hexdigest()[:16]
    return record(
        "event", f"conference:{row['startDate']}:{mark}", profile=CONFERENCES,
        title={"en" if "en" in spoken else spoken[0]: clean(row["name"], TITLE)},
        description=english(f"Conference on {topics}{place} ({manner}), {days}.", TEXT),
        languages=spoken, format=form, zone=zone, starts_at=instant(row["startDate"], 9, zone),
        ends_at=instant(row["endDate"], 18, zone), venue=venue, url=https(row["url"]),
    )  # fmt: skip


def read_rows(path: Path) -> list[Row]:
    """All rows of a CSV, JSON Lines or gzip-compressed JSON Lines file; none where it is absent."""
    if not path.is_file():
        print(f"skipped: {path} is absent", file=sys.stderr)
        return []
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        if path.suffix == ".csv":
            return list(csv.DictReader(file))
        return [json.loads(line) for line in file if line.strip()]


def grouped(rows: list[Row], *columns: str) -> list[list[Row]]:
    """Rows with equal columns together, in the order of their first appearance."""
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[column] for column in columns)].append(row)
    return list(groups.values())


def convert(folder: Path, since: str, counts: Counter) -> Iterator[Record]:
    """All records, profiles before what refers to them; `counts` receives the fate of the rows."""
    organisations = read_rows(folder / "cordis/h2020_org_participations.csv")
    companies = read_rows(folder / "eu_tech_orgs/eu_tech_orgs.csv")
    events = read_rows(folder / "tech_events/conferences.jsonl")
    steps = [
        ("CORDIS organisations", cordis_organisation, grouped(organisations, "organisationID")),
        ("mentors", mentor, read_rows(folder / "mentors/mentors.jsonl")),
        ("European tech companies", tech_company, grouped(companies, "name", "country")),
        ("publishers", publisher, PUBLISHERS),
        ("EU calls", call, read_rows(folder / "cordis/eu_calls.jsonl.gz")),
        ("conferences", partial(conference, since=since), events),
    ]
    for source, build, rows in steps:
        for row in rows:
            try:
                yield build(row)
                counts[f"{source}: written"] += 1
            except Skip as reason:
                counts[f"{source}: left out, {reason}"] += 1


def main(arguments: list[str] | None = None) -> None:
    """Write the records to a file that replaces OUT only when complete; report on stderr."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_dir", type=Path, metavar="DATA_DIR")
    parser.add_argument("out", type=Path, metavar="OUT.jsonl")
    parser.add_argument("--past", action="store_true", help="keep conferences that are over")
    options = parser.parse_args(arguments)
    if not options.data_dir.is_dir():
        parser.error(f"{options.data_dir} is not a folder")
    since = "" if options.past else datetime.now(UTC).date().isoformat()
    counts, kinds, keys = Counter(), Counter(), set()
    part = options.out.with_name(options.out.name + ".part")
    with part.open("w", encoding="utf-8", newline="\n") as file:
        for item in convert(options.data_dir, since, counts):
            if item["key"] in keys:
                sys.exit(f"two records with the key {item['key']}")
            keys.add(item["key"])
            kinds[f"{item['record']} {item.get('kind') or item.get('type', '')}".strip()] += 1
            file.write(json.dumps(item, ensure_ascii=False) + "\n")
    part.replace(options.out)
    for label, count in [*counts.items(), *sorted(kinds.items())]:
        print(f"{count:6} {label}", file=sys.stderr)
    print(f"{kinds.total():6} records in {options.out}", *NOTICES, sep="\n", file=sys.stderr)


if __name__ == "__main__":
    main()
