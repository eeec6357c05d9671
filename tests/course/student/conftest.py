"""A student's files are no tests."""

collect_ignore_glob = ["*"]
