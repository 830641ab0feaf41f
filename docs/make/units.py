"""Numbers as people write them."""
UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def duration(usec):
    if usec == 0:
        return "0"
    if usec % 1000000:
        return f"{usec // 1000}ms"
    for unit, seconds in UNITS:
        if usec % (seconds * 1000000) == 0:
            return f"{usec // (seconds * 1000000)}{unit}"
    return None


def bounds(setting):
    """Of a setting as sources.settings() gives it."""
    low, high = int(setting["min"]), int(setting["max"])
    return {"number": lambda: f"{low} to {high}", "duration": lambda: f"{duration(low)} to {duration(high)}",
            "boolean": lambda: "true or false", "text": lambda: f"at most {high or 4096} bytes",
            "path": lambda: f"absolute, at most {high or 4096} bytes"}[setting["type"]]()


def default(setting):
    return {"\x02": "must be given", "": "empty"}.get(setting["default"], setting["default"])
