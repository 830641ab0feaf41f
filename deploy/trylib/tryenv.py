"""try.env: what others need to know to use the instance, in shell syntax."""
import shlex

from instance import DAEMONS


def values(instance, ctl):
    pki = instance.pki
    directory = instance.directory
    return {
        "INKAN_URL": f"https://{instance.address('registrar')}",
        "INKAN_PUBLIC_URL": f"https://{instance.address('public')}",
        "INKAN_PKI_URL": f"http://{instance.address('pki')}",
        "INKAN_TLS_CA": pki("tls-ca.pem"),
        "INKAN_REGISTRAR_CERT": pki("registrar.pem"),
        "INKAN_REGISTRAR_KEY": pki("registrar.key"),
        "INKAN_REGISTRAR_P12": pki("registrar.p12"),
        "INKAN_REGISTRAR2_CERT": pki("registrar2.pem"),
        "INKAN_REGISTRAR2_KEY": pki("registrar2.key"),
        "INKAN_REGISTRAR3_CERT": pki("registrar3.pem"),
        "INKAN_REGISTRAR3_KEY": pki("registrar3.key"),
        "INKAN_ISSUER_CHAIN": pki("issuer-chain.pem"),
        "INKAN_MAIL_CA": pki("mail-ca.pem"),
        "INKAN_MAIL_DIR": directory / "mail",
        "INKAN_MAIL_URL": f"http://{instance.address('mail_page')}",
        "INKAN_MAIL_FAULTS": directory / "mail-faults",
        "INKAN_WHOIS_DIR": directory / "whois",
        "INKAN_DATABASE_URL": instance.database_url,
        "INKAN_RUN_DIR": directory,
        "INKAN_BIN_DIR": instance.bin,
        "INKAN_CONF_DIR": instance.conf,
        **{f"INKAN_HEALTH_{name.upper()}": f"http://{instance.address('health_' + name)}" for name in DAEMONS},
        "INKAN_CTL": shlex.join(map(str, ctl)),
    }


def write(instance, ctl):
    """The name appears when the content is complete."""
    text = "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in values(instance, ctl).items())
    partial = instance.directory / "try.env.part"
    partial.write_text(text, encoding="utf-8")
    partial.rename(instance.directory / "try.env")
