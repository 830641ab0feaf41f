"""The manual's policy, upki-2021, beside today's: OU from the permission list, the other profile, names matched by CN and OU."""
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID
from inkantest import mails
from inkantest.instance import wait_for
from inkantest.rows import ORGANISATION, Manager, Row, new_name
from inkantest.uploads import codes

LISTED = "Media Center"


@pytest.fixture(scope="module")
def manual(under_policy):
    with under_policy("upki-2021") as instance:
        yield instance


def row_with(*ous, name=None):
    """A row whose DN and CSR have these OUs, in the manual's order CN, OU…, O, L, ST, C."""
    name = name or new_name()
    return Row(name, attributes=[("CN", name), *(("OU", ou) for ou in ous), *ORGANISATION.items()])


def certificate_of(instance, upload):
    (entry,) = upload["rows"]
    assert entry["result"] == "OK", upload
    pem = instance.registrar.get(f"/api/v1/certificates/{entry['serial']}.pem").content
    return x509.load_pem_x509_certificate(pem)  # the first; the chain follows


def test_todays_policy_refuses_ou(healthy):
    assert codes(healthy.registrar.apply([row_with("Any")])) == [[(206, 1)]]


def test_listed_ou_stands_in_the_subject(manual):
    row = row_with(LISTED)
    certificate = certificate_of(manual, manual.registrar.apply([row]))
    assert [(a.oid, a.value) for a in certificate.subject] == [
        (NameOID.COUNTRY_NAME, "JP"), (NameOID.STATE_OR_PROVINCE_NAME, "Tokyo"), (NameOID.LOCALITY_NAME, "Chiyoda-ku"),
        (NameOID.ORGANIZATION_NAME, "testkikan"), (NameOID.ORGANIZATIONAL_UNIT_NAME, LISTED), (NameOID.COMMON_NAME, row.name)]
    (mail,) = wait_for(lambda: mails.to(manual, row.mail, row.name), "the issuance notice")
    assert f"　CN={row.name}\n　OU={LISTED}\n　O=testkikan\n" in mail.text.replace("\r", "")


def test_manager_of_a_certificate_with_ou(manual):
    row = row_with(LISTED)
    (entry,) = manual.registrar.apply([row])["rows"]
    upload = manual.registrar.apply([Manager(row.dn, entry["serial"], "ou@example.ac.jp")], kind="manager-update")
    assert upload["state"] == "done" and upload["rows_ok"] == 1, upload
    assert manual.registrar.get(f"/api/v1/certificates/{entry['serial']}").json()["manager"]["mail"] == "ou@example.ac.jp"


def test_zero_days_are_never(manual):
    """The manual knows no notice of links that nobody used (its policy says 0)."""
    row = Row()
    manual.registrar.apply([row])
    wait_for(lambda: mails.to(manual, row.mail, row.name), "the issuance notice")
    assert manual.value("SELECT count(*) FROM reminder r JOIN certificate c ON c.id = r.certificate WHERE c.cn = %s", row.name) == 0


def test_the_manuals_profile(manual):
    certificate = certificate_of(manual, manual.registrar.apply([Row()]))
    extensions = {e.oid: e.value for e in certificate.extensions}
    assert list(extensions[ExtensionOID.EXTENDED_KEY_USAGE]) == [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    assert extensions[ExtensionOID.SUBJECT_KEY_IDENTIFIER] == x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    assert (certificate.not_valid_after - certificate.not_valid_before).total_seconds() == 396 * 86400 - 1


def test_ou_that_is_not_on_the_list(manual):
    upload = manual.registrar.apply([row_with("media center"), row_with(LISTED, "Lab"), row_with(LISTED)], on_error="skip")
    assert codes(upload) == [[(371, 1)], [(371, 1)], []]
    assert "media center" in upload["rows"][0]["errors"][0]["remedy"]
    name = new_name("other.ac.jp")  # the list is the organisation's own
    other = [("CN", name), ("OU", LISTED), ("O", "Other University"), ("L", "Suita"), ("ST", "Osaka"), ("C", "JP")]
    assert codes(manual.registrar2.apply([Row(name, attributes=other)])) == [[(371, 1)]]


def test_names_are_matched_by_cn_and_ou(manual):
    name = new_name()
    assert manual.registrar.apply([row_with(name=name)])["state"] == "done"
    assert manual.registrar.apply([row_with(LISTED, name=name)])["state"] == "done"
    assert codes(manual.registrar.apply([row_with(LISTED, name=name)])) == [[(212, 1)]]


def test_ou_taken_off_the_list_before_signing(manual):
    manual.ctl("ou", "add", "1", "Closing Lab")
    manual.ctl("halt", "--reason", "test")
    try:
        ident = manual.registrar.upload(row_with("Closing Lab").line() + row_with(LISTED).line()).json()["id"]
        wait_for(lambda: manual.registrar.get(f"/api/v1/uploads/{ident}").json()["state"] == "accepted", "acceptance")
        manual.ctl("ou", "remove", "1", "Closing Lab")
    finally:
        manual.ctl("resume")
    upload = manual.registrar.wait(ident)
    assert codes(upload) == [[(941, 0)], []]
    assert manual.ctl("ou", "remove", "1", "Closing Lab", check=False).returncode == 3


@pytest.mark.parametrize("value", ["a=b", "Tokyo, C=JP", "日本", "x" * 65, ""])
def test_values_that_no_list_may_hold(manual, value):
    done = manual.ctl("ou", "add", "1", value, check=False)
    assert done.returncode == 2 and "OU" in done.stderr


def test_the_list_is_in_the_audit(manual):
    events = manual.query("SELECT detail->'before', detail->'after' FROM audit_event WHERE subject = 'ou Closing Lab' ORDER BY id")
    assert [(before is None, after is None) for before, after in events] == [(True, False), (False, True)]
