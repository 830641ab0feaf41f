"""What the suites of pytest share: a running instance or a machine with the package, its API, mails and database, and rows to send."""
