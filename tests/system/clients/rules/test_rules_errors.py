"""Every error of the tables, raised over the wire by boto3 and by requests written by hand: code, status, message, further elements."""

import pytest

from tests.system.clients.raw import Answer, Call, receive
from tests.system.clients.rules.register import SECTIONS
from tests.system.clients.rules.rows import Ask, Case, Expected, parameters
from tests.system.clients.rules.rows_access import ACCESS, ANONYMOUS
from tests.system.clients.rules.rows_integrity import INTEGRITY
from tests.system.clients.rules.rows_listing import COPY_CONDITIONS, LISTING
from tests.system.clients.rules.rows_uploads import UPLOADS
from tests.system.clients.rules.stage import Stage

TABLES = dict(zip(SECTIONS, (UPLOADS, LISTING, INTEGRITY, ACCESS), strict=False))
TABLES["uploads"] = {**UPLOADS, "PreconditionFailed": (*UPLOADS["PreconditionFailed"], *COPY_CONDITIONS)}
ASKED = [case for section, rows in TABLES.items() for case in parameters(section, rows, Ask)]
WRITTEN = [case for section, rows in TABLES.items() for case in parameters(section, rows, Call)]


@pytest.mark.parametrize("case", ASKED)
def test_boto3_is_refused_to_the_letter(stage: Stage, case: Case) -> None:
    assert isinstance(case.sent, Ask)
    got = stage.error_of(case.sent)
    assert got == stage.expectation(case.expected, got)


@pytest.mark.parametrize("case", WRITTEN)
def test_a_request_is_refused_to_the_letter(every_stage: Stage, case: Case) -> None:
    assert isinstance(case.sent, Call)
    call = every_stage.filled(case.sent)
    answer = every_stage.raw.send(call)
    got = error_of(answer)
    assert got == every_stage.expectation(case.expected, got)
    check_envelope(answer, call.path)


def error_of(answer: Answer) -> Expected:
    error = answer.error
    return Expected(error.pop("Code"), answer.status, error.pop("Message"), error)


def check_envelope(answer: Answer, path: str) -> None:
    """Demand what every error document has."""
    assert answer.headers["content-type"] == "application/xml"
    assert answer.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>')
    text = answer.body.decode()
    assert f"<RequestId>{answer.headers['x-amz-request-id']}</RequestId>" in text
    assert f"<HostId>{answer.headers['x-amz-id-2']}</HostId></Error>" in text
    assert f"<Resource>{path}</Resource>" in text


@pytest.mark.parametrize(
    ("call", "expected"),
    [pytest.param(*pair, marks=pytest.mark.rule("access", slug)) for slug, pair in ANONYMOUS.items()],
)
def test_nobody_is_refused(every_stage: Stage, call: Call, expected: Expected) -> None:
    call = every_stage.filled(call)
    with every_stage.raw.connection() as connection:
        connection.sendall(f"{call.method} {call.target} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode())
        answer = receive(connection)
    got = error_of(answer)
    assert got == every_stage.expectation(expected, got)
