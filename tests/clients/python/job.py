"""The main job, from the registration to both mails, through the generated client."""

import datetime
from dataclasses import dataclass
from uuid import uuid4

from aihub_client import AuthenticatedClient
from aihub_client.api.accounts import create_session, register_account, verify_email
from aihub_client.api.events import create_event, follow_profile, list_events, publish_event, unfollow_profile
from aihub_client.api.introductions import accept_introduction, list_introductions, request_introduction
from aihub_client.api.matching import find_matches
from aihub_client.api.needs import create_need
from aihub_client.api.profiles import create_profile, list_profiles, publish_profile, read_profile, update_profile
from aihub_client.api.vocabulary import annotate_text
from aihub_client.models import (
    AnnotateText,
    Case,
    Category,
    Contact,
    Country,
    CreateEvent,
    CreateNeed,
    CreateProfile,
    CreateSession,
    FindMatches,
    FollowLink,
    Format,
    HelpType,
    IntroductionStatus,
    Language,
    MatchView,
    MultilingualCaseTitle,
    MultilingualLongText,
    MultilingualSummary,
    MultilingualText,
    MultilingualTitle,
    ProfileKind,
    ProfileStatus,
    ProfileView,
    RegisterAccount,
    RequestIntroduction,
    Sector,
    Side,
    Stage,
    TermsVersion,
    UpdateProfile,
)
from aihub_client.types import UNSET, Unset
from mails import mail_with, mails_to, token_for
from service import VISITOR, connect, content, done, eventually, given

RUN = uuid4().hex[:10]
PASSWORD = f"ein-langes-kennwort-{RUN}"
NOTE = "Hätten Sie eine Stunde für uns?"

STARTUP = CreateProfile(
    kind=ProfileKind.STARTUP,
    name=f"Lagerlauscher {RUN}",
    summary=MultilingualSummary.from_dict({"de": "Wir hören Wälzlagern zu.", "en": "We listen to roller bearings."}),
    languages=[Language.DE, Language.EN],
    country=Country.AT,
    city="Graz",
    stage=Stage.PILOT,
    sectors=[Sector.C],
    contact=Contact(name="Ilse Probe", email=f"ilse-{RUN}@lagerlauscher.example", phone="+43 316 555010"),
)

MENTOR = CreateProfile(
    kind=ProfileKind.MENTOR,
    name=f"Gaël Essai {RUN}",
    summary=MultilingualSummary.from_dict({"fr": "J'aide à mettre en place la maintenance prédictive."}),
    description=MultilingualLongText.from_dict({"fr": "Vingt ans de surveillance vibratoire des paliers."}),
    track_record=[
        Case(
            title=MultilingualCaseTitle.from_dict({"fr": "Maintenance prédictive de paliers"}), sectors=[Sector.C], year=2025
        )
    ],
    languages=[Language.FR, Language.EN],
    country=Country.FR,
    capacity=3,
    contact=Contact(name="Gaël Essai", email=f"gael-{RUN}@mentor.example"),
)


@dataclass
class Person:
    """Somebody who has an account and a published profile."""

    email: str
    client: AuthenticatedClient
    profile: ProfileView
    contact: str


def log_in(email: str, password: str) -> AuthenticatedClient:
    session = content(create_session.sync_detailed(client=VISITOR, body=CreateSession(email, password)))
    return connect(session.access_token)


def join(email: str, name: str, language: Language) -> AuthenticatedClient:
    """Registers, confirms the address with the mail's link, and logs in."""
    account = RegisterAccount(email, PASSWORD, name, language, TermsVersion.VALUE_0)
    content(register_account.sync_detailed(client=VISITOR, body=account))
    link = FollowLink(token_for(email, "verify-email"))
    verified = content(verify_email.sync_detailed(client=VISITOR, body=link))
    assert verified.email_verified and verified.email == email
    return log_in(email, PASSWORD)


def present(client: AuthenticatedClient, profile: CreateProfile) -> ProfileView:
    """Makes a profile, amends it by its version, and publishes it."""
    key = f"{profile.kind}-{RUN}"
    made = content(create_profile.sync_detailed(client=client, body=profile, idempotency_key=key))
    read = read_profile.sync_detailed(made.id, client=client)
    assert content(read).status is ProfileStatus.DRAFT
    patch = UpdateProfile(website="https://profile.example", city=None)
    changed = content(
        update_profile.sync_detailed(made.id, client=client, body=patch, if_match=read.headers["etag"])
    )
    assert isinstance(changed.city, Unset) and changed.website == patch.website
    return content(publish_profile.sync_detailed(made.id, client=client))


def person(name: str, language: Language, profile: CreateProfile) -> Person:
    email = f"{profile.kind}-{RUN}@people.example"
    client = join(email, name, language)
    return Person(email, client, present(client, profile), given(given(profile.contact).email))


def concepts_of(text: str) -> list[str]:
    """Ids of the concepts that a text names, each once: what a form offers as chips."""
    answer = content(annotate_text.sync_detailed(client=VISITOR, body=AnnotateText(text, language=Language.DE)))
    units = text.encode("utf-16-le")
    for found in answer.items:
        assert units[2 * found.start : 2 * found.end].decode("utf-16-le") == found.words
    return list(dict.fromkeys(found.concept.id for found in answer.items))


def match(founder: Person, need: str, wanted: str) -> MatchView:
    """The mentor among the ranked answers to the need, once the index has him."""

    def ask() -> MatchView | None:
        question = FindMatches(need=need, categories=[Category.MENTOR], limit=50)
        answer = content(find_matches.sync_detailed(client=founder.client, body=question))
        return next((found for found in answer.items if found.id == wanted), None)

    return eventually("the match", ask)


def check_reasons(found: MatchView) -> None:
    parts = sum(part.contribution for part in found.forward.parts)
    assert abs(parts - found.forward.score) < 1e-6, "the contributions do not add up"
    assert "predictive_maintenance" in [concept.offered for concept in found.concepts]
    assert found.reason and found.profile_name == MENTOR.name and not found.fictional


def tells(address: str, secret: str) -> bool:
    """Whether any mail to the address tells the secret."""
    return any(secret in text for text in mails_to(address))


def introduce(founder: Person, helper: Person, need: str) -> None:
    """Asks for an introduction, accepts it on the other side, and reads both mails."""
    request = RequestIntroduction(founder.profile.id, helper.profile.id, NOTE, need=need)
    key = f"introduction-{RUN}"
    asked = content(request_introduction.sync_detailed(client=founder.client, body=request, idempotency_key=key))
    assert asked.status is IntroductionStatus.REQUESTED and isinstance(asked.contact, Unset)
    mail_with(helper.email, NOTE)
    assert not tells(helper.email, founder.contact), "the mentor was told the contact too early"
    assert not tells(founder.email, helper.contact), "the founder was told the contact too early"

    listed = list_introductions.sync_detailed(
        client=helper.client, role=Side.TARGET, status=IntroductionStatus.REQUESTED
    )
    mine = next(item for item in content(listed).items if item.requester.id == founder.profile.id)
    accepted = content(accept_introduction.sync_detailed(mine.id, client=helper.client))
    assert given(accepted.contact).email == founder.contact
    mail_with(founder.email, helper.contact)
    mail_with(helper.email, founder.contact)


def count_events(client: AuthenticatedClient) -> int:
    """Reads all coming events, page by page; none comes twice."""
    seen: list[str] = []
    cursor: str | Unset = UNSET
    while True:
        languages = [Language.DE, Language.EN]
        page = content(list_events.sync_detailed(client=client, language=languages, limit=5, cursor=cursor))
        seen += [event.id for event in page.items]
        cursor = page.next_
        if isinstance(cursor, Unset):
            assert len(seen) == len(set(seen)), "an event came twice"
            return len(seen)


def follow(founder: Person) -> None:
    """Follows a hub, which then announces an event; the mail tells of it."""
    staff = log_in("hub@demo.example", "demo-password-please-change")
    hub = content(list_profiles.sync_detailed(client=staff, managed=True, kind=ProfileKind.HUB)).items[0].id
    done(follow_profile.sync_detailed(hub, client=founder.client))
    starts_at = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(days=14)
    event = CreateEvent(
        profile=hub,
        title=MultilingualTitle.from_dict({"en": f"Bearing day {RUN}"}),
        description=MultilingualText.from_dict({"en": "Bring recordings of your own machines."}),
        languages=[Language.EN],
        format_=Format.ONLINE,
        zone="Europe/Vienna",
        starts_at=starts_at,
        ends_at=starts_at + datetime.timedelta(hours=7),
        url="https://hub.example/bearing-day",
    )
    made = content(create_event.sync_detailed(client=staff, body=event))
    content(publish_event.sync_detailed(made.id, client=staff))
    mail_with(founder.email, f"Bearing day {RUN}")
    done(unfollow_profile.sync_detailed(hub, client=founder.client))


def main() -> None:
    founder = person("Ilse Probe", Language.DE, STARTUP)
    helper = person("Gaël Essai", Language.FR, MENTOR)
    print("both have registered, confirmed their addresses, logged in and published their profiles")

    description = "🔧 Wer hat vorausschauende Wartung schon eingeführt?"
    concepts = concepts_of(description)
    assert "predictive_maintenance" in concepts
    need = CreateNeed(
        profile=founder.profile.id,
        type_=HelpType.MENTORING,
        title=MultilingualTitle.from_dict({"de": "Begleitung für vorausschauende Wartung an Lagern"}),
        description=MultilingualText.from_dict({"de": description}),
        concepts=concepts,
    )
    need_id = content(create_need.sync_detailed(client=founder.client, body=need)).id
    found = match(founder, need_id, helper.profile.id)
    check_reasons(found)
    print(f"the need finds the mentor ({found.score:.3f}): {found.reason}")

    introduce(founder, helper, need_id)
    print("the mentor accepts; each has a mail with the contact of the other, and had none before")

    print(f"{count_events(founder.client)} coming events are listed")
    follow(founder)
    print("the founder follows a hub and has the mail that announces its next event")


if __name__ == "__main__":
    main()
