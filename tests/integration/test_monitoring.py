"""Metrics, alert rules and dashboard name the same things, and each alert says what to do."""
import json
import re

import pytest
import yaml
from inkantest import documents
from inkantest.instance import DAEMONS, wait_for
from inkantest.rows import Row

RULES = "deploy/monitoring/alerts.yml"


def names(text):
    """Metrics that a text names, histograms by their own name."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\binkan_[a-z_]+", text)}


@pytest.fixture(scope="module")
def shown(inkan):
    """Each daemon's /metrics."""
    inkan.alive()
    inkan.registrar.apply([Row()])
    wait_for(lambda: inkan.metric("signer", "inkan_audit_head_timestamp_seconds"), "a head has left", 90)
    return {daemon: inkan.health(daemon, "/metrics").text for daemon in DAEMONS}


@pytest.fixture(scope="module")
def rules():
    return [rule for group in yaml.safe_load(documents.text(RULES))["groups"] for rule in group["rules"]]


def test_every_metric_is_documented(shown):
    documented = set(re.findall(r"^\| `(inkan_\w+)` \|", documents.text("docs/metrics.md"), re.M))
    for daemon, text in shown.items():
        assert set(re.findall(r"^# TYPE (\w+) ", text, re.M)) == documented, daemon
        assert names("\n".join(line for line in text.splitlines() if not line.startswith("#"))) <= documented, daemon


@pytest.mark.parametrize("name", [RULES, "deploy/monitoring/dashboard.json", "docs/operating.md"])
def test_nothing_names_a_metric_that_is_not_there(shown, name):
    roles = {"inkan_owner", "inkan_operator", "inkan_ingress", "inkan_public", "inkan_validator", "inkan_whois", "inkan_signer", "inkan_mailer"}
    there = set(re.findall(r"^# TYPE (\w+) ", shown["signer"], re.M))
    assert {n for n in names(documents.text(name)) if n not in roles and not n.endswith("_")} <= there


def test_each_alert_says_what_to_do(rules):
    anchors = documents.anchors("docs/operating.md")
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        page, anchor = rule["annotations"]["runbook"].split("#")
        assert page == "docs/operating.md" and anchor in anchors, rule["alert"]
        assert rule["annotations"]["summary"] and rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]


# What an alarm needs is measured by whom it is said to be.
MEASURED = {
    "ingress": ['inkan_certificate_end_timestamp_seconds{certificate="tls"}', 'inkan_certificate_end_timestamp_seconds{certificate="ocsp 1"}',
                'inkan_http_request_seconds_count{listener="registrar"}', "inkan_http_requests_total"],
    "validator": ['inkan_rows_in_total{stage="check"}', 'inkan_job_seconds_count{stage="check"}'],
    "whois": ["inkan_whois_server_failures", "inkan_whois_answers_total"],
    "signer": ["inkan_halted", "inkan_audit_unsealed_seconds", 'inkan_crl_next_update_timestamp_seconds{issuer="1"}',
               'inkan_certificate_end_timestamp_seconds{certificate="issuer 1"}', "inkan_audit_head_timestamp_seconds"],
    "mailer": ["inkan_smtp_up", "inkan_mails_waiting", "inkan_mail_oldest_seconds",
               'inkan_certificate_end_timestamp_seconds{certificate="smime"}'],
}


@pytest.mark.parametrize("daemon", DAEMONS)
def test_what_alarms_need_is_measured(shown, daemon):
    for name in ["inkan_ready", "inkan_database_up", "inkan_database_commit_wait_seconds", "inkan_jobs", *MEASURED[daemon]]:
        assert re.search(rf"^{re.escape(name)}[ {{]", shown[daemon], re.M), name


def test_gauges_follow(inkan, shown):
    assert inkan.metric("signer", "inkan_halted") == 0
    inkan.ctl("halt", "--reason", "metrics")
    try:
        assert inkan.metric("signer", "inkan_halted") == 1 and inkan.metric("validator", "inkan_ready") == 1
    finally:
        inkan.ctl("resume")
    inkan.alive()


def test_dashboard_is_whole():
    board = json.loads(documents.text("deploy/monitoring/dashboard.json"))
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert all(target["expr"] for panel in board["panels"] for target in panel["targets"])
