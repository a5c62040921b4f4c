"""The mails that the service wrote as .eml files into its folder."""

import os
import re
from email import message_from_bytes, policy
from pathlib import Path

from service import eventually

FOLDER = Path(os.environ["AIHUB_MAIL_FOLDER"])


def mails_to(address: str) -> list[str]:
    """The texts of all mails to this address, the oldest first."""
    texts = []
    for path in sorted(FOLDER.glob("*.eml")):
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        body = mail.get_body(("plain",))
        if address in str(mail["To"]) and body is not None:
            texts.append(body.get_content())
    return texts


def mail_with(address: str, words: str) -> str:
    """The first mail to this address that holds the words, once it is there."""

    def ask() -> str | None:
        return next((text for text in mails_to(address) if words in text), None)

    return eventually(f"a mail to {address} with “{words}”", ask)


def token_for(address: str, link: str) -> str:
    """The token of the link of this kind, from the mail to this address."""
    text = mail_with(address, f"/links/{link}?token=")
    found = re.search(rf"/links/{link}\?token=(\S+)", text)
    assert found is not None, f"the mail to {address} has no link to {link}"
    return found[1]
