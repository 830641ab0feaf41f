"""What tests do with uploads again and again."""
from inkantest.rows import Row


def issue(instance, *rows):
    """Certificates for rows (one row by default): pairs of row and entry."""
    rows = rows or (Row(),)
    upload = instance.registrar.apply(rows)
    assert upload["state"] == "done", upload
    return list(zip(rows, upload["rows"]))


def codes(upload):
    """(code, column) of each error, a list a row."""
    return [[(e["code"], e["column"]) for e in row["errors"]] for row in upload["rows"]]
