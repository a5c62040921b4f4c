"""A mail server for the tests. It writes every attempt to deliver a mail as one line of JSON.

The beginning of the recipient's address says what goes wrong at the first attempt; the second one works:
refused (550), greylisted (451), deferred (451 after the mail), hanging (no answer to the mail), dropped (hangs up).

It prints its port, and ends when its input does.
"""

import argparse
import asyncio
import email
import email.policy
import json
import logging
import ssl
import sys
import warnings

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

LOGIN = LoginPassword(b"aihub", b"a secret of the test")


class Mailbox:
    """Takes mails, and remembers who has had a fault already."""

    def __init__(self, log):
        self.log = log
        self.failed = set()

    def fails(self, address, *faults):
        """The fault that the address asks for, unless it has had it."""
        fault = address.split("-")[0]
        if fault not in faults or address in self.failed:
            return None
        self.failed.add(address)
        return fault

    def write(self, **line):
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        fault = self.fails(address, "refused", "greylisted")
        if fault:
            self.write(to=[address], taken=False)
            return "550 5.1.1 no such mailbox" if fault == "refused" else "451 4.7.1 come back later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 known"

    async def handle_DATA(self, server, session, envelope):
        fault = self.fails(envelope.rcpt_tos[0], "deferred", "hanging", "dropped")
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.write(
            to=envelope.rcpt_tos,
            taken=fault is None,
            encrypted=session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None,
            type=mail.get_content_type(),
            headers={name.lower(): str(value) for name, value in mail.items()},
            parts=[[part.get_content_type(), part.get_content()] for part in mail.iter_parts()],
        )
        if fault == "hanging":
            await asyncio.sleep(3600)
        if fault == "dropped":
            server.transport.abort()
        return "250 2.0.0 taken" if fault is None else "451 4.3.1 no room"


def certified(authority_file):
    """TLS with a certificate of an authority that nobody knows, and whose certificate is written to the file."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(authority_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def authenticate(server, session, envelope, mechanism, login):
    # Not handled: the answer to a wrong login is the server's.
    return AuthResult(success=login == LOGIN, handled=False)


async def main(arguments):
    tls = certified(arguments.authority) if arguments.security != "none" else None
    mailbox = Mailbox(arguments.log)

    def session():
        return SMTP(
            mailbox,
            hostname="localhost",
            authenticator=authenticate,
            auth_required=True,
            auth_require_tls=False,
            tls_context=tls if arguments.security == "starttls" else None,
            require_starttls=arguments.security == "starttls",
        )

    loop = asyncio.get_running_loop()
    implicit = tls if arguments.security == "tls" else None
    server = await loop.create_server(session, "127.0.0.1", arguments.port, ssl=implicit)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


# It takes passwords in the clear on purpose, and need not say so.
logging.getLogger("mail.log").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", message="Requiring AUTH")
parser = argparse.ArgumentParser()
parser.add_argument("--log", required=True)
parser.add_argument("--security", choices=["none", "starttls", "tls"], default="none")
parser.add_argument("--authority", help="where the authority's certificate is written")
parser.add_argument("--port", type=int, default=0)
asyncio.run(main(parser.parse_args()))
