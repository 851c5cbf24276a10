"""Where a registration may start: candidate poses from the header, a search, landmarks or a file."""
