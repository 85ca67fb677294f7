"""What several test files share: worlds driven by hand, brute-force answers, records made up, a command line."""
