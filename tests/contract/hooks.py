"""What schemathesis cannot read from the contract: ids that exist, and the rules that no schema can state."""

import atexit
import itertools
import json
import os
import re
import urllib.error
import urllib.request
from collections import Counter

import schemathesis
from hypothesis import strategies as st
from schemathesis.openapi.checks import RejectedPositiveData

BASE = os.environ["AIHUB_FUZZ_URL"]
TOKEN = os.environ.get("AIHUB_FUZZ_TOKEN")

# Lists that show a role what is there; its own things first.
LISTS = ["profiles?managed=true", "needs?managed=true", "offerings?managed=true", "events?managed=true",
         "introductions", "mails", "profiles", "needs", "offerings", "events"]

# Faults of a body that keeps its schema, by the code in `errors`; a 422 with any other fault is a finding.
UNSTATED_FAULTS = {
    "weak_password": "how easily a password is guessed is computed",
    "zone": "IANA's names of time zones come and go",
    "currency": "ISO's codes of currencies come and go",
    "region_elsewhere": "a region must lie in the country: compares two fields",
    "ends_before_start": "compares two fields",
    "too_long": "compares two fields",
    "before_opening": "compares two fields",
    "past": "compares with the clock",
    "too_far_ahead": "compares with the clock",
    "too_old": "compares with the clock",
    "date_range": "JSON Schema has no range of dates",
    "venue_online": "depends on another field",
    "immutable": "compares with what is stored",
    "need_elsewhere": "depends on what is stored",
    "one_subject": "exactly one of three fields: a union would be unusable in generated clients",
    "weights": "at least one weight must be left above zero: adds up fields",
}

# What a match is sought for: exactly one of them.
SUBJECTS = ["need", "profile", "description"]

# What a patch may hold, but only as it is.
IMMUTABLE = ["kind", "profile"]

# A `required` that depends on another field.
REQUIRED_BY_OTHERS = {"/venue": "unless the event is online"}

# Refusals of a valid request, by problem code.
UNSTATED_REFUSALS = {
    "link_invalid": "only the service can sign the token of a link",
    "introduction_to_oneself": "compares two fields",
    "idempotency_key_reused": "depends on what was sent before",
}

# The same for parameters, by the beginning of the detail.
UNSTATED_PARAMETERS = {
    "cursor:": "only the service can make a cursor",
    "Index-Token:": "only the service can make a token of its index",
    "lat, lon:": "one needs the other",
    "km: needs": "one parameter needs others",
    "sort: distance needs": "one parameter needs others",
}

# Faults of what a merge patch makes of a thing: a part of an object is enough where the rest is stored.
OF_PATCHES = {"required", "min_properties"}


def ask(path, method="GET"):
    """What the service answers to this role: the text and the headers; nothing where the role may not ask."""
    headers = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}
    request = urllib.request.Request(BASE + path, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.read().decode(), response.headers
    except urllib.error.HTTPError as refused:
        if refused.code not in (400, 401, 403):
            raise
        return "", {}


def existing_ids():
    """Ids by prefix, as this role sees them; at most twenty of each, so that they meet again."""
    found = {}
    for path in LISTS:
        text, _ = ask(f"/api/v1/{path}")
        for identifier in re.findall(r'"([a-z]{3}_[0-9A-Z]{26})"', text):
            ids = found.setdefault(identifier[:3], [])
            if identifier not in ids and len(ids) < 20:
                ids.append(identifier)
    return found


IDS = existing_ids()
for prefix, ids in IDS.items():
    schemathesis.openapi.format(f"{prefix}-id", st.sampled_from(ids))


def index_token():
    """That of a write which changes nothing but the time."""
    managed = re.findall(r'"id":"(prf_[0-9A-Z]+)"', ask("/api/v1/profiles?managed=true&limit=1")[0])
    return ask(f"/api/v1/profiles/{managed[0]}/confirm", "POST")[1].get("Index-Token") if managed else None


INDEX_TOKEN = index_token() if TOKEN else None


def example_of(path, parameter):
    """What only the service can make, so that a request with all its parameters is not refused for that."""
    match parameter:
        case "cursor":
            text, _ = ask(f"{path}?limit=1")
            return json.loads(text).get("next") if text else None
        case "Index-Token":
            return INDEX_TOKEN
        case "If-Match":
            return "*"


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Puts ids and other things that exist into the examples, and has all ids drawn from those."""

    for path, operations in raw_schema["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                value = example_of(path, parameter.get("name"))
                if value:
                    parameter["example"] = value

    def existing(found):
        return IDS.get(found[1], [found[0]])[0]

    def adapt(node):
        if isinstance(node, str):
            return re.sub(r"\b([a-z]{3})_[0-9A-Z]{26}\b", existing, node)
        if isinstance(node, list):
            return [adapt(child) for child in node]
        if not isinstance(node, dict):
            return node
        prefix = re.match(r"\^([a-z]{3})_", str(node.get("pattern", "")))
        if prefix and prefix[1] in IDS:
            node["format"] = f"{prefix[1]}-id"
        return {key: adapt(child) for key, child in node.items()}

    for part in ["paths", "components"]:
        raw_schema[part] = adapt(raw_schema[part])


SENT = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Takes out of a valid request what would have it refused by a rule that no schema can state, so that most requests
    get through to the work itself; what is generated at random later still breaks these rules often enough."""
    if case.meta is None or case.meta.generation.mode.is_negative or next(SENT) % 10 == 0:
        return
    if case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"fuzz-{next(SENT)}"
    if not isinstance(case.body, dict):
        return
    if case.path.startswith("/api/v1/matches"):
        question = case.body.get("question", case.body)
        for name in [name for name in SUBJECTS if question.get(name) is not None][1:]:
            del question[name]
    if case.method == "PATCH":
        for name in IMMUTABLE:
            case.body.pop(name, None)


EXCEPTED = Counter()
atexit.register(lambda: print("excepted", ", ".join(f"{rule} {count}" for rule, count in EXCEPTED.most_common())))


def rules(problem, method):
    """The rules no schema can state that this refusal stands on; none if there is any other."""
    match problem["code"]:
        case "malformed_query" | "malformed_header":
            return [rule for rule in UNSTATED_PARAMETERS if problem["detail"].startswith(rule)]
        case "invalid_fields":
            codes = [rule(error, method) for error in problem["errors"]]
            return codes if all(codes) else []
        case code:
            return [code] if code in UNSTATED_REFUSALS else []


def rule(error, method):
    """The rule behind one fault of a body, if no schema could have stated it."""
    code = error["code"]
    if code in UNSTATED_FAULTS:
        return code
    if code in OF_PATCHES and method == "PATCH":
        return f"{code} of a patch"
    return f"{code} by others" if code == "required" and error["pointer"] in REQUIRED_BY_OTHERS else None


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Whether a failure stands: a valid request may be refused by a rule that no schema can state."""
    if not isinstance(failure, RejectedPositiveData) or response.status_code not in (400, 422):
        return True
    found = rules(json.loads(response.content), case.method)
    EXCEPTED.update(found)
    return not found
