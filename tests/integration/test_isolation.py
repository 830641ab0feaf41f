"""Who may see and do what, on the API and in the database."""
import contextlib
import os

import psycopg2
import pytest
from inkantest.rows import Row

SERIAL = b"\x01" * 16


def test_other_organisation_sees_nothing(healthy):
    row = Row()
    upload = healthy.registrar.apply([row])
    entry = upload["rows"][0]
    other = healthy.registrar2
    assert other.get(f"/api/v1/uploads/{upload['id']}").status_code == 404
    assert upload["id"] not in [u["id"] for u in other.get("/api/v1/uploads").json()["uploads"]]
    assert other.get(f"/api/v1/certificates/{entry['serial']}").status_code == 404
    assert other.get(f"/api/v1/certificates/{entry['serial']}.pem").status_code == 404
    assert other.post(f"/api/v1/links/{entry['application']}/resend").status_code == 404
    assert healthy.registrar.get(f"/api/v1/certificates/{entry['serial']}").status_code == 200
    assert row.name not in other.get("/api/v1/certificates").text


def refused(instance, role, sql, *args):
    connection = instance.database(role)
    try:
        with pytest.raises((psycopg2.errors.InsufficientPrivilege, psycopg2.errors.CheckViolation)):
            connection.cursor().execute(sql, args)
    finally:
        connection.close()


@pytest.mark.parametrize("sql, error", [
    ("UPDATE link SET organisation = 2 WHERE organisation = 1", psycopg2.errors.ForeignKeyViolation),
    ("UPDATE notice SET organisation = 2 WHERE organisation = 1", psycopg2.errors.ForeignKeyViolation),
    ("DELETE FROM organisation", psycopg2.errors.RestrictViolation), ("TRUNCATE policy CASCADE", psycopg2.errors.RestrictViolation),
    ("DELETE FROM issuer WHERE id = 1", psycopg2.errors.RestrictViolation)])
def test_not_even_the_owner_breaks_what_rows_rest_on(healthy, sql, error):
    healthy.registrar.apply([Row()])
    with contextlib.closing(healthy.database()) as connection, connection.cursor() as cursor, pytest.raises(error):
        cursor.execute(sql)


def test_signer_cannot_sign_what_is_not_decided(healthy):
    good, bad = Row(), Row(columns={12: ""})
    upload = healthy.registrar.apply([good, bad], on_error="abort")
    application = healthy.value("SELECT id FROM application WHERE upload = %s AND seq = 1", upload["id"])
    refused(healthy, "signer", "INSERT INTO intent (application, issuer, serial, policy, tbs)"
            " SELECT %s, 1, %s, policy, 'x' FROM service", application, SERIAL)
    refused(healthy, "signer", "UPDATE upload SET registrar = 1 WHERE id = %s", upload["id"])


def test_roles_have_no_more_than_they_need(healthy):
    refused(healthy, "ingress", "INSERT INTO certificate (application) VALUES (1)")
    refused(healthy, "ingress", "SELECT * FROM upload_line")
    refused(healthy, "public", "SELECT * FROM link")
    refused(healthy, "public", "SELECT * FROM certificate")
    refused(healthy, "whois", "UPDATE upload SET open_asks = 0")
    refused(healthy, "whois", "INSERT INTO whois_answer (domain, outcome) VALUES ('example.ac.jp', 'found')")
    refused(healthy, "mailer", "UPDATE certificate SET fetched = now()")
    refused(healthy, "validator", "INSERT INTO intent (application) VALUES (1)")
    for role in ("ingress", "public", "validator", "whois", "signer", "mailer", "operator"):
        refused(healthy, role, "UPDATE audit_event SET kind = 'x'")
        refused(healthy, role, "INSERT INTO audit_event (kind, xid) VALUES ('halted', '1')")
        refused(healthy, role, "INSERT INTO audit_event (kind, at) VALUES ('halted', now())")
        refused(healthy, role, "DELETE FROM audit_event")
        refused(healthy, role, "DELETE FROM audit_seal")
        refused(healthy, role, "DELETE FROM certificate")
        refused(healthy, role, "CREATE TABLE x (y int)")


def test_removed_registrar_is_out_at_once(healthy):
    from inkantest.instance import Registrar
    third = Registrar(healthy.env, *(healthy.env[f"INKAN_REGISTRAR_{k}"].replace("registrar.", "registrar3.")
                                     for k in ("CERT", "KEY")))
    assert third.get("/api/v1/uploads").status_code == 200
    number = healthy.value("SELECT r.id FROM registrar r JOIN organisation o ON o.id = r.organisation"
                           " WHERE o.name_en = 'Kigen University'")
    healthy.ctl("registrar", "remove", str(number))
    try:
        assert third.get("/api/v1/uploads").status_code == 403
    finally:
        healthy.query("UPDATE registrar SET state = 'active' WHERE id = %s", number)


def test_daemons_refuse_root(healthy):
    import subprocess
    binary = os.path.realpath(f"/proc/{healthy.pid('validator')}/exe")
    done = subprocess.run([binary, "--config", str(healthy.config_path())], capture_output=True, text=True, check=False)
    assert done.returncode == 78 and "root" in done.stderr
