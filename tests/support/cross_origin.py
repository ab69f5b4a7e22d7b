"""The requests that AWS's answers about cross-origin rules are to (`tests/vectors/aws-cors.json`), and what such an answer says."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from engine.server.exchange import Response

AWS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "aws-cors.json").read_text())
PAGE = "https://localhost:4200"
OWNER, KMS_KEY, SSE = (
    "x-amz-expected-bucket-owner",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-AMZ-server-SIDE-encryption",
)
PAYER = "x-amz-request-payer"
Rule = dict[str, Any]
Asked = tuple[str, str, str, dict[str, str]]


def rule(methods: str, origin: str = PAGE, headers: tuple[str, ...] = ("*",), **more: Any) -> Rule:
    allowed = {"AllowedHeaders": list(headers)} if headers else {}
    return {"AllowedMethods": methods.split(), "AllowedOrigins": [origin], **allowed, **more}


def options(
    case: str, origin: str | None, method: str | None = None, headers: str | None = None, at: str = "key"
) -> Asked:
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return case, "OPTIONS", at, {name: value for name, value in asked.items() if value is not None}


def actual(case: str, method: str, origin: str | None, **headers: str) -> Asked:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return case, method, "key", ({"Origin": origin} if origin else {}) | given


AGE = {"MaxAgeSeconds": 3000}
ANY = rule("GET PUT", "*", **AGE)
MINE = rule("GET PUT", **AGE)
READ = rule("GET", **AGE)
SOME = rule("GET", PAGE, (OWNER, KMS_KEY, SSE), **AGE)
PARTIAL = rule("GET PUT", "http://*.origin.com", **AGE)
PLAIN = rule("GET", "*", ())
EXPOSED = rule("GET", "*", ExposeHeaders=["x-amz-id-2", "x-amz-request-id", PAYER])
REQUESTS: dict[str, list[tuple[Rule | None, list[Asked]]]] = {
    "cors_expose_headers": [(EXPOSED, [options("opt-get", "http://a", "GET")])],
    "cors_http_options_no_config": [
        (
            None,
            [
                options("options-no-origin", None),
                options("options-with-origin-and-method", "whatever", "PUT"),
                options("options-with-origin-no-method", "whatever"),
            ],
        )
    ],
    "cors_http_options_non_existent_bucket": [
        (None, [options("options-no-origin", None, at=""), options("options-with-origin", "whatever", at="")])
    ],
    "cors_match_headers": [
        (
            READ,
            [
                options("opt-get", PAGE, "GET", PAYER),
                actual("get-op", "GET", PAGE, x_amz_request_payer="requester"),
                options("opt-get-two", PAGE, "GET", f"{PAYER}, {OWNER}"),
            ],
        ),
        (
            SOME,
            [
                options("opt-get-allowed", PAGE, "GET", OWNER),
                options("opt-get-allowed-diff-casing", PAGE, "GET", f"{OWNER}, x-amz-server-SIDE-encryption"),
                options("opt-get-allowed-no-space", PAGE, "GET", f"{OWNER},x-amz-server-side-encryption"),
                options("opt-get-non-allowed", PAGE, "GET", PAYER),
                actual("get-non-allowed", "GET", PAGE, x_amz_request_payer="requester"),
                actual("get-non-allowed-with-acl", "GET", PAGE, Access_Control_Request_Headers=PAYER),
            ],
        ),
    ],
    "cors_match_methods": [
        (
            READ,
            [
                options("opt-get", PAGE, "GET"),
                actual("get-op", "GET", PAGE),
                options("opt-put", PAGE, "PUT"),
                actual("put-op", "PUT", PAGE),
                actual("get-wrong-op", "GET", PAGE, Access_Control_Request_Method="PUT"),
            ],
        ),
        (rule("PUT", **AGE), [actual("get-wrong-op", "GET", PAGE)]),
    ],
    "cors_match_origins": [
        (
            MINE,
            [
                options("opt-no-origin", None, "PUT"),
                actual("get-no-origin", "GET", None),
                ("opt-referer", "OPTIONS", "key", {"Referer": PAGE}),
                actual("get-referer", "GET", None, Referer=PAGE),
                options("opt-right-origin", PAGE, "PUT"),
                actual("get-right-origin", "GET", PAGE),
                options("opt-wrong-origin", "http://localhost:4200", "PUT"),
                actual("get-wrong-origin", "GET", "http://localhost:4200"),
            ],
        ),
        (
            ANY,
            [
                options("opt-random-wildcard-origin", "http://random:1234", "PUT"),
                actual("get-random-wildcard-origin", "GET", "http://random:1234"),
            ],
        ),
    ],
    "cors_options_fails_partial_origin": [
        (PARTIAL, [options("options_fails_partial_origin", "http://origin.com", "GET", at="")])
    ],
    "cors_options_match_partial_origin": [
        (PARTIAL, [options("options_match_partial_origin", "http://test.origin.com", "PUT", at="")])
    ],
    "put_cors_default_values": [
        (
            PLAIN,
            [options("opt-get", "http://a", "GET"), options("opt-get-headers", "http://a", "GET", "x-amz-any")],
        )
    ],
}
"""The requests that AWS's answers are to, by conversation: the rule that the bucket has, and what is asked while it has it."""
CASES = [
    (conversation, given, asked)
    for conversation, steps in REQUESTS.items()
    for given, requests in steps
    for asked in requests
]
SETTINGS: dict[str, list[tuple[str, str, list[Rule] | None]]] = {
    "cors_match_headers": [("put", "", [SOME]), ("get", "get-bucket-cors-casing", None)],
    "delete_cors": [
        ("delete", "delete-cors-before-set", None),
        ("put", "put-cors", [PLAIN]),
        ("get", "get-cors", None),
        ("delete", "delete-cors", None),
        ("get", "get-cors-deleted", None),
    ],
    "get_cors": [("get", "get-cors-no-set", None), ("put", "", [PLAIN]), ("get", "get-cors-after-set", None)],
    "put_cors": [
        (
            "put",
            "put-cors",
            [
                rule("GET PUT HEAD", "https://test.com", (OWNER, KMS_KEY), **AGE)
                | {"AllowedOrigins": ["https://test.com", "https://app.test.com", "http://test.com:80"]}
            ],
        ),
        ("get", "get-cors", None),
    ],
    "put_cors_empty_origin": [
        ("put", "", [rule("GET PUT HEAD", "", ())]),
        ("get", "get-cors-empty", None),
    ],
    "put_cors_invalid_rules": [
        ("put", "put-cors-exc", [rule("MYMETHOD")]),
        ("put", "put-cors-exc-empty", []),
    ],
}
"""The requests to AWS's answers about the rules themselves, in order; "" where the answer was not recorded."""


def cross_origin(response: Response) -> dict[str, str]:
    """The headers of an answer that are about origins."""
    found = [(name, value) for name, value in response.headers if name.startswith("Access-Control") or name == "Vary"]
    assert len(dict(found)) == len(found)
    return dict(found)


def error_of(response: Response) -> dict[str, str] | None:
    """The elements of an error that AWS's answers have; None if the answer is none."""
    if response.status < 400:
        return None
    assert isinstance(response.body, bytes)
    elements = {element.tag: element.text or "" for element in ElementTree.fromstring(response.body)}
    return {name: text for name, text in elements.items() if name not in ("RequestId", "HostId", "Resource")}
