"""The API keeps what its OpenAPI document says, whatever it is asked.

Cases are made from the document: as it allows them, and against it. ECO2_CONTRACT_CASES is how many an operation gets
(`./inv soak.api` takes many).
"""

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.e2e.operations import Operation, operations
from tests.e2e.people import Person
from tests.stack import TestStack

CASES = int(os.environ.get("ECO2_CONTRACT_CASES", "10"))
CHECKS = (
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)


@pytest.mark.timeout(3600)
def test_no_case_ends_in_a_fault_of_ours_or_in_what_the_document_does_not_say(
    stack: TestStack, person: Person, coffee: bytes
) -> None:
    known = ids(person, coffee)
    schema = schemathesis.openapi.from_url(f"{stack.gateway}/openapi.json")
    asked: Counter[Operation] = Counter()
    broken: dict[Operation, str] = {}
    for operation in sorted((found.ok() for found in schema.get_all_operations()), key=_ends_something):
        name = Operation(operation.method.upper(), operation.path)

        def ask(case: Any, name: Operation = name) -> None:
            asked[name] += 1
            if asked[name] % 3:  # else ids that nobody has
                case.path_parameters = {part: known.get(part, value) for part, value in case.path_parameters.items()}
            response = case.call(headers=person.headers if asked[name] % 2 else None, timeout=30)
            try:
                case.validate_response(response, checks=CHECKS)
            except Exception as error:
                broken.setdefault(name, str(error))

        _for_each_case(operation, ask)
    print(f"{asked.total()} cases of {len(asked)} operations")
    assert broken == {}
    with stack.client() as client:
        document = Operation("GET", "/openapi.json")  # which it reads, and so does not ask
        assert set(operations(client)) - set(asked) == {document}


def _for_each_case(operation: Any, ask: Callable[[Any], None]) -> None:
    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(case=operation.as_strategy())
    def each(case: Any) -> None:
        ask(case)

    each()


def _ends_something(operation: Any) -> bool:
    """What deletes or signs out comes last, so that the others find something."""
    return operation.method == "delete" or "logout" in operation.path


def ids(person: Person, photo: bytes) -> dict[str, str]:
    """Things that are there, by the parts of paths that name them."""
    conversation, message = person.conversation()
    points = person.client.get("/api/location/points", params={"lat": 37.5665, "lon": 126.978, "radius": 50_000})
    upload = person.client.post("/api/waste/uploads", json={"content_type": "image/jpeg", "bytes": len(photo)})
    return {
        "scan_id": person.scan(photo)["scan_id"],
        "conversation_id": conversation,
        "message_id": message,
        "upload_id": upload.json()["upload_id"],
        "point_id": points.json()["points"][0]["point_id"],
        "item_id": "pizza_box",
        "code": "eco",
    }
