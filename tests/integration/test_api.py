"""The HTTP API itself: that it is as it describes itself, progress events, its limits."""
import concurrent.futures
import json
import re
import threading
import time

import jsonschema
import pytest
import requests
from inkantest.instance import Registrar, wait_for
from inkantest.rows import Row

LIMIT = 50  # ingress.queue_per_registrar


def operations(description):
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def closed(schema):
    """The description with every object refusing what it does not name."""
    if isinstance(schema, dict):
        out = {k: closed(v) for k, v in schema.items()}
        if out.get("type") == "object" and "properties" in out:
            out["additionalProperties"] = False
        return out
    return [closed(v) for v in schema] if isinstance(schema, list) else schema


class Contract:
    def __init__(self, instance):
        answer = requests.get(instance.env["INKAN_URL"] + "/api/openapi.json", verify=instance.env["INKAN_TLS_CA"], timeout=10)
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json"
        self.description = closed(answer.json())
        self.resolver = jsonschema.RefResolver("", self.description)

    def check(self, answer, path, method="get"):
        responses = self.description["paths"][path][method]["responses"]
        response = responses.get(str(answer.status_code), responses["default"])
        while "$ref" in response:
            response = self.resolver.resolve(response["$ref"])[1]
        schema = response["content"][answer.headers["Content-Type"]]["schema"]
        jsonschema.Draft202012Validator(schema, resolver=self.resolver).validate(answer.json())


def test_api_is_as_it_describes_itself(healthy):
    contract = Contract(healthy)
    api = healthy.registrar
    taken = api.upload(Row().line() + Row(columns={12: ""}).line(), on_error="skip")
    assert taken.status_code == 202
    contract.check(taken, "/api/v1/uploads", "post")
    upload = api.wait(taken.json()["id"])
    serial, application = upload["rows"][0]["serial"], upload["rows"][0]["application"]
    contract.check(api.get("/api/v1/uploads"), "/api/v1/uploads")
    contract.check(api.get(f"/api/v1/uploads/{upload['id']}"), "/api/v1/uploads/{id}")
    contract.check(api.get(f"/api/v1/certificates?q={serial}"), "/api/v1/certificates")
    contract.check(api.get(f"/api/v1/certificates/{serial}"), "/api/v1/certificates/{serial}")
    contract.check(api.get("/api/v1/statistics"), "/api/v1/statistics")
    contract.check(api.get("/api/v1/statistics?from=x"), "/api/v1/statistics")
    contract.check(api.post(f"/api/v1/links/{application}/resend"), "/api/v1/links/{application}/resend", "post")
    for mail in ("api@example.ac.jp", "nobody"):
        contract.check(api.post(f"/api/v1/links/{application}/resend", json={"manager_mail": mail}),
                       "/api/v1/links/{application}/resend", "post")
    contract.check(api.get("/api/v1/links?limit=1"), "/api/v1/links")
    contract.check(api.get("/api/v1/uploads/0"), "/api/v1/uploads/{id}")
    contract.check(api.upload(b"", kind="nothing"), "/api/v1/uploads", "post")


def test_every_described_address_is_served(healthy):
    for path, method, _ in operations(Contract(healthy).description):
        answer = healthy.registrar.session.request(method, healthy.env["INKAN_URL"] + path.replace("{", "").replace("}", ""),
                                                   timeout=10)
        assert answer.status_code != 405, f"{method} {path} is not routed"
        other = healthy.registrar.session.request("DELETE", answer.url, timeout=10)
        assert other.status_code == 405, f"{path} is not routed"


class Events:
    """What an EventSource does: reads to the end, comes back with the last id; 204 ends it."""

    def __init__(self, registrar, path):
        self.registrar, self.path, self.last = registrar, path, None

    def __iter__(self):
        while True:
            answer = self.registrar.get(self.path, headers={"Last-Event-ID": self.last} if self.last else {})
            if answer.status_code == 204:
                return
            assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/event-stream")
            fields = dict(line.split(": ", 1) for line in answer.text.splitlines() if line)
            assert int(fields["retry"]) < 1000
            if "data" in fields:
                self.last = fields["id"]
                yield fields["event"], json.loads(fields["data"])


def test_events_tell_progress_to_the_end(healthy):
    upload = healthy.registrar.upload(b"".join(Row().line() for _ in range(200))).json()
    seen = list(Events(healthy.registrar, f"/api/v1/uploads/{upload['id']}/events"))
    assert {event for event, _ in seen} == {"progress"}
    told = [(data["state"], data["rows_ok"], data["rows_ng"]) for _, data in seen]
    assert len(set(told)) == len(told), "an event without news"
    assert told[-1] == ("done", 200, 0) and all("rows" not in data for _, data in seen)
    again = list(Events(healthy.registrar, f"/api/v1/uploads/{upload['id']}/events"))
    assert [data["state"] for _, data in again] == ["done"]


def test_events_of_another_organisation_are_unknown(healthy):
    upload = healthy.registrar.apply([Row()])
    assert healthy.registrar2.get(f"/api/v1/uploads/{upload['id']}/events").status_code == 404
    assert healthy.registrar2.get(f"/api/v1/uploads/{upload['id']}/events",
                                  headers={"Last-Event-ID": "accepted.0.0"}).status_code == 404


def test_waiting_events_answer_when_something_happens(healthy):
    healthy.ctl("halt", "--reason", "test")
    try:
        upload = healthy.registrar.upload(Row().line()).json()
        wait_for(lambda: healthy.registrar.get(f"/api/v1/uploads/{upload['id']}").json()["state"] == "accepted", "acceptance")
        events = iter(Events(healthy.registrar, f"/api/v1/uploads/{upload['id']}/events"))
        assert next(events)[1]["state"] == "accepted"
        told = []
        waiting = threading.Thread(target=lambda: told.append(next(events)))
        waiting.start()
        time.sleep(0.5)
        assert not told, "answered though nothing had changed"
    finally:
        healthy.ctl("resume")
    waiting.join(60)
    assert told and told[0][1]["state"] in ("accepted", "done")


def test_one_registrar_cannot_fill_the_queue(healthy):
    upload = healthy.registrar.apply([Row()])
    path = f"/api/v1/uploads/{upload['id']}?wait=15&state=done"

    def poll(_):
        registrar = Registrar(healthy.env, healthy.env["INKAN_REGISTRAR_CERT"], healthy.env["INKAN_REGISTRAR_KEY"])
        return registrar.get(path)

    with concurrent.futures.ThreadPoolExecutor(2 * LIMIT) as pool:
        polls = [pool.submit(poll, i) for i in range(2 * LIMIT)]
        refused = wait_for(lambda: [p for p in polls if p.done()], "the first answer", 15)[0].result()
        assert refused.status_code == 429 and refused.json()["code"] == 973 and int(refused.headers["Retry-After"]) > 0
        assert healthy.registrar2.get("/api/v1/uploads").status_code == 200
        answers = [p.result().status_code for p in polls]
    assert answers.count(200) == LIMIT and answers.count(429) == LIMIT
    assert healthy.registrar.get("/api/v1/uploads").status_code == 200


def tsv(n=1):
    return b"".join(Row().line() for _ in range(n))


REFUSED = {
    "not confirmed": (965, 400, lambda api: api.upload(tsv(), confirmed="false")),
    "kind": (966, 400, lambda api: api.upload(tsv(), kind="server-everything")),
    "on_error": (966, 400, lambda api: api.upload(tsv(), on_error="perhaps")),
    "a form without boundary": (967, 400, lambda api: api.post("/api/v1/uploads", data=b"x",
                                                              headers={"Content-Type": "multipart/form-data"})),
    "too large": (968, 413, lambda api: api.upload(b"x" * (20 << 20))),
    "a misspelt flag": (979, 400, lambda api: api.upload(tsv(), dryrun="true")),
    "a misspelt parameter": (979, 400, lambda api: api.post(
        "/api/v1/uploads?kind=server-issue&confirmed=true&filename=a.tsv&dry-run=true", data=tsv(),
        headers={"Content-Type": "text/tab-separated-values"})),
    "a field twice": (967, 400, lambda api: api.post("/api/v1/uploads", data=[("dry_run", "true"), ("dry_run", "false")],
                                                     files={"file": ("a.tsv", tsv())})),
    "media type": (969, 415, lambda api: api.post("/api/v1/uploads", data=b"{}", headers={"Content-Type": "application/json"})),
    "origin": (971, 403, lambda api: api.upload(tsv(), headers={"Origin": "https://evil.example"})),
    "method": (975, 405, lambda api: api.session.put(api.base + "/api/v1/uploads", timeout=10)),
    "unknown": (964, 404, lambda api: api.get("/api/v1/nothing")),
    "wait": (966, 400, lambda api: api.get("/api/v1/uploads/1?wait=1000")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_before_anything_is_stored(healthy, case):
    code, status, send = REFUSED[case]
    before = healthy.value("SELECT count(*) FROM upload")
    try:
        answer = send(healthy.registrar)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["Content-Type"] == "application/problem+json" and answer.json()["remedy"]
    except requests.exceptions.ConnectionError:
        assert case == "too large", "only a body that is refused unread may cost the client its connection"
    assert healthy.value("SELECT count(*) FROM upload") == before


def declared_names(contract, path, method, operation):
    """The parameters of a query and the fields of a body."""
    def found(thing):
        return contract.resolver.resolve(thing["$ref"])[1] if "$ref" in thing else thing
    names = {p["name"] for p in map(found, operation.get("parameters", [])) if p["in"] == "query"}
    for content in operation.get("requestBody", {}).get("content", {}).values():
        names |= found(content["schema"]).get("properties", {}).keys()
    return names


def test_a_parameter_that_is_none_is_refused_with_those_that_are(healthy):
    """A name that nobody reads would be a wish that nobody hears."""
    contract = Contract(healthy)
    for path, method, operation in operations(contract.description):
        if path == "/api/openapi.json":
            continue
        answer = healthy.registrar.session.request(
            method, healthy.registrar.base + re.sub(r"\{\w+\}", "1", path) + "?no-such=1", timeout=10,
            headers={"Content-Type": "text/tab-separated-values"} if path == "/api/v1/uploads" and method == "post" else {})
        assert (answer.status_code, answer.json()["code"]) == (400, 979), (method, path)
        assert '"no-such"' in answer.json()["message_en"]
        allowed = set(answer.json()["remedy_en"].removeprefix("Parameters: ").split(", "))
        assert allowed - {"lang"} == declared_names(contract, path, method, operation), (method, path)


def test_what_cannot_be_read_is_named(healthy):
    cases = {"dry_run=…&dry_run=…": {"data": {"dry_run": ["true", "false"]}, "files": {"file": ("a.tsv", tsv())}},
             "UTF-8: kind": {"data": b"kind=%ff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
             "Content-Type": {"data": b"x", "headers": {"Content-Type": "multipart/form-data"}}}
    for why, sent in cases.items():
        answer = healthy.registrar.post("/api/v1/uploads", **sent)
        assert (answer.status_code, answer.json()["code"]) == (400, 967)
        assert answer.json()["message_en"] == f"The request cannot be read ({why})."
    answer = healthy.registrar.post("/api/v1/links/1/resend", json={"manager_mail": 7})
    assert answer.json()["message_en"] == "The request cannot be read (JSON: manager_mail)."


def test_idempotency_conflict(healthy):
    first, second = tsv(), tsv()
    key = {"Idempotency-Key": "conflict-1"}
    upload = healthy.registrar.upload(first, headers=key)
    assert upload.status_code == 202
    again = healthy.registrar.upload(first, headers=key)
    assert again.status_code == 200 and again.json()["id"] == upload.json()["id"]
    other = healthy.registrar.upload(second, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, 970)


FILES = {
    208: lambda api: api.post("/api/v1/uploads", files={"kind": (None, "server-issue"), "confirmed": (None, "true")}),
    209: lambda api: api.upload(tsv(), filename="applications.csv"),
    213: lambda api: api.upload(b"\r\n\t\t\r\n"),
    214: lambda api: api.upload(b"x\r\n" * 2001),
}


@pytest.mark.parametrize("code", FILES)
def test_errors_of_the_file_are_stored_uploads(healthy, code):
    answer = FILES[code](healthy.registrar)
    assert answer.status_code == 202
    upload = healthy.registrar.wait(answer.json()["id"])
    assert upload["state"] == "rejected" and [e["code"] for e in upload["errors"]] == [code]
