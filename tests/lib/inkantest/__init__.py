"""What the integration, browser and bench suites share: a running instance, its API, mails and database, and rows to send."""
