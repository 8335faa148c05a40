"""Is a repository set up so that promotions work, and cannot be made past the rules? No rule is changed here."""
